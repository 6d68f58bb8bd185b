/* SPDX-License-Identifier: Apache-2.0 */
/* jose/pub, jose/spki, jose/edwards: what is a public key and what is not. */
#include "vector.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "jose/pub.h"

/* The largest number of this many bits, odd: no RSA key, but of the right shape. */
static struct jwk11_view modulus(unsigned char *room, unsigned bits)
{
	size_t len = (bits + 7) / 8;

	memset(room, 0xff, len);
	room[0] = (unsigned char)(0xff >> (8 * len - bits));
	return (struct jwk11_view){ room, len };
}

static const struct jwk11_view f4 = { "\x01\x00\x01", 3 };

static enum jwk11_rc rsa(struct jwk11_view n, struct jwk11_view e)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = j11_pub_new_rsa(n, e, &pub, &err);

	assert_int_equal(pub != NULL, rc == JWK11_OK);
	assert_int_equal(err.rc, rc);
	assert_int_equal(ERR_peek_error(), 0);
	jwk11_pub_unref(pub);
	return rc;
}

static void rsa_wants_2048_bits_or_more(void **state)
{
	unsigned char room[J11_RSA_MAX_BITS / 8 + 1];

	(void)state;
	assert_int_equal(rsa(modulus(room, 2048), f4), JWK11_OK);
	assert_int_equal(rsa(modulus(room, 2049), f4), JWK11_OK);
	assert_int_equal(rsa(modulus(room, J11_RSA_MAX_BITS), f4), JWK11_OK);
	assert_int_equal(rsa(modulus(room, 2047), f4), JWK11_ERR_UNSUPPORTED);
	assert_int_equal(rsa(modulus(room, 1024), f4), JWK11_ERR_UNSUPPORTED);
	assert_int_equal(rsa(modulus(room, J11_RSA_MAX_BITS + 1), f4), JWK11_ERR_UNSUPPORTED);
	assert_int_equal(rsa((struct jwk11_view){ "", 0 }, f4), JWK11_ERR_SYNTAX);
	assert_int_equal(rsa((struct jwk11_view){ NULL, 0 }, f4), JWK11_ERR_SYNTAX);
	assert_int_equal(rsa((struct jwk11_view){ "\0\0\0", 3 }, f4), JWK11_ERR_SYNTAX);
}

static void rsa_refuses_impossible_numbers(void **state)
{
	unsigned char room[256];
	struct jwk11_view n = modulus(room, 2048);

	(void)state;
	assert_int_equal(rsa(n, (struct jwk11_view){ "\x03", 1 }), JWK11_OK);
	assert_int_equal(rsa(n, (struct jwk11_view){ "", 0 }), JWK11_ERR_SYNTAX);
	assert_int_equal(rsa(n, (struct jwk11_view){ "\0", 1 }), JWK11_ERR_SYNTAX);
	assert_int_equal(rsa(n, (struct jwk11_view){ "\x01", 1 }), JWK11_ERR_SYNTAX);
	assert_int_equal(rsa(n, (struct jwk11_view){ "\x02", 1 }), JWK11_ERR_SYNTAX);
	assert_int_equal(rsa(n, (struct jwk11_view){ "\x01\x00\x00", 3 }), JWK11_ERR_SYNTAX);
	assert_int_equal(rsa(n, (struct jwk11_view){ "\x01\0\0\0\0\0\0\0\x01", 9 }), JWK11_ERR_UNSUPPORTED);
	room[255] = 0xfe;
	assert_int_equal(rsa(n, f4), JWK11_ERR_SYNTAX);
}

/* Tokens put a sign octet before CKA_MODULUS; AWS refuses a JWK that keeps it. RFC 7518 6.3.1.1. */
static void rsa_drops_leading_zeros(void **state)
{
	unsigned char room[258] = { 0 };
	struct jwk11_pub *pub = NULL, *same = NULL;

	(void)state;
	modulus(room + 2, 2048);
	assert_int_equal(j11_pub_new_rsa((struct jwk11_view){ room, 258 }, (struct jwk11_view){ "\0\x01\x00\x01", 4 }, &pub, NULL), JWK11_OK);
	assert_int_equal(pub->n.len, 256);
	assert_int_equal(pub->e.len, 3);
	assert_int_equal(pub->bits, 2048);
	assert_int_equal(j11_pub_sig_len(pub), 256);
	assert_int_equal(j11_pub_new_rsa((struct jwk11_view){ room + 2, 256 }, f4, &same, NULL), JWK11_OK);
	assert_true(j11_pub_equal(pub, same));
	jwk11_pub_unref(pub);
	jwk11_pub_unref(same);
}

