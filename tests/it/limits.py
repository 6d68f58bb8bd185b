#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What one user can take from the others, asked of jwk11d-front alone with workers played by this program: connections, requests under way, rate,
turns, time. Other users are other effective uids of this program when it runs as root; without root those tests are skipped. Prints TAP."""
import json
import os
import select
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from front_alone import Client, Worker, is_problem, wait_for
from served import FLOODER, HONEST, ROOT, As, Served, refused, skip_without_root
from trial import equal, main, test

DRIP = b"POST /v1/keys/es/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


@test
def a_rate_gives_its_burst_and_then_says_when_to_come_again():
    with Served(who="user = *\nrate = 1/h\nburst = 3") as (d, w):
        c = As(d.api)
        for _ in range(3):
            equal(c.sign()[0], 200)
        r = c.sign()
        refused(r, 429, "RATE_EXCEEDED")
        equal(json.loads(r[2])["detail"], "[client me] gives each of its users 1 requests an hour, and 3 at once")
        equal(3500 < int(r[1]["retry-after"]) <= 3600, True, r[1])
        refused(As(d.api).sign(), 429, "RATE_EXCEEDED")  # another connection is no other user
        equal(len(w.seen), 3, "what is refused costs no worker anything")
        equal((c.get("/v1/keys")[0], c.get("/livez")[0], c.get("/.well-known/jwks.json")[0]), (200, 200, 200), "reading is not counted")
        if ROOT:
            equal(As(d.api, HONEST).sign()[0], 200, "each user has a rate of their own")
        d.configure(who="user = *")
        equal(wait_for(lambda: c.sign()[0] == 200), True, "a section without a rate")


@test
def a_rate_belongs_to_the_section_that_grants():
    with Served(who="user = *\nrate = 1/h\nkeys = es\nallow = sign\n[client other]\nuser = *") as (d, w):
        c = As(d.api)
        equal(c.sign()[0], 200)
        refused(c.sign(), 429, "RATE_EXCEEDED")
        equal(c.post("/v1/keys/twin/sign", {"input": "YQ"})[0], 200, "what another section grants")
        equal(c.post("/v1/keys/twin/sign", {"input": "YQ"})[0], 200, "and it has no rate")


@test
def a_user_has_so_many_requests_under_way_and_no_more():
    with Served(queue=16, requests=3) as (d, w):
        held = [As(d.api).hold() for _ in range(3)]  # two in the worker, one waits
        equal(wait_for(lambda: len(w.held) == 2), True)
        last = As(d.api)
        equal(wait_for(lambda: is_problem(last.sign("next"), 429, "REQUESTS_EXCEEDED")), True, "the fourth")
        refused(last.sign("next"), 429, "REQUESTS_EXCEEDED")
        equal(last.get("/livez")[0], 200, "its connection goes on")
        if ROOT:
            other = As(d.api, HONEST).hold("other")
            w.let_go()
            equal(other.reply()[0], 200, "another user is not concerned")
        equal(wait_for(lambda: w.let_go() or all(select.select([c.sock], [], [], 0)[0] for c in held)), True)
        equal([c.reply()[0] for c in held], [200] * 3)
        equal(last.sign()[0], 200)


@test
def a_user_at_the_limit_gives_up_the_longest_idle_connection():
    with Served(per_user=3) as (d, w):
        mine = [As(d.api) for _ in range(3)]
        for c in (mine[1], mine[2], mine[0]):
            equal(c.get("/livez")[0], 200)
        mine.append(As(d.api))
        equal(mine[3].get("/livez")[0], 200, "a fourth one is let in")
        equal([c.gone() for c in mine], [False, True, False, False], "in place of the longest idle one")
        busy = [mine[0], mine[2], mine[3]]
        for c in busy:
            c.hold()
        equal(wait_for(lambda: len(w.held) == 2), True)
        late = As(d.api)
        refused(late.reply(), 429, "CONNECTIONS_EXCEEDED")
        equal(late.closed(), True)
        equal(wait_for(lambda: w.let_go() or all(select.select([c.sock], [], [], 0)[0] for c in busy)), True)
        equal([c.reply()[0] for c in busy], [200] * 3, "who waits for an answer loses nothing")


@test
@skip_without_root
def on_a_full_socket_the_user_with_the_most_connections_gives_way():
    with Served(connections=8, per_user=8) as (d, w):
        honest = [As(d.api, HONEST) for _ in range(2)]
        silent = [As(d.api, FLOODER) for _ in range(4)]
        slow = [As(d.api, FLOODER).send(DRIP) for _ in range(2)]
        equal(silent[3].get("/livez")[0], 200)
        new = [As(d.api, HONEST) for _ in range(2)]
        equal([c.get("/livez")[0] for c in new], [200, 200])
        equal([c.gone() for c in honest + silent + slow], [False] * 2 + [True] * 2 + [False] * 4, "the two that were silent the longest")
        silent += [As(d.api, FLOODER)]
        equal(silent[4].get("/livez")[0], 200, "a flooder only takes his own places")
        equal([c.get("/livez")[0] for c in honest + new], [200] * 4)


def let_in(d):
    """A new connection of the honest user; one that is refused may be closed before it has asked anything."""
    try:
        return As(d.api, HONEST).get("/livez")[0] == 200
    except (BrokenPipeError, ConnectionResetError):
        return False


@test
@skip_without_root
def what_drips_gives_way_too_but_never_a_request_under_way():
    with Served(connections=4, per_user=4, queue=16) as (d, w):
        slow = [As(d.api, FLOODER).send(DRIP + b"{") for _ in range(3)]
        slow.append(As(d.api, FLOODER).send("GET /li"))
        equal(wait_for(lambda: let_in(d)), True)
        equal(sum(c.gone() for c in slow), 1)
    with Served(connections=4, per_user=4, queue=16) as (d, w):
        busy = [As(d.api, FLOODER).hold() for _ in range(4)]
        equal(wait_for(lambda: len(w.held) == 2), True)
        late = As(d.api, HONEST)
        refused(late.reply(), 503, "HTTP_TOO_MANY")
        equal(wait_for(lambda: w.let_go() or all(select.select([c.sock], [], [], 0)[0] for c in busy)), True)
        equal([c.reply()[0] for c in busy], [200] * 4)


@test
@skip_without_root
def one_request_does_not_wait_behind_the_many_of_another_user():
    with Served(queue=16) as (d, w):
        many = [As(d.api, FLOODER).hold(f"hold{i}") for i in range(8)]
        equal(wait_for(lambda: len(w.held) == 2), True)
        one = As(d.api, HONEST)
        one.hold("one")
        equal(one.sock.getpeername() == d.api and wait_for(lambda: As(d.api, HONEST).get("/livez")[0] == 200), True, "it has been read")
        w.let_go()
        equal(one.reply()[0], 200)
        equal([f["INPUT"] for _, f, _ in w.seen[:3]], [b"hold0", b"hold1", b"one"])
        equal(wait_for(lambda: w.let_go() or all(select.select([c.sock], [], [], 0)[0] for c in many)), True)
        equal([c.reply()[0] for c in many], [200] * 8)


@test
@skip_without_root
def in_a_full_queue_the_user_with_the_most_requests_gives_way():
    with Served(queue=4) as (d, w):
        many = [As(d.api, FLOODER).hold(f"hold{i}") for i in range(6)]
        equal(wait_for(lambda: is_problem(As(d.api, FLOODER).sign(), 503, "QUEUE_FULL")), True, "it is full")
        one = As(d.api, HONEST)
        one.hold("one")
        equal(wait_for(lambda: any(select.select([c.sock], [], [], 0)[0] for c in many)), True)
        loser = next(c for c in many if select.select([c.sock], [], [], 0)[0])
        refused(loser.reply(), 503, "QUEUE_FULL")
        w.let_go()
        equal(one.reply()[0], 200)


@test
def a_body_that_drips_comes_to_an_end():
    with Served() as (d, w):
        for start in (DRIP, b"GET /livez HTTP/1.1\r\nX: "):
            c = As(d.api).send(start)
            while not select.select([c.sock], [], [], 0.02)[0]:  # 50 octets a second, for as long as it lets us
                c.send(b"x")
            r = c.reply()
            equal(is_problem(r, 408, "HTTP_TIMEOUT"), True, r)


@test
def one_connection_has_one_request_under_way():
    with Served(queue=16) as (d, w):
        c = As(d.api)
        for i in range(5):
            c.hold(f"hold{i}")
        equal(wait_for(lambda: len(w.held) == 1), True)
        equal(As(d.api).get("/livez")[0], 200)
        equal(len(w.seen), 1, "the others are not even read")
        for _ in range(5):
            equal(wait_for(lambda: len(w.held) == 1), True)
            w.let_go()
            equal(c.reply()[0], 200)
        equal([f["INPUT"] for _, f, _ in w.seen], [b"hold%d" % i for i in range(5)])


def flood(path, request, stop):
    """Sends without end and reads what comes, so that it is never held up by its own socket."""
    c = Client(path)
    c.sock.setblocking(False)
    while not stop.is_set():
        readable, writable, _ = select.select([c.sock], [c.sock], [], 0.1)
        try:
            if readable and not c.sock.recv(1 << 20):
                return
            if writable:
                c.sock.send(request)
        except (BlockingIOError, ConnectionError):
            continue


@test
def no_honest_request_is_refused_while_others_flood_drip_and_keep_silent():
    flooder, honest = (FLOODER, HONEST) if ROOT else (None, None)
    sign = b'POST /v1/keys/es/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"input":"eHh4"}'
    read = b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n"
    stop = threading.Event()
    with Served(queue=64, connections=160, per_user=150) as (d, w):
        Worker(d, 1)
        clients = [As(d.api, honest) for _ in range(2)]
        silent = [As(d.api, flooder) for _ in range(100)]
        slow = [As(d.api, flooder).send(DRIP if i % 2 else b"GET /livez HT") for i in range(16)]
        makers = [As(d.api, flooder) for _ in range(8)]
        threads = [threading.Thread(target=flood, args=(path, read * 100, stop)) for path in (d.api, d.public)]
        for t in threads:
            t.start()
        try:
            for n in range(100):
                for c in makers:
                    c.send(sign * 4)
                for c in slow:
                    try:
                        c.send(b"x")
                    except OSError:
                        pass  # it has had its time
                equal([c.sign(f"{n}")[0] for c in clients], [200, 200])
                equal(clients[0].get("/livez")[0], 200)
                for c in makers:
                    equal([c.reply()[0] for _ in range(4)], [200] * 4)
        finally:
            stop.set()
            for t in threads:
                t.join()
        equal(sum(c.gone() for c in silent), 0, "there was room for all")


@test
@skip_without_root
def new_connections_get_in_while_one_user_holds_all_that_there_are():
    with Served(connections=64, per_user=64) as (d, w):
        silent = [As(d.api, FLOODER) for _ in range(200)]  # each beyond the limit closes an older one
        for n in range(40):
            c = As(d.api, HONEST)
            equal((c.sign(f"{n}")[0], c.get("/livez")[0]), (200, 200))
            silent.append(As(d.api, FLOODER))
            c.sock.close()


main()
