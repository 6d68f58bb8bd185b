# SPDX-License-Identifier: Apache-2.0
"""Brokers whose clock the test sets: several on one token, all by one clock."""
import json, mmap, os, shutil, struct, subprocess, tempfile, time

import trial

PROGRAMS = {"jwk11d-front": "clocked_front", "jwk11d-worker": "clocked_worker", "jwk11": "clocked_tool"}


class Clock:
    """A folder with the programs, and the time that they all believe."""

    def __init__(self, now):
        self.dir = tempfile.mkdtemp(prefix="jwk11-clock-")
        os.chmod(self.dir, 0o755)
        for name, program in PROGRAMS.items():
            shutil.copy(os.path.join(trial.BUILD, "tests", program), os.path.join(self.dir, name))
        shutil.copy(trial.JWK11D, self.dir)
        self.jwk11, self.jwk11d = os.path.join(self.dir, "jwk11"), os.path.join(self.dir, "jwk11d")
        path = os.path.join(self.dir, "clock")
        with open(path, "wb") as f:
            f.write(struct.pack("q", now))
        os.chmod(path, 0o644)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 8)
        self.now = now

    def set(self, now):
        self.now = now
        self.map[:8] = struct.pack("q", now)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)


class Broker(trial.Trial):
    """A broker on the token of another one (None: on its own), by the clock's time."""

    def __init__(self, clock, owner=None):
        self.clock = clock
        super().__init__()
        if owner is not None:
            self.change(f"SOFTHSM2_CONF={self.dir}/", f"SOFTHSM2_CONF={owner.dir}/")
            self.change(f"pin-file = {self.dir}/", f"pin-file = {owner.dir}/")

    def start(self, until="event=catalogue"):
        self.daemon = subprocess.Popen([self.clock.jwk11d, "--config", self.conf, "-v"], stderr=subprocess.PIPE)
        os.set_blocking(self.daemon.stderr.fileno(), False)
        self.wait_log(until)
        return self

    def tool(self, *arguments, stdin=subprocess.DEVNULL):
        """Exit code, standard output, standard error."""
        done = subprocess.run([self.clock.jwk11, "--config", self.conf, *arguments], stdin=stdin, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def versions(self, key="issuer"):
        status, _, body = self.ask("GET", f"/v1/keys/{key}")
        return json.loads(body)["versions"] if status == 200 else []

    def jwks(self):
        status, _, body = self.ask("GET", "/.well-known/jwks.json", sock=self.public)
        return [k["kid"] for k in json.loads(body)["keys"]] if status == 200 else []

    def sign(self, key="issuer"):
        """The kid that signed, or the problem's code."""
        body = json.loads(self.ask("POST", f"/v1/keys/{key}/sign", {"input": "YQ"})[2])
        return body.get("kid", body.get("code"))


def moment(text):
    """Of a time that the broker has written."""
    return int(time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))) - time.timezone if text else None


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
