#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The audit log of the real daemon: one record for each decision, one chain whatever happens, and what becomes of requests without it."""
import hashlib, json, os, resource, signal, socket, subprocess, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from audited import Audited
from trial import BUILD, JWK11, equal, main, test

SECRET = "cGF5bG9hZC10aGF0LW5vYm9keS1zZWVz"  # payload-that-nobody-sees


class Watched(Audited):
    def workers(self):
        return [p for p in self.children() if "jwk11d-worker" in open(f"/proc/{p}/cmdline").read()]

    def reload(self):
        self.daemon.send_signal(signal.SIGHUP)
        self.wait_log("event=reloaded")


@test
def every_decision_is_one_record_and_no_content_is_in_it():
    with Watched("workers = 1") as t:
        t.start()
        hashed = hashlib.sha256(b"payload-that-nobody-sees").hexdigest()
        asked = [
            ("es256/sign", {"input": SECRET}, 200, {"op": "sign", "of": "input", "sha256": hashed}),
            ("es256/sign", {"digest": "A" * 43}, 200, {"op": "sign", "of": "digest", "sha256": hashlib.sha256(bytes(32)).hexdigest()}),
            ("es256/jws", {"payload": SECRET}, 200, {"op": "jws", "of": "input"}),
            ("es256/jwt", {"claims": {"sub": "payload-that-nobody-sees", "jti": "id-7"}, "ttl": 60}, 200, {"op": "jwt", "jti": "id-7"}),
            ("rs256/sign", {"input": SECRET, "alg": "ES256"}, 409, {"decision": "failed", "result": "ALG_MISMATCH"}),
            ("es256/verify", {"input": SECRET, "signature": "A" * 86}, 400, {"op": "verify", "decision": "failed", "result": "SIGNATURE_INVALID"}),
            ("es256/decrypt", {"jwe": "a.b.c.d.e"}, None, {"op": "decrypt"}),
        ]
        answers = []
        for path, body, status, _ in asked:
            got, headers, data = t.ask("POST", f"/v1/keys/{path}", body)
            answers.append((got, headers["Request-Id"], data))
            if status is not None:
                equal(got, status, data)
        records = t.requests()
        equal(len(records), len(asked))
        for r, (got, request, data), (path, body, status, wanted) in zip(records, answers, asked):
            wanted = {"decision": "allowed", "result": "OK"} | wanted if got == 200 else wanted
            equal({name: r.get(name) for name in wanted}, wanted, r)
            equal((r["request"], r["uid"], r["pid"], r["key"]), (request, os.getuid(), os.getpid(), path.split("/")[0]))
            if got == 200 and path == "es256/jws":
                jws = data.decode() if data[:1] != b"{" else json.loads(data)["jws"]
                equal(r["sha256"], hashlib.sha256(jws.rpartition(".")[0].encode()).hexdigest())
        with open(t.log_file) as f:
            text = f.read()
        with open(t.conf) as f:
            pin_file = [line.split("=")[1].strip() for line in f if line.startswith("pin-file")][0]
        with open(pin_file) as f:
            pin = f.read().strip()
        for secret in (pin, SECRET, "payload-that-nobody-sees", "signature"):
            if secret in text:
                raise AssertionError(f"{secret} is in the audit log")
        equal(os.stat(t.log_file).st_mode & 0o777, 0o600)
        equal(t.stop(), 0)
        equal(t.verify()["requests"], len(asked))


@test
def a_peer_that_may_not_is_a_record_too():
    with Watched("workers = 1") as t:
        t.change("allow = *\n", "allow = verify\n")
        t.start()
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": SECRET})[0], 403)
        r = t.requests()[-1]
        equal((r["decision"], r["result"], "client" in r, "sha256" in r), ("refused", "OPERATION_DENIED", True, False))


@test
def what_the_front_refuses_is_a_record_too_and_many_are_one():
    with Watched("workers = 2") as t:
        t.change("keys = *\nallow = *\nadminister = *\n", "keys = es256\nallow = *\nrate = 1/h\nburst = 3\n")
        t.start()
        asked = [("keys/nope/sign", 404, {"op": "sign", "key": "nope", "result": "KEY_UNKNOWN"}),
                 ("keys/rs256/jws", 404, {"op": "jws", "key": "rs256", "result": "KEY_UNKNOWN"}),
                 ("tokens/trial/login", 403, {"op": "login", "token": "trial", "result": "OPERATION_DENIED"}),
                 ("tokens/nope/logout", 403, {"op": "logout", "token": "nope", "result": "OPERATION_DENIED"})]
        for path, status, _ in asked:
            equal(t.ask("POST", f"/v1/{path}", {})[0], status, path)
        n_over = -3

        def over():
            nonlocal n_over
            n_over += 1
            equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 429 if n_over > 0 else 200)
            return [r for r in t.requests() if r["result"] == "RATE_EXCEEDED"]

        t.until(lambda: any("missed" in r for r in over()), "a record that counts those before it")  # in the next second at the latest
        t.ask("POST", "/v1/keys/es256/sign", "{}", {"Content-Type": "text/plain"})  # no decision of policy
        t.ask("GET", "/v1/keys/nope")  # no operation
        t.until(lambda: len(t.requests()) >= len(asked) + 4, "the records")  # nobody waits for those of refusals
        equal(t.stop(), 0)
        records = sorted(t.requests(), key=lambda r: r["result"] == "RATE_EXCEEDED")
        wanted = {f"{w['op']} {w.get('key', w.get('token'))}": w for _, _, w in asked}
        for r in [r for r in records if r["result"] not in ("OK", "RATE_EXCEEDED")]:
            w = wanted.pop(f"{r['op']} {r.get('key', r.get('token'))}")
            equal({k: r.get(k) for k in w}, w, r)
            equal((r["decision"], r["uid"], r["client"], "sha256" in r), ("refused", os.getuid(), "owner", False), r)
        equal(wanted, {})
        told = [r for r in records if r["result"] == "RATE_EXCEEDED"]
        equal(len(told) < n_over and sum(1 + r.get("missed", 0) for r in told) <= n_over, True, (n_over, told))
        equal(t.verify()["requests"], len(records))


