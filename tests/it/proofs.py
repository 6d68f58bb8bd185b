#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Proofs by template, through the broker and without it: what other people's libraries say of them, what policy grants, what is refused."""
import base64, datetime, hashlib, json, os, re, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, JWK11D, Trial, equal, main, test
from audited import Audited
import jwt as pyjwt
from authlib.jose import JsonWebKey, JsonWebSignature
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from jwcrypto import jwk as jwcrypto_jwk, jws as jwcrypto_jws

ALGS = {"es256": "ES256", "rs256": "RS256", "eddsa": "EdDSA"}
ACCESS_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"  # of RFC 9449, figure 12 …
ATH = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"           # … and its ath
DPOP = {"htm": "POST", "htu": "https://server.example.com/token"}


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts(token):
    return [json.loads(unb64(p)) for p in token.split(".")[:2]]


def grants(trial, text):
    """The trial's own [client] sections give way to these."""
    with open(trial.conf) as f:
        kept = f.read().partition("[client")[0]
    with open(trial.conf, "w") as f:
        f.write(kept + text.replace("UID", str(os.getuid())))


ALL = "[client prover]\nuid = UID\nkeys = *\nallow = sign, jws, jwt\ntemplate = *\n"


def start(trial, text=ALL):
    grants(trial, text)
    trial.start()
    trial.wait_count("event=ready", os.cpu_count() + 1)  # a worker that logs in hides the token from --offline
    return trial


def post(trial, op, template, parameters=None, key="es256", headers=None, **more):
    body = {"template": template, **({} if parameters is None else {"parameters": parameters}), **more}
    status, _, data = trial.ask("POST", f"/v1/keys/{key}/{op}", body, headers)
    return status, data.decode()


def made(trial, template, parameters, **more):
    status, token = post(trial, "jwt", template, parameters, **more)
    equal(status, 200, token)
    return token


def problem(answer):
    status, data = answer
    body = json.loads(data)
    return status, body["code"], body.get("detail", "")


def run(trial, *words, code=0, offline=False, stdin=""):
    where = ["--offline", "--config", trial.conf] if offline else ["--socket", trial.api]
    p = subprocess.run([JWK11, *words, *where], input=stdin, capture_output=True, text=True)
    equal(p.returncode, code, f"{words} {p.stderr}")
    return p.stdout.rstrip("\n") if code == 0 else re.sub(r"request \w+, ", "", p.stderr)


def published(trial, name):
    keys = json.loads(trial.ask("GET", "/.well-known/jwks.json")[2])["keys"]
    return next(k for k in keys if k["alg"] == ALGS[name])


def by_jwcrypto(jwk, token, alg):
    j = jwcrypto_jws.JWS()
    j.allowed_algs = [alg]
    j.deserialize(token, jwcrypto_jwk.JWK(**jwk))


def three_judges(jwk, token, alg):
    """jwcrypto, Authlib and PyJWT, and what each of them says of the token with its last claim changed."""
    head, body, sig = token.split(".")
    bad = f"{head}.{body[:-4]}AAAA.{sig}"
    by_jwcrypto(jwk, token, alg)
    JsonWebSignature(algorithms=[alg]).deserialize_compact(token, JsonWebKey.import_key(jwk))
    pyjwt.PyJWS(algorithms=[alg]).decode(token, pyjwt.PyJWK(jwk, algorithm=alg).key, algorithms=[alg])
    for judge in (lambda: by_jwcrypto(jwk, bad, alg),
                  lambda: JsonWebSignature(algorithms=[alg]).deserialize_compact(bad, JsonWebKey.import_key(jwk)),
                  lambda: pyjwt.PyJWS(algorithms=[alg]).decode(bad, pyjwt.PyJWK(jwk, algorithm=alg).key, algorithms=[alg])):
        try:
            judge()
        except Exception:  # each library has its own
            continue
        raise AssertionError("a damaged token is taken")


# ---- dpop ----

