#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon under a service manager, played by this program: sockets handed over, what it is told by notification, reload, watchdog, end."""
import json, os, re, select, shutil, signal, socket, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mock_token import HELLO, MODULE, Mock, in_thread, wait_for
from trial import JWK11D, Connection, equal, main, test

READY, STOPPING = "READY=1", ["STOPPING=1", "STATUS=stopping: finishing what is under way"]
WELL = "STATUS=1 of 1 tokens ready"
WATCHED = "2000000"  # asked four times in it, and killed when silent for half of it: more than a loaded machine takes


def listener(path, kind=socket.SOCK_STREAM, listen=True):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(path)
    if listen and kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


class Managed(Mock):
    """As Mock, with a NOTIFY_SOCKET that keeps what it gets."""

    def __init__(self, *args, abstract=False, **more):
        super().__init__(*args, **more)
        self.address = f"@jwk11-test-{os.getpid()}" if abstract else os.path.join(self.dir, "notify")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(self.address.replace("@", "\0", 1) if abstract else self.address)
        self.manager.settimeout(20)
        self.program = JWK11D

    def __exit__(self, *args):
        super().__exit__(*args)
        self.manager.close()

    def start(self, until="event=catalogue", sockets=(), names=None, fds=None, pid="$$", **env):
        """`sockets` become 3, 4 …, named as systemd would; the shell's own process becomes the daemon."""
        sockets = list(sockets)

        def place():
            high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(sockets)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
                os.close(fd)
            os.closerange(3 + len(sockets), 256)
            if "EXTRA" in env:
                os.dup2(2, 9)

        activation = f"LISTEN_PID={pid} LISTEN_FDS={len(sockets) if fds is None else fds}" if sockets or fds is not None else ""
        if names is not None:
            activation += f" LISTEN_FDNAMES={names}"
        script = f'{activation} exec "$@"'
        self.daemon = subprocess.Popen(["/bin/sh", "-c", script, "sh", self.program, "--config", self.conf, "-v"], stderr=subprocess.PIPE, preexec_fn=place,
                                       close_fds=False, env={**os.environ, "NOTIFY_SOCKET": self.address, **env})
        os.set_blocking(self.daemon.stderr.fileno(), False)
        if until is not None:
            self.wait_log(until)
        return self

    def next(self):
        return self.manager.recv(4096).decode()

    def until(self, wanted):
        """What is told up to and with this message."""
        told = []
        while wanted not in told:
            told.append(self.next())
        return told

    def rest(self):
        """What was told and not read yet."""
        told = []
        while select.select([self.manager], [], [], 0)[0]:
            told.append(self.next())
        return told

    def refused(self, code, *words, **start):
        """It must not start."""
        self.start(until=None, **start)
        os.set_blocking(self.daemon.stderr.fileno(), True)
        text = self.daemon.stderr.read().decode()
        self.daemon.stderr.close()
        equal(self.daemon.wait(30), code, text)
        self.daemon = None
        for word in words:
            if word not in text:
                raise AssertionError(f"no {word!r} in: {text}")
        equal([m for m in self.rest() if m == READY], [], "told ready")


def pids(t, name):
    return [p for p in t.children() if f"jwk11d-{name}" in open(f"/proc/{p}/cmdline").read()]


@test
def ready_is_told_after_the_first_look_at_the_tokens_and_stopping_at_the_end():
    for abstract in (False, True):
        with Managed(abstract=abstract) as t:
            t.start()
            equal(t.until(READY), [WELL, READY])
            equal(t.sign(), 200, "whoever starts after READY finds the keys")
            equal(t.stop(), 0)
            equal(t.rest(), STOPPING)


@test
def a_token_that_is_away_is_told_and_holds_up_nothing():
    with Managed(token="pin 1234\nabsent-while $/away") as t:
        open(t.away, "w").close()
        t.start()
        equal(t.until(READY), ["STATUS=0 of 1 tokens ready; t1: absent", READY])
        os.unlink(t.away)
        equal(t.until(WELL), [WELL])
        equal(t.stop(), 0)


@test
def many_tokens_are_told_in_few_words():
    more = "".join(f"\n[token b{i}]\nuri = pkcs11:token=b{i}" for i in range(5))
    with Managed(tokens=more) as t:
        t.start()
        equal(t.until(READY), ["STATUS=1 of 6 tokens ready; b0: absent; b1: absent; b2: absent; …", READY])


