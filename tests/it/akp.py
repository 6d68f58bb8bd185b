#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ML-DSA keys (kty AKP, RFC 9964) through the real daemon and the tool. The mock token gives one signature whatever it is asked to sign:
the one of the vector whose signing input the daemon makes."""
import base64, json, os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mock_token import Mock
from trial import JWK11, equal, main, test
import cbor2
from authlib.jose import JsonWebKey
from jwcrypto import jwk

SRC = os.environ.get("srcdir", ".")
with open(os.path.join(SRC, "tests", "vectors", "rfc9964-ml-dsa.json")) as f:
    VECTORS = {one["alg"]: one for one in json.load(f)["cases"]}


def un(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Akp(Mock):
    """Beside the P-256 key k a key for each named algorithm, called by its last two digits: pq44."""

    def __init__(self, *algs, sets="", faults=""):
        script, keys = "", sets
        for alg in algs:
            n = alg[-2:]
            script += f"key pq{n} mldsa{n} $/pub{n} $/sig{n}\nprivate pq{n}\npublic pq{n}\n"
            keys += f"[key pq{n}]\nuri = pkcs11:token=t1;object=pq{n}\n"
        super().__init__(faults, more=script, keys=keys)
        for alg in algs:
            for name, octets in (("pub", VECTORS[alg]["jwk"]["pub"]), ("sig", VECTORS[alg]["jws"].split(".")[2])):
                with open(os.path.join(self.dir, name + alg[-2:]), "wb") as f:
                    f.write(un(octets))

    def post(self, key, route, body):
        status, headers, data = self.ask("POST", f"/v1/keys/{key}/{route}", body)
        return status, json.loads(data)

    def tool(self, *args, stdin=None):
        done = subprocess.run([JWK11, *args], input=stdin, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr


def payload(alg):
    return VECTORS[alg]["payload"].encode()


@test
def each_algorithm_signs_what_its_vector_says():
    with Akp(*VECTORS) as t:
        t.start()
        for alg, vector in VECTORS.items():
            status, _, body = t.ask("POST", f"/v1/keys/pq{alg[-2:]}/jws", {"payload": b64(payload(alg))}, {"Accept": "application/jose"})
            equal((status, body.decode()), (200, vector["jws"]))
            request = {"alg": alg, "input": b64(vector["jws"].rpartition(".")[0].encode())}
            status, answer = t.post(vector["kid"], "sign", request)
            equal((status, answer), (200, {"kid": vector["kid"], "alg": alg, "signature": vector["jws"].split(".")[2]}))
            status, answer = t.post(vector["kid"], "sign", {**request, "encoding": "der"})  # for ECDSA alone
            equal((status // 100, answer["code"]), (4, "ALG_MISMATCH"))


@test
def another_message_is_withheld():
    with Akp(*VECTORS) as t:
        t.start()
        for alg in VECTORS:
            status, answer = t.post("pq" + alg[-2:], "jws", {"payload": b64(payload(alg) + b"!")})
            equal((status, answer["code"]), (502, "SIGNATURE_WITHHELD"))
            equal("signature" in answer or "jws" in answer, False)
            status, answer = t.post("pq" + alg[-2:], "jws", {"payload": b64(payload(alg))})
            equal((status, answer["code"]), (502, "SIGNATURE_WITHHELD"), "the key is out of use")
        equal(t.sign(), 200)  # the other key of the token is not


@test
def what_it_cannot_do_is_refused_before_the_token():
    with Akp("ML-DSA-65") as t:
        t.start()
        before = t.count("C_SignInit")
        for body, code in (({"alg": "ML-DSA-65", "digest": b64(bytes(32))}, "ALG_MISMATCH"), ({"alg": "ML-DSA-44", "input": ""}, "ALG_MISMATCH"),
                           ({"alg": "ES256", "input": ""}, "ALG_MISMATCH"), ({"alg": "ML-DSA-45", "input": ""}, "ALG_UNKNOWN")):
            status, answer = t.post("pq65", "sign", body)
            equal((status // 100, answer["code"]), (4, code), body)
        equal(t.count("C_SignInit"), before)


@test
def the_public_half_comes_in_every_form():
    with Akp(*VECTORS) as t:
        t.start()
        keys = {k["name"]: k for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]}
        for alg, vector in VECTORS.items():
            name = "pq" + alg[-2:]
            equal({m: keys[name].get(m) for m in ("kid", "alg", "kty", "crv", "bits", "use", "state")},
                  {"kid": vector["kid"], "alg": alg, "kty": "AKP", "crv": None, "bits": None, "use": "sig", "state": "active"})
            status, headers, body = t.ask("GET", "/v1/keys/" + name, headers={"Accept": "application/jwk+json"})
            equal((status, json.loads(body)), (200, {**vector["jwk"], "use": "sig", "kid": vector["kid"]}))
            status, headers, body = t.ask("GET", "/v1/keys/" + name, headers={"Accept": "application/x-pem-file"})
            equal((status, body.decode()), (200, vector["pem"]))


@test
def the_tool_signs_and_verifies():
    with Akp("ML-DSA-87") as t:
        t.start()
        vector = VECTORS["ML-DSA-87"]
        t.write("payload", vector["payload"])
        t.write("jws", vector["jws"])
        t.write("bad", vector["jws"][:-8] + "AAAAAAAA")
        t.write("jwk", json.dumps(vector["jwk"]))
        t.write("pem", vector["pem"])
        path = lambda name: os.path.join(t.dir, name)
        for where in (["--socket", t.api], ["--offline", "--config", t.conf]):
            code, out, err = t.tool(*where, "jws", "pq87", path("payload"))
            equal((code, out.strip(), err), (0, vector["jws"], ""), where)
        for key in ("jwk", "pem"):
            code, out, err = t.tool("verify", "--key", path(key), path("jws"))
            equal((code, out), (0, vector["payload"] + "\n"), err)
            code, out, err = t.tool("verify", "--key", path(key), path("bad"))
            equal((code != 0, out), (True, ""), err)


@test
def doctor_signs_with_the_longest():
    with open(os.path.join(SRC, "tests", "vectors", "mldsa.json")) as f:
        vectors = json.load(f)
    case = next(c for c in vectors["good"] if un(c["message"]) == b"jwk11 doctor")
    pub = next(k["pub"] for k in vectors["keys"] if k["name"] == case["key"])
    with Akp("ML-DSA-87") as t:
        for name, text in (("pub87", pub), ("sig87", case["sig"])):
            with open(os.path.join(t.dir, name), "wb") as f:
                f.write(un(text))
        code, out, err = t.tool("--offline", "--config", t.conf, "doctor", "--sign")
        equal((code, "pq87: ML-DSA-87" in out, out.count("test signature verified")), (0, True, 2), out + err)


def published(t, name="", sock=None):
    """The kids of a set, or the problem's status and code."""
    status, headers, body = t.ask("GET", f"/.well-known/jwks{name and '/' + name}.json", sock=sock)
    if status != 200:
        return status, json.loads(body)["code"]
    return sorted(k["kid"] for k in json.loads(body)["keys"])


