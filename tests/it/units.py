#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The units and their companions, with systemd's own tools; no systemd runs."""
import os, re, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import BUILD, JWK11D, Trial, equal, main, test

DATA = os.path.join(os.environ.get("srcdir", "."), "data")
SERVICE = os.path.join(BUILD, "data", "systemd", "jwk11d.service")
DROP_INS = ("tpm", "pcscd", "nethsm", "pin")
NOBODY = 65534


def run(*args, check=True, **more):
    done = subprocess.run(args, capture_output=True, text=True, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{args}: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done


class Units:
    """A folder of units as they would be installed, with some of the drop-ins."""

    def __init__(self, *drop_ins):
        self.drop_ins = drop_ins

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="jwk11-units-")
        for name in ("jwk11d.socket", "jwk11d-public.socket"):
            shutil.copy(os.path.join(DATA, "systemd", name), self.dir)
        with open(SERVICE) as f:
            text = f.read()
        self.service = os.path.join(self.dir, "jwk11d.service")
        with open(self.service, "w") as f:  # verify wants to see the program
            f.write(re.sub("^ExecStart=.*", "ExecStart=" + os.path.abspath(JWK11D), text, flags=re.M))
        os.mkdir(self.service + ".d")
        for name in self.drop_ins:
            shutil.copy(os.path.join(DATA, "systemd", name + ".conf"), self.service + ".d")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)


def settings(path):
    """Name to list of values, in order."""
    found = {}
    with open(path) as f:
        for name, value in re.findall(r"^(\w+)=(.*)$", f.read(), re.M):
            found.setdefault(name, []).append(value)
    return found


def exposure(*drop_ins):
    with Units(*drop_ins) as units:
        said = run("systemd-analyze", "security", "--offline=yes", units.service).stdout
        return float(re.search(r"Overall exposure level for jwk11d.service: ([0-9.]+)", said).group(1)), said


@test
def exposure_is_at_most_1_0_for_local_tokens_and_1_5_for_network_hsms():
    for drop_ins, most in (((), 1.0), (("pin",), 1.0), (("tpm",), 1.0), (("pcscd",), 1.0), (("tpm", "pcscd", "pin"), 1.0), (("nethsm", "pin"), 1.5)):
        score, said = exposure(*drop_ins)
        print(f"# {' '.join(('jwk11d.service', *drop_ins))}: {score}")
        if not 0 < score <= most:
            raise AssertionError(said)


@test
def systemd_finds_no_fault_with_the_units():
    for drop_ins in ((), DROP_INS):
        with Units(*drop_ins) as units:
            names = ["jwk11d.service", "jwk11d.socket", "jwk11d-public.socket"]
            done = run("systemd-analyze", "verify", "--man=no", *(os.path.join(units.dir, name) for name in names),
                       env={**os.environ, "SYSTEMD_UNIT_PATH": units.dir + ":"})
            equal([line for line in (done.stdout + done.stderr).splitlines() if "jwk11d" in line], [], drop_ins)
    with Units() as units:  # it would see one
        with open(units.service, "a") as f:
            f.write("[Service]\nNoNewPrivilegs=yes\n")
        done = run("systemd-analyze", "verify", "--man=no", units.service, check=False, env={**os.environ, "SYSTEMD_UNIT_PATH": units.dir + ":"})
        equal("NoNewPrivilegs" in done.stderr, True, done.stderr)


