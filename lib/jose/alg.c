/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithm, curve and hash tables. */
#include "alg.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"

static const unsigned char oid_p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const unsigned char oid_p384[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const unsigned char oid_p521[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 };
static const unsigned char oid_secp256k1[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a };
static const unsigned char oid_ed25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x70 };
static const unsigned char oid_ed448[] = { 0x06, 0x03, 0x2b, 0x65, 0x71 };
static const unsigned char oid_x25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x6e };
static const unsigned char oid_x448[] = { 0x06, 0x03, 0x2b, 0x65, 0x6f };
#define OID(name) name, sizeof(name)

static const struct j11_curve curves[] = {
	{ J11_CRV_P256, J11_KTY_EC, "P-256", "prime256v1", 256, 32, J11_SCHEME_ECDSA, true, OID(oid_p256), "secp256r1", 1 },
	{ J11_CRV_P384, J11_KTY_EC, "P-384", "secp384r1", 384, 48, J11_SCHEME_ECDSA, true, OID(oid_p384), "secp384r1", 2 },
	{ J11_CRV_P521, J11_KTY_EC, "P-521", "secp521r1", 521, 66, J11_SCHEME_ECDSA, true, OID(oid_p521), "secp521r1", 3 },
	{ J11_CRV_SECP256K1, J11_KTY_EC, "secp256k1", "secp256k1", 256, 32, J11_SCHEME_ECDSA, false, OID(oid_secp256k1), "secp256k1", 8 },
	{ J11_CRV_ED25519, J11_KTY_OKP, "Ed25519", "ED25519", 256, 32, J11_SCHEME_EDDSA, false, OID(oid_ed25519), "edwards25519", 6 },
	{ J11_CRV_ED448, J11_KTY_OKP, "Ed448", "ED448", 456, 57, J11_SCHEME_EDDSA, false, OID(oid_ed448), "edwards448", 7 },
	{ J11_CRV_X25519, J11_KTY_OKP, "X25519", "X25519", 255, 32, J11_SCHEME_NONE, true, OID(oid_x25519), "curve25519", 4 },
	{ J11_CRV_X448, J11_KTY_OKP, "X448", "X448", 448, 56, J11_SCHEME_NONE, true, OID(oid_x448), "curve448", 5 },
};

/* The first row that fits a key is its default algorithm. */
static const struct j11_alg algs[] = {
	{ "RS256", J11_SCHEME_PKCS1, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA256, -257 },
	{ "RS384", J11_SCHEME_PKCS1, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA384, -258 },
	{ "RS512", J11_SCHEME_PKCS1, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA512, -259 },
	{ "PS256", J11_SCHEME_PSS, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA256, -37 },
	{ "PS384", J11_SCHEME_PSS, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA384, -38 },
	{ "PS512", J11_SCHEME_PSS, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA512, -39 },
	{ "ES256", J11_SCHEME_ECDSA, J11_KTY_EC, J11_CRV_P256, J11_HASH_SHA256, -7 },
	{ "ES384", J11_SCHEME_ECDSA, J11_KTY_EC, J11_CRV_P384, J11_HASH_SHA384, -35 },
	{ "ES512", J11_SCHEME_ECDSA, J11_KTY_EC, J11_CRV_P521, J11_HASH_SHA512, -36 },
	{ "ES256K", J11_SCHEME_ECDSA, J11_KTY_EC, J11_CRV_SECP256K1, J11_HASH_SHA256, -47 },
	{ "EdDSA", J11_SCHEME_EDDSA, J11_KTY_OKP, J11_CRV_NONE, J11_HASH_NONE, -8 },
	{ "Ed25519", J11_SCHEME_EDDSA, J11_KTY_OKP, J11_CRV_ED25519, J11_HASH_NONE, -19 },
	{ "Ed448", J11_SCHEME_EDDSA, J11_KTY_OKP, J11_CRV_ED448, J11_HASH_NONE, -53 },
	{ "ML-DSA-44", J11_SCHEME_MLDSA, J11_KTY_AKP, J11_CRV_NONE, J11_HASH_NONE, -48 },
	{ "ML-DSA-65", J11_SCHEME_MLDSA, J11_KTY_AKP, J11_CRV_NONE, J11_HASH_NONE, -49 },
	{ "ML-DSA-87", J11_SCHEME_MLDSA, J11_KTY_AKP, J11_CRV_NONE, J11_HASH_NONE, -50 },
	{ "HS256", J11_SCHEME_HMAC, J11_KTY_OCT, J11_CRV_NONE, J11_HASH_SHA256, 5 },
	{ "HS384", J11_SCHEME_HMAC, J11_KTY_OCT, J11_CRV_NONE, J11_HASH_SHA384, 6 },
	{ "HS512", J11_SCHEME_HMAC, J11_KTY_OCT, J11_CRV_NONE, J11_HASH_SHA512, 7 },
};

