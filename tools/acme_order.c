/* SPDX-License-Identifier: Apache-2.0 */
/* Order, proofs, request, certificate. */
#include "acme_order.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"
#include "json/json_write.h"

#define JSON "application/json"

enum { MAX_REQUEST = 131072 };

struct ordering {
	struct acme *acme;
	struct acme_wish *wish;
	struct acme_order order;
	char url[ACME_URL_MAX]; /* of the order */
	struct acme_proof proof[ACME_MAX_NAMES];
	int64_t retry_after;    /* of the last answer */
};

/* To a person who watches. */
static void tell(const char *what, const char *about)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "  %s%s\n", what, about);
}

static enum jwk11_rc place_order(struct ordering *o, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(MAX_REQUEST);
	struct j11_json_out out = J11_JSON_OUT(&payload);
	enum jwk11_rc rc;

	j11_json_open(&out, NULL, '{');
	j11_json_open(&out, "identifiers", '[');
	for (const char *const *name = o->wish->csr->dns; *name != NULL; name++) {
		j11_json_open(&out, NULL, '{');
		j11_json_str(&out, "type", "dns");
		j11_json_str(&out, "value", *name);
		j11_json_close(&out);
	}
	j11_json_close(&out);
	j11_json_close(&out);
	rc = j11_buf_check(&payload, "order", err);
	if (rc == JWK11_OK)
		rc = acme_post(o->acme, o->acme->directory.new_order, &payload, JSON, &answer, err);
	if (rc == JWK11_OK)
		rc = acme_doc_order(j11_buf_view(&answer.body), &o->order, err);
	if (rc == JWK11_OK && http_client_objection(answer.location, true) != NULL)
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "the server's order: no URL of it");
	if (rc == JWK11_OK)
		snprintf(o->url, sizeof(o->url), "%s", answer.location);
	return rc;
}

static enum jwk11_rc read_authorization(struct ordering *o, unsigned i, struct acme_authorization *ret_authorization, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	enum jwk11_rc rc = acme_post(o->acme, o->order.authorizations[i], NULL, JSON, &answer, err);

	o->retry_after = answer.retry_after;
	return rc == JWK11_OK ? acme_doc_authorization(j11_buf_view(&answer.body), ret_authorization, err) : rc;
}

/* What the CA found instead of the proof. */
static enum jwk11_rc failed(const struct acme_authorization *a, struct jwk11_err *err)
{
	const struct http_problem *p = a->http01.problem.type[0] != '\0' ? &a->http01.problem : &a->dns01.problem;
	static const struct http_problem none = { .detail = "the authorization has failed", .type = "about:blank" };

	return acme_refused(a->name, p->type[0] != '\0' ? p : &none, err);
}

/* Puts the proof of one name there, unless the CA still trusts the last one. */
static enum jwk11_rc prove_one(struct ordering *o, unsigned i, struct jwk11_err *err)
{
	struct acme_authorization a;
	enum jwk11_rc rc = read_authorization(o, i, &a, err);

	if (rc != JWK11_OK || a.status == ACME_VALID)
		return rc;
	if (a.status != ACME_PENDING)
		return failed(&a, err);
	tell("proving ", a.name);
	return acme_prove(&o->wish->way, &a, o->acme->account->thumbprint, &o->proof[i], err);
}

/* Has the CA look (section 7.5.1). */
static enum jwk11_rc say_ready(struct ordering *o, unsigned i, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(8);
	enum jwk11_rc rc;

	if (o->proof[i].url[0] == '\0')
		return JWK11_OK;
	j11_buf_add_str(&payload, "{}");
	rc = j11_buf_check(&payload, "request", err);
	return rc == JWK11_OK ? acme_post(o->acme, o->proof[i].url, &payload, JSON, &answer, err) : rc;
}

static enum jwk11_rc await_one(struct ordering *o, unsigned i, struct jwk11_err *err)
{
	struct acme_authorization a;
	enum jwk11_rc rc = JWK11_OK;

	if (o->proof[i].url[0] == '\0')
		return JWK11_OK;
	for (;;) {
		rc = read_authorization(o, i, &a, err);
		if (rc != JWK11_OK || a.status == ACME_VALID)
			return rc;
		if (a.status != ACME_PENDING && a.status != ACME_PROCESSING)
			return failed(&a, err);
		rc = patience_wait(&o->wish->patience, o->retry_after, a.name, err);
		if (rc != JWK11_OK)
			return rc;
	}
}

