#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An operator logs in to a token over the socket, and out of it: `POST /v1/tokens/{t}/login`, `jwk11 login`. The mock counts what reaches a token."""
import base64, json, os, re, signal, socket, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mock_token import Mock, in_thread, wait_for
from terminal import Terminal
from trial import JWK11, Connection, equal, main, test

LOGIN = "flags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED"
PIN = "47381629\\\"ü"  # what JSON has to escape
WRONG = "93720184"
DONE = {"token": "t1", "state": "ready", "workers": 3, "pin_tried": True}


def trial_of(workers=3, login="", administer="administer = t1", pin=PIN, **more):
    t = Mock(workers=workers, token=f"pin {pin}\n{LOGIN}\n{more.pop('token', '')}", login=login, **more)
    t.change("allow = *", f"allow = *\n{administer}")
    return t


READY = "event=ready program=jwk11d-worker"


def start(t, workers=3):
    before = t.log.count(READY)
    t.start()
    t.wait_count(READY, before + workers)


def post(t, tail, body, token="t1"):
    status, _, answer = t.ask("POST", f"/v1/tokens/{token}/{tail}", body)
    answer = json.loads(answer)
    return (status, answer) if status == 200 else (status, answer["code"])


def state(t):
    return json.loads(t.ask("GET", "/v1/tokens")[2])["tokens"][0]["state"]


def sign_all(t, wanted):
    """Often enough, and side by side, to reach every worker."""
    for result in [in_thread(lambda: [t.sign() for _ in range(8)]) for _ in range(4)]:
        equal(result(), [wanted] * 8)


