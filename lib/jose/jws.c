/* SPDX-License-Identifier: Apache-2.0 */
/* JWS compact serialisation: what is signed, how it is put together, how it is taken apart. */
#include "jws.h"

#include <string.h>
#include <strings.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_take.h"
#include "json/json_write.h"

/* Members of `extra` that would change what the header says about key, algorithm or processing. */
static bool is_ours(struct jwk11_view name)
{
	static const char *const names[] = { "alg", "kid", "b64", "crit", "jwk", "jku", "x5u", "x5c" };

	for (size_t i = 0; i < J11_COUNT(names); i++)
		if (j11_view_equals(name, names[i]))
			return true;
	return false;
}

/* RFC 7515 4.1.9, 4.1.10: media types as strings, and "application/" is left out where nothing else has a slash. */
static const char *media_problem(const struct j11_json *extra, const char *name)
{
	static const char prefix[] = "application/";
	const struct j11_json *value = j11_json_get(extra, name);
	size_t len = sizeof(prefix) - 1;

	if (value == NULL)
		return NULL;
	if (value->type != J11_JSON_STRING || value->text.len == 0)
		return "must be a string that is not empty";
	if (value->text.len < len || strncasecmp(value->text.data, prefix, len) != 0)
		return NULL;
	return memchr((const char *)value->text.data + len, '/', value->text.len - len) == NULL ? "is written without \"application/\"" : NULL;
}

static enum jwk11_rc check_media(const struct j11_json *extra, struct jwk11_err *err)
{
	static const char *const names[] = { "typ", "cty" };

	for (size_t i = 0; i < J11_COUNT(names); i++) {
		const char *why = media_problem(extra, names[i]);

		if (why != NULL)
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HEADER_REFUSED, "protected header: member \"%s\" %s", names[i], why);
	}
	return JWK11_OK;
}

static enum jwk11_rc check_extra(const struct j11_json *extra, struct jwk11_err *err)
{
	char name[48];

	if (extra == NULL)
		return JWK11_OK;
	if (extra->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "protected header must be an object");
	for (const struct j11_json *m = extra->child; m != NULL; m = m->next) {
		if (!is_ours(m->name))
			continue;
		j11_text_printable(m->name, name, sizeof(name));
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HEADER_REFUSED, "protected header: member \"%s\" is not the caller's to set", name);
	}
	return check_media(extra, err);
}

enum jwk11_rc j11_jws_input(const struct j11_alg *alg, const char *kid, const struct j11_json *extra, struct jwk11_view payload,
	struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf header = J11_BUF(J11_JWS_HEADER_MAX);
	struct j11_json_out o = J11_JSON_OUT(&header);
	enum jwk11_rc rc = check_extra(extra, err);

	if (rc != JWK11_OK)
		return rc;
	if (payload.len > J11_JWS_PAYLOAD_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "payload is longer than %u bytes", J11_JWS_PAYLOAD_MAX);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "alg", alg->name);
	if (kid != NULL)
		j11_json_str(&o, "kid", kid);
	for (const struct j11_json *m = extra ? extra->child : NULL; m != NULL; m = m->next)
		j11_json_member(&o, m);
	j11_json_close(&o);
	rc = j11_buf_check(&header, "protected header", err);
	if (rc != JWK11_OK)
		return rc;
	j11_b64url_add(out, j11_buf_view(&header));
	j11_buf_add_byte(out, '.');
	j11_b64url_add(out, payload);
	return j11_buf_check(out, "JWS", err);
}

void j11_jws_finish(struct jwk11_buf *out, struct jwk11_view sig)
{
	j11_buf_add_byte(out, '.');
	j11_b64url_add(out, sig);
}

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWS_INVALID, "JWS: %s", why);
}

struct header {
	struct jwk11_view alg, kid;
	const struct j11_json *crit;
};

static const struct j11_json_field header_fields[] = {
	{ "alg", J11_JSON_STRING, offsetof(struct header, alg), true },
	{ "kid", J11_JSON_STRING, offsetof(struct header, kid), false },
	{ "crit", J11_JSON_ARRAY, offsetof(struct header, crit), false },
};

static enum jwk11_rc parse_header(struct jwk11_view text, struct j11_jws *jws, struct jwk11_err *err)
{
	struct j11_json_limits limits = { .max_len = J11_JWS_HEADER_MAX, .max_depth = 8, .max_values = 512 };
	struct header h = { 0 };
	enum jwk11_rc rc = j11_json_read(text, &limits, "JWS header", &jws->header_doc, err);

