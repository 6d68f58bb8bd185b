/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a JWS apart: three serialisations into one value, checked as far as its form goes. */
#include "jws.h"

#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"
#include "json/json_take.h"

enum { MAX_VALUES = 8192, MAX_DEPTH = J11_JWS_HEADER_DEPTH + 3 };

/* What a serialisation holds, still encoded. Absent: data == NULL, or NULL. */
struct parts {
	struct jwk11_view payload, protected_header, signature;
	const struct j11_json *header, *signatures;
};

/* RFC 7515 7.2.1 and 7.2.2; other members are ignored there. */
static const struct j11_json_field general_fields[] = {
	{ "payload", J11_JSON_STRING, offsetof(struct parts, payload), false },
	{ "signatures", J11_JSON_ARRAY, offsetof(struct parts, signatures), true },
};
static const struct j11_json_field flattened_fields[] = {
	{ "payload", J11_JSON_STRING, offsetof(struct parts, payload), false },
	{ "protected", J11_JSON_STRING, offsetof(struct parts, protected_header), false },
	{ "header", J11_JSON_OBJECT, offsetof(struct parts, header), false },
	{ "signature", J11_JSON_STRING, offsetof(struct parts, signature), true },
};
static const struct j11_json_field signature_fields[] = {
	{ "protected", J11_JSON_STRING, offsetof(struct parts, protected_header), false },
	{ "header", J11_JSON_OBJECT, offsetof(struct parts, header), false },
	{ "signature", J11_JSON_STRING, offsetof(struct parts, signature), true },
};

struct named {
	struct jwk11_view alg, kid;
	const struct j11_json *jwk;
};
static const struct j11_json_field named_fields[] = {
	{ "alg", J11_JSON_STRING, offsetof(struct named, alg), false },
	{ "kid", J11_JSON_STRING, offsetof(struct named, kid), false },
	{ "jwk", J11_JSON_OBJECT, offsetof(struct named, jwk), false },
};

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWS_INVALID, "JWS: %s", why);
}

void jwk11_jws_free(struct jwk11_jws *jws)
{
	if (jws == NULL)
		return;
	for (size_t i = 0; i < jws->n; i++) {
		j11_json_free(jws->signatures[i].doc);
		j11_buf_done(&jws->signatures[i].text);
		j11_buf_done(&jws->signatures[i].sig);
	}
	j11_mem_free(jws->signatures);
	j11_json_free(jws->doc);
	j11_buf_done(&jws->text);
	j11_buf_done(&jws->payload);
	j11_mem_free(jws);
}

static enum jwk11_rc read_protected(struct j11_jws_signature *s, struct jwk11_err *err)
{
	struct j11_json_limits limits = { .max_len = J11_JWS_HEADER_MAX, .max_depth = J11_JWS_HEADER_DEPTH, .max_values = J11_JWS_HEADER_VALUES };
	enum jwk11_rc rc = j11_b64url_decode(s->encoded, "JWS header", &s->text, err);

	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&s->text), &limits, "JWS header", &s->doc, err);
	if (rc != JWK11_OK)
		return rc;
	s->protected_header = j11_json_root(s->doc);
	if (s->protected_header->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "JWS header must be an object");
	return JWK11_OK;
}

static enum jwk11_rc check_header(const struct j11_json *header, struct jwk11_err *err)
{
	if (header->child == NULL)
		return refuse("an unprotected header that is empty", err);
	if (header->raw.len > J11_JWS_HEADER_MAX || header->n_children > J11_JWS_HEADER_VALUES)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWS: an unprotected header is longer than %u bytes or %u members",
			J11_JWS_HEADER_MAX, J11_JWS_HEADER_VALUES);
	return JWK11_OK;
}

/* RFC 7515 5.2 step 4: the JOSE header is the union of the two. */
static enum jwk11_rc unite(struct j11_jws_signature *s, struct jwk11_err *err)
{
	const char *why = j11_jws_header_problem(s->protected_header, s->header);
	struct named named = { .kid = J11_VIEW("") };
	enum jwk11_rc rc = why ? refuse(why, err) : JWK11_OK;

	if (rc == JWK11_OK && s->protected_header != NULL)
		rc = j11_json_take(s->protected_header, named_fields, J11_COUNT(named_fields), true, "JWS header", &named, err);
	if (rc == JWK11_OK && s->header != NULL)
		rc = j11_json_take(s->header, named_fields, J11_COUNT(named_fields), true, "JWS header", &named, err);
	if (rc == JWK11_OK && named.alg.data == NULL)
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "JWS header: member \"alg\" is missing");
	if (rc != JWK11_OK)
		return rc;
	s->alg = named.alg.data; /* the reader ends each string with a NUL and lets none in */
	s->kid = named.kid.data;
	s->jwk = named.jwk;
	s->crit = j11_json_get(s->protected_header, "crit");
	return JWK11_OK;
}

