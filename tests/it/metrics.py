#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GET /metrics and GET /readyz. The text is read by Prometheus' own client library; each reason not to be ready is made with the mock token."""
import json, os, stat, subprocess, sys

from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import front_alone
from front_alone import ALL, Client, Daemon, Worker, b64
from mock_token import HELLO, Mock, in_thread, wait_for
from trial import BUILD, JWK11, equal, main, test

FRONT = os.path.join(BUILD, "jwk11d-front")


def read(text):
    """Samples by name and labels; a family that says something twice is an error."""
    found = {}
    for family in text_string_to_metric_families(text):
        equal(bool(family.documentation) and family.type in ("counter", "gauge", "histogram"), True, family.name)
        for s in family.samples:
            key = s.name, tuple(sorted(s.labels.items()))
            equal(key in found, False, f"{key} stands twice")
            found[key] = s.value
    return found


def metrics(t, **more):
    status, headers, body = t.ask("GET", "/metrics", **more)
    equal((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), body)
    return read(body.decode())


def value(found, name, **labels):
    return found.get((f"jwk11_{name}", tuple(sorted(labels.items()))))


@test
def counts_what_was_done_by_key_and_result():
    with Mock() as t:
        t.start()
        for _ in range(3):
            equal(t.sign(), 200)
        equal(t.ask("POST", "/v1/keys/k/sign", {"input": "*"})[0], 400)
        equal(t.ask("POST", "/v1/keys/k/jws", {"payload": "YQ"})[0], 200)
        m = metrics(t)
        equal(value(m, "sign_total", key="k", alg="ES256", op="sign", result="ok"), 3)
        equal(value(m, "sign_total", key="k", alg="ES256", op="sign", result="refused"), 1)
        equal(value(m, "sign_total", key="k", alg="ES256", op="jws", result="ok"), 1)
        equal(value(m, "sign_seconds_count", op="sign"), 3)
        equal(value(m, "sign_seconds_bucket", op="sign", le="+Inf"), 3)
        equal(value(m, "sign_seconds_sum", op="sign") > 0, True)
        equal((value(m, "token_up", token="t1"), value(m, "token_pin_tries_low", token="t1"), value(m, "token_state", token="t1", state="ready")), (1, 0, 1))
        module = t.modules[0]
        equal([value(m, name, module=module) for name in ("workers", "queue_depth", "requests_in_flight", "sessions", "logins_total", "audit_lost_total")],
              [1, 0, 0, 1, 1, 0])
        equal(value(m, "connections", socket="api"), 1)
        equal(value(m, "jwks_keys", set="default"), 1)
        equal(value(m, "jwks_change_timestamp_seconds", set="default") > 1.7e9, True)
        equal(value(m, "build_info", version=subprocess.run([JWK11, "--version"], capture_output=True, text=True).stdout.split()[1]), 1)


@test
def requests_make_no_series():
    with Mock() as t:
        t.start()
        equal(t.sign(), 200)
        before = set(metrics(t))
        for n in range(30):
            t.ask("POST", f"/v1/keys/x{n}/sign", HELLO)
            t.ask("GET", f"/y{n}")
        equal(set(metrics(t)), before)


@test
def shows_keys_to_those_who_see_them_and_nothing_to_strangers():
    keys = "[key l]\nuri = pkcs11:token=t1;object=l\n"
    with Mock(more="key l p256 $/l.pem\nprivate l\npublic l", keys=keys) as t:
        t.start()
        equal((t.sign(), t.sign("l")), (200, 200))
        names = lambda found: {dict(labels)["key"] for name, labels in found if name == "jwk11_sign_total"}
        equal(names(metrics(t)), {"k", "l"})
        with open(t.conf) as f:
            text = f.read()
        t.write("jwk11.conf", text.replace("keys = *\nallow = *", "keys = l"))
        t.daemon.send_signal(1)
        t.wait_log("event=configuration")
        equal(names(metrics(t)), {"l"}, "a section that allows nothing is enough to look")
        t.write("jwk11.conf", text.replace(f"uid = {os.getuid()}\n", "uid = 4242\n"))
        t.daemon.send_signal(1)
        t.wait_log("event=configuration")
        status, _, body = t.ask("GET", "/metrics")
        equal((status, json.loads(body)["code"]), (403, "PEER_DENIED"))
        equal(t.ask("GET", "/metrics", sock=t.public)[0], 404)


@test
def does_not_wait_for_a_token():
    with Mock("fault C_Sign on 1 hang", timeout=2) as t:
        t.start()
        slow = in_thread(t.sign)
        wait_for(t, "C_Sign", 1)
        equal(value(metrics(t), "requests_in_flight", module=t.modules[0]), 1)
        equal(slow(), (504, "WORKER_TIMEOUT"))
        equal(value(metrics(t), "sign_total", key="k", alg="ES256", op="sign", result="late"), 1)


@test
def what_a_lost_worker_counted_stays_in_the_sum():
    with Mock("fault C_Sign on 2 abort") as t:
        t.start()
        equal((t.sign(), t.sign()), (200, 200))
        t.wait_count("event=catalogue", 2)
        m = metrics(t)
        equal([value(m, name, module=t.modules[0]) for name in ("logins_total", "sessions")], [2, 1])
        equal([value(m, name) for name in ("workers_lost_total", "calls_again_total")], [1, 1])


@test
def a_wrong_pin_is_seen():
    with Mock(token="pin 1234\ntries 3", pin="9999") as t:
        t.start()
        m = metrics(t)
        equal((value(m, "token_up", token="t1"), value(m, "token_state", token="t1", state="pin-rejected")), (0, 1))


