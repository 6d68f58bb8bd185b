/* SPDX-License-Identifier: Apache-2.0 */
/* Any peer under any configuration with any claims. Fields end with 0x1e: "uid gid group", the text of /proc/PID/cgroup, executable, socket, key, alg,
 * configuration, claims. What is held: an answer names a section that gives it; who is known less is never allowed more; the canonical text decides the
 * same; claims that pass are what the section's rules say. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/jwt.h"
#include "policy.h"
#include "work_unit.h"

enum { FIELD_MAX = 65536, N_TEXTS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static struct jwk11_view take(struct jwk11_view *rest)
{
	const char *p = rest->data, *end = rest->len > 0 ? memchr(p, 0x1e, rest->len) : NULL;
	struct jwk11_view taken = { .data = p, .len = end != NULL ? (size_t)(end - p) : rest->len };
	size_t used = taken.len + (end != NULL);

	*rest = (struct jwk11_view){ .data = used > 0 ? p + used : p, .len = rest->len - used };
	return taken;
}

static bool allowed(const struct conf *conf, const struct policy_peer *peer, const char *key, const char *alg, enum conf_op op)
{
	return policy_decide(conf, peer, key, alg, op).verdict == POLICY_ALLOWED;
}

static void check_less(const struct conf *conf, const struct policy_peer *peer, const char *key, const char *alg, enum conf_op op)
{
	struct policy_peer less = *peer;

	less.unit = NULL;
	must(allowed(conf, peer, key, alg, op) || !allowed(conf, &less, key, alg, op));
	less.executable = NULL;
	less.n_groups = 0;
	must(allowed(conf, peer, key, alg, op) || !allowed(conf, &less, key, alg, op));
	less.socket = NULL;
	must(policy_decide(conf, &less, key, alg, op).verdict == POLICY_NO_CLIENT);
}

static void check_answer(const struct policy_peer *peer, const char *key, const char *alg, enum conf_op op, struct policy_answer a)
{
	const struct conf_client *c = a.client;
	bool granted = a.verdict == POLICY_ALLOWED || a.verdict == POLICY_ALG_DENIED;
	struct jwk11_buf why = J11_BUF(65536);

	must((c == NULL) == (a.verdict == POLICY_NO_CLIENT));
	if (c == NULL)
		return;
	must((a.verdict == POLICY_KEY_HIDDEN) == !conf_list_has(c->keys, key) || a.verdict == POLICY_KEY_HIDDEN);
	must(a.verdict == POLICY_KEY_HIDDEN || c->ops[op] == granted);
	must(a.verdict != POLICY_ALLOWED || c->algorithms[0] == NULL || alg[0] == '\0' || conf_list_has(c->algorithms, alg));
	must(conf_list_has(c->sockets[0] != NULL ? c->sockets : (const char *const[]){ CONF_API, NULL }, peer->socket));
	must(c->units[0] == NULL || peer->unit != NULL);
	must(c->executables[0] == NULL || conf_list_has(c->executables, peer->executable != NULL ? peer->executable : ""));
	policy_why(c, peer, &why);
	must(why.failed == JWK11_OK && why.len > 0 && !j11_text_starts(jwk11_buf_data(&why), "not"));
	j11_buf_done(&why);
}

static void check_claims(const struct conf_client *c, struct jwk11_view text)
{
	struct j11_jwt_rules rules = { .now = 1700000000, .issuer = c->jwt_issuer, .max_ttl = c->jwt_max_ttl, .audiences = c->jwt_audience,
		.subjects = c->jwt_subject, .require = c->jwt_require, .forbid = c->jwt_forbid, .types = c->jwt_typ, .headers = c->jwt_header };
	struct jwk11_buf out = J11_BUF(J11_JWT_CLAIMS_MAX + 1024);
	struct j11_json_doc *doc = NULL, *made = NULL;
	const struct j11_json *root;

	if (j11_json_read(text, NULL, "claims", &doc, NULL) == JWK11_OK && j11_jwt_claims(j11_json_root(doc), &rules, &out, NULL) == JWK11_OK) {
		must(j11_json_read(j11_buf_view(&out), NULL, "claims", &made, NULL) == JWK11_OK);
		root = j11_json_root(made);
		must(c->jwt_issuer == NULL || j11_view_equals(j11_json_get(root, "iss")->text, c->jwt_issuer));
		must(c->jwt_max_ttl == 0 || j11_json_get(root, "exp") != NULL);
		must(c->jwt_audience[0] == NULL || j11_json_get(root, "aud") != NULL);
		must(c->jwt_subject[0] == NULL || j11_json_get(root, "sub") != NULL);
		for (const char **name = c->jwt_require; *name != NULL; name++)
			must(j11_json_get(root, *name) != NULL);
		for (const char **name = c->jwt_forbid; *name != NULL; name++)
			must(j11_json_get(root, *name) == NULL || (c->jwt_issuer != NULL && strcmp(*name, "iss") == 0));
		for (const struct j11_json *m = root->child; m != NULL; m = m->next)
			must(!j11_text_folds_to(m->name, "sub") || j11_view_equals(m->name, "sub"));
	}
	j11_json_free(doc);
	j11_json_free(made);
	j11_buf_done(&out);
}

static void check_peer(const struct conf *conf, const struct conf *again, const struct policy_peer *peer, const char *key, const char *alg)
{
	bool sees = policy_sees(conf, peer, key), any = false;

	for (unsigned op = 0; op < CONF_N_OPS; op++) {
		struct policy_answer a = policy_decide(conf, peer, key, alg, (enum conf_op)op), b = policy_decide(again, peer, key, alg, (enum conf_op)op);

		check_answer(peer, key, alg, (enum conf_op)op, a);
		check_less(conf, peer, key, alg, (enum conf_op)op);
		must(a.verdict == b.verdict && (a.client == NULL || strcmp(a.client->name, b.client->name) == 0));
		any = any || a.verdict == POLICY_ALLOWED;
	}
	must(sees || !any);
}

/* Three numbers, 0 where there are no more. */
static void read_ids(struct jwk11_view text, struct policy_peer *peer)
{
	uint32_t ids[3] = { 0, 0, 0 };
	const char *p = text.data;
	size_t n = 0;

	for (size_t i = 0; i < text.len && n < 3; i++) {
		if (p[i] == ' ')
			n++;
		else
			ids[n] = ids[n] * 10 + ((uint32_t)p[i] - '0');
	}
	peer->uid = ids[0];
	peer->gid = ids[1];
	peer->groups[0] = ids[2];
	peer->n_groups = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view rest = { .data = data, .len = size }, field, claims;
	struct policy_peer peer = { .pid = 1 };
	char *texts[N_TEXTS], unit[64];
	struct conf *conf = NULL, *again = NULL;
	struct jwk11_buf canonical = J11_BUF(64 * 1024 * 1024);

	read_ids(take(&rest), &peer);
	for (size_t i = 0; i < N_TEXTS; i++) {
		field = take(&rest);
		texts[i] = calloc(1, field.len + 1);
		must(texts[i] != NULL);
		if (field.len > 0)
			memcpy(texts[i], field.data, field.len);
	}
	peer.unit = work_unit_of(j11_view_str(texts[0]), unit, sizeof(unit)) ? unit : NULL;
	must(peer.unit == NULL || (strlen(unit) > 0 && strchr(unit, '/') == NULL));
	peer.executable = texts[1][0] != '\0' ? texts[1] : NULL;
	peer.socket = texts[2];
	field = take(&rest);
	claims = take(&rest);
	if (conf_parse(field, "fuzz.conf", &conf, NULL) == JWK11_OK) {
		conf_emit(conf, &canonical);
		must(conf_parse(j11_buf_view(&canonical), "canonical", &again, NULL) == JWK11_OK);
		check_peer(conf, again, &peer, texts[3], texts[4]);
		for (size_t i = 0; i < conf->n_clients; i++)
			check_claims(&conf->clients[i], claims);
	}
	conf_free(conf);
	conf_free(again);
	j11_buf_done(&canonical);
	for (size_t i = 0; i < N_TEXTS; i++)
		free(texts[i]);
	return 0;
}
