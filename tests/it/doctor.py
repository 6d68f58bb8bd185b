#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 doctor: each finding provoked on an installation that is broken in that way, with its code, its words and the exit code."""
import datetime, http.server, json, os, re, shutil, signal, socketserver, stat, subprocess, sys, tempfile, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clocked import Broker, Clock, stamp
from mock_token import MODULE, Mock
from trial import BUILD, JWK11, Trial, equal, for_others, main, test
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

SRC = os.environ.get("srcdir", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LOGIN = "flags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED"
NOWHERE = "/nonexistent"  # where no unit is


def table():
    """Code: level, area; from the rows that the program is made of."""
    with open(os.path.join(SRC, "tools", "doctor.h")) as f:
        return {code: (level.lower(), area) for code, level, area in re.findall(r'X\((\w+), (\w+), "(\w+)"\)', f.read())}


ROWS = table()
SEEN = set()


class Findings:
    """What one run has found."""

    def __init__(self, code, out, err):
        self.exit, self.err = code, err
        document = json.loads(out)
        equal(document["schema"], "jwk11/doctor/1")
        self.all = document["findings"]
        for f in self.all:
            equal((f["level"], f["area"]), ROWS[f["code"]], f)
            equal(bool(f["text"]) and f.get("next") != "", True, f)
        counts = {level: sum(f["level"] == level for f in self.all) for level in ("error", "warn")}
        equal((document["errors"], document["warnings"]), (counts["error"], counts["warn"]))
        equal(code, 1 if counts["error"] else 0, out)
        SEEN.update(f["code"] for f in self.all)

    def codes(self):
        return {f["code"] for f in self.all}

    def one(self, code, *words, about=None):
        """The finding of this code, whose words are these among others."""
        found = [f for f in self.all if f["code"] == code and about in (None, f.get("object"))]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} of {code} {about or ''}: {self.all}")
        text = f"{found[0].get('object', '')}: {found[0]['text']}; {found[0].get('next', '')}"
        for word in words:
            if word not in text:
                raise AssertionError(f"{word!r} is not in {text!r}")
        return found[0]

    def none(self, *codes):
        equal(sorted(set(codes) & self.codes()), [], self.all)


def run(t, *args, user=None, env=None, program=None, sock=True, wrap=()):
    program = program or (for_others() if user else JWK11)
    environment = {"SYSTEMD_UNIT_PATH": NOWHERE, **os.environ, **(env or {})}
    if hasattr(t, "away"):
        environment["XDG_STATE_HOME"] = t.dir
    before = ["--socket", t.api] if sock else []
    keep = {"user": user, "group": user, "extra_groups": []} if user else {}
    return subprocess.run([*wrap, program, "--config", t.conf, *before, *args], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, **keep)


def doctor(t, *args, offline=False, **more):
    r = run(t, *(["--offline"] if offline else []), "doctor", "--json", *args, **more)
    if r.returncode not in (0, 1):
        raise AssertionError(f"exit {r.returncode}: {r.stdout}{r.stderr}")
    return Findings(r.returncode, r.stdout, r.stderr)


# ---- nothing wrong ----

@test
def nothing_is_wrong_with_a_trial():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        f = doctor(t, "--sign")
        equal((f.exit, f.err), (0, ""))
        f.one("BROKER_OK", f"answers on {t.api}, you are uid {os.getuid()}")
        f.one("CONFIG_OK", "1 tokens, 3 keys, 1 clients", about=t.conf)
        f.one("PIN_FILE_OK", "PIN file is private", about="trial")
        f.one("STATE_OK", "private, no PIN was refused")
        f.one("SOCKET_OK", "mode 0660", about="api")
        f.one("SOCKET_OK", "mode 0666", about="public")
        f.one("TOKEN_OK", "ready, PIN tries normal", about="trial")
        f.one("JWKS_OK", "3 keys published, 3 with their thumbprint as kid")
        f.one("SERVICE_ABSENT")
        for key in ("es256", "rs256", "eddsa"):
            f.one("KEY_OK", about=key)
            f.one("SIGN_OK", "test signature verified", about=key)
        f.one("AUDIT_OK", " records, whole")
        equal({c for c in f.codes() if ROWS[c][0] == "warn"} <= {"CLOCK_UNSYNCED", "MODULE_NOT_ENABLED"}, True, f.all)  # of this machine
        before = f.codes() - {"SIGN_OK"}
        equal(doctor(t).codes(), before, "without --sign the same but for the signatures")


