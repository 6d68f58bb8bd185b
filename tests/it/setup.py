#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 setup for a token that is there: questions on a terminal, or answers as options; what it writes is what the broker then serves."""
import json, os, shutil, stat, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mock_token import MODULE
from terminal import Terminal
from trial import JWK11, JWK11D, Trial, equal, main, test

LOGIN = "flags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED"
PIN = "473816"
TOKEN = f"token t1\nlabel my token\npin {PIN}\ntries 3\n{LOGIN}\nprivate one\npublic one\nprivate two\npublic two\n"
KEYS = "key one p256 $/one.pem\nkey two ed25519 $/two.pem\n"


class Place(Trial):
    """A module with its script beside it, and a folder where something is to be set up."""

    def __init__(self, script=TOKEN):
        self.root = self.dir = tempfile.mkdtemp(prefix="jwk11-setup-")
        self.module = os.path.join(self.dir, "mock.so")
        shutil.copy(MODULE, self.module)
        with open(self.module + ".script", "w") as f:
            f.write(("counts $/counts\n" + KEYS + script).replace("$", self.dir))
        self.to = os.path.join(self.dir, "to")
        self.conf = os.path.join(self.to, "jwk11.conf")
        self.pin = os.path.join(self.to, "my-token.pin")
        self.api, self.public = (os.path.join(self.to, "run", name) for name in ("api.sock", "public.sock"))
        self.daemon, self.log = None, ""
        self.given = os.path.join(self.dir, "given-pin")
        with open(os.open(self.given, os.O_WRONLY | os.O_CREAT, 0o400), "w") as f:
            f.write(PIN + "\n")

    def args(self, *more):
        return [JWK11, "setup", "--module", self.module, *more]

    def on_terminal(self, *more):
        return Terminal(self, args=self.args(*more))

    def without(self, *more):
        """Exit code, output, errors where there is no terminal."""
        r = subprocess.run(self.args(*more), capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True,
                           env=dict(os.environ, XDG_STATE_HOME=self.dir))
        return r.returncode, r.stdout, r.stderr

    def read(self, path=None):
        with open(path or self.conf) as f:
            return f.read()

    def logins(self):
        with open(os.path.join(self.dir, "counts"), "rb") as f:
            data = f.read()
        at = data.find(b"C_Login\0")
        return int.from_bytes(data[at + 24:at + 32], "little")


def answer(p, *pairs):
    """Each question, then what is typed."""
    for question, text in pairs:
        p.wait_prompt(1, question.encode())
        p.seen = p.seen.partition(question.encode())[2]
        p.shown = getattr(p, "shown", b"") + p.seen
        p.type(text.encode() + b"\n")


CONF = """# Made by jwk11 setup; jwk11.conf(5) says what else there is.
[daemon]
run-dir = {to}/run
state-dir = {to}/state
modules = {module}

[token my-token]
uri = pkcs11:token=my%20token;serial=t1
{pin}
[key one]
uri = pkcs11:token=my%20token;serial=t1;object=one
alg = ES256
{two}
[set default]
keys = *

# Who may sign; for nobody else anything.
[client owner]
uid = {uid}
keys = *
allow = *
administer = *
"""
TWO = "\n[key two]\nuri = pkcs11:token=my%20token;serial=t1;object=two\nalg = EdDSA\n"


def text(t, pin, two=TWO):
    return CONF.format(to=t.to, module=t.module, pin=pin and pin + "\n", two=two, uid=os.getuid())


@test
def a_person_answers_and_the_broker_serves():
    with Place() as t:
        p = t.on_terminal("--dir", t.to)
        answer(p, ("Which one [1]: ", ""))
        p.wait_prompt(1, b"PIN of pkcs11:token=my%20token;serial=t1: ")
        equal(p.echoes(), False, "echo while it is typed")
        equal(PIN.encode() in p.about(), False)
        p.type(PIN.encode() + b"\n")
        answer(p, ("Keys to publish, by number [all]: ", ""), ("Who may sign [", ""))
        p.wait_prompt(1, f"Write {t.conf}? [Y/n]: ".encode())
        equal((os.path.exists(t.to), PIN.encode() in p.about()), (False, False), "nothing is written before the last word")
        shown = p.seen.replace(b"\r\n", b"\n").decode()
        equal(text(t, f"pin-file = {t.pin}") in shown, True, shown)
        p.type(b"y\n")
        code, out = p.end()
        equal((code, out), (0, f"{t.conf}: token my-token, keys one (ES256), two (EdDSA)\nnext: jwk11d --config {t.conf}\nnext: jwk11 --config {t.conf} doctor\n"), p.seen)
        equal((PIN.encode() in p.seen, PIN in out, p.echoes()), (False, False, True))
        equal(t.read(), text(t, f"pin-file = {t.pin}"))
        equal((t.read(t.pin), stat.S_IMODE(os.stat(t.pin).st_mode), stat.S_IMODE(os.stat(os.path.join(t.to, "state")).st_mode)), (PIN, 0o400, 0o700))
        equal(sorted(os.listdir(t.to)), ["jwk11.conf", "my-token.pin", "state"])
        equal(subprocess.run([JWK11D, "--check", "--config", t.conf], capture_output=True).returncode, 0)
        t.start()
        for key in ("one", "two"):
            equal(t.ask("POST", f"/v1/keys/{key}/sign", {"input": "aGVsbG8"})[0], 200, key)
        r = subprocess.run([JWK11, "--config", t.conf, "doctor", "--sign"], capture_output=True, text=True)
        equal((r.returncode, r.stdout.splitlines()[-1].startswith("0 errors, ")), (0, True), r.stdout)


