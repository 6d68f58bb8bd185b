#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 enroll acme at pebble, the ACME server for tests of the people of Let's Encrypt, built from its source once for each version. Needs Go; 77
without it."""
import hashlib, http.server, json, os, re, shutil, socket, ssl, subprocess, sys, tempfile, threading, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "it"))
from trial import BUILD, JWK11, Trial, equal, main, test

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "jwk11")
NAMES = ("pebble", "pebble-challtestsrv")
EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def servers():
    """The folder with the two programs, from the cache."""
    content = hashlib.sha256(subprocess.run(["go", "version"], check=True, capture_output=True).stdout)
    for name in ("go.mod", "go.sum"):
        with open(os.path.join(HERE, name), "rb") as f:
            content.update(f.read() + b"\0")
    path = os.path.join(CACHE, "enroll-judge-" + content.hexdigest()[:16])
    if not os.path.exists(path):
        os.makedirs(CACHE, exist_ok=True)
        fresh = f"{path}.{os.getpid()}"
        os.mkdir(fresh)
        subprocess.run(["go", "build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", fresh + "/"] +
                       ["github.com/letsencrypt/pebble/v2/cmd/" + n for n in NAMES], cwd=HERE, check=True, env=dict(os.environ, CGO_ENABLED="0"))
        os.rename(fresh, path)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def openssl(*words, **more):
    return subprocess.run(("openssl",) + words, check=True, capture_output=True, **more).stdout


def make_ca(folder):
    """A CA and a server's certificate for this machine."""
    ca, key = os.path.join(folder, "ca.pem"), os.path.join(folder, "ca.key")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", ca, "-days", "2", "-subj", "/CN=trial CA")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder + "/tls.key", "-out", folder + "/tls.csr", "-subj", "/CN=localhost")
    with open(folder + "/san", "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", folder + "/tls.csr", "-CA", ca, "-CAkey", key, "-days", "2", "-extfile", folder + "/san", "-out", folder + "/tls.pem")
    return ca


class Pebble:
    """The server, the DNS server that it asks, and a web server with the folder that --webroot names."""

    def __init__(self, folder, **more):
        self.dir, self.programs = folder, servers()
        self.ca = make_ca(folder)
        self.web, self.dns, self.manage, self.acme = (free_port() for _ in range(4))
        self.root = os.path.join(folder, "webroot")
        os.makedirs(self.root, exist_ok=True)
        config = {"listenAddress": f"127.0.0.1:{self.acme}", "managementListenAddress": "", "certificate": folder + "/tls.pem", "privateKey": folder + "/tls.key",
                  "httpPort": self.web, "tlsPort": free_port(), "externalAccountBindingRequired": False, "externalAccountMACKeys": {"kid-1": EAB_KEY},
                  "domainBlocklist": ["blocked.example"], "retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa"}
        config.update(more)
        with open(folder + "/pebble.json", "w") as f:
            json.dump({"pebble": config}, f)
        self.url = f"https://127.0.0.1:{self.acme}/dir"
        self.running = []

    def __enter__(self):
        handler = type("Root", (http.server.SimpleHTTPRequestHandler,), {"__init__": lambda s, *a: http.server.SimpleHTTPRequestHandler.__init__(s, *a, directory=self.root),
                                                                        "log_message": lambda *a: None})
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", self.web), handler)
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()
        env = dict(os.environ, PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="25", PEBBLE_AUTHZREUSE="0", PEBBLE_CHAIN_LENGTH="2")
        self.spawn("pebble-challtestsrv", "-http01", "", "-https01", "", "-doh", "", "-tlsalpn01", "", "-dnsserver", f"127.0.0.1:{self.dns}",
                   "-management", f"127.0.0.1:{self.manage}", "-defaultIPv6", "", env=env)
        self.spawn("pebble", "-config", self.dir + "/pebble.json", "-dnsserver", f"127.0.0.1:{self.dns}", "-strict", env=env)
        self.until_there(self.manage)
        self.until_there(self.acme)
        return self

    def spawn(self, name, *words, env):
        log = open(os.path.join(self.dir, name + ".log"), "wb")
        self.running.append(subprocess.Popen([os.path.join(self.programs, name), *words], stdout=log, stderr=log, env=env))

    def until_there(self, port):
        """A connection is the event; a process that has ended will never take one."""
        while True:
            if any(p.poll() is not None for p in self.running):
                raise AssertionError("a server ended: " + self.logs())
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                pass

    def logs(self):
        return "\n".join(open(os.path.join(self.dir, n + ".log")).read()[-1500:] for n in NAMES)

    def __exit__(self, *_):
        for p in self.running:
            p.kill()
            p.wait()
        self.httpd.shutdown()
        self.httpd.server_close()


