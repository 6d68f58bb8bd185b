#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the raw request table against a real daemon on a trial token."""
import os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from trial import Trial

with Trial() as t:
    t.start()
    sys.exit(subprocess.run(["/usr/bin/python3", os.path.join(here, "raw_http.py"), t.api]).returncode)
