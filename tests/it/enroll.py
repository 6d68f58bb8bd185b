#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 enroll at servers of our own making: an EST server whose CA is openssl, and servers that do what no server should. Each failure has its words and
its exit code, and leaves no file behind."""
import base64, contextlib, http.server, json, os, re, signal, ssl, subprocess, sys, tempfile, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, Trial, equal, main, test

if "built without" in subprocess.run([JWK11, "enroll", "est", "https://localhost", "key"], capture_output=True, text=True).stderr:
    print("1..0 # SKIP built without libcurl")
    sys.exit(77)

PKCS7 = "application/pkcs7-mime; smime-type=certs-only"
PROBLEM = "application/problem+json"


def openssl(*words, **more):
    return subprocess.run(("openssl",) + words, check=True, capture_output=True, **more).stdout


class Authority:
    """A CA in a folder, a server's certificate of it, and one for a client."""

    def __init__(self, folder):
        self.dir = folder
        self.ca, self.key = os.path.join(folder, "ca.pem"), os.path.join(folder, "ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.ca, "-days", "2", "-subj", "/CN=trial CA")
        for name, san in (("server", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:elsewhere.example"), ("client", "DNS:client.example")):
            with open(f"{folder}/{name}.ext", "w") as f:
                f.write(f"subjectAltName={san}\n")
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr", "-subj", f"/CN={name}")
            with open(f"{folder}/{name}.pem", "wb") as f:
                f.write(openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", self.ca, "-CAkey", self.key, "-days", "2", "-extfile", f"{folder}/{name}.ext"))

    def below(self):
        """Another authority, which this one has certified."""
        sub = Authority(tempfile.mkdtemp(dir=self.dir))
        with open(f"{sub.dir}/ca.ext", "w") as f:
            f.write("basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n")
        request = openssl("req", "-new", "-key", sub.key, "-subj", "/CN=trial issuer")
        with open(sub.ca, "wb") as f:
            f.write(openssl("x509", "-req", "-CA", self.ca, "-CAkey", self.key, "-days", "2", "-extfile", f"{sub.dir}/ca.ext", input=request))
        return sub

    def issue(self, csr_der):
        csr = openssl("req", "-inform", "DER", "-verify", input=csr_der)
        return openssl("x509", "-req", "-CA", self.ca, "-CAkey", self.key, "-days", "2", "-copy_extensions", "copy", input=csr)

    def pkcs7(self, *pems):
        words = []
        for i, pem in enumerate(pems):
            path = os.path.join(self.dir, f"part{i}.{threading.get_ident()}")
            with open(path, "wb") as f:
                f.write(pem)
            words += ["-certfile", path]
        return base64.encodebytes(openssl("crl2pkcs7", "-nocrl", "-outform", "DER", *words))

    def ca_pem(self):
        with open(self.ca, "rb") as f:
            return f.read()


class Server:
    """Answers with what its routes return: (status, headers, body). `asked` is what was asked of it."""

    def __init__(self, routes, certificate="server", tls=True, ask_client=False):
        self.asked, self.posted, self.routes = [], threading.Event(), routes
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.asked.append((self.command, self.path, dict(self.headers), body))
                route = server.routes.get(self.path.split("?")[0])
                status, headers, out = route(self, body) if route else (404, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    if self.command != "HEAD":
                        self.wfile.write(out)
                    self.wfile.flush()
                if self.command == "POST":
                    server.posted.set()

            do_GET = do_POST = do_HEAD = answer

            def log_message(self, *_):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.httpd.handle_error = lambda *_: None
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.httpd.server_port}"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{authority.dir}/{certificate}.pem", f"{authority.dir}/{certificate}.key")
            if ask_client:
                context.verify_mode = ssl.CERT_OPTIONAL
                context.load_verify_locations(authority.ca)
            self.httpd.socket = context.wrap_socket(self.httpd.socket, server_side=True, do_handshake_on_connect=False)

    def __enter__(self):
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.httpd.shutdown()
        self.httpd.server_close()

    def paths(self):
        return [f"{m} {p.rpartition('/')[2]}" for m, p, _, _ in self.asked]


BASE = "/.well-known/est"


def est(enroll, again=None, attrs=None, base=BASE):
    """The routes of an EST server."""
    return {base + "/cacerts": lambda h, b: (200, {"Content-Type": PKCS7}, authority.pkcs7(authority.ca_pem())),
            base + "/csrattrs": lambda h, b: (200, {"Content-Type": "application/csrattrs"}, base64.b64encode(attrs)) if attrs else (204, {}, b""),
            base + "/simpleenroll": enroll, base + "/simplereenroll": again or enroll}


def issue(handler, body):
    equal(handler.headers["Content-Type"], "application/pkcs10", "type of the request")
    equal(handler.headers["Content-Transfer-Encoding"], "base64", "encoding of the request")
    return 200, {"Content-Type": PKCS7}, authority.pkcs7(authority.ca_pem(), authority.issue(base64.b64decode(body)))


def always(status, headers, body=b""):
    return lambda handler, _: (status, headers, body)


out = None  # a fresh folder for what a test writes


def command(protocol, url, key, *words, offline=False, cacert=True):
    return [JWK11, "--config", trial.conf] + (["--offline"] if offline else []) + ["enroll", protocol, url, key] + (["--cacert", authority.ca] if cacert else []) + list(words)


def run(*words, **more):
    env = dict(os.environ, SOFTHSM2_CONF=os.path.join(trial.dir, "softhsm2.conf"))
    return subprocess.run(command(*words, **more), capture_output=True, text=True, env=env, timeout=120)


def done(r):
    equal(r.returncode, 0, r.stderr)
    return r.stdout


def refused(r, code, word, *texts):
    equal(r.returncode, code, r.stderr)
    for text in (f"[exit {code}, {word}",) + texts:
        if text not in r.stderr:
            raise AssertionError(f"{text!r} is not in {r.stderr!r}")
    equal(r.stdout, "", "standard output")
    equal(os.listdir(out), [], "files left behind")


def fresh():
    global out
    out = tempfile.mkdtemp(dir=trial.root)
    return os.path.join(out, "cert.pem")


def public(key):
    return trial.ask("GET", f"/v1/keys/{key}", headers={"Accept": "application/x-pem-file"})[2]


def key_of(pem):
    return openssl("x509", "-noout", "-pubkey", input=pem)


def secret(name, text, mode=0o600):
    path = os.path.join(trial.root, name)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode), "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


# ---- EST ----

@test
def est_enrols_with_a_password_through_the_broker():
    def enroll(handler, body):
        wanted = "Basic " + base64.b64encode(b"device:let me in").decode()
        if handler.headers["Authorization"] != wanted:
            return 401, {"WWW-Authenticate": 'Basic realm="est"', "Content-Type": "text/plain"}, b"who are you?\n"
        return issue(handler, body)

    words = ("--subject", "CN=device-7,O=Example", "--dns", "device-7.example.org", "--user", "device")
    good, bad, open_to_all = secret("good", "let me in\n"), secret("bad", "let me out\n"), secret("open", "let me in\n", 0o644)
    with Server(est(enroll)) as s:
        cert, ca = fresh(), os.path.join(out, "ca.pem")
        refused(run("est", s.url, "es256", *words, "--password-file", bad, "-o", cert), 77, "SERVER_REFUSED", "simpleenroll: answered 401: who are you?", "see: --user NAME")
        refused(run("est", s.url, "es256", *words, "--password-file", open_to_all, "-o", cert), 77, "PASSWORD_FILE", "can be read by group or others")
        equal(done(run("est", s.url, "es256", *words, "--password-file", good, "-o", cert, "--ca-out", ca)), "", "standard output")
    with open(cert, "rb") as f:
        pem = f.read()
    equal(key_of(pem), public("es256"), "the key in it")
    equal(b"device-7.example.org" in openssl("x509", "-noout", "-text", input=pem), True, "the name in it")
    with open(ca, "rb") as f:
        equal(openssl("x509", "-outform", "DER", input=f.read()), openssl("x509", "-outform", "DER", input=authority.ca_pem()), "the CA")
    equal(s.paths()[-3:], ["GET cacerts", "GET csrattrs", "POST simpleenroll"], "what was asked")


@test
def est_enrols_every_kind_of_key_offline():
    with Server(est(issue)) as s:
        for key in ("es256", "rs256", "eddsa"):
            equal(key_of(done(run("est", s.url, key, "--subject", f"CN={key}", offline=True)).encode()), public(key), key)


@test
def est_renews_with_the_certificate_it_has():
    def again(handler, body):
        return issue(handler, body) if handler.connection.getpeercert() else (403, {}, b"")

    with Server(est(always(500, {}), again, base="/.well-known/est/floor-2"), ask_client=True) as s:
        words = ("est", s.url + BASE + "/floor-2/", "es256", "--subject", "CN=d", "--renew", "--tls-cert", f"{authority.dir}/client.pem")
        fresh()
        answer = json.loads(done(run(*words, "--tls-key", f"{authority.dir}/client.key", "--json")))
        equal((answer["schema"], answer["key"]), ("jwk11/enroll/1", "es256"), "document")
        equal(key_of(answer["certificates"].encode()), public("es256"), "the key in it")
        refused(run(*words), 73, "FILE_FAILED", "--tls-cert and --tls-key")


@test
def est_is_asked_again_as_it_says_and_not_for_ever():
    answers = [(202, {"Retry-After": "0"}, b""), (202, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"")]
    with Server(est(lambda h, b: answers.pop() if answers else issue(h, b))) as s:
        equal(key_of(done(run("est", s.url, "es256", "--subject", "CN=d")).encode()), public("es256"), "the key in it")
        equal(s.paths().count("POST simpleenroll"), 3, "requests")
    with Server(est(always(202, {"Retry-After": "0"}))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 75, "SERVER_PENDING", "the certificate is not there yet, asked for 31 times")
        equal(s.paths().count("POST simpleenroll"), 31, "requests")
    with Server(est(always(202, {"Retry-After": "3600"}))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 75, "SERVER_PENDING", "see: the same command again later", "retry after 3600 s]")
        equal(s.paths().count("POST simpleenroll"), 1, "requests")
    with Server(est(always(503, {"Retry-After": "60", "Content-Type": "text/plain"}, b"tea time"))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 75, "SERVER_PENDING", "answered 503: not now: tea time", "retry after 60 s]")


@test
def est_says_what_it_wants_and_is_heard():
    p384 = bytes.fromhex("3014301206072a8648ce3d020131070605" + "2b81040022")
    with Server(est(issue, attrs=p384)) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 65, "MISMATCH", "wants a key of kind EC P-384, and this one is EC P-256")
    with Server(est(issue, attrs=bytes.fromhex("300b06092a864886f70d010907"))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 65, "MISMATCH", "bound to its TLS connection")
    with Server(est(issue, attrs=b"\x30\x03\x02\x01\x07")) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "csrattrs")
    routes = est(issue)  # what libest sends, NUL and all: a curve that stands alone asks for no kind of key (RFC 7030, section 4.5.2)
    routes[BASE + "/csrattrs"] = always(200, {"Content-Type": "application/csrattrs"}, b"MCYGBysGAQEBARYGCSqGSIb3DQEJAQYFK4EEACIGCWCGSAFlAwQCAg==\0")
    with Server(routes) as s:
        r = run("est", s.url, "es256", "--subject", "CN=d")
        equal("would like secp384r1 in the request" in r.stderr, True, r.stderr)
        done(r)
    with Server(est(issue, attrs=bytes.fromhex("300a06082b0601010101" + "1601"))) as s:
        r = run("est", s.url, "es256", "--subject", "CN=d")
        equal("would like 1.3.6.1.1.1.1.22.1 in the request" in r.stderr, True, r.stderr)
        done(r)


