/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 list: the keys, from the broker or from the tokens. */
#include <stdio.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_write.h"
#include "local.h"
#include "show.h"
#include "table.h"

struct row {
	char name[128], alg[32], kty[8], state[32], token[128], kid[300], operations[160], uri[128];
};

/* Rows go into one of the two. */
struct listing {
	struct table table;
	struct j11_json_out *json; /* NULL: table */
};

/* "yes", "jwt only", or why not. */
static void may_sign(const struct row *row, char *room, size_t room_len)
{
	if (!j11_text_equal(row->state, "active"))
		snprintf(room, room_len, "no (%s)", row->state);
	else if (row->operations[0] == '\0')
		snprintf(room, room_len, "no (not granted)");
	else if (j11_text_starts(row->operations, "sign jws jwt"))
		snprintf(room, room_len, "yes");
	else
		snprintf(room, room_len, "%s only", row->operations);
}

static void add(struct listing *l, const struct row *row)
{
	char sign[200];

	may_sign(row, sign, sizeof(sign));
	if (l->json == NULL) {
		table_row(&l->table, row->name, row->alg, row->state, row->token, row->kid, sign);
		return;
	}
	j11_json_open(l->json, NULL, '{');
	j11_json_str(l->json, "name", row->name);
	j11_json_str(l->json, "alg", row->alg);
	j11_json_str(l->json, "kty", row->kty);
	j11_json_str(l->json, "state", row->state);
	j11_json_str(l->json, "token", row->token);
	j11_json_str(l->json, "kid", row->kid);
	j11_json_str(l->json, "thumbprint_uri", row->uri);
	j11_json_str(l->json, "may_sign", sign);
	j11_json_close(l->json);
}

static enum jwk11_rc list_broker(const struct cmd_global *g, struct listing *l, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *keys;
	enum jwk11_rc rc = show_ask(g, "/v1/keys", &doc, err);
	struct row row;

	if (rc != JWK11_OK)
		return rc;
	keys = j11_json_get(j11_json_root(doc), "keys");
	for (const struct j11_json *k = keys ? keys->child : NULL; k != NULL; k = k->next) {
		show_member(k, "name", row.name, sizeof(row.name));
		show_member(k, "alg", row.alg, sizeof(row.alg));
		show_member(k, "kty", row.kty, sizeof(row.kty));
		show_member(k, "state", row.state, sizeof(row.state));
		show_member(k, "token", row.token, sizeof(row.token));
		show_member(k, "kid", row.kid, sizeof(row.kid));
		show_member(k, "thumbprint_uri", row.uri, sizeof(row.uri));
		show_words(k, "operations", row.operations, sizeof(row.operations));
		add(l, &row);
	}
	return JWK11_OK;
}

static void set_uri(struct row *row, const struct jwk11_key *key)
{
	struct jwk11_buf uri = J11_BUF(sizeof(row->uri) - 1);

	if (key != NULL && jwk11_pub_thumbprint_uri(jwk11_key_pub(key), &uri, NULL) == JWK11_OK)
		snprintf(row->uri, sizeof(row->uri), "%s", jwk11_buf_data(&uri));
	else
		row->uri[0] = '\0';
	j11_buf_done(&uri);
}

/* The broker's words for it (PROTOCOL.md). */
static const char *state_of(const struct jwk11_key *key, const struct jwk11_err *why)
{
	static const struct {
		enum j11_code code;
		const char *state;
	} rows[] = {
		{ J11_CODE_KEY_WEAK, "weak" }, { J11_CODE_KEY_WANTS_PIN, "wants-pin" }, { J11_CODE_KEY_AMBIGUOUS, "ambiguous" },
		{ J11_CODE_KEY_UNAVAILABLE, "unsupported" }, { J11_CODE_KEY_UNKNOWN, "missing" },
	};

	for (size_t i = 0; why->rc != JWK11_OK && i < J11_COUNT(rows); i++)
		if (j11_text_equal(why->code, j11_code_name(rows[i].code)))
			return rows[i].state;
	return key != NULL ? "active" : "unavailable";
}

static void add_local(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	struct row row;

	snprintf(row.name, sizeof(row.name), "%s", conf->name);
	snprintf(row.alg, sizeof(row.alg), "%s", alg);
	snprintf(row.kty, sizeof(row.kty), "%s", key ? jwk11_key_kty(key) : "");
	snprintf(row.state, sizeof(row.state), "%s", state_of(key, why));
	snprintf(row.token, sizeof(row.token), "%s", key ? jwk11_token_get_info(jwk11_key_token(key))->label : "");
	snprintf(row.kid, sizeof(row.kid), "%s", kid);
	snprintf(row.operations, sizeof(row.operations), "%s", key && jwk11_key_use(key) == JWK11_USE_ENC ? "decrypt" : "sign jws jwt");
	set_uri(&row, key);
	add(arg, &row);
	if (why->rc != JWK11_OK)
		fprintf(stderr, "jwk11: %s\n", why->text);
}

static void say_left_out(const char *reason, void *arg)
{
	(void)arg;
	fprintf(stderr, "jwk11: left out: %s\n", reason);
}

static enum jwk11_rc list_local(const struct cmd_global *g, struct listing *l, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc == JWK11_OK)
		rc = local_each(local, add_local, l, err);
	if (rc == JWK11_OK)
		local_each_left_out(local, say_left_out, NULL);
	return rc;
}

static int run_list(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct listing l = { .table = TABLE_HEADED(6, 3), .json = g->json ? &o : NULL };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	(void)argv;
	if (argc != 0)
		return cmd_usage("list", "takes no argument");
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/list/1");
	j11_json_open(&o, "keys", '[');
	table_row(&l.table, "NAME", "ALG", "STATE", "TOKEN", "KID", "MAY SIGN");
	rc = g->offline ? list_local(g, &l, &err) : list_broker(g, &l, &err);
	j11_json_close(&o);
	j11_json_close(&o);
	return show_list(g, rc, &out, &l.table, &err);
}

const struct cmd_verb cmd_list = { "list", "", "the keys you may see, with algorithm, state, token and kid", run_list, NULL, 0, .local = false };
