#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 import: a software issuer's key in hardware, with the kid and the signatures that relying parties know."""
import base64, json, os, re, shlex, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, padding, rsa, utils, x25519
from mock_token import Mock
from terminal import Terminal
from trial import JWK11, Trial, equal, main, test

PASS = b"correct horse"
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def b64(n, width=0):
    octets = n if isinstance(n, bytes) else n.to_bytes(max(width, (n.bit_length() + 7) // 8), "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def jwk_of(key, **more):
    """The private JWK of a key, and the names of its public members."""
    if isinstance(key, rsa.RSAPrivateKey):
        n = key.private_numbers()
        jwk = {"kty": "RSA", "n": b64(n.public_numbers.n), "e": b64(n.public_numbers.e), "d": b64(n.d), "p": b64(n.p), "q": b64(n.q), "dp": b64(n.dmp1),
               "dq": b64(n.dmq1), "qi": b64(n.iqmp)}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        n, width = key.private_numbers(), (key.key_size + 7) // 8
        crv = {256: "P-256", 384: "P-384", 521: "P-521"}[key.key_size]
        jwk = {"kty": "EC", "crv": crv, "x": b64(n.public_numbers.x, width), "y": b64(n.public_numbers.y, width), "d": b64(n.private_value, width)}
    else:
        raw = ser.Encoding.Raw
        jwk = {"kty": "OKP", "crv": "Ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "Ed448",
               "x": b64(key.public_key().public_bytes(raw, ser.PublicFormat.Raw)),
               "d": b64(key.private_bytes(raw, ser.PrivateFormat.Raw, ser.NoEncryption()))}
    return dict(jwk, **more)


def public(jwk):
    return {name: value for name, value in jwk.items() if name in ("kty", "crv", "n", "e", "x", "y")}


def pem(key, form=ser.PrivateFormat.PKCS8, passphrase=None):
    return key.private_bytes(ser.Encoding.PEM, form, ser.BestAvailableEncryption(passphrase) if passphrase else ser.NoEncryption()).decode()


def p256():
    return ec.generate_private_key(ec.SECP256R1())


def write(t, name, text, mode=0o600):
    path = os.path.join(t.dir, name)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    os.fchmod(fd, mode)
    with os.fdopen(fd, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return path


def run(t, *args, **more):
    return subprocess.run([JWK11, "--config", t.conf, *args], capture_output=True, text=True, **more)


def bring(t, name, path, *more, code=0, **rest):
    r = run(t, "import", name, path, *more, **rest)
    equal(r.returncode, code, r.stderr)
    return r


def refused(t, path, code, word, *more, name="new"):
    r = bring(t, name, path, *more, code=code)
    if word not in r.stderr:
        raise AssertionError(f"no {word!r} in {r.stderr!r}")
    equal(r.stdout, "", "output of a refusal")


def on_token(t):
    """Labels of what lies on the trial token, by the module itself."""
    with open(os.path.join(t.dir, "jwk11.conf")) as f:
        module = next(line.split("=")[1].strip() for line in f if line.startswith("modules"))
    r = subprocess.run([JWK11, "list", "--json", "--offline", "--module", module, "--token", "pkcs11:token=trial", "--pin-file", os.path.join(t.dir, "pin")],
                       capture_output=True, env=dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf")))
    equal(r.returncode, 0, r.stderr)
    return sorted(key["name"] for key in json.loads(r.stdout)["keys"])


def verify(key, alg, signed, sig):
    pub, kind = key.public_key(), HASHES.get(alg[2:])
    if alg.startswith("RS"):
        pub.verify(sig, signed, padding.PKCS1v15(), kind())
    elif alg.startswith("ES"):
        r, s = (int.from_bytes(half, "big") for half in (sig[:len(sig) // 2], sig[len(sig) // 2:]))
        pub.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(kind()))
    else:
        pub.verify(sig, signed)


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@test
def each_form_of_each_key_signs_as_before_under_its_old_kid():
    keys = {"p256": p256(), "p384": ec.generate_private_key(ec.SECP384R1()), "p521": ec.generate_private_key(ec.SECP521R1()),
            "rsa1": rsa.generate_private_key(65537, 2048), "rsa8": rsa.generate_private_key(65537, 3072), "ed25519": ed25519.Ed25519PrivateKey.generate(),
            "ed448": ed448.Ed448PrivateKey.generate(), "jrsa": rsa.generate_private_key(65537, 2048), "jec": ec.generate_private_key(ec.SECP384R1()),
            "jokp": ed25519.Ed25519PrivateKey.generate(), "locked": p256()}
    texts = {name: json.dumps(jwk_of(key, kid=f"old/{name} #1", use="sig")) if name[0] == "j" else
             pem(key, ser.PrivateFormat.TraditionalOpenSSL if name in ("rsa1", "p521") else ser.PrivateFormat.PKCS8, PASS if name == "locked" else None)
             for name, key in keys.items()}
    with Trial() as t:
        secret = write(t, "passphrase", PASS + b"\n", 0o400)
        for name, text in texts.items():
            path = write(t, name + ".key", text)
            r = bring(t, name, path, "--passphrase-file", secret, *(["--kid", "2019"] if name == "p256" else []))
            equal((path in r.stderr, "warning" in r.stderr), (True, False), r.stderr)
            with open(t.conf, "a") as f:
                f.write(r.stdout)
        t.start()
        sets = json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]
        for name, key in keys.items():
            status, _, body = t.ask("POST", f"/v1/keys/{name}/jws", {"payload": "aGVsbG8"})
            equal(status, 200, body)
            head, payload, sig = body.decode().split(".")
            header = json.loads(unb64(head))
            verify(key, header["alg"], f"{head}.{payload}".encode(), unb64(sig))
            kid = header["kid"]
            equal(kid if name[0] == "j" or name == "p256" else None, {"p256": "2019"}.get(name, f"old/{name} #1" if name[0] == "j" else None), name)
            equal([public(jwk) for jwk in sets if jwk["kid"] == kid], [public(jwk_of(key))], name)
        equal(t.stop(), 0)
        equal("PRIVATE" in t.log, False)


@test
def a_file_from_standard_input_and_one_that_others_can_read():
    key = p256()
    with Trial() as t:
        r = bring(t, "piped", "-", input=pem(key))
        equal(("standard input" in r.stderr, "warning" in r.stderr), (True, False), r.stderr)
        r = bring(t, "open", write(t, "open", pem(p256()), 0o644))
        equal("warning" in r.stderr and "0644" in r.stderr, True, r.stderr)


@test
def a_passphrase_is_typed_once_without_echo():
    with Trial() as t:
        path = write(t, "locked", pem(p256(), passphrase=PASS))
        for typed, code, word in ((b"wrong horse", 77, b"PASSPHRASE_WRONG"), (PASS, 0, b"still holds the key")):
            p = Terminal(t, args=[JWK11, "--config", t.conf, "import", "typed", path])
            p.wait_prompt(what=b"Passphrase of ")
            equal(p.echoes(), False, "echo while it is typed")
            equal(typed in p.about() if os.getuid() == 0 else False, False)
            p.type(typed + b"\n")
            equal(p.end()[0], code, p.seen)
            equal((word in p.seen, typed in p.seen, p.seen.count(b"Passphrase of")), (True, False, 1), p.seen)
        equal("typed" in on_token(t), True)
        refused(t, write(t, "again", pem(p256(), passphrase=PASS)), 77, "PASSPHRASE_WRONG", "--passphrase-file", write(t, "no", "wrong\n", 0o400))
        refused(t, os.path.join(t.dir, "again"), 77, "chmod 0400", "--passphrase-file", write(t, "loose", PASS, 0o644))
        r = bring(t, "new", os.path.join(t.dir, "again"), code=77, stdin=subprocess.DEVNULL, start_new_session=True)
        equal("PASSPHRASE_MISSING" in r.stderr and "--passphrase-file" in r.stderr, True, r.stderr)


@test
def what_cannot_be_imported_is_refused_and_says_why():
    key, weak = p256(), rsa.generate_private_key(65537, 1024)
    spki = key.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo).decode()
    explicit = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
                              capture_output=True, text=True, check=True).stdout
    rows = {
        "public": (spki, 65, "public key"), "certificate": ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", 65, "certificate"),
        "explicit": (explicit, 65, "spelled out"), "brainpool": (pem(ec.generate_private_key(ec.BrainpoolP256R1())), 65, "curve is not supported"),
        "truncated": (pem(key)[:-40], 65, "END"), "cut": (pem(key).replace("\n", "", 1)[:60] + "\n-----END PRIVATE KEY-----\n", 65, "BASE64_INVALID"),
        "two": (pem(key) + pem(p256()), 65, "more than one block"), "both": (pem(key) + spki, 65, "more than one block"), "empty": ("", 65, "empty"),
        "large": ("x" * 1048576, 65, "longer than"), "der": (key.private_bytes(ser.Encoding.DER, ser.PrivateFormat.PKCS8, ser.NoEncryption()), 65, "-inform DER"),
        "oct": ('{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}', 65, "HS256 is made on the token"),
        "set": (json.dumps({"keys": [jwk_of(key)]}), 65, "set of keys"), "jwk": (json.dumps(public(jwk_of(key))), 65, "public key alone"),
        "enc": (json.dumps(jwk_of(key, use="enc")), 65, "not signing"), "half": (json.dumps(jwk_of(key))[:-9], 65, "JSON_INVALID"),
        "mixed": (json.dumps(dict(jwk_of(key), d=jwk_of(p256())["d"])), 65, "not those of its public half"),
        "weak": (pem(weak), 65, "1024 bits"), "x25519": (pem(x25519.X25519PrivateKey.generate()), 65, "do not sign"),
        "openssh": (pem(key, ser.PrivateFormat.OpenSSH), 65, "ssh-keygen"),
        "old": (subprocess.run(["openssl", "rsa", "-traditional", "-aes128", "-passout", "pass:x"], input=pem(rsa.generate_private_key(65537, 2048)), text=True,
                               capture_output=True, check=True).stdout, 65, "old way of PEM"),
        "alg": (json.dumps(jwk_of(key, alg="ES384")), 65, "ALG_MISMATCH"), "kid": (json.dumps(jwk_of(key, kid="a\nkeys = b")), 78, "CONFIG_INVALID"),
        "blank": (json.dumps(jwk_of(key, kid=" a")), 64, "begins or ends with a blank"), "long": (json.dumps(jwk_of(key, kid="k" * 256)), 65, "LIMIT"),
    }
    with Trial() as t:
        before = on_token(t)
        for name, (text, code, word) in rows.items():
            try:
                refused(t, write(t, name, text), code, word)
            except AssertionError as why:
                raise AssertionError(f"{name}: {why}")
        good = write(t, "good", pem(key))
        refused(t, os.path.join(t.dir, "none"), 73, "No such file")
        refused(t, good, 65, "es256\" already", name="es256")
        refused(t, good, 65, "ALG_MISMATCH", name="rs256", *["--label", "other"])
        refused(t, good, 65, "ALG_MISMATCH", "--alg", "RS256")
        refused(t, good, 65, "ALG_UNKNOWN", "--alg", "ES257")
        refused(t, good, 64, "printable", "--label", "a\nb")
        refused(t, good, 64, "printable", "--label", "x" * 257)
        refused(t, good, 66, "no [token prod]", "--to", "prod")
        equal(bring(t, "a b", good, code=64).stdout, "")
        equal(on_token(t), before, "what is on the token")
        t.change("[daemon]\n", "[daemon]\nstrict = yes\n")
        refused(t, good, 77, "was-extractable")
        equal(on_token(t), before, "what is on the token")


@test
def a_dry_run_says_all_and_changes_nothing():
    key = p256()
    with Trial() as t:
        before, path = on_token(t), write(t, "file", json.dumps(jwk_of(key, kid="k1")))
        with open(t.conf) as f:
            conf = f.read()
        r = bring(t, "new", path, "--dry-run")
        equal(r.stdout.splitlines()[-4:], ["[key new]", "uri = pkcs11:token=trial;object=new", "alg = ES256", "kid = k1"])
        equal(("would import" in r.stdout, "destroy" in r.stderr), (True, False), r.stdout + r.stderr)
        said = json.loads(bring(t, "new", path, "--dry-run", "--json").stdout)
        equal((said["result"], said["label"], said["token"], said["alg"], said["kid"]), ("would import", "new", "trial", "ES256", "k1"))
        equal(on_token(t), before)
        equal(json.loads(bring(t, "new", path, "--json").stdout), dict(said, result="imported"))
        refused(t, path, 65, "--if-absent")
        refused(t, path, 65, 'already, as "new"', "--label", "other")
        equal(json.loads(bring(t, "new", path, "--json", "--if-absent").stdout), dict(said, result="there already"))
        refused(t, path, 65, 'already, as "new"', "--if-absent", name="other")
        with open(t.conf) as f:
            equal(f.read(), conf, "the configuration")


@test
def an_imported_key_is_the_first_version_and_the_next_is_made_on_the_token():
    key = p256()
    with Trial() as t:
        with open(t.conf, "a") as f:
            f.write("\n[key issuer]\nuri = pkcs11:token=trial\nalg = ES256\nkid = v0\nlead = 20m\nperiod = 90d\n")
        path = write(t, "file", json.dumps(jwk_of(key, kid="v0")))
        refused(t, path, 64, "label of no version", "--label", "issuer@soon", name="issuer")
        refused(t, path, 64, "cannot be kept", "--label", "issuer@20200101T000000Z", name="issuer")
        r = bring(t, "issuer", path)
        equal("is right for it" in r.stdout and "[key issuer]\n" not in r.stdout, True, r.stdout)
        equal(run(t, "rotate", "issuer").returncode, 0)
        later = write(t, "later", pem(p256()))
        bring(t, "issuer", later, "--label", "issuer@20900101T000000Z")
        t.start()
        status, _, body = t.ask("POST", "/v1/keys/issuer/jws", {"payload": "aGVsbG8"})
        equal(status, 200, body)
        head, payload, sig = body.decode().split(".")
        equal(json.loads(unb64(head))["kid"], "v0")
        verify(key, "ES256", f"{head}.{payload}".encode(), unb64(sig))
        kids = [jwk["kid"] for jwk in json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]]
        equal((len(kids), "v0" in kids), (6, True), kids)
        equal(t.stop(), 0)


def mock(script="", faults="", token="pin 1234\nflags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED", **more):
    """A mock token that takes key k, whose file is there before."""
    t = Mock(objects="", token=f"{token}\n{script}", faults=faults, **more)
    write(t, "k.pem", pem(p256()))
    return t


@test
def what_the_token_refuses_or_does_badly_leaves_nothing():
    rows = [
        ("no objects at all", "", "", 65, "does not take the public half", 0),
        ("no room for the public half", "creates k", "fault C_CreateObject on 1 CKR_DEVICE_MEMORY", 69, "CKR_DEVICE_MEMORY", 1),
        ("no room for the private half", "creates k", "fault C_CreateObject on 2 CKR_DEVICE_MEMORY", 69, "CKR_DEVICE_MEMORY", 2),
        ("the private half refused", "creates k", "fault C_CreateObject on 2 0x1B", 65, "C_CreateObject", 2),
        ("every template refused", "creates k", "fault C_CreateObject from 2 CKR_TEMPLATE_INCONSISTENT", 65, "private half", 4),
        ("extractable after all", "creates k\nattr CKA_EXTRACTABLE true", "", 69, "as extractable", 2),
        ("nothing said of it", "creates k\nattr CKA_EXTRACTABLE absent", "", 69, "as extractable", 4),
        ("not sensitive", "creates k\nattr CKA_SENSITIVE false", "", 69, "as not sensitive", 2),
        ("it gives the number away", "creates k\nattr CKA_VALUE hex:0102", "", 69, "gives its private value", 2),
        ("it may not sign", "creates k\nattr CKA_SIGN false", "", 69, "CKA_SIGN", 2),
        ("a wrong signature", "creates k", "fault C_Sign every flip", 1, "SIGNATURE_WITHHELD", 2),
        ("no signature", "creates k", "fault C_SignInit every CKR_KEY_FUNCTION_NOT_PERMITTED", 65, "trial signature", 2),
        ("lost in between", "creates k", "fault C_CreateObject on 2 CKR_DEVICE_REMOVED", 69, "CKR_DEVICE_REMOVED", 2),
    ]
    for what, script, faults, code, word, calls in rows:
        with mock(script, faults) as t:
            try:
                refused(t, os.path.join(t.dir, "k.pem"), code, word, name="k")
                equal((t.count("objects"), t.count("C_CreateObject")), (0, calls or 1), "objects left, calls")
            except AssertionError as why:
                raise AssertionError(f"{what}: {why}")


@test
def what_cannot_be_taken_back_is_named():
    with mock("creates k", "fault C_Sign every flip\nfault C_DestroyObject every CKR_FUNCTION_FAILED") as t:
        refused(t, os.path.join(t.dir, "k.pem"), 1, 'private key named "k" could not be taken off', name="k")
        equal(t.count("objects"), 2)


@test
def fewer_attributes_are_tried_before_giving_up():
    for script in ("creates k", "creates k\nattr CKA_UNWRAP absent", "creates k\nattr CKA_DERIVE absent"):
        with mock(script) as t:
            bring(t, "k", os.path.join(t.dir, "k.pem"))
            equal((t.count("objects"), t.count("C_CreateObject")), (2, 2 + ("absent" in script)), script)
    with mock("creates other\nattr CKA_EXTRACTABLE false", token="pin 1234\nflags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED") as t:
        with open(os.path.join(t.dir, "script")) as f:
            text = f.read()
        write(t, "script", text.replace("token t1", f"key other p256 {t.dir}/other.pem\ntoken t1", 1))
        refused(t, os.path.join(t.dir, "k.pem"), 1, "SIGNATURE_WITHHELD", name="k")  # the token signs with another key than it was given
        equal(t.count("objects"), 0)


@test
def the_token_is_the_one_that_the_key_names_or_the_only_one():
    two = "creates k\ntoken t2\npin 1234\nflags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED\ncreates k"
    with mock(two, tokens="[token t2]\nuri = pkcs11:token=t2\npin-file = $/pin\n") as t:
        path = os.path.join(t.dir, "k.pem")
        equal('on token "t1"' in bring(t, "k", path, "--dry-run").stdout, True)
        r = bring(t, "new", path, code=65)
        equal(all(word in r.stderr for word in ("TOKEN_AMBIGUOUS", '"t1"', '"t2"', "--to TOKEN")), True, r.stderr)
        equal('on token "t2"' in bring(t, "new", path, "--to", "t2").stdout, True)
        refused(t, path, 65, "another token than", "--to", "t2", name="k")
        equal(t.count("objects"), 2)


@test
def a_modulus_of_the_flawed_generator_is_refused():
    """Built as that generator did: p = k * M + (65537^a mod M)."""
    primes, m = [], 1
    candidate = 2
    while len(primes) < 126:
        if all(candidate % p for p in primes):
            primes.append(candidate)
            m *= candidate
        candidate += 1

    bits = 1024 - m.bit_length()

    def prime(seed):
        k = (1 << bits) - seed
        while True:
            k -= 1
            p = k * m + pow(65537, k, m)
            if p % 2 and pow(2, p - 1, p) == 1 and (p - 1) % 65537:
                return p
    p, q = prime(1), prime(100001)
    d = pow(65537, -1, (p - 1) * (q - 1))
    jwk = {"kty": "RSA", "n": b64(p * q), "e": "AQAB", "d": b64(d), "p": b64(p), "q": b64(q), "dp": b64(d % (p - 1)), "dq": b64(d % (q - 1)),
           "qi": b64(pow(q, -1, p))}
    with Trial() as t:
        refused(t, write(t, "roca", json.dumps(jwk)), 77, "KEY_WEAK")


@test
def the_guide_says_what_works():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "import.md")) as f:
        guide = f.read().replace("\n   ", "\n")
    sections, commands = ("".join(re.findall(rf"^```{kind}\n(.*?)^```$", guide, re.M | re.S)) for kind in ("conf", "sh"))
    keys = {"issuer.pem": p256(), "my-app.2026-01-01.private-key.pem": rsa.generate_private_key(65537, 2048)}
    with Trial() as t:
        for name, key in keys.items():
            write(t, name, pem(key, ser.PrivateFormat.TraditionalOpenSSL))
        run_here = lambda line: run(t, *shlex.split(line)[1:], cwd=t.dir)
        issuer, diff, rotate, app, jwt = (line for line in commands.splitlines() if line.startswith("jwk11 "))
        for line in (issuer, issuer.replace(" --dry-run", ""), app):
            r = run_here(line)
            equal((r.returncode, all(said in sections for said in r.stdout.splitlines() if said[0] != "#")), (0, True), r.stdout + r.stderr)
        with open(t.conf, "a") as f:
            f.write("\n" + sections)
        t.start()
        token = run_here(jwt).stdout.strip()
        head, claims, sig = token.split(".")
        verify(keys["my-app.2026-01-01.private-key.pem"], "RS256", f"{head}.{claims}".encode(), unb64(sig))
        claims = json.loads(unb64(claims))
        equal((claims["iss"], claims["exp"] - claims["iat"]), ("Iv23liAbCdEfGhIjKlMn", 540))
        old = dict(public(jwk_of(keys["issuer.pem"])), kid="2023-key-1", use="sig", alg="ES256")
        write(t, "old-jwks.json", json.dumps({"keys": [old]}))
        r = run_here(diff)
        equal("new" in r.stdout, True, r.stderr)  # the trial's own keys are
        equal([line for line in r.stdout.splitlines() if "2023-key-1" in line or "gone" in line], [], "neither changed nor gone")
        equal(t.stop(), 0)  # SoftHSM may lose sight of an object that is made while others look at the token
        r = run_here(rotate)
        equal(r.returncode, 0, r.stderr)


if __name__ == "__main__":
    main()
