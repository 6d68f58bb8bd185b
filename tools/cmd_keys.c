/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 keys NAME: the versions of a key and when each begins and ends, from the broker or from the tokens. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_write.h"
#include "local_version.h"
#include "show.h"
#include "table.h"

struct line {
	char state[16], from[24], until[24], alg[32], token[128], kid[300], reason[JWK11_TEXT_MAX];
};

/* Lines go into one of the two. */
struct listing {
	struct table table;
	struct j11_json_out *json; /* NULL: table */
};

static void add_or_null(struct j11_json_out *o, const char *name, const char *text)
{
	if (text[0] != '\0')
		j11_json_str(o, name, text);
	else
		j11_json_null(o, name);
}

static void add(struct listing *l, const struct line *line)
{
	if (l->json == NULL) {
		table_row(&l->table, line->state, line->from, line->until, line->alg, line->token, line->kid, line->reason);
		return;
	}
	j11_json_open(l->json, NULL, '{');
	j11_json_str(l->json, "state", line->state);
	add_or_null(l->json, "from", line->from);
	add_or_null(l->json, "until", line->until);
	j11_json_str(l->json, "alg", line->alg);
	j11_json_str(l->json, "token", line->token);
	j11_json_str(l->json, "kid", line->kid);
	if (line->reason[0] != '\0')
		j11_json_str(l->json, "reason", line->reason);
	j11_json_close(l->json);
}

static enum jwk11_rc ask_versions(const struct cmd_global *g, const char *name, struct listing *l, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *versions;
	enum jwk11_rc rc = ask_key(g, name, "", NULL, NULL, &answer, err);
	struct line line;

	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, err);
	if (rc != JWK11_OK)
		return rc;
	versions = j11_json_get(j11_json_root(doc), "versions");
	if (versions == NULL) {
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ARGUMENT, "key \"%.64s\" has no versions", name);
		j11_err_hint(err, "lead = 24h and period = 90d in its section: jwk11.conf(5)");
		return err->rc;
	}
	for (const struct j11_json *v = versions->child; v != NULL; v = v->next) {
		show_member(v, "state", line.state, sizeof(line.state));
		show_member(v, "from", line.from, sizeof(line.from));
		show_member(v, "until", line.until, sizeof(line.until));
		show_member(v, "alg", line.alg, sizeof(line.alg));
		show_member(v, "token", line.token, sizeof(line.token));
		show_member(v, "kid", line.kid, sizeof(line.kid));
		show_member(v, "reason", line.reason, sizeof(line.reason));
		add(l, &line);
	}
	return JWK11_OK;
}

static void moment(int64_t seconds, char ret_text[24])
{
	ret_text[0] = '\0';
	if (seconds > 0 && seconds <= J11_VERSION_MOMENT_MAX)
		j11_text_time(seconds, ret_text);
}

static enum jwk11_rc find_versions(const struct cmd_global *g, const char *name, struct listing *l, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	J11_AUTO(local_versions_done_auto) struct local_versions versions = { 0 };
	const struct conf_key *conf;
	struct line line;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc == JWK11_OK)
		rc = local_versions_conf(local, name, &conf, err);
	if (rc == JWK11_OK)
		rc = local_versions_find(local, conf, time(NULL), &versions, err);
	if (rc != JWK11_OK)
		return rc;
	for (size_t i = 0; i < versions.n; i++) {
		const struct local_version *v = &versions.list[i];

		snprintf(line.state, sizeof(line.state), "%s", j11_version_state_name(v->state));
		moment(v->moment, line.from);
		moment(v->until, line.until);
		snprintf(line.alg, sizeof(line.alg), "%s", v->alg);
		snprintf(line.token, sizeof(line.token), "%s", jwk11_token_get_info(jwk11_key_token(v->key))->label);
		snprintf(line.kid, sizeof(line.kid), "%s", v->kid);
		snprintf(line.reason, sizeof(line.reason), "%s", v->why.text);
		add(l, &line);
	}
	if (!versions.is_whole)
		fprintf(stderr, "jwk11: there may be more: %s\n", versions.why.text);
	return JWK11_OK;
}

static int run_keys(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct listing l = { .table = TABLE_HEADED(7, 1), .json = g->json ? &o : NULL };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc != 1)
		return cmd_usage("keys", "takes the name of a key");
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/keys/1");
	j11_json_str(&o, "key", argv[0]);
	j11_json_open(&o, "versions", '[');
	table_row(&l.table, "STATE", "FROM", "UNTIL", "ALG", "TOKEN", "KID", "WHY NOT");
	rc = g->offline ? find_versions(g, argv[0], &l, &err) : ask_versions(g, argv[0], &l, &err);
	j11_json_close(&o);
	j11_json_close(&o);
	return show_list(g, rc, &out, &l.table, &err);
}

const struct cmd_verb cmd_keys = { "keys", "NAME", "the versions of a key: which signs, which comes next, until when", run_keys, NULL, 0, .local = false };
