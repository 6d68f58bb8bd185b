/* SPDX-License-Identifier: Apache-2.0 */
/* jose/roca: moduli of the flawed form are known, others are not. */
#include "vector.h"

#include <openssl/rand.h>

#include "base/health.h"
#include "flawed.h"
#include "jose/roca.h"

static size_t octets_of(const BIGNUM *n, unsigned char out[512])
{
	assert_in_range(BN_num_bytes(n), 1, 512);
	return (size_t)BN_bn2bin(n, out);
}

/* The sizes that the generator made, with the number of primes in its M. */
static void flawed_moduli_are_known(void **state)
{
	static const struct {
		int bits;
		unsigned n_primes;
	} rows[] = { { 512, 39 }, { 1024, 71 }, { 2048, 126 } };
	BN_CTX *ctx = BN_CTX_new();

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		BIGNUM *m = primorial(rows[i].n_primes);

		for (int round = 0; round < 3; round++) {
			BIGNUM *p = flawed_prime(m, rows[i].bits / 2, ctx), *q = flawed_prime(m, rows[i].bits / 2, ctx), *n = BN_new();
			unsigned char octets[512];
			size_t len;

			assert_int_equal(BN_mul(n, p, q, ctx), 1);
			assert_in_range(BN_num_bits(n), rows[i].bits - 2, rows[i].bits);
			len = octets_of(n, octets);
			if (!j11_roca_has((struct jwk11_view){ octets, len }))
				fail_msg("%d bits: not known", rows[i].bits);
			octets[len - 1] = (unsigned char)(octets[len - 1] ^ 2); /* the next odd number but one is not of that form */
			assert_false(j11_roca_has((struct jwk11_view){ octets, len }));
			BN_free(p);
			BN_free(q);
			BN_free(n);
		}
		BN_free(m);
	}
	BN_CTX_free(ctx);
}

/* One flawed prime does not make a flawed modulus of the other. */
static void half_a_flaw_is_none(void **state)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *m = primorial(71), *p = flawed_prime(m, 512, ctx), *q = BN_new(), *n = BN_new();
	unsigned char octets[512];
	size_t len;

	(void)state;
	assert_int_equal(BN_generate_prime_ex2(q, 512, 0, NULL, NULL, NULL, ctx), 1);
	assert_int_equal(BN_mul(n, p, q, ctx), 1);
	len = octets_of(n, octets);
	assert_false(j11_roca_has((struct jwk11_view){ octets, len }));
	BN_free(m);
	BN_free(p);
	BN_free(q);
	BN_free(n);
	BN_CTX_free(ctx);
}

static void ten_thousand_random_moduli_are_not(void **state)
{
	unsigned char octets[256];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(RAND_bytes(octets, sizeof(octets)), 1);
		octets[0] |= 0x80;
		octets[sizeof(octets) - 1] |= 1;
		assert_false(j11_roca_has((struct jwk11_view){ octets, sizeof(octets) }));
	}
	assert_false(j11_roca_has(J11_VIEW("")));
	assert_false(j11_roca_has(J11_VIEW("\x00")));
}

static void moduli_of_real_keys_are_not(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
		unsigned char octets[512];
		BIGNUM *n = NULL;
		size_t len;

		assert_int_equal(EVP_PKEY_get_bn_param(key, "n", &n), 1);
		len = octets_of(n, octets);
		assert_false(j11_roca_has((struct jwk11_view){ octets, len }));
		BN_free(n);
		EVP_PKEY_free(key);
	}
}

static void each_weakness_has_a_name_and_advice(void **state)
{
	struct jwk11_buf names = J11_BUF(256);
	unsigned all = 0;

	(void)state;
	for (size_t i = 0; j11_health_at(i) != NULL; i++) {
		const struct j11_health *h = j11_health_at(i);

		assert_int_equal(all & h->flag, 0);
		all |= h->flag;
		assert_ptr_equal(j11_health_find(j11_view_str(h->name)), h);
		assert_string_equal(jwk11_health_name(h->flag), h->name);
		assert_string_equal(jwk11_health_what(h->flag), h->what);
		assert_string_equal(jwk11_health_advice(h->flag), h->advice);
		assert_true(h->what[0] != '\0' && h->advice[0] != '\0');
	}
	assert_int_equal(all, JWK11_HEALTH_ROCA | JWK11_HEALTH_EXTRACTABLE | JWK11_HEALTH_WAS_EXTRACTABLE | JWK11_HEALTH_WRAPS | JWK11_HEALTH_TWO_USES);
	assert_null(j11_health_find(J11_VIEW("")));
	assert_null(j11_health_find(J11_VIEW("roc")));
	assert_string_equal(jwk11_health_name((enum jwk11_health)0), "");
	assert_string_equal(jwk11_health_advice((enum jwk11_health)3), "");
	j11_health_names(JWK11_HEALTH_TWO_USES | JWK11_HEALTH_ROCA | 0x8000, &names);
	assert_string_equal(jwk11_buf_data(&names), "roca, two-uses");
	jwk11_buf_reset(&names);
	j11_health_names(0, &names);
	assert_int_equal(names.len, 0);
	j11_buf_done(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flawed_moduli_are_known),
		cmocka_unit_test(half_a_flaw_is_none),
		cmocka_unit_test(ten_thousand_random_moduli_are_not),
		cmocka_unit_test(moduli_of_real_keys_are_not),
		cmocka_unit_test(each_weakness_has_a_name_and_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
