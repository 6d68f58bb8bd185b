#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' own API server with the broker as its signer: its tokens from the token request to a relying party, over rotations and a restart.
Needs JWK11_KUBE_APISERVER (scripts/kubernetes builds it) and etcd. The tests go on with the cluster that the first one starts."""
import base64, hashlib, json, os, re, signal, subprocess, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "it"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jwt
from cluster import Cluster, free_ports
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from clocked import Broker, Clock, moment, stamp
from trial import JWK11, Trial, equal, main, test

APISERVER = os.environ.get("JWK11_KUBE_APISERVER", "kube-apiserver")
PORT, = free_ports(1)
LIFETIME = 3600  # max-token-lifetime
LEAD = 600
AHEAD = 20  # seconds that a new version is known before it signs
KEYS = """[key accounts]
uri = pkcs11:token=trial;object=accounts
lead = 10m
overlap = 2h
[set cluster]
keys = accounts
issuer = {issuer}
verify-only-no-discovery = {old}
verify-only-kid-style = k8s
[kubernetes]
key = accounts
set = cluster
max-token-lifetime = 1h
refresh-hint = 1
[client apiserver]
uid = 0
socket = kubernetes
keys = accounts
allow = jwt
jwt-max-ttl = 1h
jwt-issuer = {issuer}
jwt-audience = {issuer}, vault, sts
jwt-subject = system:serviceaccount:*
[set default]
keys = es256
"""


class Signer(Trial):
    """The broker, and versions made by its tool with a clock that is wrong by as much as their lead should be shorter."""

    def __init__(self, issuer):
        super().__init__()
        old = os.path.join(self.root, "old")
        os.mkdir(old)
        self.change("[set default]\nkeys = *\n", KEYS.format(issuer=issuer, old=old))
        self.old_key = os.path.join(self.dir, "sa.key")
        subprocess.run(["openssl", "genrsa", "-out", self.old_key, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", self.old_key, "-pubout", "-out", old + "/sa.pem"], check=True, capture_output=True)
        self.change("[daemon]\n", "[daemon]\nrescan = 1\n")
        self.socket = os.path.join(self.dir, "run", "kubernetes.sock")

    def rotate(self, now, alg):
        """A new version: its kid and its moment."""
        with Clock(now) as clock:
            class Tool(Broker):
                def __init__(self, conf):
                    self.clock, self.conf = clock, conf
            code, out, err = Tool(self.conf).tool("rotate", "accounts", "--alg", alg, "--json")
        equal(code, 0, err)
        made = json.loads(out)
        return made["kid"], moment(made["from"])

    def generate(self, begins, kind):
        """As somebody else's tool does it, and again where SoftHSM loses what is made while others look at the token: one in fifty."""
        for _ in range(5):
            made = self.pkcs11_tool("--keypairgen", "--key-type", kind, "--usage-sign", "--label", "accounts@" + stamp(begins), "--id", os.urandom(8).hex())
            done = subprocess.run([JWK11, "--config", self.conf, "--offline", "--json", "keys", "accounts"], check=True, capture_output=True)
            if begins in [moment(version["from"]) for version in json.loads(done.stdout)["versions"]]:
                return
        raise AssertionError(f"SoftHSM makes no key of type {kind}: {made.stderr.decode()}")

    def pkcs11_tool(self, *arguments):
        with open(self.conf) as conf, open(self.dir + "/pin") as pin:
            module = re.search("^modules = (.*)$", conf.read(), re.M)[1]
            return subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", pin.read(), *arguments],
                                  capture_output=True, env={**os.environ, "SOFTHSM2_CONF": self.dir + "/softhsm2.conf"})

    def published(self):
        """By kid, what the broker says itself."""
        return {k["kid"]: k for k in json.loads(self.ask("GET", "/.well-known/jwks/cluster.json", sock=self.public)[2]).get("keys", [])}


class Scene:
    """What one test leaves to the next."""
    signer = cluster = None
    kid = None  # of the version that signs
    kept = []  # tokens of before, which nobody has looked at yet: the API server remembers for ten seconds what it has reviewed
    issued = refused = 0


def say(text):
    print("# " + text, flush=True)


def head(token):
    return jwt.get_unverified_header(token)


def issue(**spec):
    Scene.issued += 1
    return Scene.cluster.token(**spec)


def keep(why):
    token = issue()
    Scene.kept.append((why, head(token)["kid"], token))
    return token


def jwks():
    """By kid, as the API server serves them to anybody."""
    status, answer = Scene.cluster.ask("GET", "/openid/v1/jwks", bearer=None)
    equal(status, 200, answer)
    return {k["kid"]: k for k in answer["keys"]}


def accepted(token):
    status = Scene.cluster.review(token)
    equal((status.get("authenticated"), status.get("user", {}).get("username")), (True, "system:serviceaccount:trial:robot"), status)