@test
def a_line_for_each_finding_and_the_sum():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        os.chmod(os.path.join(t.dir, "pin"), 0o444)
        r = run(t, "doctor")
        lines = r.stdout.splitlines()
        equal((r.returncode, r.stderr), (1, ""))
        equal(f"error pin        trial: PIN file {t.dir}/pin can be read by others (mode 0444); jwk11d refuses it; chmod 0400 {t.dir}/pin" in lines, True, r.stdout)
        equal("ok    key        es256: ES256" in lines, True, r.stdout)
        words = [line.split()[0] for line in lines[:-1]]
        equal((set(words) <= {"ok", "warn", "error"}, lines[-1]), (True, f"{words.count('error')} errors, {words.count('warn')} warnings"))
        equal(run(t, "doctor", "es256").returncode, 64, "it takes no argument")


@test
def the_codes_are_in_the_guide():
    with open(os.path.join(SRC, "docs", "doctor.md")) as f:
        guide = re.findall(r"^\| `(\w+)` \| (\w+) \|", f.read(), re.M)
    equal(guide, [(code, level) for code, (level, _) in ROWS.items()])


# ---- without a broker, without rights ----

@test
def without_a_broker_modules_are_looked_at_and_no_pin_is_sent():
    with Mock(token="pin 1234\n" + LOGIN, more="slot empty\n") as t:
        f = doctor(t)
        f.one("BROKER_ABSENT", t.api, f"jwk11d --config {t.conf}")
        f.one("MODULE_OK", "1 token,", about=MODULE)
        f.one("TOKEN_OK", "present (label t1, serial t1), PIN ok; nobody was logged in", about="t1")
        f.one("KEY_UNSEEN", "no PIN is sent unasked", "--sign")
        f.one("AUDIT_EMPTY")
        equal((f.exit, t.count("C_Login")), (1, 0))
        f = doctor(t, offline=True)
        f.none("BROKER_ABSENT", "SOCKET_MISSING")
        f.one("KEY_UNSEEN")
        equal((f.exit, t.count("C_Login")), (0, 0))
        f = doctor(t, "--sign", offline=True)
        f.one("KEY_OK", "ES256", about="k")
        f.one("SIGN_OK", about="k")
        equal((f.exit, t.count("C_Login")), (0, 1))


@test
def a_user_without_rights_hears_what_was_not_looked_at():
    if os.getuid() != 0:
        print("# needs root to become somebody else")
        return
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\nworkers = 1\n")
        t.start()
        os.chmod(os.path.join(t.dir, "run"), 0o755)
        f = doctor(t, user=65534)
        f.one("BROKER_DENIED", "may not open", "were not looked at")
        f.one("GROUP_MISSING", "is for group root, which ", "sudo usermod -aG root ", "(mode 0660)")
        f.one("STATE_UNSEEN", "run this as root")
        f.one("AUDIT_UNSEEN", "run this as root")
        f.one("JWKS_OK")
        f.none("TOKEN_OK", "KEY_OK", "KEY_UNSEEN")
        equal(f.exit, 1)
        os.chmod(t.conf, 0o600)
        f = doctor(t, user=65534)
        f.one("CONFIG_ABSENT", "Permission denied", "were looked at")
        f.none("STATE_UNSEEN")
        os.chmod(t.conf, 0o644)
        os.chmod(os.path.join(t.dir, "run"), 0o700)
        f = doctor(t, user=65534)
        f.one("SOCKET_UNSEEN", about="api")


@test
def a_stranger_is_told_that_the_broker_denies_him():
    with Mock() as t:
        t.settings["uid"] = os.getuid() + 1
        t.configure()
        t.start()
        f = doctor(t)
        f.one("BROKER_DENIED", f"uid {os.getuid()}")
        equal(f.exit, 1)


# ---- configuration and files ----

@test
def configurations():
    with Mock() as t:
        path = lambda name: os.path.join(t.dir, name)
        os.chmod(t.conf, 0o666)
        f = doctor(t, offline=True)
        f.one("CONFIG_WRITABLE", "mode 0666", f"chmod go-w {t.conf}", about=t.conf)
        os.chmod(t.conf, 0o600)
        os.chmod(t.dir, 0o777)
        doctor(t, offline=True).one("CONFIG_WRITABLE", "others may replace the configuration", about=t.dir)
        os.chmod(t.dir, 0o755)
        t.change("[client owner]", "[client owner]\nnonsense = 1")
        equal(doctor(t, offline=True).one("CONFIG_INVALID", "jwk11.conf:", "nonsense")["level"], "error")
        t.configure()
        with open(t.conf) as f:
            text = f.read().partition("[client owner]")[0]
        t.write("jwk11.conf", text)
        doctor(t, offline=True).one("CLIENT_NONE", "nobody may sign")
        os.unlink(t.conf)
        doctor(t, offline=True).one("CONFIG_MISSING", "--config FILE")
        doctor(t).one("CONFIG_ABSENT", "No such file", path(""))


