/* SPDX-License-Identifier: Apache-2.0 */
/* base: buffers, text, base64, secrets, error records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

static struct jwk11_view view(const char *s)
{
	return j11_view_str(s);
}

static void buffer_stops_at_its_maximum(void **state)
{
	struct jwk11_buf b = J11_BUF(4);
	struct jwk11_err err = { 0 };

	(void)state;
	j11_buf_add_str(&b, "1234");
	assert_int_equal(b.failed, JWK11_OK);
	j11_buf_add_byte(&b, '5');
	assert_int_equal(b.failed, JWK11_ERR_LIMIT);
	assert_string_equal(jwk11_buf_data(&b), "1234");
	assert_int_equal(j11_buf_check(&b, "test", &err), JWK11_ERR_LIMIT);
	assert_string_equal(err.text, "test is longer than 4 bytes");
	jwk11_buf_reset(&b);
	j11_buf_add_fmt(&b, "%d", 42);
	assert_int_equal(j11_buf_check(&b, "test", &err), JWK11_OK);
	assert_string_equal(jwk11_buf_data(&b), "42");
	j11_buf_done(&b);
}

static void buffer_remembers_a_failed_allocation(void **state)
{
	struct jwk11_buf b = J11_BUF(1000);

	(void)state;
	j11_mem_fail_at(1, 0);
	j11_buf_add_str(&b, "x");
	j11_mem_fail_at(0, 0);
	j11_buf_add_str(&b, "y");
	assert_int_equal(b.failed, JWK11_ERR_MEMORY);
	assert_int_equal(b.len, 0);
	j11_buf_done(&b);
}

static void buffer_drops_and_cuts(void **state)
{
	struct jwk11_buf b = J11_BUF(100);

	(void)state;
	j11_buf_add_str(&b, "abcdef");
	j11_buf_drop(&b, 2);
	j11_buf_cut(&b, 3);
	assert_string_equal(jwk11_buf_data(&b), "cde");
	j11_buf_done(&b);
}

static void buffer_of_a_caller_keeps_what_it_had(void **state)
{
	struct jwk11_buf b = J11_BUF(10);
	struct jwk11_err err = { 0 };

	(void)state;
	j11_buf_add_str(&b, "before");
	j11_buf_add_str(&b, "abc");
	assert_int_equal(j11_buf_check_from(&b, 6, "test", &err), JWK11_OK);
	assert_string_equal(b.data, "beforeabc");
	j11_buf_cut(&b, 6);
	j11_buf_add_str(&b, "abc");
	j11_buf_add_str(&b, "de");
	assert_int_equal(j11_buf_check_from(&b, 6, "test", &err), JWK11_ERR_LIMIT);
	assert_string_equal(err.text, "test is longer than 10 bytes");
	assert_string_equal(b.data, "before");
	j11_buf_done(&b);
}

static void text_knows_utf8(void **state)
{
	static const char *const good[] = { "", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc0\xaf", "\xc3", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff",
		"\xe2\x82" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(good); i++)
		assert_true(j11_text_is_utf8(view(good[i])));
	for (size_t i = 0; i < J11_COUNT(bad); i++)
		assert_false(j11_text_is_utf8(view(bad[i])));
}

static void text_reads_numbers_strictly(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", "01", "1a", " 1", "1 ", "18446744073709551616", "101" };
	uint64_t n = 7;
	int64_t s = 7;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bad); i++)
		assert_false(j11_text_to_u64(view(bad[i]), 100, &n));
	assert_int_equal(n, 7);
	assert_true(j11_text_to_u64(view("100"), 100, &n));
	assert_int_equal(n, 100);
	assert_true(j11_text_to_u64(view("18446744073709551615"), UINT64_MAX, &n));
	assert_true(j11_text_to_seconds(view("10m"), 600, &s));
	assert_int_equal(s, 600);
	assert_false(j11_text_to_seconds(view("11m"), 600, &s));
	assert_false(j11_text_to_seconds(view("m"), 600, &s));
	assert_false(j11_text_to_seconds(view("10x"), 600, &s));
}

static void text_reads_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 }, { "1970-01-01", 0 }, { "1969-12-31T23:59:59Z", -1000 }, { "2026-11-23T23:11:08.123Z", 1795475468123 },
		{ "2026-11-24t00:11:08.123999+01:00", 1795475468123 }, { "2026-11-23 20:41:08-02:30", 1795475468000 }, { "2024-02-29", 1709164800000 },
		{ "2016-12-31T23:59:60Z", 1483228800000 }, { "9999-12-31T23:59:59.9z", 253402300799900 }, { "0001-01-01", -62135596800000 },
	};
	static const char *const bad[] = { "", "2026", "2026-11", "2026-13-01", "2026-00-01", "2026-02-29", "2026-11-31", "2026-11-23T", "2026-11-23T12:00Z",
		"2026-11-23T12:00:00", "2026-11-23T24:00:00Z", "2026-11-23T12:60:00Z", "2026-11-23T12:00:61Z", "2026-11-23T12:00:00.Z", "2026-11-23T12:00:00+1:00",
		"2026-11-23T12:00:00+24:00", "2026-11-23T12:00:00Zx", " 2026-11-23", "2026-11-23 ", "26-11-23", "+026-11-23", "2026-11-23T12:00:00z0" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(good); i++)
		if (!j11_text_to_time(view(good[i].text), &ms) || ms != good[i].ms)
			fail_msg("%s: %lld", good[i].text, (long long)ms);
	for (size_t i = 0; i < J11_COUNT(bad); i++)
		if (j11_text_to_time(view(bad[i]), &ms))
			fail_msg("accepted: %s", bad[i]);
}

static const char *nearest_of(const char *word)
{
	static const char *const known[] = { "rs256", "es256-2026", "es384-2026", "id" };
	struct j11_nearest nearest = { .word = word };

	for (size_t i = 0; i < J11_COUNT(known); i++)
		j11_nearest_offer(&nearest, known[i]);
	return nearest.best;
}

static void text_for_people_has_no_controls(void **state)
{
	char room[16];

	(void)state;
	j11_text_printable(view("a\nb\x80"), room, sizeof(room));
	assert_string_equal(room, "a\\x0ab\\x80");
	j11_text_printable(view("0123456789abcdef"), room, sizeof(room));
	assert_string_equal(room, "0123456789ab\xe2\x80\xa6");
	assert_int_equal(j11_text_distance("es256", "es265"), 1);
	assert_int_equal(j11_text_distance("keys", "kys"), 1);
	assert_int_equal(j11_text_distance("abc", "xyz"), 3);
	assert_string_equal(nearest_of("es256"), "es256-2026");
	assert_string_equal(nearest_of("sr256"), "rs256");
	assert_string_equal(nearest_of("ed"), "id");
	assert_null(nearest_of("nobody"));
	assert_null(nearest_of("x"));
}

static void base64url_follows_rfc4648(void **state)
{
	static const struct {
		const char *plain, *encoded;
	} rows[] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" }, { "\xff\xef\xbf", "_--_" } };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_buf out = J11_BUF(64), back = J11_BUF(64);

		j11_b64url_add(&out, view(rows[i].plain));
		assert_string_equal(jwk11_buf_data(&out), rows[i].encoded);
		assert_int_equal(j11_b64url_decode(view(rows[i].encoded), "x", &back, NULL), JWK11_OK);
		assert_string_equal(jwk11_buf_data(&back), rows[i].plain);
		j11_buf_done(&out);
		j11_buf_done(&back);
	}
}

static void base64url_refuses_everything_else(void **state)
{
	static const char *const bad[] = { "Z", "Zg==", "Zg=", "Zm8=", "Z g", "Zm9v\n", "Zh", "Zm9", "+/+/", "Zm9vYh", "\xc3\xa9__" };
	struct jwk11_buf out = J11_BUF(64);

	(void)state;
	j11_buf_add_str(&out, "before");
	for (size_t i = 0; i < J11_COUNT(bad); i++) {
		assert_int_equal(j11_b64url_decode(view(bad[i]), "x", &out, NULL), JWK11_ERR_SYNTAX);
		assert_string_equal(jwk11_buf_data(&out), "before");
	}
	j11_buf_done(&out);
}

static void base64_of_pem_wants_padding(void **state)
{
	static const char *const bad[] = { "Zg", "Zg=", "Zg===", "=Zg=", "Zg==Zg==", "Zh==", "_--_" };
	struct jwk11_buf out = J11_BUF(64);

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bad); i++)
		assert_int_equal(j11_b64_decode(view(bad[i]), "x", &out, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(out.len, 0);
	assert_int_equal(j11_b64_decode(view("Zm\n9v\nYg==\n"), "x", &out, NULL), JWK11_OK);
	assert_string_equal(jwk11_buf_data(&out), "foob");
	jwk11_buf_reset(&out);
	j11_b64_add(&out, view("foobar"), 4);
	assert_string_equal(jwk11_buf_data(&out), "Zm9v\nYmFy\n");
	j11_buf_done(&out);
}

static void error_record_keeps_the_first_cause(void **state)
{
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(j11_err_set_ckr(&err, JWK11_ERR_LOGIN, J11_CODE_PIN_REJECTED, 0xa0, "token \"%s\"", "t"), JWK11_ERR_LOGIN);
	assert_int_equal(j11_err_set(&err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "later"), JWK11_ERR_INTERNAL);
	j11_err_prefix(&err, "open");
	assert_string_equal(err.text, "open: token \"t\": CKR_PIN_INCORRECT");
	assert_string_equal(err.code, "PIN_REJECTED");
	assert_int_equal(err.rc, JWK11_ERR_LOGIN);
	assert_int_equal(j11_code_find("PIN_REJECTED"), J11_CODE_PIN_REJECTED);
	assert_int_equal(j11_code_find("NOPE"), J11_N_CODE_);
	assert_string_equal(jwk11_ckr_name(0x80000123UL), "CKR_0x80000123");
	assert_int_equal(j11_err_set(NULL, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "x"), JWK11_ERR_LIMIT);
}

static void secret_file_must_be_private(void **state)
{
	char path[] = "/tmp/jwk11-secret-XXXXXX";
	struct j11_secret *secret = NULL;
	struct jwk11_err err = { 0 };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "12\n34\n", 6), 6);
	close(fd);
	chmod(path, 0440);
	assert_int_equal(j11_secret_from_file(path, &secret, &err), JWK11_ERR_LOGIN);
	assert_string_equal(err.code, "PIN_FILE");
	assert_null(secret);
	chmod(path, 0400);
	assert_int_equal(j11_secret_from_file(path, &secret, NULL), JWK11_OK);
	assert_true(j11_view_equals(j11_secret_expose(secret), "12\n34"));
	j11_secret_free(secret);
	unlink(path);
	assert_int_equal(j11_secret_from_file(path, &secret, NULL), JWK11_ERR_LOGIN);
	assert_int_equal(j11_secret_from_file("/tmp", &secret, NULL), JWK11_ERR_LOGIN);
	assert_int_equal(j11_secret_from_bytes("x", J11_SECRET_MAX + 1, &secret, NULL), JWK11_ERR_LIMIT);
}

struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

/* The form that systemd gives credentials where it can: root's, and one user's by an access list. */
static void secret_file_may_be_ours_by_access_list(void **state)
{
	enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32 };
	const struct {
		struct acl_entry named, group_obj;
		uint16_t other;
		enum jwk11_rc rc;
	} rows[] = {
		{ { USER, 4, geteuid() }, { GROUP_OBJ, 0, ~0u }, 0, JWK11_OK },
		{ { USER, 4, 0 }, { GROUP_OBJ, 0, ~0u }, 0, JWK11_OK },
		{ { USER, 4, 12345 }, { GROUP_OBJ, 0, ~0u }, 0, JWK11_ERR_LOGIN },
		{ { USER, 0, 12345 }, { GROUP_OBJ, 0, ~0u }, 0, JWK11_OK },
		{ { USER, 4, geteuid() }, { GROUP_OBJ, 4, ~0u }, 0, JWK11_ERR_LOGIN },
		{ { USER, 4, geteuid() }, { GROUP_OBJ, 0, ~0u }, 4, JWK11_ERR_LOGIN },
		{ { GROUP, 4, getegid() }, { GROUP_OBJ, 0, ~0u }, 0, JWK11_ERR_LOGIN },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		char path[] = "/dev/shm/jwk11-secret-XXXXXX";
		struct j11_secret *secret = NULL;
		int fd = mkstemp(path);
		/* The kernel wants named users before the group, and named groups after it. */
		bool group = rows[i].named.tag == GROUP;
		struct {
			uint32_t version;
			struct acl_entry entries[5];
		} acl = { 2, { { USER_OBJ, 4, ~0u }, group ? rows[i].group_obj : rows[i].named, group ? rows[i].named : rows[i].group_obj, { MASK, 4, ~0u },
			{ OTHER, rows[i].other, ~0u } } };

		assert_true(fd >= 0);
		assert_int_equal(write(fd, "1234\n", 5), 5);
		assert_int_equal(fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0), 0);
		close(fd);
		assert_int_equal(j11_secret_from_file(path, &secret, NULL), rows[i].rc);
		j11_secret_free(secret);
		unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_stops_at_its_maximum),
		cmocka_unit_test(buffer_remembers_a_failed_allocation),
		cmocka_unit_test(buffer_drops_and_cuts),
		cmocka_unit_test(buffer_of_a_caller_keeps_what_it_had),
		cmocka_unit_test(text_knows_utf8),
		cmocka_unit_test(text_reads_numbers_strictly),
		cmocka_unit_test(text_reads_times),
		cmocka_unit_test(text_for_people_has_no_controls),
		cmocka_unit_test(base64url_follows_rfc4648),
		cmocka_unit_test(base64url_refuses_everything_else),
		cmocka_unit_test(base64_of_pem_wants_padding),
		cmocka_unit_test(error_record_keeps_the_first_cause),
		cmocka_unit_test(secret_file_must_be_private),
		cmocka_unit_test(secret_file_may_be_ours_by_access_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
