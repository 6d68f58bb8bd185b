#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`jwk11 audit show`: what a person sees of the log, which records, and what is said of lines that are none."""
import json, os, re, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from audited import Audited, chain
from trial import JWK11, equal, main, test

FOLDER = tempfile.TemporaryDirectory(prefix="jwk11-")
BEGIN = {"event": "begin", "time": "2026-11-23T10:00:00.000Z", "prev": "0" * 64}


def request(minute, **members):
    r = {"event": "request", "time": f"2026-11-23T10:{minute:02}:00.000Z", "request": "r", "uid": 1000, "pid": 42, "client": "ci", "op": "sign",
         "key": "issuer", "kid": "k1", "alg": "ES256", "decision": "allowed", "result": "OK", "us": 1234}
    return {k: v for k, v in (r | members).items() if v is not None}


LOGIN = {"op": "login", "key": None, "kid": None, "alg": None, "token": "prod"}
DENIED = {"decision": "refused", "result": "OPERATION_DENIED", "us": 7}
BROKEN = {"decision": "failed", "result": "TOKEN_FAILED", "ckr": "CKR_DEVICE_ERROR", "unit": "ci.service"}
LINES, HEAD = chain([BEGIN, request(1), request(2, uid=0, key="other", kid="k2"), request(3, client="web", **DENIED), request(4, **BROKEN)])


def write(name, lines):
    path = os.path.join(FOLDER.name, name)
    with open(path, "wb") as f:
        f.writelines(line if isinstance(line, bytes) else line.encode() for line in lines)
    return path


def audit(*args, env=None):
    p = subprocess.run([JWK11, "audit", *args], capture_output=True, env={**os.environ, **(env or {})})
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def shown(*args, code=0, err=""):
    """The numbers of the records that are shown."""
    got = audit("show", "--json", *args)
    equal((got[0], got[2]), (code, err), args)
    return [json.loads(line)["seq"] for line in got[1].splitlines()]


@test
def shows_a_table_for_people():
    code, out, err = audit("show", write("log", LINES))
    equal((code, err), (0, ""))
    equal([re.split("  +", line) for line in out.splitlines()], [
        ["TIME", "DECISION", "OP", "CLIENT", "PEER", "KEY", "ALG", "RESULT", "TOOK"],
        ["2026-11-23T10:00:00.000Z", "begin", "-", "-", "-", "-", "-", "-", "-"],
        ["2026-11-23T10:01:00.000Z", "allowed", "sign", "ci", "1000", "issuer", "ES256", "OK", "1.234 ms"],
        ["2026-11-23T10:02:00.000Z", "allowed", "sign", "ci", "0", "other", "ES256", "OK", "1.234 ms"],
        ["2026-11-23T10:03:00.000Z", "refused", "sign", "web", "1000", "issuer", "ES256", "OPERATION_DENIED", "0.007 ms"],
        ["2026-11-23T10:04:00.000Z", "failed", "sign", "ci", "1000 ci.service", "issuer", "ES256", "TOKEN_FAILED (CKR_DEVICE_ERROR)", "1.234 ms"]])
    equal(re.split("  +", audit("show", write("login", chain([BEGIN, request(1, **LOGIN)])[0]))[1].splitlines()[2])[5], "token prod")


@test
def json_is_the_records_as_they_are():
    equal(audit("show", "--json", write("log", LINES)), (0, "".join(LINES), ""))


@test
def shows_the_records_that_were_asked_for():
    log = write("log", LINES)
    for wanted, *options in [
            ([2, 4, 5], "--key", "issuer"), ([3], "--key", "k2"), ([], "--key", "none"), ([2, 3, 5], "--client", "ci"), ([3], "--uid", "0"),
            ([2, 4, 5], "--uid", "1000"), ([4, 5], "--refused"), ([5], "--result", "TOKEN_FAILED"),
            ([2, 3], "--result", "OK"), ([5], "--refused", "--client", "ci"),
            ([3, 4, 5], "--since", "2026-11-23T10:02:00Z"), ([1, 2, 3], "--until", "2026-11-23T11:02:00+01:00"), ([5], "--since", "2026-11-23T10:03:00.001Z"),
            ([1, 2, 3, 4, 5], "--since", "2026-11-23"), ([], "--until", "2026-11-23"), ([4, 5], "--last", "2"), ([1, 2, 3, 4, 5], "--last", "99"),
            ([3], "--last", "1", "--result", "OK"), ([2, 3], "--since", "2026-11-23T10:01:00Z", "--until", "2026-11-23T10:02:00Z")]:
        equal(shown(log, *options), wanted, options)


