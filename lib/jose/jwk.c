/* SPDX-License-Identifier: Apache-2.0 */
/* One JWK, read and written; the RFC 7638 thumbprint. */
#include "jwk.h"

#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "json/json_take.h"
#include "kma.h"

enum { MAX_NUMBER = J11_RSA_MAX_BITS / 8 + 1, MAX_CERT = 65536 };

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "JWK: %s", why);
}

const char *j11_jwk_private_member(struct jwk11_view name)
{
	static const char *const names[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv" };

	for (size_t i = 0; i < J11_COUNT(names); i++)
		if (j11_view_equals(name, names[i]))
			return names[i];
	return NULL;
}

static bool has_private_member(const struct j11_json *obj)
{
	for (const struct j11_json *m = obj->type == J11_JSON_OBJECT ? obj->child : NULL; m != NULL; m = m->next)
		if (j11_jwk_private_member(m->name) != NULL)
			return true;
	return false;
}

struct members {
	struct jwk11_view kty, crv, n, e, x, y, pub, use, alg, kid;
	const struct j11_json *key_ops, *x5c;
};

static const struct j11_json_field fields[] = {
	{ "kty", J11_JSON_STRING, offsetof(struct members, kty), true },
	{ "crv", J11_JSON_STRING, offsetof(struct members, crv), false },
	{ "n", J11_JSON_STRING, offsetof(struct members, n), false },
	{ "e", J11_JSON_STRING, offsetof(struct members, e), false },
	{ "x", J11_JSON_STRING, offsetof(struct members, x), false },
	{ "y", J11_JSON_STRING, offsetof(struct members, y), false },
	{ "pub", J11_JSON_STRING, offsetof(struct members, pub), false },
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

/* The same for a private key that signs: "sign" is its operation (RFC 7517 4.3). */
static enum jwk11_rc check_usage_sign(const struct members *m, struct jwk11_err *err)
{
	bool signs = m->key_ops == NULL;

	for (const struct j11_json *op = m->key_ops ? m->key_ops->child : NULL; op != NULL; op = op->next)
		signs = signs || (op->type == J11_JSON_STRING && j11_view_equals(op->text, "sign"));
	if ((m->use.data != NULL && !j11_view_equals(m->use, "sig")) || !signs)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: its \"use\" or \"key_ops\" is not signing");
	return JWK11_OK;
}

/* The same for a key to encrypt to: each of these operations is one a sender does (RFC 7517 4.3). */
static enum jwk11_rc check_usage_enc(const struct members *m, struct jwk11_err *err)
{
	static const char *const names[] = { "encrypt", "wrapKey", "deriveKey", "deriveBits" };
	bool ours = m->key_ops == NULL;

	for (const struct j11_json *op = m->key_ops ? m->key_ops->child : NULL; op != NULL; op = op->next)
		for (size_t i = 0; i < J11_COUNT(names); i++)
			ours = ours || (op->type == J11_JSON_STRING && j11_view_equals(op->text, names[i]));
	if ((m->use.data != NULL && !j11_view_equals(m->use, "enc")) || !ours)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: its \"use\" or \"key_ops\" is not encryption");
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

/* What a key is read for. */
enum purpose { TO_VERIFY, TO_ENCRYPT, EPHEMERAL, TO_SIGN };

/* RFC 7518 6.2.1.2 wants full width, and every key that somebody keeps is held to it. Senders exist that drop leading zeros from the key of one
 * message (Authlib: half of all P-521 ones), and there is nobody to tell: the number is what counts, and it is checked against the curve. */
static void widen(struct jwk11_buf *number, const struct j11_curve *curve)
{
	static const char zeros[66];
	size_t len = number->len;

	if (len >= curve->coord_len || j11_buf_grow(number, curve->coord_len - len) == NULL)
		return;
	memmove(number->data + curve->coord_len - len, number->data, len);
	memcpy(number->data, zeros, curve->coord_len - len);
}

static enum jwk11_rc parse_curve(const struct members *m, enum j11_kty kty, enum purpose purpose, struct jwk11_pub **ret_pub,
	struct jwk11_err *err)
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
	if (kty == J11_KTY_EC && purpose == EPHEMERAL) {
		widen(&x, curve);
		widen(&y, curve);
	}
	if (x.failed != JWK11_OK || y.failed != JWK11_OK)
		return j11_err_memory(err);
	if (kty == J11_KTY_OKP)
		return j11_pub_new_okp(curve->crv, j11_buf_view(&x), ret_pub, err);
	return j11_pub_new_ec(curve->crv, j11_buf_view(&x), j11_buf_view(&y), ret_pub, err);
}

