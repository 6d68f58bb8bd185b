#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 inspect: a token's claims, what a check shows, and attestations in YubiKey's form: good ones, and each way to be none."""
import json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from issued import CA, DAY, DER, NOW, PEM, name, pems, public, run, said, write, x5t
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mock_token import Mock
from trial import Trial, equal, main, test

ARC = "1.3.6.1.4.1.41482.3."
GOOD = {3: bytes([5, 4, 3]), 7: bytes.fromhex("020400bc614e"), 8: bytes([2, 3]), 9: bytes([3])}
SLOT = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "YubiKey PIV Attestation 9a")])


class Maker:
    """Its root, the certificate of one device, and what that device says."""

    def __init__(self, device_until=3650 * DAY):
        self.root_key, self.device_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = self.sign(name("Maker Root"), name("Maker Root"), self.root_key.public_key(), self.root_key, ca=True)
        self.device = self.sign(name("Device"), name("Maker Root"), self.device_key.public_key(), self.root_key, ca=True, path=0, until=device_until)

    def sign(self, subject, issuer, key, signer, ca=False, path=None, until=3650 * DAY, extensions=()):
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key).serial_number(x509.random_serial_number())
             .not_valid_before(NOW - 3650 * DAY).not_valid_after(NOW + until))
        if ca:
            b = b.add_extension(x509.BasicConstraints(True, path), True)
        for arc, value in extensions:
            b = b.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(ARC + str(arc)), value), False)
        return b.sign(signer, hashes.SHA256())

    def attest(self, key, extensions=GOOD, signer=None, subject=SLOT):
        return self.sign(subject, name("Device"), key, signer or self.device_key, extensions=extensions.items())


def inspect(t, *args, code=0):
    return run(t, "inspect", *args, "--json", code=code)


@test
def claims_of_softhsm_are_told_as_claims_and_checks_as_checks():
    with Trial() as t:
        for key, alg, generator in (("es256", "ES256", "CKM_EC_KEY_PAIR_GEN"), ("rs256", "RS256", "CKM_RSA_PKCS_KEY_PAIR_GEN")):
            s = said(inspect(t, key))
            equal((s["schema"], s["key"], s["alg"], s["token"]["label"], s["token"]["model"]), ("jwk11/inspect/1", key, alg, "trial", "SoftHSM v2"))
            claims = s["claims"]
            equal([claims[c] for c in ("local", "sensitive", "always_sensitive", "extractable", "never_extractable", "private", "sign", "always_authenticate")],
                  [True, True, True, False, True, True, True, False])
            equal((claims["generated_by"], s["claims_are"]), (generator, "the token's own word, not proof"))
            equal(s["checks"], {"signature": "verifies", "private_value": "refused"})
            equal((s["attestation"], bool(s["mechanisms"]), s["mechanisms"][0]["hardware"]), (None, True, False))
        text = run(t, "inspect", "es256").stdout.decode()
        for word in ("CLAIMS: the token's own word, not proof", "CKA_NEVER_EXTRACTABLE    yes", "CHECKS: seen just now", "the token shows none for this key"):
            equal(word in text, True, text)
        r = inspect(t, "es256", "--roots", write(t, "roots.pem", pems(Maker().root)), code=1)
        equal(("ATTESTATION_ABSENT" in r.err, said(r)["checks"]["signature"]), (True, "verifies"))
        run(t, "inspect", "none", code=66)
        run(t, "inspect", code=64)