@test
def what_came_goes_onto_the_token_too():
    def listed():
        r = subprocess.run([JWK11, "--config", trial.conf, "--json", "cert", "list"], capture_output=True, text=True)
        equal(r.returncode, 0, r.stderr)
        return r.stdout

    with Server(est(issue)) as s:
        r = run("est", s.url, "rs256", "--subject", "CN=to-the-token", "--import")
        equal((done(r), 'imported: the certificate of key "rs256" on token "trial", 2 written' in r.stderr), ("", True), r.stderr)
        equal("CN=to-the-token" in listed(), True, "the token's certificates")
        cert = fresh()
        r = run("est", s.url, "rs256", "--subject", "CN=once-more", "--import", "-o", cert, offline=True)
        equal((done(r), "1 written, 1 replaced" in r.stderr), ("", True), r.stderr)
        with open(cert, "rb") as f:
            equal(key_of(f.read()), public("rs256"), "the key in the file")
        equal(["CN=to-the-token" in listed(), "CN=once-more" in listed()], [False, True], "the token's certificates")


@test
def who_issued_it_comes_from_cacerts():
    """RFC 7030, section 4.2.3: the answer is the certificate alone."""
    issuer = authority.below()
    routes = est(lambda h, b: (200, {"Content-Type": PKCS7}, issuer.pkcs7(issuer.issue(base64.b64decode(b)))))
    routes[BASE + "/cacerts"] = lambda h, b: (200, {"Content-Type": "application/pkcs7-mime"}, authority.pkcs7(authority.ca_pem(), issuer.ca_pem()))
    with Server(routes) as s:
        chain = re.findall("-----BEGIN.*?-----END CERTIFICATE-----\n", done(run("est", s.url, "es256", "--subject", "CN=below")), re.S)
        equal(key_of(chain[0].encode()), public("es256"), "the key in it")
        equal(chain[1:], [issuer.ca_pem().decode()], "its issuer, and no root")
        r = run("est", s.url, "es256", "--subject", "CN=below", "--import")
        equal((done(r), re.search("[23] written", r.stderr) is not None, "issuer is not among" in r.stderr), ("", True, False), r.stderr)  # the root may be there
        r = subprocess.run([JWK11, "--config", trial.conf, "--offline", "jwks", "--x5c", "es256"], capture_output=True, text=True)
        equal([len(k["x5c"]) for k in json.loads(done(r))["keys"]], [2], "x5c")
        equal(s.paths()[:3], ["GET cacerts", "GET csrattrs", "POST simpleenroll"], "what was asked")
    routes[BASE + "/cacerts"] = always(500, {"Content-Type": "text/plain"}, b"no CA today")
    with Server(routes) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 77, "SERVER_REFUSED", "cacerts: answered 500: no CA today")
        equal(s.paths(), ["GET cacerts"], "nothing was issued")


