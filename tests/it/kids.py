#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kid styles: what is signed and what is published agree, and no two keys are published under one kid."""
import base64, hashlib, json, os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.hazmat.primitives import serialization
from jwcrypto import jwk as jwcrypto_jwk, jws as jwcrypto_jws
from trial import JWK11, Trial, equal, main, test

KEYS = {"es256": "EC", "rs256": "RSA", "eddsa": "OKP"}
STYLES = ["thumbprint", "k8s", "label", "id", "none"]


def configure(t, sections):
    """The trial's configuration with these key sections in place of its own."""
    with open(t.conf) as f:
        parts = re.split(r"(?m)^(?=\[)", f.read())
    parts = [p for p in parts if not p.startswith("[key ")] + sections
    with open(t.conf, "w") as f:
        f.write("\n".join(parts))


def section(name, label, **values):
    return f"[key {name}]\nuri = pkcs11:token=trial;object={label}\n" + "".join(f"{k.replace('_', '-')} = {v}\n" for k, v in values.items())


def ids_on_token(t):
    """CKA_ID by label, as pkcs11-tool shows it."""
    with open(t.conf) as f:
        module = re.search("(?m)^modules = (.*)$", f.read())[1]
    with open(os.path.join(t.dir, "pin")) as f:
        env = dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"), TRIAL_PIN=f.read().strip())
    out = subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", "--list-objects",
                          "--type", "privkey"], env=env, check=True, capture_output=True, text=True).stdout
    return dict(re.findall(r"label: +(\S+)\n +ID: +([0-9a-f]+)", out))


def header(token):
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def expected(t, style, label, jwk, pem, ids):
    if style == "thumbprint":
        return jwcrypto_jwk.JWK(**jwk).thumbprint()
    if style == "k8s":
        der = serialization.load_pem_public_key(pem).public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    return {"label": label, "id": ids[label], "none": None}[style]


@test
def signer_and_set_agree_in_every_style():
    with Trial() as t:
        ids = ids_on_token(t)
        for style in STYLES:
            configure(t, [section(name, name, kid_style=style) for name in KEYS])
            t.start()
            t.wait_count("event=ready", os.cpu_count() + 1)  # a worker that logs in hides the token from --offline
            published = json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]
            equal([k["kty"] for k in published], list(KEYS.values()), style)
            listed = {k["name"]: k for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}
            for name, jwk in zip(KEYS, published):
                pem = t.ask("GET", f"/v1/keys/{name}", headers={"Accept": "application/x-pem-file"})[2]
                kid = expected(t, style, name, jwk, pem, ids)
                equal((style, name, jwk.get("kid"), listed[name].get("kid")), (style, name, kid, kid))
                equal(listed[name]["id"], ids[name])
                equal(listed[name]["thumbprint_uri"], "urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + jwcrypto_jwk.JWK(**jwk).thumbprint(), name)
                status, _, body = t.ask("POST", f"/v1/keys/{name}/jwt", {"claims": {"sub": "x"}, "ttl": 60})
                equal((status, header(body.decode()).get("kid", None)), (200, kid), f"{style} {name}")
                check = jwcrypto_jws.JWS()
                check.deserialize(body.decode().strip(), jwcrypto_jwk.JWK(**jwk))
                status, _, body = t.ask("POST", f"/v1/keys/{name}/sign", {"input": "aGk"})
                equal((status, json.loads(body).get("kid")), (200, kid), f"{style} {name}: sign")
                if kid:
                    equal(t.ask("POST", f"/v1/keys/{kid}/sign", {"input": "aGk"})[0], 200, f"{style} {name}: by kid")
                offline = subprocess.run([JWK11, "jwt", name, "--offline", "--config", t.conf, "--ttl", "60"], input="{}", capture_output=True, text=True)
                equal((offline.returncode, header(offline.stdout).get("kid")), (0, kid), f"offline {style} {name}: {offline.stderr}")
            code = subprocess.run([JWK11, "list", "--json", "--offline", "--config", t.conf], capture_output=True, text=True)
            online = subprocess.run([JWK11, "list", "--json", "--socket", t.api], capture_output=True, text=True)
            equal(json.loads(code.stdout), json.loads(online.stdout), f"{style}: the list, offline and online")
            equal(t.stop(), 0)
            t.log = ""


def states(t):
    return {k["name"]: (k["state"], k.get("reason")) for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}


def kids(t):
    return [(k["kty"], k["alg"], k.get("kid")) for k in json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]]


