#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
r"""jwk11 enroll est at EST servers that others wrote, of which neither can be had from a registry. By hand, with programs that were built from their sources:
    est.py [--globalsign PROGRAM] [--libest PROGRAM]
The one is of github.com/globalsign/est, in Go, as it is:
    go build -o estserver ./cmd/estserver
The other is the example server of github.com/cisco/libest, in C; OpenSSL 3 has no FIPS_mode:
    ./configure --disable-safec CFLAGS='-O1 -w -fcommon -std=gnu99'
    make CFLAGS='-O1 -w -fcommon -std=gnu99' CPPFLAGS='-DFIPS_mode\(\)=0 -DFIPS_mode_set\(x\)=0'      # example/server/estserver

What they have shown us, and tests/it/enroll.py holds us to: simpleenroll answers with the certificate alone, so its issuers come from cacerts; libest sends a NUL
behind the base64 of csrattrs, and a curve there that stands alone, which is no demand for such a key; and a client certificate that is not accepted looks like a
broken connection. What they do differently and we leave so: libest answers 401 and 400 without a word; with -h it wants Digest, which RFC 7030 leaves to
clients (section 3.2.3); globalsign's mock CA has a 202 where its cacerts fails as well, so that it is libest that says "later" here, once for a minute.
"""
import argparse, json, os, re, shutil, socket, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "it"))
from trial import BUILD, JWK11, Trial, equal, main, test

parser = argparse.ArgumentParser()
parser.add_argument("--globalsign", metavar="PROGRAM")
parser.add_argument("--libest", metavar="PROGRAM")
programs = parser.parse_args()
if not programs.globalsign and not programs.libest:
    parser.error("no server was named")

BASE = "/.well-known/est"
KEYS = ("es256", "es384", "rs256", "eddsa")
ES384_WANTED = "MB4GCCqGSM49BAMDMBIGByqGSM49AgExBwYFK4EEACI="  # ecdsa-with-SHA384, and ecPublicKey with secp384r1
CA_CONF = """[ca]
default_ca = CA_default
[CA_default]
dir = .
database = ./index.txt
new_certs_dir = ./newcerts
certificate = ./issuer.pem
serial = ./serial
private_key = ./issuer.key
default_days = 2
default_md = sha256
policy = policy_any
email_in_dn = no
copy_extensions = copyall
x509_extensions = client_cert
unique_subject = no
[policy_any]
commonName = supplied
organizationName = optional
[client_cert]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def openssl(*words, **more):
    return subprocess.run(("openssl",) + words, check=True, capture_output=True, **more).stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Authority:
    """A root, an issuer below it, and the server's certificate from that issuer."""

    def __init__(self, folder):
        self.dir, self.root, self.chain = folder, f"{folder}/root.pem", f"{folder}/chain.pem"
        self.make("root", "/CN=trial root", "basicConstraints=critical,CA:TRUE\n", None)
        self.make("issuer", "/CN=trial issuer", "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n", "root")
        self.make("server", "/CN=127.0.0.1", "subjectAltName=DNS:localhost,IP:127.0.0.1\n", "issuer")
        with open(self.chain, "w") as f:
            f.write(self.read("issuer") + self.read("root"))
        with open(f"{folder}/server-chain.pem", "w") as f:
            f.write(self.read("server") + self.read("issuer"))

    def make(self, name, subject, extensions, issuer):
        key, csr, ext = (f"{self.dir}/{name}.{x}" for x in ("key", "csr", "ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", csr, "-subj", subject)
        with open(ext, "w") as f:
            f.write(extensions)
        by = ("-CA", f"{self.dir}/{issuer}.pem", "-CAkey", f"{self.dir}/{issuer}.key") if issuer else ("-signkey", key)
        openssl("x509", "-req", "-in", csr, "-days", "2", "-extfile", ext, "-out", f"{self.dir}/{name}.pem", *by)

    def read(self, name):
        with open(f"{self.dir}/{name}.pem") as f:
            return f.read()


class Server:
    """A server of others; `with` waits until it takes connections, and ends it."""

    def __init__(self, **env):
        self.port, self.env = free_port(), dict(os.environ, **env)
        self.url = f"https://127.0.0.1:{self.port}"
        self.dir = tempfile.mkdtemp(dir=trial.root)

    def __enter__(self):
        with open(f"{self.dir}/log", "wb") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.dir, env=self.env, stdout=log, stderr=log)
        while True:
            if self.process.poll() is not None:
                raise AssertionError("the server ended: " + self.log())
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                pass

    def log(self):
        with open(f"{self.dir}/log", errors="replace") as f:
            return f.read()[-3000:]

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class GlobalSign(Server):
    """Its mock CA takes whoever comes, and cacerts has its issuer and root."""
    name, words = "globalsign", ()

    def command(self):
        conf = {"mock_ca": {"certificates": authority.chain, "private_key": authority.dir + "/issuer.key"},
                "tls": {"listen_address": f"127.0.0.1:{self.port}", "certificates": authority.dir + "/server-chain.pem", "private_key": authority.dir + "/server.key",
                        "client_cas": [authority.root]}, "timeout": 30}
        with open(f"{self.dir}/conf.json", "w") as f:
            json.dump(conf, f)
        return [os.path.abspath(programs.globalsign), "-config", f"{self.dir}/conf.json"]


