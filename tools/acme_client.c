/* SPDX-License-Identifier: Apache-2.0 */
/* Nonces, signed requests, accounts. */
#include "acme_client.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "jose/jwk.h"
#include "json/json_write.h"

enum { MAX_NONCES = 5, MAX_REQUEST = 65536 };

enum jwk11_rc acme_refused(const char *what, const struct http_problem *problem, struct jwk11_err *err)
{
	bool later = http_said_is(problem, "rateLimited");

	return j11_err_set(err, later ? JWK11_ERR_BUSY : JWK11_ERR_DENIED, later ? J11_CODE_SERVER_PENDING : J11_CODE_SERVER_REFUSED, "%s: %s (%s)", what,
		problem->detail[0] != '\0' ? problem->detail : "refused", problem->type[0] != '\0' ? problem->type : "about:blank");
}

/* An answer that is no success. */
static enum jwk11_rc refused(struct acme *acme, const char *url, const struct http_answer *answer, struct jwk11_err *err)
{
	char origin[128];

	http_client_origin(url, origin, sizeof(origin));
	if (answer->retry_after > 0)
		cmd_note_request("", (unsigned)answer->retry_after);
	if (http_said_problem_text(j11_buf_view(&answer->body), &acme->problem))
		return acme_refused(origin, &acme->problem, err);
	if (answer->status == 429 || answer->status == 503)
		return j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_SERVER_PENDING, "%s: answered %ld: not now", origin, answer->status);
	return j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_SERVER_REFUSED, "%s: answered %ld without saying why", origin, answer->status);
}

static enum jwk11_rc check_type(const char *url, const struct http_answer *answer, const char *wanted, struct jwk11_err *err)
{
	char origin[128], got[80];

	if (http_said_type(answer->type, wanted))
		return JWK11_OK;
	http_client_origin(url, origin, sizeof(origin));
	j11_text_printable(j11_view_str(answer->type[0] != '\0' ? answer->type : "no Content-Type"), got, sizeof(got));
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "%s: an answer of %s where %s was asked for", origin, got, wanted);
}

enum jwk11_rc acme_open(struct acme *acme, const char *url, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	struct http_request request = { .method = "GET", .url = url, .accept = "application/json", .max = ACME_DOC_MAX };
	enum jwk11_rc rc = http_client_ask(acme->http, &request, &answer, err);

	if (rc == JWK11_OK && answer.status != 200)
		rc = refused(acme, url, &answer, err);
	if (rc == JWK11_OK)
		rc = check_type(url, &answer, "application/json", err);
	if (rc == JWK11_OK)
		rc = acme_doc_directory(j11_buf_view(&answer.body), &acme->directory, err);
	if (rc != JWK11_OK)
		j11_err_hint(err, "URL is that of the server's directory, as the CA's documentation has it");
	return rc;
}

/* Each answer brings the next one (section 6.5). */
static void keep_nonce(struct acme *acme, const struct http_answer *answer)
{
	size_t len = strlen(answer->nonce);

	for (size_t i = 0; i < len; i++) {
		char c = answer->nonce[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_'))
			len = 0;
	}
	memcpy(acme->nonce, answer->nonce, len);
	acme->nonce[len] = '\0';
}

static enum jwk11_rc need_nonce(struct acme *acme, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	struct http_request request = { .method = "HEAD", .url = acme->directory.new_nonce, .max = ACME_DOC_MAX };
	char origin[128];
	enum jwk11_rc rc;

	if (acme->nonce[0] != '\0')
		return JWK11_OK;
	rc = http_client_ask(acme->http, &request, &answer, err);
	if (rc != JWK11_OK)
		return rc;
	keep_nonce(acme, &answer);
	http_client_origin(request.url, origin, sizeof(origin));
	if (answer.status >= 400)
		return refused(acme, request.url, &answer, err);
	return acme->nonce[0] != '\0' ? JWK11_OK : j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "%s: no nonce where there should be one", origin);
}

static enum jwk11_rc post_once(struct acme *acme, const char *url, const struct jwk11_buf *payload, const char *accept, struct http_answer *ret_answer,
	struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(MAX_REQUEST);
	struct http_request request = { .method = "POST", .url = url, .type = "application/jose+json", .accept = accept, .max = ACME_DOC_MAX };
	struct jwk11_view view = payload != NULL ? j11_buf_view(payload) : J11_VIEW("");
	enum jwk11_rc rc = need_nonce(acme, err);

	if (rc == JWK11_OK)
		rc = enroll_key_jws(acme->account, url, acme->nonce, acme->kid[0] != '\0' ? acme->kid : NULL, view, &body, err);
	acme->nonce[0] = '\0'; /* never a second time */
	if (rc != JWK11_OK)
		return rc;
	request.body = j11_buf_view(&body);
	rc = http_client_ask(acme->http, &request, ret_answer, err);
	if (rc == JWK11_OK)
		keep_nonce(acme, ret_answer);
	return rc;
}

static bool is_bad_nonce(const struct http_answer *answer)
{
	struct http_problem problem;

	return answer->status == 400 && http_said_problem_text(j11_buf_view(&answer->body), &problem) && http_said_is(&problem, "badNonce");
}

enum jwk11_rc acme_post(struct acme *acme, const char *url, const struct jwk11_buf *payload, const char *type, struct http_answer *ret_answer,
	struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	enum jwk11_rc rc = post_once(acme, url, payload, type, &answer, err);

	for (unsigned n = 0; rc == JWK11_OK && n < MAX_NONCES && is_bad_nonce(&answer); n++) {
		http_answer_done(&answer);
		rc = post_once(acme, url, payload, type, &answer, err);
	}
	if (rc == JWK11_OK && (answer.status < 200 || answer.status > 299))
		rc = refused(acme, url, &answer, err);
	if (rc == JWK11_OK)
		rc = check_type(url, &answer, type, err);
	if (rc != JWK11_OK)
		return rc;
	*ret_answer = answer;
	answer = (struct http_answer){ 0 };
	return JWK11_OK;
}

