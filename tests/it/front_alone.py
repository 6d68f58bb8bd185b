#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests jwk11d-front alone: this program plays the supervisor and the workers over socket pairs, as PROTOCOL.md describes, and a client on
the two Unix sockets. Prints TAP."""
import array
import base64
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

MAGIC = 0x4A313100 | 1
TYPES = """SIGN JWS JWT REPLY FAULT CATALOG_BEGIN CATALOG_TOKEN CATALOG_KEY CATALOG_END CONFIG WORKER DRAIN READY WORKER_LATE LOGIN_ASK
LOGIN_GO LOGIN_DONE DECRYPT VERIFY PING PONG TALLY WHO WHO_IS AUDIT LOGIN LOGOUT TOKEN_IS LOGIN_SET REFUSED MODULE_DOWN""".split()
FIELDS = """KEY ALG INPUT DIGEST HEADER PAYLOAD CLAIMS TTL ENCODING REQUEST_ID KID SIGNATURE TEXT CODE HINT CKR TOKEN NAME STATE JWK PEM LABEL
MANUFACTURER MODEL SERIAL PIN MODULE INDEX LIBRARY KTY BITS JWE PLAINTEXT ID THUMBPRINT
UNPROTECTED FORM FLAGS TYP CTY JWS X5C X5T NOTE HEALTH COSE UNIT EXECUTABLE SECRET MISSED TALLY""".split()
MODULE = "fake"
EXTRACTABLE, ODD_BIT = 2, 1 << 31  # enum jwk11_health, and a bit that no version knows
CONF = """[daemon]
run-dir = /tmp
state-dir = /tmp
modules = {module}
threads = {threads}
request-timeout = {timeout}s
head-timeout = 1s
idle-timeout = {idle}s
max-connections = {connections}
max-connections-per-user = {per_user}
max-queue = {queue}
max-requests-per-user = {requests}
max-age = {age}
max-body = 65536

[token t1]
uri = pkcs11:token=t1

[key es]
uri = pkcs11:token=t1;object=es

[key twin]
uri = pkcs11:token=t1;object=twin

[key gone]
uri = pkcs11:token=t1;object=gone

[key secret]
uri = pkcs11:token=t1;object=secret

[set one]
keys = twin

[set empty]
keys = gone

