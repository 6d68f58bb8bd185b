# SPDX-License-Identifier: Apache-2.0
"""Packages of npm for a judge, installed once for each content of its package.json and kept in the cache."""
import hashlib, os, shutil, subprocess, sys

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "jwk11")


def modules(here, name):
    """Where the packages of here/package.json lie. Where there are none to be had that is said, as TAP, and the program ends."""
    place = None
    if shutil.which("node") and shutil.which("npm"):
        with open(os.path.join(here, "package.json"), "rb") as f:
            place = os.path.join(CACHE, f"{name}-" + hashlib.sha256(f.read()).hexdigest()[:16])
    if place is not None and not os.path.exists(place):
        fresh = f"{place}.{os.getpid()}"
        os.makedirs(fresh)
        shutil.copy(os.path.join(here, "package.json"), fresh)
        if subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=fresh).returncode == 0:
            os.rename(fresh, place)
        else:
            place = None
    if place is None:
        print("1..0 # SKIP no node, no npm, or no package to be had")
        sys.exit(0)
    return os.path.join(place, "node_modules")
