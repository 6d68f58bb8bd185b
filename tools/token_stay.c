/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of `token --refresh`: get, write, wait. Trouble is said once when it begins and once when it is over, as a journal is read by people. */
#include "token_stay.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "sup_notify.h"
#include "token_file.h"
#include "token_rules.h"
#include "wake.h"

struct stay {
	const struct token_wish *wish;
	const struct cmd_global *g;
	const char *path;
	unsigned mode;
	struct wake wake;
	struct sup_notify notify;
	int64_t expires; /* of the token in the file; 0: none of ours is there */
	unsigned n_failed;
	bool reloading;  /* the service manager waits for READY=1 */
};

static uint32_t chance(void)
{
	uint32_t n = 0;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = (uint32_t)time(NULL) * 2654435761u; /* early in the boot: any spreading will do */
	return n;
}

static void say_trouble(struct stay *s, const struct jwk11_err *err)
{
	char until[21], text[256];

	fprintf(stderr, "jwk11: %s", err->text);
	if (err->hint[0] != '\0')
		fprintf(stderr, "; %s", err->hint);
	if (s->expires > time(NULL)) {
		j11_text_time(s->expires, until);
		fprintf(stderr, "\n  trying again, every %d s at least; the token in %s holds until %s\n", TOKEN_BOUND, s->path, until);
	} else {
		fprintf(stderr, "\n  trying again, every %d s at least; %s has no token that holds\n", TOKEN_BOUND, s->path);
	}
	snprintf(text, sizeof(text), "%.200s", err->text);
	sup_notify_status(&s->notify, text);
}

/* When to come again. */
static int64_t went_wrong(struct stay *s, const struct jwk11_err *err)
{
	if (s->n_failed++ == 0)
		say_trouble(s, err);
	return time(NULL) + token_delay(s->n_failed - 1, cmd_retry_after(), chance());
}

static int64_t went_well(struct stay *s, int64_t expires)
{
	int64_t now = time(NULL), next = token_next(now, expires, chance());
	char until[21], text[64];

	j11_text_time(expires, until);
	if (s->n_failed > 0)
		fprintf(stderr, "jwk11: %s has a new token, until %s\n", s->path, until);
	snprintf(text, sizeof(text), "token until %s", until);
	sup_notify_status(&s->notify, text);
	if (s->expires == 0 || s->reloading)
		sup_notify_ready(&s->notify);
	s->reloading = false;
	s->n_failed = 0;
	s->expires = expires;
	return next;
}

static enum jwk11_rc renew(struct stay *s, int64_t *ret_expires, struct jwk11_err *err)
{
	J11_AUTO(token_done_auto) struct token token = { 0 };
	enum jwk11_rc rc = token_get(s->wish, s->g, &token, err);

	if (rc == JWK11_OK)
		rc = token_file_write(s->path, j11_buf_view(&token.text), s->mode, err);
	if (rc == JWK11_OK)
		*ret_expires = token.expires;
	return rc;
}

/* With no token yet a refusal is told to whoever has just typed it; a broker that starts too is waited for. */
static bool is_final(const struct stay *s, const struct jwk11_err *err)
{
	int code = cmd_exit_of(err->code, err->rc);

	return s->expires == 0 && code != CMD_UNAVAILABLE && code != CMD_TRY_LATER;
}

static int loop(struct stay *s)
{
	for (;;) {
		struct jwk11_err err = { 0 };
		int64_t expires = 0, next;
		enum wake_why why;

		if (renew(s, &expires, &err) == JWK11_OK)
			next = went_well(s, expires);
		else if (is_final(s, &err))
			return cmd_fail(&err);
		else
			next = went_wrong(s, &err);
		if (s->reloading) /* that has come to nothing, and the manager need not wait for it */
			sup_notify_ready(&s->notify);
		why = wake_wait(&s->wake, next);
		s->reloading = why == WAKE_HANGUP && s->expires > 0;
		if (s->reloading)
			sup_notify_reloading(&s->notify);
		if (why == WAKE_END)
			return CMD_OK;
		if (why == WAKE_FAILED) {
			j11_err_set(&err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "waiting failed");
			return cmd_fail(&err);
		}
	}
}

int token_stay(const struct token_wish *wish, const struct cmd_global *g, const char *path, unsigned mode)
{
	struct stay s = { .wish = wish, .g = g, .path = path, .mode = mode };
	struct jwk11_err err = { 0 };
	int code;

	if (wake_open(&s.wake, &err) != JWK11_OK)
		return cmd_fail(&err);
	sup_notify_open(&s.notify);
	code = loop(&s);
	if (code == CMD_OK)
		sup_notify_stopping(&s.notify);
	sup_notify_close(&s.notify);
	wake_close(&s.wake);
	return code;
}
