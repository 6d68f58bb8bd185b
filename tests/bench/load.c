/* SPDX-License-Identifier: Apache-2.0 */
/* Loads in process, over the broker's socket, and through p11-kit's own remoting. */
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "token/key.h"

enum { MAX_N = 64, MAX_TIMES = 200000, BATCH = 64 };

static atomic_bool stop_now;

double load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn void load_die(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

int load_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* ---- in process ---- */

struct raw {
	CK_FUNCTION_LIST *fl;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE handle;
	CK_MECHANISM mechanism;
	CK_ULONG data_len;
};

static struct raw raw_open(struct jwk11_key *key, const char *alg)
{
	struct raw raw = { .fl = jwk11_key_token(key)->fl, .handle = key->handle };

	raw.mechanism.mechanism = alg[0] == 'E' ? CKM_ECDSA : CKM_RSA_PKCS;
	raw.data_len = alg[0] == 'E' ? 32 : 51; /* a digest, or a DigestInfo's length */
	if (raw.fl->C_OpenSession(jwk11_key_token(key)->slot, CKF_SERIAL_SESSION, NULL, NULL, &raw.session) != CKR_OK)
		load_die("raw", "C_OpenSession");
	return raw;
}

static void raw_sign(struct raw *raw)
{
	static CK_BYTE data[51] = { 1 };
	CK_BYTE sig[512];
	CK_ULONG len = sizeof(sig);

	if (raw->fl->C_SignInit(raw->session, &raw->mechanism, raw->handle) != CKR_OK ||
		raw->fl->C_Sign(raw->session, data, raw->data_len, sig, &len) != CKR_OK)
		load_die("raw", "C_Sign");
}

struct job {
	const struct load *load;
	unsigned long count;
};

static void *raw_thread(void *arg)
{
	struct job *job = arg;
	struct raw raw = raw_open(job->load->key, job->load->alg);

	for (; !atomic_load_explicit(&stop_now, memory_order_relaxed); job->count++)
		raw_sign(&raw);
	raw.fl->C_CloseSession(raw.session);
	return NULL;
}

static void *lib_thread(void *arg)
{
	static const unsigned char digest[32] = { 1 };
	struct jwk11_buf sig = J11_BUF(512);
	struct job *job = arg;

	for (; !atomic_load_explicit(&stop_now, memory_order_relaxed); job->count++) {
		jwk11_buf_reset(&sig);
		if (jwk11_key_sign(job->load->key, job->load->alg, JWK11_INPUT_DIGEST, (struct jwk11_view){ digest, 32 }, &sig, NULL) != JWK11_OK)
			load_die("libjwk11", "jwk11_key_sign");
	}
	j11_buf_done(&sig);
	return NULL;
}

static double in_threads(const struct load *load, void *(*run)(void *), int n)
{
	pthread_t threads[MAX_N];
	struct job jobs[MAX_N];
	unsigned long sum = 0;
	double start = load_now();
	struct timespec wait = { (time_t)load->seconds, (long)((load->seconds - (double)(time_t)load->seconds) * 1e9) };

	atomic_store(&stop_now, false);
	for (int i = 0; i < n; i++) {
		jobs[i] = (struct job){ .load = load };
		if (pthread_create(&threads[i], NULL, run, &jobs[i]) != 0)
			load_die("threads", "cannot be started");
	}
	nanosleep(&wait, NULL);
	atomic_store(&stop_now, true);
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		sum += jobs[i].count;
	}
	return (double)sum / (load_now() - start);
}

double load_raw(const struct load *load, int n)
{
	return in_threads(load, raw_thread, n);
}

double load_lib(const struct load *load, int n)
{
	return in_threads(load, lib_thread, n);
}

/* ---- over the socket ---- */

static int open_connection(const struct load *load)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.80s/%.16s/api.sock", load->folder, load->run);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		load_die(addr.sun_path, strerror(errno));
	return fd;
}

