#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""google-auth, Google's own client library, runs `jwk11 token --google-executable` as its source of credentials, and exchanges what it gets at a token endpoint
of ours. Needs pip, whose package is kept in the cache."""
import hashlib, http.server, json, os, subprocess, sys, threading, time, urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "it"))
from trial import JWK11, Trial, equal, main, test

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "jwk11")
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider"
TYPE = "urn:ietf:params:oauth:token-type:jwt"


def library():
    """Where the package lies; None: it cannot be had."""
    with open(os.path.join(HERE, "requirements.txt"), "rb") as f:
        place = os.path.join(CACHE, "google-auth-" + hashlib.sha256(f.read()).hexdigest()[:16])
    if not os.path.exists(place):
        fresh = f"{place}.{os.getpid()}"
        os.makedirs(CACHE, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action", "ignore", "-r", os.path.join(HERE, "requirements.txt"),
               "--target", fresh]
        if subprocess.run(pip, stdout=subprocess.DEVNULL).returncode != 0:
            return None
        os.rename(fresh, place)
    return place


class Exchange(http.server.BaseHTTPRequestHandler):
    """The token endpoint: keeps what it is asked, gives an access token."""
    asked = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append({name: values[0] for name, values in urllib.parse.parse_qs(body).items()})
        answer = json.dumps({"access_token": "at", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def request(url, method="GET", body=None, headers=None, **_):
    """The library's transport, plain HTTP to ourselves."""
    import urllib.request
    data = body.encode() if isinstance(body, str) else body
    with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}, method=method), timeout=30) as r:
        return type("Response", (), {"status": r.status, "headers": r.headers, "data": r.read()})


def credentials(t, url, *args, output=None):
    command = " ".join([os.path.abspath(JWK11), "token", "--config", t.conf, "--google-executable", *args])
    source = {"executable": {"command": command, "timeout_millis": 30000, **({"output_file": output} if output else {})}}
    return pluggable.Credentials.from_info({"type": "external_account", "audience": AUDIENCE, "subject_token_type": TYPE, "token_url": url, "credential_source": source})


@test
def google_auth_takes_the_token_exchanges_it_and_reads_it_again_from_its_cache():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/token"
    with Trial() as t:
        t.start()
        output = os.path.join(t.dir, "cache.json")
        made = credentials(t, url, "es256", "--sub", "device-7", "--iss", "https://issuer.example", output=output)
        made.refresh(request)
        equal((made.token, made.valid), ("at", True))
        asked = Exchange.asked[-1]
        equal((asked["audience"], asked["subject_token_type"]), (AUDIENCE, TYPE))
        jwks = os.path.join(t.dir, "jwks.json")
        equal(subprocess.run([JWK11, "jwks", "--config", t.conf, "-o", jwks]).returncode, 0)
        checked = subprocess.run([JWK11, "verify", "--jwks", jwks, "-"], input=asked["subject_token"], capture_output=True, text=True)
        equal(checked.returncode, 0, checked.stderr)
        claims = json.loads(checked.stdout)
        equal((claims["aud"], claims["sub"], claims["iss"]), ("https:" + AUDIENCE, "device-7", "https://issuer.example"))
        t.stop()  # the cached one is still good
        made.refresh(request)
        equal(Exchange.asked[-1]["subject_token"], asked["subject_token"])
        with open(output) as f:
            cached = json.load(f)
        cached["expiration_time"] = int(time.time()) - 1
        with open(output, "w") as f:
            json.dump(cached, f)
        t.start()
        made.refresh(request)
        equal(Exchange.asked[-1]["subject_token"] != asked["subject_token"], True, "an expired one is not")
    server.shutdown()
    server.server_close()


@test
def google_auth_says_what_was_refused():
    with Trial() as t:
        t.start()
        for args, words in ((["nokey"], ("KEY_UNKNOWN", "non-zero return code 66")), (["es256", "--socket", "/nowhere"], ("BROKER_ABSENT", "non-zero return code 69"))):
            try:
                credentials(t, "http://127.0.0.1:9/token", *args).refresh(request)
            except exceptions.RefreshError as why:
                equal([word in str(why) for word in words], [True] * len(words), str(why))
            else:
                raise AssertionError("it was content")


SITE = library()
if SITE is None:
    print("1..0 # SKIP no pip, or no package to be had")
    sys.exit(0)
sys.path.insert(0, SITE)
os.environ["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"] = "1"
from google.auth import exceptions, pluggable
main()
