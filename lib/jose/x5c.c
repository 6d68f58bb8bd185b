/* SPDX-License-Identifier: Apache-2.0 */
/* x5c: plain base64, unlike everything else in a JWK; the mistakes people make with it are refused by name. */
#include "x5c.h"

#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "jwk.h"

void j11_x5c_write(struct j11_json_out *o, const char *name, const struct jwk11_chain *chain)
{
	struct jwk11_buf text = J11_BUF(J11_CERT_LEN_MAX * 2);

	j11_json_open(o, name, '[');
	for (size_t i = 0; i < chain->n; i++) {
		jwk11_buf_reset(&text);
		j11_b64_add(&text, chain->der[i], 0);
		if (text.failed != JWK11_OK && o->buf->failed == JWK11_OK)
			o->buf->failed = text.failed;
		j11_json_view(o, NULL, j11_buf_view(&text));
	}
	j11_json_close(o);
	j11_buf_done(&text);
}

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "\"x5c\" %s", why);
}

static enum jwk11_rc read_one(const struct j11_json *element, struct jwk11_certs *certs, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_CERT_LEN_MAX);
	struct j11_cert *cert = NULL;
	struct jwk11_view none = { .data = "", .len = 0 }, text = element->text;
	enum jwk11_rc rc;

	if (element->type != J11_JSON_STRING)
		return refuse("holds something else than strings", err);
	if (text.len > 4 && memmem(text.data, text.len, "-----", 5) != NULL)
		return refuse("holds PEM; it takes the base64 of the DER alone", err);
	if (memchr(text.data, '\n', text.len) != NULL || memchr(text.data, '\r', text.len) != NULL)
		return refuse("holds line breaks", err);
	rc = j11_b64_decode(text, "\"x5c\"", &der, err);
	if (rc == JWK11_OK)
		rc = j11_cert_new(j11_buf_view(&der), none, none, &cert, err);
	return rc == JWK11_OK ? j11_certs_take(certs, cert, err) : rc;
}

enum jwk11_rc j11_x5c_read(const struct j11_json *x5c, struct jwk11_certs *ret_certs, struct jwk11_err *err)
{
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs certs = { 0 };
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = JWK11_OK;
	size_t place = 1;

	if (x5c->type != J11_JSON_ARRAY || x5c->child == NULL)
		return refuse("is not an array of certificates", err);
	if (x5c->n_children > J11_CHAIN_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "\"x5c\" holds more than %d certificates", J11_CHAIN_MAX);
	for (const struct j11_json *element = x5c->child; element != NULL && rc == JWK11_OK; element = element->next, place++)
		rc = read_one(element, &certs, &why);
	if (rc != JWK11_OK) {
		j11_err_prefix(&why, "certificate %zu", place - 1);
		if (err != NULL && err->rc == JWK11_OK)
			*err = why;
		return rc;
	}
	*ret_certs = certs;
	certs = (struct jwk11_certs){ 0 };
	return JWK11_OK;
}

enum jwk11_rc j11_x5c_check(const struct jwk11_certs *certs, const struct jwk11_pub *pub, struct jwk11_err *err)
{
	unsigned char hash[J11_SPKI_HASH_LEN];
	enum jwk11_rc rc = j11_pub_spki_hash(pub, hash, err);

	if (rc != JWK11_OK)
		return rc;
	if (certs->n == 0 || !j11_cert_holds(certs->list[0], pub, hash, true))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CERT_INVALID, "the first certificate of \"x5c\" holds another key");
	for (size_t i = 1; i < certs->n; i++)
		if (!j11_cert_certifies(certs->list[i], certs->list[i - 1]))
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CERT_INVALID, "certificate %zu of \"x5c\" does not certify the one before it", i + 1);
	return JWK11_OK;
}

static enum jwk11_rc check_leaf(const struct jwk11_chain *chain, const struct jwk11_pub *pub, struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *leaf = NULL;
	enum jwk11_rc rc = j11_pub_from_cert(chain->der[0], &leaf, err);

	if (rc == JWK11_OK && !j11_pub_equal(leaf, pub))
		rc = j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_CERT_INVALID, "JWK: the chain's first certificate holds another key");
	return rc;
}

enum jwk11_rc jwk11_pub_jwk_x5c(const struct jwk11_pub *pub, const char *alg, const char *kid, const struct jwk11_chain *chain,
	struct jwk11_buf *ret_jwk, struct jwk11_err *err)
{
	struct j11_json_out o = J11_JSON_OUT(ret_jwk);
	struct j11_jwk_names names = { .alg = alg, .kid = kid };
	size_t start = ret_jwk ? ret_jwk->len : 0;
	enum jwk11_rc rc;

	if (ret_jwk == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWK: no buffer");
	rc = j11_jwk_names(pub, &names, err);
	if (rc == JWK11_OK && chain != NULL)
		rc = check_leaf(chain, pub, err);
	if (rc != JWK11_OK)
		return rc;
	j11_jwk_open(&o, NULL, pub, names.alg, names.kid);
	if (chain != NULL) {
		j11_x5c_write(&o, "x5c", chain);
		j11_json_str(&o, "x5t#S256", chain->x5t);
	}
	j11_json_close(&o);
	return j11_buf_check_from(ret_jwk, start, "JWK", err);
}

enum jwk11_rc jwk11_pub_jwk(const struct jwk11_pub *pub, const char *alg, const char *kid, struct jwk11_buf *ret_jwk, struct jwk11_err *err)
{
	return jwk11_pub_jwk_x5c(pub, alg, kid, NULL, ret_jwk, err);
}
