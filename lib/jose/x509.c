/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto reads the structure; keys in it pass through the same checks as those of a JWK before they verify anything. */
#include "x509.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	ERR_clear_error();
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CERT_INVALID, "certificate: %s", why);
}

static bool read_time(const ASN1_TIME *time, int64_t *ret_seconds)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret_seconds = (int64_t)timegm(&tm);
	return true;
}

static enum jwk11_rc read_spki(struct j11_cert *cert, struct jwk11_err *err)
{
	unsigned char digest[J11_HASH_MAX], *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY((X509 *)cert->x509), &der);
	enum jwk11_rc rc;

	if (len <= 0)
		return refuse("its public key cannot be read", err);
	rc = j11_hash_digest(J11_HASH_SHA256, (struct jwk11_view){ .data = der, .len = (size_t)len }, digest, err);
	OPENSSL_free(der);
	if (rc == JWK11_OK)
		memcpy(cert->spki_hash, digest, sizeof(cert->spki_hash));
	return rc;
}

static struct jwk11_view put(unsigned char **end, struct jwk11_view v)
{
	struct jwk11_view copy = { .data = *end, .len = v.len };

	if (v.len > 0)
		memcpy(*end, v.data, v.len);
	*end += v.len;
	return copy;
}

enum jwk11_rc j11_cert_new(struct jwk11_view der, struct jwk11_view id, struct jwk11_view label, struct j11_cert **ret_cert, struct jwk11_err *err)
{
	J11_AUTO(j11_cert_free_auto) struct j11_cert *cert = NULL;
	const unsigned char *p = der.data;
	unsigned char *end;
	enum jwk11_rc rc;

	if (der.len > J11_CERT_LEN_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "certificate: longer than %d bytes", J11_CERT_LEN_MAX);
	cert = j11_mem_new(sizeof(*cert) + der.len + id.len + label.len + 1);
	if (cert == NULL)
		return j11_err_memory(err);
	cert->x509 = der.len > 0 ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	if (cert->x509 == NULL || p != (const unsigned char *)der.data + der.len)
		return refuse("not one X.509 certificate in DER", err);
	if (!read_time(X509_get0_notBefore(cert->x509), &cert->not_before) || !read_time(X509_get0_notAfter(cert->x509), &cert->not_after))
		return refuse("its times cannot be read", err);
	rc = read_spki(cert, err);
	if (rc != JWK11_OK)
		return rc;
	end = cert->bytes;
	cert->der = put(&end, der);
	cert->id = put(&end, id);
	cert->label = put(&end, label);
	*ret_cert = J11_STEAL(cert);
	return JWK11_OK;
}

void j11_cert_free(struct j11_cert *cert)
{
	if (cert == NULL)
		return;
	X509_free(cert->x509);
	j11_mem_free(cert);
}

/* The encoding of a key may differ and the key be the same: a compressed point, parameters that are left out. */
bool j11_cert_holds(const struct j11_cert *cert, const struct jwk11_pub *pub, const unsigned char spki_hash[J11_SPKI_HASH_LEN], bool thorough)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *own = NULL;

	if (memcmp(cert->spki_hash, spki_hash, sizeof(cert->spki_hash)) == 0)
		return true;
	return thorough && j11_pub_from_cert(cert->der, &own, NULL) == JWK11_OK && j11_pub_equal(own, pub);
}

bool j11_cert_names(const struct j11_cert *issuer, const struct j11_cert *subject)
{
	return X509_NAME_cmp(X509_get_subject_name(issuer->x509), X509_get_issuer_name(subject->x509)) == 0;
}

/* What is signed: the first element of the outermost sequence, as it stands in the file. */
static struct jwk11_view signed_part(struct jwk11_view der)
{
	const unsigned char *p = der.data, *start;
	long len = 0;
	int tag, class;