@test
def a_client_certificate_that_is_not_accepted_is_named():
    name = os.path.join(authority.dir, "stranger")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-out", name + ".pem", "-days", "2", "-subj", "/CN=x")
    with Server(est(issue), ask_client=True) as s:
        words = ("est", s.url, "es256", "--subject", "CN=d", "-o", fresh())
        refused(run(*words, "--renew", "--tls-cert", name + ".pem", "--tls-key", name + ".key"), 69, "SERVER_ABSENT", "see: --tls-cert: a server that does not accept")


@test
def policy_says_what_a_key_may_ask_for():
    global trial
    before = trial
    try:
        with Trial() as trial:
            with open(trial.conf) as f:
                text = f.read()
            who = re.search("(?m)^(?:uid|user) = .*$", text)[0]
            trial.change(re.search("(?m)^allow = .*$", text)[0], "allow = csr")
            with open(trial.conf, "a") as f:
                f.write(f"\n[client acme]\n{who}\nkeys = rs256\nallow = jws\ntemplate = acme-jws\n")
            trial.start()
            trial.until(lambda: trial.ask("GET", "/readyz")[0] == 200, "the keys")
            with Server(est(issue)) as s:
                equal(key_of(done(run("est", s.url, "es256", "--subject", "CN=d")).encode()), public("es256"), "the key in it")
            with acme_server() as s:
                refused(run_acme(s, "--account", "eddsa", *WORDS[2:]), 77, "OPERATION_DENIED")
                done(run_acme(s))
                headers = [json.loads(base64.urlsafe_b64decode(json.loads(b)["protected"] + "==")) for m, _, _, b in s.asked if m == "POST"]
                equal([sorted(h) for h in headers[:2]], [["alg", "jwk", "nonce", "url"], ["alg", "kid", "nonce", "url"]], "what the broker signed")
    finally:
        trial = before


