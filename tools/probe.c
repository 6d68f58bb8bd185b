/* SPDX-License-Identifier: Apache-2.0 */
/* The child writes what it saw as one struct, which has no pointers in it, and ends without finalising: whatever the module would still do is not waited for. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

enum { PATIENCE_MS = 10000 };

/* ---- in the child ---- */

struct walk {
	struct probe *p;
	unsigned uri;
	bool is_all;
};

static bool same(const struct jwk11_token_info *a, const struct jwk11_token_info *b)
{
	return j11_text_equal(a->label, b->label) && j11_text_equal(a->serial, b->serial) && j11_text_equal(a->model, b->model) &&
		j11_text_equal(a->manufacturer, b->manufacturer);
}

static bool note_token(const struct jwk11_token_info *info, void *arg)
{
	struct walk *w = arg;
	struct probe *p = w->p;

	for (size_t i = 0; !w->is_all && i < p->n_tokens; i++)
		if (same(&p->tokens[i].info, info))
			p->tokens[i].matches |= (uint64_t)1 << w->uri;
	if (w->is_all && p->n_tokens < PROBE_TOKENS)
		p->tokens[p->n_tokens++] = (struct probe_token){ .info = *info };
	return true;
}

static void look(const char *module, const char *const *uris, struct probe *p)
{
	struct walk w = { .p = p, .is_all = true };
	struct jwk11_context *ctx = NULL;
	enum jwk11_rc rc = jwk11_context_new(&ctx, &p->why);

	if (rc == JWK11_OK)
		rc = jwk11_context_load(ctx, module, &p->why);
	if (rc == JWK11_OK)
		rc = jwk11_context_tokens(ctx, NULL, note_token, &w, &p->why);
	if (rc == JWK11_OK)
		p->n_hidden = jwk11_context_n_hidden(ctx);
	w.is_all = false;
	for (; rc == JWK11_OK && uris[w.uri] != NULL && w.uri < PROBE_URIS; w.uri++)
		rc = jwk11_context_tokens(ctx, uris[w.uri], note_token, &w, &p->why);
	p->end = rc == JWK11_OK ? PROBE_DONE : PROBE_FAILED;
}

/* Modules talk on standard output too, where ours is for programs. */
__attribute__((noreturn)) static void be_child(const char *module, const char *const *environment, const char *const *uris, struct probe *p, int out, int said)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	const char *octets = (const char *)p;
	size_t left = sizeof(*p);

	if (nowhere >= 0) {
		dup2(nowhere, STDIN_FILENO);
		dup2(nowhere, STDOUT_FILENO);
	}
	if (said >= 0)
		dup2(said, STDERR_FILENO);
	for (; *environment != NULL; environment++)
		putenv((char *)*environment);
	look(module, uris, p);
	while (left > 0) {
		ssize_t n = write(out, octets, left);

		if (n < 0 && errno != EINTR)
			break;
		octets += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	_exit(0);
}

/* ---- here ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1: all of it; 0: it ended before; -1: too late. */
static int read_all(int fd, void *room, size_t len)
{
	int64_t end = now_ms() + PATIENCE_MS;
	char *p = room;

	while (len > 0) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();
		ssize_t n;

		if (left <= 0 || (poll(&poll_fd, 1, (int)left) == 0))
			return -1;
		n = read(fd, p, len);
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return 0;
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 1;
}

/* The last line with something in it. */
static void keep_last_line(int fd, char room[200])
{
	char text[2048];
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(text) - 1 ? size - (off_t)sizeof(text) + 1 : 0;
	ssize_t n = size > 0 ? pread(fd, text, sizeof(text) - 1, from) : 0;
	const char *line;

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	text[n > 0 ? n : 0] = '\0';
	line = strrchr(text, '\n');
	j11_text_printable(j11_view_str(line != NULL ? line + 1 : text), room, 200);
}

static void take_result(pid_t pid, int in, int said, struct probe *p)
{
	struct probe seen;
	int got = read_all(in, &seen, sizeof(seen)), status = 0;

	if (got != 1)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (got == 1) {
		*p = seen;
	} else {
		p->end = got < 0 ? PROBE_LATE : PROBE_CRASHED;
		p->signal = got == 0 && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL ? WTERMSIG(status) : 0;
	}
	if (said >= 0)
		keep_last_line(said, p->said);
}

void probe_module(const char *module, const char *const *environment, const char *const *uris, struct probe *ret_probe)
{
	int pipe_fds[2], said = memfd_create("said", MFD_CLOEXEC);
	pid_t pid;

	memset(ret_probe, 0, sizeof(*ret_probe));
	snprintf(ret_probe->module, sizeof(ret_probe->module), "%s", module);
	ret_probe->end = PROBE_NONE;
	fflush(NULL);
	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		j11_err_set(&ret_probe->why, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "pipe: %s", strerror(errno));
	} else {
		pid = fork();
		if (pid == 0)
			be_child(module, environment, uris, ret_probe, pipe_fds[1], said);
		close(pipe_fds[1]);
		if (pid < 0)
			j11_err_set(&ret_probe->why, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "fork: %s", strerror(errno));
		else
			take_result(pid, pipe_fds[0], said, ret_probe);
		close(pipe_fds[0]);
	}
	if (said >= 0)
		close(said);
}