@test
def a_rotation_is_as_confined_as_the_broker_and_by_the_same_user():
    with tempfile.TemporaryDirectory() as folder:
        names = [shutil.copy(path, os.path.join(folder, name)) for path, name in ((os.path.join(BUILD, "data", "systemd", "jwk11-rotate@.service"), "jwk11-rotate@issuer.service"),
                                                                                  (os.path.join(DATA, "systemd", "jwk11-rotate@.timer"), "jwk11-rotate@issuer.timer"))]
        program = settings(names[0])["ExecStart"][0].split()[0]
        with open(names[0]) as f:
            text = f.read()
        with open(names[0], "w") as f:  # a program that is there
            f.write(text.replace(program, "/bin/true"))
        done = run("systemd-analyze", "verify", "--man=no", *names, env={**os.environ, "SYSTEMD_UNIT_PATH": folder + ":"})
        equal([line for line in (done.stdout + done.stderr).splitlines() if "jwk11" in line], [])
        said = run("systemd-analyze", "security", "--offline=yes", names[0]).stdout
        score = float(re.search(r"exposure level for \S+: ([\d.]+)", said)[1])
        if not 0 < score <= 1.0:
            raise AssertionError(said)
        mine, broker = settings(names[0]), settings(SERVICE)
        equal((mine["User"], mine["StateDirectory"], mine["DynamicUser"]), (["jwk11d"], broker["StateDirectory"], broker["DynamicUser"]))


@test
def a_token_is_kept_by_a_service_that_may_ask_the_broker_and_nothing_else():
    with tempfile.TemporaryDirectory() as folder:
        name = shutil.copy(os.path.join(BUILD, "data", "systemd", "jwk11-token@.service"), os.path.join(folder, "jwk11-token@aws.service"))
        unit = settings(name)
        with open(name) as f:
            text = f.read()
        with open(name, "w") as f:  # a program that is there
            f.write(text.replace(unit["ExecStart"][0].split()[0], "/bin/true"))
        shutil.copy(os.path.join(DATA, "systemd", "jwk11d.socket"), folder)
        done = run("systemd-analyze", "verify", "--man=no", name, env={**os.environ, "SYSTEMD_UNIT_PATH": folder + ":"})
        equal([line for line in (done.stdout + done.stderr).splitlines() if "jwk11-token" in line], [])
        said = run("systemd-analyze", "security", "--offline=yes", name).stdout
        score = float(re.search(r"exposure level for \S+: ([\d.]+)", said)[1])
        if not 0 < score <= 1.0:
            raise AssertionError(said)
        equal((unit["Type"], unit["ExecReload"], unit["SupplementaryGroups"]), (["notify"], ["/bin/kill -HUP $MAINPID"], ["jwk11"]))
        words = unit["ExecStart"][0].split()
        equal((words[1:5], words[words.index("--out") + 1]), (["token", "--refresh", "--mode", "0640"], "%t/jwk11-token/%i/token"))
        equal(unit["RuntimeDirectory"], ["jwk11-token/%i"])


@test
def sockets_have_the_names_and_places_that_the_daemon_knows():
    wanted = {"jwk11d.socket": ("/run/jwk11d/api.sock", "api", "0660", "jwk11"), "jwk11d-public.socket": ("/run/jwk11d/public.sock", "public", "0666", None)}
    for name, (path, fd, mode, group) in wanted.items():
        s = settings(os.path.join(DATA, "systemd", name))
        got = tuple(s.get(key, [None])[0] for key in ("ListenStream", "FileDescriptorName", "SocketMode", "SocketGroup"))
        equal(got, (path, fd, mode, group), name)
        equal((s["Service"], s["RemoveOnStop"]), (["jwk11d.service"], ["yes"]), name)
    s = settings(SERVICE)
    equal((s["Type"], s["RestartPreventExitStatus"], s["KillMode"]), (["notify"], ["77 78"], ["mixed"]))
    equal(s["StateDirectory"], ["jwk11d"], "which is /var/lib/jwk11d, the default of state-dir")
    equal(set(os.listdir(os.path.join(DATA, "systemd"))), {"jwk11d.service.in", "jwk11-rotate@.service.in", "jwk11-rotate@.timer", "jwk11-token@.service.in", *wanted, *(name + ".conf" for name in DROP_INS)})


def expand(words):
    """System calls behind names of sets."""
    calls = set()
    for word in words:
        if word.startswith("@"):
            calls |= expand(re.findall(r"^ +([@\w-]+)$", run("systemd-analyze", "syscall-filter", word).stdout, re.M))
        else:
            calls.add(word)
    return calls