@test
def pin_files():
    with Mock() as t:
        pin = os.path.join(t.dir, "pin")
        rows = [(lambda: os.chmod(pin, 0o440), "PIN_FILE_OPEN", "mode 0440"), (lambda: os.chmod(pin, 0o604), "PIN_FILE_OPEN", "mode 0604"),
                (lambda: os.chmod(pin, 0o400), "PIN_FILE_OK", ""), (lambda: t.write("pin", "", 0o600), "PIN_FILE_EMPTY", "is empty"),
                (lambda: os.unlink(pin), "PIN_FILE_MISSING", "No such file")]
        for change, code, words in rows:
            os.chmod(pin, 0o600)
            change()
            doctor(t, offline=True).one(code, words, about="t1")
        t.write("pin", "1234\n", 0o400)
        os.chmod(t.dir, 0o777)
        doctor(t, offline=True).one("PIN_FOLDER_WRITABLE", "others may replace its PIN file", f"chmod go-w {t.dir}", about="t1")
        os.chmod(t.dir, 0o1777)
        doctor(t, offline=True).one("PIN_FILE_OK")
        if os.getuid() == 0:
            os.chmod(t.dir, 0o755)
            hidden = os.path.join(t.dir, "hidden")
            os.mkdir(hidden, 0o700)
            t.configure(login=f"pin-file = {hidden}/pin")
            os.chmod(t.conf, 0o644)
            doctor(t, offline=True, user=65534).one("PIN_UNSEEN", "Permission denied", about="t1")


@test
def the_state_directory():
    with Mock() as t:
        state = os.path.join(t.dir, "state")
        doctor(t, offline=True).one("STATE_OK", about=state)
        os.chmod(state, 0o770)
        doctor(t, offline=True).one("STATE_WRITABLE", "mode 0770", f"chmod 0700 {state}", about=state)
        os.rmdir(state)
        doctor(t, offline=True).one("STATE_MISSING", "No such file", "mkdir -m 0700", about=state)
        open(state, "w").close()
        doctor(t, offline=True).one("STATE_MISSING", "is no folder", about=state)


@test
def a_refused_pin_is_told_of_until_its_record_is_gone():
    with Mock(token="pin 1234\ntries 3\n" + LOGIN, pin="9999") as t:
        t.start()
        f = doctor(t)
        f.one("TOKEN_PIN_REJECTED", "pin-rejected: ", "correct the PIN file", about="t1")
        f.one("PIN_REFUSED", "1 PIN was refused, and will not be sent again", f"rm {t.dir}/state/refused-*")
        f.one("KEY_UNUSABLE", about="k")
        equal((f.exit, t.count("C_Login")), (1, 1))
        t.stop()
        doctor(t, offline=True).one("PIN_REFUSED")
        for name in os.listdir(os.path.join(t.dir, "state")):
            if name.startswith("refused-"):
                os.unlink(os.path.join(t.dir, "state", name))
        doctor(t, offline=True).one("STATE_OK")
        equal(t.count("C_Login"), 1)


# ---- tokens ----

@test
def what_a_token_says_of_its_pin():
    for flag, code, level in (("USER_PIN_COUNT_LOW", "PIN_LOW", "warn"), ("USER_PIN_FINAL_TRY", "PIN_FINAL_TRY", "error"),
                              ("USER_PIN_LOCKED", "PIN_LOCKED", "error"), ("USER_PIN_TO_BE_CHANGED", "PIN_EXPIRED", "error")):
        with Mock(token=f"pin 1234\n{LOGIN} {flag}") as t:
            f = doctor(t, offline=True)
            equal(f.one(code, about="t1")["level"], level)
            equal((f.exit, t.count("C_Login")), (1 if level == "error" else 0, 0))
            t.start()
            f = doctor(t)
            f.one(code, about="t1")
            equal("TOKEN_OK" in f.codes(), level == "warn", f.all)
            equal(t.count("C_Login"), 1 if level == "warn" else 0)


