#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""JWS in every serialization: over the real socket, with the tool, with and without the broker; what each refuses, in words and codes."""
import base64, datetime, json, os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, Trial, equal, main, test
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

KEYS = {"es256": "ES256", "rs256": "RS256", "eddsa": "EdDSA"}
TEXT = b"$.02"
ENCODED = "JC4wMg"


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def head_of(encoded):
    return json.loads(unb64(encoded))


def run(t, *args, stdin=b"", code=0):
    """Standard output and standard error of the tool, which must end with `code`."""
    r = subprocess.run([JWK11, *args], input=stdin if isinstance(stdin, bytes) else stdin.encode(), capture_output=True,
                       env=dict(os.environ, JWK11_SOCKET=t.api))
    out, err = r.stdout.decode(), re.sub("request [0-9a-f]{16}", "request ID", r.stderr.decode())
    equal(r.returncode, code, f"{args}: {out} {err}")
    return out, err


def path_of(t, name, octets):
    path = os.path.join(t.root, name)
    with open(path, "wb") as f:
        f.write(octets if isinstance(octets, bytes) else octets.encode())
    return path


def kids(t):
    return {k["name"]: k["kid"] for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}


@test
def each_serialization_over_the_socket():
    with Trial() as t:
        t.start()
        kid, payload = kids(t), path_of(t, "payload", TEXT)
        for name, alg in KEYS.items():
            for detached in (False, True):
                for unencoded in (False, True) if detached else (False,):
                    for form in ("compact", "flattened", "general"):
                        body = {"payload": ENCODED, "serialization": form, "detached": detached, "b64": not unencoded, "typ": "example", "cty": "text/plain",
                                "protected": {"exp": 1, "crit": ["exp"]}}
                        if form != "compact":
                            body["header"] = {"note": ["unprotected", 1.50]}
                        status, headers, data = t.ask("POST", f"/v1/keys/{name}/jws", body)
                        what = f"{name} {form} {detached} {unencoded}: {data}"
                        equal((status, headers["Content-Type"]), (200, "application/jose" if form == "compact" else "application/jose+json"), what)
                        if form == "compact":
                            head, carried, _ = data.decode().split(".")
                            equal(carried, "" if detached else ENCODED, what)
                        else:
                            answer = json.loads(data)
                            one = answer["signatures"][0] if form == "general" else answer
                            equal(set(answer) - {"payload"}, {"signatures"} if form == "general" else {"protected", "header", "signature"}, what)
                            equal(answer.get("payload"), None if detached else ENCODED, what)
                            equal(one["header"], {"note": ["unprotected", 1.5]}, what)
                            head = one["protected"]
                        wanted = {"alg": alg, "kid": kid[name], "typ": "example", "cty": "text/plain", "exp": 1}
                        wanted.update({"b64": False, "crit": ["exp", "b64"]} if unencoded else {"crit": ["exp"]})
                        equal(head_of(head), wanted, what)
                        options = ["--understand", "exp"] + (["--payload", payload] if detached else [])
                        out, _ = run(t, "verify", *options, stdin=data)
                        equal(out, TEXT.decode() + "\n", what)


@test
def answers_inside_json_when_asked():
    with Trial() as t:
        t.start()
        kid = kids(t)["es256"]
        for form, kind in (("compact", str), ("flattened", dict), ("general", dict)):
            status, headers, data = t.ask("POST", "/v1/keys/es256/jws", {"payload": ENCODED, "serialization": form}, {"Accept": "application/json"})
            answer = json.loads(data)
            equal((status, headers["Content-Type"], set(answer), answer["kid"], answer["alg"], type(answer["jws"])),
                  (200, "application/json", {"kid", "alg", "jws"}, kid, "ES256", kind))
            run(t, "verify", stdin=answer["jws"] if kind is str else json.dumps(answer["jws"]))
        for form, accept in (("compact", "application/jose+json"), ("flattened", "application/jose"), ("general", "text/html")):
            status, _, data = t.ask("POST", "/v1/keys/es256/jws", {"payload": ENCODED, "serialization": form}, {"Accept": accept})
            equal((status, json.loads(data)["code"]), (406, "HTTP_NOT_ACCEPTABLE"))