[client me]
{who}
keys = es, twin, gone
allow = sign, jws
"""


def encode(kind, ident, **fields):
    out = struct.pack("=IIQ", MAGIC, TYPES.index(kind) + 1, ident)
    for name, value in fields.items():
        if isinstance(value, int):
            value = struct.pack("=Q", value)
        elif isinstance(value, str):
            value = value.encode()
        out += struct.pack("=HHI", FIELDS.index(name) + 1, 0, len(value)) + value
    return out


def decode(data):
    magic, kind, ident = struct.unpack_from("=IIQ", data)
    assert magic == MAGIC, hex(magic)
    fields, at = {}, 16
    while at < len(data):
        field, zero, size = struct.unpack_from("=HHI", data, at)
        assert zero == 0 and at + 8 + size <= len(data)
        fields[FIELDS[field - 1]] = data[at + 8:at + 8 + size]
        at += 8 + size
    return TYPES[kind - 1], ident, fields


def send(sock, data, fd=None):
    anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
    sock.sendmsg([data], anc)


def receive(sock):
    data, anc, flags, _ = sock.recvmsg(200000, socket.CMSG_SPACE(4))
    assert not flags & socket.MSG_TRUNC
    fds = array.array("i")
    for level, kind, octets in anc:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(octets)
    return data, list(fds)


class Worker:
    """One fake worker. What it does with a request is told by the first word of the payload."""

    def __init__(self, daemon, index, module=MODULE):
        self.daemon, self.index, self.module = daemon, index, module
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        send(daemon.control, encode("WORKER", 0, MODULE=module, INDEX=index), theirs.fileno())
        theirs.close()
        self.seen, self.refused = [], []
        self.held = []
        self.most = 0
        self.go = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def catalog(self, keys, state="ready", x="AA"):
        self.sock.send(encode("CATALOG_BEGIN", 0))
        self.sock.send(encode("CATALOG_TOKEN", 0, NAME="t1", STATE=state, LABEL="T", SERIAL="1", PIN="ok", MODULE=MODULE))
        for name, kid in keys.items():
            fields = dict(NAME=name, STATE="active" if kid else "unavailable", TOKEN="t1")
            if kid:
                jwk = {"kty": "EC", "use": "sig", "alg": "ES256", "kid": kid, "crv": "P-256", "x": x, "y": "AA"}
                fields.update(KID=kid, ALG="ES256", KTY="EC", BITS=256, JWK=json.dumps(jwk, separators=(",", ":")),
                    PEM="-----BEGIN " + kid, LABEL=name)
            if name == "es":
                fields.update(HEALTH=EXTRACTABLE | ODD_BIT)
            self.sock.send(encode("CATALOG_KEY", 0, **fields))
        self.sock.send(encode("CATALOG_END", 0))

    def answer(self, kind, ident, fields):
        octets = fields.get("INPUT", fields.get("PAYLOAD", b""))
        if octets.startswith(b"fault"):
            reply = encode("FAULT", ident, CODE="TOKEN_ABSENT", TEXT="token \"t1\" is gone", HINT="wait", TOKEN="t1", CKR=0xE0)
        elif kind == "SIGN":
            reply = encode("REPLY", ident, KID="kid-es", ALG="ES256", SIGNATURE=b"\xff" * 64)
        elif kind == "VERIFY":  # says what it is told to say
            reply = encode("REPLY", ident, KID="kid-es", ALG="ES256", TEXT=octets)
        elif octets.startswith(b"text:"):
            reply = encode("REPLY", ident, KID="kid-es", ALG="ES256", TEXT=octets[5:])
        else:
            reply = encode("REPLY", ident, KID="kid-es", ALG="ES256", TEXT="a.b.c")
        self.sock.send(reply)

    def run(self):
        while True:
            try:
                data, fds = receive(self.sock)
            except OSError:
                return
            if not data:
                return
            kind, ident, fields = decode(data)
            creds = struct.unpack("iii", socket.socket(fileno=fds[0]).getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED,
                12)) if fds else None
            if kind == "REFUSED":  # is not answered
                self.refused.append((fields, creds))
                continue
            self.seen.append((kind, fields, creds))
            octets = fields.get("INPUT", fields.get("PAYLOAD", b""))
            if octets.startswith(b"crash"):
                self.sock.shutdown(socket.SHUT_RDWR)
                self.sock.close()
                return
            if octets.startswith(b"mute"):
                continue
            if octets.startswith(b"hold"):
                self.held.append((kind, ident, fields))
                self.most = max(self.most, len(self.held))
                self.go.set()
                continue
            self.answer(kind, ident, fields)

    def let_go(self):
        held, self.held = self.held, []
        for one in held:
            self.answer(*one)

    def end(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Daemon:
    def __init__(self, program, **conf):
        self.dir = tempfile.mkdtemp(prefix="jwk11-front-")
        os.chmod(self.dir, 0o755)
        self.api, self.public = self.dir + "/api.sock", self.dir + "/public.sock"
        listeners = []
        for path in (self.api, self.public):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            s.bind(path)
            os.chmod(path, 0o666)
            s.listen(512)
            listeners.append(s)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fds = [theirs.fileno(), listeners[0].fileno(), listeners[1].fileno()]

        def place():
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            os.closerange(6, 256)
        self.err = open(self.dir + "/log", "w+b")
        self.proc = subprocess.Popen([program], preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=self.err,
            stderr=self.err)
        theirs.close()
        for s in listeners:
            s.close()
        self.late = []
        self.configure(**conf)
        data, _ = receive(self.control)
        if not data or decode(data)[0] != "READY":
            self.err.seek(0)
            sys.exit("the front did not start: " + self.err.read().decode(errors="replace"))

    def configure(self, who="user = *", timeout=10, idle=60, connections=64, age=300, threads=1, queue=4, per_user=0, requests=0):
        fd = os.memfd_create("conf")
        os.write(fd, CONF.format(who=who, timeout=timeout, idle=idle, connections=connections, age=age, threads=threads, queue=queue,
            module=MODULE, per_user=per_user or connections, requests=requests or connections).encode())
        send(self.control, encode("CONFIG", 0), fd)
        os.close(fd)

    def drain(self):
        send(self.control, encode("DRAIN", 0))

    def end(self):
        self.control.close()
        code = self.proc.wait(10)
        self.err.seek(0)
        log = self.err.read().decode(errors="replace")
        shutil.rmtree(self.dir)
        return code, log


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(8)
        self.sock.connect(path)
        self.rest = b""

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())
        return self

    def reply(self, head=False):
        while b"\r\n\r\n" not in self.rest:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError(self.rest)
            self.rest += more
        top, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = top.decode().split("\r\n")
        fields = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        size = 0 if head or "content-length" not in fields else int(fields["content-length"])
        while len(self.rest) < size:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError(self.rest)
            self.rest += more
        body, self.rest = self.rest[:size], self.rest[size:]
        return int(lines[0].split()[1]), fields, body

    def closed(self):
        try:
            return self.rest == b"" and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def get(self, path, extra="", method="GET"):
        return self.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n").reply(method == "HEAD")

    def ask(self, path, body, extra=""):
        body = body if isinstance(body, str) else json.dumps(body)
        return self.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n{body}")

    def post(self, path, body, extra=""):
        return self.ask(path, body, extra).reply()


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


count = failures = 0


def ok(good, what, *more):
    global count, failures
    count += 1
    failures += not good
    print(("ok" if good else "not ok") + f" {count} - {what}" + ("" if good else "".join(f"\n# {m!r}" for m in more)), flush=True)


def is_problem(reply, status, code):
    return reply[0] == status and reply[1]["content-type"] == "application/problem+json" and json.loads(reply[2])["code"] == code


def wait_for(condition, seconds=5):
    """Polls the front by its own answers, not by the clock alone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        select.select([], [], [], 0.005)
    return False


ALL = {"es": "kid-es", "twin": "kid-twin", "gone": "", "secret": "kid-secret"}


def test_before_workers(program):
    d = Daemon(program)
    c = Client(d.api)
    ok(is_problem(c.get("/.well-known/jwks.json"), 503, "NOT_READY"), "no set before the first key")
    r = c.get("/.well-known/jwks.json")
    ok("retry-after" in r[1], "with Retry-After")
    ok(is_problem(c.post("/v1/keys/es/sign", {"input": "YQ"}), 503, "NOT_READY"), "a key nobody reported")
    r = c.get("/readyz")
    ok(is_problem(r, 503, "NOT_READY") and json.loads(r[2])["reasons"] == [
        {"module": MODULE, "state": "no-worker", "reason": "none of its workers is running"},
        {"token": "t1", "state": "unknown", "reason": "no worker has reported it yet"}],
        "readyz says why", r)
    ok(c.get("/livez")[::2] == (200, b"ok\n"), "livez does not wait")
    w = Worker(d, 0)
    w.sock.send(encode("CATALOG_KEY", 0, NAME="es", STATE="active"))
    w.catalog(ALL)
    ok(wait_for(lambda: c.get("/readyz")[0] == 200), "ready after the catalogue")
    code, log = d.end()
    ok(code == 0 and "catalogue-refused" in log, "a row before BEGIN is refused; the front ends with its supervisor", code, log)


