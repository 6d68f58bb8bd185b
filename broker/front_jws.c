/* SPDX-License-Identifier: Apache-2.0 */
/* JWS requests in the front. What goes together in one is the worker's to say; here each member has its type. */
#include "front_jws.h"

#include <string.h>

#include "base/err.h"
#include "http_media.h"
#include "json/json_take.h"

const char *const front_jws_types[3] = { "application/jose", "application/jose+json", "application/json" };

static const char *const forms[] = { [JWK11_JWS_COMPACT] = "compact", [JWK11_JWS_FLATTENED] = "flattened", [JWK11_JWS_GENERAL] = "general" };

struct members {
	struct jwk11_view alg, payload, serialization, typ, cty;
	const struct j11_json *protected_header, *header, *jws;
	bool detached, b64, jwk, x5c;
};
#define MEMBER(name, type, place) { name, J11_JSON_##type, offsetof(struct members, place), false }
static const struct j11_json_field fields[] = {
	MEMBER("alg", STRING, alg),
	MEMBER("payload", STRING, payload),
	MEMBER("protected", OBJECT, protected_header),
	MEMBER("header", OBJECT, header),
	MEMBER("serialization", STRING, serialization),
	MEMBER("detached", BOOL, detached),
	MEMBER("b64", BOOL, b64),
	MEMBER("typ", STRING, typ),
	MEMBER("cty", STRING, cty),
	MEMBER("jwk", BOOL, jwk),
	MEMBER("x5c", BOOL, x5c),
	MEMBER("jws", ANY, jws),
};

const char *front_jws_form_name(enum jwk11_jws_form form)
{
	return forms[form];
}

const char *front_jws_type_of(enum jwk11_jws_form form)
{
	return front_jws_types[form != JWK11_JWS_COMPACT];
}

static enum jwk11_rc take_form(struct front_request *q, struct jwk11_view name, struct jwk11_err *err)
{
	if (name.data == NULL)
		return JWK11_OK;
	for (size_t i = 0; i < J11_COUNT(forms); i++) {
		if (!j11_view_equals(name, forms[i]))
			continue;
		q->pending->form = (enum jwk11_jws_form)i;
		return JWK11_OK;
	}
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE,
		"request body: \"serialization\" must be \"compact\", \"flattened\" or \"general\"");
}

/* The payload may come with the JWS that a signature is added to; whether it does is seen where that is read. */
static enum jwk11_rc check(const struct members *m, struct jwk11_err *err)
{
	if (m->payload.data == NULL && m->jws == NULL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "request body: member \"payload\" is missing");
	if (m->jws != NULL && m->jws->type != J11_JSON_STRING && m->jws->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: member \"jws\" must be a string or an object");
	return JWK11_OK;
}

enum jwk11_rc front_jws_take(struct front_request *q, const struct j11_json *root, struct jwk11_err *err)
{
	struct members m = { .b64 = true };
	unsigned flags;
	enum jwk11_rc rc = j11_json_take(root, fields, J11_COUNT(fields), false, "request body", &m, err);

	if (rc == JWK11_OK)
		rc = check(&m, err);
	if (rc == JWK11_OK)
		rc = take_form(q, m.serialization, err);
	if (rc == JWK11_OK)
		rc = front_add_octets(q, WIRE_F_PAYLOAD, m.payload, "member \"payload\"", err);
	if (rc != JWK11_OK)
		return rc;
	front_add_text(q, WIRE_F_ALG, m.alg);
	front_add_text(q, WIRE_F_TYP, m.typ);
	front_add_text(q, WIRE_F_CTY, m.cty);
	if (m.protected_header != NULL)
		wire_add(q->datagram, WIRE_F_HEADER, m.protected_header->raw);
	if (m.header != NULL)
		wire_add(q->datagram, WIRE_F_UNPROTECTED, m.header->raw);
	if (m.jws != NULL)
		wire_add(q->datagram, WIRE_F_JWS, m.jws->type == J11_JSON_STRING ? m.jws->text : m.jws->raw);
	flags = (m.detached ? JWK11_JWS_DETACHED : 0) | (m.b64 ? 0 : JWK11_JWS_UNENCODED) | (m.jwk ? JWK11_JWS_JWK : 0) |
		(m.x5c ? JWK11_JWS_X5C : 0);
	if (q->pending->form != JWK11_JWS_COMPACT)
		wire_add_num(q->datagram, WIRE_F_FORM, q->pending->form);
	if (flags != 0)
		wire_add_num(q->datagram, WIRE_F_FLAGS, flags);
	return JWK11_OK;
}

