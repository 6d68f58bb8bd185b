# SPDX-License-Identifier: Apache-2.0
"""A check of ours for schemathesis, in place of positive_data_acceptance."""
import itertools, json

import schemathesis
from schemathesis.generation import GenerationMode

# What is said of the form of a request. All else that is said of one is about what no schema knows: keys, policy, and what is signed or encrypted.
FORM = {"JSON_INVALID", "JSON_DUPLICATE", "MEMBER_UNKNOWN", "MEMBER_MISSING", "MEMBER_TYPE", "BASE64_INVALID", "SYNTAX"}
TURN = itertools.count()  # of media types in Accept, which OpenAPI has no parameter for


@schemathesis.check
def form_is_never_refused_when_it_fits(ctx, response, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE or response.status_code < 400 or not response.content:
        return
    said = json.loads(response.content)
    code = said.get("code") or said["errors"][0].partition(":")[0]
    if said.get("detail", "").startswith(("JWS: ", "JWE: ")):  # a text of its own within the request
        return
    if code in FORM or code.startswith("HTTP_") and code != "HTTP_NOT_ACCEPTABLE":
        raise AssertionError(f"fits the schema, and is refused with {code}")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Where other methods are tried, with the body of the one that is there: a GET with a body is refused for that, before anybody looks where it goes."""
    if case.method in ("GET", "HEAD"):
        case.body = schemathesis.core.NOT_SET
    types = [media for media in case.operation.definition.raw["responses"].get("200", {}).get("content", {})] + ["*/*", "application/json"]
    case.headers = {**(case.headers or {}), "Accept": types[next(TURN) % len(types)]}


@schemathesis.deserializer("application/json")
def json_but_no_jwt(context, response):
    """schemathesis takes application/jwt for JSON."""
    return response.content.decode() if response.headers["content-type"] == ["application/jwt"] else json.loads(response.content)


@schemathesis.deserializer("application/jose", "application/x-pem-file", "application/pem-certificate-chain")
def text(context, response):
    return response.content.decode()