static const struct {
	size_t len;
	const char *name;
	const EVP_MD *(*md)(void);
} hashes[J11_N_HASH_] = {
	[J11_HASH_NONE] = { 0, "", EVP_md_null },
	[J11_HASH_SHA256] = { 32, "SHA256", EVP_sha256 },
	[J11_HASH_SHA384] = { 48, "SHA384", EVP_sha384 },
	[J11_HASH_SHA512] = { 64, "SHA512", EVP_sha512 },
};

const char *j11_kty_name(enum j11_kty kty)
{
	static const char *const names[J11_N_KTY_] = { "RSA", "EC", "OKP", "AKP", "oct" };

	return names[kty];
}

const struct j11_curve *j11_curve_get(enum j11_crv crv)
{
	for (size_t i = 0; i < J11_COUNT(curves); i++)
		if (curves[i].crv == crv)
			return &curves[i];
	return NULL;
}

const struct j11_curve *j11_curve_by_name(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(curves); i++)
		if (j11_view_equals(name, curves[i].name))
			return &curves[i];
	return NULL;
}

const struct j11_curve *j11_curve_by_group(const char *group)
{
	for (size_t i = 0; i < J11_COUNT(curves); i++)
		if (j11_text_equal(curves[i].group, group))
			return &curves[i];
	return NULL;
}

const struct j11_curve *j11_curve_at(size_t i)
{
	return i < J11_COUNT(curves) ? &curves[i] : NULL;
}

bool j11_alg_is_mac(const char *name)
{
	const struct j11_alg *alg = j11_alg_find_str(name);

	return alg != NULL && alg->scheme == J11_SCHEME_HMAC;
}

bool j11_alg_takes_digests(const struct j11_alg *alg)
{
	return alg->hash != J11_HASH_NONE && alg->scheme != J11_SCHEME_HMAC;
}

const struct j11_alg *j11_alg_find(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(algs); i++)
		if (j11_view_equals(name, algs[i].name))
			return &algs[i];
	return NULL;
}

const struct j11_alg *j11_alg_find_str(const char *name)
{
	return j11_alg_find(j11_view_str(name));
}

const struct j11_alg *j11_alg_at(size_t i)
{
	return i < J11_COUNT(algs) ? &algs[i] : NULL;
}

enum jwk11_rc j11_alg_unknown(const char *what, struct jwk11_err *err)
{
	struct jwk11_buf names = J11_BUF(JWK11_HINT_MAX);

	j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ALG_UNKNOWN, "%sthis algorithm is not known", what);
	for (size_t i = 0; i < J11_COUNT(algs); i++)
		j11_buf_add_fmt(&names, "%s%s", i > 0 ? ", " : "", algs[i].name);
	j11_err_hint(err, "one of %s", jwk11_buf_data(&names));
	j11_buf_done(&names);
	return JWK11_ERR_UNSUPPORTED;
}

size_t j11_hash_len(enum j11_hash hash)
{
	return hashes[hash].len;
}

const char *j11_hash_name(enum j11_hash hash)
{
	return hashes[hash].name;
}

enum jwk11_rc j11_hash_digest(enum j11_hash hash, struct jwk11_view data, unsigned char ret_digest[J11_HASH_MAX], struct jwk11_err *err)
{
	unsigned len = 0;

	if (EVP_Digest(data.data, data.len, ret_digest, &len, hashes[hash].md(), NULL) != 1 || len != hashes[hash].len) {
		ERR_clear_error();
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "libcrypto cannot compute %s", hashes[hash].name);
	}
	return JWK11_OK;
}

enum jwk11_rc j11_hash_text(struct jwk11_view data, char ret_text[JWK11_THUMBPRINT_LEN + 1], struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(JWK11_THUMBPRINT_LEN);
	unsigned char digest[J11_HASH_MAX];
	enum jwk11_rc rc = j11_hash_digest(J11_HASH_SHA256, data, digest, err);

	if (rc != JWK11_OK)
		return rc;
	j11_b64url_add(&text, (struct jwk11_view){ .data = digest, .len = j11_hash_len(J11_HASH_SHA256) });
	rc = j11_buf_check(&text, "thumbprint", err);
	if (rc == JWK11_OK)
		memcpy(ret_text, text.data, JWK11_THUMBPRINT_LEN + 1);
	return rc;
}
