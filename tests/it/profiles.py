#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates from the token and key sets as their takers want them, from the broker and without it, read by other people's libraries."""
import base64, cbor2, datetime, hashlib, json, os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from jwcrypto import jwk as jwcrypto_jwk
from trial import JWK11, Trial, equal, main, test

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
MEMBERS = {"EC": {"crv", "x", "y"}, "RSA": {"n", "e"}, "OKP": {"crv", "x"}}
PLAIN = {"kty", "use", "alg", "kid"}
TAKES = {"google": {"es256", "rs256"}, "aws": {"es256", "rs256"}, "entra": {"rs256"}, "keycloak": {"es256", "rs256", "eddsa"},
         "spiffe": {"es256", "rs256"}, "k8s": {"es256", "rs256"}}
WHY = {"google": "Google Workload Identity Federation takes RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512; this key is for EdDSA",
       "aws": "AWS IAM takes RS256, RS384, RS512, ES256, ES384, ES512; this key is for EdDSA", "entra": "Microsoft Entra takes RS256; this key is for EdDSA",
       "spiffe": "SPIFFE takes RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512; this key is for EdDSA",
       "k8s": "Kubernetes takes RS256, ES256, ES384, ES512; this key is for EdDSA"}
MISSING = "its issuer is not among the certificates on the token"
FOREIGN = "the certificate with its CKA_ID or label holds another key"
EXPIRED = "its certificate expired at 2021-01-01T00:00:00Z"


def run(t, *args, offline=False, env=None):
    where = ["--offline", "--config", t.conf] if offline else ["--socket", t.api]
    done = subprocess.run([JWK11, *args, *where], capture_output=True, text=True)
    return done.returncode, done.stdout, re.sub("request [0-9a-f]{16}", "request ID", done.stderr)


def jwks(t, *args, offline=False):
    code, out, err = run(t, "jwks", *args, offline=offline)
    equal(code, 0, f"{args}: {err}")
    return json.loads(out)["keys"], err


def b64u(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Certified(Trial):
    """The trial token with certificates: es256 has a leaf below an intermediate below a root, all there but in no good order; rs256 a leaf whose
    issuer is missing, and an older one; eddsa one that holds another key."""

    def __init__(self):
        super().__init__()
        with open(self.conf) as f:
            self.module = re.search("(?m)^modules = (.*)$", f.read())[1]
        with open(os.path.join(self.dir, "pin")) as f:
            self.env = dict(os.environ, SOFTHSM2_CONF=os.path.join(self.dir, "softhsm2.conf"), TRIAL_PIN=f.read().strip())
        self.ids = self.token_ids()
        self.pubs = {name: serialization.load_pem_public_key(run(self, "jwks", name, "--format", "pem", offline=True)[1].encode())
                     for name in ("es256", "rs256", "eddsa")}
        self.ca = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("root", "inner", "absent")}
        root = self.issue("root", "root", self.ca["root"].public_key(), ca=True)
        self.inner = self.issue("inner", "root", self.ca["inner"].public_key(), ca=True)
        self.leaf = self.issue("es256", "inner", self.pubs["es256"])
        self.rs_old = self.issue("rs256", "absent", self.pubs["rs256"], until=2021)
        self.rs_new = self.issue("rs256", "absent", self.pubs["rs256"], since=2025)
        foreign = self.issue("eddsa", "inner", self.ca["absent"].public_key())
        for cert, label, ident in ((root, "a-root", "f1"), (self.leaf, "leaf", self.ids["es256"]), (self.rs_old, "rs256", self.ids["rs256"]),
                                   (self.inner, "an-inner", "f2"), (self.rs_new, "new", "f3"), (foreign, "other", self.ids["eddsa"])):
            self.put(cert, label, ident)

    def start(self, until="event=catalogue"):
        super().start(until)
        self.wait_count("event=ready", os.cpu_count() + 1)  # a worker that logs in hides the token from --offline
        return self

    def token_ids(self):
        out = self.tool("--list-objects", "--type", "privkey").stdout.decode()
        return dict(re.findall(r"label: +(\S+)\n +ID: +([0-9a-f]+)", out))

    def tool(self, *args):
        return subprocess.run(["pkcs11-tool", "--module", self.module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", *args],
                              env=self.env, check=True, capture_output=True)

    def issue(self, subject, issuer, key, ca=False, since=2020, until=2049):
        def name(cn):
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)])
        return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).serial_number(since)
                .not_valid_before(datetime.datetime(since, 1, 1)).not_valid_after(datetime.datetime(until, 1, 1)).public_key(key)
                .add_extension(x509.BasicConstraints(ca, None), critical=True).sign(self.ca[issuer], hashes.SHA256()))

    def put(self, cert, label, ident):
        path = os.path.join(self.root, label + ".der")
        with open(path, "wb") as f:
            f.write(cert.public_bytes(DER))
        self.tool("--write-object", path, "--type", "cert", "--label", label, "--id", ident)

    def configure(self, text):
        with open(self.conf, "a") as f:
            f.write(text)


