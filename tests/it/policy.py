#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Policy as the running broker has it: what a [client] section grants, by whom it is matched, and what is said about it."""
import base64, contextlib, json, os, shutil, socket, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11D, Trial, equal, main, test


def rules(trial, text):
    """The trial's own [client] sections give way to these."""
    with open(trial.conf) as f:
        kept = f.read().partition("[client")[0]
    with open(trial.conf, "w") as f:
        f.write(kept + text)


def problem(answer):
    status, _, body = answer
    return status, json.loads(body).get("code", ""), json.loads(body).get("detail", "")


def header_of(jwt):
    part = jwt.split(b".")[0]
    return json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))


def jwt(trial, claims, key="es256", **more):
    return trial.ask("POST", f"/v1/keys/{key}/jwt", dict({"claims": claims}, **more))


@test
def algorithms_are_granted():
    with Trial() as t:
        rules(t, f"[client c]\nuid = {os.getuid()}\nkeys = *\nallow = sign, jwt\nalgorithms = ES256, EdDSA\n")
        t.start()
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"})[0], 200)
        equal(t.ask("POST", "/v1/keys/eddsa/sign", {"input": "aGk"})[0], 200)
        status, code, detail = problem(t.ask("POST", "/v1/keys/rs256/sign", {"input": "aGk"}))
        equal((status, code), (403, "OPERATION_DENIED"))
        equal(detail, '[client c] does not allow sign with RS256, the algorithm of key "rs256"')
        keys = {k["name"]: k["operations"] for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}
        equal((keys["es256"], keys["rs256"]), (["sign", "jwt"], []), "what the list says")


@test
def claims_are_held_to_the_section():
    with Trial() as t:
        rules(t, f"[client c]\nuid = {os.getuid()}\nkeys = *\nallow = jwt\njwt-audience = https://a.example, https://*.b.example\n"
                 "jwt-subject = device-*\njwt-require = jti\njwt-forbid = admin\njwt-typ = at+jwt, JWT\njwt-header = cty\n")
        t.start()
        good = {"aud": "https://a.example", "sub": "device-1", "jti": "1"}
        status, _, token = jwt(t, good)
        equal((status, header_of(token)["typ"]), (200, "at+jwt"))
        status, _, token = jwt(t, dict(good, aud=["https://x.b.example"]), typ="JWT", protected={"cty": "JWT"})
        equal((status, header_of(token)["typ"], header_of(token)["cty"]), (200, "JWT", "JWT"))
        rows = [
            (dict(good, aud="https://c.example"), {}, 422, "CLAIM_REFUSED", 'claim "aud" is "https://c.example", which is none that this client may set'),
            (dict(good, sub="root"), {}, 422, "CLAIM_REFUSED", 'claim "sub" is "root", which is none that this client may set'),
            ({"aud": "https://a.example", "sub": "device-1"}, {}, 422, "CLAIM_REFUSED", 'claim "jti" is missing; this client\'s tokens must have it'),
            (dict(good, admin=False), {}, 422, "CLAIM_REFUSED", 'claim "admin" may not be in this client\'s tokens'),
            (dict(good, Admin=True), {}, 422, "CLAIM_REFUSED", 'claim "admin" may not be in this client\'s tokens'),
            (good, {"typ": "dpop+jwt"}, 422, "HEADER_REFUSED", 'typ "dpop+jwt" is none that this client\'s tokens may have'),
            (good, {"protected": {"jwk": {}}}, 422, "HEADER_REFUSED", 'header member "jwk" is none that this client may set'),
            (good, {"protected": {"typ": "x"}}, 422, "HEADER_REFUSED", 'header member "typ" is none that this client may set'),
        ]
        for claims, more, status, code, detail in rows:
            equal(problem(jwt(t, claims, **more)), (status, code, "[client c]: " + detail), f"{claims} {more}")
        equal(problem(jwt(t, dict(good, Aud="x")))[:2], (400, "CLAIM_INVALID"), "case")
        status, code, _ = problem(t.ask("POST", "/v1/keys/es256/jwt", b'{"claims":{"sub":"device-1","sub":"root"}}', {"Content-Type": "application/json"}))
        equal((status, code), (400, "JSON_DUPLICATE"))


@test
def without_rules_a_token_is_a_jwt_and_nothing_else():
    with Trial() as t:
        t.start()
        equal(header_of(jwt(t, {"a": 1})[2])["typ"], "JWT")
        equal(problem(jwt(t, {}, typ="at+jwt"))[:2], (422, "HEADER_REFUSED"))
        equal(problem(jwt(t, {}, protected={"cty": "x"}))[:2], (422, "HEADER_REFUSED"))
        equal(problem(jwt(t, {}, typ=5))[:2], (400, "MEMBER_TYPE"))


