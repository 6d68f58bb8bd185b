# SPDX-License-Identifier: Apache-2.0
"""What the daemon tests share: a trial token of their own, the real daemon, plain HTTP over its sockets, TAP."""
import atexit, functools, http.client, json, os, re, select, shutil, signal, socket, subprocess, sys, tempfile, time

BUILD = os.environ.get("JWK11_BUILD", ".")
JWK11 = os.path.join(BUILD, "jwk11")
JWK11D = os.path.join(BUILD, "jwk11d")
WRAP = os.environ.get("JWK11_WRAP", "").split()  # a checker to run the daemon under
COMPLAINT = re.compile("Sanitizer|runtime error|==[0-9]+== ")  # of the sanitizers, of valgrind -q
_results = []


def test(function):
    """Registers a test; its name, as a sentence, is its TAP line."""
    _results.append(function)
    return function


def main():
    print(f"1..{len(_results)}", flush=True)
    bad = 0
    for n, function in enumerate(_results, 1):
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok {n} - {name}", flush=True)
        except Exception as why:  # the reason is the test's output
            bad += 1
            print(f"not ok {n} - {name}", flush=True)
            for line in f"{type(why).__name__}: {why}".splitlines():
                print("# " + line, flush=True)
    sys.exit(1 if bad else 0)


@functools.lru_cache(maxsize=None)
def for_others():
    """The tool where every user can run it: the build folder may be private."""
    place = tempfile.mkdtemp(prefix="jwk11-tool-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    os.chmod(place, 0o755)
    return shutil.copy(JWK11, place)


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Trial:
    """A folder made by `jwk11 setup`, and the daemon serving it."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="jwk11-")
        os.chmod(self.root, 0o755)
        self.dir = os.path.join(self.root, "t")
        subprocess.run([JWK11, "setup", "--softhsm", self.dir], check=True, stdout=subprocess.DEVNULL)
        os.chmod(self.dir, 0o755)
        self.conf = os.path.join(self.dir, "jwk11.conf")
        self.api = os.path.join(self.dir, "run", "api.sock")
        self.public = os.path.join(self.dir, "run", "public.sock")
        self.daemon = None
        self.log = ""
        if "valgrind" in WRAP:  # which makes code as it goes
            self.change("[daemon]\n", "[daemon]\nworker-allow = all\n")

    def change(self, old, new):
        """In the configuration, where it stands."""
        with open(self.conf) as f:
            text = f.read()
        if old not in text:
            raise AssertionError(f"{old!r} is not in the configuration")
        with open(self.conf, "w") as f:
            f.write(text.replace(old, new))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self, until="event=catalogue"):
        self.daemon = subprocess.Popen(WRAP + [JWK11D, "--config", self.conf, "-v"], stderr=subprocess.PIPE)
        os.set_blocking(self.daemon.stderr.fileno(), False)
        self.wait_log(until)
        return self

    def wait_log(self, text, seconds=30):
        """Reads the daemon's log until a text appears in what is new; the log is the event."""
        self._read_until(lambda log, start=len(self.log): text in log[start:], text, seconds)

    def wait_count(self, text, count, seconds=30):
        """Reads the log until a text stands in it that many times since the start."""
        self._read_until(lambda log: log.count(text) >= count, f"{count} times {text}", seconds)

    def wait_order(self, first, then, seconds=30):
        """Reads the log until one text stands in it behind another."""
        self._read_until(lambda log: then in log.partition(first)[2], f"{then} behind {first}", seconds)

    def _read_until(self, enough, text, seconds):
        end = time.monotonic() + seconds
        while not enough(self.log):
            ready, _, _ = select.select([self.daemon.stderr], [], [], max(0, end - time.monotonic()))
            chunk = self.daemon.stderr.read() if ready else None
            if not chunk:
                raise AssertionError(f"the log never said {text!r}; it said:\n{self.log}")
            self.log += chunk.decode()

    def stop(self):
        if self.daemon is None:
            return None
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
        os.set_blocking(self.daemon.stderr.fileno(), True)
        self.log += self.daemon.stderr.read().decode()
        code = self.daemon.wait(30)
        self.daemon.stderr.close()
        self.daemon = None
        if COMPLAINT.search(self.log):
            raise AssertionError("a checker complains:\n" + self.log)
        return code

    def ask(self, method, path, body=None, headers=None, sock=None):
        c = Connection(sock or self.api)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        c.request(method, path, body, headers)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, r.headers, data

    def until(self, enough, what):
        """For what comes soon and says nothing when it does: answers to another route are the clock."""
        for _ in range(20000):
            if enough():
                return
            self.ask("GET", "/livez")
            self.log += (self.daemon.stderr.read() or b"").decode()  # or the daemon would wait for room
        raise AssertionError(f"waited in vain for {what}; the log:\n{self.log[-4000:]}")

    def children(self):
        """Every process below the daemon, itself included."""
        found, todo = [], [self.daemon.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                todo += [int(p) for p in f.read().split()]
        return found


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")