	if ((ASN1_get_object(&p, &len, &tag, &class, (long)der.len) & 0x80) != 0)
		return (struct jwk11_view){ .data = "", .len = 0 };
	start = p;
	if ((ASN1_get_object(&p, &len, &tag, &class, len) & 0x80) != 0)
		return (struct jwk11_view){ .data = "", .len = 0 };
	return (struct jwk11_view){ .data = start, .len = (size_t)(p - start) + (size_t)len };
}

/* RFC 9881 section 3, for libcrypto does not know ML-DSA: the algorithm inside and outside is the key's, without parameters. */
static bool is_signed_by_akp(const struct j11_cert *subject, const struct jwk11_pub *pub)
{
	const X509_ALGOR *inside = X509_get0_tbs_sigalg(subject->x509), *outside = NULL;
	unsigned char oid[J11_MLDSA_OID_LEN];
	const ASN1_BIT_STRING *sig = NULL;
	const ASN1_OBJECT *object = NULL;
	int parameters = V_ASN1_UNDEF;

	X509_get0_signature(&sig, &outside, subject->x509);
	X509_ALGOR_get0(&object, &parameters, NULL, outside);
	j11_mldsa_oid(pub->set, oid);
	if (X509_ALGOR_cmp(inside, outside) != 0 || parameters != V_ASN1_UNDEF || OBJ_length(object) != sizeof(oid) ||
		memcmp(OBJ_get0_data(object), oid, sizeof(oid)) != 0)
		return false;
	return j11_mldsa_verify(pub->set, pub->x, signed_part(subject->der),
		(struct jwk11_view){ .data = sig->data, .len = (size_t)sig->length }, NULL) == JWK11_OK;
}

/* X509_check_issued for an issuer whose key libcrypto cannot read, which it would refuse: key identifiers and key usage. */
static bool may_issue_akp(const struct j11_cert *issuer, const struct j11_cert *subject)
{
	AUTHORITY_KEYID *id = X509_get_ext_d2i(subject->x509, NID_authority_key_identifier, NULL, NULL);
	bool ok = X509_check_akid(issuer->x509, id) == X509_V_OK && (X509_get_key_usage(issuer->x509) & X509v3_KU_KEY_CERT_SIGN) != 0;

	AUTHORITY_KEYID_free(id);
	return ok;
}

static bool is_issued_by(const struct j11_cert *subject, const struct j11_cert *issuer, const struct jwk11_pub *pub)
{
	if (pub->kty == J11_KTY_AKP)
		return may_issue_akp(issuer, subject) && is_signed_by_akp(subject, pub);
	return X509_check_issued(issuer->x509, subject->x509) == X509_V_OK && X509_verify(subject->x509, pub->evp) == 1;
}

bool j11_cert_certifies(const struct j11_cert *issuer, const struct j11_cert *subject)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	bool ok = j11_cert_names(issuer, subject) && X509_check_ca(issuer->x509) > 0 &&
		j11_pub_from_cert(issuer->der, &pub, NULL) == JWK11_OK && is_issued_by(subject, issuer, pub);

	ERR_clear_error();
	return ok;
}

bool j11_cert_is_self_issued(const struct j11_cert *cert)
{
	return j11_cert_names(cert, cert);
}

unsigned j11_cert_yubico_arc(const void *extension)
{
	static const unsigned char piv[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03 }; /* 1.3.6.1.4.1.41482.3 in DER */
	const ASN1_OBJECT *oid = X509_EXTENSION_get_object((X509_EXTENSION *)extension);
	const unsigned char *octets = OBJ_get0_data(oid);

	return OBJ_length(oid) == sizeof(piv) + 1 && memcmp(octets, piv, sizeof(piv)) == 0 ? octets[sizeof(piv)] : 0;
}

bool j11_cert_is_attestation(const struct j11_cert *cert)
{
	enum { FIRMWARE = 3 };

	for (int i = 0; i < X509_get_ext_count(cert->x509); i++)
		if (j11_cert_yubico_arc(X509_get_ext(cert->x509, i)) == FIRMWARE)
			return true;
	return false;
}

bool j11_cert_is_valid_at(const struct j11_cert *cert, int64_t now)
{
	return cert->not_before <= now && now <= cert->not_after;
}