/* ---- accounts ---- */

static void add_contacts(struct j11_json_out *o, const struct acme_contact *contact)
{
	if (contact->mail == NULL || contact->mail[0] == NULL)
		return;
	j11_json_open(o, "contact", '[');
	for (const char *const *m = contact->mail; *m != NULL; m++) {
		char url[512];

		snprintf(url, sizeof(url), "%s%s", strchr(*m, ':') != NULL ? "" : "mailto:", *m);
		j11_json_str(o, NULL, url);
	}
	j11_json_close(o);
}

/* HS256 with the CA's key over "protected.payload", base64url. */
static enum jwk11_rc add_mac(const struct acme_contact *contact, const struct jwk11_buf *input, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf key = { .max = J11_SECRET_MAX, .secret = true };
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct jwk11_view text = j11_secret_expose(contact->eab_key);
	enum jwk11_rc rc;

	while (text.len > 0 && ((const char *)text.data)[text.len - 1] == '=') /* some CAs pad it */
		text.len--;
	rc = j11_b64url_decode(text, "--eab-key-file", &key, err);
	if (rc == JWK11_OK && HMAC(EVP_sha256(), key.data, (int)key.len, (const unsigned char *)input->data, input->len, mac, &len) == NULL)
		rc = j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "HMAC failed");
	if (rc == JWK11_OK)
		j11_b64url_add(out, (struct jwk11_view){ .data = mac, .len = len });
	return rc;
}

static enum jwk11_rc add_binding(const struct acme *acme, const struct acme_contact *contact, struct j11_json_out *o, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(MAX_REQUEST), input = J11_BUF(MAX_REQUEST), mac = J11_BUF(256);
	struct j11_json_out inner = J11_JSON_OUT(&text);
	size_t dot;
	enum jwk11_rc rc;

	j11_json_open(&inner, NULL, '{');
	j11_json_str(&inner, "alg", "HS256");
	j11_json_str(&inner, "kid", contact->eab_kid);
	j11_json_str(&inner, "url", acme->directory.new_account);
	j11_json_close(&inner);
	j11_b64url_add(&input, j11_buf_view(&text));
	dot = input.len;
	j11_buf_add_byte(&input, '.');
	jwk11_buf_reset(&text);
	inner = J11_JSON_OUT(&text);
	j11_jwk_write_bare(&inner, NULL, acme->account->pub);
	j11_b64url_add(&input, j11_buf_view(&text));
	rc = j11_buf_check(&input, "account binding", err);
	if (rc == JWK11_OK)
		rc = add_mac(contact, &input, &mac, err);
	if (rc != JWK11_OK)
		return rc;
	j11_json_open(o, "externalAccountBinding", '{');
	j11_json_view(o, "protected", (struct jwk11_view){ .data = input.data, .len = dot });
	j11_json_view(o, "payload", (struct jwk11_view){ .data = input.data + dot + 1, .len = input.len - dot - 1 });
	j11_json_view(o, "signature", j11_buf_view(&mac));
	j11_json_close(o);
	return JWK11_OK;
}

static enum jwk11_rc ask_account(struct acme *acme, const struct jwk11_buf *payload, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	enum jwk11_rc rc = acme_post(acme, acme->directory.new_account, payload, "application/json", &answer, err);

	if (rc == JWK11_OK && http_client_objection(answer.location, true) != NULL)
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "the server's account: no URL of it");
	if (rc == JWK11_OK)
		snprintf(acme->kid, sizeof(acme->kid), "%s", answer.location);
	return rc;
}

/* One that is there already needs no consent again. */
static enum jwk11_rc find_account(struct acme *acme, bool *ret_found, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(MAX_REQUEST);
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc;

	j11_buf_add_str(&payload, "{\"onlyReturnExisting\":true}");
	rc = j11_buf_check(&payload, "request", err);
	if (rc == JWK11_OK)
		rc = ask_account(acme, &payload, &why);
	*ret_found = rc == JWK11_OK;
	if (rc == JWK11_OK || http_said_is(&acme->problem, "accountDoesNotExist"))
		return JWK11_OK;
	if (err != NULL && err->rc == JWK11_OK)
		*err = why;
	return rc;
}

enum jwk11_rc acme_account(struct acme *acme, const struct acme_contact *contact, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(MAX_REQUEST);
	struct j11_json_out o = J11_JSON_OUT(&payload);
	bool found = false;
	enum jwk11_rc rc = find_account(acme, &found, err);

	if (rc != JWK11_OK || found)
		return rc;
	if (acme->directory.terms[0] != '\0' && !contact->agree)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a new account: --agree-tos says that you agree to %s", acme->directory.terms);
	if (acme->directory.external && contact->eab_kid == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a new account: this CA wants --eab-kid and --eab-key-file, which it hands out");
	j11_json_open(&o, NULL, '{');
	if (contact->agree)
		j11_json_boolean(&o, "termsOfServiceAgreed", true);
	add_contacts(&o, contact);
	if (contact->eab_kid != NULL)
		rc = add_binding(acme, contact, &o, err);
	j11_json_close(&o);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&payload, "request", err);
	return rc == JWK11_OK ? ask_account(acme, &payload, err) : rc;
}
