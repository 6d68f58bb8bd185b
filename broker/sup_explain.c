/* SPDX-License-Identifier: Apache-2.0 */
/* A peer from words, and the same decision that a worker makes. */
#include "sup_explain.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "form/template.h"
#include "policy.h"

struct question {
	struct policy_peer peer;
	const char *user, *key, *op, *alg, *token, *template;
	bool has_uid;
};

static enum jwk11_rc wrong(struct jwk11_err *err, const char *fmt, const char *word)
{
	return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, fmt, word);
}

/* ---- words ---- */

static enum jwk11_rc set_user(struct question *q, const char *name, struct jwk11_err *err)
{
	const struct passwd *pw = getpwnam(name);
	int n = POLICY_MAX_GROUPS;

	if (pw == NULL)
		return wrong(err, "there is no user \"%s\"", name);
	q->peer.uid = pw->pw_uid;
	q->peer.gid = pw->pw_gid;
	q->has_uid = true;
	if (getgrouplist(name, pw->pw_gid, q->peer.groups, &n) < 0)
		return wrong(err, "user \"%s\" is in more groups than a peer may have", name);
	q->peer.n_groups = (size_t)n;
	return JWK11_OK;
}

static enum jwk11_rc set_number(struct question *q, const char *name, const char *value, struct jwk11_err *err)
{
	uint64_t id;

	if (!j11_text_to_u64(j11_view_str(value), 0xfffffffeu, &id))
		return wrong(err, "\"%s\" is no number of a user or group", value);
	if (j11_text_equal(name, "uid")) {
		q->peer.uid = (uid_t)id;
		q->has_uid = true;
	} else if (q->peer.n_groups < POLICY_MAX_GROUPS) {
		q->peer.groups[q->peer.n_groups++] = (gid_t)id;
	}
	return JWK11_OK;
}

static enum jwk11_rc take(struct question *q, const char *word, struct jwk11_err *err)
{
	struct {
		const char *name, **place;
	} texts[] = { { "unit", &q->peer.unit }, { "executable", &q->peer.executable }, { "socket", &q->peer.socket }, { "key", &q->key }, { "op", &q->op },
		{ "alg", &q->alg }, { "token", &q->token }, { "template", &q->template } };
	const char *equals = strchr(word, '=');
	struct jwk11_view name = { .data = word, .len = equals ? (size_t)(equals - word) : 0 };

	if (equals == NULL || equals[1] == '\0')
		return wrong(err, "\"%s\" is not NAME=VALUE", word);
	if (j11_view_equals(name, "user"))
		return set_user(q, equals + 1, err);
	if (j11_view_equals(name, "uid") || j11_view_equals(name, "gid"))
		return set_number(q, name.len == 3 && word[0] == 'u' ? "uid" : "gid", equals + 1, err);
	for (size_t i = 0; i < J11_COUNT(texts); i++) {
		if (!j11_view_equals(name, texts[i].name))
			continue;
		*texts[i].place = equals + 1;
		return JWK11_OK;
	}
	return wrong(err, "\"%s\": known are user, uid, gid, unit, executable, socket, key, op, template, alg, token", word);
}

static enum jwk11_rc find_op(const struct question *q, enum conf_op *ret_op, struct jwk11_err *err)
{
	for (unsigned op = 0; op < CONF_N_OPS; op++) {
		if (!j11_text_equal(conf_op_name((enum conf_op)op), q->op))
			continue;
		*ret_op = (enum conf_op)op;
		return JWK11_OK;
	}
	return wrong(err, "op=%s: an operation is sign, jws, jwt, verify, decrypt or csr", q->op);
}

static enum jwk11_rc check(const struct conf *conf, const struct question *q, enum conf_op *ret_op, struct jwk11_err *err)
{
	bool has_socket = j11_text_equal(q->peer.socket, CONF_API);

	for (size_t i = 0; i < conf->n_sockets; i++)
		has_socket = has_socket || j11_text_equal(conf->sockets[i].name, q->peer.socket);
	if (!q->has_uid)
		return wrong(err, "%s is missing: who asks", "user=NAME, or uid=NUMBER");
	if (!has_socket)
		return wrong(err, "there is no [socket %s]", q->peer.socket);
	if (q->template != NULL && (q->op != NULL || j11_template_find(j11_view_str(q->template)) == NULL))
		return wrong(err, q->op != NULL ? "%s says the operation too" : "there is no template \"%s\"", q->op != NULL ? "template=NAME" : q->template);
	if (q->token != NULL && (q->key != NULL || q->op != NULL || q->template != NULL))
		return wrong(err, "%s is a question of its own: may they log in and out there?", "token=NAME");
	if ((q->key == NULL) != (q->op == NULL && q->template == NULL))
		return wrong(err, "%s is missing", q->key == NULL ? "key=NAME" : "op=OPERATION");
	return q->op != NULL ? find_op(q, ret_op, err) : JWK11_OK;
}

/* ---- answers ---- */

static void print_list(FILE *out, const char *what, const char *const *list)
{
	if (*list == NULL)
		return;
	fprintf(out, "    %s", what);
	for (; *list != NULL; list++)
		fprintf(out, " %s%s", *list, list[1] != NULL ? "," : "\n");
}