HOOK = """#!/usr/bin/python3
import json, os, sys, urllib.request
folder = os.path.dirname(os.path.abspath(__file__))
with open(folder + "/hook.log", "a") as f:
    f.write(json.dumps(sys.argv[1:]) + "\\n")
with open(folder + "/hook.url") as f:
    base = f.read()
verb, kind, name, record, value = sys.argv[1:]
body = {"host": record + "."}
if verb == "present":
    body["value"] = value
urllib.request.urlopen(urllib.request.Request(base + ("/set-txt" if verb == "present" else "/clear-txt"), json.dumps(body).encode())).read()
"""


def write_hook(pebble):
    path = os.path.join(pebble.dir, "hook")
    with open(path, "w") as f:
        f.write(HOOK)
    os.chmod(path, 0o755)
    with open(pebble.dir + "/hook.url", "w") as f:
        f.write(f"http://127.0.0.1:{pebble.manage}")
    return path


class Scene:
    """One token for all; the broker serves it, and --offline goes past it."""

    def __enter__(self):
        self.trial = Trial()
        with open(self.trial.conf) as f:
            module = re.search("(?m)^modules = (.*)$", f.read())[1]
        for alg, label in (("ES384", "es384"), ("RS256", "device")):
            subprocess.run([os.path.join(BUILD, "tests", "token_key"), module, "pkcs11:token=trial", os.path.join(self.trial.dir, "pin"), "make", alg, label], check=True,
                           env=dict(os.environ, SOFTHSM2_CONF=os.path.join(self.trial.dir, "softhsm2.conf")))
        self.trial.change("[set default]\n", "[key es384]\nuri = pkcs11:token=trial;object=es384\n[key device]\nuri = pkcs11:token=trial;object=device\n[set default]\n")
        self.trial.start()
        self.trial.until(lambda: self.trial.ask("GET", "/readyz")[0] == 200, "the keys")
        self.dir = tempfile.mkdtemp(dir=self.trial.root)
        return self

    def __exit__(self, *_):
        self.trial.stop()
        shutil.rmtree(self.trial.root, ignore_errors=True)

    def enroll(self, pebble, key, *words, offline=False, url=None):
        command = [JWK11, "--config", self.trial.conf] + (["--offline"] if offline else []) + ["enroll", "acme", url or pebble.url, key, "--cacert", pebble.ca, *words]
        return subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, SOFTHSM2_CONF=os.path.join(self.trial.dir, "softhsm2.conf")), timeout=120)

    def public(self, key):
        return self.trial.ask("GET", f"/v1/keys/{key}", headers={"Accept": "application/x-pem-file"})[2]


def good(run, pebble):
    if run.returncode != 0:
        raise AssertionError(f"exit {run.returncode}: {run.stderr}\n{pebble.logs()}")
    return run.stdout


def certificates(pem):
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", pem, re.S)


def refused(run, code, word, *texts):
    equal(run.returncode, code, run.stderr)
    for text in (word,) + texts:
        if text not in run.stderr:
            raise AssertionError(f"{text!r} is not in {run.stderr!r}")
    equal(run.stdout, "", "what was written")


scene, pebble = Scene(), None


def check_leaf(pem, key, names):
    chain = certificates(pem)
    equal(len(chain), 3, "leaf and two intermediates")
    leaf = chain[0].encode()
    equal(openssl("x509", "-noout", "-pubkey", input=leaf), scene.public(key), "the key in it")
    san = openssl("x509", "-noout", "-ext", "subjectAltName", input=leaf).decode()
    equal(sorted(re.findall("DNS:([a-z0-9.*-]+)", san)), sorted(names), "the names in it")


@test
def http_01_by_webroot_through_the_broker():
    out = os.path.join(scene.dir, "es256.pem")
    equal(good(scene.enroll(pebble, "es256", "--account", "rs256", "--agree-tos", "--contact", "ops@example.org", "--dns", "a.example.org", "--dns", "b.example.org",
                            "--webroot", pebble.root, "-o", out), pebble), "", "standard output")
    with open(out) as f:
        check_leaf(f.read(), "es256", ["a.example.org", "b.example.org"])
    equal(os.listdir(os.path.join(pebble.root, ".well-known", "acme-challenge")), [], "proofs left behind")


