/* SPDX-License-Identifier: Apache-2.0 */
/* Start, read to the end, wait. What comes back is parsed like any configuration, and only verify-only keys are taken from it. */
#include "sup_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "sup_spawn.h"

enum { ANSWER_MAX = 4 * 1024 * 1024, PATIENCE_MS = 10000 };

static enum jwk11_rc failed(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "the files of verify-only keys were not read: jwk11d-keys %s", why);
}

/* To the end of file. */
static enum jwk11_rc read_answer(int fd, struct jwk11_buf *answer, struct jwk11_err *err)
{
	int64_t until = j11_clock_ms() + PATIENCE_MS, left;
	char room[8192];
	ssize_t n;

	while ((left = until - j11_clock_ms()) > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, room, sizeof(room));
		if (n < 0 && errno != EINTR)
			return failed("cannot be heard", err);
		if (n == 0)
			return j11_buf_check(answer, "the verify-only keys", err);
		if (n > 0)
			j11_buf_add(answer, room, (size_t)n);
	}
	return failed("took too long", err);
}

static bool has_folders(const struct conf *conf, const char *name)
{
	const struct conf_set *set = conf_find_set(conf, name);

	return set != NULL && conf_set_wants_verify_only(set);
}

static enum jwk11_rc take_keys(struct conf *conf, struct jwk11_view text, struct jwk11_err *err)
{
	J11_AUTO(conf_free_auto) struct conf *answer = NULL;
	enum jwk11_rc rc = conf_parse(text, "jwk11d-keys", &answer, err);

	for (size_t i = 0; rc == JWK11_OK && i < answer->n_verify_only; i++)
		rc = has_folders(conf, answer->verify_only[i].set) ? conf_add_verify_only(conf, &answer->verify_only[i], err) : failed("answered nonsense", err);
	return rc;
}

/* "refused", the sentence, the hint; a line each. */
static enum jwk11_rc take_refusal(struct jwk11_view text, struct jwk11_err *err)
{
	const char *p = text.data, *newline = memchr(p, '\n', text.len);
	size_t len = newline != NULL ? (size_t)(newline - p) : text.len, hint_len = newline != NULL ? text.len - len - 1 : 0;
	const char *end = hint_len > 0 ? memchr(newline + 1, '\n', hint_len) : NULL;
	char shown[JWK11_TEXT_MAX];

	j11_text_printable((struct jwk11_view){ .data = p, .len = len }, shown, sizeof(shown));
	(void)j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "%s", shown);
	if (end != NULL && end > newline + 1) {
		j11_text_printable((struct jwk11_view){ .data = newline + 1, .len = (size_t)(end - newline - 1) }, shown, sizeof(shown));
		j11_err_hint(err, "%s", shown);
	}
	return JWK11_ERR_SYNTAX;
}

static enum jwk11_rc take_answer(struct conf *conf, const struct jwk11_buf *answer, struct jwk11_err *err)
{
	const char *text = jwk11_buf_data(answer);

	if (j11_text_starts(text, "good\n"))
		return take_keys(conf, (struct jwk11_view){ .data = text + 5, .len = answer->len - 5 }, err);
	if (j11_text_starts(text, "refused\n"))
		return take_refusal((struct jwk11_view){ .data = text + 8, .len = answer->len - 8 }, err);
	return failed("ended without an answer", err);
}

enum jwk11_rc sup_keys_read(struct conf *conf, int memory, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf answer = J11_BUF(ANSWER_MAX);
	struct sup_program program = { .argv = { "jwk11d-keys", NULL }, .fds = { memory }, .n_fds = 2 };
	int ends[2];
	pid_t pid;
	enum jwk11_rc rc;

	if (!conf_wants_verify_only(conf))
		return JWK11_OK;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return failed(strerror(errno), err);
	program.fds[1] = ends[1];
	rc = sup_spawn(&program, &pid, err);
	close(ends[1]);
	if (rc == JWK11_OK) {
		rc = read_answer(ends[0], &answer, err);
		kill(pid, SIGKILL); /* it has said all it has to say, or nothing more is waited for */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		if (rc == JWK11_OK)
			rc = take_answer(conf, &answer, err);
	}
	close(ends[0]);
	return rc;
}