def test_views(d, w):
    c = Client(d.api)
    s, f, body = c.get("/.well-known/jwks.json")
    kids = [k["kid"] for k in json.loads(body)["keys"]]
    ok(s == 200 and kids == ["kid-es", "kid-twin", "kid-secret"], "the default set holds every key, in order of configuration", body)
    ok(f["content-type"] == "application/json" and f["cache-control"] == "public, max-age=300", "type and age of a set", f)
    tag = f["etag"]
    s, f, body = c.get("/.well-known/jwks.json", f"If-None-Match: {tag}\r\n")
    ok(s == 304 and body == b"" and f["etag"] == tag and "content-length" not in f, "304 for the same tag", s, f)
    ok(c.get("/.well-known/jwks.json", 'If-None-Match: "x"\r\n')[0] == 200, "200 for another tag")
    s, f, body = c.get("/.well-known/jwks.json", "Accept: application/jwk-set+json\r\n")
    ok(f["content-type"] == "application/jwk-set+json" and f["etag"] != tag, "the registered type by name")
    ok(c.get("/.well-known/jwks.json", "Accept: text/html, */*;q=0.8\r\n")[1]["content-type"] == "application/json",
        "plain JSON for anything")
    ok(is_problem(c.get("/.well-known/jwks.json", "Accept: text/html\r\n"), 406, "HTTP_NOT_ACCEPTABLE"), "406")
    s, f, body = c.get("/.well-known/jwks.json?x=1", method="HEAD")
    ok(s == 200 and int(f["content-length"]) > 100 and body == b"", "HEAD, and a query that is ignored")
    ok([k["kid"] for k in json.loads(c.get("/.well-known/jwks/one.json")[2])["keys"]] == ["kid-twin"], "a named set")
    ok(is_problem(c.get("/.well-known/jwks/empty.json"), 503, "NOT_READY"), "a set none of whose keys was seen")
    ok(is_problem(c.get("/.well-known/jwks/nope.json"), 404, "ROUTE_UNKNOWN"), "no such set")
    ok(c.get("/%2ewell-known/jwks%2Ejson")[0] == 200, "escapes of plain characters are undone")
    p = Client(d.public)
    ok(p.get("/.well-known/jwks.json")[2] == c.get("/.well-known/jwks.json")[2], "the same set on the public socket")
    for path in ("/v1", "/v1/keys", "/livez", "/readyz", "/v1/whoami", "/v1/keys/es/sign"):
        ok(is_problem(p.get(path), 404, "ROUTE_UNKNOWN"), f"{path} is not on the public socket")
    r = p.post("/.well-known/jwks.json", "{}")
    ok(is_problem(r, 413, "HTTP_BODY_TOO_LARGE") and p.closed(), "no bodies on the public socket")

    about = json.loads(c.get("/v1")[2])
    ok(about["name"] == "jwk11d" and about["algs"] == ["ES256"] and about["limits"]["head"] == 8192 and len(about["routes"]) == 23, "GET /v1", about)
    paths = [r["path"] for r in about["routes"]]
    ok({"/v1/keys/{key}/sign", "/v1/tokens/{token}/login", "/.well-known/jwks/{set}.json"} < set(paths), "what the variable parts of the routes are", paths)
    s, f, body = c.get("/v1/keys")
    keys = json.loads(body)
    ok(keys["next"] is None and [k["name"] for k in keys["keys"]] == ["es", "twin", "gone"], "only keys this peer may see", body)
    ok(keys["keys"][0] == {"name": "es", "kid": "kid-es", "alg": "ES256", "kty": "EC", "crv": "P-256", "bits": 256, "use": "sig",
        "state": "active",
        "token": "t1", "label": "es", "health": ["extractable"], "operations": ["sign", "jws"]}, "one key", keys)
    ok(keys["keys"][1]["health"] == [] and "health" not in keys["keys"][2], "nothing against one key, nothing known of another", keys)
    ok(json.loads(c.get("/v1/keys/es")[2]) == keys["keys"][0], "a key by name")
    ok(json.loads(c.get("/v1/keys/kid-es")[2]) == keys["keys"][0], "a key by kid")
    r = c.get("/v1/keys/es", "Accept: application/jwk+json\r\n")
    ok(r[1]["content-type"] == "application/jwk+json" and json.loads(r[2])["kid"] == "kid-es" and r[1]["vary"] == "Accept", "its JWK")
    ok(c.get("/v1/keys/es", "Accept: application/x-pem-file\r\n")[2] == b"-----BEGIN kid-es", "its PEM")
    ok(is_problem(c.get("/v1/keys/es", "Accept: application/cose-key\r\n"), 503, "KEY_UNAVAILABLE"), "a COSE_Key nobody gave")
    ok(is_problem(c.get("/v1/keys/es", "Accept: application/pem-certificate-chain\r\n"), 404, "CERT_ABSENT"), "nor certificates")
    ok(is_problem(c.get("/v1/keys/es", "Accept: image/png\r\n"), 406, "HTTP_NOT_ACCEPTABLE"), "no other form")
    ok(is_problem(c.get("/v1/keys/gone", "Accept: application/jwk+json\r\n"), 503, "KEY_UNAVAILABLE"), "a key without a public half")
    ok(is_problem(c.get("/v1/keys/secret"), 404, "KEY_UNKNOWN"), "a hidden key by name does not exist")
    ok(is_problem(c.get("/v1/keys/kid-secret"), 404, "KEY_UNKNOWN"), "nor by kid")
    ok(is_problem(c.get("/v1/keys/" + "x" * 600), 404, "ROUTE_UNKNOWN"), "a name that is too long")
    who = json.loads(c.get("/v1/whoami")[2])
    ok(who["uid"] == os.getuid() and who["pid"] == os.getpid() and who["clients"] == ["me"] and "reason" not in who and
        who["keys"][0] == {"name": "es", "operations": ["sign", "jws"]}, "whoami", who)
    tokens = json.loads(c.get("/v1/tokens")[2])["tokens"]
    ok(tokens == [{"name": "t1", "state": "ready", "label": "T", "serial": "1", "pin": "ok", "module": MODULE}], "tokens", tokens)
    r = c.get("/v1/keys", method="DELETE")
    ok(is_problem(r, 405, "HTTP_METHOD") and r[1]["allow"] == "GET, HEAD", "405 with Allow")
    r = c.get("/v1/keys/es/sign")
    ok(is_problem(r, 405, "HTTP_METHOD") and r[1]["allow"] == "POST", "405 on a POST route")
    ok(is_problem(c.get("/v1/keys?limit=1"), 400, "ARGUMENT"), "an unknown query")
    ok(is_problem(c.get("/v1/"), 404, "ROUTE_UNKNOWN") and is_problem(c.get("//v1"), 404, "ROUTE_UNKNOWN") and
        is_problem(c.get("/v1/keys/../keys"), 404, "ROUTE_UNKNOWN"), "paths are not made nicer")


