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
	static const struct {
		const char *group;
		enum j11_crv crv;
	} groups[] = { { "prime256v1", J11_CRV_P256 }, { "secp384r1", J11_CRV_P384 }, { "secp521r1", J11_CRV_P521 } };
	unsigned char x[66], y[66];
	char group[64] = "";
	BIGNUM *bx = NULL, *by = NULL;
	enum jwk11_rc rc;
	size_t i = 0, len = 0;
	int explicit = 0;

	/* RFC 5480 2.1.1: namedCurve only. Spelled-out parameters are how a curve with a foreign generator comes in. */
	if (EVP_PKEY_get_int_param(evp, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit) == 1 && explicit != 0)
		return bad_key("its curve is spelled out instead of named", err);
	if (EVP_PKEY_get_group_name(evp, group, sizeof(group), &len) != 1)
		group[0] = '\0';
	while (i < J11_COUNT(groups) && strcmp(groups[i].group, group) != 0)
		i++;
	if (i == J11_COUNT(groups)) {
		ERR_clear_error();
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this elliptic curve is not supported");
	}
	len = j11_curve_get(groups[i].crv)->coord_len;
	if (EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_EC_PUB_X, &bx) == 1 && EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_EC_PUB_Y, &by) == 1 &&
		BN_bn2binpad(bx, x, (int)len) == (int)len && BN_bn2binpad(by, y, (int)len) == (int)len)
		rc = j11_pub_new_ec(groups[i].crv, (struct jwk11_view){ x, len }, (struct jwk11_view){ y, len }, ret_pub, err);
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
	unsigned char x[32];
	size_t len = sizeof(x);

	if (EVP_PKEY_is_a(evp, "RSA"))
		return from_evp_rsa(evp, ret_pub, err);
	if (EVP_PKEY_is_a(evp, "EC"))
		return from_evp_ec(evp, ret_pub, err);
	if (EVP_PKEY_is_a(evp, "ED25519") && EVP_PKEY_get_raw_public_key(evp, x, &len) == 1)
		return j11_pub_new_okp(J11_CRV_ED25519, (struct jwk11_view){ x, len }, ret_pub, err);
	ERR_clear_error();
	return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this type of public key is not supported");
}

enum jwk11_rc j11_pub_from_spki(struct jwk11_view der, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	const unsigned char *p = der.data;
	EVP_PKEY *evp = der.len > 0 && der.len < 65536 ? d2i_PUBKEY(NULL, &p, (long)der.len) : NULL;
	enum jwk11_rc rc;

	if (evp == NULL || p != (const unsigned char *)der.data + der.len)
		rc = bad_key("not one SubjectPublicKeyInfo in DER", err);
	else
		rc = from_evp(evp, ret_pub, err);
	EVP_PKEY_free(evp);
	return rc;
}

enum jwk11_rc j11_pub_from_cert(struct jwk11_view der, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	const unsigned char *p = der.data;
	X509 *cert = der.len > 0 && der.len < 1024 * 1024 ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	EVP_PKEY *evp = cert ? X509_get0_pubkey(cert) : NULL;
	enum jwk11_rc rc;

	if (evp == NULL || p != (const unsigned char *)der.data + der.len)
		rc = bad_key("not one X.509 certificate in DER", err);
	else
		rc = from_evp(evp, ret_pub, err);
	X509_free(cert);
	return rc;
}
