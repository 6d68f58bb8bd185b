#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Messages encrypted by other people's JOSE libraries, decrypted by the daemon on a real SoftHSM token; ours, decrypted by them."""
import base64, json, os, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from trial import JWK11, JWK11D, Trial, equal, main, test
from authlib.jose import JsonWebEncryption, JsonWebKey
from jwcrypto import jwe as jwcrypto_jwe, jwk as jwcrypto_jwk

TEXT = "Grüße aus dem Token".encode()
ENCS = ["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"]
ECDH = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"]
PAIRS = {"rsa": ("rsa:2048", "--usage-decrypt"), "p256": ("EC:prime256v1", "--usage-derive"), "p384": ("EC:secp384r1", "--usage-derive"),
         "p521": ("EC:secp521r1", "--usage-derive")}


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def trial():
    """The trial token with a key pair of each kind, in one [key] section per algorithm."""
    t = Trial()
    env = dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"))
    with open(t.conf) as f:
        module = next(line.split("= ")[1].strip() for line in f if line.startswith("modules"))
    with open(os.path.join(t.dir, "pin")) as f:
        env["TRIAL_PIN"] = f.read().strip()
    for n, (label, (kind, usage)) in enumerate(PAIRS.items()):
        subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", "--keypairgen",
                        "--key-type", kind, "--label", "enc-" + label, "--id", f"e{n}", usage], env=env, check=True, capture_output=True)
    with open(t.conf, "a") as f:
        f.write("[key rsa]\nuri = pkcs11:token=trial;object=enc-rsa\nuse = enc\nkid = rsa\n")
        for label in list(PAIRS)[1:]:
            for alg in ECDH:
                f.write(f"[key {name_of(label, alg)}]\nuri = pkcs11:token=trial;object=enc-{label}\nuse = enc\nalg = {alg}\nkid = {name_of(label, alg)}\n")
    return t


def name_of(label, alg):
    return label + alg[4:].lower().replace("+", "-") if alg.startswith("ECDH") else label


def by_jwcrypto(key, alg, enc):
    j = jwcrypto_jwe.JWE(TEXT, json.dumps({"alg": alg, "enc": enc, "kid": key["kid"]}))
    j.add_recipient(jwcrypto_jwk.JWK(**key))
    return j.serialize(compact=True)


def by_authlib(key, alg, enc):
    k = {name: value for name, value in key.items() if name != "use"}
    return JsonWebEncryption().serialize_compact({"alg": alg, "enc": enc}, TEXT, JsonWebKey.import_key(k)).decode()


def by_latchset(key, alg, enc):
    with tempfile.NamedTemporaryFile("w", suffix=".jwk") as k, tempfile.NamedTemporaryFile("wb") as p:
        json.dump(key, k)
        k.flush()
        p.write(TEXT)
        p.flush()
        head = json.dumps({"protected": {"alg": alg, "enc": enc}})
        return subprocess.run(["jose", "jwe", "enc", "-I", p.name, "-i", head, "-k", k.name], check=True, capture_output=True).stdout.decode()


SENDERS = {"jwcrypto": by_jwcrypto, "authlib": by_authlib, "latchset jose": by_latchset}


def public_of(t, name):
    status, _, body = t.ask("GET", f"/v1/keys/{name}", headers={"Accept": "application/jwk+json"})
    equal(status, 200, f"{name}: {body}")
    return json.loads(body)


def cases():
    yield "rsa", "RSA-OAEP"
    for label in list(PAIRS)[1:]:
        for alg in ECDH:
            yield name_of(label, alg), alg


