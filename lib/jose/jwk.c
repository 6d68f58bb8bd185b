/* SPDX-License-Identifier: Apache-2.0 */
/* One JWK, read and written; the RFC 7638 thumbprint. */
#include "jwk.h"

#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "json/json_take.h"

enum { MAX_NUMBER = J11_RSA_MAX_BITS / 8 + 1, MAX_CERT = 65536 };

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "JWK: %s", why);
}

/* RFC 7518 6.2.2, 6.3.2, 6.4.1; RFC 8037 section 2; RFC 9964: names of private members. Never echoed with their values. */
static bool has_private_member(const struct j11_json *obj)
{
	static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv" };

	for (size_t i = 0; i < J11_COUNT(names); i++)
		if (j11_json_get(obj, names[i]) != NULL)
			return true;
	return false;
}

struct members {
	struct jwk11_view kty, crv, n, e, x, y, use, alg, kid;
	const struct j11_json *key_ops, *x5c;
};

static const struct j11_json_field fields[] = {
	{ "kty", J11_JSON_STRING, offsetof(struct members, kty), true },
	{ "crv", J11_JSON_STRING, offsetof(struct members, crv), false },
	{ "n", J11_JSON_STRING, offsetof(struct members, n), false },
	{ "e", J11_JSON_STRING, offsetof(struct members, e), false },
	{ "x", J11_JSON_STRING, offsetof(struct members, x), false },
	{ "y", J11_JSON_STRING, offsetof(struct members, y), false },
	{ "use", J11_JSON_STRING, offsetof(struct members, use), false },
	{ "alg", J11_JSON_STRING, offsetof(struct members, alg), false },
	{ "kid", J11_JSON_STRING, offsetof(struct members, kid), false },
	{ "key_ops", J11_JSON_ARRAY, offsetof(struct members, key_ops), false },
	{ "x5c", J11_JSON_ARRAY, offsetof(struct members, x5c), false },
};

/* Operations that a public signing key cannot have beside "verify": the private half's, or another purpose's. RFC 7517 4.3. */
static bool is_foreign_op(struct jwk11_view op)
{
	static const char *const names[] = { "sign", "encrypt", "decrypt", "wrapKey", "unwrapKey", "deriveKey", "deriveBits" };

	for (size_t i = 0; i < J11_COUNT(names); i++)
		if (j11_view_equals(op, names[i]))
			return true;
	return false;
}

/* A key that says it is for something else does not verify signatures; one that says two things at once is broken. RFC 7517 4.2, 4.3. */
static enum jwk11_rc check_usage(const struct members *m, struct jwk11_err *err)
{
	bool verify = false, foreign = false;

	for (const struct j11_json *op = m->key_ops ? m->key_ops->child : NULL; op != NULL; op = op->next) {
		if (op->type != J11_JSON_STRING)
			return refuse("\"key_ops\" holds something else than strings", err);
		for (const struct j11_json *other = op->next; other != NULL; other = other->next)
			if (other->type == J11_JSON_STRING && j11_view_equal(op->text, other->text))
				return refuse("\"key_ops\" names an operation twice", err);
		verify = verify || j11_view_equals(op->text, "verify");
		foreign = foreign || is_foreign_op(op->text);
	}
	if (verify && foreign)
		return refuse("\"key_ops\" has other operations than a public key's \"verify\"", err);
	if (m->use.data != NULL && m->key_ops != NULL && verify != j11_view_equals(m->use, "sig"))
		return refuse("\"use\" and \"key_ops\" contradict each other", err);
	if (m->use.data != NULL && !j11_view_equals(m->use, "sig"))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: \"use\" is not \"sig\"");
	if (m->key_ops != NULL && !verify)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: \"key_ops\" does not hold \"verify\"");
	return JWK11_OK;
}

/* Decodes one required number. */
static enum jwk11_rc decode(struct jwk11_view text, const char *name, struct jwk11_buf *out, struct jwk11_err *err)
{
	if (text.data == NULL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "JWK: member \"%s\" is missing", name);
	return j11_b64url_decode(text, name, out, err);
}

/* RFC 7518 6.3.1.1: n and e carry no leading zero octets. */
static bool minimal(const struct jwk11_buf *number)
{
	return number->len > 0 && number->data[0] != 0;
}

static enum jwk11_rc parse_rsa(const struct members *m, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf n = J11_BUF(MAX_NUMBER);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf e = J11_BUF(MAX_NUMBER);
	enum jwk11_rc rc = decode(m->n, "n", &n, err);

	if (rc == JWK11_OK)
		rc = decode(m->e, "e", &e, err);
	if (rc == JWK11_OK && (!minimal(&n) || !minimal(&e)))
		rc = refuse("\"n\" or \"e\" starts with a zero octet or is empty", err);
	return rc == JWK11_OK ? j11_pub_new_rsa(j11_buf_view(&n), j11_buf_view(&e), ret_pub, err) : rc;
}