def test_signing(d, w):
    c = Client(d.api)
    s, f, body = c.post("/v1/keys/es/sign", {"input": b64("hello"), "alg": "ES256"}, "Request-Id: my-id.1\r\n")
    ok(s == 200 and json.loads(body) == {"kid": "kid-es", "alg": "ES256", "signature": "_" * 85 + "w"}, "sign", s, body)
    ok(f["cache-control"] == "no-store" and f["request-id"] == "my-id.1", "no-store and the client's Request-Id", f)
    kind, fields, creds = w.seen[-1]
    ok(kind == "SIGN" and fields["KEY"] == b"es" and fields["INPUT"] == b"hello" and fields["ALG"] == b"ES256" and fields["REQUEST_ID"] == b"my-id.1",
        "the worker gets octets and the request id", fields)
    ok(creds == (os.getpid(), os.getuid(), os.getgid()), "and the client's own descriptor", creds)
    r = c.post("/v1/keys/kid-es/sign", {"digest": b64("d" * 32), "encoding": "der"})
    ok(r[0] == 200 and len(r[1]["request-id"]) == 16 and w.seen[-1][1]["DIGEST"] == b"d" * 32 and w.seen[-1][1]["ENCODING"] == b"der", "digest, DER, by kid", r)
    ok(c.post("/v1/keys/es/sign", {"input": ""})[0] == 200 and w.seen[-1][1]["INPUT"] == b"", "an empty input is an input")
    s, f, body = c.post("/v1/keys/es/jws", {"payload": b64("p"), "protected": {"typ": "x", "n": 1.50}})
    ok(s == 200 and body == b"a.b.c" and f["content-type"] == "application/jose", "jws", s, body)
    ok(w.seen[-1][1]["HEADER"] == b'{"typ": "x", "n": 1.5}' and w.seen[-1][1]["PAYLOAD"] == b"p", "its header as written")
    s, f, body = c.post("/v1/keys/es/jws", {"payload": ""}, "Accept: application/json\r\n")
    ok(f["content-type"] == "application/json" and json.loads(body) == {"kid": "kid-es", "alg": "ES256", "jws": "a.b.c"},
        "jws in JSON", body)
    s, f, body = c.post("/v1/keys/es/jwt", {"claims": {"a": 1}, "ttl": 60})
    ok(s == 200 and f["content-type"] == "application/jwt" and struct.unpack("=Q", w.seen[-1][1]["TTL"]) == (60,), "jwt", s, f)
    ok(json.loads(c.post("/v1/keys/es/jwt", {"claims": {}},
        "Accept: application/json\r\n")[2])["jwt"] == "a.b.c" and "TTL" not in w.seen[-1][1], "jwt in JSON")
    ok(is_problem(c.post("/v1/keys/es/jwt", {"claims": {}}, "Accept: text/plain\r\n"), 406, "HTTP_NOT_ACCEPTABLE"),
        "no other form of a jwt")
    r = c.post("/v1/keys/es/sign", {"input": b64("fault")}, "Request-Id: f\r\n")
    p = json.loads(r[2])
    ok(is_problem(r, 503,
        "TOKEN_ABSENT") and p["detail"] == 'token "t1" is gone' and p["hint"] == "wait" and p["token"] == "t1" and p["ckr"] == "CKR_TOKEN_NOT_PRESENT" and p["request_id"] == "f" and
        "retry-after" in r[1] and r[1]["cache-control"] == "no-store", "a worker's fault", r)
    n = len(w.seen)
    for body, code, what in (
            ('{"input":"YQ","x":1}', "MEMBER_UNKNOWN", "unknown member"),
                ('{"input":"YQ","input":"YQ"}', "JSON_DUPLICATE", "member twice"),
            ("{}", "MEMBER_MISSING", "neither input nor digest"), ('{"input":"YQ","digest":"YQ"}', "MEMBER_MISSING", "both"),
            ('{"input":1}', "MEMBER_TYPE", "wrong type"), ('{"input":"YQ=="}', "BASE64_INVALID", "padding"),
                ('{"input":"a+b/"}', "BASE64_INVALID", "alphabet"),
            ('{"input":"YQ","encoding":"pem"}', "MEMBER_TYPE", "unknown encoding"), ("", "JSON_INVALID", "empty body"),
                ("[]", "MEMBER_TYPE", "an array"),
            ('{"input":"YQ"}{}', "JSON_INVALID", "two values")):
        r = c.post("/v1/keys/es/sign", body)
        ok(is_problem(r, 400, code), f"sign refuses: {what}", r)
    for body, code in (({"claims": []}, "MEMBER_TYPE"), ({"claims": {}, "ttl": 0}, "MEMBER_TYPE"),
        ({"claims": {}, "ttl": 1.5}, "MEMBER_TYPE"), ({"ttl": 5}, "MEMBER_MISSING")):
        ok(is_problem(c.post("/v1/keys/es/jwt", body), 400, code), f"jwt refuses: {json.dumps(body)}")
    ok(is_problem(c.post("/v1/keys/nope/sign", {"input": "YQ"}), 404, "KEY_UNKNOWN"), "unknown key")
    ok(is_problem(c.post("/v1/keys/secret/sign", {"input": "YQ"}), 404, "KEY_UNKNOWN"), "hidden key")
    ok(len(w.seen) == n, "none of them reached the worker")
    ok(wait_for(lambda: len(w.refused) == 2) and [(f["NAME"], f["CODE"], f["KEY"]) for f, _ in w.refused] ==
        [(b"sign", b"KEY_UNKNOWN", b"nope"), (b"sign", b"KEY_UNKNOWN", b"secret")] and w.refused[0][1][0] == os.getpid(), "but it is told what policy refused",
        w.refused)
    big = {"input": b64("x" * 45000)}
    ok(c.post("/v1/keys/es/sign", big)[0] == 200 and len(w.seen[-1][1]["INPUT"]) == 45000, "a body close to the limit")


