#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ninety days of two brokers on one token, by a clock that runs as fast as they answer: versions are made by a daily timer on each machine, brokers are
restarted at any moment, relying parties keep copies of the key set for as long as they may. The time line goes to the output."""
import os, random, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clocked import Broker, Clock, moment
from trial import equal, main, test

HOUR, DAY = 3600, 86400
START = 1798761600  # 2027-01-01
MAX_AGE, PERIOD, LEAD, OVERLAP = 6 * HOUR, 12 * DAY, 8 * HOUR, 25 * HOUR
SECTION = "[key issuer]\nuri = pkcs11:token=trial;object=issuer\nalg = ES256\nlead = 8h\noverlap = 25h\nperiod = 12d\n[set default]\nkeys = issuer\n"


def configure(broker):
    broker.change("[set default]\nkeys = *\n", SECTION)
    broker.change("[daemon]\n", "[daemon]\nmax-age = 6h\nrescan = 1\nworkers = 1\n")


def say(now, text):
    print("# " + time.strftime("%Y-%m-%d %H:%M", time.gmtime(now)) + " " + text, flush=True)


class Watch:
    """What must hold at every moment."""

    def __init__(self, clock, brokers):
        self.clock, self.brokers = clock, brokers
        self.copies = []  # of relying parties: when they were fetched, and the kids
        self.signed = {}  # kid: when last
        self.active = None
        self.signatures = 0

    def fetch(self, broker):
        self.copies.append((self.clock.now, set(broker.jwks())))

    def look(self):
        kids = {b.sign() for b in self.brokers if b.daemon is not None}
        self.signatures += len(kids)
        equal(len(kids), 1, "both brokers sign with one key")
        kid = kids.pop()
        if len(kid) != 43:
            raise AssertionError(f"nobody signs: {kid}")
        self.copies = [c for c in self.copies if self.clock.now - c[0] <= MAX_AGE]
        for fetched, copy in self.copies:
            if kid not in copy:
                raise AssertionError(f"{kid} signs, and is not in a copy that is {self.clock.now - fetched} s old")
        if kid != self.active:
            say(self.clock.now, f"{kid} signs")
            self.active = kid
        self.signed[kid] = self.clock.now
        for broker in self.brokers:
            published = set(broker.jwks()) if broker.daemon is not None else set(self.signed)
            for old, last in self.signed.items():
                if old not in published and self.clock.now - last < OVERLAP - 2 * HOUR:
                    raise AssertionError(f"{old} signed {self.clock.now - last} s ago and is not published")


def find_everywhere(brokers, kid):
    for b in brokers:
        if b.daemon is not None:
            b.until(lambda: kid in b.jwks(), f"{kid} to be published")


def rotate(watch, broker):
    """The timer's line, and what it made is seen by all."""
    code, out, err = broker.tool("rotate", "issuer", "--if-due", "--json")
    equal(code, 0, err)
    if '"made"' in out:
        kid = out.split('"kid":"')[1].split('"')[0]
        say(watch.clock.now, f"{kid} made, from " + out.split('"from":"')[1].split('"')[0])
        find_everywhere(watch.brokers, kid)
        return 1
    return 0


def states_of(broker):
    """Without those that have retired: they may be destroyed at any time."""
    return {v["kid"]: v["state"] for v in broker.versions() if v["state"] != "retired"}


def restart(watch, broker, why):
    states = states_of(broker)
    published = broker.jwks()
    equal(broker.stop(), 0)
    watch.look()  # the other one goes on
    broker.start()
    broker.until(lambda: set(published) <= set(broker.jwks()), "what was published before")
    equal(states_of(broker), states, f"a restart {why} changes nothing")
    equal(broker.jwks(), published, "nor what is published")


@test
def ninety_days_of_two_brokers_on_one_token():
    dice = random.Random(7)
    with Clock(START) as clock, Broker(clock) as one, Broker(clock, one) as two:
        brokers = [one, two]
        for b in brokers:
            configure(b)
            b.start()
        watch = Watch(clock, brokers)
        made = rotate(watch, one)  # the first one signs at once
        next_timer, next_restart, restarts = START + DAY, START + 5 * DAY, 0
        while clock.now < START + 90 * DAY:
            watch.look()
            watch.fetch(dice.choice(brokers))
            step = dice.choice((300, HOUR, 2 * HOUR, 3 * HOUR))
            dues = [d for v in one.versions() for d in (moment(v["from"]), moment(v["until"])) if d and d > clock.now]
            clock.set(min([clock.now + step, next_timer, next_restart, *dues]))  # each moment itself is looked at
            if clock.now == next_timer:
                for b in dice.sample(brokers, 2):
                    made += rotate(watch, b)
                next_timer += DAY
                if dice.random() < 0.1:
                    equal(two.tool("prune", "issuer", "--yes")[0], 0)
            if clock.now == next_restart:
                restart(watch, dice.choice(brokers), f"on {clock.now}")
                restarts += 1
                next_restart += dice.randrange(2 * HOUR, 9 * DAY)
        say(clock.now, f"{made} versions made, {watch.signatures} looks at who signs, {restarts} restarts, {len(watch.signed)} kids have signed")
        equal(made, len(watch.signed) + sum(v["state"] == "next" for v in one.versions()))
        if made < 7 or restarts < 10:
            raise AssertionError("that was no ninety days")


if __name__ == "__main__":
    main()