class LibEst(Server):
    """Its CA is that of openssl(1); the one user there is estuser, estpwd."""
    name = "libest"

    def __init__(self, *words, attrs=None):
        super().__init__(EST_TRUSTED_CERTS=authority.chain, EST_CACERTS_RESP=authority.chain, EST_OPENSSL_CACONFIG="./ca.conf", **({"EST_CSR_ATTR": attrs} if attrs else {}))
        self.more, self.words = words, ("--user", "estuser", "--password-file", secret("right", "estpwd\n"))

    def command(self):
        os.mkdir(f"{self.dir}/newcerts")
        for name, text in (("ca.conf", CA_CONF), ("index.txt", ""), ("serial", "1000\n")):
            with open(f"{self.dir}/{name}", "w") as f:
                f.write(text)
        for name in ("issuer.pem", "issuer.key"):
            shutil.copy(f"{authority.dir}/{name}", self.dir)
        with open(f"{self.dir}/tls.pem", "w") as f:
            f.write(authority.read("server"))
        return [os.path.abspath(programs.libest), "-v", "-p", str(self.port), "-c", "tls.pem", "-k", f"{authority.dir}/server.key", "-r", "estrealm", *self.more]


def secret(name, text):
    path = os.path.join(trial.root, name)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
    return path


def enroll(url, key, *words, offline=False):
    command = [JWK11, "--config", trial.conf] + (["--offline"] if offline else []) + ["enroll", "est", url, key, "--cacert", authority.chain, "--timeout", "10s", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ, SOFTHSM2_CONF=os.path.join(trial.dir, "softhsm2.conf")))


def done(r, server):
    if r.returncode != 0:
        raise AssertionError(f"exit {r.returncode}: {r.stderr}\n{server.log()}")
    return r.stdout


def refused(r, code, word, *texts):
    equal(r.returncode, code, r.stderr)
    for text in (f"[exit {code}, {word}",) + texts:
        if text not in r.stderr:
            raise AssertionError(f"{text!r} is not in {r.stderr!r}")
    equal(r.stdout, "", "standard output")


def public(key):
    return trial.ask("GET", f"/v1/keys/{key}", headers={"Accept": "application/x-pem-file"})[2]


def certificates(pem):
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", pem, re.S)


def check(pem, key, *names):
    """A leaf of this key, and its issuer; the root vouches for both."""
    chain = certificates(pem)
    equal(openssl("x509", "-noout", "-pubkey", input=chain[0].encode()), public(key), "the key in it")
    for name in names:
        equal(name in openssl("x509", "-noout", "-text", input=chain[0].encode()).decode(), True, name)
    leaf, rest = (os.path.join(trial.root, n) for n in ("leaf.pem", "rest.pem"))
    for path, text in ((leaf, chain[0]), (rest, "".join(chain[1:]))):
        with open(path, "w") as f:
            f.write(text)
    openssl("verify", "-CAfile", authority.root, *(("-untrusted", rest) if chain[1:] else ()), leaf)