static const char *const ec_groups[] = { "P-256", "P-384", "P-521", "secp256k1" };

/* A fresh key of libcrypto: its uncompressed point into `point`. */
static EVP_PKEY *ec_key(const char *group, unsigned char point[133])
{
	EVP_PKEY *evp = EVP_EC_gen(group);
	size_t len = 0;

	assert_non_null(evp);
	assert_int_equal(EVP_PKEY_get_octet_string_param(evp, OSSL_PKEY_PARAM_PUB_KEY, point, 133, &len), 1);
	assert_int_equal(len % 2, 1);
	return evp;
}

static enum jwk11_rc ec(enum j11_crv crv, const void *x, size_t x_len, const void *y, size_t y_len, char *ret_code)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = j11_pub_new_ec(crv, (struct jwk11_view){ x, x_len }, (struct jwk11_view){ y, y_len }, &pub, &err);

	assert_int_equal(pub != NULL, rc == JWK11_OK);
	assert_int_equal(ERR_peek_error(), 0);
	if (ret_code != NULL)
		memcpy(ret_code, err.code, sizeof(err.code));
	jwk11_pub_unref(pub);
	return rc;
}

static void ec_points_must_be_on_their_curve(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(ec_groups); i++) {
		const struct j11_curve *curve = j11_curve_by_name(j11_view_str(ec_groups[i]));
		unsigned char point[134] = { 0 }, *x = point + 1, *y = x + curve->coord_len, zero[66] = { 0 }, ones[66];
		char code[JWK11_CODE_MAX];
		size_t n = curve->coord_len;

		memset(ones, 0xff, sizeof(ones));
		EVP_PKEY_free(ec_key(curve->name, point));
		assert_int_equal(ec(curve->crv, x, n, y, n, NULL), JWK11_OK);
		assert_int_equal(ec(curve->crv, y, n, x, n, code), JWK11_ERR_SYNTAX);
		assert_string_equal(code, "JWK_INVALID");
		assert_int_equal(ec(curve->crv, zero, n, zero, n, NULL), JWK11_ERR_SYNTAX);
		assert_int_equal(ec(curve->crv, ones, n, y, n, NULL), JWK11_ERR_SYNTAX);
		y[n - 1] ^= 1;
		assert_int_equal(ec(curve->crv, x, n, y, n, NULL), JWK11_ERR_SYNTAX);
	}
}

