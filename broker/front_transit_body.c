/* SPDX-License-Identifier: Apache-2.0 */
/* Every member is taken as a text, since the vault command sends every value as one. */
#include "front_transit_body.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "form/version.h"
#include "json/json_take.h"

/* What clients send with these and what they send for nothing: Vault ignores an empty one. */
enum member {
	M_INPUT, M_HASH, M_OLD_HASH, M_SCHEME, M_MARSHALING, M_PREHASHED, M_VERSION, M_SALT, M_SIGNATURE, M_REFERENCE,
	M_NAME, M_CONTEXT, M_SIGNATURE_CONTEXT, M_HMAC, M_CMAC, M_MAC_LENGTH, M_BATCH,
	N_MEMBERS
};
struct members {
	const struct j11_json *value[N_MEMBERS];
	struct jwk11_view text[N_MEMBERS]; /* data NULL: absent, or null */
};
#define MEMBER(name, which) { name, J11_JSON_ANY, offsetof(struct members, value) + (which) * sizeof(const struct j11_json *), false }
static const struct j11_json_field fields[N_MEMBERS] = {
	[M_INPUT] = MEMBER("input", M_INPUT),
	[M_HASH] = MEMBER("hash_algorithm", M_HASH),
	[M_OLD_HASH] = MEMBER("algorithm", M_OLD_HASH),
	[M_SCHEME] = MEMBER("signature_algorithm", M_SCHEME),
	[M_MARSHALING] = MEMBER("marshaling_algorithm", M_MARSHALING),
	[M_PREHASHED] = MEMBER("prehashed", M_PREHASHED),
	[M_VERSION] = MEMBER("key_version", M_VERSION),
	[M_SALT] = MEMBER("salt_length", M_SALT),
	[M_SIGNATURE] = MEMBER("signature", M_SIGNATURE),
	[M_REFERENCE] = MEMBER("reference", M_REFERENCE),
	[M_NAME] = MEMBER("name", M_NAME),
	[M_CONTEXT] = MEMBER("context", M_CONTEXT),
	[M_SIGNATURE_CONTEXT] = MEMBER("signature_context", M_SIGNATURE_CONTEXT),
	[M_HMAC] = MEMBER("hmac", M_HMAC),
	[M_CMAC] = MEMBER("cmac", M_CMAC),
	[M_MAC_LENGTH] = MEMBER("mac_length", M_MAC_LENGTH),
	[M_BATCH] = MEMBER("batch_input", M_BATCH),
};
/* What would change the answer, and is not done here. */
static const struct {
	enum member member;
	const char *why;
} refused[] = {
	{ M_BATCH, "send one request for each input" },
	{ M_CONTEXT, "no key here is derived from another" },
	{ M_SIGNATURE_CONTEXT, "signatures here have no context" },
	{ M_HMAC, "there is nothing here but signatures" },
	{ M_CMAC, "there is nothing here but signatures" },
};

static enum jwk11_rc bad(struct jwk11_err *err, enum member member, const char *why)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: \"%s\": %s", fields[member].name, why);
}

static enum jwk11_rc read_members(const struct j11_json *root, struct members *m, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_json_take(root, fields, N_MEMBERS, false, "request body", m, err);

	for (unsigned i = 0; rc == JWK11_OK && i < N_MEMBERS; i++) {
		const struct j11_json *v = m->value[i];

		if (v == NULL || v->type == J11_JSON_NULL)
			continue;
		if (v->type != J11_JSON_STRING && (i == M_INPUT || i == M_SIGNATURE)) /* true and 1234 are base64 too */
			rc = bad(err, (enum member)i, "must be a string");
		else if (v->type == J11_JSON_NUMBER)
			m->text[i] = j11_json_number(v);
		else if (v->type == J11_JSON_STRING)
			m->text[i] = v->text;
		else if (v->type == J11_JSON_BOOL)
			m->text[i] = v->boolean ? J11_VIEW("true") : J11_VIEW("false");
		else if (i != M_BATCH)
			rc = bad(err, (enum member)i, "must be a single value");
		else
			m->text[i] = v->raw;
	}
	for (size_t i = 0; rc == JWK11_OK && i < J11_COUNT(refused); i++)
		if (m->text[refused[i].member].len > 0)
			rc = bad(err, refused[i].member, refused[i].why);
	if (rc == JWK11_OK && m->text[M_INPUT].data == NULL)
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "request body: member \"input\" is missing");
	return rc;
}

