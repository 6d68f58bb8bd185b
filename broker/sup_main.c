/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11d, the supervisor: loads the configuration, opens the sockets, starts front and workers, restarts what dies, passes configuration
 * and login turns. It never reads a byte that a client sent. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "log.h"
#include "sandbox.h"
#include "sup_sock.h"
#include "sup_spawn.h"
#include "wire.h"

#ifndef JWK11_SYSCONFDIR
#define JWK11_SYSCONFDIR "/etc"
#endif
#ifndef JWK11_VERSION
#define JWK11_VERSION "0.1.0"
#endif

enum { EXIT_USAGE_ = 64, EXIT_BUSY_ = 69, EXIT_BUG_ = 70, EXIT_CREATE_ = 73, EXIT_CONFIG_ = 78 };
enum { MAX_CHILDREN = 1 + 32 * 64, DRAIN_MS = 10000, STEADY_MS = 60000, BACKOFF_MAX_MS = 10000 };

/* A front or worker, running or waiting for its start. */
struct child {
	bool is_front;
	const char *module;  /* worker; belongs to sup->first */
	unsigned index;
	pid_t pid;           /* 0: not running */
	int control;         /* our end; -1 */
	int work;            /* the front's end of the work pair until it was passed; -1 */
	bool ready;          /* said READY since its start */
	bool logging_in;     /* between GO and DONE: never killed */
	bool late;           /* to be ended as soon as it is not logging in */
	bool wants_login;
	int64_t started_ms, start_at_ms, backoff_ms;
};

