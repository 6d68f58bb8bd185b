#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real daemon on the mock token: hanging, crashing, lying, vanishing."""
import fcntl, json, os, struct, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mock_token import HELLO, Mock, in_thread, wait_for
from trial import JWK11, equal, main, test


@test
def a_steady_request_is_one_sign_init_and_one_sign():
    with Mock() as t:
        t.start()
        equal(t.sign(), 200)
        before = {name: t.count(name) for name in ("any", "C_SignInit", "C_Sign")}
        for _ in range(20):
            equal(t.sign(), 200)
        equal({name: t.count(name) - n for name, n in before.items()}, {"any": 40, "C_SignInit": 20, "C_Sign": 20})


@test
def a_steady_request_of_any_kind_is_one_sign_init_and_one_sign():
    kinds = {"k256": ("secp256k1", "ES256K"), "p384": ("p384", "ES384"), "p521": ("p521", "ES512"), "rs256": ("rsa2048", "RS256"),
             "ps512": ("rsa2048", "PS512"), "ed25519": ("ed25519", "EdDSA"), "ed448": ("ed448", "EdDSA")}
    more = "".join(f"key {name} {kind} $/{name}.pem\nprivate {name}\npublic {name}\n" for name, (kind, _) in kinds.items())
    keys = "".join(f"[key {name}]\nuri = pkcs11:token=t1;object={name}\nalg = {alg}\n" for name, (_, alg) in kinds.items())
    bodies = {"sign": HELLO, "jws": {"payload": "aGVsbG8"}, "jwt": {"claims": {"sub": "x"}, "ttl": 60}}
    for mechanisms in ("", "\nmechanisms CKM_ECDSA_SHA256 CKM_ECDSA_SHA384 CKM_ECDSA_SHA512 CKM_SHA256_RSA_PKCS CKM_SHA512_RSA_PKCS_PSS CKM_EDDSA"):
        with Mock(token="pin 1234" + mechanisms, more=more, keys=keys) as t:
            t.start()
            for name in kinds:
                for route, body in bodies.items():
                    before = {call: t.count(call) for call in ("any", "C_SignInit", "C_Sign")}
                    for _ in range(3):
                        status, _, answer = t.ask("POST", f"/v1/keys/{name}/{route}", body)
                        equal(status, 200, answer)
                    equal({call: t.count(call) - n for call, n in before.items()}, {"any": 6, "C_SignInit": 3, "C_Sign": 3}, f"{name} {route}")


@test
def a_refused_message_costs_both_paddings_and_a_good_one_its_own():
    more = "key d rsa2048 $/d.pem\nprivate d\nattr CKA_SIGN false\nattr CKA_DECRYPT true\npublic d\n"
    with Mock(more=more, keys="[key d]\nuri = pkcs11:token=t1;object=d\nuse = enc\n") as t:
        t.start()
        status, _, body = t.ask("GET", "/v1/keys/d", headers={"Accept": "application/jwk+json"})
        equal(status, 200, body)
        key = os.path.join(t.dir, "key")
        with open(key, "wb") as f:
            f.write(body)
        jwe = subprocess.run([JWK11, "encrypt", "--key", key], input=b"hello", check=True, capture_output=True).stdout.decode().strip()
        for message, wanted, calls in ((jwe, 200, 1), (jwe[:-4] + ("AAAA" if jwe[-4:] != "AAAA" else "BBBA"), 400, 2), (jwe, 200, 1)):
            before = {call: t.count(call) for call in ("any", "C_DecryptInit", "C_Decrypt")}
            status, _, answer = t.ask("POST", "/v1/keys/d/decrypt", {"jwe": message})
            equal(status, wanted, answer)
            equal({call: t.count(call) - n for call, n in before.items()}, {"any": 2 * calls, "C_DecryptInit": calls, "C_Decrypt": calls})


@test
def a_hanging_signature_costs_its_own_request_only():
    with Mock("fault C_Sign on 2 hang", workers=2, timeout=2) as t:
        t.start()
        t.wait_count("event=ready", 2)
        equal(t.sign(), 200)
        slow = in_thread(t.sign)
        wait_for(t, "C_Sign", 2)
        for _ in range(20):  # the other worker goes on
            equal(t.sign(), 200)
        equal(slow(), (504, "WORKER_TIMEOUT"))
        t.wait_count("event=worker-late", 1)
        t.wait_count("event=ready", 3)
        for _ in range(5):
            equal(t.sign(), 200)
        equal(t.count("C_Login"), 3)


