#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The discovery documents of issuers whose keys are served: what stands in them, who finds them, and that a relying party's library takes them."""
import json, os, signal, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from trial import JWK11D, Trial, equal, main, test

PATH = "/.well-known/openid-configuration"
SETS = "[set default]\nkeys = *\nissuer = {issuer}\n[set web]\nkeys = es256\nissuer = https://web.example/x\njwks-uri = https://cdn.example/k?v=1\n[set quiet]\nkeys = es256\n"


def served(issuer="https://issuer.example"):
    t = Trial()
    t.change("[set default]\nkeys = *\n", SETS.format(issuer=issuer))
    return t


@test
def an_issuer_has_its_document_and_relying_parties_take_it():
    with served() as t:
        t.start()
        wanted = {"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/.well-known/jwks.json", "response_types_supported": ["id_token"],
                  "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256", "RS256", "EdDSA"]}
        for sock in (t.api, t.public):
            status, headers, body = t.ask("GET", PATH, sock=sock)
            equal((status, json.loads(body)), (200, wanted))
            equal((headers["Content-Type"], headers["Cache-Control"]), ("application/json", "public, max-age=300"))
            status, again, body = t.ask("GET", PATH, headers={"If-None-Match": headers["ETag"]}, sock=sock)
            equal((status, again["ETag"], body), (304, headers["ETag"], b""))
        equal(get_well_known_url("https://issuer.example", external=True), "https://issuer.example" + PATH)
        metadata = OpenIDProviderMetadata(wanted)
        for name in ("issuer", "jwks_uri", "response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"):
            getattr(metadata, "validate_" + name)()
        keys = json.loads(t.ask("GET", "/.well-known/jwks.json", sock=t.public)[2])["keys"]
        equal(sorted({k["alg"] for k in keys}), sorted(wanted["id_token_signing_alg_values_supported"]))


@test
def each_set_may_have_an_issuer_and_others_have_none():
    with served("https://issuer.example/a/") as t:
        t.start()
        equal(json.loads(t.ask("GET", PATH)[2])["issuer"], "https://issuer.example/a/", "byte for byte")
        equal(json.loads(t.ask("GET", PATH)[2])["jwks_uri"], "https://issuer.example/a/.well-known/jwks.json")
        doc = json.loads(t.ask("GET", "/.well-known/jwks/web/openid-configuration", sock=t.public)[2])
        equal((doc["issuer"], doc["jwks_uri"], doc["id_token_signing_alg_values_supported"]), ("https://web.example/x", "https://cdn.example/k?v=1", ["ES256"]))
        for path in ("/.well-known/jwks/quiet/openid-configuration", "/.well-known/jwks/nope/openid-configuration", "/.well-known/jwks/web.json/openid-configuration", PATH + "/web"):
            equal(t.ask("GET", path, sock=t.public)[0], 404, path)
        equal(t.ask("POST", PATH, "{}")[0], 405)
        equal(t.ask("GET", PATH, headers={"Accept": "text/html"})[0], 406)
        t.change("issuer = https://issuer.example/a/\n", "")
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("event=reloaded")
        equal(t.ask("GET", PATH, sock=t.public)[0], 404)


@test
def an_issuer_that_nobody_would_accept_is_refused():
    for line, said in (("issuer = http://issuer.example", "issuer is an https URL"), ("issuer = https://", "issuer is an https URL"), ("issuer = https:///x", "issuer is"),
                       ("issuer = https://i.example?x", "issuer is"), ("issuer = https://i.example#x", "issuer is"), ("issuer = https://i.example/a b", "issuer is"),
                       ("issuer = https://i.example\njwks-uri = http://i.example/k", "jwks-uri is an https URL"), ("jwks-uri = https://i.example/k", "jwks-uri goes with issuer")):
        with Trial() as t:
            t.change("[set default]\nkeys = *\n", f"[set default]\nkeys = *\n{line}\n")
            p = subprocess.run([JWK11D, "--config", t.conf, "--check"], capture_output=True, text=True)
            equal((p.returncode, said in p.stderr, "[set default]" in p.stderr), (78, True, True), line + p.stderr)


main()
