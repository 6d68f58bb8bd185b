/* SPDX-License-Identifier: Apache-2.0 */
/* base/cbor, jose/cose: items as RFC 8949 prints them, keys as COSE_Key, the thumbprint of RFC 9679. */
#include "vector.h"

#include "base/cbor.h"
#include "jose/kma.h"
#include "jose/pub.h"

static void expect(struct jwk11_buf *out, const char *hex)
{
	char text[2048] = "";

	assert_int_equal(out->failed, JWK11_OK);
	assert_true(2 * out->len < sizeof(text));
	for (size_t i = 0; i < out->len; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)out->data[i]);
	assert_string_equal(text, hex);
	jwk11_buf_reset(out);
}

/* RFC 8949 appendix A, and both sides of each length. */
static void items_have_their_shortest_form(void **state)
{
	static const struct {
		int64_t value;
		const char *hex;
	} rows[] = {
		{ 0, "00" }, { 23, "17" }, { 24, "1818" }, { 100, "1864" }, { 255, "18ff" }, { 256, "190100" }, { 1000, "1903e8" }, { 65535, "19ffff" },
		{ 65536, "1a00010000" }, { 1000000, "1a000f4240" }, { 4294967295, "1affffffff" }, { 4294967296, "1b0000000100000000" },
		{ 1000000000000, "1b000000e8d4a51000" }, { INT64_MAX, "1b7fffffffffffffff" }, { -1, "20" }, { -10, "29" }, { -24, "37" }, { -25, "3818" },
		{ -100, "3863" }, { -257, "390100" }, { -1000, "3903e7" }, { INT64_MIN, "3b7fffffffffffffff" },
	};
	struct jwk11_buf out = J11_BUF(1024);
	char long_text[256];

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		j11_cbor_int(&out, rows[i].value);
		expect(&out, rows[i].hex);
	}
	j11_cbor_bytes(&out, J11_VIEW("\1\2\3\4"));
	expect(&out, "4401020304");
	j11_cbor_bytes(&out, J11_VIEW(""));
	expect(&out, "40");
	j11_cbor_array(&out, 0);
	j11_cbor_array(&out, 3);
	j11_cbor_map(&out, 0);
	j11_cbor_map(&out, 24);
	expect(&out, "8083a0b818");
	memset(long_text, 0, sizeof(long_text));
	j11_cbor_bytes(&out, (struct jwk11_view){ long_text, 256 });
	assert_int_equal(out.len, 259);
	assert_memory_equal(out.data, "\x59\x01\x00", 3);
	j11_buf_done(&out);
}

static struct jwk11_pub *read_jwk(struct jwk11_view text, bool enc)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	if ((enc ? jwk11_pub_from_enc_jwk(text, &pub, &err) : jwk11_pub_from_jwk(text, &pub, &err)) != JWK11_OK)
		fail_msg("%s", err.text);
	return pub;
}

