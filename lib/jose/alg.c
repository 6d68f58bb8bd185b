/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithm, curve and hash tables. */
#include "alg.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/err.h"

static const unsigned char oid_p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const unsigned char oid_p384[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const unsigned char oid_p521[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 };
static const unsigned char oid_ed25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x70 };

static const struct j11_curve curves[] = {
	{ J11_CRV_P256, J11_KTY_EC, "P-256", 256, 32, oid_p256, sizeof(oid_p256), "secp256r1" },
	{ J11_CRV_P384, J11_KTY_EC, "P-384", 384, 48, oid_p384, sizeof(oid_p384), "secp384r1" },
	{ J11_CRV_P521, J11_KTY_EC, "P-521", 521, 66, oid_p521, sizeof(oid_p521), "secp521r1" },
	{ J11_CRV_ED25519, J11_KTY_OKP, "Ed25519", 256, 32, oid_ed25519, sizeof(oid_ed25519), "edwards25519" },
};

/* The first row that fits a key is its default algorithm. */
static const struct j11_alg algs[] = {
	{ "RS256", J11_SCHEME_PKCS1, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA256 },
	{ "RS384", J11_SCHEME_PKCS1, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA384 },
	{ "RS512", J11_SCHEME_PKCS1, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA512 },
	{ "PS256", J11_SCHEME_PSS, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA256 },
	{ "PS384", J11_SCHEME_PSS, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA384 },
	{ "PS512", J11_SCHEME_PSS, J11_KTY_RSA, J11_CRV_NONE, J11_HASH_SHA512 },
	{ "ES256", J11_SCHEME_ECDSA, J11_KTY_EC, J11_CRV_P256, J11_HASH_SHA256 },
	{ "ES384", J11_SCHEME_ECDSA, J11_KTY_EC, J11_CRV_P384, J11_HASH_SHA384 },
	{ "ES512", J11_SCHEME_ECDSA, J11_KTY_EC, J11_CRV_P521, J11_HASH_SHA512 },
	{ "EdDSA", J11_SCHEME_EDDSA, J11_KTY_OKP, J11_CRV_ED25519, J11_HASH_NONE },
	{ "Ed25519", J11_SCHEME_EDDSA, J11_KTY_OKP, J11_CRV_ED25519, J11_HASH_NONE },
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

const char *j11_alg_names(void)
{
	return "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519";
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