static enum jwk11_rc parse_curve(const struct members *m, enum j11_kty kty, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf x = J11_BUF(MAX_NUMBER);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf y = J11_BUF(MAX_NUMBER);
	const struct j11_curve *curve = m->crv.data ? j11_curve_by_name(m->crv) : NULL;
	enum jwk11_rc rc;

	if (m->crv.data == NULL)
		return refuse("member \"crv\" is missing", err);
	if (curve == NULL || curve->kty != kty)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: this \"crv\" is not supported");
	rc = decode(m->x, "x", &x, err);
	if (rc == JWK11_OK && kty == J11_KTY_EC)
		rc = decode(m->y, "y", &y, err);
	if (rc != JWK11_OK)
		return rc;
	if (kty == J11_KTY_OKP)
		return j11_pub_new_okp(curve->crv, j11_buf_view(&x), ret_pub, err);
	return j11_pub_new_ec(curve->crv, j11_buf_view(&x), j11_buf_view(&y), ret_pub, err);
}

/* alg and kid, remembered with the key. RFC 8725bis: a key has one algorithm. */
static enum jwk11_rc keep_names(const struct members *m, struct jwk11_pub *pub, struct jwk11_err *err)
{
	const struct j11_alg *alg;
	enum jwk11_rc rc;

	if (m->kid.data != NULL) {
		if (m->kid.len >= sizeof(pub->kid))
			return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWK: \"kid\" is longer than %zu bytes", sizeof(pub->kid) - 1);
		memcpy(pub->kid, m->kid.data, m->kid.len);
	}
	if (m->alg.data == NULL)
		return JWK11_OK;
	alg = j11_alg_find(m->alg);
	if (alg == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ALG_UNKNOWN, "JWK: its \"alg\" is not supported");
	rc = j11_pub_fits(pub, alg, err);
	if (rc == JWK11_OK)
		pub->alg = alg;
	return rc;
}

/* RFC 7517 4.7: plain base64 of DER, and the first certificate holds this very key. The rest of the chain is for whoever trusts it. */
static enum jwk11_rc check_chain(const struct members *m, const struct jwk11_pub *pub, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(MAX_CERT);
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *leaf = NULL;
	struct jwk11_view text;
	enum jwk11_rc rc;

	if (m->x5c == NULL)
		return JWK11_OK;
	if (m->x5c->child == NULL || m->x5c->child->type != J11_JSON_STRING)
		return refuse("\"x5c\" does not start with a certificate", err);
	text = m->x5c->child->text;
	if (memchr(text.data, '\n', text.len) != NULL || memchr(text.data, '\r', text.len) != NULL)
		return refuse("\"x5c\" holds line breaks", err);
	rc = j11_b64_decode(text, "x5c", &der, err);
	if (rc == JWK11_OK)
		rc = j11_pub_from_cert(j11_buf_view(&der), &leaf, err);
	if (rc == JWK11_OK && !j11_pub_equal(leaf, pub))
		rc = refuse("the first certificate of \"x5c\" holds another key", err);
	return rc;
}

static bool is_known(struct jwk11_view kty)
{
	return j11_view_equals(kty, "RSA") || j11_view_equals(kty, "EC") || j11_view_equals(kty, "OKP");
}

enum jwk11_rc j11_jwk_parse(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	const struct j11_json *kty = j11_json_get(obj, "kty");
	struct members m = { 0 };
	enum jwk11_rc rc;

	if (has_private_member(obj))
		return refuse("it holds private members; give the public key", err);
	/* Before the other members: of a key type nobody here knows, neither their names nor their types mean anything. */
	if (kty != NULL && kty->type == J11_JSON_STRING && !is_known(kty->text))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: this \"kty\" is not supported");
	rc = j11_json_take(obj, fields, J11_COUNT(fields), true, "JWK", &m, err);
	if (rc == JWK11_OK)
		rc = check_usage(&m, err);
	if (rc != JWK11_OK)
		return rc;
	if (j11_view_equals(m.kty, "RSA"))
		rc = parse_rsa(&m, &pub, err);
	else
		rc = parse_curve(&m, j11_view_equals(m.kty, "EC") ? J11_KTY_EC : J11_KTY_OKP, &pub, err);
	if (rc == JWK11_OK)
		rc = keep_names(&m, pub, err);
	if (rc == JWK11_OK)
		rc = check_chain(&m, pub, err);
	if (rc == JWK11_OK)
		*ret_pub = J11_STEAL(pub);
	return rc;
}

