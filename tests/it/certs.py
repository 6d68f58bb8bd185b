#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 import-cert, cert list and cert export: from a CA's answer to x5c in the key set, and what stands in the way."""
import base64, hashlib, json, os, re, signal, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from issued import CA, DAY, DER, NOW, PEM, name, pems, public, run, said, write, x5t
from mock_token import Mock
from trial import JWK11, Trial, equal, main, test


def bring(t, key, data, *more, code=0):
    return run(t, "import-cert", key, "-", *more, code=code, input=data)


def counts(r):
    return tuple(said(r)[word] for word in ("result", "written", "there", "replaced", "refused", "left_out"))


def refused(t, key, data, code, *words, args=()):
    r = bring(t, key, data, *args, code=code)
    for word in words:
        if word not in r.err:
            raise AssertionError(f"no {word!r} in {r.err!r}")
    equal(r.stdout, b"", "output of a refusal")


def listed(t, *args):
    return said(run(t, "cert", "list", "--json", *args))["keys"]


def tags(certs):
    return [c["x5t#S256"] for c in certs]


def names_file(t, key, path):
    t.change(f"[key {key}]\n", f"[key {key}]\ncertificates = {path}\n")


def rescan(t):
    equal(t.ask("POST", "/v1/tokens/trial/rescan", {})[0], 200)


def in_header(t, key, *args):
    """The x5c of a JWS."""
    head = run(t, "jws", key, "--x5c", *args, input=b"x").stdout.split(b".")[0]
    return [base64.b64decode(c) for c in json.loads(base64.urlsafe_b64decode(head + b"=="))["x5c"]]


