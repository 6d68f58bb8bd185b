#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Raw requests against a running daemon: which status comes back, and whether the connection goes on. Each row is sent in one piece and, when
it is short, octet by octet. Arguments: path of api.sock, and the name of an ES256 key this user may sign with (default es256). Prints TAP."""
import socket
import sys

H = "Host: x\r\n"
JSON = "Content-Type: application/json\r\n"
DIGEST = '{"digest":"' + "A" * 43 + '"}'
KEEP, CLOSE = False, True


def get(path, extra="", method="GET", version="HTTP/1.1"):
    return f"{method} {path} {version}\r\n{H}{extra}\r\n"


def post(path, body, extra=JSON, length=None):
    return f"POST {path} HTTP/1.1\r\n{H}{extra}Content-Length: {len(body) if length is None else length}\r\n\r\n{body}"


def rows(key):
    sign = f"/v1/keys/{key}/sign"
    return [
        # octets, statuses in order, closed afterwards, comment
        (get("/livez"), [200], KEEP, "plain GET"),
        (get("/livez") * 3, [200, 200, 200], KEEP, "three pipelined"),
        (get("/livez", "Connection: close\r\n"), [200], CLOSE, "Connection: close"),
        (get("/livez", "Connection: close\r\n") + get("/livez"), [200], CLOSE, "nothing is read behind Connection: close"),
        (post(sign, DIGEST), [200], KEEP, "a signature"),
        (post(sign, DIGEST) + get("/livez") + post(sign, DIGEST), [200, 200, 200], KEEP, "signatures in the pipeline"),
        (post(sign, DIGEST, JSON + "Expect: 100-continue\r\n"), [200], KEEP, "a body that does not wait for 100 Continue"),
        (get("/livez", "", "HEAD"), [200], KEEP, "HEAD"),

        # two or odd lengths, codings
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}", [400], CLOSE, "two different lengths"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}", [400], CLOSE, "two equal lengths"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}Content-Length: 2, 2\r\n\r\n{{}}", [400], CLOSE, "a list of lengths"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400], CLOSE,
            "length and chunked"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", [400], CLOSE,
            "chunked and length"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [501], CLOSE, "chunked"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{{}}\r\n0\r\n\r\n", [501], CLOSE,
            "chunked with an odd chunk size"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", [501], CLOSE, "gzip, chunked"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}TE: gzip, chunked\r\n\r\n0\r\n\r\n", [501], CLOSE, "TE: gzip, chunked"),
        (f"GET /livez HTTP/1.1\r\n{H}Transfer-Encoding: identity\r\n\r\n", [501], CLOSE, "identity coding"),
        (post(sign, "{}", length="+2"), [400], CLOSE, "length with a sign"),
        (post(sign, "{}", length="0x2"), [400], CLOSE, "length in hexadecimal"),
        (post(sign, "{}", length="-1"), [400], CLOSE, "negative length"),
        (post(sign, "{}", length=""), [400], CLOSE, "empty length"),
        (f"POST {sign} HTTP/1.1\r\n{H}{JSON}\r\n{{}}", [411], CLOSE, "POST without length"),
        (post(sign, "x" * 64, length=10**9), [413], CLOSE, "a body past the limit"),
        (post(sign, "x" * 64, length=10**30), [413], CLOSE, "a length past all numbers"),
        (get("/livez", "Content-Length: 2\r\n") + "{}", [413], CLOSE, "GET with a body"),
        (get("/livez", "Content-Length: 0\r\n"), [200], KEEP, "GET with an empty body"),

        # lines and fields
        ("GET /livez HTTP/1.1\r\nX: a\0b\r\n" + H + "\r\n", [400], CLOSE, "NUL inside a header"),
        ("GET /livez HTTP/1.1\r\nX\0: a\r\n" + H + "\r\n", [400], CLOSE, "NUL in a name"),
        ("GET /livez HTTP/1.1\r\nHost : x\r\n\r\n", [400], CLOSE, "blank before the colon"),
        ("GET /livez HTTP/1.1\r\n" + H + "X: a\r\n b\r\n\r\n", [400], CLOSE, "obs-fold"),
        ("GET /livez HTTP/1.1\r\n X: a\r\n" + H + "\r\n", [400], CLOSE, "a blank before the first field"),
        ("GET /livez HTTP/1.1\nHost: x\n\n", [400], CLOSE, "bare LF"),
        ("GET /livez HTTP/1.1\r\nHost: x\n\r\n", [400], CLOSE, "bare LF behind a field"),
        ("GET /livez HTTP/1.1\r\nX: a\rb\r\n" + H + "\r\n", [400], CLOSE, "bare CR"),
        ("GET /livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", [400], CLOSE, "two Hosts"),
        ("GET /livez HTTP/1.1\r\n\r\n", [400], CLOSE, "no Host"),
        ("GET /livez HTTP/1.1\r\nHost: [::1]:99\r\n\r\n", [200], KEEP, "any Host"),
        ("GET /livez HTTP/1.1\r\nHost:\r\n\r\n", [200], KEEP, "an empty Host"),
        ("\r\n" + get("/livez"), [400], CLOSE, "an empty line first"),
        ("GET  /livez HTTP/1.1\r\n" + H + "\r\n", [400], CLOSE, "two blanks"),
        ("GET /livez\r\n\r\n", [400], CLOSE, "HTTP/0.9"),
        ("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", [400], CLOSE, "TLS"),
        (get("/livez", version="HTTP/1.9"), [505], CLOSE, "HTTP/1.9"),
        (get("/livez", version="HTTP/1.0"), [505], CLOSE, "HTTP/1.0"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], CLOSE, "HTTP/2"),
        (get("/livez", "X: " + "a" * 80000 + "\r\n"), [431], CLOSE, "80 kB of header"),
        (get("/livez", "X: " + "a" * 7000 + "\r\n"), [200], KEEP, "7 kB of header"),
        (get("/livez", "a:\r\n" * 200), [431], CLOSE, "200 fields"),
        (get("/livez", "Expect: something\r\n"), [501], CLOSE, "another expectation"),

        # targets
        (get("/a%00b"), [400], CLOSE, "escaped NUL"),
        (get("/v1/keys/a%2Fb"), [400], CLOSE, "escaped slash"),
        (get("/v1/keys/%c0%af"), [400], CLOSE, "overlong UTF-8"),
        (get("/v1/keys/%zz"), [400], CLOSE, "a bad escape"),
        (get("http://x/livez"), [400], CLOSE, "absolute form"),
        (get("*", method="OPTIONS"), [400], CLOSE, "asterisk form"),
        (get("/livez#x"), [400], CLOSE, "a fragment"),
        (get("/%6c%69vez"), [200], KEEP, "escaped letters"),
        (get("/../livez"), [404], KEEP, "dots are not resolved"),
        (get("//livez"), [404], KEEP, "nor slashes merged"),
        (get("/"), [404], KEEP, "no such route"),
        (get("/livez?x=1"), [400], KEEP, "an unknown query"),
        (get("/.well-known/jwks.json?x=1"), [200], KEEP, "a query that is ignored"),

        # methods and types
        (get("/livez", method="DELETE"), [405], KEEP, "wrong method"),
        (get(sign), [405], KEEP, "GET on a POST route"),
        (post("/livez", "{}"), [405], KEEP, "POST on a GET route"),
        (post(sign, DIGEST, ""), [415], KEEP, "no type"),
        (post(sign, DIGEST, "Content-Type: text/plain\r\n"), [415], KEEP, "another type"),
        (post(sign, DIGEST, "Content-Type: application/json; charset=utf-8\r\n"), [200], KEEP, "a charset"),
        (post(sign, DIGEST, JSON + JSON), [400], CLOSE, "two types"),
        (get(f"/v1/keys/{key}", "Accept: image/png\r\n"), [406], KEEP, "Accept of a key"),
        (get("/.well-known/jwks.json", "Accept: text/html\r\n"), [406], KEEP, "Accept of a set"),

        # bodies
        (post(sign, ""), [400], KEEP, "an empty body"),
        (post(sign, "{"), [400], KEEP, "half a body"),
        (post(sign, '{"digest":"","digest":""}'), [400], KEEP, "a member twice"),
        (post(sign, '{"digest":"AA","x":1}'), [400], KEEP, "an unknown member"),
        (post(sign, '{"input":"AA=="}'), [400], KEEP, "padding"),
        (post(sign, '{"input":"\\ud800"}'), [400], KEEP, "a lone surrogate"),
        (post(sign, '{"input":"\\u0000"}'), [400], KEEP, "NUL in a string"),
        (post(sign, "[" * 5000), [413], KEEP, "deep nesting"),
        (post("/v1/keys/there-is-no-such-key/sign", DIGEST), [404], KEEP, "an unknown key"),
        (post(sign, '{"digest":"AA"}'), [400], KEEP, "a digest of the wrong length"),
        (post(sign, '{"digest":"' + "A" * 43 + '","alg":"RS256"}'), [409], KEEP, "an algorithm that is not the key's"),
    ]


class Connection:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(15)
        self.sock.connect(path)
        self.rest = b""

    def send(self, octets, piece):
        try:
            for i in range(0, len(octets), piece):
                self.sock.sendall(octets[i:i + piece])
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before everything was sent

    def more(self):
        try:
            octets = self.sock.recv(65536)
        except ConnectionResetError:
            octets = b""
        self.rest += octets
        return octets != b""

    def reply(self, head):
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                return None
        top, self.rest = self.rest.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(": ", 1) for line in top.decode().split("\r\n")[1:])
        size = 0 if head else int(fields.get("content-length", "0"))
        while len(self.rest) < size:
            if not self.more():
                return None
        self.rest = self.rest[size:]
        status = int(top.split()[1])
        return self.reply(head) if status == 100 else (status, fields)


def run(path, octets, statuses, closed, piece):
    """None when all is well, else what is wrong."""
    c = Connection(path)
    octets = octets.encode("latin-1")
    head = octets.startswith(b"HEAD")
    c.send(octets, piece)
    for status in statuses:
        got = c.reply(head)
        if got is None:
            return f"no reply, not {status}"
        if got[0] != status:
            return f"status {got[0]}, not {status}"
        if got[0] >= 400 and got[1].get("content-type") != "application/problem+json":
            return f"a refusal as {got[1].get('content-type')}"
    if closed:
        if got[1].get("connection") != "close":
            return "no Connection: close"
        while c.more():
            pass
        return f"{len(c.rest)} octets behind the reply" if c.rest else None
    c.send(get("/livez").encode(), 65536)
    after = c.reply(False)
    return None if after is not None and after[0] == 200 else "the connection did not go on"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: raw_http.py API.SOCK [KEY]")
    table = rows(sys.argv[2] if len(sys.argv) == 3 else "es256")
    count = failures = 0
    for octets, statuses, closed, comment in table:
        for piece in (1 << 20, 1) if len(octets) < 1000 else (1 << 20,):
            wrong = run(sys.argv[1], octets, statuses, closed, piece)
            count += 1
            failures += wrong is not None
            print(f"{'not ok' if wrong else 'ok'} {count} - {comment}{', octet by octet' if piece == 1 else ''}" + (f"\n# {wrong}" if wrong else ""))
    print(f"1..{count}")
    sys.exit(1 if failures else 0)


main()
