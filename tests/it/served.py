# SPDX-License-Identifier: Apache-2.0
"""What the tests of jwk11d-front alone with several clients share: a front with a worker that has told its keys, and clients of other users."""
import json, os, select

from front_alone import ALL, Client, Daemon, Worker, b64, is_problem, wait_for
from trial import equal

PROGRAM = os.path.join(os.environ.get("JWK11_BUILD", "."), "jwk11d-front")
FLOODER, HONEST = 60001, 60002
ROOT = os.geteuid() == 0


def skip_without_root(function):
    """The kernel tells the front who connects; only root can be somebody else."""
    def skipped():
        print(f"# skipped without root: {function.__name__}", flush=True)
    skipped.__name__ = function.__name__
    return function if ROOT else skipped


class As(Client):
    """A client of another user: the kernel notes who it is when it connects."""

    def __init__(self, path, uid=None):
        if uid is not None:
            os.seteuid(uid)
        try:
            super().__init__(path)
        finally:
            if uid is not None:
                os.seteuid(0)

    def sign(self, text="x"):
        return self.post("/v1/keys/es/sign", {"input": b64(text)})

    def hold(self, text="hold"):
        return self.ask("/v1/keys/es/sign", {"input": b64(text)})

    def gone(self):
        """Closed by the front without an answer, and nothing asked."""
        return bool(select.select([self.sock], [], [], 0)[0]) and self.closed()


class Served:
    """A front with a worker that has told its keys."""

    def __init__(self, **conf):
        self.daemon = Daemon(PROGRAM, **conf)
        self.worker = Worker(self.daemon, 0)
        self.worker.catalog(ALL)
        c = Client(self.daemon.api)
        equal(wait_for(lambda: c.get("/readyz")[0] == 200), True, "ready")
        c.sock.close()

    def __enter__(self):
        return self.daemon, self.worker

    def __exit__(self, *_):
        code, log = self.daemon.end()
        equal((code, "ERROR" in log or "runtime error" in log), (0, False), log)


def refused(reply, status, code):
    if not is_problem(reply, status, code) or "retry-after" not in reply[1]:
        raise AssertionError(f"wanted {status} {code} with Retry-After, got {reply}")
