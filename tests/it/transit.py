#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The part of Vault's transit API that is served: what clients send and what they get, and what is refused. Signatures are checked with python3-cryptography."""
import atexit, base64, contextlib, hashlib, json, os, re, signal, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwcrypto import jwk as jwcrypto_jwk
from trial import BUILD, Trial, equal, main, test

KEYS, SIGN, VERIFY, SELF = "/v1/transit/keys/", "/v1/transit/sign/", "/v1/transit/verify/", "/v1/auth/token/lookup-self"
MESSAGE = b"header.payload"
INPUT = base64.b64encode(MESSAGE).decode()
HASHES = {"sha2-256": hashes.SHA256(), "sha2-384": hashes.SHA384(), "sha2-512": hashes.SHA512()}
# What each key is called, and what a client must say beyond the defaults.
EC = {"es256": ("ecdsa-p256", "P-256", "sha2-256"), "es384": ("ecdsa-p384", "P-384", "sha2-384"), "es512": ("ecdsa-p521", "P-521", "sha2-512")}
NOW = int(time.time())
SINCE, FROM = NOW - 3600, NOW + 86400  # when the version that signs began, and the next one will


def label(moment):
    return time.strftime("wheel@%Y%m%dT%H%M%SZ", time.gmtime(moment))


def load(t, *command, octets=None):
    with open(t.conf) as f:
        module = re.search("(?m)^modules = (.*)$", f.read())[1]
    subprocess.run([os.path.join(BUILD, "tests", "token_key"), module, "pkcs11:token=trial", os.path.join(t.dir, "pin"), *command], input=octets, check=True,
                   env=dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf")))


@contextlib.contextmanager
def served(transit="transit = yes\n", more=False):
    """The trial with the API on; with `more`, keys of other kinds too."""
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\nworkers = 1\n" + transit)
        with open(t.conf) as f:
            t.allow = re.search("(?m)^allow = .*$", f.read())[0]
        t.change(t.allow, "allow = sign, verify")
        if more:
            for alg, name in (("ES384", "es384"), ("ES512", "es512"), ("PS256", "ps256"), ("ES256K", "k1"), ("ES256", "wheel"), ("ES256", label(SINCE)),
                              ("ES256", label(FROM))):
                load(t, "make", alg, name)
            load(t, "secret", "hs", octets=os.urandom(32))
            with open(t.conf, "a") as f:
                f.write("".join(f"[key {name}]\nuri = pkcs11:token=trial;object={name}\n" for name in ("es384", "es512", "k1")))
                f.write("[key ps256]\nuri = pkcs11:token=trial;object=ps256\nalg = PS256\n[key hs]\nuri = pkcs11:token=trial;object=hs;type=secret-key\nalg = HS256\n")
                f.write("[key wheel]\nuri = pkcs11:token=trial;object=wheel\nlead = 1h\noverlap = 2h\n")
        t.start("event=ready program=jwk11d-worker")  # with versions the front is quieter
        t.until(lambda: t.ask("GET", "/readyz")[0] == 200, "the keys")
        yield t


_kinds = []


def kinds():
    """One trial with keys of all kinds, for tests that change nothing in it."""
    if not _kinds:
        stack = contextlib.ExitStack()
        atexit.register(stack.close)
        _kinds.append(stack.enter_context(served(more=True)))
    return _kinds[0]


def write(t, path, body, method="PUT", headers=None):
    """As Vault's own client does it: PUT, a token, and no media type."""
    body = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return t.ask(method, path, body, {"X-Vault-Token": "s.x", "X-Vault-Request": "true", **(headers or {})})


def data_of(answer, mount="transit"):
    status, headers, body = answer
    equal((status, headers["Content-Type"], headers["Cache-Control"]), (200, "application/json", "no-store"), body)
    doc = json.loads(body)
    equal(set(doc), {"request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth", "mount_type"})
    equal((doc["lease_id"], doc["renewable"], doc["lease_duration"], doc["mount_type"]), ("", False, 0, mount))
    return doc["data"]


def refused(answer, status, *said):
    equal((answer[0], answer[1]["Content-Type"]), (status, "application/json"), answer[2])
    doc = json.loads(answer[2])
    equal((set(doc), len(doc["errors"])), ({"errors"}, 1), doc)
    for text in said:
        equal(text in doc["errors"][0], True, f"{text!r} in {doc['errors']}")


def signed(t, path, body, version=1, **more):
    data = data_of(write(t, path, body, **more))
    equal((set(data), data["key_version"]), ({"signature", "key_version"}, version))
    equal(data["signature"].startswith(f"vault:v{version}:"), True, data["signature"])
    return data["signature"].split(":")[2]


def public(t, name, version=None):
    data = data_of(t.ask("GET", KEYS + name))
    text = data["keys"][str(version or data["latest_version"])]["public_key"]
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text)) if data["type"] == "ed25519" else serialization.load_pem_public_key(text.encode())


