/* SPDX-License-Identifier: Apache-2.0 */
/* audit: lines, the chain, and the file that several writers share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/audit_chain.h"
#include "audit/audit_entry.h"
#include "audit/audit_point.h"
#include "audit_file.h"

enum { N = 12 };

static struct j11_audit_record record(unsigned i)
{
	struct j11_audit_record r = { .time_ms = 1795475468123 + i, .request = "r", .has_peer = true, .uid = 1000, .pid = 42 + i, .client = "ci", .op = "jwt",
		.key = "issuer", .kid = "k\"1", .alg = "ES256", .of = "input", .decision = "allowed", .result = "OK", .us = 120, .jti = J11_VIEW("j-1") };

	memset(r.sha256, 'a', J11_AUDIT_HASH);
	return r;
}

/* A whole file: `begin`, then requests. `at` gets where each line starts, and the end. */
static void make(struct jwk11_buf *out, struct j11_audit_head *head, size_t at[N + 1])
{
	struct j11_audit_sha *sha = j11_audit_sha_new();
	struct jwk11_buf members = J11_BUF(4096);

	*head = J11_AUDIT_NO_HEAD;
	for (unsigned i = 0; i < N; i++) {
		struct j11_audit_record r = record(i);

		at[i] = out->len;
		jwk11_buf_reset(&members);
		if (i == 0)
			j11_audit_begin(1795475468123, head->hash, &members);
		else
			j11_audit_members(&r, sha, &members);
		assert_true(j11_audit_seal(sha, head, j11_buf_view(&members), out));
	}
	at[N] = out->len;
	j11_buf_done(&members);
	j11_audit_sha_free(sha);
}

struct seen {
	unsigned n, by_fault[J11_AUDIT_N_FAULTS];
	struct j11_audit_finding first;
};

static void note(void *arg, const struct j11_audit_finding *f)
{
	struct seen *seen = arg;

	if (seen->n++ == 0)
		seen->first = *f;
	seen->by_fault[f->fault]++;
}

/* The findings on these files; `expect` is a noted hash, or NULL. */
static struct seen check_files(const struct jwk11_view *files, size_t n, const char *from, const char *expect, struct j11_audit_check *ret_check)
{
	static const char *const names[] = { "a", "b", "c" };
	struct seen seen = { 0 };
	struct j11_audit_check c = { .found = note, .arg = &seen };

	if (from != NULL)
		snprintf(c.from, sizeof(c.from), "%s", from);
	if (expect != NULL)
		snprintf(c.noted[c.n_noted++].hash, sizeof(c.noted[0].hash), "%s", expect);
	assert_true(j11_audit_check_start(&c));
	for (size_t i = 0; i < n; i++) {
		j11_audit_check_file(&c, names[i]);
		j11_audit_check_octets(&c, files[i]);
		j11_audit_check_file_end(&c);
	}
	j11_audit_check_end(&c);
	if (ret_check != NULL)
		*ret_check = c;
	j11_audit_check_done(&c);
	return seen;
}

static struct seen check_one(struct jwk11_view file, const char *expect)
{
	return check_files(&file, 1, NULL, expect, NULL);
}

static void a_line_is_made_and_taken_apart(void **state)
{
	static const char wanted[] = "{\"seq\":2,\"event\":\"request\",\"time\":\"2026-11-23T23:11:08.124Z\",\"request\":\"r\",\"uid\":1000,\"pid\":43,"
		"\"client\":\"ci\",\"op\":\"jwt\",\"key\":\"issuer\",\"kid\":\"k\\\"1\",\"alg\":\"ES256\",\"of\":\"input\",\"sha256\":\"aa";
	struct jwk11_buf out = J11_BUF(1 << 20);
	struct j11_audit_head head;
	struct j11_audit_check c;
	struct j11_audit_line line;
	struct jwk11_view file, one;
	size_t at[N + 1];

	(void)state;
	make(&out, &head, at);
	file = j11_buf_view(&out);
	one = (struct jwk11_view){ out.data + at[1], at[2] - at[1] - 1 };
	assert_int_equal(check_files(&file, 1, NULL, head.hash, &c).n, 0);
	assert_int_equal(c.n_records, N);
	assert_int_equal(c.n_requests, N - 1);
	assert_string_equal(c.head.hash, head.hash);
	assert_true(j11_audit_parse(one, &line));
	assert_int_equal(line.head.seq, 2);
	assert_int_equal(line.event, J11_AUDIT_REQUEST);
	assert_memory_equal(one.data, wanted, sizeof(wanted) - 1);
	for (size_t cut = 0; cut < one.len; cut++) {
		assert_false(j11_audit_parse((struct jwk11_view){ one.data, cut }, &line));
		assert_false(j11_audit_parse((struct jwk11_view){ (const char *)one.data + cut + 1, one.len - cut - 1 }, &line));
	}
	j11_buf_done(&out);
}

