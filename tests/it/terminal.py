# SPDX-License-Identifier: Apache-2.0
"""jwk11 with a terminal of its own, for tests that type."""
import os, pty, select, termios, time

from mock_token import MODULE
from trial import JWK11

ECHO = 3  # index of the local modes


def environment(t):
    return dict(os.environ, JWK11_MOCK=os.path.join(t.dir, "script"), XDG_STATE_HOME=t.dir)


def command(t, *more):
    return [JWK11, "list", "--offline", "--module", MODULE, "--token", "pkcs11:token=t1", *more]


class Terminal:
    """jwk11 with a terminal of its own; its standard output goes to a file."""

    def __init__(self, t, *more, args=None):
        self.out = os.path.join(t.dir, "out")
        args, env = args or command(t, "--ask-pin", *more), environment(t)
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.dup2(os.open(self.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
                os.execve(JWK11, args, env)
            finally:
                os._exit(127)

    def wait_prompt(self, count=1, what=b"PIN of pkcs11:token=t1: "):
        end = time.monotonic() + 30
        while self.seen.count(what) < count:
            self.read(end)

    def read(self, end):
        if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
            raise AssertionError(f"the terminal shows only {self.seen!r}")
        self.seen += os.read(self.fd, 4096)

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[ECHO] & termios.ECHO)

    def about(self):
        """What anybody may read of the process."""
        text = b""
        for name in ("cmdline", "environ"):
            with open(f"/proc/{self.pid}/{name}", "rb") as f:
                text += f.read()
        return text

    def type(self, octets):
        os.write(self.fd, octets)

    def end(self):
        """Exit code or minus the signal, output; the terminal is still there to be looked at."""
        try:
            while True:
                self.read(time.monotonic() + 30)
        except OSError:  # the other side has closed it
            pass
        status = os.waitpid(self.pid, 0)[1]
        with open(self.out) as f:
            return os.waitstatus_to_exitcode(status), f.read()
