#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 token: a JWT in a file for a cloud's client library, and whoever keeps it fresh, by a clock that the test sets."""
import base64, json, os, pwd, resource, select, shutil, signal, socket, struct, subprocess, sys, tempfile, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clocked
from trial import JWK11, Trial, equal, for_others, main, test

NOW = 1_800_000_000
OTHER = pwd.getpwnam("www-data")
CLAIMS = ("--aud", "sts.amazonaws.com", "--sub", "device-7")


def claims(path):
    """Of the one line in the file, which is a compact JWT and nothing else."""
    with open(path) as f:
        text = f.read()
    equal(text.count("."), 2, text)
    part = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def run(t, *args, user=None, before=None, cwd=None):
    def become():
        if before:
            before()
        if user:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
    p = subprocess.run([for_others() if user else os.path.abspath(JWK11), "token", "--config", t.conf, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, preexec_fn=become,
                       timeout=60, cwd=cwd or t.dir)
    return p.returncode, p.stdout, p.stderr


def look(path):
    st = os.stat(path)
    return st.st_mode & 0o7777, st.st_uid, st.st_gid


def leftovers(folder):
    return [name for name in os.listdir(folder) if name.endswith(".jwk11-new")]


@test
def a_token_is_written_with_the_claims_and_the_mode_that_were_asked_for():
    with Trial() as t:
        t.start()
        path = os.path.join(t.dir, "token")
        equal(run(t, "es256", "--out", path, *CLAIMS, "--iss", "https://issuer.example", "--claim", "n=[1]", "--ttl", "10m"), (0, "", ""))
        got = claims(path)
        equal({name: got[name] for name in ("iss", "sub", "aud", "n")}, {"iss": "https://issuer.example", "sub": "device-7", "aud": "sts.amazonaws.com", "n": [1]})
        equal(got["exp"] - got["iat"], 600)
        equal(look(path)[0], 0o600)
        os.chmod(path, 0o644)
        equal(run(t, "es256", "--out", path, *CLAIMS), (0, "", ""))
        equal((look(path)[0], claims(path)["exp"] - claims(path)["iat"]), (0o644, 3600), "the mode stays, and an hour is the default")
        equal(run(t, "es256", "--out", path, "--mode", "640"), (0, "", ""))
        equal(look(path)[0], 0o640)
        os.chown(path, OTHER.pw_uid, OTHER.pw_gid)
        equal(run(t, "es256", "--out", path, "--aud", "1"), (0, "", ""))
        equal((look(path), claims(path)["aud"]), ((0o640, OTHER.pw_uid, OTHER.pw_gid), "1"), "owner and group stay; what --aud takes is text")
        t.stop()
        equal(run(t, "es256", "--out", path, "--offline", *CLAIMS), (0, "", ""))
        equal(claims(path)["sub"], "device-7")
        equal(leftovers(t.dir), [])


@test
def what_makes_no_sense_is_refused_before_anything_is_asked():
    with Trial() as t:
        for args, why in ((["es256"], "takes --out FILE, or --google-executable; jwk11 jwt prints one"), (["--out", "x"], "takes KEY"),
                          (["es256", "--out", "x", "--mode", "0200"], "--mode takes three octal digits, of which the first lets the owner read: 0640"),
                          (["es256", "--out", "x", "--ttl", "0"], "--ttl takes one second at least"),
                          (["es256", "--out", "x", "--refresh", "--ttl", "59s"], "--refresh takes a --ttl of 60s at least"),
                          (["es256", "--out", "x", "--refresh", "--offline"],
                           "--refresh goes through the broker, which keeps the token's PIN; --offline does not"),
                          (["es256", "--out", "x", "--google-executable"], "--google-executable prints the token: --out, --refresh and --mode are for files")):
            equal(run(t, *args), (64, "", f"jwk11 token: {why}\n  see: jwk11 token --help\n"), args)
        for args, why in ((["--claim", "exp=5"], "iat and exp come from --ttl, for each token anew"), (["--claim", "iat=5"], "iat and exp come from --ttl, for each token anew"),
                          (["--claim", "aud=x", "--aud", "y"], 'claim "aud" is given by --aud and by --claim')):
            equal(run(t, "es256", "--out", "x", *args), (65, "", f"jwk11: {why}\n  [exit 65, CLAIM_INVALID]\n"), args)
        equal(os.path.exists(os.path.join(t.dir, "x")), False)


@test
def a_lifetime_that_policy_does_not_allow_is_refused_with_the_one_that_it_does():
    with Trial() as t:
        t.change("allow = ", "jwt-max-ttl = 10m\nallow = ")
        t.start()
        path = os.path.join(t.dir, "token")
        code, out, err = run(t, "es256", "--out", path, "--refresh")
        equal((code, out, "at most 600 seconds" in err), (65, "", True), err)
        equal(os.path.exists(path), False)
        equal(run(t, "es256", "--out", path, "--ttl", "10m"), (0, "", ""))


@test
def what_is_there_stays_as_it_is_when_it_cannot_be_replaced():
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\napi-mode = 0666\n")
        with open(t.conf, "a") as f:
            f.write(f"\n[client other]\nuid = {OTHER.pw_uid}\nkeys = *\nallow = jwt\n")
        t.start()
        folder, path = os.path.join(t.dir, "out"), os.path.join(t.dir, "out", "token")
        os.mkdir(folder)
        with open(path, "w") as f:
            f.write("old")

        def full():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        equal(run(t, "es256", "--out", path, *CLAIMS, before=full), (73, "", f"jwk11: {path}: File too large\n  [exit 73, FILE_FAILED]\n"))
        equal(run(t, "es256", "--out", path, user=OTHER), (73, "", f"jwk11: {path}: Permission denied\n  [exit 73, FILE_FAILED]\n"))
        os.chmod(folder, 0o777)
        equal(run(t, "es256", "--out", path, user=OTHER), (73, "", f"jwk11: {path}: its owner, group and mode cannot be kept: Operation not permitted\n"
              "  see: remove the file, or run as its owner\n  [exit 73, FILE_FAILED]\n"))
        with open(path) as f:
            equal(f.read(), "old")
        for name, make in (("link", lambda p: os.symlink(path, p)), ("folder", os.mkdir), ("pipe", os.mkfifo)):
            place = os.path.join(folder, name)
            make(place)
            equal(run(t, "es256", "--out", place), (73, "", f"jwk11: {place}: is there already and is no regular file\n  [exit 73, FILE_FAILED]\n"), name)
        place = os.path.join(t.dir, "none", "token")
        equal(run(t, "es256", "--out", place), (73, "", f"jwk11: {place}: No such file or directory\n  [exit 73, FILE_FAILED]\n"))
        equal(leftovers(folder), [])


@test
def what_a_killed_writer_or_somebody_else_left_beside_is_no_hindrance():
    with Trial() as t:
        t.start()
        path, victim = os.path.join(t.dir, "token"), os.path.join(t.dir, "victim")
        beside = path + ".jwk11-new"
        with open(victim, "w") as f:
            f.write("not yours")

        def stale():
            with open(beside, "w") as f:
                f.write("x" * 5000)
            os.chmod(beside, 0o666)

        def foreign():
            stale()
            os.chown(beside, OTHER.pw_uid, OTHER.pw_gid)
        for make in (stale, foreign, lambda: os.symlink(victim, beside), lambda: os.mkfifo(beside), lambda: os.link(victim, beside)):
            make()
            equal(run(t, "es256", "--out", path, *CLAIMS), (0, "", ""))
            equal((claims(path)["sub"], look(path), leftovers(t.dir)), ("device-7", (0o600, os.getuid(), os.getgid()), []))
        with open(victim) as f:
            equal(f.read(), "not yours")


@test
def a_reader_never_sees_half_a_token_while_several_write():
    with Trial() as t:
        t.start()
        path = os.path.join(t.dir, "token")
        equal(run(t, "es256", "--out", path)[0], 0)
        results, seen = [], 0

        def write():
            for _ in range(8):
                results.append(run(t, "es256", "--out", path))
        writers = [threading.Thread(target=write) for _ in range(4)]
        for w in writers:
            w.start()
        while any(w.is_alive() for w in writers):
            claims(path)
            seen += 1
        for w in writers:
            w.join()
        equal((results, seen > 0, leftovers(t.dir)), ([(0, "", "")] * 32, True, []))


class Stay:
    """jwk11 token --refresh by the clock, its timer in the test's hands, and a service manager that listens."""

    def __init__(self, clock, t, *args):
        self.clock, self.t, self.path = clock, t, os.path.join(t.dir, "token")
        for name in ("ring", "armed"):
            place = os.path.join(clock.dir, name)
            if not os.path.exists(place):
                os.mkfifo(place)
        self.ring, self.arm = (os.open(os.path.join(clock.dir, name), os.O_RDWR) for name in ("ring", "armed"))
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(os.path.join(t.dir, "manager"))
        self.manager.settimeout(30)
        self.err = tempfile.TemporaryFile()
        self.process = subprocess.Popen([clock.jwk11, "token", "--config", t.conf, "es256", "--out", self.path, "--refresh", *CLAIMS, *args], stdin=subprocess.DEVNULL,
                                        stdout=self.err, stderr=self.err, env={**os.environ, "NOTIFY_SOCKET": os.path.join(t.dir, "manager")})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for fd in (self.ring, self.arm):
            os.close(fd)
        self.manager.close()
        os.unlink(os.path.join(self.t.dir, "manager"))
        self.err.close()

    def armed(self):
        """Seconds from now to the moment it waits for now."""
        if not select.select([self.arm], [], [], 30)[0]:
            raise AssertionError("it waits for nothing: " + self.said())
        return struct.unpack("q", os.read(self.arm, 8))[0] - self.clock.now

    def due(self, after):
        self.clock.set(self.clock.now + after)
        os.write(self.ring, struct.pack("q", 1))

    def clock_was_set(self, to):
        self.clock.set(to)
        os.write(self.ring, struct.pack("q", -1))

    def told(self):
        return self.manager.recv(4096).decode()

    def said(self):
        self.err.seek(0)
        return self.err.read().decode()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(30)


def between(least, n, most):
    if not least <= n <= most:
        raise AssertionError(f"{n} is not between {least} and {most}")
    return n


@test
def it_is_replaced_before_it_expires_and_at_once_when_asked_or_when_the_clock_jumps():
    with clocked.Clock(NOW) as clock, clocked.Broker(clock) as t:
        t.start()
        with Stay(clock, t) as s:
            after = between(2700, s.armed(), 2880)  # of an hour
            equal((s.told(), s.told()), ("STATUS=token until 2027-01-15T09:00:00Z", "READY=1"))
            equal(claims(s.path)["iat"], NOW)
            s.due(after)
            after = between(2700, s.armed(), 2880)
            equal(claims(s.path)["exp"], clock.now + 3600)
            equal(s.told().startswith("STATUS=token until "), True)
            clock.set(clock.now + 100)
            os.unlink(s.path)
            s.process.send_signal(signal.SIGHUP)
            between(2700, s.armed(), 2880)
            equal(claims(s.path)["iat"], clock.now)
            equal([s.told().partition("=")[0], s.told().partition("=")[0], s.told()], ["RELOADING", "STATUS", "READY=1"])
            s.clock_was_set(clock.now + 500_000)  # after a long sleep
            between(2700, s.armed(), 2880)
            equal(claims(s.path)["iat"], clock.now)
            s.clock_was_set(clock.now - 400_000)
            between(2700, s.armed(), 2880)
            equal(claims(s.path)["exp"], clock.now + 3600)
            equal((s.end(), s.said()), (0, ""))
            equal(claims(s.path)["exp"], clock.now + 3600, "the file stays")
            last = ""
            while last != "STOPPING=1":
                last = s.told()
        with Stay(clock, t, "--ttl", "60s") as s:
            between(45, s.armed(), 48)
            equal(s.end(signal.SIGINT), 0)


@test
def trouble_is_said_once_and_tried_again_with_a_bound_while_the_file_stays():
    with clocked.Clock(NOW) as clock, clocked.Broker(clock) as t:
        t.start()
        with Stay(clock, t) as s:
            after = s.armed()
            with open(s.path) as f:
                old = f.read()
            t.daemon.kill()
            t.stop()
            s.due(after)
            waits = []
            for most in (2, 4, 8, 16, 32, 60, 60, 60):
                waits.append(between(most / 2, s.armed(), most))
                s.due(waits[-1])
            s.armed()
            with open(s.path) as f:
                equal(f.read(), old)
            t.start()
            s.due(60)
            between(2700, s.armed(), 2880)
            equal(claims(s.path)["iat"], clock.now)
            lines = s.said().splitlines()
            equal(len(lines), 3, lines)
            equal((lines[0].startswith("jwk11: no broker answers on "), lines[1]),
                  (True, f"  trying again, every 60 s at least; the token in {s.path} holds until 2027-01-15T09:00:00Z"))
            equal(lines[2].startswith(f"jwk11: {s.path} has a new token, until "), True, lines[2])
            os.chmod(s.path, 0o644)
            os.rename(s.path, s.path + ".was")
            os.mkdir(s.path)  # what cannot be replaced is trouble of the same kind
            s.due(2880)
            between(1, s.armed(), 2)
            os.rmdir(s.path)
            s.due(2)
            between(2700, s.armed(), 2880)
            lines = s.said().splitlines()[3:]
            equal((len(lines), lines[0]), (3, f"jwk11: {s.path}: is there already and is no regular file"), lines)
            equal((s.end(), look(s.path)[0]), (0, 0o600))


@test
def at_the_start_a_refusal_ends_it_and_a_broker_that_is_not_there_yet_does_not():
    with clocked.Clock(NOW) as clock, clocked.Broker(clock) as t:
        with Stay(clock, t) as s:
            s.due(between(1, s.armed(), 2))
            wait = between(2, s.armed(), 4)
            equal(("has no token that holds" in s.said(), s.told().startswith("STATUS=no broker answers on ")), (True, True))
            t.start()
            s.due(wait)
            between(2700, s.armed(), 2880)
            equal([s.told().partition("=")[0], s.told()], ["STATUS", "READY=1"], "ready is not said before there is a token")
            equal(s.end(), 0)
        with Stay(clock, t, "--claim", "aud=x") as s:
            equal(s.process.wait(30), 65)
        t.change("[key es256]", "[key es512]")
        t.stop()
        os.unlink(os.path.join(t.dir, "token"))
        t.start()
        with Stay(clock, t) as s:
            equal((s.process.wait(30), "KEY_UNKNOWN" in s.said(), os.path.exists(s.path)), (66, True, False))


@test
def the_kernels_own_timer_wakes_it_and_signals_do():
    with Trial() as t:
        path, address = os.path.join(t.dir, "token"), os.path.join(t.dir, "manager")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(60)

            def wait_for(text):
                while manager.recv(4096).decode() != text:
                    pass
            p = subprocess.Popen([JWK11, "token", "--config", t.conf, "es256", "--out", path, "--refresh"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                 env={**os.environ, "NOTIFY_SOCKET": address})
            equal(manager.recv(4096).decode().startswith("STATUS=no broker answers"), True)
            t.start()
            wait_for("READY=1")  # after a try that the timer began
            os.unlink(path)
            p.send_signal(signal.SIGHUP)
            wait_for("READY=1")
            equal(claims(path)["exp"] - claims(path)["iat"], 3600)
            p.send_signal(signal.SIGTERM)
            wait_for("STOPPING=1")
            said = p.stderr.read().decode().splitlines()
            p.stderr.close()
            equal((p.wait(30), len(said), said[2].startswith(f"jwk11: {path} has a new token")), (0, 3, True), said)


class Server(threading.Thread):
    """A broker that answers what the test wants, once for each line of it, then closes."""

    def __init__(self, path, *answers):
        super().__init__()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(8)
        self.answers = answers
        self.start()

    def run(self):
        for head, body in self.answers:
            c, _ = self.socket.accept()
            data = b""
            while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < int(data.lower().partition(b"content-length: ")[2].split()[0]):
                data += c.recv(65536)
            c.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            c.close()
        self.socket.close()


def jwt(**payload):
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ('{"alg":"none"}', json.dumps(payload), "x"))


@test
def what_the_broker_answers_is_not_believed_blindly():
    good, busy = "200 OK\r\nContent-Type: application/jwt", "503 Busy\r\nContent-Type: application/problem+json\r\nRetry-After: {}"
    problem = '{"code":"QUEUE_FULL","detail":"too much to do"}'
    with clocked.Clock(NOW) as clock, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        t = type("T", (), {"dir": folder, "conf": os.path.join(folder, "none")})
        server = Server(os.path.join(folder, "sock"), (good, "no JWT"), (good, jwt(exp=NOW)), (good, jwt(iat=NOW)), (busy.format(45), problem), (busy.format(4000), problem),
                        (good, jwt(exp=NOW + 90)))
        out = os.path.join(folder, "token")
        for why in ("what was made is no JWT with an exp", "the token that was made has expired already: the broker has another time", "what was made is no JWT with an exp"):
            p = subprocess.run([clock.jwk11, "token", "--socket", os.path.join(folder, "sock"), "es256", "--out", out], capture_output=True, text=True, timeout=60)
            equal((p.returncode != 0, p.stderr.splitlines()[0], os.path.exists(out)), (True, f"jwk11: {why}", False))
        with Stay(clock, t, "--socket", os.path.join(folder, "sock"), "--ttl", "60s") as s:
            equal(s.armed(), 45, "as the broker asks for")
            os.write(s.ring, struct.pack("q", 1))
            equal(s.armed(), 60, "within the bound")
            os.write(s.ring, struct.pack("q", 1))
            between(67, s.armed(), 72)  # by the token that came, not by the one that was asked for
            equal(s.end(), 0)
        server.join(30)


@test
def google_is_answered_as_it_asks_and_told_what_is_wrong_in_its_words():
    with Trial() as t:
        t.start()
        provider = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
        output = os.path.join(t.dir, "cached")

        def google(*args, **env):
            p = subprocess.run([JWK11, "token", "--config", t.conf, *args, "--google-executable"], capture_output=True, text=True, timeout=60,
                               env={**os.environ, **{"GOOGLE_EXTERNAL_ACCOUNT_" + name: value for name, value in env.items()}})
            equal((p.stderr, p.stdout.count("\n")), ("", 1), "libraries read both as one")
            return p.returncode, json.loads(p.stdout)
        code, got = google("es256", "--sub", "device-7", AUDIENCE=provider, TOKEN_TYPE="urn:ietf:params:oauth:token-type:jwt", OUTPUT_FILE=output, INTERACTIVE="0", REVOKE="0")
        equal((code, got["version"], got["success"], got["token_type"]), (0, 1, True, "urn:ietf:params:oauth:token-type:jwt"))
        with open(output) as f:
            equal(json.load(f), got)
        equal(look(output)[0], 0o600)
        payload = got["id_token"].split(".")[1]
        payload = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        equal((payload["aud"], payload["sub"], payload["exp"]), ("https:" + provider, "device-7", got["expiration_time"]))
        equal(google("es256", "--aud", "own", TOKEN_TYPE="urn:ietf:params:oauth:token-type:id_token")[1]["token_type"], "urn:ietf:params:oauth:token-type:id_token")
        for code, word, message, args, env in (
                (66, "KEY_UNKNOWN", 'no key "nokey"', ["nokey", "--aud", "x"], {}),
                (64, "ARGUMENT", "there is neither --aud nor GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", ["es256"], {}),
                (65, "ARGUMENT", "only a jwt or an id_token is made here", ["es256", "--aud", "x"], {"TOKEN_TYPE": "urn:ietf:params:oauth:token-type:saml2"}),
                (65, "ARGUMENT", "a JWT cannot be revoked: it holds until it expires", ["es256", "--aud", "x"], {"REVOKE": "1"}),
                (65, "LIMIT", "is longer than 1023 octets", ["es256"], {"AUDIENCE": "x" * 2000}),
                (73, "FILE_FAILED", "No such file or directory", ["es256", "--aud", "x"], {"OUTPUT_FILE": t.dir + "/none/x"}),
                (69, "BROKER_ABSENT", "no broker answers on", ["es256", "--aud", "x", "--socket", t.dir + "/none"], {})):
            got, said = google(*args, **env)
            equal((got, said["version"], said["success"], said["code"], message in said["message"]), (code, 1, False, word, True), said)


main()