@test
def tokens_that_are_not_ready():
    with Mock(token="pin 1234\nabsent-while $/away") as t:
        open(t.away, "w").close()
        doctor(t, offline=True).one("TOKEN_ABSENT", "no token that is present matches pkcs11:token=t1", about="t1")
        t.start()
        doctor(t).one("TOKEN_ABSENT", "absent: ", about="t1")
    with Mock(more="token t2\nlabel t1\npin 1234\n") as t:
        doctor(t, offline=True).one("TOKEN_AMBIGUOUS", "2 tokens match", "add serial=", about="t1")
        t.start()
        doctor(t).one("TOKEN_AMBIGUOUS", "ambiguous: ", "add serial=", about="t1")
    with Mock(token="pin 1234\n" + LOGIN + " PROTECTED_AUTHENTICATION_PATH") as t:
        t.start()
        doctor(t).one("TOKEN_PIN_PAD", "login = protected", about="t1")
    with Mock(token="pin 1234\n" + LOGIN, login="") as t:
        t.start()
        doctor(t).one("TOKEN_PIN_MISSING", "pin-file or pin-credential", about="t1")
    with Mock("fault C_OpenSession every CKR_DEVICE_ERROR") as t:
        t.start()
        doctor(t).one("TOKEN_NOT_READY", "journalctl", about="t1")
    with Mock(key="") as t:
        t.change(f"keys = *\nallow = *\n", "keys = *\nallow = *\nadminister = *\n")
        t.start()
        equal(run(t, "logout", "t1").returncode, 0)
        doctor(t).one("TOKEN_LOGGED_OUT", "jwk11 login t1", about="t1")


# ---- modules ----

@test
def modules_that_do_not_start():
    def failing(fault, code, *words):
        with Mock(fault) as t:
            f = doctor(t, offline=True)
            f.one(code, *words, about=MODULE)
            f.one("TOKEN_ABSENT", about="t1")
            equal(f.exit, 1)

    failing("fault C_Initialize every CKR_DEVICE_ERROR", "MODULE_FAILED", "does not start: C_Initialize", "CKR_DEVICE_ERROR")
    failing("fault C_Initialize every abort", "MODULE_CRASHED", "Aborted")
    failing("fault C_GetTokenInfo every segv", "MODULE_CRASHED", "Segmentation fault")
    failing("nonsense", "MODULE_FAILED", "it said: ", "nonsense")
    failing("fault C_GetSlotList every hang", "MODULE_HANGS", "did not answer")
    with Mock("fault C_Initialize every CKR_DEVICE_ERROR") as t:
        t.start(until="event=module-failed")
        doctor(t).one("MODULE_FAILED", "none of its workers is running", about=MODULE)


@test
def modules_that_are_not_there_or_there_twice():
    with Mock() as t:
        same, text = os.path.join(t.dir, "same.so"), os.path.join(t.dir, "text.so")
        os.symlink(MODULE, same)
        t.write("text.so", "no module")
        t.modules = [MODULE, same, text, "/nowhere.so", "no-such-module"]
        t.configure()
        f = doctor(t, offline=True)
        f.one("MODULE_TWICE", f"is the same file as {MODULE}", about=same)
        f.one("MODULE_FAILED", "cannot be loaded", about=text)
        f.one("MODULE_FILE_MISSING", "No such file", "install the package", about="/nowhere.so")
        f.one("MODULE_UNREGISTERED", "p11-kit list-modules", about="no-such-module")
        equal(f.exit, 1)


def registered(t, **files):
    """A run where p11-kit knows these modules alone, in a mount namespace of its own; None: this machine lets nobody have one."""
    folder = os.path.join(t.dir, "registered")
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    for name, text in files.items():
        t.write(os.path.join("registered", name + ".module"), text, 0o644)
    place = subprocess.run(["pkg-config", "--variable=p11_module_configs", "p11-kit-1"], capture_output=True, text=True).stdout.strip()
    wrap = ["unshare", "-rm", "sh", "-c", f'mount --bind {folder} {place} && exec "$@"', "sh"]
    if subprocess.run([*wrap, "true"], capture_output=True).returncode != 0:
        return None
    return lambda *args, **more: doctor(t, *args, wrap=wrap, **more)


@test
def what_p11_kit_knows_of_them():
    with Mock() as t:
        look = registered(t, mock=f"# ours\nmodule: {MODULE}\n", other=f"module: {t.dir}/other.so\n", roots=f"module: {t.dir}/other.so\ntrust-policy: yes\n",
                          far=f"module: {t.dir}/other.so\nenable-in: gnome-keyring, far\n", gone="module: /nowhere/gone.so\n")
        if look is None:
            print("# no mount namespaces here")
            return
        shutil.copy(MODULE, os.path.join(t.dir, "other.so"))
        t.write("other.so.script", "token other\npin 1\n")
        f = look(offline=True)
        f.one("MODULE_NOT_ENABLED", "installed but not enabled here: other; to use one: modules = ", MODULE)
        t.modules = ["mock"]
        t.configure()
        f = look(offline=True, env={"JWK11_MOCK": os.path.join(t.dir, "script")})
        f.one("MODULE_OK", about="mock")
        f.one("TOKEN_OK", about="t1")
        for line, word in (("enable-in: gnome-keyring", "enable-in:"), ("disable-in: jwk11d-worker, x", "disable-in:")):
            look = registered(t, mock=f"module: {MODULE}\n{line}\n")
            look(offline=True).one("MODULE_DISABLED", word, about="mock")
        look = registered(t, mock=f"module: {MODULE}\nenable-in: jwk11d-worker\n")
        f = look(offline=True)
        f.one("MODULE_OK", about="mock")
        f.none("MODULE_NOT_ENABLED")
        look = registered(t)
        r = run(t, "--offline", "--module", "mock", "doctor", "--json", wrap=())
        equal(Findings(r.returncode, r.stdout, r.stderr).exit, 1)