	if (rc == JWK11_OK)
		rc = j11_json_take(j11_json_root(jws->header_doc), header_fields, J11_COUNT(header_fields), true, "JWS header", &h, err);
	if (rc != JWK11_OK)
		return rc;
	/* RFC 7515 4.1.11: no extension is understood here, so any "crit" is refused; b64 (RFC 7797) only has meaning with it. */
	if (h.crit != NULL || j11_json_get(j11_json_root(jws->header_doc), "b64") != NULL)
		return refuse("its header asks for extensions (\"crit\" or \"b64\") that are not supported", err);
	if (h.kid.len >= sizeof(jws->kid))
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWS: \"kid\" is longer than %zu bytes", sizeof(jws->kid) - 1);
	if (h.kid.len > 0)
		memcpy(jws->kid, h.kid.data, h.kid.len);
	jws->alg = j11_alg_find(h.alg);
	if (jws->alg == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ALG_UNKNOWN, "JWS: its algorithm is not supported");
	return JWK11_OK;
}

static enum jwk11_rc split(struct jwk11_view text, struct jwk11_view part[3], struct jwk11_err *err)
{
	const char *p = text.data, *end = p + text.len, *dot;

	for (int i = 0; i < 3; i++) {
		dot = memchr(p, '.', (size_t)(end - p));
		if ((dot == NULL) != (i == 2))
			return refuse("not three parts with two dots", err);
		part[i] = (struct jwk11_view){ .data = p, .len = (size_t)((dot ? dot : end) - p) };
		p = dot ? dot + 1 : end;
	}
	return JWK11_OK;
}

enum jwk11_rc j11_jws_parse(struct jwk11_view text, struct j11_jws *ret_jws, struct jwk11_err *err)
{
	J11_AUTO(j11_jws_done_auto) struct j11_jws jws = { .payload = J11_BUF(J11_JWS_PAYLOAD_MAX), .sig = J11_BUF(J11_RSA_MAX_BITS / 8) };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf header = J11_BUF(J11_JWS_HEADER_MAX);
	struct jwk11_view part[3];
	enum jwk11_rc rc;

	if (text.data == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWS: no text");
	if (text.len > J11_JWS_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWS: longer than %u bytes", J11_JWS_MAX);
	rc = split(text, part, err);
	if (rc == JWK11_OK)
		rc = j11_b64url_decode(part[0], "JWS header", &header, err);
	if (rc == JWK11_OK)
		rc = parse_header(j11_buf_view(&header), &jws, err);
	if (rc == JWK11_OK)
		rc = j11_b64url_decode(part[1], "JWS payload", &jws.payload, err);
	if (rc == JWK11_OK)
		rc = j11_b64url_decode(part[2], "JWS signature", &jws.sig, err);
	if (rc != JWK11_OK)
		return rc;
	jws.signing_input = (struct jwk11_view){ .data = text.data, .len = part[0].len + 1 + part[1].len };
	*ret_jws = jws;
	jws = (struct j11_jws){ 0 };
	return JWK11_OK;
}

void j11_jws_done(struct j11_jws *jws)
{
	j11_json_free(jws->header_doc);
	jws->header_doc = NULL;
	j11_buf_done(&jws->payload);
	j11_buf_done(&jws->sig);
}

enum jwk11_rc jwk11_jws_verify(const struct jwk11_pub *pub, const char *alg, struct jwk11_view text, struct jwk11_buf *ret_payload,
	struct jwk11_err *err)
{
	J11_AUTO(j11_jws_done_auto) struct j11_jws jws = { 0 };
	const char *only;
	enum jwk11_rc rc;

	if (pub == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWS: no key");
	only = alg ? alg : jwk11_pub_default_alg(pub);
	rc = j11_jws_parse(text, &jws, err);
	if (rc != JWK11_OK)
		return rc;
	/* RFC 8725 3.1: the caller says which algorithm, the header is only compared with it. */
	if (!j11_text_equal(jws.alg->name, only)) {
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "JWS: its algorithm is %s, only %s is accepted", jws.alg->name,
			j11_alg_find_str(only) ? only : "an unknown one");
		if (alg == NULL)
			j11_err_hint(err, "say that %s is expected if it is", jws.alg->name);
		return JWK11_ERR_MISMATCH;
	}
	rc = jwk11_pub_verify(pub, only, JWK11_INPUT_MESSAGE, jws.signing_input, j11_buf_view(&jws.sig), err);
	if (rc != JWK11_OK || ret_payload == NULL)
		return rc;
	j11_buf_add(ret_payload, jws.payload.data, jws.payload.len); /* all or nothing */
	return j11_buf_check(ret_payload, "payload", err);
}