@test
def a_kid_is_never_published_twice():
    with Trial() as t:
        configure(t, [section("one", "rs256", kid_style="label"), section("two", "es256", kid="rs256")])
        t.start()
        equal(kids(t), [("RSA", "RS256", "rs256")])
        why = 'key "two": its kid "rs256" is that of key "one" with another public half'
        equal(states(t), {"one": ("active", None), "two": ("kid-taken", why)})
        if not re.search(r'event=key key=two state=kid-taken why="key \\"two\\": its kid \\"rs256\\" is that of key \\"one\\" with another public half" '
                         r'hint="another kid or kid-style in \[key two\]"', t.log):
            raise AssertionError(t.log)
        status, _, body = t.ask("POST", "/v1/keys/two/jws", {"payload": "aGk"})
        equal((status, json.loads(body)["code"], json.loads(body)["detail"]), (409, "KID_TAKEN", why))
        status, _, body = t.ask("POST", "/v1/keys/rs256/jwt", {"claims": {}}, {"Accept": "application/jwt"})
        equal((status, header(body.decode())["alg"]), (200, "RS256"), "the kid means the first")
        # The order of the configuration decides, also when it changes under a running broker.
        configure(t, [section("two", "es256", kid="rs256"), section("one", "rs256", kid_style="label")])
        t.daemon.send_signal(1)
        t.wait_log("event=catalogue")
        equal(kids(t), [("EC", "ES256", "rs256")])
        equal({n: s for n, (s, _) in states(t).items()}, {"two": "active", "one": "kid-taken"})
        equal(t.stop(), 0)


@test
def one_key_has_one_algorithm_under_a_kid():
    with Trial() as t:
        configure(t, [section("first", "rs256"), section("again", "rs256"), section("other", "rs256", alg="PS256"),
                      section("fine", "rs256", alg="PS256", kid_style="label")])
        t.start()
        thumbprint = kids(t)[0][2]
        equal(kids(t), [("RSA", "RS256", thumbprint), ("RSA", "PS256", "rs256")])
        got = states(t)
        equal({n: s for n, (s, _) in got.items()}, {"first": "active", "again": "active", "other": "kid-taken", "fine": "active"})
        equal(got["other"][1], f'key "other": its kid "{thumbprint}" is that of key "first" with another algorithm')
        equal(t.stop(), 0)


@test
def a_kid_that_cannot_be_made_takes_the_key_out_of_use():
    with Trial() as t:
        with open(t.conf) as f:
            module = re.search("(?m)^modules = (.*)$", f.read())[1]
        with open(os.path.join(t.dir, "pin")) as f:
            env = dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"), TRIAL_PIN=f.read().strip())
        subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", "--keypairgen",
                        "--key-type", "EC:secp256r1", "--id", "77", "--usage-sign"], env=env, check=True, capture_output=True)
        nameless = "[key nameless]\nuri = pkcs11:token=trial;id=%77\nkid-style = label\n"
        configure(t, [section("rs256", "rs256"), nameless])
        t.start()
        state, why = states(t)["nameless"]
        equal((state, why.endswith("has no label to make its kid of")), ("unsupported", True), why)
        equal(len(kids(t)), 1)
        status, _, body = t.ask("POST", "/v1/keys/nameless/sign", {"input": "aGk"})
        equal((status, json.loads(body)["code"], json.loads(body)["hint"]), (409, "KID_MISSING", "another kid-style, or kid, in [key nameless]"))
        equal(t.stop(), 0)


main()
