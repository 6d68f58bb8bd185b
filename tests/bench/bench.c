/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures per second, side by side in each round: C_Sign in process, libjwk11, and the broker at 1, 8 and 64 connections. Prints medians
 * of in-round ratios to the raw two-thread loop, and the daemon's CPU per request.
 *     bench DIR         a folder of `jwk11 setup`, with jwk11d serving it; DAEMON_PID in the environment
 *     BENCH_SECONDS (0.5), BENCH_ROUNDS (5) */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "jwk11.h"
#include "token/key.h"

enum { MAX_CONNECTIONS = 64, MAX_ROUNDS = 99 };

static double seconds = 0.5;
static atomic_bool stop_now;
static struct jwk11_key *key;
static const char *label, *alg;
static const char *folder;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

/* C_SignInit + C_Sign over a digest, nothing else. */
static void *raw_thread(void *arg)
{
	CK_FUNCTION_LIST *fl = jwk11_key_token(key)->fl;
	CK_MECHANISM mechanism = { alg[0] == 'E' ? CKM_ECDSA : CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE data[51] = { 1 }, sig[512];
	CK_SESSION_HANDLE session;
	unsigned long n = 0;

	if (fl->C_OpenSession(jwk11_key_token(key)->slot, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		die("raw", "C_OpenSession");
	while (!atomic_load_explicit(&stop_now, memory_order_relaxed)) {
		CK_ULONG len = sizeof(sig);

		if (fl->C_SignInit(session, &mechanism, key->handle) != CKR_OK || fl->C_Sign(session, data, alg[0] == 'E' ? 32 : 51, sig, &len) != CKR_OK)
			die("raw", "C_Sign");
		n++;
	}
	fl->C_CloseSession(session);
	*(unsigned long *)arg = n;
	return NULL;
}

static void *lib_thread(void *arg)
{
	static const unsigned char digest[32] = { 1 };
	struct jwk11_buf sig = J11_BUF(512);
	unsigned long n = 0;

	while (!atomic_load_explicit(&stop_now, memory_order_relaxed)) {
		jwk11_buf_reset(&sig);
		if (jwk11_key_sign(key, alg, JWK11_INPUT_DIGEST, (struct jwk11_view){ digest, 32 }, &sig, NULL) != JWK11_OK)
			die("libjwk11", "jwk11_key_sign");
		n++;
	}
	j11_buf_done(&sig);
	*(unsigned long *)arg = n;
	return NULL;
}

static double in_process(void *(*run)(void *), int n_threads)
{
	pthread_t threads[8];
	unsigned long counts[8] = { 0 }, sum = 0;
	double start = now();
	struct timespec wait = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

	atomic_store(&stop_now, false);
	for (int i = 0; i < n_threads; i++)
		pthread_create(&threads[i], NULL, run, &counts[i]);
	nanosleep(&wait, NULL);
	atomic_store(&stop_now, true);
	for (int i = 0; i < n_threads; i++) {
		pthread_join(threads[i], NULL);
		sum += counts[i];
	}
	return (double)sum / (now() - start);
}

static int open_connection(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.80s/run/api.sock", folder);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		die(addr.sun_path, strerror(errno));
	return fd;
}

/* A closed loop: each connection has one request under way. Answers come in one piece, being small and written at once. */
static double over_socket(int n)
{
	static const char body[] = "{\"digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}";
	struct pollfd fds[MAX_CONNECTIONS];
	char request[512], answer[8192];
	int len = snprintf(request, sizeof(request), "POST /v1/keys/%s/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s", label, sizeof(body) - 1, body);
	unsigned long done = 0;
	double start, end;

	for (int i = 0; i < n; i++) {
		fds[i] = (struct pollfd){ .fd = open_connection(), .events = POLLIN };
		if (send(fds[i].fd, request, (size_t)len, 0) != len)
			die("send", strerror(errno));
	}
	start = now();
	end = start + seconds;
	while (now() < end) {
		if (poll(fds, (nfds_t)n, 1000) <= 0)
			die("broker", "no answer within a second");
		for (int i = 0; i < n; i++) {
			ssize_t got = fds[i].revents ? recv(fds[i].fd, answer, sizeof(answer) - 1, 0) : 0;

			if (fds[i].revents == 0)
				continue;
			if (got < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0)
				die("broker", "an answer that is not 200");
			done++;
			if (send(fds[i].fd, request, (size_t)len, 0) != len)
				die("send", strerror(errno));
		}
	}
	end = now();
	for (int i = 0; i < n; i++)
		close(fds[i].fd);
	return (double)done / (end - start);
}

/* user+sys seconds of the daemon's processes so far. */
static double daemon_cpu(void)
{
	char command[128], line[64] = "";
	FILE *p;

	snprintf(command, sizeof(command), "cat /proc/%s/stat $(printf '/proc/%%s/stat ' $(cat /proc/%s/task/%s/children)) | awk '{s+=$14+$15} END {print s}'",
		getenv("DAEMON_PID"), getenv("DAEMON_PID"), getenv("DAEMON_PID"));
	p = popen(command, "r");
	if (p == NULL || fgets(line, sizeof(line), p) == NULL)
		die("daemon", "its CPU time cannot be read");
	pclose(p);
	return strtod(line, NULL) / (double)sysconf(_SC_CLK_TCK);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

enum { RAW2, RAW1, LIB2, BROKER1, BROKER8, BROKER64, N_CELLS };
static const char *const cell_names[N_CELLS] = { "C_Sign, 2 threads", "C_Sign, 1 thread", "libjwk11, 2 threads, verified", "broker, 1 connection",
	"broker, 8 connections", "broker, 64 connections" };
static const int connections[N_CELLS] = { [BROKER1] = 1, [BROKER8] = 8, [BROKER64] = 64 };

static void bench_key(struct jwk11_token *token, int rounds)
{
	static double rate[N_CELLS][MAX_ROUNDS], ratio[N_CELLS][MAX_ROUNDS], cpu[N_CELLS][MAX_ROUNDS];
	struct jwk11_keys *keys = NULL;
	char uri[64];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", label);
	if (jwk11_token_keys(token, uri, &keys, NULL) != JWK11_OK || jwk11_keys_count(keys) != 1)
		die(label, "no such key");
	key = jwk11_keys_get(keys, 0);
	for (int r = 0; r < rounds; r++) {
		for (int c = 0; c < N_CELLS; c++) {
			double before = connections[c] ? daemon_cpu() : 0;

			rate[c][r] = connections[c] ? over_socket(connections[c]) : in_process(c == LIB2 ? lib_thread : raw_thread, c == RAW1 ? 1 : 2);
			ratio[c][r] = rate[c][r] / rate[RAW2][r];
			cpu[c][r] = connections[c] ? (daemon_cpu() - before) / (rate[c][r] * seconds) * 1e6 : 0;
		}
	}
	for (int c = 0; c < N_CELLS; c++) {
		printf("| %s | %s | %.0f | %.2f | ", alg, cell_names[c], median(rate[c], rounds), median(ratio[c], rounds));
		if (connections[c])
			printf("%.0f |\n", median(cpu[c], rounds));
		else
			printf("- |\n");
	}
	jwk11_keys_free(keys);
}

int main(int argc, char **argv)
{
	struct jwk11_context *ctx = NULL;
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };
	char pin[512], conf[512];
	struct jwk11_token_config config = { .uri = "pkcs11:token=trial", .pin_file = pin, .n_sessions = 2 };
	int rounds = getenv("BENCH_ROUNDS") ? (int)strtol(getenv("BENCH_ROUNDS"), NULL, 10) : 5;

	if (argc != 3 || getenv("DAEMON_PID") == NULL || rounds < 1 || rounds > MAX_ROUNDS)
		die("usage", "bench DIR MODULE, with DAEMON_PID");
	if (getenv("BENCH_SECONDS") != NULL)
		seconds = strtod(getenv("BENCH_SECONDS"), NULL);
	folder = argv[1];
	snprintf(pin, sizeof(pin), "%s/pin", folder);
	snprintf(conf, sizeof(conf), "%s/softhsm2.conf", folder);
	setenv("SOFTHSM2_CONF", conf, 1);
	if (jwk11_context_new(&ctx, &err) != JWK11_OK || jwk11_context_load(ctx, argv[2], &err) != JWK11_OK ||
		jwk11_token_open(ctx, &config, &token, &err) != JWK11_OK)
		die("token", err.text);
	printf("| algorithm | way | signatures/s | of C_Sign with 2 threads | daemon CPU µs per signature |\n|---|---|---|---|---|\n");
	label = "es256", alg = "ES256";
	bench_key(token, rounds);
	label = "rs256", alg = "RS256";
	bench_key(token, rounds);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	return 0;
}
