/* SPDX-License-Identifier: Apache-2.0 */
/* One key, two ways to it. */
#include "enroll_key.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/bundle.h"
#include "jose/csr.h"
#include "jose/jwk.h"
#include "json/json_write.h"
#include "local.h"
#include "request.h"

#define ACME_TEMPLATE "acme-jws"

enum { MAX_REQUEST = 131072 };

void enroll_keys_done(struct enroll_keys *keys)
{
	local_close(keys->local);
	keys->local = NULL;
}

void enroll_key_done(struct enroll_key *key)
{
	jwk11_pub_unref(key->pub);
	*key = (struct enroll_key){ 0 };
}

/* ---- finding it ---- */

/* Is the template among those that it grants us for this key? */
static enum jwk11_rc find_grant(struct enroll_key *k, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *list;
	enum jwk11_rc rc = ask_key(k->keys->g, k->name, "", "application/json", NULL, &answer, err);

	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, err);
	if (rc != JWK11_OK)
		return rc;
	list = j11_json_get(j11_json_root(doc), "templates");
	for (const struct j11_json *one = list != NULL ? list->child : NULL; one != NULL; one = one->next)
		k->by_template |= one->type == J11_JSON_STRING && j11_view_equals(one->text, ACME_TEMPLATE);
	return JWK11_OK;
}

static enum jwk11_rc find_at_broker(struct enroll_key *k, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	enum jwk11_rc rc = ask_key(k->keys->g, k->name, "", "application/jwk+json", NULL, &answer, err);

	if (rc == JWK11_OK)
		rc = jwk11_pub_from_jwk(j11_buf_view(&answer.body), &k->pub, err);
	if (rc == JWK11_OK)
		snprintf(k->alg, sizeof(k->alg), "%s", k->pub->alg != NULL ? k->pub->alg->name : jwk11_pub_default_alg(k->pub));
	return rc == JWK11_OK ? find_grant(k, err) : rc;
}

static enum jwk11_rc find_here(struct enroll_key *k, struct jwk11_err *err)
{
	const char *alg = NULL, *kid = NULL;
	enum jwk11_rc rc = k->keys->local != NULL ? JWK11_OK : local_open(k->keys->g, &k->keys->local, err);

	if (rc == JWK11_OK)
		rc = local_key(k->keys->local, k->name, &k->key, &alg, &kid, err);
	if (rc != JWK11_OK)
		return rc;
	if (jwk11_key_pub(k->key) == NULL)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: it has no public half to certify", k->name);
	k->pub = jwk11_pub_ref((struct jwk11_pub *)(uintptr_t)jwk11_key_pub(k->key));
	snprintf(k->alg, sizeof(k->alg), "%s", alg);
	return JWK11_OK;
}

enum jwk11_rc enroll_key_find(struct enroll_keys *keys, const char *name, struct enroll_key *ret_key, struct jwk11_err *err)
{
	struct enroll_key k = { .keys = keys, .name = name };
	enum jwk11_rc rc = keys->g->offline ? find_here(&k, err) : find_at_broker(&k, err);

	if (rc == JWK11_OK)
		rc = jwk11_pub_thumbprint(k.pub, k.thumbprint, err);
	if (rc == JWK11_OK)
		*ret_key = k;
	else
		enroll_key_done(&k);
	return rc;
}

/* ---- signing ---- */

static enum jwk11_rc sign(const struct enroll_key *k, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	if (k->key == NULL)
		return ask_sign(k->keys->g, k->name, k->alg, input, ret_sig, err);
	return jwk11_key_sign(k->key, k->alg, JWK11_INPUT_MESSAGE, input, ret_sig, err);
}

enum jwk11_rc enroll_key_csr(const struct enroll_key *k, const struct jwk11_csr *csr, struct jwk11_buf *ret_der, struct jwk11_err *err)
{
	return k->key != NULL ? jwk11_key_csr(k->key, k->alg, csr, ret_der, err) : request_make(k->keys->g, k->name, csr, ret_der, err);
}

/* alg, nonce, url, and whose it is (RFC 8555 section 6.2). */
static void add_header(const struct enroll_key *k, const char *url, const char *nonce, const char *kid, struct jwk11_buf *header)
{
	struct j11_json_out o = J11_JSON_OUT(header);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "alg", k->alg);
	j11_json_str(&o, "nonce", nonce);
	j11_json_str(&o, "url", url);
	if (kid != NULL)
		j11_json_str(&o, "kid", kid);
	else
		j11_jwk_write_bare(&o, "jwk", k->pub);
	j11_json_close(&o);
}

