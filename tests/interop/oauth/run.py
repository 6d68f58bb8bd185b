#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A device's first day, with an authorization server that nobody here wrote (npm's oidc-provider): a certificate request signed on SoftHSM, a test CA's
certificate put back onto the token, the JWK set with it as x5c, private_key_jwt with the key, and tokens bound to it by DPoP. Needs node and npm, whose
package is kept in the cache. Prints TAP."""
import base64, hashlib, html, http.cookiejar, json, os, re, subprocess, sys, urllib.error, urllib.parse, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "it")]
from npm import modules
from trial import JWK11, Trial, equal, main, test

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Device(Trial):
    """The broker, with a certificate of a CA on its token."""

    def __enter__(self):
        with open(self.conf, "a") as f:
            f.write(f"\n[client device]\nuid = {os.getuid()}\nkeys = *\nallow = jwt\ntemplate = assertion, dpop\n")
        self.start()
        self.tool("csr", "es256", "--subject", "CN=device-7,O=Example", "--dns", "device-7.example", "-o", self.path("csr.pem"))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Test CA", "-days", "2", "-keyout", self.path("ca.key"),
                "-out", self.path("ca.pem"))
        openssl("x509", "-req", "-in", self.path("csr.pem"), "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"), "-CAcreateserial", "-copy_extensions", "copy",
                "-days", "1", "-out", self.path("leaf.pem"))
        self.tool("import-cert", "es256", self.path("leaf.pem"), "--config", self.conf)
        self.tool("jwks", "es256", "--x5c", "-o", self.path("jwks.json"))
        return self

    def path(self, name):
        return os.path.join(self.root, name)

    def tool(self, *arguments):
        done = subprocess.run([JWK11, "--socket", self.api, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        equal(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done.stdout.rstrip("\n")

    def assertion(self, key, server, **options):
        more = [word for name, value in options.items() for word in ("--" + name, value)]
        return self.tool("assertion", key, "--iss", "device-7", "--aud", server.address, *more)

    def dpop(self, key, method, url, nonce=None, token=None):
        more = ["--nonce", nonce] if nonce else []
        if token is not None:
            with open(self.path("token"), "w") as f:
                f.write(token)
            more += ["--access-token-file", self.path("token")]
        return self.tool("dpop", key, method, url, *more)


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


class Server:
    def __init__(self, device, *options):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "server.mjs"), MODULES, device.path("jwks.json"), *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address.startswith("http"):
            raise AssertionError("the server did not start:\n" + self.process.stderr.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)

    def ask(self, path, form=None, headers=()):
        """Status, headers, and the JSON of the answer."""
        request = urllib.request.Request(self.address + path, urllib.parse.urlencode(form).encode() if form is not None else None, dict(headers))
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        body = answer.read()
        return answer.status, answer.headers, json.loads(body) if body.startswith(b"{") else body

    def token(self, assertion, proof=None, **form):
        form = {"grant_type": "client_credentials", **form, "client_id": "device-7", "client_assertion_type": BEARER, "client_assertion": assertion}
        return self.ask("/token", form, {"DPoP": proof} if proof else {})

    def code(self):
        """What a browser does: log in, consent, and come back with a code. The code, and the verifier of its challenge."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(
            http.cookiejar.DefaultCookiePolicy(allowed_domains=None))), Stay)
        verifier = "v" * 64
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        url = self.address + "/auth?" + urllib.parse.urlencode({"client_id": "device-7", "response_type": "code", "scope": "openid", "redirect_uri":
                                                               self.address + "/back", "code_challenge": challenge, "code_challenge_method": "S256"})
        form = None
        for _ in range(12):
            try:
                answer = browser.open(urllib.request.Request(url, form), timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            form, at = None, answer.headers.get("Location")
            if at is not None:
                url = urllib.parse.urljoin(url, at)
                if url.startswith(self.address + "/back"):
                    return urllib.parse.parse_qs(urllib.parse.urlparse(url).query)["code"][0], verifier
                continue
            page = answer.read().decode()
            action = re.search(r'action="([^"]+)"', page)
            if action is None:
                raise AssertionError(f"{answer.status} {url}\n{page[:500]}")
            url = urllib.parse.urljoin(url, html.unescape(action.group(1)))
            form = urllib.parse.urlencode({"prompt": re.search(r'name="prompt" value="([a-z]+)"', page).group(1), "login": "ada", "password": "x"}).encode()
        raise AssertionError("no end of redirections")


def thumbprint(jwk):
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return base64.urlsafe_b64encode(hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()).rstrip(b"=").decode()


@test
def the_certificate_stands_in_the_set():
    with Device() as d:
        with open(d.path("jwks.json")) as f:
            key = json.load(f)["keys"][0]
        leaf = base64.b64encode(subprocess.run(["openssl", "x509", "-in", d.path("leaf.pem"), "-outform", "DER"], capture_output=True, check=True).stdout).decode()
        equal(key["x5c"][0], leaf)
        equal("DNS:device-7.example" in openssl("x509", "-in", d.path("leaf.pem"), "-noout", "-ext", "subjectAltName"), True)
        equal("ok" in openssl("verify", "-CAfile", d.path("ca.pem"), d.path("leaf.pem")).lower(), True)


@test
def private_key_jwt_is_accepted_once():
    with Device() as d, Server(d) as s:
        assertion = d.assertion("es256", s)
        status, _, body = s.token(assertion)
        equal((status, body.get("token_type")), (200, "Bearer"), body)
        status, _, body = s.token(assertion)
        equal((status, body.get("error")), (401, "invalid_client"), "jti is for one request")
        status, _, body = s.token(d.assertion("es256", s, sub="device-8"))
        equal((status, body.get("error")), (400, "invalid_request"), "for somebody else")
        status, _, body = s.token(d.assertion("rs256", s))
        equal((status, body.get("error")), (401, "invalid_client"), "by a key that is not registered")
        status, _, body = s.token(d.tool("assertion", "es256", "--iss", "device-7", "--aud", "https://elsewhere.example"))
        equal((status, body.get("error")), (401, "invalid_client"), "for another server")


@test
def a_token_is_bound_to_the_key_and_used_with_it():
    with Device() as d, Server(d) as s:
        with open(d.path("jwks.json")) as f:
            jkt = thumbprint(json.load(f)["keys"][0])
        code, verifier = s.code()
        status, _, body = s.token(d.assertion("es256", s), d.dpop("es256", "POST", s.address + "/token"), grant_type="authorization_code", code=code,
                                  code_verifier=verifier, redirect_uri=s.address + "/back")
        equal((status, body.get("token_type")), (200, "DPoP"), body)
        token = body["access_token"]
        status, _, about = s.ask("/token/introspection", {"token": token, "client_id": "device-7", "client_assertion_type": BEARER, "client_assertion":
                                                          d.assertion("es256", s)})
        equal((status, about.get("active"), about.get("cnf")), (200, True, {"jkt": jkt}), about)

        def me(proof, scheme="DPoP"):
            return s.ask("/me", None, {"Authorization": f"{scheme} {token}", **({"DPoP": proof} if proof else {})})

        proof = d.dpop("es256", "GET", s.address + "/me", token=token)
        status, _, body = me(proof)
        equal((status, body), (200, {"sub": "ada"}))
        equal(me(proof)[0], 401, "a proof is for one request")
        equal(me(None)[0] in (400, 401), True, "without one")
        equal(me(d.dpop("eddsa", "GET", s.address + "/me", token=token))[0], 401, "by another key")
        equal(me(d.dpop("es256", "POST", s.address + "/me", token=token))[0], 401, "for another method")
        equal(me(d.dpop("es256", "GET", s.address + "/me", token=token + "x"))[0], 401, "for another token")
        equal(me(d.dpop("es256", "GET", s.address + "/me", token=token))[0], 200, "and a new one is as good as the first")


@test
def the_servers_nonce_is_given_back():
    with Device() as d, Server(d, "nonce") as s:
        url = s.address + "/token"
        status, headers, body = s.token(d.assertion("es256", s), d.dpop("es256", "POST", url))
        equal((status, body.get("error")), (400, "use_dpop_nonce"), body)
        status, _, body = s.token(d.assertion("es256", s), d.dpop("es256", "POST", url, nonce=headers["DPoP-Nonce"]))
        equal((status, body.get("token_type")), (200, "DPoP"), body)
        status, _, body = s.token(d.assertion("es256", s), d.dpop("es256", "POST", url, nonce="x" * 43))
        equal((status, body.get("error")), (400, "use_dpop_nonce"), body)


if __name__ == "__main__":
    MODULES = modules(HERE, "oauth")
    main()