enum jwk11_rc jwk11_pub_from_jwk(struct jwk11_view jwk, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_limits limits = { .max_len = 65536, .max_depth = 8, .max_values = 256 };
	enum jwk11_rc rc;

	if (jwk.data == NULL || ret_pub == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWK: no text or no place for the key");
	rc = j11_json_read(jwk, &limits, "JWK", &doc, err);
	return rc == JWK11_OK ? j11_jwk_parse(j11_json_root(doc), ret_pub, err) : rc;
}

static void write_number(struct j11_json_out *o, const char *name, struct jwk11_view number)
{
	struct jwk11_buf text = J11_BUF(J11_RSA_MAX_BITS);

	j11_b64url_add(&text, number);
	if (text.failed != JWK11_OK && o->buf->failed == JWK11_OK)
		o->buf->failed = text.failed;
	j11_json_view(o, name, j11_buf_view(&text));
	j11_buf_done(&text);
}

void j11_jwk_write(struct j11_json_out *o, const char *name, const struct jwk11_pub *pub, const char *alg, const char *kid)
{
	j11_json_open(o, name, '{');
	j11_json_str(o, "kty", jwk11_pub_kty(pub));
	j11_json_str(o, "use", "sig");
	j11_json_str(o, "alg", alg);
	j11_json_str(o, "kid", kid);
	if (pub->kty == J11_KTY_RSA) {
		write_number(o, "n", pub->n);
		write_number(o, "e", pub->e);
	} else {
		j11_json_str(o, "crv", pub->curve->name);
		write_number(o, "x", pub->x);
		if (pub->kty == J11_KTY_EC)
			write_number(o, "y", pub->y);
	}
	j11_json_close(o);
}

static enum jwk11_rc unknown_alg(struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ALG_UNKNOWN, "JWK: this algorithm is not known");
	j11_err_hint(err, "one of %s", j11_alg_names());
	return JWK11_ERR_UNSUPPORTED;
}

enum jwk11_rc jwk11_pub_jwk(const struct jwk11_pub *pub, const char *alg, const char *kid, struct jwk11_buf *ret_jwk, struct jwk11_err *err)
{
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	struct j11_json_out o = J11_JSON_OUT(ret_jwk);
	const struct j11_alg *row;
	enum jwk11_rc rc;

	if (pub == NULL || ret_jwk == NULL || (kid != NULL && *kid == '\0'))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWK: key or buffer is missing, or the kid is empty");
	row = j11_alg_find_str(alg ? alg : jwk11_pub_default_alg(pub));
	if (row == NULL)
		return unknown_alg(err);
	rc = j11_pub_fits(pub, row, err);
	if (rc == JWK11_OK && kid == NULL)
		rc = jwk11_pub_thumbprint(pub, thumbprint, err);
	if (rc != JWK11_OK)
		return rc;
	j11_jwk_write(&o, NULL, pub, row->name, kid ? kid : thumbprint);
	return j11_buf_check(ret_jwk, "JWK", err);
}

/* RFC 7638 section 3: the required members in lexical order, nothing else, no blanks. Printed by hand: the bytes are the definition. */
enum jwk11_rc jwk11_pub_thumbprint(const struct jwk11_pub *pub, char ret_thumbprint[JWK11_THUMBPRINT_LEN + 1], struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(J11_RSA_MAX_BITS);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf encoded = J11_BUF(JWK11_THUMBPRINT_LEN);
	unsigned char digest[J11_HASH_MAX];
	enum jwk11_rc rc;

	if (pub == NULL || ret_thumbprint == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "thumbprint: key or buffer is missing");
	if (pub->kty == J11_KTY_RSA) {
		j11_buf_add_str(&text, "{\"e\":\"");
		j11_b64url_add(&text, pub->e);
		j11_buf_add_str(&text, "\",\"kty\":\"RSA\",\"n\":\"");
		j11_b64url_add(&text, pub->n);
	} else {
		j11_buf_add_fmt(&text, "{\"crv\":\"%s\",\"kty\":\"%s\",\"x\":\"", pub->curve->name, jwk11_pub_kty(pub));
		j11_b64url_add(&text, pub->x);
		if (pub->kty == J11_KTY_EC) {
			j11_buf_add_str(&text, "\",\"y\":\"");
			j11_b64url_add(&text, pub->y);
		}
	}
	j11_buf_add_str(&text, "\"}");
	rc = j11_buf_check(&text, "thumbprint input", err);
	if (rc == JWK11_OK)
		rc = j11_hash_digest(J11_HASH_SHA256, j11_buf_view(&text), digest, err);
	if (rc != JWK11_OK)
		return rc;
	j11_b64url_add(&encoded, (struct jwk11_view){ .data = digest, .len = j11_hash_len(J11_HASH_SHA256) });
	rc = j11_buf_check(&encoded, "thumbprint", err);
	if (rc == JWK11_OK)
		memcpy(ret_thumbprint, encoded.data, JWK11_THUMBPRINT_LEN + 1);
	return rc;
}
