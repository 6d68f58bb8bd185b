#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Public keys from files in the sets: which are taken and in which order, what is refused and how, and that nobody signs with them."""
import base64, hashlib, json, os, re, signal, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from jwcrypto import jwk, jwt
from trial import BUILD, JWK11, JWK11D, Trial, equal, main, test

with open(os.path.join(BUILD, "Makefile")) as f:
    SANITIZED = bool(re.search(r"^HARDEN_CFLAGS = .*-fsanitize=\S*(address|thread)", f.read(), re.M))

JWKS = "/.well-known/jwks.json"
AKP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "seeds", "jwk", "akp-44")


def public(key, **more):
    return dict(key.export_public(as_dict=True), **more)


def pkix(key):
    return b"".join(key.export_to_pem().splitlines()[1:-1])


def openssl(*arguments, text=None):
    return subprocess.run(["openssl", *arguments], input=text, capture_output=True, check=True).stdout


class Peers(Trial):
    """A set that takes a folder's keys beside the token's own."""

    def __init__(self, lines="", keys="*"):
        super().__init__()
        self.peers = os.path.join(self.root, "peers.d")
        os.mkdir(self.peers, 0o755)
        self.change("[set default]\nkeys = *\n", f"[set default]\nkeys = {keys}\nverify-only = {self.peers}\n{lines}\n")

    def put(self, name, content):
        path = os.path.join(self.peers, name)  # an absolute name stays as it is
        if isinstance(content, dict):
            content = json.dumps(content)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, 0o644)
        return path

    def check(self):
        p = subprocess.run([JWK11D, "--config", self.conf, "--check"], capture_output=True, text=True)
        return p.returncode, p.stdout, p.stderr

    def offline(self, *more):
        p = subprocess.run([JWK11, "--config", self.conf, "--offline", "jwks", *more], capture_output=True, text=True,
                           env=dict(os.environ, SOFTHSM2_CONF=os.path.join(self.dir, "softhsm2.conf")))
        equal(p.returncode, 0, p.stderr)
        return p.stdout

    def served(self, path=JWKS):
        status, _, body = self.ask("GET", path, sock=self.public)
        return json.loads(body)["keys"] if status == 200 else status

    def reload(self, event="event=reloaded"):
        self.daemon.send_signal(signal.SIGHUP)
        self.wait_log(event)