# ---- sockets ----

@test
def sockets():
    with Mock() as t:
        t.start()
        os.chmod(t.api, 0o666)
        os.chmod(t.public, 0o660)
        f = doctor(t)
        f.one("SOCKET_OPEN", "mode 0666, the configuration says 0660", f"chmod 0660 {t.api}", about="api")
        f.one("SOCKET_CLOSED", "mode 0660, the configuration says 0666", about="public")
        os.unlink(t.public)
        run_dir = os.path.dirname(t.api)
        os.chmod(run_dir, 0o777)
        f = doctor(t)
        f.one("SOCKET_MISSING", "although the broker runs", about="public")
        f.one("SOCKET_FOLDER_WRITABLE", "mode 0777", f"chmod go-w {run_dir}", about=run_dir)
        equal(f.exit, 1)


# ---- keys ----

@test
def what_is_known_against_keys():
    objects = "private k\nattr CKA_EXTRACTABLE true\nattr CKA_NEVER_EXTRACTABLE false\nattr CKA_UNWRAP true\nattr CKA_DECRYPT true\npublic k"
    with Mock(objects=objects) as t:
        for offline in (True, False):
            if not offline:
                t.start()
            f = doctor(t, "--sign", offline=offline)
            f.one("KEY_EXTRACTABLE", "extractable: ", "make a new key", about="k")
            f.one("KEY_WRAPS", about="k")
            f.one("KEY_TWO_USES", about="k")
            equal(f.exit, 0)
    with Mock(objects="private k\nattr CKA_NEVER_EXTRACTABLE false\npublic k") as t:
        doctor(t, "--sign", offline=True).one("KEY_WAS_EXTRACTABLE", about="k")
    with Mock(more="key r rsa1024 $/r.pem\ntoken t2\npin 1234\nprivate r\npublic r", tokens="[token t2]\nuri = pkcs11:token=t2\npin-file = $/pin\n",
              keys="[key r]\nuri = pkcs11:token=t2;object=r\n") as t:
        for offline in (True, False):
            if not offline:
                t.start()
            f = doctor(t, "--sign", offline=offline)
            f.one("KEY_UNUSABLE", "RSA key of 1024 bits", about="r")
            equal(f.exit, 1)
        args = ["--offline", "--module", MODULE, "--token", "pkcs11:token=t2", "--pin-file", os.path.join(t.dir, "pin"), "doctor", "--json"]
        r = run(t, *args, env={"JWK11_MOCK": os.path.join(t.dir, "script")})
        f = Findings(r.returncode, r.stdout, r.stderr)
        f.one("KEY_LEFT_OUT", "RSA key of 1024 bits")
        f.one("TOKEN_OK", about="t2")
    with Mock() as t:
        t.change("keys = *\nallow = *\n", "keys = l\nallow = *\n")
        t.change("[set default]", "[key l]\nuri = pkcs11:token=t1;object=l\n[set default]")
        t.change("[client owner]", "[client other]\nuid = 4711\nkeys = *\nallow = *\n[client owner]")
        t.change("keys = l\nallow = *\n", "keys = l\nallow = *\n")
        t.start()
        f = doctor(t)
        equal([x["object"] for x in f.all if x["area"] == "key"], ["l"])


@test
def signatures_that_are_wrong():
    for offline in (True, False):
        with Mock("fault C_Sign every flip") as t:
            if not offline:
                t.start()
            f = doctor(t, "--sign", offline=offline)
            f.one("SIGN_FAILED", about="k")
            equal(f.exit, 1)


