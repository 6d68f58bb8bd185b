#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Other people's JOSE libraries judge what the daemon signs and publishes; damaged copies must be refused by each."""
import base64, json, os, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from trial import Trial, equal, main, test
import jwt as pyjwt
from authlib.jose import JsonWebKey, JsonWebSignature
from jwcrypto import jwk as jwcrypto_jwk, jws as jwcrypto_jws

RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
CURVES = {"ES384": "EC:secp384r1", "ES512": "EC:secp521r1"}
ALGS = RSA + ["ES256", "ES384", "ES512", "EdDSA"]


def by_jwcrypto(key, token, alg):
    j = jwcrypto_jws.JWS()
    j.allowed_algs = [alg]
    j.deserialize(token, jwcrypto_jwk.JWK(**key))


def by_authlib(key, token, alg):
    JsonWebSignature(algorithms=[alg]).deserialize_compact(token.encode(), JsonWebKey.import_key(key))


def by_pyjwt(key, token, alg):
    pyjwt.decode(token, pyjwt.PyJWK(key, algorithm=alg).key, algorithms=[alg], options={"verify_aud": False})


def by_latchset(key, token, alg):
    with tempfile.NamedTemporaryFile("w", suffix=".jwk") as k, tempfile.NamedTemporaryFile("w", suffix=".jws") as s:
        k.write(json.dumps(key))
        s.write(token)
        k.flush()
        s.flush()
        subprocess.run(["jose", "jws", "ver", "-i", s.name, "-k", k.name], check=True, capture_output=True)


JUDGES = {"jwcrypto": by_jwcrypto, "authlib": by_authlib, "PyJWT": by_pyjwt, "latchset jose": by_latchset}


def judges_of(alg):
    return [name for name in JUDGES if not (alg == "EdDSA" and name == "latchset jose")]


def refuses(judge, key, token, alg):
    try:
        JUDGES[judge](key, token, alg)
    except Exception:
        return
    raise AssertionError(f"{judge} accepted a damaged {alg} token: {token}")


def damaged(token):
    """One bit of the payload, one of the signature."""
    head, payload, signature = token.split(".")
    for part in (1, 2):
        parts = [head, payload, signature]
        raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
        raw[len(raw) // 2] ^= 1
        parts[part] = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
        yield ".".join(parts)


def all_algorithms():
    """The trial token with keys for every algorithm: RSA ones share a key pair under several names."""
    t = Trial()
    pin_file, env = os.path.join(t.dir, "pin"), dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"))
    with open(t.conf) as f:
        text = f.read()
    module = next(line.split("= ")[1] for line in text.splitlines() if line.startswith("modules"))
    with open(pin_file) as f:
        env["TRIAL_PIN"] = f.read().strip()
    for alg, curve in CURVES.items():
        subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", "--keypairgen",
                        "--key-type", curve, "--label", alg.lower(), "--id", "0" + str(len(alg)) + alg[2:4], "--usage-sign"],
                       env=env, check=True, capture_output=True)
    with open(t.conf, "a") as f:
        for alg in RSA[1:]:
            f.write(f"[key {alg.lower()}]\nuri = pkcs11:token=trial;object=rs256\nalg = {alg}\nkid = {alg.lower()}\n")
        for alg in CURVES:
            f.write(f"[key {alg.lower()}]\nuri = pkcs11:token=trial;object={alg.lower()}\nalg = {alg}\n")
    return t


@test
def every_algorithm_verifies_in_three_foreign_libraries():
    with all_algorithms() as t:
        t.start()
        n = 0
        for alg in ALGS:
            status, _, body = t.ask("GET", f"/v1/keys/{alg.lower()}", headers={"Accept": "application/jwk+json"})
            equal(status, 200, f"{alg}: {body}")
            key = json.loads(body)
            status, _, body = t.ask("POST", f"/v1/keys/{alg.lower()}/jwt", {"claims": {"sub": "me", "aud": ["x"]}, "ttl": 300})
            equal(status, 200, f"{alg}: {body}")
            token = body.decode().strip()
            for judge in judges_of(alg):
                JUDGES[judge](key, token, alg)
                for bad in damaged(token):
                    refuses(judge, key, bad, alg)
                n += 1
        equal(n, 4 * len(ALGS) - 1, "verdicts")


@test
def thumbprints_equal_those_of_foreign_libraries():
    with all_algorithms() as t:
        t.start()
        status, _, body = t.ask("GET", "/.well-known/jwks.json")
        equal(status, 200)
        keys = json.loads(body)["keys"]
        equal({k["kty"] for k in keys}, {"RSA", "EC", "OKP"})
        for k in keys:
            own = t.ask("GET", "/v1/keys")[2]
            wanted = jwcrypto_jwk.JWK(**k).thumbprint()
            if k["kty"] != "OKP":
                equal(JsonWebKey.import_key(k).thumbprint(), wanted, "authlib and jwcrypto")
            if not k["kid"].startswith(("rs", "ps")):
                equal(k["kid"], wanted, k["kty"])
            if k["kid"] not in own.decode():
                raise AssertionError(f"{k['kid']} is in the set and not in the list")


@test
def the_whole_set_is_readable_to_foreign_libraries():
    with Trial() as t:
        t.start()
        body = t.ask("GET", "/.well-known/jwks.json")[2].decode()
        equal(len(list(jwcrypto_jwk.JWKSet.from_json(body)["keys"])), 3)
        equal(len(JsonWebKey.import_key_set(json.loads(body)).keys), 3)
        equal(len(pyjwt.PyJWKSet.from_json(body).keys), 3)


main()
