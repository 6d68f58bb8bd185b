/* SPDX-License-Identifier: Apache-2.0 */
/* Files of certificates: what is in them, and what of that belongs to a key. */
#include "bundle.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "cert_text.h"
#include "der.h"
#include "pem.h"

enum { TAG_OID = 0x06, TAG_SEQUENCE = 0x30 };

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_PEM_INVALID, "certificates: %s", why);
}

/* Each of them was meant for the key, so that it is looked at thoroughly: its encoding of the key may be an odd one. */
static const struct jwk11_view meant = { .data = "file", .len = 4 };

static enum jwk11_rc take(struct jwk11_view der, struct jwk11_certs *certs, struct jwk11_err *err)
{
	const struct jwk11_view none = { .data = "", .len = 0 };
	struct j11_cert *cert = NULL;
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc;

	for (size_t i = 0; i < certs->n; i++)
		if (j11_view_equal(certs->list[i]->der, der))
			return JWK11_OK;
	if (certs->n == J11_BUNDLE_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "certificates: more than %d in one file", J11_BUNDLE_MAX);
	rc = j11_cert_new(der, none, meant, &cert, &why);
	if (rc == JWK11_OK)
		return j11_certs_take(certs, cert, err);
	j11_err_prefix(&why, "number %zu in the file", certs->n + 1);
	if (err != NULL)
		*err = why;
	return rc;
}

/* What a CA sends as .p7b: a SignedData that signs nothing and carries certificates. */
static enum jwk11_rc take_pkcs7(struct jwk11_view der, struct jwk11_certs *certs, struct jwk11_err *err)
{
	const unsigned char *p = der.data;
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)der.len);
	STACK_OF(X509) *list = p7 != NULL && PKCS7_type_is_signed(p7) && p7->d.sign != NULL ? p7->d.sign->cert : NULL;
	enum jwk11_rc rc = list != NULL && sk_X509_num(list) > 0 ? JWK11_OK : refuse("PKCS#7 without certificates", err);

	for (int i = 0; rc == JWK11_OK && i < sk_X509_num(list); i++) {
		unsigned char *one = NULL;
		int len = i2d_X509(sk_X509_value(list, i), &one);

		rc = len > 0 ? take((struct jwk11_view){ .data = one, .len = (size_t)len }, certs, err) : refuse("PKCS#7 that cannot be read", err);
		OPENSSL_free(one);
	}
	PKCS7_free(p7);
	ERR_clear_error();
	return rc;
}

/* One or more, each a SEQUENCE: a certificate begins with one more, PKCS#7 with its type. */
static enum jwk11_rc take_der(struct jwk11_view der, struct jwk11_certs *certs, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	if (der.len == 0)
		return refuse("nothing in a block", err);
	while (rc == JWK11_OK && der.len > 0) {
		struct jwk11_view one = der, content;

		if (!j11_der_take(&der, TAG_SEQUENCE, &content))
			return refuse("neither PEM nor DER", err);
		one.len -= der.len;
		if (content.len > 0 && *(const unsigned char *)content.data == TAG_OID)
			rc = take_pkcs7(one, certs, err);
		else
			rc = take(one, certs, err);
	}
	return rc;
}

static enum jwk11_rc take_base64(struct jwk11_view body, struct jwk11_certs *certs, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_BUNDLE_LEN_MAX);
	enum jwk11_rc rc = j11_b64_decode(body, "certificates", &der, err);

	return rc == JWK11_OK ? take_der(j11_buf_view(&der), certs, err) : rc;
}

/* A block of any other name may be what somebody took for the certificate. */
static enum jwk11_rc take_block(const struct j11_pem_block *block, struct jwk11_certs *certs, struct jwk11_err *err)
{
	static const char *const words[] = { "CERTIFICATE", "X509 CERTIFICATE", "PKCS7", "CMS" };

	for (size_t i = 0; i < J11_COUNT(words); i++)
		if (j11_view_equals(block->label, words[i]))
			return take_base64(block->body, certs, err);
	if (memmem(block->label.data, block->label.len, "PRIVATE KEY", 11) != NULL)
		return refuse("the file holds a private key too; give the certificates alone", err);
	if (memmem(block->label.data, block->label.len, "REQUEST", 7) != NULL)
		return refuse("a request, not yet a certificate", err);
	return refuse("a block that is no CERTIFICATE", err);
}

static enum jwk11_rc take_pem(struct jwk11_view text, struct jwk11_certs *certs, struct jwk11_err *err)
{
	struct j11_pem_block block;
	enum jwk11_rc rc = JWK11_OK;