/* RFC 7518 6.2.1.2: full width, neither more nor less; a curve of another width is another curve. */
static void ec_coordinates_have_full_width(void **state)
{
	unsigned char point[133], wide[33] = { 0 };

	(void)state;
	EVP_PKEY_free(ec_key("P-256", point));
	memcpy(wide + 1, point + 1, 32);
	assert_int_equal(ec(J11_CRV_P256, wide, 33, point + 33, 32, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(ec(J11_CRV_P256, point + 1, 31, point + 33, 32, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(ec(J11_CRV_P256, point + 1, 32, point + 33, 31, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(ec(J11_CRV_P256, point + 1, 32, NULL, 0, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(ec(J11_CRV_P384, point + 1, 32, point + 33, 32, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(ec(J11_CRV_ED25519, point + 1, 32, point + 33, 32, NULL), JWK11_ERR_UNSUPPORTED);
	assert_int_equal(ec(J11_CRV_NONE, point + 1, 32, point + 33, 32, NULL), JWK11_ERR_UNSUPPORTED);
}

static enum jwk11_rc okp_on(enum j11_crv crv, const unsigned char *x, size_t len)
{
	struct jwk11_pub *pub = NULL;
	enum jwk11_rc rc = j11_pub_new_okp(crv, (struct jwk11_view){ x, len }, &pub, NULL);

	assert_int_equal(pub != NULL, rc == JWK11_OK);
	assert_int_equal(ERR_peek_error(), 0);
	jwk11_pub_unref(pub);
	return rc;
}

static enum jwk11_rc okp(const unsigned char *x, size_t len)
{
	return okp_on(J11_CRV_ED25519, x, len);
}

static void ed25519_keys_are_points_worth_having(void **state)
{
	/* The eight points of small order have five values of y; p + 0 and p + 1 spell two of them again. */
	static const unsigned char order_8[2][32] = {
		{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
			0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
		{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
			0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	};
	static const unsigned char off_curve[] = { 2, 7, 8, 11, 12, 13, 17 }, on_curve[] = { 3, 4, 5, 6, 9, 10, 14 };
	unsigned char x[33] = { 0 };

	(void)state;
	for (unsigned sign = 0; sign < 2; sign++) {
		for (size_t i = 0; i < 2; i++) {
			memcpy(x, order_8[i], 32);
			x[31] |= (unsigned char)(sign << 7);
			assert_int_equal(okp(x, 32), JWK11_ERR_SYNTAX);
		}
		for (unsigned low = 0xec; low <= 0xff; low++) { /* p - 1, then p and more: not canonical */
			memset(x, 0xff, 32);
			x[0] = (unsigned char)low;
			x[31] = (unsigned char)(0x7f | sign << 7);
			assert_int_equal(okp(x, 32), JWK11_ERR_SYNTAX);
		}
		memset(x, 0, 32);
		x[31] = (unsigned char)(sign << 7);
		assert_int_equal(okp(x, 32), JWK11_ERR_SYNTAX);
		x[0] = 1;
		assert_int_equal(okp(x, 32), JWK11_ERR_SYNTAX);
		for (size_t i = 0; i < J11_COUNT(off_curve); i++) {
			x[0] = off_curve[i];
			assert_int_equal(okp(x, 32), JWK11_ERR_SYNTAX);
			x[0] = on_curve[i];
			assert_int_equal(okp(x, 32), JWK11_OK);
		}
	}
	assert_int_equal(okp(x, 31), JWK11_ERR_SYNTAX);
	assert_int_equal(okp(x, 33), JWK11_ERR_SYNTAX);
	assert_int_equal(okp(NULL, 0), JWK11_ERR_SYNTAX);
}

/* RFC 8032 5.2.3. p = 2^448 - 2^224 - 1; the seven bits below the sign of x must be zero. */
static void ed448_keys_are_points_worth_having(void **state)
{
	static const unsigned char off_curve[] = { 2, 6, 10, 11, 14, 15, 16 }, on_curve[] = { 3, 4, 5, 7, 8, 9, 12 };
	unsigned char x[58] = { 0 };

	(void)state;
	for (unsigned sign = 0; sign < 2; sign++) {
		memset(x, 0xff, 56);
		x[28] = 0xfe; /* p itself, that is 0; then 1, a point and no point, spelled with p on top; at last all ones */
		for (unsigned more = 0; more < 4; more++) {
			x[0] = (unsigned char)(0xff + more);
			if (more > 0) {
				memset(x + 1, 0, 27);
				x[28] = 0xff;
			}
			x[56] = (unsigned char)(sign << 7);
			assert_int_equal(okp_on(J11_CRV_ED448, x, 57), JWK11_ERR_SYNTAX);
		}
		memset(x, 0xff, 56);
		assert_int_equal(okp_on(J11_CRV_ED448, x, 57), JWK11_ERR_SYNTAX);
		x[0] = 0xfe; /* p - 1 has order 2 */
		x[28] = 0xfe;
		assert_int_equal(okp_on(J11_CRV_ED448, x, 57), JWK11_ERR_SYNTAX);
		memset(x, 0, sizeof(x));
		x[56] = (unsigned char)(sign << 7);
		assert_int_equal(okp_on(J11_CRV_ED448, x, 57), JWK11_ERR_SYNTAX); /* order 4 */
		x[0] = 1;
		assert_int_equal(okp_on(J11_CRV_ED448, x, 57), JWK11_ERR_SYNTAX); /* order 1 */
		for (size_t i = 0; i < J11_COUNT(off_curve); i++) {
			x[0] = off_curve[i];
			assert_int_equal(okp_on(J11_CRV_ED448, x, 57), JWK11_ERR_SYNTAX);
			x[0] = on_curve[i];
			assert_int_equal(okp_on(J11_CRV_ED448, x, 57), JWK11_OK);
			x[56] |= 0x40; /* no bit of y */
			assert_int_equal(okp_on(J11_CRV_ED448, x, 57), JWK11_ERR_SYNTAX);
			x[56] &= 0x80;
		}
	}
	assert_int_equal(okp_on(J11_CRV_ED448, x, 56), JWK11_ERR_SYNTAX);
	assert_int_equal(okp_on(J11_CRV_ED448, x, 58), JWK11_ERR_SYNTAX);
	assert_int_equal(okp_on(J11_CRV_ED448, x, 32), JWK11_ERR_SYNTAX);
	assert_int_equal(okp_on(J11_CRV_ED448, NULL, 0), JWK11_ERR_SYNTAX);
	assert_int_equal(okp_on(J11_CRV_SECP256K1, x, 32), JWK11_ERR_UNSUPPORTED);
}

static void fresh_okp_keys_are_all_taken(void **state)
{
	(void)state;
	for (size_t c = 0; j11_curve_at(c) != NULL; c++) {
		const struct j11_curve *curve = j11_curve_at(c);

		for (int i = 0; i < 64 && curve->kty == J11_KTY_OKP; i++) {
			EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, curve->group);
			unsigned char x[66];
			size_t len = sizeof(x);

			assert_int_equal(EVP_PKEY_get_raw_public_key(evp, x, &len), 1);
			assert_int_equal(len, curve->coord_len);
			assert_int_equal(okp_on(curve->crv, x, len), JWK11_OK);
			EVP_PKEY_free(evp);
		}
	}
}

struct der {
	unsigned char *data;
	int len;
};

static struct der spki_of(EVP_PKEY *evp)
{
	struct der der = { 0 };

	der.len = i2d_PUBKEY(evp, &der.data);
	assert_true(der.len > 0);
	EVP_PKEY_free(evp);
	return der;
}

/* Reads, and refuses the same with an octet more, an octet less, and nothing. */
static enum jwk11_rc from_spki(struct der der, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	unsigned char *longer = malloc((size_t)der.len + 1);
	struct jwk11_pub *none = NULL;
	enum jwk11_rc rc;

	memcpy(longer, der.data, (size_t)der.len);
	longer[der.len] = 0;
	assert_int_equal(j11_pub_from_spki((struct jwk11_view){ longer, (size_t)der.len + 1 }, &none, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(j11_pub_from_spki((struct jwk11_view){ longer, (size_t)der.len - 1 }, &none, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(j11_pub_from_spki((struct jwk11_view){ longer, 0 }, &none, NULL), JWK11_ERR_SYNTAX);
	assert_null(none);
	rc = j11_pub_from_spki((struct jwk11_view){ der.data, (size_t)der.len }, ret_pub, err);
	assert_int_equal(ERR_peek_error(), 0);
	OPENSSL_free(der.data);
	free(longer);
	return rc;
}

static void reads_spki_of_each_kind(void **state)
{
	static const struct {
		const char *kty, *crv, *alg, *what;
		unsigned bits;
		size_t sig_len;
	} rows[] = {
		{ "RSA", "", "RS256", "RSA-2048 key", 2048, 256 },
		{ "EC", "P-256", "ES256", "P-256 key", 256, 64 },
		{ "EC", "P-384", "ES384", "P-384 key", 384, 96 },
		{ "EC", "P-521", "ES512", "P-521 key", 521, 132 },
		{ "EC", "secp256k1", "ES256K", "secp256k1 key", 256, 64 },
		{ "OKP", "Ed25519", "EdDSA", "Ed25519 key", 256, 64 },
		{ "OKP", "Ed448", "EdDSA", "Ed448 key", 456, 114 },
		{ "OKP", "X25519", "ECDH-ES", "X25519 key", 255, 0 },
		{ "OKP", "X448", "ECDH-ES", "X448 key", 448, 0 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		EVP_PKEY *evp = strcmp(rows[i].kty, "RSA") == 0 ? EVP_RSA_gen(2048) : strcmp(rows[i].kty, "EC") == 0 ? EVP_EC_gen(rows[i].crv) :
			EVP_PKEY_Q_keygen(NULL, NULL, rows[i].crv);
		struct jwk11_pub *pub = NULL;
		struct jwk11_err err = { 0 };
		char what[32];

		if (from_spki(spki_of(evp), &pub, &err) != JWK11_OK)
			fail_msg("%s", err.text);
		assert_string_equal(jwk11_pub_kty(pub), rows[i].kty);
		assert_string_equal(jwk11_pub_crv(pub), rows[i].crv);
		assert_string_equal(jwk11_pub_default_alg(pub), rows[i].alg);
		assert_string_equal(j11_pub_describe(pub, what), rows[i].what);
		assert_string_equal(jwk11_pub_kid(pub), "");
		assert_int_equal(jwk11_pub_bits(pub), rows[i].bits);
		if (rows[i].sig_len > 0) /* the others do not sign */
			assert_int_equal(j11_pub_sig_len(pub), rows[i].sig_len);
		jwk11_pub_unref(pub);
	}
}

/* Same key, other encodings of its point. */
static void reads_compressed_points_in_full(void **state)
{
	unsigned char point[133] = { 0 };
	EVP_PKEY *evp = ec_key("P-384", point);
	struct jwk11_pub *pub = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_set_utf8_string_param(evp, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"), 1);
	assert_int_equal(from_spki(spki_of(evp), &pub, NULL), JWK11_OK);
	assert_memory_equal(pub->x.data, point + 1, 48);
	assert_memory_equal(pub->y.data, point + 49, 48);
	jwk11_pub_unref(pub);
}

static void refuses_spki_of_other_kinds(void **state)
{
	EVP_PKEY *spelled_out = EVP_EC_gen("P-256");
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(from_spki(spki_of(EVP_EC_gen("brainpoolP256r1")), &pub, &err), JWK11_ERR_UNSUPPORTED);
	assert_string_equal(err.code, "UNSUPPORTED");
	assert_int_equal(from_spki(spki_of(EVP_RSA_gen(1024)), &pub, NULL), JWK11_ERR_UNSUPPORTED);
	/* RFC 5480 2.1.1: "specifiedCurve MUST NOT be used". */
	assert_int_equal(EVP_PKEY_set_utf8_string_param(spelled_out, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
	assert_int_equal(from_spki(spki_of(spelled_out), &pub, NULL), JWK11_ERR_SYNTAX);
	assert_null(pub);
}

static void reads_the_key_of_a_certificate(void **state)
{
	EVP_PKEY *evp = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	struct jwk11_pub *pub = NULL, *same = NULL;
	struct der der = { 0 };

	(void)state;
	assert_int_equal(X509_set_pubkey(cert, evp), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 60);
	assert_true(X509_sign(cert, evp, EVP_sha256()) > 0);
	der.len = i2d_X509(cert, &der.data);
	assert_true(der.len > 0);
	assert_int_equal(j11_pub_from_cert((struct jwk11_view){ der.data, (size_t)der.len }, &pub, NULL), JWK11_OK);
	assert_int_equal(j11_pub_from_cert((struct jwk11_view){ der.data, (size_t)der.len - 1 }, &same, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(j11_pub_from_cert((struct jwk11_view){ "", 0 }, &same, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(j11_pub_from_spki((struct jwk11_view){ der.data, (size_t)der.len }, &same, NULL), JWK11_ERR_SYNTAX);
	assert_null(same);
	assert_int_equal(from_spki(spki_of(evp), &same, NULL), JWK11_OK);
	assert_true(j11_pub_equal(pub, same));
	jwk11_pub_unref(pub);
	jwk11_pub_unref(same);
	OPENSSL_free(der.data);
	X509_free(cert);
}

static void algorithms_fit_by_type_and_curve(void **state)
{
	struct jwk11_pub *pub = NULL, *other = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(from_spki(spki_of(EVP_EC_gen("P-384")), &pub, NULL), JWK11_OK);
	assert_int_equal(from_spki(spki_of(EVP_EC_gen("P-384")), &other, NULL), JWK11_OK);
	assert_false(j11_pub_equal(pub, other));
	assert_int_equal(j11_pub_fits(pub, j11_alg_find_str("ES384"), &err), JWK11_OK);
	assert_int_equal(j11_pub_fits(pub, j11_alg_find_str("ES256"), &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.text, "algorithm ES256 does not fit a P-384 key");
	assert_string_equal(err.hint, "this key can do ES384");
	assert_int_equal(j11_pub_fits(pub, j11_alg_find_str("RS256"), NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(j11_pub_fits(pub, j11_alg_find_str("EdDSA"), NULL), JWK11_ERR_MISMATCH);
	jwk11_pub_unref(pub);
	jwk11_pub_unref(other);
}

/* Which algorithm fits a key of which curve: RFC 8812 3.2 binds ES256K and secp256k1 to each other; EdDSA has two curves and each of them one
 * more name (RFC 9864). */
static void algorithms_fit_their_curve_and_no_other(void **state)
{
	static const struct {
		const char *crv, *algs;
	} rows[] = { { "P-256", "ES256" }, { "P-384", "ES384" }, { "P-521", "ES512" }, { "secp256k1", "ES256K" }, { "Ed25519", "EdDSA, Ed25519" },
		{ "Ed448", "EdDSA, Ed448" }, { "X25519", "" }, { "X448", "" } };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		const struct j11_curve *curve = j11_curve_by_name(j11_view_str(rows[i].crv));
		struct jwk11_buf fitting = J11_BUF(200);
		struct jwk11_pub *pub = NULL;

		assert_int_equal(from_spki(spki_of(curve->kty == J11_KTY_EC ? EVP_EC_gen(curve->group) : EVP_PKEY_Q_keygen(NULL, NULL, curve->group)),
			&pub, NULL), JWK11_OK);
		for (size_t a = 0; j11_alg_at(a) != NULL; a++)
			if (j11_pub_fits(pub, j11_alg_at(a), NULL) == JWK11_OK)
				j11_buf_add_fmt(&fitting, "%s%s", fitting.len ? ", " : "", j11_alg_at(a)->name);
		assert_string_equal(jwk11_buf_data(&fitting), rows[i].algs);
		jwk11_pub_unref(pub);
		j11_buf_done(&fitting);
	}
}

static void references_keep_a_key_alive(void **state)
{
	unsigned char room[256];
	struct jwk11_pub *pub = NULL;

	(void)state;
	assert_int_equal(j11_pub_new_rsa(modulus(room, 2048), f4, &pub, NULL), JWK11_OK);
	assert_ptr_equal(jwk11_pub_ref(pub), pub);
	jwk11_pub_unref(pub);
	assert_string_equal(jwk11_pub_kty(pub), "RSA");
	jwk11_pub_unref(pub);
	jwk11_pub_unref(NULL);
	assert_null(jwk11_pub_ref(NULL));
}

static enum jwk11_rc make_one_of_each(void *arg)
{
	static const unsigned char ed[32] = { 3 };
	unsigned char room[256], *point = arg;
	struct jwk11_pub *pub = NULL;
	enum jwk11_rc rc = j11_pub_new_rsa(modulus(room, 2048), f4, &pub, NULL);

	jwk11_pub_unref(pub);
	pub = NULL;
	if (rc == JWK11_OK)
		rc = j11_pub_new_ec(J11_CRV_P256, (struct jwk11_view){ point + 1, 32 }, (struct jwk11_view){ point + 33, 32 }, &pub, NULL);
	jwk11_pub_unref(pub);
	pub = NULL;
	if (rc == JWK11_OK)
		rc = j11_pub_new_okp(J11_CRV_ED25519, (struct jwk11_view){ ed, 32 }, &pub, NULL);
	jwk11_pub_unref(pub);
	return rc;
}

static void survives_each_failed_allocation(void **state)
{
	unsigned char point[133];

	(void)state;
	EVP_PKEY_free(ec_key("P-256", point));
	each_allocation_fails(make_one_of_each, point);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsa_wants_2048_bits_or_more),
		cmocka_unit_test(rsa_refuses_impossible_numbers),
		cmocka_unit_test(rsa_drops_leading_zeros),
		cmocka_unit_test(ec_points_must_be_on_their_curve),
		cmocka_unit_test(ec_coordinates_have_full_width),
		cmocka_unit_test(ed25519_keys_are_points_worth_having),
		cmocka_unit_test(ed448_keys_are_points_worth_having),
		cmocka_unit_test(fresh_okp_keys_are_all_taken),
		cmocka_unit_test(reads_spki_of_each_kind),
		cmocka_unit_test(reads_compressed_points_in_full),
		cmocka_unit_test(refuses_spki_of_other_kinds),
		cmocka_unit_test(reads_the_key_of_a_certificate),
		cmocka_unit_test(algorithms_fit_by_type_and_curve),
		cmocka_unit_test(algorithms_fit_their_curve_and_no_other),
		cmocka_unit_test(references_keep_a_key_alive),
		cmocka_unit_test(survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