@test
def the_public_key_in_the_header():
    with Trial() as t:
        t.start()
        set_of = {k["alg"]: k for k in json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]}
        for name, alg in KEYS.items():
            status, _, data = t.ask("POST", f"/v1/keys/{name}/jws", {"payload": ENCODED, "serialization": "flattened", "jwk": True, "typ": "dpop+jwt"})
            equal(status, 200, data)
            head = head_of(json.loads(data)["protected"])
            public = {k: v for k, v in set_of[alg].items() if k not in ("use", "alg", "kid")}
            equal(head, {"alg": alg, "jwk": public, "typ": "dpop+jwt"})
            run(t, "verify", stdin=data)  # the key it brings is one of the set
            other = dict(head, jwk=next({k: v for k, v in j.items() if k not in ("use", "alg", "kid")} for a, j in set_of.items() if a != alg))
            bad = dict(json.loads(data), protected=b64(json.dumps(other).encode()))
            run(t, "verify", stdin=json.dumps(bad), code=1)
            one = path_of(t, "one.jwks", json.dumps({"keys": [k for a, k in set_of.items() if a != alg]}))
            out, err = run(t, "verify", "--jwks", one, stdin=data, code=1)
            equal(err, "jwk11: the key the JWS brings is not in the set\n  [exit 1, SIGNATURE_INVALID]\n")


def certify(t, name):
    """A certificate of a CA made here for a key of the trial token, put beside the key; its DER."""
    jwk = next(k for k in json.loads(run(t, "jwks", "--offline", "--config", t.conf)[0])["keys"] if k["alg"] == KEYS[name])
    number = lambda member: int.from_bytes(unb64(jwk[member]), "big")
    public = ec.EllipticCurvePublicNumbers(number("x"), number("y"), ec.SECP256R1()).public_key()
    start = datetime.datetime(2020, 1, 1)
    title = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    made = x509.CertificateBuilder(title("the CA"), title(name), public, 7, start, start.replace(year=2099)).sign(ec.generate_private_key(ec.SECP256R1()),
                                                                                                        hashes.SHA256())
    der = made.public_bytes(serialization.Encoding.DER)
    with open(t.conf) as f:
        module = next(line.split("= ")[1].strip() for line in f if line.startswith("modules"))
    with open(os.path.join(t.dir, "pin")) as f:
        env = dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf"), TRIAL_PIN=f.read().strip())
    subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", "env:TRIAL_PIN", "--write-object",
                    path_of(t, "certificate", der), "--type", "cert", "--label", name], env=env, check=True, capture_output=True)
    return der


@test
def the_certificates_in_the_header():
    with Trial() as t:
        der = base64.b64encode(certify(t, "es256")).decode()
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        kid = kids(t)["es256"]
        for more in ({}, {"jwk": True}):
            for _ in range(5):  # by more than one worker, and again by one
                status, _, data = t.ask("POST", "/v1/keys/es256/jws", {"payload": ENCODED, "x5c": True, **more})
                equal(status, 200, data)
                head = head_of(data.decode().split(".")[0])
                equal((head["x5c"], head.get("kid"), "jwk" in head), ([der], None if more else kid, bool(more)))
                run(t, "verify", stdin=data)
        for where in ([], ["--offline", "--config", t.conf]):
            made, _ = run(t, "jws", *where, "es256", "--flattened", "--x5c", stdin=TEXT)
            equal(head_of(json.loads(made)["protected"])["x5c"], [der])
            out, err = run(t, "jws", *where, "rs256", "--x5c", stdin=TEXT, code=66)
            equal((out, "CERT_ABSENT" in err), ("", True), err)
        status, _, data = t.ask("POST", "/v1/keys/rs256/jws", {"payload": ENCODED, "x5c": True})
        equal((status, json.loads(data)["code"]), (404, "CERT_ABSENT"))


