/* SPDX-License-Identifier: Apache-2.0 */
/* Claims in, JWT out; its exp is read from what was made, since that is what others will believe. */
#include "token_get.h"

#include <time.h>

#include "ask.h"
#include "base/err.h"
#include "jose/jwt.h"
#include "json/json_write.h"
#include "local.h"
#include "token_rules.h"

static enum jwk11_rc add_own(struct j11_json_out *o, const char *name, const char *value, const struct j11_json *given, struct jwk11_err *err)
{
	if (value == NULL)
		return JWK11_OK;
	if (j11_json_get(given, name) != NULL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "claim \"%s\" is given by --%s and by --claim", name, name);
	j11_json_str(o, name, value);
	return JWK11_OK;
}

enum jwk11_rc token_wish_claims(struct token_wish *wish, const struct cmd_global *g, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(J11_JWT_CLAIMS_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_out o = J11_JSON_OUT(&wish->claims);
	const struct j11_json *given;
	enum jwk11_rc rc = cmd_claims(g, &text, err);

	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&text), NULL, "claims", &doc, err);
	if (rc != JWK11_OK)
		return rc;
	given = j11_json_root(doc);
	if (j11_json_get(given, "exp") != NULL || j11_json_get(given, "iat") != NULL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "iat and exp come from --ttl, for each token anew");
	wish->claims.max = J11_JWT_CLAIMS_MAX;
	j11_json_open(&o, NULL, '{');
	rc = add_own(&o, "iss", wish->iss, given, err);
	if (rc == JWK11_OK)
		rc = add_own(&o, "sub", wish->sub, given, err);
	if (rc == JWK11_OK)
		rc = add_own(&o, "aud", wish->aud, given, err);
	for (const struct j11_json *m = given->child; m != NULL; m = m->next)
		j11_json_member(&o, m);
	j11_json_close(&o);
	return rc == JWK11_OK ? j11_buf_check(&wish->claims, "claims", err) : rc;
}

void token_wish_done(struct token_wish *wish)
{
	j11_buf_done(&wish->claims);
}

static enum jwk11_rc through_broker(const struct token_wish *wish, const struct cmd_global *g, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&body);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_raw(&o, "claims", j11_buf_view(&wish->claims));
	j11_json_num(&o, "ttl", wish->ttl);
	j11_json_close(&o);
	rc = j11_buf_check(&body, "request", err);
	if (rc == JWK11_OK)
		rc = ask_key(g, wish->key, "/jwt", "application/jwt", &body, &answer, err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(out, answer.body.data, answer.body.len);
	return j11_buf_check(out, "answer", err);
}

static enum jwk11_rc through_library(const struct token_wish *wish, const struct cmd_global *g, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct jwk11_key *key = NULL;
	const char *alg = NULL, *kid = NULL;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc == JWK11_OK)
		rc = local_key(local, wish->key, &key, &alg, &kid, err);
	return rc == JWK11_OK ? jwk11_key_jwt(key, alg, kid, j11_buf_view(&wish->claims), wish->ttl, out, err) : rc;
}

enum jwk11_rc token_get(const struct token_wish *wish, const struct cmd_global *g, struct token *ret_token, struct jwk11_err *err)
{
	J11_AUTO(token_done_auto) struct token token = { .text = J11_BUF(ASK_MAX) };
	enum jwk11_rc rc;

	cmd_note_request("", 0);
	rc = g->offline ? through_library(wish, g, &token.text, err) : through_broker(wish, g, &token.text, err);
	if (rc == JWK11_OK)
		rc = token_expiry(j11_buf_view(&token.text), &token.expires, err);
	if (rc == JWK11_OK && token.expires <= time(NULL))
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_CLAIM_REFUSED, "the token that was made has expired already: the broker has another time");
	if (rc != JWK11_OK)
		return rc;
	*ret_token = token;
	token = (struct token){ 0 };
	return JWK11_OK;
}

void token_done(struct token *token)
{
	j11_buf_done(&token->text);
}
