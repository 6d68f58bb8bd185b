/* SPDX-License-Identifier: Apache-2.0 */
/* jose/alg: the tables and the digests. */
#include "vector.h"

#include "jose/alg.h"
#include "jose/der.h"

static void names_are_exact(void **state)
{
	static const char *const unknown[] = { "", "rs256", "Rs256", "RS256 ", " RS256", "RS25", "RS2566", "none", "None", "HS1", "HS25", "hs256", "RSA1_5",
		"ES256k", "ESP256", "eddsa", "EDDSA", "ED25519", "ED448", "X25519", "ML-DSA-45", "ml-dsa-44", "HashML-DSA-44" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(unknown); i++)
		if (j11_alg_find_str(unknown[i]) != NULL)
			fail_msg("\"%s\" was found", unknown[i]);
	assert_null(j11_alg_find((struct jwk11_view){ .data = "RS256\0", .len = 6 }));
	assert_string_equal(j11_alg_find((struct jwk11_view){ .data = "RS256xyz", .len = 5 })->name, "RS256");
}

static void every_row_is_found_by_its_name(void **state)
{
	struct jwk11_buf names = J11_BUF(200);
	struct jwk11_err err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; j11_alg_at(i) != NULL; i++) {
		const struct j11_alg *alg = j11_alg_at(i);

		assert_ptr_equal(j11_alg_find_str(alg->name), alg);
		j11_buf_add_fmt(&names, "%s%s", i ? ", " : "", alg->name);
		/* RFC 7518 3.3 to 3.5: the digits of a name are the hash; EdDSA and ML-DSA hash inside. */
		if (alg->scheme == J11_SCHEME_EDDSA || alg->scheme == J11_SCHEME_MLDSA)
			assert_int_equal(alg->hash, J11_HASH_NONE);
		else
			assert_int_equal(strtoul(alg->name + 2, NULL, 10), 8 * j11_hash_len(alg->hash));
		assert_int_equal(j11_alg_takes_digests(alg), strchr("RPE", alg->name[0]) != NULL && alg->name[1] == 'S');
	}
	assert_int_equal(i, 19);
	assert_int_equal(j11_alg_unknown("here: ", &err), JWK11_ERR_UNSUPPORTED);
	assert_string_equal(err.code, "ALG_UNKNOWN");
	assert_string_equal(err.text, "here: this algorithm is not known");
	assert_true(strncmp(err.hint, "one of ", 7) == 0);
	assert_string_equal(err.hint + 7, jwk11_buf_data(&names));
	assert_null(j11_alg_at((size_t)-1));
	j11_buf_done(&names);
}

static void curves_have_their_sizes(void **state)
{
	static const struct {
		const char *name;
		enum j11_kty kty;
		size_t len;
	} rows[] = { { "P-256", J11_KTY_EC, 32 }, { "P-384", J11_KTY_EC, 48 }, { "P-521", J11_KTY_EC, 66 }, { "secp256k1", J11_KTY_EC, 32 },
		{ "Ed25519", J11_KTY_OKP, 32 }, { "Ed448", J11_KTY_OKP, 57 }, { "X25519", J11_KTY_OKP, 32 }, { "X448", J11_KTY_OKP, 56 } };
	static const char *const unknown[] = { "", "p-256", "P256", "P-256K", "secp256r1", "SECP256K1", "ED448", "x448" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		const struct j11_curve *curve = j11_curve_by_name(j11_view_str(rows[i].name));
		struct jwk11_view oid;

		assert_non_null(curve);
		assert_ptr_equal(j11_curve_get(curve->crv), curve);
		assert_ptr_equal(j11_curve_at(i), curve);
		assert_ptr_equal(j11_curve_by_group(curve->group), curve);
		assert_int_equal(curve->kty, rows[i].kty);
		assert_int_equal(curve->coord_len, rows[i].len);
		assert_true(j11_der_whole((struct jwk11_view){ .data = curve->oid, .len = curve->oid_len }, 0x06, &oid));
	}
	for (size_t i = 0; i < J11_COUNT(unknown); i++)
		assert_null(j11_curve_by_name(j11_view_str(unknown[i])));
	assert_null(j11_curve_get(J11_CRV_NONE));
	assert_null(j11_curve_at(J11_COUNT(rows)));
	assert_null(j11_curve_by_group(""));
	assert_null(j11_curve_by_group("brainpoolP256r1"));
}

/* RFC 7518 4.6, RFC 8037 3.2, RFC 8812 3.2: which curves sign, which agree on keys. */
static void curves_have_their_purposes(void **state)
{
	static const struct {
		const char *name;
		bool signs, agrees;
	} rows[] = { { "P-256", true, true }, { "P-384", true, true }, { "P-521", true, true }, { "secp256k1", true, false }, { "Ed25519", true, false },
		{ "Ed448", true, false }, { "X25519", false, true }, { "X448", false, true } };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		const struct j11_curve *curve = j11_curve_by_name(j11_view_str(rows[i].name));

		assert_int_equal(curve->scheme != J11_SCHEME_NONE, rows[i].signs);
		assert_int_equal(curve->agrees, rows[i].agrees);
	}
}

/* FIPS 180-4: the digests of "abc". */
static void digests_are_those_of_fips_180(void **state)
{
	static const unsigned char sha256[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
		0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad };
	static const unsigned char sha384_start[] = { 0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b };
	static const unsigned char sha512_start[] = { 0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba };
	unsigned char digest[J11_HASH_MAX];

	(void)state;
	assert_int_equal(j11_hash_digest(J11_HASH_SHA256, J11_VIEW("abc"), digest, NULL), JWK11_OK);
	assert_memory_equal(digest, sha256, sizeof(sha256));
	assert_int_equal(j11_hash_digest(J11_HASH_SHA384, J11_VIEW("abc"), digest, NULL), JWK11_OK);
	assert_memory_equal(digest, sha384_start, sizeof(sha384_start));
	assert_int_equal(j11_hash_digest(J11_HASH_SHA512, J11_VIEW("abc"), digest, NULL), JWK11_OK);
	assert_memory_equal(digest, sha512_start, sizeof(sha512_start));
	assert_int_equal(j11_hash_digest(J11_HASH_SHA256, (struct jwk11_view){ 0 }, digest, NULL), JWK11_OK);
	assert_int_equal(digest[0], 0xe3);
	assert_int_equal(j11_hash_len(J11_HASH_NONE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_exact),
		cmocka_unit_test(every_row_is_found_by_its_name),
		cmocka_unit_test(curves_have_their_sizes),
		cmocka_unit_test(curves_have_their_purposes),
		cmocka_unit_test(digests_are_those_of_fips_180),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