/* The record of that line, whatever its hash. */
static enum jwk11_rc read_entry(const char *members, struct j11_audit_entry *e)
{
	struct j11_audit_line line;
	char text[1024];

	snprintf(text, sizeof(text), "{\"seq\":7,\"event\":\"%s,\"hash\":\"%s\"}", members, J11_AUDIT_GENESIS);
	assert_true(j11_audit_parse(j11_view_str(text), &line));
	return j11_audit_entry_read(j11_view_str(text), &line, e, NULL);
}

#define REQUEST "request\",\"time\":\"1970-01-01T00:00:05.000Z\",\"uid\":1000,\"client\":\"ci\",\"key\":\"issuer\",\"kid\":\"k1\""

static void records_are_those_that_were_asked_for(void **state)
{
	static const char refused[] = REQUEST ",\"decision\":\"refused\",\"result\":\"OPERATION_DENIED\"";
	static const char failed[] = REQUEST ",\"decision\":\"failed\",\"result\":\"TOKEN_FAILED\"";
	static const char allowed[] = REQUEST ",\"decision\":\"allowed\",\"result\":\"OK\",\"later\":{}";
	static const char begin[] = "begin\",\"time\":\"1970-01-01T00:00:05Z\"";
#define TEXTS(key, client, result, refused) { key, client, result, refused, -1, INT64_MIN, INT64_MAX }
#define USER(uid) { NULL, NULL, NULL, false, uid, INT64_MIN, INT64_MAX }
#define TIMES(since, until) { NULL, NULL, NULL, false, -1, since, until }
	static const struct {
		const char *members;
		struct j11_audit_wanted wanted;
		bool is;
	} rows[] = {
		{ allowed, TEXTS(NULL, NULL, NULL, false), true }, { begin, TEXTS(NULL, NULL, NULL, false), true },
		{ allowed, TEXTS("issuer", NULL, NULL, false), true }, { allowed, TEXTS("k1", NULL, NULL, false), true },
		{ allowed, TEXTS("issue", NULL, NULL, false), false }, { begin, TEXTS("", NULL, NULL, false), false },
		{ begin, TEXTS(NULL, "ci", NULL, false), false }, { allowed, TEXTS(NULL, "ci", NULL, false), true }, { allowed, TEXTS(NULL, "CI", NULL, false), false },
		{ allowed, USER(1000), true }, { allowed, USER(0), false }, { begin, USER(0), false },
		{ allowed, TEXTS(NULL, NULL, NULL, true), false }, { failed, TEXTS(NULL, NULL, NULL, true), true },
		{ refused, TEXTS(NULL, NULL, NULL, true), true }, { begin, TEXTS(NULL, NULL, NULL, true), false },
		{ refused, TEXTS(NULL, NULL, "OPERATION_DENIED", false), true }, { refused, TEXTS(NULL, NULL, "OK", false), false },
		{ failed, TEXTS(NULL, NULL, "OK", true), false },
		{ begin, TIMES(5000, INT64_MAX), true }, { begin, TIMES(5001, INT64_MAX), false },
		{ begin, TIMES(INT64_MIN, 5000), true }, { begin, TIMES(INT64_MIN, 4999), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct j11_audit_entry e;

		assert_int_equal(read_entry(rows[i].members, &e), JWK11_OK);
		if (j11_audit_entry_is(&e, &rows[i].wanted) != rows[i].is)
			fail_msg("row %zu: %s", i, rows[i].members);
		j11_audit_entry_done(&e);
	}
}

static void a_record_that_cannot_be_read_is_refused(void **state)
{
	static const char *const bad[] = { "begin\"", "begin\",\"time\":5", "begin\",\"time\":\"yesterday\"",
		"begin\",\"time\":\"1970-01-01\",\"time\":\"1970-01-01\"",
		"begin\",\"time\":\"1970-01-01\",\"key\":1", "begin\",\"time\":\"1970-01-01\",\"uid\":1.5", "begin\",\"time\":\"1970-01-01\",\"key\":\"\xff\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct j11_audit_entry e;

		if (read_entry(bad[i], &e) == JWK11_OK)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void a_moment_is_a_time_or_how_long_ago(void **state)
{
	int64_t ms;

	(void)state;
	assert_true(j11_audit_moment(J11_VIEW("1970-01-01T00:00:01Z"), 9, &ms) && ms == 1000);
	assert_true(j11_audit_moment(J11_VIEW("2h"), 10000000, &ms) && ms == 2800000);
	assert_true(j11_audit_moment(J11_VIEW("0"), 9, &ms) && ms == 9);
	assert_false(j11_audit_moment(J11_VIEW(""), 9, &ms));
	assert_false(j11_audit_moment(J11_VIEW("noon"), 9, &ms));
	assert_false(j11_audit_moment(J11_VIEW("-2h"), 9, &ms));
}

static void a_checkpoint_is_written_and_read(void **state)
{
	struct j11_audit_point point = { .head = { .seq = 120 }, .n_records = 20, .first_time = J11_VIEW("2026-11-23T10:00:00.000Z"),
		.last_time = J11_VIEW("2026-11-23T11:00:00.000Z"), .file = J11_VIEW("a\"b") };
	struct jwk11_buf out = J11_BUF(1024);
	struct j11_audit_head head = J11_AUDIT_NO_HEAD;

	(void)state;
	memset(point.head.hash, 'a', J11_AUDIT_HASH);
	j11_audit_point_write(&point, &out);
	assert_int_equal(j11_audit_point_read(j11_buf_view(&out), &head, NULL), JWK11_OK);
	assert_int_equal(head.seq, 120);
	assert_string_equal(head.hash, point.head.hash);
	assert_non_null(strstr(jwk11_buf_data(&out), ",\"records\":20,\"first_time\":\"2026-11-23T10:00:00.000Z\",\"last_time\":\"2026-11-23T11:00:00.000Z\","
		"\"file\":\"a\\\"b\"}"));
	j11_buf_done(&out);
}

static void what_is_no_checkpoint_is_refused(void **state)
{
#define DIGITS "\"" J11_AUDIT_GENESIS "\""
	static const char *const bad[] = { "", "{}", "[]", "{\"seq\":1}", "{\"hash\":" DIGITS "}", "{\"seq\":0,\"hash\":" DIGITS "}",
		"{\"seq\":-1,\"hash\":" DIGITS "}",
		"{\"seq\":1.5,\"hash\":" DIGITS "}", "{\"seq\":\"1\",\"hash\":" DIGITS "}", "{\"seq\":1,\"hash\":\"00\"}", "{\"seq\":1,\"hash\":null}",
		"{\"seq\":1,\"seq\":2,\"hash\":" DIGITS "}", "{\"seq\":99999999999999999999,\"hash\":" DIGITS "}", "{\"seq\":1,\"hash\":" DIGITS "}x" };
	struct j11_audit_head head = J11_AUDIT_NO_HEAD;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (j11_audit_point_read(j11_view_str(bad[i]), &head, NULL) == JWK11_OK || head.seq != 0)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(j11_audit_point_read(J11_VIEW("{\"later\":[],\"hash\":" DIGITS ",\"seq\":1}"), &head, NULL), JWK11_OK);
}

static void a_long_jti_is_told_by_its_hash(void **state)
{
	struct j11_audit_sha *sha = j11_audit_sha_new();
	struct jwk11_buf out = J11_BUF(1 << 20), line = J11_BUF(J11_AUDIT_LINE_MAX);
	char jti[J11_AUDIT_JTI_MAX + 1];

	(void)state;
	memset(jti, 1, sizeof(jti)); /* each is six octets in JSON */
	for (size_t len = J11_AUDIT_JTI_MAX; len <= sizeof(jti); len++) {
		struct j11_audit_record r = record(0);
		struct j11_audit_head head = J11_AUDIT_NO_HEAD;

		r.jti = (struct jwk11_view){ jti, len };
		jwk11_buf_reset(&out);
		j11_audit_members(&r, sha, &out);
		assert_int_equal(strstr(out.data, "\"jti_sha256\":") != NULL, len > J11_AUDIT_JTI_MAX);
		assert_int_equal(strstr(out.data, "\"jti\":") != NULL, len <= J11_AUDIT_JTI_MAX);
		assert_true(out.len < J11_AUDIT_LINE_MAX / 4);
		jwk11_buf_reset(&line);
		assert_true(j11_audit_seal(sha, &head, j11_buf_view(&out), &line));
	}
	j11_buf_done(&out);
	j11_buf_done(&line);
	j11_audit_sha_free(sha);
}

/* ---- what was done to a file is found ---- */

static void every_octet_that_changes_is_found(void **state)
{
	struct jwk11_buf out = J11_BUF(1 << 20);
	struct j11_audit_head head;
	size_t at[N + 1], line = 0;
	static const unsigned char flips[] = { 1, 0x20, 0x80, 0xff };

	(void)state;
	make(&out, &head, at);
	for (size_t i = 0; i < out.len; i++) {
		line += i == at[line + 1];
		for (size_t f = 0; f < sizeof(flips); f++) {
			struct seen seen;

			out.data[i] = (char)(out.data[i] ^ flips[f]);
			seen = check_one(j11_buf_view(&out), NULL);
			if (seen.n == 0 || seen.first.line < line + 1 || seen.first.line > line + 2)
				fail_msg("octet %zu of line %zu xor %u: %u findings, first in line %u", i, line + 1, flips[f], seen.n, (unsigned)seen.first.line);
			out.data[i] = (char)(out.data[i] ^ flips[f]);
		}
	}
	j11_buf_done(&out);
}

/* The file with its lines in this order. */
static void arrange(const struct jwk11_buf *from, const size_t at[N + 1], const unsigned *order, size_t n, struct jwk11_buf *to)
{
	jwk11_buf_reset(to);
	for (size_t i = 0; i < n; i++)
		j11_buf_add(to, from->data + at[order[i]], at[order[i] + 1] - at[order[i]]);
}

/* Only the head that somebody noted shows that the end is gone. */
static void every_line_that_goes_is_found(void **state)
{
	struct jwk11_buf out = J11_BUF(1 << 20), other = J11_BUF(1 << 20);
	struct j11_audit_head head;
	size_t at[N + 1];

	(void)state;
	make(&out, &head, at);
	for (unsigned gone = 0; gone < N; gone++) {
		unsigned order[N], n = 0;
		struct seen seen;

		for (unsigned i = 0; i < N; i++)
			if (i != gone)
				order[n++] = i;
		arrange(&out, at, order, n, &other);
		seen = check_one(j11_buf_view(&other), head.hash);
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.first.fault, gone == N - 1 ? J11_AUDIT_TOO_SHORT : J11_AUDIT_MISSING);
		assert_int_equal(seen.first.line, gone == N - 1 ? 0 : gone + 1);
		assert_int_equal(check_one(j11_buf_view(&other), NULL).n, gone == N - 1 ? 0 : 1);
	}
	j11_buf_done(&out);
	j11_buf_done(&other);
}

static void every_two_lines_that_change_places_are_found(void **state)
{
	struct jwk11_buf out = J11_BUF(1 << 20), other = J11_BUF(1 << 20);
	struct j11_audit_head head;
	size_t at[N + 1];

	(void)state;
	make(&out, &head, at);
	for (unsigned a = 0; a < N; a++)
		for (unsigned b = a + 1; b < N; b++) {
			unsigned order[N];
			struct seen seen;

			for (unsigned i = 0; i < N; i++)
				order[i] = i == a ? b : i == b ? a : i;
			arrange(&out, at, order, N, &other);
			seen = check_one(j11_buf_view(&other), NULL);
			assert_true(seen.n >= 1);
			assert_int_equal(seen.first.line, a + 1);
		}
	j11_buf_done(&out);
	j11_buf_done(&other);
}

/* Each line once more, at each place. */
static void every_line_that_comes_twice_is_found(void **state)
{
	struct jwk11_buf out = J11_BUF(1 << 20), other = J11_BUF(1 << 20);
	struct j11_audit_head head;
	size_t at[N + 1];

	(void)state;
	make(&out, &head, at);
	for (unsigned twice = 0; twice < N; twice++)
		for (unsigned place = 0; place <= N; place++) {
			unsigned order[N + 1], n = 0;
			struct seen seen;

			for (unsigned i = 0; i <= N; i++) {
				if (i == place)
					order[n++] = twice;
				if (i < N)
					order[n++] = i;
			}
			arrange(&out, at, order, N + 1, &other);
			seen = check_one(j11_buf_view(&other), NULL);
			if (seen.n == 0)
				fail_msg("line %u again before line %u is not found", twice + 1, place + 1);
			assert_true(place != twice + 1 || seen.by_fault[J11_AUDIT_MISPLACED] == 1);
		}
	j11_buf_done(&out);
	j11_buf_done(&other);
}

/* One that somebody made up and put in, with a right hash of its own: what follows does not follow from it. */
static void a_record_that_is_put_in_is_found(void **state)
{
	struct jwk11_buf out = J11_BUF(1 << 20), other = J11_BUF(1 << 20), members = J11_BUF(4096);
	struct j11_audit_sha *sha = j11_audit_sha_new();
	struct j11_audit_record r = record(99);
	struct j11_audit_head head;
	struct j11_audit_line line;
	size_t at[N + 1];

	(void)state;
	make(&out, &head, at);
	j11_audit_members(&r, sha, &members);
	for (unsigned place = 1; place < N; place++) {
		struct seen seen;

		assert_true(j11_audit_parse((struct jwk11_view){ out.data + at[place - 1], at[place] - at[place - 1] - 1 }, &line));
		jwk11_buf_reset(&other);
		j11_buf_add(&other, out.data, at[place]);
		assert_true(j11_audit_seal(sha, &line.head, j11_buf_view(&members), &other));
		j11_buf_add(&other, out.data + at[place], at[N] - at[place]);
		seen = check_one(j11_buf_view(&other), NULL);
		assert_true(seen.n >= 1);
		assert_int_equal(seen.first.line, place + 2);
	}
	j11_buf_done(&out);
	j11_buf_done(&other);
	j11_buf_done(&members);
	j11_audit_sha_free(sha);
}

static void files_are_one_chain_in_their_order_only(void **state)
{
	struct jwk11_buf out = J11_BUF(1 << 20), second = J11_BUF(1 << 20), members = J11_BUF(4096);
	struct j11_audit_sha *sha = j11_audit_sha_new();
	struct j11_audit_head head, middle;
	struct j11_audit_check c;
	struct jwk11_view files[2];
	size_t at[N + 1];

	(void)state;
	make(&out, &head, at);
	j11_audit_end(1795475468123, &members);
	assert_true(j11_audit_seal(sha, &head, j11_buf_view(&members), &out));
	middle = head;
	jwk11_buf_reset(&members);
	j11_audit_begin(1795475468123, head.hash, &members);
	assert_true(j11_audit_seal(sha, &head, j11_buf_view(&members), &second));
	files[0] = j11_buf_view(&out);
	files[1] = j11_buf_view(&second);
	assert_int_equal(check_files(files, 2, NULL, head.hash, &c).n, 0);
	assert_false(c.ended);
	assert_int_equal(check_files(files, 2, J11_AUDIT_GENESIS, head.hash, NULL).n, 0);
	assert_int_equal(check_files(&files[0], 1, NULL, NULL, &c).n, 0);
	assert_true(c.ended);
	assert_int_equal(check_files(&files[1], 1, middle.hash, NULL, NULL).n, 0);
	assert_int_equal(check_files(&files[1], 1, NULL, NULL, NULL).n, 0);
	assert_int_equal(check_files(&files[1], 1, head.hash, NULL, NULL).by_fault[J11_AUDIT_OTHER_CHAIN], 1);
	files[0].len = at[N]; /* without its end record */
	assert_int_equal(check_files(files, 2, NULL, NULL, NULL).by_fault[J11_AUDIT_OTHER_CHAIN], 1);
	j11_buf_done(&out);
	j11_buf_done(&second);
	j11_buf_done(&members);
	j11_audit_sha_free(sha);
}

static void an_empty_file_holds_no_record(void **state)
{
	(void)state;
	assert_int_equal(check_one(J11_VIEW(""), NULL).by_fault[J11_AUDIT_MISSING], 1);
	assert_int_equal(check_one(J11_VIEW("\n"), NULL).by_fault[J11_AUDIT_FOREIGN], 1);
	assert_int_equal(check_one(J11_VIEW("x"), NULL).by_fault[J11_AUDIT_TORN_LINE], 1);
}

/* ---- the file ---- */

static char folder[] = "/tmp/t_audit.XXXXXX", path[64];

static int open_log(void)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void join(struct audit_file *f)
{
	char why[128];

	assert_true(audit_file_start(f));
	audit_file_switch(f, open_log(), why, sizeof(why));
	assert_string_equal(why, "");
}

static enum audit_file_end add_one(struct audit_file *f, unsigned i)
{
	struct j11_audit_record r = record(i);
	struct jwk11_buf members = J11_BUF(4096);
	enum audit_file_end end;
	char why[128];
	struct jwk11_view view;

	j11_audit_members(&r, f->sha, &members);
	view = j11_buf_view(&members);
	end = audit_file_append(f, &view, 1, why, sizeof(why));
	j11_buf_done(&members);
	return end;
}

static void read_log(const char *name, struct jwk11_buf *out)
{
	char room[4096];
	ssize_t n;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	while ((n = read(fd, room, sizeof(room))) > 0)
		j11_buf_add(out, room, (size_t)n);
	close(fd);
}

static struct seen check_logs(const char *first, const char *second, struct j11_audit_check *c)
{
	struct jwk11_buf one = J11_BUF(1 << 24), two = J11_BUF(1 << 24);
	struct jwk11_view files[2];
	struct seen seen;

	read_log(first, &one);
	if (second != NULL)
		read_log(second, &two);
	files[0] = j11_buf_view(&one);
	files[1] = j11_buf_view(&two);
	seen = check_files(files, second ? 2 : 1, NULL, NULL, c);
	j11_buf_done(&one);
	j11_buf_done(&two);
	return seen;
}

static void scribble(const char *text)
{
	int fd = open_log();

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int fresh(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/log", folder);
	unlink(path);
	return 0;
}

static void two_writers_make_one_chain(void **state)
{
	struct audit_file a, b;
	struct j11_audit_check c;

	(void)state;
	join(&a);
	join(&b);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(add_one(i % 3 ? &a : &b, i), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(path, NULL, &c).n, 0);
	assert_int_equal(c.n_records, 21);
	audit_file_done(&a);
	audit_file_done(&b);
	join(&a); /* a later start goes on */
	assert_int_equal(add_one(&a, 1), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(path, NULL, &c).n, 0);
	assert_int_equal(c.n_records, 22);
	audit_file_done(&a);
}

/* Each line cut off at each place, and what is worse. */
static void a_torn_end_is_accounted_for(void **state)
{
	static const char *const rests[] = { "x", "{\"seq\":3,", "a\nb", "a\n", "\n", "\n\n\n", "a\n\nbcd" };
	struct audit_file a, b;
	struct j11_audit_check c;
	struct stat st;

	(void)state;
	join(&a);
	assert_int_equal(add_one(&a, 1), AUDIT_FILE_DONE);
	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		scribble(rests[i]);
		assert_int_equal(add_one(&a, 2), AUDIT_FILE_DONE);
		assert_int_equal(check_logs(path, NULL, &c).n, 0);
		assert_int_equal(c.n_mended, i + 1);
	}
	join(&b); /* somebody new, too */
	scribble("torn");
	assert_int_equal(check_logs(path, NULL, NULL).by_fault[J11_AUDIT_TORN_LINE], 1);
	assert_int_equal(add_one(&b, 3), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(path, NULL, NULL).n, 0);
	/* a record that lacks its line end only is a record */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	assert_int_equal(check_logs(path, NULL, &c).n, 0);
	assert_int_equal(add_one(&b, 4), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(path, NULL, &c).by_fault[J11_AUDIT_CUT_FILE], 0);
	audit_file_done(&a);
	audit_file_done(&b);
}

static void torn_octets_that_change_are_found(void **state)
{
	struct jwk11_buf log = J11_BUF(1 << 20);
	struct audit_file a;
	size_t from;

	(void)state;
	join(&a);
	assert_int_equal(add_one(&a, 1), AUDIT_FILE_DONE);
	read_log(path, &log);
	from = log.len;
	scribble("{\"seq\":3,\"event\":\"requ");
	assert_int_equal(add_one(&a, 2), AUDIT_FILE_DONE);
	jwk11_buf_reset(&log);
	read_log(path, &log);
	assert_int_equal(check_one(j11_buf_view(&log), NULL).n, 0);
	for (size_t i = from; i < log.len; i++) {
		log.data[i] = (char)(log.data[i] ^ 1);
		assert_true(check_one(j11_buf_view(&log), NULL).n > 0);
		log.data[i] = (char)(log.data[i] ^ 1);
	}
	j11_buf_done(&log);
	audit_file_done(&a);
}

static void what_was_cut_off_under_a_writer_is_said(void **state)
{
	struct audit_file a;
	struct stat st;

	(void)state;
	join(&a);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(add_one(&a, i), AUDIT_FILE_DONE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(add_one(&a, 4), AUDIT_FILE_DONE);
	assert_int_equal(truncate(path, st.st_size), 0);
	assert_int_equal(add_one(&a, 5), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(path, NULL, NULL).by_fault[J11_AUDIT_CUT_FILE], 1);
	audit_file_done(&a);
}

static void a_file_of_something_else_is_left_alone(void **state)
{
	struct audit_file a;
	struct stat st;
	char why[128];

	(void)state;
	scribble("root:x:0:0\n");
	assert_true(audit_file_start(&a));
	audit_file_switch(&a, open_log(), why, sizeof(why));
	assert_non_null(strstr(why, "no record of an audit log"));
	assert_int_equal(add_one(&a, 1), AUDIT_FILE_FAILED);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 11);
	audit_file_done(&a);
}

/* Whoever switches first ends and begins; the others find that out, before they have the new file or after. */
static void a_rotated_file_goes_on_in_the_next(void **state)
{
	struct audit_file a, b, c;
	char old[80], why[128];
	struct j11_audit_check check;

	(void)state;
	join(&a);
	join(&b);
	join(&c);
	assert_int_equal(add_one(&a, 1), AUDIT_FILE_DONE);
	assert_int_equal(add_one(&b, 2), AUDIT_FILE_DONE);
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	audit_file_switch(&a, open_log(), why, sizeof(why));
	assert_string_equal(why, "");
	assert_int_equal(add_one(&b, 3), AUDIT_FILE_MOVED);
	assert_int_equal(add_one(&b, 3), AUDIT_FILE_MOVED);
	assert_int_equal(add_one(&a, 4), AUDIT_FILE_DONE);
	audit_file_switch(&b, open_log(), why, sizeof(why));
	audit_file_switch(&c, open_log(), why, sizeof(why));
	assert_int_equal(add_one(&b, 5), AUDIT_FILE_DONE);
	assert_int_equal(add_one(&c, 6), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(old, path, &check).n, 0);
	assert_int_equal(check.n_requests, 5);
	assert_int_equal(check_logs(path, old, NULL).n > 0, 1);
	/* and back: the chain returns to a file that was ended */
	audit_file_switch(&a, open(old, O_RDWR | O_APPEND | O_CLOEXEC), why, sizeof(why));
	assert_int_equal(add_one(&a, 7), AUDIT_FILE_MOVED);
	audit_file_resume(&a);
	assert_int_equal(add_one(&a, 7), AUDIT_FILE_DONE);
	assert_int_equal(add_one(&a, 8), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(old, NULL, NULL).n, 0);
	unlink(old);
	audit_file_done(&a);
	audit_file_done(&b);
	audit_file_done(&c);
}

/* Two files further, one by one, and no record of its own in between. */
static void a_writer_that_comes_late_begins_nothing(void **state)
{
	struct audit_file a, b;
	char one[80], two[80], why[128];
	int fds[2];

	(void)state;
	join(&a);
	join(&b);
	snprintf(one, sizeof(one), "%s.1", path);
	snprintf(two, sizeof(two), "%s.2", path);
	assert_int_equal(rename(path, one), 0);
	audit_file_switch(&a, open_log(), why, sizeof(why));
	fds[0] = open_log();
	assert_int_equal(add_one(&a, 1), AUDIT_FILE_DONE);
	assert_int_equal(rename(path, two), 0);
	audit_file_switch(&a, open_log(), why, sizeof(why));
	fds[1] = open_log();
	assert_int_equal(add_one(&a, 2), AUDIT_FILE_DONE);
	audit_file_switch(&b, fds[0], why, sizeof(why));
	assert_int_equal(add_one(&b, 3), AUDIT_FILE_MOVED);
	audit_file_switch(&b, fds[1], why, sizeof(why));
	assert_int_equal(add_one(&b, 3), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(one, two, NULL).n, 0);
	assert_int_equal(check_logs(two, path, NULL).n, 0);
	unlink(one);
	unlink(two);
	audit_file_done(&a);
	audit_file_done(&b);
}

/* Full: what was there stays whole, and it goes on when there is room. In a child, whose files may not grow. */
static void a_full_disk_leaves_no_trace(void **state)
{
	struct audit_file a;
	struct rlimit limit;
	struct stat before, after;
	struct j11_audit_check c;
	unsigned n = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	join(&a);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 3000;
	setrlimit(RLIMIT_FSIZE, &limit);
	do {
		assert_int_equal(stat(path, &before), 0);
		n++;
	} while (n < 100 && add_one(&a, n) == AUDIT_FILE_DONE);
	assert_true(n > 2 && n < 100);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(add_one(&a, n), AUDIT_FILE_FAILED);
	assert_int_equal(check_logs(path, NULL, NULL).n, 0);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(add_one(&a, n), AUDIT_FILE_DONE);
	assert_int_equal(check_logs(path, NULL, &c).n, 0);
	assert_int_equal(c.n_records, n + 1);
	audit_file_done(&a);
}

/* Four processes write at once, and each of them is killed at some moment. */
static void writers_that_are_killed_leave_a_chain(void **state)
{
	struct j11_audit_check c;
	pid_t pids[4];
	int ready[2];
	char octet;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	for (unsigned i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct audit_file a;

			alarm(60);
			close(ready[0]);
			join(&a);
			for (unsigned n = 0; n < 1000000; n++) {
				if (add_one(&a, n) != AUDIT_FILE_DONE)
					_exit(1);
				if (n == 200 && write(ready[1], "x", 1) != 1)
					_exit(1);
			}
		}
	}
	close(ready[1]);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(read(ready[0], &octet, 1), 1);
	for (unsigned i = 0; i < 4; i++)
		kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < 4; i++) {
		int status;

		waitpid(pids[i], &status, 0);
		assert_true(WIFSIGNALED(status));
	}
	close(ready[0]);
	scribble("a piece");
	{
		struct audit_file a;

		join(&a);
		audit_file_done(&a);
	}
	assert_int_equal(check_logs(path, NULL, &c).n, 0);
	assert_true(c.n_requests >= 4 * 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_made_and_taken_apart),
		cmocka_unit_test(a_long_jti_is_told_by_its_hash),
		cmocka_unit_test(records_are_those_that_were_asked_for),
		cmocka_unit_test(a_record_that_cannot_be_read_is_refused),
		cmocka_unit_test(a_moment_is_a_time_or_how_long_ago),
		cmocka_unit_test(a_checkpoint_is_written_and_read),
		cmocka_unit_test(what_is_no_checkpoint_is_refused),
		cmocka_unit_test(every_octet_that_changes_is_found),
		cmocka_unit_test(every_line_that_goes_is_found),
		cmocka_unit_test(every_two_lines_that_change_places_are_found),
		cmocka_unit_test(every_line_that_comes_twice_is_found),
		cmocka_unit_test(a_record_that_is_put_in_is_found),
		cmocka_unit_test(files_are_one_chain_in_their_order_only),
		cmocka_unit_test(an_empty_file_holds_no_record),
		cmocka_unit_test_setup(two_writers_make_one_chain, fresh),
		cmocka_unit_test_setup(a_torn_end_is_accounted_for, fresh),
		cmocka_unit_test_setup(torn_octets_that_change_are_found, fresh),
		cmocka_unit_test_setup(what_was_cut_off_under_a_writer_is_said, fresh),
		cmocka_unit_test_setup(a_file_of_something_else_is_left_alone, fresh),
		cmocka_unit_test_setup(a_rotated_file_goes_on_in_the_next, fresh),
		cmocka_unit_test_setup(a_writer_that_comes_late_begins_nothing, fresh),
		cmocka_unit_test_setup(a_full_disk_leaves_no_trace, fresh),
		cmocka_unit_test_setup(writers_that_are_killed_leave_a_chain, fresh),
	};
	int failed;

	if (mkdtemp(folder) == NULL)
		return 99;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(folder);
	return failed;
}
