/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a JWE apart: three serialisations into one typed value, checked as far as public knowledge goes. */
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"
#include "json/json_take.h"
#include "jwe.h"
#include "jwk.h"

enum { BLOCK = 16, PARTY_MAX = 1024, MAX_VALUES = 1024 };

/* What a serialisation holds, still encoded. Absent: data == NULL, or NULL. */
struct parts {
	struct jwk11_view protected_header, key, iv, ciphertext, tag, aad;
	const struct j11_json *unprotected, *header, *recipients;
};

/* RFC 7516 7.2.1 and 7.2.2; other members are ignored there. */
static const struct j11_json_field part_fields[] = {
	{ "protected", J11_JSON_STRING, offsetof(struct parts, protected_header), false },
	{ "unprotected", J11_JSON_OBJECT, offsetof(struct parts, unprotected), false },
	{ "header", J11_JSON_OBJECT, offsetof(struct parts, header), false },
	{ "encrypted_key", J11_JSON_STRING, offsetof(struct parts, key), false },
	{ "recipients", J11_JSON_ARRAY, offsetof(struct parts, recipients), false },
	{ "aad", J11_JSON_STRING, offsetof(struct parts, aad), false },
	{ "iv", J11_JSON_STRING, offsetof(struct parts, iv), true },
	{ "ciphertext", J11_JSON_STRING, offsetof(struct parts, ciphertext), true },
	{ "tag", J11_JSON_STRING, offsetof(struct parts, tag), true },
};

struct recipient_parts {
	const struct j11_json *header;
	struct jwk11_view key;
};
static const struct j11_json_field recipient_fields[] = {
	{ "header", J11_JSON_OBJECT, offsetof(struct recipient_parts, header), false },
	{ "encrypted_key", J11_JSON_STRING, offsetof(struct recipient_parts, key), false },
};

struct header {
	struct jwk11_view alg, enc, kid, apu, apv;
	const struct j11_json *epk;
};
static const struct j11_json_field header_fields[] = {
	{ "alg", J11_JSON_STRING, offsetof(struct header, alg), false },
	{ "enc", J11_JSON_STRING, offsetof(struct header, enc), false },
	{ "kid", J11_JSON_STRING, offsetof(struct header, kid), false },
	{ "apu", J11_JSON_STRING, offsetof(struct header, apu), false },
	{ "apv", J11_JSON_STRING, offsetof(struct header, apv), false },
	{ "epk", J11_JSON_OBJECT, offsetof(struct header, epk), false },
};

enum { PROTECTED, UNPROTECTED, OWN, N_HEADERS };

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWE_INVALID, "JWE: %s", why);
}

/* The union of the three headers into typed fields. Section 4.1.13: no extension is understood here, so any "crit" is refused, wherever it
 * is; 4.1.3: what a compressed plaintext grows to is nobody's guess. */
static enum jwk11_rc unite(const struct j11_json *const headers[N_HEADERS], struct header *h, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	/* section 4 */
	if (j11_json_shares_a_name(headers[PROTECTED], headers[UNPROTECTED]) || j11_json_shares_a_name(headers[PROTECTED], headers[OWN]) ||
		j11_json_shares_a_name(headers[UNPROTECTED], headers[OWN]))
		return refuse("a header member appears in more than one header", err);
	for (unsigned i = 0; i < N_HEADERS && rc == JWK11_OK; i++) {
		if (headers[i] == NULL)
			continue;
		if (j11_json_get(headers[i], "crit") != NULL)
			return refuse("its header asks for extensions (\"crit\") that are not supported", err);
		if (j11_json_get(headers[i], "zip") != NULL)
			return refuse("compressed content (\"zip\") is not accepted", err);
		rc = j11_json_take(headers[i], header_fields, J11_COUNT(header_fields), true, "JWE header", h, err);
	}
	if (rc == JWK11_OK && (h->alg.data == NULL || h->enc.data == NULL))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "JWE header: member \"%s\" is missing", h->alg.data ? "enc" : "alg");
	return rc;
}

static enum jwk11_rc set_enc(struct j11_jwe *jwe, struct jwk11_view name, struct jwk11_err *err)
{
	const struct j11_enc *enc = j11_enc_find(name);

	if (enc == NULL) {
		j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ENC_UNKNOWN, "JWE: its content encryption is not supported");
		j11_err_hint(err, "one of %s", j11_enc_names());
		return JWK11_ERR_UNSUPPORTED;
	}
	if (jwe->enc != NULL && jwe->enc != enc)
		return refuse("recipients name different content encryptions", err);
	jwe->enc = enc;
	return JWK11_OK;
}

/* RFC 7518 4.6.1: the ephemeral key, and what both parties are called. */
static enum jwk11_rc read_agreement(const struct header *h, struct j11_jwe_recipient *r, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	if (h->epk == NULL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "JWE header: member \"epk\" is missing");
	rc = j11_jwk_parse_epk(h->epk, &r->epk, err);
	if (rc == JWK11_OK && r->epk->curve == NULL)
		rc = refuse("its ephemeral key is no key of a curve", err);
	if (rc == JWK11_OK)
		rc = j11_kma_check_peer(r->epk, err);
	if (rc == JWK11_OK && h->apu.data != NULL)
		rc = j11_b64url_decode(h->apu, "JWE header \"apu\"", &r->apu, err);
	if (rc == JWK11_OK && h->apv.data != NULL)
		rc = j11_b64url_decode(h->apv, "JWE header \"apv\"", &r->apv, err);
	return rc;
}