/* The key of RFC 9052 C.7.1 and RFC 9679 section 6. */
#define RFC_X "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
#define RFC_Y "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"
static const char rfc_jwk[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0\","
	"\"y\":\"HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw\"}";

static void keys_are_maps_in_order(void **state)
{
	struct jwk11_pub *ec = read_jwk(j11_view_str(rfc_jwk), false);
	struct jwk11_pub *ed = read_jwk(J11_VIEW("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"), false);
	struct jwk11_pub *x = read_jwk(J11_VIEW("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo\"}"), true);
	struct jwk11_buf out = J11_BUF(1024);

	(void)state;
	assert_int_equal(jwk11_pub_cose_key(ec, NULL, "meriadoc.brandybuck@buckland.example", &out, NULL), JWK11_OK);
	expect(&out, "a6" "0102" "025824" "6d65726961646f632e6272616e64796275636b406275636b6c616e642e6578616d706c65" "0326" "2001" "215820" RFC_X "225820" RFC_Y);
	assert_int_equal(jwk11_pub_cose_key(ed, "Ed25519", "", &out, NULL), JWK11_OK);
	expect(&out, "a4" "0101" "0332" "2006" "215820" "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	/* COSE's ECDH-ES derives keys with HKDF: no algorithm of that name is the same. */
	assert_int_equal(jwk11_pub_cose_key(x, "ECDH-ES", "", &out, NULL), JWK11_OK);
	expect(&out, "a3" "0101" "2004" "215820" "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_int_equal(jwk11_pub_cose_key(ec, "RS256", NULL, &out, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(jwk11_pub_cose_key(NULL, NULL, NULL, &out, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_cose_key(ec, NULL, NULL, NULL, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(out.len, 0);
	jwk11_pub_unref(ec);
	jwk11_pub_unref(ed);
	jwk11_pub_unref(x);
	j11_buf_done(&out);
}

static void an_rsa_key_is_n_and_e(void **state)
{
	struct jwk11_buf out = J11_BUF(1024);
	struct jwk11_pub *pub;
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7638-3-1-thumbprint.json");
	pub = read_jwk(j11_json_get(v.root, "jwk")->raw, false);
	assert_int_equal(jwk11_pub_cose_key(pub, NULL, "k", &out, NULL), JWK11_OK);
	assert_memory_equal(out.data, "\xa5\x01\x03\x02\x41k\x03\x39\x01\x00\x20\x59\x01\x00", 14);
	assert_int_equal(out.len, 14 + 256 + 5);
	assert_memory_equal(out.data + 14 + 256, "\x21\x43\x01\x00\x01", 5);
	jwk11_pub_unref(pub);
	j11_buf_done(&out);
	vector_done(&v);
}

static void an_akp_key_always_has_its_algorithm(void **state)
{
	struct jwk11_buf out = J11_BUF(4096);
	struct jwk11_pub *pub = NULL;
	unsigned char thumbprint[JWK11_COSE_THUMBPRINT_LEN], digest[J11_HASH_MAX];
	char octets[1312];

	(void)state;
	memset(octets, 7, sizeof(octets));
	assert_int_equal(j11_pub_new_akp(J11_MLDSA_44, (struct jwk11_view){ octets, sizeof(octets) }, &pub, NULL), JWK11_OK);
	assert_int_equal(jwk11_pub_cose_key(pub, NULL, "", &out, NULL), JWK11_OK);
	assert_memory_equal(out.data, "\xa3\x01\x07\x03\x38\x2f\x20\x59\x05\x20\x07", 11);
	assert_int_equal(out.len, 10 + 1312);
	assert_int_equal(jwk11_pub_cose_thumbprint(pub, thumbprint, NULL), JWK11_OK);
	assert_int_equal(j11_hash_digest(J11_HASH_SHA256, j11_buf_view(&out), digest, NULL), JWK11_OK);
	assert_memory_equal(thumbprint, digest, sizeof(thumbprint)); /* kty, alg, pub: RFC 9964 */
	jwk11_pub_unref(pub);
	j11_buf_done(&out);
}

static void the_thumbprint_is_that_of_the_rfc(void **state)
{
	struct jwk11_pub *pub = read_jwk(j11_view_str(rfc_jwk), false);
	unsigned char thumbprint[JWK11_COSE_THUMBPRINT_LEN];
	struct jwk11_buf out = J11_BUF(64);

	(void)state;
	assert_int_equal(jwk11_pub_cose_thumbprint(pub, thumbprint, NULL), JWK11_OK);
	j11_buf_add(&out, thumbprint, sizeof(thumbprint));
	expect(&out, "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec");
	assert_int_equal(jwk11_pub_cose_thumbprint(NULL, thumbprint, NULL), JWK11_ERR_ARGUMENT);
	jwk11_pub_unref(pub);
	j11_buf_done(&out);
}

/* A new row needs its number; no two rows share one. */
static void every_algorithm_and_curve_has_its_number(void **state)
{
	(void)state;
	for (size_t i = 0; j11_alg_at(i) != NULL; i++) {
		assert_int_not_equal(j11_alg_at(i)->cose, 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(j11_alg_at(i)->cose, j11_alg_at(k)->cose);
	}
	for (size_t i = 0; j11_curve_at(i) != NULL; i++) {
		assert_true(j11_curve_at(i)->cose > 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(j11_curve_at(i)->cose, j11_curve_at(k)->cose);
	}
	for (size_t i = 0; j11_kma_at(i) != NULL; i++)
		assert_int_equal(j11_kma_at(i)->cose != 0, j11_kma_at(i)->way == J11_KMA_OAEP);
}

static enum jwk11_rc write_both(void *arg)
{
	unsigned char thumbprint[JWK11_COSE_THUMBPRINT_LEN];
	struct jwk11_buf out = J11_BUF(1024);
	enum jwk11_rc rc = jwk11_pub_cose_key(arg, NULL, NULL, &out, NULL);

	if (rc == JWK11_OK)
		rc = jwk11_pub_cose_thumbprint(arg, thumbprint, NULL);
	j11_buf_done(&out);
	return rc;
}

static void survives_each_failing_allocation(void **state)
{
	struct jwk11_pub *pub = read_jwk(j11_view_str(rfc_jwk), false);

	(void)state;
	each_allocation_fails(write_both, pub);
	jwk11_pub_unref(pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_have_their_shortest_form),
		cmocka_unit_test(keys_are_maps_in_order),
		cmocka_unit_test(an_rsa_key_is_n_and_e),
		cmocka_unit_test(an_akp_key_always_has_its_algorithm),
		cmocka_unit_test(the_thumbprint_is_that_of_the_rfc),
		cmocka_unit_test(every_algorithm_and_curve_has_its_number),
		cmocka_unit_test(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
