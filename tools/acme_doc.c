/* SPDX-License-Identifier: Apache-2.0 */
/* Directory, order and authorization out of JSON. Members that are not known are passed over, as the RFC wants. */
#include "acme_doc.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "json/json_read.h"

static const struct j11_json_limits limits = { .max_len = ACME_DOC_MAX, .max_depth = 12, .max_values = 4096 };

static enum jwk11_rc malformed(const char *what, const char *member, const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "the server's %s: %s %s", what, member, why);
}

static enum jwk11_rc read_object(struct jwk11_view text, const char *what, struct j11_json_doc **ret_doc, struct jwk11_err *err)
{
	struct jwk11_err why = { 0 };
	struct j11_json_doc *doc = NULL;

	if (j11_json_read(text, &limits, what, &doc, &why) != JWK11_OK)
		return j11_err_set(err, why.rc == JWK11_ERR_MEMORY ? why.rc : JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "the server's answer: %s", why.text);
	if (j11_json_root(doc)->type != J11_JSON_OBJECT) {
		j11_json_free(doc);
		return malformed(what, "it", "is no object", err);
	}
	*ret_doc = doc;
	return JWK11_OK;
}

/* Visible ASCII alone, so that it can be shown and sent. */
static bool is_url(struct jwk11_view v)
{
	const unsigned char *p = v.data;
	bool good = v.len < ACME_URL_MAX && ((v.len > 8 && memcmp(p, "https://", 8) == 0) || (v.len > 7 && memcmp(p, "http://", 7) == 0));

	for (size_t i = 0; good && i < v.len; i++)
		good = p[i] > ' ' && p[i] < 0x7f;
	return good;
}