# ---- servers that do what no server should ----

@test
def another_type_of_answer_is_refused():
    with Server(est(lambda h, b: (200, {"Content-Type": "text/html"}, issue(h, b)[2]))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "an answer of text/html where application/pkcs7-mime was asked for")
    with Server(est(lambda h, b: (200, {}, issue(h, b)[2]))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "an answer of no Content-Type")


@test
def an_answer_without_end_is_not_read_on():
    with Server(est(always(200, {"Content-Type": PKCS7}, b"A" * (512 * 1024 + 1)))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "an answer longer than 524288 bytes")
    with Server(est(always(200, {"Content-Type": PKCS7, "X-Long": "x" * 70000}))) as s:
        r = run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh())
        equal(r.returncode in (69, 76), True, r.stderr)


@test
def what_is_no_certificate_is_refused():
    for body in (b"", b"AAAA", b"MAA=\n", b"<html>", b"\x00\xff"):
        with Server(est(always(200, {"Content-Type": PKCS7}, body))) as s:
            refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "the server's answer")


@test
def a_certificate_of_another_key_is_refused():
    with open(f"{authority.dir}/client.pem", "rb") as f:
        foreign = f.read()
    with Server(est(lambda h, b: (200, {"Content-Type": PKCS7}, authority.pkcs7(foreign)))) as s:
        cert = fresh()
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", cert, "--ca-out", os.path.join(out, "ca.pem")), 65, "CERT_FOREIGN", "is of another key")


