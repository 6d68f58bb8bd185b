/* SPDX-License-Identifier: Apache-2.0 */
/* Linked into tests/front_probe, tests/keys_probe and tests/worker_probe, which are otherwise the product's own objects and never installed: right after the
 * process has given up what it gives up, it tries what JWK11_PROBE names and says how that went. JWK11_PROBE_UNFILTERED leaves the system
 * call filter out, to see what the rest does alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/text.h"
#include "sandbox.h"

/* The linker puts these in the place of the functions they are named after (--wrap). */
bool __real_sandbox_front(void);
bool __wrap_sandbox_front(void);
bool __real_sandbox_keys(void);
bool __wrap_sandbox_keys(void);
bool __real_sandbox_worker(const struct conf *conf, bool talk);
bool __wrap_sandbox_worker(const struct conf *conf, bool talk);
int __real_seccomp_load(const scmp_filter_ctx filter);
int __wrap_seccomp_load(const scmp_filter_ctx filter);

/* Made before the sandbox, for what needs a socket that cannot be made any more. */
static int unix_stream, unix_datagram, tcp;

static const char *given_path(void)
{
	const char *path = getenv("JWK11_PROBE_PATH");

	return path ? path : "/etc/passwd";
}

static int try_read(void)
{
	int fd = open(given_path(), O_RDONLY);
	char c;

	return fd < 0 || read(fd, &c, 1) < 0 ? -1 : 0;
}

static int try_write(void)
{
	int fd = open(given_path(), O_WRONLY | O_CREAT, 0600);

	return fd < 0 || write(fd, "x", 1) < 0 ? -1 : 0;
}

static int try_remove(void)
{
	return unlink(given_path());
}

static int try_stat(void)
{
	struct stat st;

	return stat(given_path(), &st);
}

static int try_chmod(void)
{
	return chmod(given_path(), 0777);
}

static int try_exec(void)
{
	char *argv[] = { (char *)"true", NULL };

	return execve("/bin/true", argv, argv + 1);
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, NULL, 0) != pid ? -1 : 0;
}

static int try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? -1 : 0;
}

static int try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? -1 : 0;
}

/* Kernels take the family as 32 bits. */
static int try_inet_in_disguise(void)
{
	return syscall(SYS_socket, 0x100000000L | AF_INET, (long)SOCK_STREAM, 0L) < 0 ? -1 : 0;
}

static int try_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? -1 : 0;
}

static int to_abstract(int fd, int (*call)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *name = getenv("JWK11_PROBE_ABSTRACT");

	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "%s", name ? name : "nobody");
	return call(fd, (const struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(addr.sun_path + 1)));
}

static int try_connect(void)
{
	return to_abstract(unix_stream, connect);
}

static int send_one(int fd, const struct sockaddr *addr, socklen_t len)
{
	return sendto(fd, "x", 1, 0, addr, len) == 1 ? 0 : -1;
}

static int try_sendto(void)
{
	return to_abstract(unix_datagram, send_one);
}

static int try_tcp(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) }, .sin_port = htons(9) };

	return connect(tcp, (const struct sockaddr *)&addr, sizeof(addr));
}

static int try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ? 0 : -1;
}

static int try_memory(void)
{
	char c;
	struct iovec here = { &c, 1 }, there = { &unix_stream, 1 };

	return syscall(SYS_process_vm_readv, getppid(), &here, 1L, &there, 1L, 0L) == 1 ? 0 : -1;
}

static int try_kill_parent(void)
{
	return kill(getppid(), SIGCONT);
}

static int try_kill_group(void)
{
	return kill(0, SIGCONT);
}

static int try_ask_parent(void)
{
	return kill(getppid(), 0);
}

static int try_kill_self(void)
{
	return kill(getpid(), SIGCONT);
}

static int try_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int try_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int try_clone_namespace(void)
{
	long pid = syscall(SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD), 0L, 0L, 0L, 0L);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : 0;
}

static int try_bpf(void)
{
	return syscall(SYS_bpf, 0L, NULL, 0L) < 0 ? -1 : 0;
}

static int try_keys(void)
{
	return syscall(SYS_keyctl, (long)KEYCTL_GET_KEYRING_ID, (long)KEY_SPEC_SESSION_KEYRING, 0L) < 0 ? -1 : 0;
}

static int try_kexec(void)
{
	return syscall(SYS_kexec_load, 0L, 0L, NULL, 0L) < 0 ? -1 : 0;
}

static int try_io_uring(void)
{
	return syscall(SYS_io_uring_setup, 1L, NULL) < 0 ? -1 : 0;
}

static int try_terminal(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static int try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* The upper half of an argument that the kernel takes as 32 bits. */
static int try_dumpable_in_disguise(void)
{
	return syscall(SYS_prctl, 0x100000000L | PR_SET_DUMPABLE, 1L, 0L, 0L, 0L) < 0 ? -1 : 0;
}

static int try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int try_code_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int try_nothing(void)
{
	return 0;
}

static const struct {
	const char *word;
	int (*fn)(void);
} tries[] = {
	{ "nothing", try_nothing }, { "read", try_read }, { "write", try_write }, { "remove", try_remove }, { "stat", try_stat }, { "chmod", try_chmod },
	{ "exec", try_exec }, { "fork", try_fork }, { "unix", try_unix }, { "inet", try_inet }, { "inet-in-disguise", try_inet_in_disguise },
	{ "packet", try_packet }, { "connect", try_connect }, { "sendto", try_sendto }, { "tcp", try_tcp }, { "ptrace", try_ptrace },
	{ "memory", try_memory }, { "kill-parent", try_kill_parent }, { "kill-group", try_kill_group }, { "ask-parent", try_ask_parent },
	{ "kill-self", try_kill_self }, { "mount", try_mount }, { "namespace", try_namespace }, { "clone-namespace", try_clone_namespace },
	{ "bpf", try_bpf }, { "keys", try_keys }, { "kexec", try_kexec }, { "io_uring", try_io_uring }, { "terminal", try_terminal },
	{ "dumpable", try_dumpable }, { "dumpable-in-disguise", try_dumpable_in_disguise }, { "code", try_code }, { "code-later", try_code_later },
};

/* One line, with calls that every process of the daemon has. */
static void say(const char *word, const char *how)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "probe %s: %s\n", word, how);

	if (n < 0 || write(STDERR_FILENO, line, (size_t)n) != n)
		abort();
}

static void probe(void)
{
	const char *word = getenv("JWK11_PROBE");

	for (size_t i = 0; word != NULL && i < J11_COUNT(tries); i++) {
		if (!j11_text_equal(word, tries[i].word))
			continue;
		errno = 0;
		say(word, tries[i].fn() == 0 ? "done" : strerrorname_np(errno));
		return;
	}
	say(word ? word : "none", "unknown");
}

static void prepare(void)
{
	unix_stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unix_datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

bool __wrap_sandbox_front(void)
{
	bool ok;

	prepare();
	ok = __real_sandbox_front();
	if (ok)
		probe();
	return ok;
}

bool __wrap_sandbox_keys(void)
{
	bool ok;

	prepare();
	ok = __real_sandbox_keys();
	if (ok)
		probe();
	return ok;
}

bool __wrap_sandbox_worker(const struct conf *conf, bool talk)
{
	bool ok;

	prepare();
	ok = __real_sandbox_worker(conf, talk);
	if (ok)
		probe();
	return ok;
}

int __wrap_seccomp_load(const scmp_filter_ctx filter)
{
	return getenv("JWK11_PROBE_UNFILTERED") != NULL ? 0 : __real_seccomp_load(filter);
}
