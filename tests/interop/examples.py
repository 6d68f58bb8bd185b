#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of examples/ against a broker with SoftHSM: python3-jwcrypto verifies what they print, and what is refused to them they say. Those whose language is
not here are skipped, and said to be. Prints TAP."""
import json, os, shutil, subprocess, sys

from jwcrypto import jwk, jwt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "it"))
from trial import Trial, equal, main, test

EXAMPLES = os.path.join(HERE, "..", "..", "examples")
COMMANDS = {"jwt.py": ["/usr/bin/python3"], "jwt.sh": ["sh"], "jwt.js": ["node"], "jwt.go": ["go", "run"]}
VERIFIES = ("jwt.sh", "jwt.js", "jwt.go")


def run(t, name, key):
    return subprocess.run([*COMMANDS[name], os.path.join(EXAMPLES, name), t.api, key], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "GO111MODULE": "off", "GOFLAGS": ""})


def example(name):
    def judged():
        if shutil.which(COMMANDS[name][0]) is None:
            print(f"# skipped: no {COMMANDS[name][0]} for {name}", flush=True)
            return
        with Trial() as t:
            t.start()
            t.until(lambda: t.ask("GET", "/readyz")[0] == 200, "the keys")
            keys = jwk.JWKSet.from_json(t.ask("GET", "/.well-known/jwks.json")[2].decode())
            for key, alg in (("es256", "ES256"), ("eddsa", "EdDSA")):
                done = run(t, name, key)
                equal(done.returncode, 0, done.stderr)
                token = jwt.JWT(jwt=done.stdout.strip(), key=keys, algs=[alg])
                claims = json.loads(token.claims)
                equal((claims["iss"], claims["sub"], claims["exp"] - claims["iat"]), ("https://issuer.example", "alice", 300))
                for line in ("key es256 ES256 active", "refused KEY_UNKNOWN: no key \"no-such-key\"", f"verified {alg} " if name in VERIFIES else "published True"):
                    equal(line in done.stderr, True, f"{line} in {done.stderr}")
            done = run(t, name, "es255")
            equal((done.returncode, done.stdout, "KEY_UNKNOWN: no key \"es255\". Did you mean es256?" in done.stderr), (1, "", True), done.stderr)
            equal(t.ask("POST", "/v1/tokens/trial/logout", {})[0], 200)
            done = run(t, name, "es256")  # Retry-After is half a minute: it is told at once
            equal((done.returncode, done.stdout, "LOGGED_OUT: " in done.stderr), (1, "", True), done.stderr)
    judged.__name__ = f"{name} lists, signs, verifies and says what is refused"
    return judged


for NAME in COMMANDS:
    test(example(NAME))

if __name__ == "__main__":
    main()