@test
def a_redirection_stays_on_its_host():
    with Server(est(issue)) as other:
        with Server(est(always(307, {"Location": other.url + BASE + "/simpleenroll"}))) as s:
            refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", f"leads to another host, {other.url}, which is not followed")
            equal(other.asked, [], "what the other one was asked")
    routes = est(always(308, {"Location": "/there"}))
    routes["/there"] = issue
    with Server(routes) as s:
        done(run("est", s.url, "es256", "--subject", "CN=d"))
    with Server(est(always(302, {"Location": "/there"}))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "answered a POST with 302")
    with Server(est(always(307, {}))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "answered 307 and not where to go")
    with Server(est(always(307, {"Location": BASE + "/simpleenroll"}))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "leads on and on")
    with Server(est(always(307, {"Location": "file:///etc/passwd"}))) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 76, "SERVER_MALFORMED", "leads to another host")


@test
def a_server_that_nobody_vouches_for_is_not_asked():
    with Server(est(issue)) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh(), cacert=False), 77, "SERVER_UNTRUSTED", "its certificate is not accepted", "see: --cacert FILE")
        equal(s.asked, [], "what it was asked")
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh(), "--cacert", "/nowhere", cacert=False), 73, "FILE_FAILED", "--cacert /nowhere")
    with Server(est(issue), certificate="other") as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 77, "SERVER_UNTRUSTED", "its certificate is not accepted")
        equal(s.asked, [], "what it was asked")


@test
def nothing_goes_out_unencrypted():
    with Server(est(issue), tls=False) as s:
        r = run("est", s.url, "es256", "--subject", "CN=d")
        equal((r.returncode, "is not encrypted" in r.stderr), (64, True), r.stderr)
        done(run("est", s.url, "es256", "--subject", "CN=d", "--allow-http"))
    for url in ("http://est.example.org", "http://10.0.0.1", "http://localhost.example.org", "http://127.0.0.1.example.org"):
        r = run("est", url, "es256", "--subject", "CN=d", "--allow-http")
        equal((r.returncode, "is not on this machine" in r.stderr), (64, True), r.stderr)
    for url in ("ftp://127.0.0.1", "127.0.0.1", "https://", "https://u:p@127.0.0.1", ""):
        equal(run("est", url, "es256", "--subject", "CN=d").returncode, 64, url)