def allowed_calls():
    calls = set()
    for line in settings(SERVICE)["SystemCallFilter"]:
        if line.startswith("~"):
            calls -= expand(line[1:].split())
        else:
            calls |= expand(line.split())
    return calls


@test
def the_daemon_works_with_the_system_calls_that_its_unit_leaves_it():
    calls = allowed_calls()
    equal(("read" in calls, "mount" in calls, "capset" in calls, "seccomp" in calls), (True, False, False, True))
    with Trial() as t:
        programs = os.path.join(t.root, "programs")  # where another user finds them
        os.mkdir(programs)
        for name in ("jwk11d", "jwk11d-front", "jwk11d-worker"):
            shutil.copy(os.path.join(BUILD, name), programs)
        helper = shutil.copy(os.path.join(BUILD, "tests", "under_filter"), programs)
        names = os.path.join(t.dir, "calls")
        with open(names, "w") as f:
            f.write("\n".join(sorted(calls)) + "\n")
        command = [helper, names, os.path.join(programs, "jwk11d"), "--config", t.conf, "-v"]
        if os.getuid() == 0:
            run("chown", "-R", f"{NOBODY}:{NOBODY}", t.dir)
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
        # Nobody may trace it, which a leak checker would.
        asan = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
        t.daemon = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "ASAN_OPTIONS": asan})
        os.set_blocking(t.daemon.stderr.fileno(), False)
        t.wait_log("event=catalogue")
        for key in ("es256", "rs256", "eddsa"):
            status, _, body = t.ask("POST", f"/v1/keys/{key}/sign", {"input": "aGk"})
            equal(status, 200, body)
        with open(f"/proc/{t.daemon.pid}/status") as f:
            equal(f"Uid:\t{os.getuid() or NOBODY}\t" in f.read(), True)
        equal(t.stop(), 0)
        for word in ("landlock=none", "sandbox could not", "descriptors"):
            equal(word in t.log, False, t.log)


@test
def sysusers_and_tmpfiles_make_the_group_and_the_folder():
    root = tempfile.mkdtemp(prefix="jwk11-root-")
    as_root = [] if os.getuid() == 0 else ["unshare", "--map-root-user"]
    try:
        os.mkdir(os.path.join(root, "etc"))
        run(*as_root, "systemd-sysusers", "--root=" + root, os.path.abspath(os.path.join(DATA, "sysusers.d", "jwk11.conf")))
        with open(os.path.join(root, "etc", "group")) as f:
            equal([line.split(":")[0] for line in f], ["jwk11"])
        with open(os.path.join(root, "etc", "passwd"), "a+") as f:
            f.seek(0)
            equal(f.read(), "", "no user is made")
        for name, ident in (("passwd", "root:x:0:0::/:/bin/sh\n"), ("group", "root:x:0:\n")):
            with open(os.path.join(root, "etc", name), "a") as f:
                f.write(ident)
        run(*as_root, "systemd-tmpfiles", "--root=" + root, "--create", os.path.abspath(os.path.join(DATA, "tmpfiles.d", "jwk11.conf")))
        equal(os.stat(os.path.join(root, "run", "jwk11d")).st_mode & 0o7777, 0o755)
    finally:
        shutil.rmtree(root)


@test
def the_polkit_rule_lets_the_service_in_and_nobody_else():
    rows = [("access_pcsc", "jwk11d", "yes"), ("access_card", "jwk11d", "yes"), ("access_pcsc", "other", "undefined"), ("access_card", "root", "undefined"),
            ("access_other", "jwk11d", "undefined")]
    calls = "".join(f'print(rule({{id: "org.debian.pcsc-lite.{action}"}}, {{user: "{user}"}}));' for action, user, _ in rows)
    with open(os.path.join(DATA, "polkit", "jwk11d-pcscd.rules")) as f, tempfile.NamedTemporaryFile("w", suffix=".js") as js:
        js.write('var rule, polkit = {Result: {YES: "yes"}, addRule: function (r) { rule = r; }};\n' + f.read() + calls)
        js.flush()
        equal(run("duk", js.name).stdout.split(), [wanted for _, _, wanted in rows])


main()
