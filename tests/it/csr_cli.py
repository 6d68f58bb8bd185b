#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 csr and selfsign, with the broker and without: options, templates, files, what a terminal shows; OpenSSL and python3-cryptography judge."""
import datetime, json, os, pty, re, select, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from certified import AS_OTHER, MADE, SALT, THERE, add, every_kind, load, openssl
from trial import JWK11 as TOOL, Trial, equal, main, test
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID

JWK11 = os.path.abspath(TOOL)
EVERY = [(name, alg, says) for name, alg, says in [*THERE, *MADE, *((n, a, s) for n, a, _, s in AS_OTHER)]]


def environment(t):
    return dict(os.environ, JWK11_SOCKET=t.api, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"))


def run(t, *args, code=0, offline=False):
    more = ["--config", t.conf, "--offline"] if offline else []
    r = subprocess.run([JWK11, *more, *args], capture_output=True, env=environment(t), cwd=t.root)
    equal(r.returncode, code, f"{args}: {r.stdout} {r.stderr}")
    return r.stdout, re.sub("request [0-9a-f]{16}", "request ID", r.stderr.decode())


def on_terminal(t, *args):
    """Exit code and what a terminal shows."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(t.root)
        os.execve(JWK11, [JWK11, *args], environment(t))
    shown = b""
    while select.select([fd], [], [], 60)[0]:
        try:
            shown += os.read(fd, 4096)
        except OSError:
            break
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode().replace("\r\n", "\n")


def path_of(t, name, text, mode=0o644):
    path = os.path.join(t.root, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def judge_request(pem, name, alg, says):
    text = openssl("req", "-verify", "-noout", "-text", octets=pem)
    for part in ("verify OK", f"Subject: CN = {name}", f"Signature Algorithm: {says}"):
        equal(part in text, True, f"{name}: {part}: {text}")
    equal(alg not in SALT or f"Salt Length: 0x{SALT[alg]:02X}".lower() in text.lower(), True, text)


def judge_certificate(t, pem, says):
    with open(os.path.join(t.root, "judged.pem"), "wb") as f:
        f.write(pem)
    text = openssl("x509", "-noout", "-text", octets=pem)
    equal(f"Signature Algorithm: {says}" in text and "Version: 3 (0x2)" in text, True, text)
    equal(openssl("verify", "-check_ss_sig", "-CAfile", f.name, f.name), f"{f.name}: OK\n")
    return x509.load_pem_x509_certificate(pem)


@test
def every_kind_of_key_with_the_broker_and_without():
    with Trial() as t:
        every_kind(t)
        t.start()
        for name, alg, says in EVERY:
            for offline in (False, True):
                judge_request(run(t, "csr", name, "--subject", f"CN={name}", offline=offline)[0], name, alg, says)
                cert = judge_certificate(t, run(t, "selfsign", name, "--subject", f"CN={name}", "--dns", "d.example", offline=offline)[0], says)
                equal((cert.issuer, cert.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value.get_values_for_type(x509.DNSName)),
                      (cert.subject, ["d.example"]))


@test
def a_terminal_is_told_where_it_went():
    with Trial() as t:
        t.start()
        equal(on_terminal(t, "csr", "es256", "--subject", "CN=device-7", "--dns", "device-7.example.org", "-o", "device-7.csr"),
              (0, "wrote device-7.csr (self-signature checked).   inspect: openssl req -in device-7.csr -noout -text -verify\n"))
        said = subprocess.run("openssl req -in device-7.csr -noout -text -verify", shell=True, cwd=t.root, capture_output=True, check=True)
        equal(b"DNS:device-7.example.org" in said.stdout, True)
        equal(on_terminal(t, "csr", "es256", "--subject", "CN=a", "--der", "-o", "a.der"),
              (0, "wrote a.der (self-signature checked).   inspect: openssl req -inform DER -in a.der -noout -text -verify\n"))
        subprocess.run("openssl req -inform DER -in a.der -noout -text -verify", shell=True, cwd=t.root, capture_output=True, check=True)
        until = (datetime.datetime.utcnow() - datetime.timedelta(seconds=300) + datetime.timedelta(days=7)).strftime("%Y-%m-%d")
        equal(on_terminal(t, "selfsign", "es256", "--subject", "CN=a", "--days", "7", "-o", "a.pem"),
              (0, f"wrote a.pem (self-signed, until {until}).   inspect: openssl x509 -in a.pem -noout -text\n"))
        subprocess.run("openssl x509 -in a.pem -noout -text", shell=True, cwd=t.root, capture_output=True, check=True)
        equal(run(t, "csr", "es256", "--subject", "CN=a", "-o", "quiet.csr"), (b"", ""), "into a pipe")
        equal(sorted(os.listdir(t.root)), ["a.der", "a.pem", "device-7.csr", "quiet.csr", "t"], "nothing half")


@test
def options_and_templates_say_the_same():
    with Trial() as t:
        t.start()
        options = ["--subject", "CN=a,O=b", "--dns", "a.example", "--dns", "*.a.example", "--ip", "::1", "--uri", "urn:x:y", "--email", "a@b.example", "--upn", "a@B",
                   "--hardware-module", "1.2.3:#00ff", "--permanent-identifier", "x", "--key-usage", "digitalSignature,keyAgreement", "--eku", "clientAuth", "--eku", "1.2.3",
                   "--ca", "no"]
        template = path_of(t, "t.conf", "# all of it\nsubject = CN=a,O=b\ndns = a.example\ndns = *.a.example\nip = ::1\nuri = urn:x:y\nemail = a@b.example\nupn = a@B\n"
                           "hardware-module = 1.2.3:#00ff\npermanent-identifier = x\nkey-usage = digitalSignature, keyAgreement\neku = clientAuth\neku = 1.2.3\nca = no\n")
        same = {run(t, "csr", "eddsa", *words, offline=offline)[0] for words in (options, ["--template", template]) for offline in (False, True)}
        equal(len(same), 1, "Ed25519 signs the same the same way")
        made = x509.load_pem_x509_csr(same.pop())
        equal(len(made.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value), 8)
        made = x509.load_pem_x509_csr(run(t, "csr", "es256", "--template", template, "--subject", "CN=c", "--dns", "c.example", "--ca", "yes")[0])
        equal((made.subject.rfc4514_string(), made.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value.get_values_for_type(x509.DNSName),
               made.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value.ca), ("CN=c", ["a.example", "*.a.example", "c.example"], True))
        document = json.loads(run(t, "csr", "es256", "--subject", "CN=a", "--json")[0])
        equal((document["schema"], sorted(document), x509.load_pem_x509_csr(document["csr"].encode()).is_signature_valid), ("jwk11/csr/1", ["csr", "schema"], True))


@test
def a_challenge_comes_from_a_file_of_ones_own():
    with Trial() as t:
        t.start()
        good, open_one = path_of(t, "good", "s3cret\n", 0o600), path_of(t, "open", "s3cret\n", 0o644)
        for offline in (False, True):
            out = os.path.join(t.root, "out.csr")
            run(t, "csr", "es256", "--subject", "CN=a", "--challenge-file", good, "-o", out, offline=offline)
            with open(out, "rb") as f:
                equal("challengePassword        :s3cret" in openssl("req", "-verify", "-noout", "-text", octets=f.read()), True)
            equal(os.stat(out).st_mode & 0o777, 0o600, "who can read the request can read the challenge")
            os.unlink(out)
            said = run(t, "csr", "es256", "--subject", "CN=a", "--challenge-file", open_one, code=77, offline=offline)[1]
            equal(said, f"jwk11: challenge file {open_one} can be read by group or others\n  see: chmod 0400 {open_one}\n  [exit 77, CHALLENGE_FILE]\n")
            said = run(t, "csr", "es256", "--subject", "CN=a", "--challenge-file", path_of(t, "lines", "a\nb\n", 0o600), code=65, offline=offline)[1]
            equal("CHALLENGE_INVALID" in said, True, said)
        run(t, "csr", "es256", "--subject", "CN=a", "--challenge-file", os.path.join(t.root, "nothing"), code=77)


@test
def refusals_are_the_same_with_the_broker_and_without():
    with Trial() as t:
        load(t, "secret", "mac", octets=os.urandom(32))
        add(t, "[key mac]\nuri = pkcs11:token=trial;object=mac;type=secret-key\nalg = HS256\n")
        t.start()
        wrong = path_of(t, "wrong.conf", "subject = CN=a\nsan = b\n")
        many = path_of(t, "many.conf", "dns = a.example\n" * 65)
        rows = [
            (["es256"], 65, "SUBJECT_MISSING", "a request needs a subject or an alternative name"),
            (["es256", "--subject", "a"], 65, "SUBJECT_INVALID", 'subject: an attribute type and "=" are missing at octet 0'),
            (["es256", "--subject", "CN=a, O=b"], 65, "SUBJECT_INVALID", "subject: a blank stands before an attribute type at octet 5"),
            (["es256", "--ip", "1.2.3"], 65, "NAME_INVALID", 'ip "1.2.3": not an IPv4 or IPv6 address'),
            (["es256", "--subject", "CN=a", "--eku", "clientAuth,"], 65, "USAGE_UNKNOWN", None),
            (["es256", "--subject", "CN=a", "--key-usage", "signing"], 65, "USAGE_UNKNOWN", None),
            (["es256", "--template", wrong], 65, "TEMPLATE_INVALID", f'{wrong}:2: unknown name "san"'),
            (["es256", "--template", many], 65, "LIMIT", "dns: more than 64"),
            (["es256", "--template", os.path.join(t.root, "nothing")], 73, "FILE_FAILED", None),
            (["es256", "--subject", "CN=a", "--ca", "maybe"], 64, "ARGUMENT", "--ca takes yes or no"),
            (["es256", "--subject", "CN=a", "--alg", "ES384"], 65, "ALG_MISMATCH", None),
            (["mac", "--subject", "CN=a"], 65, "KEY_SECRET", 'key "mac" is a secret key: it has no public half to certify'),
            (["nope", "--subject", "CN=a"], 66, "KEY_UNKNOWN", None),
        ]
        for args, exit_code, code, text in rows:
            for offline in (False, True):
                said = run(t, "csr", *args, code=exit_code, offline=offline)[1]
                equal(code in said and (text is None or said.startswith(f"jwk11: {text}\n")), True, f"{args} {offline}: {said}")
        run(t, "csr", code=64)
        run(t, "csr", "es256", "--subject", "CN=a", "--der", "--json", code=64)
        run(t, "csr", "es256", "--subject", "CN=a", *["--dns", "a.example"] * 16, code=64)
        run(t, "csr", "es256", "--subject", "CN=a", *["--dns", "a.example"] * 15)
        # Offline an RSA key signs as one asks: it is the broker that has one algorithm for each key.
        judge_request(run(t, "csr", "rs256", "--subject", "CN=rs256", "--alg", "PS384", offline=True)[0], "rs256", "PS384", "rsassaPss")
        equal("ALG_MISMATCH" in run(t, "csr", "rs256", "--subject", "CN=rs256", "--alg", "PS384", code=65)[1], True)


@test
def policy_says_no():
    with Trial() as t:
        t.change("allow = *", "allow = jwt")
        t.start()
        said = run(t, "csr", "es256", "--subject", "CN=a", code=77)[1]
        equal(said, 'jwk11: [client owner] does not allow csr with key "es256"\n  [exit 77, OPERATION_DENIED, request ID]\n')
        said = run(t, "selfsign", "es256", "--subject", "CN=a", code=77)[1]
        equal(said, 'jwk11: [client owner] does not allow sign with key "es256"\n  [exit 77, OPERATION_DENIED, request ID]\n')


@test
def certificates_for_entra_and_google():
    with Trial() as t:
        t.start()
        for offline in (False, True):
            entra = judge_certificate(t, run(t, "selfsign", "rs256", "--for", "entra", offline=offline)[0], "sha256WithRSAEncryption")
            equal(entra.subject.rfc4514_string(), "CN=jwk11")
            usage = entra.extensions.get_extension_for_oid(ExtensionOID.KEY_USAGE).value
            equal((usage.digital_signature, usage.key_encipherment), (True, False))
            equal([o.dotted_string for o in entra.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value], ["1.3.6.1.5.5.7.3.2"])
            google = judge_certificate(t, run(t, "selfsign", "rs256", "--for", "google", "--days", "30", offline=offline)[0], "sha256WithRSAEncryption")
            equal(google.subject.rfc4514_string(), "CN=unused")
            equal([e.oid for e in google.extensions], [ExtensionOID.SUBJECT_KEY_IDENTIFIER])
            equal((google.not_valid_after - google.not_valid_before).days, 30)
            equal(google.serial_number != entra.serial_number and 100 < google.serial_number.bit_length() <= 128, True, google.serial_number)
            for taker in ("entra", "google"):
                said = run(t, "selfsign", "es256", "--for", taker, code=65, offline=offline)[1]
                equal(said, f"jwk11: {taker} takes RSA keys only, and this is a P-256 key\n  [exit 65, PROFILE_REFUSED]\n")
            run(t, "selfsign", "rs256", "--for", "google", "--dns", "a.example", code=65, offline=offline)
            said = run(t, "selfsign", "es256", "--dns", "a.example", code=65, offline=offline)[1]
            equal("SUBJECT_MISSING" in said, True, said)
        named = judge_certificate(t, run(t, "selfsign", "rs256", "--for", "entra", "--subject", "CN=ci", "--eku", "serverAuth")[0], "sha256WithRSAEncryption")
        equal((named.subject.rfc4514_string(), len(named.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value)), ("CN=ci", 1))
        for bad in (["--for", "apple"], ["--days", "0"], ["--days", "36501"], ["--der", "--json"]):
            run(t, "selfsign", "rs256", "--subject", "CN=a", *bad, code=64)
        run(t, "selfsign", "rs256", "--subject", "CN=a", "--alg", "PS256", code=65)
        far = x509.load_der_x509_certificate(run(t, "selfsign", "eddsa", "--subject", "CN=a", "--days", "36500", "--der")[0])
        equal(far.not_valid_after.year - far.not_valid_before.year in (99, 100), True, "GeneralizedTime")
        document = json.loads(run(t, "selfsign", "es256", "--subject", "CN=a", "--json")[0])
        cert = x509.load_pem_x509_certificate(document["certificate"].encode())
        key = serialization.load_pem_public_key(t.ask("GET", "/v1/keys/es256", headers={"Accept": "application/x-pem-file"})[2])
        equal((document["schema"], len(document["x5t#S256"]), cert.public_key().public_numbers()), ("jwk11/certificate/1", 43, key.public_numbers()))


if __name__ == "__main__":
    main()