@test
def refuses_by_the_documented_codes():
    with Trial() as t:
        t.start()
        flat = {"payload": ENCODED, "serialization": "flattened"}
        more = {"serialization": "general"}
        status, _, data = t.ask("POST", "/v1/keys/es256/jws", {"payload": ENCODED})
        compact = data.decode()
        detached = compact.split(".")[0] + ".." + compact.split(".")[2]
        rows = [
            ({}, 400, "MEMBER_MISSING"),
            (dict(flat, serialization="json"), 400, "MEMBER_TYPE"),
            (dict(flat, unknown=1), 400, "MEMBER_UNKNOWN"),
            (dict(flat, payload="JC4wMg=="), 400, "BASE64_INVALID"),
            (dict(flat, alg="RS256"), 409, "ALG_MISMATCH"),
            ({"payload": ENCODED, "header": {"a": 1}}, 422, "HEADER_REFUSED"),
            (dict(flat, protected={"alg": "none"}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"kid": "x"}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"b64": False, "crit": ["b64"]}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"jwk": {}}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"x5c": []}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"crit": []}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"crit": ["x"]}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"crit": ["x", "x"], "x": 1}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"crit": ["typ"], "typ": "x"}), 422, "HEADER_REFUSED"),
            (dict(flat, header={"alg": "none"}), 422, "HEADER_REFUSED"),
            (dict(flat, header={"kid": "x"}), 422, "HEADER_REFUSED"),
            (dict(flat, header={"crit": ["x"], "x": 1}), 422, "HEADER_REFUSED"),
            (dict(flat, header={"b64": True}), 422, "HEADER_REFUSED"),
            (dict(flat, protected={"x": 1}, header={"x": 1}), 422, "HEADER_REFUSED"),
            (dict(flat, typ="application/jwt"), 422, "HEADER_REFUSED"),
            (dict(flat, typ="a", protected={"typ": "a"}), 422, "HEADER_REFUSED"),
            (dict(flat, b64=False), 422, "HEADER_REFUSED"),
            (dict(flat, b64=False, detached=True, typ="JWT"), 422, "HEADER_REFUSED"),
            (dict(flat, jws=compact), 400, "ARGUMENT"),
            ({"jws": compact}, 400, "ARGUMENT"),
            (dict(more, jws=compact, payload="AA"), 409, "MISMATCH"),
            (dict(more, jws=detached), 400, "MEMBER_MISSING"),
            (dict(more, jws=compact, b64=False, detached=True), 422, "HEADER_REFUSED"),
            (dict(more, jws="a.b"), 400, "JWS_INVALID"),
            (dict(more, jws={}), 400, "MEMBER_MISSING"),
            (dict(more, jws={"payload": "AA", "signatures": []}), 400, "JWS_INVALID"),
            (dict(more, jws=7), 400, "MEMBER_TYPE"),
        ]
        for body, wanted, code in rows:
            status, headers, data = t.ask("POST", "/v1/keys/es256/jws", body)
            equal((status, json.loads(data)["code"], headers["Content-Type"]), (wanted, code, "application/problem+json"), f"{body}: {data}")
        for body in ('{"payload":"AA","protected":{"x":1,"x":2}}', '{"payload":"AA","payload":"AA"}'):
            status, _, data = t.ask("POST", "/v1/keys/es256/jws", body, {"Content-Type": "application/json"})
            equal((status, json.loads(data)["code"]), (400, "JSON_DUPLICATE"), body)