@test
def explains_offline_what_it_would_decide():
    with Trial() as t:
        rules(t, "[client issuer]\nuser = nobody\nunit = issuer.service\nkeys = es256\nallow = jwt\njwt-issuer = https://i\njwt-max-ttl = 5m\n"
                 "[client ops]\ngid = 7\nkeys = *\nallow = sign\nalgorithms = ES256\nadminister = trial\n")
        rows = [
            ("user=nobody unit=issuer.service key=es256 op=jwt", 0, "jwt with key es256: allowed by [client issuer]"),
            ("user=nobody key=es256 op=jwt", 77, "jwt with key es256: refused, PEER_DENIED: no [client] section matches"),
            ("uid=5 gid=7 key=es256 op=sign alg=ES256", 0, "sign with key es256: allowed by [client ops]"),
            ("uid=5 gid=7 key=rs256 op=sign alg=RS256", 77, "sign with key rs256: refused, OPERATION_DENIED: [client ops] does not have RS256 among its algorithms"),
            ("uid=5 gid=7 key=rs256 op=jwt", 77, "jwt with key rs256: refused, OPERATION_DENIED: [client ops] has the key and does not allow jwt"),
            ("uid=5 gid=7 key=nope op=sign", 77, "sign with key nope: refused, KEY_UNKNOWN: there is no [key] section of that name"),
            ("user=nobody unit=issuer.service key=rs256 op=jwt", 77, "jwt with key rs256: refused, KEY_UNKNOWN: no section that matches names the key"),
            ("uid=5 gid=7 token=trial", 0, "log in to token trial: allowed by [client ops]"),
            ("uid=5 gid=7 token=nope", 77, "log in to token nope: refused, OPERATION_DENIED: no section that matches has it under administer"),
            ("user=nobody unit=issuer.service token=trial", 77, "log in to token trial: refused, OPERATION_DENIED: no section that matches has it under administer"),
            ("uid=5 token=trial", 77, "log in to token trial: refused, PEER_DENIED: no [client] section matches"),
            ("uid=5 gid=7", 0, "    administer trial"), ("uid=5", 77, "[client ops] not: uid 5"),
        ]
        for words, code, last in rows:
            run = subprocess.run([JWK11D, "--config", t.conf, "--explain", *words.split()], capture_output=True, text=True)
            equal((run.returncode, run.stdout.splitlines()[-1]), (code, last), words + run.stderr)
        wrong = [("user=no-such-user", "there is no user"), ("key=es256 op=jwt", "who asks"), ("uid=1 key=es256", "op=OPERATION is missing"), ("uid=1 op=jwt",
                 "key=NAME is missing"), ("uid=1 key=es256 op=make", "an operation is"), ("uid=1 what=ever", "known are"), ("uid=1 token=trial op=sign", "a question of its own"), ("uid=-1", "no number"), ("uid=1 word",
                 "is not NAME=VALUE"), ("uid=1 unit=", "is not NAME=VALUE"), ("uid=1 socket=web", "there is no [socket web]")]
        for words, said in wrong:
            run = subprocess.run([JWK11D, "--config", t.conf, "--explain", *words.split()], capture_output=True, text=True)
            equal((run.returncode, run.stdout, said in run.stderr), (64, "", True), words + ": " + run.stderr)
        equal(os.path.exists(os.path.join(t.dir, "run")), False, "nothing was started")


# ---- units, executables, sockets ----

HERE = os.path.dirname(os.path.abspath(__file__))


def hierarchy():
    """Where control groups of systemd's hierarchy, or of the unified one, are; None when it is not mounted."""
    with open("/proc/mounts") as f:
        mounts = [line.split() for line in f]
    named = [m[1] for m in mounts if m[2] == "cgroup" and "name=systemd" in m[3].split(",")]
    return (named + [m[1] for m in mounts if m[2] == "cgroup2"] + [None])[0]


@contextlib.contextmanager
def cgroups(*units):
    """Groups of these names, as systemd would have made them: not every machine that builds has it."""
    if os.getuid() != 0:
        raise AssertionError("this test makes control groups: run it as root")
    root, mounted = hierarchy(), None
    if root is None:
        mounted = root = tempfile.mkdtemp(prefix="jwk11-cgroup-")
        subprocess.run(["mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", root], check=True)
    made = []
    try:
        slice = f"jwk11test{os.getpid()}.slice"
        for part in (slice,) + tuple(os.path.join(slice, u) for u in units):
            made.append(os.path.join(root, part))
            os.mkdir(made[-1])
        yield made[1:]
    finally:
        for path in reversed(made):
            os.rmdir(path)
        if mounted:
            subprocess.run(["umount", mounted], check=True)
            os.rmdir(mounted)


