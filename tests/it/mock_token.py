# SPDX-License-Identifier: Apache-2.0
"""The real daemon on the mock module, for the tests that script it."""
import base64, json, os, shutil, struct, tempfile, threading

from trial import BUILD, Trial, equal
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

MODULE = os.path.join(os.path.abspath(BUILD), "tests", "mock", ".libs", "jwk11-mock.so")
HELLO = {"input": "aGVsbG8"}
CONF = """[daemon]
run-dir = {d}/run
state-dir = {d}/state
modules = {module}
environment = JWK11_MOCK={d}/script
request-timeout = {timeout}s
{daemon}
[token t1]
uri = pkcs11:token=t1
{login}
{tokens}
[key k]
uri = pkcs11:token=t1;object=k
{key}
{keys}
[set default]
keys = *
[client owner]
uid = {uid}
keys = *
allow = *
"""


class Mock(Trial):
    """A daemon whose one module is the mock, with token t1 and key k on it unless `token` says otherwise. `second`: another copy of the module,
    with this script of its own."""

    def __init__(self, faults="", workers=1, token="pin 1234", more="", pin="1234", tokens="", keys="", timeout=10, daemon="", key="",
                 login="pin-file = $/pin", objects="private k\npublic k", second=None):
        self.root = self.dir = tempfile.mkdtemp(prefix="jwk11-mock-")
        self.daemon, self.log, self.reading = None, "", threading.Lock()
        self.conf = os.path.join(self.dir, "jwk11.conf")
        self.api, self.public = (os.path.join(self.dir, "run", name) for name in ("api.sock", "public.sock"))
        self.away = os.path.join(self.dir, "away")
        os.mkdir(os.path.join(self.dir, "state"), 0o700)
        self.write("pin", pin + "\n", 0o400)
        self.modules = [MODULE]
        if second is not None:
            self.modules.append(os.path.join(self.dir, "second.so"))
            shutil.copy(MODULE, self.modules[1])
            self.write("second.so.script", second.replace("$", self.dir))
        self.settings = dict(d=self.dir, daemon=f"workers = {workers}\n{daemon}", uid=os.getuid(), timeout=timeout, key=key,
                             login=login.replace("$", self.dir), tokens=tokens.replace("$", self.dir), keys=keys)
        self.configure()
        self.write("script", f"counts $/counts\nkey k p256 $/k.pem\ntoken t1\n{token}\n{objects}\n{more}\n{faults}\n".replace("$", self.dir))

    def configure(self, **changes):
        """Writes the configuration, with these settings changed."""
        self.settings.update(changes)
        self.write("jwk11.conf", CONF.format(module=", ".join(self.modules), **self.settings))

    def write(self, name, text, mode=0o600):
        fd = os.open(os.path.join(self.dir, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(fd, "w") as f:
            f.write(text)

    def count(self, name, file="counts"):
        """Calls of a function by all workers so far."""
        if not os.path.exists(os.path.join(self.dir, file)):
            return 0
        with open(os.path.join(self.dir, file), "rb") as f:
            return next((n for label, n in struct.iter_unpack("24sQ", f.read()) if label.rstrip(b"\0").decode() == name), 0)

    def workers(self):
        return [p for p in self.children() if "jwk11d-worker" in open(f"/proc/{p}/cmdline").read()]

    def verify(self, body):
        with open(os.path.join(self.dir, "k.pem"), "rb") as f:
            key = serialization.load_pem_private_key(f.read(), None).public_key()
        text = json.loads(body)["signature"]
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        key.verify(utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), b"hello", ec.ECDSA(hashes.SHA256()))

    def ask(self, *args, **more):
        """Keeps the log's pipe empty: a daemon that cannot write its log waits."""
        answer = super().ask(*args, **more)
        with self.reading:
            self.log += (self.daemon.stderr.read() or b"").decode()
        return answer

    def sign(self, key="k"):
        """A signature that verifies, or the problem's status and code."""
        status, headers, body = self.ask("POST", f"/v1/keys/{key}/sign", HELLO)
        if status == 200:
            self.verify(body) if key == "k" else None
            return 200
        self.problem = body.decode()
        equal(headers["Content-Type"], "application/problem+json")
        problem = json.loads(body)
        if "signature" in problem or not problem["detail"]:
            raise AssertionError(body)
        return status, problem["code"]


def in_thread(function):
    """Runs it beside; the returned function waits and gives its result or raises what it raised."""
    box = []

    def run():
        try:
            box.append((function(), None))
        except Exception as why:
            box.append((None, why))

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join()
        if box[0][1] is not None:
            raise box[0][1]
        return box[0][0]

    return result


def wait_for(t, name, count):
    """The mock's count is the event; the daemon's answers to another route are the clock."""
    for _ in range(100000):
        if t.count(name) >= count:
            return
        t.ask("GET", "/livez")
    raise AssertionError(f"{name} was never called {count} times")
