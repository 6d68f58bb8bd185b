#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The broker against its own description, by schemathesis: data that fits and data that does not, each operation alone and one after another, every check
that it has. Needs Python's packages, which are kept in the cache; `JWK11_OPENAPI_EXAMPLES` is how many requests of a kind each operation gets."""
import hashlib, os, re, select, socket, subprocess, sys, threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "it"))
from trial import Trial, equal, main, test

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "jwk11")
EXAMPLES = int(os.environ.get("JWK11_OPENAPI_EXAMPLES", "20"))


def packages():
    """Where the packages lie; None: they cannot be had."""
    with open(os.path.join(HERE, "requirements.txt"), "rb") as f:
        place = os.path.join(CACHE, "schemathesis-" + hashlib.sha256(f.read() + sys.version.encode()).hexdigest()[:16])
    if not os.path.exists(place):
        fresh = f"{place}.{os.getpid()}"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action", "ignore", "--ignore-installed", "-r",
               os.path.join(HERE, "requirements.txt"), "--target", fresh]
        if subprocess.run(pip, stdout=subprocess.DEVNULL).returncode != 0:
            return None
        os.rename(fresh, place)
    return place


class Forwarder:
    """A port of this machine that is the broker's socket: schemathesis knows no Unix sockets."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            broker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            broker.connect(self.path)
            for a, b in ((client, broker), (broker, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:  # the other direction has told
            b.close()


def read_both(t, judged):
    """What schemathesis says, all of it; and the broker's log meanwhile, or the broker would wait for room."""
    out = b""
    while True:
        ready, _, _ = select.select([judged.stdout, t.daemon.stderr], [], [])
        if t.daemon.stderr in ready:
            t.log += (t.daemon.stderr.read() or b"").decode()
        if judged.stdout in ready:
            more = os.read(judged.stdout.fileno(), 65536)
            if not more:
                return out
            out += more


def judge(t, conf, *more):
    """Fails with what schemathesis has found."""
    url = Forwarder(t.api).url
    judged = subprocess.Popen([sys.executable, os.path.join(PACKAGES, "bin", "st"), "--config-file", os.path.join(HERE, conf), "run", url + "/v1/openapi.json", "--url", url, "--no-color",
                           "--max-examples", str(EXAMPLES), *more], cwd=t.root, env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": PACKAGES + ":" + HERE}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = read_both(t, judged).decode()
    for line in re.findall(r"(?m)^ *\d+ generated.*$", out):
        print("# " + line.strip(), flush=True)
    if judged.wait() != 0:
        raise AssertionError(out[-12000:])


@test
def the_document_is_one():
    with Trial() as t:
        t.start()
        document = os.path.join(t.root, "openapi.json")
        with open(document, "wb") as f:
            f.write(t.ask("GET", "/v1/openapi.json")[2])
        done = subprocess.run([sys.executable, "-m", "openapi_spec_validator", "--schema", "3.1", document], env={**os.environ, "PYTHONPATH": PACKAGES},
                              capture_output=True, text=True)
        equal((done.returncode, "OK" in done.stdout), (0, True), done.stdout + done.stderr)


@test
def no_answer_is_other_than_described():
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\ntransit = yes\nrescan = 30m\n")
        t.change("[set default]\n", "[set default]\nissuer = https://issuer.example\n")
        t.start()
        t.until(lambda: t.ask("GET", "/readyz")[0] == 200, "the keys")
        judge(t, "main.toml")
        equal(t.ask("GET", "/readyz")[0], 200)


@test
def no_answer_to_logins_is_other_than_described():
    with Trial() as t:
        t.start()
        t.until(lambda: t.ask("GET", "/readyz")[0] == 200, "the keys")
        judge(t, "login.toml")
        t.ask("POST", "/v1/tokens/trial/logout", {})
        equal(t.ask("POST", "/v1/tokens/trial/login", {})[0], 200)


if __name__ == "__main__":
    PACKAGES = packages()
    if PACKAGES is None:
        print("1..0 # SKIP no packages to be had")
        sys.exit(0)
    main()