@test
def a_request_behind_a_hanging_one_is_sent_again():
    with Mock("fault C_Sign on 1 hang", timeout=3) as t:
        t.start()
        late = time.monotonic() + 2
        first = in_thread(t.sign)
        wait_for(t, "C_Sign", 1)
        while time.monotonic() < late:  # the later it comes, the longer it may wait for the new worker
            equal(t.ask("GET", "/livez")[0], 200)
        behind = in_thread(t.sign)
        equal(first(), (504, "WORKER_TIMEOUT"))
        equal(behind(), 200)
        equal(t.count("C_Sign"), 2)


@test
def a_crash_costs_no_request():
    for crash, workers in (("abort", 1), ("abort", 2), ("segv", 1), ("segv", 2)):
        with Mock(f"fault C_Sign on 3 {crash}\nfault C_SignInit on 6 {crash}", workers=workers) as t:
            t.start()
            t.wait_count("event=started", 1 + workers)
            for n in range(8):
                equal(t.sign(), 200, f"{crash}, {workers} workers, request {n}")
            t.wait_count("event=ended", 2)


@test
def a_request_that_crashes_every_worker_is_given_up_after_two():
    with Mock("fault C_Sign every abort", workers=2) as t:
        t.start()
        t.wait_count("event=ready", 2)
        equal(t.sign(), (502, "WORKER_LOST"))
        equal(t.count("C_Sign"), 2)
        equal(t.ask("GET", "/livez")[0], 200)
        equal(t.ask("GET", "/.well-known/jwks.json")[0], 200)


@test
def a_vanished_token_is_named_and_picked_up_again():
    with Mock(token="pin 1234\nabsent-while $/away", more="key l p256 $/l.pem\ntoken t2\npin 1234\nprivate l\npublic l", workers=2,
              tokens="[token t2]\nuri = pkcs11:token=t2\npin-file = $/pin\n", keys="[key l]\nuri = pkcs11:token=t2;object=l\n") as t:
        t.start()
        t.wait_count("event=ready", 2)
        equal((t.sign(), t.sign("l")), (200, 200))
        jwks = t.ask("GET", "/.well-known/jwks.json")[2]
        for _ in range(2):
            open(t.away, "w").close()
            for _ in range(6):
                equal(t.sign(), (503, "TOKEN_ABSENT"))
                equal(t.sign("l"), 200, "the other token's key")
            equal(t.ask("GET", "/.well-known/jwks.json")[2], jwks, "its public key is still published")
            os.unlink(t.away)
            good, end = 0, time.monotonic() + 30
            while good < 10 and time.monotonic() < end:  # each worker finds it in its own time
                good = good + 1 if t.sign() == 200 else 0
            equal(good, 10, "signatures in a row after it came back")
        equal(t.count("pin:t1"), 0)


@test
def a_wrong_signature_never_leaves():
    with Mock("fault C_Sign on 2 flip") as t:
        t.start()
        equal(t.sign(), 200)
        status, code = t.sign()
        equal((status >= 500, code), (True, "SIGNATURE_WITHHELD"))
        signed = t.count("C_Sign")
        for _ in range(5):
            equal(t.sign(), (status, "SIGNATURE_WITHHELD"))
        equal(t.count("C_Sign"), signed, "the key is out of use")


@test
def a_wrong_pin_is_one_try_for_all_workers_and_starts():
    with Mock(token="pin 1234\ntries 3", pin="9999", workers=3) as t:
        for start in range(20):
            t.log = ""
            t.start()
            t.wait_count("event=started", 4)
            equal(t.sign(), (503, "PIN_REJECTED"), f"start {start}")
            equal(token_says(t)[0], "pin-rejected", f"start {start}")
            t.stop()
            equal((t.count("C_Login"), t.count("pin:t1")), (1, 1), f"start {start}")