/* RFC 9964 section 3: the algorithm is part of the key. One that is not known makes a key of a kind not known. */
static enum jwk11_rc parse_akp(const struct members *m, enum purpose purpose, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf pub = J11_BUF(J11_MLDSA_PUB_MAX + 1);
	enum j11_mldsa set = m->alg.data ? j11_mldsa_find(m->alg) : J11_MLDSA_NONE;
	enum jwk11_rc rc;

	if (purpose != TO_VERIFY && purpose != TO_SIGN)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: keys of this \"kty\" do not agree on keys");
	if (m->alg.data == NULL)
		return refuse("member \"alg\" is missing", err);
	if (set == J11_MLDSA_NONE && j11_alg_find(m->alg) != NULL)
		return refuse("its \"alg\" is not one of its \"kty\"", err);
	if (set == J11_MLDSA_NONE)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ALG_UNKNOWN, "JWK: its \"alg\" is not supported");
	rc = decode(m->pub, "pub", &pub, err);
	return rc == JWK11_OK ? j11_pub_new_akp(set, j11_buf_view(&pub), ret_pub, err) : rc;
}

/* alg and kid, remembered with the key. RFC 8725bis: a key has one algorithm. */
static enum jwk11_rc keep_names(const struct members *m, bool enc, struct jwk11_pub *pub, struct jwk11_err *err)
{
	const struct j11_alg *alg;
	const struct j11_kma *kma;
	enum jwk11_rc rc;

	if (m->kid.data != NULL) {
		if (m->kid.len >= sizeof(pub->kid))
			return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWK: \"kid\" is longer than %zu bytes", sizeof(pub->kid) - 1);
		memcpy(pub->kid, m->kid.data, m->kid.len);
	}
	if (m->alg.data == NULL)
		return JWK11_OK;
	alg = enc ? NULL : j11_alg_find(m->alg);
	kma = enc ? j11_kma_find(m->alg) : NULL;
	if (alg == NULL && kma == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ALG_UNKNOWN, "JWK: its \"alg\" is not supported");
	rc = enc ? j11_kma_fits(pub, kma, err) : j11_pub_fits(pub, alg, err);
	if (rc != JWK11_OK)
		return rc;
	pub->alg = alg;
	pub->kma = kma;
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
	return j11_view_equals(kty, "RSA") || j11_view_equals(kty, "EC") || j11_view_equals(kty, "OKP") || j11_view_equals(kty, "AKP");
}

static enum jwk11_rc parse(const struct j11_json *obj, enum purpose purpose, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	const struct j11_json *kty = j11_json_get(obj, "kty");
	struct members m = { 0 };
	bool enc = purpose == TO_ENCRYPT || purpose == EPHEMERAL;
	enum jwk11_rc rc;

	if (purpose != TO_SIGN && has_private_member(obj))
		return refuse("it holds private members; give the public key", err);
	/* Before the other members: of a key type nobody here knows, neither their names nor their types mean anything. */
	if (kty != NULL && kty->type == J11_JSON_STRING && !is_known(kty->text))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: this \"kty\" is not supported");
	rc = j11_json_take(obj, fields, J11_COUNT(fields), true, "JWK", &m, err);
	if (rc == JWK11_OK)
		rc = enc ? check_usage_enc(&m, err) : purpose == TO_SIGN ? check_usage_sign(&m, err) : check_usage(&m, err);
	if (rc != JWK11_OK)
		return rc;
	if (j11_view_equals(m.kty, "RSA"))
		rc = parse_rsa(&m, &pub, err);
	else if (j11_view_equals(m.kty, "AKP"))
		rc = parse_akp(&m, purpose, &pub, err);
	else
		rc = parse_curve(&m, j11_view_equals(m.kty, "EC") ? J11_KTY_EC : J11_KTY_OKP, purpose, &pub, err);
	if (rc == JWK11_OK && pub->curve != NULL && !(enc ? pub->curve->agrees : pub->curve->scheme != J11_SCHEME_NONE))
		rc = j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "JWK: keys of this \"crv\" do not %s", enc ? "agree on keys" : "sign");
	if (rc == JWK11_OK)
		rc = keep_names(&m, enc, pub, err);
	if (rc == JWK11_OK)
		rc = check_chain(&m, pub, err);
	if (rc == JWK11_OK)
		*ret_pub = J11_STEAL(pub);
	return rc;
}

enum jwk11_rc j11_jwk_parse(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	return parse(obj, TO_VERIFY, ret_pub, err);
}

enum jwk11_rc j11_jwk_parse_enc(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	return parse(obj, TO_ENCRYPT, ret_pub, err);
}

enum jwk11_rc j11_jwk_parse_epk(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	return parse(obj, EPHEMERAL, ret_pub, err);
}