@test
def a_good_attestation_from_a_file_is_proven_by_the_root_alone():
    maker = Maker()
    with Trial() as t:
        roots = write(t, "roots.pem", pems(Maker().root, maker.root))
        attest = maker.attest(public(t, "es256"))
        file = write(t, "attest.pem", pems(attest, maker.device))
        a = said(inspect(t, "es256", "--attestation", file, "--roots", roots))["attestation"]
        equal((a["state"], a["from"], a["firmware"], a["serial"], a["pin_policy"], a["touch_policy"], a["form_factor"], a["fips"], a["slot"], a["x5t#S256"]),
              ("proven", "file", "5.4.3", 12345678, "once", "cached", "USB-C keychain", False, "9a", x5t(attest)))
        equal(("serial 12345678" in a["proves"], "CN=Maker Root" in a["proves"], "Not that it is this token" in a["proves"]), (True, True, True), a["proves"])
        a = said(inspect(t, "es256", "--attestation", file))["attestation"]
        equal((a["state"], a["proves"]), ("unchecked", "nothing: nobody who is trusted has vouched for it"))
        direct = write(t, "device.pem", pems(maker.device))
        equal(said(inspect(t, "es256", "--attestation", write(t, "one.der", attest.public_bytes(DER)), "--roots", direct))["attestation"]["state"], "proven")
        few = maker.attest(public(t, "es256"), {3: GOOD[3]}, subject=name("YubiKey PIV Attestation 9a"))
        a = said(inspect(t, "es256", "--attestation", write(t, "few.pem", pems(few, maker.device)), "--roots", roots))["attestation"]
        equal((a["state"], "serial" in a, "pin_policy" in a, "form_factor" in a), ("proven", False, False, False))
        odd = maker.attest(public(t, "es256"), {**GOOD, 8: bytes([9, 9]), 9: bytes([0x85]), 7: b"\x02\x05\x00\xff\xff\xff\xff"})
        a = said(inspect(t, "es256", "--attestation", write(t, "odd.pem", pems(odd, maker.device)), "--roots", roots))["attestation"]
        equal((a["pin_policy"], a["touch_policy"], a["form_factor"], a["fips"], a["serial"]), ("9", "9", "USB-C and Lightning", True, 2**32 - 1))


@test
def what_is_not_proven_is_refused_and_why():
    maker, other = Maker(), Maker()
    with Trial() as t:
        pub = public(t, "es256")
        roots = write(t, "roots.pem", pems(maker.root))
        stranger = ec.generate_private_key(ec.SECP256R1())
        expired = Maker(device_until=-DAY)
        long = Maker()
        below = long.sign(name("Device"), name("Device"), stranger.public_key(), long.device_key, ca=True)
        impostor = maker.sign(name("Device"), name("Maker Root"), stranger.public_key(), stranger, ca=True)
        leaf = maker.sign(name("Device"), name("Maker Root"), stranger.public_key(), maker.root_key)
        rows = [
            ("another key", [maker.attest(stranger.public_key()), maker.device], roots, 1, "ATTESTATION_FOREIGN"),
            ("another key, without roots", [maker.attest(stranger.public_key()), maker.device], None, 1, "ATTESTATION_FOREIGN"),
            ("another root", [other.attest(pub), other.device], roots, 1, "ATTESTATION_UNTRUSTED"),
            ("no certificate of the device", [maker.attest(pub)], roots, 1, "ATTESTATION_UNTRUSTED"),
            ("signed by somebody else", [maker.attest(pub, signer=stranger), maker.device], roots, 1, "ATTESTATION_UNTRUSTED"),
            ("a device that no root knows", [maker.attest(pub, signer=stranger), impostor], roots, 1, "ATTESTATION_UNTRUSTED"),
            ("signed by what is no CA", [maker.attest(pub, signer=stranger), leaf], roots, 1, "ATTESTATION_UNTRUSTED"),
            ("a device that has expired", [expired.attest(pub), expired.device], write(t, "r2", pems(expired.root)), 1, "not valid now"),
            ("a path longer than it may be", [long.attest(pub, signer=stranger), below, long.device], write(t, "r3", pems(long.root)), 1,
             "ATTESTATION_UNTRUSTED"),
            ("no attestation at all", [maker.sign(SLOT, name("Device"), pub, maker.device_key)], roots, 65, "no extension 1.3.6.1.4.1.41482.3.3"),
        ]
        for bad in ({3: b""}, {3: b"\5\4"}, {3: b"\5\4\3\0"}, {7: b""}, {7: b"\x02\x00"}, {7: b"\x02\x01\xff"}, {7: b"\x02\x02\x00\x01"}, {7: b"\x04\x01\x01"},
                    {7: b"\x02\x05\x01\0\0\0\0"}, {7: b"\x02\x06\0\0\0\0\0\0"}, {7: b"\x02\x01\x01\x00"}, {8: b"\2"}, {8: b"\2\3\1"}, {9: b""}, {9: b"\3\3"}):
            rows.append((f"extensions {bad}", [maker.attest(pub, {**GOOD, **bad}), maker.device], roots, 65, "ATTESTATION_INVALID"))
        for what, certs, trusted, code, word in rows:
            try:
                r = inspect(t, "es256", "--attestation", write(t, "a.pem", pems(*certs)), *(["--roots", trusted] if trusted else []), code=code)
                equal(word in r.err, True, r.err)
                a = said(r)["attestation"]
                equal((a["state"], a["proves"].split(":")[0], said(r)["checks"]["signature"]), ("refused", "nothing", "verifies"))
            except AssertionError as why:
                raise AssertionError(f"{what}: {why}")
        r = run(t, "inspect", "es256", "--attestation", write(t, "a.pem", b"none"), code=65)
        equal((r.stdout, "a.pem" in r.err), (b"", True))
        run(t, "inspect", "es256", "--roots", os.path.join(t.dir, "none"), code=73)


