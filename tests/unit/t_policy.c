/* SPDX-License-Identifier: Apache-2.0 */
/* policy: the decision as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "peer.h"
#include "work_unit.h"

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
		struct policy_peer peer = { .socket = CONF_API, .uid = rows[i].uid, .gid = rows[i].gid, .groups = { rows[i].group }, .n_groups = 1 };
		struct policy_answer answer = policy_decide(conf, &peer, rows[i].key, rows[i].alg, rows[i].op);

		if (answer.verdict != rows[i].verdict)
			fail_msg("%s: verdict %d", rows[i].comment, (int)answer.verdict);
		assert_string_equal(answer.client->name, rows[i].client);
	}
	conf_free(conf);
}

static const char places[] = "[key a]\nuri = pkcs11:object=a\n[socket box]\n[socket web]\n"
	"[client unit]\nuid = 10\nunit = issuer.service, worker@*.service\nkeys = a\nallow = sign\n"
	"[client any-in-unit]\nunit = agent.service\nkeys = a\nallow = jws\n"
	"[client exe]\ngid = 20\nexecutable = /usr/bin/issuer\nkeys = a\nallow = jwt\n"
	"[client box]\nsocket = box\nkeys = a\nallow = verify\n"
	"[client both]\nuid = 30\nsocket = web, api\nkeys = a\nallow = sign\n"
	"[client everywhere]\nuid = 40\nsocket = *\nkeys = a\nallow = sign\n";

/* Each condition that a section has must hold; none of them is guessed. */
static void matches_by_unit_executable_and_socket(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		const char *unit, *executable, *socket, *client, *why; /* client NULL: nobody */
	} rows[] = {
		{ 10, 1, "issuer.service", NULL, "api", "unit", "uid 10, unit issuer.service, socket api" },
		{ 10, 1, "worker@7.service", "/bin/sh", "api", "unit", "uid 10, unit worker@7.service, socket api" },
		{ 10, 1, "worker@.service", NULL, "api", "unit", "uid 10, unit worker@.service, socket api" },
		{ 10, 1, "issuer.service.service", NULL, "api", NULL, "not: unit issuer.service.service" },
		{ 10, 1, "Issuer.service", NULL, "api", NULL, "not: unit Issuer.service" },
		{ 10, 1, NULL, NULL, "api", NULL, "not: its unit is not known" },
		{ 11, 1, "issuer.service", NULL, "api", NULL, "not: uid 11" },
		{ 10, 1, "issuer.service", NULL, "web", NULL, "not: socket web" },
		{ 10, 1, "issuer.service", NULL, NULL, NULL, "not: a socket of nobody's" },
		{ 99, 1, "agent.service", NULL, "api", "any-in-unit", "any user, unit agent.service, socket api" },
		{ 99, 20, NULL, "/usr/bin/issuer", "api", "exe", "gid 20, executable /usr/bin/issuer, socket api" },
		{ 99, 20, NULL, "/usr/bin/issuer2", "api", NULL, NULL },
		{ 99, 20, NULL, NULL, "api", NULL, NULL },
		{ 99, 1, NULL, NULL, "box", "box", "any user, socket box" },
		{ 10, 1, "issuer.service", NULL, "box", "box", "any user, socket box" },
		{ 30, 1, NULL, NULL, "web", "both", "uid 30, socket web" },
		{ 30, 1, NULL, NULL, "api", "both", "uid 30, socket api" },
		{ 31, 1, NULL, NULL, "web", NULL, NULL },
		{ 40, 1, NULL, NULL, "web", "everywhere", "uid 40, socket web" },
		{ 40, 1, NULL, NULL, NULL, NULL, NULL },
	};
	struct conf *conf = NULL;

	(void)state;
	assert_int_equal(conf_parse(J11_VIEW(places), "t", &conf, NULL), JWK11_OK);
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		J11_AUTO(j11_buf_done_auto) struct jwk11_buf why = J11_BUF(256);
		struct policy_peer peer = { .uid = rows[i].uid, .gid = rows[i].gid, .unit = rows[i].unit, .executable = rows[i].executable,
			.socket = rows[i].socket };
		const struct conf_client *client = policy_next_client(conf, &peer, NULL);

		if ((client != NULL) != (rows[i].client != NULL) || (client != NULL && strcmp(client->name, rows[i].client) != 0))
			fail_msg("row %zu: %s", i, client ? client->name : "nobody");
		policy_why(client != NULL ? client : &conf->clients[0], &peer, &why);
		if (rows[i].why != NULL)
			assert_string_equal(jwk11_buf_data(&why), rows[i].why);
		assert_int_equal(policy_sees(conf, &peer, "a"), client != NULL);
	}
	conf_free(conf);
}

static void says_whom_nothing_matches(void **state)
{
	struct policy_peer peer = { .uid = 5, .socket = "box", .unit = "x.service" };
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(policy_deny(&peer, &err), JWK11_ERR_DENIED);
	assert_string_equal(err.text, "no [client] section matches uid 5 in unit x.service on socket box");
	peer.unit = NULL;
	peer.socket = "api";
	err = (struct jwk11_err){ 0 };
	assert_int_equal(policy_deny(&peer, &err), JWK11_ERR_DENIED);
	assert_string_equal(err.text, "no [client] section matches uid 5");
}

