#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' ExternalJWTSigner as clients of gRPC see it: the rules of kube-apiserver, refusals one by one, the token gone, the process killed under load."""
import json, os, signal, socket, subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import BUILD, JWK11D, Trial, equal, main, test

if not os.path.exists(os.path.join(BUILD, "jwk11d-grpc")):
    print("1..0 # SKIP built without Kubernetes")
    sys.exit(0)

import grpc, h2.config, h2.connection, h2.events
from grpc_client import Signer, b64, check, field, fields
from mock_token import Mock, in_thread, wait_for

CLIENT = "\n[client apiserver]\nuid = {uid}\nsocket = kubernetes\nkeys = {key}\nallow = jwt\n{more}\n"
LOAD = int(os.environ.get("JWK11_GRPC_LOAD", "20"))  # signatures of each of 64 clients


def section(key, kubernetes="", client="", uid=None):
    return f"\n[kubernetes]\nkey = {key}\n{kubernetes}\n" + CLIENT.format(uid=os.getuid() if uid is None else uid, key=key, more=client)


class Kube(Trial):
    """A trial with [kubernetes]."""

    def __init__(self, key="es256", **more):
        super().__init__()
        self.sock = os.path.join(self.dir, "run", "kubernetes.sock")
        with open(self.conf, "a") as f:
            f.write(section(key, **more))

    def wait_served(self):
        self.start()
        self.wait_grpc()
        return self

    def wait_grpc(self, count=1):
        self.wait_count("event=ready program=jwk11d-grpc", count)

    def grpc_pid(self):
        return next(p for p in self.children() if "jwk11d-grpc" in open(f"/proc/{p}/cmdline").read())


class MockKube(Mock):
    def __init__(self, faults="", daemon="", **more):
        super().__init__(faults, daemon=daemon, **more)
        self.sock = os.path.join(self.dir, "run", "kubernetes.sock")
        with open(self.conf, "a") as f:
            f.write(section("k"))