static enum jwk11_rc prove_all(struct ordering *o, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (unsigned i = 0; rc == JWK11_OK && i < o->order.n; i++)
		rc = prove_one(o, i, err);
	for (unsigned i = 0; rc == JWK11_OK && i < o->order.n; i++)
		rc = say_ready(o, i, err);
	for (unsigned i = 0; rc == JWK11_OK && i < o->order.n; i++)
		rc = await_one(o, i, err);
	for (unsigned i = 0; i < o->order.n; i++)
		acme_prove_done(&o->wish->way, &o->proof[i]);
	return rc;
}

static enum jwk11_rc take_order(struct ordering *o, const char *url, const struct jwk11_buf *payload, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	enum jwk11_rc rc = acme_post(o->acme, url, payload, JSON, &answer, err);

	o->retry_after = answer.retry_after;
	return rc == JWK11_OK ? acme_doc_order(j11_buf_view(&answer.body), &o->order, err) : rc;
}

/* Until the order leaves this status. */
static enum jwk11_rc await_order(struct ordering *o, enum acme_status leaves, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	while (rc == JWK11_OK && o->order.status == leaves) {
		rc = patience_wait(&o->wish->patience, o->retry_after, "the certificate", err);
		if (rc == JWK11_OK)
			rc = take_order(o, o->url, NULL, err);
	}
	return rc;
}

static enum jwk11_rc finalize(struct ordering *o, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(MAX_REQUEST / 2), text = J11_BUF(MAX_REQUEST), payload = J11_BUF(MAX_REQUEST);
	struct j11_json_out out = J11_JSON_OUT(&payload);
	enum jwk11_rc rc = enroll_key_csr(o->wish->key, o->wish->csr, &der, err);

	if (rc != JWK11_OK)
		return rc;
	j11_b64url_add(&text, j11_buf_view(&der));
	j11_json_open(&out, NULL, '{');
	j11_json_view(&out, "csr", j11_buf_view(&text));
	j11_json_close(&out);
	rc = j11_buf_check(&text, "request", err);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&payload, "request", err);
	return rc == JWK11_OK ? take_order(o, o->order.finalize, &payload, err) : rc;
}

static enum jwk11_rc expect(const struct ordering *o, enum acme_status wanted, const char *what, struct jwk11_err *err)
{
	if (o->order.status == wanted)
		return JWK11_OK;
	if (o->order.problem.type[0] != '\0')
		return acme_refused("the order", &o->order.problem, err);
	return j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_SERVER_REFUSED, "the order: the CA does not say why it is not %s", what);
}

static enum jwk11_rc download(struct ordering *o, struct jwk11_buf *ret_chain, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	enum jwk11_rc rc = acme_post(o->acme, o->order.certificate, NULL, "application/pem-certificate-chain", &answer, err);

	if (rc == JWK11_OK)
		j11_buf_add(ret_chain, answer.body.data, answer.body.len);
	return rc == JWK11_OK ? j11_buf_check(ret_chain, "chain", err) : rc;
}

static enum jwk11_rc run(struct ordering *o, struct jwk11_buf *ret_chain, struct jwk11_err *err)
{
	enum jwk11_rc rc = place_order(o, err);

	if (rc == JWK11_OK && o->order.status == ACME_PENDING)
		rc = prove_all(o, err);
	if (rc == JWK11_OK && o->order.status == ACME_PENDING)
		rc = take_order(o, o->url, NULL, err);
	if (rc == JWK11_OK)
		rc = await_order(o, ACME_PENDING, err);
	if (rc == JWK11_OK)
		rc = expect(o, ACME_READY, "ready", err);
	if (rc != JWK11_OK)
		return rc;
	tell("asking for the certificate", "");
	rc = finalize(o, err);
	if (rc == JWK11_OK)
		rc = await_order(o, ACME_PROCESSING, err);
	if (rc == JWK11_OK)
		rc = expect(o, ACME_VALID, "valid", err);
	return rc == JWK11_OK ? download(o, ret_chain, err) : rc;
}

enum jwk11_rc acme_order(struct acme *acme, struct acme_wish *wish, struct jwk11_buf *ret_chain, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) struct ordering *o = j11_mem_new(sizeof(*o)); /* URLs make it large */

	if (o == NULL)
		return j11_err_memory(err);
	o->acme = acme;
	o->wish = wish;
	return run(o, ret_chain, err);
}