@test
def decrypts_what_three_foreign_libraries_encrypt():
    with trial() as t:
        t.start()
        n = 0
        for name, alg in cases():
            key = public_of(t, name)
            equal((key["use"], key["alg"], key["kid"]), ("enc", alg, name))
            for enc in ENCS:
                for who, sender in SENDERS.items():
                    if alg.startswith("RSA") and who == "latchset jose":
                        continue  # its release 11 has no OAEP
                    message = sender(key, alg, enc).strip()
                    jwe = json.loads(message) if message.startswith("{") else message
                    status, headers, body = t.ask("POST", f"/v1/keys/{name}/decrypt", {"jwe": jwe})
                    equal(status, 200, f"{who} {name} {enc}: {body} {message}")
                    answer = json.loads(body)
                    equal((unb64(answer["plaintext"]), answer["kid"], answer["alg"]), (TEXT, name, alg), f"{who} {enc}")
                    equal(headers["Cache-Control"], "no-store")
                    n += 1
        equal(n, (12 * 3 + 2) * len(ENCS), "messages")


@test
def answers_in_octets_when_asked_and_offline_alike():
    with trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)  # a login that is still to come hides the token from --offline
        message = by_jwcrypto(public_of(t, "p256-es"), "ECDH-ES", "A256GCM")
        status, headers, body = t.ask("POST", "/v1/keys/p256-es/decrypt", {"jwe": message}, {"Accept": "application/octet-stream"})
        equal((status, headers["Content-Type"], body), (200, "application/octet-stream", TEXT))
        equal(t.ask("POST", "/v1/keys/p256-es/decrypt", {"jwe": message}, {"Accept": "text/html"})[0], 406)
        for more in [], ["--offline"]:
            done = subprocess.run([JWK11, "--config", t.conf, *more, "decrypt", "p256-es"], input=message.encode(), capture_output=True)
            equal((done.returncode, done.stdout), (0, TEXT), done.stderr)
            done = subprocess.run([JWK11, "--config", t.conf, *more, "--json", "decrypt", "p256-es"], input=message.encode(), capture_output=True)
            equal(json.loads(done.stdout), {"schema": "jwk11/decrypt/1", "plaintext": b64(TEXT)}, done.stderr)
            bad = message[:-2] + ("AA" if not message.endswith("AA") else "BA")
            done = subprocess.run([JWK11, "--config", t.conf, *more, "decrypt", "p256-es"], input=bad.encode(), capture_output=True)
            equal((done.returncode, done.stdout), (1, b""), done.stderr)
            if b"[exit 1, DECRYPT_FAILED" not in done.stderr:
                raise AssertionError(done.stderr)
            done = subprocess.run([JWK11, "--config", t.conf, *more, "sign", "p256-es"], input=b"x", capture_output=True)
            equal((done.returncode, done.stdout), (65, b""), done.stderr)
        uri = "pkcs11:token=trial;object=enc-p256"
        done = subprocess.run([JWK11, "--config", t.conf, "--offline", "decrypt", uri], input=message.encode(), capture_output=True)
        equal((done.returncode, done.stdout), (0, TEXT), done.stderr)
        empty = jwcrypto_jwe.JWE(b"", json.dumps({"alg": "ECDH-ES", "enc": "A128GCM"}), recipient=jwcrypto_jwk.JWK(**public_of(t, "p256-es")))
        status, _, body = t.ask("POST", "/v1/keys/p256-es/decrypt", {"jwe": empty.serialize(compact=True)})
        equal((status, json.loads(body)["plaintext"]), (200, ""))


def flip(part, bit):
    raw = bytearray(unb64(part))
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    return b64(bytes(raw))


@test
def every_damage_gets_the_same_answer():
    with trial() as t:
        t.start()
        for name, alg in (("rsa", "RSA-OAEP"), ("p384-es-a256kw", "ECDH-ES+A256KW")):
            for enc in ("A256GCM", "A128CBC-HS256"):
                parts = by_jwcrypto(public_of(t, name), alg, enc).split(".")
                answers = set()
                for place in (1, 2, 3, 4):
                    for bit in (0, 77, 1000):
                        damaged = list(parts)
                        damaged[place] = flip(parts[place], bit)
                        status, headers, body = t.ask("POST", f"/v1/keys/{name}/decrypt", {"jwe": ".".join(damaged)}, {"Request-Id": "same"})
                        answers.add((status, headers["Content-Type"], body))
                equal(len(answers), 1, f"{name} {enc}: {answers}")
                status, _, body = answers.pop()
                equal((status, json.loads(body)["code"]), (400, "DECRYPT_FAILED"))
                equal(t.ask("POST", f"/v1/keys/{name}/decrypt", {"jwe": ".".join(parts)})[0], 200, "and works on")
        # the log knows no more than the sender
        t.stop()
        for line in t.log.splitlines():
            if "DECRYPT_FAILED" in line and "CKR_" in line:
                raise AssertionError(line)


