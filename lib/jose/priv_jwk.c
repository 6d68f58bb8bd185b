/* SPDX-License-Identifier: Apache-2.0 */
/* A private JWK (RFC 7517, RFC 7518 section 6, RFC 8037), and which of the two forms a file has. */
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "json/json_take.h"
#include "jwk.h"
#include "priv.h"

static enum jwk11_rc refuse(const char *why, const char *hint, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "private JWK: %s", why);
	if (hint != NULL)
		j11_err_hint(err, "%s", hint);
	return JWK11_ERR_SYNTAX;
}

struct members {
	struct jwk11_view d, p, q, dp, dq, qi;
};

static const struct j11_json_field fields[] = {
	{ "d", J11_JSON_STRING, offsetof(struct members, d), false },
	{ "p", J11_JSON_STRING, offsetof(struct members, p), false },
	{ "q", J11_JSON_STRING, offsetof(struct members, q), false },
	{ "dp", J11_JSON_STRING, offsetof(struct members, dp), false },
	{ "dq", J11_JSON_STRING, offsetof(struct members, dq), false },
	{ "qi", J11_JSON_STRING, offsetof(struct members, qi), false },
};

/* What it is, before what is wrong with it as a key that signs. */
static enum jwk11_rc check_kind(const struct j11_json *obj, struct jwk11_err *err)
{
	const struct j11_json *kty = j11_json_get(obj, "kty");

	if (obj->type != J11_JSON_OBJECT)
		return refuse("it is no object", NULL, err);
	if (j11_json_get(obj, "keys") != NULL)
		return refuse("it is a set of keys", "give one of the keys in it alone", err);
	if (kty != NULL && j11_view_equals(kty->text, "oct")) {
		j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "private JWK: \"kty\" oct is a secret that others have too, not a private key");
		j11_err_hint(err, "a key for HS256 is made on the token, where nobody has a copy");
		return JWK11_ERR_UNSUPPORTED;
	}
	if (j11_json_get(obj, "oth") != NULL)
		return refuse("RSA with more than two primes", "no token takes such a key; make a new one", err);
	if (kty != NULL && j11_view_equals(kty->text, "AKP"))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "private JWK: keys for ML-DSA are not taken from files");
	if (j11_json_get(obj, "d") == NULL)
		return refuse("it holds a public key alone (no \"d\")", "give the file with the private one", err);
	return JWK11_OK;
}

/* Each member into the one buffer, which has room for all and does not move. */
static enum jwk11_rc decode(const struct members *m, struct jwk11_buf *room, struct j11_priv_numbers *n, struct jwk11_err *err)
{
	const struct {
		const char *name;
		struct jwk11_view text;
		struct jwk11_view *to;
	} rows[] = { { "d", m->d, &n->d }, { "p", m->p, &n->p }, { "q", m->q, &n->q }, { "dp", m->dp, &n->dp }, { "dq", m->dq, &n->dq },
		{ "qi", m->qi, &n->qi } };
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; rc == JWK11_OK && i < J11_COUNT(rows); i++) {
		size_t start = room->len;

		if (rows[i].text.data != NULL)
			rc = j11_b64url_decode(rows[i].text, rows[i].name, room, err);
		*rows[i].to = (struct jwk11_view){ .data = room->data + start, .len = room->len - start };
	}
	return rc;
}

static enum jwk11_rc from_object(const struct j11_json *obj, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf room = { .max = J11_PRIV_FILE_MAX, .secret = true };
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	struct j11_priv_numbers n = { 0 };
	struct members m = { 0 };
	enum jwk11_rc rc = check_kind(obj, err);

	if (rc == JWK11_OK)
		rc = j11_jwk_parse_private_half(obj, &pub, err);
	if (rc == JWK11_OK)
		rc = j11_json_take(obj, fields, J11_COUNT(fields), true, "private JWK", &m, err);
	if (rc != JWK11_OK)
		return rc;
	if (pub->kty == J11_KTY_RSA && (m.p.data == NULL || m.q.data == NULL || m.dp.data == NULL || m.dq.data == NULL || m.qi.data == NULL))
		return refuse("one of \"p\", \"q\", \"dp\", \"dq\", \"qi\" is missing", "tokens want all of them (RFC 7518 6.3.2)", err);
	if (j11_buf_grow(&room, room.max) == NULL)
		return j11_err_memory(err);
	j11_buf_cut(&room, 0);
	rc = decode(&m, &room, &n, err);
	return rc == JWK11_OK ? j11_priv_new(pub, &n, ret_priv, err) : rc;
}

enum jwk11_rc j11_priv_from_jwk(struct jwk11_view jwk, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_limits limits = { .max_len = J11_PRIV_FILE_MAX, .max_depth = 8, .max_values = 256, .secret = true };
	enum jwk11_rc rc = j11_json_read(jwk, &limits, "private JWK", &doc, err);

	return rc == JWK11_OK ? from_object(j11_json_root(doc), ret_priv, err) : rc;
}

enum jwk11_rc j11_priv_read(struct jwk11_view text, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	const char *p = text.data;
	size_t i = 0;

	while (i < text.len && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n'))
		i++;
	if (i == text.len)
		return refuse("the file is empty", NULL, err);
	if (text.len > J11_PRIV_FILE_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "private key: longer than %d bytes", J11_PRIV_FILE_MAX);
	return p[i] == '{' || p[i] == '[' ? j11_priv_from_jwk(text, ret_priv, err) : j11_priv_from_pem(text, passphrase, ret_priv, err);
}
