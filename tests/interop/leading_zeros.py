#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Numbers that begin with zeros: public keys and signatures made until they do, through SoftHSM and the mock, offline and through the daemon.
Widths are exact and other people's libraries agree on what they are."""
import base64, json, os, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from trial import BUILD, JWK11, Connection, Trial, equal, main, test
from authlib.jose import JsonWebKey, JsonWebSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwcrypto import jwk as jwcrypto_jwk, jws as jwcrypto_jws

MOCK = os.path.join(os.path.abspath(BUILD), "tests", "mock", ".libs", "jwk11-mock.so")
# Octets of a coordinate, and leading octets that must be zero: P-521's first holds one bit.
CURVES = {"P-256": (ec.SECP256R1, 32, 1, "ES256", "p256"), "P-384": (ec.SECP384R1, 48, 1, "ES384", "p384"),
          "P-521": (ec.SECP521R1, 66, 2, "ES512", "p521"), "secp256k1": (ec.SECP256K1, 32, 1, "ES256K", "secp256k1")}
EDWARDS = {"Ed25519": (ed25519.Ed25519PrivateKey, 32, "ed25519"), "Ed448": (ed448.Ed448PrivateKey, 57, "ed448")}
RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def octets(number, width=None):
    return number.to_bytes(width or (number.bit_length() + 7) // 8, "big")


def until(make, good):
    for _ in range(100000):
        made = make()
        if good(made):
            return made
    raise AssertionError("not found in 100,000 tries")


def ec_jwk(crv, key):
    numbers, width = key.private_numbers(), CURVES[crv][1]
    return {"kty": "EC", "crv": crv, "x": b64(octets(numbers.public_numbers.x, width)), "y": b64(octets(numbers.public_numbers.y, width)),
            "d": b64(octets(numbers.private_value, width))}


def okp_jwk(crv, key):
    secret = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return {"kty": "OKP", "crv": crv, "x": b64(key.public_key().public_bytes(*RAW)), "d": b64(secret)}


def rsa_jwk(key):
    n = key.private_numbers()
    parts = {"n": n.public_numbers.n, "e": n.public_numbers.e, "d": n.d, "p": n.p, "q": n.q, "dp": n.dmp1, "dq": n.dmq1, "qi": n.iqmp}
    return {"kty": "RSA", **{name: b64(octets(value)) for name, value in parts.items()}}


def make_keys():
    """Label to (type in the mock, private JWK, the private key): each coordinate of each curve with a zero in front."""
    keys = {}
    for crv, (curve, width, zeros, _, mock) in CURVES.items():
        for name in ("x", "y"):
            key = until(lambda: ec.generate_private_key(curve()),
                        lambda k: getattr(k.public_key().public_numbers(), name) >> 8 * (width - zeros) == 0)
            keys[f"{mock}-{name}"] = (mock, ec_jwk(crv, key), key)
    for crv, (kind, _, mock) in EDWARDS.items():
        key = until(kind.generate, lambda k: k.public_key().public_bytes(*RAW)[0] == 0)
        keys[f"{mock}-x"] = (mock, okp_jwk(crv, key), key)
    for bits in (2048, 2056, 3072):
        key = rsa.generate_private_key(65537, bits)
        keys[f"rsa-{bits}"] = ("rsa2048" if bits < 3072 else "rsa3072", rsa_jwk(key), key)
    return keys


KEYS = make_keys()


def public(jwk):
    return {name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")}


def check_set(text, what):
    """Every key is in the set as it was made, at full width, under the thumbprint that two other libraries compute."""
    found = {json.dumps(public(k), sort_keys=True): k for k in json.loads(text)["keys"]}
    for label, (_, private, _) in KEYS.items():
        jwk = found.get(json.dumps(public(private), sort_keys=True))
        if jwk is None:
            raise AssertionError(f"{what}: {label} is not in the set as {public(private)}: {text}")
        if jwk["kty"] == "RSA":
            bits = int(label[4:])
            equal((len(unb64(jwk["n"])), unb64(jwk["n"])[0] != 0, jwk["e"]), (bits // 8, True, "AQAB"), label)
        else:
            width = (CURVES.get(jwk["crv"]) or EDWARDS[jwk["crv"]])[1]
            equal({len(unb64(jwk[name])) for name in ("x", "y") if name in jwk}, {width}, label)
            equal(unb64(jwk[label[-1]])[0], 0, label)
        equal(jwk["kid"], jwcrypto_jwk.JWK(**public(jwk)).thumbprint(), f"{what}: {label} and jwcrypto")
        equal(jwk["kid"], JsonWebKey.import_key(public(jwk)).thumbprint(), f"{what}: {label} and authlib")
    return found


class Loaded(Trial):
    """The trial token with all these keys, each under its own [key] section."""

    def __init__(self):
        super().__init__()
        with open(self.conf) as f:
            self.module = next(line.split("= ")[1].strip() for line in f if line.startswith("modules"))
        self.env = dict(os.environ, SOFTHSM2_CONF=os.path.join(self.dir, "softhsm2.conf"))
        for label, (_, private, _) in KEYS.items():
            subprocess.run([os.path.join(BUILD, "tests", "load_key"), self.module, "pkcs11:token=trial", os.path.join(self.dir, "pin"), label, "sig"],
                           input=json.dumps(private).encode(), env=self.env, check=True)
        with open(self.conf, "a") as f:
            for label in KEYS:
                f.write(f"[key {label}]\nuri = pkcs11:token=trial;object={label}\n")


@test
def public_keys_on_softhsm_offline_and_from_the_daemon():
    with Loaded() as t:
        alone = ["--offline", "--module", t.module, "--token", "pkcs11:token=trial", "--pin-file", os.path.join(t.dir, "pin")]
        for options in (["--offline", "--config", t.conf], alone):
            env = dict(t.env, XDG_STATE_HOME=t.root)
            done = subprocess.run([JWK11, "jwks", *options], env=env, capture_output=True, text=True)
            equal(done.returncode, 0, done.stderr)
            check_set(done.stdout, " ".join(options[:2]))
        t.start()
        status, _, body = t.ask("GET", "/.well-known/jwks.json")
        equal(status, 200)
        check_set(body.decode(), "daemon")


@test
def public_keys_on_the_mock():
    with tempfile.TemporaryDirectory() as folder:
        lines, objects = [], []
        for label, (kind, _, key) in KEYS.items():
            path = os.path.join(folder, label + ".pem")
            with open(path, "wb") as f:
                f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            lines.append(f"key {label} {kind} {path}")
            objects.append(f"private {label}\npublic {label}")
        script, pin = os.path.join(folder, "script"), os.path.join(folder, "pin")
        for path, text in ((script, "\n".join(lines + ["token t1", "pin 1234"] + objects) + "\n"), (pin, "1234\n")):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o400), "w") as f:
                f.write(text)
        done = subprocess.run([JWK11, "jwks", "--offline", "--module", MOCK, "--token", "pkcs11:token=t1", "--pin-file", pin],
                              env=dict(os.environ, JWK11_MOCK=script, XDG_STATE_HOME=folder), capture_output=True, text=True)
        equal(done.returncode, 0, done.stderr)
        equal(len(check_set(done.stdout, "mock")), len(KEYS))


def sign_until(connection, label, alg, width, zeros, part):
    """A JWS whose r or s begins with zeros. The daemon signs one input after another."""
    head = b64(json.dumps({"alg": alg}).encode())
    for n in range(20000):
        signing_input = f"{head}.{b64(str(n).encode())}"
        body = json.dumps({"alg": alg, "input": b64(signing_input.encode())})
        connection.request("POST", f"/v1/keys/{label}/sign", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        signature = unb64(json.loads(answer.read())["signature"])
        equal((answer.status, len(signature)), (200, 2 * width), label)
        if not any(signature[part * width:part * width + zeros]):
            return f"{signing_input}.{b64(signature)}"
    raise AssertionError(f"{label}: no such signature in 20,000")


@test
def signatures_with_zeros_in_front_keep_their_width():
    with Loaded() as t:
        t.start()
        connection = Connection(t.api, 60)
        for crv, (_, width, zeros, alg, mock) in CURVES.items():
            label = f"{mock}-x"
            jwk = public(KEYS[label][1])
            for part in (0, 1):
                token = sign_until(connection, label, alg, width, zeros, part)
                j = jwcrypto_jws.JWS()
                j.allowed_algs = [alg]
                j.deserialize(token, jwcrypto_jwk.JWK(**jwk))
                JsonWebSignature(algorithms=[alg]).deserialize_compact(token.encode(), JsonWebKey.import_key(jwk))
                path = os.path.join(t.root, "key")
                with open(path, "w") as f:
                    json.dump(jwk, f)
                done = subprocess.run([JWK11, "verify", "--key", path], input=token, capture_output=True, text=True)
                equal(done.returncode, 0, done.stderr)
        connection.close()


main()