@test
def versions():
    now = 1798761600
    section = "[key issuer]\nuri = pkcs11:token=trial;object=issuer\nalg = ES256\nlead = 8h\noverlap = 25h\nperiod = 12d\n[set default]\nkeys = issuer\n"
    with Clock(now) as clock, Broker(clock) as t:
        t.change("[set default]\nkeys = *\n", section)
        t.change("[daemon]\n", "[daemon]\nmax-age = 6h\nrescan = 1\nworkers = 1\n")
        t.start()
        equal(t.tool("rotate", "issuer")[0], 0)
        t.until(lambda: len(t.versions()) == 1, "the first version")

        def look(at):
            clock.set(at)
            return doctor(t, program=clock.jwk11)

        look(now).one("ROTATION_OK", "its period ends at 2027-01-13T00:00:00Z", about="issuer")
        due = now + 12 * 86400
        look(due - 8 * 3600 - 1).one("ROTATION_OK", about="issuer")
        look(due - 8 * 3600).one("ROTATION_DUE", "the next version is not published yet", "jwk11 rotate issuer", about="issuer")
        look(due - 1).one("ROTATION_DUE", about="issuer")
        f = look(due)
        f.one("ROTATION_LATE", "its period ended at 2027-01-13T00:00:00Z", about="issuer")
        equal(f.exit, 1)
        equal(t.tool("rotate", "issuer")[0], 0)
        t.until(lambda: len(t.versions()) == 2, "the next version")
        look(due).one("ROTATION_OK", "the next version signs from 2027-01-13T08:00:00Z", about="issuer")
        f = look(due + 9 * 3600)
        f.one("ROTATION_RETIRING", "leaves the set in 1 days", about="issuer")
        f.none("ROTATION_LATE", "ROTATION_DUE")


