/* SPDX-License-Identifier: Apache-2.0 */
/* Counting calls, and failing as the script says. */
#include "mock.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define NAME(function) [MOCK_##function] = #function,
static const char *const names[] = { [MOCK_ANY] = "any", MOCK_FUNCTIONS(NAME) };

const char *mock_function_name(enum mock_function function)
{
	return function < MOCK_END_FUNCTIONS_ ? names[function] : NULL;
}

static bool map_counts(size_t size)
{
	int fd = open(mock.counts_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *place = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
		place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (place == MAP_FAILED)
		return false;
	mock.counts = place;
	mock.counts_mapped = true;
	return true;
}

bool mock_counts_open(void)
{
	size_t size = MOCK_N_COUNTS * sizeof(*mock.counts);

	if (mock.counts_path == NULL)
		mock.counts = calloc(1, size);
	else if (!map_counts(size))
		return false;
	if (mock.counts == NULL)
		return false;
	for (size_t i = 0; i < MOCK_END_FUNCTIONS_; i++)
		snprintf(mock.counts[i].name, sizeof(mock.counts[i].name), "%s", names[i]);
	for (size_t i = 0; i < mock.n_tokens; i++) {
		struct mock_count *c = &mock.counts[MOCK_END_FUNCTIONS_ + i];

		snprintf(c->name, sizeof(c->name), "pin:%s", mock.tokens[i].name);
		mock.tokens[i].wrong_pins = &c->n;
	}
	snprintf(mock.counts[MOCK_N_COUNTS - 3].name, sizeof(mock.counts[0].name), "objects");
	mock.live_objects = &mock.counts[MOCK_N_COUNTS - 3].n;
	snprintf(mock.counts[MOCK_N_COUNTS - 2].name, sizeof(mock.counts[0].name), "sessions");
	mock.live_sessions = &mock.counts[MOCK_N_COUNTS - 2].n;
	snprintf(mock.counts[MOCK_N_COUNTS - 1].name, sizeof(mock.counts[0].name), "secrets");
	mock.live_secrets = &mock.counts[MOCK_N_COUNTS - 1].n;
	return true;
}

void mock_counts_close(void)
{
	if (mock.counts_mapped)
		munmap(mock.counts, MOCK_N_COUNTS * sizeof(*mock.counts));
	else
		free(mock.counts);
	mock.counts = NULL;
	mock.counts_mapped = false;
}

/* The same calls in every run with the same seed; splitmix64. */
static bool falls(uint64_t call, uint64_t seed, uint64_t permille)
{
	uint64_t z = seed * 0x2545f4914f6cdd1dULL + call * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % 1000 < permille;
}

static bool applies(const struct mock_fault *f, enum mock_function function, const uint64_t calls[2])
{
	uint64_t n = calls[f->function != MOCK_ANY];

	if (f->function != MOCK_ANY && f->function != function)
		return false;
	switch (f->when) {
	case MOCK_ON:
		return n == f->n;
	case MOCK_FROM:
		return n >= f->n;
	case MOCK_EACH:
		return n % f->n == 0;
	case MOCK_CHANCE:
		return falls(n, f->seed, f->n);
	case MOCK_WHILE:
		return access(f->path, F_OK) == 0;
	default:
		return true;
	}
}

static void wait_ms(unsigned long ms)
{
	struct timespec rest = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&rest, &rest) != 0)
		;
}

/* On purpose: no sanitizer shall report it, nor its handler catch it. */
__attribute__((no_sanitize("undefined", "address", "thread"))) static void crash(enum mock_action action)
{
	volatile int *nowhere = NULL;

	if (action == MOCK_ABORT)
		abort();
	signal(SIGSEGV, SIG_DFL);
	*nowhere = 1; /* what a vendor's bug does */
}

static void vanish(struct mock_token *token)
{
	mock_token_lose(token);
	token->vanished = true;
}

/* With the lock taken. A delay or a hang must not stop other threads' calls: the lock is let go for it. */
static CK_RV act(const struct mock_fault *f, struct mock_call *call)
{
	switch (f->action) {
	case MOCK_RV:
		return f->value;
	case MOCK_DELAY:
	case MOCK_HANG:
		pthread_mutex_unlock(&lock);
		do
			wait_ms(f->action == MOCK_HANG ? 1000000 : f->value);
		while (f->action == MOCK_HANG);
		pthread_mutex_lock(&lock);
		break;
	case MOCK_ABORT:
	case MOCK_SEGV:
		crash(f->action);
		break;
	case MOCK_FLIP:
		call->flip = true;
		break;
	case MOCK_DER:
		call->der = true;
		break;
	case MOCK_LENGTH:
		call->lie = true;
		call->length = f->value;
		break;
	case MOCK_VANISH:
		vanish(&mock.tokens[f->token]);
		break;
	case MOCK_RETURN:
		mock.tokens[f->token].vanished = false;
		break;
	case MOCK_LOSE:
		mock_token_lose(&mock.tokens[f->token]);
		break;
	case MOCK_LOGOUT:
		mock.tokens[f->token].logged_in = false;
		mock_handles_change();
		break;
	}
	return CKR_OK;
}

/* A token whose file has appeared is gone with all its sessions; it comes back without them. */
static void look_for_absence(void)
{
	for (size_t i = 0; i < mock.n_tokens; i++) {
		struct mock_token *t = &mock.tokens[i];
		bool absent = t->absent_while != NULL && access(t->absent_while, F_OK) == 0;

		if (absent && !t->was_absent)
			mock_token_lose(t);
		t->was_absent = absent;
	}
}

/* Two copies of the module may have a script each: a file that is named like the copy, with .script behind it, comes first. */
static const char *script_path(void)
{
	static char room[4200];
	Dl_info info;

	if (dladdr((const void *)&lock, &info) != 0 && info.dli_fname != NULL) {
		snprintf(room, sizeof(room), "%s.script", info.dli_fname);
		if (access(room, R_OK) == 0)
			return room;
	}
	return getenv("JWK11_MOCK");
}

CK_RV mock_enter(enum mock_function function, struct mock_call *ret_call)
{
	uint64_t calls[2];
	CK_RV rv = CKR_OK;

	memset(ret_call, 0, sizeof(*ret_call));
	pthread_mutex_lock(&lock);
	if (function == MOCK_C_Initialize && mock.ready)
		rv = CKR_CRYPTOKI_ALREADY_INITIALIZED;
	else if (function == MOCK_C_Initialize && (!mock_script_read(script_path()) || !mock_counts_open()))
		rv = CKR_GENERAL_ERROR;
	else if (function != MOCK_C_Initialize && !mock.ready)
		rv = CKR_CRYPTOKI_NOT_INITIALIZED;
	if (rv != CKR_OK)
		return mock_leave(rv);
	calls[0] = ++mock.counts[MOCK_ANY].n;
	calls[1] = ++mock.counts[function].n;
	look_for_absence();
	for (size_t i = 0; rv == CKR_OK && i < mock.n_faults; i++)
		if (applies(&mock.faults[i], function, calls))
			rv = act(&mock.faults[i], ret_call);
	if (rv != CKR_OK && function == MOCK_C_Finalize)
		mock.ready = false; /* it ends all the same, or no test after this one would have a module of its own */
	return rv == CKR_OK ? rv : mock_leave(rv);
}

CK_RV mock_leave(CK_RV rv)
{
	if (!mock.ready)
		mock_world_free(); /* a start that failed, or the end */
	pthread_mutex_unlock(&lock);
	return rv;
}
