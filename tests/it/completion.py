#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Completions in bash, zsh and fish as they are: verbs, options and files, keys by the names they have just now, and silence when nobody answers."""
import os, pty, select, shutil, socket, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, Trial, equal, main, test

DATA = os.path.abspath(os.path.join(os.environ.get("srcdir", "."), "data", "completions"))
KEYS = ["eddsa", "es256", "rs256"]


class Shells:
    """A folder with the program on the PATH, the zsh function where zsh looks, and a file with a blank in its name."""

    def __init__(self, t, sock=None):
        self.dir = os.path.join(t.root, "shells")
        if not os.path.exists(self.dir):
            os.mkdir(self.dir)
            shutil.copy(os.path.join(DATA, "_jwk11"), self.dir)
            os.symlink(os.path.abspath(JWK11), os.path.join(self.dir, "jwk11"))
            for name in ("claims file.json", "claims.jwk"):
                open(os.path.join(self.dir, name), "w").close()
            os.mkdir(os.path.join(self.dir, "clothes"))
        self.env = {**os.environ, "PATH": self.dir + ":" + os.environ["PATH"], "JWK11_SOCKET": sock or t.api, "HOME": self.dir, "TERM": "xterm", "XDG_CONFIG_HOME": self.dir,
                    "XDG_DATA_HOME": self.dir, "XDG_CACHE_HOME": self.dir}

    def run(self, *command):
        p = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.env, cwd=self.dir, timeout=60)
        equal((p.returncode, p.stderr), (0, ""), command)
        return p.stdout

    def bash(self, *words):
        script = f'source {DATA}/jwk11; complete -p jwk11 >/dev/null; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _jwk11 jwk11 "${{@: -1}}"; ((${{#COMPREPLY[@]}})) && printf "%s\\n" "${{COMPREPLY[@]}}"; true'
        return sorted(self.run("bash", "--norc", "-c", script, "bash", "jwk11", *words).splitlines())

    def fish(self, line):
        return sorted(row.partition("\t")[0] for row in self.run("fish", "-N", "-c", f'source {DATA}/jwk11.fish; complete -C "$argv[1]"', line).splitlines())

    def zsh(self, *lines):
        """What becomes of each line when Tab is pressed behind it, in a shell with a terminal of its own."""
        tell = os.path.join(self.dir, "tell")
        if os.path.exists(tell):
            os.unlink(tell)
        os.mkfifo(tell)
        out = os.open(tell, os.O_RDWR | os.O_NONBLOCK)
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                os.chdir(self.dir)
                os.execvpe("zsh", ["zsh", "-f", "-i"], {**self.env, "PS1": "", "PROMPT": ""})
            finally:
                os._exit(127)
        try:
            setup = (f"fpath=({self.dir} $fpath); autoload -U compinit; compinit -u -D; zstyle ':completion:*' verbose no; setopt no_list_beep list_rows_first; "
                     f"tell() {{ print -r -- \"$BUFFER\" > {tell}; BUFFER= }}; zle -N tell; bindkey '^X' tell; print ready > {tell}\n")
            os.write(terminal, setup.encode())
            self.read_line(terminal, out)
            got = []
            for line in lines:
                os.write(terminal, line.encode() + b"\t\x18")
                got.append(self.read_line(terminal, out))
            return got
        finally:
            os.close(terminal)
            os.close(out)
            os.waitpid(pid, 0)

    @staticmethod
    def read_line(terminal, out):
        text, seen, end = b"", b"", time.monotonic() + 30
        while not text.endswith(b"\n"):
            ready = select.select([terminal, out], [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                raise AssertionError(f"zsh says nothing; its terminal shows {seen[-2000:]!r}")
            if terminal in ready:
                seen += os.read(terminal, 4096)
            if out in ready:
                text += os.read(out, 4096)
        return text.decode().rstrip("\n")


def verbs():
    p = subprocess.run([JWK11, "--help"], capture_output=True, text=True)
    return [line.split()[0] for line in p.stdout.splitlines() if line.startswith("  ") and line[2].isalpha()]


def options(verb):
    p = subprocess.run([JWK11, verb, "--help"], capture_output=True, text=True).stdout + subprocess.run([JWK11, "--help"], capture_output=True, text=True).stdout
    return sorted("--" + line.partition("--")[2].split()[0] for line in p.splitlines() if line.startswith(("  --", "  -")) and "--" in line)


def asked(t, *words, sock=None):
    p = subprocess.run([JWK11, "complete", "--", *words], capture_output=True, text=True, env={**os.environ, "JWK11_SOCKET": sock or t.api}, timeout=60)
    equal((p.returncode, p.stderr), (0, ""))
    return sorted(line.partition("\t")[0] for line in p.stdout.splitlines())


@test
def each_verb_and_option_is_offered_and_keys_by_name():
    with Trial() as t:
        t.start()
        equal(asked(t, ""), sorted(verbs() + ["help"]))
        equal(asked(t), sorted(verbs() + ["help"]))
        for verb in verbs():
            equal(asked(t, verb, "--"), options(verb), verb)
        equal(asked(t, "help", "tok"), ["token", "tokens"])
        equal((asked(t, "jwt", ""), asked(t, "jwt", "es"), asked(t, "jwks", "es256", "r")), (KEYS, ["es256"], ["rs256"]))
        equal(asked(t, "jwt", "--ttl", "5m", "--json", "e"), ["eddsa", "es256"], "values and flags are passed over")
        equal(asked(t, "jwt", "--ttl", "=", "5m", "es"), ["es256"], "as bash takes it apart")
        equal((asked(t, "--socket", t.api, "jwt", "es", sock="/nowhere"), asked(t, "--config", t.conf, "jwt", "es", sock="")), (["es256"], ["es256"]))
        equal((asked(t, "jws", "--also", "r"), asked(t, "jws", "rs256", ""), asked(t, "jwt", "-o", ""), asked(t, "publish", "--dir", "")),
              (["rs256"], [":files"], [":files"], [":dirs"]))
        equal((asked(t, "login", ""), asked(t, "audit", ""), asked(t, "audit", "show", "")), (["trial"], ["checkpoint", "show", "verify"], [":files"]))
        equal((asked(t, "cert", ""), asked(t, "cert", "list", ""), asked(t, "cert", "export", "ed")), (["export", "list"], KEYS, ["eddsa"]))
        equal((asked(t, "audit", "sho", ""), asked(t, "cert", "es", "")), ([], []), "words that there are not")
        equal((asked(t, "nonsense", ""), asked(t, "whoami", ""), asked(t, "jwt", "--claim", ""), asked(t, "jwt", "--", "--")), ([], [], [], []))
        equal(asked(t, "--config", t.conf, "rotate", "rs"), ["rs256"], "of the configuration")


@test
def nobody_waits_for_a_broker_that_is_away_or_says_nothing():
    with Trial() as t:
        equal((asked(t, "jwt", ""), asked(t, "login", ""), asked(t, "j")), ([], [], ["jwks", "jws", "jwt"]))
        equal(asked(t, "--config", t.conf, "jwt", ""), KEYS, "the configuration still knows them")
        mute = os.path.join(t.root, "mute")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(mute)
            s.listen(4)  # takes the question and never answers
            equal(asked(t, "jwt", "", sock=mute), [])
        shells = Shells(t)
        equal((shells.bash("jwt", ""), shells.fish("jwk11 login "), shells.zsh("jwk11 jwt es")), ([], [], ["jwk11 jwt es"]))


@test
def bash_completes():
    with Trial() as t:
        t.start()
        s = Shells(t)
        equal((s.bash("whoa"), s.bash("jwt", "es"), s.bash("jwt", "")), (["whoami"], ["es256"], KEYS))
        equal((s.bash("jwt", "--tt"), s.bash("jwt", "-o", "cl"), s.bash("publish", "--dir", "cl")), (["--ttl"], ["claims file.json", "claims.jwk", "clothes"], ["clothes"]))
        equal(s.bash("jwt", "--output", "="), sorted(os.listdir(s.dir)))
        t.change("[key es256]", "[key other]\nuri = pkcs11:token=trial;object=es256\n[key es256]")
        t.stop()
        t.start()
        equal(s.bash("jwt", "ot"), ["other"], "a new name is there at once")


@test
def zsh_completes():
    with Trial() as t:
        t.start()
        got = Shells(t).zsh("jwk11 whoa", "jwk11 jwt es", "jwk11 jwt es256 --tt", "jwk11 jwt -o clai", "jwk11 publish --dir cl", "jwk11 jwt --ttl 5m ed")
        equal(got, ["jwk11 whoami ", "jwk11 jwt es256 ", "jwk11 jwt es256 --ttl ", "jwk11 jwt -o claims", "jwk11 publish --dir clothes/", "jwk11 jwt --ttl 5m eddsa "])


@test
def fish_completes():
    with Trial() as t:
        t.start()
        s = Shells(t)
        equal((s.fish("jwk11 whoa"), s.fish("jwk11 jwt es"), s.fish("jwk11 jwt ")), (["whoami"], ["es256"], KEYS))
        equal((s.fish("jwk11 jwt --tt"), s.fish("jwk11 jwt -o claims."), s.fish("jwk11 publish --dir cl")), (["--ttl"], ["claims.jwk"], ["clothes/"]))


main()