# Several requests on one connection, or one each; what came as JSON lines.
PEER = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from trial import Connection
plan = json.loads(sys.argv[2])
if plan["cgroup"]:
    open(os.path.join(plan["cgroup"], "cgroup.procs"), "w").write("0")
c = Connection(plan["socket"])
for method, path, body in plan["requests"]:
    c.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
    r = c.getresponse()
    text = r.read().decode()
    print(json.dumps([r.status, json.loads(text) if "json" in r.headers["Content-Type"] else text]), flush=True)
"""
SIGN = ("POST", "/v1/keys/es256/sign", {"input": "aGk"})
WHOAMI = ("GET", "/v1/whoami", None)
KEYS = ("GET", "/v1/keys", None)


def as_peer(t, requests, cgroup=None, sock=None, program=("/usr/bin/python3",)):
    plan = json.dumps({"cgroup": cgroup, "socket": sock or t.api, "requests": requests})
    out = subprocess.run([*program, "-c", PEER, HERE, plan], capture_output=True, text=True, timeout=60)
    if out.returncode != 0:
        raise AssertionError(out.stderr)
    return [json.loads(line) for line in out.stdout.splitlines()]


def audit_of(t):
    with open(os.path.join(t.dir, "state", "audit.jsonl")) as f:
        return [json.loads(line) for line in f]


@test
def a_section_for_a_unit_is_for_that_unit():
    with Trial() as t, cgroups("jwk11-issuer.service") as (ours,):
        rules(t, "[client issuer]\nunit = jwk11-issuer.service\nkeys = es256\nallow = sign\n")
        t.start()
        signed, who, keys = as_peer(t, [SIGN, WHOAMI, KEYS], ours)
        equal(signed[0], 200, str(signed))
        equal((who[1]["unit"], who[1]["matches"]),
              ("jwk11-issuer.service", [{"client": "issuer", "because": "any user, unit jwk11-issuer.service, socket api"}]))
        equal([k["name"] for k in keys[1]["keys"]], ["es256"])
        signed, who, keys = as_peer(t, [SIGN, WHOAMI, KEYS])
        equal((signed[0], signed[1]["code"], keys[0]), (403, "PEER_DENIED", 403), "outside of it")
        equal((who[0], who[1]["clients"]), (200, []))
        equal(who[1]["reason"].startswith(f"no [client] section matches uid {os.getuid()}"), True, who[1]["reason"])
        equal([r["unit"] for r in audit_of(t) if r.get("result") == "OK"], ["jwk11-issuer.service"], "audit")


@test
def below_another_unit_nobody_passes_for_one():
    with Trial() as t, cgroups("jwk11-evil.service") as (evil,):
        rules(t, "[client issuer]\nunit = jwk11-issuer.service\nkeys = es256\nallow = sign\n")
        t.start()
        nested = os.path.join(evil, "jwk11-issuer.service")
        os.mkdir(nested)
        try:
            signed, who = as_peer(t, [SIGN, WHOAMI], nested)
            equal((signed[0], who[1]["unit"]), (403, "jwk11-evil.service"))
        finally:
            os.rmdir(nested)


def ask_raw(s):
    s.sendall(b"GET /v1/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return b"".join(iter(lambda: s.recv(65536), b"")).split(b" ")[1]


def forked(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid


def move(cgroup):
    with open(os.path.join(cgroup, "cgroup.procs"), "w") as f:
        f.write("0")


def number_again(path, work):
    """Forks until somebody got the number that a process had who connected and went, for which `work` is then done. Others fork too, and may have it first:
    then with the next number. Returns the connection and the number."""
    for _ in range(50):
        outside = socket.socket(socket.AF_UNIX)
        gone = forked(lambda: outside.connect(path))
        os.waitpid(gone, 0)
        for _ in range(20):
            with open("/proc/sys/kernel/ns_last_pid", "w") as f:
                f.write(str(gone - 1))
            pid = forked(lambda: os.getpid() == gone and work())
            if pid == gone:
                return outside, gone
            os.waitpid(pid, 0)
        outside.close()
    raise AssertionError("the kernel never gave a number again")


@test
def who_gets_the_number_of_a_gone_process_does_not_pass_for_it():
    """A connection outlives the process that made it in the hands of a child; its number is then given to one that runs in the unit."""
    with Trial() as t, cgroups("jwk11-issuer.service") as (ours,):
        rules(t, "[client issuer]\nunit = jwk11-issuer.service\nkeys = es256\nallow = sign\n")
        t.start()
        in_the_unit = socket.socket(socket.AF_UNIX)
        os.waitpid(forked(lambda: (move(ours), in_the_unit.connect(t.api))), 0)
        equal(ask_raw(in_the_unit), b"403", "one that connected in the unit has gone")
        release, hold = os.pipe()
        moved, told = os.pipe()
        outside, gone = number_again(t.api, lambda: (os.close(hold), move(ours), os.write(told, b"x"), os.read(release, 1)))
        try:
            os.read(moved, 1)
            with open(f"/proc/{gone}/cgroup") as f:
                equal("jwk11-issuer.service" in f.read(), True, "what /proc says of that number")
            equal(ask_raw(outside), b"403")
        finally:
            os.close(hold)
            os.waitpid(gone, 0)
            for end in (release, moved, told):
                os.close(end)
            in_the_unit.close()
            outside.close()


@test
def a_socket_of_its_own_has_its_own_rules():
    with Trial() as t:
        extra = os.path.join(t.dir, "run", "box.sock")
        rules(t, f"[client host]\nuid = {os.getuid()}\nkeys = *\nallow = *\n[client box]\nsocket = box\nkeys = es256\nallow = jwt\n"
                 "[socket box]\nmode = 0666\n")
        t.start()
        equal(os.stat(extra).st_mode & 0o777, 0o666)
        ((status, who),) = as_peer(t, [WHOAMI], sock=extra)
        equal((status, who["socket"], who["clients"]), (200, "box", ["box"]))
        equal(who["matches"][0]["because"], "any user, socket box")
        signed, token, keys = as_peer(t, [SIGN, ("POST", "/v1/keys/es256/jwt", {"claims": {}}), KEYS], sock=extra)
        equal((signed[0], signed[1]["code"], signed[1]["detail"]), (403, "OPERATION_DENIED", '[client box] does not allow sign with key "es256"'))
        equal([k["name"] for k in keys[1]["keys"]], ["es256"])
        ((status, who),) = as_peer(t, [WHOAMI])
        equal((status, who["socket"], who["clients"]), (200, "api", ["host"]), "api.sock")
        t.stop()
        equal(os.path.exists(extra), False, "after the end")


@test
def a_socket_is_handed_over_by_its_name():
    with Trial() as t:
        rules(t, "[client box]\nsocket = box\nkeys = es256\nallow = sign\n[socket box]\n")
        path = os.path.join(t.root, "given.sock")
        given = socket.socket(socket.AF_UNIX)
        given.bind(path)
        given.listen()
        script = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=box exec "$0" "$@"'
        t.daemon = subprocess.Popen(["/bin/sh", "-c", script, JWK11D, "--config", t.conf, "-v"], stderr=subprocess.PIPE, close_fds=False,
                                    preexec_fn=lambda: (os.dup2(given.fileno(), 3), os.set_inheritable(3, True)))
        os.set_blocking(t.daemon.stderr.fileno(), False)
        t.wait_log("event=catalogue")
        ((status, answer),) = as_peer(t, [SIGN], sock=path)
        equal(status, 200, str(answer))
        equal(as_peer(t, [SIGN])[0][0], 403, "api.sock")


# No process of the broker has a capability, and the kernel shows it only what has no more than that.
WITHOUT = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.getuid() == 0 else ()


@test
def a_section_for_an_executable_is_for_that_file():
    with Trial() as t:
        python = os.path.realpath("/usr/bin/python3")
        rules(t, f"[client p]\nexecutable = {python}\nkeys = es256\nallow = sign\n")
        t.start()
        signed, who = as_peer(t, [SIGN, WHOAMI], program=WITHOUT + ("/usr/bin/python3",))
        equal((signed[0], who[1].get("executable"), who[1]["matches"]),
              (200, python, [{"client": "p", "because": f"any user, executable {python}, socket api"}]))
        copy = os.path.join(t.root, "python3")
        shutil.copy(python, copy)
        signed, who = as_peer(t, [SIGN, WHOAMI], program=WITHOUT + (copy,))
        equal((signed[0], who[1].get("executable")), (403, copy), "a copy")
        if WITHOUT:
            signed, who = as_peer(t, [SIGN, WHOAMI])
            equal((signed[0], who[1].get("executable")), (403, None), "one that the broker may not look at")


@test
def when_no_worker_can_say_who_asks_nobody_is_let_in():
    with Trial() as t:
        rules(t, "[client issuer]\nunit = jwk11-none.service\nkeys = es256\nallow = sign\n")
        with open(t.conf) as f:
            lines = ["modules = /nonexistent/module.so\nrequest-timeout = 1s\n" if line.startswith("modules") else line for line in f]
        with open(t.conf, "w") as f:
            f.writelines(lines)
        t.start(until="event=serving")
        equal(t.ask("GET", "/livez")[0], 200, "which asks nobody")
        status, headers, body = t.ask("GET", "/v1/keys")
        equal((status, json.loads(body)["code"], "Retry-After" in headers), (503, "NOT_READY", True))


if __name__ == "__main__":
    main()