def token_says(t):
    """State, reason and pin of the token in GET /v1/tokens, and what GET /readyz says of it: state and reason, or None when all is well."""
    token = json.loads(t.ask("GET", "/v1/tokens")[2])["tokens"][0]
    status, _, body = t.ask("GET", "/readyz")
    unready = [(r["state"], r["reason"]) for r in json.loads(body)["reasons"] if r.get("token") == "t1"] if status != 200 else []
    equal(status, 503 if unready else 200, body)
    return token["state"], token.get("reason", ""), token.get("pin"), unready[0] if unready else None


LOGIN = "TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED"
PIN_ROWS = [  # flags, answer to the first C_Login, calls of C_Login by two workers, state, code, a word of the reason
    (LOGIN, None, 2, "ready", None, ""),
    (LOGIN + " USER_PIN_COUNT_LOW", None, 2, "ready", None, ""),
    (LOGIN + " USER_PIN_FINAL_TRY", None, 0, "pin-final-try", "PIN_FINAL_TRY", "one try left"),
    (LOGIN + " USER_PIN_COUNT_LOW USER_PIN_FINAL_TRY", None, 0, "pin-final-try", "PIN_FINAL_TRY", "one try left"),
    (LOGIN + " USER_PIN_LOCKED", None, 0, "pin-locked", "PIN_LOCKED", "is locked"),
    (LOGIN + " USER_PIN_LOCKED USER_PIN_FINAL_TRY", None, 0, "pin-locked", "PIN_LOCKED", "is locked"),
    (LOGIN + " USER_PIN_TO_BE_CHANGED", None, 0, "pin-expired", "PIN_EXPIRED", "changed"),
    (LOGIN, "CKR_PIN_INCORRECT", 1, "pin-rejected", "PIN_REJECTED", "refused"),
    (LOGIN, "CKR_PIN_INVALID", 1, "pin-rejected", "PIN_REJECTED", "refused"),
    (LOGIN, "CKR_PIN_LEN_RANGE", 1, "pin-rejected", "PIN_REJECTED", "refused"),
    (LOGIN, "CKR_PIN_LOCKED", 1, "pin-locked", "PIN_LOCKED", "locked"),
    (LOGIN, "CKR_PIN_EXPIRED", 1, "pin-expired", "PIN_EXPIRED", "changed"),
]


@test
def what_a_token_says_of_its_pin_is_done_and_told():
    for flags, answer, logins, state, code, word in PIN_ROWS:
        what = f"{flags}, {answer}"
        with Mock(f"fault C_Login on 1 {answer}" if answer else "", token=f"pin 1234\nflags {flags}", workers=2) as t:
            for start in range(1 if state == "ready" else 2):  # and it is the same word after a restart
                t.log = ""
                t.start()
                t.wait_count("event=ready", 2)
                equal(t.sign(), 200 if code is None else (503, code), what)
                got, reason, pin, unready = token_says(t)
                equal(got, state, f"{what}, start {start}: {reason}")
                equal(unready, None if code is None else (state, reason), what)
                equal(word in reason, True, f"{what}: {reason}")
                equal("1234" in reason, False, what)
                if state == "ready":
                    equal(pin, "low" if "LOW" in flags else "ok", what)
                t.stop()
                equal(t.count("C_Login"), logins, f"{what}, start {start}")


@test
def a_pin_under_way_when_its_worker_ends_counts_as_refused_until_its_record_is_removed():
    with Mock("fault C_Login on 1 abort", workers=2) as t:
        for start in range(2):
            t.log = ""
            t.start()
            t.wait_count("event=ready", 2)
            equal(t.sign(), (503, "PIN_REJECTED"), f"start {start}")
            t.stop()
            equal(t.count("C_Login"), 1, f"start {start}")
        state = os.path.join(t.dir, "state")
        records = [name for name in os.listdir(state) if name.startswith("refused-")]
        equal(len(records), 1)
        for name in os.listdir(state):
            with open(os.path.join(state, name), "rb") as f:
                equal(b"1234" in f.read(), False, name)
        os.unlink(os.path.join(state, records[0]))
        t.log = ""
        t.start()
        t.wait_count("event=ready", 2)
        equal(t.sign(), 200)
        t.stop()
        equal((t.count("C_Login"), t.count("pin:t1")), (3, 0))
        equal([name for name in os.listdir(state) if name.startswith("refused-")], [])


