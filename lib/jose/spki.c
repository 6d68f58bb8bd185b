/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys out of DER: SubjectPublicKeyInfo and certificates. libcrypto reads the structure; the numbers then pass through the same
 * checks as those of a JWK. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/err.h"
#include "pub.h"

static enum jwk11_rc bad_key(const char *why, struct jwk11_err *err)
{
	ERR_clear_error();
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "public key: %s", why);
}

/* Affine coordinates, full width: a compressed point comes out whole. */
static enum jwk11_rc from_evp_ec(EVP_PKEY *evp, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	unsigned char x[66], y[66];
	const struct j11_curve *curve;
	char group[64] = "";
	BIGNUM *bx = NULL, *by = NULL;
	enum jwk11_rc rc;
	size_t len = 0;
	int explicit = 0;

	/* RFC 5480 2.1.1: namedCurve only. Spelled-out parameters are how a curve with a foreign generator comes in. */
	if (EVP_PKEY_get_int_param(evp, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit) == 1 && explicit != 0)
		return bad_key("its curve is spelled out instead of named", err);
	if (EVP_PKEY_get_group_name(evp, group, sizeof(group), &len) != 1)
		group[0] = '\0';
	curve = j11_curve_by_group(group);
	if (curve == NULL) {
		ERR_clear_error();
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this elliptic curve is not supported");
	}
	len = curve->coord_len;
	if (EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_EC_PUB_X, &bx) == 1 && EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_EC_PUB_Y, &by) == 1 &&
		BN_bn2binpad(bx, x, (int)len) == (int)len && BN_bn2binpad(by, y, (int)len) == (int)len)
		rc = j11_pub_new_ec(curve->crv, (struct jwk11_view){ x, len }, (struct jwk11_view){ y, len }, ret_pub, err);
	else
		rc = bad_key("the EC point cannot be read", err);
	BN_free(bx);
	BN_free(by);
	return rc;
}

static enum jwk11_rc from_evp_rsa(EVP_PKEY *evp, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	unsigned char n[J11_RSA_MAX_BITS / 8], e[64];
	BIGNUM *bn = NULL, *be = NULL;
	enum jwk11_rc rc;

	if (EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_N, &bn) == 1 && EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_E, &be) == 1 &&
		BN_num_bytes(bn) <= (int)sizeof(n) && BN_num_bytes(be) <= (int)sizeof(e)) {
		struct jwk11_view vn = { n, (size_t)BN_bn2bin(bn, n) }, ve = { e, (size_t)BN_bn2bin(be, e) };

		rc = j11_pub_new_rsa(vn, ve, ret_pub, err);
	} else {
		rc = bad_key("RSA numbers cannot be read or are too long", err);
	}
	BN_free(bn);
	BN_free(be);
	return rc;
}

static enum jwk11_rc from_evp(EVP_PKEY *evp, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	unsigned char x[66];
	size_t len = sizeof(x);

	if (EVP_PKEY_is_a(evp, "RSA"))
		return from_evp_rsa(evp, ret_pub, err);
	if (EVP_PKEY_is_a(evp, "EC"))
		return from_evp_ec(evp, ret_pub, err);
	for (size_t i = 0; j11_curve_at(i) != NULL; i++) {
		const struct j11_curve *curve = j11_curve_at(i);

		if (curve->kty == J11_KTY_OKP && EVP_PKEY_is_a(evp, curve->group) && EVP_PKEY_get_raw_public_key(evp, x, &len) == 1)
			return j11_pub_new_okp(curve->crv, (struct jwk11_view){ x, len }, ret_pub, err);
	}
	ERR_clear_error();
	return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this type of public key is not supported");
}

/* RFC 9881 section 2: no parameters, so that everything before the key itself is fixed octets. */
enum { AKP_HEAD = 22 };

