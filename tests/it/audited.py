# SPDX-License-Identifier: Apache-2.0
"""What the tests of the audit log share: the daemon with one, and chains made here as the documentation says."""
import hashlib, json, os, subprocess

from trial import JWK11, Trial, equal


class Audited(Trial):
    def __init__(self, daemon=""):
        super().__init__()
        self.change("[daemon]\n", "[daemon]\n" + daemon + "\n")
        with open(self.conf) as f:
            for line in f:
                if line.startswith("state-dir"):
                    self.log_file = os.path.join(line.split("=")[1].strip(), "audit.jsonl")

    def records(self, path=None):
        with open(path or self.log_file) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]  # a write that is under way can be seen in part

    def requests(self, path=None):
        return [r for r in self.records(path) if r["event"] == "request"]

    def verify(self, *files, code=0, more=()):
        p = subprocess.run([JWK11, "--json", "audit", "verify", *more, *(files or [self.log_file])], capture_output=True)
        equal(p.returncode, code, p.stdout + p.stderr)
        return json.loads(p.stdout)


def chain(records, head=(0, "0" * 64)):
    """The lines of these records behind that head, and their own."""
    lines, (seq, before) = [], head
    for r in records:
        seq += 1
        body = json.dumps({"seq": seq} | r, separators=(",", ":"), ensure_ascii=False)[:-1]
        before = hashlib.sha256((before + body).encode()).hexdigest()
        lines.append(f'{body},"hash":"{before}"}}\n')
    return lines, (seq, before)
