#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sigstore-kms-jwk11, word for word as sigstore starts it: a version, arguments as JSON, the message on standard input; JSON on standard output."""
import atexit, base64, contextlib, hashlib, json, os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from trial import BUILD, Trial, equal, main, test

PLUGIN = os.path.join(BUILD, "sigstore-kms-jwk11")
SHA256, SHA384 = 5, 6
MESSAGE = b"a message\n"
RPC = {"ctxDeadline": "2030-01-01T00:00:00Z", "keyVersion": "", "remoteVerification": False}
_trial = []


def trial():
    if not _trial:
        stack = contextlib.ExitStack()
        atexit.register(stack.close)
        t = stack.enter_context(Trial())
        with open(t.conf) as f:
            module = re.search("(?m)^modules = (.*)$", f.read())[1]
        for alg, label in (("ES384", "es384"), ("PS256", "ps256"), ("ES256K", "k1")):
            subprocess.run([os.path.join(BUILD, "tests", "token_key"), module, "pkcs11:token=trial", os.path.join(t.dir, "pin"), "make", alg, label], check=True,
                           env=dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf")))
        t.change("[set default]\n", "".join(f"[key {n}]\nuri = pkcs11:token=trial;object={n}\n" + ("alg = PS256\n" if n == "ps256" else "") for n in ("es384", "ps256", "k1")) +
                 "[set default]\n")
        _trial.append(t.start())
    return _trial[0]


def plugin(t, arguments, message=b"", version="v1", socket=None):
    done = subprocess.run([PLUGIN, version, arguments if isinstance(arguments, str) else json.dumps(arguments)], input=message, capture_output=True,
                          env=dict(os.environ, JWK11_SOCKET=socket or t.api))
    equal(done.stderr, b"")
    answer = json.loads(done.stdout)
    equal((len(answer), done.returncode), (1, 1 if "errorMessage" in answer else 0), answer)
    return answer


def call(key, method, options=None, more=None, hash=SHA256):
    """As sigstore's own client writes it."""
    init = {"protocolVersion": "v1", "keyResourceID": key, "hashFunc": hash, "rpcOptions": RPC}
    return {"initOptions": init, "methodName": method, method: {**(options or {}), **(more or {})}}


def signing(digest=None, hash=None, name="signOptions"):
    return {name: {"rpcOptions": RPC, "messageOptions": {"digest": digest, **({} if hash is None else {"hashFunc": hash})}}}


def refused(answer, *said):
    equal(list(answer), ["errorMessage"])
    for text in said:
        equal(text in answer["errorMessage"], True, f"{text!r} in {answer}")


def key_of(t, name, hash=SHA256):
    answer = plugin(t, call(name, "publicKey", {"publicKeyOptions": {"rpcOptions": RPC}}, hash=hash))
    equal((list(answer), list(answer["publicKey"])), (["publicKey"], ["publicKeyPEM"]))
    return serialization.load_pem_public_key(base64.b64decode(answer["publicKey"]["publicKeyPEM"], validate=True))


def sign(t, name, message=MESSAGE, digest=None, hash=SHA256, own=None):
    answer = plugin(t, call(name, "signMessage", signing(digest, own), hash=hash), message)
    equal((list(answer), list(answer["signMessage"])), (["signMessage"], ["signature"]))
    return base64.b64decode(answer["signMessage"]["signature"], validate=True)


@test
def messages_and_digests_are_signed():
    t = trial()
    digest = base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode()
    large = os.urandom(300000)
    for sig, message in ((sign(t, "es256"), MESSAGE), (sign(t, "es256", b"", digest), MESSAGE), (sign(t, "es256", b"ignored", digest), MESSAGE), (sign(t, "es256", b""), b""),
                         (sign(t, "es256", large), large), (sign(t, "es256", hash=SHA384, own=SHA256), MESSAGE)):
        key_of(t, "es256").verify(sig, message, ec.ECDSA(hashes.SHA256()))
    key_of(t, "es384").verify(sign(t, "es384", hash=SHA384), MESSAGE, ec.ECDSA(hashes.SHA384()))
    key_of(t, "rs256").verify(sign(t, "rs256"), MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    for hash in (0, SHA256):
        key_of(t, "eddsa").verify(sign(t, "eddsa", hash=hash), MESSAGE)
    kid = json.loads(t.ask("GET", "/v1/keys/es256")[2])["kid"]
    key_of(t, "es256").verify(sign(t, kid), MESSAGE, ec.ECDSA(hashes.SHA256()))


@test
def signatures_are_verified_without_the_token():
    t = trial()
    digest = base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode()
    for name, hash in (("es256", SHA256), ("es384", SHA384), ("rs256", SHA256), ("eddsa", 0)):
        sig = base64.b64encode(sign(t, name, hash=hash)).decode()
        check = call(name, "verifySignature", signing(name="verifyOptions"), {"signature": sig}, hash)
        equal(plugin(t, check, MESSAGE), {"verifySignature": {}}, name)
        refused(plugin(t, check, b"another"), "SIGNATURE_INVALID")
    sig = base64.b64encode(sign(t, "es256")).decode()
    equal(plugin(t, call("es256", "verifySignature", signing(digest, name="verifyOptions"), {"signature": sig})), {"verifySignature": {}})
    for wrong, code in (("", "SIGNATURE_INVALID"), ("MAA=", "SIGNATURE_INVALID"), ("?", "BASE64_INVALID")):
        refused(plugin(t, call("es256", "verifySignature", signing(name="verifyOptions"), {"signature": wrong}), MESSAGE), code)


@test
def what_is_asked_without_a_key_is_answered():
    t = trial()
    equal(plugin(t, call("", "defaultAlgorithm")), {"defaultAlgorithm": {"defaultAlgorithm": "ES256"}})
    names = plugin(t, call("", "supportedAlgorithms"))["supportedAlgorithms"]["supportedAlgorithms"]
    equal(names, ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "EdDSA"])
    refused(plugin(t, call("new", "createKey", {"algorithm": "ES256"})), "keys are made on their token", "jwk11 keygen")


@test
def refusals_come_in_the_answer():
    t = trial()
    digest = base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode()
    for arguments, *said in (
            (call("nope", "signMessage", signing()), 'KEY_UNKNOWN: no key "nope"'),
            (call("", "signMessage", signing()), "no key is named"),
            (call("x" * 300, "signMessage", signing()), "too long"),
            (call("es256", "signMessage", signing(), hash=SHA384), 'key "es256" does ES256: with SHA256, not with the hash that is asked for (number 6)'),
            (call("es256", "signMessage", signing(digest, SHA384)), "(number 6)"),
            (call("es256", "signMessage", signing(), hash=0), "(number 0)"),
            (call("es384", "signMessage", signing()), "with SHA384"),
            (call("ps256", "signMessage", signing()), 'key "ps256" does PS256: sigstore takes ES256'),
            (call("k1", "publicKey", {}), 'key "k1" does ES256K: sigstore takes'),
            (call("eddsa", "signMessage", signing(digest)), "whole messages and no digests"),
            (call("es256", "signMessage", signing(base64.b64encode(b"short").decode())), "DIGEST_LENGTH"),
            (call("es256", "signMessage", signing("?")), "BASE64_INVALID"),
            (call("es256", "rotate"), 'no method "rotate"'),
            ("{", "JSON_INVALID"), ("[]", "MEMBER_MISSING"), ('{"methodName":"publicKey"}', "MEMBER_MISSING")):
        refused(plugin(t, arguments, MESSAGE), *said)
    versioned = call("es256", "signMessage", signing())
    versioned["initOptions"]["rpcOptions"] = {**RPC, "keyVersion": "2"}
    refused(plugin(t, versioned, MESSAGE), "chosen by its kid")
    refused(plugin(t, call("es256", "publicKey", {}), version="v2"), "speaks v1 of the plugin protocol, not v2")
    refused(plugin(t, call("es256", "publicKey", {}), socket=t.dir + "/none.sock"), "BROKER_ABSENT", "no broker answers")
    refused(plugin(t, call("eddsa", "signMessage", signing(), hash=0), os.urandom(200000)), "LIMIT")
    done = subprocess.run([PLUGIN], capture_output=True)
    equal((done.returncode, done.stdout, b"usage" in done.stderr), (64, b"", True))


@test
def what_is_newer_than_this_program_is_left_alone():
    t = trial()
    arguments = call("es256", "signMessage", {**signing(), "newOption": [1]})
    arguments["initOptions"]["another"] = {"x": None}
    arguments["more"] = True
    key_of(t, "es256").verify(base64.b64decode(plugin(t, arguments, MESSAGE)["signMessage"]["signature"]), MESSAGE, ec.ECDSA(hashes.SHA256()))


@test
def policy_holds_for_it_as_for_everybody():
    with Trial() as t:
        with open(t.conf) as f:
            t.change(re.search("(?m)^allow = .*$", f.read())[0], "allow = jwt")
        t.start()
        refused(plugin(t, call("es256", "signMessage", signing()), MESSAGE), "OPERATION_DENIED", "does not allow sign")
        key_of(t, "es256")


main()