@test
def a_person_chooses_among_tokens_and_keys():
    with Place(TOKEN + f"token t2\npin {PIN}\n{LOGIN}\nprivate one\npublic one\n") as t:
        p = t.on_terminal("--dir", t.to)
        answer(p, ("Which one: ", "3"), ("A number from 1 to 2.", ""), ("Which one: ", "1"), ("Which one [1]: ", "9"), ("Which one [1]: ", "3"),
               ("PIN of ", PIN), ("Keys to publish, by number [all]: ", "7"), ("Keys to publish, by number [all]: ", "1"), ("Who may sign [", "no-such-user"))
        code, out = p.end()
        equal((code, out, b'there is no user "no-such-user"' in p.seen, os.path.exists(t.to)), (64, "", True, False), p.seen)
        p = t.on_terminal("--dir", t.to, "--token", "pkcs11:serial=t1")
        answer(p, ("Which one [1]: ", "3"), ("PIN of ", PIN), ("Keys to publish, by number [all]: ", "1"), ("Who may sign [", ""), ("[Y/n]: ", ""))
        code, out = p.end()
        equal((code, f"next: jwk11 --config {t.conf} login my-token\n" in out), (0, True), p.seen)
        equal(t.read(), text(t, "# No PIN here: jwk11 login my-token", ""))
        equal(sorted(os.listdir(t.to)), ["jwk11.conf", "state"], "the PIN is nowhere")


@test
def a_no_writes_nothing():
    with Place() as t:
        p = t.on_terminal("--dir", t.to, "--pin", "credential")
        answer(p, ("PIN of ", PIN), ("[all]: ", ""), ("Who may sign [", ""), ("[Y/n]: ", "n"))
        code, out = p.end()
        equal((code, out, b"nothing was written" in p.seen, os.path.exists(t.to)), (1, "", True, False), p.seen)
        p = t.on_terminal()
        p.wait_prompt(1, b"Folder for the configuration and its sockets [")
        p.type(b"\x04")
        equal((p.end()[0], os.path.exists(t.to)), (64, False), p.seen)


@test
def a_wrong_pin_is_one_try_and_nothing_is_written():
    with Place() as t:
        for _ in range(2):
            p = t.on_terminal("--dir", t.to, "--pin", "file")
            answer(p, ("PIN of ", "9999"))
            code, out = p.end()
            equal((code, out, b"PIN_REJECTED" in p.seen, b"9999" in p.seen, os.path.exists(t.to)), (77, "", True, False, False), p.seen)
            equal(t.logins(), 1)


@test
def without_a_terminal_every_answer_is_an_option():
    whole = ["--dir", "TO", "--pin", "file", "--pin-file", "GIVEN", "--yes"]
    with Place(TOKEN + f"token t2\npin {PIN}\n{LOGIN}\nprivate one\npublic one\n") as t:
        whole = [{"TO": t.to, "GIVEN": t.given}.get(word, word) for word in whole] + ["--token", "pkcs11:serial=t1"]
        for left_out, named in (("--yes", "--yes is missing"), ("--dir", "--dir DIR, or --system is missing"), ("--token", "--token URI is missing"),
                                ("--pin-file", "--pin-file FILE is missing")):
            at = whole.index(left_out)
            args = whole[:at] + whole[at + (1 if left_out == "--yes" else 2):]
            code, out, err = t.without(*args)
            equal((code, out, named in err, "there is no terminal" in err, os.path.exists(t.to)), (64, "", True, True, False), err)
        code, out, err = t.without("--dir", t.to, "--yes", "--token", "pkcs11:serial=t1")
        equal((code, "--pin file|credential|login is missing" in err), (64, True), err)
        code, out, err = t.without(*whole)
        equal((code, err), (0, ""))
        equal(t.read(), text(t, f"pin-file = {t.given}"))
        equal(sorted(os.listdir(t.to)), ["jwk11.conf", "state"], "the PIN stays in its own file")
        t.start()
        equal(t.ask("POST", "/v1/keys/one/sign", {"input": "aGVsbG8"})[0], 200)