static void finds_the_unit_in_a_cgroup(void **state)
{
	static const struct {
		const char *text, *unit; /* NULL: none */
	} rows[] = {
		{ "0::/system.slice/issuer.service\n", "issuer.service" },
		{ "0::/system.slice/system-worker.slice/worker@7.service\n", "worker@7.service" },
		{ "0::/system.slice/issuer.service/sub/other.service\n", "issuer.service" },
		{ "0::/user.slice/user-1000.slice/user@1000.service/app.slice/issuer.service\n", "user@1000.service" },
		{ "0::/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
		{ "12:pids:/system.slice/a.service\n1:name=systemd:/system.slice/b.service\n0::/\n", "b.service" },
		{ "0::/system.slice/a.service\n1:name=systemd:/system.slice/b.service\n", "b.service" },
		{ "0::/init.scope\n", "init.scope" },
		{ "0::/system.slice/_cpu.service\n", "cpu.service" },
		{ "0::/\n", NULL }, { "", NULL }, { "0::", NULL }, { "\n\n", NULL }, { "0::/system.slice\n", NULL }, { "0::/system.slice/\n", NULL },
		{ "0::/../system.slice/a.service\n", NULL }, { "0::/docker/abc\n", NULL }, { "0::/docker/a.service\n", NULL }, { "5:memory:/system.slice/a.service\n", NULL },
		{ "0::/system.slice/.service\n", NULL }, { "0::/.slice/a.service\n", NULL }, { "0::/system.slice/a\xff.service\n", NULL },
		{ "0::/system.slice/a\x01.service\n", NULL }, { "1:name=systemd:/\n0::/system.slice/a.service\n", NULL },
	};
	char unit[32], long_one[512];

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		bool found = work_unit_of(j11_view_str(rows[i].text), unit, sizeof(unit));

		if (found != (rows[i].unit != NULL) || (found && strcmp(unit, rows[i].unit) != 0))
			fail_msg("%s: %s", rows[i].text, found ? unit : "none");
	}
	snprintf(long_one, sizeof(long_one), "0::/system.slice/%.*s.service\n", 23, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
	assert_true(work_unit_of(j11_view_str(long_one), unit, sizeof(unit)));
	assert_int_equal(strlen(unit), 31);
	snprintf(long_one, sizeof(long_one), "0::/system.slice/%.*s.service\n", 24, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
	assert_false(work_unit_of(j11_view_str(long_one), unit, sizeof(unit)));
}

static void addresses_of_sockets_are_texts(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	char shown[PEER_ADDRESS_MAX];

	(void)state;
	memcpy(addr.sun_path, "/run/a.sock", 12);
	assert_true(peer_address(&addr, head + 12, shown));
	assert_string_equal(shown, "/run/a.sock");
	assert_true(peer_address(&addr, sizeof(addr), shown));
	assert_string_equal(shown, "/run/a.sock");
	memset(addr.sun_path, 'x', sizeof(addr.sun_path));
	assert_true(peer_address(&addr, sizeof(addr), shown));
	assert_int_equal(strlen(shown), sizeof(addr.sun_path));
	memcpy(addr.sun_path, "\0abs", 4);
	assert_true(peer_address(&addr, head + 4, shown));
	assert_string_equal(shown, "@abs");
	memcpy(addr.sun_path, "\0a\0b", 4);
	assert_false(peer_address(&addr, head + 4, shown));
	memcpy(addr.sun_path, "/a\nb", 5);
	assert_false(peer_address(&addr, head + 5, shown));
	memcpy(addr.sun_path, "/a ", 4);
	assert_false(peer_address(&addr, head + 4, shown));
	assert_false(peer_address(&addr, head, shown));
}

static void lets_administer_what_is_named(void **state)
{
	static const char conf_text[] = "[token t]\nuri = pkcs11:token=t\n[token u]\nuri = pkcs11:token=u\n"
		"[client signer]\nuid = 10, 11\nallow = *\n[client one]\nuid = 11\nadminister = t\n[client all]\nuid = 12\nsocket = *\nadminister = *\n";
	static const struct {
		uid_t uid;
		const char *token, *client;
	} rows[] = { { 10, "t", NULL }, { 11, "t", "one" }, { 11, "u", NULL }, { 12, "t", "all" }, { 12, "u", "all" }, { 13, "t", NULL }, { 11, "", NULL } };
	struct conf *conf = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(conf_parse(J11_VIEW(conf_text), "t", &conf, NULL), JWK11_OK);
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct policy_peer peer = { .uid = rows[i].uid, .gid = 1, .socket = CONF_API };
		const struct conf_client *client = policy_administers(conf, &peer, rows[i].token);

		if (rows[i].client == NULL)
			assert_null(client);
		else
			assert_string_equal(client->name, rows[i].client);
	}
	conf_free(conf);
	assert_int_equal(conf_parse(J11_VIEW("[client c]\nuid = 1\nadminister = t\n"), "t", &conf, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.text, "t: [client c] administers token \"t\", which has no [token] section");
}

static void denies_by_default(void **state)
{
	struct policy_peer peer = { .uid = 0, .socket = CONF_API };
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
	assert_true(peer_ask(fds[0], &peer));
	assert_int_equal(peer.uid, getuid());
	assert_int_equal(peer.pid, getpid());
	close(fds[0]);
	close(fds[1]);
	assert_false(peer_ask(fds[0], &peer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_by_the_table),
		cmocka_unit_test(matches_by_unit_executable_and_socket),
		cmocka_unit_test(says_whom_nothing_matches),
		cmocka_unit_test(finds_the_unit_in_a_cgroup),
		cmocka_unit_test(addresses_of_sockets_are_texts),
		cmocka_unit_test(lets_administer_what_is_named),
		cmocka_unit_test(denies_by_default),
		cmocka_unit_test(asks_the_kernel_who_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
