/* SPDX-License-Identifier: Apache-2.0 */
/* jose/der: one TLV, ECDSA signatures both ways, DigestInfo. */
#include "vector.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include "jose/der.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

static void takes_one_tlv_that_fills_the_input(void **state)
{
	static unsigned char big[4 + 256] = { 0x04, 0x82, 0x01, 0x00 };
	static const unsigned char medium[3 + 128] = { 0x04, 0x81, 0x80 };
	struct jwk11_view content;

	(void)state;
	assert_true(j11_der_whole((struct jwk11_view){ BYTES("\x04\x02\xaa\xbb") }, 0x04, &content));
	assert_int_equal(content.len, 2);
	assert_int_equal(*(const unsigned char *)content.data, 0xaa);
	assert_true(j11_der_whole((struct jwk11_view){ BYTES("\x04\x00") }, 0x04, &content));
	assert_int_equal(content.len, 0);
	assert_true(j11_der_whole((struct jwk11_view){ medium, sizeof(medium) }, 0x04, &content));
	assert_int_equal(content.len, 128);
	assert_true(j11_der_whole((struct jwk11_view){ big, sizeof(big) }, 0x04, &content));
	assert_int_equal(content.len, 256);
}

static void refuses_anything_that_is_not_minimal_der(void **state)
{
	static const unsigned char long_form_short[3 + 127] = { 0x04, 0x81, 0x7f };
	static const unsigned char two_octets_for_255[4 + 255] = { 0x04, 0x82, 0x00, 0xff };
	static const struct {
		const char *comment;
		const void *der;
		size_t len;
	} rows[] = {
		{ "empty", BYTES("") },
		{ "a tag alone", BYTES("\x04") },
		{ "another tag", BYTES("\x03\x01\x00") },
		{ "content missing", BYTES("\x04\x02\x00") },
		{ "an octet too many", BYTES("\x04\x01\x00\x00") },
		{ "indefinite length", BYTES("\x04\x80\x00\x00") },
		{ "long form, length missing", BYTES("\x04\x81") },
		{ "long form for a short length", BYTES("\x04\x81\x01\x00") },
		{ "long form for 127", long_form_short, sizeof(long_form_short) },
		{ "two octets for 255", two_octets_for_255, sizeof(two_octets_for_255) },
		{ "two octets, one missing", BYTES("\x04\x82\x01") },
		{ "three octets of length", BYTES("\x04\x83\x00\x00\x01\x00") },
		{ "eight octets of length", BYTES("\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff") },
		{ "reserved length octet", BYTES("\x04\xff") },
	};
	struct jwk11_view content;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (j11_der_whole((struct jwk11_view){ rows[i].der, rows[i].len }, 0x04, &content))
			fail_msg("accepted: %s", rows[i].comment);
}