enum jwk11_rc j11_jwk_parse_private_half(const struct j11_json *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	return parse(obj, TO_SIGN, ret_pub, err);
}

static enum jwk11_rc from_jwk(struct jwk11_view jwk, bool enc, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_limits limits = { .max_len = 65536, .max_depth = 8, .max_values = 256 };
	enum jwk11_rc rc;

	if (jwk.data == NULL || ret_pub == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWK: no text or no place for the key");
	rc = j11_json_read(jwk, &limits, "JWK", &doc, err);
	return rc == JWK11_OK ? parse(j11_json_root(doc), enc ? TO_ENCRYPT : TO_VERIFY, ret_pub, err) : rc;
}

enum jwk11_rc jwk11_pub_from_jwk(struct jwk11_view jwk, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	return from_jwk(jwk, false, ret_pub, err);
}

enum jwk11_rc jwk11_pub_from_enc_jwk(struct jwk11_view jwk, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	return from_jwk(jwk, true, ret_pub, err);
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

static void write_numbers(struct j11_json_out *o, const struct jwk11_pub *pub)
{
	if (pub->kty == J11_KTY_RSA) {
		write_number(o, "n", pub->n);
		write_number(o, "e", pub->e);
	} else if (pub->kty == J11_KTY_AKP) {
		write_number(o, "pub", pub->x);
	} else {
		j11_json_str(o, "crv", pub->curve->name);
		write_number(o, "x", pub->x);
		if (pub->kty == J11_KTY_EC)
			write_number(o, "y", pub->y);
	}
}

void j11_jwk_open(struct j11_json_out *o, const char *name, const struct jwk11_pub *pub, const char *alg, const char *kid)
{
	j11_json_open(o, name, '{');
	j11_json_str(o, "kty", jwk11_pub_kty(pub));
	j11_json_str(o, "use", j11_kma_find(j11_view_str(alg)) ? "enc" : "sig");
	j11_json_str(o, "alg", alg);
	if (kid[0] != '\0')
		j11_json_str(o, "kid", kid);
	write_numbers(o, pub);
}

void j11_jwk_write(struct j11_json_out *o, const char *name, const struct jwk11_pub *pub, const char *alg, const char *kid)
{
	j11_jwk_open(o, name, pub, alg, kid);
	j11_json_close(o);
}

void j11_jwk_write_bare(struct j11_json_out *o, const char *name, const struct jwk11_pub *pub)
{
	j11_json_open(o, name, '{');
	j11_json_str(o, "kty", jwk11_pub_kty(pub));
	if (pub->kty == J11_KTY_AKP)
		j11_json_str(o, "alg", pub->alg->name);
	write_numbers(o, pub);
	j11_json_close(o);
}

enum jwk11_rc j11_jwk_names(const struct jwk11_pub *pub, struct j11_jwk_names *names, struct jwk11_err *err)
{
	const struct j11_alg *row;
	const struct j11_kma *kma;
	enum jwk11_rc rc;

	if (pub == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWK: no key");
	names->alg = names->alg ? names->alg : jwk11_pub_default_alg(pub);
	row = j11_alg_find_str(names->alg);
	kma = j11_kma_find(j11_view_str(names->alg));
	if (row == NULL && kma == NULL)
		return j11_alg_unknown("JWK: ", err);
	rc = kma ? j11_kma_fits(pub, kma, err) : j11_pub_fits(pub, row, err);
	if (rc == JWK11_OK && names->kid == NULL) {
		rc = jwk11_pub_thumbprint(pub, names->thumbprint, err);
		names->kid = names->thumbprint;
	}
	return rc;
}

/* RFC 7638 section 3: the required members in lexical order, nothing else, no blanks. Printed by hand: the bytes are the definition. */
enum jwk11_rc jwk11_pub_thumbprint(const struct jwk11_pub *pub, char ret_thumbprint[JWK11_THUMBPRINT_LEN + 1], struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(J11_RSA_MAX_BITS);
	enum jwk11_rc rc;

	if (pub == NULL || ret_thumbprint == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "thumbprint: key or buffer is missing");
	if (pub->kty == J11_KTY_RSA) {
		j11_buf_add_str(&text, "{\"e\":\"");
		j11_b64url_add(&text, pub->e);
		j11_buf_add_str(&text, "\",\"kty\":\"RSA\",\"n\":\"");
		j11_b64url_add(&text, pub->n);
	} else if (pub->kty == J11_KTY_AKP) {
		j11_buf_add_fmt(&text, "{\"alg\":\"%s\",\"kty\":\"AKP\",\"pub\":\"", pub->alg->name);
		j11_b64url_add(&text, pub->x);
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
	return rc == JWK11_OK ? j11_hash_text(j11_buf_view(&text), ret_thumbprint, err) : rc;
}