@test
def a_module_that_hangs_or_does_not_start_does_not_hold_up_the_start():
    for fault, status in (("C_Initialize every hang", "unknown"), ("C_Initialize every CKR_DEVICE_ERROR", "unknown")):
        with Managed("fault " + fault) as t:
            t.start(until="event=serving")
            equal(t.until(READY), [f"STATUS=0 of 1 tokens ready; t1: {status}", READY])
            equal(t.ask("GET", "/livez")[0], 200)
            if "hang" in fault:  # it ends only by force
                os.kill(pids(t, "worker")[0], signal.SIGKILL)


@test
def a_reload_is_over_when_every_worker_decides_by_it():
    with Managed(workers=3) as t:
        t.start()
        t.wait_count("event=ready", 3)
        t.until(READY)
        with open(t.conf) as f:
            good = f.read()
        for allow, wanted in (("jwt", (403, "OPERATION_DENIED")), ("*", 200), ("jws", (403, "OPERATION_DENIED"))):
            t.write("jwk11.conf", good.replace("allow = *", f"allow = {allow}"))
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            t.daemon.send_signal(signal.SIGHUP)
            told = t.until(READY)
            after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            equal(told[1:], [READY])
            word, number = told[0].split("\n")
            equal(word, "RELOADING=1")
            usec = int(number.removeprefix("MONOTONIC_USEC="))
            equal(before <= usec <= after, True, number)
            equal([t.sign() for _ in range(12)], [wanted] * 12)
        equal(t.stop(), 0)
        equal(t.rest(), STOPPING)


@test
def a_bad_file_is_told_and_the_old_one_stays():
    with Managed() as t:
        t.start()
        t.until(READY)
        with open(t.conf) as f:
            good = f.read()
        t.write("jwk11.conf", good + "\n[clinet x]\n")
        line = good.count("\n") + 2
        t.daemon.send_signal(signal.SIGHUP)
        told = t.until(READY)
        equal((len(told), told[0][:12], told[2]), (3, "RELOADING=1\n", READY))
        equal(told[1], f"{WELL}; reload refused: {t.conf}:{line}: unknown section [clinet]")
        equal(t.sign(), 200)
        t.write("jwk11.conf", good)
        t.daemon.send_signal(signal.SIGHUP)
        equal(t.until(READY)[1:], [WELL, READY])


@test
def tokens_of_a_new_configuration_are_told():
    with Managed(more="token t2") as t:
        t.start()
        t.until(READY)
        with open(t.conf) as f:
            good = f.read()
        t.write("jwk11.conf", good + "\n[token t2]\nuri = pkcs11:token=t2\n[token t3]\nuri = pkcs11:token=t3\n")
        t.daemon.send_signal(signal.SIGHUP)
        equal(t.until(READY)[1:], ["STATUS=1 of 3 tokens ready; t2: pin-missing; t3: absent", READY])
        t.write("jwk11.conf", good)
        t.daemon.send_signal(signal.SIGHUP)
        equal(t.until(READY)[1:], [WELL, READY])


@test
def a_reload_does_not_wait_for_a_worker_that_stands_still():
    with Managed() as t:
        t.start()
        t.until(READY)
        worker = pids(t, "worker")[0]
        os.kill(worker, signal.SIGSTOP)
        t.daemon.send_signal(signal.SIGHUP)
        equal(t.until(READY)[1:], [f"{WELL}; 1 process still works by the old configuration", READY])
        os.kill(worker, signal.SIGCONT)
        equal(t.until(WELL), [WELL])


@test
def the_watchdog_hears_of_us_again_and_again():
    with Managed() as t:
        t.start(WATCHDOG_USEC=WATCHED)
        t.until(READY)
        for _ in range(3):
            equal(t.next(), "WATCHDOG=1")


@test
def a_module_that_hangs_does_not_silence_the_watchdog():
    with Managed("fault C_Sign every hang", timeout=2) as t:
        t.start(WATCHDOG_USEC=WATCHED)
        t.until(READY)
        first = in_thread(t.sign)
        wait_for(t, "C_Sign", 1)
        t.rest()
        for _ in range(3):
            equal(t.next(), "WATCHDOG=1")
        equal(first(), (504, "WORKER_TIMEOUT"))
        t.rest()
        if "why=silent" in t.log:
            raise AssertionError(t.log)


