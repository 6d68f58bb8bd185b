/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: primes and RSA keys as the generator of CVE-2017-15361 made them. */
#ifndef J11_TEST_FLAWED_H
#define J11_TEST_FLAWED_H

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

/* The product of the first n primes. */
static inline BIGNUM *primorial(unsigned n)
{
	BIGNUM *m = BN_new();

	assert_int_equal(BN_one(m), 1);
	for (unsigned candidate = 2; n > 0; candidate++) {
		unsigned d = 2;

		while (d * d <= candidate && candidate % d != 0)
			d++;
		if (d * d <= candidate)
			continue;
		assert_int_equal(BN_mul_word(m, candidate), 1);
		n--;
	}
	return m;
}

/* k * m + (65537^a mod m), of so many bits or one fewer. */
static inline BIGNUM *flawed_prime(const BIGNUM *m, int bits, BN_CTX *ctx)
{
	BIGNUM *p = BN_new(), *k = BN_new(), *a = BN_new(), *power = BN_new(), *generator = BN_new();

	BN_set_word(generator, 65537);
	do {
		assert_int_equal(BN_rand(a, 256, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), 1);
		assert_int_equal(BN_mod_exp(power, generator, a, m, ctx), 1);
		assert_int_equal(BN_rand(k, bits - BN_num_bits(m), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY), 1);
		assert_int_equal(BN_mul(p, k, m, ctx), 1);
		assert_int_equal(BN_add(p, p, power), 1);
	} while (BN_check_prime(p, ctx, NULL) != 1);
	BN_free(k);
	BN_free(a);
	BN_free(power);
	BN_free(generator);
	return p;
}

/* With the numbers of the Chinese remainder theorem (RFC 8017 section 3.2), without which libcrypto writes no PEM. */
static inline EVP_PKEY *rsa_of(const BIGNUM *n, const BIGNUM *e, const BIGNUM *d, const BIGNUM *p, const BIGNUM *q, BN_CTX *bn)
{
	BIGNUM *dp = BN_dup(p), *dq = BN_dup(q), *qi = BN_mod_inverse(NULL, q, p, bn);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	assert_true(BN_sub_word(dp, 1) == 1 && BN_mod(dp, d, dp, bn) == 1 && BN_sub_word(dq, 1) == 1 && BN_mod(dq, d, dq, bn) == 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_EXPONENT1, dp), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_EXPONENT2, dq), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qi), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_D, d), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_FACTOR1, p), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_FACTOR2, q), 1);
	params = OSSL_PARAM_BLD_to_param(bld);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(dp);
	BN_free(dq);
	BN_free(qi);
	return key;
}

/* A key of 2048 bits that signs like any other. */
static inline EVP_PKEY *flawed_key(void)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *m = primorial(126), *e = BN_new(), *n = BN_new(), *p = NULL, *q = NULL, *phi = BN_new(), *d = NULL;
	EVP_PKEY *key;

	BN_set_word(e, 65537);
	do {
		BN_free(p);
		BN_free(q);
		p = flawed_prime(m, 1024, ctx);
		q = flawed_prime(m, 1024, ctx);
		assert_int_equal(BN_mul(n, p, q, ctx), 1);
		/* (p - 1)(q - 1) = n - p - q + 1 */
		assert_true(BN_sub(phi, n, p) == 1 && BN_sub(phi, phi, q) == 1 && BN_add_word(phi, 1) == 1);
		d = BN_num_bits(n) == 2048 && BN_cmp(p, q) != 0 ? BN_mod_inverse(NULL, e, phi, ctx) : NULL;
	} while (d == NULL);
	key = rsa_of(n, e, d, p, q, ctx);
	BN_free(m);
	BN_free(e);
	BN_free(n);
	BN_free(p);
	BN_free(q);
	BN_free(phi);
	BN_free(d);
	BN_CTX_free(ctx);
	return key;
}

#endif