@test
def a_signature_is_added_to_what_is_there():
    with Trial() as t:
        t.start()
        for first in ("compact", "flattened", "general"):
            for unencoded in (False, True):
                options = {"detached": True, "b64": False} if unencoded else {}
                status, headers, data = t.ask("POST", "/v1/keys/es256/jws", {"payload": ENCODED, "serialization": first, **options})
                jws = data.decode() if first == "compact" else json.loads(data)
                seen = []
                for n, name in enumerate(("rs256", "eddsa", "rs256"), 2):
                    body = {"jws": jws, "serialization": "general", "header": {"n": n}, **options}
                    if unencoded or n == 3:  # once given again, else brought along
                        body["payload"] = ENCODED
                    status, _, data = t.ask("POST", f"/v1/keys/{name}/jws", body)
                    equal(status, 200, f"{body}: {data}")
                    jws = json.loads(data)
                    equal((len(jws["signatures"]), jws["signatures"][-1]["header"]), (n, {"n": n}))
                    equal(jws["signatures"][:len(seen)], seen, "those before")
                    seen = jws["signatures"]
                more = ["--payload", path_of(t, "payload", TEXT)] if unencoded else []
                equal(run(t, "verify", *more, stdin=data)[0], TEXT.decode() + "\n")
        # whether the others verify is not this broker's to say: they come out as they went in
        odd = {"payload": ENCODED, "signatures": [{"header": {"alg": "unheard", "kid": "x"}, "signature": "AA"}], "beside": 1}
        status, _, data = t.ask("POST", "/v1/keys/es256/jws", {"jws": odd, "serialization": "general"})
        equal((status, json.loads(data)["signatures"][0], set(json.loads(data))), (200, odd["signatures"][0], {"payload", "signatures"}))
        out, err = run(t, "verify", "--any", stdin=data)
        equal((out, err), (TEXT.decode() + "\n", ""))


@test
def is_granted_by_the_word_jws():
    with Trial() as t:
        with open(t.conf) as f:
            text = f.read()
        for allow, wanted in (("sign, jwt", 403), ("jws", 200)):
            with open(t.conf, "w") as f:
                f.write(text.replace("allow = *", "allow = " + allow))
            t.log = ""
            t.start()
            for form in ("compact", "flattened", "general"):
                status, _, data = t.ask("POST", "/v1/keys/es256/jws", {"payload": ENCODED, "serialization": form, "detached": True, "b64": False})
                equal(status, wanted, data)
                if status != 200:
                    equal(json.loads(data)["code"], "OPERATION_DENIED")
            t.stop()


@test
def the_tool_makes_and_checks_each_with_and_without_the_broker():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)  # a login that is still to come hides the token from --offline
        payload, jwks = path_of(t, "payload", TEXT), path_of(t, "jwks", t.ask("GET", "/.well-known/jwks.json")[2])
        kid = kids(t)
        for where in ([], ["--offline", "--config", t.conf]):
            for form in ([], ["--flattened"], ["--general"], ["--also", "rs256", "--also", "eddsa"]):
                for mode in ([], ["--detached"], ["--detached", "--b64=false"]):
                    made, _ = run(t, "jws", *where, *form, *mode, "es256", "--typ", "example", "--cty", "text/plain", "--protected", '{"x":{"y":[1]}}', payload)
                    check = ["verify", "--jwks", jwks] + (["--payload", payload] if mode else [])
                    equal(run(t, *check, stdin=made), (TEXT.decode() + "\n", ""), f"{where} {form} {mode}")
                    doc = json.loads(run(t, *check, "--json", stdin=made)[0])
                    names = ["es256", "rs256", "eddsa"] if "--also" in form else ["es256"]
                    equal(doc, {"schema": "jwk11/verify/1", "valid": True, "payload": ENCODED,
                                "signatures": [{"alg": KEYS[n], "kid": kid[n], "valid": True} for n in names]})
                    if form:
                        parts = json.loads(made)
                        one = parts["signatures"][-1] if "signatures" in parts else parts
                        head = head_of(one["protected"])
                        equal((head["typ"], head["cty"], head["x"], head.get("b64")),
                              ("example", "text/plain", {"y": [1]}, False if "--b64=false" in mode else None))
            made, _ = run(t, "jws", *where, "es256", "--general", "--header", '{"a":1}', payload)
            path = path_of(t, "made", made)
            more, _ = run(t, "jws", *where, "rs256", "--add", path, "--jwk")
            equal([one.get("header") for one in json.loads(more)["signatures"]], [{"a": 1}, None])
            equal(run(t, "verify", stdin=more)[0], TEXT.decode() + "\n")
            more, _ = run(t, "jws", *where, "eddsa", "--add", "-", payload, stdin=more)
            doc = json.loads(run(t, "jws", *where, "es256", "--json", "--add", path_of(t, "more", more))[0])
            equal((doc["schema"], len(doc["jws"]["signatures"])), ("jwk11/jws/1", 4))
            doc = json.loads(run(t, "jws", *where, "es256", "--json", payload)[0])
            equal((doc["schema"], doc["jws"].count(".")), ("jwk11/jws/1", 2))