static bool says_jwt(const struct j11_json *header)
{
	const struct j11_json *typ = j11_json_get(header, "typ");

	return typ != NULL && typ->type == J11_JSON_STRING && j11_jws_typ_is_jwt(typ->text);
}

/* RFC 7797 3, 7. */
static enum jwk11_rc check_encoding(struct jwk11_jws *jws, const struct j11_jws_signature *s, struct jwk11_err *err)
{
	bool unencoded = !j11_jws_is_encoded(s->protected_header);

	if (jws->n > 1 && unencoded != jws->unencoded)
		return refuse("\"b64\" is not the same for all signatures", err);
	if (unencoded && (says_jwt(s->protected_header) || says_jwt(s->header)))
		return refuse("a JWT cannot have an unencoded payload (\"b64\": false)", err);
	jws->unencoded = unencoded;
	return JWK11_OK;
}

static enum jwk11_rc add_signature(struct jwk11_jws *jws, const struct parts *p, struct jwk11_err *err)
{
	struct j11_jws_signature *s = &jws->signatures[jws->n++];
	enum jwk11_rc rc = JWK11_OK;

	s->text = J11_BUF(J11_JWS_HEADER_MAX);
	s->sig = J11_BUF(J11_SIG_MAX);
	s->encoded = p->protected_header.data ? p->protected_header : J11_VIEW("");
	s->header = p->header;
	if (p->protected_header.data != NULL)
		rc = read_protected(s, err);
	if (rc == JWK11_OK && jws->form != JWK11_JWS_COMPACT && s->protected_header != NULL && s->protected_header->child == NULL)
		rc = refuse("a protected header that is empty", err);
	if (rc == JWK11_OK && p->header != NULL)
		rc = check_header(p->header, err);
	if (rc == JWK11_OK)
		rc = unite(s, err);
	if (rc == JWK11_OK)
		rc = check_encoding(jws, s, err);
	return rc == JWK11_OK ? j11_b64url_decode(p->signature, "JWS signature", &s->sig, err) : rc;
}

static enum jwk11_rc set_payload(struct jwk11_jws *jws, struct jwk11_view encoded, struct jwk11_err *err)
{
	jws->without = encoded.data == NULL;
	jws->carries = encoded.len > 0;
	if (!jws->carries)
		return JWK11_OK;
	if (jws->unencoded)
		return refuse("a payload that is not encoded (\"b64\": false) must be detached", err);
	return j11_b64url_decode(encoded, "JWS payload", &jws->payload, err);
}

static enum jwk11_rc make_room(struct jwk11_jws *jws, size_t n, struct jwk11_err *err)
{
	if (n == 0)
		return refuse("no signatures", err);
	if (n > J11_JWS_SIGNATURES_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWS: more than %u signatures", J11_JWS_SIGNATURES_MAX);
	jws->signatures = j11_mem_new_array(n, sizeof(*jws->signatures));
	return jws->signatures != NULL ? JWK11_OK : j11_err_memory(err);
}

static enum jwk11_rc parse_compact(struct jwk11_jws *jws, struct jwk11_err *err)
{
	struct jwk11_view text = j11_buf_view(&jws->text), part[3];
	const char *p = text.data, *end = p + text.len, *dot;
	enum jwk11_rc rc;

	for (int i = 0; i < 3; i++) {
		dot = memchr(p, '.', (size_t)(end - p));
		if ((dot == NULL) != (i == 2))
			return refuse("not three parts with two dots", err);
		part[i] = (struct jwk11_view){ .data = p, .len = (size_t)((dot ? dot : end) - p) };
		p = dot ? dot + 1 : end;
	}
	rc = make_room(jws, 1, err);
	if (rc == JWK11_OK)
		rc = add_signature(jws, &(struct parts){ .protected_header = part[0], .signature = part[2] }, err);
	return rc == JWK11_OK ? set_payload(jws, part[1], err) : rc;
}

static enum jwk11_rc add_signatures(struct jwk11_jws *jws, const struct j11_json *list, struct jwk11_err *err)
{
	enum jwk11_rc rc = make_room(jws, list->n_children, err);

	for (const struct j11_json *one = list->child; one != NULL && rc == JWK11_OK; one = one->next) {
		struct parts p = { .header = NULL };

		rc = j11_json_take(one, signature_fields, J11_COUNT(signature_fields), true, "JWS signature", &p, err);
		if (rc == JWK11_OK)
			rc = add_signature(jws, &p, err);
	}
	return rc;
}

static enum jwk11_rc parse_json(struct jwk11_jws *jws, struct jwk11_err *err)
{
	struct j11_json_limits limits = { .max_len = J11_JWS_MAX, .max_depth = MAX_DEPTH, .max_values = MAX_VALUES };
	struct parts p = { .header = NULL };
	const struct j11_json *root;
	enum jwk11_rc rc = j11_json_read(j11_buf_view(&jws->text), &limits, "JWS", &jws->doc, err);