@test
def one_on_the_token_is_found_and_is_no_certificate_for_relying_parties():
    maker, ca = Maker(), CA()
    with Trial() as t:
        with open(t.conf) as f:
            module = next(line.split("=")[1].strip() for line in f if line.startswith("modules"))
        with open(os.path.join(t.dir, "pin")) as f:
            env = dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"), TRIAL_PIN=f.read().strip())
        pub = public(t, "es256")
        attest = maker.attest(pub)
        for label, ident, cert in (("X.509 Certificate for PIV Attestation 9a", "01", attest), ("X.509 Certificate for PIV Attestation", "25", maker.device)):
            subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", "--write-object",
                            write(t, "c.der", cert.public_bytes(DER)), "--type", "cert", "--label", label, "--id", ident], env=env, check=True,
                           capture_output=True)
        roots = write(t, "roots.pem", pems(maker.root))
        a = said(inspect(t, "es256", "--roots", roots))["attestation"]
        equal((a["state"], a["from"], a["x5t#S256"]), ("proven", "token", x5t(attest)))
        equal("it leads to a root that you have given" in run(t, "inspect", "es256", "--roots", roots).stdout.decode(), True)
        equal("ATTESTATION_UNTRUSTED" in inspect(t, "es256", "--roots", write(t, "o.pem", pems(Maker().root)), code=1).err, True)
        equal(said(inspect(t, "rs256"))["attestation"], None)
        equal("CERT_ABSENT" in run(t, "cert", "list", "--offline", "es256", code=66).err, True)
        leaf = ca.issue("device", pub)
        r = run(t, "import-cert", "es256", write(t, "leaf.pem", pems(leaf, ca.inner)), "--json")
        equal((said(r)["replaced"], said(r)["written"]), (0, 2))
        equal([c["x5t#S256"] for c in said(run(t, "cert", "list", "--offline", "--json"))["keys"][0]["certificates"]], [x5t(leaf), x5t(ca.inner)])
        equal(said(inspect(t, "es256", "--roots", roots))["attestation"]["state"], "proven")


def mock(script="", faults=""):
    t = Mock(token="pin 1234\nflags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED", objects="public k\nprivate k\n" + script, faults=faults)
    write(t, "k.pem", ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return t


@test
def odd_tokens_are_reported_as_they_are():
    with mock("attr CKA_LOCAL absent\nattr CKA_SENSITIVE false\nattr CKA_EXTRACTABLE no-info\nattr CKA_NEVER_EXTRACTABLE size:3\nattr CKA_ALWAYS_SENSITIVE sensitive\n"
              "attr CKA_ALLOWED_MECHANISMS mechanisms:CKM_ECDSA,CKM_ECDSA_SHA256") as t:
        s = said(inspect(t, "k"))
        equal([s["claims"][c] for c in ("local", "sensitive", "extractable", "never_extractable", "always_sensitive", "generated_by", "allowed_mechanisms")],
              [None, False, None, None, None, None, ["CKM_ECDSA", "CKM_ECDSA_SHA256"]])
        text = run(t, "inspect", "k").stdout.decode()
        equal(("CKA_LOCAL                not said" in text, "generated by             not said" in text), (True, True), text)
    with mock("attr CKA_VALUE hex:0102030405") as t:
        r = inspect(t, "k", code=1)
        equal((said(r)["checks"]["private_value"], "CHECK_FAILED" in r.err, "0102030405" in r.stdout.decode() + r.err), ("given", True, False))
    with mock(faults="fault C_Sign every flip") as t:
        r = inspect(t, "k", code=1)
        equal((said(r)["checks"]["signature"] == "verifies", "SIGNATURE_WITHHELD" in r.err), (False, True))
    with mock(faults="fault C_GetMechanismInfo every CKR_MECHANISM_INVALID") as t:
        r = inspect(t, "k", code=65)
        equal((said(r)["mechanisms"], "no mechanism for ES256" in r.err), ([], True))
    with mock() as t:
        equal(said(inspect(t, "k"))["checks"], {"signature": "verifies", "private_value": "refused"})


if __name__ == "__main__":
    main()