def tool(t, *args, stdin=b""):
    done = subprocess.run([JWK11, "--socket", t.api, *args], input=stdin, capture_output=True, start_new_session=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def end_workers(t):
    """All of them, at once; until the next ones are there."""
    old, before = t.workers(), t.log.count(READY)
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    t.wait_count(READY, before + len(old))


def holders(t, secret):
    """Programs of the daemon that have these octets anywhere in their memory, with the names of the mappings."""
    found = {}
    for pid in t.children():
        with open(f"/proc/{pid}/cmdline") as f:
            name = os.path.basename(f.read().split("\0")[0])
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
            for line in maps:
                low, high, mode, path = re.match(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)", line).groups()
                size = int(high, 16) - int(low, 16)
                if mode[0] != "r" or path.startswith(("[v", "/usr", "/lib")) or size > 1 << 28:  # a sanitizer's own, which hold no octets
                    continue
                try:
                    mem.seek(int(low, 16))
                    octets = mem.read(size)
                except OSError:
                    continue
                if secret in octets:
                    found.setdefault(name, []).append(path)
    return found


@test
def an_operator_logs_in_and_every_worker_signs():
    with trial_of() as t:
        start(t)
        equal((state(t), t.sign()), ("pin-missing", (503, "PIN_MISSING")))
        equal("jwk11 login t1" in t.problem, True, t.problem)
        equal(post(t, "login", {"pin": PIN}), (200, DONE))
        equal(state(t), "ready")
        sign_all(t, 200)
        equal((t.count("C_Login"), t.count("pin:t1")), (3, 0))
        equal(post(t, "login", {"pin": WRONG}), (200, dict(DONE, pin_tried=False)), "it is logged in: nothing is sent")
        equal((t.count("C_Login"), t.count("pin:t1")), (3, 0))


@test
def a_wrong_pin_is_sent_once_by_one_worker():
    with trial_of(token="tries 5") as t:
        start(t)
        for _ in range(3):
            equal(post(t, "login", {"pin": WRONG}), (503, "PIN_REJECTED"))
            equal((t.count("C_Login"), t.count("pin:t1")), (1, 1))
        equal(t.sign()[0], 503)
        equal(post(t, "login", {"pin_b64": base64.urlsafe_b64encode(PIN.encode()).decode().rstrip("=")}), (200, DONE))
        sign_all(t, 200)
        equal(t.count("C_Login"), 4)


@test
def the_last_try_is_used_when_that_is_asked_for():
    with trial_of(token="tries 5") as t:
        t.write("script", open(os.path.join(t.dir, "script")).read().replace(LOGIN, LOGIN + " USER_PIN_FINAL_TRY"))
        start(t)
        equal((post(t, "login", {"pin": PIN}), t.count("C_Login")), ((503, "PIN_FINAL_TRY"), 0))
        status, answer = post(t, "login", {"pin": PIN, "final_try": True})
        equal(t.count("C_Login") >= 1, True, answer)


@test
def logging_out_holds_for_workers_to_come_too_and_logging_in_with_the_configured_pin_undoes_it():
    with trial_of(login="pin-file = $/pin", pin="1234") as t:
        start(t)
        sign_all(t, 200)
        equal(post(t, "logout", {}), (200, {"token": "t1", "state": "logged-out", "workers": 3, "pin_tried": False}))
        logins = t.count("C_Login")
        equal((state(t), t.ask("GET", "/readyz")[0]), ("logged-out", 503))
        sign_all(t, (503, "LOGGED_OUT"))
        equal("jwk11 login t1" in t.problem, True, t.problem)
        end_workers(t)
        sign_all(t, (503, "LOGGED_OUT"))
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("event=reloaded")
        sign_all(t, (503, "LOGGED_OUT"))
        equal(t.count("C_Login"), logins, "nobody logs in")
        equal(post(t, "login", {}), (200, dict(DONE, pin_tried=False)))
        sign_all(t, 200)


@test
def one_after_the_other_leaves_what_the_last_one_said():
    with trial_of() as t:
        start(t)
        for round in range(100):  # each worker tells the others, now and then after the next request
            equal(post(t, "logout", {})[0], 200)
            equal(post(t, "login", {"pin": PIN})[0], 200)
            equal(state(t), "ready", f"round {round}")
            t.log += (t.daemon.stderr.read() or b"").decode()  # or it would wait for room


@test
def the_pin_outlives_the_workers_but_not_the_daemon():
    with trial_of() as t:
        start(t)
        equal(post(t, "login", {"pin": PIN})[0], 200)
        for _ in range(2):
            end_workers(t)
            sign_all(t, 200)
        t.stop()
        start(t)
        equal((state(t), t.sign()), ("pin-missing", (503, "PIN_MISSING")))


@test
def a_token_that_is_configured_no_more_leaves_no_pin():
    with trial_of(tokens="[token t2]\nuri = pkcs11:token=t2\n", administer="administer = *") as t:
        start(t)
        equal(post(t, "login", {"pin": PIN})[0], 200)
        found = holders(t, PIN.encode())["jwk11d"]
        equal(len(found) > 0 and all("jwk11.pin" in path for path in found), True, found)
        t.change("[token t1]\nuri = pkcs11:token=t1\n", "")
        t.change("pkcs11:token=t1;", "pkcs11:token=t2;")
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("event=reloaded")
        equal("jwk11d" in holders(t, PIN.encode()), False)
        equal(post(t, "login", {"pin": PIN}), (404, "TOKEN_UNKNOWN"))


@test
def the_pin_is_where_it_must_be_and_nowhere_else():
    pin = os.urandom(12).hex()
    with trial_of(pin=pin) as t:
        start(t)
        equal(post(t, "login", {"pin": pin})[0], 200)
        sign_all(t, 200)
        found = holders(t, pin.encode())
        equal("jwk11d-front" in found, False, found)
        equal([path for path in found.get("jwk11d", []) if "memfd:jwk11.pin" not in path], [], found)
        equal(post(t, "logout", {})[0], 200)
        sign_all(t, (503, "LOGGED_OUT"))
        found = holders(t, pin.encode())
        equal(("jwk11d-front" in found, "jwk11d" in found), (False, False), found)
        t.stop()
        equal(pin in t.log, False)
        for folder, _, files in os.walk(os.path.join(t.dir, "state")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    equal(pin.encode() in f.read(), False, name)


@test
def a_pin_that_comes_in_pieces_or_not_at_all_stays_nowhere():
    pin = os.urandom(12).hex()
    body = json.dumps({"pin": pin})
    head = f"POST /v1/tokens/t1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with trial_of(pin=pin) as t:
        start(t)
        for cut in (len(head) - 3, len(head) + 12, len(head) + 25):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(t.api)
                s.sendall((head + body)[:cut].encode())
                equal(t.ask("GET", "/livez")[0], 200)  # what was sent before has been read
                if cut == len(head) + 25:
                    break  # the client goes in the middle
                s.sendall((head + body)[cut:].encode() + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                got = b""
                while piece := s.recv(65536):
                    got += piece
                equal(re.findall(rb"HTTP/1.1 (\d+)", got), [b"200", b"200"], got)
        equal(t.ask("GET", "/livez")[0], 200)
        found = holders(t, pin[:13].encode())
        equal("jwk11d-front" in found, False, found)
        for wrong in (body[:-1], body.replace(":", ","), '{"pin":"' + pin + '","pin_b64":"AA"}', '{"pni":"' + pin + '"}', '["' + pin + '"]'):
            status = t.ask("POST", "/v1/tokens/t1/login", wrong, {"Content-Type": "application/json"})[0]
            equal(status, 400, wrong)
        found = holders(t, pin.encode())
        equal("jwk11d-front" in found, False, found)


@test
def who_may_not_is_told_so_and_nothing_is_sent():
    with trial_of(administer="") as t:
        start(t)
        equal(post(t, "login", {"pin": PIN}), (403, "OPERATION_DENIED"))
        equal(post(t, "logout", {}), (403, "OPERATION_DENIED"))
        equal(post(t, "login", {"pin": PIN}, token="t2"), (403, "OPERATION_DENIED"), "nor whether there is such a token")
        equal(t.count("C_Login"), 0)
        equal(json.loads(t.ask("GET", "/v1/whoami")[2])["administers"], [])
        code, out, err = tool(t, "login", "t1")
        equal((code, out, "OPERATION_DENIED" in err), (77, "", True), "without having to type a PIN: " + err)
    with trial_of(administer="administer = *") as t:
        start(t)
        equal(post(t, "login", {"pin": PIN}, token="t2"), (404, "TOKEN_UNKNOWN"))
        equal(json.loads(t.ask("GET", "/v1/whoami")[2])["administers"], ["t1"])
        t.change("uid =", "uid = 4294967294\n# uid =")
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("event=reloaded")
        equal(post(t, "login", {"pin": PIN}), (403, "PEER_DENIED"))
        equal(t.count("C_Login"), 0)


@test
def what_makes_no_sense_is_refused():
    with trial_of(workers=1) as t:
        start(t, 1)
        for body in ({"pin": ""}, {"pin": "x" * 1025}, {"final_try": True}, {"pin_b64": "*"}, {"pin": 1}, {"pin": PIN, "final_try": 1}):
            equal(post(t, "login", body)[0], 400, body)
        equal(post(t, "logout", {"pin": PIN})[0], 400)
        equal(t.ask("GET", "/v1/tokens/t1/login")[0], 405)
        equal(post(t, "login", {}), (503, "PIN_MISSING"))
        equal(t.count("C_Login"), 0)
    with trial_of(workers=1, login="login = never") as t:
        start(t, 1)
        equal((post(t, "login", {"pin": PIN}), t.count("C_Login")), ((400, "ARGUMENT"), 0))


@test
def a_worker_that_dies_with_a_login_costs_an_answer_and_no_second_try():
    with trial_of(faults="fault C_Login on 1 delay 300000") as t:
        start(t)
        asked = in_thread(lambda: post(t, "login", {"pin": PIN}))
        wait_for(t, "C_Login", 1)
        for pid in t.workers():
            os.kill(pid, signal.SIGKILL)
        equal(asked(), (502, "WORKER_LOST"))
        equal(t.count("C_Login"), 1)
        t.wait_count(READY, 6)
        equal(post(t, "login", {"pin": PIN}), (503, "PIN_REJECTED"), "nobody knows what came of it")
        equal(t.count("C_Login"), 1)


@test
def the_audit_log_has_the_logins():
    with trial_of() as t:
        start(t)
        post(t, "login", {"pin": WRONG})
        post(t, "login", {"pin": PIN})
        post(t, "logout", {})
        with open(os.path.join(t.dir, "state", "audit.jsonl")) as f:
            text = f.read()
        records = [r for r in map(json.loads, text.splitlines()) if r.get("op") in ("login", "logout")]
        first = {"op": "login", "token": "t1", "client": "owner", "uid": os.getuid(), "result": "PIN_REJECTED", "ckr": "CKR_PIN_INCORRECT"}
        equal({k: records[0][k] for k in first}, first)
        equal([(r["op"], r["result"]) for r in records], [("login", "PIN_REJECTED")] + 3 * [("login", "OK")] + 3 * [("logout", "OK")])
        equal(WRONG in text or PIN in text, False)
        equal(tool(t, "audit", "verify", os.path.join(t.dir, "state", "audit.jsonl"))[0], 0)


@test
def the_tool_asks_for_the_pin_and_says_what_came_of_it():
    with trial_of(pin="4711") as t:
        start(t)
        p = Terminal(t, args=[JWK11, "--socket", t.api, "login", "t1"])
        p.wait_prompt(what=b"PIN of token t1: ")
        equal(p.echoes(), False)
        p.type(b"4711\n")
        equal(p.end(), (0, "t1: ready\n"), p.seen)
        equal(b"4711" in p.seen, False, p.seen)
        sign_all(t, 200)
        equal(tool(t, "logout", "t1"), (0, "t1: logged-out\n", ""))
        equal("; jwk11 login" in tool(t, "doctor")[1], True)
        code, out, err = tool(t, "login", "t1")
        equal((code, out, "there is no terminal" in err), (77, "", True), err)
        equal(tool(t, "login", "t1", "--pin-file", os.path.join(t.dir, "pin"))[0], 77, "1234 is the wrong one")
        t.write("right", "4711\n", 0o400)
        equal(tool(t, "login", "t1", "--pin-file", os.path.join(t.dir, "right")), (0, "t1: ready\n", ""))
        code, out, _ = tool(t, "--json", "login", "t1", "--pin-file", os.path.join(t.dir, "right"))
        equal((code, json.loads(out)), (0, dict(schema="jwk11/login/1", **DONE, ) | {"pin_tried": False}))
        for wrong in (["login"], ["login", "t1", "--configured", "--final-try"], ["logout"], ["list", "--configured"], ["login", "t1", "--offline"]):
            equal(tool(t, *wrong)[0], 64, wrong)
        code, out, err = tool(t, "login", "t2")
        equal((code, "TOKEN_UNKNOWN" in err or "OPERATION_DENIED" in err), (77, True), err)


if __name__ == "__main__":
    main()