def kid_of(t, key="k"):
    return json.loads(t.ask("GET", "/v1/keys/" + key)[2])["kid"]


KIDS = {alg: vector["kid"] for alg, vector in VECTORS.items()}


@test
def akp_keys_have_a_set_of_their_own():
    with Akp(*VECTORS) as t:
        t.start()
        for sock in (t.api, t.public):
            equal(published(t, sock=sock), [kid_of(t)])
            equal(published(t, "default", sock), [kid_of(t)])
            equal(published(t, "akp", sock), sorted(KIDS.values()))
        text = t.ask("GET", "/.well-known/jwks/akp.json")[2].decode()
        for key in json.loads(text)["keys"]:
            equal(key, {**VECTORS[key["alg"]]["jwk"], "use": "sig", "kid": KIDS[key["alg"]]})
        tags = {t.ask("GET", f"/.well-known/jwks/{name}.json")[1]["ETag"] for name in ("akp", "default")}
        equal(len(tags), 2)


@test
def other_libraries_read_the_default_set_and_not_one_with_an_akp_key():
    with Akp("ML-DSA-44", sets="[set mixed]\nkeys = k, pq44\n") as t:
        t.start()
        default, mixed = (t.ask("GET", f"/.well-known/jwks/{name}.json")[2].decode() for name in ("default", "mixed"))
        kid = kid_of(t)
        equal([k.kid for k in JsonWebKey.import_key_set(json.loads(default)).keys], [kid])
        equal(jwk.JWKSet.from_json(default).get_key(kid).kid, kid)
        for read in (lambda: JsonWebKey.import_key_set(json.loads(mixed)), lambda: jwk.JWKSet.from_json(mixed)):
            try:
                read()
            except Exception:
                continue
            raise AssertionError("a set with an AKP key is read: the sets could be one")