@test
def a_peer_that_matches_no_section_is_a_record_too():
    with Watched("workers = 1") as t:
        t.change("[client owner]\n", "[client owner]\nunit = no-such.service\n")
        t.start()
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": SECRET})[0], 403)
        t.until(lambda: len(t.requests()) == 1, "the record")
        r = t.requests()[-1]
        equal((r["decision"], r["result"], r["op"], r["key"], r["uid"], "client" in r), ("refused", "PEER_DENIED", "sign", "es256", os.getuid(), False))


def load(t, n_threads, n, statuses):
    def run():
        for _ in range(n):
            statuses.append(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0])
    threads = [threading.Thread(target=run) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    return threads


@test
def workers_under_load_make_one_chain_through_rotation():
    with Watched("workers = 3") as t:
        t.start()
        t.wait_count("event=ready", 3)
        statuses, files = [], []
        threads = load(t, 4, 150, statuses)
        for i in range(4):
            files.append(f"{t.log_file}.{i}")
            os.rename(t.log_file, files[-1])
            t.reload()
        for thread in threads:
            thread.join()
        equal(statuses, [200] * 600)
        equal(t.stop(), 0)
        equal(sum(len(t.requests(f)) for f in files + [t.log_file]), 600)
        told = t.verify(t.log_file, *files)  # found by number, in whatever order
        equal((told["whole"], told["requests"], told["lost"]), (True, 600, 0))
        equal(t.verify(*files)["ended"], True)
        equal([f["fault"] for f in t.verify(t.log_file, files[0], code=1)["findings"]], ["other-chain"])


@test
def workers_that_are_killed_leave_a_chain():
    with Watched("workers = 3\naudit-sync = each") as t:
        t.start()
        t.wait_count("event=ready", 3)
        statuses = []
        threads = load(t, 4, 100, statuses)
        for i in range(3):
            os.kill(t.workers()[0], signal.SIGKILL)
            t.wait_count("event=ended", i + 1)
            t.wait_count("event=ready", 4 + i)
        for thread in threads:
            thread.join()
        equal(statuses, [200] * 400)
        equal(t.stop(), 0)
        told = t.verify()
        # One whose worker died behind its record is asked again and has two.
        if not 400 <= told["requests"] <= 412 or not told["whole"]:
            raise AssertionError(told)


@test
def what_was_noted_is_missed_when_it_is_gone():
    with Watched("workers = 1") as t:
        t.start()
        for _ in range(3):
            equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 200)
        equal(t.stop(), 0)
        head = t.verify()["head"]["hash"]
        equal(t.verify(more=["--expect", head])["whole"], True)
        with open(t.log_file) as f:
            lines = f.readlines()
        with open(t.log_file, "w") as f:
            f.writelines(lines[:-1])
        equal(t.verify()["whole"], True)
        equal([f["fault"] for f in t.verify(code=1, more=["--expect", head])["findings"]], ["too-short"])
        with open(t.log_file, "w") as f:
            f.writelines(lines[:1] + lines[2:])
        found = t.verify(code=1)["findings"]
        equal([(f["fault"], f["line"]) for f in found], [("missing", 2)])
        equal(subprocess.run([JWK11, "audit", "verify", t.log_file + ".no"], stderr=subprocess.DEVNULL).returncode, 66)
        equal(subprocess.run([JWK11, "audit", "verify", "--expect", "x", t.log_file], stderr=subprocess.DEVNULL).returncode, 64)


@test
def a_head_that_the_token_signed_is_a_checkpoint():
    with Watched("workers = 1") as t:
        t.start()
        equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 200)
        told = subprocess.run([JWK11, "--json", "audit", "verify", t.log_file], check=True, capture_output=True).stdout
        env = {**os.environ, "JWK11_SOCKET": t.api}
        jws = subprocess.run([JWK11, "jws", "es256"], check=True, capture_output=True, input=told, env=env).stdout
        checked = subprocess.run([JWK11, "verify"], check=True, capture_output=True, input=jws, env=env).stdout
        equal(t.stop(), 0)
        equal(t.verify(more=["--expect", json.loads(checked)["head"]["hash"]])["requests"], 2)


