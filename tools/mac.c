/* SPDX-License-Identifier: Apache-2.0 */
/* Asking about a MAC. */
#include "mac.h"

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_write.h"
#include "local.h"

static void add_octets(struct j11_json_out *o, const char *name, struct jwk11_view octets)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(ASK_MAX);

	j11_b64url_add(&text, octets);
	if (text.failed != JWK11_OK && o->buf->failed == JWK11_OK)
		o->buf->failed = text.failed;
	j11_json_view(o, name, j11_buf_view(&text));
}

/* The broker compares the algorithm with the key's own, and only its 200 is a yes. */
static enum jwk11_rc by_broker(const struct cmd_global *g, const char *alg, struct jwk11_view input, struct jwk11_view mac, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&body);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "alg", alg);
	add_octets(&o, "input", input);
	add_octets(&o, "signature", mac);
	j11_json_close(&o);
	rc = j11_buf_check(&body, "request", err);
	return rc == JWK11_OK ? ask_key(g, g->key_file, "/verify", NULL, &body, &answer, err) : rc;
}

static enum jwk11_rc by_library(const struct cmd_global *g, const char *alg, struct jwk11_view input, struct jwk11_view mac, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	const char *own = NULL, *kid = NULL;
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc == JWK11_OK)
		rc = local_key(local, g->key_file, &key, &own, &kid, err);
	if (rc != JWK11_OK)
		return rc;
	own = g->alg ? g->alg : own;
	if (!j11_text_equal(alg, own))
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "JWS: its algorithm is %s, key \"%s\" signs %s", alg, g->key_file, own);
	return jwk11_key_verify(key, alg, input, mac, err);
}

enum jwk11_rc mac_check(const struct cmd_global *g, const char *alg, struct jwk11_view input, struct jwk11_view mac, struct jwk11_err *err)
{
	return g->offline ? by_library(g, alg, input, mac, err) : by_broker(g, alg, input, mac, err);
}
