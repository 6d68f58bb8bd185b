#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What front, workers and supervisor cannot do. tests/front_probe and tests/worker_probe are the product's own objects with a hook that tries
one thing right after the sandbox is up (isolation_hook.c); this program plays their supervisor. The rest looks at the real daemon."""
import array, contextlib, ctypes, os, re, shutil, signal, socket, stat, struct, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import BUILD, Trial, equal, main, test

FRONT, WORKER, OLD_KERNEL = (os.path.join(BUILD, "tests", name) for name in ("front_probe", "worker_probe", "old_kernel"))
MODULE = os.path.join(os.path.abspath(BUILD), "tests", "mock", ".libs", "jwk11-mock.so")
CONFIG_MESSAGE = struct.pack("=IIQ", 0x4A313100 | 1, 10, 0)
CONF = "[daemon]\nrun-dir = {d}\nstate-dir = {d}/state\nmodules = {module}\n{more}"
LANDLOCK = max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))
with open(os.path.join(BUILD, "Makefile")) as f:
    SANITIZED = bool(re.search(r"^HARDEN_CFLAGS = .*-fsanitize=\S*(address|thread)", f.read(), re.M))


class Probe:
    """One front or worker that tries one thing. `said`: errno's name or "done"; `code`: how it ended, negative for a signal."""

    def __init__(self, program, word, more="", user=None, before=(), **env):
        self.dir = tempfile.mkdtemp(prefix="jwk11-probe-")
        os.chmod(self.dir, 0o711)
        os.mkdir(os.path.join(self.dir, "state"), 0o700)
        with open(os.path.join(self.dir, "script"), "w") as f:  # of the mock module
            f.write("token t1\n")
        executable, module = program, MODULE
        if user is not None:  # who may not be able to reach the build
            os.chown(os.path.join(self.dir, "state"), user, user)
            executable, module = (shutil.copy(path, self.dir) for path in (program, MODULE))
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        others = [self._listener("a"), self._listener("b")] if program == FRONT else [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[1]]
        fds = [theirs.fileno()] + [s.fileno() for s in others]

        def place():
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            os.closerange(3 + len(fds), 256)
            if user is not None:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)

        self.log = open(os.path.join(self.dir, "log"), "w+b")
        args = [executable] if program == FRONT else [executable, module, "0"]
        self.process = subprocess.Popen([*before, *args], preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env={**os.environ, "JWK11_PROBE": word, "JWK11_PROBE_PATH": "/etc/passwd", "JWK11_MOCK": os.path.join(self.dir, "script"), **env})
        theirs.close()
        for s in others:
            s.close()
        fd = os.memfd_create("conf")
        os.write(fd, CONF.format(d=self.dir, module=module, more=more.replace("$", self.dir)).encode())
        self.control.sendmsg([CONFIG_MESSAGE], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)

    def _listener(self, name):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.bind(os.path.join(self.dir, name))
        s.listen()
        return s

    def ready(self):
        """Waits for its first message. A front says READY; a worker asks for its login, has none, and says READY too."""
        data = self.control.recv(65536)
        if not data or struct.unpack_from("=IIQ", data)[1] != 13:
            raise AssertionError(f"not READY but {data!r}: {self.end().text}")
        return self

    def end(self):
        self.control.close()
        self.code = self.process.wait(20)
        self.log.seek(0)
        self.text = self.log.read().decode(errors="replace")
        self.log.close()
        said = re.search(r"^probe \S+: (\S+)$", self.text, re.M)
        self.said = said.group(1) if said else None
        shutil.rmtree(self.dir)
        return self


def tried(program, word, *args, **more):
    """How it ended for a front that went too far, else what the call gave."""
    p = Probe(program, word, *args, **more).end()
    if p.code == -signal.SIGSYS and p.said is None:
        return "killed"
    if p.said is None:
        raise AssertionError(f"{word}: exit {p.code}: {p.text}")
    return p.said


def table(program, rows, *args, **more):
    equal({word: tried(program, word, *args, **more) for word in rows}, rows)


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def limits_of(pid):
    with open(f"/proc/{pid}/limits") as f:
        return {line[:25].strip(): line[25:].split() for line in f}


NO_CAPABILITY = {name: "0000000000000000" for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def capabilities_of(pid):
    status = status_of(pid)
    return {name: status[name] for name in NO_CAPABILITY}


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="jwk11-probe-")
    os.chmod(path, 0o777)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@test
