# SPDX-License-Identifier: Apache-2.0
"""What the tests of certificate requests share: keys of every kind on a trial's token, and OpenSSL as their judge."""
import os, re, subprocess

from trial import BUILD, equal

# Label, algorithm, what openssl calls the signature.
MADE = [("es384", "ES384", "ecdsa-with-SHA384"), ("es512", "ES512", "ecdsa-with-SHA512"), ("ed448", "Ed448", "ED448"), ("rs384", "RS384", "sha384WithRSAEncryption")]
THERE = [("es256", "ES256", "ecdsa-with-SHA256"), ("rs256", "RS256", "sha256WithRSAEncryption"), ("eddsa", "EdDSA", "ED25519")]
AS_OTHER = [("rs512", "RS512", "rs256", "sha512WithRSAEncryption"), ("ps256", "PS256", "rs256", "rsassaPss"), ("ps384", "PS384", "rs256", "rsassaPss"),
            ("ps512", "PS512", "rs256", "rsassaPss")]
SALT = {"PS256": 0x20, "PS384": 0x30, "PS512": 0x40}


def add(t, text):
    with open(t.conf, "a") as f:
        f.write(text)


def load(t, *args, octets=b""):
    with open(t.conf) as f:
        module = re.search("(?m)^modules = (.*)$", f.read())[1]
    subprocess.run([os.path.join(BUILD, "tests", "token_key"), module, "pkcs11:token=trial", os.path.join(t.dir, "pin"), *args], input=octets, check=True,
                   env=dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf")))


def every_kind(t):
    for label, alg, _ in MADE:
        load(t, "make", alg, label)
        add(t, f"[key {label}]\nuri = pkcs11:token=trial;object={label}\nalg = {alg}\n")
    for name, alg, label, _ in AS_OTHER:
        add(t, f"[key {name}]\nuri = pkcs11:token=trial;object={label}\nalg = {alg}\nkid = {name}\n")


def openssl(*args, octets=b""):
    r = subprocess.run(["openssl", *args], input=octets, capture_output=True)
    equal(r.returncode, 0, r.stderr)
    return r.stdout.decode() + r.stderr.decode()