def check_chain(jwk, pub):
    """By python3-cryptography: plain base64 of DER, the leaf is the key's, each certificate is signed by the next; the digest is of the leaf."""
    chain = [base64.b64decode(c, validate=True) for c in jwk["x5c"]]
    equal([base64.b64encode(c).decode() for c in chain], jwk["x5c"], "padded, in one line")
    certs = [x509.load_der_x509_certificate(c) for c in chain]
    equal(certs[0].public_key().public_bytes(DER, SPKI), pub.public_bytes(DER, SPKI))
    for cert, issuer in zip(certs, certs[1:]):
        issuer.public_key().verify(cert.signature, cert.tbs_certificate_bytes, ec.ECDSA(cert.signature_hash_algorithm))
    equal(jwk["x5t#S256"], b64u(hashlib.sha256(chain[0]).digest()))
    return certs


def check_certified(t, keys):
    es, rs, ed = keys
    equal([set(k) for k in keys], [PLAIN | MEMBERS["EC"] | {"x5c", "x5t#S256"}, PLAIN | MEMBERS["RSA"] | {"x5c", "x5t#S256"}, PLAIN | MEMBERS["OKP"]])
    equal(check_chain(es, t.pubs["es256"]), [t.leaf, t.inner], "the root stays out")
    equal(check_chain(rs, t.pubs["rs256"]), [t.rs_new], "the one that is valid, although its CKA_ID is another")
    for k in keys:  # the certificates change nothing for who does not look at them
        equal(jwcrypto_jwk.JWK(**k).thumbprint(), k["kid"])


@test
def certificates_come_from_the_token():
    with Certified() as t:
        t.configure("[set certified]\nkeys = *\nx5c = yes\n")
        keys, err = jwks(t, "--x5c", offline=True)
        check_certified(t, keys)
        several = "2 certificates hold this key: the newest that is valid now is used; " + MISSING
        equal(err, f"jwk11: rs256: {several}\njwk11: eddsa: {FOREIGN}\n")
        equal(jwks(t, "--set", "certified", offline=True)[0], keys, "the set's own form")
        t.start()
        equal(jwks(t, "--x5c")[0], keys, "from the broker")
        equal(jwks(t, "--x5c", "es256", "rs256", "eddsa")[0], keys, "by name")
        status, headers, body = t.ask("GET", "/.well-known/jwks/certified.json", sock=t.public)
        equal((status, json.loads(body)["keys"]), (200, keys))
        status, plain, body = t.ask("GET", "/.well-known/jwks.json")
        equal([set(k) for k in json.loads(body)["keys"]], [PLAIN | MEMBERS[k["kty"]] for k in keys], "the default set has none")
        equal(headers["ETag"] == plain["ETag"], False, "another set, another tag")
        listed = {k["name"]: k for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}
        equal({n: k.get("certificate_note") for n, k in listed.items()}, {"es256": None, "rs256": several, "eddsa": FOREIGN})
        equal([k.get("x5t#S256") for k in listed.values()], [k.get("x5t#S256") for k in keys])
        equal(any("x5c" in k for k in listed.values()), False, "a list is short")
        equal(json.loads(t.ask("GET", "/v1/keys/es256")[2])["x5c"], keys[0]["x5c"])
        # A certificate that goes is gone after the next look; the tag changes with it.
        t.tool("--delete-object", "--type", "cert", "--id", "f2")
        t.daemon.send_signal(1)
        t.wait_log("event=catalogue")
        _, after, body = t.ask("GET", "/.well-known/jwks/certified.json")
        equal(check_chain(json.loads(body)["keys"][0], t.pubs["es256"]), [t.leaf])
        equal(after["ETag"] == headers["ETag"], False)
        equal(t.stop(), 0)


