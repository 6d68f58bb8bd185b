#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keys for MACs through the daemon and the tool: made and checked on the token, never published, never taken for another kind of key."""
import base64, hashlib, hmac, json, os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import BUILD, JWK11, Trial, equal, main, test

SECRET = bytes(range(1, 65))
HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def load(t, label, octets):
    with open(t.conf) as f:
        module = re.search("(?m)^modules = (.*)$", f.read())[1]
    subprocess.run([os.path.join(BUILD, "tests", "token_key"), module, "pkcs11:token=trial", os.path.join(t.dir, "pin"), "secret", label],
                   input=octets, check=True, env=dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf")))


def add(t, text):
    with open(t.conf, "a") as f:
        f.write(text)


def unlike(t):
    """The trial with a secret that nobody else knows."""
    load(t, "hs256", os.urandom(32))
    add(t, "[key hs256]\nuri = pkcs11:token=trial;object=hs256;type=secret-key\nalg = HS256\n")


def known(t):
    """The trial with a secret that this program knows, under each algorithm, and one that is too short for the longer two."""
    unlike(t)
    load(t, "known", SECRET)
    load(t, "short", SECRET[:32])
    for alg in HASHES:
        add(t, f"[key {alg.lower()}-known]\nuri = pkcs11:token=trial;object=known\nalg = {alg}\n")
        add(t, f"[key {alg.lower()}-short]\nuri = pkcs11:token=trial;object=short\nalg = {alg}\n")
    add(t, "[key by-type]\nuri = pkcs11:token=trial;object=known;type=secret-key\nkid = named\n")
    add(t, "[key confused]\nuri = pkcs11:token=trial;object=known;type=secret-key\nalg = ES256\n")
    add(t, "[key other]\nuri = pkcs11:token=trial;object=es256\nalg = HS256\n")


def ready(t):
    t.start()
    t.wait_count("event=ready", os.cpu_count() + 1)
    return {k["name"]: k for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}


def jwk11(t, *args, stdin="", code=0):
    r = subprocess.run([JWK11, *args], input=stdin, capture_output=True, text=True, env=dict(os.environ, JWK11_SOCKET=t.api))
    equal(r.returncode, code, f"{args}: {r.stdout} {r.stderr}")
    return r.stdout if code == 0 else r.stderr


@test
def a_secret_key_is_found_named_and_never_published():
    with Trial() as t:
        known(t)
        keys = ready(t)
        for alg in HASHES:
            k = keys[f"{alg.lower()}-known"]
            equal((k["kid"], k["alg"], k["kty"], k["bits"], k["use"], k["state"]), (f"{alg.lower()}-known", alg, "oct", 512, "sig", "active"))
            equal("thumbprint_uri" in k or "crv" in k, False, k)
            equal(k["operations"], ["sign", "jws", "jwt", "verify"])
        equal((keys["by-type"]["kid"], keys["by-type"]["alg"], keys["by-type"]["state"]), ("named", "HS256", "active"))
        equal(keys["hs256-short"]["state"], "active")
        for name, why in (("hs384-short", "HS384 needs a key of 48 octets or more, this one has 32"), ("hs512-short", "HS512 needs a key of 64 octets"),
                          ("confused", "algorithm ES256 does not fit this secret key")):
            equal((keys[name]["state"], why in keys[name]["reason"]), ("unsupported", True), keys[name])
        equal(keys["other"]["state"], "missing", "an algorithm for MACs finds no private key")
        published = json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]
        equal(sorted(k["kty"] for k in published), ["EC", "OKP", "RSA"])
        for form in ("application/jwk+json", "application/x-pem-file"):
            status, _, body = t.ask("GET", "/v1/keys/hs256-known", headers={"Accept": form})
            equal((status, json.loads(body)["code"]), (406, "KEY_SECRET"))
        for where in ((), ("--offline", "--config", t.conf)):
            listed = {k["name"]: k for k in json.loads(jwk11(t, *where, "list", "--json"))["keys"]}
            equal((listed["hs256-known"]["kty"], listed["hs256-known"]["kid"]), ("oct", "hs256-known"))
            equal(sorted(k["kty"] for k in json.loads(jwk11(t, *where, "jwks"))["keys"]), ["EC", "OKP", "RSA"])
            equal("KEY_SECRET" in jwk11(t, *where, "jwks", "hs256-known", code=65), True)


