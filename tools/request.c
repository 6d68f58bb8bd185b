/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs that ask for certificates share. */
#include "request.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/csr.h"
#include "json/json_write.h"
#include "local.h"

struct request_given request_given;

/* ---- options ---- */

static enum jwk11_rc read_template(struct j11_csr_text *into, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(J11_CSR_TEMPLATE_MAX);
	enum jwk11_rc rc;

	if (request_given.template == NULL)
		return JWK11_OK;
	rc = cmd_read_input(request_given.template, J11_CSR_TEMPLATE_MAX, &text, err);
	return rc == JWK11_OK ? j11_csr_from_template(j11_buf_view(&text), request_given.template, into, err) : rc;
}

/* Usages may stand in one option with commas between them. */
static enum jwk11_rc add_words(struct j11_csr_text *into, unsigned list, const char *text, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;
	size_t len;

	for (const char *p = text;; p += len + 1) {
		len = list >= J11_N_NAME_ ? strcspn(p, ",") : strlen(p);
		rc = j11_csr_text_add(into, list, (struct jwk11_view){ .data = p, .len = len }, err);
		if (rc != JWK11_OK || p[len] == '\0')
			return rc;
	}
}

static enum jwk11_rc set_ca(struct j11_csr_text *into, struct jwk11_err *err)
{
	bool yes = request_given.ca != NULL && j11_text_equal(request_given.ca, "yes");

	if (request_given.ca == NULL)
		return JWK11_OK;
	if (!yes && !j11_text_equal(request_given.ca, "no"))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "--ca takes yes or no");
	into->csr.ca = yes ? JWK11_CSR_CA_YES : JWK11_CSR_CA_NO;
	return JWK11_OK;
}

enum jwk11_rc request_read(struct j11_csr_text *into, struct jwk11_err *err)
{
	enum jwk11_rc rc = read_template(into, err);

	if (rc == JWK11_OK && request_given.subject != NULL)
		rc = j11_csr_text_set_subject(into, j11_view_str(request_given.subject), err);
	for (unsigned list = 0; list < J11_N_CSR_LISTS_; list++)
		for (unsigned i = 0; i < request_given.list[list].n && rc == JWK11_OK; i++)
			rc = add_words(into, list, request_given.list[list].word[i], err);
	return rc == JWK11_OK ? set_ca(into, err) : rc;
}

/* ---- making ---- */

static enum jwk11_rc through_library(const struct cmd_global *g, const char *name, const struct jwk11_csr *csr, struct jwk11_buf *ret_der, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	const char *alg = NULL, *kid = NULL;
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc == JWK11_OK)
		rc = local_key(local, name, &key, &alg, &kid, err);
	return rc == JWK11_OK ? jwk11_key_csr(key, g->alg != NULL ? g->alg : alg, csr, ret_der, err) : rc;
}

/* The broker's is looked at here too: what leaves is known to verify. */
static enum jwk11_rc through_broker(const struct cmd_global *g, const char *name, const struct jwk11_csr *csr, struct jwk11_buf *ret_der, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = { .max = ASK_MAX, .secret = true };
	struct j11_json_out o = J11_JSON_OUT(&body);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_csr_to_json(csr, &o);
	if (csr->challenge_password.data != NULL)
		j11_json_view(&o, "challenge_password", csr->challenge_password);
	if (g->alg != NULL)
		j11_json_str(&o, "alg", g->alg);
	j11_json_close(&o);
	rc = j11_buf_check(&body, "request", err);
	if (rc == JWK11_OK)
		rc = ask_key(g, name, "/csr", "application/pkcs10", &body, &answer, err);
	if (rc == JWK11_OK)
		rc = j11_csr_check(j11_buf_view(&answer.body), err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(ret_der, answer.body.data, answer.body.len);
	return j11_buf_check(ret_der, "certificate request", err);
}

enum jwk11_rc request_make(const struct cmd_global *g, const char *key, const struct jwk11_csr *csr, struct jwk11_buf *ret_der, struct jwk11_err *err)
{
	return g->offline ? through_library(g, key, csr, ret_der, err) : through_broker(g, key, csr, ret_der, err);
}

/* ---- writing ---- */

static enum jwk11_rc write_document(const struct cmd_global *g, const struct request_result *as, struct jwk11_view pem, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = { .max = ASK_MAX, .secret = as->secret };
	struct j11_json_out o = J11_JSON_OUT(&text);
	char schema[40];

	snprintf(schema, sizeof(schema), "jwk11/%s/1", as->name);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", schema);
	j11_json_view(&o, as->name, pem);
	if (as->thumbprint != NULL)
		j11_json_str(&o, "x5t#S256", as->thumbprint);
	j11_json_close(&o);
	return cmd_write_output(g->output, j11_buf_view(&text), true, err);
}

enum jwk11_rc request_write(const struct cmd_global *g, const struct request_result *as, struct jwk11_view der, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf pem = { .max = 2 * J11_CSR_DER_MAX, .secret = as->secret };

	if (as->secret)
		umask(0077);
	if (as->der && !g->json)
		return cmd_write_output(g->output, der, false, err);
	j11_b64_pem(&pem, as->label, der);
	if (g->json)
		return write_document(g, as, j11_buf_view(&pem), err);
	return cmd_write_output(g->output, j11_buf_view(&pem), false, err);
}