@test
def chains_are_given_out_as_pem():
    with Certified() as t:
        t.start()
        accept = {"Accept": "application/pem-certificate-chain"}
        status, headers, body = t.ask("GET", "/v1/keys/es256", headers=accept)
        equal((status, headers["Content-Type"], headers["Vary"]), (200, "application/pem-certificate-chain", "Accept"))
        equal(body, t.leaf.public_bytes(PEM) + t.inner.public_bytes(PEM))
        status, _, body = t.ask("GET", "/v1/keys/eddsa", headers=accept)
        equal((status, json.loads(body)["code"], json.loads(body)["detail"]), (404, "CERT_FOREIGN", f'key "eddsa": {FOREIGN}'))
        status, _, body = t.ask("GET", "/v1/keys/es256", headers={"Accept": "text/html"})
        equal((status, json.loads(body)["detail"].startswith("this route answers with application/json, application/jwk+json, application/x-pem-file, "
                                                            "application/pem-certificate-chain, application/cose-key only")), (406, True), body)
        for offline in (True, False):
            code, out, err = run(t, "jwks", "--profile", "x509", offline=offline)
            equal((code, out.encode()), (0, t.leaf.public_bytes(PEM) + t.rs_new.public_bytes(PEM)), err)
            equal(f"jwk11: left out: eddsa: {FOREIGN}\n" in err, True, err)
            code, out, err = run(t, "jwks", "--profile", "x509", "--x5c", "es256", offline=offline)
            equal((code, out.encode(), err), (0, t.leaf.public_bytes(PEM) + t.inner.public_bytes(PEM), ""))
            code, out, err = run(t, "jwks", "--profile", "x509", "eddsa", offline=offline)
            equal((code, out, err.splitlines()[0]), (65, "", f'jwk11: key "eddsa": {FOREIGN}'))
        equal(t.stop(), 0)


@test
def an_expired_certificate_is_told_and_used():
    with Certified() as t:
        t.tool("--delete-object", "--type", "cert", "--id", "f3")
        keys, err = jwks(t, "--x5c", "rs256", offline=True)
        equal(check_chain(keys[0], t.pubs["rs256"]), [t.rs_old])
        equal(err, f"jwk11: rs256: {EXPIRED}; {MISSING}\n")
        t.start()
        equal(jwks(t, "--x5c", "rs256"), (keys, err))
        equal(json.loads(t.ask("GET", "/v1/keys/rs256")[2])["certificate_note"], f"{EXPIRED}; {MISSING}")
        equal(t.stop(), 0)


