#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""JWS in every serialization between this daemon on a real SoftHSM token and other people's JOSE libraries, both ways; damaged copies are refused
by each."""
import base64, json, os, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "it"))
from trial import JWK11, Trial, equal, main, test
import jwt as pyjwt
from authlib.jose import JsonWebKey, JsonWebSignature
from jwcrypto import jwk as jwcrypto_jwk, jws as jwcrypto_jws

TEXT = "Grüße. Aus dem Token".encode()
ALGS = {"es256": "ES256", "rs256": "RS256", "eddsa": "EdDSA"}


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def flip(part):
    raw = bytearray(unb64(part))
    raw[len(raw) // 2] ^= 1
    return b64(bytes(raw))


def signatures_of(jws):
    return jws["signatures"] if "signatures" in jws else [jws]


def damaged(jws):
    """Copies of a compact JWS or of an object, each with one bit of one part turned in every signature."""
    if isinstance(jws, str):
        for i, part in enumerate(jws.split(".")):
            parts = jws.split(".")
            parts[i] = flip(part) if part else part
            if part:
                yield ".".join(parts)
        return
    for name in ("payload", "protected", "signature"):
        copy = json.loads(json.dumps(jws))
        for one in [copy] if name == "payload" else signatures_of(copy):
            if one.get(name):
                one[name] = flip(one[name])
        if copy != jws:
            yield copy


def text_of(jws):
    return jws if isinstance(jws, str) else json.dumps(jws)


def with_payload(jws, payload):
    """RFC 7515 appendix F: the recipient puts it in again."""
    if isinstance(jws, str):
        head, _, signature = jws.split(".")
        return f"{head}.{b64(payload)}.{signature}"
    return dict(jws, payload=b64(payload))


# ---- what we signed, judged by others: judge(keys, jws, detached payload or None), keys by kid ----

def by_jwcrypto(keys, jws, payload):
    for one in signatures_of(jws) if isinstance(jws, dict) else [jws]:
        single = one if isinstance(one, str) else dict({k: v for k, v in jws.items() if k == "payload"}, **{k: one[k] for k in ("protected", "header", "signature") if k in one})
        head = json.loads(unb64(single.split(".")[0] if isinstance(single, str) else single["protected"]))
        key = keys[head["kid"]]
        j = jwcrypto_jws.JWS()
        j.allowed_algs = [key["alg"]]
        j.deserialize(text_of(single))
        if payload is not None:
            j.objects["payload"] = payload
        j.verify(jwcrypto_jwk.JWK(**key))


def by_authlib(keys, jws, payload):
    jws = jws if payload is None else with_payload(jws, payload)
    load = lambda header, _: JsonWebKey.import_key(keys[header["kid"]])
    one = JsonWebSignature(algorithms=list(ALGS.values()))
    equal((one.deserialize_compact(jws, load) if isinstance(jws, str) else one.deserialize_json(jws, load))["payload"], TEXT)


def by_latchset(keys, jws, payload):
    kids = [json.loads(unb64(one.split(".")[0] if isinstance(one, str) else one["protected"]))["kid"]
            for one in (signatures_of(jws) if isinstance(jws, dict) else [jws])]
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for name, octets in [("jws", text_of(jws).encode()), ("payload", payload or b"")] + [(f"k{i}", json.dumps(keys[k]).encode()) for i, k in enumerate(kids)]:
            names[name] = os.path.join(folder, name)
            with open(names[name], "wb") as f:
                f.write(octets)
        command = ["jose", "jws", "ver", "-a", "-i", names["jws"]] + (["-I", names["payload"]] if payload is not None else [])
        for i in range(len(kids)):
            command += ["-k", names[f"k{i}"]]
        subprocess.run(command, check=True, capture_output=True)


def by_pyjwt(keys, jws, payload):
    """Compact only; of detached ones those that RFC 7797 makes."""
    key = keys[pyjwt.get_unverified_header(jws)["kid"]]
    pyjwt.api_jws.PyJWS().decode_complete(jws, pyjwt.PyJWK(key, algorithm=key["alg"]).key, [key["alg"]], detached_payload=payload)


def judges_of(form, names, detached, unencoded):
    """Who knows this kind: authlib and latchset jose have no b64, latchset jose no EdDSA, PyJWT no JSON."""
    yield by_jwcrypto
    if not unencoded:
        yield by_authlib
        if "eddsa" not in names:
            yield by_latchset
    if form == "compact" and (not detached or unencoded):
        yield by_pyjwt


def accepts(judge, *what):
    try:
        judge(*what)
    except Exception:
        return False
    return True


@test
def other_libraries_verify_what_the_token_signed():
    with Trial() as t:
        t.start()
        keys = {k["kid"]: k for k in json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]}
        counts = {}
        for names in (["es256"], ["rs256"], ["eddsa"], ["es256", "rs256"], ["rs256", "es256", "eddsa"]):
            for form in ("compact", "flattened", "general") if len(names) == 1 else ("general",):
                for detached, unencoded in ((False, False), (True, False), (True, True)):
                    jws = None
                    for name in names:
                        body = {"payload": b64(TEXT), "serialization": form, "detached": detached, "b64": not unencoded, "typ": "example"}
                        if form != "compact":
                            body["header"] = {"note": name}
                        if jws is not None:
                            body["jws"] = jws
                        status, _, data = t.ask("POST", f"/v1/keys/{name}/jws", body)
                        equal(status, 200, data)
                        jws = data.decode() if form == "compact" else json.loads(data)
                    payload = TEXT if detached else None
                    for judge in judges_of(form, names, detached, unencoded):
                        what = f"{judge.__name__} {names} {form} {detached} {unencoded}"
                        judge(keys, jws, payload)
                        for bad in damaged(jws):
                            if accepts(judge, keys, bad, payload):
                                raise AssertionError(f"{what} accepted {bad}")
                        if detached and accepts(judge, keys, jws, TEXT[:-1]):
                            raise AssertionError(f"{what} accepted another payload")
                        counts[judge.__name__] = counts.get(judge.__name__, 0) + 1
        equal(counts, {"by_jwcrypto": 33, "by_authlib": 22, "by_latchset": 14, "by_pyjwt": 6})


# ---- what others signed, judged by us ----

def key_pairs():
    pairs = {"es256": jwcrypto_jwk.JWK.generate(kty="EC", crv="P-256", alg="ES256", use="sig", kid="es256"),
             "rs256": jwcrypto_jwk.JWK.generate(kty="RSA", size=2048, alg="RS256", use="sig", kid="rs256"),
             "eddsa": jwcrypto_jwk.JWK.generate(kty="OKP", crv="Ed25519", alg="EdDSA", use="sig", kid="eddsa")}
    return pairs, json.dumps({"keys": [json.loads(k.export_public()) for k in pairs.values()]})


def made_by_jwcrypto(pairs, names, form, unencoded):
    j = jwcrypto_jws.JWS(TEXT)
    j.allowed_algs = list(ALGS.values())
    for name in names:
        head = {"alg": ALGS[name], "kid": name}
        if unencoded:
            head.update(b64=False, crit=["b64"])
        j.add_signature(pairs[name], ALGS[name], json.dumps(head), None if form == "compact" else json.dumps({"note": name}))
    if form == "compact":
        if unencoded:
            j.detach_payload()
        return j.serialize(compact=True)
    if unencoded:
        j.detach_payload()
    jws = json.loads(j.serialize())
    if form == "general" and "signatures" not in jws:
        jws = {"payload": jws.pop("payload"), "signatures": [jws]}
    return jws


def made_by_authlib(pairs, names, form, _):
    one = JsonWebSignature(algorithms=list(ALGS.values()))
    heads = [{"protected": {"alg": ALGS[name], "kid": name}} for name in names]
    load = lambda header, _: JsonWebKey.import_key(json.loads(pairs[header["kid"]].export()))
    if form == "compact":
        return one.serialize_compact(heads[0]["protected"], TEXT, load).decode()
    return one.serialize_json([dict(h, header={"note": "x"}) for h in heads] if form == "general" else heads[0], TEXT, load)


def made_by_latchset(pairs, names, form, _):
    with tempfile.TemporaryDirectory() as folder:
        command = ["jose", "jws", "sig", "-I", os.path.join(folder, "payload")] + (["-c"] if form == "compact" else [])
        with open(os.path.join(folder, "payload"), "wb") as f:
            f.write(TEXT)
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "w") as f:
                f.write(pairs[name].export())
            head = {"protected": {"alg": ALGS[name], "kid": name}}
            if form != "compact":
                head["header"] = {"note": name}
            command += ["-s", json.dumps(head), "-k", path]
        out = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    if form == "compact":
        return out
    jws = json.loads(out)
    return {"payload": jws.pop("payload"), "signatures": [jws]} if form == "general" and "signatures" not in jws else jws


def made_by_pyjwt(pairs, names, _, unencoded):
    head = {"kid": names[0], "typ": "example"}
    if unencoded:
        head.update(b64=False, crit=["b64"])
    key = pyjwt.PyJWK(json.loads(pairs[names[0]].export()), algorithm=ALGS[names[0]]).key
    return pyjwt.api_jws.PyJWS().encode(TEXT, key, ALGS[names[0]], headers=head, is_payload_detached=unencoded)


def makers_of(form, names, unencoded):
    yield made_by_jwcrypto
    if not unencoded:
        yield made_by_authlib
        if "eddsa" not in names:
            yield made_by_latchset
    if form == "compact":
        yield made_by_pyjwt


def without_payload(jws):
    if isinstance(jws, str):
        head, _, signature = jws.split(".")
        return f"{head}..{signature}"
    return {k: v for k, v in jws.items() if k != "payload"}


def verify(jws, jwks, payload, folder, code):
    command = [JWK11, "verify", "--jwks", jwks]
    if payload is not None:
        with open(os.path.join(folder, "payload"), "wb") as f:
            f.write(payload)
        command += ["--payload", os.path.join(folder, "payload")]
    done = subprocess.run(command, input=text_of(jws).encode(), capture_output=True)
    wanted = (0, TEXT + b"\n") if code == 0 else (done.returncode or 1, b"")
    equal((done.returncode, done.stdout), wanted, f"{text_of(jws)}: {done.stderr}")
    return done


@test
def verifies_what_other_libraries_signed():
    pairs, jwks_text = key_pairs()
    with tempfile.TemporaryDirectory() as folder:
        jwks = os.path.join(folder, "jwks")
        with open(jwks, "w") as f:
            f.write(jwks_text)
        counts = {}
        for names in (["es256"], ["rs256"], ["eddsa"], ["es256", "rs256"], ["rs256", "es256", "eddsa"]):
            for form in ("compact", "flattened", "general") if len(names) == 1 else ("general",):
                for unencoded in (False, True):
                    for maker in makers_of(form, names, unencoded):
                        jws = maker(pairs, names, form, unencoded)
                        for one, payload in ([(jws, None), (without_payload(jws), TEXT)] if not unencoded else [(jws, TEXT)]):
                            verify(one, jwks, payload, folder, 0)
                            for bad in damaged(one):
                                verify(bad, jwks, payload, folder, 1)
                            if payload is not None:
                                equal(verify(one, jwks, TEXT[:-1], folder, 1).returncode, 1)
                        counts[maker.__name__] = counts.get(maker.__name__, 0) + 1
        equal(counts, {"made_by_jwcrypto": 22, "made_by_authlib": 11, "made_by_latchset": 7, "made_by_pyjwt": 6})


@test
def the_token_adds_its_signature_to_what_others_signed():
    pairs, jwks_text = key_pairs()
    with Trial() as t, tempfile.TemporaryDirectory() as folder:
        t.start()
        own = json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]
        keys = {k["kid"]: k for k in own + json.loads(jwks_text)["keys"]}
        jwks = os.path.join(folder, "jwks")
        with open(jwks, "w") as f:
            json.dump({"keys": list(keys.values())}, f)
        for maker in (made_by_jwcrypto, made_by_authlib, made_by_latchset, made_by_pyjwt):
            for form in ("compact",) if maker is made_by_pyjwt else ("compact", "flattened", "general"):
                theirs = maker(pairs, ["es256", "rs256"] if form == "general" else ["rs256"], form, False)
                status, _, data = t.ask("POST", "/v1/keys/es256/jws", {"jws": theirs, "serialization": "general"})
                equal(status, 200, f"{maker.__name__} {form}: {data}")
                both = json.loads(data)
                equal(len(both["signatures"]), 3 if form == "general" else 2)
                by_jwcrypto(keys, both, None)
                by_authlib(keys, both, None)
                by_latchset(keys, both, None)
                verify(both, jwks, None, folder, 0)


main()
