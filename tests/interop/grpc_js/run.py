#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' signer as grpc-js sees it: 64 clients of one connection under load, while jwk11d-grpc is killed. Needs node and npm, whose package is kept in the
cache; `JWK11_GRPC_LOAD` is how often each client signs."""
import json, os, signal, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "..", "it")]
from npm import modules
from trial import Trial, equal, main, test

SECTION = "\n[kubernetes]\nkey = es256\n[client apiserver]\nuid = {uid}\nsocket = kubernetes\nkeys = es256\nallow = jwt\n"
WORKERS, LOAD = 64, int(os.environ.get("JWK11_GRPC_LOAD", "20"))


@test
def grpc_js_loses_nothing_when_the_process_is_killed():
    with Trial() as t:
        with open(t.conf, "a") as f:
            f.write(SECTION.format(uid=os.getuid()))
        t.start()
        t.wait_count("event=ready program=jwk11d-grpc", 1)
        client = subprocess.Popen(["node", os.path.join(HERE, "client.js"), os.path.join(t.dir, "run", "kubernetes.sock"), str(WORKERS), str(LOAD)],
                                  stdout=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": MODULES})
        equal(client.stdout.readline(), "loaded\n")
        os.kill(next(p for p in t.children() if "jwk11d-grpc" in open(f"/proc/{p}/cmdline").read()), signal.SIGKILL)
        out, _ = client.communicate(timeout=300)
        counts = json.loads(out)
        print(f"# {counts}", flush=True)
        equal((client.returncode, counts["signed"], counts["failed"]), (0, WORKERS * LOAD, 0))


if __name__ == "__main__":
    MODULES = modules(HERE, "grpc-js")
    main()