def check_profile(t, name, keys):
    names = [n for n in ("es256", "rs256", "eddsa") if n in TAKES[name]]
    equal([k["alg"] for k in keys], [{"es256": "ES256", "rs256": "RS256", "eddsa": "EdDSA"}[n] for n in names], name)
    for k, key in zip(keys, names):
        equal(set(k), PLAIN | MEMBERS[k["kty"]], f"{name} {key}")
        equal(k["use"], "jwt-svid" if name == "spiffe" else "sig", name)
        own = jwcrypto_jwk.JWK(**{m: v for m, v in k.items() if m not in PLAIN or m == "kty"})
        wanted = b64u(hashlib.sha256(t.pubs[key].public_bytes(DER, SPKI)).digest()) if name == "k8s" else own.thumbprint()
        equal(k["kid"], wanted, f"{name} {key}")
        equal(serialization.load_pem_public_key(own.export_to_pem()).public_bytes(DER, SPKI), t.pubs[key].public_bytes(DER, SPKI), name)


@test
def each_taker_gets_what_it_takes():
    with Certified() as t:
        t.start()
        for name in TAKES:
            online, offline = jwks(t, "--profile", name), jwks(t, "--profile", name, offline=True)
            equal(online[0], offline[0], name)
            check_profile(t, name, offline[0])
            # A key is called by its name where it is known, else by what the set says: its kid.
            left = [line for line in offline[1].splitlines() if line.startswith("jwk11: left out: ")]
            equal(f"jwk11: left out: eddsa: {WHY.get(name)}" in left, name in WHY, f"{name}: {offline[1]}")
            equal(len(left), 3 - len(TAKES[name]), name)
        for name in ("aws", "entra", "keycloak"):  # that may carry certificates
            keys, _ = jwks(t, "--profile", name, "--x5c", "rs256")
            check_chain(keys[0], t.pubs["rs256"])
        for offline in (True, False):
            code, out, err = run(t, "jwks", "--profile", "auth0", offline=offline)
            equal((code, out.encode()), (0, t.pubs["rs256"].public_bytes(PEM, SPKI)), err)
            code, out, err = run(t, "jwks", "--profile", "entra", "es256", offline=offline)
            equal((code, out, err), (65, "", 'jwk11: key "es256": Microsoft Entra takes RS256; this key is for ES256\n  [exit 65, PROFILE_REFUSED]\n'))
            code, out, err = run(t, "jwks", "--profile", "auth0", "rs256", "eddsa", offline=offline)
            equal((code, out), (65, ""), "all that are named, or none")
        equal(t.stop(), 0)


@test
def the_linter_finds_nothing_that_the_taker_would_refuse():
    with Certified() as t:
        path = os.path.join(t.root, "set.json")
        for name, options in [(name, ()) for name in TAKES] + [(name, ("--x5c",)) for name in ("aws", "entra", "keycloak")]:
            code, _, err = run(t, "jwks", "--profile", name, *options, "-o", path, offline=True)
            equal(code, 0, err)
            done = subprocess.run([JWK11, "lint", "--for", name, "--json", path], capture_output=True, text=True)
            report = json.loads(done.stdout)
            equal((done.returncode, [f for f in report["findings"] if f["severity"] == "error"]), (0, []), f"{name}: {done.stdout}")
            equal({k["takes"] for taker in report["takers"] for k in taker["keys"]}, {"yes"}, f"{name}: {done.stdout}")
        # And it would have: the plain set holds a key that each of these but Keycloak refuses.
        equal(run(t, "jwks", "-o", path, offline=True)[0], 0)
        for name in TAKES:
            done = subprocess.run([JWK11, "lint", "--for", name, path], capture_output=True, text=True)
            equal(done.returncode, 0 if name in ("keycloak",) else 1, f"{name}: {done.stdout}")


def cose_of(jwk):
    """What RFC 9052, 9053 and 8230 make of a JWK."""
    def octets(name):
        return base64.urlsafe_b64decode(jwk[name] + "=" * (-len(jwk[name]) % 4))
    key = {1: {"EC": 2, "OKP": 1, "RSA": 3}[jwk["kty"]], 2: jwk["kid"].encode(), 3: {"ES256": -7, "RS256": -257, "EdDSA": -8}[jwk["alg"]]}
    if jwk["kty"] == "RSA":
        return {**key, -1: octets("n"), -2: octets("e")}
    key.update({-1: {"P-256": 1, "Ed25519": 6}[jwk["crv"]], -2: octets("x")})
    return {**key, -3: octets("y")} if jwk["kty"] == "EC" else key


