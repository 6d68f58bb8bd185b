#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 publish: what the broker serves as files, changed only when it has changed, and never lost."""
import ctypes, json, os, re, resource, signal, stat, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import BUILD, JWK11, JWK11D, Trial, equal, main, test

with open(os.path.join(BUILD, "Makefile")) as f:
    SANITIZED = bool(re.search(r"^HARDEN_CFLAGS = .*-fsanitize=\S*(address|thread)", f.read(), re.M))
LANDLOCK = 0 if SANITIZED else max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))

SETS = "[set default]\nkeys = es256, rs256\nissuer = https://issuer.example\n[set web]\nkeys = es256\nissuer = https://web.example\n[set odd@1.x]\nkeys = eddsa\n"
SERVED = ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/jwks/web.json", "/.well-known/jwks/web/openid-configuration",
          "/.well-known/jwks/odd@1.x.json"]


class Published(Trial):
    def __init__(self):
        super().__init__()
        self.change("[set default]\nkeys = *\n", SETS)
        self.web = os.path.join(self.dir, "web", "root")
        self.hook, self.told = os.path.join(self.dir, "hook"), os.path.join(self.dir, "told")
        with open(os.open(self.hook, os.O_WRONLY | os.O_CREAT, 0o700), "w") as f:
            f.write(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{self.told}"\nexit ${{CODE:-0}}\n')

    def publish(self, *more, **popen):
        p = subprocess.run([JWK11, "--socket", self.api, "publish", "--dir", self.web, *more], capture_output=True, text=True, **popen)
        return p.returncode, p.stdout, p.stderr

    def read(self, path):
        with open(self.web + path, "rb") as f:
            return f.read()

    def files(self):
        return sorted(os.path.join(folder, name)[len(self.web):] for folder, _, names in os.walk(self.web) for name in names)

    def drop_key(self):
        """The set `web` has nothing of its old keys afterwards."""
        self.change("[set web]\nkeys = es256", "[set web]\nkeys = rs256")
        self.daemon.send_signal(signal.SIGHUP)
        self.wait_log("event=reloaded")
        self.until(lambda: json.loads(self.ask("GET", "/.well-known/jwks/web.json")[2])["keys"][0]["kty"] == "RSA", "the new set")


@test
def the_files_are_what_is_served_and_change_only_with_it():
    with Published() as t:
        t.start()
        equal(t.publish("--hook", t.hook), (0, "".join(f"changed {t.web}{path}\n" for path in SERVED), ""))
        equal(t.files(), sorted(SERVED))
        for path in SERVED:
            equal(t.read(path), t.ask("GET", path, sock=t.public)[2], path)
            equal(stat.S_IMODE(os.stat(t.web + path).st_mode), 0o644)
        with open(t.told) as f:
            equal(f.read().splitlines(), [t.web + path for path in SERVED])
        os.unlink(t.told)
        before = {path: os.stat(t.web + path) for path in SERVED}
        equal(t.publish("--hook", t.hook), (0, "".join(f"unchanged {t.web}{path}\n" for path in SERVED), ""))
        equal((os.path.exists(t.told), {path: os.stat(t.web + path) for path in SERVED} == before), (False, True))
        t.drop_key()
        code, out, _ = t.publish("--hook", t.hook, "--json")
        report = json.loads(out)
        changed = [f["file"][len(t.web):] for f in report["files"] if f["state"] == "changed"]
        equal((code, report["schema"], changed), (0, "jwk11/publish/1", ["/.well-known/jwks/web.json", "/.well-known/jwks/web/openid-configuration"]))
        with open(t.told) as f:
            equal(f.read().splitlines(), [t.web + path for path in changed])


@test
def what_cannot_be_had_or_written_leaves_what_was_there():
    with Published() as t:
        t.start()
        equal(t.publish()[0], 0)
        old = {path: t.read(path) for path in SERVED}
        t.drop_key()
        full = dict(preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))))
        code, out, err = t.publish("--hook", t.hook, **full)
        equal((code, out.count("kept"), "too large" in err.lower()), (73, 2, True), err)
        equal(({path: t.read(path) for path in SERVED}, t.files(), os.path.exists(t.told)), (old, sorted(SERVED), False), "a disk that is full")
        t.change("[set web]\nkeys = rs256", "[set web]\nkeys = gone")
        t.change("[set default]", "[key gone]\nuri = pkcs11:token=trial;object=gone\n[set default]")
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("event=reloaded")
        t.until(lambda: t.ask("GET", "/.well-known/jwks/web.json")[0] == 503, "the set to be empty")
        code, out, err = t.publish()
        equal((code, out.count("kept"), "NOT_READY" in err), (75, 2, True), err)
        equal({path: t.read(path) for path in SERVED}, old, "a set without a key")
        t.stop()
        code, out, err = t.publish()
        equal((code, out, "BROKER_ABSENT" in err or "no broker answers" in err), (69, "", True), err)
        equal({path: t.read(path) for path in SERVED}, old, "no broker")


