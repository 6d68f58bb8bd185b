#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Dex as it is, with a key on a token: its signer of type vault speaks to api.sock. By hand, with a Dex that was built from its sources:
    dex.py DEX-PROGRAM FOLDER-OF-ITS-WEB-FILES
It fetches Dex's key set, has a token made by the password grant, and verifies that with the broker's own key set."""
import json, os, signal, socket, subprocess, sys, time, urllib.parse, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "it"))
import re
from jwcrypto import jwk, jwt
from trial import BUILD, Trial, equal, main, test

PROGRAM, WEB = sys.argv[1:]
PASSWORD, HASH = "password", "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"
MOMENTS = [int(time.time()) - 3600, int(time.time()) + 86400]


def trial():
    t = Trial()
    t.change("[daemon]\n", "[daemon]\nworkers = 1\ntransit = yes\n")
    with open(t.conf) as f:
        module = re.search("(?m)^modules = (.*)$", f.read())[1]
    for label in ["wheel"] + [time.strftime("wheel@%Y%m%dT%H%M%SZ", time.gmtime(m)) for m in MOMENTS]:
        subprocess.run([os.path.join(BUILD, "tests", "token_key"), module, "pkcs11:token=trial", os.path.join(t.dir, "pin"), "make", "ES256", label], check=True,
                       env=dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf")))
    t.change("[set default]\n", "[key wheel]\nuri = pkcs11:token=trial;object=wheel\nlead = 1h\noverlap = 2h\n[set default]\n")
    t.start("event=ready program=jwk11d-worker")
    t.until(lambda: t.ask("GET", "/readyz")[0] == 200, "the keys")
    return t


class Dex:
    def __init__(self, t, key):
        with socket.socket() as s:  # nobody else asks for it meanwhile
            s.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % s.getsockname()[1]
        self.issuer = f"http://{address}/dex"
        conf = os.path.join(t.root, "dex.json")
        with open(conf, "w") as f:
            json.dump({"issuer": self.issuer, "storage": {"type": "memory"}, "web": {"http": address}, "frontend": {"dir": WEB}, "enablePasswordDB": True,
                       "signer": {"type": "vault", "config": {"addr": "unix://" + t.api, "keyName": key, "token": "unused"}},
                       "oauth2": {"passwordConnector": "local", "grantTypes": ["password"]},
                       "staticPasswords": [{"email": "a@example.com", "hash": HASH, "username": "a", "userID": "1"}],
                       "staticClients": [{"id": "client", "secret": "secret", "name": "client", "redirectURIs": ["http://127.0.0.1/"]}]}, f)
        self.process = subprocess.Popen([PROGRAM, "serve", conf], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        for line in self.process.stdout:
            if "listening on" in line:
                return self
        raise AssertionError("Dex did not start")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)

    def get(self, url):
        return json.load(urllib.request.urlopen(url, timeout=20))

    def token(self, endpoint):
        form = {"grant_type": "password", "scope": "openid email", "username": "a@example.com", "password": PASSWORD, "client_id": "client", "client_secret": "secret"}
        return json.load(urllib.request.urlopen(endpoint, urllib.parse.urlencode(form).encode(), timeout=20))["id_token"]


@test
def dex_makes_tokens_that_our_key_set_verifies():
    with trial() as t:
        for key, alg, n_keys in (("es256", "ES256", 1), ("rs256", "RS256", 1), ("wheel", "ES256", 3)):
            with Dex(t, key) as dex:
                ours = {k["kid"]: k for k in json.loads(t.ask("GET", "/.well-known/jwks.json", sock=t.public)[2])["keys"]}
                doc = dex.get(dex.issuer + "/.well-known/openid-configuration")
                equal(doc["id_token_signing_alg_values_supported"], [alg])
                kids = {k["kid"] for k in dex.get(doc["jwks_uri"])["keys"]}
                equal((len(kids), kids <= set(ours)), (n_keys, True), key)
                token = dex.token(doc["token_endpoint"])
                head = jwt.JWT(jwt=token).token.jose_header
                claims = json.loads(jwt.JWT(jwt=token, key=jwk.JWK(**ours[head["kid"]]), algs=[alg]).claims)
                equal((claims["iss"], claims["email"]), (dex.issuer, "a@example.com"))
                signing = json.loads(t.ask("GET", f"/v1/keys/{key}")[2])["kid"]
                equal(head["kid"], signing, "the version that signs")


main()