def check_dpop(trial, token, name, **claims):
    """RFC 9449 section 4.3, as far as one proof goes; and 6.1: jkt is the thumbprint of the key that is published."""
    head, body = parts(token)
    public = {k: v for k, v in published(trial, name).items() if k not in ("use", "alg", "kid")}
    equal(head, {"alg": ALGS[name], "jwk": public, "typ": "dpop+jwt"}, "the public half, bare, and no kid")
    three_judges(head["jwk"], token, ALGS[name])
    jkt = json.loads(trial.ask("GET", f"/v1/keys/{name}")[2])["thumbprint_uri"].rpartition(":")[2]
    equal(jwcrypto_jwk.JWK(**head["jwk"]).thumbprint(), jkt, "jkt")
    equal(abs(body["iat"] - time.time()) < 60, True)
    equal(len(unb64(body["jti"])) >= 16, True, "96 random bits and more")
    equal({k: v for k, v in body.items() if k not in ("iat", "jti")}, claims)
    return body["jti"]


@test
def dpop_proofs():
    with start(Trial()) as t:
        with open(os.path.join(t.dir, "access"), "w") as f:
            f.write(ACCESS_TOKEN + "\n")
        seen = set()
        for name in ALGS:
            for offline in (False, True):
                token = run(t, "dpop", name, "POST", DPOP["htu"] + "?a=b#c", "--nonce", "eyJ", "--access-token-file", f.name, offline=offline)
                seen.add(check_dpop(t, token, name, htm="POST", htu=DPOP["htu"], ath=ATH, nonce="eyJ"))
            seen.add(check_dpop(t, made(t, "dpop", dict(DPOP, access_token=ACCESS_TOKEN), key=name), name, **DPOP, ath=ATH))
            seen.add(check_dpop(t, made(t, "dpop", DPOP, key=name), name, **DPOP))
        equal(len(seen), 12, "each jti once")
        status, data = post(t, "jwt", "dpop", DPOP, headers={"Accept": "application/json"})
        equal((status, json.loads(data)["alg"]), (200, "ES256"))
        check_dpop(t, json.loads(data)["jwt"], "es256", **DPOP)
        doc = json.loads(run(t, "dpop", "--json", "es256", "GET", "https://a"))
        equal((doc["schema"], parts(doc["jwt"])[1]["htu"]), ("jwk11/dpop/1", "https://a"))


# ---- assertions ----

@test
def assertions_of_each_profile():
    with start(Trial()) as t:
        rows = [
            ("assertion", "eddsa", ["--iss", "me", "--aud", "https://as"], {"iss": "me", "sub": "me", "aud": "https://as"}, 300),
            ("assertion/keycloak", "es256", ["--iss", "me", "--aud", "https://as/realms/r"], {"iss": "me", "sub": "me", "aud": "https://as/realms/r"}, 60),
            ("assertion/okta", "rs256", ["--iss", "me", "--aud", "https://o/oauth2/v1/token"], {"iss": "me", "sub": "me", "aud": "https://o/oauth2/v1/token"}, 300),
            ("assertion/auth0", "rs256", ["--iss", "me", "--aud", "https://t.auth0.com/"], {"iss": "me", "sub": "me", "aud": "https://t.auth0.com/"}, 60),
            ("assertion/google-sa", "rs256", ["--iss", "a@b.iam.gserviceaccount.com", "--scope", "https://www.googleapis.com/auth/cloud-platform"],
             {"iss": "a@b.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/cloud-platform", "aud": "https://oauth2.googleapis.com/token"}, 300),
            ("assertion/github-app", "rs256", ["--iss", "12345"], {"iss": "12345"}, 540),
            ("assertion/apple", "es256", ["--iss", "TEAMID1234", "--sub", "com.example.app"],
             {"iss": "TEAMID1234", "sub": "com.example.app", "aud": "https://appleid.apple.com"}, 3600),
        ]
        for template, key, words, claims, ttl in rows:
            profile = template.partition("/")[2]
            parameters = {w[2:]: v for w, v in zip(words[::2], words[1::2])}
            for token in (run(t, "assertion", key, *(["--profile", profile] if profile else []), *words),
                          run(t, "assertion", key, *(["--profile", profile] if profile else []), *words, offline=True),
                          made(t, template, parameters, key=key)):
                head, body = parts(token)
                three_judges(published(t, key), token, ALGS[key])
                kid = {} if profile == "github-app" else {"kid": published(t, key)["kid"]}
                equal(head, {"alg": ALGS[key], **kid, "typ": "JWT"}, template)
                early = 60 if profile == "github-app" else 0
                equal(abs(body["iat"] + early - time.time()) < 60, True, template)
                equal(body["exp"] - body["iat"] - early, ttl, template)
                equal({k: v for k, v in body.items() if k not in ("iat", "exp", "jti")}, claims, template)
                equal("jti" in body, profile in ("", "keycloak", "okta", "auth0"), template)
        equal(parts(run(t, "assertion", "es256", "--iss", "i", "--aud", "a", "--ttl", "1h"))[1].keys() >= {"exp"}, True)