@test
def dns_01_by_hook_offline_with_a_wildcard():
    hook = write_hook(pebble)
    pem = good(scene.enroll(pebble, "device", "--account", "es384", "--agree-tos", "--dns", "*.c.example.org", "--dns", "c.example.org", "--subject", "CN=c.example.org",
                            "--hook", hook, offline=True), pebble)
    check_leaf(pem, "device", ["*.c.example.org", "c.example.org"])
    with open(pebble.dir + "/hook.log") as f:
        calls = [json.loads(line) for line in f]
    equal([c[:4] for c in calls[:1]], [["present", "dns-01", "c.example.org", "_acme-challenge.c.example.org"]], "arguments of the hook")
    equal([c[0] for c in calls], ["present", "present", "cleanup", "cleanup"], "calls of the hook")


@test
def an_account_that_is_there_needs_no_consent_again():
    pem = good(scene.enroll(pebble, "es256", "--account", "rs256", "--dns", "a.example.org", "--webroot", pebble.root, "--json"), pebble)
    answer = json.loads(pem)
    equal(answer["schema"], "jwk11/enroll/1", "schema")
    check_leaf(answer["certificates"], "es256", ["a.example.org"])


@test
def terms_are_not_agreed_to_unasked():
    with Scene() as other:
        refused(other.enroll(pebble, "es256", "--account", "rs256", "--dns", "a.example.org", "--webroot", pebble.root), 64, "ARGUMENT",
                "--agree-tos says that you agree to data:text/plain")


@test
def what_the_ca_says_is_shown_with_its_type():
    refused(scene.enroll(pebble, "es256", "--account", "rs256", "--dns", "blocked.example", "--webroot", pebble.root), 77, "SERVER_REFUSED",
            "urn:ietf:params:acme:error:rejectedIdentifier", "blocked.example")
    empty = tempfile.mkdtemp(dir=scene.dir)
    refused(scene.enroll(pebble, "es256", "--account", "rs256", "--dns", "d.example.org", "--webroot", empty), 77, "SERVER_REFUSED", "d.example.org",
            "urn:ietf:params:acme:error:unauthorized")
    equal(os.listdir(os.path.join(empty, ".well-known", "acme-challenge")), [], "proofs left behind")


@test
def an_algorithm_that_the_ca_does_not_take_is_its_word():
    refused(scene.enroll(pebble, "es256", "--account", "eddsa", "--agree-tos", "--dns", "a.example.org", "--webroot", pebble.root), 77, "SERVER_REFUSED",
            "badSignatureAlgorithm")


@test
def the_account_is_not_the_certificates_key():
    refused(scene.enroll(pebble, "es256", "--account", "es256", "--agree-tos", "--dns", "a.example.org", "--webroot", pebble.root), 64, "ARGUMENT", "very key")


@test
def a_hook_that_fails_ends_it_and_is_asked_to_clean_up():
    log = os.path.join(scene.dir, "bad.log")
    hook = os.path.join(scene.dir, "bad")
    with open(hook, "w") as f:
        f.write(f"#!/bin/sh\necho \"$1\" >>{log}\n[ \"$1\" = cleanup ]\n")
    os.chmod(hook, 0o755)
    refused(scene.enroll(pebble, "es256", "--account", "rs256", "--dns", "e.example.org", "--hook", hook), 69, "HOOK_FAILED", "ended with 1")
    with open(log) as f:
        equal(f.read(), "present\ncleanup\n", "calls of the hook")


@test
def external_account_binding():
    key = os.path.join(scene.dir, "eab")
    with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
        f.write(EAB_KEY + "\n")
    folder = tempfile.mkdtemp(dir=scene.dir)
    with Pebble(folder, externalAccountBindingRequired=True) as strict:
        words = ("--account", "rs256", "--agree-tos", "--dns", "f.example.org", "--webroot", strict.root)
        refused(scene.enroll(strict, "es256", *words), 64, "--eab-kid")
        refused(scene.enroll(strict, "es256", *words, "--eab-kid", "kid-2", "--eab-key-file", key), 77, "SERVER_REFUSED", "urn:ietf:params:acme:error:")
        check_leaf(good(scene.enroll(strict, "es256", *words, "--eab-kid", "kid-1", "--eab-key-file", key), strict), "es256", ["f.example.org"])


if shutil.which("go") is None:
    print("1..0 # SKIP no Go")
    sys.exit(77)
with scene:
    with Pebble(tempfile.mkdtemp(dir=scene.trial.root if hasattr(scene, "trial") else None)) as pebble:
        main()
