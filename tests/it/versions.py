#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Versions of a key as the broker serves them and the tool makes them, by a clock that the test sets: who signs, what is published, what is refused."""
import base64, contextlib, json, os, subprocess, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clocked import Broker, Clock, stamp
from trial import equal, main, test

HOUR = 3600
START = 1798761600  # 2027-01-01
SECTION = "[key issuer]\nuri = pkcs11:token=trial;object=issuer\nalg = {alg}\nlead = 1h\noverlap = 2h\n{more}[set default]\nkeys = issuer\n"


@contextlib.contextmanager
def broker(alg="ES256", more="period = 10h\n", start=True):
    with Clock(START) as clock, Broker(clock) as b:
        b.change("[set default]\nkeys = *\n", SECTION.format(alg=alg, more=more))
        b.change("[daemon]\n", "[daemon]\nrescan = 30m\nworkers = 1\n")
        if start:
            b.start()
        yield b


def rotate(b, *options):
    """The kid of the version that was made, published by then."""
    code, out, err = b.tool("rotate", "issuer", "--json", *options)
    equal((code, err), (0, "" if b.daemon is not None else "jwk11: a broker looks for new keys every 1800 s\n"))
    kid = json.loads(out)["kid"]
    if b.daemon is not None:
        b.until(lambda: kid in b.jwks(), f"{kid} to be published")
    return kid


def pkcs11(b, *options):
    module = next(line.split(" = ")[1] for line in open(b.conf).read().splitlines() if line.startswith("modules = "))
    with open(b.dir + "/pin") as pin:
        subprocess.run(["pkcs11-tool", "--module", module, "--token-label", "trial", "--login", "--pin", pin.read(), *options], check=True,
                       capture_output=True, env={**os.environ, "SOFTHSM2_CONF": b.dir + "/softhsm2.conf"})


def generate(b, label):
    """As somebody else's tool does it, and while the broker does not look: SoftHSM now and then loses a key that is made meanwhile."""
    pkcs11(b, "--keypairgen", "--key-type", "EC:prime256v1", "--usage-sign", "--label", label, "--id", os.urandom(8).hex())


def look(b):
    equal(b.ask("POST", "/v1/tokens/trial/rescan", {})[0], 200)


def states(b):
    return [(v["state"], v["kid"]) for v in b.versions()]


def says(b, *arguments):
    """Of a call that fails: its code, and the first line of what it says."""
    code, out, err = b.tool(*arguments)
    equal(out, "", err)
    return code, err.splitlines()[0] if err else ""


@test
def a_version_is_published_then_signs_then_retires():
    with broker() as b:
        equal((b.sign(), b.jwks(), states(b)), ("KEY_UNAVAILABLE", [], []), "before the first one")
        first = rotate(b)
        equal((b.sign(), states(b)), (first, [("active", first)]), "the first one signs at once")
        second = rotate(b)
        equal((b.sign(), b.jwks(), states(b)), (first, [first, second], [("active", first), ("next", second)]))
        equal(b.sign(second), "KEY_NOT_ACTIVE", "by its kid neither")
        b.clock.set(START + HOUR - 1)
        equal(b.sign(), first)
        b.clock.set(START + HOUR)
        equal((b.sign(), b.jwks(), states(b)), (second, [first, second], [("retiring", first), ("active", second)]))
        equal((b.sign(first), b.sign(second)), ("KEY_NOT_ACTIVE", second))
        status, _, body = b.ask("POST", f"/v1/keys/{first}/sign", {"input": "YQ"})
        equal((status, json.loads(body)["detail"]), (409, 'key "issuer": the version of this kid is retiring and does not sign'))
        b.clock.set(START + 3 * HOUR - 1)
        equal(b.jwks(), [first, second])
        b.clock.set(START + 3 * HOUR)
        equal((b.jwks(), states(b)), ([second], [("retired", first), ("active", second)]))
        equal([(v["from"], v["until"]) for v in b.versions()], [("2027-01-01T00:00:00Z", "2027-01-01T03:00:00Z"), ("2027-01-01T01:00:00Z", None)])


@test
def what_was_signed_before_is_verified_after():
    with broker() as b:
        first = rotate(b)
        signature = json.loads(b.ask("POST", "/v1/keys/issuer/sign", {"input": "YQ"})[2])["signature"]
        rotate(b)
        b.clock.set(START + 2 * HOUR)
        equal(b.ask("POST", f"/v1/keys/{first}/verify", {"input": "YQ", "signature": signature})[0], 200)
        equal(b.ask("POST", "/v1/keys/issuer/verify", {"input": "YQ", "signature": signature})[0], 400, "the name means the one that signs")