static enum jwk11_rc read_key(const struct j11_kma *kma, struct jwk11_view text, bool alone, struct j11_jwe_recipient *r, struct jwk11_err *err)
{
	bool direct = kma->way == J11_KMA_ECDH && kma->kek_len == 0;
	enum jwk11_rc rc = text.data ? j11_b64url_decode(text, "JWE encrypted key", &r->key, err) : JWK11_OK;

	if (rc != JWK11_OK)
		return rc;
	if (direct && !alone)
		return refuse("direct key agreement beside other recipients", err);
	if (direct != (r->key.len == 0))
		return refuse(direct ? "an encrypted key with direct key agreement" : "the encrypted key is missing", err);
	return JWK11_OK;
}

/* Section 5.2: a recipient of many may be for somebody else's algorithm; the only one must be for ours. */
static enum jwk11_rc add_recipient(struct j11_jwe *jwe, const struct j11_json *const headers[N_HEADERS], struct jwk11_view key, bool alone,
	struct jwk11_err *err)
{
	struct j11_jwe_recipient *r = &jwe->recipients[jwe->n_recipients++];
	struct header h = { 0 };
	enum jwk11_rc rc = unite(headers, &h, err);

	r->apu = r->apv = J11_BUF(PARTY_MAX);
	r->key = J11_BUF(J11_JWE_KEY_MAX);
	if (rc == JWK11_OK)
		rc = set_enc(jwe, h.enc, err);
	if (rc != JWK11_OK)
		return rc;
	if (h.kid.len >= sizeof(r->kid))
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWE: \"kid\" is longer than %zu bytes", sizeof(r->kid) - 1);
	if (h.kid.len > 0)
		memcpy(r->kid, h.kid.data, h.kid.len);
	r->kma = j11_kma_find(h.alg);
	if (r->kma == NULL)
		return JWK11_OK;
	if (r->kma->way == J11_KMA_ECDH)
		rc = read_agreement(&h, r, alone ? err : NULL);
	if (rc == JWK11_ERR_UNSUPPORTED && !alone) { /* a curve of somebody else's */
		r->kma = NULL;
		return JWK11_OK;
	}
	if (rc != JWK11_OK && !alone)
		return rc == JWK11_ERR_MEMORY ? j11_err_memory(err) : refuse("a recipient's ephemeral key or party information is broken", err);
	return rc == JWK11_OK ? read_key(r->kma, key, alone, r, err) : rc;
}

static enum jwk11_rc check_known(const struct j11_jwe *jwe, struct jwk11_err *err)
{
	for (size_t i = 0; i < jwe->n_recipients; i++)
		if (jwe->recipients[i].kma != NULL)
			return JWK11_OK;
	return j11_kma_unknown("JWE header: ", err);
}

static enum jwk11_rc read_recipients(const struct parts *p, const struct j11_json *protected_header, struct j11_jwe *jwe, struct jwk11_err *err)
{
	const struct j11_json *headers[N_HEADERS] = { protected_header, p->unprotected, p->header };
	size_t n = p->recipients ? p->recipients->n_children : 1;
	enum jwk11_rc rc = JWK11_OK;