@test
def a_chain_in_any_form_and_order_goes_onto_the_token():
    ca = CA()
    with Trial() as t:
        keys = {key: public(t, key) for key in ("es256", "rs256", "eddsa")}
        leafs = {key: ca.issue(f"device {key}", pub) for key, pub in keys.items()}
        first = bring(t, "es256", b"Bag attributes\n" + pems(ca.root, ca.inner) + b"friendlyName: x\n" + pems(leafs["es256"]), "--json")
        equal(counts(first), ("imported", 3, 0, 0, 0, 0))
        s = said(first)
        equal((s["subject"], s["issuer"], s["x5t#S256"], s["token"], s["label"], s["note"]),
              (r"O=Example\, Ltd,CN=device es256", r"O=Example\, Ltd,CN=inner", x5t(leafs["es256"]), "trial", "es256", ""))
        equal((int(s["serial"], 16), s["not_after"]), (leafs["es256"].serial_number, (NOW + 30 * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")))
        equal(first.err, "")
        der = leafs["rs256"].public_bytes(DER) + ca.inner.public_bytes(DER)
        equal(counts(bring(t, "rs256", der, "--json")), ("imported", 1, 1, 0, 0, 0))
        p7 = pkcs7.serialize_certificates([ca.root, leafs["eddsa"], ca.inner], DER)
        equal(counts(bring(t, "eddsa", base64.encodebytes(p7), "--json")), ("imported", 1, 2, 0, 0, 0))
        for again in (p7, pkcs7.serialize_certificates([ca.root, leafs["eddsa"], ca.inner], PEM)):
            equal(counts(bring(t, "eddsa", again, "--json")), ("there already", 0, 3, 0, 0, 0))
        for got in listed(t, "--offline"):
            equal(tags(got["certificates"]), [x5t(leafs[got["name"]]), x5t(ca.inner)])
            equal((got["token"], got["note"]), ("trial", ""))
        write(t, "root.pem", pems(ca.root))
        run(t, "cert", "export", "es256", "--offline", "--chain", "-o", os.path.join(t.dir, "chain.pem"))
        r = subprocess.run(["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "chain.pem", "chain.pem"], cwd=t.dir, capture_output=True)
        equal(r.returncode, 0, r.stdout + r.stderr)


@test
def the_objects_have_the_keys_id_and_the_names_of_the_certificate():
    ca = CA()
    with Trial() as t:
        with open(t.conf) as f:
            module = next(line.split("=")[1].strip() for line in f if line.startswith("modules"))
        env = dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"), TRIAL_PIN=open(os.path.join(t.dir, "pin")).read().strip())

        def tool(*args):
            return subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", *args], env=env,
                                  check=True, capture_output=True).stdout

        def objects(kind):
            return re.findall(r"label: +(\S.*?)\n(?:.*\n)*? +ID: +([0-9a-f]+)", tool("--list-objects", "--type", kind).decode())
        leaf = ca.issue("device", public(t, "es256"))
        bring(t, "es256", pems(leaf, ca.inner))
        equal(dict(objects("privkey"))["es256"], dict(objects("cert"))["es256"])
        equal(tool("--read-object", "--type", "cert", "--label", "es256"), leaf.public_bytes(DER))
        equal(len(objects("cert")), 2)


@test
def a_certificate_of_another_key_is_refused_with_both_thumbprints():
    ca = CA()
    with Trial() as t:
        stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
        thumb = {}
        for key in ("es256", "rs256"):
            thumb[key] = said(run(t, "jwks", key, "--offline"))["keys"][0]["kid"]
        leaf = ca.issue("stranger", stranger)
        n = stranger.public_numbers()
        coordinate = lambda v: base64.urlsafe_b64encode(v.to_bytes(32, "big")).rstrip(b"=").decode()
        jwk = '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (coordinate(n.x), coordinate(n.y))
        theirs = base64.urlsafe_b64encode(hashlib.sha256(jwk.encode()).digest()).rstrip(b"=").decode()
        refused(t, "es256", pems(leaf, ca.inner), 65, "CERT_FOREIGN", thumb["es256"], theirs, "CN=stranger")
        refused(t, "rs256", pems(ca.issue("x", public(t, "es256"))), 65, "CERT_FOREIGN", thumb["es256"], thumb["rs256"])
        refused(t, "es256", pems(ca.issue("x", ec.generate_private_key(ec.BrainpoolP256R1()).public_key())), 65, "CERT_FOREIGN", "not supported")
        equal(listed(t, "--offline"), [])


@test
def a_certificate_with_the_key_as_a_compressed_point_holds_that_key():
    ca = CA()
    with Trial() as t:
        write(t, "pub.pem", run(t, "jwks", "--format", "pem", "--offline", "es256").stdout)
        write(t, "ca.pem", pems(ca.inner))
        write(t, "ca.key", ca.keys["inner"].private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        for args in (["ec", "-pubin", "-in", "pub.pem", "-conv_form", "compressed", "-pubout", "-out", "short.pem"],
                     ["x509", "-new", "-force_pubkey", "short.pem", "-subj", "/CN=short", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "9", "-out", "leaf.pem"]):
            subprocess.run(["openssl", *args], cwd=t.dir, check=True, capture_output=True)
        equal(counts(run(t, "import-cert", "es256", os.path.join(t.dir, "leaf.pem"), "--json")), ("imported", 1, 0, 0, 0, 0))


@test
def what_is_no_chain_is_refused_by_name():
    ca = CA()
    key = ec.generate_private_key(ec.SECP256R1())
    with Trial() as t:
        leaf = ca.issue("device", public(t, "es256"))
        der = leaf.public_bytes(DER)
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        request = x509.CertificateSigningRequestBuilder().subject_name(name("r")).sign(key, hashes.SHA256()).public_bytes(PEM)
        many = pems(*[ca.issue(f"n{i}", key.public_key()) for i in range(32)])
        for data, *words in ((b"", "empty"), (b"hello", "neither PEM nor DER"), (pems(leaf) + private, "private key"), (request, "a request"),
                             (der[:-1], "neither PEM nor DER"), (der + b"x", "neither PEM nor DER"), (b"\x30\x03\x02\x01\x01", "CERT_INVALID", "number 1"),
                             (pems(leaf)[:-30], "END"), (pems(leaf).replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), "no CERTIFICATE"),
                             (pems(leaf).replace(b"MII", b"M!I"), "BASE64_INVALID"), (many + pems(leaf), "more than 32"), (b"x" * 524289, "longer than"),
                             (b"\x30\x0b\x06\x09*\x86H\x86\xf7\r\x01\x07\x02", "PKCS#7 without")):
            refused(t, "es256", data, 65, *words)
        refused(t, "none", pems(leaf), 66, "KEY_UNKNOWN")
        equal(run(t, "import-cert", "es256", os.path.join(t.dir, "no-such"), code=73).err.count("No such file"), 1)
        run(t, "import-cert", "es256", code=64)
        equal(counts(bring(t, "es256", pems(leaf, ca.issue("n", key.public_key())) + der[:0], "--json")), ("imported", 1, 0, 0, 0, 1))
        equal("CN=n has no part" in bring(t, "es256", pems(leaf, ca.issue("n", key.public_key()))).err, True)


@test
def times_are_a_warning_or_with_strict_an_error():
    ca = CA()
    with Trial() as t:
        pub = public(t, "es256")
        for cert, words in ((ca.issue("old", pub, since=-2 * DAY, until=-DAY), "expired at"), (ca.issue("early", pub, since=DAY), "is not valid before")):
            refused(t, "es256", pems(cert), 65, "CERT_EXPIRED", words, args=["--strict"])
            equal(listed(t, "--offline"), [])
            r = bring(t, "es256", pems(cert, ca.inner), "--dry-run")
            equal(f"warning: the certificate ({cert.subject.rfc4514_string()}) {words}" in r.err, True, r.err)
        late = CA()
        late.inner = late.issue("inner", late.keys["inner"].public_key(), by="root", ca=True, since=-9 * DAY, until=-DAY)
        leaf = late.issue("device", pub)
        refused(t, "es256", pems(leaf, late.inner), 65, "CERT_EXPIRED", "of an issuer", args=["--strict"])
        r = bring(t, "es256", pems(leaf, late.inner), "--json")
        equal((counts(r)[:2], "of an issuer" in said(r)["note"], "warning" in r.err), (("imported", 2), True, True))


@test
def a_newer_one_takes_the_place_of_an_older_one_unless_that_is_kept():
    ca = CA()
    with Trial() as t:
        pub = public(t, "es256")
        first, second, third = (ca.issue(f"n{i}", pub, since=-9 * DAY + i * DAY) for i in range(3))
        bring(t, "es256", pems(first, ca.inner, ca.root))
        equal(counts(bring(t, "es256", pems(second, ca.inner), "--json", "--dry-run")), ("would import", 1, 1, 1, 0, 0))
        equal(tags(listed(t, "--offline")[0]["certificates"])[0], x5t(first))
        equal(counts(bring(t, "es256", pems(second, ca.inner), "--json")), ("imported", 1, 1, 1, 0, 0))
        got = listed(t, "--offline", "es256")
        equal((tags(got[0]["certificates"]), got[0]["note"]), ([x5t(second), x5t(ca.inner)], ""))
        equal(counts(bring(t, "es256", pems(third), "--json", "--keep")), ("imported", 1, 0, 0, 0, 0))
        got = listed(t, "--offline", "es256")
        equal((tags(got[0]["certificates"])[0], "2 certificates hold this key" in got[0]["note"]), (x5t(third), True))
        r = bring(t, "es256", pems(first), "--keep")
        equal("goes by another certificate" in r.err, True, r.err)
        equal(counts(bring(t, "es256", pems(first), "--json")), ("imported", 0, 1, 2, 0, 0))
        equal(tags(listed(t, "--offline", "es256")[0]["certificates"])[0], x5t(first))


@test
def a_running_broker_publishes_it_at_once():
    ca = CA()
    with Trial() as t:
        pub = public(t, "es256")
        leaf = ca.issue("device", pub)
        t.change("[set default]\n", "[set default]\nx5c = yes\n")
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        equal(run(t, "cert", "list", "es256", code=66).err.count("CERT_ABSENT"), 1)
        r = bring(t, "es256", pems(ca.root, leaf, ca.inner))
        equal((b"imported: the certificate of key \"es256\" on token \"trial\"" in r.stdout, r.err), (True, ""))
        jwk = next(k for k in json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"] if k.get("crv") == "P-256")
        equal((jwk["x5t#S256"], len(jwk["x5c"])), (x5t(leaf), 2))
        got = listed(t)
        equal([(k["name"], tags(k["certificates"])) for k in got], [("es256", [x5t(leaf), x5t(ca.inner)])])
        equal(said(run(t, "cert", "list", "es256", "--json"))["keys"], got)
        table = run(t, "cert", "list").stdout.decode().splitlines()
        equal((len(table), table[0].split()[:2], x5t(leaf) in table[1], "CN=device" in table[1]), (2, ["KEY", "SUBJECT"], True, True))
        equal(len(run(t, "cert", "list", "es256").stdout.decode().splitlines()), 3)
        for offline in ([], ["--offline"]):
            equal(run(t, "cert", "export", "es256", *offline).stdout, pems(leaf))
            equal(run(t, "cert", "export", "es256", "--chain", *offline).stdout, pems(leaf, ca.inner))
            equal(run(t, "cert", "export", "es256", "--der", *offline).stdout, leaf.public_bytes(DER))
            run(t, "cert", "export", "rs256", *offline, code=66)
            run(t, "cert", "export", "none", *offline, code=66)
        run(t, "cert", "export", "es256", "--chain", "--der", code=64)
        run(t, "cert", "list", "--der", code=64)
        run(t, "cert", "export", code=64)
        run(t, "cert", "show", code=64)
        t.stop()
        run(t, "cert", "list", code=69)


@test
def of_a_key_with_versions_the_one_that_the_certificate_holds():
    ca = CA()
    with Trial() as t:
        with open(t.conf, "a") as f:
            f.write("\n[key issuer]\nuri = pkcs11:token=trial\nalg = ES256\nlead = 20m\nperiod = 90d\n")
        run(t, "rotate", "issuer")
        run(t, "rotate", "issuer")
        kids = said(run(t, "keys", "issuer", "--json", "--offline"))["versions"]
        following = next(v for v in kids if v["state"] == "next")["kid"]
        leaf = ca.issue("next", public(t, following))
        r = bring(t, "issuer", pems(leaf), "--json")
        equal((said(r)["thumbprint"], said(r)["x5t#S256"]), (following, x5t(leaf)))
        equal([x5t(leaf)], [tag for k in listed(t, "--offline") for tag in tags(k["certificates"])])
        refused(t, "issuer", pems(ca.issue("x", public(t, "es256"))), 65, "CERT_FOREIGN")


@test
def a_chain_in_a_file_is_the_keys_and_goes_before_the_tokens():
    ca = CA()
    with Trial() as t:
        pub = public(t, "es256")
        on_token, first, second = (ca.issue(cn, pub) for cn in ("token", "first", "second"))
        bring(t, "es256", pems(on_token, ca.inner, ca.root))
        path = write(t, "chain.pem", pems(ca.root, ca.inner, first))
        names_file(t, "es256", path)
        t.change("[client owner]\n", f"[client proofs]\nuid = {os.getuid()}\nkeys = *\nallow = jwt\ntemplate = assertion/entra\n\n[client owner]\n")
        of_rs256 = ca.issue("other", public(t, "rs256"))
        names_file(t, "rs256", write(t, "rs256.pem", pems(of_rs256, ca.inner, ca.root)))
        t.change("[set default]\n", "[set default]\nx5c = yes\n")
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)

        def goes_by(leaf, note=""):
            for offline in ([], ["--offline"]):
                got = [k for k in listed(t, *offline) if k["name"] == "es256"]
                equal([(tags(k["certificates"]), k["note"]) for k in got], [([x5t(leaf), x5t(ca.inner)], note)], offline)
                equal(run(t, "cert", "export", "es256", "--chain", *offline).stdout, pems(leaf, ca.inner))
                jwk = next(k for k in said(run(t, "jwks", "--x5c", *offline))["keys"] if k.get("crv") == "P-256")
                equal((jwk["x5t#S256"], len(jwk["x5c"])), (x5t(leaf), 2))
                for _ in range(8):  # whichever worker it is
                    equal(in_header(t, "es256", *offline), [leaf.public_bytes(DER), ca.inner.public_bytes(DER)])
            for offline in ([], ["--offline"]):
                proof = run(t, "assertion", "rs256", "--profile", "entra", "--iss", "me", "--aud", "https://login.example", *offline).stdout.split(b".")[0]
                tag = hashlib.sha1(of_rs256.public_bytes(DER)).digest()
                equal(json.loads(base64.urlsafe_b64decode(proof + b"=="))["x5t"], base64.urlsafe_b64encode(tag).rstrip(b"=").decode())
            published = json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]
            equal([k["x5t#S256"] for k in published if "x5c" in k and k.get("crv") == "P-256"], [x5t(leaf)])
        goes_by(first)
        write(t, "chain.pem", pems(second, ca.inner, ca.root))
        rescan(t)
        goes_by(second)
        for data, why in ((pems(ca.issue("x", ec.generate_private_key(ec.SECP256R1()).public_key())), "no certificate in the file of its certificates holds this key"),
                          (None, "the file of its certificates cannot be read: No such file or directory")):
            os.unlink(path) if data is None else write(t, "chain.pem", data)
            rescan(t)
            goes_by(on_token, why + "; the token's certificates are used")
        write(t, "chain.pem", pems(first, ca.inner))
        rescan(t)
        goes_by(first, "a further issuer is not among the certificates in the file")


@test
def a_file_that_is_of_no_use_leaves_the_key_signing_without_x5c_and_says_why():
    ca = CA()
    with Trial() as t:
        leaf = ca.issue("device", public(t, "es256"))
        private = ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path = write(t, "chain.pem", pems(leaf, ca.inner, ca.root) + b"#" * (524288 - len(pems(leaf, ca.inner, ca.root))))
        names_file(t, "es256", path)
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        equal(tags(listed(t)[0]["certificates"]), [x5t(leaf), x5t(ca.inner)])  # at the limit
        cannot = "the file of its certificates cannot be "
        rows = [(lambda: write(t, "chain.pem", pems(ca.issue("x", public(t, "rs256")))), "no certificate in the file of its certificates holds this key"),
                (lambda: write(t, "chain.pem", b"hello"), cannot + "used: certificates: neither PEM nor DER"),
                (lambda: write(t, "chain.pem", b""), cannot + "used: certificates: the file is empty"),
                (lambda: write(t, "chain.pem", pems(leaf) + private), cannot + "used: certificates: the file holds a private key too; give the certificates alone"),
                (lambda: write(t, "chain.pem", pems(leaf) + b"#" * 524288), "the file of its certificates is too long: 512 KiB at most"),
                (lambda: os.unlink(path), cannot + "read: No such file or directory"),
                (lambda: os.mkfifo(path), "the file of its certificates is no plain file"),
                (lambda: (os.unlink(path), os.symlink("chain.pem", path)), cannot + "read: Too many levels of symbolic links")]
        for act, why in rows:
            act()
            before = t.log.count("event=certificates-file")
            rescan(t)
            t.wait_count("event=certificates-file", before + 1)
            for offline in ([], ["--offline"]):
                got = listed(t, *offline)
                equal([(k["name"], k["certificates"], k["note"]) for k in got], [("es256", [], why)], offline)
                equal(why in run(t, "cert", "export", "es256", *offline, code=66).err, True, why)
                run(t, "sign", "es256", *offline, input=b"x")
                r = run(t, "jws", "es256", "--x5c", *offline, code=66, input=b"x")
                equal(("CERT_ABSENT" in r.err, why in r.err), (True, True), r.err)
            found = json.loads(subprocess.run([JWK11, "--config", t.conf, "doctor", "--json"], capture_output=True).stdout)
            equal(why in json.dumps(found), True, "the doctor")
        os.unlink(path)
        write(t, "chain.pem", pems(leaf, ca.inner, ca.root))
        rescan(t)
        equal([(tags(k["certificates"]), k["note"]) for k in listed(t)], [([x5t(leaf), x5t(ca.inner)], "")])


@test
def a_file_that_is_closed_to_the_broker_is_said():
    ca = CA()
    with Trial() as t:
        path = write(t, "chain.pem", pems(ca.issue("device", public(t, "es256")), ca.inner, ca.root))
        names_file(t, "es256", path)
        os.chmod(path, 0)  # workers of root have no capability that would open it
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        equal([(k["certificates"], k["note"]) for k in listed(t)], [([], "the file of its certificates cannot be read: Permission denied")])
        os.chmod(path, 0o444)
        rescan(t)
        equal([(len(k["certificates"]), k["note"]) for k in listed(t)], [(2, "")])


@test
def workers_that_read_little_read_that_file_and_take_a_new_one_on_sighup():
    ca = CA()
    with Trial() as t:
        pub = public(t, "es256")
        first, second = ca.issue("first", pub), ca.issue("second", pub)
        os.mkdir(os.path.join(t.root, "beside"))
        names_file(t, "es256", os.path.join(t.root, "beside", "a.pem"))
        for file, leaf in (("a.pem", first), ("b.pem", second)):
            write(t, os.path.join(t.root, "beside", file), pems(leaf, ca.inner, ca.root))
        t.change("[daemon]\n", f"[daemon]\nworker-read = {t.dir}\nworker-write = {t.dir}\n")
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        equal([(tags(k["certificates"])[0], k["note"]) for k in listed(t)], [(x5t(first), "")])
        t.change("/a.pem", "/b.pem")
        t.daemon.send_signal(signal.SIGHUP)
        t.until(lambda: [tags(k["certificates"])[0] for k in listed(t)] == [x5t(second)], "the other file")


@test
def each_version_takes_the_chain_that_holds_it():
    ca = CA()
    with Trial() as t:
        path = os.path.join(t.dir, "issuer.pem")
        with open(t.conf, "a") as f:
            f.write(f"\n[key issuer]\nuri = pkcs11:token=trial\nalg = ES256\nlead = 20m\nperiod = 90d\ncertificates = {path}\n")
        run(t, "rotate", "issuer")
        run(t, "rotate", "issuer")
        versions = {v["state"]: v["kid"] for v in said(run(t, "keys", "issuer", "--json", "--offline"))["versions"]}
        leafs = {state: ca.issue(state, public(t, kid)) for state, kid in versions.items()}
        equal(sorted(leafs), ["active", "next"])
        r = bring(t, "issuer", pems(leafs["active"], ca.inner, ca.root), "--dir", t.dir, "--json")
        equal((counts(r), said(r)["file"], r.err), (("imported", 3, 0, 0, 0, 0), os.path.realpath(path), ""))
        none = "no certificate in the file of its certificates holds this key"
        held = lambda: sorted((tags(k["certificates"]), k["note"]) for k in listed(t, "--offline") if k["name"] == "issuer")
        equal(held(), sorted([([x5t(leafs["active"]), x5t(ca.inner)], ""), ([], none)]))
        bring(t, "issuer", pems(leafs["next"], ca.inner, ca.root), "--dir", t.dir)
        both = sorted([([x5t(leafs[s]), x5t(ca.inner)], "") for s in leafs])
        equal(held(), both)
        with open(path, "rb") as f:
            equal(f.read(), pems(leafs["next"], ca.inner, ca.root, leafs["active"]))
        newer = ca.issue("newer", public(t, versions["next"]))
        bring(t, "issuer", pems(newer, ca.inner, ca.root), "--dir", t.dir)
        leafs["next"] = newer
        equal(held(), sorted([([x5t(leafs[s]), x5t(ca.inner)], "") for s in leafs]))
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        told = {v["kid"]: run(t, "cert", "export", v["kid"]).stdout for v in said(run(t, "keys", "issuer", "--json"))["versions"]}
        equal(told, {kid: pems(leafs[state]) for state, kid in versions.items()})


@test
def import_cert_writes_the_file_and_says_the_line_or_tells_the_broker():
    ca = CA()
    with Trial() as t:
        pub = public(t, "es256")
        first, second = ca.issue("first", pub), ca.issue("second", pub)
        folder = os.path.join(t.dir, "certs")
        path = os.path.join(folder, "es256.pem")
        refused(t, "es256", pems(first), 73, "FILE_FAILED", folder, args=["--dir", folder])
        os.mkdir(folder)
        dry = bring(t, "es256", pems(ca.inner, first, ca.root), "--dir", folder, "--dry-run", "--json")
        equal((counts(dry), os.listdir(folder)), (("would import", 3, 0, 0, 0, 0), []))
        r = bring(t, "es256", pems(ca.inner, first, ca.root), "--dir", folder)
        equal(f"[key es256], after a reload:\ncertificates = {path}\n" in r.err, True, r.err)
        equal(f'imported: the certificate of key "es256" in "{path}"\n' in r.stdout.decode(), True, r.stdout)
        with open(path, "rb") as f:
            equal((f.read(), os.listdir(folder)), (pems(first, ca.inner, ca.root), ["es256.pem"]))
        equal(listed(t, "--offline"), [])  # neither in the configuration nor on the token
        names_file(t, "es256", r.err.split("certificates = ")[1].strip())
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        equal(tags(listed(t)[0]["certificates"]), [x5t(first), x5t(ca.inner)])
        equal(counts(bring(t, "es256", pems(first, ca.inner, ca.root), "--dir", folder, "--json")), ("there already", 0, 3, 0, 0, 0))
        r = bring(t, "es256", pems(second, ca.inner), "--dir", folder, "--json")
        equal((counts(r), r.err), (("imported", 2, 0, 1, 0, 0), "jwk11: a further issuer is not among the certificates in the file\n"))
        equal(tags(listed(t)[0]["certificates"]), [x5t(second), x5t(ca.inner)])
        for bad, code, *words in ((pems(ca.issue("x", public(t, "rs256"))), 65, "CERT_FOREIGN"), (b"hello", 65, "neither PEM nor DER"),
                                  (pems(ca.issue("old", pub, since=-2 * DAY, until=-DAY)), 65, "CERT_EXPIRED")):
            refused(t, "es256", bad, code, *words, args=["--dir", folder, "--strict"])
        with open(path, "rb") as f:
            equal(f.read(), pems(second, ca.inner))
        r = bring(t, "es256", pems(first, ca.inner))
        equal("goes by another certificate in its file" in r.err, True, r.err)
        run(t, "import-cert", "es256", path, "--dir", folder, "--keep", code=64)
        kid = said(run(t, "jwks", "es256", "--offline"))["keys"][0]["kid"]
        refused(t, kid, pems(first), 64, "name of a [key] section", args=["--dir", folder])


@test
def what_lies_there_and_is_not_of_the_key_stays():
    ca = CA()
    with Trial() as t:
        leaf = ca.issue("device", public(t, "es256"))
        private = ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        for there, *words in ((private, "private key"), (pems(ca.issue("x", public(t, "rs256"))), "none of its certificates holds this key"), (b"", "empty")):
            path = write(t, "es256.pem", there)
            refused(t, "es256", pems(leaf), 65, "CERT_FOREIGN", "left as it is", *words, args=["--dir", t.dir])
            with open(path, "rb") as f:
                equal(f.read(), there)
        os.unlink(path)
        os.mkdir(path)
        refused(t, "es256", pems(leaf), 65, "no plain file", args=["--dir", t.dir])


def mock(script="", faults="", objects="private k\npublic k", **more):
    t = Mock(token=f"pin 1234\nflags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED\n{script}", objects=objects, faults=faults, **more)
    ca = CA()
    key = ec.generate_private_key(ec.SECP256R1())
    write(t, "k.pem", key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return t, ca, ca.issue("device", key.public_key())


@test
def a_token_that_takes_no_certificates_or_fails_keeps_what_it_has():
    old = "private k\npublic k\ncertificate k"
    rows = [
        ("takes no objects", "", "", 65, "takes no certificate for key", 0),
        ("has no room for the leaf", "creates k", "fault C_CreateObject on 2 CKR_DEVICE_MEMORY", 69, "CKR_DEVICE_MEMORY", 1),
        ("has no room for an issuer", "creates k", "fault C_CreateObject on 1 CKR_DEVICE_MEMORY", 69, "CKR_DEVICE_MEMORY", 0),
        ("refuses the leaf's template", "creates k", "fault C_CreateObject from 2 CKR_TEMPLATE_INCONSISTENT", 65, "takes no certificate", 1),
        ("refuses the value", "creates k\nattr CKA_VALUE absent", "", 65, "takes no certificate", 0),
        ("shows another one", "creates k", "fault C_GetAttributeValue from 8 length 20", 69, "TOKEN_FAILED", None),
        ("does not open a session to write", "creates k", "fault C_OpenSession on 3 CKR_TOKEN_WRITE_PROTECTED", 69, "WRITE_PROTECTED", 0),
    ]
    for what, script, faults, code, word, destroyed in rows:
        t, ca, leaf = mock(script, faults, old)
        with t:
            try:
                refused(t, "k", pems(leaf, ca.inner), code, word)
                if destroyed is not None:
                    equal(t.count("C_DestroyObject"), destroyed, "objects destroyed")
                equal(t.count("objects"), 0, "objects that were written and are there")
            except AssertionError as why:
                raise AssertionError(f"{what}: {why}")


@test
def a_card_gets_the_leaf_without_what_it_refuses():
    for what, script, faults, wanted in (
            ("issuers", "creates k", "fault C_CreateObject on 1 CKR_TEMPLATE_INCONSISTENT\nfault C_CreateObject on 2 CKR_TEMPLATE_INCONSISTENT\n"
             "fault C_CreateObject on 3 CKR_TEMPLATE_INCONSISTENT", ("imported", 1, 0, 1, 1, 0)),
            ("CKA_PRIVATE", "creates k\nattr CKA_PRIVATE absent", "", ("imported", 2, 0, 1, 0, 0)),
            ("names", "creates k\nattr CKA_LABEL absent", "", ("imported", 2, 0, 1, 0, 0)),
            ("to give the old one up", "creates k", "fault C_DestroyObject every CKR_FUNCTION_FAILED", ("imported", 2, 0, 0, 0, 0))):
        t, ca, leaf = mock(script, faults, "private k\npublic k\ncertificate k")
        with t:
            r = bring(t, "k", pems(ca.inner, leaf), "--json")
            equal(counts(r), wanted, what)
            equal("does not take certificates of issuers" in r.err, what == "issuers", r.err)
            equal("could not be removed" in r.err, "old one" in what, r.err)


@test
def the_guide_says_what_works():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "devices.md")) as f:
        section = f.read().split("## From a request to a certificate")[1].split("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if re.match(r" +jwk11 (import-cert|cert)", line)]
    equal(len(lines), 3)
    ca = CA()
    with Trial() as t:
        leaf = ca.issue("device", public(t, "es256"))
        write(t, "device.pem", pems(leaf, ca.inner, ca.root))
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        for line in (lines[0], lines[0].replace(" --dry-run", ""), *lines[1:]):
            equal(run(t, *line.split()[1:], cwd=t.dir).err, "", line)
        with open(os.path.join(t.dir, "chain.pem"), "rb") as f:
            equal(f.read(), pems(leaf, ca.inner))


if __name__ == "__main__":
    main()
