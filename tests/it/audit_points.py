#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`jwk11 audit checkpoint` and `audit verify --checkpoint`: what a head that the token signed tells of a log that was cut or written anew."""
import base64, json, os, resource, socket, subprocess, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from audited import Audited, chain
from trial import JWK11, equal, main, test

T = None  # one daemon for all


def path(name, lines=None):
    p = os.path.join(T.root, name)
    if lines is not None:
        with open(p, "w") as f:
            f.writelines(lines)
    return p


def read(p):
    with open(p) as f:
        return f.readlines()


def jwk11(*args, code=0, api=None, **more):
    p = subprocess.run([JWK11, *args], capture_output=True, text=True, env={**os.environ, "JWK11_SOCKET": api or T.api}, **more)
    equal(p.returncode, code, p.stdout + p.stderr)
    return p


def sign(*n):
    for _ in n:
        equal(T.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 200)


def verify(log, points, jwks=None, code=0, **more):
    logs = log if isinstance(log, list) else [log]
    p = jwk11("--json", "audit", "verify", "--checkpoint", points, "--jwks", jwks or path("jwks"), *logs, code=code, **more)
    return json.loads(p.stdout)


def findings(*args, **more):
    return [(f["fault"], f.get("line"), f["text"]) for f in verify(*args, code=1, **more)["findings"]]


def claims(jws):
    part = jws.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@test
def a_log_that_goes_on_is_the_one_that_was_signed():
    sign(1, 2)
    told = json.loads(jwk11("--json", "audit", "checkpoint", "--key", "es256", T.log_file).stdout)
    points = T.log_file + ".checkpoints"
    equal((told["schema"], told["file"], told["seq"], read(points)), ("jwk11/audit-checkpoint/1", points, 3, [told["jws"] + "\n"]))
    records = T.records()
    equal(claims(told["jws"]), {"seq": 3, "hash": records[2]["hash"], "records": 3, "first_time": records[0]["time"], "last_time": records[2]["time"],
                                "file": "audit.jsonl"})
    equal((len(records), records[3]["op"]), (4, "jws"))  # the signature is a record of its own
    sign(1)
    equal(jwk11("audit", "checkpoint", "--key", "rs256", "--config", T.conf).stdout,
          f"record 5, hash {T.records()[4]['hash']}: signed by rs256, in {points}\n")
    equal(verify(T.log_file, points)["checkpoints"], {"good": 2, "before": 0, "covered": 5})
    out = jwk11("audit", "verify", "--checkpoint", points, "--jwks", "-", T.log_file, input="".join(read(path("jwks")))).stdout
    equal(out.splitlines()[-1], "  checkpoints that hold: 2, the last of record 5; records behind it: 1")
    header = json.loads(jwk11("verify", "--json", "--jwks", path("jwks"), input=told["jws"]).stdout)
    equal(header["valid"], True)


@test
def a_log_that_was_cut_is_found():
    points = T.log_file + ".checkpoints"
    cut = path("cut", read(T.log_file)[:4])
    equal(T.verify(cut)["whole"], True)
    equal(findings(cut, points), [("too-short", 2, "record 5, which was signed, is not there: the log ends with 4")])
    equal([f[0] for f in findings(path("cut", read(T.log_file)[:2]), points)], ["too-short"] * 2)
    equal([f[0] for f in findings(path("none", []), points)], ["missing", "too-short", "too-short"])


@test
def a_log_that_was_written_anew_is_found():
    points = T.log_file + ".checkpoints"
    records = [{k: v for k, v in r.items() if k not in ("seq", "hash")} for r in T.records()]
    records[1]["key"] = "another"
    anew = path("anew", chain(records)[0])
    equal(T.verify(anew)["whole"], True)
    old = [r["hash"] for r in T.records()]
    equal(findings(anew, points), [("rewritten", n, f"record {seq} is not the one that was signed, which has the hash {old[seq - 1]}: it, or what is "
                                    "before it, was written anew") for n, seq in ((1, 3), (2, 5))])
    late = path("late", chain([dict(records[0], prev=old[-1])] + records[1:], (9, old[-1]))[0])
    equal(T.verify(late)["whole"], True)  # a beginning of its maker's choice does not escape
    equal(findings(late, points), [("missing", 2, "no checkpoint is of a record of these files, which begin with 10: name those before them too")])


@test
def a_checkpoint_that_is_not_right_is_named():
    good = [line.strip() for line in read(T.log_file + ".checkpoints")]
    header, payload, _ = good[0].split(".")
    other = good[1].split(".")
    plain = jwk11("jws", "es256", input="{}").stdout.strip()
    typed = jwk11("jws", "es256", "--typ", "jwk11-audit-checkpoint+jwt", input='{"seq":1}').stdout.strip()
    typ = "not a compact JWS with the typ jwk11-audit-checkpoint+jwt"
    for line, fault, text in [
            (".".join([header, payload, "A" * 86]), "checkpoint-signature", "the signature does not verify"),
            (".".join([header, other[1], good[0].split(".")[2]]), "checkpoint-signature", "the signature does not verify"),
            (".".join([other[0], payload, other[2]]), "checkpoint-signature", "the signature does not verify"),
            (".".join([b64(b'{"alg":"none","typ":"jwk11-audit-checkpoint+jwt"}'), payload, ""]), "checkpoint-", ""),
            ("garbage", "checkpoint-malformed", "JWS"), ("", "checkpoint-malformed", ""), (plain, "checkpoint-malformed", typ),
            (jwk11("jws", "es256", "--flattened", input="{}").stdout.strip(), "checkpoint-malformed", typ),
            (typed, "checkpoint-malformed", 'checkpoint: member "hash" is missing')]:
        got = findings(T.log_file, path("points", [good[0] + "\n", line + "\n", good[1] + "\n"]))
        equal([(len(got), got[0][0].startswith(fault), got[0][1], text in got[0][2])], [(1, True, 2, True)], (line, got))
    equal(findings(T.log_file, path("points", [])), [("checkpoint-malformed", 1, "there is no checkpoint in it")])
    one = json.loads(jwk11("jwks", "rs256").stdout)
    equal([(f[0], f[1], f[2].split(" (")[0]) for f in findings(T.log_file, T.log_file + ".checkpoints", path("one", [json.dumps(one)]))],
          [("checkpoint-key", 1, "no key of the set has the kid the JWS names")])


