#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Policy as the running broker has it: what a [client] section grants, by whom it is matched, and what is said about it."""
import base64, json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import Trial, equal, main, test


def rules(trial, text):
    """The trial's own [client] sections give way to these."""
    with open(trial.conf) as f:
        kept = f.read().partition("[client")[0]
    with open(trial.conf, "w") as f:
        f.write(kept + text)


def problem(answer):
    status, _, body = answer
    return status, json.loads(body).get("code", ""), json.loads(body).get("detail", "")


def header_of(jwt):
    part = jwt.split(b".")[0]
    return json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))


def jwt(trial, claims, key="es256", **more):
    return trial.ask("POST", f"/v1/keys/{key}/jwt", dict({"claims": claims}, **more))


@test
def algorithms_are_granted():
    with Trial() as t:
        rules(t, f"[client c]\nuid = {os.getuid()}\nkeys = *\nallow = sign, jwt\nalgorithms = ES256, EdDSA\n")
        t.start()
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"})[0], 200)
        equal(t.ask("POST", "/v1/keys/eddsa/sign", {"input": "aGk"})[0], 200)
        status, code, detail = problem(t.ask("POST", "/v1/keys/rs256/sign", {"input": "aGk"}))
        equal((status, code), (403, "OPERATION_DENIED"))
        equal(detail, '[client c] does not allow sign with RS256, the algorithm of key "rs256"')
        keys = {k["name"]: k["operations"] for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}
        equal((keys["es256"], keys["rs256"]), (["sign", "jwt"], []), "what the list says")


@test
def claims_are_held_to_the_section():
    with Trial() as t:
        rules(t, f"[client c]\nuid = {os.getuid()}\nkeys = *\nallow = jwt\njwt-audience = https://a.example, https://*.b.example\n"
                 "jwt-subject = device-*\njwt-require = jti\njwt-forbid = admin\njwt-typ = at+jwt, JWT\njwt-header = cty\n")
        t.start()
        good = {"aud": "https://a.example", "sub": "device-1", "jti": "1"}
        status, _, token = jwt(t, good)
        equal((status, header_of(token)["typ"]), (200, "at+jwt"))
        status, _, token = jwt(t, dict(good, aud=["https://x.b.example"]), typ="JWT", protected={"cty": "JWT"})
        equal((status, header_of(token)["typ"], header_of(token)["cty"]), (200, "JWT", "JWT"))
        rows = [
            (dict(good, aud="https://c.example"), {}, 422, "CLAIM_REFUSED", 'claim "aud" is "https://c.example", which is none that this client may set'),
            (dict(good, sub="root"), {}, 422, "CLAIM_REFUSED", 'claim "sub" is "root", which is none that this client may set'),
            ({"aud": "https://a.example", "sub": "device-1"}, {}, 422, "CLAIM_REFUSED", 'claim "jti" is missing; this client\'s tokens must have it'),
            (dict(good, admin=False), {}, 422, "CLAIM_REFUSED", 'claim "admin" may not be in this client\'s tokens'),
            (dict(good, Admin=True), {}, 422, "CLAIM_REFUSED", 'claim "admin" may not be in this client\'s tokens'),
            (good, {"typ": "dpop+jwt"}, 422, "HEADER_REFUSED", 'typ "dpop+jwt" is none that this client\'s tokens may have'),
            (good, {"protected": {"jwk": {}}}, 422, "HEADER_REFUSED", 'header member "jwk" is none that this client may set'),
            (good, {"protected": {"typ": "x"}}, 422, "HEADER_REFUSED", 'header member "typ" is none that this client may set'),
        ]
        for claims, more, status, code, detail in rows:
            equal(problem(jwt(t, claims, **more)), (status, code, "[client c]: " + detail), f"{claims} {more}")
        equal(problem(jwt(t, dict(good, Aud="x")))[:2], (400, "CLAIM_INVALID"), "case")
        status, code, _ = problem(t.ask("POST", "/v1/keys/es256/jwt", b'{"claims":{"sub":"device-1","sub":"root"}}', {"Content-Type": "application/json"}))
        equal((status, code), (400, "JSON_DUPLICATE"))


@test
def without_rules_a_token_is_a_jwt_and_nothing_else():
    with Trial() as t:
        t.start()
        equal(header_of(jwt(t, {"a": 1})[2])["typ"], "JWT")
        equal(problem(jwt(t, {}, typ="at+jwt"))[:2], (422, "HEADER_REFUSED"))
        equal(problem(jwt(t, {}, protected={"cty": "x"}))[:2], (422, "HEADER_REFUSED"))
        equal(problem(jwt(t, {}, typ=5))[:2], (400, "MEMBER_TYPE"))


if __name__ == "__main__":
    main()