static enum jwk11_rc jws_by_template(const struct enroll_key *k, const char *url, const char *nonce, const char *kid, struct jwk11_view payload,
	struct jwk11_buf *ret_jws, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(MAX_REQUEST), text = J11_BUF(MAX_REQUEST);
	struct j11_json_out o = J11_JSON_OUT(&body);
	enum jwk11_rc rc;

	j11_b64url_add(&text, payload);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "template", ACME_TEMPLATE);
	j11_json_open(&o, "parameters", '{');
	j11_json_str(&o, "url", url);
	j11_json_str(&o, "nonce", nonce);
	if (kid != NULL)
		j11_json_str(&o, "kid", kid);
	if (payload.len > 0)
		j11_json_view(&o, "payload", j11_buf_view(&text));
	j11_json_close(&o);
	j11_json_close(&o);
	rc = j11_buf_check(&text, "request", err);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&body, "request", err);
	if (rc == JWK11_OK)
		rc = ask_key(k->keys->g, k->name, "/jws", "application/jose+json", &body, &answer, err);
	if (rc == JWK11_OK)
		j11_buf_add(ret_jws, answer.body.data, answer.body.len);
	return rc == JWK11_OK ? j11_buf_check(ret_jws, "request", err) : rc;
}

static enum jwk11_rc jws_from_parts(const struct enroll_key *k, const char *url, const char *nonce, const char *kid, struct jwk11_view payload,
	struct jwk11_buf *ret_jws, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf header = J11_BUF(MAX_REQUEST), input = J11_BUF(MAX_REQUEST * 2), sig = J11_BUF(J11_SIG_MAX), text = J11_BUF(J11_SIG_MAX * 2);
	struct j11_json_out o = J11_JSON_OUT(ret_jws);
	size_t dot;
	enum jwk11_rc rc;

	add_header(k, url, nonce, kid, &header);
	j11_b64url_add(&input, j11_buf_view(&header));
	dot = input.len;
	j11_buf_add_byte(&input, '.');
	j11_b64url_add(&input, payload);
	rc = j11_buf_check(&header, "header", err);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&input, "request", err);
	if (rc == JWK11_OK)
		rc = sign(k, j11_buf_view(&input), &sig, err);
	if (rc != JWK11_OK)
		return rc;
	j11_b64url_add(&text, j11_buf_view(&sig));
	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "protected", (struct jwk11_view){ .data = input.data, .len = dot });
	j11_json_view(&o, "payload", (struct jwk11_view){ .data = input.data + dot + 1, .len = input.len - dot - 1 });
	j11_json_view(&o, "signature", j11_buf_view(&text));
	j11_json_close(&o);
	return j11_buf_check(ret_jws, "request", err);
}

enum jwk11_rc enroll_key_jws(const struct enroll_key *k, const char *url, const char *nonce, const char *kid, struct jwk11_view payload,
	struct jwk11_buf *ret_jws, struct jwk11_err *err)
{
	return (k->by_template ? jws_by_template : jws_from_parts)(k, url, nonce, kid, payload, ret_jws, err);
}

/* ---- what came of it ---- */

static enum jwk11_rc read_bundle(struct jwk11_view text, struct jwk11_certs *ret_certs, struct jwk11_err *err)
{
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = j11_bundle_read(text, ret_certs, &why);

	return rc == JWK11_OK ? rc : j11_err_set(err, rc == JWK11_ERR_MEMORY ? rc : JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "the server's answer: %s", why.text);
}

enum jwk11_rc enroll_certificates(struct jwk11_view text, struct jwk11_buf *ret_pem, struct jwk11_err *err)
{
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs certs = { 0 };
	enum jwk11_rc rc = read_bundle(text, &certs, err);

	for (size_t i = 0; rc == JWK11_OK && i < certs.n; i++)
		j11_b64_pem(ret_pem, "CERTIFICATE", certs.list[i]->der);
	return rc == JWK11_OK ? j11_buf_check(ret_pem, "certificates", err) : rc;
}

enum jwk11_rc enroll_key_certificate(const struct enroll_key *k, struct jwk11_view text, struct jwk11_buf *ret_pem, char ret_note[JWK11_TEXT_MAX],
	struct jwk11_err *err)
{
	const struct j11_chain_of of = { .pub = k->pub, .name = k->name, .id = J11_VIEW(""), .label = J11_VIEW(""), .now = (int64_t)time(NULL) };
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs certs = { 0 };
	J11_AUTO(jwk11_chain_free_auto) struct jwk11_chain *chain = NULL;
	size_t n = 0;
	enum jwk11_rc rc = read_bundle(text, &certs, err);

	if (rc == JWK11_OK)
		rc = j11_bundle_sort(&certs, &of, &n, err);
	if (rc == JWK11_OK)
		rc = j11_chain_new(&certs, &of, &chain, err);
	if (rc == JWK11_OK)
		rc = jwk11_chain_pem(chain, 0, ret_pem, err);
	if (rc == JWK11_OK)
		snprintf(ret_note, JWK11_TEXT_MAX, "%s", jwk11_chain_note(chain));
	return rc;
}