@test
def a_manager_that_is_busy_holds_up_nobody():
    with Managed() as t:
        t.start(WATCHDOG_USEC=WATCHED)
        t.until(READY)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            try:
                while True:  # until its queue is full
                    other.sendto(b"X", t.address)
            except BlockingIOError:
                pass
        worker = pids(t, "worker")[0]
        os.kill(worker, signal.SIGSTOP)
        t.wait_log(f"pid={worker} why=silent")
        t.wait_log("event=ready")
        equal("event=notify-failed" in t.log, False, "it waited for the manager")
        t.rest()
        equal(t.next(), "WATCHDOG=1")
        equal(t.sign(), 200)


@test
def a_worker_that_stands_still_is_replaced_and_the_watchdog_goes_on():
    with Managed(workers=2) as t:
        t.start(WATCHDOG_USEC=WATCHED)
        t.wait_count("event=ready", 2)
        t.until(READY)
        still = pids(t, "worker")[0]
        os.kill(still, signal.SIGSTOP)
        t.wait_log(f"event=killed program=jwk11d-worker module={MODULE} pid={still} why=silent")
        t.wait_count("event=ready", 3)
        t.rest()
        equal(t.next(), "WATCHDOG=1")
        equal(t.sign(), 200)
        equal(t.count("C_Login"), 3)


@test
def a_front_that_stands_still_is_replaced():
    with Managed() as t:
        t.start(WATCHDOG_USEC=WATCHED)
        t.until(READY)
        still = pids(t, "front")[0]
        os.kill(still, signal.SIGSTOP)
        t.wait_log(f"event=killed program=jwk11d-front pid={still} why=silent")
        t.wait_log("event=catalogue")
        t.rest()
        equal(t.next(), "WATCHDOG=1")
        equal(t.sign(), 200)


@test
def without_a_front_the_watchdog_is_left_to_bark():
    with Managed() as t:
        programs = os.path.join(t.dir, "programs")
        os.mkdir(programs)
        for name in ("jwk11d", "jwk11d-front", "jwk11d-worker"):
            shutil.copy(os.path.join(os.path.dirname(JWK11D), name), programs)
        t.program = os.path.join(programs, "jwk11d")
        t.start(WATCHDOG_USEC=WATCHED)
        t.until(READY)
        front = pids(t, "front")[0]
        os.unlink(os.path.join(programs, "jwk11d-front"))
        os.kill(front, signal.SIGSTOP)
        t.wait_log(f"event=killed program=jwk11d-front pid={front} why=silent")
        t.wait_log("event=start-failed")
        t.rest()  # told before; no front can be there again
        t.daemon.send_signal(signal.SIGHUP)
        equal([m for m in t.until(READY) if m == "WATCHDOG=1"], [])
        equal(t.stop(), 0)
        equal(t.rest(), STOPPING)


@test
def sockets_that_are_handed_over_are_served_and_left_as_they_were():
    with Managed() as t:
        t.api, t.public = (os.path.join(t.dir, name) for name in ("given-api", "given-public"))
        api, public = listener(t.api), listener(t.public)
        os.chmod(t.api, 0o640)
        t.start(sockets=(public, api), names="public:api")
        t.until(READY)
        equal(t.sign(), 200)
        equal(t.ask("GET", "/.well-known/jwks.json", sock=t.public)[0], 200)
        equal(t.ask("GET", "/v1/keys", sock=t.public)[0], 404, "by name, not by number")
        equal(f"api={t.api} public={t.public}" in t.log, True, t.log)
        equal(t.stop(), 0)
        equal(os.path.exists(os.path.join(t.dir, "run")), False, "nothing was made in run-dir")
        equal((os.stat(t.api).st_mode & 0o777, os.path.exists(t.public)), (0o640, True))
        # Who comes between two daemons waits for the second.
        c = Connection(t.api)
        c.request("POST", "/v1/keys/k/sign", json.dumps(HELLO), {"Content-Type": "application/json"})
        t.log = ""
        t.start(sockets=(public, api), names="public:api")
        r = c.getresponse()
        equal(r.status in (200, 503), True, r.read())
        c.close()
        equal(t.stop(), 0)
        api.close()
        public.close()


