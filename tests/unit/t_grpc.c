/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC without a connection: protobuf octet by octet, paths, deadlines, messages, statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "grpc_proto.h"
#include "grpc_text.h"

#define V(literal) J11_VIEW(literal)

static void requests_are_read_as_protobuf_has_them(void **state)
{
	static const struct {
		struct jwk11_view msg, claims; /* claims.data NULL: malformed */
		const char *why;
	} rows[] = {
		{ { "", 0 }, { "", 0 }, "nothing: the default" },
		{ { "\x0a\x03" "abc", 5 }, { "abc", 3 }, "claims" },
		{ { "\x0a\x00", 2 }, { "", 0 }, "empty claims" },
		{ { "\x0a\x01" "a\x0a\x01" "b", 6 }, { "b", 1 }, "the last of two counts" },
		{ { "\x10\x96\x01\x0a\x01" "a", 6 }, { "a", 1 }, "an unknown number" },
		{ { "\x19" "12345678\x0a\x01" "a", 12 }, { "a", 1 }, "an unknown field of 8 octets" },
		{ { "\x15" "1234\x0a\x01" "a", 8 }, { "a", 1 }, "an unknown field of 4" },
		{ { "\x12\x02xy\x0a\x01" "a", 7 }, { "a", 1 }, "unknown octets" },
		{ { "\x8a\x00\x01" "a", 4 }, { "a", 1 }, "a tag that is longer than it need be" },
		{ { "\x0a", 1 }, { NULL, 0 }, "no length" },
		{ { "\x0a\x04" "abc", 5 }, { NULL, 0 }, "too short" },
		{ { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, { NULL, 0 }, "a length of 2^64 - 1" },
		{ { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 }, { NULL, 0 }, "a length past 64 bits" },
		{ { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11 }, { NULL, 0 }, "a tag of eleven octets" },
		{ { "\x08\x01", 2 }, { NULL, 0 }, "claims as a number" },
		{ { "\x0b\x0c", 2 }, { NULL, 0 }, "a group" },
		{ { "\x0e", 1 }, { NULL, 0 }, "wire type 6" },
		{ { "\x02\x00", 2 }, { NULL, 0 }, "field 0" },
		{ { "\x0a\x01\xff", 3 }, { NULL, 0 }, "a string that is not UTF-8" },
		{ { "\x11" "1234567", 8 }, { NULL, 0 }, "eight octets, less one" },
		{ { "\x80\x80\x80\x80\x10\x00", 6 }, { NULL, 0 }, "a field number past 29 bits" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_view claims = { .data = NULL };
		bool good = grpc_proto_sign_request(rows[i].msg, &claims);

		if (good != (rows[i].claims.data != NULL) || (good && !j11_view_equal(claims, rows[i].claims)))
			fail_msg("%s", rows[i].why);
		if (good && !grpc_proto_empty_request(rows[i].msg))
			fail_msg("%s, for a message without fields", rows[i].why);
	}
}

static void answers_have_these_octets(void **state)
{
	struct jwk11_buf out = J11_BUF(1024);
	unsigned char prefix[GRPC_PREFIX];
	bool compressed = true;
	size_t len = 0;

	(void)state;
	grpc_proto_sign_response(&out, V("h"), V("sig"));
	assert_true(j11_view_equal(j11_buf_view(&out), (struct jwk11_view){ "\x0a\x01h\x12\x03sig", 8 }));
	jwk11_buf_reset(&out);
	grpc_proto_metadata_response(&out, 86400);
	assert_true(j11_view_equal(j11_buf_view(&out), (struct jwk11_view){ "\x08\x80\xa3\x05", 4 }));
	jwk11_buf_reset(&out);
	grpc_proto_key(&out, V("k"), V("der"), false);
	grpc_proto_key(&out, V("k"), V("der"), true);
	grpc_proto_keys_end(&out, 1, 300);
	assert_true(j11_view_equal(j11_buf_view(&out),
		(struct jwk11_view){ "\x0a\x08\x0a\x01k\x12\x03" "der\x0a\x0a\x0a\x01k\x12\x03" "der\x18\x01\x12\x02\x08\x01\x18\xac\x02", 29 }));
	j11_buf_done(&out);
	grpc_proto_prefix(prefix, 0x01020304);
	assert_memory_equal(prefix, "\x00\x01\x02\x03\x04", sizeof(prefix));
	grpc_proto_read_prefix(prefix, &compressed, &len);
	assert_false(compressed);
	assert_int_equal(len, 0x01020304);
}

static void paths_are_exact(void **state)
{
	static const struct {
		const char *path;
		enum grpc_method method;
	} rows[] = {
		{ "/v1.ExternalJWTSigner/Sign", GRPC_SIGN }, { "/v1alpha1.ExternalJWTSigner/Sign", GRPC_SIGN }, { "/v1.ExternalJWTSigner/FetchKeys", GRPC_FETCH_KEYS },
		{ "/v1alpha1.ExternalJWTSigner/Metadata", GRPC_METADATA }, { "/v1.ExternalJWTSigner/", GRPC_NO_METHOD }, { "/v1.ExternalJWTSigner/Sig", GRPC_NO_METHOD },
		{ "/v1.ExternalJWTSigner/Signs", GRPC_NO_METHOD }, { "/v1.ExternalJWTSigner", GRPC_NO_SERVICE }, { "/v1beta1.ExternalJWTSigner/Sign", GRPC_NO_SERVICE },
		{ "v1.ExternalJWTSigner/Sign", GRPC_NO_SERVICE }, { "", GRPC_NO_SERVICE }, { "/V1.ExternalJWTSigner/Sign", GRPC_NO_SERVICE },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		assert_int_equal(grpc_method_of(j11_view_str(rows[i].path)), rows[i].method);
}

static void deadlines_are_read_in_every_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
		{ "1S", 1000 }, { "100m", 100 }, { "2M", 120000 }, { "3H", 10800000 }, { "99999999H", 86400000 }, { "1500u", 1 }, { "2999999n", 2 }, { "0n", 0 }, { "007S", 7000 },
		{ "", -1 }, { "S", -1 }, { "1", -1 }, { "1s", -1 }, { "-1S", -1 }, { " 1S", -1 }, { "1.5S", -1 }, { "123456789S", -1 }, { "1SS", -1 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		uint64_t ms = 0;

		assert_int_equal(grpc_timeout_of(j11_view_str(rows[i].text), &ms), rows[i].ms >= 0);
		assert_true(rows[i].ms < 0 || ms == (uint64_t)rows[i].ms);
	}
}

static void messages_are_percent_encoded_and_types_told_apart(void **state)
{
	struct jwk11_buf out = J11_BUF(256);

	(void)state;
	grpc_message_add(&out, V("100% \xc3\xa9\n~"));
	assert_string_equal(jwk11_buf_data(&out), "100%25 %C3%A9%0A~");
	j11_buf_done(&out);
	assert_true(grpc_is_content_type(V("application/grpc")) && grpc_is_content_type(V("application/grpc+proto")) &&
		grpc_is_content_type(V("application/grpc;charset=utf-8")));
	assert_false(grpc_is_content_type(V("application/grpc-web")) || grpc_is_content_type(V("application/grpc+json")) || grpc_is_content_type(V("")) ||
		grpc_is_content_type(V("application/json")));
}

static void each_refusal_has_a_status(void **state)
{
	(void)state;
	assert_int_equal(grpc_status_of(J11_CODE_CLAIM_INVALID), GRPC_INVALID_ARGUMENT);
	assert_int_equal(grpc_status_of(J11_CODE_CLAIM_REFUSED), GRPC_PERMISSION_DENIED);
	assert_int_equal(grpc_status_of(J11_CODE_PEER_DENIED), GRPC_PERMISSION_DENIED);
	assert_int_equal(grpc_status_of(J11_CODE_KEY_UNKNOWN), GRPC_PERMISSION_DENIED);
	assert_int_equal(grpc_status_of(J11_CODE_TOKEN_ABSENT), GRPC_UNAVAILABLE);
	assert_int_equal(grpc_status_of(J11_CODE_TOKEN_FAILED), GRPC_UNAVAILABLE);
	assert_int_equal(grpc_status_of(J11_CODE_WORKER_TIMEOUT), GRPC_UNAVAILABLE);
	assert_int_equal(grpc_status_of(J11_CODE_RATE_EXCEEDED), GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(grpc_status_of(J11_CODE_SIGNATURE_WITHHELD), GRPC_INTERNAL);
	assert_int_equal(grpc_status_of(J11_N_CODE_), GRPC_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read_as_protobuf_has_them),
		cmocka_unit_test(answers_have_these_octets),
		cmocka_unit_test(paths_are_exact),
		cmocka_unit_test(deadlines_are_read_in_every_unit),
		cmocka_unit_test(messages_are_percent_encoded_and_types_told_apart),
		cmocka_unit_test(each_refusal_has_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
