/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 verify: a compact JWS against a key, a set, or the broker's set. Needs no token. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "jose/jwt.h"

/* The keys to try: --key (JWK or PEM), --jwks, or what the broker publishes. */
static enum jwk11_rc load_keys(const struct cmd_global *g, struct j11_jwks *set, struct jwk11_pub **single, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(0);
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	enum jwk11_rc rc;

	if (g->key_file != NULL) {
		rc = cmd_read_input(g->key_file, 65536, &text, err);
		if (rc != JWK11_OK)
			return rc;
		if (strstr(jwk11_buf_data(&text), "-----BEGIN ") != NULL)
			return jwk11_pub_from_pem(j11_buf_view(&text), single, err);
		return jwk11_pub_from_jwk(j11_buf_view(&text), single, err);
	}
	if (g->jwks != NULL) {
		rc = cmd_read_input(g->jwks, 1024 * 1024, &text, err);
		return rc == JWK11_OK ? j11_jwks_parse(j11_buf_view(&text), set, err) : rc;
	}
	rc = ask_broker(g, "GET", "/.well-known/jwks.json", NULL, NULL, &answer, err);
	return rc == JWK11_OK ? j11_jwks_parse(j11_buf_view(&answer.body), set, err) : rc;
}

/* By kid when the token has one, else the only key. Never one after the other until something fits. */
static enum jwk11_rc choose(const struct j11_jwks *set, const char *kid, const struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	for (size_t i = 0; kid[0] != '\0' && i < set->n; i++) {
		if (j11_text_equal(jwk11_pub_kid(set->pubs[i]), kid)) {
			*ret_pub = set->pubs[i];
			return JWK11_OK;
		}
	}
	if (kid[0] == '\0' && set->n == 1) {
		*ret_pub = set->pubs[0];
		return JWK11_OK;
	}
	if (kid[0] == '\0')
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the JWS names no kid and the set has %zu keys", set->n);
	return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "no key of the set has the kid the JWS names");
}

static bool is_claims(struct jwk11_view payload, struct j11_json_doc **doc)
{
	return payload.len > 0 && *(const char *)payload.data == '{' && j11_json_read(payload, NULL, "payload", doc, NULL) == JWK11_OK;
}

int cmd_verify(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(0);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(J11_JWS_PAYLOAD_MAX);
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *single = NULL;
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *claims = NULL;
	J11_AUTO(j11_jws_done_auto) struct j11_jws jws = { 0 };
	struct j11_jwks set = { 0 };
	const struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_view v;
	enum jwk11_rc rc;

	if (argc > 1)
		return cmd_usage("verify", "takes at most one FILE");
	rc = cmd_read_input(argc ? argv[0] : NULL, J11_JWS_MAX, &text, &err);
	while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		j11_buf_cut(&text, text.len - 1);
	v = j11_buf_view(&text);
	if (rc == JWK11_OK)
		rc = j11_jws_parse(v, &jws, &err);
	if (rc == JWK11_OK)
		rc = load_keys(g, &set, &single, &err);
	pub = single;
	if (rc == JWK11_OK && single == NULL)
		rc = choose(&set, jws.kid, &pub, &err);
	if (rc == JWK11_OK)
		rc = jwk11_jws_verify(pub, g->alg, v, &payload, &err);
	if (rc == JWK11_OK && is_claims(j11_buf_view(&payload), &claims))
		rc = j11_jwt_check_times(j11_json_root(claims), time(NULL), g->leeway, &err);
	j11_jwks_done(&set);
	if (rc == JWK11_OK)
		rc = cmd_write_output(g->output, j11_buf_view(&payload), true, &err);
	if (rc == JWK11_OK)
		return CMD_OK;
	cmd_fail(&err);
	return rc == JWK11_ERR_SIGNATURE || rc == JWK11_ERR_DENIED || rc == JWK11_ERR_MISMATCH ? CMD_NEGATIVE : cmd_exit_of(err.code, rc);
}
