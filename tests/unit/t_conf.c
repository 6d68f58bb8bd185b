/* SPDX-License-Identifier: Apache-2.0 */
/* conf: each refusal with its sentence, and the canonical text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "conf.h"

#define KEY "[key k]\nuri = pkcs11:object=k\n"

static void refuses_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *message, *hint;
	} rows[] = {
		{ "x = 1\n", "f:1: a value before the first [section]", "" },
		{ "[daemon]\nworker = 2\n", "f:2: [daemon] has no \"worker\"", "did you mean workers?" },
		{ "[demon]\n", "f:1: unknown section [demon]", "did you mean daemon?" },
		{ "[daemon\n", "f:1: a section line must end with ]", "" },
		{ "[daemon x]\n", "f:1: [daemon] takes no name", "" },
		{ "[key]\n", "f:1: [key NAME] needs a name of letters, digits and . _ @ -", "" },
		{ "[key a b]\n", "f:1: [key NAME] needs a name of letters, digits and . _ @ -", "" },
		{ KEY KEY, "f:3: [key k] stands twice", "" },
		{ "[daemon]\nworkers\n", "f:2: neither [section] nor name = value", "" },
		{ "[daemon]\nworkers =\n", "f:2: workers has no value", "" },
		{ "[daemon]\nworkers = 65\n", "f:2: workers must be from 0 to 64", "" },
		{ "[daemon]\nworkers = -1\n", "f:2: workers must be from 0 to 64", "" },
		{ "[daemon]\nthreads = 1\nthreads = 1\n", "f:3: threads is set twice", "" },
		{ "[daemon]\napi-mode = 660\n", "f:2: api-mode must be four octal digits", "" },
		{ "[daemon]\nrun-dir = run\n", "f:2: run-dir must be an absolute path", "" },
		{ "[daemon]\nrequest-timeout = 11m\n", "f:2: request-timeout must be from 1 to 600 seconds", "" },
		{ "[daemon]\nmodules = a,,b\n", "f:2: modules holds an empty word", "" },
		{ "[daemon]\nenvironment = NAME\n", "f: [daemon] environment takes NAME=VALUE", "" },
		{ "[token t]\nlogin = maybe\n", "f:2: login takes auto, always or never", "" },
		{ "[token t]\npin-file = /p\n", "f: [token t] has no uri", "" },
		{ "[token t]\nuri = pkcs11:\npin-file = /p\npin-credential = c\n", "f: [token t]: pin-file and pin-credential exclude each other", "" },
		{ "[key k]\nalg = ES256\n", "f: [key k] has no uri", "" },
		{ KEY "[set s]\nkeys = x\n", "f: [set s] names key \"x\", which has no [key] section", "" },
		{ KEY "[client c]\nuid = 1\nkeys = x\n", "f: [client c] names key \"x\", which has no [key] section", "" },
		{ "[client c]\nkeys = *\nallow = *\n", "f: [client c] matches nobody: it needs user, uid, group or gid", "" },
		{ "[client c]\nuid = x\n", "f:2: uid must be a number from 0 to 4294967294", "" },
		{ "[client c]\nallow = all\n", "f:2: allow takes sign, jws, jwt or *", "" },
		{ "[daemon]\n\fd/x.conf\n\nworkers = x\n", "d/x.conf:2: workers must be from 0 to 64", "" },
		{ "[daemon]\n\xff = 1\n", "f:2: the line is not UTF-8 text", "" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_err err = { 0 };
		struct conf *conf = NULL;

		assert_int_equal(conf_parse(j11_view_str(rows[i].text), "f", &conf, &err), JWK11_ERR_SYNTAX);
		assert_null(conf);
		assert_string_equal(err.code, "CONFIG_INVALID");
		assert_string_equal(err.text, rows[i].message);
		assert_string_equal(err.hint, rows[i].hint);
	}
}

static const char full[] = "# comment\n[daemon]\nrun-dir = /run/x\nmodules = a, b\nenvironment = A=1,2\nenvironment = B=x y\nworkers = 3\n"
	"request-timeout = 2m\n\n[token t]\n  uri = pkcs11:token=a;serial=#1 ; x\npin-credential = pin\nverify = first\n" KEY
	"alg = ES256\nkid = mine\n[set default]\nkeys = k\n[client c]\nuser = *\nuid = 1, 2\nkeys = *\nallow = jwt, sign\njwt-issuer = https://i\n"
	"jwt-max-ttl = 1h\n";

static void reads_every_value(void **state)
{
	struct conf *c = NULL;

	(void)state;
	assert_int_equal(conf_parse(J11_VIEW(full), "f", &c, NULL), JWK11_OK);
	assert_string_equal(c->run_dir, "/run/x");
	assert_string_equal(c->modules[1], "b");
	assert_null(c->modules[2]);
	assert_string_equal(c->environment[0], "A=1,2");
	assert_string_equal(c->environment[1], "B=x y");
	assert_int_equal(c->request_timeout_ms, 120000);
	assert_int_equal(c->threads, 1);
	assert_string_equal(c->tokens[0].uri, "pkcs11:token=a;serial=#1 ; x");
	assert_int_equal(c->tokens[0].verify, CONF_VERIFY_FIRST);
	assert_string_equal(conf_find_key(c, "k")->kid, "mine");
	assert_int_equal(conf_key_index(c, "x"), -1);
	assert_true(c->clients[0].anybody);
	assert_int_equal(c->clients[0].n_uids, 2);
	assert_true(c->clients[0].ops[CONF_OP_JWT] && c->clients[0].ops[CONF_OP_SIGN] && !c->clients[0].ops[CONF_OP_JWS]);
	assert_int_equal(c->clients[0].jwt_max_ttl, 3600);
	conf_free(c);
}

static void canonical_text_reads_back_the_same(void **state)
{
	struct jwk11_buf once = J11_BUF(65536), twice = J11_BUF(65536);
	struct conf *c = NULL, *again = NULL;

	(void)state;
	assert_int_equal(conf_parse(J11_VIEW(full), "f", &c, NULL), JWK11_OK);
	conf_emit(c, &once);
	assert_int_equal(conf_parse(j11_buf_view(&once), "g", &again, NULL), JWK11_OK);
	conf_emit(again, &twice);
	assert_string_equal(jwk11_buf_data(&once), jwk11_buf_data(&twice));
	conf_free(c);
	conf_free(again);
	j11_buf_done(&once);
	j11_buf_done(&twice);
}

static void survives_each_failing_allocation(void **state)
{
	enum jwk11_rc rc = JWK11_ERR_MEMORY;
	unsigned long n = 0;

	(void)state;
	while (rc != JWK11_OK) {
		struct conf *c = NULL;

		j11_mem_fail_at(++n, 0);
		rc = conf_parse(J11_VIEW(full), "f", &c, NULL);
		j11_mem_fail_at(0, 0);
		assert_true(rc == JWK11_OK || rc == JWK11_ERR_MEMORY);
		conf_free(c);
		assert_true(n < 500);
	}
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_with_file_and_line),
		cmocka_unit_test(reads_every_value),
		cmocka_unit_test(canonical_text_reads_back_the_same),
		cmocka_unit_test(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