@test
def the_tool_says_what_does_not_go_together():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)  # a login that is still to come hides the token from --offline
        made = path_of(t, "made", run(t, "jws", "es256", stdin=TEXT)[0])
        detached = path_of(t, "detached", run(t, "jws", "es256", "--detached", "--flattened", stdin=TEXT)[0])
        usage = "jwk11 {0}: {1}\n  see: jwk11 {0} --help\n"
        for verb, args, why in (
                ("jws", ["--flattened", "--also", "rs256", "es256"], "--flattened is for one signature: --general, --also and --add are for several"),
                ("jws", ["--b64=no", "es256"], "--b64 takes true or false"),
                ("jws", ["es256", "a", "b"], "takes KEY and at most one FILE"),
                ("verify", ["--detached", made], "--detached is for jws; the payload of a detached JWS comes from --payload FILE"),
                ("verify", ["--payload", "-"], "standard input cannot be the JWS and its payload"),
                ("encrypt", ["--header", "{}"], "makes the compact form, which has no --header; --protected adds to the protected one")):
            equal(run(t, verb, *args, code=64), ("", usage.format(verb, why)))
        for where, request in ((["--offline", "--config", t.conf], ""), ([], ", request ID")):
            for args, code, err in (
                    (["--header", '{"a":1}', "es256", made], 65, "unprotected header: the compact serialization has none\n  [exit 65, HEADER_REFUSED%s]\n"),
                    (["--b64", "false", "es256", made], 65, 'protected header: "b64": false is for detached payloads only\n  [exit 65, HEADER_REFUSED%s]\n'),
                    (["--protected", '{"crit":["x"]}', "es256", made], 65,
                     'protected header: "crit" lists a name that is not in the protected header\n  [exit 65, HEADER_REFUSED%s]\n'),
                    (["--add", made, "es256", detached], 65, "the payload is not that of the JWS\n  [exit 65, MISMATCH%s]\n"),
                    (["--add", made, "nobody"], 66, 'no key "nobody"\n  see: jwk11 list, or GET /v1/keys\n  [exit 66, KEY_UNKNOWN%s]\n')):
                if "nobody" in args and where:
                    continue  # the broker's own words
                equal(run(t, "jws", *where, *args, code=code), ("", "jwk11: " + err % request))
        equal(run(t, "jws", "--add", "-", "es256", stdin=open(detached, "rb").read(), code=64)[1],
              "jwk11: standard input cannot be the JWS and the payload\n  [exit 64, ARGUMENT]\n")
        equal(run(t, "jws", "--protected", '{"a":1},"payload":"AA"', "es256", made, code=65)[0], "")


