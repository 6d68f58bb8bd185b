#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""POST /v1/batch: each request as if it were alone, the answers in order. Half of it asks jwk11d-front alone, with workers played by this program, the
other half the daemon with a trial token. Prints TAP."""
import base64, json, os, select, signal, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from audited import Audited
from front_alone import Client, Worker, b64, is_problem, wait_for
from jwcrypto import jwk, jws
from served import HONEST, ROOT, As, Served
from trial import Connection, Trial, equal, main, test

SIGN = {"op": "sign", "key": "es", "input": "eA"}
LIMIT = 64


def marked(n, key="es"):
    """A request whose answer says which one it was."""
    return {"op": "jws", "key": key, "payload": b64(f"text:YQ.YQ.n{n}")}


def held(n=0):
    return {"op": "jws", "key": "es", "payload": b64(f"hold{n}")}


def results(reply):
    status, headers, body = reply[0], reply[1], json.loads(reply[2])
    if status != 200 or list(body) != ["results"] or headers["content-type"] != "application/json" or headers["cache-control"] != "no-store":
        raise AssertionError(reply)
    return body["results"]


def statuses(reply):
    return [r["status"] for r in results(reply)]


def batch(c, requests):
    return c.post("/v1/batch", {"requests": requests})


def answered(c):
    return bool(select.select([c.sock], [], [], 0)[0])


# ---- the front alone ----

@test
def answers_are_those_of_the_routes_in_the_order_of_the_requests():
    with Served() as (d, w):
        c = Client(d.api)
        got = results(c.post("/v1/batch", {"requests": [SIGN, marked(1), {"key": "twin", "serialization": "flattened", "payload": "YQ", "op": "jws"},
            {"op": "jwt", "key": "kid-es", "claims": {"a": 1}, "ttl": 60}]}, "Request-Id: mine\r\n"))
        equal(got[0], {"status": 200, "kid": "kid-es", "alg": "ES256", "signature": "_" * 85 + "w"})
        equal(got[1], {"status": 200, "kid": "kid-es", "alg": "ES256", "jws": "YQ.YQ.n1"})
        equal((got[2]["status"], got[2]["code"], got[2]["request_id"]), (500, "INTERNAL", "mine.2"), "the fake worker's answer is looked at")
        equal(got[3], {"status": 200, "kid": "kid-es", "alg": "ES256", "jwt": "a.b.c"})
        equal([(kind, f["KEY"], f["REQUEST_ID"]) for kind, f, _ in w.seen],
              [("SIGN", b"es", b"mine.0"), ("JWS", b"es", b"mine.1"), ("JWS", b"twin", b"mine.2"), ("JWT", b"kid-es", b"mine.3")])
        equal((w.seen[3][1]["CLAIMS"], w.seen[3][1]["TTL"], w.seen[2][1]["FORM"]), (b'{"a": 1}', (60).to_bytes(8, sys.byteorder), (1).to_bytes(8, sys.byteorder)))
        equal(all(creds == w.seen[0][2] and creds[0] == os.getpid() for _, _, creds in w.seen), True, "the client's own descriptor with each")
        equal(c.get("/livez")[0], 200, "the connection goes on")
        many = [marked(n) for n in range(LIMIT)]
        equal([r["jws"] for r in results(batch(c, many))], [f"YQ.YQ.n{n}" for n in range(LIMIT)], "as many as there may be")


@test
def what_is_no_batch_is_refused_whole():
    rows = [
        ("", 400, "JSON_INVALID"), ("[]", 400, "MEMBER_TYPE"), ("{}", 400, "MEMBER_MISSING"), ({"requests": {}}, 400, "MEMBER_TYPE"),
        ({"requests": []}, 400, "MEMBER_TYPE"), ({"requests": [SIGN] * (LIMIT + 1)}, 400, "MEMBER_TYPE"),
        ({"requests": [SIGN], "x": 1}, 400, "MEMBER_UNKNOWN"), ({"requests": [SIGN, 5]}, 400, "MEMBER_TYPE"),
        ({"requests": [SIGN, {"op": "sign"}]}, 400, "MEMBER_MISSING"), ({"requests": [SIGN, {"key": "es"}]}, 400, "MEMBER_MISSING"),
        ({"requests": [SIGN, {"op": "sign", "key": 5}]}, 400, "MEMBER_TYPE"), ({"requests": [SIGN, {"op": "decrypt", "key": "es"}]}, 400, "MEMBER_TYPE"),
        ({"requests": [SIGN, {"op": "verify", "key": "es"}]}, 400, "MEMBER_TYPE"), ({"requests": [SIGN, {"op": "batch", "key": "es"}]}, 400, "MEMBER_TYPE"),
        ('{"requests":[{"op":"sign","op":"jws","key":"es"}]}', 400, "JSON_DUPLICATE"), ('{"requests":[' + "[" * 40, 413, "LIMIT"),
    ]
    with Served(who="user = *\nrate = 1/h\nburst = 1") as (d, w):
        c = Client(d.api)
        for body, status, code in rows:
            r = c.post("/v1/batch", body)
            equal((is_problem(r, status, code), r[1].get("connection")), (True, None), (body, r))
        equal(json.loads(c.post("/v1/batch", {"requests": [SIGN, {"op": "x", "key": "es"}]})[2])["detail"],
              'request body: requests[1]: "op" must be "sign", "jws" or "jwt"')
        equal(is_problem(c.get("/v1/batch"), 405, "HTTP_METHOD"), True)
        equal(Client(d.public).get("/v1/batch")[0], 404, "not on public.sock")
        equal(w.seen, [], "nothing was signed")
        equal(statuses(batch(c, [SIGN])), [200], "and nothing taken off the rate")
        equal(is_problem(As(d.api).send("POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 65537\r\n\r\n").reply(),
                         413, "HTTP_BODY_TOO_LARGE"), True, "a batch has a body like others")


@test
def each_request_is_refused_by_itself():
    with Served() as (d, w):
        deep = '{"op":"jwt","key":"es","claims":' + '{"a":' * 14 + "1" + "}" * 14 + "}"
        rows = [
            ('{"op":"sign","key":"es","input":"eA","x":1}', 400, "MEMBER_UNKNOWN"), ('{"op":"sign","key":"nope","input":"eA"}', 404, "KEY_UNKNOWN"),
            ('{"op":"sign","key":"secret","input":"eA"}', 404, "KEY_UNKNOWN"), ('{"op":"sign","key":"","input":"eA"}', 404, "KEY_UNKNOWN"),
            ('{"op":"sign","key":"' + "k" * 600 + '","input":"eA"}', 404, "KEY_UNKNOWN"), ('{"op":"sign","key":"es"}', 400, "MEMBER_MISSING"),
            ('{"op":"sign","key":"es","input":"*"}', 400, "BASE64_INVALID"), ('{"op":"jwt","key":"es"}', 400, "MEMBER_MISSING"),
            ('{"op":"jws","key":"es","payload":"eA","claims":{}}', 400, "MEMBER_UNKNOWN"), ('{"op":"jwt","key":"es","claims":{},"ttl":0}', 400, "MEMBER_TYPE"),
            ('{"op":"sign","key":"es","input":"' + b64("fault") + '"}', 503, "TOKEN_ABSENT"), (deep, 200, None),
        ]
        between = json.dumps(marked(7))
        body = '{"requests":[' + ",".join(f"{row[0]},{between}" for row in rows) + "]}"
        got = results(Client(d.api).post("/v1/batch", body))
        for i, (request, status, code) in enumerate(rows):
            equal((got[2 * i]["status"], got[2 * i].get("code")), (status, code), (request, got[2 * i]))
            equal(got[2 * i + 1]["jws"], "YQ.YQ.n7", "its neighbour")
        equal((got[20]["token"], got[20]["ckr"], got[20]["hint"], got[20]["retry_after"], got[20]["request_id"][-3:]),
              ("t1", "CKR_TOKEN_NOT_PRESENT", "wait", 5, ".20"), "a problem with all its members")
        equal("retry_after" in got[0], False)
        equal(wait_for(lambda: len(w.refused) == 4), True, "what policy refused is told for the audit log")
        equal([(f["NAME"], f["KEY"][:6], f["CODE"]) for f, _ in w.refused],
              [(b"sign", key, b"KEY_UNKNOWN") for key in (b"nope", b"secret", b"", b"")], w.refused)


@test
def each_takes_one_off_the_rate():
    with Served(who="user = *\nrate = 1/h\nburst = 3") as (d, w):
        got = results(batch(Client(d.api), [SIGN] * 5))
        equal([r["status"] for r in got], [200, 200, 200, 429, 429])
        equal((got[3]["code"], 3500 < got[3]["retry_after"] <= 3600), ("RATE_EXCEEDED", True), got[3])
        equal(len(w.seen), 3)


@test
def a_batch_takes_the_room_there_is():
    """Two under way and one that waits, at any time: no limit is met, whatever the length of the batch."""
    with Served(queue=1, requests=3) as (d, w):
        c = Client(d.api).ask("/v1/batch", {"requests": [held(n) for n in range(20)]})
        equal(wait_for(lambda: len(w.held) == 2), True)
        equal(is_problem(As(d.api).sign(), 429, "REQUESTS_EXCEEDED"), True, "they count as the user's requests")
        equal(len(w.seen), 2, "and the others wait in the batch")
        equal(wait_for(lambda: w.let_go() or answered(c)), True)
        equal(statuses(c.reply()), [200] * 20)
        equal([f["PAYLOAD"] for _, f, _ in w.seen], [b"hold%d" % n for n in range(20)], "in order")
        equal(w.most, 2)


@test
def where_others_have_all_the_room_a_batch_is_told_so():
    with Served(queue=16, requests=3) as (d, w):
        busy = [As(d.api).hold() for _ in range(3)]
        equal(wait_for(lambda: is_problem(As(d.api).sign("next"), 429, "REQUESTS_EXCEEDED")), True)
        got = results(batch(Client(d.api), [SIGN] * 3))
        equal([(r["status"], r["code"], r["retry_after"]) for r in got], [(429, "REQUESTS_EXCEEDED", 1)] * 3)
        equal(wait_for(lambda: w.let_go() or all(answered(c) for c in busy)), True)


@test
def one_that_takes_long_does_not_change_the_order():
    with Served() as (d, w):
        other = Worker(d, 1)
        c = Client(d.api).ask("/v1/batch", {"requests": [held()] + [marked(n) for n in range(30)]})
        equal(wait_for(lambda: len(w.seen) + len(other.seen) == 31 and len(w.held) + len(other.held) == 1), True, "the others have been done")
        equal(answered(c), False, "one answer for all")
        w.let_go(), other.let_go()
        equal([r["jws"] for r in results(c.reply())], ["a.b.c"] + [f"YQ.YQ.n{n}" for n in range(30)])
        equal(min(len(other.seen), len(w.seen)) > 0, True, "both workers had their part")


@test
def each_module_has_its_part_at_once():
    with Served(queue=2) as (d, w):
        other = Worker(d, 0, "other")
        w.catalog({"es": "kid-es"})
        other.catalog({"twin": "kid-twin"})
        c = Client(d.api)
        equal(wait_for(lambda: batch(c, [marked(0, "twin")]) and len(other.seen) > 0), True, "the other module has the key")
        del w.seen[:], other.seen[:]
        c.ask("/v1/batch", {"requests": [r for n in range(20) for r in (held(n), marked(n, "twin"))]})
        equal(wait_for(lambda: len(other.seen) == 20 and len(w.held) == 2), True, "who waits for one does not hold up the other")
        equal((answered(c), len(w.seen)), (False, 2))
        equal(wait_for(lambda: w.let_go() or answered(c)), True)
        equal([r["jws"] for r in results(c.reply())][1::2], [f"YQ.YQ.n{n}" for n in range(20)])


@test
def what_is_pipelined_behind_a_batch_waits_for_it():
    with Served() as (d, w):
        c = Client(d.api).ask("/v1/batch", {"requests": [held(0), held(1)]}).ask("/v1/keys/es/sign", {"input": "eA"})
        c.ask("/v1/batch", {"requests": [marked(1)]})
        equal(wait_for(lambda: len(w.held) == 2), True)
        equal((As(d.api).get("/livez")[0], len(w.seen)), (200, 2))
        w.let_go()
        equal(statuses(c.reply()), [200, 200])
        equal((c.reply()[0], results(c.reply())[0]["jws"]), (200, "YQ.YQ.n1"))


@test
def a_client_that_goes_away_has_the_rest_not_started():
    with Served() as (d, w):
        for _ in range(2):
            w.seen.clear()
            c = Client(d.api).ask("/v1/batch", {"requests": [held(n) for n in range(30)]})
            equal(wait_for(lambda: len(w.held) == 2), True)
            c.sock.close()
            equal(wait_for(lambda: json.loads(As(d.api).get("/v1")[2])["limits"]["batch"] == LIMIT), True)
            w.let_go()
            equal(As(d.api).sign()[0], 200)
            equal(len(w.seen), 3, "the two that a worker had, and the next client's")


@test
def a_lost_worker_costs_a_batch_nothing():
    with Served() as (d, w):
        c = Client(d.api).ask("/v1/batch", {"requests": [held(n) for n in range(3)] + [marked(n) for n in range(20)]})
        equal(wait_for(lambda: len(w.held) == 2), True)
        w.end()
        new = Worker(d, 1)
        equal(wait_for(lambda: new.let_go() or answered(c)), True)
        equal([r["jws"] for r in results(c.reply())], ["a.b.c"] * 3 + [f"YQ.YQ.n{n}" for n in range(20)])
        equal([f["PAYLOAD"] for _, f, _ in new.seen[:3]], [b"hold0", b"hold1", b"hold2"], "what it had comes first")
        c.ask("/v1/batch", {"requests": [marked(1), {"op": "sign", "key": "es", "input": b64("crash")}] + [marked(n) for n in range(8)]})
        equal(wait_for(lambda: not new.thread.is_alive()), True)
        last = Worker(d, 2)
        equal(wait_for(lambda: not last.thread.is_alive()), True)
        Worker(d, 3)
        got = [r.get("code") for r in results(c.reply())]
        equal((got[1], got[2] in (None, "WORKER_LOST")), ("WORKER_LOST", True), "the one that kills workers, perhaps what lay behind it in both,")
        equal(got[:1] + got[3:], [None] * 8, "and no other")


@test
def a_worker_that_is_mute_costs_a_batch_those_it_has():
    with Served(timeout=1) as (d, w):
        got = results(batch(Client(d.api), [marked(1), {"op": "sign", "key": "es", "input": b64("mute")}, marked(2)]))
        equal((got[0]["status"], got[1]["status"], got[1]["code"]), (200, 504, "WORKER_TIMEOUT"))


@test
def what_waits_for_a_worker_in_vain_is_told_so():
    with Served(timeout=1) as (d, w):
        w.end()
        got = results(batch(Client(d.api), [marked(1), {"op": "sign", "key": "nope", "input": "eA"}]))
        equal([r["code"] for r in got], ["WORKER_TIMEOUT", "KEY_UNKNOWN"])


@test
def other_users_do_not_wait_behind_a_batch():
    if not ROOT:
        print("# skipped without root: other users", flush=True)
        return
    with Served(queue=16) as (d, w):
        c = Client(d.api).ask("/v1/batch", {"requests": [held(n) for n in range(40)]})
        equal(wait_for(lambda: len(w.held) == 2), True)
        one = As(d.api, HONEST)
        one.hold("one")
        equal(wait_for(lambda: As(d.api, HONEST).get("/livez")[0] == 200), True)
        w.let_go()
        equal(one.reply()[0], 200)
        equal(b"one" in [f.get("INPUT") for _, f, _ in w.seen[:4]], True, "after at most one more of the batch")
        equal(wait_for(lambda: w.let_go() or answered(c)), True)


# ---- the daemon ----

def post(t, requests, headers=None):
    status, headers, body = t.ask("POST", "/v1/batch", {"requests": requests}, headers)
    return results((status, {k.lower(): v for k, v in headers.items()}, body))


def keys_of(t):
    return jwk.JWKSet.from_json(t.ask("GET", "/.well-known/jwks.json")[2].decode())


def payload_of(text, keys):
    token = jws.JWS()
    token.deserialize(text)
    token.verify(keys.get_key(token.jose_header["kid"]))
    return json.loads(token.payload)


@test
def what_is_signed_verifies():
    with Trial() as t:
        t.start()
        got = post(t, [{"op": op, "key": key, **more} for key in ("es256", "rs256", "eddsa") for op, more in
            (("jwt", {"claims": {"k": key}, "ttl": 60}), ("jws", {"payload": b64(json.dumps({"k": key}))}), ("sign", {"input": "aGk"}))])
        equal([r["status"] for r in got], [200] * 9, got)
        keys = keys_of(t)
        for i, key in enumerate(("es256", "rs256", "eddsa")):
            equal((payload_of(got[3 * i]["jwt"], keys)["k"], payload_of(got[3 * i + 1]["jws"], keys)), (key, {"k": key}))
            equal(got[3 * i + 2]["kid"], got[3 * i]["kid"])


@test
def policy_decides_on_each_and_the_audit_log_has_each():
    with Audited() as t:
        with open(t.conf) as f:
            kept = f.read().partition("[client")[0]
        with open(t.conf, "w") as f:
            f.write(kept + f"[client a]\nuid = {os.getuid()}\nkeys = es256\nallow = sign\n[client b]\nuid = {os.getuid()}\nkeys = rs256\nallow = jwt\n"
                           "jwt-issuer = https://i.example\njwt-max-ttl = 60\n")
        t.start()
        got = post(t, [
            {"op": "sign", "key": "es256", "input": "aGk"}, {"op": "jwt", "key": "es256", "claims": {}}, {"op": "sign", "key": "rs256", "input": "aGk"},
            {"op": "jwt", "key": "rs256", "claims": {}, "ttl": 60}, {"op": "jwt", "key": "rs256", "claims": {}, "ttl": 61},
            {"op": "sign", "key": "eddsa", "input": "aGk"}], {"Request-Id": "b"})
        equal([(r["status"], r.get("code")) for r in got], [(200, None), (403, "OPERATION_DENIED"), (403, "OPERATION_DENIED"), (200, None),
            (422, "CLAIM_REFUSED"), (404, "KEY_UNKNOWN")], got)
        equal(payload_of(got[3]["jwt"], keys_of(t))["iss"], "https://i.example")
        equal(t.stop(), 0)
        told = {r["request"]: (r["op"], r["key"], r["decision"], r["result"]) for r in t.requests()}
        equal(told, {"b.0": ("sign", "es256", "allowed", "OK"), "b.1": ("jwt", "es256", "refused", "OPERATION_DENIED"),
            "b.2": ("sign", "rs256", "refused", "OPERATION_DENIED"), "b.3": ("jwt", "rs256", "allowed", "OK"),
            "b.4": ("jwt", "rs256", "refused", "CLAIM_REFUSED"), "b.5": ("sign", "eddsa", "refused", "KEY_UNKNOWN")}, "one record each")
        equal(t.verify()["whole"], True)


@test
def who_matches_no_section_has_no_batches():
    with Trial() as t:
        t.change(f"uid = {os.getuid()}", "uid = 4242")
        t.start()
        status, _, body = t.ask("POST", "/v1/batch", {"requests": [SIGN]})
        equal((status, json.loads(body)["code"]), (403, "PEER_DENIED"))


@test
def workers_that_are_killed_under_load_cost_no_request():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", 3)
        keys, wrong, done = keys_of(t), [], []

        def load(who):
            c = Connection(t.api)
            for n in range(12):
                claims = [{"n": f"{who}.{n}.{i}"} for i in range(LIMIT)]
                c.request("POST", "/v1/batch", json.dumps({"requests": [{"op": "jwt", "key": "es256", "claims": one} for one in claims]}),
                          {"Content-Type": "application/json"})
                got = json.loads(c.getresponse().read())["results"]
                wrong.extend(r for r in got if r["status"] != 200)
                texts = [json.loads(base64.urlsafe_b64decode(r["jwt"].split(".")[1] + "==")) for r in got if r["status"] == 200]
                if texts != claims:
                    wrong.append("order")
                payload_of(got[n]["jwt"], keys)
                done.append(n)

        threads = [threading.Thread(target=load, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for kills in range(3):
            t.until(lambda: len(done) > 4 + 8 * kills, "batches")
            worker = next(pid for pid in t.children() if b"jwk11d-worker" in open(f"/proc/{pid}/cmdline", "rb").read())
            os.kill(worker, signal.SIGKILL)
            t.wait_count("event=ended", kills + 1)
            t.wait_count("event=ready", 4 + kills)
        for thread in threads:
            thread.join()
        equal((wrong[:3], len(done)), ([], 48))


main()
