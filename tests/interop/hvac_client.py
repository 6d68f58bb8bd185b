#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""hvac, a client of Vault that other people wrote, on api.sock: it reads keys, signs, verifies, and understands what it is refused."""
import base64, hashlib, os, sys, urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
import hvac, requests_unixsocket
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from trial import Trial, equal, main, test

MESSAGE = base64.b64encode(b"signed for hvac").decode()
DIGEST = base64.b64encode(hashlib.sha256(b"signed for hvac").digest()).decode()


def client(t, token="any"):
    return hvac.Client(url="http+unix://" + urllib.parse.quote(t.api, safe=""), token=token, session=requests_unixsocket.Session())


def trial():
    t = Trial()
    t.change("[daemon]\n", "[daemon]\nworkers = 1\ntransit = yes\n")
    with open(t.conf) as f:
        allow = next(line for line in f.read().splitlines() if line.startswith("allow = "))
    t.change(allow, "allow = sign, verify")
    return t


def must_fail(error, call, *args, **more):
    try:
        call(*args, **more)
    except error as why:
        return str(why)
    raise AssertionError(f"no {error.__name__}")


@test
def hvac_signs_and_verifies_with_keys_on_a_token():
    with trial() as t:
        t.start()
        transit = client(t).secrets.transit
        equal(client(t).is_authenticated(), True)
        for name, more in (("es256", {}), ("es256", {"marshaling_algorithm": "jws"}), ("rs256", {"signature_algorithm": "pkcs1v15"}), ("eddsa", {})):
            key = transit.read_key(name)["data"]
            equal((key["name"], key["latest_version"], key["supports_signing"]), (name, 1, True))
            made = transit.sign_data(name, hash_input=MESSAGE, **more)["data"]["signature"]
            equal(transit.verify_signed_data(name, hash_input=MESSAGE, signature=made, **more)["data"]["valid"], True, name)
            equal(transit.verify_signed_data(name, hash_input=base64.b64encode(b"x").decode(), signature=made, **more)["data"]["valid"], False, name)
        pub = {n: serialization.load_pem_public_key(transit.read_key(n)["data"]["keys"]["1"]["public_key"].encode()) for n in ("es256", "rs256")}
        made = transit.sign_data("es256", hash_input=DIGEST, prehashed=True, hash_algorithm="sha2-256", key_version=1)["data"]["signature"]
        pub["es256"].verify(base64.b64decode(made.split(":")[2]), b"signed for hvac", ec.ECDSA(hashes.SHA256()))
        made = transit.sign_data("rs256", hash_input=DIGEST, prehashed=True, hash_algorithm="sha2-256", signature_algorithm="pkcs1v15")["data"]["signature"]
        pub["rs256"].verify(base64.b64decode(made.split(":")[2]), hashlib.sha256(b"signed for hvac").digest(), padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))


@test
def hvac_tells_its_user_what_was_refused():
    with trial() as t:
        t.start()
        transit = client(t).secrets.transit
        must_fail(hvac.exceptions.InvalidPath, transit.read_key, "nope")
        said = must_fail(hvac.exceptions.InvalidRequest, transit.sign_data, "rs256", hash_input=MESSAGE, signature_algorithm="pss")
        equal("signature_algorithm pkcs1v15 only" in said, True, said)
        must_fail(hvac.exceptions.VaultError, transit.create_key, "new")
        must_fail(hvac.exceptions.InvalidPath, transit.rotate_key, "es256")
        must_fail(hvac.exceptions.InvalidPath, transit.export_key, "es256", "signing-key")
        t.change("allow = sign, verify", "allow = jwt")
        t.stop()
        t.start()
        said = must_fail(hvac.exceptions.Forbidden, transit.sign_data, "es256", hash_input=MESSAGE)
        equal("does not allow sign" in said, True, said)


main()
