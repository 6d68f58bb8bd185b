#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 publish: what the broker serves as files, changed only when it has changed, and never lost."""
import json, os, resource, signal, stat, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, Trial, equal, main, test

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


main()