@test
def the_tool_says_which_signature_does_not_verify():
    with Trial() as t:
        t.start()
        kid = kids(t)
        good = json.loads(run(t, "jws", "es256", "--also", "rs256", stdin=TEXT)[0])
        bad = json.loads(json.dumps(good))
        raw = bytearray(unb64(bad["signatures"][1]["signature"]))
        raw[7] ^= 1
        bad["signatures"][1]["signature"] = b64(bytes(raw))
        out, err = run(t, "verify", stdin=json.dumps(bad), code=1)
        equal((out, err), ("", "jwk11: signature 2 of 2: the signature does not verify\n"
                           "  see: --any accepts a JWS of which one signature verifies; 1 of 2 do\n  [exit 1, SIGNATURE_INVALID]\n"))
        doc = json.loads(run(t, "verify", "--json", stdin=json.dumps(bad), code=1)[0])
        equal(doc, {"schema": "jwk11/verify/1", "valid": False, "code": "SIGNATURE_INVALID", "why": "signature 2 of 2: the signature does not verify",
                    "signatures": [{"alg": "ES256", "kid": kid["es256"], "valid": True},
                                   {"alg": "RS256", "kid": kid["rs256"], "valid": False, "code": "SIGNATURE_INVALID", "why": "the signature does not verify"}]})
        equal(run(t, "verify", "--any", stdin=json.dumps(bad)), (TEXT.decode() + "\n", ""))
        doc = json.loads(run(t, "verify", "--any", "--json", stdin=json.dumps(bad))[0])
        equal((doc["valid"], doc["payload"], [s["valid"] for s in doc["signatures"]]), (True, ENCODED, [True, False]))
        only = path_of(t, "only", json.dumps(next(k for k in json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"] if k["alg"] == "RS256")))
        run(t, "verify", "--key", only, stdin=json.dumps(good), code=1)
        run(t, "verify", "--key", only, "--any", stdin=json.dumps(good))
        run(t, "verify", "--key", only, "--any", stdin=json.dumps(bad), code=1)
        bad["payload"] = "JC4wMw"
        out, err = run(t, "verify", "--any", stdin=json.dumps(bad), code=1)
        equal((out, err), ("", "jwk11: signature 1 of 2: the signature does not verify\n  [exit 1, SIGNATURE_INVALID]\n"))


@test
def the_tool_demands_that_crit_is_understood_and_a_payload_is_there():
    with Trial() as t:
        t.start()
        made = run(t, "jws", "es256", "--protected", '{"crit":["a","b"],"a":1,"b":2}', stdin=TEXT)[0]
        hint = "  see: jwk11 verify --understand %s, once what it means is taken care of\n  [exit 65, CRIT_UNKNOWN]\n"
        equal(run(t, "verify", stdin=made, code=65), ("", 'jwk11: JWS: its header demands "a", which is not understood\n' + hint % "a"))
        equal(run(t, "verify", "--understand", "a", stdin=made, code=65), ("", 'jwk11: JWS: its header demands "b", which is not understood\n' + hint % "b"))
        equal(run(t, "verify", "--understand", "a", "--understand", "b", stdin=made)[0], TEXT.decode() + "\n")
        made = run(t, "jws", "es256", "--flattened", "--detached", stdin=TEXT)[0]
        equal(run(t, "verify", stdin=made, code=65), ("", "jwk11: JWS: its payload is detached and must be given\n  [exit 65, JWS_INVALID]\n"))
        equal(run(t, "verify", "--payload", path_of(t, "other", b"other"), stdin=made, code=1),
              ("", "jwk11: the signature does not verify\n  [exit 1, SIGNATURE_INVALID]\n"))
        expired = run(t, "jws", "es256", "--general", stdin='{"exp":1}')[0]
        out, err = run(t, "verify", stdin=expired, code=1)
        equal((out, err), ("", 'jwk11: claim "exp" has passed: the token is no longer valid\n  [exit 1, CLAIM_REFUSED]\n'))
        doc = json.loads(run(t, "verify", "--json", stdin=expired, code=1)[0])
        equal((doc["valid"], doc["code"], "payload" in doc, doc["signatures"][0]["valid"]), (False, "CLAIM_REFUSED", False, True))


main()
