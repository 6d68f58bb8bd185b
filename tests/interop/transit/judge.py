#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the judge of this folder, once for each content of it, and has it look at a broker. Needs Go; 77 without it."""
import hashlib, os, re, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "it"))
from trial import BUILD, Trial

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "jwk11")


def judge():
    """The program, from the cache."""
    version = subprocess.run(["go", "version"], check=True, capture_output=True).stdout
    content = hashlib.sha256(version)
    for name in ("go.mod", "go.sum", "main.go"):
        with open(os.path.join(HERE, name), "rb") as f:
            content.update(f.read() + b"\0")
    path = os.path.join(CACHE, "transit-judge-" + content.hexdigest()[:16])
    if not os.path.exists(path):
        os.makedirs(CACHE, exist_ok=True)
        fresh = f"{path}.{os.getpid()}"
        subprocess.run(["go", "build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", fresh, "."], cwd=HERE, check=True, env=dict(os.environ, CGO_ENABLED="0"))
        os.rename(fresh, path)
    return path


def keys(t):
    with open(t.conf) as f:
        module = re.search("(?m)^modules = (.*)$", f.read())[1]
    since = time.strftime("wheel@%Y%m%dT%H%M%SZ", time.gmtime(int(time.time()) - 3600))
    for alg, label in (("ES384", "es384"), ("ES256", "wheel"), ("ES256", since)):
        subprocess.run([os.path.join(BUILD, "tests", "token_key"), module, "pkcs11:token=trial", os.path.join(t.dir, "pin"), "make", alg, label], check=True,
                       env=dict(os.environ, SOFTHSM2_CONF=os.path.join(t.dir, "softhsm2.conf")))
    t.change("[set default]\n", "[key es384]\nuri = pkcs11:token=trial;object=es384\n[key wheel]\nuri = pkcs11:token=trial;object=wheel\nlead = 1h\noverlap = 2h\n[set default]\n")


def main():
    if shutil.which("go") is None:
        print("1..0 # SKIP no Go")
        return 77
    program = judge()
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\nworkers = 1\ntransit = yes\n")
        with open(t.conf) as f:
            allow = re.search("(?m)^allow = .*$", f.read())[0]
        t.change(allow, "allow = sign, verify")
        keys(t)
        t.start("event=ready program=jwk11d-worker")
        t.until(lambda: t.ask("GET", "/readyz")[0] == 200, "the keys")
        return subprocess.run([program, t.api, BUILD]).returncode


sys.exit(main())