	while (rc == JWK11_OK && memmem(text.data, text.len, "-----BEGIN ", 11) != NULL) {
		rc = j11_pem_next(&text, &block, err);
		if (rc == JWK11_OK)
			rc = take_block(&block, certs, err);
	}
	return rc;
}

enum jwk11_rc j11_bundle_read(struct jwk11_view text, struct jwk11_certs *ret_certs, struct jwk11_err *err)
{
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs certs = { 0 };
	enum jwk11_rc rc;

	if (text.len > J11_BUNDLE_LEN_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "certificates: longer than %d bytes", J11_BUNDLE_LEN_MAX);
	if (text.len == 0)
		return refuse("the file is empty", err);
	if (memmem(text.data, text.len, "-----BEGIN ", 11) != NULL && *(const unsigned char *)text.data != TAG_SEQUENCE)
		rc = take_pem(text, &certs, err);
	else if (*(const unsigned char *)text.data == TAG_SEQUENCE)
		rc = take_der(text, &certs, err);
	else
		rc = take_base64(text, &certs, NULL) == JWK11_OK ? JWK11_OK : refuse("neither PEM nor DER", err);
	if (rc != JWK11_OK)
		return rc;
	*ret_certs = certs;
	certs = (struct jwk11_certs){ 0 };
	return JWK11_OK;
}

/* ---- the chain in it ---- */

static void swap(struct jwk11_certs *certs, size_t a, size_t b)
{
	struct j11_cert *kept = certs->list[a];

	certs->list[a] = certs->list[b];
	certs->list[b] = kept;
}

/* Those of the chain to the front, in its order. */
static void put_chain_first(struct jwk11_certs *certs, const struct jwk11_chain *chain)
{
	for (size_t n = 0; n < chain->n; n++)
		for (size_t i = n; i < certs->n; i++)
			if (j11_view_equal(certs->list[i]->der, chain->der[n])) {
				swap(certs, n, i);
				break;
			}
}

static bool certifies_any(const struct jwk11_certs *certs, size_t n, const struct j11_cert *issuer)
{
	for (size_t i = 0; i < n; i++)
		if (j11_cert_certifies(issuer, certs->list[i]))
			return true;
	return false;
}

/* The root, which no chain in a header carries, and CAs that another CA has certified too. */
static size_t put_issuers_next(struct jwk11_certs *certs, size_t n)
{
	for (size_t i = n; i < certs->n; i++)
		if (certifies_any(certs, n, certs->list[i])) {
			swap(certs, n++, i);
			i = n - 1;
		}
	return n;
}

static enum jwk11_rc foreign(const struct jwk11_certs *certs, const struct j11_chain_of *of, struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *own = NULL;
	char mine[JWK11_THUMBPRINT_LEN + 1] = "", theirs[JWK11_THUMBPRINT_LEN + 1] = "";
	struct j11_cert_text text;

	j11_cert_text(certs->list[0], &text);
	if (jwk11_pub_thumbprint(of->pub, mine, err) != JWK11_OK)
		return err != NULL ? err->rc : JWK11_ERR_INTERNAL;
	if (j11_pub_from_cert(certs->list[0]->der, &own, NULL) != JWK11_OK || jwk11_pub_thumbprint(own, theirs, NULL) != JWK11_OK)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_CERT_FOREIGN, "the certificate (%.60s) is not of key \"%s\": its key is of a kind that is not "
			"supported; the thumbprint of \"%s\" is %s", text.subject, of->name, of->name, mine);
	return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_CERT_FOREIGN, "the certificate (%.60s) is of another key: thumbprint %s, that of key \"%s\" is %s",
		text.subject, theirs, of->name, mine);
}

enum jwk11_rc j11_bundle_chain(const struct jwk11_certs *certs, const struct j11_chain_of *of, struct jwk11_chain **ret_chain, struct jwk11_err *err)
{
	struct j11_chain_of whose = { .pub = of->pub, .name = of->name, .label = meant, .now = of->now, .in_file = true };

	return certs->n > 0 ? j11_chain_new(certs, &whose, ret_chain, err) : refuse("none in the file", err);
}

enum jwk11_rc j11_bundle_sort(struct jwk11_certs *certs, const struct j11_chain_of *of, size_t *ret_n, struct jwk11_err *err)
{
	J11_AUTO(jwk11_chain_free_auto) struct jwk11_chain *chain = NULL;
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = j11_bundle_chain(certs, of, &chain, &why);

	if (rc == JWK11_ERR_NOT_FOUND)
		return foreign(certs, of, err);
	if (rc != JWK11_OK) {
		if (err != NULL)
			*err = why;
		return rc;
	}
	put_chain_first(certs, chain);
	*ret_n = put_issuers_next(certs, chain->n);
	return JWK11_OK;
}
