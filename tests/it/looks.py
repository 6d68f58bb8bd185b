#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a terminal shows: colour and width there only, never more than the plain text says, and as NO_COLOR, TERM and COLUMNS want it."""
import fcntl, os, pty, re, struct, subprocess, sys, termios

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, Trial, equal, main, test

ESCAPE = re.compile("\033\\[[0-9;]*m")


def on_terminal(t, *args, columns=200, **env):
    """What appears on a terminal that is so wide, as lines; None among the variables takes one away."""
    inside, outside = pty.openpty()[::-1]
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    wanted = {**os.environ, "TERM": "xterm", "NO_COLOR": None, "COLUMNS": None, **env}
    p = subprocess.Popen([JWK11, "--config", t.conf, *args], stdin=subprocess.DEVNULL, stdout=inside, stderr=subprocess.PIPE,
                         env={name: value for name, value in wanted.items() if value is not None})
    os.close(inside)
    seen = b""
    try:
        while chunk := os.read(outside, 4096):
            seen += chunk
    except OSError:  # the other side has closed it
        pass
    os.close(outside)
    said = p.stderr.read().decode()
    p.stderr.close()
    equal((p.wait(30) in (0, 1), said), (True, ""))
    return seen.decode().replace("\r\n", "\n").splitlines()


def piped(t, *args, **env):
    return subprocess.run([JWK11, "--config", t.conf, *args], capture_output=True, text=True, env={**os.environ, **env}, timeout=60).stdout.splitlines()


def trial():
    t = Trial()
    t.change("[key es256]", "[key gone]\nuri = pkcs11:token=trial;object=gone\n[key es256]")
    return t


@test
def colour_repeats_what_the_words_say():
    with trial() as t:
        t.start()
        plain, seen = piped(t, "list"), on_terminal(t, "list")
        equal([ESCAPE.sub("", line) for line in seen], plain)
        equal(all(part.startswith("\033[1m") for part in re.split(r"(?<=\033\[0m) +", seen[0])[:-1]), True, seen[0])
        for line in seen[1:]:
            equal(re.findall("\033\\[([0-9;]+)m(.*?)\033\\[0m", line), [("1;31", "missing")] if "gone" in line else [("32", "active")], line)
        findings = on_terminal(t, "doctor")
        equal([ESCAPE.sub("", line) for line in findings], piped(t, "doctor"))
        for line in findings[:-1]:
            word = ESCAPE.sub("", line).split()[0]
            equal(re.findall("\033\\[([0-9;]+)m(.*?)\033\\[0m", line), [({"ok": "32", "warn": "33", "error": "1;31"}[word], word.ljust(5))], line)


@test
def no_colour_without_a_terminal_or_against_the_wish_of_its_owner():
    with trial() as t:
        t.start()
        equal("\033" in "".join(piped(t, "list", TERM="xterm", COLUMNS="30")), False)
        for env in ({"NO_COLOR": "1"}, {"NO_COLOR": "0"}, {"TERM": "dumb"}, {"TERM": None}, {"TERM": ""}):
            equal(on_terminal(t, "list", **env), piped(t, "list"), env)
            equal("\033" in "".join(on_terminal(t, "doctor", **env)), False, env)
        equal("\033" in "".join(on_terminal(t, "list", NO_COLOR="")), True, "empty is not set")
        equal(on_terminal(t, "list", "--json"), piped(t, "list", "--json"), "a document is for programs")


@test
def no_line_is_wider_than_the_terminal_and_nothing_is_cut_without_one():
    with trial() as t:
        t.start()
        for columns, env in ((80, {}), (200, {"COLUMNS": "80"})):
            seen = on_terminal(t, "list", columns=columns, NO_COLOR="1", **env)
            equal(max(map(len, seen)) <= 80 and any("…" in line for line in seen), True, seen)
            equal("no (missing)" in " ".join(" ".join(seen).split()), True, "the last column is not cut")
        for env in ({"COLUMNS": "wide"}, {"COLUMNS": "-3"}, {"COLUMNS": ""}, {"COLUMNS": "0"}):
            equal(max(map(len, on_terminal(t, "list", columns=80, NO_COLOR="1", **env))) <= 80, True, env)
        equal(any("…" in line for line in piped(t, "list", COLUMNS="40")), False)
        findings = on_terminal(t, "doctor", columns=60, NO_COLOR="1")
        plain = piped(t, "doctor")
        equal(len(findings) > len(plain), True, findings)
        words = [word for line in findings for word in line.split()]
        equal(words, [word for line in plain for word in line.split()], "every word is there")
        more = [line for line in findings if line.startswith(" " * 17)]
        equal(len(more) > 0 and all(len(line) <= 60 or max(map(len, line.split())) > 43 for line in findings), True, findings)


@test
def the_narrowest_terminal_still_gets_every_row():
    with trial() as t:
        t.start()
        seen = on_terminal(t, "list", columns=1, NO_COLOR="1")
        equal([line.split()[0] for line in seen if not line.startswith(" ")], [line.split()[0] for line in piped(t, "list")])


main()