@test
def a_socket_that_is_not_handed_over_is_made():
    with Managed() as t:
        given = os.path.join(t.dir, "given")
        with listener(given) as api:
            t.start(sockets=(api,), names="api")
            t.until(READY)
            equal(t.ask("GET", "/livez", sock=given)[0], 200)
            equal(t.ask("GET", "/.well-known/jwks.json", sock=t.public)[0], 200)
            equal(os.path.exists(t.api), False)
            equal(t.stop(), 0)
            equal((os.path.exists(t.public), os.path.exists(given)), (False, True))


@test
def descriptors_that_are_wrong_are_refused_by_number_and_name():
    with Managed() as t:
        one, two, deaf = (listener(os.path.join(t.dir, name), listen=name != "deaf") for name in ("one", "two", "deaf"))
        datagram = listener(os.path.join(t.dir, "datagram"), socket.SOCK_DGRAM)
        inet = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        inet.bind(("127.0.0.1", 0))
        inet.listen()
        with open(t.conf) as file:
            rows = [
                ((one, two), "api:web", None, 'a socket was handed over as "web", and there is no [socket web]'),
                ((one, two), "api:api", None, 'descriptor 4, handed over as "api", is the second of that name'),
                ((one, two), "api", None, 'descriptor 4, handed over as "", is one too many, or has no name that a [socket] section can have'),
                ((one, two), "api:" + 65 * "n", None, "is one too many, or has no name that a [socket] section can have"),
                ((one,), None, None, 'descriptor 3, handed over as "", is one too many, or has no name'),
                ((deaf,), "api", None, 'descriptor 3, handed over as "api", does not listen'),
                ((datagram,), "public", None, 'descriptor 3, handed over as "public", is not a Unix stream socket'),
                ((inet,), "public", None, 'descriptor 3, handed over as "public", is not a Unix stream socket'),
                ((file,), "api", None, 'descriptor 3, handed over as "api", is not a Unix stream socket'),
                ((one,), "api:public", 2, 'descriptor 4, handed over as "public", is not open'),
                ((one,), "api", "x", "LISTEN_FDS=x is not a number"),
                ((one,), "api", -1, "LISTEN_FDS=-1 is not a number"),
                ((one,), "api", 65, "LISTEN_FDS=65 is not a number"),
            ]
            for sockets, names, fds, words in rows:
                t.refused(78, words, sockets=sockets, names=names, fds=fds)
        for s in (one, two, deaf, datagram, inet):
            s.close()
        equal(os.path.exists(os.path.join(t.dir, "run")), False, "nothing was made")


@test
def descriptors_for_another_process_are_not_ours():
    with Managed() as t:
        with listener(os.path.join(t.dir, "given")) as given:
            t.start(sockets=(given,), names="web", pid="1")
            t.until(READY)
            equal(t.sign(), 200, "on its own socket")


@test
def two_daemons_do_not_share_sockets_that_were_handed_over():
    with Managed() as t:
        t.api, t.public = (os.path.join(t.dir, name) for name in ("given-api", "given-public"))
        with listener(t.api) as api, listener(t.public) as public:
            t.start(sockets=(api, public), names="api:public")
            t.until(READY)
            first = t.daemon
            t.refused(69, f"another jwk11d (pid {first.pid}) has this state directory", sockets=(api, public), names="api:public")
            t.daemon = first
            equal(t.sign(), 200)
            equal(t.count("C_Login"), 1)


@test
def what_a_killed_daemon_left_behind_is_no_obstacle():
    with Managed() as t:
        for _ in range(2):
            t.start()
            t.until(READY)
            children = t.children()
            t.daemon.kill()
            t.daemon.wait()
            t.daemon.stderr.close()
            t.daemon, t.log = None, ""
            equal((os.path.exists(t.api), os.path.exists(os.path.join(t.dir, "state", "jwk11d.lock"))), (True, True))
        t.start()
        t.until(READY)
        equal(t.sign(), 200)


