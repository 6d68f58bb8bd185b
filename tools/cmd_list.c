/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 list: the keys, from the broker or from the tokens. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_write.h"
#include "local.h"

struct listing {
	struct j11_json_out *json; /* NULL: table */
};

static void row(struct listing *l, const char *name, const char *alg, const char *state, const char *token, const char *kid)
{
	if (l->json == NULL) {
		printf("%-16s %-8s %-11s %-12s %s\n", name, alg[0] ? alg : "-", state, token[0] ? token : "-", kid[0] ? kid : "-");
		return;
	}
	j11_json_open(l->json, NULL, '{');
	j11_json_str(l->json, "name", name);
	j11_json_str(l->json, "alg", alg);
	j11_json_str(l->json, "state", state);
	j11_json_str(l->json, "token", token);
	j11_json_str(l->json, "kid", kid);
	j11_json_close(l->json);
}

static void member(const struct j11_json *obj, const char *name, char *room, size_t room_len)
{
	const struct j11_json *m = j11_json_get(obj, name);

	room[0] = '\0';
	if (m != NULL && m->type == J11_JSON_STRING)
		j11_text_printable(m->text, room, room_len);
}

static enum jwk11_rc list_broker(const struct cmd_global *g, struct listing *l, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	char name[128], alg[32], state[32], token[128], kid[300];
	const struct j11_json *keys;
	enum jwk11_rc rc = ask_broker(g, "GET", "/v1/keys", NULL, NULL, &answer, err);

	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, err);
	if (rc != JWK11_OK)
		return rc;
	keys = j11_json_get(j11_json_root(doc), "keys");
	for (const struct j11_json *k = keys ? keys->child : NULL; k != NULL; k = k->next) {
		member(k, "name", name, sizeof(name));
		member(k, "alg", alg, sizeof(alg));
		member(k, "state", state, sizeof(state));
		member(k, "token", token, sizeof(token));
		member(k, "kid", kid, sizeof(kid));
		row(l, name, alg, state, token, kid);
	}
	return JWK11_OK;
}

static void local_row(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	const char *label = key ? jwk11_token_get_info(jwk11_key_token(key))->label : "";

	row(arg, conf->name, alg, key ? "active" : "unavailable", label, kid);
	if (key == NULL)
		fprintf(stderr, "jwk11: %s\n", why->text);
}

int cmd_list(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct listing l = { .json = g->json ? &o : NULL };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = JWK11_OK;

	(void)argv;
	if (argc != 0)
		return cmd_usage("list", "takes no argument");
	if (g->json) {
		j11_json_open(&o, NULL, '{');
		j11_json_str(&o, "schema", "jwk11/list/1");
		j11_json_open(&o, "keys", '[');
	}
	if (g->offline)
		rc = local_open(g, &local, &err);
	if (rc != JWK11_OK)
		return cmd_fail(&err);
	if (!g->json)
		row(&l, "NAME", "ALG", "STATE", "TOKEN", "KID (thumbprint)");
	if (g->offline)
		local_each(local, local_row, &l);
	else
		rc = list_broker(g, &l, &err);
	if (rc == JWK11_OK && g->json) {
		j11_json_close(&o);
		j11_json_close(&o);
		rc = cmd_write_output(NULL, j11_buf_view(&out), true, &err);
	}
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}