@test
def keys_of_files_follow_those_of_tokens_in_the_order_of_their_names():
    own = {name: jwk.JWK.generate(kty="EC", crv="P-256") for name in ("a", "b", "c")}
    rsa, ed = jwk.JWK.generate(kty="RSA", size=2048), jwk.JWK.generate(kty="OKP", crv="Ed25519")
    with Peers("issuer = https://issuer.example\n[set spare]\nkeys = rs256") as t:
        t.put("20-pem.pem", b"old static keys\n" + own["a"].export_to_pem() + rsa.export_to_pem())
        t.put("10-set.json", {"keys": [public(own["b"], kid="peer-1"), public(ed, use="sig", alg="EdDSA", x5u="https://x.example")]})
        t.put("30.jwk", public(own["c"], kid="peer ü", alg="ES256"))
        t.put("40-rsa.jwk", public(rsa, kid="rsa-pss", alg="PS256"))
        cert_key = jwk.JWK.generate(kty="EC", crv="P-384")
        key_file = t.put("private.key", cert_key.export_to_pem(private_key=True, password=None))
        t.put("50-cert.pem", openssl("req", "-x509", "-key", key_file, "-subj", "/CN=peer", "-days", "1"))
        t.put("60-again.pem", own["a"].export_to_pem())
        t.put(".hidden.pem", "nonsense")
        t.put("README", "nonsense")
        equal(t.check(), (0, f"{t.conf}: good: 1 modules, 1 tokens, 3 keys, 2 sets, 1 clients, 7 verify-only keys\n", ""))
        offline = t.offline()
        t.start()
        keys = t.served()
        mine, theirs = keys[:-7], keys[-7:]
        equal([(k["kid"], k["alg"], k["use"]) for k in theirs], [("peer-1", "ES256", "sig"), (ed.thumbprint(), "EdDSA", "sig"), (own["a"].thumbprint(), "ES256", "sig"),
              (rsa.thumbprint(), "RS256", "sig"), ("peer ü", "ES256", "sig"), ("rsa-pss", "PS256", "sig"), (cert_key.thumbprint(), "ES384", "sig")])
        equal("x5u" in theirs[1], False, "only what a public key is made of")
        equal(len(mine), 3, "the token's own")
        equal(len(t.served("/.well-known/jwks/spare.json")), 1, "a set without the folder has none of them")
        equal(offline, t.ask("GET", JWKS)[2].decode() + "\n", "offline says the same")
        algs = json.loads(t.ask("GET", "/.well-known/openid-configuration")[2])["id_token_signing_alg_values_supported"]
        equal(algs, ["ES256", "RS256", "EdDSA", "PS256", "ES384"])
        equal([k["kid"] for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"] if k.get("kid") in {k["kid"] for k in theirs}], [], "they are not keys of this broker")
        for kid in ("peer-1", theirs[1]["kid"]):
            equal(t.ask("POST", f"/v1/keys/{kid}/sign", {"alg": "ES256", "input": "aGVsbG8"})[0], 404, kid)
        token = jwt.JWT(header={"alg": "ES256", "kid": "peer-1"}, claims={"iss": "peer"})
        token.make_signed_token(own["b"])
        p = subprocess.run([JWK11, "--socket", t.api, "jwks", "-o", os.path.join(t.dir, "set.json")], capture_output=True, text=True)
        equal(p.returncode, 0, p.stderr)
        p = subprocess.run([JWK11, "verify", "--jwks", os.path.join(t.dir, "set.json")], input=token.serialize(), capture_output=True, text=True)
        equal(p.returncode, 0, p.stderr)


@test
def a_key_that_a_token_has_too_is_published_once():
    with Peers() as t:
        bare = t.offline()
        first = json.loads(bare)["keys"]
        t.put("peer.json", {"keys": first})
        t.put("pem.pem", jwk.JWK(**first[0]).export_to_pem())
        equal(t.offline(), bare)
        t.start()
        equal(t.ask("GET", JWKS)[2].decode() + "\n", bare)
        equal("keys-left-out" in t.log, False)
        other = jwk.JWK.generate(kty="EC", crv="P-256")
        os.unlink(os.path.join(t.peers, "peer.json"))
        path = t.put("pem.pem", other.export_to_pem())
        wrong = t.put("wrong.jwk", public(other, kid=first[0]["kid"]))
        t.reload("event=keys-left-out")
        equal((wrong in t.log, "its kid is that of key" in t.log), (True, True), t.log[-2000:])
        t.until(lambda: len(t.served()) == len(first) + 1, "the other one")
        equal(t.served()[-1]["kid"], other.thumbprint(), path)


@test
def what_cannot_be_published_is_refused_with_its_file_and_the_reason():
    ec, rsa = jwk.JWK.generate(kty="EC", crv="P-256"), jwk.JWK.generate(kty="RSA", size=2048)
    pem, private = ec.export_to_pem(), ec.export_to_pem(private_key=True, password=None)
    x25519 = openssl("pkey", "-pubout", text=openssl("genpkey", "-algorithm", "x25519"))
    cases = [
        ("private.jwk", ec.export_private(as_dict=True), "private members"),
        ("symmetric.json", {"keys": [public(ec), {"kty": "oct", "k": "c2VjcmV0"}]}, "key 2: JWK: it holds private members"),
        ("unknown.jwk", {"kty": "NEW", "x": "AA"}, '"kty" is not supported'),
        ("enc.jwk", public(rsa, use="enc"), '"use" is not "sig"'),
        ("ops.jwk", public(rsa, key_ops=["encrypt"]), "key_ops"),
        ("alg.jwk", public(ec, alg="RS256"), "RS256"),
        ("short.jwk", dict(public(ec), x="AAAA"), "not as wide as its curve"),
        ("kid.jwk", public(ec, kid="a\nb"), "control characters"),
        ("long.jwk", public(ec, kid="k" * 256), '"kid" is longer'),
        ("text.json", "{", "JWK"),
        ("array.json", "[]", "JWK"),
        ("keys.json", {"keys": {}}, '"keys" is not an array'),
        ("twice.json", '{"kty":"EC","kty":"EC"}', "twice"),
        ("private.pem", private, "private key"),
        ("both.pem", pem + private, "private key"),
        ("empty.pem", "", "no line"),
        ("cut.pem", pem[:-30], "-----END"),
        ("pkcs1.pem", rsa.export_to_pem().replace(b"PUBLIC KEY", b"RSA PUBLIC KEY"), "neither a PUBLIC KEY nor a CERTIFICATE"),
        ("odd.pem", pem.replace(pem[40:60], b"AAAAAAAAAAAAAAAAAAAA"), "SubjectPublicKeyInfo"),
        ("agree.pem", x25519, "does not sign"),
        ("chain.pem", pem.replace(b"PUBLIC KEY", b"CERTIFICATE") , "X.509"),
        ("huge.pem", "x" * (1024 * 1024 + 1), "1048576"),
    ]
    for name, content, reason in cases:
        with Peers() as t:
            path = t.put(name, content)
            code, out, err = t.check()
            equal((code, out, path in err, "[set default] verify-only" in err, reason in err), (78, "", True, True, True), f"{name}: {err}")
            p = subprocess.run([JWK11D, "--config", t.conf], capture_output=True, text=True)
            equal((p.returncode, path in p.stderr), (78, True), "and does not start: " + p.stderr)


@test
def one_kid_is_one_key_with_one_algorithm():
    one, two = (jwk.JWK.generate(kty="RSA", size=2048) for _ in range(2))
    for second, said in ((public(two, kid="x"), 'its kid "x" is that of another key'), (public(one, kid="x", alg="PS256"), "for PS256 here and for RS256 in")):
        with Peers() as t:
            a, b = t.put("a.jwk", public(one, kid="x")), t.put("b.json", {"keys": [second]})
            code, _, err = t.check()
            equal((code, said in err, a in err, b in err), (78, True, True, True), err)
    with Peers() as t:
        t.put("a.jwk", public(one, kid="x"))
        t.put("b.json", {"keys": [public(one, kid="x", alg="RS256"), public(one, kid="y")]})
        equal("2 verify-only keys" in t.check()[1], True, "the same once, and with another kid again")


@test
def a_bad_file_never_replaces_a_good_set():
    good, late = (jwk.JWK.generate(kty="EC", crv="P-256") for _ in range(2))
    with Peers() as t:
        t.put("good.pem", good.export_to_pem())
        t.start()
        before = t.served()
        equal(before[-1]["kid"], good.thumbprint())
        for name, content in (("new.jwk", late.export_private(as_dict=True)), ("new.pem", "nonsense")):
            path = t.put(name, content)
            t.reload("event=reload-refused")
            equal((path in t.log.rsplit("reload-refused", 1)[1], t.served()), (True, before))
            os.unlink(path)
        t.put("new.jwk", public(late, kid="late"))
        t.reload()
        t.until(lambda: t.served()[-1]["kid"] == "late", "the new key")
        os.unlink(os.path.join(t.peers, "new.jwk"))
        os.unlink(os.path.join(t.peers, "good.pem"))
        t.reload()
        t.until(lambda: t.served() == before[:-1], "the old set without it")
        os.rmdir(t.peers)
        t.reload("event=reload-refused")
        equal(t.served(), before[:-1])


@test
def files_that_anybody_may_write_or_that_are_none_are_refused():
    key = jwk.JWK.generate(kty="EC", crv="P-256").export_to_pem()
    with Peers() as t:
        path = t.put("a.pem", key)
        os.chmod(path, 0o666)
        code, _, err = t.check()
        equal((code, path in err, "anybody may write" in err, f"chmod o-w {path}" in err), (78, True, True, True), err)
        os.chmod(path, 0o644)
        os.chmod(t.peers, 0o777)
        code, _, err = t.check()
        equal((code, "anybody may write" in err, f"chmod o-w {t.peers}\n" in err), (78, True, True), err)
        os.chmod(t.peers, 0o755)
        os.symlink(path, os.path.join(t.peers, "b.pem"))
        equal("1 verify-only keys" in t.check()[1], True, "a link to a file is a file")
        os.mkfifo(os.path.join(t.peers, "c.pem"))
        code, _, err = t.check()
        equal((code, "c.pem: it is not a plain file" in err), (78, True), err)
        os.unlink(os.path.join(t.peers, "c.pem"))
        os.symlink("/nonexistent", os.path.join(t.peers, "d.pem"))
        equal("d.pem: No such file" in t.check()[2], True)
        os.unlink(os.path.join(t.peers, "d.pem"))
        with open(os.path.join(t.peers.encode(), b"e\n[client x]\nuser = *.pem"), "w"):
            code, _, err = t.check()
        equal((code, "its name is not plain text" in err), (78, True), err)


@test
def the_configuration_says_where_and_nothing_else():
    for lines, said in (("verify-only = peers.d", "verify-only takes absolute paths"), ("verify-only-no-discovery = x", "verify-only-no-discovery takes absolute paths"), ("[set web]\nkeys = es256\nverify-only-kid-style = k8s", "goes with verify-only only"),
                        ("verify-only-kid-style = label", "thumbprint or k8s"), ("verify-only = /nonexistent/x", "/nonexistent/x: No such file"),
                        ("[verify-only 1]\nset = default\nfile = /x\nkid = x\nalg = ES256\nkty = EC\nthumbprint = x\njwk = {\"kid\":\"x\"}\npkix = AA", "name its folder in a [set]"),
                        ("[verify-only 1]\nset = default", "not a whole public key")):
        with Peers(lines) as t:
            code, _, err = t.check()
            equal((code, said in err), (78, True), lines + err)


@test
def kids_are_made_as_kubernetes_makes_them_and_takers_find_their_keys():
    key = jwk.JWK.generate(kty="EC", crv="P-256")
    kid = base64.urlsafe_b64encode(hashlib.sha256(base64.b64decode(pkix(key))).digest()).rstrip(b"=").decode()
    with Peers("verify-only-kid-style = k8s\n[set kube]\nprofile = k8s\nverify-only-kid-style = k8s") as t:
        t.change("profile = k8s\n", f"profile = k8s\nverify-only = {t.peers}\n")
        t.put("old.pem", key.export_to_pem())
        t.put("sa.jwk", public(key, kid=kid))
        offline = json.loads(t.offline("--set", "kube"))["keys"]
        t.start()
        equal([k["kid"] for k in t.served()][-1], kid)
        equal([k["kid"] for k in t.served("/.well-known/jwks/kube.json")], [kid], "a set of files alone is served at once")
        equal(offline, t.served("/.well-known/jwks/kube.json"))
        t.put("sa.jwk", public(key, kid="other"))
        code, _, err = t.check()
        equal((code, "profile k8s finds this key as" in err and kid in err), (78, True), err)
        t.put("sa.jwk", public(jwk.JWK.generate(kty="OKP", crv="Ed25519")))
        t.reload("event=keys-left-out")
        equal(t.served()[-1]["kty"], "OKP")
        equal([k["kid"] for k in t.served("/.well-known/jwks/kube.json")], [kid], "and what its taker does not take is left out")


@test
def what_is_kept_out_of_discovery_is_in_sets_without_an_issuer_only():
    hidden, shown = (jwk.JWK.generate(kty="EC", crv=crv) for crv in ("P-384", "P-256"))
    issuer = "issuer = https://issuer.example\n[set peers]\nkeys = *"
    with Peers(issuer) as t:
        private = os.path.join(t.root, "private.d")
        os.mkdir(private, 0o755)
        t.change("[set peers]\n", f"[set peers]\nverify-only = {t.peers}\nverify-only-no-discovery = {private}\n")
        t.change("[set default]\n", f"[set default]\nverify-only-no-discovery = {private}\n")
        t.change("[key rs256]\n", "[key rs256]\ndiscovery = no\n")
        t.put("shown.pem", shown.export_to_pem())
        path = t.put(os.path.join(private, "hidden.pem"), hidden.export_to_pem())
        offline = [json.loads(t.offline("--set", name))["keys"] for name in ("default", "peers")]
        t.start()
        found, told = t.served(), t.served("/.well-known/jwks/peers.json")
        equal(offline, [found, told])
        equal([k["alg"] for k in found], ["ES256", "EdDSA", "ES256"])
        equal([k["alg"] for k in told], ["ES256", "RS256", "EdDSA", "ES256", "ES384"])
        algs = json.loads(t.ask("GET", "/.well-known/openid-configuration")[2])["id_token_signing_alg_values_supported"]
        equal(algs, ["ES256", "EdDSA"])
        equal(t.ask("POST", "/v1/keys/rs256/sign", {"alg": "RS256", "input": "aGVsbG8"})[0], 200, "it signs for whoever may")
        t.stop()
        both = t.put("both.pem", hidden.export_to_pem())
        code, _, err = t.check()
        equal((code, "is kept out of discovery" in err, both in err, path in err), (78, True, True, True), err)
        os.unlink(both)
        t.change("keys = *\nverify-only =", "keys = rs256\nverify-only =")
        t.start()
        equal([k["kid"] for k in t.served()], [shown.thumbprint()], "nothing of a token is waited for that is not shown")


@test
def a_set_for_tokens_too_waits_for_them():
    with Peers(keys="gone\n[key gone]\nuri = pkcs11:token=trial;object=gone\n[set default2]\nkeys = gone") as t:
        t.change(f"verify-only = {t.peers}\n", "")
        t.change("keys = gone\n[key", f"keys = gone\nverify-only = {t.peers}\n[key")
        t.put("a.pem", jwk.JWK.generate(kty="EC", crv="P-256").export_to_pem())
        t.start()
        status, _, body = t.ask("GET", JWKS)
        equal((status, json.loads(body)["code"]), (503, "NOT_READY"))


@test
def a_key_of_mldsa_stays_out_of_sets_for_everybody():
    with open(AKP) as f:
        akp = json.load(f)
    with Peers("[set pq]\nkeys = es256") as t:
        t.change("[set pq]\n", f"[set pq]\nverify-only = {t.peers}\n")
        t.put("akp.jwk", akp)
        t.start()
        equal({k["kty"] for k in t.served()} & {"AKP"}, set())
        equal([k["kty"] for k in t.served("/.well-known/jwks/pq.json")], ["EC", "AKP"])
        equal("an ML-DSA key goes into a set that names its keys" in t.log, True)


def read_by(program, conf, **env):
    """What jwk11d-keys makes of a configuration: how it ended, its answer, what it said."""
    memory, (out, into) = os.memfd_create("conf"), os.pipe()
    os.write(memory, conf.encode())

    def place():
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate((memory, into))]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)

    p = subprocess.Popen([program], preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **env})
    os.close(into)
    os.close(memory)
    with open(out) as f:
        answer = f.read()
    said = p.communicate(timeout=30)[1].decode()
    return p.returncode, answer, said