@test
def refuses_by_the_documented_codes():
    with trial() as t:
        with open(t.conf, "a") as f:
            f.write("[key twice]\nuri = pkcs11:token=trial;object=rs256\nuse = enc\n")
        t.start()
        ok = by_jwcrypto(public_of(t, "p256-es"), "ECDH-ES", "A256GCM")
        rsa15 = b64(b'{"alg":"RSA1_5","enc":"A256GCM"}') + ok[ok.index("."):]
        zipped = b64(b'{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}') + ".AA.AAAAAAAAAAAAAAAA..AAAAAAAAAAAAAAAAAAAAAA"
        rows = [
            ("nobody/decrypt", {"jwe": ok}, 404, "KEY_UNKNOWN"),
            ("es256/decrypt", {"jwe": ok}, 409, "ALG_MISMATCH"),
            ("p256-es/sign", {"input": "aGk"}, 409, "ALG_MISMATCH"),
            ("p256-es/jwt", {"claims": {}}, 409, "ALG_MISMATCH"),
            ("p256-es/decrypt", {}, 400, "MEMBER_MISSING"),
            ("p256-es/decrypt", {"jwe": 5}, 400, "MEMBER_TYPE"),
            ("p256-es/decrypt", {"jwe": ok, "x": 1}, 400, "MEMBER_UNKNOWN"),
            ("p256-es/decrypt", {"jwe": "a.b.c"}, 400, "JWE_INVALID"),
            ("p256-es/decrypt", {"jwe": {}}, 400, "MEMBER_MISSING"),
            ("p256-es/decrypt", {"jwe": ok, "alg": "ECDH-ES+A128KW"}, 409, "ALG_MISMATCH"),
            ("p256-es/decrypt", {"jwe": ok, "alg": "RSA1_5"}, 400, "ALG_UNKNOWN"),
            ("rsa/decrypt", {"jwe": ok}, 409, "ALG_MISMATCH"),
            ("rsa/decrypt", {"jwe": rsa15}, 400, "ALG_UNKNOWN"),
            ("rsa/decrypt", {"jwe": zipped}, 400, "JWE_INVALID"),
            ("twice/decrypt", {"jwe": ok}, None, "KEY_UNAVAILABLE"),
        ]
        for path, body, wanted, code in rows:
            status, _, data = t.ask("POST", "/v1/keys/" + path, body)
            equal(json.loads(data)["code"], code, f"{path} {body} {data}")
            if wanted is not None:
                equal(status, wanted, f"{path} {body}")
        keys = {k["name"]: k for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}
        equal((keys["p256-es"]["use"], keys["p256-es"]["operations"]), ("enc", ["decrypt"]))
        equal((keys["es256"]["use"], keys["es256"]["operations"]), ("sig", ["sign", "jws", "jwt", "verify", "csr"]))
        equal((keys["twice"]["state"], keys["rs256"]["state"]), ("unsupported", "active"))


@test
def decrypting_is_granted_by_its_own_word():
    with trial() as t:
        with open(t.conf) as f:
            text = f.read()
        with open(t.conf, "w") as f:
            f.write(text.replace("allow = *", "allow = sign, jws, jwt"))
        if "allow = sign, jws, jwt\n" not in open(t.conf).read():
            raise AssertionError("the trial configuration has no line to change:\n" + text)
        t.start()
        ok = by_jwcrypto(public_of(t, "p256-es"), "ECDH-ES", "A256GCM")
        status, _, data = t.ask("POST", "/v1/keys/p256-es/decrypt", {"jwe": ok})
        equal((status, json.loads(data)["code"]), (403, "OPERATION_DENIED"))