struct sup {
	const char *path;
	struct conf *conf;  /* in force */
	struct conf *first; /* of the start: sockets, modules, workers do not change later */
	int memory;         /* sealed canonical text of conf */
	struct sup_sock sock;
	struct child *children;
	size_t n_children;
	int signals;
	bool draining;
	int64_t drain_until_ms;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A sealed memory file with the canonical configuration: every process reads the same bytes, whatever happens to the file. */
static int make_memory(const struct conf *conf)
{
	struct jwk11_buf text = J11_BUF(4 * 1024 * 1024);
	int fd = memfd_create("jwk11.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	conf_emit(conf, &text);
	if (fd >= 0 && (text.failed != JWK11_OK || write(fd, text.data, text.len) != (ssize_t)text.len ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)) {
		close(fd);
		fd = -1;
	}
	j11_buf_done(&text);
	return fd;
}

static void send_message(struct child *c, enum wire_type type, const struct child *about, int fd)
{
	struct jwk11_buf out = J11_BUF(WIRE_MAX);
	char pid[24];
	int why = 0;

	wire_begin(&out, type, 0);
	if (about != NULL) {
		wire_add_str(&out, WIRE_F_MODULE, about->module);
		wire_add_num(&out, WIRE_F_INDEX, about->index);
	}
	if (out.failed == JWK11_OK && c->control >= 0)
		why = wire_send(c->control, j11_buf_view(&out), fd);
	if (why != 0)
		log_event(LOG_LEVEL_WARNING, "control-send-failed", "type", wire_type_name(type), "pid", log_num(pid, c->pid), "why", strerror(why), NULL);
	j11_buf_done(&out);
}

static struct child *front_of(struct sup *sup)
{
	return &sup->children[0];
}

/* The front gets a worker's socket once; the worker's end lives in the worker. */
static void introduce(struct sup *sup, struct child *worker)
{
	struct child *front = front_of(sup);

	if (front->pid == 0 || !front->ready || worker->work < 0)
		return;
	send_message(front, WIRE_WORKER, worker, worker->work);
	close(worker->work);
	worker->work = -1;
}

static bool pair(int type, int *ours, int *theirs)
{
	int fds[2];
	int size = (int)WIRE_MAX * 4;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ours = fds[0];
	*theirs = fds[1];
	return true;
}

static void start_failed(struct child *c, const struct jwk11_err *err)
{
	log_event(LOG_LEVEL_ERROR, "start-failed", "program", c->is_front ? "jwk11d-front" : "jwk11d-worker", "module", c->module, "why",
		err->text, NULL);
	c->backoff_ms = BACKOFF_MAX_MS;
	c->start_at_ms = now_ms() + c->backoff_ms;
}

static void start_child(struct sup *sup, struct child *c)
{
	struct jwk11_err err = { 0 };
	struct sup_program program = { .n_fds = 2 };
	char index[24], pid[24];
	int control = -1, work = -1;

	if (!pair(SOCK_SEQPACKET, &c->control, &control) || (!c->is_front && !pair(SOCK_SEQPACKET, &c->work, &work))) {
		j11_err_set(&err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "socketpair: %s", strerror(errno));
	} else if (c->is_front) {
		program = (struct sup_program){ .argv = { "jwk11d-front", NULL }, .fds = { control, sup->sock.api, sup->sock.public }, .n_fds = 3 };
	} else {
		program.argv[0] = "jwk11d-worker";
		program.argv[1] = c->module;
		program.argv[2] = log_num(index, c->index);
		program.fds[0] = control;
		program.fds[1] = work;
		program.environment = sup->first->environment;
	}
	c->ready = c->logging_in = c->late = c->wants_login = false;
	c->started_ms = now_ms();
	if (err.rc == JWK11_OK && sup_spawn(&program, &c->pid, &err) == JWK11_OK) {
		send_message(c, WIRE_CONFIG, NULL, sup->memory);
		log_event(LOG_LEVEL_INFO, "started", "program", program.argv[0], "module", c->module, "pid", log_num(pid, c->pid), NULL);
		if (!c->is_front)
			introduce(sup, c);
	} else {
		start_failed(c, &err);
	}
	if (control >= 0)
		close(control);
	if (work >= 0)
		close(work);
}

static void close_child(struct child *c)
{
	if (c->control >= 0)
		close(c->control);
	if (c->work >= 0)
		close(c->work);
	c->control = c->work = -1;
	c->pid = 0;
	c->ready = c->logging_in = c->wants_login = false;
}

/* One login at a time in the whole daemon, so that parallel starts never multiply a bad PIN. */
static void grant_login(struct sup *sup)
{
	for (size_t i = 0; i < sup->n_children; i++)
		if (sup->children[i].logging_in)
			return;
	for (size_t i = 0; i < sup->n_children; i++) {
		struct child *c = &sup->children[i];

		if (!c->wants_login)
			continue;
		c->wants_login = false;
		c->logging_in = true;
		send_message(c, WIRE_LOGIN_GO, NULL, -1);
		return;
	}
}

/* May this child be started now? Workers of a module follow one another: SoftHSM rewrites its token during login, and an instance that
 * initialises at that moment misses it. */
static bool may_start(struct sup *sup, const struct child *c, int64_t now)
{
	if (c->pid != 0 || sup->draining || now < c->start_at_ms)
		return false;
	for (size_t i = 0; !c->is_front && i < sup->n_children; i++) {
		const struct child *other = &sup->children[i];

		if (!other->is_front && other->pid != 0 && !other->ready && j11_text_equal(other->module, c->module))
			return false;
	}
	return true;
}

static void start_due(struct sup *sup)
{
	for (size_t i = 0; i < sup->n_children; i++)
		if (may_start(sup, &sup->children[i], now_ms()))
			start_child(sup, &sup->children[i]);
}

static void end_late(struct child *c)
{
	char pid[24];

	if (!c->late || c->logging_in || c->pid == 0)
		return;
	log_event(LOG_LEVEL_WARNING, "worker-late", "module", c->module, "pid", log_num(pid, c->pid), "action", "killed", NULL);
	kill(c->pid, SIGKILL);
	c->late = false;
}

static void on_ready(struct sup *sup, struct child *c)
{
	c->ready = true;
	if (!c->is_front)
		return;
	for (size_t i = 1; i < sup->n_children; i++)
		introduce(sup, &sup->children[i]);
	log_event(LOG_LEVEL_NOTICE, "serving", "api", sup->sock.api_path, "public", sup->sock.public_path, NULL);
}

static void on_late(struct sup *sup, const struct wire_msg *msg)
{
	char module[256];
	uint64_t index;

	if (!wire_str(msg, WIRE_F_MODULE, module, sizeof(module)) || !wire_num(msg, WIRE_F_INDEX, &index))
		return;
	for (size_t i = 1; i < sup->n_children; i++) {
		struct child *c = &sup->children[i];

		if (c->index == index && j11_text_equal(c->module, module)) {
			c->late = true;
			end_late(c);
		}
	}
}

static void on_message(struct sup *sup, struct child *c, const struct wire_msg *msg)
{
	switch (msg->type) {
	case WIRE_READY:
		on_ready(sup, c);
		break;
	case WIRE_WORKER_LATE:
		if (c->is_front)
			on_late(sup, msg);
		break;
	case WIRE_LOGIN_ASK:
		c->wants_login = !c->is_front;
		grant_login(sup);
		break;
	case WIRE_LOGIN_DONE:
		c->logging_in = false;
		end_late(c);
		grant_login(sup);
		break;
	default:
		log_event(LOG_LEVEL_WARNING, "control-unexpected", "type", wire_type_name(msg->type), NULL);
	}
}

static void read_control(struct sup *sup, struct child *c)
{
	static char room[WIRE_MAX];
	struct wire_msg msg;
	struct jwk11_err err = { 0 };
	int fd = -1;
	long n = wire_recv(c->control, room, sizeof(room), MSG_DONTWAIT, &fd);

	if (fd >= 0)
		close(fd);
	if (n == -EAGAIN)
		return;
	if (n <= 0) { /* the process is ending; SIGCHLD tells the rest */
		close(c->control);
		c->control = -1;
		return;
	}
	if (wire_decode((struct jwk11_view){ room, (size_t)n }, &msg, &err) == JWK11_OK)
		on_message(sup, c, &msg);
	else
		log_event(LOG_LEVEL_WARNING, "control-malformed", "why", err.text, NULL);
}

static void on_exit_of(struct sup *sup, struct child *c, int status)
{
	char pid[24], code[24];
	int64_t now = now_ms();

	log_event(sup->draining ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "ended", "program", c->is_front ? "jwk11d-front" : "jwk11d-worker", "module",
		c->module, "pid", log_num(pid, c->pid), WIFSIGNALED(status) ? "signal" : "exit",
		log_num(code, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)), NULL);
	if (now - c->started_ms > STEADY_MS)
		c->backoff_ms = 0;
	c->start_at_ms = now + c->backoff_ms;
	c->backoff_ms = c->backoff_ms == 0 ? 100 : c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
	close_child(c);
	/* A new front needs every worker's socket, and each was given to the old one: the workers start afresh. */
	for (size_t i = 1; c->is_front && !sup->draining && i < sup->n_children; i++)
		if (sup->children[i].pid != 0)
			shutdown(sup->children[i].control, SHUT_RDWR);
	grant_login(sup);
}

static void reap(struct sup *sup)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < sup->n_children; i++)
			if (sup->children[i].pid == pid)
				on_exit_of(sup, &sup->children[i], status);
}

