#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Certificate requests over the socket: every kind of key, judged by OpenSSL and python3-cryptography; what is refused, and that a challenge stays out of
logs."""
import base64, hashlib, json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from audited import Audited
from certified import AS_OTHER, MADE, SALT, THERE, add, every_kind, load, openssl
from trial import Trial, equal, main, test
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509.oid import ExtensionOID


def csr(t, key, body, accept=None, code=200):
    status, headers, data = t.ask("POST", f"/v1/keys/{key}/csr", body, {"Accept": accept} if accept else {})
    equal(status, code, data)
    return headers, data


def problem(t, key, body, status):
    document = json.loads(csr(t, key, body, code=status)[1])
    return document["code"], document["detail"]


@test
def every_kind_of_key_signs_one_that_openssl_verifies():
    with Trial() as t:
        every_kind(t)
        t.start()
        for name, alg, says in [*THERE, *MADE, *((n, a, s) for n, a, _, s in AS_OTHER)]:
            headers, der = csr(t, name, {"subject": f"CN={name}", "dns": ["d.example.org"], "alg": alg})
            equal((headers["Content-Type"], headers["Cache-Control"]), ("application/pkcs10", "no-store"))
            text = openssl("req", "-inform", "DER", "-verify", "-noout", "-text", octets=der)
            for part in ("verify OK", f"Subject: CN = {name}", f"Signature Algorithm: {says}", "DNS:d.example.org", "Version: 1 (0x0)"):
                equal(part in text, True, f"{name}: {part}: {text}")
            if alg in SALT:
                equal(f"Salt Length: 0x{SALT[alg]:02X}".lower() in text.lower() and f"mgf1 with sha{alg[2:]}" in text.lower(), True, text)
            made, pem = x509.load_der_x509_csr(der), t.ask("GET", f"/v1/keys/{name}", headers={"Accept": "application/x-pem-file"})[2]
            if alg not in SALT:  # which python3-cryptography 38 does not know in requests
                equal(made.is_signature_valid, True)
            equal(made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
                  load_pem_public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "the key's own public half")


FULL = {"subject": "CN=Lu\\C4\\8Di\\C4\\87\\, J.+serialNumber=42,OU=#13024869,DC=example,DC=org,C=AT,1.2.3.4=x", "dns": ["device-7.example.org", "*.example.org"],
        "ip": ["192.0.2.7", "2001:db8::7"], "uri": ["urn:uuid:7"], "email": ["a@example.org"], "upn": ["lu\u010di@EXAMPLE.ORG"],
        "hardware_module": ["1.3.6.1.4.1.99:SN-7", "1.3.6.1.4.1.99:#00ff"], "permanent_identifier": ["id-7", "1.3.6.1.4.1.99:id-8"],
        "key_usage": ["digitalSignature", "keyAgreement"], "eku": ["clientAuth", "smartcardLogon", "1.2.3.4"], "ca": False}


@test
def all_that_is_asked_for_stands_in_it():
    with Trial() as t:
        t.start()
        made = x509.load_der_x509_csr(csr(t, "es256", FULL)[1])
        equal([(a.oid.dotted_string, a.value) for rdn in made.subject.rdns for a in sorted(rdn, key=lambda a: a.oid.dotted_string)],
              [("1.2.3.4", "x"), ("2.5.4.6", "AT"), ("0.9.2342.19200300.100.1.25", "org"), ("0.9.2342.19200300.100.1.25", "example"), ("2.5.4.11", "Hi"),
               ("2.5.4.3", "Lu\u010di\u0107, J."), ("2.5.4.5", "42")])
        names = made.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
        equal(names.critical, False)
        equal(names.value.get_values_for_type(x509.DNSName), FULL["dns"])
        equal([str(a) for a in names.value.get_values_for_type(x509.IPAddress)], FULL["ip"])
        equal(names.value.get_values_for_type(x509.UniformResourceIdentifier), FULL["uri"])
        equal(names.value.get_values_for_type(x509.RFC822Name), FULL["email"])
        upn = "lu\u010di@EXAMPLE.ORG".encode()
        oid = bytes.fromhex("06062b0601040163")
        equal([(n.type_id.dotted_string, n.value) for n in names.value.get_values_for_type(x509.OtherName)], [
            ("1.3.6.1.4.1.311.20.2.3", bytes([0x0c, len(upn)]) + upn),
            ("1.3.6.1.5.5.7.8.4", bytes([0x30, 14]) + oid + b"\x04\x04SN-7"), ("1.3.6.1.5.5.7.8.4", bytes([0x30, 12]) + oid + b"\x04\x02\x00\xff"),
            ("1.3.6.1.5.5.7.8.3", b"\x30\x06\x0c\x04id-7"), ("1.3.6.1.5.5.7.8.3", bytes([0x30, 14]) + b"\x0c\x04id-8" + oid)])
        usage = made.extensions.get_extension_for_oid(ExtensionOID.KEY_USAGE)
        equal((usage.critical, usage.value.digital_signature, usage.value.key_agreement, usage.value.key_cert_sign), (True, True, True, False))
        equal([o.dotted_string for o in made.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value],
              ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2", "1.2.3.4"])
        basic = made.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS)
        equal((basic.critical, basic.value.ca), (True, False))
        plain = x509.load_der_x509_csr(csr(t, "es256", {"subject": "CN=a"})[1])
        equal(list(plain.extensions), [], "nothing is added that nobody asked for")
        alone = x509.load_der_x509_csr(csr(t, "es256", {"dns": ["a.example"]})[1])
        equal((list(alone.subject), alone.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).critical), ([], True))


@test
def it_comes_as_der_pem_or_json():
    with Trial() as t:
        t.start()
        body = {"subject": "CN=a", "challenge_password": "s3cret!"}
        headers, pem = csr(t, "eddsa", body, "application/x-pem-file")
        equal(headers["Content-Type"], "application/x-pem-file")
        equal(pem.startswith(b"-----BEGIN CERTIFICATE REQUEST-----\n") and pem.endswith(b"\n-----END CERTIFICATE REQUEST-----\n"), True)
        equal(max(map(len, pem.split(b"\n"))), 64)
        headers, document = csr(t, "eddsa", body, "application/json")
        document = json.loads(document)
        kid = json.loads(t.ask("GET", "/v1/keys/eddsa")[2])["kid"]
        equal((headers["Content-Type"], document["kid"], document["alg"], sorted(document)), ("application/json", kid, "EdDSA", ["alg", "csr", "kid"]))
        der = csr(t, "eddsa", body)[1]
        equal(pem.decode(), document["csr"], "Ed25519 signs the same the same way")
        equal(base64.b64decode("".join(document["csr"].splitlines()[1:-1])), der)
        equal("challengePassword        :s3cret!" in openssl("req", "-verify", "-noout", "-text", octets=pem), True)
        equal(json.loads(csr(t, "eddsa", body, "text/html", 406)[1])["code"], "HTTP_NOT_ACCEPTABLE")


@test
def what_cannot_be_is_refused_with_one_code_for_each_cause():
    with Trial() as t:
        load(t, "secret", "mac", octets=os.urandom(32))
        load(t, "agree", "X25519", "x25519")
        add(t, "[key mac]\nuri = pkcs11:token=trial;object=mac;type=secret-key\nalg = HS256\n[key enc]\nuri = pkcs11:token=trial;object=x25519\nuse = enc\n")
        t.start()
        good = {"subject": "CN=a"}
        rows = [
            ("es256", {}, 400, "SUBJECT_MISSING", "a request needs a subject or an alternative name"),
            ("es256", {"subject": "device-7"}, 400, "SUBJECT_INVALID", 'subject: an attribute type and "=" are missing at octet 0'),
            ("es256", {"subject": "CN=a, O=b"}, 400, "SUBJECT_INVALID", "subject: a blank stands before an attribute type at octet 5"),
            ("es256", {"subject": "C=AUT"}, 400, "SUBJECT_INVALID", "subject: the value of C does not fit: string too long"),
            ("es256", {"subject": "CN=" + "a" * 2046}, 413, "LIMIT", "subject: longer than 2048 octets"),
            ("es256", good | {"ip": ["192.0.2.256"]}, 400, "NAME_INVALID", 'ip "192.0.2.256": not an IPv4 or IPv6 address'),
            ("es256", good | {"dns": ["a_b"]}, 400, "NAME_INVALID", 'dns "a_b": not a DNS name of letters, digits and hyphens'),
            ("es256", good | {"uri": ["/x"]}, 400, "NAME_INVALID", None), ("es256", good | {"email": ["x"]}, 400, "NAME_INVALID", None),
            ("es256", good | {"upn": ["x"]}, 400, "NAME_INVALID", None), ("es256", good | {"hardware_module": ["x"]}, 400, "NAME_INVALID", None),
            ("es256", good | {"permanent_identifier": [""]}, 400, "NAME_INVALID", None),
            ("es256", good | {"dns": ["a.example"] * 65}, 413, "LIMIT", "dns: more than 64"),
            ("es256", good | {"dns": ["a.example"] * 40, "email": ["a@b"] * 25}, 413, "LIMIT", "more than 64 alternative names"),
            ("es256", good | {"key_usage": ["signing"]}, 400, "USAGE_UNKNOWN", None),
            ("es256", good | {"eku": ["clientauth"]}, 400, "USAGE_UNKNOWN", 'unknown extended key usage "clientauth". Did you mean clientAuth?'),
            ("es256", good | {"challenge_password": ""}, 400, "CHALLENGE_INVALID", "a challenge password is UTF-8 text of 1 to 255 octets"),
            ("es256", good | {"challenge_password": "a" * 256}, 400, "CHALLENGE_INVALID", "a challenge password is UTF-8 text of 1 to 255 octets"),
            ("es256", good | {"challenge_password": 5}, 400, "MEMBER_TYPE", None), ("es256", {"subject": 5}, 400, "MEMBER_TYPE", None),
            ("es256", good | {"dns": "a.example"}, 400, "MEMBER_TYPE", None), ("es256", good | {"dns": [5]}, 400, "MEMBER_TYPE", None),
            ("es256", good | {"ca": "yes"}, 400, "MEMBER_TYPE", None), ("es256", good | {"san": []}, 400, "MEMBER_UNKNOWN", None),
            ("es256", good | {"alg": "ES384"}, 409, "ALG_MISMATCH", 'key "es256" signs ES256 and nothing else'),
            ("es256", good | {"alg": "ES999"}, 400, "ALG_UNKNOWN", None), ("nope", good, 404, "KEY_UNKNOWN", None),
            ("enc", good, 409, "ALG_MISMATCH", 'key "enc" decrypts and does not sign'),
            ("mac", good, 406, "KEY_SECRET", 'key "mac" is a secret key: it has no public half to certify'),
        ]
        for key, body, status, code, detail in rows:
            got = problem(t, key, body, status)
            equal((got[0], got[1] if detail else None), (code, detail), f"{key} {body}")
        csr(t, "es256", good | {"dns": ["a.example"] * 64})
        csr(t, "es256", {"subject": "CN=a", "challenge_password": "\u00e4" * 127 + "a"})
        equal(t.ask("GET", "/v1/keys/es256/csr")[0], 405)


@test
def it_is_an_operation_of_its_own():
    with Trial() as t:
        with open(t.conf) as f:
            kept = f.read().partition("[client")[0]
        with open(t.conf, "w") as f:
            f.write(kept + f"[client c]\nuid = {os.getuid()}\nkeys = es256\nallow = csr\n[client d]\nuid = {os.getuid()}\nkeys = rs256\nallow = sign, jws, jwt\n")
        t.start()
        csr(t, "es256", {"subject": "CN=a"})
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"})[0], 403)
        equal(problem(t, "rs256", {"subject": "CN=a"}, 403), ("OPERATION_DENIED", '[client d] does not allow csr with key "rs256"'))
        equal({k["name"]: k["operations"] for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}, {"es256": ["csr"], "rs256": ["sign", "jws", "jwt"]})
        status, _, body = t.ask("POST", "/v1/batch", {"requests": [{"op": "csr", "key": "es256", "subject": "CN=a"}]})
        equal((status, json.loads(body)["code"]), (400, "MEMBER_TYPE"))


@test
def it_is_recorded_without_its_challenge():
    challenge = "c7e1-challenge-c7e1"
    with Audited() as t:
        t.start()
        der = csr(t, "es256", {"subject": "CN=a"})[1]
        csr(t, "es256", {"subject": "CN=a", "challenge_password": challenge})
        csr(t, "es256", {"subject": "CN", "challenge_password": challenge}, code=400)
        csr(t, "es256", {"subject": "CN=a", "challenge_password": challenge, challenge: 1}, code=400)
        records = [r for r in t.requests() if r["op"] == "csr"]
        equal([(r["key"], r["result"], r.get("of"), r.get("sha256")) for r in records[:3]],
              [("es256", "OK", "csr", hashlib.sha256(der).hexdigest()), ("es256", "OK", None, None), ("es256", "SUBJECT_INVALID", None, None)])
        t.stop()
        with open(t.log_file) as f:
            equal(challenge in f.read() + t.log, False, "the challenge in a log")


def memory_has(pid, octets):
    found = False
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            first, last = (int(n, 16) for n in line.split()[0].split("-"))
            if "rw" in line.split()[1] and last - first < 1 << 30:  # a sanitizer's shadow is larger, and holds no octets of ours
                try:
                    memory.seek(first)
                    found = found or octets in memory.read(last - first)
                except OSError:
                    pass
    return found


@test
def a_challenge_does_not_stay_in_memory():
    if os.getuid() != 0:
        print("# needs root to look into the daemon's memory")
        return
    challenge = b"77aa-wiped-77aa-wiped-77aa"
    with Trial() as t:
        t.start()
        for path in ("/v1/keys/es256/csr", "/v1/keys/es256/%63sr"):
            status, _, body = t.ask("POST", path, {"subject": "CN=a", "challenge_password": challenge.decode()})
            equal(status, 200, body)
        t.ask("POST", "/v1/keys/es256/csr", {"subject": "CN=a"})
        keeps = {open(f"/proc/{pid}/comm").read().strip() for pid in t.children() if memory_has(pid, challenge)}
        equal(keeps, set(), "processes that still have it")


if __name__ == "__main__":
    main()
