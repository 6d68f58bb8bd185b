/* SPDX-License-Identifier: Apache-2.0 */
/* What others cost an honest client: one that asks for one signature after the other, alone and beside a crowd, in turns within each round. Prints
 * medians of p50, p99 and of the in-round ratio to quiet, and how many honest requests were refused. The others are another user when this runs as
 * root.
 *     flood SOCKET KEY UID    BENCH_SECONDS (1), BENCH_ROUNDS (5) */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SILENT = 100, SLOW = 16, CONNECTIONS = 64, DRIP_MS = 50, IN_A_PIECE = 200, MAX_ROUNDS = 99, MAX_TIMES = 200000, MAX_CORES = 64 };

static const char *socket_path;
static char sign_request[512];
static const char read_request[] = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n";
static uid_t other_uid;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_connection(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", socket_path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		die(socket_path);
	return fd;
}

static void send_all(int fd, const char *text, size_t len)
{
	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send");
}

/* ---- the others ---- */

/* Silent connections, and others that never come to the end of a head or a body. */
static void crowd(int ready)
{
	struct pollfd slow[SLOW];

	for (int i = 0; i < SILENT; i++)
		open_connection();
	for (int i = 0; i < SLOW; i++) {
		slow[i] = (struct pollfd){ .fd = open_connection() };
		send_all(slow[i].fd, i % 2 ? "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" : "GET /livez HTTP/1.1\r\nX: ", i % 2 ? 52 : 24);
	}
	if (write(ready, "r", 1) != 1)
		die("ready");
	for (;;) {
		poll(slow, 0, DRIP_MS);
		for (int i = 0; i < SLOW; i++)
			(void)!send(slow[i].fd, "x", 1, MSG_NOSIGNAL);
	}
}

/* As many signatures as it gets, on many connections. */
static void flood_signs(int ready)
{
	struct pollfd fds[CONNECTIONS];
	char answer[16384];

	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = (struct pollfd){ .fd = open_connection(), .events = POLLIN };
		send_all(fds[i].fd, sign_request, strlen(sign_request));
	}
	if (write(ready, "r", 1) != 1)
		die("ready");
	for (;;) {
		if (poll(fds, CONNECTIONS, -1) <= 0)
			die("poll");
		for (int i = 0; i < CONNECTIONS; i++) {
			if (fds[i].revents == 0)
				continue;
			if (recv(fds[i].fd, answer, sizeof(answer), 0) <= 0)
				die("the flood's connection");
			send_all(fds[i].fd, sign_request, strlen(sign_request));
		}
	}
}

/* Requests for the key set without a pause, in long pieces, on one connection. */
static void flood_reads(int ready)
{
	static char piece[IN_A_PIECE * sizeof(read_request)], answers[1 << 20];
	struct pollfd fd = { .fd = open_connection(), .events = POLLIN | POLLOUT };
	size_t len = 0, sent = 0;

	for (int i = 0; i < IN_A_PIECE; i++, len += sizeof(read_request) - 1)
		memcpy(piece + len, read_request, sizeof(read_request) - 1);
	if (write(ready, "r", 1) != 1)
		die("ready");
	for (;;) {
		ssize_t n;

		if (poll(&fd, 1, -1) <= 0)
			die("poll");
		if (fd.revents & POLLIN && recv(fd.fd, answers, sizeof(answers), MSG_DONTWAIT) == 0)
			die("the flood's connection");
		n = fd.revents & POLLOUT ? send(fd.fd, piece + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
		sent = n > 0 ? (sent + (size_t)n) % len : sent;
	}
}

static pid_t start(void (*run)(int ready))
{
	int pair[2];
	char byte;
	pid_t pid;

	if (pipe(pair) != 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		close(pair[0]);
		if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(other_uid) != 0 || setuid(other_uid) != 0))
			die("setuid");
		run(pair[1]);
		_exit(1);
	}
	close(pair[1]);
	if (read(pair[0], &byte, 1) != 1)
		die("the others did not start");
	close(pair[0]);
	return pid;
}