def unpadded(text):
    equal("=" in text or "+" in text or "/" in text, False, text)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def raw(text):
    octets = unpadded(text)
    half = len(octets) // 2
    return utils.encode_dss_signature(int.from_bytes(octets[:half], "big"), int.from_bytes(octets[half:], "big"))


@test
def off_there_is_nothing():
    for transit in ("", "transit = no\n"):
        with served(transit) as t:
            for method, path in (("GET", KEYS + "es256"), ("PUT", SIGN + "es256"), ("POST", SIGN + "es256/sha2-256"), ("PUT", VERIFY + "es256"), ("GET", SELF)):
                status, headers, body = t.ask(method, path, "{}" if method != "GET" else None, {"Content-Type": "application/json"})
                equal((status, headers["Content-Type"], json.loads(body)["code"]), (404, "application/problem+json", "ROUTE_UNKNOWN"), path)
            equal([r["path"] for r in json.loads(t.ask("GET", "/v1")[2])["routes"] if "transit" in r["path"] or "auth" in r["path"]], [])


@test
def on_it_is_listed_and_served_there_only():
    with served() as t:
        routes = {r["path"]: r["methods"] for r in json.loads(t.ask("GET", "/v1")[2])["routes"]}
        equal({p: m for p, m in routes.items() if "transit" in p or "auth" in p},
              {KEYS + "{key}": ["GET", "HEAD"], SIGN + "{key}": ["POST", "PUT"], SIGN + "{key}/{hash}": ["POST", "PUT"], VERIFY + "{key}": ["POST", "PUT"],
               VERIFY + "{key}/{hash}": ["POST", "PUT"], SELF: ["GET", "HEAD"]})
        equal(t.ask("GET", KEYS + "es256", sock=t.public)[0], 404)
        equal(write(t, "/v1/keys/es256/sign", {"input": "YQ"})[:1] + (write(t, "/v1/keys/es256/sign", {"input": "YQ"})[1]["Allow"],), (405, "POST"), "PUT elsewhere")
        t.change("transit = yes\n", "")
        t.daemon.send_signal(signal.SIGHUP)
        t.until(lambda: t.ask("GET", KEYS + "es256")[0] == 404, "the reload without it")