static void ask(int fd, const char *request, size_t len)
{
	if (send(fd, request, len, 0) != (ssize_t)len)
		load_die("send", strerror(errno));
}

/* Answers come in one piece, being written at once. */
static void take(int fd)
{
	char answer[65536];
	ssize_t got = recv(fd, answer, sizeof(answer), 0);

	if (got < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0)
		load_die("broker", "an answer that is not 200");
	if (memmem(answer, (size_t)got, "\"results\":", 10) != NULL && memmem(answer, (size_t)got, "\"title\":", 8) != NULL)
		load_die("broker", "a batch that is not all signatures");
}

/* Answers a second, one request under way on each of n connections. */
static double closed_loop(const struct load *load, int n, const char *request)
{
	struct pollfd fds[MAX_N];
	size_t len = strlen(request);
	unsigned long done = 0;
	double start, end;

	for (int i = 0; i < n; i++) {
		fds[i] = (struct pollfd){ .fd = open_connection(load), .events = POLLIN };
		ask(fds[i].fd, request, len);
	}
	start = load_now();
	for (end = start; end < start + load->seconds; end = load_now()) {
		if (poll(fds, (nfds_t)n, 5000) <= 0)
			load_die("broker", "no answer within five seconds");
		for (int i = 0; i < n; i++) {
			if (fds[i].revents == 0)
				continue;
			take(fds[i].fd);
			done++;
			ask(fds[i].fd, request, len);
		}
	}
	for (int i = 0; i < n; i++)
		close(fds[i].fd);
	return (double)done / (end - start);
}