@test
def a_server_that_is_not_there_is_said():
    with Server(est(issue)) as s:
        url = s.url
    refused(run("est", url, "es256", "--subject", "CN=d", "-o", fresh()), 69, "SERVER_ABSENT", url)
    with Server({}) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 77, "SERVER_REFUSED", "cacerts: answered 404", "see: URL is https://HOST")

    def hang_up(handler, body):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nMII")
        handler.wfile.flush()
        handler.connection.shutdown(2)
        return 200, {}, b""

    with Server(est(hang_up)) as s:
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", fresh()), 69, "SERVER_ABSENT")


@test
def ctrl_c_ends_the_wait_and_writes_nothing():
    with Server(est(always(202, {"Retry-After": "500"}))) as s:
        cert = fresh()
        p = subprocess.Popen(command("est", s.url, "es256", "--subject", "CN=d", "-o", cert), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        equal(s.posted.wait(60), True, "the request")
        p.send_signal(signal.SIGINT)
        stdout, stderr = p.communicate(timeout=60)
    refused(subprocess.CompletedProcess([], p.returncode, stdout, stderr), 75, "CANCELLED", "cancelled; nothing has been written")


@test
def what_cannot_be_written_is_said():
    with Server(est(issue)) as s:
        fresh()
        refused(run("est", s.url, "es256", "--subject", "CN=d", "-o", "/nowhere/cert.pem"), 73, "FILE_FAILED", "/nowhere/cert.pem")


# ---- ACME ----

def acme(url=lambda: None, **more):
    """The routes of an ACME server that asks for no proof. Signatures are pebble's to check."""
    counter = iter(range(10**9))

    def nonce():
        return {"Replay-Nonce": f"n{next(counter)}", "Cache-Control": "no-store"}

    def reply(status, document, **headers):
        return status, dict(nonce(), **{"Content-Type": "application/json"}, **headers), json.dumps(document).encode()

    state = {}

    def order(status):
        document = {"status": status, "authorizations": [url() + "/authz"], "finalize": url() + "/finalize"}
        return dict(document, certificate=url() + "/cert") if status == "valid" else document

    def finalize(handler, body):
        payload = json.loads(body)["payload"]
        csr = json.loads(base64.urlsafe_b64decode(payload + "=="))["csr"]
        state["pem"] = authority.issue(base64.urlsafe_b64decode(csr + "=="))
        return reply(200, order("valid"))

    routes = {"/dir": lambda h, b: reply(200, {n: url() + "/" + n for n in ("newNonce", "newAccount", "newOrder")}), "/newNonce": lambda h, b: (200, nonce(), b""),
              "/newAccount": lambda h, b: reply(200, {"status": "valid"}, Location=url() + "/account/1"), "/newOrder": lambda h, b: reply(201, order("ready"), Location=url() + "/order"),
              "/order": lambda h, b: reply(200, order("valid")), "/finalize": finalize,
              "/cert": lambda h, b: (200, dict(nonce(), **{"Content-Type": "application/pem-certificate-chain"}), state["pem"] + authority.ca_pem())}
    for path, make in more.items():
        routes["/" + path] = make(reply, order, nonce)
    return routes


@contextlib.contextmanager
def acme_server(**more):
    place = {}
    with Server(acme(lambda: place["url"], **more)) as s:
        place["url"] = s.url
        yield s


WORDS = ("--account", "rs256", "--dns", "a.example.org", "--hook", "/bin/false")


def run_acme(s, *words, **more):
    return run("acme", s.url + "/dir", "es256", *(words or WORDS), "-o", fresh(), **more)


@test
def acme_takes_what_it_is_given():
    with acme_server() as s:
        equal(done(run_acme(s)), "", "standard output")
        with open(os.path.join(out, "cert.pem"), "rb") as f:
            equal(key_of(f.read()), public("es256"), "the key in it")
        headers = [json.loads(base64.urlsafe_b64decode(json.loads(b)["protected"] + "==")) for m, _, _, b in s.asked if m == "POST"]
    equal(["jwk" in h for h in headers], [True] + [False] * (len(headers) - 1), "who names its key")
    equal(len({h["nonce"] for h in headers}), len(headers), "nonces, none of them twice")
    equal({h["alg"] for h in headers}, {"RS256"}, "algorithm")


@test
def a_nonce_that_is_never_good_ends_it():
    def bad(reply, order, nonce):
        return lambda h, b: (400, dict(nonce(), **{"Content-Type": PROBLEM}), b'{"type":"urn:ietf:params:acme:error:badNonce","detail":"stale"}')

    with acme_server(newAccount=bad) as s:
        refused(run_acme(s), 77, "SERVER_REFUSED", "stale (urn:ietf:params:acme:error:badNonce)")
        equal(s.paths().count("POST newAccount"), 6, "requests")


@test
def a_nonce_must_be_one():
    for value in ("", "a b", "a/b", "x" * 300):
        with acme_server(newNonce=lambda r, o, n: always(200, {"Replay-Nonce": value})) as s:
            refused(run_acme(s), 76, "SERVER_MALFORMED", "no nonce where there should be one")


@test
def a_limit_of_the_ca_is_for_later():
    def limited(reply, order, nonce):
        return lambda h, b: (429, dict(nonce(), **{"Content-Type": PROBLEM, "Retry-After": "600"}), b'{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}')

    with acme_server(newOrder=limited) as s:
        refused(run_acme(s), 75, "SERVER_PENDING", "too many (urn:ietf:params:acme:error:rateLimited)", "retry after 600 s]")


@test
def a_ca_that_never_decides_is_left():
    def processing(reply, order, nonce):
        return lambda h, b: reply(200, order("processing"), **{"Retry-After": "0"})

    with acme_server(finalize=processing, order=processing) as s:
        refused(run_acme(s), 75, "SERVER_PENDING", "the certificate is not there yet, asked for 31 times")


@test
def acme_answers_that_are_not_what_they_should_be():
    with open(f"{authority.dir}/client.pem", "rb") as f:
        foreign = f.read()
    for more, code, word, text in (
        (dict(dir=lambda r, o, n: always(200, {"Content-Type": "text/html"}, b"<html>")), 76, "SERVER_MALFORMED", "an answer of text/html"),
        (dict(dir=lambda r, o, n: always(200, {"Content-Type": "application/json"}, b"{}")), 76, "SERVER_MALFORMED", "directory: newNonce is missing"),
        (dict(dir=lambda r, o, n: always(200, {"Content-Type": "application/json"}, b" " * 300000)), 76, "SERVER_MALFORMED", "longer than 262144 bytes"),
        (dict(newAccount=lambda r, o, n: lambda h, b: r(200, {})), 76, "SERVER_MALFORMED", "account: no URL of it"),
        (dict(newOrder=lambda r, o, n: lambda h, b: r(201, o("ready"))), 76, "SERVER_MALFORMED", "order: no URL of it"),
        (dict(newOrder=lambda r, o, n: lambda h, b: r(201, dict(o("ready"), finalize="http://elsewhere.example/f"), Location="https://127.0.0.1/o")), 64, "ARGUMENT", "is not encrypted"),
        (dict(cert=lambda r, o, n: always(200, {"Content-Type": "application/json"}, b"{}")), 76, "SERVER_MALFORMED", "an answer of application/json"),
        (dict(cert=lambda r, o, n: always(200, {"Content-Type": "application/pem-certificate-chain"}, foreign)), 65, "CERT_FOREIGN", "is of another key"),
        (dict(cert=lambda r, o, n: always(200, {"Content-Type": "application/pem-certificate-chain"}, b"-----BEGIN CERTIFICATE-----\n")), 76, "SERVER_MALFORMED", "answer"),
    ):
        with acme_server(**more) as s:
            refused(run_acme(s), code, word, text)


@test
def a_token_never_becomes_another_path():
    def pending(reply, order, nonce):
        return lambda h, b: reply(201, order("pending"), Location="https://127.0.0.1/order")

    def authz(reply, order, nonce):
        return lambda h, b: reply(200, {"status": "pending", "identifier": {"type": "dns", "value": "a.example.org"},
                                        "challenges": [{"type": "http-01", "status": "pending", "url": "https://127.0.0.1/c", "token": "../../cert.pem"}]})

    with acme_server(newOrder=pending, authz=authz) as s:
        root = tempfile.mkdtemp(dir=trial.root)
        refused(run_acme(s, "--account", "rs256", "--dns", "a.example.org", "--webroot", root), 76, "SERVER_MALFORMED", "token is not base64url")
        equal(os.listdir(root), [], "files in the folder of the web server")


@test
def ctrl_c_takes_the_proof_away_again():
    def pending(reply, order, nonce):
        return lambda h, b: reply(201, order("pending"), Location="https://127.0.0.1/order")

    def authz(reply, order, nonce):
        return lambda h, b: reply(200, {"status": "pending", "identifier": {"type": "dns", "value": "a.example.org"},
                                        "challenges": [{"type": "dns-01", "status": "pending", "url": "https://127.0.0.1/c", "token": "token"}]})

    folder = tempfile.mkdtemp(dir=trial.root)
    for name in ("started", "never"):
        os.mkfifo(f"{folder}/{name}")
    hook = os.path.join(folder, "hook")
    with open(hook, "w") as f:
        f.write(f"#!/bin/sh\necho \"$*\" >>{folder}/log\n[ \"$1\" = cleanup ] && exit\necho >{folder}/started\nexec cat {folder}/never\n")
    os.chmod(hook, 0o755)
    with acme_server(newOrder=pending, authz=authz) as s:
        cert = fresh()
        p = subprocess.Popen(command("acme", s.url + "/dir", "es256", "--account", "rs256", "--dns", "a.example.org", "--hook", hook, "-o", cert),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with open(f"{folder}/started") as f:
            f.read()
        p.send_signal(signal.SIGTERM)
        stdout, stderr = p.communicate(timeout=60)
    refused(subprocess.CompletedProcess([], p.returncode, stdout, stderr), 75, "CANCELLED", "cancelled; nothing has been written")
    with open(f"{folder}/log") as f:
        calls = f.read().splitlines()
    equal([c.split()[:4] for c in calls], [[w, "dns-01", "a.example.org", "_acme-challenge.a.example.org"] for w in ("present", "cleanup")], "calls of the hook")
    equal(len({c.split()[4] for c in calls}), 1, "values of the record")


@test
def options_that_do_not_go_together_are_refused():
    for words in (("acme", "--dns", "a.b", "--webroot", "/tmp"), ("acme", "--account", "rs256", "--dns", "a.b"), ("acme", "--account", "rs256", "--dns", "a.b", "--hook", "x"),
                  ("acme", "--account", "rs256", "--dns", "a.b", "--hook", "/x", "--webroot", "/y"), ("acme", "--account", "rs256", "--dns", "a.b", "--hook", "/x", "--challenge", "y"),
                  ("acme", "--account", "rs256", "--dns", "a.b", "--hook", "/x", "--renew"), ("acme", "--account", "rs256", "--webroot", "/tmp"), ("acme", "--account", "rs256", "--dns", "a.b", "--ip", "192.0.2.1", "--webroot", "/tmp"),
                  ("acme", "--account", "rs256", "--dns", "a b", "--webroot", "/tmp"), ("acme", "--account", "rs256", "--dns", "a.b", "--webroot", "/tmp", "--eab-kid", "k"),
                  ("est", "--account", "rs256"), ("est", "--renew"), ("est", "--user", "u"), ("est", "--tls-key", "k"), ("scep",)):
        r = run(words[0], "https://127.0.0.1:1", "es256", *words[1:])
        equal(r.returncode in (64, 65), True, f"{words}: {r.returncode} {r.stderr}")


with Trial() as trial:
    authority = Authority(tempfile.mkdtemp(dir=trial.root))
    trial.start()
    trial.until(lambda: trial.ask("GET", "/readyz")[0] == 200, "the keys")
    main()