def test_jws(d, w):
    c = Client(d.api)
    number = lambda name: struct.unpack("=Q", w.seen[-1][1][name])[0]
    flat = '{"payload":"AA","protected":"AA","header":{"a":[1.50]},"signature":"A_-"}'
    general = '{"signatures":[{"header":{"alg":"x"},"signature":"AA"},{"protected":"AA","signature":"AA"}]}'
    r = c.post("/v1/keys/es/jws", {"payload": b64("text:" + flat), "serialization": "flattened", "header": {"a": 1}, "typ": "t", "cty": "c", "jwk": True, "x5c": True})
    ok(r[0] == 200 and r[1]["content-type"] == "application/jose+json" and r[2] == flat.encode(), "flattened goes out as it came", r)
    seen = w.seen[-1][1]
    ok((number("FORM"), number("FLAGS"), seen["TYP"], seen["CTY"], json.loads(seen["UNPROTECTED"])) == (1, 12, b"t", b"c", {"a": 1}),
        "each member is a field of its own", seen)
    r = c.post("/v1/keys/es/jws", {"payload": b64("text:" + general), "serialization": "general", "detached": True, "b64": False},
        "Accept: application/json\r\n")
    ok(r[1]["content-type"] == "application/json" and json.loads(r[2]) == {"kid": "kid-es", "alg": "ES256", "jws": json.loads(general)} and
        (number("FORM"), number("FLAGS")) == (2, 3), "general inside JSON", r)
    c.post("/v1/keys/es/jws", {"payload": "", "detached": False, "b64": True, "jwk": False, "serialization": "compact"})
    ok("FLAGS" not in w.seen[-1][1] and "FORM" not in w.seen[-1][1], "what is the default is not sent", w.seen[-1][1])
    c.post("/v1/keys/es/jws", {"payload": "", "jws": "a.b.c", "serialization": "general"})
    ok(w.seen[-1][1]["JWS"] == b"a.b.c", "a JWS as a string")
    c.post("/v1/keys/es/jws", {"jws": {"payload": "AA"}, "serialization": "general"})
    ok(json.loads(w.seen[-1][1]["JWS"]) == {"payload": "AA"} and "PAYLOAD" not in w.seen[-1][1], "a JWS as an object, with its own payload")
    for form, text in (("compact", "a.b"), ("compact", "a.b.c.d"), ("compact", "a.b.c\n"), ("compact", "a.b.c="), ("compact", flat), ("flattened", "a.b.c"),
            ("flattened", general), ("general", flat), ("flattened", flat + "x"), ("flattened", flat[:-1] + ',"x":1}'),
            ("flattened", flat.replace("A_-", "A+")), ("flattened", flat.replace('"AA"', '"A A"', 1)), ("flattened", '{"payload":"AA","signature":"AA"}'),
            ("flattened", flat.replace('"signature"', '"payload"')), ("general", '{"payload":"AA","signatures":[]}'), ("general", '{"signatures":[1]}'),
            ("general", general.replace('"AA"', '"<b>"')), ("general", general.replace('"signatures":', '"x":1,"signatures":')), ("flattened", "[]"),
            ("flattened", ""), ("general", '{"signatures":{}}')):
        r = c.post("/v1/keys/es/jws", {"payload": b64("text:" + text), "serialization": form})
        ok(is_problem(r, 500, "INTERNAL"), f"a worker's {form}: {text}", r)
    ok(is_problem(c.post("/v1/keys/es/jws", {"payload": "", "serialization": "flattened"}, "Accept: application/jose\r\n"), 406, "HTTP_NOT_ACCEPTABLE"),
        "no flattened one as application/jose")
    ok(is_problem(c.post("/v1/keys/es/jws", {"payload": ""}, "Accept: application/jose+json\r\n"), 406, "HTTP_NOT_ACCEPTABLE"), "and no compact one as JSON")
    ok(is_problem(c.post("/v1/keys/es/jws", {"payload": ""}, "Accept: text/plain\r\n"), 406, "HTTP_NOT_ACCEPTABLE"), "nor anything as text")
    n = len(w.seen)
    for body, code in (({}, "MEMBER_MISSING"), ({"payload": "", "serialization": "Compact"}, "MEMBER_TYPE"), ({"payload": "", "serialization": 1}, "MEMBER_TYPE"),
            ({"payload": "", "header": []}, "MEMBER_TYPE"), ({"payload": "", "protected": "AA"}, "MEMBER_TYPE"), ({"payload": "", "detached": 1}, "MEMBER_TYPE"),
            ({"payload": "", "b64": "false"}, "MEMBER_TYPE"), ({"payload": "", "jwk": None}, "MEMBER_TYPE"), ({"payload": "", "x5c": []}, "MEMBER_TYPE"), ({"payload": "", "typ": 1}, "MEMBER_TYPE"),
            ({"payload": "", "jws": 1}, "MEMBER_TYPE"), ({"jws": None}, "MEMBER_TYPE"), ({"payload": "A"}, "BASE64_INVALID"), ({"payload": "", "kid": "x"}, "MEMBER_UNKNOWN"),
            ({"payload": "", "unprotected": {}}, "MEMBER_UNKNOWN")):
        ok(is_problem(c.post("/v1/keys/es/jws", body), 400, code), f"jws refuses: {json.dumps(body)}")
    ok(len(w.seen) == n, "none of them reached the worker")