@test
def the_clock_may_go_back():
    with broker() as b:
        first, second = rotate(b), rotate(b)
        b.clock.set(START + 2 * HOUR)
        equal((b.sign(), b.jwks()), (second, [first, second]))
        b.clock.set(START + HOUR // 2)
        equal((b.sign(), b.jwks(), states(b)), (first, [first, second], [("active", first), ("next", second)]), "as if it had never been later")
        b.clock.set(START - 30 * 24 * HOUR)
        equal((b.sign(), b.jwks()), (first, [first, second]), "before the first moment: there is nobody else")


@test
def a_token_does_not_outlive_its_key_in_the_set():
    with broker() as b:
        rotate(b)
        ask = lambda body: b.ask("POST", "/v1/keys/issuer/jwt", body)
        equal(ask({"claims": {}, "ttl": 2 * HOUR - 60})[0], 200, "the overlap less a minute")
        status, _, body = ask({"claims": {}, "ttl": 2 * HOUR - 59})
        equal((status, json.loads(body)["code"]), (422, "CLAIM_REFUSED"))
        equal(ask({"claims": {"sub": "x"}})[0], 422, "nor one without an end")
        equal(ask({"claims": {"exp": START + 2 * HOUR - 60}})[0], 200)
        equal(ask({"claims": {"exp": START + 2 * HOUR}})[0], 422)


@test
def a_moment_that_two_claim_is_nobodys():
    with broker() as b:
        first = rotate(b)
        for _ in range(2):
            generate(b, "issuer@" + stamp(START + HOUR))
        look(b)
        equal(len(b.jwks()), 3, "both are published")
        b.clock.set(START + 2 * HOUR)
        equal([s for s, _ in states(b)], ["active", "retiring", "retiring"])
        equal((b.sign(), len(b.jwks())), (first, 3))
        third = rotate(b)
        b.clock.set(START + 3 * HOUR)
        equal((b.sign(), [s for s, _ in states(b)]), (third, ["retiring", "retiring", "retiring", "active"]))


@test
def labels_that_only_look_like_versions_are_none():
    with broker() as b:
        first = rotate(b)
        for label in ("issuer@soon", "issuer@20270101T010000", "issuer@20270230T000000Z", "issuer2@20270101T000000Z", "issuerX"):
            generate(b, label)
        look(b)
        b.wait_log("event=label-misleading")
        second = rotate(b)
        equal((b.jwks(), [k for _, k in states(b)]), ([first, second], [first, second]))


@test
def a_key_from_before_keeps_its_kid_and_gets_a_successor():
    with broker(more="kid = old-one\n") as b:
        generate(b, "issuer")
        look(b)
        equal((b.sign(), states(b)), ("old-one", [("active", "old-one")]))
        new = rotate(b)
        equal((b.sign(), b.jwks()), ("old-one", ["old-one", new]))
        b.clock.set(START + HOUR)
        equal((b.sign(), b.jwks()), (new, ["old-one", new]))


@test
def a_new_algorithm_begins_with_a_new_version():
    with broker() as b:
        first = rotate(b)
        b.change("alg = ES256\nlead", "alg = RS256\nlead")
        b.daemon.send_signal(1)
        b.until(lambda: "event=in-force" in b.log and b.sign() != "NOT_READY", "the first one to be seen again")
        equal(b.sign(), first)
        second = rotate(b, "--bits", "3072")
        equal([v["alg"] for v in b.versions()], ["ES256", "RS256"])
        b.clock.set(START + HOUR)
        equal((b.sign(), b.jwks()), (second, [first, second]))
        keys = json.loads(b.ask("GET", "/.well-known/jwks.json", sock=b.public)[2])["keys"]
        equal([(k["alg"], k.get("crv")) for k in keys], [("ES256", "P-256"), ("RS256", None)])
        equal(json.loads(b.ask("GET", "/v1/keys/issuer")[2])["bits"], 3072)


@test
def due_is_what_the_period_says():
    with broker(start=False) as b:
        due = lambda: json.loads(b.tool("rotate", "issuer", "--if-due", "--json")[1])
        equal(due()["from"], "2027-01-01T00:00:00Z")
        b.clock.set(START + 9 * HOUR - 1)
        equal(due(), {"schema": "jwk11/rotate/1", "result": "not due"})
        b.clock.set(START + 9 * HOUR)
        equal(due()["from"], "2027-01-01T10:00:00Z", "a lead before the period is over")
        equal(due()["result"], "not due")
        b.clock.set(START + 30 * HOUR)
        equal(due()["from"], "2027-01-02T07:00:00Z", "late, and with its lead all the same")


@test
def two_timers_at_one_moment_make_one_version():
    with Clock(START) as clock, Broker(clock) as one, Broker(clock, one) as two:
        for b in (one, two):
            b.change("[set default]\nkeys = *\n", SECTION.format(alg="ES256", more="period = 10h\n"))
        for n in range(4):
            clock.set(START + n * 10 * HOUR)
            results = []
            threads = [threading.Thread(target=lambda b=b: results.append(b.tool("rotate", "issuer", "--if-due", "--json"))) for b in (one, two)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            equal([r for r in results if r[0] != 0], [], n)
            versions = json.loads(one.tool("keys", "issuer", "--offline", "--json")[1])["versions"]
            equal(len(versions), n + 1, results)


@test
def rotate_says_why_not():
    with broker(more="", start=False) as b:
        equal(says(b, "rotate", "issuer", "--if-due"), (64, 'jwk11: key "issuer" has no period, so no version of it is ever due'))
        equal(says(b, "rotate", "es256"), (65, 'jwk11: key "es256" has no versions'))
        equal(says(b, "rotate", "isuer"), (66, 'jwk11: no key "isuer". Did you mean issuer?'))
        equal(says(b, "keygen", "issuer"), (64, 'jwk11: key "issuer" has versions'))
        equal(says(b, "rotate", "issuer", "--lead", "5m"), (64, "jwk11: a lead of 300 s is too short: relying parties and brokers need 2160 s to see a new version (max-age, "
                                                                "rescan and a minute)"))
        equal(says(b, "rotate"), (64, "jwk11 rotate: takes the name of a key"))
        code, out, _ = b.tool("rotate", "issuer", "--dry-run")
        equal((code, out), (0, 'would make issuer@20270101T000000Z on token "trial" (ES256), signs from 2027-01-01T00:00:00Z\n'))
        equal(b.tool("keys", "issuer", "--offline", "--json")[1], '{"schema":"jwk11/keys/1","key":"issuer","versions":[]}\n', "nothing was made")
        rotate(b)
        second = rotate(b, "--lead", "3h")
        equal(says(b, "rotate", "issuer"), (65, 'jwk11: key "issuer" has its next version already: it signs from 2027-01-01T03:00:00Z'))
        equal(b.tool("prune", "issuer", "--yes", "--", second)[0], 0)
        rotate(b)


@test
def prune_destroys_what_nobody_needs_and_nothing_else():
    with broker() as b:
        first, second = rotate(b), rotate(b)
        b.clock.set(START + 2 * HOUR)
        third = rotate(b)
        equal(b.tool("prune", "issuer", "--yes"), (0, "issuer: no version has retired\n", ""))
        equal(says(b, "prune", "issuer", "--yes", "--", second), (77, f'jwk11: key "issuer": the version of kid {second} is the one that signs'))
        equal(says(b, "prune", "issuer", "--yes", "--", first), (77, f'jwk11: key "issuer": tokens signed by the version of kid {first} may be about until 2027-01-01T03:00:00Z'))
        equal(says(b, "prune", "issuer", "--yes", "--", "nobody"), (66, 'jwk11: key "issuer" has no version of kid "nobody"'))
        b.clock.set(START + 3 * HOUR)
        equal(b.tool("prune", "issuer", "--dry-run")[1], f'would destroy retired issuer@{stamp(START)} (ES256, kid {first}) on token "trial"\n')
        code, out, err = b.tool("prune", "issuer")
        equal((code, out, "--yes goes without" in err), (64, "", True), "nobody is there to be asked")
        equal(b.tool("prune", "issuer", "--yes"), (0, f"destroyed issuer@{stamp(START)} (kid {first})\n", ""))
        b.until(lambda: [k for _, k in states(b)] == [second, third], "the first one to be gone")
        equal((b.sign(), b.jwks()), (third, [second, third]))
        equal(b.tool("keys", "issuer", "--offline", "--json")[1].count('"kid"'), 2)


@test
def prune_asks_and_takes_only_yes():
    import pty
    with broker(start=False) as b:
        rotate(b)
        spare = rotate(b)
        for answer, code in (("n\n", 1), ("\n", 1), ("yellow\n", 1), ("y\n", 0)):
            master, slave = pty.openpty()
            os.write(master, answer.encode())
            done = b.tool("prune", "issuer", "--", spare, stdin=slave)
            os.close(slave), os.close(master)
            equal(done[0], code, done)
            equal("There is no way back. Destroy 1 version of issuer? [y/N]" in done[2], True, done[2])
        equal(b.tool("keys", "issuer", "--offline", "--json")[1].count('"kid"'), 1)


@test
def with_and_without_the_broker_it_is_the_same_time_line():
    with broker() as b:
        rotate(b), rotate(b)
        b.clock.set(START + 90 * 60)
        rotate(b)
        for arguments in (("keys", "issuer"), ("keys", "issuer", "--json"), ("jwks",), ("jwks", "issuer")):
            code, out, err = b.tool("--socket", b.api, *arguments)
            equal(b.tool("--offline", *arguments), (code, out, err), arguments)
        lines = b.tool("--offline", "keys", "issuer")[1].splitlines()
        equal([line.split()[:3] for line in lines], [["STATE", "FROM", "UNTIL"], ["retiring", "2027-01-01T00:00:00Z", "2027-01-01T03:00:00Z"],
                                                     ["active", "2027-01-01T01:00:00Z", "2027-01-01T02:30:00Z"], ["next", "2027-01-01T02:30:00Z", "2027-01-01T02:30:00Z"]])
        head = b.tool("--offline", "jws", "issuer", b.conf)[1].split(".")[0]
        equal(json.loads(base64.urlsafe_b64decode(head + "=="))["kid"], b.sign(), "the same one signs")


@test
def a_broker_that_is_told_looks_at_once():
    with broker() as b:
        b.change("rescan = 30m\n", "rescan = 30m\naudit-file = " + b.dir + "/audit.jsonl\n")
        b.daemon.send_signal(1)
        b.wait_log("event=in-force")
        equal(b.tool("rotate", "issuer")[2], "")
        equal(len(b.jwks()), 1, "nobody has waited")
        generate(b, "issuer@" + stamp(START + HOUR))
        equal(len(b.jwks()), 1)
        status, _, body = b.ask("POST", "/v1/tokens/trial/rescan", {})
        equal((status, json.loads(body)), (200, {"token": "trial", "state": "ready", "workers": 1}))
        equal(len(b.jwks()), 2)
        equal(b.ask("POST", "/v1/tokens/trial/rescan", {"pin": "1"})[0], 400)
        equal(b.ask("POST", "/v1/tokens/trail/rescan", {})[0], 404)
        b.change("administer = *\n", "")
        b.daemon.send_signal(1)
        b.until(lambda: b.ask("POST", "/v1/tokens/trial/rescan", {})[0] == 403, "the worker to go by the new configuration")
        equal(json.loads(b.ask("POST", "/v1/tokens/trial/rescan", {})[2])["code"], "OPERATION_DENIED")
        code, out, err = b.tool("prune", "issuer", "--yes", "--", b.versions()[1]["kid"])
        equal((code, err.splitlines()[-1]), (0, "jwk11: a broker looks for new keys every 1800 s"), "who may not tell it is told so")
        with open(b.dir + "/audit.jsonl") as f:
            records = [json.loads(line) for line in f]
        said = [(r["op"], r["token"], r["result"]) for r in records if r.get("token")]
        equal((said[:2], said[-3:]), ([("rescan", "trial", "OK")] * 2, [("rescan", "trial", "OPERATION_DENIED")] * 3), records)


@test
def the_token_may_be_away():
    with broker() as b:
        first, second = rotate(b), rotate(b)
        os.rename(b.dir + "/tokens", b.dir + "/away")
        b.daemon.send_signal(1)
        b.wait_log("state=absent")
        b.until(lambda: b.sign() == "TOKEN_ABSENT", "the new view to be in force")
        equal(b.jwks(), [first, second])
        b.clock.set(START + HOUR)
        equal([s for s, _ in states(b)], ["retiring", "active"], "the clock goes on")
        os.rename(b.dir + "/away", b.dir + "/tokens")
        b.until(lambda: b.sign() == second, "the token to be back")


@test
def files_of_sets_change_when_a_moment_comes_though_nobody_asks():
    with broker(start=False) as b:
        first, second = rotate(b), rotate(b)
        web = os.path.join(b.dir, "www")
        b.change("[daemon]\nrescan = 30m\n", f"[daemon]\npublish-dir = {web}\n")
        b.clock.set(START + 3 * HOUR - 2)
        b.start("event=published")
        kids = lambda: [k["kid"] for k in json.load(open(web + "/.well-known/jwks.json"))["keys"]]
        equal(kids(), [first, second])
        b.clock.set(START + 3 * HOUR)
        b.wait_log("event=published")
        equal(kids(), [second])


@test
def a_version_has_its_certificate_requested_before_it_signs():
    with broker() as b:
        rotate(b)
        later = rotate(b)
        equal([state for state, _ in states(b)].count("next"), 1)
        equal((later, "next") in [(kid, state) for state, kid in states(b)], True)
        status, _, body = b.ask("POST", f"/v1/keys/{later}/sign", {"input": "aGk"})
        equal((status, json.loads(body)["code"]), (409, "KEY_NOT_ACTIVE"))
        status, _, body = b.ask("POST", f"/v1/keys/{later}/csr", {"subject": "CN=a"}, {"Accept": "application/json"})
        equal((status, json.loads(body).get("kid")), (200, later), body)


if __name__ == "__main__":
    main()
