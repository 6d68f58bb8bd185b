/* SPDX-License-Identifier: Apache-2.0 */
/* A signature of the broker's, for what is put together here. */
#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "json/json_write.h"

enum jwk11_rc ask_sign(const struct cmd_global *g, const char *key, const char *alg, struct jwk11_view input, struct jwk11_buf *ret_sig,
	struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(ASK_MAX), encoded = J11_BUF(ASK_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_out o = J11_JSON_OUT(&body);
	const struct j11_json *sig;
	enum jwk11_rc rc;

	j11_b64url_add(&encoded, input);
	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "input", j11_buf_view(&encoded));
	if (alg != NULL)
		j11_json_str(&o, "alg", alg);
	j11_json_close(&o);
	rc = j11_buf_check(&body, "request", err);
	if (rc == JWK11_OK)
		rc = ask_key(g, key, "/sign", NULL, &body, &answer, err);
	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, err);
	if (rc != JWK11_OK)
		return rc;
	sig = j11_json_get(j11_json_root(doc), "signature");
	if (sig == NULL || sig->type != J11_JSON_STRING)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HTTP_MALFORMED, "the broker's answer holds no signature");
	return j11_b64url_decode(sig->text, "signature", ret_sig, err);
}
