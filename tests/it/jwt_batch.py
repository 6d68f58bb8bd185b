#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 jwt --batch: a line out for each line in, through the broker and through the library; what is wrong with one line is its own matter. Prints TAP."""
import base64, json, os, pty, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, Trial, equal, main, test


def run(t, *args, lines=b"", offline=False, code=0):
    """The lines that come out, and standard error."""
    where = ["--offline", "--config", t.conf] if offline else ["--socket", t.api]
    p = subprocess.run([JWK11, *where, "jwt", "--batch", *args], input=lines if isinstance(lines, bytes) else "".join(line + "\n" for line in lines).encode(),
                       capture_output=True)
    equal(p.returncode, code, p.stdout[-500:] + p.stderr)
    return [json.loads(line) for line in p.stdout.splitlines()], p.stderr.decode()


def claims_of(line):
    return json.loads(base64.urlsafe_b64decode(line["jwt"].split(".")[1] + "=="))


def codes(out):
    return [(line["line"], line["error"]["code"] if "error" in line else "") for line in out]


def each_way(function):
    """With the broker, and without."""
    def both():
        with Trial() as t:
            function(t, True)
            t.start()
            function(t, False)
    both.__name__ = function.__name__
    return both


@test
@each_way
def each_line_has_its_token_in_order(t, offline):
    claims = [{"n": n, "text": "ü\"\\"} for n in range(200 if not offline else 20)]
    out, err = run(t, "es256", lines=[json.dumps(c) for c in claims], offline=offline)
    equal(([line["line"] for line in out], [claims_of(line) for line in out], err), (list(range(1, len(claims) + 1)), claims, ""))
    with open(t.root + "/jwks.json", "wb") as f:
        f.write(subprocess.run([JWK11, "--offline", "--config", t.conf, "jwks"], capture_output=True, check=True).stdout)
    for line in out[::17]:
        subprocess.run([JWK11, "verify", "--jwks", t.root + "/jwks.json"], input=line["jwt"].encode(), check=True, stdout=subprocess.DEVNULL)
    equal(run(t, "es256", lines=b"", offline=offline), ([], ""), "nothing is nothing")


@test
@each_way
def a_line_that_is_wrong_does_not_stop_the_rest(t, offline):
    lines = ['{"a":1}', "", "{", "[1]", '{"a":1,"a":2}', '{"exp":"x"}', '{"a":' * 16 + "1" + "}" * 16, '{"a":"' + "x" * 70000 + '"}', " \t\r", '{"b":2}\r']
    out, err = run(t, "es256", lines="\n".join(lines).encode(), offline=offline, code=65)
    equal(codes(out), [(1, ""), (3, "JSON_INVALID"), (4, "MEMBER_TYPE"), (5, "JSON_DUPLICATE"), (6, "CLAIM_INVALID"), (7, "LIMIT"), (8, "INPUT_TOO_LONG"), (10, "")])
    equal((claims_of(out[0]), claims_of(out[-1])), ({"a": 1}, {"b": 2}))
    equal(err, "jwk11: 6 of 8 lines failed, the first is line 3: claims: not valid JSON at byte 1: it ends too early\n  [exit 65, JSON_INVALID]\n")


@test
@each_way
def options_hold_for_each(t, offline):
    out, _ = run(t, "--ttl", "5m", "--claim", "iss=me", "--claim", "aud=[\"a\",\"b\"]", "es256", lines=['{"sub":"1"}', "{ }", '{"sub":"2","iss":"you"}'], offline=offline, code=65)
    first = claims_of(out[0])
    equal((list(first), first["sub"], first["iss"], first["aud"], first["exp"] - first["iat"]), (["sub", "iss", "aud", "iat", "exp"], "1", "me", ["a", "b"], 300))
    equal(list(claims_of(out[1])), ["iss", "aud", "iat", "exp"])
    equal((codes(out)[2], out[2]["error"]["detail"]), ((3, "JSON_DUPLICATE"), "a claim stands here and in --claim"))


@test
def typ_and_header_members_are_asked_for():
    with Trial() as t:
        t.change("allow = *", "allow = jwt\njwt-typ = at+jwt, JWT\njwt-header = cty")
        t.start()
        out, _ = run(t, "--typ", "at+jwt", "--protected", '{"cty":"x"}', "es256", lines=["{}"] * 3)
        heads = [json.loads(base64.urlsafe_b64decode(line["jwt"].split(".")[0] + "==")) for line in out]
        equal([(h["typ"], h["cty"]) for h in heads], [("at+jwt", "x")] * 3)
        out, err = run(t, "--typ", "other", "es256", lines=["{}"] * 2, code=65)
        equal((codes(out), "2 of 2 lines failed" in err), ([(1, "HEADER_REFUSED"), (2, "HEADER_REFUSED")], True))
        equal("through the broker" in run(t, "--typ", "at+jwt", "es256", offline=True, code=64)[1], True)
        equal("no -o" in run(t, "-o", "x", "es256", code=64)[1], True)


@test
def refusals_of_the_broker_stand_in_their_lines():
    with Trial() as t:
        t.change("[client owner]\n", "[client owner]\nrate = 1/h\nburst = 2\n")
        t.change("[daemon]\n", "[daemon]\nmax-body = 1024\n")
        t.start()
        out, err = run(t, "es256", lines=["{}", '{"a":"' + "x" * 1000 + '"}', "{}", "{}"], code=65)
        equal(codes(out), [(1, ""), (2, "INPUT_TOO_LONG"), (3, ""), (4, "RATE_EXCEEDED")])
        equal(run(t, "es256", lines=["{}"], code=75)[1].splitlines()[1], "  [exit 75, RATE_EXCEEDED]")
        out, _ = run(t, "nope", lines=["{}"], code=66)
        equal(out[0]["error"], {"code": "KEY_UNKNOWN", "detail": 'no key "nope"', "hint": "jwk11 list, or GET /v1/keys"})
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\nmax-body = 1024\n")
        t.start()
        out, _ = run(t, "es256", lines=['{"a":"%s"}' % ("x" * (10 * n)) for n in range(80)])
        equal([len(claims_of(line)["a"]) for line in out], [10 * n for n in range(80)], "as many in a batch as fit")


@test
def lines_are_answered_as_they_come():
    with Trial() as t:
        t.start()
        p = subprocess.Popen([JWK11, "--socket", t.api, "jwt", "es256", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for n in range(1, 4):
            p.stdin.write(b'{"n":%d}\n' % n)
            p.stdin.flush()
            line = json.loads(p.stdout.readline())
            equal((line["line"], claims_of(line)), (n, {"n": n}), "before the input ends")
            if n == 2:  # the kept connection is gone then
                equal(t.stop(), 0)
                t.start()
        t.stop()
        p.stdin.write(b"{}\n")
        p.stdin.close()
        equal((p.stdout.read(), p.wait(20)), (b"", 69), "there is no broker any more")


@test
def progress_is_for_terminals():
    with Trial() as t:
        t.start()
        ours, theirs = pty.openpty()
        p = subprocess.run([JWK11, "--socket", t.api, "jwt", "es256", "--batch"], input=b"{}\n" * 70, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        said = ""
        while not said.endswith("/s\r\n"):
            said += os.read(ours, 65536).decode()  # a piece at a time; the end of it is an error here
        os.close(ours)
        equal((p.returncode, len(p.stdout.splitlines())), (0, 70))
        equal("70 tokens, 0 failed, " in said, True, said)


main()
