/* SPDX-License-Identifier: Apache-2.0 */
/* One way to the broker and one to the token, whatever the template makes. */
#include "prove.h"

#include <stdio.h>
#include <time.h>

#include "ask.h"
#include "base/err.h"
#include "jose/jws.h"
#include "local.h"
#include "token/proof.h"

void prove_begin(struct prove *p, struct cmd_global *g, const char *verb, const char *key, const char *template)
{
	*p = (struct prove){ .g = g, .verb = verb, .key = key, .template = template, .parameters = J11_BUF(ASK_MAX), .made = J11_BUF(ASK_MAX),
		.signature = J11_BUF(ASK_MAX) };
	p->out = J11_JSON_OUT(&p->parameters);
	j11_json_open(&p->out, NULL, '{');
}

void prove_done(struct prove *p)
{
	j11_buf_done(&p->parameters);
	j11_buf_done(&p->made);
	j11_buf_done(&p->signature);
}

void prove_add(struct prove *p, const char *name, const char *value)
{
	if (value != NULL)
		j11_json_str(&p->out, name, value);
}

enum jwk11_rc prove_hash(struct jwk11_view text, unsigned char ret_hash[32], struct jwk11_err *err)
{
	if (!j11_proof_sha256(text, ret_hash))
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "SHA-256 failed");
	return JWK11_OK;
}

/* ---- through the broker ---- */

static enum jwk11_rc take_fields(struct prove *p, const struct jwk11_buf *answer)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *fields, *input, *signature;
	enum jwk11_rc rc = j11_json_read(j11_buf_view(answer), NULL, "answer", &doc, &p->err);

	if (rc != JWK11_OK)
		return rc;
	fields = j11_json_get(j11_json_root(doc), "fields");
	input = j11_json_get(fields, "Signature-Input");
	signature = j11_json_get(fields, "Signature");
	if (input == NULL || input->type != J11_JSON_STRING || signature == NULL || signature->type != J11_JSON_STRING)
		return j11_err_set(&p->err, JWK11_ERR_SYNTAX, J11_CODE_HTTP_MALFORMED, "the broker's answer holds no signature");
	j11_buf_add(&p->made, input->text.data, input->text.len);
	j11_buf_add(&p->signature, signature->text.data, signature->text.len);
	return j11_buf_check(&p->signature, "answer", &p->err);
}

static enum jwk11_rc by_broker(struct prove *p, const struct j11_template *t)
{
	static const struct {
		const char *tail, *accept;
	} routes[J11_N_MAKES_] = { [J11_MAKES_JWT] = { "/jwt", "application/jwt" }, [J11_MAKES_JWS] = { "/jws", "application/jose+json" },
		[J11_MAKES_SIGNATURE] = { "/sign", NULL } };
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&body);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "template", t->name);
	j11_json_raw(&o, "parameters", j11_buf_view(&p->parameters));
	if (p->ttl > 0)
		j11_json_num(&o, "ttl", p->ttl);
	j11_json_close(&o);
	rc = j11_buf_check(&body, "request", &p->err);
	if (rc == JWK11_OK)
		rc = ask_key(p->g, p->key, routes[t->makes].tail, routes[t->makes].accept, &body, &answer, &p->err);
	if (rc != JWK11_OK)
		return rc;
	if (t->makes == J11_MAKES_SIGNATURE)
		return take_fields(p, &answer.body);
	j11_buf_add(&p->made, answer.body.data, answer.body.len);
	return j11_buf_check(&p->made, "answer", &p->err);
}

/* ---- through the library ---- */

static enum jwk11_rc sign_http(struct prove *p, struct jwk11_key *key, const struct j11_proof_ask *ask, const struct j11_proof *proof)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	enum jwk11_rc rc = j11_proof_signature(key, ask, proof, &sig, &p->err);

	if (rc != JWK11_OK)
		return rc;
	j11_httpsig_signature(&p->signature, proof->http.label, j11_buf_view(&sig));
	j11_buf_add(&p->made, proof->http.input.data, proof->http.input.len);
	return j11_buf_check(&p->signature, "signature", &p->err);
}

static enum jwk11_rc by_library(struct prove *p, const struct j11_template *t)
{
	J11_AUTO(j11_proof_done) struct j11_proof proof = J11_PROOF;
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct j11_proof_ask ask = { .t = t, .name = p->key, .ttl = p->ttl, .now = time(NULL) };
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = j11_json_read(j11_buf_view(&p->parameters), NULL, "parameters", &doc, &p->err);

	if (rc == JWK11_OK)
		rc = local_open(p->g, &local, &p->err);
	if (rc == JWK11_OK)
		rc = local_key(local, p->key, &key, &ask.alg, &ask.kid, &p->err);
	if (rc != JWK11_OK)
		return rc;
	ask.parameters = j11_json_root(doc);
	rc = j11_proof_fill(key, &ask, &proof, &p->err);
	if (rc != JWK11_OK)
		return rc;
	return t->makes == J11_MAKES_SIGNATURE ? sign_http(p, key, &ask, &proof) : j11_proof_jws(key, &ask, &proof, NULL, NULL, NULL, &p->made, &p->err);
}

enum jwk11_rc prove_sign(struct prove *p)
{
	const struct j11_template *t = j11_template_find(j11_view_str(p->template));
	enum jwk11_rc rc;

	j11_json_close(&p->out);
	rc = j11_buf_check(&p->parameters, "parameters", &p->err);
	if (rc == JWK11_OK && t == NULL)
		rc = j11_template_unknown(j11_view_str(p->template), &p->err);
	if (rc != JWK11_OK)
		return rc;
	return p->g->offline ? by_library(p, t) : by_broker(p, t);
}

int prove_jws(struct prove *p, const char *name)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&text);
	enum jwk11_rc rc = prove_sign(p);
	bool is_json = p->made.len > 0 && p->made.data[0] == '{';
	char schema[40];

	if (rc == JWK11_OK && p->g->json) {
		snprintf(schema, sizeof(schema), "jwk11/%s/1", p->verb);
		j11_json_open(&o, NULL, '{');
		j11_json_str(&o, "schema", schema);
		if (is_json)
			j11_json_raw(&o, name, j11_buf_view(&p->made));
		else
			j11_json_view(&o, name, j11_buf_view(&p->made));
		j11_json_close(&o);
		rc = j11_buf_check(&text, "result", &p->err);
	}
	if (rc == JWK11_OK)
		rc = cmd_write_output(p->g->output, j11_buf_view(p->g->json ? &text : &p->made), true, &p->err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&p->err);
}