static void akp_head(enum j11_mldsa set, unsigned char ret_head[AKP_HEAD])
{
	size_t bits = j11_mldsa_pub_len(set) + 1, all = AKP_HEAD - 4 + bits - 1;
	const unsigned char before[] = { 0x30, 0x82, (unsigned char)(all >> 8), (unsigned char)all, 0x30, 2 + J11_MLDSA_OID_LEN, 0x06, J11_MLDSA_OID_LEN };
	const unsigned char after[] = { 0x03, 0x82, (unsigned char)(bits >> 8), (unsigned char)bits, 0x00 };

	memcpy(ret_head, before, sizeof(before));
	j11_mldsa_oid(set, ret_head + sizeof(before));
	memcpy(ret_head + sizeof(before) + J11_MLDSA_OID_LEN, after, sizeof(after));
}

static enum j11_mldsa akp_set(struct jwk11_view der)
{
	unsigned char head[AKP_HEAD];

	for (enum j11_mldsa set = J11_MLDSA_44; set < J11_N_MLDSA_; set++) {
		akp_head(set, head);
		if (der.len == AKP_HEAD + j11_mldsa_pub_len(set) && memcmp(der.data, head, AKP_HEAD) == 0)
			return set;
	}
	return J11_MLDSA_NONE;
}

enum jwk11_rc j11_pub_from_spki(struct jwk11_view der, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	const unsigned char *p = der.data;
	enum j11_mldsa set = akp_set(der);
	enum jwk11_rc rc;
	EVP_PKEY *evp;

	if (set != J11_MLDSA_NONE)
		return j11_pub_new_akp(set, (struct jwk11_view){ .data = p + AKP_HEAD, .len = der.len - AKP_HEAD }, ret_pub, err);
	evp = der.len > 0 && der.len < 65536 ? d2i_PUBKEY(NULL, &p, (long)der.len) : NULL;
	if (evp == NULL || p != (const unsigned char *)der.data + der.len)
		rc = bad_key("not one SubjectPublicKeyInfo in DER", err);
	else
		rc = from_evp(evp, ret_pub, err);
	EVP_PKEY_free(evp);
	return rc;
}

/* By way of the SubjectPublicKeyInfo, which libcrypto hands out of keys it does not know too. */
enum jwk11_rc j11_pub_from_cert(struct jwk11_view der, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	const unsigned char *p = der.data;
	X509 *cert = der.len > 0 && der.len < 1024 * 1024 ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	unsigned char *spki = NULL;
	int len = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki) : 0;
	enum jwk11_rc rc;

	if (len <= 0 || p != (const unsigned char *)der.data + der.len)
		rc = bad_key("not one X.509 certificate in DER", err);
	else
		rc = j11_pub_from_spki((struct jwk11_view){ .data = spki, .len = (size_t)len }, ret_pub, err);
	OPENSSL_free(spki);
	X509_free(cert);
	return rc;
}

enum jwk11_rc j11_pub_spki(const struct jwk11_pub *pub, struct jwk11_buf *out, struct jwk11_err *err)
{
	unsigned char head[AKP_HEAD], *der = NULL;
	int len;

	if (pub->kty == J11_KTY_AKP) {
		akp_head(pub->set, head);
		j11_buf_add(out, head, AKP_HEAD);
		j11_buf_add(out, pub->x.data, pub->x.len);
		return j11_buf_check(out, "public key", err);
	}
	len = i2d_PUBKEY(pub->evp, &der);
	if (len <= 0) {
		ERR_clear_error();
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "libcrypto cannot encode the public key");
	}
	j11_buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	return j11_buf_check(out, "public key", err);
}

enum jwk11_rc j11_pub_spki_hash(const struct jwk11_pub *pub, unsigned char ret_hash[J11_SPKI_HASH_LEN], struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_SPKI_MAX);
	unsigned char digest[J11_HASH_MAX];
	enum jwk11_rc rc = j11_pub_spki(pub, &der, err);

	if (rc == JWK11_OK)
		rc = j11_hash_digest(J11_HASH_SHA256, j11_buf_view(&der), digest, err);
	if (rc == JWK11_OK)
		memcpy(ret_hash, digest, J11_SPKI_HASH_LEN);
	return rc;
}