static void reload(struct sup *sup)
{
	struct jwk11_err err = { 0 };
	struct conf *conf = NULL;
	int memory;

	if (conf_load(sup->path, &conf, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "reload-refused", "why", err.text, "hint", err.hint[0] ? err.hint : NULL, "kept", "the old configuration", NULL);
		return;
	}
	memory = make_memory(conf);
	if (memory < 0) {
		log_event(LOG_LEVEL_ERROR, "reload-refused", "why", strerror(errno), NULL);
		conf_free(conf);
		return;
	}
	close(sup->memory);
	sup->memory = memory;
	if (sup->conf != sup->first)
		conf_free(sup->conf);
	sup->conf = conf;
	for (size_t i = 0; i < sup->n_children; i++)
		if (sup->children[i].pid != 0)
			send_message(&sup->children[i], WIRE_CONFIG, NULL, memory);
	log_event(LOG_LEVEL_NOTICE, "reloaded", "file", sup->path, NULL);
}

static void drain(struct sup *sup)
{
	if (sup->draining)
		return;
	sup->draining = true;
	sup->drain_until_ms = now_ms() + DRAIN_MS;
	log_event(LOG_LEVEL_NOTICE, "draining", NULL);
	if (front_of(sup)->pid != 0)
		send_message(front_of(sup), WIRE_DRAIN, NULL, -1);
}

static void on_signal(struct sup *sup)
{
	struct signalfd_siginfo info;

	while (read(sup->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(sup);
		else if (info.ssi_signo == SIGHUP)
			reload(sup);
		else
			drain(sup);
	}
}

/* After the front is gone, workers go too; who is still there at the end of the patience is killed, unless it is logging in. */
static bool drained(struct sup *sup)
{
	bool late = now_ms() >= sup->drain_until_ms, left = false;

	if (front_of(sup)->pid != 0 && !late)
		return false;
	for (size_t i = 0; i < sup->n_children; i++) {
		struct child *c = &sup->children[i];

		if (c->pid == 0)
			continue;
		left = true;
		if (late && !c->logging_in)
			kill(c->pid, SIGKILL);
		else if (!c->is_front && c->control >= 0)
			shutdown(c->control, SHUT_RDWR);
	}
	return !left;
}

static int next_timeout(const struct sup *sup)
{
	int64_t now = now_ms(), next = sup->draining ? sup->drain_until_ms : INT64_MAX;

	for (size_t i = 0; !sup->draining && i < sup->n_children; i++)
		if (sup->children[i].pid == 0 && sup->children[i].start_at_ms > now && sup->children[i].start_at_ms < next)
			next = sup->children[i].start_at_ms;
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 100 : (int)(next - now);
}

static void serve(struct sup *sup)
{
	struct pollfd *fds = j11_mem_new_array(sup->n_children + 1, sizeof(*fds));

	while (fds != NULL && !(sup->draining && drained(sup))) {
		start_due(sup);
		fds[0] = (struct pollfd){ .fd = sup->signals, .events = POLLIN };
		for (size_t i = 0; i < sup->n_children; i++)
			fds[i + 1] = (struct pollfd){ .fd = sup->children[i].control, .events = POLLIN };
		if (poll(fds, (nfds_t)sup->n_children + 1, next_timeout(sup)) < 0 && errno != EINTR)
			break;
		for (size_t i = 0; i < sup->n_children; i++)
			if (fds[i + 1].revents != 0 && sup->children[i].control >= 0)
				read_control(sup, &sup->children[i]);
		if (fds[0].revents != 0)
			on_signal(sup);
	}
	j11_mem_free(fds);
}

static bool plan_children(struct sup *sup)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned per_module = sup->first->workers ? sup->first->workers : (unsigned)(cores > 0 ? cores : 1) + 1;
	size_t n_modules = 0;

	while (sup->first->modules[n_modules] != NULL)
		n_modules++;
	sup->children = j11_mem_new_array(1 + n_modules * per_module, sizeof(*sup->children));
	if (sup->children == NULL || n_modules * per_module >= MAX_CHILDREN)
		return false;
	sup->children[sup->n_children++] = (struct child){ .is_front = true, .control = -1, .work = -1 };
	for (size_t m = 0; m < n_modules; m++)
		for (unsigned i = 0; i < per_module; i++)
			sup->children[sup->n_children++] = (struct child){ .module = sup->first->modules[m], .index = i, .control = -1, .work = -1 };
	return true;
}