@test
def entra_wants_a_certificate():
    with Trial() as t:
        err = run(t, "assertion", "rs256", "--profile", "entra", "--iss", "me", "--aud", "https://a", offline=True, code=66)
        equal("CERT_ABSENT" in err, True, err)
        pem = subprocess.run([JWK11, "jwks", "rs256", "--format", "pem", "--offline", "--config", t.conf], check=True, capture_output=True).stdout
        title = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app")])
        start_of = datetime.datetime(2020, 1, 1)
        cert = x509.CertificateBuilder(title, title, serialization.load_pem_public_key(pem), 7, start_of, start_of.replace(year=2049)).sign(
            ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        with open(os.path.join(t.dir, "app.der"), "wb") as f:
            f.write(cert)
        with open(os.path.join(t.dir, "pin")) as pin, open(t.conf) as conf:
            env = dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"), TRIAL_PIN=pin.read().strip())
            module = re.search("(?m)^modules = (.*)$", conf.read())[1]
        subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", "--write-object", f.name, "--type", "cert",
                        "--label", "rs256"], env=env, check=True, capture_output=True)
        for alg, member, digest in (("RS256", "x5t", hashlib.sha1), ("PS256", "x5t#S256", hashlib.sha256)):
            t.change("alg = RS256", f"alg = {alg}")
            start(t)
            for offline in (False, True):
                token = run(t, "assertion", "rs256", "--profile", "entra", "--iss", "me", "--aud", "https://login.microsoftonline.com/t/oauth2/v2.0/token", offline=offline)
                head, body = parts(token)
                equal(head, {"alg": alg, "typ": "JWT", member: b64(digest(cert).digest())})
                equal((body["nbf"], body["exp"] - body["iat"], body["sub"]), (body["iat"], 300, "me"))
                pyjwt.decode(token, serialization.load_pem_public_key(pem), algorithms=[alg], audience=body["aud"])
            t.stop()


@test
def attestation_proofs():
    with start(Trial()) as t:
        for offline in (False, True):
            token = run(t, "attest-pop", "es256", "--aud", "https://as.example.com", "--challenge", "c5d8", offline=offline)
            head, body = parts(token)
            three_judges(published(t, "es256"), token, "ES256")
            equal(head, {"alg": "ES256", "typ": "oauth-client-attestation-pop+jwt"})
            equal(set(body), {"aud", "jti", "iat", "challenge"})
            equal((body["aud"], body["challenge"]), ("https://as.example.com", "c5d8"))


# ---- acme ----

