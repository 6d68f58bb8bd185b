/* SPDX-License-Identifier: Apache-2.0 */
/* Token states, and words for them. */
#include "sup_status.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { STATE_MAX = 32, NAMED = 3 };

struct sup_status_row {
	const char *module;
	char token[65];
	char state[STATE_MAX];
};

static bool is_token(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_tokens; i++)
		if (j11_text_equal(conf->tokens[i].name, name))
			return true;
	return false;
}

static struct sup_status_row *find_row(struct sup_status *s, const char *module, const char *token)
{
	struct sup_status_row *grown;

	for (size_t i = 0; i < s->n; i++)
		if (s->rows[i].module == module && j11_text_equal(s->rows[i].token, token))
			return &s->rows[i];
	grown = j11_mem_resize(s->rows, (s->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return NULL;
	s->rows = grown;
	grown[s->n] = (struct sup_status_row){ .module = module };
	snprintf(grown[s->n].token, sizeof(grown->token), "%s", token);
	return &grown[s->n++];
}

void sup_status_take(struct sup_status *s, const struct conf *conf, const char *module, const char *token, const char *state)
{
	struct sup_status_row *row = is_token(conf, token) ? find_row(s, module, token) : NULL;

	if (row != NULL)
		snprintf(row->state, sizeof(row->state), "%s", state);
}

/* Of several modules that look for one token, the one that has it speaks, else one that met more than nothing. */
static const char *state_of(const struct sup_status *s, const char *token)
{
	const char *best = "unknown";

	for (size_t i = 0; i < s->n; i++) {
		const char *state = s->rows[i].state;

		if (!j11_text_equal(s->rows[i].token, token) || j11_text_equal(best, "ready"))
			continue;
		if (j11_text_equal(best, "unknown") || !j11_text_equal(state, "absent"))
			best = state;
	}
	return best;
}

static void write_tokens(const struct sup_status *s, const struct conf *conf, struct jwk11_buf *out)
{
	size_t ready = 0, named = 0;

	for (size_t i = 0; i < conf->n_tokens; i++)
		ready += j11_text_equal(state_of(s, conf->tokens[i].name), "ready");
	j11_buf_add_fmt(out, "%zu of %zu tokens ready", ready, conf->n_tokens);
	for (size_t i = 0; i < conf->n_tokens; i++) {
		const char *name = conf->tokens[i].name, *state = state_of(s, name);

		if (!j11_text_equal(state, "ready") && named++ < NAMED)
			j11_buf_add_fmt(out, "; %s: %s", name, state);
	}
	if (named > NAMED)
		j11_buf_add_str(out, "; …");
}

void sup_status_write(const struct sup_status *s, const struct conf *conf, struct jwk11_buf *out)
{
	if (s->draining) {
		j11_buf_add_str(out, "stopping: finishing what is under way");
		return;
	}
	write_tokens(s, conf, out);
	if (s->behind[0] != '\0')
		j11_buf_add_fmt(out, "; %s", s->behind);
	if (s->refused[0] != '\0')
		j11_buf_add_fmt(out, "; reload refused: %s", s->refused);
}

void sup_status_free(struct sup_status *s)
{
	j11_mem_free(s->rows);
	*s = (struct sup_status){ 0 };
}