@test
def a_duration_is_so_long_ago():
    now, old = [dict(BEGIN, time=t) for t in (subprocess.run(["date", "-u", "+%FT%T.000Z"], capture_output=True, text=True, check=True).stdout.strip(),
                                              "2001-01-01T00:00:00.000Z")]
    log = write("times", chain([old, dict(now, event="end")])[0])
    equal((shown(log, "--since", "2h"), shown(log, "--until", "2h"), shown(log, "--since", "2h", "--until", "0s")), ([2], [1], [2]))


@test
def options_that_mean_nothing_are_refused():
    log = write("log", LINES)
    for option, value in [("--since", "noon"), ("--until", "2026-02-30"), ("--since", "-2h"), ("--uid", "root"), ("--uid", "4294967296"),
                          ("--last", "0"), ("--last", "x")]:
        code, out, err = audit("show", option, value, log)
        equal((code, out, option in err), (64, "", True), (option, value, err))
    equal(audit("list")[0], 64)
    equal(audit("show", log + ".no")[::2], (66, f"jwk11: {log}.no: No such file or directory\n  [exit 66, NOT_FOUND]\n"))


@test
def lines_that_are_no_record_are_named_and_do_not_stop_it():
    log = write("bad", [LINES[0], b"hello \x1b[2J\n", LINES[1], LINES[2], LINES[3].replace("refused", "allowed"), LINES[4], b'{"seq":6,"ev'])
    equal(shown(log, code=1, err=f"{log}:2: foreign: this line is not a record of the audit log\n"
                f"{log}:5: changed: record 4 was changed, or the end of the one before it\n"
                f"{log}:7: torn: the last line was cut off after 12 octets; a running jwk11d accounts for them with its next record\n"), [1, 2, 3, 4, 5])
    equal(shown(log, "--last", "1", code=1, err=audit("show", log)[2]), [5])  # and each is named once


@test
def a_line_in_the_form_of_a_record_that_is_no_json_is_named():
    lines, _ = chain([BEGIN, {"event": "request", "time": "yesterday"}])
    log = write("odd", lines)
    equal(shown(log, code=1, err=f'{log}:2: foreign: record: member "time" is not a time of RFC 3339\n'), [1])


@test
def several_files_are_read_in_the_order_of_the_chain():
    first, head = chain([BEGIN, request(1), {"event": "end", "time": BEGIN["time"]}])
    second, _ = chain([dict(BEGIN, prev=head[1]), request(2)], head)
    a, b = write("log.1", first), write("log", second)
    equal(shown(b, a), [1, 2, 3, 4, 5])
    equal(shown(b, a, "--last", "3"), [3, 4, 5])
    equal(shown(b), [4, 5])


@test
def what_is_not_printable_does_not_reach_the_terminal():
    odd = request(1, key="a\x7fb\u009bc", client="d\u009b31m", result="é")
    code, out, err = audit("show", write("odd", chain([BEGIN, odd])[0]))
    equal((code, err), (0, ""))
    equal([cell for cell in re.split("  +", out.splitlines()[2])][3:8:2], ["d\\xc2\\x9b31m", "a\\x7fb\\xc2\\x9bc", "é"])


@test
def a_long_log_is_shown_whole():
    log = write("long", chain([BEGIN] + [request(1)] * 1000)[0])
    code, out, err = audit("show", log)
    equal((code, err, len(out.splitlines())), (0, "", 1002))
    equal(len({line.index("issuer") for line in out.splitlines() if "issuer" in line}), 1)


@test
def the_daemons_own_log_is_found_by_its_configuration():
    with Audited("workers = 1") as t:
        t.start()
        equal(t.ask("POST", "/v1/keys/es256/sign", {"digest": "A" * 43})[0], 200)
        equal(t.ask("POST", "/v1/keys/rs256/sign", {"input": "AA", "alg": "ES256"})[0], 409)
        equal(shown("--config", t.conf), [1, 2, 3])
        equal(shown("--config", t.conf, "--refused", "--since", "1h"), [3])
        equal(t.stop(), 0)


if __name__ == "__main__":
    main()