def certificate(t, days):
    """Puts one for key k beside it on the token, from ten days ago until in so many days."""
    with open(os.path.join(t.dir, "k.pem"), "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "k")]), datetime.datetime.utcnow()
    cert = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1).not_valid_before(
        now - datetime.timedelta(days=10)).not_valid_after(now + datetime.timedelta(days=days)).sign(key, hashes.SHA256())
    with open(os.path.join(t.dir, "k.der"), "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.DER))


@test
def certificates():
    for days, code, words in ((100, "CERT_OK", "is good until"), (29.5, "CERT_ENDS", "in 29 days"), (-1, "CERT_EXPIRED", "expired at")):
        with Mock() as t:
            doctor(t, offline=True)  # the mock has made its key then
            certificate(t, days)
            t.write("script", open(os.path.join(t.dir, "script")).read() + f"\ncertificate k\nattr CKA_VALUE file:{t.dir}/k.der\n")
            t.start()
            f = doctor(t)
            f.one(code, words, about="k")
            equal(f.exit, 1 if days < 0 else 0)
    with Mock(more="key l p256 $/l.pem\n") as t:
        doctor(t, offline=True)
        shutil.copy(os.path.join(t.dir, "k.pem"), os.path.join(t.dir, "was"))
        shutil.copy(os.path.join(t.dir, "l.pem"), os.path.join(t.dir, "k.pem"))
        certificate(t, 100)
        shutil.copy(os.path.join(t.dir, "was"), os.path.join(t.dir, "k.pem"))
        t.write("script", open(os.path.join(t.dir, "script")).read() + f"\ncertificate k\nattr CKA_VALUE file:{t.dir}/k.der\n")
        t.start()
        doctor(t).one("CERT_NOTE", "holds another key", about="k")


# ---- what is served and kept ----

@test
def published_files():
    with Trial() as t:
        web = os.path.join(t.dir, "web")
        os.mkdir(web)
        t.change("[daemon]\n", f"[daemon]\npublish-dir = {web}\n")
        t.start()
        t.wait_log("event=published")
        path = os.path.join(web, ".well-known", "jwks.json")
        doctor(t).one("PUBLISH_OK", about=path)
        with open(path, "a") as f:
            f.write(" ")
        doctor(t).one("PUBLISH_STALE", "relying parties see old keys", f"jwk11 publish --dir {web}", about=path)
        os.unlink(path)
        f = doctor(t)
        f.one("PUBLISH_STALE", "nobody finds the keys there", about=path)
        equal(f.exit, 1)


@test
def audit_logs():
    with Trial() as t:
        t.start()
        log = os.path.join(t.dir, "state", "audit.jsonl")
        for _ in range(3):
            equal(run(t, "sign", "es256").returncode, 0)
        os.chmod(log, 0o666)
        doctor(t).one("AUDIT_WRITABLE", "mode 0666", f"chmod go-w {log}", about=log)
        os.chmod(log, 0o600)
        with open(log, "rb") as f:
            good = f.read()
        lines = good.splitlines(True)
        with open(log, "wb") as f:
            f.write(b"".join(lines[:-2] + lines[-1:]))
        f = doctor(t)
        f.one("AUDIT_BROKEN", "missing", f"jwk11 audit verify {log}", about=log)
        equal(f.exit, 1)
        with open(log, "wb") as f:
            f.write(good)
        t.stop()
        f = doctor(t, offline=True)
        f.one("AUDIT_OK")
        t.change("[daemon]\n", "[daemon]\naudit = off\n")
        doctor(t, offline=True).one("AUDIT_OFF")


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, kind, body = self.server.answers.get(self.path, (404, "application/problem+json", '{"title":"none","status":404,"code":"NOT_FOUND","detail":"none"}'))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def address_string(self):
        return "-"

    def log_message(self, *_):
        pass


class Broken(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A broker that says what a real one says in states that are hard to have."""
    daemon_threads = True

    def __init__(self, path, answers):
        self.answers = answers
        super().__init__(path, Answers)


@test
def what_a_broker_says_of_itself():
    json_type, text = "application/json", "text/plain; version=0.0.4"
    key = {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "use": "sig", "alg": "ES256", "kid": "a"}
    answers = {"/v1": (200, json_type, '{"version":"9.9.9"}'), "/v1/keys": (200, json_type, '{"keys":[]}'), "/v1/tokens": (200, json_type, '{"tokens":[]}'),
               "/.well-known/jwks.json": (200, "text/html", json.dumps({"keys": [key]})),
               "/metrics": (200, text, 'jwk11_workers{module="m"} 0\njwk11_audit_lost_total{module="m"} 3\njwk11_publish_failing 1\n')}
    with Mock() as t:
        path = os.path.join(t.dir, "s")
        with Broken(path, answers) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            look = lambda: doctor(t, "--socket", path, sock=False)
            f = look()
            f.one("BROKER_OK", "9.9.9 answers on")
            f.one("MODULE_FAILED", "none of its workers is running", about="m")
            f.one("AUDIT_LOST", "3 records")
            f.one("PUBLISH_FAILING", "journalctl")
            f.one("KEY_NONE", "jwk11 whoami")
            f.one("TOKEN_NONE")
            equal({"JWKS_FAULT", "JWKS_WARNING"} <= f.codes(), True, f.all)
            answers["/.well-known/jwks.json"] = (200, json_type, "[]")
            del answers["/metrics"]
            f = look()
            f.one("BROKER_FAILED", "its numbers are not to be had")
            equal("JWKS_UNSEEN" in f.codes(), True, f.all)
            answers["/v1/keys"] = (200, json_type, "nonsense")
            look().one("BROKER_FAILED")
            server.shutdown()


# ---- devices, clock, service ----

def with_module(t, name, environment):
    """The mock under the name of a module that reaches its tokens through the system."""
    path = os.path.join(t.dir, name)
    shutil.copy(MODULE, path)
    t.write(name + ".script", "token t1\npin 1234\n")
    t.modules = [path]
    t.configure(daemon="\n".join("environment = " + line for line in environment))


@test
def devices():
    with Mock() as t:
        device = os.path.join(t.dir, "tpmrm0")
        with_module(t, "libtpm2_pkcs11.so", ["TPM2_PKCS11_TCTI=device:" + device])
        doctor(t, offline=True).one("TPM_ABSENT", "No such file", about=device)
        open(device, "w").close()
        os.chmod(device, 0o600)
        doctor(t, offline=True).one("TPM_DENIED", "only its owner may open it (mode 0600)", "tpm-udev", about=device)
        if os.getuid() == 0:
            os.chmod(device, 0o660)
            doctor(t, offline=True).one("TPM_DENIED", "is for group root", about=device)
            os.chown(device, -1, 1)
            doctor(t, offline=True).one("DEVICE_OK", "mode 0660, group daemon", about=device)
            t.write("jwk11d.service", "[Service]\nWatchdogSec=30\n")
            f = doctor(t, offline=True, env={"SYSTEMD_UNIT_PATH": t.dir})
            f.one("TPM_DENIED", "is for group daemon, which jwk11d.service is not in", "tpm.conf", about=device)
    with Mock() as t:
        socket_path = os.path.join(t.dir, "pcscd.comm")
        with_module(t, "opensc-pkcs11.so", ["PCSCLITE_CSOCK_NAME=" + socket_path])
        doctor(t, offline=True).one("PCSCD_ABSENT", "no card is seen", "systemctl enable --now pcscd.socket", about="pcscd")
        open(socket_path, "w").close()
        doctor(t, offline=True).one("DEVICE_OK", about="pcscd")
        if os.getuid() == 0:
            os.chmod(t.conf, 0o644)
            os.chmod(t.dir, 0o755)
            os.chmod(socket_path, 0o600)
            doctor(t, offline=True, user=65534).one("PCSCD_DENIED", "Permission denied", about="pcscd")


@test
def clocks():
    with Clock(1000000000) as clock, Mock() as t:
        doctor(t, offline=True, program=clock.jwk11).one("CLOCK_IMPLAUSIBLE", "1000000000 s since 1970")
        clock.set(4102444800)
        doctor(t, offline=True, program=clock.jwk11).one("CLOCK_IMPLAUSIBLE")
        changed = int(os.stat(t.conf).st_mtime)
        clock.set(changed - 3600)
        f = doctor(t, offline=True, program=clock.jwk11)
        f.one("CLOCK_BEHIND", " s later than that")
        equal(f.exit, 1)
        newest = int(max(os.stat(path).st_mtime for path in (t.conf, os.path.join(t.dir, "state"))))
        clock.set(newest - 60)
        equal({"CLOCK_OK", "CLOCK_UNSYNCED"} & doctor(t, offline=True, program=clock.jwk11).codes() != set(), True, "as much as clocks may differ by")
        clock.set(newest - 61)
        doctor(t, offline=True, program=clock.jwk11).one("CLOCK_BEHIND", "61 s later")


def unit(t, change=lambda text: text, drop_in=None):
    folder = os.path.join(t.dir, "units")
    os.makedirs(os.path.join(folder, "jwk11d.service.d"), exist_ok=True)
    with open(os.path.join(SRC, "data", "systemd", "jwk11d.service.in")) as f:
        t.write("units/jwk11d.service", change(f.read()))
    t.write("units/jwk11d.service.d/more.conf", drop_in or "")
    return {"SYSTEMD_UNIT_PATH": folder}


@test
def services():
    if os.path.exists("/run/systemd/system"):
        print("# systemd runs here: it says what it knows of its own units")
        return
    with Mock() as t:
        doctor(t, offline=True, env=unit(t)).one("SERVICE_OK", about="jwk11d.service")
        f = doctor(t, offline=True, env=unit(t, lambda text: text.replace("NoNewPrivileges=yes\n", "").replace("ProtectSystem=strict", "ProtectSystem=full")))
        f.one("SERVICE_EXPOSED", "its unit lacks NoNewPrivileges=yes, ProtectSystem=strict")
        doctor(t, offline=True, env=unit(t, drop_in="[Service]\nWatchdogSec=0\n")).one("SERVICE_EXPOSED", "has no watchdog")
        doctor(t, offline=True, env=unit(t, drop_in="[Service]\nPrivateTmp=no\n")).one("SERVICE_EXPOSED", "lacks PrivateTmp=yes")
        doctor(t, env=unit(t)).one("BROKER_ABSENT", "systemctl start jwk11d")


@test
def credentials():
    with Mock(login="pin-credential = pin.t1") as t:
        doctor(t, offline=True).one("PIN_CREDENTIAL_UNSEEN", "credential pin.t1", about="t1")
        doctor(t, offline=True, env=unit(t)).one("PIN_CREDENTIAL_MISSING", "is not handed credential pin.t1", "LoadCredentialEncrypted=", about="t1")
        for line in ("LoadCredentialEncrypted=pin.t1:/etc/x", "LoadCredential=pin.t1:/etc/x", "SetCredentialEncrypted=pin.t1: abc"):
            doctor(t, offline=True, env=unit(t, drop_in=f"[Service]\n{line}\n")).one("PIN_CREDENTIAL_OK", about="t1")
        doctor(t, offline=True, env=unit(t, drop_in="[Service]\nLoadCredential=pin.t11:/etc/x\n")).one("PIN_CREDENTIAL_MISSING", about="t1")


@test
def every_finding_was_provoked():
    """But those that this machine decides about, and those that need root or a namespace."""
    machine = {"CLOCK_OK", "CLOCK_UNSYNCED", "POLKIT_RULE_ABSENT", "MODULE_NOT_ENABLED", "SERVICE_OK", "SERVICE_EXPOSED"}
    rare = {"KEY_ROCA",  # its row is one with the others; tests/unit/t_roca.c has such keys
            "GROUP_NOT_YET",  # a session older than its user's groups
            "MODULE_NONE", "MODULE_UNSEEN", "TOKEN_UNSEEN", "PUBLISH_UNSEEN"}
    rights = {"BROKER_DENIED", "GROUP_MISSING", "STATE_UNSEEN", "AUDIT_UNSEEN", "SOCKET_UNSEEN", "PIN_UNSEEN", "PCSCD_DENIED", "MODULE_DISABLED", "DEVICE_OK"}
    equal(sorted(set(ROWS) - SEEN - machine - rare - rights), [])


main()
