#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A PIN that a person types: `jwk11 --offline --ask-pin` on a terminal, against the mock token."""
import os, signal, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mock_token import Mock
from terminal import Terminal, command, environment
from trial import JWK11, equal, main, test

LOGIN = "flags TOKEN_INITIALIZED USER_PIN_INITIALIZED LOGIN_REQUIRED"


def wrong_pin():
    return os.urandom(8).hex()


@test
def a_pin_is_asked_for_without_echo_and_sent_once():
    with Mock(token="pin 473816\n" + LOGIN) as t:
        p = Terminal(t)
        p.wait_prompt()
        equal(p.echoes(), False, "echo while it is typed")
        p.type(b"473816\n")
        code, out = p.end()
        equal(code, 0, p.seen)
        equal([line.split()[0] for line in out.splitlines()[1:]], ["k"])
        equal(b"473816" in p.seen, False, p.seen)
        equal(p.echoes(), True, "echo afterwards")
        equal((t.count("C_Login"), t.count("pin:t1")), (1, 0))


@test
def a_wrong_pin_is_one_try_however_often_it_is_typed():
    with Mock(token="pin 473816\ntries 3") as t:
        pin = wrong_pin()
        for _ in range(3):
            p = Terminal(t)
            p.wait_prompt()
            p.type(pin.encode() + b"\n")
            code, out = p.end()
            equal((code, out), (77, ""), p.seen)
            equal(b"PIN_REJECTED" in p.seen, True, p.seen)
            equal((pin.encode() in p.seen, p.echoes()), (False, True))
            equal((t.count("C_Login"), t.count("pin:t1")), (1, 1))


@test
def nothing_of_it_is_in_arguments_or_environment():
    with Mock(token="pin 473816\n" + LOGIN, faults="fault C_Login on 1 delay 700") as t:
        p = Terminal(t)
        p.wait_prompt()
        p.type(b"473816\n")
        while t.count("C_Login") == 0:  # it is being sent
            equal(b"473816" in p.about(), False)
        equal(b"473816" in p.about(), False)
        equal(p.end()[0], 0, p.seen)
        for folder, _, files in os.walk(t.dir):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    equal(name != "script" and b"473816" in f.read(), False, name)


@test
def a_signal_finds_the_terminal_as_it_was():
    with Mock(token="pin 473816\n" + LOGIN) as t:
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            p = Terminal(t)
            p.wait_prompt()
            equal(p.echoes(), False)
            p.type(b"4738")
            os.kill(p.pid, sig)
            equal(p.end(), (-sig, ""), p.seen)
            equal(p.echoes(), True, f"echo after {sig.name}")
        p = Terminal(t)  # one that does not end it: asked again, and what was typed before is nothing
        p.wait_prompt()
        p.type(b"47")
        os.kill(p.pid, signal.SIGTSTP)
        p.wait_prompt(2)
        p.type(b"473816\n")
        equal(p.end()[0], 0, p.seen)
        equal((t.count("C_Login"), t.count("pin:t1")), (1, 0))


@test
def the_last_try_is_used_when_a_person_says_so():
    with Mock(token="pin 473816\n" + LOGIN + " USER_PIN_FINAL_TRY") as t:
        for more, wanted, word, logins in (([], 77, b"PIN_FINAL_TRY", 0), (["--final-try"], 0, b"", 1)):
            p = Terminal(t, *more)
            p.wait_prompt()
            p.type(b"473816\n")
            equal(p.end()[0], wanted, p.seen)
            equal((word in p.seen, t.count("C_Login")), (True, logins), p.seen)
    with Mock(token="pin 473816\n" + LOGIN + " USER_PIN_LOCKED") as t:
        p = Terminal(t, "--final-try")
        p.wait_prompt()
        p.type(b"473816\n")
        equal((p.end()[0], b"PIN_LOCKED" in p.seen, t.count("C_Login")), (77, True, 0), p.seen)


@test
def what_is_no_pin_is_not_sent():
    with Mock(token="pin 473816\n" + LOGIN) as t:
        for typed, word in ((b"\n", b"PIN_MISSING"), (b"\x04", b"PIN_MISSING"), (b"1" * 1025 + b"\n", b"LIMIT")):
            p = Terminal(t)
            p.wait_prompt()
            p.type(typed)
            code, out = p.end()
            equal((code == 0, out, word in p.seen), (False, "", True), p.seen)
        r = subprocess.run(command(t, "--ask-pin"), input=b"473816\n", capture_output=True, env=environment(t), start_new_session=True)
        equal((r.returncode, b"there is no terminal" in r.stderr), (77, True), r.stderr)
        for more in (["--ask-pin", "--pin-file", os.path.join(t.dir, "pin")], ["--final-try"]):
            equal(subprocess.run(command(t, *more), capture_output=True, env=environment(t)).returncode, 64, more)
        equal(subprocess.run([JWK11, "list", "--ask-pin"], capture_output=True).returncode, 64, "only with --offline")
        equal(t.count("C_Login"), 0)


if __name__ == "__main__":
    main()
