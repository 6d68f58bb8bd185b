# SPDX-License-Identifier: Apache-2.0
"""One suite for every kind of token. A program token_NAME.py runs it against the token that tests/tokens/NAME.sh prepares; what that token
cannot do stands in its table below and is asserted, not passed over."""
import base64, hmac, json, os, shutil, signal, subprocess, sys, tempfile
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, padding, rsa, utils, x25519, x448
from jwcrypto import jwe as jwcrypto_jwe, jwk as jwcrypto_jwk, jws as jwcrypto_jws

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import BUILD, JWK11, Trial, equal, main, test

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tokens")
LIB = f"/usr/lib/{os.uname().machine}-linux-gnu"
MESSAGE = b"one message for every token"

with open(os.path.join(SCRIPTS, "algs")) as f:
    ALGS = {words[0]: words[1:] for words in (line.split() for line in f if not line.startswith("#"))}
SIGNATURES = list(dict.fromkeys(alg for algs in ALGS.values() for alg in algs if not alg.startswith("ECDH")))
SECRET = b"0" * 64  # that common.sh gives each token's key for MACs
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(), "secp256k1": ec.SECP256K1()}
OKP = {"Ed25519": ed25519.Ed25519PublicKey, "Ed448": ed448.Ed448PublicKey, "X25519": x25519.X25519PublicKey, "X448": x448.X448PublicKey}

# What `jwk11 sign --offline` and the broker answer for a key that cannot sign: the tool's code, the broker's state of the key, its code.
DECRYPTS_ONLY = ("KEY_UNAVAILABLE", "unsupported", "KEY_UNAVAILABLE")
WANTS_PIN_EACH_TIME = ("KEY_WANTS_PIN", "wants-pin", "KEY_WANTS_PIN")

# Tokens that can go while the daemon runs: the code of a request meanwhile.
CARD_LOSS, TPM_LOSS = "TOKEN_ABSENT", "TOKEN_FAILED"

# The daemon's view of the token after two wrong PINs and then the right one, which must not be risked as the last try.
NO_COUNTER = ["pin-rejected", "pin-rejected", "ready"]
COUNTER = ["pin-rejected", "pin-rejected", "pin-final-try"]
TPM_LOCK = ["pin-locked", "pin-locked", "pin-locked"]  # no flag tells; the tests before this one have used up its three tries

# What a key is made as when nobody says otherwise: nearly no module makes a key that is for signatures alone.
ALL_USES, MOBILE = ["wraps", "two-uses"], ["extractable", "was-extractable"]

# tpm2-pkcs11 shows the point of a P-521 key in a form of its own.
NO_USE = "made key \"made-ES512\" with a public half that cannot be used"

KINDS = ("rsa", "p256", "p384", "p521", "ed25519", "ed448")