@test
def a_key_is_read_as_clients_know_it():
    t = kinds()
    for name, (kind, curve, _) in EC.items():
        data = data_of(t.ask("GET", KEYS + name))
        equal({k: v for k, v in data.items() if k != "keys"},
              {"name": name, "type": kind, "latest_version": 1, "min_decryption_version": 1, "min_encryption_version": 0, "min_available_version": 0,
               "auto_rotate_period": 0, "supports_signing": True, "allow_plaintext_backup": False, "deletion_allowed": False, "derived": False,
               "exportable": False, "imported_key": False, "supports_decryption": False, "supports_derivation": False, "supports_encryption": False})
        equal({k: v for k, v in data["keys"]["1"].items() if k != "public_key"}, {"name": curve, "creation_time": "1970-01-01T00:00:00Z"})
        published = t.ask("GET", f"/v1/keys/{name}", headers={"Accept": "application/x-pem-file"})[2].decode()
        equal(data["keys"]["1"]["public_key"], published)
    for name in ("rs256", "ps256"):
        data = data_of(t.ask("GET", KEYS + name))
        equal((data["type"], data["keys"]["1"]["name"], public(t, name).key_size), ("rsa-2048", "rsa-2048", 2048))
    data = data_of(t.ask("GET", KEYS + "eddsa"))
    x = json.loads(t.ask("GET", "/v1/keys/eddsa", headers={"Accept": "application/jwk+json"})[2])["x"]
    equal((data["type"], data["keys"]["1"]["name"], base64.b64decode(data["keys"]["1"]["public_key"])), ("ed25519", "ed25519", unpadded(x)))
    kid = json.loads(t.ask("GET", "/v1/keys/es256")[2])["kid"]
    equal(data_of(t.ask("GET", KEYS + kid))["name"], "es256")
    refused(t.ask("GET", KEYS + "nope"), 404, "KEY_UNKNOWN: no key \"nope\"")
    refused(t.ask("GET", KEYS + "k1"), 400, "does ES256K")
    refused(t.ask("GET", KEYS + "hs"), 400, "secret key")
    refused(t.ask("GET", KEYS + "es256?version=1"), 400, "no query parameters")