@test
def a_hook_that_fails_is_told_of():
    with Published() as t:
        t.start()
        code, _, err = t.publish("--hook", t.hook, env=dict(os.environ, CODE="3"))
        equal((code, "ended with 3" in err), (73, True), err)
        equal(t.files(), sorted(SERVED), "and the files are there")
        for wrong in (["publish"], ["publish", "x", "--dir", t.web], ["publish", "--offline", "--dir", t.web]):
            equal(subprocess.run([JWK11, "--socket", t.api, *wrong], capture_output=True).returncode, 64, wrong)
        os.chmod(t.hook, 0o600)
        os.unlink(t.web + SERVED[0])
        code, _, err = t.publish("--hook", "/nonexistent/hook")
        equal((code, "ended with 127" in err), (73, True), err)


class Broker(Published):
    """A broker that writes the files itself. Its hook notes what it is told, and does as the file `then` says."""

    def __init__(self):
        super().__init__()
        self.then, self.runs, self.ends = (os.path.join(self.dir, name) for name in ("then", "runs", "ends"))
        with open(self.hook, "w") as f:
            f.write(f'#!/bin/sh\nthen=$(cat "{self.then}")\nprintf "%s " "$@" | sed "s,{self.web},,g" >>"{self.runs}"\necho >>"{self.runs}"\n(eval "$then")\ncode=$?\necho >>"{self.ends}"\nexit $code\n')
        self.do("exit 0")
        self.change("[daemon]\n", f"[daemon]\npublish-dir = {self.web}\npublish-hook = {self.hook}\n")
        os.makedirs(os.path.dirname(self.web))

    def do(self, script):
        with open(self.then + ".new", "w") as f:
            f.write(script + "\n")
        os.rename(self.then + ".new", self.then)

    def told_of(self):
        if not os.path.exists(self.runs):
            return []
        with open(self.runs) as f:
            return [line.split() for line in f]

    def wait_all_told(self, files):
        """Until the hook has been told of each of these since the last time: a run may find the sets half of the way."""
        self.until(lambda: set(sum(self.told_of()[self.seen:], [])) == set(files), f"the hook to be told of {files}")
        self.until(lambda: self.ended() == len(self.told_of()), "the hook to end")
        self.seen = len(self.told_of())

    def ended(self):
        """How often the hook has ended."""
        return os.path.getsize(self.ends) if os.path.exists(self.ends) else 0

    def metric(self, name):
        for line in self.ask("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(f"jwk11_{name} "):
                return int(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def start_published(self):
        self.seen = 0
        self.start()
        self.wait_all_told(SERVED)
        self.until(lambda: self.metric("publish_timestamp_seconds") > 0, "the metric")
        return self

    def swap(self, old="es256", new="rs256"):
        self.change(f"[set web]\nkeys = {old}", f"[set web]\nkeys = {new}")
        self.daemon.send_signal(signal.SIGHUP)
        self.wait_log("event=reloaded")

    def agree(self):
        for path in SERVED:
            equal(self.read(path), self.ask("GET", path, sock=self.public)[2], path)


WEB = ["/.well-known/jwks/web.json", "/.well-known/jwks/web/openid-configuration"]


@test
def the_broker_writes_them_itself_and_tells_its_hook_what_is_new():
    with Broker() as t:
        t.start_published()
        t.agree()
        equal(t.files(), sorted(SERVED))
        before = {path: os.stat(t.web + path) for path in SERVED}
        t.swap()
        t.wait_all_told(WEB)
        t.agree()
        equal([path for path in SERVED if os.stat(t.web + path) != before[path]], WEB, "the others were not touched")
        equal((t.metric("publish_failing"), t.metric("publish_failures_total")), (0, 0))
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("event=reloaded")
        os.kill(int(re.findall(r"program=jwk11d-front pid=(\d+)", t.log)[-1]), signal.SIGKILL)
        t.wait_log("event=serving")
        t.wait_log("event=catalogue")
        t.until(lambda: t.metric("publish_failing") == 0, "whatever the front's end has cut to be made good")
        t.swap("rs256", "eddsa")
        t.wait_all_told(WEB)
        t.agree()
        t.stop()
        os.unlink(t.runs)
        os.unlink(t.ends)
        t.start_published()  # after a start nobody knows what it was told, so it is told of all


@test
def a_hook_that_fails_is_said_once_and_told_again_of_the_same():
    with Broker() as t:
        t.start_published()
        t.do("exit 3")
        t.swap()
        t.wait_log("event=publish-failed")
        t.until(lambda: len(t.told_of()) >= t.seen + 2, "another try")
        equal((t.log.count("event=publish-failed"), "ended with 3" in t.log), (1, True), t.log)
        t.until(lambda: t.metric("publish_failing") == 1 and t.metric("publish_failures_total") >= 2, "the metrics")
        equal(set(map(tuple, t.told_of()[t.seen:])), {tuple(WEB)})
        t.until(lambda: t.ask("GET", "/readyz")[0] == 200, "readiness, which this does not touch")
        t.agree()
        t.do("kill -9 $$")
        t.wait_log("event=publish-failed")
        t.do("exit 0")
        t.wait_log("event=publish-recovered")
        equal(t.told_of()[-1], WEB)
        t.until(lambda: t.metric("publish_failing") == 0, "the metric")
        equal(t.metric("publish_failures_total") >= 3, True)


@test
def there_is_never_more_than_one_and_a_change_meanwhile_means_one_more():
    with Broker() as t:
        t.start_published()
        fifo = os.path.join(t.dir, "fifo")
        os.mkfifo(fifo)
        t.do(f"read x <{fifo}; rm {fifo}; exit 0")
        t.swap()
        t.until(lambda: len(t.told_of()) == t.seen + 1, "the hook to begin")
        t.do("exit 0")
        for old, new in (("rs256", "eddsa"), ("eddsa", "es256"), ("es256", "eddsa")):
            t.swap(old, new)
        t.until(lambda: "OKP" in t.ask("GET", WEB[0])[2].decode(), "the last of the changes")
        equal((len(t.told_of()), "OKP" in t.read(WEB[0]).decode()), (t.seen + 1, False), "nothing is written while the hook runs")
        fd = os.open(fifo, os.O_RDWR)  # waits for nobody
        os.write(fd, b"\n")
        t.until(lambda: len(t.told_of()) == t.seen + 2, "one more run")
        equal(t.told_of()[-1], WEB)
        os.close(fd)
        t.agree()


@test
def what_cannot_be_written_or_is_not_there_yet_leaves_the_files():
    with Broker() as t:
        full = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", os.path.dirname(t.web)], capture_output=True).returncode == 0
        try:
            t.start_published()
            old = {path: t.read(path) for path in SERVED}
            if full:
                with open(os.path.join(t.web, "filler"), "wb", buffering=0) as f:
                    try:
                        while f.write(b"x" * 512):
                            pass
                    except OSError:
                        pass
            else:  # what stands in the way of the file's other name
                t.stop()
                os.rename(t.web + "/.well-known/jwks/web", t.web + "/web")
                os.symlink("/nonexistent/web", t.web + "/.well-known/jwks/web")
                t.change("[set web]\nkeys = es256", "[set web]\nkeys = es256, rs256")
                t.start()
            t.swap(*(("es256", "rs256") if full else ("es256, rs256", "rs256")))
            t.wait_log("event=publish-failed")
            said = t.log[t.log.index("event=publish-failed"):]
            equal(("No space left" in said) == full, True, said)
            equal(t.read(WEB[0]) == old[WEB[0]], full, "a disk that is full")
            equal([f for f in t.files() if f.endswith(".tmp")], [])
            if full:
                equal({path: t.read(path) for path in SERVED}, old)
                os.unlink(os.path.join(t.web, "filler"))
            else:
                os.unlink(t.web + "/.well-known/jwks/web")
                os.rename(t.web + "/web", t.web + "/.well-known/jwks/web")
            t.wait_log("event=publish-recovered")
            t.agree()
            old = {path: t.read(path) for path in SERVED}
            n = len(t.told_of())
            t.change("[set default]", "[key gone]\nuri = pkcs11:token=trial;object=gone\n[set default]")
            t.swap("rs256", "gone")
            t.until(lambda: t.ask("GET", WEB[0])[0] == 503, "the set to be empty")
            t.change("[set odd@1.x]", "[set late]\nkeys = es256\n[set odd@1.x]")
            t.daemon.send_signal(signal.SIGHUP)
            t.until(lambda: len(t.told_of()) > n, "the next run")
            equal((t.told_of()[n:], {path: t.read(path) for path in SERVED}), ([["/.well-known/jwks/late.json"]], old), "a set without a key keeps its file")
            equal(t.log.count("event=publish-failed"), 1, "and that is no failure")
            t.stop()
        finally:
            if full:
                subprocess.run(["umount", "-l", os.path.dirname(t.web)])


@test
def who_writes_the_files_can_write_nowhere_else():
    with Broker() as t:
        t.start_published()
        t.stop()
        outside = os.path.join(t.dir, "outside")
        os.rename(t.web + "/.well-known/jwks", outside)
        os.symlink(outside, t.web + "/.well-known/jwks")
        before = {name: os.stat(os.path.join(outside, name)) for name in os.listdir(outside)}
        t.change("[set web]\nkeys = es256", "[set web]\nkeys = rs256")
        t.start("event=publish-failed" if LANDLOCK else "event=published")
        equal("Permission denied" in t.log, bool(LANDLOCK), t.log)
        equal({name: os.stat(os.path.join(outside, name)) for name in os.listdir(outside)} == before, bool(LANDLOCK))


@test
def nothing_is_written_where_nobody_wants_it():
    with Broker() as t:
        t.change(f"publish-dir = {t.web}\n", "")
        p = subprocess.run([JWK11D, "--config", t.conf, "--check"], capture_output=True, text=True)
        equal((p.returncode, "publish-hook goes with publish-dir only" in p.stderr), (78, True), p.stderr)
        t.change(f"publish-hook = {t.hook}\n", "")
        t.start()
        equal((os.path.exists(t.web), "jwk11_publish" in t.ask("GET", "/metrics")[2].decode()), (False, False))
        t.change("[daemon]\n", f"[daemon]\npublish-dir = {t.web}\n")
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("event=published")
        t.agree()


main()
