#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Types the commands of README's "Five minutes" into a terminal, one after the other, and compares what appears with picture.txt. What is another each time
(keys, signatures, times) stands in the picture as a word in capitals. `--record` writes the picture anew, to be read before it is committed. Prints TAP."""
import difflib, os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from trial import BUILD, Connection, equal, main, test

TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PICTURE = os.path.join(HERE, "picture.txt")
WORDS = (  # the longest first
    (r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", "JWT"),
    (r"eyJ[A-Za-z0-9_-]+", "BASE64URL"),
    (r"\b[0-9a-f]{64}\b", "SHA256"),
    (r"\b([0-9a-f]{32}|[0-9a-f]{16})\b", "ID"),
    (r"\([A-Za-z0-9_-]{20}…\)", "(KID…)"),
    (r"\S*/etc/jwk11/", "/etc/jwk11/"),
    (r"\buid \d+ \([^)]*\), gid \d+", "uid UID (USER), gid GID"),
    (r"\buid \d+", "uid UID"),
    (r"\d+ records, 1 to \d+", "N records, 1 to N"),
    (r"\d+ records, whole", "N records, whole"),
    (r"^(ok|warn|error) +(modules|clock|service|devices?) .*\n", ""),  # what the machine is like, not the trial
    (r"^0 errors, \d+ warnings", "0 errors, N warnings"),
    (r"^jwk11_\w+_bucket.*\n", ""),
    (r"^record \d+", "record N"),
    (r"\d+/s$", "RATE/s"),
    (r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{64,}(?![A-Za-z0-9_-])", "BASE64URL"),
    (r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])", "KID"),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME"),
    (r'"(iat|exp|nbf)":\d{10}', r'"\1":SECONDS'),
    (r"\bpid \d+", "pid PID"),
    (r"^\[1\] \d+$", "[1] PID"),
    (r"^(jwk11_\S+) [0-9.e+-]+$", r"\1 NUMBER"),
    (r"\b\d+(\.\d+)? (ms|us|µs)\b", "DURATION"),
)


def commands():
    """The lines of the first block under "## Five minutes"; one that ends with a backslash goes on."""
    with open(os.path.join(TOP, "README.md")) as f:
        block = f.read().split("## Five minutes\n")[1].split("```")[1]
    return [line for line in block.replace("\\\n", "").splitlines() if line.strip()]


class Terminal:
    """A shell in a tmux of its own. Each prompt wakes whoever waits: nothing here looks again and again."""

    def __init__(self, home):
        self.home, self.seen = home, 0
        os.symlink(os.path.abspath(BUILD), os.path.join(home, "build"))
        env = {"HOME": home, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "screen", "TMUX_TMPDIR": home, "HISTFILE": "/dev/null",
               "PROMPT_COMMAND": "tmux wait-for -S prompt", **{k: v for k, v in os.environ.items() if k.startswith(("ASAN", "LSAN", "UBSAN", "TSAN"))}}
        self.env = env
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "50", "-c", home, "PS1='$ ' bash --noprofile --norc", ";", "set-option", "history-limit", "20000")
        self.wait()
        self.shown()

    def tmux(self, *arguments):
        return subprocess.run(["tmux", *arguments], env=self.env, check=True, capture_output=True, text=True, timeout=60).stdout

    def wait(self):
        self.tmux("wait-for", "prompt")

    def type(self, line):
        """What the terminal shows of one command: its line, and all that came up to the next prompt."""
        self.tmux("send-keys", "-l", "--", line)
        self.tmux("send-keys", "Enter")
        self.wait()
        shown = self.shown()
        rows, self.seen = shown[self.seen:-1], len(shown) - 1
        if shown[-1] != "$":  # what ends without a line end has the prompt behind it, and the next command too
            rows.append(shown[-1][:-1])
        return [row.rstrip() for row in rows]

    def shown(self):
        """All rows so far, the last one with the prompt, which the shell writes just after it has said that it will."""
        for _ in range(1000):
            rows = [row.rstrip() for row in self.tmux("capture-pane", "-p", "-J", "-S", "-").rstrip("\n ").split("\n")]
            if rows[-1].endswith("$"):
                return rows
        raise AssertionError("no prompt below:\n" + "\n".join(rows[-20:]))

    def close(self):
        subprocess.run(["tmux", "kill-server"], env=self.env, capture_output=True, check=False)


def plain(rows, home):
    text = "\n".join(rows).replace(home, "~")
    for pattern, word in WORDS:
        text = re.sub(pattern, word, text, flags=re.M)
    text = re.sub(r"\n\n+", "\n", text)  # in the picture a blank line parts commands
    return re.sub(r" +$", "", re.sub(r"(?<=\S) {2,}(?=\S)", "  ", text), flags=re.M)


def serves(home):
    """The broker is started in the background; its answers are the clock."""
    for _ in range(20000):
        try:
            c = Connection(os.path.join(home, "trial", "run", "api.sock"))
            c.request("GET", "/readyz")
            if c.getresponse().status == 200:
                return
        except OSError:
            continue
    raise AssertionError("the broker was not ready; its log:\n" + open(os.path.join(home, "trial", "log")).read())


def tour():
    home = tempfile.mkdtemp(prefix="tour-")
    terminal = Terminal(home)
    try:
        for line in commands():
            rows = terminal.type(line)
            yield line, plain([re.sub(r"^.*\$ (?=curl|kill)", "$ ", rows[0]), *rows[1:]], home)
            if " &" in line.split("#")[0]:
                serves(home)
        terminal.type("kill %1; wait")
    finally:
        terminal.close()
        shutil.rmtree(home)


@test
def the_readmes_five_minutes_look_as_the_picture_says():
    with open(PICTURE) as f:
        wanted = f.read().split("\n\n")
    shown = [text for _, text in tour()]
    for old, new in zip(wanted, shown):
        if new != old.rstrip("\n"):
            raise AssertionError("\n" + "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), "picture", "shown", lineterm="")))
    equal(len(shown), len(wanted))


if "--record" in sys.argv:
    with open(PICTURE, "w") as out:
        out.write("\n\n".join(text for _, text in tour()) + "\n")
else:
    main()