# One table per token. makes: the algorithms for which it does not generate a key, and what it says; it does for all others.
# refuses: the keys that it does not take from outside, and what it says. keys: what the script made, by type. cannot: (key, algorithm) → how it is refused; all others sign.
# health: what is known against each of its keys that signs.
# loss: how the token goes away under us. probe: the module's own manners, which our library has to bear.
TOKENS = {
    "softhsm": {
        "label": "tok1",
        "keys": {"rsa": "RSA", "p256": "P-256", "p384": "P-384", "p521": "P-521", "ed25519": "Ed25519", "secp256k1": "secp256k1", "ed448": "Ed448",
                 "x25519": "X25519", "x448": "X448", "mac": "oct"},
        "refuses": {},
        "makes": {},
        "cannot": {},
        "health": {**{key: ALL_USES for key in ("rsa", "p256", "p384", "p521", "ed25519", "secp256k1")}, "ed448": [],
                   "mac": ["was-extractable", "wraps", "two-uses"]},
        "loss": None,
        "two wrong, one right": NO_COUNTER,
        "probe": {
            "second C_Initialize": "CKR_CRYPTOKI_ALREADY_INITIALIZED",
            "after fork": "CKR_OK, parent CKR_OK",
            "old handle after logout": "CKR_OBJECT_HANDLE_INVALID, again CKR_OBJECT_HANDLE_INVALID",
            "size query for P-256": "64",
            "private key": "point absent, spki empty, mechanisms empty, local true",
            "always authenticate": "false",
            "limits": "0, PIN 4-255",
            "C_Finalize in an early atexit": "dies",
            "mechanism of another family": "dies",
        },
    },
    "nss": {
        "label": "NSS Certificate DB",
        "keys": {"rsa": "RSA", "p256": "P-256", "p384": "P-384", "p521": "P-521", "mac": "oct"},
        "refuses": dict.fromkeys(("ed25519", "ed448"), "CKR_ATTRIBUTE_VALUE_INVALID"),
        "makes": {"ES256K": "CKR_DOMAIN_PARAMS_INVALID", **dict.fromkeys(("EdDSA", "Ed25519", "Ed448"), "CKR_MECHANISM_INVALID")},
        "cannot": {},
        "health": {"rsa": MOBILE + ALL_USES, **{key: MOBILE + ["two-uses"] for key in ("p256", "p384", "p521")},
                   "mac": ["was-extractable", "wraps", "two-uses"]},
        "loss": None,
        "two wrong, one right": NO_COUNTER,
        "probe": {
            "second C_Initialize": "CKR_CRYPTOKI_ALREADY_INITIALIZED",
            "after fork": "CKR_OK, parent CKR_OK",
            "old handle after logout": "CKR_HOST_MEMORY, again CKR_OK",
            "size query for P-256": "144",
            "private key": "point absent, spki absent, mechanisms absent, local false",
            "always authenticate": "absent",
            "limits": "0, PIN 0-500",
            "C_Finalize in an early atexit": "CKR_OK",
            "mechanism of another family": "CKR_KEY_TYPE_INCONSISTENT",
        },
    },
    "tpm2": {
        "label": "tpmtok",
        "keys": {"rsa": "RSA", "p256": "P-256", "p384": "P-384"},
        # It has HMAC mechanisms, and no way to a key for them.
        "refuses": dict.fromkeys(KINDS, "CKR_ATTRIBUTE_VALUE_INVALID"),
        "makes": {"ES512": NO_USE, "ES256K": "CKR_CURVE_NOT_SUPPORTED",
                  **dict.fromkeys(("EdDSA", "Ed25519", "Ed448"), "CKR_MECHANISM_INVALID"), **dict.fromkeys(ALGS["oct"], "CKR_FUNCTION_NOT_SUPPORTED")},
        "cannot": {},
        "health": {key: ["two-uses"] for key in ("rsa", "p256", "p384")},
        "loss": TPM_LOSS,
        "two wrong, one right": TPM_LOCK,
        "probe": {
            "second C_Initialize": "CKR_CRYPTOKI_ALREADY_INITIALIZED",
            "after fork": "CKR_OK, parent CKR_GENERAL_ERROR",
            "old handle after logout": "CKR_USER_NOT_LOGGED_IN, again CKR_OK",
            "size query for P-256": "64",
            "private key": "point there, spki empty, mechanisms there, local true",
            "always authenticate": "false",
            "limits": "1024, PIN 0-128",
            "C_Finalize in an early atexit": "CKR_OK",
            "mechanism of another family": "CKR_MECHANISM_INVALID",
        },
    },
    "opencryptoki": {
        "label": "ocktok",
        "keys": {"rsa": "RSA", "mac": "oct"},
        "refuses": {**dict.fromkeys(("p256", "p384", "p521"), "offers no mechanism for"), **dict.fromkeys(("ed25519", "ed448"), "CKR_ATTRIBUTE_VALUE_INVALID")},
        "makes": dict.fromkeys(("ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448"), "CKR_MECHANISM_INVALID"),
        "cannot": {},
        "health": {"rsa": MOBILE + ALL_USES, "mac": ["two-uses"]},
        "loss": None,
        "two wrong, one right": COUNTER,
        "probe": {
            "second C_Initialize": "CKR_CRYPTOKI_ALREADY_INITIALIZED",
            "after fork": "CKR_CRYPTOKI_NOT_INITIALIZED then CKR_OK, parent CKR_OK",
            "old handle after logout": "CKR_KEY_HANDLE_INVALID, again CKR_KEY_HANDLE_INVALID",
            "size query for P-256": "none",
            "private key": "point absent, spki absent, mechanisms absent, local true",
            "always authenticate": "false",
            "limits": "~0-1, PIN 4-8",
            "C_Finalize in an early atexit": "CKR_OK",
            "mechanism of another family": "CKR_MECHANISM_INVALID",
        },
    },
    "piv": {
        "label": "Trial Card 9A",
        "certificates": True,
        "keys": {"auth": "RSA", "sign": "P-384", "decrypt": "RSA", "card": "P-256"},
        "refuses": dict.fromkeys(KINDS, "CKR_FUNCTION_NOT_SUPPORTED"),
        "makes": dict.fromkeys(SIGNATURES, "CKR_FUNCTION_NOT_SUPPORTED"),
        "cannot": {("sign", "ES384"): WANTS_PIN_EACH_TIME, **{("decrypt", alg): DECRYPTS_ONLY for alg in ALGS["RSA"]}},
        "health": {"auth": ALL_USES, "card": []},
        "loss": CARD_LOSS,
        "two wrong, one right": COUNTER,
        "probe": {
            "second C_Initialize": "CKR_CRYPTOKI_ALREADY_INITIALIZED",
            "after fork": "CKR_OK, parent CKR_OK",
            "old handle after logout": "CKR_OK, again CKR_OK",  # the key that wants no PIN
            "size query for P-256": "64",
            "private key": "point absent, spki absent, mechanisms absent, local true",
            "always authenticate": "true on 1",
            "limits": "0, PIN 4-8",
            "C_Finalize in an early atexit": "CKR_OK",
            "mechanism of another family": "CKR_KEY_TYPE_INCONSISTENT",
        },
    },
}


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text):
    return int.from_bytes(unb64(text), "big")