def trusted(token, audience=None):
    """What a relying party does that knows the issuer only."""
    c = Scene.cluster
    equal(jwt.decode(token, options={"verify_signature": False})["iss"], c.issuer)
    status, discovery = c.ask("GET", "/.well-known/openid-configuration", bearer=None)
    equal((status, discovery["issuer"]), (200, c.issuer), discovery)
    status, answer = c.ask("GET", discovery["jwks_uri"][len(c.issuer):], bearer=None)
    equal(status, 200, answer)
    key = jwt.PyJWKSet.from_dict(answer)[head(token)["kid"]]
    if head(token)["alg"] not in discovery["id_token_signing_alg_values_supported"]:
        raise AssertionError(f"{head(token)} and {discovery}")
    return jwt.decode(token, key.key, [head(token)["alg"]], audience=audience or c.issuer, issuer=c.issuer)


@test
def the_api_server_starts_with_the_broker_as_its_signer_and_waits_for_it():
    Scene.kid, _ = Scene.signer.rotate(int(time.time()) - 3600, "ES256")
    c = Scene.cluster = Cluster(APISERVER, PORT, Scene.signer.socket)
    c.start()
    c.server.until(lambda: c.server.log, "its first word")
    began = time.monotonic()
    Scene.signer.start()
    c.server.until(c.is_ready, "the API server to be ready", 120)
    say(f"{Scene.cluster.ask('GET', '/version')[1]['gitVersion']}, ready {time.monotonic() - began:.1f} s after the broker came, later than itself")
    c.make("/api/v1/namespaces", {"metadata": {"name": "trial"}})
    c.make("/api/v1/namespaces/trial/serviceaccounts", {"metadata": {"name": "robot"}})
    c.make("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        "metadata": {"name": "discovery-for-anybody"},
        "subjects": [{"kind": "Group", "name": "system:unauthenticated", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": "system:service-account-issuer-discovery", "apiGroup": "rbac.authorization.k8s.io"}})


@test
def a_token_request_is_signed_on_the_token():
    token = issue(expirationSeconds=900)
    equal(head(token), {"alg": "ES256", "kid": Scene.kid, "typ": "JWT"})
    claims = jwt.decode(token, options={"verify_signature": False})
    equal((claims["iss"], claims["aud"], claims["sub"], claims["exp"] - claims["iat"]),
          (Scene.cluster.issuer, [Scene.cluster.issuer], "system:serviceaccount:trial:robot", 900), claims)


@test
def the_api_server_accepts_it():
    accepted(issue())
    status, answer = Scene.cluster.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                                       {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, bearer=issue())
    equal((status, answer["status"]["userInfo"]["username"]), (201, "system:serviceaccount:trial:robot"), "as a bearer token")


@test
def a_relying_party_verifies_it_by_the_documents_of_the_api_server():
    equal(trusted(issue())["kubernetes.io"]["serviceaccount"]["name"], "robot")
    equal(trusted(issue(audiences=["vault", "sts"]), audience="sts")["aud"], ["vault", "sts"])
    Scene.cluster.server.until(lambda: jwks() == Scene.signer.published(), "the set of the API server to be that of the broker")


@test
def what_was_not_signed_so_is_not_accepted():
    h, p, s = issue().split(".")
    other = issue(expirationSeconds=1200).split(".")[1]
    forged = jwt.encode(jwt.decode(f"{h}.{p}.{s}", options={"verify_signature": False}), "x" * 32, headers={"kid": "nobody"})
    for what, token in (("other claims", f"{h}.{other}.{s}"), ("another signature", f"{h}.{p}.{s[::-1]}"), ("no signature", f"{h}.{p}."),
                        ("a key that is nobody's", forged)):
        equal(Scene.cluster.review(token).get("authenticated", False), False, what)


@test
def what_the_rules_of_the_broker_refuse_is_not_signed():
    status, answer = Scene.cluster.token_request(audiences=["somebody-else"])
    equal((status >= 400, "token" in answer.get("status", {})), (True, False), answer)
    say(f"{status}: {answer['message']}")
    Scene.refused += 1


@test
def tokens_of_the_key_file_that_was_used_before_are_accepted_and_its_key_is_not_published():
    claims = jwt.decode(issue(expirationSeconds=1800), options={"verify_signature": False})
    with open(Scene.signer.old_key) as f:
        key = load_pem_private_key(f.read().encode(), None)
    info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    kid = base64.urlsafe_b64encode(hashlib.sha256(info).digest()).rstrip(b"=").decode()  # as Kubernetes makes it of a key file
    accepted(jwt.encode(claims, key, "RS256", headers={"kid": kid}))
    equal(kid in jwks(), False, "in discovery")


@test
def no_token_lives_longer_than_the_broker_says():
    claims = trusted(issue(expirationSeconds=7 * 24 * 3600))
    equal(claims["exp"] - claims["iat"], LIFETIME)
    greedy = subprocess.run(Scene.cluster.command("--service-account-max-token-expiration", "2h"), capture_output=True, text=True, timeout=60)
    equal("service-account-max-token-expiration cannot be set longer than the token expiration supported by service-account-signing-endpoint" in greedy.stderr,
          True, greedy.stderr[-2000:])


@test
def a_token_is_bound_to_its_pod():
    c = Scene.cluster
    pod = c.make("/api/v1/namespaces/trial/pods", {"metadata": {"name": "one"}, "spec": {"serviceAccountName": "robot", "automountServiceAccountToken": False,
                                                                                       "containers": [{"name": "main", "image": "none"}]}})
    token = issue(boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "one", "uid": pod["metadata"]["uid"]})
    accepted(token)
    equal(trusted(token)["kubernetes.io"]["pod"], {"name": "one", "uid": pod["metadata"]["uid"]})


def published_before(*versions):
    """The API server publishes new versions before the moment of the first."""
    Scene.cluster.server.until(lambda: {kid for kid, _ in versions} <= set(jwks()), "the API server to publish what is new")
    early = versions[0][1] - time.time()
    if early <= 0:
        raise AssertionError(f"published {-early:.1f} s after it began to sign")
    equal(head(keep("before"))["kid"] in (Scene.kid, versions[0][0]), True, "who signs until then")
    say(f"published {early:.1f} s before the moment")


def takes_over(kid, begins, alg):
    keep(f"before {alg}")

    def signed_by_it():
        token = issue()
        return token if head(token)["kid"] == kid else None

    token = Scene.cluster.server.until(signed_by_it, "the new version to sign")
    late = time.time() - begins
    if late < 0:
        raise AssertionError(f"it signs {-late:.1f} s too early")
    equal(head(token), {"alg": alg, "kid": kid, "typ": "JWT"})
    trusted(token)
    accepted(token)
    equal(jwks(), Scene.signer.published())
    Scene.kid = kid
    say(f"{alg} signs {late:.1f} s after its moment")


@test
def a_new_version_takes_over_at_its_moment():
    version = Scene.signer.rotate(int(time.time()) - LEAD + AHEAD, "ES256")
    published_before(version)
    takes_over(*version, "ES256")


@test
def versions_of_other_algorithms_and_of_other_tools_too():
    now, old, moments = int(time.time()), set(jwks()), {}
    for n, (alg, kind) in enumerate((("ES384", "EC:secp384r1"), ("ES512", "EC:secp521r1"), ("RS256", "rsa:2048"))):
        moments[alg] = now + AHEAD + 5 * n
        Scene.signer.generate(moments[alg], kind)
    Scene.cluster.server.until(lambda: len(Scene.signer.published()) == len(old) + 3, "the broker to find all three")
    new = {k["alg"]: kid for kid, k in Scene.signer.published().items() if kid not in old}
    equal(set(new), set(moments))
    versions = [(new[alg], moments[alg]) for alg in moments]
    published_before(*versions)
    for version, alg in zip(versions, moments):
        takes_over(*version, alg)


@test
def tokens_are_accepted_and_asked_for_while_the_broker_restarts():
    say_durations()  # without those that have to wait for it
    c, before = Scene.cluster, issue()
    keep("before the restart")
    equal(Scene.signer.stop(), 0)
    accepted(before)
    trusted(before)
    answers = []
    asking = [threading.Thread(target=lambda: answers.append(c.token_request())) for _ in range(4)]
    for t in asking:
        t.start()
    # The API server waits for its signer as long as a request may take.
    c.server.until(lambda: c.number("apiserver_flowcontrol_current_executing_requests") == len(asking) + 1, "the requests to wait, besides this one")
    began = time.monotonic()
    Scene.signer.start()
    for t in asking:
        t.join(60)
    say(f"4 requests that were asked while it was away were answered {time.monotonic() - began:.1f} s after its start")
    equal([status for status, _ in answers], [201] * 4, answers)
    Scene.issued += 4
    for _, answer in answers:
        accepted(answer["status"]["token"])
        equal(head(answer["status"]["token"])["kid"], Scene.kid)
    accepted(issue())
    equal(jwks(), Scene.signer.published())


@test
def a_worker_that_is_killed_costs_no_request():
    for pid in Scene.signer.children():
        with open(f"/proc/{pid}/comm") as f:
            if f.read().strip() == "jwk11d-worker":
                os.kill(pid, signal.SIGKILL)
    accepted(issue())


@test
def every_token_of_before_is_still_accepted():
    for why, kid, token in Scene.kept:
        trusted(token)
        accepted(token)
        say(f"{why}: {kid}")
    equal({head(token)["alg"] for _, _, token in Scene.kept}, {"ES256", "ES384", "ES512", "RS256"})


def say_durations():
    for method in ("Sign", "FetchKeys"):
        labels = f'method="/v1.ExternalJWTSigner/{method}"', 'code="OK"'
        calls, seconds = (Scene.cluster.number("apiserver_externaljwt_request_duration_seconds_" + what, *labels) for what in ("count", "sum"))
        say(f"{method}: {calls:.0f} calls, {1000 * seconds / calls:.2f} ms each on average")


@test
def the_api_server_counted_what_it_asked_of_the_broker():
    signed = [Scene.cluster.number("apiserver_externaljwt_sign_request_total", *labels) for labels in (['code="OK"'], [])]
    equal(signed, [Scene.issued, Scene.issued + Scene.refused])


if __name__ == "__main__":
    with Signer(f"https://127.0.0.1:{PORT}") as Scene.signer:
        try:
            main()
        finally:
            if Scene.cluster is not None:
                Scene.cluster.stop()