@test
def who_reads_the_files_is_shut_off_first():
    keys, probe = os.path.join(BUILD, "jwk11d-keys"), os.path.join(BUILD, "tests", "keys_probe")
    with Peers() as t:
        key = jwk.JWK.generate(kty="EC", crv="P-256")
        conf = f"[set s]\nverify-only = {t.peers}\n"
        t.put("a.pem", key.export_to_pem())
        code, answer, said = read_by(keys, conf)
        equal((code, answer.split("\n")[:5], said), (0, ["good", "[verify-only 1]", "set=s", f"file={t.peers}/a.pem", f"kid={key.thumbprint()}"], ""))
        if not SANITIZED:
            for word in ("read", "write", "exec", "unix", "fork"):
                code, answer, said = read_by(probe, conf, JWK11_PROBE=word)
                equal((code, answer, "probe" in said), (-signal.SIGSYS, "", False), word + said)
        t.put("a.pem", "x")
        code, answer, said = read_by(keys, conf)
        equal((code, answer.startswith("refused\n[set s] verify-only: ")), (1, True), answer)
    libraries = subprocess.run(["ldd", JWK11D], capture_output=True, text=True, check=True).stdout
    equal("libcrypto" in libraries or "p11-kit" in libraries, False, "the supervisor links neither: " + libraries)


main()
