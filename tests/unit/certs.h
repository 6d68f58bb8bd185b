/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: keys and certificates made on the spot. */
#ifndef J11_TEST_CERTS_H
#define J11_TEST_CERTS_H

#include "vector.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "jose/pub.h"

enum { CERTS_DAY = 86400, CERTS_NOW = 1800000000 };

/* What a certificate says; zero members: a leaf, valid from a day before CERTS_NOW for two days, serial 1. */
struct certs_spec {
	const char *subject, *issuer;
	EVP_PKEY *key, *signer;
	int from_days, to_days; /* relative to CERTS_NOW */
	bool ca, no_cert_sign;
	long serial;
};

static inline EVP_PKEY *certs_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(key);
	return key;
}

static inline struct jwk11_pub *certs_pub(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	struct jwk11_pub *pub = NULL;

	assert_true(len > 0);
	assert_int_equal(j11_pub_from_spki((struct jwk11_view){ der, (size_t)len }, &pub, NULL), JWK11_OK);
	OPENSSL_free(der);
	return pub;
}

static inline void certs_name(X509_NAME *name, const char *cn)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0), 1);
}

static inline void certs_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* Appends the DER to out. */
static inline void certs_make(const struct certs_spec *s, struct jwk11_buf *out)
{
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int len;

	assert_non_null(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), s->serial ? s->serial : 1);
	certs_name(X509_get_subject_name(x), s->subject);
	certs_name(X509_get_issuer_name(x), s->issuer ? s->issuer : s->subject);
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)CERTS_NOW + CERTS_DAY * (s->from_days || s->to_days ? s->from_days : -1));
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)CERTS_NOW + CERTS_DAY * (s->from_days || s->to_days ? s->to_days : 1));
	X509_set_pubkey(x, s->key);
	certs_extension(x, NID_basic_constraints, s->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	certs_extension(x, NID_key_usage, s->ca && !s->no_cert_sign ? "critical,keyCertSign" : "critical,digitalSignature");
	assert_true(X509_sign(x, s->signer ? s->signer : s->key, EVP_sha256()) > 0);
	len = i2d_X509(x, &der);
	assert_true(len > 0);
	j11_buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	X509_free(x);
}

#endif
