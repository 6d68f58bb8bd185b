/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a recipient in software, with the private JWKs of tests/vectors in place of a token. */
#ifndef J11_TEST_JWE_SOFT_H
#define J11_TEST_JWE_SOFT_H

#include "vector.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "jose/jwe.h"

static inline struct jwk11_buf soft_number(const struct j11_json *jwk, const char *name)
{
	struct jwk11_buf out = J11_BUF(4096);

	assert_int_equal(j11_b64url_decode(vector_text(jwk, name), name, &out, NULL), JWK11_OK);
	return out;
}

static inline void soft_push(OSSL_PARAM_BLD *bld, const char *param, const struct j11_json *jwk, const char *name, BIGNUM **keep)
{
	struct jwk11_buf number = soft_number(jwk, name);

	*keep = BN_secure_new();
	assert_non_null(BN_bin2bn((const unsigned char *)number.data, (int)number.len, *keep));
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, param, *keep), 1);
	j11_buf_done(&number);
}

static inline EVP_PKEY *soft_build(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *evp = NULL;

	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &evp, EVP_PKEY_KEYPAIR, params), 1);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	return evp;
}

/* A private JWK (RSA, EC or OKP) as libcrypto's key. */
static inline EVP_PKEY *soft_key(const struct j11_json *jwk)
{
	static const char *const rsa[][2] = { { OSSL_PKEY_PARAM_RSA_N, "n" }, { OSSL_PKEY_PARAM_RSA_E, "e" }, { OSSL_PKEY_PARAM_RSA_D, "d" } };
	struct jwk11_view kty = vector_text(jwk, "kty");
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *numbers[3] = { NULL };
	struct jwk11_buf x, y, point = J11_BUF(200);
	EVP_PKEY *evp = NULL;

	if (j11_view_equals(kty, "RSA")) {
		for (size_t i = 0; i < 3; i++)
			soft_push(bld, rsa[i][0], jwk, rsa[i][1], &numbers[i]);
		evp = soft_build("RSA", bld);
	} else if (j11_view_equals(kty, "EC")) {
		x = soft_number(jwk, "x");
		y = soft_number(jwk, "y");
		j11_buf_add_byte(&point, 0x04);
		j11_buf_add(&point, x.data, x.len);
		j11_buf_add(&point, y.data, y.len);
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, vector_text(jwk, "crv").data, 0);
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len);
		soft_push(bld, OSSL_PKEY_PARAM_PRIV_KEY, jwk, "d", &numbers[0]);
		evp = soft_build("EC", bld);
		j11_buf_done(&x);
		j11_buf_done(&y);
		j11_buf_done(&point);
	} else {
		x = soft_number(jwk, "d");
		evp = EVP_PKEY_new_raw_private_key_ex(NULL, vector_text(jwk, "crv").data, NULL, (const unsigned char *)x.data, x.len);
		j11_buf_done(&x);
		OSSL_PARAM_BLD_free(bld);
	}
	for (size_t i = 0; i < 3; i++)
		BN_clear_free(numbers[i]);
	assert_non_null(evp);
	return evp;
}

/* What a token would do: the private operation, with libcrypto. */
static inline bool soft_unpad(EVP_PKEY *evp, const struct j11_kma *kma, struct jwk11_view key, unsigned char out[2048], size_t *len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
	const EVP_MD *md = kma->sha256 ? EVP_sha256() : EVP_sha1();
	bool ok;

	*len = 2048;
	memset(out, 0, 2048);
	ok = EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
		EVP_PKEY_decrypt(ctx, out, len, key.data, key.len) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static inline void soft_agree(EVP_PKEY *evp, const struct jwk11_pub *epk, struct j11_keymat *z)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);

	z->len = sizeof(z->octets);
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, epk->evp), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, z->octets, &z->len), 1);
	EVP_PKEY_CTX_free(ctx);
}

/* The whole way from a text to its content. */
static inline enum jwk11_rc soft_decrypt(EVP_PKEY *evp, const struct jwk11_pub *pub, const char *alg, const char *kid, struct jwk11_view text,
	struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_jwe_done_auto) struct j11_jwe jwe = { 0 };
	J11_AUTO(j11_keymat_wipe) struct j11_keymat z = { .len = 0 };
	J11_AUTO(j11_keymat_wipe) struct j11_keymat cek = { .len = 0 };
	const struct j11_kma *kma = j11_kma_find(j11_view_str(alg));
	const struct j11_jwe_recipient *r = NULL;
	enum jwk11_rc rc = j11_jwe_parse(text, &jwe, err);
	unsigned char octets[2048];
	size_t len = 0;

	if (rc == JWK11_OK)
		rc = j11_jwe_choose(&jwe, pub, kma, kid, &r, err);
	if (rc != JWK11_OK)
		return rc;
	if (kma->way == J11_KMA_OAEP) {
		bool good = soft_unpad(evp, kma, j11_buf_view(&r->key), octets, &len);

		rc = j11_jwe_cek_unpadded(&jwe, good, octets, len, &cek, err);
	} else {
		soft_agree(evp, r->epk, &z);
		rc = j11_jwe_cek_agreed(&jwe, r, &z, &cek, err);
	}
	return rc == JWK11_OK ? j11_jwe_open(&jwe, &cek, out, err) : rc;
}

#endif
