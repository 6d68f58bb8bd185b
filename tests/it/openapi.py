#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GET /v1/openapi.json against the broker that serves it: the same routes, codes that exist, and answers as they are described, with no member that
is not. Prints TAP."""
import json, os, re, shutil, subprocess, sys

import jsonschema

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import BUILD, Trial, equal, main, test

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PATH = "/v1/openapi.json"
VENDOR = "application/vnd.oai.openapi+json"
METHODS = ("get", "head", "post", "put", "delete", "patch", "options", "trace")


def document(t):
    status, headers, body = t.ask("GET", PATH)
    equal((status, headers["Content-Type"]), (200, "application/json"))
    return json.loads(body)


def with_transit(t):
    t.change("[daemon]\n", "[daemon]\ntransit = yes\n")
    return t.start()


def walk(value, path="#"):
    yield path, value
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from walk(inner, f"{path}/{name}")


def operations(doc):
    """(path, method, operation) of all."""
    return [(path, method, op) for path, item in doc["paths"].items() for method, op in item.items() if method in METHODS]


def find(doc, ref):
    for word in ref.removeprefix("#/").split("/"):
        doc = doc[word.replace("~1", "/")]
    return doc


def plain(doc, value):
    """Without references."""
    if isinstance(value, list):
        return [plain(doc, v) for v in value]
    if not isinstance(value, dict):
        return value
    inner = {k: plain(doc, v) for k, v in value.items() if k != "$ref"}
    return {**plain(doc, find(doc, value["$ref"])), **inner} if isinstance(value.get("$ref"), str) else inner


def closed(schema):
    """The same for members that are named alone."""
    schema = dict(schema)
    for word in ("properties", "items", "additionalProperties"):
        inner = schema.get(word)
        if word == "properties" and inner:
            schema[word] = {k: closed(v) if isinstance(v, dict) else v for k, v in inner.items()}
        elif isinstance(inner, dict):
            schema[word] = closed(inner)
    if "properties" in schema and "items" not in schema:
        schema.setdefault("unevaluatedProperties", False)
    return schema


def described(doc, path, method, answer):
    """Fails unless the answer is one that the operation may give; an answer of a problem has its codes."""
    status, headers, body = answer
    what = f"{method} {path}: {status} {body[:200]!r}"
    responses = plain(doc, doc["paths"][path][method.lower()]["responses"])
    if str(status) not in responses:
        raise AssertionError(f"not described: {what}")
    media = responses[str(status)].get("content", {})
    if status == 304 or method == "HEAD":
        equal(body, b"", what)
    if status == 304:
        return None
    if headers["Content-Type"] not in media:
        raise AssertionError(f"{headers['Content-Type']} is not described: {what}")
    for name, header in responses[str(status)].get("headers", {}).items():
        if headers[name] is not None:
            value = int(headers[name]) if header["schema"].get("type") == "integer" else headers[name]
            jsonschema.Draft202012Validator(header["schema"]).validate(value)
    schema = media[headers["Content-Type"]].get("schema")
    if method == "HEAD" or schema is None:
        return body
    value = json.loads(body) if "json" in headers["Content-Type"] else body.decode()
    jsonschema.Draft202012Validator(closed(schema) if path != PATH else schema).validate(value)
    return value


def ask(t, doc, path, method="GET", body=None, headers=None, **values):
    return described(doc, path, method, t.ask(method, path.format_map({"key": "es256", "token": "trial", "set": "default", **values}), body, headers))


def table():
    """Codes with their statuses."""
    with open(os.path.join(SOURCE, "broker", "problem.c")) as f:
        return {code: int(status) for code, status in re.findall(r"(?m)^\tP\(([A-Z0-9_]+), (\d+),", f.read())}


@test
def what_is_listed_is_described_and_nothing_else():
    with Trial() as t:
        with_transit(t)
        doc = document(t)
        there = {(r["path"], m) for r in json.loads(t.ask("GET", "/v1")[2])["routes"] for m in r["methods"]}
    told = {(path, method.upper()) for path, method, _ in operations(doc)}
    if there - told:
        raise AssertionError(f"data/openapi.in.json lacks a description of {sorted(there - told)}")
    if told - there:
        raise AssertionError(f"data/openapi.in.json describes what is not there: {sorted(told - there)}")


@test
def without_transit_its_routes_say_what_they_want():
    with Trial() as t:
        t.start()
        doc = document(t)
        there = {(r["path"], m) for r in json.loads(t.ask("GET", "/v1")[2])["routes"] for m in r["methods"]}
        public = {path for path, _, op in operations(doc) if "public" in op.get("x-jwk11-sockets", [])}
        for path in doc["paths"]:
            code = json.loads(t.ask("GET", path.format_map({"key": "x", "token": "x", "set": "default", "hash": "x"}), sock=t.public)[2]).get("code")
            equal(code != "ROUTE_UNKNOWN" or "openid" in path, path in public, f"{path} on public.sock")
    equal({(path, method.upper()) for path, method, op in operations(doc) if "x-jwk11-requires" not in op}, there)


@test
def the_document_holds_together():
    with Trial() as t:
        t.start()
        doc = document(t)
    version = subprocess.run([os.path.join(BUILD, "jwk11d"), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    equal((doc["openapi"], doc["info"]["version"]), ("3.1.0", version))
    refs = [(where, v["$ref"]) for where, v in walk(doc) if isinstance(v, dict) and isinstance(v.get("$ref"), str)]
    for where, ref in refs:
        try:
            find(doc, ref)
        except KeyError:
            raise AssertionError(f"{where}: {ref} leads nowhere") from None
    used = {ref for _, ref in refs}
    for kind, parts in doc["components"].items():
        for name in parts:
            if f"#/components/{kind}/{name}" not in used:
                raise AssertionError(f"nobody refers to {kind} {name}")
    for name, schema in doc["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        for example in schema.get("examples", []):
            jsonschema.Draft202012Validator(plain(doc, schema)).validate(example)
    ids = [op["operationId"] for _, _, op in operations(doc)]
    equal(sorted(set(ids)), sorted(ids), "operations of one name")
    for path, item in doc["paths"].items():
        equal({p["name"] for p in plain(doc, item.get("parameters", [])) if p["in"] == "path"}, set(re.findall("{([a-z]+)}", path)), path)


@test
def codes_exist_and_stand_at_their_status():
    with Trial() as t:
        t.start()
        doc = document(t)
    codes = table()
    equal(sorted(doc["components"]["schemas"]["Code"]["enum"]), sorted(codes))
    equal({c: v["status"] for c, v in doc["components"]["schemas"]["Code"]["x-jwk11-codes"].items()}, codes)
    for where, value in walk(doc):  # in texts too
        for word in re.findall(r"\b[A-Z]{2,}(?:_[A-Z0-9]+)+\b", value) if isinstance(value, str) else []:
            if word not in codes and not word.startswith(("CKA_", "CKR_")):
                raise AssertionError(f"{where}: there is no code {word}")
    for path, method, op in operations(doc):
        for status, response in plain(doc, op["responses"]).items():
            for code in response.get("content", {}).get("application/problem+json", {}).get("schema", {}).get("properties", {}).get("code", {}).get("enum", []):
                if "x-jwk11-requires" not in op or code.startswith("HTTP_"):
                    equal(codes[code], int(status), f"{method} {path}: {code}")


@test
def tags_types_and_refusals():
    with Trial() as t:
        t.start()
        status, headers, body = t.ask("GET", PATH)
        with open(os.path.join(BUILD, "data", "openapi.json"), "rb") as f:
            equal(f.read(), body, "what is installed is what is served")
        tag = headers["ETag"]
        equal((re.fullmatch('"[0-9a-f]{32}"', tag) is not None, headers["Cache-Control"], headers["Vary"]), (True, "no-cache", "Accept"))
        equal((t.ask("GET", PATH)[1]["ETag"]), tag, "the same document")
        status, headers, body = t.ask("GET", PATH, headers={"If-None-Match": f'"x", {tag}'})
        equal((status, headers["ETag"], body), (304, tag, b""))
        equal(t.ask("GET", PATH, headers={"If-None-Match": '"x"'})[0], 200)
        status, headers, _ = t.ask("GET", PATH, headers={"Accept": VENDOR + ";version=3.1"})
        equal((status, headers["Content-Type"], headers["ETag"] != tag), (200, VENDOR + ";version=3.1", True))
        equal(t.ask("GET", PATH, headers={"Accept": VENDOR, "If-None-Match": headers["ETag"]})[0], 304)
        equal(t.ask("GET", PATH, headers={"Accept": VENDOR, "If-None-Match": tag})[0], 200, "the tag of another representation")
        equal(t.ask("GET", PATH, headers={"Accept": "text/html, */*;q=0.1"})[1]["Content-Type"], "application/json")
        status, headers, body = t.ask("HEAD", PATH)
        equal((status, headers["ETag"], int(headers["Content-Length"]) > 50000, body), (200, tag, True, b""))
        doc = document(t)
        equal(ask(t, doc, PATH, headers={"Accept": "text/html"})["code"], "HTTP_NOT_ACCEPTABLE")
        equal(json.loads(t.ask("GET", PATH + "?x=1")[2])["code"], "ARGUMENT")
        equal(json.loads(t.ask("POST", PATH, {})[2])["code"], "HTTP_METHOD")
        equal(json.loads(t.ask("GET", PATH, sock=t.public)[2])["code"], "ROUTE_UNKNOWN")


@test
def no_token_is_waited_for():
    with Trial() as t:
        shutil.rmtree(os.path.join(t.dir, "tokens"))
        os.mkdir(os.path.join(t.dir, "tokens"))
        t.start("event=serving")
        doc = document(t)
        t.until(lambda: "absent" in str(ask(t, doc, "/readyz")), "the token's absence")
        equal(ask(t, doc, "/readyz")["code"], "NOT_READY")
        equal(ask(t, doc, "/.well-known/jwks.json")["code"], "NOT_READY")


def view_all(t, doc):
    """Whatever can be got."""
    for path, method, op in operations(doc):
        if method in ("get", "head"):
            for media in plain(doc, op["responses"])["200"].get("content", {}) if "Accept" in str(plain(doc, op["responses"])["200"].get("headers")) else ("*/*",):
                ask(t, doc, path, method.upper(), headers={"Accept": media})


@test
def answers_are_as_they_are_described():
    with Trial() as t:
        t.change("[set default]\n", "[set default]\nissuer = https://issuer.example\n")
        with_transit(t)
        doc = document(t)
        view_all(t, doc)
        message = ask(t, doc, "/v1/keys/{key}/sign", "POST", {"input": "aGVsbG8"})
        ask(t, doc, "/v1/keys/{key}/verify", "POST", {"input": "aGVsbG8", "signature": message["signature"]})
        equal(ask(t, doc, "/v1/keys/{key}/verify", "POST", {"input": "aGVsbG4", "signature": message["signature"]})["code"], "SIGNATURE_INVALID")
        for serialization in ("compact", "flattened", "general"):
            for accept in ("*/*", "application/json"):
                ask(t, doc, "/v1/keys/{key}/jws", "POST", {"payload": "aGVsbG8", "serialization": serialization}, {"Accept": accept})
        ask(t, doc, "/v1/keys/{key}/jws", "POST", {"payload": "aGVsbG8", "detached": True})
        for accept in ("*/*", "application/json"):
            ask(t, doc, "/v1/keys/{key}/jwt", "POST", {"claims": {"sub": "alice"}, "ttl": 60}, {"Accept": accept})
        equal(ask(t, doc, "/v1/keys/{key}/jwt", "POST", {"claims": {"sub": 1}})["code"], "CLAIM_INVALID")
        equal(ask(t, doc, "/v1/keys/{key}/decrypt", "POST", {"jwe": "a.b.c.d.e"})["code"], "ALG_MISMATCH")
        for accept in ("*/*", "application/x-pem-file", "application/json"):
            ask(t, doc, "/v1/keys/{key}/csr", "POST", {"subject": "CN=a"}, {"Accept": accept})
        equal(ask(t, doc, "/v1/keys/{key}/csr", "POST", {})["code"], "SUBJECT_MISSING")
        equal(ask(t, doc, "/v1/keys/{key}/sign", "POST", {"input": "aGVsbG8"}, key="no-such")["code"], "KEY_UNKNOWN")
        results = ask(t, doc, "/v1/batch", "POST", {"requests": [{"op": "sign", "key": "es256", "input": "AA"}, {"op": "jws", "key": "es256", "payload": "AA"},
            {"op": "jwt", "key": "es256", "claims": {}}, {"op": "sign", "key": "nobody", "input": "AA"}, {"op": "sign", "key": "es256"}]})["results"]
        equal([r["status"] for r in results], [200, 200, 200, 404, 400])
        sig = ask(t, doc, "/v1/transit/sign/{key}", "PUT", {"input": "aGVsbG8="})["data"]["signature"]
        equal(ask(t, doc, "/v1/transit/verify/{key}/{hash}", "POST", {"input": "aGVsbG8=", "signature": sig}, hash="sha2-256")["data"], {"valid": True})
        ask(t, doc, "/v1/transit/sign/{key}", "POST", {"input": "aGVsbG8=", "batch_input": [1]})
        ask(t, doc, "/v1/transit/sign/{key}", "POST", {"input": "aGVsbG8="}, key="no-such")
        for what in ("rescan", "logout", "login"):
            ask(t, doc, "/v1/tokens/{token}/" + what, "POST", {})
            if what == "logout":
                equal(ask(t, doc, "/v1/keys/{key}/sign", "POST", {"input": "aGVsbG8"})["code"], "LOGGED_OUT")
                view_all(t, doc)
        equal(ask(t, doc, "/v1/tokens/{token}/login", "POST", {}, token="no-such")["code"], "TOKEN_UNKNOWN")


@test
def requests_have_no_members_that_are_not_described():
    with Trial() as t:
        with_transit(t)
        doc = document(t)
        for path, method, op in operations(doc):
            if "requestBody" not in op:
                continue
            body = plain(doc, op["requestBody"])["content"]["application/json"]
            schema = jsonschema.Draft202012Validator(body["schema"])
            for example in body.get("examples", {}).values():
                schema.validate(example["value"])
                equal(ask(t, doc, path, method.upper(), example["value"], hash="sha2-256") is not None, True)
            some = next(iter(body["examples"].values()))["value"] if "examples" in body else {"input": "AA==", "jwe": "x", "signature": "vault:v1:AA=="}
            known = {k for one in body["schema"].get("oneOf", [body["schema"]]) for k in one.get("properties", {})}
            some = {k: v for k, v in some.items() if k in known or "transit" in path}
            more = {**some, "surplus": 1}
            said = ask(t, doc, path, method.upper(), more, hash="sha2-256")
            equal(schema.is_valid(more), False, f"{path} describes a body that is open")
            equal("MEMBER_UNKNOWN" in str(said), True, f"{path} takes what is not described: {said}")


if __name__ == "__main__":
    main()