static int complain(const struct jwk11_err *err, int code)
{
	fprintf(stderr, "jwk11d: %s\n", err->text);
	if (err->hint[0] != '\0')
		fprintf(stderr, "  %s\n", err->hint);
	return code;
}

static int check_only(const struct conf *conf, const char *path)
{
	size_t n_modules = 0;

	while (conf->modules[n_modules] != NULL)
		n_modules++;
	printf("%s: good: %zu modules, %zu tokens, %zu keys, %zu sets, %zu clients\n", path, n_modules, conf->n_tokens, conf->n_keys, conf->n_sets,
		conf->n_clients);
	if (conf->n_clients == 0)
		printf("  no [client] section: nobody may sign\n");
	return EXIT_SUCCESS;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From loaded configuration to the end of the daemon's life. */
static int start_and_serve(struct sup *sup)
{
	struct jwk11_err err = { 0 };

	sup->signals = open_signals();
	sup->memory = make_memory(sup->conf);
	if (sup->signals < 0 || sup->memory < 0 || !plan_children(sup)) {
		j11_err_set(&err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "start: %s", strerror(errno));
		return complain(&err, EXIT_BUG_);
	}
	if (sup_sock_open(sup->conf, &sup->sock, &err) != JWK11_OK)
		return complain(&err, err.rc == JWK11_ERR_BUSY ? EXIT_BUSY_ : EXIT_CREATE_);
	serve(sup);
	sup_sock_close(&sup->sock);
	log_event(LOG_LEVEL_NOTICE, "stopped", NULL);
	return EXIT_SUCCESS;
}

static int run(const char *path, bool check, bool verbose)
{
	struct sup sup = { .path = path, .memory = -1 };
	struct jwk11_err err = { 0 };
	int code;

	if (conf_load(path, &sup.first, &err) != JWK11_OK)
		return complain(&err, EXIT_CONFIG_);
	sup.conf = sup.first;
	log_open("supervisor", verbose ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE);
	if (check) {
		code = check_only(sup.conf, path);
	} else {
		sandbox_early();
		code = start_and_serve(&sup);
	}
	for (size_t i = 0; i < sup.n_children; i++)
		close_child(&sup.children[i]);
	if (sup.conf != sup.first)
		conf_free(sup.conf);
	conf_free(sup.first);
	j11_mem_free(sup.children);
	return code;
}

static void usage(FILE *out)
{
	fputs("usage: jwk11d [--config FILE] [--check] [-v]\n"
		"  --config FILE  configuration (default " JWK11_SYSCONFDIR "/jwk11/jwk11.conf)\n"
		"  --check        read the configuration, say what is wrong with it, exit 0 or 78\n"
		"  -v, --verbose  log starts of processes too\n"
		"  --version, --help\n"
		"Runs in the foreground. SIGHUP reads the configuration again, SIGTERM finishes what is under way and stops.\n", out);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
		{ "verbose", no_argument, NULL, 'v' }, { "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	const char *path = JWK11_SYSCONFDIR "/jwk11/jwk11.conf";
	bool check = false, verbose = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:vh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'V':
			puts("jwk11d " JWK11_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE_;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE_;
	}
	return run(path, check, verbose);
}