def each():
    if programs.globalsign:
        yield GlobalSign
    if programs.libest:
        yield LibEst


def globalsign(function):
    return test(function) if programs.globalsign else function


def libest(function):
    return test(function) if programs.libest else function


@test
def every_kind_of_key_through_the_broker_and_offline():
    for kind in each():
        with kind() as s:
            for key in KEYS:
                for offline in (False, True):
                    pem = done(enroll(s.url, key, "--subject", f"CN={key},O=Example", "--dns", "a.example.org", *s.words, offline=offline), s)
                    check(pem, key, "a.example.org", f"CN = {key}")


@test
def the_cas_certificates_are_written():
    for kind in each():
        with kind() as s:
            ca, cert = os.path.join(s.dir, "ca.pem"), os.path.join(s.dir, "cert.pem")
            equal(done(enroll(s.url, "es256", "--subject", "CN=d", "--ca-out", ca, "-o", cert, *s.words), s), "", "standard output")
            with open(ca) as f:
                equal(sorted(certificates(f.read())), sorted([authority.read("issuer"), authority.read("root")]), kind.name)


@test
def renewal_shows_the_certificate_in_the_handshake():
    for kind in each():
        with kind() as s:
            key = os.path.join(s.dir, "device.key")
            authority.make("device", "/CN=device", "subjectAltName=DNS:device.example.org\n", "issuer")
            with open(f"{authority.dir}/device-chain.pem", "w") as f:
                f.write(authority.read("device") + authority.read("issuer"))
            shutil.copy(f"{authority.dir}/device.key", key)
            words = ("--renew", "--tls-cert", f"{authority.dir}/device-chain.pem", "--tls-key", key, *s.words)
            check(done(enroll(s.url, "es256", "--subject", "CN=device", "--dns", "device.example.org", *words), s), "es256", "device.example.org")


@test
def a_token_has_the_whole_chain_and_x5c_shows_it():
    for kind in each():
        with kind() as s:
            for offline in (False, True):
                equal(done(enroll(s.url, "rs256", "--subject", f"CN={kind.name}", "--import", *s.words, offline=offline), s), "", "standard output")
                r = subprocess.run([JWK11, "--config", trial.conf, "--offline", "jwks", "--x5c"], capture_output=True, text=True)
                keys = [k for k in json.loads(done(r, s))["keys"] if k["kty"] == "RSA"]
                check("".join(f"-----BEGIN CERTIFICATE-----\n{c}\n-----END CERTIFICATE-----\n" for c in keys[0]["x5c"]), "rs256", kind.name)
                equal(len(keys[0]["x5c"]), 2, "leaf and issuer")


@test
def a_client_certificate_of_nobody_ends_the_connection():
    authority.make("stranger", "/CN=device", "subjectAltName=DNS:device.example.org\n", None)
    for kind in each():
        with kind() as s:
            words = ("--subject", "CN=device", "--renew", "--tls-cert", f"{authority.dir}/stranger.pem", "--tls-key", f"{authority.dir}/stranger.key")
            refused(enroll(s.url, "es256", *words, *s.words), 69, "SERVER_ABSENT", "see: --tls-cert: a server that does not accept this certificate")


@globalsign
def globalsign_refuses_a_renewal_under_another_name():
    with GlobalSign() as s:
        authority.make("device", "/CN=device", "subjectAltName=DNS:device.example.org\n", "issuer")
        refused(enroll(s.url, "es256", "--subject", "CN=another", "--renew", "--tls-cert", f"{authority.dir}/device.pem", "--tls-key", f"{authority.dir}/device.key"), 77,
                "SERVER_REFUSED", "simplereenroll: answered 403: 403 Subject and SubjectAltName fields in CSR must be identical")
        refused(enroll(s.url, "es256", "--subject", "CN=another", "--renew", "--tls-cert", f"{authority.dir}/server.pem", "--tls-key", f"{authority.dir}/device.key"), 73,
                "FILE_FAILED", "--tls-cert and --tls-key")


