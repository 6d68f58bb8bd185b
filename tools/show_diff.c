/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 jwks --diff OLD: each change of a line, or one JSON document. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/text.h"
#include "jose/jwks_diff.h"
#include "jose/thumb.h"
#include "json/json_write.h"
#include "show.h"

/* What each kind of change is, before its members. */
static const char *const sentences[J11_N_CHANGE_] = {
	[J11_CHANGE_ADDED] = "new", [J11_CHANGE_REMOVED] = "gone",
	[J11_CHANGE_REPLACED] = "another key under the same kid; who knows the kid will not fetch it",
	[J11_CHANGE_RENAMED] = "the same key, before under ", [J11_CHANGE_CHANGED] = "the same key, other members", [J11_CHANGE_SET] = "members of the set",
};

static const struct j11_json *present(const struct j11_change *c)
{
	return c->after != NULL ? c->after : c->before;
}

static void print_change(const struct j11_change *c)
{
	char kid[72], alg[24], kty[12], old[72] = "";

	show_member(present(c), "kid", kid, sizeof(kid));
	show_member(present(c), "alg", alg, sizeof(alg));
	show_member(present(c), "kty", kty, sizeof(kty));
	if (c->kind == J11_CHANGE_RENAMED)
		show_member(c->before, "kid", old, sizeof(old));
	printf("%-8s", j11_change_name(c->kind));
	if (c->kind != J11_CHANGE_SET)
		printf("  %s  %s", kid[0] ? kid : "(no kid)", alg[0] ? alg : kty);
	printf("  %s%s", sentences[c->kind], c->kind != J11_CHANGE_RENAMED ? "" : old[0] ? old : "no kid");
	printf(c->members[0] ? ": %s\n" : "%s\n", c->members);
}

static void write_kid(struct j11_json_out *o, const char *name, const struct j11_json *jwk)
{
	const struct j11_json *kid = j11_json_get(jwk, "kid");

	if (kid != NULL && kid->type == J11_JSON_STRING)
		j11_json_view(o, name, kid->text);
	else
		j11_json_null(o, name);
}

static void write_change(struct j11_json_out *o, const struct j11_change *c)
{
	char thumbprint[JWK11_THUMBPRINT_LEN + 1], word[24];
	const char *names[] = { "kty", "alg", "use" };

	j11_json_open(o, NULL, '{');
	j11_json_str(o, "change", j11_change_name(c->kind));
	if (c->kind != J11_CHANGE_SET) {
		write_kid(o, "kid", present(c));
		if (c->kind == J11_CHANGE_RENAMED)
			write_kid(o, "old_kid", c->before);
		for (size_t i = 0; i < J11_COUNT(names); i++) {
			show_member(present(c), names[i], word, sizeof(word));
			if (word[0] != '\0')
				j11_json_str(o, names[i], word);
		}
		if (j11_thumb_of(present(c), thumbprint))
			j11_json_str(o, "thumbprint", thumbprint);
	}
	if (c->before != NULL && c->after != NULL) {
		j11_json_open(o, "members", '[');
		for (const char *p = c->members; *p != '\0';) {
			size_t len = strcspn(p, " ");

			j11_json_view(o, NULL, (struct jwk11_view){ p, len });
			p += len + (p[len] == ' ');
		}
		j11_json_close(o);
	}
	j11_json_close(o);
}

static enum jwk11_rc print_json(const struct j11_jwks_diff *diff, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/jwks-diff/1");
	j11_json_boolean(&o, "same", diff->n == 0);
	j11_json_open(&o, "changes", '[');
	for (size_t i = 0; i < diff->n; i++)
		write_change(&o, &diff->changes[i]);
	j11_json_close(&o);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

int show_diff(const struct cmd_global *g, struct jwk11_view now)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf old = J11_BUF(0);
	J11_AUTO(j11_jwks_diff_free_auto) struct j11_jwks_diff *diff = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = cmd_read_input(g->diff, 1024 * 1024, &old, &err);

	if (rc == JWK11_OK)
		rc = j11_jwks_diff(j11_buf_view(&old), now, &diff, &err);
	if (rc == JWK11_OK && g->json)
		rc = print_json(diff, &err);
	if (rc != JWK11_OK)
		return cmd_fail(&err);
	for (size_t i = 0; i < diff->n && !g->json; i++)
		print_change(&diff->changes[i]);
	return diff->n == 0 ? CMD_OK : CMD_NEGATIVE;
}