static bool is_token(struct jwk11_view v)
{
	const unsigned char *p = v.data;
	bool good = v.len > 0 && v.len < ACME_TOKEN_MAX;

	for (size_t i = 0; good && i < v.len; i++)
		good = (p[i] >= '0' && p[i] <= '9') || (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z') || p[i] == '-' || p[i] == '_';
	return good;
}

bool acme_doc_is_name(struct jwk11_view v, bool wildcard)
{
	const char *p = v.data;
	char before = '.';

	if (wildcard && v.len > 2 && p[0] == '*' && p[1] == '.') {
		p += 2;
		v.len -= 2;
	}
	for (size_t i = 0; i < v.len; i++) {
		bool plain = (p[i] >= '0' && p[i] <= '9') || (p[i] >= 'A' && p[i] <= 'Z') || (p[i] >= 'a' && p[i] <= 'z') || p[i] == '_';

		if (!plain && (before == '.' || (p[i] != '-' && (p[i] != '.' || before == '-'))))
			return false;
		before = p[i];
	}
	return v.len > 0 && v.len < ACME_NAME_MAX && before != '.' && before != '-';
}

static void copy(struct jwk11_view v, char *room)
{
	memcpy(room, v.data, v.len);
	room[v.len] = '\0';
}

/* A URL that must be there, or may be missing. */
static enum jwk11_rc take_url(const struct j11_json *object, const char *what, const char *name, bool must, char room[ACME_URL_MAX], struct jwk11_err *err)
{
	const struct j11_json *member = j11_json_get(object, name);

	room[0] = '\0';
	if (member == NULL)
		return must ? malformed(what, name, "is missing", err) : JWK11_OK;
	if (member->type != J11_JSON_STRING || !is_url(member->text))
		return malformed(what, name, "is no URL", err);
	copy(member->text, room);
	return JWK11_OK;
}

static enum jwk11_rc take_status(const struct j11_json *object, const char *what, enum acme_status *ret_status, struct jwk11_err *err)
{
	static const char *const words[] = { [ACME_PENDING] = "pending", [ACME_READY] = "ready", [ACME_PROCESSING] = "processing", [ACME_VALID] = "valid",
		[ACME_INVALID] = "invalid" };
	const struct j11_json *status = j11_json_get(object, "status");

	if (status == NULL || status->type != J11_JSON_STRING)
		return malformed(what, "status", "is missing", err);
	*ret_status = ACME_OTHER;
	for (unsigned i = 0; i < J11_COUNT(words); i++)
		if (j11_view_equals(status->text, words[i]))
			*ret_status = (enum acme_status)i;
	return JWK11_OK;
}

static bool is_true(const struct j11_json *object, const char *name)
{
	const struct j11_json *member = j11_json_get(object, name);

	return member != NULL && member->type == J11_JSON_BOOL && member->boolean;
}

/* For a person to read; pebble's is a data: URL. */
static void take_terms(const struct j11_json *meta, char room[ACME_NAME_MAX])
{
	const struct j11_json *terms = j11_json_get(meta, "termsOfService");

	if (terms != NULL && terms->type == J11_JSON_STRING)
		j11_text_printable(terms->text, room, ACME_NAME_MAX);
}

enum jwk11_rc acme_doc_directory(struct jwk11_view text, struct acme_directory *ret_directory, struct jwk11_err *err)
{
	static const char what[] = "directory";
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct acme_directory d = { 0 };
	const struct j11_json *root, *meta;
	enum jwk11_rc rc = read_object(text, what, &doc, err);

	if (rc != JWK11_OK)
		return rc;
	root = j11_json_root(doc);
	meta = j11_json_get(root, "meta");
	rc = take_url(root, what, "newNonce", true, d.new_nonce, err);
	if (rc == JWK11_OK)
		rc = take_url(root, what, "newAccount", true, d.new_account, err);
	if (rc == JWK11_OK)
		rc = take_url(root, what, "newOrder", true, d.new_order, err);
	if (rc != JWK11_OK)
		return rc;
	take_terms(meta, d.terms);
	d.external = is_true(meta, "externalAccountRequired");
	*ret_directory = d;
	return JWK11_OK;
}

static enum jwk11_rc take_authorizations(const struct j11_json *root, struct acme_order *order, struct jwk11_err *err)
{
	const struct j11_json *list = j11_json_get(root, "authorizations");

	if (list == NULL || list->type != J11_JSON_ARRAY || list->n_children == 0 || list->n_children > ACME_MAX_NAMES)
		return malformed("order", "authorizations", "is no list of 1 to 15", err);
	for (const struct j11_json *one = list->child; one != NULL; one = one->next) {
		if (one->type != J11_JSON_STRING || !is_url(one->text))
			return malformed("order", "authorizations", "holds what is no URL", err);
		copy(one->text, order->authorizations[order->n++]);
	}
	return JWK11_OK;
}

static void take_problem(const struct j11_json *object, struct http_problem *problem)
{
	if (!http_said_problem(j11_json_get(object, "error"), problem))
		*problem = (struct http_problem){ 0 };
}

enum jwk11_rc acme_doc_order(struct jwk11_view text, struct acme_order *ret_order, struct jwk11_err *err)
{
	static const char what[] = "order";
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	J11_AUTO(j11_mem_free_auto) struct acme_order *order = j11_mem_new(sizeof(*order));
	const struct j11_json *root;
	enum jwk11_rc rc = order != NULL ? read_object(text, what, &doc, err) : j11_err_memory(err);

	if (rc != JWK11_OK)
		return rc;
	root = j11_json_root(doc);
	rc = take_status(root, what, &order->status, err);
	if (rc == JWK11_OK)
		rc = take_authorizations(root, order, err);
	if (rc == JWK11_OK)
		rc = take_url(root, what, "finalize", true, order->finalize, err);
	if (rc == JWK11_OK)
		rc = take_url(root, what, "certificate", order->status == ACME_VALID, order->certificate, err);
	if (rc != JWK11_OK)
		return rc;
	take_problem(root, &order->problem);
	*ret_order = *order;
	return JWK11_OK;
}

static enum jwk11_rc take_challenge(const struct j11_json *object, struct acme_challenge *challenge, struct jwk11_err *err)
{
	static const char what[] = "challenge";
	const struct j11_json *token = j11_json_get(object, "token");
	enum jwk11_rc rc = take_status(object, what, &challenge->status, err);

	if (rc == JWK11_OK)
		rc = take_url(object, what, "url", true, challenge->url, err);
	if (rc != JWK11_OK)
		return rc;
	if (token == NULL || token->type != J11_JSON_STRING || !is_token(token->text))
		return malformed(what, "token", "is not base64url", err);
	copy(token->text, challenge->token);
	take_problem(object, &challenge->problem);
	challenge->there = true;
	return JWK11_OK;
}

/* Those of kinds that are not known are passed over. */
static enum jwk11_rc take_challenges(const struct j11_json *root, struct acme_authorization *a, struct jwk11_err *err)
{
	const struct j11_json *list = j11_json_get(root, "challenges");
	enum jwk11_rc rc = JWK11_OK;

	if (list == NULL || list->type != J11_JSON_ARRAY)
		return malformed("authorization", "challenges", "is missing", err);
	for (const struct j11_json *one = list->child; rc == JWK11_OK && one != NULL; one = one->next) {
		const struct j11_json *type = j11_json_get(one, "type");

		if (type == NULL || type->type != J11_JSON_STRING)
			continue;
		if (j11_view_equals(type->text, "http-01"))
			rc = take_challenge(one, &a->http01, err);
		else if (j11_view_equals(type->text, "dns-01"))
			rc = take_challenge(one, &a->dns01, err);
	}
	return rc;
}

enum jwk11_rc acme_doc_authorization(struct jwk11_view text, struct acme_authorization *ret_authorization, struct jwk11_err *err)
{
	static const char what[] = "authorization";
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct acme_authorization a = { 0 };
	const struct j11_json *root, *name;
	enum jwk11_rc rc = read_object(text, what, &doc, err);

	if (rc != JWK11_OK)
		return rc;
	root = j11_json_root(doc);
	name = j11_json_get(j11_json_get(root, "identifier"), "value");
	if (name == NULL || name->type != J11_JSON_STRING || !acme_doc_is_name(name->text, false))
		return malformed(what, "identifier", "is no DNS name", err);
	copy(name->text, a.name);
	a.wildcard = is_true(root, "wildcard");
	rc = take_status(root, what, &a.status, err);
	if (rc == JWK11_OK)
		rc = take_challenges(root, &a, err);
	if (rc == JWK11_OK)
		*ret_authorization = a;
	return rc;
}
