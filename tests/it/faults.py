#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One fault at a time under a steady load of eight connections, while another token, health and key set are asked all the time. No answer may
be wrong, none may be missing, and a refusal says what it is. JWK11_FAULT_SECONDS: how long workers are killed, once a second."""
import base64, http.client, json, os, re, select, shutil, signal, sys, threading, time

here = os.path.dirname(os.path.abspath(__file__))
if os.environ.get("JWK11_TOKEN_SPACE") != "own":  # where TPM, card reader and their daemons may be started
    enter = os.path.join(here, "..", "tokens", "enter")
    os.execv(enter, [enter, sys.executable, os.path.abspath(sys.argv[0])])
sys.path.insert(0, here)
from cryptography.exceptions import InvalidSignature
from mock_token import MODULE, Mock
from tokens import Token, unb64, verify
import trial
from trial import Connection, Trial, equal, main, test

trial._results.clear()  # tokens.py has registered its own

SECONDS = float(os.environ.get("JWK11_FAULT_SECONDS", "30"))
CONNECTIONS = 8
PATIENCE = 60  # seconds for what happens at once unless the machine is drowning
SECOND_TOKEN = "key other p256 $/other.pem\ntoken t2\npin 1234\nprivate other\npublic other\n"
SECOND_CONF = "[token t2]\nuri = pkcs11:token=t2\nmodule = $/second.so\npin-file = $/pin2\n[key other]\nuri = pkcs11:token=t2;object=other\n"

# What a request may be told while a fault is on: code → status, and whether Retry-After must be there.
REFUSALS = {"TOKEN_ABSENT": 503, "TOKEN_FAILED": 502, "MODULE_FAILED": 502, "KEY_UNAVAILABLE": 503, "WORKER_TIMEOUT": 504}


def add_second(t):
    """A copy of the mock as a module of its own: the token that nothing happens to."""
    path = os.path.join(t.dir, "second.so")
    shutil.copy(MODULE, path)
    for name, text, mode in (("second.so.script", SECOND_TOKEN, 0o600), ("pin2", "1234\n", 0o400)):
        with open(os.open(os.path.join(t.dir, name), os.O_WRONLY | os.O_CREAT, mode), "w") as f:
            f.write(text.replace("$", t.dir))
    with open(t.conf) as f:
        conf = f.read()
    head, rest = conf.split("\n\n", 1)
    head = re.sub("^modules = (.*)$", rf"modules = \1, {path}", head, flags=re.M)
    if "worker-read" in head:
        head += f"\nworker-read = {t.dir}\nworker-write = {t.dir}"
    with open(t.conf, "w") as f:
        f.write(f"{head}\n\n{SECOND_CONF.replace('$', t.dir)}\n{rest}")


def start(t):
    """Until both modules have said what they have."""
    t.start()
    t.wait_count("event=catalogue", 2)


def second_mock(faults, **more):
    return Mock(faults, second=SECOND_TOKEN, tokens=SECOND_CONF.replace("pin2", "pin").split("[key")[0], keys="[key other]\nuri = pkcs11:token=t2;object=other\n"
                + more.pop("keys", ""), **more)


class Tally:
    """What came of the requests of one kind."""

    def __init__(self):
        self.sent = self.ok = self.lost = self.wrong = 0
        self.refused, self.notes, self.lock = {}, [], threading.Lock()

    def note(self, what):
        if len(self.notes) < 5:
            self.notes.append(what)


class Load:
    """Eight connections that sign, one that looks at all else, until it is told to stop."""

    def __init__(self, t, keys, other="other"):
        self.t, self.other = t, other
        end = time.monotonic() + PATIENCE
        while t.ask("GET", "/readyz")[0] != 200 and time.monotonic() < end:
            pass
        status, _, body = t.ask("GET", "/.well-known/jwks.json")
        equal(status, 200, body)
        self.jwks = body
        self.public = {}
        for name in [*keys, other]:
            status, _, body = t.ask("GET", f"/v1/keys/{name}", headers={"Accept": "application/jwk+json"})
            equal(status, 200, body)
            self.public[name] = json.loads(body)
        self.loaded, self.aside, self.injected, self.over = Tally(), Tally(), 0, threading.Event()
        self.threads = [threading.Thread(target=self.sign_on, args=(keys[i % len(keys)], i)) for i in range(CONNECTIONS)]
        self.threads.append(threading.Thread(target=self.look_aside))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        try:
            self.watch(lambda: self.loaded.ok >= CONNECTIONS, "the load to begin")
        except BaseException:
            self.over.set()  # or the program would never end
            raise
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        for thread in self.threads:
            while thread.is_alive():
                self.drain(0.05)
        if kind is None:
            self.judge()

    def drain(self, seconds=0.0):
        """Reads the daemon's log: a daemon that cannot write it waits."""
        stderr = self.t.daemon.stderr
        if select.select([stderr], [], [], seconds)[0]:
            self.t.log += (stderr.read() or b"").decode()

    def watch(self, enough, what, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while not enough():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}; {self.counts()}; the log:\n{self.t.log[-6000:]}")
            self.drain(0.02)

    def go_on(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.drain(max(0, min(0.05, end - time.monotonic())))

    def more(self, n=100):
        """Waits until so many more signatures have been made."""
        before = self.loaded.ok
        self.watch(lambda: self.loaded.ok >= before + n, f"{n} more signatures")

    # ---- the threads ----

    def sign_on(self, key, number):
        c, n = Connection(self.t.api, timeout=PATIENCE), 0
        while not self.over.is_set():
            c = self.sign_once(c, key, f"{number} {n}".encode() * 3, self.loaded)
            n += 1
        c.close()

    def sign_once(self, c, key, message, tally):
        body = json.dumps({"input": base64.urlsafe_b64encode(message).rstrip(b"=").decode()})
        with tally.lock:
            tally.sent += 1
        try:
            c.request("POST", f"/v1/keys/{key}/sign", body, {"Content-Type": "application/json"})
            r = c.getresponse()
            data = r.read()
        except (OSError, http.client.HTTPException) as why:
            with tally.lock:
                tally.lost += 1
                tally.note(f"{type(why).__name__}: {why}")
            c.close()
            return Connection(self.t.api, timeout=PATIENCE)
        with tally.lock:
            self.file(r, data, key, message, tally)
        return c

    def file(self, r, data, key, message, tally):
        answer = json.loads(data)
        if r.status == 200:
            jwk = self.public[key]
            try:
                equal((answer["kid"], answer["alg"]), (jwk["kid"], jwk["alg"]))
                verify(jwk, jwk["alg"], message, unb64(answer["signature"]))
                tally.ok += 1
            except (AssertionError, InvalidSignature, KeyError, ValueError) as why:
                tally.wrong += 1
                tally.note(f"{type(why).__name__} {why}: {data}")
            return
        code = answer.get("code")
        tally.refused[code] = tally.refused.get(code, 0) + 1
        if (r.headers["Content-Type"], REFUSALS.get(code)) != ("application/problem+json", r.status) or "signature" in answer or not answer.get("detail"):
            tally.wrong += 1
            tally.note(f"{r.status} {r.headers['Content-Type']}: {data}")
        elif not (r.headers["Retry-After"] or "").isdigit():
            tally.wrong += 1
            tally.note(f"{code} without Retry-After")

    def look_aside(self):
        c, n = Connection(self.t.api, timeout=PATIENCE), 0
        while not self.over.is_set():
            c = self.sign_once(c, self.other, f"aside {n}".encode(), self.aside)
            for path in ("/livez", "/readyz", "/.well-known/jwks.json"):
                self.look_at(path)
            n += 1
            self.over.wait(0.01)  # it is the others who are the load
        c.close()

    def look_at(self, path):
        self.aside.sent += 1
        try:
            status, _, body = self.t_ask(path)
        except (OSError, http.client.HTTPException) as why:
            self.aside.lost += 1
            self.aside.note(f"{path}: {type(why).__name__}: {why}")
            return
        good = body == self.jwks if path.endswith("jwks.json") else path == "/livez" or status == 200 or "reasons" in json.loads(body)
        if good and status in ((200, 503) if path == "/readyz" else (200,)):
            self.aside.ok += 1
        else:
            self.aside.wrong += 1
            self.aside.note(f"{path}: {status} {body}")

    def t_ask(self, path):
        c = Connection(self.t.api, timeout=PATIENCE)
        c.request("GET", path)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, r.headers, data

    # ---- what came of it ----

    def counts(self):
        refused = sum(self.loaded.refused.values())
        return (f"injected {self.injected}, sent {self.loaded.sent}, answered 200 {self.loaded.ok}, refused {refused} {self.loaded.refused or ''}, "
                f"lost {self.loaded.lost}, wrong {self.loaded.wrong}; aside {self.aside.sent}, refused {sum(self.aside.refused.values())}, "
                f"lost {self.aside.lost}, wrong {self.aside.wrong}")

    def judge(self):
        print("# " + self.counts(), flush=True)
        for tally, what in ((self.loaded, "load"), (self.aside, "other token, health, key set")):
            equal((tally.lost, tally.wrong), (0, 0), f"{what}: {tally.notes}")
            equal(tally.sent, tally.ok + sum(tally.refused.values()), what)
        equal(self.aside.refused, {}, "the other token has nothing to do with it")


def ready_workers(t, module):
    """Of a module, those that said so and have not ended: a SoftHSM worker that logs in would take its token with it."""
    pids = {}
    for line in t.log.splitlines():
        m = re.search(r"event=(ready|ended) program=jwk11d-worker module=(\S+) pid=(\d+)", line)
        if m and os.path.basename(m[2]) == module:
            pids[int(m[3])] = m[1] == "ready"
    return [pid for pid, alive in pids.items() if alive]


@test
def a_worker_that_is_killed_each_second_costs_no_request():
    with Trial() as t:
        add_second(t)
        start(t)
        with Load(t, ["es256", "eddsa"]) as load:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                load.watch(lambda: ready_workers(t, "libsofthsm2.so"), "a worker that may be killed")
                os.kill(ready_workers(t, "libsofthsm2.so")[0], signal.SIGKILL)
                load.injected += 1
                load.go_on(1)
            load.more()
        equal(load.loaded.refused, {})


@test
def a_module_that_crashes_in_c_sign_costs_no_request():
    with second_mock("fault C_Sign each 150 segv", workers=2) as t:
        start(t)
        with Load(t, ["k"]) as load:
            load.watch(lambda: t.count("C_Sign") >= 600, "four crashes")
            load.more()
            load.injected = t.count("C_Sign") // 150
        equal(load.loaded.refused, {})


@test
def a_module_that_hangs_in_c_sign_costs_what_it_held():
    with second_mock("fault C_Sign on 100 hang\nfault C_Sign on 500 hang", workers=2, timeout=3) as t:
        start(t)
        with Load(t, ["k"]) as load:
            load.watch(lambda: t.log.count("event=worker-late") >= 2, "both to be noticed")
            load.watch(lambda: t.log.count("event=ended") >= 2, "both workers to be ended")
            load.more()
            load.injected = 2
        equal(set(load.loaded.refused), {"WORKER_TIMEOUT"})
        held = load.loaded.refused["WORKER_TIMEOUT"]
        equal(2 <= held <= 4, True, f"{held} requests: each of the two threads held one, and one stood behind it")


@test
def one_call_in_a_hundred_that_fails_costs_next_to_nothing():
    with second_mock("fault any chance 10 11 CKR_DEVICE_ERROR", workers=2, token="pin 1234\nhandles shuffled",
                     more="key l p256 $/l.pem\nprivate l\npublic l", keys="[key l]\nuri = pkcs11:token=t1;object=l\n") as t:
        start(t)
        with Load(t, ["k", "l"]) as load:
            load.watch(lambda: t.count("any") > 4000, "forty failures")
            load.more()
            load.injected = t.count("any") // 100
        refused = sum(load.loaded.refused.values())
        equal(refused * 50 <= load.loaded.sent, True, f"{refused} of {load.loaded.sent} refused: one in fifty calls fails, and each request has two tries")
        equal(t.count("pin:t1"), 0)


@test
def after_each_loss_handles_are_found_again_and_are_the_right_keys():
    with second_mock("fault C_Sign each 50 lose t1", workers=2, token="pin 1234\nhandles shuffled",
                     more="key l p256 $/l.pem\nprivate l\npublic l", keys="[key l]\nuri = pkcs11:token=t1;object=l\n") as t:
        start(t)
        before = {name: t.count(name) for name in ("C_Login", "C_FindObjectsInit", "C_GetAttributeValue")}
        with Load(t, ["k", "l"]) as load:
            load.watch(lambda: t.count("C_Sign") >= 500, "ten losses")
            load.more()
            load.injected = t.count("C_Sign") // 50
        equal(load.loaded.refused, {})
        for name, n in before.items():
            equal(t.count(name) >= n + 10, True, f"{name} after each loss")
        equal(t.count("pin:t1"), 0)


def goes_and_comes_back(t, key, codes, lose, regain, times=2):
    """Refused at once while it is away, signing again after it is back, and the daemon is the same one."""
    with Load(t, [key]) as load:
        for _ in range(times):
            before = sum(load.loaded.refused.values())
            load.drain()
            lose()
            load.injected += 1
            load.watch(lambda: sum(load.loaded.refused.values()) >= before + 300, "300 refusals")
            regain()
            load.more()
    equal(set(load.loaded.refused) <= set(codes), True, load.loaded.refused)


@test
def a_token_that_is_there_but_fails_is_refused_at_once_and_left_alone():
    with second_mock("fault C_Sign while $/away CKR_DEVICE_ERROR", workers=2) as t:
        start(t)
        signed = []

        def lose():
            signed.append(t.count("C_Sign"))
            open(t.away, "w").close()

        def regain():
            signed.append(t.count("C_Sign"))
            os.unlink(t.away)

        goes_and_comes_back(t, "k", ["TOKEN_FAILED"], lose, regain)
        for before, after in (signed[:2], signed[2:]):
            equal(after - before < 150, True, f"{after - before} calls for at least 300 refusals")
        equal(t.count("pin:t1"), 0)


@test
def a_pin_that_is_refused_after_a_loss_is_sent_once_and_whoever_is_logged_in_goes_on():
    with second_mock("fault C_Sign on 100 lose t1\nfault C_Login from 3 CKR_PIN_INCORRECT", workers=2) as t:
        t.start()
        t.wait_count("event=ready", 4)  # of both modules: whoever is to go on must be logged in
        with Load(t, ["k"]) as load:
            load.watch(lambda: t.count("C_Login") == 3, "the third login")
            load.injected = 1
            load.more(300)
            load.go_on(1)
        equal((load.loaded.refused, t.count("C_Login")), ({}, 3))


@test
def nobody_types_a_pin_again_because_a_token_fails():
    with second_mock("fault C_Sign while $/away CKR_DEVICE_ERROR", login="login = protected",
                     token="flags TOKEN_INITIALIZED LOGIN_REQUIRED USER_PIN_INITIALIZED PROTECTED_AUTHENTICATION_PATH") as t:
        start(t)
        goes_and_comes_back(t, "k", ["TOKEN_FAILED"], lambda: open(t.away, "w").close(), lambda: os.unlink(t.away), times=1)
        equal(t.count("C_Login"), 1)


@test
def a_token_that_goes_on_failing_gets_another_worker_in_the_end():
    with second_mock("fault C_Sign while $/away CKR_DEVICE_ERROR") as t:
        start(t)
        with Load(t, ["k"]) as load:
            open(t.away, "w").close()
            load.injected = 1
            load.watch(lambda: "event=worker-leaves" in t.log, "the worker to leave")
            os.unlink(t.away)
            load.more()
        equal((set(load.loaded.refused), t.count("pin:t1")), ({"TOKEN_FAILED"}, 0))


@test
def a_module_that_only_works_again_after_its_next_start_gets_one():
    broken = "\nfault C_Sign from 60 CKR_GENERAL_ERROR\n"  # without a file its counts begin anew with C_Initialize
    with Mock(second=SECOND_TOKEN + broken, tokens=SECOND_CONF.replace("pin2", "pin").split("[key")[0], keys="[key other]\nuri = pkcs11:token=t2;object=other\n") as t:
        start(t)
        workers = sorted(t.workers())
        with Load(t, ["other"], other="k") as load:
            load.watch(lambda: load.loaded.ok >= 200, "three starts of the module")
            load.injected = load.loaded.ok // 60
        equal(set(load.loaded.refused), {"TOKEN_FAILED"})
        equal(sorted(t.workers()), workers, "the processes are still the same")


@test
def a_module_that_does_not_start_any_more_is_refused_at_once():
    with second_mock("fault C_Initialize while $/away CKR_DEVICE_ERROR", timeout=60) as t:
        start(t)

        def lose():
            open(t.away, "w").close()
            os.kill(ready_workers(t, "jwk11-mock.so")[0], signal.SIGKILL)

        goes_and_comes_back(t, "k", ["MODULE_FAILED"], lose, lambda: os.unlink(t.away), times=1)


@test
def a_softhsm_folder_that_is_moved_away_and_back():
    with Trial() as t:
        add_second(t)
        start(t)
        tokens, away = os.path.join(t.dir, "tokens"), os.path.join(t.dir, "tokens-away")
        goes_and_comes_back(t, "es256", ["TOKEN_ABSENT", "TOKEN_FAILED", "KEY_UNAVAILABLE"], lambda: os.rename(tokens, away), lambda: os.rename(away, tokens))


def real_token(name, key, codes):
    """A module that stands still when its token goes costs what it held, after the time that a request has."""
    t = Token(name)
    try:
        t.prepare()
        add_second(t)
        t.change("[daemon]\n", "[daemon]\nrequest-timeout = 10s\n")
        start(t)
        goes_and_comes_back(t, key, codes, lambda: t.script("lose"), lambda: t.script("regain"), times=1)
        equal(t.stop(), 0)
    finally:
        t.close()


@test
def a_tpm_that_is_killed_and_started_again():
    real_token("tpm2", "p256-ES256", ["TOKEN_FAILED", "MODULE_FAILED", "WORKER_TIMEOUT"])


@test
def a_card_that_is_pulled_and_put_back():
    real_token("piv", "card-ES256", ["TOKEN_ABSENT", "TOKEN_FAILED", "WORKER_TIMEOUT"])


main()