@test
def what_is_there_is_kept():
    with Place() as t:
        args = ["--dir", t.to, "--pin-file", t.given, "--yes"]
        equal(t.without(*args, "--keys", "one", "--json")[0:2], (0, json.dumps({"schema": "jwk11/setup/1", "config": t.conf, "keys": ["one"]}, separators=(",", ":")) + "\n"))
        before = t.read()
        code, out, err = t.without(*args)
        equal((code, out, err), (73, "", f"jwk11: setup: {t.conf} exists; nothing was changed\n  see: another --dir, or --force: what is there is then kept as "
                                 f"{t.conf}.old\n  [exit 73, FILE_FAILED]\n"))
        equal(t.read(), before)
        equal(t.without(*args, "--force")[0], 0)
        equal((t.read(t.conf + ".old"), t.read() != before, len(os.listdir(t.to))), (before, True, 3))
        equal(t.without(*args, "--force")[0], 0, "and once more")
        equal(t.read(t.conf + ".old"), t.read())
        with open(t.pin, "w") as f:
            f.write("what is there")
        p = t.on_terminal("--dir", t.to, "--pin", "file", "--yes")
        equal((p.end()[0], t.read(t.pin)), (73, "what is there"), p.seen)
        p = t.on_terminal("--dir", t.to, "--pin", "file", "--yes", "--force")
        answer(p, ("PIN of ", PIN))
        equal(p.end()[0], 0, p.seen)
        equal((t.read(t.pin), t.read(t.pin + ".old"), stat.S_IMODE(os.stat(t.pin).st_mode)), (PIN, "what is there", 0o400))


@test
def what_cannot_be():
    with Place() as t:
        rows = [(["--dir", t.to, "--system"], 64, "exclude each other"), (["--dir", t.to, "word"], 64, "takes no argument"),
                (["--dir", t.to, "--pin", "paper", "--yes"], 64, "file, credential or login"), (["--dir", t.to + "x" * 80, "--yes", "--pin-file", t.given], 64, "80 bytes"),
                (["--dir", t.to, "--token", "pkcs11:token=other", "--yes"], 69, "no token that is present matches"),
                (["--dir", t.to, "--pin-file", t.given, "--keys", "three", "--yes"], 66, 'no key "three"'),
                (["--dir", t.to, "--pin-file", t.given, "--user", "no-such-user", "--yes"], 64, "no-such-user"),
                (["--dir", os.path.join(t.to, "deeper"), "--pin-file", t.given, "--yes"], 73, "No such file"),
                (["--dir", t.to, "--pin-file", "/nowhere", "--yes"], 73, "/nowhere")]
        for args, wanted, words in rows:
            code, out, err = t.without(*args)
            equal((code, out, words in err, os.path.exists(t.to)), (wanted, "", True, False), f"{args}: {err}")
    with Place("slot empty\n") as t:
        code, _, err = t.without("--dir", t.to, "--yes")
        equal((code, "no module shows an initialised token" in err), (69, True), err)
    with Place(f"token t1\npin {PIN}\n") as t:
        code, _, err = t.without("--dir", t.to, "--yes", "--pin-file", t.given)
        equal((code, "there is no key on pkcs11:token=t1;serial=t1" in err, os.path.exists(t.to)), (66, True, False), err)
    with Place("nonsense\n") as t:
        code, _, err = t.without("--dir", t.to, "--yes")
        equal((code, f"module {t.module} is left out" in err), (69, True), err)


@test
def names_that_are_no_names():
    objects = "private one\nattr CKA_LABEL text:a key; of mine\nprivate two\nattr CKA_LABEL text:a key; of mine\n"
    with Place(f"token t1\nlabel ;#[x]\npin {PIN}\n{objects}public one\nattr CKA_LABEL text:a key; of mine\npublic two\nattr CKA_LABEL text:a key; of mine\n") as t:
        code, out, err = t.without("--dir", t.to, "--pin-file", t.given, "--yes")
        equal((code, err), (0, ""))
        conf = t.read()
        for line in ("uri = pkcs11:token=%3B%23%5Bx%5D;serial=t1", "[key a-key--of-mine]", "[key a-key--of-mine-2]", "uri = pkcs11:token=%3B%23%5Bx%5D;serial=t1;id=%6f%6e%65",
                     "uri = pkcs11:token=%3B%23%5Bx%5D;serial=t1;id=%74%77%6f"):
            equal(line in conf.splitlines(), True, conf)
        t.start()
        for key in ("a-key--of-mine", "a-key--of-mine-2"):
            equal(t.ask("POST", f"/v1/keys/{key}/sign", {"input": "aGVsbG8"})[0], 200, key)


@test
def softhsm_with_its_environment():
    with Trial() as other, Place() as t:
        module = next(line.split(" = ")[1].strip() for line in open(other.conf) if line.startswith("modules"))
        r = subprocess.run([JWK11, "setup", "--module", module, "--token", "pkcs11:token=trial", "--pin-file", os.path.join(other.dir, "pin"), "--dir", t.to, "--yes"],
                           capture_output=True, text=True, stdin=subprocess.DEVNULL, start_new_session=True,
                           env=dict(os.environ, XDG_STATE_HOME=t.dir, SOFTHSM2_CONF=os.path.join(other.dir, "softhsm2.conf")))
        equal((r.returncode, r.stderr), (0, ""))
        equal(f"environment = SOFTHSM2_CONF={other.dir}/softhsm2.conf" in t.read().splitlines(), True, t.read())
        t.start()
        equal([k["kty"] for k in json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]].count("EC"), 1)
        equal(t.ask("POST", "/v1/keys/rs256/sign", {"input": "aGVsbG8"})[0], 200)


main()