/* A number of a version from 0 on; false: none. */
static bool read_version(struct jwk11_view text, int64_t *ret_n)
{
	uint64_t n = 0;
	bool good = j11_text_to_u64(text, J11_VERSION_MOMENT_MAX, &n);

	*ret_n = (int64_t)n;
	return good;
}

static enum jwk11_rc read_flags(const struct members *m, const char *key, struct front_transit_body *b, struct jwk11_err *err)
{
	struct jwk11_view prehashed = m->text[M_PREHASHED], marshaling = m->text[M_MARSHALING];

	if (m->text[M_NAME].len > 0 && !j11_view_equals(m->text[M_NAME], key)) /* hvac says it twice */
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_MISMATCH, "request body: \"name\" is not the one of the path");
	b->prehashed = j11_view_equals(prehashed, "true") || j11_view_equals(prehashed, "1");
	if (!b->prehashed && prehashed.len > 0 && !j11_view_equals(prehashed, "false") && !j11_view_equals(prehashed, "0"))
		return bad(err, M_PREHASHED, "must be true or false");
	b->jws = j11_view_equals(marshaling, "jws");
	if (!b->jws && marshaling.len > 0 && !j11_view_equals(marshaling, "asn1"))
		return bad(err, M_MARSHALING, "must be asn1 or jws");
	return JWK11_OK;
}

static enum jwk11_rc read_version_to_sign(const struct members *m, struct front_transit_body *b, struct jwk11_err *err)
{
	b->named = m->text[M_VERSION].len > 0;
	return !b->named || read_version(m->text[M_VERSION], &b->version) ? JWK11_OK : bad(err, M_VERSION, "must be a number");
}

/* "vault:vN:" comes off the signature and says by which version it is. */
static enum jwk11_rc read_signature(const struct members *m, struct front_transit_body *b, struct jwk11_err *err)
{
	static const char start[] = "vault:v";
	const size_t start_len = sizeof(start) - 1;
	struct jwk11_view sig = m->text[M_SIGNATURE];
	const char *s = sig.data, *colon;

	if (sig.len <= start_len || memcmp(s, start, start_len) != 0 || (colon = memchr(s + start_len, ':', sig.len - start_len)) == NULL)
		return bad(err, M_SIGNATURE, "must be vault:vN: and base64");
	b->named = true;
	b->signature = (struct jwk11_view){ .data = colon + 1, .len = sig.len - (size_t)(colon + 1 - s) };
	if (!read_version((struct jwk11_view){ .data = s + start_len, .len = (size_t)(colon - s) - start_len }, &b->version))
		return bad(err, M_SIGNATURE, "its version is no number");
	return JWK11_OK;
}

enum jwk11_rc front_transit_body_read(const struct j11_json *root, enum conf_op op, const char *key, struct front_transit_body *ret_body,
	struct jwk11_err *err)
{
	struct members m = { .value = { NULL } };
	enum jwk11_rc rc = read_members(root, &m, err);

	*ret_body = (struct front_transit_body){ .version = 0 };
	if (rc == JWK11_OK)
		rc = read_flags(&m, key, ret_body, err);
	if (rc != JWK11_OK)
		return rc;
	ret_body->input = m.text[M_INPUT];
	ret_body->hash = m.text[M_HASH].len > 0 ? m.text[M_HASH] : m.text[M_OLD_HASH];
	ret_body->scheme = m.text[M_SCHEME];
	ret_body->salt = m.text[M_SALT];
	return op == CONF_OP_VERIFY ? read_signature(&m, ret_body, err) : read_version_to_sign(&m, ret_body, err);
}