@test
def signatures_are_as_the_client_asks_for_them():
    t = kinds()
    for name, (_, _, algorithm) in EC.items():
        verifier, how = public(t, name), HASHES[algorithm]
        digest = base64.b64encode(hashlib.new(algorithm.replace("sha2-", "sha"), MESSAGE).digest()).decode()
        jws = signed(t, SIGN + name, {"input": digest, "prehashed": True, "hash_algorithm": algorithm, "marshaling_algorithm": "jws", "signature_algorithm": "pkcs1v15"})
        verifier.verify(raw(jws), MESSAGE, ec.ECDSA(how))
        for path, body in ((SIGN + name, {"input": INPUT, "hash_algorithm": algorithm}), (f"{SIGN}{name}/{algorithm}", {"input": INPUT, "key_version": "0"}),
                           (f"{SIGN}{name}/{algorithm}", {"input": INPUT, "marshaling_algorithm": "asn1", "prehashed": "false", "key_version": 1, "context": "",
                                                          "reference": "r", "name": name, "salt_length": "auto", "hash_algorithm": "sha1"}),
                           (SIGN + name, {"input": INPUT, "algorithm": algorithm, "key_version": "", "batch_input": None})):
            verifier.verify(base64.b64decode(signed(t, path, body), validate=True), MESSAGE, ec.ECDSA(how))
    digest = base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode()
    for name, scheme, pad in (("rs256", "pkcs1v15", padding.PKCS1v15()), ("ps256", "pss", padding.PSS(padding.MGF1(hashes.SHA256()), 32))):
        made = [base64.b64decode(signed(t, SIGN + name, {"input": INPUT, "signature_algorithm": scheme}), validate=True),
                base64.b64decode(signed(t, SIGN + name, {"input": digest, "prehashed": True, "signature_algorithm": scheme, "salt_length": "hash"}), validate=True),
                unpadded(signed(t, SIGN + name, {"input": INPUT, "signature_algorithm": scheme, "marshaling_algorithm": "jws", "salt_length": 32 if scheme == "pss" else 7}))]
        for one in made:
            public(t, name).verify(one, MESSAGE, pad, hashes.SHA256())
    public(t, "ps256").verify(base64.b64decode(signed(t, SIGN + "ps256", {"input": INPUT})), MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    public(t, "eddsa").verify(base64.b64decode(signed(t, SIGN + "eddsa", {"input": INPUT, "prehashed": False, "hash_algorithm": "sha2-512"})), MESSAGE)
    public(t, "eddsa").verify(unpadded(signed(t, SIGN + "eddsa/sha2-256", {"input": INPUT, "marshaling_algorithm": "jws"})), MESSAGE)


@test
def every_form_of_the_request_is_taken():
    with served() as t:
        verifier = public(t, "es256")
        for method, headers in (("PUT", {}), ("POST", {}), ("POST", {"Content-Type": "application/json"}), ("POST", {"Content-Type": "application/x-www-form-urlencoded"})):
            verifier.verify(base64.b64decode(signed(t, SIGN + "es256", {"input": INPUT}, method=method, headers=headers)), MESSAGE, ec.ECDSA(hashes.SHA256()))
        kid = json.loads(t.ask("GET", "/v1/keys/es256")[2])["kid"]
        verifier.verify(base64.b64decode(signed(t, SIGN + kid, {"input": INPUT})), MESSAGE, ec.ECDSA(hashes.SHA256()))
        verifier.verify(base64.b64decode(signed(t, SIGN + "es256", {"input": ""})), b"", ec.ECDSA(hashes.SHA256()))
        status, headers, _ = write(t, SIGN + "es256", {"input": INPUT}, headers={"Request-Id": "mine"})
        equal((status, headers["Request-Id"]), (200, "mine"))
        status, headers, body = t.ask("HEAD", KEYS + "es256")
        equal((status, int(headers["Content-Length"]) > 100, body), (200, True, b""))


@test
def what_a_key_does_not_do_is_refused_and_said():
    t = kinds()
    digest = base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode()
    for path, body, *said in (
            (SIGN + "es256", {"input": INPUT, "hash_algorithm": "sha2-512"}, 'key "es256" does ES256, with hash_algorithm sha2-256 only, not sha2-512'),
            (SIGN + "es256/sha1", {"input": INPUT}, "with hash_algorithm sha2-256 only, not sha1"),
            (SIGN + "es384", {"input": INPUT}, 'key "es384" does ES384, with hash_algorithm sha2-384 only, not sha2-256, which is meant when none is named'),
            (SIGN + "rs256", {"input": INPUT}, "does RS256, with signature_algorithm pkcs1v15 only, not pss, which is meant"),
            (SIGN + "rs256", {"input": INPUT, "signature_algorithm": "pss"}, "pkcs1v15 only, not pss"),
            (SIGN + "ps256", {"input": INPUT, "signature_algorithm": "pkcs1v15"}, "does PS256, with signature_algorithm pss only, not pkcs1v15"),
            (SIGN + "ps256", {"input": INPUT, "salt_length": 20}, "salt_length 32 only, not 20"),
            (SIGN + "eddsa", {"input": digest, "prehashed": True}, "does EdDSA: it signs whole messages and no digests"),
            (SIGN + "k1", {"input": INPUT}, 'key "k1" does ES256K, which this API has no name for; POST /v1/keys/k1/sign'),
            (SIGN + "hs", {"input": INPUT}, "does HS256, which this API has no name for"),
            (SIGN + "es256", {"input": base64.b64encode(b"short").decode(), "prehashed": True}, "DIGEST_LENGTH"),
            (SIGN + "es256", {"input": INPUT, "marshaling_algorithm": "der"}, '"marshaling_algorithm": must be asn1 or jws'),
            (SIGN + "es256", {"input": INPUT, "prehashed": "perhaps"}, '"prehashed": must be true or false'),
            (SIGN + "es256", {"input": INPUT, "key_version": "latest"}, '"key_version": must be a number'),
            (SIGN + "es256", {"input": INPUT, "key_version": "1" * 13}, '"key_version": must be a number'),
            (SIGN + "es256", {"input": INPUT, "key_version": 2}, 'key "es256" has no version 2'),
            (SIGN + "es256", {"input": INPUT, "key_version": [1]}, '"key_version": must be a single value'),
            (SIGN + "es256", {"input": "aGVsbG8"}, "BASE64_INVALID"),
            (SIGN + "es256", {"input": "_-=="}, "BASE64_INVALID"),
            (SIGN + "es256", {}, '"input" is missing'),
            (SIGN + "es256", {"input": True}, '"input": must be a string'),
            (SIGN + "es256", {"input": 1234}, '"input": must be a string'),
            (SIGN + "es256", {"input": INPUT, "name": "es384"}, 'MISMATCH: request body: "name" is not the one of the path'),
            (SIGN + "es256", {"input": None, "batch_input": [{"input": INPUT}]}, '"batch_input": send one request for each input'),
            (SIGN + "es256", {"input": INPUT, "context": "YQ=="}, '"context": no key here is derived'),
            (SIGN + "es256", {"input": INPUT, "signature_context": "YQ=="}, "signatures here have no context"),
            (SIGN + "es256", {"input": INPUT, "plaintext": "YQ=="}, "MEMBER_UNKNOWN"),
            (SIGN + "es256", "input=x", "JSON_INVALID"),
            (SIGN + "es256", "[]", "MEMBER_TYPE"),
            (SIGN + "es256", '{"input":"","input":""}', "JSON_DUPLICATE")):
        refused(write(t, path, body), 400, *said)
    refused(write(t, SIGN + "nope", {"input": INPUT}), 404, "KEY_UNKNOWN")
    refused(write(t, SIGN + "es256/" + "x" * 30, {"input": INPUT}), 404, "ROUTE_UNKNOWN")
    refused(t.ask("GET", SIGN + "es256"), 405, "POST, PUT")


@test
def keys_are_neither_made_nor_changed_nor_given_away():
    with served() as t:
        for method, path, status in (("PUT", KEYS + "new", 405), ("POST", KEYS + "new", 405), ("DELETE", KEYS + "es256", 405), ("PUT", KEYS + "es256/rotate", 404),
                                     ("POST", KEYS + "es256/config", 404), ("POST", KEYS + "es256/import", 404), ("GET", "/v1/transit/export/signing-key/es256", 404),
                                     ("GET", "/v1/transit/backup/es256", 404), ("PUT", "/v1/transit/encrypt/es256", 404), ("PUT", "/v1/transit/decrypt/es256", 404),
                                     ("PUT", "/v1/transit/hmac/es256", 404), ("GET", "/v1/transit/keys", 404), ("POST", "/v1/auth/token/create", 404)):
            refused(t.ask(method, path, "{}" if method in ("PUT", "POST") else None), status)
        equal({k["name"] for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}, {"es256", "rs256", "eddsa"})


@test
def signatures_are_verified():
    t = kinds()
    other = base64.b64encode(b"another message").decode()
    digest = base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode()
    for name, body in (("es256", {}), ("es256", {"marshaling_algorithm": "jws"}), ("es384", {"hash_algorithm": "sha2-384"}), ("es512", {"algorithm": "sha2-512"}),
                       ("rs256", {"signature_algorithm": "pkcs1v15"}), ("ps256", {"signature_algorithm": "pss", "marshaling_algorithm": "jws"}), ("eddsa", {})):
        sig = data_of(write(t, SIGN + name, {"input": INPUT, **body}))["signature"]
        equal(data_of(write(t, VERIFY + name, {"input": INPUT, "signature": sig, **body})), {"valid": True}, name)
        equal(data_of(write(t, VERIFY + name, {"input": other, "signature": sig, **body})), {"valid": False}, name)
        if not body.get("marshaling_algorithm"):
            equal(data_of(write(t, VERIFY + name, {"input": INPUT, "signature": sig})), {"valid": True}, "by what the key does, " + name)
        if name in ("es256", "rs256"):
            equal(data_of(write(t, f"{VERIFY}{name}/sha2-256", {"input": digest, "prehashed": True, "signature": sig, **body}, method="POST")), {"valid": True}, name)
    sig = data_of(write(t, SIGN + "es256", {"input": INPUT}))["signature"]
    der = base64.b64decode(sig.split(":")[2])
    for wrong in (der + b"\0", der[:-1], b"", der[:4] + bytes(len(der) - 4)):
        equal(data_of(write(t, VERIFY + "es256", {"input": INPUT, "signature": "vault:v1:" + base64.b64encode(wrong).decode()})), {"valid": False}, wrong.hex())
    for body, *said in (({"signature": sig[9:]}, "must be vault:vN: and base64"), ({}, "must be vault:vN:"), ({"signature": "vault:v1"}, "must be vault:vN:"),
                        ({"signature": "vault:vx:" + sig[9:]}, "its version is no number"), ({"signature": "vault:v:" + sig[9:]}, "its version is no number"),
                        ({"signature": "vault:v2:" + sig[9:]}, 'key "es256" has no version 2'), ({"signature": "vault:v1:?"}, "BASE64_INVALID"),
                        ({"signature": sig, "hash_algorithm": "sha2-384"}, "sha2-256 only"), ({"hmac": "vault:v1:YQ=="}, "nothing here but signatures")):
        refused(write(t, VERIFY + "es256", {"input": INPUT, **body}), 400, *said)
    refused(write(t, VERIFY + "eddsa", {"input": digest, "prehashed": True, "signature": "vault:v1:YQ=="}), 400, "whole messages and no digests")


@test
def versions_have_numbers_that_stay():
    t = kinds()
    t.until(lambda: len(json.loads(t.ask("GET", KEYS + "wheel")[2])["data"]["keys"]) == 3, "three versions")
    data = data_of(t.ask("GET", KEYS + "wheel"))
    equal((data["latest_version"], data["min_decryption_version"], set(data["keys"])), (SINCE, 1, {"1", str(SINCE), str(FROM)}))
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    equal({n: v["creation_time"] for n, v in data["keys"].items()},
          {"1": "1970-01-01T00:00:00Z", str(SINCE): time.strftime(stamp, time.gmtime(SINCE)), str(FROM): time.strftime(stamp, time.gmtime(FROM))})
    kids = {v["state"]: v["kid"] for v in json.loads(t.ask("GET", "/v1/keys/wheel")[2])["versions"]}
    thumb = {n: jwcrypto_jwk.JWK.from_pem(v["public_key"].encode()).thumbprint() for n, v in data["keys"].items()}
    equal((thumb["1"], thumb[str(SINCE)], thumb[str(FROM)]), (kids["retiring"], kids["active"], kids["next"]))
    for body in ({}, {"key_version": SINCE}, {"key_version": str(SINCE)}, {"key_version": 0}):
        public(t, "wheel").verify(base64.b64decode(signed(t, SIGN + "wheel", {"input": INPUT, **body}, SINCE)), MESSAGE, ec.ECDSA(hashes.SHA256()))
    signed(t, SIGN + kids["active"], {"input": INPUT}, SINCE)
    refused(write(t, SIGN + "wheel", {"input": INPUT, "key_version": FROM}), 400, f"KEY_NOT_ACTIVE: key \"wheel\": version {FROM} is next; version {SINCE} signs")
    refused(write(t, SIGN + "wheel", {"input": INPUT, "key_version": 1}), 400, "version 1 is retiring")
    refused(write(t, SIGN + "wheel", {"input": INPUT, "key_version": 5}), 400, "no version 5; GET /v1/transit/keys/wheel lists them")
    refused(write(t, SIGN + kids["next"], {"input": INPUT}), 400, "KEY_NOT_ACTIVE")
    equal(data_of(t.ask("GET", KEYS + kids["retiring"]))["latest_version"], SINCE, "by the kid of a version")
    sig = data_of(write(t, SIGN + "wheel", {"input": INPUT}))["signature"].split(":")[2]
    equal([data_of(write(t, VERIFY + "wheel", {"input": INPUT, "signature": f"vault:v{n}:{sig}"}))["valid"] for n in (SINCE, 1, FROM)], [True, False, False])


@test
def policy_decides_and_a_vault_token_does_not():
    with served() as t:
        for header in ({}, {"X-Vault-Token": ""}, {"X-Vault-Token": "root", "X-Vault-Namespace": "other/"}, {"Authorization": "Bearer root"}):
            equal(t.ask("GET", KEYS + "es256", headers=header)[0], 200, header)
        data = data_of(t.ask("GET", SELF), "token")
        equal((data["display_name"], data["ttl"], data["renewable"], len(data["policies"]) > 0), (f"uid-{os.getuid()}", 0, False, True))
        t.change("allow = sign, verify", "allow = jwt")
        t.daemon.send_signal(signal.SIGHUP)
        t.until(lambda: write(t, SIGN + "es256", {"input": INPUT})[0] == 403, "the new grant")
        refused(write(t, SIGN + "es256", {"input": INPUT}), 403, "OPERATION_DENIED: [client ", "does not allow sign with key \"es256\"")
        refused(write(t, VERIFY + "es256", {"input": INPUT, "signature": "vault:v1:YQ=="}), 403, "does not allow verify")
        with open(t.conf) as f:
            text = f.read()
        with open(t.conf, "w") as f:
            f.write(text[:text.index("[client")] + "[client other]\nuid = 4294967000\nkeys = *\nallow = sign\n")
        t.daemon.send_signal(signal.SIGHUP)
        t.until(lambda: t.ask("GET", KEYS + "es256")[0] == 403, "the grant to be gone")
        for answer in (t.ask("GET", KEYS + "es256", headers={"X-Vault-Token": "root"}), write(t, SIGN + "es256", {"input": INPUT}), t.ask("GET", SELF)):
            refused(answer, 403, "PEER_DENIED")

        def told():
            with open(os.path.join(t.dir, "state", "audit.jsonl")) as f:
                return {(r["op"], r["result"]) for r in map(json.loads, f) if r.get("decision") == "refused"}
        wanted = {("sign", "OPERATION_DENIED"), ("verify", "OPERATION_DENIED"), ("sign", "PEER_DENIED")}
        t.until(lambda: told() == wanted, f"the records {wanted}")


@test
def while_the_token_is_away_keys_are_read_and_signing_is_unavailable():
    with served() as t:
        equal(data_of(t.ask("GET", KEYS + "es256"))["latest_version"], 1)
        with open(os.path.join(t.dir, "softhsm2.conf")) as f:
            tokens = re.search(r"(?m)^directories.tokendir *= *(.*)$", f.read())[1]
        os.rename(tokens, tokens + ".away")
        os.mkdir(tokens)
        t.until(lambda: write(t, SIGN + "es256", {"input": INPUT})[0] != 200, "the token to be gone")
        t.until(lambda: write(t, SIGN + "es256", {"input": INPUT})[0] == 503, "it to be known")
        answer = write(t, SIGN + "es256", {"input": INPUT})
        refused(answer, 503)
        equal(answer[1]["Retry-After"] is not None, True)
        equal(data_of(t.ask("GET", KEYS + "es256"))["type"], "ecdsa-p256")
        os.rmdir(tokens)
        os.rename(tokens + ".away", tokens)


@test
def framing_holds_for_put_too():
    with served() as t:
        import socket
        for request, status in ((f"PUT {SIGN}es256 HTTP/1.1\r\nHost: x\r\n\r\n", 411),
                                (f"PUT {SIGN}es256 HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n", 413),
                                (f"PUT {SIGN}es256 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501)):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(t.api)
                s.sendall(request.encode())
                equal(int(s.recv(4096).split()[1]), status, request)


main()