@test
def acme_requests():
    with start(Trial()) as t:
        for offline in (False, True):
            new = json.loads(run(t, "acme-jws", "es256", "https://ca.example/acme/new-acct", "--nonce", "6S8IqOGY7eL2lsGoTZYifg", offline=offline,
                                 stdin='{"termsOfServiceAgreed":true}'))
            ask = json.loads(run(t, "acme-jws", "es256", "https://ca.example/acme/order/1", "--nonce", "AA", "--account", "https://ca.example/acme/acct/1",
                                 "--post-as-get", offline=offline))
            equal((set(new), set(ask), ask["payload"]), ({"protected", "payload", "signature"},) * 2 + ("",))
            head, other = (json.loads(unb64(j["protected"])) for j in (new, ask))
            public = {k: v for k, v in published(t, "es256").items() if k not in ("use", "alg", "kid")}
            equal(head, {"alg": "ES256", "jwk": public, "nonce": "6S8IqOGY7eL2lsGoTZYifg", "url": "https://ca.example/acme/new-acct"})
            equal(other, {"alg": "ES256", "kid": "https://ca.example/acme/acct/1", "nonce": "AA", "url": "https://ca.example/acme/order/1"})
            equal(json.loads(unb64(new["payload"])), {"termsOfServiceAgreed": True})
            for j in (new, ask):
                one = jwcrypto_jws.JWS()
                one.deserialize(json.dumps(j), jwcrypto_jwk.JWK(**public))
        status, data = post(t, "jws", "acme-jws", {"url": "https://ca.example/x", "nonce": "AA"}, headers={"Accept": "application/json"})
        equal((status, json.loads(data)["jws"]["payload"]), (200, ""))
        equal(post(t, "jws", "acme-jws", {"url": "https://ca.example/x", "nonce": "AA"}, headers={"Accept": "application/jose"})[0], 406)


# ---- httpsig ----