@test
def a_login_under_way_elsewhere_is_waited_for_and_is_no_refusal():
    with Mock("fault C_Login on 1 abort") as t:
        t.start()
        equal(t.sign(), (503, "PIN_REJECTED"))
        t.stop()
        state = os.path.join(t.dir, "state")
        with open(os.path.join(state, "login.lock"), "r+b") as held:
            fcntl.fcntl(held, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))  # another process in C_Login
            t.log = ""
            t.start(until="event=started")
            wait_for(t, "C_OpenSession", 2)  # the session that the login of this start is for
            for name in os.listdir(state):
                if name.startswith("refused-"):
                    os.unlink(os.path.join(state, name))  # that login was good
        t.wait_count("event=catalogue", 1)
        equal(t.sign(), 200)
        equal(t.count("C_Login"), 2)


@test
def a_token_that_locks_itself_at_our_try_says_so_at_once():
    with Mock(token="pin 1234\ntries 1", pin="9999", workers=2) as t:
        t.start()
        t.wait_count("event=ready", 2)
        equal(t.sign(), (503, "PIN_LOCKED"))
        state, reason, _, unready = token_says(t)
        equal((state, unready), ("pin-locked", (state, reason)))
        t.stop()
        equal((t.count("C_Login"), t.count("pin:t1")), (1, 1))


@test
def a_late_worker_is_not_killed_before_its_login_has_ended():
    with Mock("fault C_Sign on 2 lose t1\nfault C_Login on 2 delay 2500", timeout=1) as t:
        t.start()
        equal(t.sign(), 200)
        worker = t.workers()
        equal(t.sign(), (504, "WORKER_TIMEOUT"))
        equal((t.workers(), t.count("C_Login")), (worker, 2))
        equal(t.ask("GET", "/livez")[0], 200)
        t.wait_count("event=worker-late", 1)
        t.wait_count("event=catalogue", 2)
        equal(t.sign(), 200)
        equal((t.count("C_Login"), t.count("pin:t1")), (3, 0))


@test
def nothing_waits_for_a_slow_first_login():
    with Mock("fault C_Login on 1 delay 1500") as t:
        t.start(until="event=serving")
        wait_for(t, "C_Login", 1)
        equal(t.sign(), (503, "NOT_READY"))
        equal(t.ask("GET", "/readyz")[0], 503)
        t.wait_log("event=catalogue")
        equal(t.sign(), 200)
        equal(t.count("C_Login"), 1)


@test
def a_lost_login_is_made_good():
    with Mock("fault C_Sign on 3 lose t1\nfault C_SignInit on 7 logout t1", token="pin 1234\nhandles shuffled", more="key l p256 $/l.pem\nprivate l\npublic l") as t:
        t.start()
        for _ in range(12):
            equal(t.sign(), 200)
        equal((t.count("C_Login"), t.count("pin:t1")), (3, 0))


@test
def a_failure_while_starting_is_not_for_ever():
    faults = ["C_OpenSession on 1 CKR_DEVICE_ERROR", "C_OpenSession on 2 CKR_GENERAL_ERROR", "C_GetTokenInfo on 1 CKR_DEVICE_ERROR",
              "C_Login on 1 CKR_DEVICE_ERROR", "C_Initialize on 1 CKR_DEVICE_ERROR"]
    for function in ("C_FindObjectsInit", "C_FindObjects", "C_GetAttributeValue"):  # a second try fails too
        faults.append(f"{function} on 1 CKR_DEVICE_ERROR\nfault {function} on 2 CKR_DEVICE_ERROR\nfault {function} on 3 CKR_DEVICE_ERROR")
    for fault in faults:
        with Mock("fault " + fault) as t:
            t.start()
            end = time.monotonic() + 20
            while t.sign() != 200 and time.monotonic() < end:
                pass
            equal(t.sign(), 200, fault)


@test
def a_module_that_does_not_start_takes_nothing_with_it():
    with Mock("fault C_Initialize every CKR_DEVICE_ERROR", timeout=1) as t:
        t.start(until="event=module-failed")
        equal(t.ask("GET", "/livez")[0], 200)
        equal(t.ask("GET", "/readyz")[0], 503)
        status, code = t.sign()
        equal(status in (503, 504), True, f"{status} {code}")


main()
