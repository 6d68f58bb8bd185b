/* SPDX-License-Identifier: Apache-2.0 */
/* Every code word has a row; the document has the members of RFC 9457 and ours, in order, and nothing unescaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http_reply.h"
#include "json/json_read.h"
#include "problem.h"

static void gives_each_code_a_status_and_a_title(void **state)
{
	(void)state;
	for (unsigned code = 0; code < J11_N_CODE_; code++) {
		unsigned status = problem_status((enum j11_code)code);

		if (status < 400 || status > 505 || strcmp(http_reply_reason(status), "Unknown") == 0)
			fail_msg("%s: status %u", j11_code_name((enum j11_code)code), status);
		if (status == 500 && code != J11_CODE_INTERNAL && code != J11_CODE_CONFIG_INVALID && code != J11_CODE_FILE_FAILED)
			fail_msg("%s has no row", j11_code_name((enum j11_code)code));
		assert_true(strlen(problem_title((enum j11_code)code)) > 3);
	}
	assert_int_equal(problem_status(J11_N_CODE_), 500);
}

static void keeps_the_statuses_clients_rely_on(void **state)
{
	static const struct {
		enum j11_code code;
		unsigned status;
	} rows[] = {
		{ J11_CODE_MEMBER_UNKNOWN, 400 }, { J11_CODE_PEER_DENIED, 403 }, { J11_CODE_KEY_UNKNOWN, 404 }, { J11_CODE_HTTP_METHOD, 405 },
		{ J11_CODE_HTTP_NOT_ACCEPTABLE, 406 }, { J11_CODE_ALG_MISMATCH, 409 }, { J11_CODE_HTTP_LENGTH_REQUIRED, 411 },
		{ J11_CODE_HTTP_BODY_TOO_LARGE, 413 }, { J11_CODE_HTTP_MEDIA_TYPE, 415 }, { J11_CODE_CLAIM_REFUSED, 422 },
		{ J11_CODE_HTTP_HEAD_TOO_LARGE, 431 }, { J11_CODE_HTTP_NOT_IMPLEMENTED, 501 }, { J11_CODE_MODULE_FAILED, 502 },
		{ J11_CODE_TOKEN_ABSENT, 503 }, { J11_CODE_PIN_REJECTED, 503 }, { J11_CODE_WORKER_TIMEOUT, 504 }, { J11_CODE_HTTP_VERSION, 505 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(problem_status(rows[i].code), rows[i].status);
	for (unsigned code = 0; code < J11_N_CODE_; code++)
		if (problem_status((enum j11_code)code) == 503)
			assert_true(problem_retry_after((enum j11_code)code) > 0);
}

static void writes_the_members_in_order(void **state)
{
	struct jwk11_buf buf = J11_BUF(1024);
	struct problem p = {
		.code = J11_CODE_TOKEN_ABSENT,
		.detail = J11_VIEW("a \"b\"\n"),
		.ckr = J11_VIEW("CKR_TOKEN_NOT_PRESENT"),
		.token = J11_VIEW("prod"),
		.request_id = J11_VIEW("r1"),
		.hint = J11_VIEW("wait"),
		.reasons = J11_VIEW("[1]"),
	};

	(void)state;
	problem_write(&buf, &p);
	assert_string_equal(jwk11_buf_data(&buf), "{\"title\":\"Token absent\",\"status\":503,"
		"\"detail\":\"a \\\"b\\\"\\n\",\"code\":\"TOKEN_ABSENT\","
		"\"ckr\":\"CKR_TOKEN_NOT_PRESENT\",\"token\":\"prod\",\"request_id\":\"r1\",\"hint\":\"wait\",\"reasons\":[1]}");
	j11_buf_done(&buf);
}

static void leaves_out_what_is_empty(void **state)
{
	struct jwk11_buf buf = J11_BUF(1024);

	(void)state;
	problem_write(&buf, &(struct problem){ .code = J11_CODE_ROUTE_UNKNOWN });
	assert_string_equal(jwk11_buf_data(&buf), "{\"title\":\"No such route\",\"status\":404,\"code\":\"ROUTE_UNKNOWN\"}");
	j11_buf_done(&buf);
}

static void stays_json_whatever_the_texts_are(void **state)
{
	struct jwk11_buf buf = J11_BUF(4096);
	struct j11_json_doc *doc = NULL;

	(void)state;
	problem_write(&buf, &(struct problem){ .code = J11_N_CODE_, .detail = J11_VIEW("\x01\xff\xc0\xaf</script>"), .hint = J11_VIEW("\\\"") });
	assert_int_equal(j11_json_read(j11_buf_view(&buf), NULL, "problem", &doc, NULL), JWK11_OK);
	assert_true(j11_view_equals(j11_json_get(j11_json_root(doc), "code")->text, "INTERNAL"));
	j11_json_free(doc);
	j11_buf_done(&buf);
}

static void remembers_a_lack_of_memory(void **state)
{
	struct jwk11_buf buf = J11_BUF(1024);

	(void)state;
	j11_mem_fail_at(1, 1);
	problem_write(&buf, &(struct problem){ .code = J11_CODE_INTERNAL, .detail = J11_VIEW("x") });
	j11_mem_fail_at(0, 0);
	assert_int_equal(buf.failed, JWK11_ERR_MEMORY);
	j11_buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_code_a_status_and_a_title),
		cmocka_unit_test(keeps_the_statuses_clients_rely_on),
		cmocka_unit_test(writes_the_members_in_order),
		cmocka_unit_test(leaves_out_what_is_empty),
		cmocka_unit_test(stays_json_whatever_the_texts_are),
		cmocka_unit_test(remembers_a_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