@test
def keys_are_given_out_as_cose_keys():
    with Trial() as t:
        t.start()
        keys, _ = jwks(t)
        for name, k in zip(("es256", "rs256", "eddsa"), keys):
            wanted = cbor2.dumps(cose_of(k), canonical=True)
            status, headers, body = t.ask("GET", f"/v1/keys/{name}", headers={"Accept": "application/cose-key"})
            equal((status, headers["Content-Type"], cbor2.loads(body)), (200, "application/cose-key", cose_of(k)), name)
            equal(body, wanted, "deterministic")
            done = subprocess.run([JWK11, "jwks", "--format", "cose", name, "--socket", t.api], capture_output=True)
            equal((done.returncode, done.stdout, done.stderr), (0, wanted, b""), name)
        t.wait_count("event=ready", os.cpu_count() + 1)
        for where in (["--socket", t.api], ["--offline", "--config", t.conf]):
            done = subprocess.run([JWK11, "jwks", "--format", "cose", *where], capture_output=True)
            equal((done.returncode, cbor2.loads(done.stdout)), (0, [cose_of(k) for k in keys]), "a COSE_KeySet")
            done = subprocess.run([JWK11, "jwks", "--format", "cose", "--kid", "none", "es256", *where], capture_output=True)
            equal(cbor2.loads(done.stdout), {n: v for n, v in cose_of(keys[0]).items() if n != 2})
        equal(t.stop(), 0)


@test
def kids_of_an_export_may_differ_and_it_is_said():
    with Certified() as t:
        t.start()
        own = [k["kid"] for k in jwks(t)[0]]
        for offline in (True, False):
            equal([k["kid"] for k in jwks(t, "--kid", "label", offline=offline)[0]], ["es256", "rs256", "eddsa"])
            equal([k["kid"] for k in jwks(t, "--kid", "id", offline=offline)[0]], [t.ids[n] for n in ("es256", "rs256", "eddsa")])
            equal(jwks(t, "--kid", "thumbprint", offline=offline)[0:2], (jwks(t)[0], ""))
            keys, err = jwks(t, "--kid", "none", "es256", offline=offline)
            equal(("kid" in keys[0], err), (False, f'jwk11: es256: written without a kid, but it signs as "{own[0]}"; see kid-style in its [key] section\n'))
            keys, err = jwks(t, "--kid", "literal:given by Google", "es256", offline=offline)
            equal((keys[0]["kid"], err), ("given by Google", f'jwk11: es256: written with kid "given by Google", but it signs as "{own[0]}"; '
                                          "see kid and kid-style in its [key] section\n"))
            code, out, err = run(t, "jwks", "--kid", "literal:x", "es256", "rs256", offline=offline)
            equal((code, out, err.splitlines()[-2:]), (65, "", ['jwk11: key "rs256": its kid is that of a key before it', "  [exit 65, KID_TAKEN]"]))
        equal(t.stop(), 0)