def read_by_jwcrypto(key, text):
    j = jwcrypto_jwe.JWE()
    j.deserialize(text, key)
    return j.payload


def read_by_authlib(key, text):
    return JsonWebEncryption().deserialize_compact(text, JsonWebKey.import_key(json.loads(key.export())))["payload"]


def read_by_latchset(key, text):
    with tempfile.NamedTemporaryFile("w", suffix=".jwk") as k, tempfile.NamedTemporaryFile("w", suffix=".jwe") as j:
        k.write(key.export())
        k.flush()
        j.write(text)
        j.flush()
        return subprocess.run(["jose", "jwe", "dec", "-i", j.name, "-k", k.name], check=True, capture_output=True).stdout


@test
def three_foreign_libraries_decrypt_what_it_encrypts():
    keys = [jwcrypto_jwk.JWK.generate(kty="RSA", size=2048)] + [jwcrypto_jwk.JWK.generate(kty="EC", crv=c) for c in ("P-256", "P-384", "P-521")]
    keys.append(jwcrypto_jwk.JWK.generate(kty="OKP", crv="X25519"))
    with tempfile.TemporaryDirectory() as folder:
        for i, key in enumerate(keys):
            path = os.path.join(folder, f"{i}")
            with open(path, "w") as f:
                f.write(key.export_public())
            for alg in ["RSA-OAEP", "RSA-OAEP-256"] if i == 0 else ECDH:
                for enc in ENCS:
                    done = subprocess.run([JWK11, "encrypt", "--key", path, "--alg", alg, "--enc", enc], input=TEXT, check=True, capture_output=True)
                    text = done.stdout.decode().strip()
                    head = json.loads(unb64(text.split(".")[0]))
                    equal((head["alg"], head["enc"], head["kid"]), (alg, enc, key.thumbprint()))
                    equal(read_by_jwcrypto(key, text), TEXT, f"jwcrypto {alg} {enc}")
                    equal(read_by_authlib(key, text), TEXT, f"authlib {alg} {enc}")
                    if 0 < i < 4:
                        equal(read_by_latchset(key, text), TEXT, f"latchset jose {alg} {enc}")
        pem = os.path.join(folder, "pem")
        with open(pem, "wb") as f:
            f.write(keys[1].export_to_pem())
        text = subprocess.run([JWK11, "encrypt", "--key", pem], input=TEXT, check=True, capture_output=True).stdout.decode().strip()
        equal(read_by_jwcrypto(keys[1], text), TEXT)
        jwks = os.path.join(folder, "jwks")
        with open(jwks, "w") as f:
            json.dump({"keys": [json.loads(k.export_public()) for k in keys[1:3]] + [{"kty": "oct", "kid": "x"}]}, f)
        done = subprocess.run([JWK11, "encrypt", "--jwks", jwks], input=TEXT, capture_output=True)
        equal((done.returncode, done.stdout), (65, b""), done.stderr)
        with open(path, "w") as f:
            f.write(keys[0].export_private())
        done = subprocess.run([JWK11, "encrypt", "--key", path], input=TEXT, capture_output=True)
        equal((done.returncode, done.stdout), (65, b""), done.stderr)
        for option in (["--alg", "RSA1_5"], ["--enc", "A128CBC"], ["--alg", "RSA-OAEP"]):
            done = subprocess.run([JWK11, "encrypt", "--key", pem, *option], input=TEXT, capture_output=True)
            equal((done.returncode, done.stdout), (65, b""), done.stderr)


@test
def encrypts_to_a_published_key_by_kid():
    with trial() as t:
        t.start()
        text = subprocess.run([JWK11, "--config", t.conf, "encrypt", "--kid", "p521-es-a192kw"], input=TEXT, check=True, capture_output=True).stdout
        done = subprocess.run([JWK11, "--config", t.conf, "decrypt", "p521-es-a192kw"], input=text, check=True, capture_output=True)
        equal(done.stdout, TEXT)


main()