def test_connections(d, w):
    c = Client(d.api)
    c.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    ok(all(c.reply()[0] == 200 for _ in range(50)), "fifty pipelined requests")
    c.ask("/v1/keys/es/sign", {"input": b64("1")}).send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").ask("/v1/keys/es/jws",
        {"payload": "Mg"})
    c.send("GET /nope HTTP/1.1\r\nHost: x\r\n\r\n")
    got = [c.reply() for _ in range(4)]
    ok([g[0] for g in got] == [200, 200, 200, 404] and got[1][2] == b"ok\n" and got[2][2] == b"a.b.c",
        "signing and reading, in order", got)
    text = b"POST /v1/keys/es/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n" + b'{"input":"YQ"}'
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
    for i in range(len(text)):
        c.send(text[i:i + 1])
    ok(c.reply()[0] == 200, "a request octet by octet")
    c = Client(d.api)
    c.ask("/v1/keys/es/sign", {"input": b64("x")})
    c.sock.shutdown(socket.SHUT_WR)
    ok(c.reply()[0] == 200 and c.closed(), "a half-closed client gets its reply")
    c = Client(d.api)
    r = c.get("/livez", "Connection: close\r\n")
    ok(r[1]["connection"] == "close" and c.closed(), "Connection: close")
    c = Client(d.api)
    c.send("POST /v1/keys/es/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 14\r\nExpect: 100-continue\r\n\r\n")
    ok(c.reply()[0] == 100, "100 Continue")
    ok(c.send('{"input":"YQ"}').reply()[0] == 200, "then the answer")
    c.send("POST /v1/nope HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 14\r\nExpect: 100-continue\r\n\r\n")
    ok(c.reply()[0] == 404 and c.closed(), "a refusal instead of 100 Continue ends the connection")
    c = Client(d.api)
    c.send("POST /v1/keys/es/sign HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
    r = c.reply()
    try:
        for _ in range(64):
            c.send(b"x" * 4096)
    except OSError:
        pass
    ok(is_problem(r, 413, "HTTP_BODY_TOO_LARGE") and r[1]["connection"] == "close" and c.closed(), "a body past the limit")
    c = Client(d.api)
    c.send("GET / HTTP/1.1\r\nHost: x\r\nX: " + "a" * 80000)
    ok(is_problem(c.reply(), 431, "HTTP_HEAD_TOO_LARGE") and c.closed(), "80 kB of head")
    c = Client(d.api)
    t = time.monotonic()
    c.send("GET /livez HTTP/1.1\r\n")
    ok(is_problem(c.reply(), 408, "HTTP_TIMEOUT") and c.closed() and 0.9 < time.monotonic() - t < 3, "a head that does not end")
    c = Client(d.api)
    c.send("POST /v1/keys/es/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{")
    ok(is_problem(c.reply(), 408, "HTTP_TIMEOUT") and c.closed(), "a body that does not end")
    # replies that the client does not read: the front keeps them, others go on
    c = Client(d.api)
    sent = 0
    c.sock.setblocking(False)
    try:
        while sent < 40000:
            c.sock.send(b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n")
            sent += 1
    except BlockingIOError:
        pass
    ok(Client(d.api).get("/livez")[0] == 200, "a client that does not read does not stop others", sent)
    c.sock.settimeout(8)
    bodies = {c.reply()[2] for _ in range(sent)}
    ok(len(bodies) == 1 and b"kid-es" in bodies.pop(), "and gets everything in the end")


def test_held(d, w):
    """Workers hold at most threads + 1; the rest waits in a queue of 4."""
    clients = [Client(d.api) for _ in range(7)]
    for i, c in enumerate(clients[:2]):
        c.ask("/v1/keys/es/sign", {"input": b64(f"hold{i}")})
    ok(wait_for(lambda: len(w.held) == 2), "two requests in flight")
    for c in clients[2:6]:
        c.ask("/v1/keys/es/sign", {"input": b64("next")})
    ok(wait_for(lambda: is_problem(Client(d.api).post("/v1/keys/es/sign", {"input": b64("full")}), 503, "QUEUE_FULL")),
        "the fifth waiting one is refused")
    ok(len(w.held) == 2 and w.most == 2, "never more than threads + 1 in a worker")
    gone = clients[5]
    gone.sock.close()
    w.let_go()
    ok([c.reply()[0] for c in clients[:5]] == [200] * 5, "all others are answered")
    ok(Client(d.api).post("/v1/keys/es/sign", {"input": b64("y")})[0] == 200, "and the place of the one who left is free")
    c = Client(d.api)
    c.ask("/v1/keys/es/sign", {"input": b64("hold")})
    ok(wait_for(lambda: len(w.held) == 1), "a request in flight")
    c.sock.close()
    other = Client(d.api)
    ok(other.get("/livez")[0] == 200, "its client leaves")
    w.let_go()
    ok(other.post("/v1/keys/es/sign", {"input": b64("z")})[0] == 200, "its late answer goes nowhere")


def test_lost(program):
    d = Daemon(program, timeout=2)
    w0, w1 = Worker(d, 0), Worker(d, 1)
    w0.catalog(ALL)
    c = Client(d.api)
    wait_for(lambda: c.get("/readyz")[0] == 200)
    c.ask("/v1/keys/es/sign", {"input": b64("hold")})
    ok(wait_for(lambda: w0.held or w1.held), "a worker holds a request")
    holder, other = (w0, w1) if w0.held else (w1, w0)
    holder.end()
    ok(wait_for(lambda: other.held), "its other worker gets it")
    other.let_go()
    ok(c.reply()[0] == 200, "the client sees nothing of it")
    ok(json.loads(c.get("/.well-known/jwks.json")[2])["keys"] != [], "the set stays")
    w2 = Worker(d, holder.index)
    ok(is_problem(c.post("/v1/keys/es/sign", {"input": b64("crash")}), 502, "WORKER_LOST"), "two lost workers are enough")
    w3 = Worker(d, 0)
    w3.catalog(ALL)
    c.ask("/v1/keys/es/sign", {"input": b64("mute")})
    r = c.reply()
    ok(is_problem(r, 504, "WORKER_TIMEOUT"), "a deadline", r)
    kind, _, fields = decode(receive(d.control)[0])
    ok(kind == "WORKER_LATE" and fields["MODULE"] == MODULE.encode() and struct.unpack("=Q", fields["INDEX"]) == (0,),
        "the supervisor is told", kind)
    r = c.post("/v1/keys/es/sign", {"input": b64("a")})
    ok(is_problem(r, 504, "WORKER_TIMEOUT"), "a late worker gets nothing more", r)
    c.ask("/v1/keys/es/sign", {"input": b64("b")})
    w4 = Worker(d, 0)
    ok(c.reply()[0] == 200 and w4.seen, "a new worker gets what waited")
    w4.catalog({"es": "", "twin": ""}, state="absent")
    ok(wait_for(lambda: c.get("/readyz")[0] == 503), "the token is gone")
    ok([k["kid"] for k in json.loads(c.get("/.well-known/jwks.json")[2])["keys"]] == ["kid-es", "kid-twin", "kid-secret"],
        "its public keys stay")
    ok(json.loads(c.get("/v1/keys/es")[2])["state"] == "unavailable", "and their state is told")
    bad = {"kty": "EC", "kid": "kid-es", "d": "secret"}
    for m in (encode("CATALOG_BEGIN", 0), encode("CATALOG_KEY", 0, NAME="es", STATE="active", TOKEN="t1", KID="kid-es",
        ALG="ES256", KTY="EC", JWK=json.dumps(bad),
            PEM="p"), encode("CATALOG_END", 0), encode("CATALOG_BEGIN", 0)):
        w4.sock.send(m)
    w4.sock.send(b"rubbish")
    w4.sock.send(encode("REPLY", 999, KID="k", ALG="a", TEXT="t"))
    w4.sock.send(encode("READY", 0))
    ok(c.post("/v1/keys/es/sign", {"input": b64("c")})[0] == 200, "rubbish from a worker is dropped")
    ok(b'"d":' not in c.get("/.well-known/jwks.json")[2], "a private member is never published")
    code, log = d.end()
    ok(code == 0 and "worker-lost" in log and "worker-late" in log and "message-dropped" in log and "private member" in log,
        "all of it is logged", log)


def test_policy_and_reload(program):
    d = Daemon(program, who="uid = 4242", connections=3)
    w = Worker(d, 0)
    w.catalog(ALL)
    c = Client(d.api)
    wait_for(lambda: c.get("/readyz")[0] == 200)
    for path in ("/v1/keys", "/v1/keys/es", "/v1/tokens"):
        ok(is_problem(c.get(path), 403, "PEER_DENIED"), f"{path} without a [client]")
    ok(is_problem(c.post("/v1/keys/es/sign", {"input": "YQ"}), 403, "PEER_DENIED") and not w.seen, "sign without a [client]")
    for path in ("/.well-known/jwks.json", "/v1", "/livez", "/readyz"):
        ok(c.get(path)[0] == 200, f"{path} is for everybody")
    who = json.loads(c.get("/v1/whoami")[2])
    ok(who["keys"] == [] and who["clients"] == [] and "no [client] section matches" in who["reason"], "whoami says why", who)
    more = [Client(d.api), Client(d.api)]
    ok(all(m.get("/livez")[0] == 200 for m in more), "three connections")
    tag = c.get("/.well-known/jwks.json")[1]["etag"]
    d.configure(age=77, connections=64, idle=1)
    ok(wait_for(lambda: c.get("/.well-known/jwks.json")[1]["cache-control"] == "public, max-age=77"), "a new configuration holds at once")
    ok(c.get("/.well-known/jwks.json")[1]["etag"] == tag, "the same set keeps its tag")
    ok(c.post("/v1/keys/es/sign", {"input": "YQ"})[0] == 200, "also for an open connection")
    t = time.monotonic()
    ok(c.closed() and 0.9 < time.monotonic() - t < 3, "an idle connection is closed without a word")
    d.end()


def test_two_modules(program):
    """Each worker sees to its own kids; between two modules the front does."""
    d = Daemon(program)
    w, other = Worker(d, 0), Worker(d, 0, "other")
    c = Client(d.api)
    w.catalog({"es": "kid-es"})
    other.catalog({"twin": "kid-es"}, x="AQ")
    ok(wait_for(lambda: c.get("/v1/keys/twin")[0] == 200 and c.get("/v1/keys/es")[0] == 200), "both modules have reported")
    keys = json.loads(c.get("/.well-known/jwks.json")[2])["keys"]
    ok([(k["kid"], k["x"]) for k in keys] == [("kid-es", "AA")], "one kid of two keys is published once, for the first", keys)
    ok(is_problem(c.get("/.well-known/jwks/one.json"), 503, "NOT_READY"), "and not in a set of the later one alone")
    twin = json.loads(c.get("/v1/keys/twin")[2])
    ok(twin["state"] == "kid-taken" and twin["reason"] == "its kid is that of another key, in another module", "its state says so", twin)
    ok(is_problem(c.post("/v1/keys/twin/sign", {"input": "YQ"}), 409, "KID_TAKEN") and not other.seen, "and it signs nothing")
    ok(is_problem(c.get("/v1/keys/twin", "Accept: application/jwk+json\r\n"), 409, "KID_TAKEN"), "nor is its public half given out")
    ok(c.post("/v1/keys/kid-es/sign", {"input": "YQ"})[0] == 200 and w.seen, "the kid means the first")
    other.catalog({"twin": "kid-es"})
    ok(wait_for(lambda: json.loads(c.get("/v1/keys/twin")[2])["state"] == "active"), "the same key in two modules may share it")
    ok(len(json.loads(c.get("/.well-known/jwks.json")[2])["keys"]) == 1, "and is published once")
    d.end()


def test_verify(program):
    d = Daemon(program, who="user = *\nallow = verify")
    w = Worker(d, 0)
    w.sock.send(encode("CATALOG_BEGIN", 0))
    w.sock.send(encode("CATALOG_TOKEN", 0, NAME="t1", STATE="ready"))
    w.sock.send(encode("CATALOG_KEY", 0, NAME="gone", STATE="active", TOKEN="t1", KID="kid-mac", ALG="HS256", KTY="oct", BITS=256, LABEL="mac"))
    w.sock.send(encode("CATALOG_END", 0))
    c = Client(d.api)
    ok(wait_for(lambda: c.get("/readyz")[0] == 200), "a secret key is reported")
    s, f, body = c.get("/v1/keys/gone")
    ok(s == 200 and json.loads(body) == {"name": "gone", "kid": "kid-mac", "alg": "HS256", "kty": "oct", "bits": 256, "use": "sig", "state": "active",
        "token": "t1", "label": "mac", "health": [], "operations": ["sign", "jws", "verify"]}, "what is told of it", body)
    for form in ("application/jwk+json", "application/x-pem-file"):
        for name in ("gone", "kid-mac"):
            ok(is_problem(c.get(f"/v1/keys/{name}", f"Accept: {form}\r\n"), 406, "KEY_SECRET"), f"{name} has no {form}")
    ok(is_problem(c.get("/.well-known/jwks.json"), 503, "NOT_READY"), "no set has it")
    s, f, body = c.post("/v1/keys/gone/verify", {"input": b64("valid"), "signature": b64("mac"), "alg": "HS256"}, "Request-Id: v\r\n")
    ok(s == 200 and json.loads(body) == {"kid": "kid-es", "alg": "ES256", "valid": True} and f["cache-control"] == "no-store", "verify", s, body)
    kind, fields, creds = w.seen[-1]
    ok(kind == "VERIFY" and fields == {"KEY": b"gone", "INPUT": b"valid", "SIGNATURE": b"mac", "ALG": b"HS256", "REQUEST_ID": b"v"} and
        creds[0] == os.getpid(), "what the worker is asked", fields)
    ok(is_problem(c.post("/v1/keys/gone/verify", {"input": b64("fault"), "signature": ""}), 503, "TOKEN_ABSENT"), "a worker's fault")
    for word in ("", "invalid", "Valid", "valid\n", "true"):
        ok(is_problem(c.post("/v1/keys/gone/verify", {"input": b64(word), "signature": ""}), 500, "INTERNAL"), f"{word!r} is no yes")
    n = len(w.seen)
    for body, code in (("{}", "MEMBER_MISSING"), ('{"input":"YQ"}', "MEMBER_MISSING"), ('{"signature":"YQ"}', "MEMBER_MISSING"),
        ('{"input":"YQ","signature":"YQ=="}', "BASE64_INVALID"), ('{"input":"YQ","signature":1}', "MEMBER_TYPE"),
        ('{"input":"YQ","signature":"YQ","digest":"YQ"}', "MEMBER_UNKNOWN"), ('{"input":"YQ","signature":"YQ","encoding":"der"}', "MEMBER_UNKNOWN")):
        ok(is_problem(c.post("/v1/keys/gone/verify", body), 400, code), f"verify refuses: {body}")
    ok(len(w.seen) == n, "none of them reached the worker")
    # Nothing shows that two secret keys are one: in two modules they are two.
    other = Worker(d, 0, "other")
    other.sock.send(encode("CATALOG_BEGIN", 0))
    other.sock.send(encode("CATALOG_KEY", 0, NAME="secret", STATE="active", TOKEN="t1", KID="kid-mac", ALG="HS256", KTY="oct", BITS=256))
    other.sock.send(encode("CATALOG_KEY", 0, NAME="twin", STATE="active", TOKEN="t1", KID="kid-twin", ALG="HS256", KTY="oct", BITS=256))
    other.sock.send(encode("CATALOG_END", 0))
    ok(wait_for(lambda: c.get("/v1/keys/twin")[0] == 200), "another module has reported")
    c.post("/v1/keys/kid-mac/verify", {"input": b64("valid"), "signature": ""})
    ok(w.seen[-1][1]["KEY"] == b"kid-mac" and not other.seen, "the kid means the first")
    d.end()


def test_drain(program):
    d = Daemon(program)
    w = Worker(d, 0)
    w.catalog(ALL)
    busy, idle, half = Client(d.api), Client(d.api), Client(d.api)
    wait_for(lambda: busy.get("/readyz")[0] == 200)
    idle.get("/livez")
    half.send("GET /livez HTT")
    busy.ask("/v1/keys/es/sign", {"input": b64("hold")}, "Request-Id: last\r\n")
    wait_for(lambda: w.held)
    d.drain()
    ok(idle.closed(), "draining closes idle connections")
    try:
        Client(d.api).get("/livez")
        ok(False, "nobody is let in")
    except (ConnectionError, EOFError):
        ok(True, "nobody is let in")
    r = half.send("P/1.1\r\nHost: x\r\n\r\n").reply()
    ok(r[0] == 200 and r[1]["connection"] == "close" and half.closed(), "a request on its way is answered")
    w.let_go()
    r = busy.reply()
    ok(r[0] == 200 and r[1]["connection"] == "close" and busy.closed(), "and one in flight")
    ok(d.proc.wait(5) == 0, "then the front ends")
    d.end()


def test_idle(program):
    """No wake-ups: the number of context switches stands still."""
    d = Daemon(program)
    w = Worker(d, 0)
    w.catalog(ALL)
    clients = [Client(d.api) for _ in range(20)]
    for c in clients:
        wait_for(lambda: c.get("/readyz")[0] == 200)

    def switches():
        with open(f"/proc/{d.proc.pid}/status") as f:
            return sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
    wait_for(lambda: False, 0.2)
    before = switches()
    wait_for(lambda: False, 1.5)
    ok(switches() == before, "an idle front sleeps", before, switches())
    d.end()


def main():
    program = os.path.join(os.environ.get("JWK11_BUILD", "."), "jwk11d-front")
    test_before_workers(program)
    d = Daemon(program)
    w = Worker(d, 0)
    w.catalog(ALL)
    c = Client(d.api)
    wait_for(lambda: c.get("/readyz")[0] == 200)
    test_views(d, w)
    test_signing(d, w)
    test_jws(d, w)
    test_jws(d, w)
    test_connections(d, w)
    test_held(d, w)
    code, log = d.end()
    ok(code == 0 and "ERROR" not in log and "runtime error" not in log, "a clean end", code, log)
    test_lost(program)
    test_policy_and_reload(program)
    test_two_modules(program)
    test_verify(program)
    test_drain(program)
    test_idle(program)
    print(f"1..{count}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