bool front_jws_choose(struct front_request *q)
{
	const char *types[] = { front_jws_type_of(q->pending->form), front_jws_types[2] };

	q->type = http_media_choose(q->http->accept, types, J11_COUNT(types));
	if (q->type >= 0)
		return true;
	front_problem(q, J11_CODE_HTTP_NOT_ACCEPTABLE, "the %s serialization comes as %s or %s only", forms[q->pending->form], types[0], types[1]);
	return false;
}

/* ---- a worker's answer ---- */

static bool is_base64url(struct jwk11_view text)
{
	const char *s = text.data;

	for (size_t i = 0; i < text.len; i++) {
		bool plain = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9');

		if (!plain && s[i] != '-' && s[i] != '_')
			return false;
	}
	return true;
}

/* A bare body goes out as it came, so it must be nothing but base64url and two dots. */
static bool is_compact(struct jwk11_view text)
{
	const char *p = text.data, *end = p + text.len;
	unsigned dots = 0;

	for (;;) {
		const char *dot = memchr(p, '.', (size_t)(end - p));
		struct jwk11_view part = { .data = p, .len = (size_t)((dot ? dot : end) - p) };

		if (!is_base64url(part))
			return false;
		if (dot == NULL)
			return dots == 2;
		p = dot + 1;
		dots++;
	}
}

struct parts {
	struct jwk11_view payload, protected_header, signature;
	const struct j11_json *header, *signatures;
};
#define PART(name, type, place, required) { name, J11_JSON_##type, offsetof(struct parts, place), required }
static const struct j11_json_field signature_parts[] = {
	PART("protected", STRING, protected_header, false),
	PART("header", OBJECT, header, false),
	PART("signature", STRING, signature, true),
};
static const struct j11_json_field flattened_parts[] = {
	PART("payload", STRING, payload, false),
	PART("protected", STRING, protected_header, true),
	PART("header", OBJECT, header, false),
	PART("signature", STRING, signature, true),
};
static const struct j11_json_field general_parts[] = {
	PART("payload", STRING, payload, false),
	PART("signatures", ARRAY, signatures, true),
};

/* These members and no others, the texts of them base64url. */
static bool is_made_of(const struct j11_json *obj, const struct j11_json_field *parts, size_t n, struct parts *p)
{
	return j11_json_take(obj, parts, n, false, "JWS", p, NULL) == JWK11_OK && is_base64url(p->payload) && is_base64url(p->protected_header) &&
		is_base64url(p->signature);
}

static bool is_general(const struct j11_json *root)
{
	struct parts p = { .header = NULL };

	if (!is_made_of(root, general_parts, J11_COUNT(general_parts), &p) || p.signatures->child == NULL)
		return false;
	for (const struct j11_json *one = p.signatures->child; one != NULL; one = one->next) {
		struct parts s = { .header = NULL };

		if (!is_made_of(one, signature_parts, J11_COUNT(signature_parts), &s))
			return false;
	}
	return true;
}

bool front_jws_is(struct jwk11_view text, enum jwk11_jws_form form)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct parts p = { .header = NULL };

	if (form == JWK11_JWS_COMPACT)
		return is_compact(text);
	if (j11_json_read(text, NULL, "JWS", &doc, NULL) != JWK11_OK)
		return false;
	if (form == JWK11_JWS_GENERAL)
		return is_general(j11_json_root(doc));
	return is_made_of(j11_json_root(doc), flattened_parts, J11_COUNT(flattened_parts), &p);
}