	if (p->recipients != NULL && (p->header != NULL || p->key.data != NULL))
		return refuse("\"recipients\" beside \"header\" or \"encrypted_key\"", err);
	if (n == 0)
		return refuse("no recipients", err);
	if (n > J11_JWE_RECIPIENTS_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWE: more than %u recipients", J11_JWE_RECIPIENTS_MAX);
	jwe->recipients = j11_mem_new_array(n, sizeof(*jwe->recipients));
	if (jwe->recipients == NULL)
		return j11_err_memory(err);
	if (p->recipients == NULL)
		rc = add_recipient(jwe, headers, p->key, true, err);
	for (const struct j11_json *one = p->recipients ? p->recipients->child : NULL; one != NULL && rc == JWK11_OK; one = one->next) {
		struct recipient_parts rp = { 0 };

		rc = j11_json_take(one, recipient_fields, J11_COUNT(recipient_fields), true, "JWE recipient", &rp, err);
		headers[OWN] = rp.header;
		if (rc == JWK11_OK)
			rc = add_recipient(jwe, headers, rp.key, n == 1, err);
	}
	return rc == JWK11_OK ? check_known(jwe, err) : rc;
}

/* The encoded protected header, and "." and the encoded AAD when there is one. */
static enum jwk11_rc read_content(const struct parts *p, struct j11_jwe *jwe, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf checked = J11_BUF(J11_JWE_MAX);
	enum jwk11_rc rc = j11_b64url_decode(p->iv, "JWE initialization vector", &jwe->iv, err);

	if (rc == JWK11_OK)
		rc = j11_b64url_decode(p->ciphertext, "JWE ciphertext", &jwe->ciphertext, err);
	if (rc == JWK11_OK)
		rc = j11_b64url_decode(p->tag, "JWE authentication tag", &jwe->tag, err);
	if (rc == JWK11_OK && p->aad.data != NULL)
		rc = j11_b64url_decode(p->aad, "JWE aad", &checked, err);
	if (rc != JWK11_OK)
		return rc;
	if (p->protected_header.data != NULL)
		j11_buf_add(&jwe->aad, p->protected_header.data, p->protected_header.len);
	if (p->aad.data != NULL) {
		j11_buf_add_byte(&jwe->aad, '.');
		j11_buf_add(&jwe->aad, p->aad.data, p->aad.len);
	}
	if (jwe->iv.len != jwe->enc->iv_len || jwe->tag.len != jwe->enc->tag_len)
		return refuse("initialization vector or authentication tag does not have its algorithm's length", err);
	if (jwe->enc->mac != NULL && (jwe->ciphertext.len == 0 || jwe->ciphertext.len % BLOCK != 0))
		return refuse("the ciphertext is not whole blocks", err);
	return j11_buf_check(&jwe->aad, "JWE additional data", err);
}

static enum jwk11_rc read_parts(const struct parts *p, struct j11_jwe *jwe, struct jwk11_err *err)
{
	struct j11_json_limits limits = { .max_len = J11_JWE_HEADER_MAX, .max_depth = 8, .max_values = 256 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(J11_JWE_HEADER_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = JWK11_OK;

	if (p->protected_header.data != NULL) {
		rc = j11_b64url_decode(p->protected_header, "JWE header", &text, err);
		if (rc == JWK11_OK)
			rc = j11_json_read(j11_buf_view(&text), &limits, "JWE header", &doc, err);
		if (rc == JWK11_OK && j11_json_root(doc)->type != J11_JSON_OBJECT)
			rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "JWE header must be an object");
	}
	if (rc == JWK11_OK)
		rc = read_recipients(p, doc ? j11_json_root(doc) : NULL, jwe, err);
	return rc == JWK11_OK ? read_content(p, jwe, err) : rc;
}

static enum jwk11_rc parse_compact(struct jwk11_view text, struct j11_jwe *jwe, struct jwk11_err *err)
{
	const char *p = text.data, *end = p + text.len, *dot;
	struct jwk11_view part[5];

	for (int i = 0; i < 5; i++) {
		dot = memchr(p, '.', (size_t)(end - p));
		if ((dot == NULL) != (i == 4))
			return refuse("not five parts with four dots", err);
		part[i] = (struct jwk11_view){ .data = p, .len = (size_t)((dot ? dot : end) - p) };
		p = dot ? dot + 1 : end;
	}
	return read_parts(&(struct parts){ .protected_header = part[0], .key = part[1], .iv = part[2], .ciphertext = part[3], .tag = part[4] }, jwe,
		err);
}

/* Headers that came as objects obey the same bound as the encoded one. */
static bool is_long(const struct j11_json *header)
{
	return header != NULL && header->raw.len > J11_JWE_HEADER_MAX;
}

static enum jwk11_rc parse_json(struct jwk11_view text, struct j11_jwe *jwe, struct jwk11_err *err)
{
	struct j11_json_limits limits = { .max_len = J11_JWE_MAX, .max_depth = 8, .max_values = MAX_VALUES };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct parts p = { 0 };
	enum jwk11_rc rc = j11_json_read(text, &limits, "JWE", &doc, err);

	if (rc == JWK11_OK)
		rc = j11_json_take(j11_json_root(doc), part_fields, J11_COUNT(part_fields), true, "JWE", &p, err);
	if (rc != JWK11_OK)
		return rc;
	if (is_long(p.unprotected) || is_long(p.header) || (p.recipients != NULL && p.recipients->raw.len > 4 * J11_JWE_HEADER_MAX))
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWE: a header is longer than %u bytes", J11_JWE_HEADER_MAX);
	return read_parts(&p, jwe, err);
}

enum jwk11_rc j11_jwe_parse(struct jwk11_view text, struct j11_jwe *ret_jwe, struct jwk11_err *err)
{
	J11_AUTO(j11_jwe_done_auto) struct j11_jwe jwe = { .aad = J11_BUF(J11_JWE_MAX), .iv = J11_BUF(J11_ENC_IV_MAX),
		.ciphertext = J11_BUF(J11_ENC_TEXT_MAX + BLOCK), .tag = J11_BUF(J11_ENC_TAG_MAX) };
	enum jwk11_rc rc;

	if (text.data == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWE: no text");
	if (text.len > J11_JWE_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWE: longer than %u bytes", J11_JWE_MAX);
	rc = text.len > 0 && *(const char *)text.data == '{' ? parse_json(text, &jwe, err) : parse_compact(text, &jwe, err);
	if (rc != JWK11_OK)
		return rc;
	*ret_jwe = jwe;
	jwe = (struct j11_jwe){ 0 };
	return JWK11_OK;
}
