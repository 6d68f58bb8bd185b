/* SPDX-License-Identifier: Apache-2.0 */
/* wire: what goes in comes out; everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

static void make(struct jwk11_buf *b)
{
	jwk11_buf_reset(b);
	wire_begin(b, WIRE_SIGN, 0x1122334455667788ull);
	wire_add_str(b, WIRE_F_KEY, "es256");
	wire_add(b, WIRE_F_INPUT, J11_VIEW("a\0b"));
}

static void round_trip_keeps_everything(void **state)
{
	struct jwk11_buf b = J11_BUF(WIRE_MAX);
	struct wire_msg msg;
	char text[6];
	uint64_t n;

	(void)state;
	make(&b);
	assert_int_equal(wire_decode(j11_buf_view(&b), &msg, NULL), JWK11_OK);
	assert_int_equal(msg.type, WIRE_SIGN);
	assert_int_equal(msg.id, 0x1122334455667788ull);
	assert_true(wire_str(&msg, WIRE_F_KEY, text, sizeof(text)));
	assert_string_equal(text, "es256");
	assert_false(wire_str(&msg, WIRE_F_KEY, text, 5));
	assert_false(wire_str(&msg, WIRE_F_ALG, text, sizeof(text)));
	assert_false(wire_num(&msg, WIRE_F_TTL, &n));
	assert_int_equal(msg.field[WIRE_F_INPUT].len, 3);
	j11_buf_done(&b);
}

/* Every shorter message is refused, and every longer one. */
static void ends_exactly_at_the_end(void **state)
{
	struct jwk11_buf b = J11_BUF(WIRE_MAX);
	struct wire_msg msg;

	(void)state;
	make(&b);
	for (size_t n = 0; n < b.len; n++) {
		enum jwk11_rc rc = wire_decode((struct jwk11_view){ b.data, n }, &msg, NULL);

		/* cut between the fields, the message is whole: INPUT is optional to the decoder */
		if (n != b.len - 8 - 3)
			assert_int_equal(rc, JWK11_ERR_SYNTAX);
	}
	j11_buf_add_byte(&b, 0);
	assert_int_equal(wire_decode(j11_buf_view(&b), &msg, NULL), JWK11_ERR_SYNTAX);
	j11_buf_done(&b);
}

static void refuses_wrong_fields(void **state)
{
	static const struct {
		enum wire_field field;
		const char *value;
		size_t len;
	} rows[] = {
		{ WIRE_F_KEY, "twice", 5 }, { WIRE_F_CLAIMS, "{}", 2 }, { WIRE_F_ALG, "a\0b", 3 }, { WIRE_F_ALG, "\xff", 1 },
		{ (enum wire_field)0, "x", 1 }, { WIRE_N_FIELDS, "x", 1 },
	};
	struct jwk11_buf b = J11_BUF(WIRE_MAX);
	struct wire_msg msg;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		make(&b);
		wire_add(&b, rows[i].field, (struct jwk11_view){ rows[i].value, rows[i].len });
		assert_int_equal(wire_decode(j11_buf_view(&b), &msg, NULL), JWK11_ERR_SYNTAX);
	}
	jwk11_buf_reset(&b);
	wire_begin(&b, WIRE_SIGN, 1);
	assert_int_equal(wire_decode(j11_buf_view(&b), &msg, NULL), JWK11_ERR_SYNTAX); /* KEY is mandatory */
	jwk11_buf_reset(&b);
	wire_begin(&b, WIRE_N_TYPES, 1);
	assert_int_equal(wire_decode(j11_buf_view(&b), &msg, NULL), JWK11_ERR_SYNTAX);
	jwk11_buf_reset(&b);
	wire_begin(&b, WIRE_JWT, 1);
	wire_add_str(&b, WIRE_F_KEY, "k");
	wire_add_str(&b, WIRE_F_CLAIMS, "{}");
	wire_add(&b, WIRE_F_TTL, J11_VIEW("1234"));
	assert_int_equal(wire_decode(j11_buf_view(&b), &msg, NULL), JWK11_ERR_SYNTAX); /* a number has 8 octets */
	b.data[0] ^= 1;
	assert_int_equal(wire_decode(j11_buf_view(&b), &msg, NULL), JWK11_ERR_SYNTAX); /* another version */
	j11_buf_done(&b);
}

/* A state that nobody knows is no login. */
static void says_what_stands_of_a_login(void **state)
{
	static const char *const wrong[] = { "", "logged", "logged-outs", "LOGGED-OUT" };
	char token[WIRE_TOKEN_MAX], name[WIRE_TOKEN_MAX + 1] = "";
	struct wire_msg msg;
	bool out;

	(void)state;
	memset(name, 'n', WIRE_TOKEN_MAX);
	for (int i = 0; i < 2; i++) {
		J11_AUTO(j11_buf_done_auto) struct jwk11_buf buf = J11_BUF(WIRE_MAX);

		wire_login_set(&buf, 7, "t1", i == 1);
		assert_int_equal(wire_decode(j11_buf_view(&buf), &msg, NULL), JWK11_OK);
		assert_true(wire_login_take(&msg, token, &out));
		assert_string_equal(token, "t1");
		assert_int_equal(out, i == 1);
		msg.field[WIRE_F_TOKEN] = j11_view_str(name);
		assert_false(wire_login_take(&msg, token, &out));
	}
	for (size_t i = 0; i < J11_COUNT(wrong); i++) {
		msg.field[WIRE_F_TOKEN] = J11_VIEW("t1");
		msg.field[WIRE_F_STATE] = j11_view_str(wrong[i]);
		assert_false(wire_login_take(&msg, token, &out));
	}
}

static void carries_a_descriptor(void **state)
{
	int pair[2], pipe_fds[2], got = -1;
	char room[64], byte = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(wire_send(pair[0], J11_VIEW("hello"), pipe_fds[1]), 0);
	assert_int_equal(wire_recv(pair[1], room, sizeof(room), 0, &got), 5);
	assert_true(got >= 0);
	assert_int_equal(write(got, "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	close(got);
	assert_int_equal(wire_send(pair[0], J11_VIEW("longer than eight"), -1), 0);
	assert_int_equal(wire_recv(pair[1], room, 8, 0, &got), -EMSGSIZE);
	assert_int_equal(wire_recv(pair[1], room, 8, MSG_DONTWAIT, &got), -EAGAIN);
	close(pair[0]);
	assert_int_equal(wire_recv(pair[1], room, sizeof(room), 0, &got), 0);
	assert_int_equal(wire_send(pair[1], J11_VIEW("x"), -1), EPIPE);
	close(pair[1]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip_keeps_everything),
		cmocka_unit_test(ends_exactly_at_the_end),
		cmocka_unit_test(refuses_wrong_fields),
		cmocka_unit_test(says_what_stands_of_a_login),
		cmocka_unit_test(carries_a_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