/* Every half is a pattern; both ways must agree, and with libcrypto. */
static void ecdsa_signatures_go_both_ways(void **state)
{
	static const size_t widths[] = { 32, 48, 66 };
	static const unsigned char first[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	(void)state;
	for (size_t w = 0; w < J11_COUNT(widths); w++) {
		for (size_t f = 0; f < J11_COUNT(first) * J11_COUNT(first); f++) {
			size_t half = widths[w], len;
			unsigned char raw[132], back[132], der[J11_DER_ECDSA_MAX];
			const unsigned char *p = der;
			STACK_OF(ASN1_TYPE) *seq;

			memset(raw, 0x5a, sizeof(raw));
			raw[0] = first[f % J11_COUNT(first)];
			raw[half] = first[f / J11_COUNT(first)];
			if (raw[0] == 0)
				memset(raw, 0, half / 2);
			if (raw[half] == 0)
				memset(raw + half, 0, half); /* zero itself */
			len = j11_der_from_raw((struct jwk11_view){ raw, 2 * half }, der);
			assert_true(len > 0 && len <= sizeof(der));
			seq = d2i_ASN1_SEQUENCE_ANY(NULL, &p, (long)len);
			assert_non_null(seq);
			assert_ptr_equal(p, der + len);
			assert_int_equal(sk_ASN1_TYPE_num(seq), 2);
			sk_ASN1_TYPE_pop_free(seq, ASN1_TYPE_free);
			assert_true(j11_der_to_raw((struct jwk11_view){ der, len }, half, back));
			assert_memory_equal(raw, back, 2 * half);
		}
	}
}

static void refuses_raw_signatures_of_impossible_length(void **state)
{
	unsigned char raw[200] = { 1 }, der[J11_DER_ECDSA_MAX];

	(void)state;
	assert_int_equal(j11_der_from_raw((struct jwk11_view){ raw, 0 }, der), 0);
	assert_int_equal(j11_der_from_raw((struct jwk11_view){ raw, 63 }, der), 0);
	assert_int_equal(j11_der_from_raw((struct jwk11_view){ raw, 134 }, der), 0);
	assert_int_not_equal(j11_der_from_raw((struct jwk11_view){ raw, 132 }, der), 0);
}

static void refuses_ecdsa_signatures_that_are_not_canonical(void **state)
{
	static const struct {
		const char *comment;
		const void *der;
		size_t len;
	} rows[] = {
		{ "negative r", BYTES("\x30\x06\x02\x01\x80\x02\x01\x01") },
		{ "negative s", BYTES("\x30\x06\x02\x01\x01\x02\x01\xff") },
		{ "r with a needless zero", BYTES("\x30\x07\x02\x02\x00\x01\x02\x01\x01") },
		{ "empty r", BYTES("\x30\x05\x02\x00\x02\x01\x01") },
		{ "s missing", BYTES("\x30\x03\x02\x01\x01") },
		{ "a third number", BYTES("\x30\x09\x02\x01\x01\x02\x01\x01\x02\x01\x01") },
		{ "an octet behind", BYTES("\x30\x06\x02\x01\x01\x02\x01\x01\x00") },
		{ "not a sequence", BYTES("\x31\x06\x02\x01\x01\x02\x01\x01") },
		{ "not an integer", BYTES("\x30\x06\x04\x01\x01\x02\x01\x01") },
		{ "r wider than the curve", BYTES("\x30\x08\x02\x03\x01\x00\x00\x02\x01\x01") },
		{ "indefinite length", BYTES("\x30\x80\x02\x01\x01\x02\x01\x01\x00\x00") },
	};
	unsigned char raw[4] = { 9, 9, 9, 9 }, untouched[4] = { 9, 9, 9, 9 };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (j11_der_to_raw((struct jwk11_view){ rows[i].der, rows[i].len }, 2, raw))
			fail_msg("accepted: %s", rows[i].comment);
	assert_memory_equal(raw, untouched, sizeof(raw));
	assert_false(j11_der_to_raw((struct jwk11_view){ rows[0].der, rows[0].len }, 67, raw));
	assert_true(j11_der_to_raw((struct jwk11_view){ BYTES("\x30\x08\x02\x02\x00\xff\x02\x02\x01\x02") }, 2, raw));
	assert_memory_equal(raw, ((unsigned char[]){ 0, 0xff, 1, 2 }), 4);
}

/* Whatever one changed octet leaves acceptable is the one encoding of some other signature. */
static void one_changed_octet_never_gives_a_second_encoding(void **state)
{
	unsigned char raw[64], der[J11_DER_ECDSA_MAX], changed[J11_DER_ECDSA_MAX], again[J11_DER_ECDSA_MAX];
	size_t len, accepted = 0;

	(void)state;
	memset(raw, 0x81, sizeof(raw));
	raw[32] = 0x00;
	len = j11_der_from_raw((struct jwk11_view){ raw, sizeof(raw) }, der);
	for (size_t at = 0; at < len; at++) {
		for (unsigned value = 0; value < 256; value++) {
			memcpy(changed, der, len);
			changed[at] = (unsigned char)value;
			if (!j11_der_to_raw((struct jwk11_view){ changed, len }, 32, raw))
				continue;
			accepted++;
			assert_int_equal(j11_der_from_raw((struct jwk11_view){ raw, sizeof(raw) }, again), len);
			assert_memory_equal(changed, again, len);
		}
	}
	assert_true(accepted > len);
}

static void digest_info_names_its_hash(void **state)
{
	static const struct {
		enum j11_hash hash;
		int nid;
	} rows[] = { { J11_HASH_SHA256, NID_sha256 }, { J11_HASH_SHA384, NID_sha384 }, { J11_HASH_SHA512, NID_sha512 } };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		unsigned char info[19 + J11_HASH_MAX] = { 0 };
		struct jwk11_view prefix = j11_der_digest_info(rows[i].hash);
		size_t len = prefix.len + j11_hash_len(rows[i].hash);
		const unsigned char *p = info;
		const X509_ALGOR *algor;
		const ASN1_OCTET_STRING *digest;
		X509_SIG *sig;

		assert_int_equal(prefix.len, 19);
		memcpy(info, prefix.data, prefix.len);
		sig = d2i_X509_SIG(NULL, &p, (long)len);
		assert_non_null(sig);
		assert_ptr_equal(p, info + len);
		X509_SIG_get0(sig, &algor, &digest);
		assert_int_equal(OBJ_obj2nid(algor->algorithm), rows[i].nid);
		assert_int_equal(ASN1_STRING_length(digest), j11_hash_len(rows[i].hash));
		X509_SIG_free(sig);
	}
	assert_int_equal(j11_der_digest_info(J11_HASH_NONE).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_one_tlv_that_fills_the_input),
		cmocka_unit_test(refuses_anything_that_is_not_minimal_der),
		cmocka_unit_test(ecdsa_signatures_go_both_ways),
		cmocka_unit_test(refuses_raw_signatures_of_impossible_length),
		cmocka_unit_test(refuses_ecdsa_signatures_that_are_not_canonical),
		cmocka_unit_test(one_changed_octet_never_gives_a_second_encoding),
		cmocka_unit_test(digest_info_names_its_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
