#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""With the broker, by the standard library alone: lists keys, has a JWT signed, fetches the JWKS, and shows a refusal. Python cannot verify signatures by
itself: python3-jwcrypto or python3-cryptography do.
    python3 jwt.py /run/jwk11d/api.sock KEY"""
import base64, http.client, json, socket, sys, time


class Broker(http.client.HTTPConnection):
    """http.client over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, method, route, body=None):
        """The answer as text; a request that may work soon is sent once more."""
        for last in (False, True):
            self.request(method, route, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            reply = self.getresponse()
            text = reply.read().decode()
            if reply.status == 200:
                return text
            wait = reply.headers["Retry-After"]
            if last or wait is None or int(wait) > 5:
                raise Problem(json.loads(text))  # application/problem+json, RFC 9457
            time.sleep(int(wait))


class Problem(Exception):
    """`code` is for programs, the rest for people."""

    def __init__(self, said):
        super().__init__(f"{said['code']}: {said.get('detail', said['title'])}" + (f" ({said['hint']})" if "hint" in said else ""))
        self.code = said["code"]


def main(path, key):
    broker = Broker(path)
    for k in json.loads(broker.ask("GET", "/v1/keys"))["keys"]:
        print("key", k["name"], k.get("alg", "-"), k["state"], file=sys.stderr)
    jwt = broker.ask("POST", f"/v1/keys/{key}/jwt", {"claims": {"iss": "https://issuer.example", "sub": "alice"}, "ttl": 300})
    head = json.loads(base64.urlsafe_b64decode(jwt.split(".")[0] + "=="))
    keys = json.loads(broker.ask("GET", "/.well-known/jwks.json"))["keys"]
    print("published", any(k["kid"] == head["kid"] for k in keys), file=sys.stderr)
    try:
        broker.ask("POST", "/v1/keys/no-such-key/jwt", {"claims": {}})
    except Problem as why:
        print("refused", why, file=sys.stderr)
    print(jwt)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Problem as why:
        sys.exit(f"jwt.py: {why}")