@test
def the_command_line_says_what_does_not_go_together():
    with Trial() as t:
        for args, why in ((("--profile", "amazon"), "--profile takes one of google, aws, entra, auth0, keycloak, spiffe, k8s, x509"),
                          (("--profile", "aws", "--format", "jwk"), "--profile decides the form; --format goes without it"),
                          (("--profile", "google", "--x5c"), "this --profile takes no --x5c"),
                          (("--profile", "auth0", "--x5c"), "--x5c is for JWKs, and for --profile x509"),
                          (("--profile", "k8s", "--kid", "label"), "this --profile decides the kid; --kid goes without it"),
                          (("--format", "pem", "--kid", "label"), "--x5c is for JWKs, --kid for JWKs and COSE keys"),
                          (("--format", "cose", "--x5c"), "--x5c is for JWKs, --kid for JWKs and COSE keys"),
                          (("--format", "der"), "--format takes jwk, pem or cose"),
                          (("--kid", "serial"), "--kid takes thumbprint, k8s, label, id, none or literal:TEXT"),
                          (("--kid", "literal:"), "--kid literal:TEXT takes 1 to 255 bytes"),
                          (("--kid", "literal:" + "x" * 256), "--kid literal:TEXT takes 1 to 255 bytes")):
            equal(run(t, "jwks", *args, offline=True), (64, "", f"jwk11 jwks: {why}\n  see: jwk11 jwks --help\n"), str(args))
        code, out, err = run(t, "jwks", "--set", "nobody", offline=True)
        equal((code, out, err.splitlines()[0]), (66, "", 'jwk11: there is no key set "nobody" in the configuration'))
        code, out, err = run(t, "jwks", "--profile", "x509", offline=True)
        equal((code, out, err.splitlines()[-2:]), (65, "", ["jwk11: no key is left", "  [exit 65, PROFILE_REFUSED]"]))


@test
def the_broker_serves_a_set_in_a_profile():
    with Certified() as t:
        t.configure("".join(f"[set {name}]\nkeys = *\nprofile = {name}\n" for name in TAKES if name != "k8s") +
                    "[key es-kube]\nuri = pkcs11:token=trial;object=es256\nkid-style = k8s\n"
                    "[key rs-kube]\nuri = pkcs11:token=trial;object=rs256\nkid-style = k8s\n"
                    "[key ed-auto]\nuri = pkcs11:token=trial;object=eddsa\n"
                    "[set k8s]\nkeys = *\nprofile = k8s\n[set none]\nkeys = ed-auto\nprofile = entra\n")
        t.start()
        tags = set()
        for name in TAKES:
            status, headers, body = t.ask("GET", f"/.well-known/jwks/{name}.json", sock=t.public)
            equal(status, 200, f"{name}: {body}")
            keys = json.loads(body)["keys"]
            if name != "k8s":  # whose sections here have other kids: the same keys again
                keys = keys[:len(TAKES[name])]
            check_profile(t, name, keys)
            tags.add(headers["ETag"])
            equal(t.ask("GET", f"/.well-known/jwks/{name}.json", headers={"If-None-Match": headers["ETag"]})[0], 304)
            offline = json.loads(run(t, "jwks", "--set", name, offline=True)[1])
            equal(offline, json.loads(body), f"{name}: without the broker")
        equal(len(tags), len({json.dumps(jwks(t, "--set", name)[0]) for name in TAKES}), "as many tags as sets that differ")
        status, _, body = t.ask("GET", "/.well-known/jwks/none.json")
        equal((status, json.loads(body)["detail"]),
              (503, 'no key of the set "none" can be published: ed-auto: Microsoft Entra takes RS256; this key is for EdDSA'))
        for text in ('event=keys-left-out set=aws why="eddsa: AWS IAM takes RS256, RS384, RS512, ES256, ES384, ES512; this key is for EdDSA"',
                     'set=k8s why="es256: Kubernetes wants kid-style = k8s in its section; rs256: Kubernetes wants kid-style = k8s in its section; '
                     'eddsa: Kubernetes wants kid-style = k8s in its section"'):
            equal(t.log.count(text), 1, t.log)
        # What signs carries the kid of the set.
        status, _, body = t.ask("POST", "/v1/keys/es-kube/jwt", {"claims": {}, "ttl": 60})
        head = json.loads(base64.urlsafe_b64decode(body.split(b".")[0] + b"=="))
        equal(head["kid"], json.loads(t.ask("GET", "/.well-known/jwks/k8s.json")[2])["keys"][0]["kid"])
        t.daemon.send_signal(1)  # the same again: nothing new to say
        t.wait_log("event=catalogue")
        equal(t.log.count("event=keys-left-out set=aws"), 1)
        equal(t.stop(), 0)


main()