@test
def the_end_waits_for_what_is_under_way():
    with Managed("fault C_Sign on 1 delay 1000") as t:
        t.start()
        t.until(READY)
        slow = in_thread(lambda: Mock.sign(t))
        wait_for(t, "C_Sign", 1)
        t.daemon.send_signal(signal.SIGTERM)
        equal(t.next(), STOPPING[0])
        equal(slow(), 200)
        equal(t.stop(), 0)
        equal(t.rest(), STOPPING[1:])


@test
def a_reload_while_stopping_changes_nothing():
    with Managed("fault C_Sign on 1 delay 1000") as t:
        t.start()
        t.until(READY)
        slow = in_thread(lambda: Mock.sign(t))
        wait_for(t, "C_Sign", 1)
        t.daemon.send_signal(signal.SIGTERM)
        t.until(STOPPING[1])
        t.daemon.send_signal(signal.SIGHUP)
        equal(slow(), 200)
        equal(t.stop(), 0)
        equal(t.rest(), [])
        equal("event=reloaded" in t.log, False)


@test
def children_get_neither_the_managers_words_nor_stray_descriptors():
    with Managed() as t:
        with listener(os.path.join(t.dir, "given")) as given:
            t.start(sockets=(given,), names="api", EXTRA="1")
            t.until(READY)
            for pid in t.children():
                with open(f"/proc/{pid}/environ", "rb") as f:
                    environment = f.read().decode()
                with open(f"/proc/{pid}/comm") as f:
                    name = f.read().strip()
                if name == "jwk11d":
                    continue
                if re.search("NOTIFY_SOCKET|LISTEN_|WATCHDOG", environment):
                    raise AssertionError(f"{name}: {environment}")
                equal(os.path.exists(f"/proc/{pid}/fd/9") and os.path.samefile(f"/proc/{pid}/fd/9", f"/proc/{pid}/fd/2"), False, name)


@test
def a_pin_comes_as_a_credential():
    with Managed() as t, tempfile.TemporaryDirectory() as credentials:
        with open(t.conf) as f:
            text = f.read()
        seen = f"worker-read = {os.path.dirname(MODULE)}, {t.dir}\nworker-write = {t.dir}"  # the folder of credentials is read anyhow
        t.write("jwk11.conf", text.replace(f"pin-file = {t.dir}/pin", "pin-credential = pin.t1").replace("[daemon]", "[daemon]\n" + seen))
        t.start(CREDENTIALS_DIRECTORY=credentials)
        equal(t.until(READY), ["STATUS=0 of 1 tokens ready; t1: pin-missing", READY])
        equal(t.stop(), 0)
        t.rest()
        shutil.copy(os.path.join(t.dir, "pin"), os.path.join(credentials, "pin.t1"))
        t.start(CREDENTIALS_DIRECTORY=credentials)
        equal(t.until(READY), [WELL, READY])
        equal(t.sign(), 200)


@test
def lines_for_the_journal_begin_with_their_level():
    levels = {"error": 3, "warning": 4, "notice": 5, "info": 6}
    for journal in (True, False):
        with Managed(token="pin 1234\nabsent-while $/away") as t:
            open(t.away, "w").close()
            ours, theirs = os.pipe()
            stream = os.fstat(theirs)
            t.daemon = subprocess.Popen([JWK11D, "--config", t.conf, "-v"], stderr=theirs,
                                        env={**os.environ, "JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino + (not journal)}"})
            os.close(theirs)
            t.daemon.stderr = os.fdopen(ours, "rb", buffering=0)
            os.set_blocking(ours, False)
            t.wait_log("state=absent")
            t.wait_log("event=catalogue")
            equal(t.stop(), 0)
            processes = set()
            for line in t.log.splitlines():
                mark, level, process = re.match(r"(<\d>)?time=\S+ level=(\w+) process=(\w+) ", line).groups()
                equal(mark, f"<{levels[level]}>" if journal else None, line)
                processes.add(process)
            equal(processes, {"supervisor", "front", "worker"})


@test
def a_manager_that_does_not_listen_is_a_warning():
    for address in ("/nonexistent/notify", "notify", "@", "/" + "x" * 200):
        with Managed() as t:
            t.start(NOTIFY_SOCKET=address, WATCHDOG_USEC=WATCHED)
            equal("event=notify-failed" in t.log, True, t.log)
            equal(t.sign(), 200)
            equal(t.stop(), 0)


main()