static void print_section(FILE *out, const struct conf_client *c)
{
	print_list(out, "keys", (const char *const *)c->keys);
	fputs("    allow", out);
	for (unsigned op = 0; op < CONF_N_OPS; op++)
		if (c->ops[op])
			fprintf(out, " %s", conf_op_name((enum conf_op)op));
	putc('\n', out);
	print_list(out, "template", (const char *const *)c->templates);
	print_list(out, "algorithms", (const char *const *)c->algorithms);
	print_list(out, "administer", (const char *const *)c->administer);
	if (!c->ops[CONF_OP_JWT])
		return;
	if (c->jwt_issuer != NULL)
		fprintf(out, "    jwt-issuer %s\n", c->jwt_issuer);
	if (c->jwt_max_ttl > 0)
		fprintf(out, "    jwt-max-ttl %lld s\n", (long long)c->jwt_max_ttl);
	print_list(out, "jwt-audience", (const char *const *)c->jwt_audience);
	print_list(out, "jwt-subject", (const char *const *)c->jwt_subject);
	print_list(out, "jwt-require", (const char *const *)c->jwt_require);
	print_list(out, "jwt-forbid", (const char *const *)c->jwt_forbid);
	print_list(out, "jwt-typ", (const char *const *)c->jwt_typ);
	print_list(out, "jwt-header", (const char *const *)c->jwt_header);
}

static void print_sections(FILE *out, const struct conf *conf, const struct policy_peer *peer)
{
	for (size_t i = 0; i < conf->n_clients; i++) {
		J11_AUTO(j11_buf_done_auto) struct jwk11_buf why = J11_BUF(65536);
		const struct conf_client *c = &conf->clients[i];
		bool matches = policy_next_client(conf, peer, i > 0 ? &conf->clients[i - 1] : NULL) == c;

		policy_why(c, peer, &why);
		fprintf(out, "[client %s] %s%s\n", c->name, matches ? "matches: " : "", jwk11_buf_data(&why));
		if (matches)
			print_section(out, c);
	}
}

static enum sup_explained print_decision(FILE *out, const struct conf *conf, const struct question *q, enum conf_op op)
{
	const struct j11_template *t = q->template != NULL ? j11_template_find(j11_view_str(q->template)) : NULL;
	struct policy_answer answer = t != NULL ? policy_decide_template(conf, &q->peer, q->key, q->alg, t) : policy_decide(conf, &q->peer, q->key, q->alg, op);
	const char *asked = t != NULL ? t->name : q->op;

	if (conf_find_key(conf, q->key) == NULL && answer.verdict != POLICY_NO_CLIENT)
		answer.verdict = POLICY_KEY_HIDDEN;
	fprintf(out, "%s with key %s: ", asked, q->key);
	switch (answer.verdict) {
	case POLICY_ALLOWED:
		fprintf(out, "allowed by [client %s]\n", answer.client->name);
		return SUP_EXPLAIN_YES;
	case POLICY_NO_CLIENT:
		fputs("refused, PEER_DENIED: no [client] section matches\n", out);
		break;
	case POLICY_KEY_HIDDEN:
		fprintf(out, "refused, KEY_UNKNOWN: %s\n", conf_find_key(conf, q->key) != NULL ? "no section that matches names the key" :
			"there is no [key] section of that name");
		break;
	case POLICY_OP_DENIED:
		fprintf(out, "refused, OPERATION_DENIED: [client %s] has the key and does not allow %s\n", answer.client->name,
			t != NULL ? conf_op_name(conf_op_of(t)) : q->op);
		break;
	case POLICY_FREE_DENIED:
		fprintf(out, "refused, OPERATION_DENIED: [client %s] allows it by template only\n", answer.client->name);
		break;
	case POLICY_TEMPLATE_DENIED:
		fprintf(out, "refused, OPERATION_DENIED: [client %s] does not have it among its templates\n", answer.client->name);
		break;
	case POLICY_ALG_DENIED:
		fprintf(out, "refused, OPERATION_DENIED: [client %s] does not have %s among its algorithms\n", answer.client->name, q->alg);
		break;
	}
	return SUP_EXPLAIN_NO;
}

static enum sup_explained print_login(FILE *out, const struct conf *conf, const struct question *q)
{
	const struct conf_client *client = policy_administers(conf, &q->peer, q->token);

	fprintf(out, "log in to token %s: ", q->token);
	if (client != NULL && conf_find_token(conf, q->token) != NULL) {
		fprintf(out, "allowed by [client %s]\n", client->name);
		return SUP_EXPLAIN_YES;
	}
	if (client != NULL)
		fputs("refused, TOKEN_UNKNOWN: there is no [token] section of that name\n", out);
	else if (policy_next_client(conf, &q->peer, NULL) == NULL)
		fputs("refused, PEER_DENIED: no [client] section matches\n", out);
	else
		fputs("refused, OPERATION_DENIED: no section that matches has it under administer\n", out);
	return SUP_EXPLAIN_NO;
}

enum sup_explained sup_explain(const struct conf *conf, char *const *words, FILE *out, struct jwk11_err *err)
{
	struct question q = { .peer = { .gid = (gid_t)-1, .socket = CONF_API } };
	enum conf_op op = CONF_OP_SIGN;
	enum jwk11_rc rc = JWK11_OK;

	for (; *words != NULL && rc == JWK11_OK; words++)
		rc = take(&q, *words, err);
	if (rc == JWK11_OK)
		rc = check(conf, &q, &op, err);
	if (rc != JWK11_OK)
		return SUP_EXPLAIN_USAGE;
	print_sections(out, conf, &q.peer);
	if (q.token != NULL)
		return print_login(out, conf, &q);
	if (q.op != NULL || q.template != NULL)
		return print_decision(out, conf, &q, op);
	return policy_next_client(conf, &q.peer, NULL) != NULL ? SUP_EXPLAIN_YES : SUP_EXPLAIN_NO;
}