def public_key(jwk):
    if jwk["kty"] == "RSA":
        return rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
    if jwk["kty"] == "OKP":
        return OKP[jwk["crv"]].from_public_bytes(unb64(jwk["x"]))
    return ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), CURVES[jwk["crv"]]).public_key()


def verify(jwk, alg, message, signature):
    """By python3-cryptography; raises when it does not hold. A MAC by a secret that is known."""
    if alg.startswith("HS"):
        if hmac.digest(unb64(jwk["k"]), message, "sha" + alg[2:]) != signature:
            raise InvalidSignature
        return
    key, digest = public_key(jwk), HASHES.get(alg[2:].rstrip("K"))
    if alg.startswith("RS"):
        key.verify(signature, message, padding.PKCS1v15(), digest)
    elif alg.startswith("PS"):
        key.verify(signature, message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    elif alg.startswith("ES"):
        half = (key.curve.key_size + 7) // 8
        equal(len(signature), 2 * half, alg)
        parts = [int.from_bytes(part, "big") for part in (signature[:half], signature[half:])]
        key.verify(utils.encode_dss_signature(*parts), message, ec.ECDSA(digest))
    else:
        key.verify(signature, message)


def check(jwk, alg, signature):
    verify(jwk, alg, MESSAGE, signature)
    try:
        verify(jwk, alg, MESSAGE + b"!", signature)
    except InvalidSignature:
        return
    raise AssertionError(f"the {alg} signature verifies over another message")


class Token(Trial):
    """The token under test in a folder of its own, and the daemon on it."""

    def __init__(self, name):
        self.name, self.table = name, TOKENS[name]
        self.root = tempfile.mkdtemp(prefix="jwk11-")
        self.dir = os.path.join(self.root, "t")
        os.mkdir(self.dir, 0o700)
        self.conf = os.path.join(self.dir, "jwk11.conf")
        self.api = os.path.join(self.dir, "run", "api.sock")
        self.public = os.path.join(self.dir, "run", "public.sock")
        self.daemon, self.log, self.env = None, "", {}

    def script(self, verb, check=True):
        done = subprocess.run([os.path.join(SCRIPTS, self.name + ".sh"), verb, self.dir], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(f"{verb}: {done.stderr}")
        return done.returncode == 0

    def prepare(self):
        self.script("start")
        with open(os.path.join(self.dir, "env")) as f:
            self.env = dict(line.rstrip("\n").split("=", 1) for line in f)
        with open(os.path.join(self.dir, "pin")) as f:
            self.pin = f.read().strip()

    def every(self):
        """Every key with every algorithm of its type, and how it is refused: None where it does it."""
        for key, kind in self.table["keys"].items():
            for alg in ALGS[kind]:
                yield key, alg, f"{key}-{alg.replace('+', '.')}", self.table["cannot"].get((key, alg))

    def rows(self):
        """Those that sign."""
        return (row for row in self.every() if row[1] in SIGNATURES)

    def tool(self, *args, stdin=b""):
        env = dict(os.environ)
        if self.name != "softhsm":  # whose leaks are on record in lsan.supp; the others have too many
            env["ASAN_OPTIONS"] = ":".join(filter(None, [env.get("ASAN_OPTIONS"), "detect_leaks=0"]))
        done = subprocess.run([JWK11, "--offline", "--config", self.conf, *args], input=stdin, capture_output=True, env=env)
        return done.returncode, done.stdout, done.stderr.decode()

    def quiet(self):
        """The environment of a program that loads the module itself."""
        return {**os.environ, **self.env, "ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))}

    def jwk(self, name):
        if name.startswith("mac-"):
            return {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET).rstrip(b"=").decode()}
        code, out, errors = self.tool("jwks", name)
        equal(code, 0, errors)
        return json.loads(out)["keys"][0]

    def start(self, until="event=catalogue"):
        self.stop()  # what a failed test left running
        self.log = ""
        return super().start(until)

    def state_with(self, pin):
        """The state that the daemon finds the token in with this PIN, and how often the token refused a PIN meanwhile."""
        path = os.path.join(self.dir, "pin")
        os.chmod(path, 0o600)
        with open(path, "w") as f:
            f.write(pin + "\n")
        os.chmod(path, 0o400)
        self.start()
        state = json.loads(self.ask("GET", "/v1/tokens")[2])["tokens"][0]["state"]
        equal(self.stop(), 0)
        return state, self.log.count("CKR_PIN_")

    def close(self):
        self.stop()
        self.script("stop", check=False)
        shutil.rmtree(self.root, ignore_errors=True)


T = None  # the token of this program


@test
def the_token_can_be_prepared():
    T.prepare()


@test
def lists_in_the_one_schema():
    code, out, errors = T.tool("list", "--json")
    equal(code, 0, errors)
    listed = json.loads(out)
    equal(set(listed), {"schema", "keys"})
    equal(listed["schema"], "jwk11/list/1")
    equal([k["name"] for k in listed["keys"]], [name for _, _, name, _ in T.every()])
    for k, (key, alg, name, refusal) in zip(listed["keys"], T.every()):
        equal(set(k), {"name", "alg", "kty", "state", "token", "kid", "thumbprint_uri", "may_sign"}, name)
        state = refusal[1] if refusal else "active"
        equal((k["alg"], k["state"], k["token"], k["may_sign"]),
              (*(("", state, "") if refusal is DECRYPTS_ONLY else (alg, state, T.table["label"])),
               f"no ({state})" if refusal else "yes" if alg in SIGNATURES else "decrypt only"), name)
        if T.table["keys"][key] == "oct":
            equal((k["kty"], k["kid"], k["thumbprint_uri"]), ("oct", name, ""), "nothing public to make a kid of")


@test
def exports_public_members_and_the_thumbprint():
    members = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
    rows = [row for row in T.every() if row[3] is not DECRYPTS_ONLY and T.table["keys"][row[0]] != "oct"]
    code, out, errors = T.tool("jwks", *[name for _, _, name, _ in rows])
    equal(code, 0, errors)
    keys = json.loads(out)["keys"]
    equal([k["alg"] for k in keys], [alg for _, alg, _, _ in rows])
    for k, (key, alg, name, _) in zip(keys, rows):
        equal(set(k), {"kty", "use", "alg", "kid"} | members[k["kty"]], name)
        equal((k.get("crv", "RSA"), k["use"]), (T.table["keys"][key], "sig" if alg in SIGNATURES else "enc"), name)
        first = alg == ALGS[T.table["keys"][key]][0]
        equal(k["kid"], jwcrypto_jwk.JWK(**{m: v for m, v in k.items() if m not in ("kid", "alg", "use")}).thumbprint() if first else name, name)
        code, pem, errors = T.tool("jwks", "--format", "pem", name)
        equal(code, 0, errors)
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        equal(serialization.load_pem_public_key(pem).public_bytes(*form), public_key(k).public_bytes(*form), name)
    for key, alg, name, _ in T.every():
        if T.table["keys"][key] == "oct":
            code, out, errors = T.tool("jwks", name)
            equal((code, out, "KEY_SECRET" in errors), (65, b"", True), errors)


@test
def publishes_keys_without_a_fault():
    code, out, errors = T.tool("jwks")
    equal(code, 0, errors)
    for k in json.loads(out)["keys"]:
        code, said, errors = T.tool("lint", "--strict", "-", stdin=json.dumps(k).encode())
        equal((code, errors), (0, ""), said.decode())
    whole = json.loads(T.tool("lint", "--json", "-", stdin=out)[1])
    equal({f["rule"] for f in whole["findings"] if f["severity"] != "info"} - {"key-two-algs"}, set(), "the trial lists a key under each algorithm")


@test
def certificates_stand_in_x5c_where_the_token_has_them():
    code, out, errors = T.tool("jwks", "--x5c")
    equal(code, 0, errors)
    for k in json.loads(out)["keys"]:
        equal("x5c" in k, T.table.get("certificates", False), k["kid"])
        if "x5c" in k:  # each signed by its own key
            equal(len(k["x5c"]), 1, k["kid"])
            cert = x509.load_der_x509_certificate(base64.b64decode(k["x5c"][0], validate=True))
            equal(cert.public_key().public_numbers(), public_key(k).public_numbers(), k["kid"])
            equal(unb64(k["x5t#S256"]), cert.fingerprint(hashes.SHA256()), k["kid"])


@test
def signs_every_algorithm_without_the_broker():
    for _, alg, name, refusal in T.rows():
        code, out, errors = T.tool("sign", name, stdin=MESSAGE)
        if refusal:
            equal(code != 0 and refusal[0] in errors, True, f"{name}: {errors}")
            continue
        equal(code, 0, f"{name}: {errors}")
        check(T.jwk(name), alg, unb64(out.decode().strip()))


@test
def signs_every_algorithm_through_the_broker():
    T.start()
    listed = json.loads(T.ask("GET", "/v1/keys")[2])["keys"]
    states = {k["name"]: k["state"] for k in listed}
    for _, alg, name, refusal in T.rows():
        equal(states[name], refusal[1] if refusal else "active", name)
        status, _, body = T.ask("POST", f"/v1/keys/{name}/sign", {"input": base64.urlsafe_b64encode(MESSAGE).rstrip(b"=").decode()})
        answer = json.loads(body)
        if refusal:
            equal(answer.get("code"), refusal[2], f"{name}: {answer}")
            continue
        equal((status, answer.get("alg")), (200, alg), f"{name}: {answer}")
        check(T.jwk(name), alg, unb64(answer["signature"]))


@test
def the_brokers_tokens_verify_by_jwcrypto():
    for _, alg, name, refusal in T.rows():
        if refusal or alg in ("Ed25519", "Ed448"):  # names jwcrypto does not know yet
            continue
        status, _, body = T.ask("POST", f"/v1/keys/{name}/jws", {"payload": "aGk"}, {"Accept": "application/jose"})
        equal(status, 200, f"{name}: {body}")
        token = jwcrypto_jws.JWS()
        token.allowed_algs = [alg]
        token.deserialize(body.decode(), jwcrypto_jwk.JWK(**T.jwk(name)))
        equal(token.payload, b"hi", name)


@test
def the_tokens_macs_are_checked_on_it():
    for key, alg, name, _ in T.rows():
        if T.table["keys"][key] != "oct":
            continue
        mac = hmac.digest(SECRET, MESSAGE, "sha" + alg[2:])
        body = {"input": base64.urlsafe_b64encode(MESSAGE).rstrip(b"=").decode()}
        for octets, status in ((mac, 200), (bytes([mac[0] ^ 1]) + mac[1:], 400), (mac[:-1], 400), (mac + b"0", 400)):
            answer = T.ask("POST", f"/v1/keys/{name}/verify", {**body, "signature": base64.urlsafe_b64encode(octets).rstrip(b"=").decode()})
            equal((answer[0], json.loads(answer[2]).get("code")), (status, None if status == 200 else "SIGNATURE_INVALID"), f"{name}: {answer[2]}")


@test
def agrees_with_jwcrypto_on_keys():
    for _, alg, name, _ in T.every():
        if alg in SIGNATURES:
            continue
        sealed = jwcrypto_jwe.JWE(MESSAGE, json.dumps({"alg": alg, "enc": "A256GCM"}))
        sealed.add_recipient(jwcrypto_jwk.JWK(**T.jwk(name)))
        text = sealed.serialize(compact=True)
        status, _, body = T.ask("POST", f"/v1/keys/{name}/decrypt", {"jwe": text}, {"Accept": "application/octet-stream"})
        equal((status, body), (200, MESSAGE), name)
        code, out, errors = T.tool("decrypt", name, stdin=text.encode())
        equal((code, out), (0, MESSAGE), f"{name}: {errors}")


@test
def says_what_is_known_against_each_key():
    listed = {k["name"]: k.get("health") for k in json.loads(T.ask("GET", "/v1/keys")[2])["keys"]}
    equal(T.stop(), 0)
    warned = [(f.get("object"), f["text"]) for f in json.loads(T.tool("doctor", "--sign", "--json")[1])["findings"] if (f["level"], f["area"]) == ("warn", "key")]
    for key, _, name, refusal in T.rows():
        known = [] if refusal else T.table["health"][key]
        equal(listed[name], None if refusal else known, name)
        equal([text.split(": ")[0] for about, text in warned if about == name], known, "what the doctor says")


@test
def a_key_that_wants_its_pin_each_time_gets_it_when_that_is_asked_for():
    names = [(name, alg) for _, alg, name, refusal in T.rows() if refusal is WANTS_PIN_EACH_TIME]
    with open(T.conf) as f:
        before = f.read()
    after = before
    for name, alg in names:
        after = after.replace(f"[key {name}]\n", f"[key {name}]\ncontext-pin = yes\n")
        jwk = T.jwk(name)
        for _ in range(2):
            code, out, errors = T.tool("sign", "--context-pin", name, stdin=MESSAGE)
            equal(code, 0, errors)
            check(jwk, alg, unb64(out.decode().strip()))
    equal(after.count("context-pin = yes"), len(names))
    with open(T.conf, "w") as f:
        f.write(after)
    T.start()
    states = {k["name"]: k["state"] for k in json.loads(T.ask("GET", "/v1/keys")[2])["keys"]}
    for name, alg in names:
        equal(states[name], "active", name)
        for _ in range(2):
            status, _, body = T.ask("POST", f"/v1/keys/{name}/sign", {"input": base64.urlsafe_b64encode(MESSAGE).rstrip(b"=").decode()})
            equal(status, 200, body)
            check(T.jwk(name), alg, unb64(json.loads(body)["signature"]))
    equal(T.stop(), 0)
    with open(T.conf, "w") as f:
        f.write(before)
    T.start()


@test
def publishes_the_same_keys_after_a_restart():
    before = T.ask("GET", "/.well-known/jwks.json")[2]
    equal(T.stop(), 0)
    T.start()
    equal(T.ask("GET", "/.well-known/jwks.json")[2], before)
    name = next(name for _, _, name, refusal in T.rows() if not refusal)
    equal(T.ask("POST", f"/v1/keys/{name}/sign", {"input": "aGk"})[0], 200, name)
    equal(T.stop(), 0)


@test
def generates_keys_or_says_why_not():
    env = T.quiet()
    for alg in SIGNATURES:
        label = "made-" + alg
        made = subprocess.run([os.path.join(BUILD, "tests", "token_key"), T.env["MODULE"], T.env["TOKEN_URI"], os.path.join(T.dir, "pin"), "make", alg, label],
                              capture_output=True, text=True, env=env)
        expected = T.table["makes"].get(alg)
        equal((made.returncode, expected is None or f"C_GenerateKey(Pair): {expected}\n" in made.stderr or expected is NO_USE and expected in made.stderr), (2 if expected else 0, True),
              f"{alg}: {made.stderr}")
        if expected:
            continue
        uri = f"{T.env['TOKEN_URI']};object={label};type={'secret-key' if alg in ALGS['oct'] else 'private'}"
        code, out, errors = T.tool("sign", uri, "--alg", alg, stdin=MESSAGE)
        equal(code, 0, f"{alg}: {errors}")
        if alg not in ALGS["oct"]:  # whose value nobody knows
            check(T.jwk(uri), alg, unb64(out.decode().strip()))


@test
def takes_keys_from_outside_or_says_why_not():
    keys = {"rsa": ("RS256", rsa.generate_private_key(65537, 2048)), "p256": ("ES256", ec.generate_private_key(ec.SECP256R1())),
            "p384": ("ES384", ec.generate_private_key(ec.SECP384R1())), "p521": ("ES512", ec.generate_private_key(ec.SECP521R1())),
            "ed25519": ("EdDSA", ed25519.Ed25519PrivateKey.generate()), "ed448": ("EdDSA", ed448.Ed448PrivateKey.generate())}
    for kind, (alg, key) in keys.items():
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        for _ in range(2 if kind in T.table["refuses"] else 1):  # the second time shows that the first one left nothing
            code, out, errors = T.tool("import", "in-" + kind, "-", stdin=pem)
            equal((code, T.table["refuses"].get(kind, "") in errors), (65 if kind in T.table["refuses"] else 0, True), f"{kind}: {errors}")
        if kind in T.table["refuses"]:
            continue
        uri = f"{T.env['TOKEN_URI']};object=in-{kind};type=private"
        code, out, errors = T.tool("sign", uri, "--alg", alg, stdin=MESSAGE)
        equal(code, 0, f"{kind}: {errors}")
        jwk = T.jwk(uri)
        equal(public_key(jwk).public_numbers() if kind[0] != "e" else unb64(jwk["x"]), key.public_key().public_numbers() if kind[0] != "e" else
              key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw), kind)
        check(jwk, alg, unb64(out.decode().strip()))
        gone = subprocess.run([os.path.join(BUILD, "tests", "token_key"), T.env["MODULE"], T.env["TOKEN_URI"], os.path.join(T.dir, "pin"), "destroy", "in-" + kind],
                              capture_output=True, text=True, env=T.quiet())
        equal(gone.returncode, 0, gone.stderr)


@test
def a_key_rotates_on_it_or_it_says_why_not():
    makes = next((alg for alg in ("ES256", "RS256") if alg not in T.table["makes"]), None)
    with open(T.conf) as f:
        before = f.read()
    with open(T.conf, "w") as f:
        f.write(before + f"[key rotor]\nuri = {T.env['TOKEN_URI']};object=rotor\nalg = {makes or 'ES256'}\nlead = 1d\n")
    try:
        made = [T.tool("rotate", "rotor", "--json") for _ in range(2 if makes else 1)]
        if makes is None:
            equal((made[0][0], T.table["makes"]["ES256"] in made[0][2]), (69, True), made)
            return
        equal([code for code, _, _ in made], [0, 0], made)
        first, second = (json.loads(out)["kid"] for _, out, _ in made)
        T.start()
        status, _, body = T.ask("POST", "/v1/keys/rotor/sign", {"input": "aGk"})
        equal((status, json.loads(body).get("kid")), (200, first), body)
        versions = json.loads(T.ask("GET", "/v1/keys/rotor")[2])["versions"]
        equal([(v["state"], v["kid"]) for v in versions], [("active", first), ("next", second)])
        equal(T.stop(), 0)
        code, out, errors = T.tool("prune", "rotor", "--yes", "--", second)
        equal((code, out.startswith(b"destroyed rotor@")), (0, True), errors)
        versions = json.loads(T.tool("keys", "rotor", "--json")[1])["versions"]
        equal([(v["state"], v["kid"]) for v in versions], [("active", first)])
    finally:
        T.stop()
        with open(T.conf, "w") as f:
            f.write(before)


@test
def says_so_when_the_token_is_gone_and_serves_it_again():
    if T.table["loss"] is None:
        equal(T.script("lose", check=False), False, "it cannot go")
        return
    T.start()
    published = T.ask("GET", "/.well-known/jwks.json")[2]
    name = next(name for _, _, name, refusal in T.rows() if not refusal)
    sign = ("POST", f"/v1/keys/{name}/sign", {"input": "aGk"})
    equal(T.ask(*sign)[0], 200, name)
    T.script("lose")
    equal(json.loads(T.ask(*sign)[2]).get("code"), T.table["loss"])
    equal(T.ask("GET", "/.well-known/jwks.json")[2], published, "while the token is away")
    equal(T.ask("GET", "/livez")[0], 200, "while the token is away")
    T.script("regain")
    # Both modules may go on for good claiming that nothing happened while every signature fails: a new process is what is sure to help.
    equal(T.stop(), 0)
    T.start()
    status, _, body = T.ask(*sign)
    equal(status, 200, body)
    equal(T.ask("GET", "/.well-known/jwks.json")[2], published)
    equal(T.stop(), 0)


@test
def a_wrong_pin_is_sent_once_and_a_right_one_is_taken_again():
    equal(T.state_with("97531"), ("pin-rejected", 1))
    equal(T.state_with("97531"), ("pin-rejected", 0), "again")
    equal(T.state_with(T.pin), ("ready", 0))


@test
def the_module_behaves_as_we_know_it():
    module, reserved = T.env["MODULE_PATH"], []
    if T.name == "nss":
        module = LIB + "/libsoftokn3.so"
        reserved = [f"configdir='sql:{T.dir}/db' certPrefix='' keyPrefix='' secmod='secmod.db' flags="]
    own = {k: v for k, v in T.env.items() if k not in ("MODULE", "MODULE_PATH", "TOKEN_URI", "PIN_FILE")}
    done = subprocess.run([os.path.join(BUILD, "tests", "probe"), module, T.table["label"], T.pin, *reserved], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env={**os.environ, **own})
    answers = dict(line.split("=", 1) for line in done.stdout.splitlines())
    equal(answers, T.table["probe"], done.stderr)


@test
def the_last_try_is_left_to_the_owner():
    equal([T.state_with(pin)[0] for pin in ("86420", "75319", T.pin)], T.table["two wrong, one right"])


def run(name):
    global T
    if os.environ.get("JWK11_TOKEN_SPACE") != "own":
        os.execv(os.path.join(SCRIPTS, "enter"), ["enter", sys.executable, os.path.abspath(sys.argv[0])])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the token's daemons end too
    T = Token(name)
    try:
        main()
    finally:
        T.close()