static void end(pid_t pid)
{
	int status;

	if (pid == 0)
		return;
	if (waitpid(pid, &status, WNOHANG) != 0)
		die("the others ended too early");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* ---- the honest client ---- */

static atomic_bool stop_now;

/* A core that has gone to sleep is slow to wake, which the others would make up for: keep it awake with work that counts for nothing. */
static void *spin(void *arg)
{
	struct sched_param param = { 0 };

	(void)arg;
	sched_setscheduler(0, SCHED_IDLE, &param);
	while (!atomic_load_explicit(&stop_now, memory_order_relaxed))
		sched_yield(); /* a kernel with lazy preemption lets somebody else in no sooner than at the next call, or tick */
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct times {
	double p50, p99;
	unsigned long refused, n;
};

static struct times ask(double seconds)
{
	static double us[MAX_TIMES];
	struct times result = { 0 };
	int fd = open_connection();
	double before = now(), until = before + seconds;
	char answer[16384];

	while (before < until && result.n < MAX_TIMES) {
		double after;

		send_all(fd, sign_request, strlen(sign_request));
		if (recv(fd, answer, sizeof(answer), 0) < 12)
			die("the honest client's connection");
		after = now();
		result.refused += memcmp(answer, "HTTP/1.1 200", 12) != 0;
		us[result.n++] = (after - before) * 1e6;
		before = after;
	}
	close(fd);
	qsort(us, result.n, sizeof(*us), compare);
	result.p50 = us[result.n / 2];
	result.p99 = us[result.n * 99 / 100];
	return result;
}

/* ---- side by side ---- */

static const struct row {
	const char *name;
	bool crowd;
	void (*flood)(int ready);
} rows[] = {
	{ "nobody else", false, NULL },
	{ "100 silent and 16 dripping connections", true, NULL },
	{ "the same, and a client that floods with signatures on 64 connections", true, flood_signs },
	{ "the same, and one that floods with 200 reads of the key set in a piece", true, flood_reads },
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct times run_row(const struct row *row, double seconds)
{
	pid_t others = row->crowd ? start(crowd) : 0, flooder = row->flood != NULL ? start(row->flood) : 0;
	struct times result = ask(seconds);

	end(others);
	end(flooder);
	return result;
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void run(int rounds, double seconds)
{
	static double p50[N_ROWS][MAX_ROUNDS], p99[N_ROWS][MAX_ROUNDS], ratio[N_ROWS][MAX_ROUNDS];
	unsigned long refused[N_ROWS] = { 0 }, n[N_ROWS] = { 0 };

	for (int r = 0; r < rounds; r++) {
		for (int i = 0; i < N_ROWS; i++) {
			struct times t = run_row(&rows[i], seconds);

			p50[i][r] = t.p50;
			p99[i][r] = t.p99;
			ratio[i][r] = t.p99 / p99[0][r];
			refused[i] += t.refused;
			n[i] += t.n;
		}
	}
	printf("\n| beside the honest client | p50 µs | p99 µs | p99 of quiet | honest requests | refused |\n|---|---|---|---|---|---|\n");
	for (int i = 0; i < N_ROWS; i++)
		printf("| %s | %.0f | %.0f | %.2f | %lu | %lu |\n", rows[i].name, median(p50[i], rounds), median(p99[i], rounds), median(ratio[i], rounds),
			n[i], refused[i]);
}

int main(int argc, char **argv)
{
	static const char body[] = "{\"digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}";
	const char *seconds = getenv("BENCH_SECONDS"), *rounds = getenv("BENCH_ROUNDS");
	long n_cores = sysconf(_SC_NPROCESSORS_ONLN), n_rounds = rounds ? strtol(rounds, NULL, 10) : 5;
	pthread_t spinners[MAX_CORES];

	if (argc != 4 || n_rounds < 1 || n_rounds > MAX_ROUNDS)
		return 64;
	socket_path = argv[1];
	other_uid = (uid_t)strtoul(argv[3], NULL, 10);
	snprintf(sign_request, sizeof(sign_request), "POST /v1/keys/%s/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s", argv[2], sizeof(body) - 1, body);
	n_cores = n_cores > MAX_CORES ? MAX_CORES : n_cores;
	for (long i = 0; i < n_cores; i++)
		if (pthread_create(&spinners[i], NULL, spin, NULL) != 0)
			die("threads");
	printf("\n%s, %s\n", argv[2], geteuid() == 0 ? "the others are another user" : "not root: the others are the same user, and are not kept apart");
	run((int)n_rounds, seconds ? strtod(seconds, NULL) : 1);
	atomic_store(&stop_now, true);
	for (long i = 0; i < n_cores; i++)
		pthread_join(spinners[i], NULL);
	return 0;
}