def a_front_ends_when_it_tries_anything_it_has_no_need_of():
    words = ["read", "write", "remove", "stat", "chmod", "exec", "fork", "unix", "inet", "connect", "sendto", "tcp", "ptrace", "memory", "kill-parent",
             "kill-group", "ask-parent", "kill-self", "mount", "namespace", "clone-namespace", "bpf", "keys", "kexec", "io_uring", "terminal",
             "dumpable", "code", "code-later"]
    if SANITIZED:
        p = Probe(FRONT, "read").ready().end()
        equal(("event=sandbox state=off" in p.text, p.said), (True, "done"), p.text)
        return
    table(FRONT, {word: "killed" for word in words})
    equal(tried(FRONT, "nothing"), "done", "the hook by itself does no harm")


@test
def without_its_filter_landlock_and_the_lack_of_capabilities_hold_a_front():
    if SANITIZED:
        equal(tried(FRONT, "read", JWK11_PROBE_UNFILTERED="1"), "done", "a build with sanitizers has no sandbox")
        return
    rows = {"fork": "done", "unix": "done", "mount": "EPERM"}
    if LANDLOCK >= 1:
        rows.update({"read": "EACCES", "write": "EACCES", "remove": "EACCES", "exec": "EACCES"})
    if LANDLOCK >= 4:
        rows.update({"tcp": "EACCES"})
    if LANDLOCK >= 6:
        rows.update({"kill-parent": "EPERM", "kill-self": "done"})
    table(FRONT, rows, JWK11_PROBE_UNFILTERED="1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(b"\0jwk11-probe-%d" % os.getpid())
        listener.listen()
        equal(tried(FRONT, "connect", JWK11_PROBE_UNFILTERED="1", JWK11_PROBE_ABSTRACT=f"jwk11-probe-{os.getpid()}"), "EPERM" if LANDLOCK >= 6 else "done")
    equal(tried(FRONT, "chmod", JWK11_PROBE_UNFILTERED="1", JWK11_PROBE_PATH="/nonexistent"), "ENOENT", "the filter alone hides what is there")


@test
def a_kernel_without_landlock_is_said_and_the_rest_holds():
    p = Probe(FRONT, "nothing", before=[OLD_KERNEL]).ready().end()
    equal("event=sandbox state=off" in p.text if SANITIZED else "level=warning process=front event=sandbox landlock=none" in p.text, True, p.text)
    equal(tried(FRONT, "read", before=[OLD_KERNEL]), "done" if SANITIZED else "killed")
    equal(tried(FRONT, "read", before=[OLD_KERNEL], JWK11_PROBE_UNFILTERED="1"), "done", "the helper hides Landlock")
    p = Probe(WORKER, "read", more="worker-read = /usr\n", before=[OLD_KERNEL], JWK11_PROBE_PATH=__file__).ready().end()
    equal((p.said, "ignored=\"worker-read, worker-write\"" in p.text), ("done", True), p.text)


WORKER_MAY = {word: "done" for word in ("nothing", "read", "stat", "fork", "unix", "ask-parent", "kill-self")}
WORKER_MAY_NOT = {
    "ptrace": "EPERM", "memory": "EPERM", "kill-parent": "EPERM", "kill-group": "EPERM", "mount": "EPERM", "namespace": "EPERM",
    "clone-namespace": "EPERM", "bpf": "EPERM", "keys": "EPERM", "kexec": "EPERM", "io_uring": "ENOSYS", "terminal": "EPERM", "dumpable": "EPERM",
    "dumpable-in-disguise": "EPERM", "packet": "EAFNOSUPPORT",
}
EXEC, NETWORK = {"exec": "EACCES"}, {"inet": "EAFNOSUPPORT", "inet-in-disguise": "EAFNOSUPPORT"}
CODE = {"code": "EPERM", "code-later": "EPERM"}


@test
def a_worker_is_refused_what_no_module_needs_and_goes_on():
    table(WORKER, {**WORKER_MAY, **WORKER_MAY_NOT, **EXEC, **NETWORK, **CODE})
    Probe(WORKER, "ptrace").ready().end()


@test
def worker_allow_gives_back_what_it_names_and_no_more():
    done = {"exec": None, "inet": "done", "inet-in-disguise": "done", "code": "done", "code-later": "done"}
    for word, gained in (("exec", EXEC), ("network", NETWORK), ("code", CODE)):
        rows = {"ptrace": "EPERM", "packet": "EAFNOSUPPORT", **EXEC, **NETWORK, **CODE, **{name: done[name] for name in gained}}
        if word == "exec":  # /bin/true takes the worker's place
            del rows["exec"]
            p = Probe(WORKER, "exec", more="worker-allow = exec\n").end()
            equal((p.code, p.said), (0, None), p.text)
        table(WORKER, rows, f"worker-allow = {word}\n")
    p = Probe(WORKER, "kill-parent", more="worker-allow = all\n").ready().end()
    equal((p.said, 'event=sandbox filter=none why="worker-allow = all"' in p.text), ("done", True), p.text)


@test
def worker_read_and_worker_write_are_all_that_is_left():
    if LANDLOCK == 0:
        raise AssertionError("this kernel has no Landlock: run the tests on one that has")
    with folder() as d:
        inside, outside = (os.path.join(d, name) for name in ("in", "out"))
        for name in (inside, outside):
            os.mkdir(name)
            os.chmod(name, 0o777)
            with open(os.path.join(name, "file"), "w") as f:
                f.write("x")
        rows = [
            ("", "read", outside, "done"), ("", "write", outside, "done"),
            (f"worker-write = {inside}", "write", inside, "done"), (f"worker-write = {inside}", "write", outside, "EACCES"),
            (f"worker-write = {inside}", "remove", outside, "EACCES"), (f"worker-write = {inside}", "read", outside, "done"),
            (f"worker-read = {inside}", "read", inside, "done"), (f"worker-read = {inside}", "read", outside, "EACCES"),
            (f"worker-read = {inside}", "write", outside, "done"),
            (f"worker-read = {inside}\nworker-write = /nonexistent", "write", inside, "EACCES"),
            (f"worker-read = /nonexistent\nworker-write = {inside}", "read", inside, "done"),
            (f"worker-read = /nonexistent\n[token t]\nuri = pkcs11:token=t\npin-file = {outside}/pin", "read", outside, "done"),
            (f"worker-read = {inside}\nworker-write = {inside}", "remove", inside, "done"),
        ]
        for more, word, where, wanted in rows:
            equal(tried(WORKER, word, more + "\n", JWK11_PROBE_PATH=where + "/file"), wanted, f"{more}: {word} {where}")
        # The module, its libraries, the state directory and the configuration still come.
        Probe(WORKER, "nothing", more=f"worker-read = {os.path.abspath(BUILD)}, $\nworker-write = /nonexistent\n").ready().end()


@test
def nobody_can_look_into_a_process_of_the_daemon():
    user = 65534 if os.getuid() == 0 else None
    for program in (FRONT, WORKER):
        p = Probe(program, "nothing", user=user).ready()
        pid = p.process.pid
        equal(os.stat(f"/proc/{pid}/environ").st_uid, 0, "not dumpable: its /proc belongs to root")
        equal(limits_of(pid)["Max core file size"][:2], ["0", "0"])
        equal(status_of(pid)["NoNewPrivs"], "1")
        equal(capabilities_of(pid)["CapEff"], "0000000000000000")
        equal(p.end().code, 0, p.text)


@test
def no_process_of_the_daemon_has_a_capability_or_goes_unfiltered():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        names = {}
        for pid in t.children():
            status, limits = status_of(pid), limits_of(pid)
            name = status["Name"]
            names[name] = names.get(name, 0) + 1
            free = SANITIZED and name != "jwk11d-worker"
            if not free:
                equal(capabilities_of(pid), {**NO_CAPABILITY, **({} if os.getuid() == 0 else {"CapBnd": status["CapBnd"]})}, name)
                equal(status["Seccomp"], "2", name)
            equal((status["NoNewPrivs"], limits["Max core file size"][:2]), ("1", ["0", "0"]), name)
        equal((names["jwk11d"], names["jwk11d-front"], names["jwk11d-worker"] >= 1), (1, 1, True))
        if not SANITIZED:
            filters = {status_of(pid)["Name"]: status_of(pid)["Seccomp_filters"] for pid in t.children()}
            equal(filters, {"jwk11d": "1", "jwk11d-front": "2", "jwk11d-worker": "2"}, "the supervisor's filter is over its children's own")


@test
def the_hook_is_in_no_program_that_is_installed():
    for name in ("jwk11d", "jwk11d-front", "jwk11d-worker"):
        with open(os.path.join(BUILD, name), "rb") as f:
            equal(b"JWK11_PROBE" in f.read(), False, name)
    with open(FRONT, "rb") as f:
        equal(b"JWK11_PROBE" in f.read(), True, "it is in the probe")


main()