@test
def label_values_are_escaped():
    name, front_alone.MODULE = front_alone.MODULE, '/x/"q\\m'
    try:
        d = Daemon(FRONT)
        w = Worker(d, 0, front_alone.MODULE)
        w.catalog(ALL)
        c = Client(d.api)
        while c.get("/readyz")[0] != 200:
            pass
        w.sock.send(front_alone.encode("TALLY", 0, TALLY=b"\0" * 7))  # not what it should be: dropped
        equal(value(read(c.get("/metrics")[2].decode()), "workers", module='/x/"q\\m'), 1)
        d.end()
    finally:
        front_alone.MODULE = name


@test
def the_tool_prints_them_or_writes_a_file_that_is_whole():
    with Mock() as t:
        t.start()
        env = dict(os.environ, JWK11_SOCKET=t.api)
        run = lambda *args: subprocess.run([JWK11, "metrics", *args], capture_output=True, text=True, env=env)
        r = run()
        equal((r.returncode, r.stderr, value(read(r.stdout), "token_up", token="t1")), (0, "", 1))
        r = run("--json")
        document = json.loads(r.stdout)
        equal((document["schema"], value(read(document["text"]), "token_up", token="t1")), ("jwk11/metrics/1", 1))
        path = os.path.join(t.dir, "jwk11.prom")
        before = set(os.listdir(t.dir))
        r = run("--textfile", path)
        equal((r.returncode, r.stdout, r.stderr), (0, "", ""))
        equal(set(os.listdir(t.dir)) - before, {"jwk11.prom"}, "nothing else is left")
        with open(path) as f:
            old = f.read()
        equal((value(read(old), "token_up", token="t1"), stat.S_IMODE(os.stat(path).st_mode) & 0o444), (1, 0o444))
        equal(run("--textfile", os.path.join(t.dir, "none", "x.prom")).returncode, 73)
        for wrong in (("x",), ("--offline",), ("--textfile", "-"), ("--json", "--textfile", path)):
            equal(run(*wrong).returncode, 64, wrong)
        t.stop()
        equal(run("--textfile", path).returncode, 69)
        with open(path) as f:
            equal(f.read(), old, "without a broker it stays as it was")


# ---- readiness ----

def reasons(t):
    status, headers, body = t.ask("GET", "/readyz")
    problem = json.loads(body)
    equal((status, problem["code"], "Retry-After" in headers), (503, "NOT_READY", True), body)
    equal(all(r["reason"] for r in problem["reasons"]), True, body)
    equal(t.ask("GET", "/livez")[0], 200)
    return [(r.get("token", r.get("module")), r["state"]) for r in problem["reasons"]]


FLAGS = "pin 1234\nflags TOKEN_INITIALIZED LOGIN_REQUIRED USER_PIN_INITIALIZED "


@test
def each_state_of_a_token_is_a_reason():
    cases = {
        "absent": dict(tokens="[token t2]\nuri = pkcs11:token=t2\n"),
        "ambiguous": dict(more="token t3\nlabel t2\nserial 1\ntoken t4\nlabel t2\nserial 2", tokens="[token t2]\nuri = pkcs11:token=t2\n"),
        "failed": dict(faults="fault C_OpenSession every CKR_GENERAL_ERROR"),
        "pin-missing": dict(login=""),
        "pin-rejected": dict(pin="9999", token="pin 1234\ntries 5"),
        "pin-locked": dict(token=FLAGS + "USER_PIN_LOCKED"),
        "pin-final-try": dict(token=FLAGS + "USER_PIN_FINAL_TRY"),
        "pin-expired": dict(faults="fault C_Login every CKR_PIN_EXPIRED"),
        "pin-pad": dict(token=FLAGS + "PROTECTED_AUTHENTICATION_PATH", login=""),
    }
    for state, how in cases.items():
        with Mock(**how) as t:
            t.start()
            equal(reasons(t), [("t2" if "tokens" in how else "t1", state)])
            m = metrics(t)
            token = "t2" if "tokens" in how else "t1"
            equal((value(m, "token_up", token=token), value(m, "token_state", token=token, state=state)), (0, 1))
            equal(value(m, "token_pin_tries_low", token=token), int(state in ("pin-locked", "pin-final-try")), state)


@test
def a_module_without_a_worker_is_a_reason():
    with Mock("fault C_Initialize every CKR_DEVICE_ERROR") as t:
        t.start(until="event=module-failed")
        equal(reasons(t), [(t.modules[0], "no-worker"), ("t1", "unknown")])


@test
def a_late_worker_and_the_end_are_reasons():
    d = Daemon(FRONT, timeout=1)
    w = Worker(d, 0)
    w.catalog(ALL)
    c = Client(d.api)
    while c.get("/readyz")[0] != 200:
        pass
    equal(c.post("/v1/keys/es/sign", {"input": b64("mute")})[0], 504)
    state = lambda: [(r.get("module"), r["state"]) for r in json.loads(c.get("/readyz")[2])["reasons"]]
    equal(state(), [(front_alone.MODULE, "late")])
    idle = Client(d.api)
    equal(idle.get("/livez")[0], 200)
    c.send("GET /readyz HTTP/1.1\r\nHost: x\r\n")
    d.drain()
    equal(idle.closed(), True, "it is draining")
    c.send("\r\n")
    equal([r["state"] for r in json.loads(c.reply()[2])["reasons"]], ["late", "draining"])
    d.end()


main()