@globalsign
def globalsign_asks_for_what_stands_in_the_rfc():
    with GlobalSign() as s:
        check(done(enroll(f"{s.url}{BASE}/floor-2", "es256", "--subject", "CN=d"), s), "es256")
        refused(enroll(f"{s.url}{BASE}/csrattrs", "es384", "--subject", "CN=d"), 65, "MISMATCH", "bound to its TLS connection")
        refused(enroll(f"{s.url}{BASE}/triggererrors", "es256", "--subject", "CN=d"), 77, "SERVER_REFUSED", "cacerts: answered 500: 500 internal server error")


@libest
def libest_knows_its_user():
    with LibEst() as s:
        for user, password in (("estuser", "wrong"), ("nobody", "estpwd")):
            refused(enroll(s.url, "es256", "--subject", "CN=d", "--user", user, "--password-file", secret("wrong", password)), 77, "SERVER_REFUSED",
                    "simpleenroll: answered 401", "see: --user NAME and --password-file FILE")
        refused(enroll(s.url, "es256", "--subject", "CN=d"), 77, "SERVER_REFUSED", "simpleenroll: answered 401")


@libest
def libest_takes_a_certificate_for_a_password():
    with LibEst("-o") as s:
        authority.make("device", "/CN=device", "subjectAltName=DNS:device.example.org\n", "issuer")
        tls = ("--tls-cert", f"{authority.dir}/device.pem", "--tls-key", f"{authority.dir}/device.key")
        for words in (tls, ("--renew",) + tls):
            check(done(enroll(s.url, "es256", "--subject", "CN=device", "--dns", "device.example.org", *words), s), "es256")
        refused(enroll(s.url, "es256", "--subject", "CN=device"), 77, "SERVER_REFUSED", "simpleenroll: answered 401")


@libest
def libest_says_later():
    with LibEst("-m", "3600") as s:
        refused(enroll(s.url, "es256", "--subject", "CN=d", *s.words), 75, "SERVER_PENDING", "retry after 3600 s]")
        check(done(enroll(s.url, "es256", "--subject", "CN=d", *s.words), s), "es256")
    with LibEst("-m", "60") as s:  # its shortest
        check(done(enroll(s.url, "es384", "--subject", "CN=d", *s.words), s), "es384")


@libest
def libest_says_what_it_wants():
    with LibEst() as s:  # what it sends by itself
        r = enroll(s.url, "es256", "--subject", "CN=d", *s.words)
        equal("would like secp384r1 in the request" in r.stderr, True, r.stderr)
        check(done(r, s), "es256")
    with LibEst(attrs=ES384_WANTED) as s:
        refused(enroll(s.url, "es256", "--subject", "CN=d", *s.words), 65, "MISMATCH", "wants a key of kind EC P-384, and this one is EC P-256")
        check(done(enroll(s.url, "es384", "--subject", "CN=d", *s.words), s), "es384")
    with LibEst("-t") as s:
        refused(enroll(s.url, "es256", "--subject", "CN=d", *s.words), 65, "MISMATCH", "bound to its TLS connection")
    with LibEst("--enforce-csr") as s:
        refused(enroll(s.url, "es256", "--subject", "CN=d", *s.words), 77, "SERVER_REFUSED", "simpleenroll: answered 400")


@libest
def libest_wants_digest_which_is_not_sent():
    with LibEst("-h") as s:
        refused(enroll(s.url, "es256", "--subject", "CN=d", *s.words), 77, "SERVER_REFUSED", "simpleenroll: answered 401")


with Trial() as trial:
    authority = Authority(tempfile.mkdtemp(dir=trial.root))
    with open(trial.conf) as f:
        module = re.search("(?m)^modules = (.*)$", f.read())[1]
    subprocess.run([os.path.join(BUILD, "tests", "token_key"), module, "pkcs11:token=trial", os.path.join(trial.dir, "pin"), "make", "ES384", "es384"], check=True,
                   env=dict(os.environ, SOFTHSM2_CONF=os.path.join(trial.dir, "softhsm2.conf")))
    trial.change("[set default]\n", "[key es384]\nuri = pkcs11:token=trial;object=es384\n[set default]\n")
    trial.start()
    trial.until(lambda: trial.ask("GET", "/readyz")[0] == 200, "the keys")
    main()