	if (rc != JWK11_OK)
		return rc;
	root = j11_json_root(jws->doc);
	if (j11_json_get(root, "signatures") == NULL) {
		jws->form = JWK11_JWS_FLATTENED;
		rc = j11_json_take(root, flattened_fields, J11_COUNT(flattened_fields), true, "JWS", &p, err);
		if (rc == JWK11_OK)
			rc = make_room(jws, 1, err);
		if (rc == JWK11_OK)
			rc = add_signature(jws, &p, err);
	} else {
		jws->form = JWK11_JWS_GENERAL;
		for (size_t i = 1; i < J11_COUNT(flattened_fields); i++)
			if (j11_json_get(root, flattened_fields[i].name) != NULL)
				return refuse("members of the flattened and of the general serialization stand side by side", err);
		rc = j11_json_take(root, general_fields, J11_COUNT(general_fields), true, "JWS", &p, err);
		if (rc == JWK11_OK)
			rc = add_signatures(jws, p.signatures, err);
	}
	return rc == JWK11_OK ? set_payload(jws, p.payload, err) : rc;
}

enum jwk11_rc j11_jws_parse(struct jwk11_view text, struct jwk11_jws **ret_jws, struct jwk11_err *err)
{
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *jws = NULL;
	enum jwk11_rc rc;

	if (text.data == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWS: no text");
	if (text.len > J11_JWS_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWS: longer than %u bytes", J11_JWS_MAX);
	jws = j11_mem_new(sizeof(*jws));
	if (jws == NULL)
		return j11_err_memory(err);
	jws->text = J11_BUF(J11_JWS_MAX);
	jws->payload = J11_BUF(J11_JWS_PAYLOAD_MAX);
	j11_buf_add(&jws->text, text.data, text.len);
	rc = j11_buf_check(&jws->text, "JWS", err);
	if (rc == JWK11_OK)
		rc = text.len > 0 && *(const char *)text.data == '{' ? parse_json(jws, err) : parse_compact(jws, err);
	if (rc == JWK11_OK)
		*ret_jws = J11_STEAL(jws);
	return rc;
}

enum jwk11_rc j11_jws_settle(struct jwk11_jws *jws, const struct jwk11_view *payload, struct jwk11_err *err)
{
	if (payload != NULL && jws->carries)
		return refuse("it carries its payload, and another one is given", err);
	if (payload == NULL && !jws->carries && (jws->without || jws->unencoded))
		return refuse("its payload is detached and must be given", err);
	if (payload == NULL)
		return JWK11_OK;
	if (payload->data == NULL && payload->len != 0)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWS: a payload without an address");
	if (payload->len > J11_JWS_PAYLOAD_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "payload is longer than %u bytes", J11_JWS_PAYLOAD_MAX);
	j11_buf_add(&jws->payload, payload->data, payload->len);
	return j11_buf_check(&jws->payload, "payload", err);
}

enum jwk11_rc jwk11_jws_read(struct jwk11_view text, const struct jwk11_view *detached, struct jwk11_jws **ret_jws, struct jwk11_err *err)
{
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *jws = NULL;
	enum jwk11_rc rc = j11_jws_parse(text, &jws, err);

	if (rc == JWK11_OK)
		rc = j11_jws_settle(jws, detached, err);
	if (rc == JWK11_OK)
		*ret_jws = J11_STEAL(jws);
	return rc;
}

enum jwk11_jws_form jwk11_jws_get_form(const struct jwk11_jws *jws)
{
	return jws->form;
}

size_t jwk11_jws_count(const struct jwk11_jws *jws)
{
	return jws->n;
}

struct jwk11_view jwk11_jws_payload(const struct jwk11_jws *jws)
{
	return j11_buf_view(&jws->payload);
}

const char *jwk11_jws_alg(const struct jwk11_jws *jws, size_t i)
{
	return i < jws->n ? jws->signatures[i].alg : "";
}

const char *jwk11_jws_kid(const struct jwk11_jws *jws, size_t i)
{
	return i < jws->n ? jws->signatures[i].kid : "";
}

struct jwk11_view jwk11_jws_protected(const struct jwk11_jws *jws, size_t i)
{
	return i < jws->n ? j11_buf_view(&jws->signatures[i].text) : J11_VIEW("");
}

struct jwk11_view jwk11_jws_header(const struct jwk11_jws *jws, size_t i)
{
	return i < jws->n && jws->signatures[i].header != NULL ? jws->signatures[i].header->raw : J11_VIEW("");
}