static void sign_request(const struct load *load, char *room, size_t room_len)
{
	static const char body[] = "{\"digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}";

	snprintf(room, room_len, "POST /v1/keys/%s/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		load->label, sizeof(body) - 1, body);
}

double load_sign(const struct load *load, int n)
{
	char request[512];

	sign_request(load, request, sizeof(request));
	return closed_loop(load, n, request);
}

double load_batch(const struct load *load, int n)
{
	char request[BATCH * 128 + 256], body[BATCH * 128];
	size_t len = 0;

	for (int i = 0; i < BATCH; i++)
		len += (size_t)snprintf(body + len, sizeof(body) - len, "%s{\"op\":\"sign\",\"key\":\"%.16s\",\"digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
			i == 0 ? "{\"requests\":[" : ",", load->label);
	len += (size_t)snprintf(body + len, sizeof(body) - len, "]}");
	snprintf(request, sizeof(request), "POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", len, body);
	return BATCH * closed_loop(load, n, request);
}

double load_jwks(const struct load *load, int n)
{
	return closed_loop(load, n, "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n");
}

/* ---- p11-kit's remoting ---- */

int load_p11kit_child(const char *pin_file, const char *module, const char *label, const char *alg, const char *seconds)
{
	struct jwk11_token_config config = { .uri = "pkcs11:token=trial", .pin_file = pin_file };
	struct jwk11_context *ctx = NULL;
	struct jwk11_token *token = NULL;
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	unsigned long count = 0;
	struct raw raw;
	char uri[64], byte;
	double end;

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", label);
	if (jwk11_context_new(&ctx, &err) != JWK11_OK || jwk11_context_load(ctx, module, &err) != JWK11_OK ||
		jwk11_token_open(ctx, &config, &token, &err) != JWK11_OK || jwk11_token_keys(token, uri, &keys, &err) != JWK11_OK ||
		jwk11_keys_count(keys) != 1)
		load_die("p11-kit", err.text);
	raw = raw_open(jwk11_keys_get(keys, 0), alg);
	if (write(STDOUT_FILENO, "r", 1) != 1 || read(STDIN_FILENO, &byte, 1) != 1)
		load_die("p11-kit", "no order to start");
	for (end = load_now() + strtod(seconds, NULL); load_now() < end; count++)
		raw_sign(&raw);
	printf("%lu\n", count);
	jwk11_keys_free(keys);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	return 0;
}

struct child {
	pid_t pid;
	int to, from;
};

static struct child start_child(const struct load *load)
{
	int in[2], out[2];
	char pin[512], seconds[32];
	struct child c;

	snprintf(pin, sizeof(pin), "%s/pin", load->folder);
	snprintf(seconds, sizeof(seconds), "%g", load->seconds);
	if (pipe(in) != 0 || pipe(out) != 0 || (c.pid = fork()) < 0)
		load_die("p11-kit", strerror(errno));
	if (c.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		execl("/proc/self/exe", "bench", "--p11-kit-client", pin, getenv("P11_KIT_CLIENT"), load->label, load->alg, seconds, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c.to = in[1];
	c.from = out[0];
	return c;
}

double load_p11kit(const struct load *load, int n)
{
	struct child children[MAX_N];
	unsigned long sum = 0;
	char text[64];

	for (int i = 0; i < n; i++) {
		children[i] = start_child(load);
		if (read(children[i].from, text, 1) != 1)
			load_die("p11-kit", "a client did not start");
	}
	for (int i = 0; i < n; i++)
		if (write(children[i].to, "g", 1) != 1)
			load_die("p11-kit", strerror(errno));
	for (int i = 0; i < n; i++) {
		ssize_t got = read(children[i].from, text, sizeof(text) - 1);

		if (got <= 0)
			load_die("p11-kit", "a client did not finish");
		text[got] = '\0';
		sum += strtoul(text, NULL, 10);
		close(children[i].to);
		close(children[i].from);
		waitpid(children[i].pid, NULL, 0);
	}
	return (double)sum / load->seconds;
}

/* ---- one at a time ---- */

/* A core that goes to sleep takes longer to wake than a request takes: whoever measures latency keeps it busy with work that counts for
 * nothing. */
static void *spin(void *arg)
{
	struct sched_param param = { 0 };

	(void)arg;
	sched_setscheduler(0, SCHED_IDLE, &param);
	while (!atomic_load_explicit(&stop_now, memory_order_relaxed))
		sched_yield(); /* a kernel with lazy preemption lets somebody else in no sooner than at the next call, or tick */
	return NULL;
}

static double p50(const struct load *load, void (*one)(void *), void *arg)
{
	static double times[MAX_TIMES];
	pthread_t spinners[MAX_N];
	long n_spinners = sysconf(_SC_NPROCESSORS_ONLN);
	double start = load_now(), end = start + load->seconds;
	size_t n = 0;

	if (n_spinners > MAX_N)
		n_spinners = MAX_N;
	atomic_store(&stop_now, false);
	for (long i = 0; i < n_spinners; i++)
		if (pthread_create(&spinners[i], NULL, spin, NULL) != 0)
			load_die("threads", "cannot be started");
	while (start < end && n < MAX_TIMES) {
		double before = start;

		one(arg);
		start = load_now();
		times[n++] = (start - before) * 1e6;
	}
	atomic_store(&stop_now, true);
	for (long i = 0; i < n_spinners; i++)
		pthread_join(spinners[i], NULL);
	qsort(times, n, sizeof(*times), load_compare);
	return times[n / 2];
}

static void one_raw(void *arg)
{
	raw_sign(arg);
}

double load_raw_p50(const struct load *load)
{
	struct raw raw = raw_open(load->key, load->alg);
	double result = p50(load, one_raw, &raw);

	raw.fl->C_CloseSession(raw.session);
	return result;
}

struct asking {
	int fd;
	char request[512];
};

static void one_sign(void *arg)
{
	struct asking *a = arg;

	ask(a->fd, a->request, strlen(a->request));
	take(a->fd);
}

double load_sign_p50(const struct load *load)
{
	struct asking a = { .fd = open_connection(load) };
	double result;

	sign_request(load, a.request, sizeof(a.request));
	result = p50(load, one_sign, &a);
	close(a.fd);
	return result;
}
