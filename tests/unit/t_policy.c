/* SPDX-License-Identifier: Apache-2.0 */
/* policy: the decision as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "policy.h"

static const char text[] = "[key a]\nuri = pkcs11:object=a\n[key b]\nuri = pkcs11:object=b\n[key c]\nuri = pkcs11:object=c\n"
	"[client first]\nuid = 10\nkeys = a\nallow = jwt\n"
	"[client second]\nuid = 10\ngid = 200\nkeys = a, b\nallow = sign\n"
	"[client es]\nuid = 20\nkeys = a, b\nallow = sign\nalgorithms = ES256, PS256\n"
	"[client rs]\nuid = 20\nkeys = b\nallow = sign, jwt\nalgorithms = RS256\n"
	"[client all]\nuser = *\nuid = 1\nkeys = c\nallow = *\n";

static void decides_by_the_table(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid, group;
		const char *key, *alg;
		enum conf_op op;
		enum policy_verdict verdict;
		const char *client, *comment;
	} rows[] = {
		{ 10, 1, 2, "a", NULL, CONF_OP_JWT, POLICY_ALLOWED, "first", "granted by the first section" },
		{ 10, 1, 2, "a", NULL, CONF_OP_SIGN, POLICY_ALLOWED, "second", "a later section grants what the first does not" },
		{ 10, 1, 2, "a", NULL, CONF_OP_JWS, POLICY_OP_DENIED, "first", "visible, but nobody grants jws" },
		{ 10, 1, 2, "b", NULL, CONF_OP_JWT, POLICY_OP_DENIED, "second", "visible through the second" },
		{ 11, 200, 2, "b", NULL, CONF_OP_SIGN, POLICY_ALLOWED, "second", "primary group" },
		{ 11, 1, 200, "b", NULL, CONF_OP_SIGN, POLICY_ALLOWED, "second", "supplementary group" },
		{ 11, 1, 2, "b", NULL, CONF_OP_SIGN, POLICY_KEY_HIDDEN, "all", "matched by *, but the key is not named" },
		{ 11, 1, 2, "c", NULL, CONF_OP_JWS, POLICY_ALLOWED, "all", "everybody" },
		{ 11, 1, 2, "nope", NULL, CONF_OP_SIGN, POLICY_KEY_HIDDEN, "all", "a key that does not exist looks the same" },
		{ 10, 1, 2, "", NULL, CONF_OP_SIGN, POLICY_KEY_HIDDEN, "first", "no name" },
		{ 20, 1, 2, "a", "ES256", CONF_OP_SIGN, POLICY_ALLOWED, "es", "an algorithm that is listed" },
		{ 20, 1, 2, "a", "PS256", CONF_OP_SIGN, POLICY_ALLOWED, "es", "the other one" },
		{ 20, 1, 2, "a", "RS256", CONF_OP_SIGN, POLICY_ALG_DENIED, "es", "one that is not" },
		{ 20, 1, 2, "a", "es256", CONF_OP_SIGN, POLICY_ALG_DENIED, "es", "names have their case" },
		{ 20, 1, 2, "a", NULL, CONF_OP_SIGN, POLICY_ALLOWED, "es", "a key that nobody has seen" },
		{ 20, 1, 2, "a", "RS256", CONF_OP_JWS, POLICY_OP_DENIED, "es", "the operation is not granted whatever the algorithm" },
		{ 20, 1, 2, "b", "RS256", CONF_OP_SIGN, POLICY_ALLOWED, "rs", "a later section has the algorithm" },
		{ 20, 1, 2, "b", "ES512", CONF_OP_JWT, POLICY_ALG_DENIED, "rs", "the section that grants the operation is named, not the first" },
		{ 20, 1, 2, "b", "RS256", CONF_OP_JWT, POLICY_ALLOWED, "rs", "and it grants it" },
	};
	struct conf *conf = NULL;

	(void)state;
	assert_int_equal(conf_parse(J11_VIEW(text), "t", &conf, NULL), JWK11_OK);
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct policy_peer peer = { .uid = rows[i].uid, .gid = rows[i].gid, .groups = { rows[i].group }, .n_groups = 1 };
		struct policy_answer answer = policy_decide(conf, &peer, rows[i].key, rows[i].alg, rows[i].op);

		if (answer.verdict != rows[i].verdict)
			fail_msg("%s: verdict %d", rows[i].comment, (int)answer.verdict);
		assert_string_equal(answer.client->name, rows[i].client);
	}
	conf_free(conf);
}

static void denies_by_default(void **state)
{
	struct policy_peer peer = { .uid = 0 };
	struct conf *conf = NULL;

	(void)state;
	assert_int_equal(conf_parse(J11_VIEW("[key a]\nuri = pkcs11:object=a\n[client x]\nuid = 5\nkeys = *\nallow = *\n"), "t", &conf, NULL), JWK11_OK);
	assert_int_equal(policy_decide(conf, &peer, "a", NULL, CONF_OP_SIGN).verdict, POLICY_NO_CLIENT);
	assert_false(policy_sees(conf, &peer, "a"));
	assert_null(policy_next_client(conf, &peer, NULL));
	peer.uid = 5;
	assert_true(policy_sees(conf, &peer, "a"));
	conf_free(conf);
}

static void asks_the_kernel_who_is_there(void **state)
{
	struct policy_peer peer = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_true(policy_peer_of(fds[0], &peer));
	assert_int_equal(peer.uid, getuid());
	assert_int_equal(peer.pid, getpid());
	close(fds[0]);
	close(fds[1]);
	assert_false(policy_peer_of(fds[0], &peer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_by_the_table),
		cmocka_unit_test(denies_by_default),
		cmocka_unit_test(asks_the_kernel_who_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