def verify_http(trial, name, fields, base_lines, params):
    """RFC 9421 section 3.2 by hand: the base from what the request is, the parameters from Signature-Input, the key from the set."""
    label, _, listed = fields["Signature-Input"].partition("=")
    signature = re.fullmatch(re.escape(label) + r"=:([A-Za-z0-9+/=]+):", fields["Signature"])[1]
    inner, _, rest = listed.partition(")")
    equal([w.strip('"') for w in inner.strip("(").split()], [n for n, _ in base_lines], "what is covered")
    equal(re.fullmatch(params, rest) is not None, True, rest)
    base = "".join(f'"{n}": {v}\n' for n, v in base_lines) + f'"@signature-params": {listed}'
    key = pyjwt.PyJWK(published(trial, name), algorithm=ALGS[name]).key
    raw = base64.b64decode(signature)
    if name == "es256":
        raw = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(raw, base.encode(), ec.ECDSA(hashes.SHA256()))
    elif name == "rs256":
        key.verify(raw, base.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        key.verify(raw, base.encode())


def lines_of(text):
    return dict(line.split(": ", 1) for line in text.splitlines())


@test
def signed_http_requests():
    with start(Trial()) as t:
        body = os.path.join(t.dir, "body")
        with open(body, "w") as f:
            f.write('{"hello": "world"}')
        digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"  # RFC 9530 appendix B.1
        registered = {"es256": "ecdsa-p256-sha256", "rs256": "rsa-v1_5-sha256", "eddsa": "ed25519"}
        for name in ALGS:
            kid = re.escape(published(t, name)["kid"])
            for offline in (False, True):
                out = lines_of(run(t, "httpsig", name, "POST", "https://Example.com:443/foo?param=Value&Pet=dog", "--body", body, "--field",
                                   "Content-Type: application/json", "--field", "X-Two: 1", "--field", "x-two:  2 ", "--nonce", "n1", "--with-alg", offline=offline))
                equal(out["Content-Digest"], digest)
                verify_http(t, name, out, [("@method", "POST"), ("@authority", "example.com"), ("@path", "/foo"), ("@query", "?param=Value&Pet=dog"),
                                           ("content-type", "application/json"), ("x-two", "1, 2"), ("content-digest", digest)],
                            rf';created=\d+;keyid="{kid}";alg="{registered[name]}";nonce="n1"')
            status, data = post(t, "sign", "httpsig", {"method": "GET", "url": "http://a:8080", "components": ["@target-uri", "@method"], "keyid": "me", "tag": "app",
                                                       "label": "sig-a"}, key=name, ttl=60)
            equal(status, 200, data)
            doc = json.loads(data)
            equal((set(doc), doc["alg"], set(doc["fields"])), ({"kid", "alg", "fields"}, ALGS[name], {"Signature-Input", "Signature"}))
            verify_http(t, name, doc["fields"], [("@target-uri", "http://a:8080/"), ("@method", "GET")], r';created=\d+;expires=\d+;keyid="me";tag="app"')
            created, expires = (int(n) for n in re.findall(r"(?:created|expires)=(\d+)", doc["fields"]["Signature-Input"]))
            equal((expires - created, abs(created - time.time()) < 60), (60, True))
        out = lines_of(run(t, "httpsig", "es256", "GET", "https://a/", "--component", "@method", "--body", body))
        equal(out["Signature-Input"].startswith('sig1=("@method" "content-digest");'), True, "a digest that is sent is covered")
        equal(json.loads(run(t, "httpsig", "--json", "es256", "GET", "https://a/"))["schema"], "jwk11/httpsig/1")
        err = run(t, "httpsig", "es256", "GET", "https://a/", "--field", "nothing", code=64)
        equal('--field takes "Name: value"' in err, True, err)
        err = run(t, "httpsig", "es256", "GET", "https://a/", "--field", "Content-Digest: x", "--body", body, code=64)
        equal("--body gives content-digest" in err, True, err)


# ---- policy ----

@test
def templates_are_granted_by_name():
    with start(Trial(), "[client prover]\nuid = UID\nkeys = es256\nallow = jwt\ntemplate = dpop, assertion/apple\n") as t:
        made(t, "dpop", DPOP)
        made(t, "assertion/apple", {"iss": "t", "sub": "s"})
        denied = [
            ("jwt", "assertion", {"iss": "t", "aud": "s"}, "[client prover] does not allow template assertion with key \"es256\""),
            ("jwt", "assertion/okta", {"iss": "t", "aud": "s"}, "[client prover] does not allow template assertion/okta with key \"es256\""),
            ("jwt", "attest-pop", {"aud": "s"}, "[client prover] does not allow template attest-pop with key \"es256\""),
            ("jws", "acme-jws", {"url": "https://a", "nonce": "AA"}, "[client prover] does not allow jws with key \"es256\""),
            ("sign", "httpsig", {"url": "https://a", "method": "GET"}, "[client prover] does not allow sign with key \"es256\""),
        ]
        for op, template, parameters, detail in denied:
            equal(problem(post(t, op, template, parameters)), (403, "OPERATION_DENIED", detail))
        status, _, data = t.ask("POST", "/v1/keys/es256/jwt", {"claims": {"htm": "POST"}})
        equal(problem((status, data)), (403, "OPERATION_DENIED", '[client prover] allows jwt with key "es256" by template only'))
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"})[0], 403)
        equal(t.ask("POST", "/v1/keys/es256/jws", {"payload": "aGk"})[0], 403)
        shown = json.loads(t.ask("GET", "/v1/keys/es256")[2])
        equal((shown["operations"], shown["templates"]), ([], ["assertion/apple", "dpop"]))
        err = run(t, "attest-pop", "es256", "--aud", "a", code=77)
        equal("add template = attest-pop to a [client] section" in err, True, err)
        for template, op, code, said in (("dpop", None, 0, "dpop with key es256: allowed by [client prover]"),
                                         ("attest-pop", None, 77, "attest-pop with key es256: refused, OPERATION_DENIED: [client prover] does not have it among its templates"),
                                         ("httpsig", None, 77, "httpsig with key es256: refused, OPERATION_DENIED: [client prover] has the key and does not allow sign"),
                                         (None, "jwt", 77, "jwt with key es256: refused, OPERATION_DENIED: [client prover] allows it by template only"),
                                         ("nope", None, 64, ""), ("dpop", "jwt", 64, "")):
            words = [f"uid={os.getuid()}", "key=es256"] + ([f"template={template}"] if template else []) + ([f"op={op}"] if op else [])
            explained = subprocess.run([JWK11D, "--config", t.conf, "--explain", *words], capture_output=True, text=True)
            equal((explained.returncode, (explained.stdout.splitlines() or [""])[-1]), (code, said), explained.stderr)


@test
def what_is_free_and_what_is_not_live_in_sections_of_their_own():
    with start(Trial(), "[client free]\nuid = UID\nkeys = *\nallow = jwt\n[client prover]\nuid = UID\nkeys = *\nallow = jwt\ntemplate = dpop\n") as t:
        equal(t.ask("POST", "/v1/keys/es256/jwt", {"claims": {}})[0], 200)
        made(t, "dpop", DPOP)
        equal(problem(post(t, "jwt", "assertion", {"iss": "a", "aud": "b"}))[:2], (403, "OPERATION_DENIED"), "free claims are no template")
    rows = [
        ("allow = jwt\ntemplate = dopp\n", 'there is no template "dopp". Did you mean dpop?'),
        ("allow = jwt\ntemplate = httpsig\n", "template httpsig goes with allow = sign"),
        ("allow = sign, jwt\ntemplate = dpop\n", "none of them is for allow = sign: what is free goes into a section of its own"),
        ("allow = verify\ntemplate = dpop\n", "template dpop goes with allow = jwt"),
    ]
    with Trial() as t:
        for text, said in rows:
            grants(t, "[client c]\nuid = UID\nkeys = *\n" + text)
            p = subprocess.run([JWK11D, "--config", t.conf, "--check"], capture_output=True, text=True)
            equal((p.returncode, said in p.stderr), (78, True), p.stderr)


@test
def the_rules_of_a_section_hold_for_what_a_template_makes():
    rules = "[client prover]\nuid = UID\nkeys = *\nallow = jwt\ntemplate = assertion, dpop\njwt-issuer = https://me\njwt-audience = https://*.example\njwt-max-ttl = 30s\n"
    with start(Trial(), rules) as t:
        _, body = parts(made(t, "assertion", {"aud": "https://as.example"}))
        equal((body["iss"], body["sub"], body["exp"] - body["iat"]), ("https://me", "https://me", 30), "the section's issuer, and a lifetime that fits")
        _, body = parts(made(t, "assertion", {"aud": "https://as.example", "iss": "https://me"}, ttl=7))
        equal(body["exp"] - body["iat"], 7)
        for parameters, more, detail in (
                ({"aud": "https://as.example", "iss": "https://you"}, {}, 'claim "iss" is not the issuer this client may speak for'),
                ({"aud": "https://as.test"}, {}, 'claim "aud" is "https://as.test", which is none that this client may set'),
                ({"aud": "https://as.example"}, {"ttl": 31}, 'claim "exp" is later than this client\'s maximum lifetime allows')):
            equal(problem(post(t, "jwt", "assertion", parameters, **more)), (422, "CLAIM_REFUSED", "[client prover]: " + detail))
        equal(problem(post(t, "jwt", "assertion/google-sa", {"scope": "s"}, key="rs256"))[:2], (422, "CLAIM_REFUSED"), "an audience that the row has")
        equal(set(parts(made(t, "dpop", DPOP))[1]), {"jti", "htm", "htu", "iat"}, "a proof has none of these")
    with start(Trial(), ALL + "jwt-forbid = nonce\njwt-require = ath\n") as t:
        equal(problem(post(t, "jwt", "dpop", DPOP))[1:], ("CLAIM_REFUSED", "[client prover]: claim \"ath\" is missing; this client's tokens must have it"))
        equal(problem(post(t, "jwt", "dpop", dict(DPOP, nonce="x", ath=ATH)))[1:], ("CLAIM_REFUSED", '[client prover]: claim "nonce" may not be in this client\'s tokens'))
        made(t, "dpop", dict(DPOP, ath=ATH))


@test
def a_rate_is_that_of_the_section_that_grants():
    with start(Trial(), "[client free]\nuid = UID\nkeys = *\nallow = jwt\n[client prover]\nuid = UID\nkeys = *\nallow = jwt\ntemplate = dpop\nrate = 1/h\nburst = 2\n") as t:
        equal([post(t, "jwt", "dpop", DPOP)[0] for _ in range(3)], [200, 200, 429])
        equal([t.ask("POST", "/v1/keys/es256/jwt", {"claims": {}})[0] for _ in range(3)], [200] * 3)


# ---- refusals ----

@test
def refusals_say_what_is_wrong():
    with start(Trial()) as t:
        rows = [
            ("jwt", "es256", {"template": "dpopp"}, 400, "TEMPLATE_UNKNOWN", 'there is no template "dpopp". Did you mean dpop?'),
            ("jwt", "es256", {"template": "httpsig", "parameters": {}}, 400, "TEMPLATE_UNKNOWN", "template httpsig is none of jwt"),
            ("jws", "es256", {"template": "dpop", "parameters": DPOP}, 400, "TEMPLATE_UNKNOWN", "template dpop is none of jws"),
            ("jwt", "es256", {"template": "dpop"}, 400, "MEMBER_MISSING", 'template dpop: parameter "htm" is missing'),
            ("jwt", "es256", {"template": "dpop", "parameters": {"htm": "GET"}}, 400, "MEMBER_MISSING", 'template dpop: parameter "htu" is missing'),
            ("jwt", "es256", {"template": "dpop", "parameters": dict(DPOP, jwk="x")}, 400, "MEMBER_UNKNOWN", 'template dpop takes no parameter "jwk"'),
            ("jwt", "es256", {"template": "dpop", "parameters": dict(DPOP, htm=5)}, 400, "MEMBER_TYPE", 'template dpop: parameter "htm" must be a string'),
            ("jwt", "es256", {"template": "dpop", "parameters": dict(DPOP, htu="server.example.com")}, 400, "CLAIM_INVALID",
             'template dpop: parameter "htu" must begin with https:// or http://'),
            ("jwt", "es256", {"template": "dpop", "parameters": DPOP, "ttl": 5}, 400, "CLAIM_INVALID", "template dpop has no lifetime: it takes no ttl"),
            ("jwt", "es256", {"template": "dpop", "parameters": DPOP, "ttl": 0}, 400, "MEMBER_TYPE", 'request body: "ttl" must be a number of seconds above 0'),
            ("jwt", "es256", {"template": "dpop", "parameters": [DPOP]}, 400, "MEMBER_TYPE", 'request body: member "parameters" must be an object'),
            ("jwt", "es256", {"template": 5}, 400, "MEMBER_TYPE", 'request body: member "template" must be a string'),
            ("jwt", "es256", {"template": "dpop", "parameters": DPOP, "claims": {}}, 400, "MEMBER_UNKNOWN", 'request body: unknown member "claims"'),
            ("jwt", "es256", {"template": "dpop", "parameters": DPOP, "typ": "JWT"}, 400, "MEMBER_UNKNOWN", 'request body: unknown member "typ"'),
            ("jws", "es256", {"template": "acme-jws", "parameters": {}, "payload": ""}, 400, "MEMBER_UNKNOWN", 'request body: unknown member "payload"'),
            ("sign", "es256", {"template": "httpsig", "parameters": {}, "input": "aGk"}, 400, "MEMBER_UNKNOWN", 'request body: unknown member "input"'),
            ("sign", "es256", {"template": "httpsig"}, 400, "MEMBER_MISSING", 'template httpsig: "parameters" is missing'),
            ("sign", "es256", {"template": "httpsig", "parameters": {"method": "GET", "url": "https://a/#f"}}, 400, "CLAIM_INVALID",
             'template httpsig: "url" has a fragment, which no request has'),
            ("sign", "es256", {"template": "httpsig", "parameters": {"method": "GET", "url": "https://a"}, "ttl": 86401}, 400, "CLAIM_INVALID",
             "template httpsig: a lifetime of 86401 seconds is longer than its taker allows"),
            ("jwt", "rs256", {"template": "assertion/apple", "parameters": {"iss": "t", "sub": "s"}}, 409, "ALG_MISMATCH",
             'template assertion/apple: key "rs256" signs RS256, which it does not take'),
            ("jwt", "es256", {"template": "assertion/github-app", "parameters": {"iss": "1"}}, 409, "ALG_MISMATCH",
             'template assertion/github-app: key "es256" signs ES256, which it does not take'),
            ("jwt", "rs256", {"template": "assertion/github-app", "parameters": {"iss": "1"}, "ttl": 601}, 400, "CLAIM_INVALID",
             "template assertion/github-app: a lifetime of 601 seconds is longer than its taker allows"),
            ("jwt", "es256", {"template": "dpop", "parameters": DPOP, "alg": "RS256"}, 409, "ALG_MISMATCH", 'key "es256" signs ES256 and nothing else'),
            ("jwt", "rs256", {"template": "assertion/entra", "parameters": {"iss": "1", "aud": "https://a"}}, 404, "CERT_ABSENT", None),
            ("verify", "es256", {"template": "dpop", "input": "aGk", "signature": "aGk"}, 400, "MEMBER_UNKNOWN", 'request body: unknown member "template"'),
        ]
        grants(t, ALL.replace("sign, jws, jwt", "sign, jws, jwt, verify"))
        t.stop()
        t.start()
        for op, key, body, status, code, detail in rows:
            status_got, _, data = t.ask("POST", f"/v1/keys/{key}/{op}", body)
            got = problem((status_got, data))
            equal(got if detail is not None else got[:2], (status, code, detail) if detail is not None else (status, code), str(body))
        equal(post(t, "jwt", "assertion/github-app", {"iss": "1"}, key="rs256", ttl=600)[0], 200, "at the limit")
        for words, code, said in ((("dpop", "es256", "GET"), 64, "takes KEY, METHOD and URL"), (("dpop", "es256", "GET", "a"), 65, "must begin with https://"),
                                  (("assertion", "es256", "--profile", "nobody"), 65, 'there is no template "assertion/nobody"'),
                                  (("assertion", "es256", "--profile", "apple", "--iss", "a"), 65, 'parameter "sub" is missing'),
                                  (("assertion", "es256", "--aud", "a", "--iss", "b", "--ttl", "2h"), 65, "longer than its taker allows"),
                                  (("acme-jws", "es256"), 64, "takes KEY, URL"), (("acme-jws", "es256", "https://a", "--post-as-get"), 65, '"nonce" is missing'),
                                  (("dpop", "es256", "GET", "https://a", "--access-token-file", "/nonexistent"), None, "/nonexistent")):
            for offline in (False, True):
                where = ["--offline", "--config", t.conf] if offline else ["--socket", t.api]
                p = subprocess.run([JWK11, *words, *where], capture_output=True, text=True)
                equal((p.stdout, said in p.stderr, p.returncode != 0 if code is None else p.returncode == code), ("", True, True), f"{words} {p.returncode} {p.stderr}")


@test
def batches_and_the_audit_log_know_templates():
    with Audited() as t:
        start(t)
        body = {"requests": [{"op": "jwt", "key": "es256", "template": "dpop", "parameters": DPOP}, {"op": "sign", "key": "eddsa", "template": "httpsig",
                "parameters": {"method": "GET", "url": "https://a"}}, {"op": "jws", "key": "es256", "template": "acme-jws", "parameters": {"url": "https://a", "nonce": "AA"}},
                {"op": "jwt", "key": "es256", "claims": {}}]}
        status, _, data = t.ask("POST", "/v1/batch", body)
        results = json.loads(data)["results"]
        equal([r["status"] for r in results], [200, 200, 200, 403], data)
        check_dpop(t, results[0]["jwt"], "es256", **DPOP)
        equal(set(results[1]["fields"]), {"Signature-Input", "Signature"})
        records = sorted(t.requests(), key=lambda r: r["request"])[-4:]
        equal([(r["op"], r.get("template"), r["decision"]) for r in records], [("jwt", "dpop", "allowed"), ("sign", "httpsig", "allowed"), ("jws", "acme-jws", "allowed"),
                                                                              ("jwt", None, "refused")])
        equal(records[0]["jti"], parts(results[0]["jwt"])[1]["jti"])
        signed = results[0]["jwt"].rpartition(".")[0].encode()
        equal(records[0]["sha256"], hashlib.sha256(signed).hexdigest())
        made(t, "dpop", dict(DPOP, access_token=ACCESS_TOKEN))
        with open(t.log_file) as f:
            equal(ACCESS_TOKEN in f.read(), False, "an access token is in no log")
        equal(ACCESS_TOKEN in t.log, False)
        t.verify()


main()