@test
def logs_that_were_put_away_do_not_matter():
    equal(T.records()[0]["event"], "begin")
    os.rename(T.log_file, T.log_file + ".1")
    T.daemon.send_signal(1)
    T.wait_log("event=reloaded")
    sign(1)
    points = T.log_file + ".checkpoints"
    equal([f[0] for f in findings(T.log_file, points)], ["missing"])
    equal(jwk11("audit", "checkpoint", "--key", "eddsa", T.log_file, T.log_file + ".1").stdout.endswith(f"in {points}\n"), True)
    equal(verify([T.log_file, T.log_file + ".1"], points)["checkpoints"]["good"], 3)
    equal({k: v for k, v in verify(T.log_file, points)["checkpoints"].items() if k != "covered"}, {"good": 1, "before": 2})


@test
def nothing_is_signed_for_a_log_that_is_not_whole():
    before = len(T.records())
    log = path("gap", read(T.log_file + ".1")[:1] + read(T.log_file + ".1")[2:])
    p = jwk11("audit", "checkpoint", "--key", "es256", log, code=1)
    equal(p.stderr, f"{log}:2: missing: record 2 is missing before this line\njwk11: 1 faults in the log: nothing was signed\n  see: jwk11 audit verify\n")
    equal((os.path.exists(log + ".checkpoints"), len(T.records())), (False, before))


@test
def what_cannot_be_signed_leaves_no_line():
    log = path("log", read(T.log_file + ".1"))
    for code, *args in [(64,), (64, "--key", "es256", "--offline"), (66, "--key", "nobody"), (69, "--key", "es256", "--socket", T.api + ".no")]:
        jwk11("audit", "checkpoint", *args, log, code=code)
    jwk11("audit", "checkpoint", "--key", "es256", log + ".no", code=66)
    mac = ".".join([b64(b'{"alg":"HS256","typ":"jwk11-audit-checkpoint+jwt"}'), "PAYLOAD", b64(b"m" * 32)])
    es256 = [line.strip() for line in read(T.log_file + ".checkpoints")][0]
    for answer, code, text in ((mac, 65, "makes a MAC (HS256)"), (es256.replace(es256.split(".")[1], b64(b"{}")), 76, "no compact JWS over the checkpoint")):
        p = against(answer, "audit", "checkpoint", "--key", "k", log, code=code)
        equal(text in p.stderr, True, p.stderr)
    equal(os.path.exists(log + ".checkpoints"), False)


def against(answer, *args, code):
    """jwk11 with a broker that answers this, the payload that was asked for in the place of PAYLOAD."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path("fake"))
        server.listen(1)

        def serve():
            c, _ = server.accept()
            with c:
                asked = b""
                while not asked.endswith(b"}"):
                    asked += c.recv(65536)
                body = answer.replace("PAYLOAD", json.loads(asked.partition(b"\r\n\r\n")[2])["payload"]).encode()
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/jose\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        thread = threading.Thread(target=serve)
        thread.start()
        p = jwk11(*args, code=code, api=path("fake"))
        thread.join()
    os.unlink(path("fake"))
    return p


@test
def a_line_is_appended_whole_or_not_at_all():
    log = path("log", read(T.log_file + ".1"))
    mine = path("mine", ["torn"])
    jwk11("audit", "checkpoint", "--key", "es256", "-o", mine, log)
    equal([line[:4] for line in read(mine)], ["torn", "eyJh"])
    out = jwk11("audit", "checkpoint", "--key", "es256", "-o", "-", log).stdout
    equal((out.count("\n"), claims(out.strip())["seq"]), (1, len(read(log))))
    before = read(mine)
    p = jwk11("audit", "checkpoint", "--key", "es256", "-o", mine, log, code=73, restore_signals=False,
              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (os.stat(mine).st_size + 100,) * 2))
    equal((read(mine), "No space left" in p.stderr), (before, True), p.stderr)
    os.symlink(mine, path("link"))
    jwk11("audit", "checkpoint", "--key", "es256", "-o", path("link"), log, code=73)
    equal(read(mine), before)


@test
def keys_and_checkpoints_go_together():
    for options in (["--checkpoint", "x"], ["--jwks", "x"], ["--checkpoint", "-", "--jwks", "-"]):
        jwk11("audit", "verify", *options, T.log_file, code=64)
    jwk11("audit", "verify", "--checkpoint", path("no"), "--jwks", path("jwks"), T.log_file, code=73)
    jwk11("audit", "verify", "--checkpoint", T.log_file + ".checkpoints", "--jwks", path("no"), T.log_file, code=73)


if __name__ == "__main__":
    with Audited("workers = 1") as T:
        T.start()
        path("jwks", [jwk11("jwks").stdout])
        main()