@test
def macs_are_made_and_checked_on_the_token():
    with Trial() as t:
        known(t)
        ready(t)
        for alg, digest in HASHES.items():
            name = f"{alg.lower()}-known"
            status, _, body = t.ask("POST", f"/v1/keys/{name}/sign", {"input": b64(b"hello"), "alg": alg})
            equal((status, json.loads(body)), (200, {"kid": name, "alg": alg, "signature": b64(hmac.new(SECRET, b"hello", digest).digest())}))
            good = hmac.new(SECRET, b"theirs", digest).digest()
            verify = lambda **members: t.ask("POST", f"/v1/keys/{name}/verify", {"input": b64(b"theirs"), "signature": b64(good), **members})
            status, headers, body = verify()
            equal((status, json.loads(body), headers["Cache-Control"]), (200, {"kid": name, "alg": alg, "valid": True}, "no-store"))
            equal(verify(alg=alg)[0], 200)
            for bad in (bytes([good[0] ^ 1]) + good[1:], good[:-1] + bytes([good[-1] ^ 1]), good[:-1], good + b"\0", b"", good[: len(good) // 2]):
                status, _, body = verify(signature=b64(bad))
                equal((status, json.loads(body)["code"]), (400, "SIGNATURE_INVALID"), bad)
            for bad in (b"theirt", b"theirs\0", b""):
                equal(verify(input=b64(bad))[0], 400, bad)
            for other in ("HS256", "HS384", "HS512", "RS256", "none", "hs256"):
                status, _, body = verify(alg=other)
                equal((status, json.loads(body).get("code")),
                      (200, None) if other == alg else (400, "ALG_UNKNOWN") if other in ("none", "hs256") else (409, "ALG_MISMATCH"), other)
        for kid in ("named", "hs256-known"):
            equal(t.ask("POST", f"/v1/keys/{kid}/verify", {"input": b64(b"x"), "signature": b64(hmac.new(SECRET, b"x", "sha256").digest())})[0], 200)
        status, _, body = t.ask("POST", "/v1/keys/hs256-known/sign", {"digest": b64(bytes(32))})
        equal((status, json.loads(body)["code"]), (409, "ALG_MISMATCH"))
        status, _, body = t.ask("POST", "/v1/keys/hs256-known/sign", {"input": "aGk", "encoding": "der"})
        equal((status, json.loads(body)["code"]), (409, "ALG_MISMATCH"))


@test
def other_signatures_are_checked_with_the_public_half():
    with Trial() as t:
        ready(t)
        for name in ("es256", "rs256", "eddsa"):
            signature = json.loads(t.ask("POST", f"/v1/keys/{name}/sign", {"input": "aGk"})[2])["signature"]
            status, _, body = t.ask("POST", f"/v1/keys/{name}/verify", {"input": "aGk", "signature": signature})
            equal((status, json.loads(body)["valid"]), (200, True))
            status, _, body = t.ask("POST", f"/v1/keys/{name}/verify", {"input": "aGo", "signature": signature})
            equal((status, json.loads(body)["code"]), (400, "SIGNATURE_INVALID"))
            # A MAC made with the public half, which everybody has.
            pem = t.ask("GET", f"/v1/keys/{name}", headers={"Accept": "application/x-pem-file"})[2]
            forged = b64(hmac.new(pem, b"hi", "sha256").digest())
            for alg, code in (("HS256", "ALG_MISMATCH"), (None, "SIGNATURE_INVALID")):
                status, _, body = t.ask("POST", f"/v1/keys/{name}/verify", {"input": "aGk", "signature": forged, **({"alg": alg} if alg else {})})
                equal((status, json.loads(body)["code"]), (409 if alg else 400, code), name)


@test
def a_grant_says_who_may_verify():
    with Trial() as t:
        unlike(t)
        with open(t.conf) as f:
            text = f.read()
        with open(t.conf, "w") as f:
            f.write(text.replace("allow = *", "allow = verify"))
        keys = ready(t)
        equal(keys["hs256"]["operations"], ["verify"])
        status, _, body = t.ask("POST", "/v1/keys/hs256/sign", {"input": "aGk"})
        equal((status, json.loads(body)["code"]), (403, "OPERATION_DENIED"))
        status, _, body = t.ask("POST", "/v1/keys/hs256/verify", {"input": "aGk", "signature": "aGk"})
        equal((status, json.loads(body)["code"]), (400, "SIGNATURE_INVALID"))
    with Trial() as t:
        unlike(t)
        with open(t.conf) as f:
            text = f.read()
        with open(t.conf, "w") as f:
            f.write(text.replace("allow = *", "allow = sign"))
        ready(t)
        status, _, body = t.ask("POST", "/v1/keys/hs256/verify", {"input": "aGk", "signature": "aGk"})
        equal((status, json.loads(body)["code"]), (403, "OPERATION_DENIED"))


@test
def the_tool_makes_and_checks_tokens():
    with Trial() as t:
        known(t)
        ready(t)
        for where in ((), ("--offline", "--config", t.conf)):
            token = jwk11(t, *where, "jwt", "hs256-known", "--claim", "sub=me", "--ttl", "5m").strip()
            head, payload, mac = token.split(".")
            equal(json.loads(unb64(head)), {"alg": "HS256", "kid": "hs256-known", "typ": "JWT"})
            equal(unb64(mac), hmac.new(SECRET, f"{head}.{payload}".encode(), "sha256").digest())
            for name in ("hs256-known", "named"):
                equal(json.loads(jwk11(t, *where, "verify", "--key", name, stdin=token))["sub"], "me")
            bad = f"{head}.{payload}.{b64(bytes([unb64(mac)[0] ^ 1]) + unb64(mac)[1:])}"
            equal("SIGNATURE_INVALID" in jwk11(t, *where, "verify", "--key", "hs256-known", stdin=bad, code=1), True)
            equal("SIGNATURE_INVALID" in jwk11(t, *where, "verify", "--key", "hs256", stdin=token, code=1), True, "another key")
            equal("ALG_MISMATCH" in jwk11(t, *where, "verify", "--key", "hs512-known", stdin=token, code=1), True, "one algorithm for one key")
            equal("ALG_MISMATCH" in jwk11(t, *where, "verify", "--key", "es256", stdin=token, code=1), True, "nor a key of another kind")
            equal("ALG_MISMATCH" in jwk11(t, *where, "verify", "--key", "hs256-known", "--alg", "HS384", stdin=token, code=1), True)
            equal("--key NAME" in jwk11(t, *where, "verify", stdin=token, code=64), True)
            equal("KEY_UNKNOWN" in jwk11(t, *where, "verify", "--key", "nobody", stdin=token, code=66), True)
            old = jwk11(t, *where, "jws", "hs256-known", stdin=json.dumps({"exp": 1})).strip()
            equal("CLAIM_REFUSED" in jwk11(t, *where, "verify", "--key", "hs256-known", stdin=old, code=1), True)
        equal("BROKER_ABSENT" in jwk11(t, "--socket", t.api + ".none", "verify", "--key", "hs256-known", stdin=token, code=69), True,
              "a question that could not be put is no verdict")


@test
def a_set_that_names_a_secret_key_is_a_mistake():
    with Trial() as t:
        unlike(t)
        with open(t.conf) as f:
            text = f.read()
        for keys, good in (("*", True), ("es256", True), ("es256, hs256", False)):
            with open(t.conf, "w") as f:
                f.write(text.replace("keys = *\n\n#", f"keys = {keys}\n\n#"))
            r = subprocess.run([os.path.join(BUILD, "jwk11d"), "--config", t.conf, "--check"], capture_output=True, text=True)
            equal(r.returncode == 0, good, r.stderr)
            equal('[set default] names key "hs256", which is for HS256: a secret key is never published' in r.stderr, not good, r.stderr)


main()