class Raw:
    """HTTP/2 by h2, for what no client library would send."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(path)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
        self.h2.initiate_connection()
        self.flush()
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flush(self):
        try:
            self.sock.sendall(self.h2.data_to_send())
        except BrokenPipeError:  # what it had to say can be read all the same
            pass

    def ask(self, path, body, method="POST", end=True, **fields_):
        stream = self.h2.get_next_available_stream_id()
        headers = {":method": method, ":path": path, ":scheme": "http", ":authority": "localhost", "content-type": "application/grpc", "te": "trailers",
                   **{name.replace("_", "-"): value for name, value in fields_.items()}}
        self.h2.send_headers(stream, list(headers.items()))
        if body is not None:
            self.h2.send_data(stream, body, end_stream=end)
        self.flush()
        return stream

    def wait(self, enough):
        """Events until one of them is enough; None at the end of the connection."""
        while True:
            for event in self.events:
                if enough(event):
                    self.events.remove(event)
                    return event
            data = self.sock.recv(65536)
            if not data:
                return None
            self.events += self.h2.receive_data(data)
            self.flush()

    def answer(self, stream):
        """The header fields that the stream ends with, trailers or all of them."""
        got = {}
        while True:
            event = self.wait(lambda e: getattr(e, "stream_id", None) == stream)
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                got.update(event.headers)
            if event is None or isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                return got


def message(data, compressed=0):
    return bytes([compressed]) + len(data).to_bytes(4, "big") + data


def claims(ttl=3600, **more):
    now = int(time.time())
    return {"iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:default:default", "aud": ["api"], "iat": now, "nbf": now, "exp": now + ttl,
            "kubernetes.io": {"namespace": "default"}, **more}


def padded(size):
    """Claims of so many octets."""
    bare = len(json.dumps(claims(fill="")).encode())
    return json.dumps(claims(fill="x" * (size - bare))).encode()


@test
def a_token_is_signed_as_it_was_given_and_verifies_by_what_is_listed():
    for key, alg in (("es256", "ES256"), ("rs256", "RS256")):
        with Kube(key) as t:
            t.wait_served()
            for version in ("v1", "v1alpha1"):
                with Signer(t.sock, version) as s:
                    given = json.dumps(claims(), indent=1).encode()  # blanks are signed too
                    head, signed = s.sign(given)
                    equal((head["alg"], signed), (alg, given))
                    keys, seconds, hint = s.fetch()
                    equal(hint, 300)
                    equal(abs(time.time() - seconds) < 60, True, "the time of the last look")
                    equal(list(keys), sorted(keys), "an order that lasts")
                    equal(s.fetch()[1], seconds, "a time that lasts")
                    equal(s.metadata(), 86400)
            jwks = json.loads(t.ask("GET", "/.well-known/jwks.json", sock=t.public)[2])["keys"]
            equal(sorted(keys), sorted(k["kid"] for k in jwks if k["alg"] in ("RS256", "ES256", "ES384", "ES512")), "as in the set")
            equal(t.stop(), 0)


@test
def claims_of_any_size_and_kids_up_to_their_limit():
    kid = "k" * 255
    with Kube() as t:
        t.change("object=es256\n", f"object=es256\nkid = {kid}\n")
        t.wait_served()
        with Signer(t.sock) as s:
            for size in (1024, 65536):
                given = padded(size)
                equal(len(given), size)
                head, signed = s.sign(given)
                equal((head["kid"], signed), (kid, given))
            equal(s.refuse(b""), ("INVALID_ARGUMENT", "the request has no claims"))
            equal(s.refuse(padded(65537))[0], "INVALID_ARGUMENT")
            equal(s.refuse(padded(110000)), ("RESOURCE_EXHAUSTED", "the message is too long"))
            equal(len(s.sign(claims())[1]) > 0, True, "and it goes on")


@test
def what_is_malformed_is_refused_and_nothing_is_mended():
    with Kube() as t:
        t.wait_served()
        good = json.dumps(claims())
        rows = [(b"[]", "not an object"), (b"{", "not JSON"), (good.encode() + b" x", "more than JSON"), (good.replace('"iss"', '"sub"', 1).encode(), "a name twice"),
                (json.dumps(claims(Iss="x")).encode(), "a registered name in another case"), (json.dumps(claims(foo=1, Foo=2)).encode(), "twins"),
                (json.dumps(claims(**{"\u017fub": "x"})).encode(), "a long s"), (json.dumps(claims(exp="1")).encode(), "exp as a string"),
                (json.dumps(claims(**{f"c{n}": n for n in range(300)})).encode(), "too many claims"), (b'{"a":"\xff"}', "not UTF-8"), (b"0", "a number")]
        with Signer(t.sock) as s:
            for given, what in rows:
                equal(s.refuse(given)[0], "INVALID_ARGUMENT", what)
            payload = b64(good.encode()).encode()
            for text in (payload + b"=", payload + b"\n", payload[:-1] + b"+", b"a", b"aGl", b".", payload + b"." + payload):
                equal(s.fail(s.path("Sign"), field(1, text))[0], "INVALID_ARGUMENT", text[-8:])
            for body in (b"\x0a", b"\x0a\x7fx", b"\x08\x01", b"\x0b\x0c", b"\xff" * 11, field(1, b"\xff"), b"\x00"):
                equal(s.fail(s.path("Sign"), body), ("INVALID_ARGUMENT", "the message is malformed"), body)
            equal(s.fail(s.path("FetchKeys"), b"\x0a\x05")[0], "INVALID_ARGUMENT")
            answer = s.call(s.path("Sign"), b"\x10\x01" + field(1, b"x") + field(1, payload) + field(9, b"new"))  # unknown fields, the last of two
            equal(check(fields(answer)[0][1].decode(), payload.decode(), fields(answer)[1][1].decode(), s.fetch()[0])[1], good.encode())


@test
def the_section_decides_about_claims_and_rewrites_none():
    rules = "jwt-issuer = https://kubernetes.default.svc\njwt-audience = api, https://*.example\njwt-subject = system:serviceaccount:*\njwt-max-ttl = 1h\njwt-forbid = admin"
    with Kube(kubernetes="max-token-lifetime = 1h", client=rules) as t:
        t.wait_served()
        with Signer(t.sock) as s:
            equal(s.metadata(), 3600)
            given = json.dumps(claims(3600)).encode()
            equal(s.sign(given)[1], given)
            without = {name: value for name, value in claims().items() if name != "iss"}
            rows = [(claims(iss="https://other"), "another issuer"), (without, "no issuer, where it would be filled in"), (claims(aud=["api", "x"]), "another audience"),
                    (claims(sub="root"), "another subject"), (claims(3700), "too long"), (claims(3600, iat=int(time.time()) - 600), "too long after iat"),
                    (claims(admin=True), "a forbidden claim"), ({k: v for k, v in claims().items() if k != "exp"}, "no end")]
            for given, what in rows:
                equal(s.refuse(given), ("PERMISSION_DENIED", "Claim refused by policy"), what)
        t.stop()
        equal(t.log.count("code=CLAIM_REFUSED") >= len(rows), True, "the log has the details")


@test
def other_methods_and_users_are_refused():
    with Kube() as t:
        t.wait_served()
        with Signer(t.sock) as s:
            for path in ("/v1.ExternalJWTSigner/Signs", "/v1.ExternalJWTSigner/Sig", "/v1.ExternalJWTSigner/", "/v1.ExternalJWTSigner/sign"):
                equal(s.fail(path), ("UNIMPLEMENTED", "no such method"), path)
            for path in ("/v1beta1.ExternalJWTSigner/Sign", "/xv1.ExternalJWTSigner/Sign", "/grpc.health.v1.Health/Check", "/v1.ExternalJWTSignerX/Sign", "/"):
                equal(s.fail(path)[0], "UNIMPLEMENTED", path)
    with Kube(uid=12345) as t:  # which we are not; api.sock is ours all the same
        t.wait_served()
        equal(t.ask("GET", "/v1/whoami")[0], 200)
        with Signer(t.sock) as s:
            equal(s.refuse(claims()), ("PERMISSION_DENIED", "Peer not allowed"))
            equal(s.fail(s.path("FetchKeys"))[0], "PERMISSION_DENIED")
            equal(s.fail(s.path("Metadata"))[0], "PERMISSION_DENIED")
    with Kube() as t:  # a section that wants a unit: the worker alone can tell
        t.change("socket = kubernetes\n", "socket = kubernetes\nunit = no-such.service\n")
        t.wait_served()
        with Signer(t.sock) as s:
            equal(s.refuse(claims())[0], "PERMISSION_DENIED")


@test
def it_speaks_http_2_as_grpc_has_it():
    with Kube() as t:
        t.wait_served()
        good = field(1, b64(json.dumps(claims()).encode()).encode())
        with Signer(t.sock) as s, Raw(t.sock) as raw:
            sign = s.path("Sign")
            equal(s.fail(sign, good, compression=grpc.Compression.Gzip)[0], "UNIMPLEMENTED")
            rows = [(message(good, 1), {}, "12", "compressed"), (message(good)[:-1], {}, "3", "cut"), (message(good) + b"x", {}, "3", "more than one"), (b"", {}, "3", "none"),
                    (message(good), {"grpc_timeout": "1X"}, "3", "no timeout"), (message(good), {"grpc_timeout": "0n"}, "4", "a deadline that has passed"),
                    (message(good), {"content_type": "application/grpc+proto"}, "0", "a subtype"), (message(good), {"grpc_timeout": "99999999H"}, "0", "for ever")]
            for body, more, status, what in rows:
                got = raw.answer(raw.ask(sign, body, **more))
                equal((got[":status"], got.get("grpc-status")), ("200", status), what)
                equal("grpc-accept-encoding" in got, status == "12", what)
            equal(raw.answer(raw.ask(sign, message(good), content_type="application/json")), {":status": "415"})
            equal(raw.answer(raw.ask(sign, message(good), method="GET")), {":status": "405"})
            got = raw.answer(raw.ask(sign, b"\x00\x7f\xff\xff\xff" + b"x" * 100, end=False))  # refused by its length, before it has come
            equal((got["grpc-status"], got["grpc-message"]), ("8", "the message is too long"))
            raw.h2.ping(b"12345678")
            raw.flush()
            equal(raw.wait(lambda e: isinstance(e, h2.events.PingAckReceived)).ping_data, b"12345678")
            settings = raw.wait(lambda e: isinstance(e, h2.events.RemoteSettingsChanged)).changed_settings
            equal(settings[3].new_value >= 100, True, "concurrent streams")
            calls = [s.channel.unary_unary(sign).future(good, timeout=20) for _ in range(120)]
            keys = s.fetch()[0]
            for call in calls:
                answer = dict(fields(call.result()))
                check(answer[1].decode(), good[good.index(b"ey"):].decode(), answer[2].decode(), keys)
        with Raw(t.sock) as raw:  # HTTP/1 and nonsense are closed
            raw.sock.sendall(b"GET / HTTP/1.1\r\n\r\n" * 8)
            equal(raw.wait(lambda e: False), None)


@test
def who_waits_is_let_go_and_who_is_gone_is_not_signed_for():
    with MockKube("fault C_Sign on 1 hang", timeout=3) as t:
        t.start()
        t.wait_count("event=ready program=jwk11d-grpc", 1)
        good = message(field(1, b64(json.dumps(claims()).encode()).encode()))
        sign = "/v1.ExternalJWTSigner/Sign"
        with Raw(t.sock) as raw:
            first = raw.ask(sign, good)  # hangs, until its worker is replaced
            wait_for(t, "C_Sign", 1)
            late = raw.answer(raw.ask(sign, good, grpc_timeout="200m"))  # behind it
            equal((late["grpc-status"], late["grpc-message"]), ("4", "the deadline of the call has passed"))
            gone = raw.ask(sign, good)
            raw.h2.reset_stream(gone, 8)
            raw.flush()
            got = raw.answer(first)
            equal((got["grpc-status"], got["grpc-message"]), ("14", "Worker timed out"))
            equal(raw.answer(raw.ask(sign, good))["grpc-status"], "0")
        equal(t.count("C_Sign"), 2, "neither the late one nor the cancelled one was signed")


@test
def a_token_that_is_gone_leaves_its_keys():
    with MockKube(token="pin 1234\nabsent-while $/away") as t:
        t.start()
        t.wait_count("event=ready program=jwk11d-grpc", 1)
        with Signer(t.sock) as s:
            s.sign(claims())
            before = s.fetch()
            open(t.away, "w").close()
            for _ in range(3):
                equal(s.refuse(claims()), ("UNAVAILABLE", "Token absent"))
            equal(s.fetch(), before, "keys, the time of the last good look, the hint")
            os.unlink(t.away)
            end = time.monotonic() + 30
            while True:
                try:
                    s.sign(claims())
                    break
                except grpc.RpcError as why:
                    equal((why.code().name, time.monotonic() < end), ("UNAVAILABLE", True))
                    t.ask("GET", "/livez")
        t.stop()
        open(t.away, "w").close()
        t.start(until="event=serving")
        t.wait_count("event=ready program=jwk11d-grpc", 2)
        with Signer(t.sock) as s:  # nobody has seen its keys: who asks waits, and finds them when they come
            equal(s.fail(s.path("FetchKeys"), timeout=0.3)[0], "DEADLINE_EXCEEDED")
            asked = in_thread(s.fetch)
            equal(s.metadata(), 86400)
            os.unlink(t.away)
            equal(asked()[0], before[0])


@test
def keys_that_relying_parties_do_not_find_are_marked_and_those_of_files_are_there():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    with Kube() as t:
        folder = os.path.join(t.root, "peers")
        os.mkdir(folder)
        der = {}
        for name, curve in (("a", ec.SECP384R1()), ("b", ec.SECP256K1())):
            public = ec.generate_private_key(curve).public_key()
            der[name] = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            with open(os.path.join(folder, name + ".pem"), "wb") as f:
                f.write(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        t.change("[set default]\n", f"[set default]\nissuer = https://issuer.example\nverify-only = {folder}\n")
        t.change("object=rs256\n", "object=rs256\ndiscovery = no\n")
        t.wait_served()
        with Signer(t.sock) as s:
            keys = s.fetch()[0]
            listed = {k["kid"]: k for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}
            equal(sorted((listed[kid]["name"] if kid in listed else "file", out) for kid, (_, out) in keys.items()),
                  sorted([("file", False), ("rs256", True)] + [(k["name"], False) for k in listed.values() if k["alg"] in ("ES256", "ES384", "ES512")]))
            equal(der["a"] in [key for key, _ in keys.values()], True, "the peer's key")
            before = s.fetch()
            os.unlink(os.path.join(folder, "a.pem"))
            os.kill(t.daemon.pid, signal.SIGHUP)
            t.wait_log("event=reloaded")
            t.until(lambda: s.fetch() != before, "the smaller set")
            equal(der["a"] in [key for key, _ in s.fetch()[0].values()], False)
            s.sign(claims())


@test
def sockets_have_their_modes_and_an_abstract_one_its_policy():
    name = f"@jwk11-test-{os.getpid()}"
    for path in (None, name):
        with Kube(kubernetes="mode = 0640\n" + (f"path = {path}\n" if path else "")) as t:
            t.wait_served()
            if path is None:
                equal(oct(os.stat(t.sock).st_mode & 0o777), "0o640")
            with Signer(path or t.sock) as s:
                s.sign(claims())
            equal(t.stop(), 0)
            equal(os.path.exists(t.sock), False)


@test
def a_full_house_closes_the_connection_that_nobody_uses():
    with Kube() as t:
        t.change("[daemon]\n", "[daemon]\nmax-connections = 4\nmax-connections-per-user = 4\n")
        t.wait_served()
        raws = [Raw(t.sock) for _ in range(6)]
        for raw in raws[4:]:
            equal(raw.answer(raw.ask("/v1.ExternalJWTSigner/Metadata", message(b"")))["grpc-status"], "0")
        for raw in raws[:2]:
            equal(raw.wait(lambda e: isinstance(e, h2.events.ConnectionTerminated)).error_code, 0)
        for raw in raws:
            raw.sock.close()


@test
def at_the_end_calls_are_answered_and_clients_told():
    with MockKube("fault C_Sign on 1 delay 700") as t:
        t.start()
        t.wait_count("event=ready program=jwk11d-grpc", 1)
        with Signer(t.sock) as s, Raw(t.sock) as raw:
            keys = s.fetch()[0]
            equal(raw.answer(raw.ask("/v1.ExternalJWTSigner/Metadata", message(b"")))["grpc-status"], "0")
            signed = in_thread(lambda: s.sign(claims(), keys=keys))
            wait_for(t, "C_Sign", 1)
            t.daemon.send_signal(signal.SIGTERM)
            equal(raw.wait(lambda e: isinstance(e, h2.events.ConnectionTerminated)).error_code, 0)
            equal(signed()[0]["typ"], "JWT")
        equal(t.stop(), 0)


@test
def a_restart_under_load_costs_nothing_but_a_new_connection():
    with Kube() as t:
        t.wait_served()
        failed, done, lock = [], [0], threading.Lock()
        with Signer(t.sock) as s:
            keys = s.fetch()[0]

            def work():
                for _ in range(LOAD):
                    while True:
                        try:
                            s.sign(claims(), keys=keys)
                            break
                        except grpc.RpcError as why:
                            if why.code() != grpc.StatusCode.UNAVAILABLE or why.details() == "Token absent":
                                failed.append(str(why))
                                break
                        except Exception as why:
                            failed.append(repr(why))
                            break
                    with lock:
                        done[0] += 1

            workers = [threading.Thread(target=work) for _ in range(64)]
            for w in workers:
                w.start()
            t.until(lambda: done[0] >= 64 * LOAD // 3, "a third of the signatures")
            os.kill(t.grpc_pid(), signal.SIGKILL)
            t.wait_grpc(2)
            t.until(lambda: done[0] >= 64 * LOAD * 2 // 3, "two thirds")
            front = next(p for p in t.children() if "jwk11d-front" in open(f"/proc/{p}/cmdline").read())
            os.kill(front, signal.SIGKILL)  # whose calls a new one gets
            for w in workers:
                w.join()
        equal(failed, [])
        equal(done[0], 64 * LOAD)


@test
def check_names_what_kube_apiserver_would_not_start_with():
    rows = [("key = es256", "", ""), ("", "", "has no key"), ("key = x", "", 'names key "x", which has no [key] section'), ("key = eddsa", "", "is for EdDSA"),
            ("key = es256\nset = x", "", 'names set "x"'), ("key = es256\nmax-token-lifetime = 9m", "", "max-token-lifetime must be from 600"),
            ("key = es256\npath = unix:///x", "", "a plain path or @name"), ("key = es256\npath = x", "", "must be absolute"), ("key = es256\npath = @", "", "must be absolute"),
            ("key = es256\npath = /" + "x" * 108, "", "is longer than"), ("key = es256\nrefresh = 1m", "", 'has no "refresh"'),
            ("key = es256", "jwt-max-ttl = 1h", "its longest tokens would be refused"), ("key = es256", "jwt-typ = at+jwt", "lacks JWT"),
            ("key = es256", "unit = a.service\nrate = 1/s", "not with unit or executable"), ("key = es256\nkey = rs256", "", "key is set twice")]
    with Trial() as t:
        with open(t.conf) as f:
            base = f.read()
        more = [(base.replace("object=es256\n", "object=es256\ndiscovery = no\n") + section("es256"), "discovery = no"),
                (base.replace("object=es256\n", "object=es256\nkid-style = none\n") + section("es256"), "kid-style = none"),
                (base.replace("keys = *\n", "keys = rs256\n", 1) + section("es256"), 'is not in set "default"'),
                (base.replace("object=es256\n", "object=es256\nkid = " + "k" * 256 + "\n") + section("es256"), "longer than 255"),
                (base.replace("object=es256\n", "object=es256\nlead = 1h\noverlap = 2h\n") + section("es256"), "an overlap of 7200 s is too short"),
                (base.replace("object=es256\n", "object=es256\nlead = 15m\n") + section("es256"), "twice the refresh-hint of [kubernetes]"),
                (base + "\n[socket kubernetes]\n" + section("es256"), "is that of [kubernetes]"),
                (base + CLIENT.format(uid=0, key="es256", more=""), "there is no [kubernetes] section")]
        more += [(base + f"\n[kubernetes]\n{kubernetes}\n" + (CLIENT.format(uid=0, key="es256", more=client)), said) for kubernetes, client, said in rows]
        for text, said in more:
            with open(t.conf, "w") as f:
                f.write(text)
            p = subprocess.run([JWK11D, "--check", "--config", t.conf], capture_output=True, text=True)
            equal((p.returncode, said in p.stderr), (78 if said else 0, True), p.stderr + said)


@test
def what_the_guide_says_is_taken():
    top = os.environ.get("srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    with open(os.path.join(top, "docs", "kubernetes.md")) as f:
        blocks = f.read().split("```\n")
    with Trial() as t:
        for extra in ("", blocks[5].split("keys = apiserver\n")[1].replace("/etc/jwk11/kubernetes.d", t.root + "/keys")):
            os.makedirs(t.root + "/keys", exist_ok=True)
            with open(t.conf, "w") as f:
                f.write(blocks[1].replace("[set default]\nkeys = apiserver\n", "[set default]\nkeys = apiserver\n" + extra))
            p = subprocess.run([JWK11D, "--check", "--config", t.conf], capture_output=True, text=True)
            equal((p.returncode, p.stderr), (0, ""))
        manifest, kept = os.path.join(t.root, "m.yaml"), "  - command:\n    - kube-apiserver\n    - --service-account-issuer=https://x\n"
        with open(manifest, "w") as f:
            f.write(kept + "".join(f"    - --service-account-{name}-file=/etc/kubernetes/pki/sa\n" for name in ("key", "signing-key", "private-key")))
        subprocess.run([os.path.join(top, "data", "kubernetes", "take-key-files-out"), manifest], check=True)
        with open(manifest) as f:
            equal(f.read(), kept)


main()