@test
def a_worker_that_may_not_open_the_file_writes_it_through_rotation():
    with Watched("workers = 2\naudit = required") as t:
        logs = os.path.join(t.root, "logs")
        os.mkdir(logs)
        t.log_file = os.path.join(logs, "log")
        t.change("[daemon]\n", f"[daemon]\nworker-read = {t.dir}, {os.path.abspath(BUILD)}\nworker-write = {t.dir}\naudit-file = {t.log_file}\n")
        t.start()
        t.wait_count("event=ready", 2)
        for i in range(2):
            equal([t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0] for _ in range(10)], [200] * 10)
            os.rename(t.log_file, f"{t.log_file}.{i}")
            t.reload()
        equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 200)
        os.kill(t.workers()[0], signal.SIGKILL)  # the next one learns from the supervisor how the chain goes on
        t.wait_count("event=ready", 3)
        equal([t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0] for _ in range(10)], [200] * 10)
        equal(t.stop(), 0)
        equal(t.verify(t.log_file, t.log_file + ".0", t.log_file + ".1")["requests"], 31)


@test
def required_refuses_without_a_file_and_goes_on_with_one():
    with Watched("workers = 1") as t:
        away = os.path.join(t.dir, "away", "log")
        t.change("[daemon]\n", f"[daemon]\naudit = required\naudit-file = {away}\n")
        t.start()
        status, headers, data = t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})
        equal((status, json.loads(data)["code"], headers["Retry-After"]), (503, "AUDIT_FAILED", "5"))
        t.change("audit = required", "audit = best-effort")
        t.reload()
        while t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0] != 200:
            pass  # the worker takes the configuration when it has it
        os.mkdir(os.path.dirname(away))
        t.reload()
        while not os.path.exists(away) or not t.requests(away):
            equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 200)
        if not [r for r in t.records(away) if r["event"] == "lost"]:
            raise AssertionError("nothing is said of the records that were lost")
        equal(t.stop(), 0)
        equal(t.verify(away)["whole"], True)


@test
def a_full_disk_stops_required_and_counts_for_best_effort():
    for mode, after in (("required", 503), ("best-effort", 200)):
        with Watched(f"workers = 1\naudit = {mode}") as t:
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))  # of no file of the token's, which are shorter
            t.start()
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            statuses = []
            while len(statuses) < 1000 and (after == 200 or statuses[-1:] != [503]) and "event=audit-failed" not in t.log:
                statuses.append(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0])
                if after == 200 and os.stat(t.log_file).st_size > 64000 and len(statuses) % 8 == 0:
                    break
            for _ in range(3):
                equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], after)
            os.rename(t.log_file, t.log_file + ".1")
            t.reload()
            while not os.path.exists(t.log_file) or not t.requests():
                t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})
            equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 200)
            equal(t.stop(), 0)
            told = t.verify(t.log_file, t.log_file + ".1", code=0)
            equal((told["whole"], told["lost"] > 0), (True, True), told)


@test
def the_journal_gets_fields_of_what_is_asked_for():
    for mode, wanted in (("no", []), ("refused", ["ALG_MISMATCH"]), ("yes", ["OK", "ALG_MISMATCH"])):
        with Watched(f"workers = 1\naudit-journal = {mode}") as t:
            path = os.path.join(t.root, "journal")
            t.change("[daemon]\n", f"[daemon]\nenvironment = JWK11_JOURNAL_SOCKET={path}\n")
            journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            journal.bind(path)
            os.chmod(path, 0o777)
            journal.setblocking(False)
            t.start()
            equal(t.ask("POST", "/v1/keys/es256/jwt", {"claims": {"jti": "a\nb"}, "ttl": 60})[0], 200)
            equal(t.ask("POST", "/v1/keys/es256/sign", {"input": SECRET, "alg": "RS256"})[0], 409)
            equal(t.stop(), 0)
            entries = []
            while True:
                try:
                    entries.append(journal.recv(65536))
                except BlockingIOError:
                    break
            journal.close()
            equal([e.partition(b"JWK11_RESULT=")[2].partition(b"\n")[0].decode() for e in entries], wanted)
            for entry, record in zip(entries[-1:], t.requests()[-1:]):
                for field in (f"JWK11_SEQ={record['seq']}", f"JWK11_HASH={record['hash']}", f"JWK11_PID={os.getpid()}", "JWK11_KEY=es256"):
                    equal(field.encode() + b"\n" in entry, True, field)
            if mode == "yes":
                equal(b"JWK11_JTI\n" + (3).to_bytes(8, "little") + b"a\nb\n" in entries[0], True, entries[0])


@test
def off_writes_nothing():
    with Watched("workers = 1\naudit = off") as t:
        t.start()
        equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 200)
        equal(os.path.exists(t.log_file), False)


if __name__ == "__main__":
    main()