@test
def a_set_holds_the_akp_keys_that_it_names():
    sets = "[set mixed]\nkeys = k, pq44\n[set star]\nkeys = *, pq87\n[set all]\nkeys = *\n[set only]\nkeys = pq87\n"
    with Akp("ML-DSA-44", "ML-DSA-87", sets=sets) as t:
        t.start()
        k = kid_of(t)
        equal(published(t, "mixed"), sorted([k, KIDS["ML-DSA-44"]]))
        equal(published(t, "star"), sorted([k, KIDS["ML-DSA-87"]]))
        equal(published(t, "all"), [k])
        equal(published(t, "only"), [KIDS["ML-DSA-87"]])
        equal(published(t, "akp"), sorted([KIDS["ML-DSA-44"], KIDS["ML-DSA-87"]]))


@test
def a_section_called_akp_is_a_set_like_any_other():
    with Akp("ML-DSA-44", sets="[set akp]\nkeys = k\n") as t:
        t.start()
        equal(published(t, "akp"), [kid_of(t)])
        equal(published(t), [kid_of(t)])


@test
def without_akp_keys_there_is_no_such_set():
    with Akp() as t:
        t.start()
        equal(published(t, "akp"), (404, "ROUTE_UNKNOWN"))
        equal(published(t), [kid_of(t)])


@test
def a_set_that_is_empty_without_them_says_where_they_are():
    with Akp("ML-DSA-65", sets="[set none]\nkeys = *\n") as t:
        t.write("jwk11.conf", open(t.conf).read().replace("[key k]\nuri = pkcs11:token=t1;object=k\n", ""))
        t.start()
        status, headers, body = t.ask("GET", "/.well-known/jwks.json")
        equal((status, json.loads(body)["code"]), (503, "NOT_READY"))
        equal('the set "akp"' in json.loads(body)["detail"], True, body)
        equal(published(t, "akp"), [KIDS["ML-DSA-65"]])


@test
def the_tool_says_what_it_leaves_out():
    with Akp(*VECTORS, sets="[set named]\nkeys = pq44\n") as t:
        t.start()
        k, note = kid_of(t), "jwk11: left out: 3 ML-DSA keys, in a set of their own: --set akp\n"
        for where in (["--socket", t.api], ["--offline", "--config", t.conf]):
            for args, kids, said in (([], [k], note), (["--set", "default"], [k], note), (["--set", "akp"], sorted(KIDS.values()), ""),
                                     (["--set", "named"], [KIDS["ML-DSA-44"]], ""), (["pq65"], [KIDS["ML-DSA-65"]], "")):
                code, out, err = t.tool(*where, "jwks", *args)
                equal((code, err), (0, said), (where, args))
                equal(sorted(key["kid"] for key in json.loads(out)["keys"]), kids, (where, args))
            code, out, err = t.tool(*where, "jwks", "--set", "akp", "--format", "pem")
            equal((code, sorted(out.split("-----END PUBLIC KEY-----\n"))), (0, sorted([""] + [v["pem"].rpartition("-----END")[0] for v in VECTORS.values()])), err)
            code, out, err = t.tool(*where, "jwks", "--format", "pem")
            equal((code, out.count("BEGIN"), err), (0, 1, note))


@test
def the_tool_says_nothing_where_there_are_none():
    with Akp() as t:
        t.start()
        for where in (["--socket", t.api], ["--offline", "--config", t.conf]):
            code, out, err = t.tool(*where, "jwks")
            equal((code, err, len(json.loads(out)["keys"])), (0, "", 1))
            code, out, err = t.tool(*where, "jwks", "--set", "none")
            equal((code != 0, out), (True, ""), err)


@test
def keys_are_given_out_as_cose_keys():
    """RFC 9964: kty 7, the algorithm, the public key as label -1."""
    algs = {"ML-DSA-44": -48, "ML-DSA-65": -49, "ML-DSA-87": -50}
    with Akp(*VECTORS) as t:
        t.start()
        for alg, number in algs.items():
            name, kid = "pq" + alg[-2:], json.loads(t.ask("GET", f"/v1/keys/pq{alg[-2:]}", headers={"Accept": "application/jwk+json"})[2])["kid"]
            wanted = {1: 7, 2: kid.encode(), 3: number, -1: un(VECTORS[alg]["jwk"]["pub"])}
            status, headers, body = t.ask("GET", f"/v1/keys/{name}", headers={"Accept": "application/cose-key"})
            equal((status, headers["Content-Type"], cbor2.loads(body)), (200, "application/cose-key", wanted), name)
            equal(body, cbor2.dumps(wanted, canonical=True), "deterministic")
            done = subprocess.run([JWK11, "jwks", "--format", "cose", name, "--socket", t.api], capture_output=True)
            equal((done.returncode, done.stdout), (0, body), done.stderr)


main()
