/* SPDX-License-Identifier: Apache-2.0 */
/* conf: each refusal with its sentence, and the canonical text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "conf.h"
#include "form/profile.h"
#include "jose/alg.h"
#include "jose/kma.h"

#define KEY "[key k]\nuri = pkcs11:object=k\n"

struct row {
	const char *text, *message, *hint;
};

static void refuse_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jwk11_err err = { 0 };
		struct conf *conf = NULL;

		assert_int_equal(conf_parse(j11_view_str(rows[i].text), "f", &conf, &err), JWK11_ERR_SYNTAX);
		assert_null(conf);
		assert_string_equal(err.code, "CONFIG_INVALID");
		assert_string_equal(err.text, rows[i].message);
		assert_string_equal(err.hint, rows[i].hint);
	}
}

static void refuses_with_file_and_line(void **state)
{
	static const struct row rows[] = {
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
		{ "[daemon]\napi-mode = 12ab\n", "f:2: api-mode must be four octal digits", "" },
		{ "[daemon]\napi-mode = +644\n", "f:2: api-mode must be four octal digits", "" },
		{ "[daemon]\napi-mode = 1777\n", "f:2: api-mode must be four octal digits", "" },
		{ "[daemon]\nthreads = 1\n" KEY "[daemon]\nthreads = 1\n", "f:6: threads is set twice", "" },
		{ "[daemon]\nrun-dir = run\n", "f:2: run-dir must be an absolute path", "" },
		{ "[daemon]\nrequest-timeout = 11m\n", "f:2: request-timeout must be from 1 to 600 seconds", "" },
		{ "[daemon]\nmodules = a,,b\n", "f:2: modules holds an empty word", "" },
		{ "[daemon]\nenvironment = NAME\n", "f: [daemon] environment takes NAME=VALUE", "" },
		{ "[daemon]\nworker-allow = exec, fork\n", "f: [daemon] worker-allow takes exec, network, code or all, not \"fork\"", "" },
		{ "[daemon]\nworker-read = /a, b\n", "f: [daemon] worker-read takes absolute paths, not \"b\"", "" },
		{ "[daemon]\nworker-write = b\n", "f: [daemon] worker-write takes absolute paths, not \"b\"", "" },
		{ "[token t]\nlogin = maybe\n", "f:2: login takes auto, always, never or protected", "" },
		{ "[token t]\npin-file = /p\n", "f: [token t] has no uri", "" },
		{ "[key k]\nalg = ES256\n", "f: [key k] has no uri", "" },
		{ KEY "[set s]\nkeys = *akp\n", "f: [set s] names key \"*akp\", which has no [key] section", "" },
		{ KEY "[set s]\nkeys = x\n", "f: [set s] names key \"x\", which has no [key] section", "" },
		{ KEY "[client c]\nuid = 1\nkeys = x\n", "f: [client c] names key \"x\", which has no [key] section", "" },
		{ "[client c]\nkeys = *\nallow = *\n", "f: [client c] matches nobody: it needs user, uid, group, gid, unit, executable or socket", "" },
		{ "[client c]\nuid = 1\nalgorithms = ES256, ES265\n", "f: [client c] algorithms: there is no algorithm \"ES265\"", "" },
		{ "[client c]\nuid = 1\njwt-audience = a*b*\n", "f: [client c] jwt-audience: \"a*b*\" holds more than one \"*\"", "" },
		{ "[client c]\nuid = 1\njwt-subject = **\n", "f: [client c] jwt-subject: \"**\" holds more than one \"*\"", "" },
		{ "[client c]\nuid = 1\njwt-header = cty, typ\n", "f: [client c] jwt-header: typ is for jwt-typ", "" },
		{ "[client c]\nunit = issuer\n", "f: [client c] unit: \"issuer\" is not a unit's whole name, such as issuer.service", "" },
		{ "[client c]\nunit = a.slice\n", "f: [client c] unit: \"a.slice\" is not a unit's whole name, such as issuer.service", "" },
		{ "[client c]\nunit = *@*.service\n", "f: [client c] unit: \"*@*.service\" holds more than one \"*\"", "" },
		{ "[client c]\nexecutable = issuer\n", "f: [client c] executable takes absolute paths, not \"issuer\"", "" },
		{ "[client c]\nsocket = web\n", "f: [client c] names socket \"web\", which has no [socket] section", "" },
		{ "[socket api]\n", "f: [socket api]: api.sock and public.sock are there without a section", "" },
		{ "[socket public]\n", "f: [socket public]: api.sock and public.sock are there without a section", "" },
		{ "[socket a]\npath = b\n", "f:2: path must be an absolute path", "" },
		{ "[socket a]\npath = /b\n[socket c]\npath = /b\n", "f: [socket c] has the path of [socket a]", "" },
		{ "[socket a]\n[socket a]\n", "f:2: [socket a] stands twice", "" },
		{ "[client c]\nuid = x\n", "f:2: uid must be a number from 0 to 4294967294", "" },
		{ "[client c]\nallow = all\n", "f:2: allow takes sign, jws, jwt, verify, decrypt, csr or *", "" },
		{ "[daemon]\n\fd/x.conf\n\nworkers = x\n", "d/x.conf:2: workers must be from 0 to 64", "" },
		{ "[daemon]\n\xff = 1\n", "f:2: the line is not UTF-8 text", "" },
	};

	(void)state;
	refuse_rows(rows, J11_COUNT(rows));
}

static void refuses_limits_that_do_not_go_together(void **state)
{
	static const struct row rows[] = {
		{ "[daemon]\nmax-connections = 10\nmax-connections-per-user = 11\n", "f: [daemon] max-connections-per-user is 11, and max-connections 10 for all together", "" },
		{ "[daemon]\nmax-connections-per-user = 1025\n", "f: [daemon] max-connections-per-user is 1025, and max-connections 1024 for all together", "" },
		{ "[daemon]\nmax-connections-per-user = 65537\n", "f:2: max-connections-per-user must be from 0 to 65536", "" },
		{ "[client c]\nuid = 1\nburst = 3\n", "f: [client c]: burst goes with rate only", "" },
		{ "[client c]\nuid = 1\nrate = 3/s\nburst = 0\n", "f:4: burst must be from 1 to 1000000", "" },
#define RATE(text) { "[client c]\nuid = 1\nrate = " text "\n", \
	"f:3: rate takes requests by the second, minute or hour: 10/s, 30/m, 100/h; at most 1000000/s", "" }
		RATE("10"), RATE("/s"), RATE("0/s"), RATE("1.5/s"), RATE("-1/s"), RATE("10/d"), RATE("10 /s"), RATE("1000001/s"), RATE("60000001/m"), RATE("s"),
	};

	(void)state;
	refuse_rows(rows, J11_COUNT(rows));
}

static void knows_rates_by_their_units(void **state)
{
	static const struct {
		const char *text;
		int64_t rate;
		unsigned burst;
	} rows[] = { { "rate = 10/s", 36000, 10 }, { "rate = 30/m", 1800, 1 }, { "rate = 90/m", 5400, 2 }, { "rate = 1/h\nburst = 5", 1, 5 },
		{ "rate = 1000000/s", 3600000000, 1000000 }, { "burst = 7\nrate = 2/s", 7200, 7 } };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_buf out = J11_BUF(65536);
		struct conf *c = NULL, *again = NULL;
		char text[128];

		snprintf(text, sizeof(text), "[client c]\nuid = 1\n%s\n", rows[i].text);
		assert_int_equal(conf_parse(j11_view_str(text), "f", &c, NULL), JWK11_OK);
		assert_int_equal(c->clients[0].rate, rows[i].rate);
		assert_int_equal(c->clients[0].burst, rows[i].burst);
		conf_emit(c, &out);
		assert_int_equal(conf_parse(j11_buf_view(&out), "g", &again, NULL), JWK11_OK);
		assert_int_equal(again->clients[0].rate, rows[i].rate);
		assert_int_equal(again->clients[0].burst, rows[i].burst);
		conf_free(c);
		conf_free(again);
		j11_buf_done(&out);
	}
}

static void limits_of_one_user_are_three_quarters_unless_set(void **state)
{
	static const struct {
		const char *text;
		unsigned connections, requests;
	} rows[] = { { "", 768, 768 }, { "max-connections = 1\nmax-queue = 1\n", 1, 1 }, { "max-connections = 3\nmax-queue = 8\n", 3, 6 },
		{ "max-connections-per-user = 1024\nmax-requests-per-user = 5\n", 1024, 5 } };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct conf *c = NULL;
		char text[128];

		snprintf(text, sizeof(text), "[daemon]\n%s", rows[i].text);
		assert_int_equal(conf_parse(j11_view_str(text), "f", &c, NULL), JWK11_OK);
		assert_int_equal(conf_connections_per_user(c), rows[i].connections);
		assert_int_equal(conf_requests_per_user(c), rows[i].requests);
		conf_free(c);
	}
}

static void refuses_logins_that_do_not_go_together(void **state)
{
	static const struct row rows[] = {
		{ "[token t]\nuri = pkcs11:\npin-file = /p\npin-credential = c\n", "f: [token t]: pin-file and pin-credential exclude each other", "" },
		{ "[token t]\nuri = pkcs11:\nlogin = protected\npin-file = /p\n",
			"f: [token t]: with login = protected the PIN is typed on the token's pad; pin-file and pin-credential have no place", "" },
		{ "[token t]\nuri = pkcs11:\nlogin = protected\npin-credential = p\n",
			"f: [token t]: with login = protected the PIN is typed on the token's pad; pin-file and pin-credential have no place", "" },
		{ "[token t]\nuri = pkcs11:\nlogin-timeout = 60\n", "f: [token t]: login-timeout goes with login = protected only", "" },
		{ "[token t]\nuri = pkcs11:\nlogin = protected\nlogin-timeout = 0\n", "f:4: login-timeout must be from 1 to 600 seconds", "" },
		{ "[daemon]\nstrict = true\n", "f:2: strict takes no or yes", "" },
		{ KEY "context-pin = always\n", "f:3: context-pin takes no or yes", "" },
	};

	(void)state;
	refuse_rows(rows, J11_COUNT(rows));
}

static void refuses_kids_and_profiles_that_do_not_go_together(void **state)
{
	static const struct row rows[] = {
		{ KEY "kid-style = serial\n", "f:3: kid-style takes thumbprint, k8s, label, id or none", "" },
		{ KEY "certificates = chain.pem\n", "f:3: certificates must be an absolute path", "" },
		{ KEY "certificates =\n", "f:3: certificates has no value", "" },
		{ KEY "certificates = /a\ncertificates = /b\n", "f:4: certificates is set twice", "" },
		{ KEY "certificate = /a\n", "f:3: [key] has no \"certificate\"", "did you mean certificates?" },
		{ KEY "certificates = /a\nalg = HS256\n", "f: [key k]: certificates are of public keys, and a key for HS256 has none", "" },
		{ KEY "use = both\n", "f:3: use takes sig or enc", "" },
		{ KEY "lead = 659\n", "f: [key k]: a lead of 659 s is too short: relying parties keep a set for max-age (300 s), a new version is found after rescan "
			"(300 s), clocks differ by up to 60 s: 660 s at least", "" },
		{ KEY "period = 1h\n", "f: [key k]: a period of 3600 s is not longer than the lead of 86400 s", "" },
		{ KEY "overlap = 60\n", "f: [key k]: an overlap of 60 s is too short: tokens live up to 0 s by jwt-max-ttl, clocks differ by up to 60 s: 61 s at least", "" },
		{ KEY "overlap = 10m\n[client c]\nuid = 1\nkeys = k\nallow = jwt\njwt-max-ttl = 10m\n",
			"f: [key k]: an overlap of 600 s is too short: tokens live up to 600 s by jwt-max-ttl, clocks differ by up to 60 s: 660 s at least", "" },
		{ KEY "lead = 1h\nuse = enc\n", "f: [key k]: lead, overlap and period are for key pairs that sign", "" },
		{ KEY "lead = 1h\nalg = HS256\n", "f: [key k]: lead, overlap and period are for key pairs that sign", "" },
		{ KEY "lead = 1h\nkid-style = none\n", "f: [key k]: versions are told apart by their kid, and kid-style is none", "" },
		{ "[key k]\nuri = pkcs11:token=t;id=%01\nlead = 1h\n", "f: [key k]: each version has an id of its own, and its uri asks for one", "" },
		{ KEY "kid = x\nkid-style = label\n", "f: [key k]: kid and kid-style exclude each other", "" },
		{ KEY "kid = x\n[key l]\nuri = pkcs11:object=l\nkid = x\n", "f: [key l] has the kid of [key k]; a kid names one key", "" },
		{ KEY "kid = x\nalg = RS256\n[key m]\nuri = pkcs11:\n[key l]\nuri = pkcs11:object=k\nkid = x\nalg = PS256\n",
			"f: [key l] has the kid of [key k]; a kid names one key", "" },
		{ KEY "[set s]\nprofile = amazon\n", "f:4: profile takes one of google, aws, entra, keycloak, spiffe, k8s", "" },
		{ KEY "[set s]\nprofile = x509\n", "f:4: profile x509 is no JWK set; jwk11 jwks --profile x509 writes it", "" },
		{ KEY "[set s]\nprofile = aws\nprofile = aws\n", "f:5: profile is set twice", "" },
		{ KEY "[set s]\nx5c = maybe\n", "f:4: x5c takes no or yes", "" },
		{ KEY "[set s]\nprofile = google\nx5c = yes\n", "f: [set s]: profile google takes no x5c", "" },
		{ KEY "use = enc\n[set s]\nkeys = k\nprofile = aws\n", "f: [set s] names key \"k\", which decrypts; profile aws takes keys that sign", "" },
		{ KEY "alg = EdDSA\n[set s]\nkeys = k\nprofile = aws\n", "f: [set s] names key \"k\"; profile aws takes no EdDSA", "" },
		{ KEY "[set s]\nkeys = k\nprofile = k8s\n", "f: [set s]: profile k8s wants kid-style = k8s in [key k]", "" },
		{ KEY "kid-style = none\n[set s]\nkeys = k\nprofile = spiffe\n",
			"f: [set s]: profile spiffe wants a kid, and [key k] has kid-style = none", "" },
	};

	(void)state;
	refuse_rows(rows, J11_COUNT(rows));
}

/* The same key under a second name may keep its kid; a kid has at most 255 octets. */
static void knows_what_may_share_a_kid(void **state)
{
	struct conf *conf = NULL;
	struct jwk11_err err = { 0 };
	char text[600], kid[257];

	(void)state;
	assert_int_equal(conf_parse(J11_VIEW(KEY "kid = x\n[key l]\nuri = pkcs11:object=k\nkid = x\n"), "f", &conf, NULL), JWK11_OK);
	conf_free(conf);
	memset(kid, 'k', sizeof(kid));
	kid[255] = '\0';
	snprintf(text, sizeof(text), KEY "kid = %s\n", kid);
	assert_int_equal(conf_parse(j11_view_str(text), "f", &conf, NULL), JWK11_OK);
	assert_string_equal(conf->keys[0].kid, kid);
	conf_free(conf);
	kid[255] = 'k';
	kid[256] = '\0';
	snprintf(text, sizeof(text), KEY "kid = %s\n", kid);
	assert_int_equal(conf_parse(j11_view_str(text), "f", &conf, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.text, "f: [key k]: its kid is longer than 255 bytes");
}

static const char full[] = "# comment\n[daemon]\nrun-dir = /run/x\nmodules = a, b\nenvironment = A=1,2\nenvironment = B=x y\nworkers = 3\n"
	"worker-allow = exec, network\nworker-read = /a\nworker-write = /b, /c\n"
	"request-timeout = 2m\nstrict = yes\n\n[token t]\n  uri = pkcs11:token=a;serial=#1 ; x\npin-credential = pin\nverify = first\n"
	"[token pad]\nuri = pkcs11:token=pad\nlogin = protected\nlogin-timeout = 2m\n" KEY
	"alg = ES256\nkid = mine\ncontext-pin = yes\ncertificates = /c/k.pem\n[set default]\nkeys = k\nprofile = aws\nx5c = yes\nissuer = https://i.example\njwks-uri = https://k.example/s?a=1\n[client c]\nuser = *\nuid = 1, 2\nkeys = *\nallow = jwt, sign\njwt-issuer = https://i\n"
	"jwt-max-ttl = 1h\nalgorithms = ES256, HS512, ECDH-ES+A256KW\njwt-audience = a*, b\njwt-subject = *\njwt-require = jti\njwt-forbid = x, y\n"
	"jwt-typ = at+jwt\njwt-header = cty\nunit = a@*.service\nexecutable = /bin/x\nsocket = web, api\nadminister = t, pad\n[socket web]\nmode = 0600\ngid = 7\n"
	"[socket far]\npath = /far.sock\naddress = /far.sock.new\n";

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
	assert_string_equal(c->worker_allow[1], "network");
	assert_string_equal(c->worker_read[0], "/a");
	assert_null(c->worker_read[1]);
	assert_string_equal(c->worker_write[1], "/c");
	assert_int_equal(c->request_timeout_ms, 120000);
	assert_int_equal(c->threads, 1);
	assert_string_equal(c->tokens[0].uri, "pkcs11:token=a;serial=#1 ; x");
	assert_int_equal(c->tokens[0].verify, CONF_VERIFY_FIRST);
	assert_int_equal(c->tokens[1].login, CONF_LOGIN_PROTECTED);
	assert_int_equal(c->tokens[1].login_timeout, 120);
	assert_int_equal(c->strict, CONF_YES);
	assert_string_equal(conf_find_key(c, "k")->kid, "mine");
	assert_string_equal(conf_find_key(c, "k")->certificates, "/c/k.pem");
	assert_ptr_equal(c->sets[0].profile, j11_profile_find(J11_VIEW("aws")));
	assert_int_equal(c->sets[0].x5c, CONF_YES);
	assert_string_equal(c->sets[0].issuer, "https://i.example");
	assert_string_equal(c->sets[0].jwks_uri, "https://k.example/s?a=1");
	assert_int_equal(conf_find_key(c, "k")->context_pin, CONF_YES);
	assert_int_equal(conf_key_index(c, "x"), -1);
	assert_true(c->clients[0].anybody);
	assert_int_equal(c->clients[0].n_uids, 2);
	assert_true(c->clients[0].ops[CONF_OP_JWT] && c->clients[0].ops[CONF_OP_SIGN] && !c->clients[0].ops[CONF_OP_JWS]);
	assert_int_equal(c->clients[0].jwt_max_ttl, 3600);
	assert_string_equal(c->clients[0].algorithms[2], "ECDH-ES+A256KW");
	assert_string_equal(c->clients[0].jwt_audience[1], "b");
	assert_string_equal(c->clients[0].jwt_subject[0], "*");
	assert_string_equal(c->clients[0].jwt_require[0], "jti");
	assert_string_equal(c->clients[0].jwt_forbid[1], "y");
	assert_string_equal(c->clients[0].jwt_typ[0], "at+jwt");
	assert_string_equal(c->clients[0].jwt_header[0], "cty");
	assert_string_equal(c->clients[0].administer[1], "pad");
	assert_string_equal(conf_find_token(c, "pad")->uri, "pkcs11:token=pad");
	assert_null(conf_find_token(c, "pa"));
	assert_string_equal(c->clients[0].units[0], "a@*.service");
	assert_string_equal(c->clients[0].executables[0], "/bin/x");
	assert_string_equal(c->clients[0].sockets[1], "api");
	assert_string_equal(c->sockets[0].path, "/run/x/web.sock");
	assert_int_equal(c->sockets[0].mode, 0600);
	assert_int_equal(c->sockets[0].gid, 7);
	assert_int_equal(c->sockets[1].gid, (gid_t)-1);
	assert_string_equal(c->sockets[1].path, "/far.sock");
	assert_string_equal(conf_socket_of(c, "/far.sock.new"), "far");
	assert_string_equal(conf_socket_of(c, "/far.sock"), "api"); /* as long as nobody knows the address of api.sock */
	assert_int_equal(conf_set_address(c, "api", "@a", NULL), JWK11_OK);
	assert_int_equal(conf_set_address(c, "web", "/w.new", NULL), JWK11_OK);
	assert_string_equal(conf_socket_of(c, "@a"), "api");
	assert_string_equal(conf_socket_of(c, "/w.new"), "web");
	assert_null(conf_socket_of(c, "/far.sock"));
	assert_true(conf_wants_units(c) && conf_wants_executables(c));
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

/* The longest line the reader takes still fits when it is written again. */
static void canonical_lines_are_not_longer(void **state)
{
	struct jwk11_buf text = J11_BUF(65536), once = J11_BUF(65536);
	struct conf *c = NULL, *again = NULL;

	(void)state;
	j11_buf_add_fmt(&text, "[key k]\nuri=%0*d\n", 4608 - 4, 7);
	assert_int_equal(conf_parse(j11_buf_view(&text), "f", &c, NULL), JWK11_OK);
	conf_emit(c, &once);
	assert_int_equal(conf_parse(j11_buf_view(&once), "g", &again, NULL), JWK11_OK);
	assert_string_equal(again->keys[0].uri, c->keys[0].uri);
	conf_free(c);
	conf_free(again);
	j11_buf_cut(&text, text.len - 1);
	j11_buf_add_str(&text, "8\n");
	assert_int_equal(conf_parse(j11_buf_view(&text), "f", &again, NULL), JWK11_ERR_SYNTAX);
	j11_buf_done(&text);
	j11_buf_done(&once);
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

static void grant(const char *alg)
{
	struct conf *conf = NULL;
	struct jwk11_err err = { 0 };
	char text[128];

	snprintf(text, sizeof(text), "[client c]\nuid = 1\nalgorithms = %s\n", alg);
	if (conf_parse(j11_view_str(text), "f", &conf, &err) != JWK11_OK)
		fail_msg("%s", err.text);
	conf_free(conf);
}

static void every_algorithm_can_be_granted(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; j11_alg_at(i) != NULL; i++, n++)
		grant(j11_alg_at(i)->name);
	for (size_t i = 0; j11_kma_at(i) != NULL; i++, n++)
		grant(j11_kma_at(i)->name);
	assert_true(n > 20);
}

static void akp_keys_are_in_sets_that_name_them(void **state)
{
	static const struct {
		const char *text, *set;
		bool there, implied, ec, akp; /* does it hold k when that is an EC key, an AKP key? */
	} rows[] = {
		{ KEY, "default", true, true, true, false },
		{ KEY, "akp", true, true, false, true },
		{ KEY, "other", false, false, false, false },
		{ KEY "[set default]\nkeys = *\n", "default", true, false, true, false },
		{ KEY "[set default]\nkeys = k\n", "default", true, false, true, true },
		{ KEY "[set default]\nkeys = k\n", "akp", true, true, false, true },
		{ KEY "[set other]\nkeys = *\n", "other", true, false, true, false },
		{ KEY "[set other]\nkeys = *, k\n", "other", true, false, true, true },
		{ KEY "[set other]\n", "other", true, false, false, false },
		{ KEY "[set akp]\nkeys = *\n", "akp", true, false, true, false },
		{ KEY "[set akp]\n", "akp", true, false, false, false },
		{ KEY "[set akp]\n[set default]\n", "default", true, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *conf = NULL;
		const struct conf_set *set;
		size_t n = 0;

		assert_int_equal(conf_parse(j11_view_str(rows[i].text), "f", &conf, NULL), JWK11_OK);
		set = conf_find_set(conf, rows[i].set);
		if ((set != NULL) != rows[i].there ||
			(set != NULL && (conf_set_is_implied(conf, set) != rows[i].implied || conf_set_holds(set, "k", "EC") != rows[i].ec ||
				conf_set_holds(set, "k", "AKP") != rows[i].akp)))
			fail_msg("row %zu: %s in %s", i, rows[i].set, rows[i].text);
		while (conf_set_at(conf, n) != NULL)
			n++;
		assert_int_equal(n, conf->n_sets + 2 - (strstr(rows[i].text, "[set akp]") != NULL) - (strstr(rows[i].text, "[set default]") != NULL));
		conf_free(conf);
	}
}

/* What is not said of the durations follows from what is. */
static void completes_durations_of_versions(void **state)
{
	static const struct {
		const char *text;
		int64_t lead, overlap, period, max_ttl;
	} rows[] = {
		{ KEY, 0, 0, 0, 0 },
		{ KEY "lead = 1h\n", 3600, 86460, 0, 86400 },
		{ KEY "period = 90d\n", 86400, 86460, 7776000, 86400 },
		{ KEY "overlap = 2h\n", 86400, 7200, 0, 7140 },
		{ KEY "lead = 660\n[client c]\nuid = 1\nkeys = *\nallow = jwt\njwt-max-ttl = 10m\n", 660, 660, 0, 600 },
		{ KEY "lead = 660\n[client c]\nuid = 1\nkeys = k\nallow = sign\njwt-max-ttl = 10m\n", 660, 86460, 0, 600 },
		{ "[daemon]\nmax-age = 10\nrescan = 1\n" KEY "lead = 71\n", 71, 86460, 0, 86400 },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(65536);
		struct conf *conf = NULL, *again = NULL;
		const struct conf_client nobody = { .name = "n" };

		assert_int_equal(conf_parse(j11_view_str(rows[i].text), "f", &conf, NULL), JWK11_OK);
		assert_int_equal(conf->keys[0].lead, rows[i].lead);
		assert_int_equal(conf->keys[0].overlap, rows[i].overlap);
		assert_int_equal(conf->keys[0].period, rows[i].period);
		assert_int_equal(conf_key_is_versioned(&conf->keys[0]), rows[i].lead > 0);
		assert_int_equal(conf_max_ttl(conf->n_clients > 0 ? &conf->clients[0] : &nobody, &conf->keys[0]), rows[i].max_ttl);
		conf_emit(conf, &text);
		assert_int_equal(conf_parse(j11_buf_view(&text), "f", &again, NULL), JWK11_OK);
		assert_int_equal(again->keys[0].lead, rows[i].lead);
		assert_int_equal(again->keys[0].overlap, rows[i].overlap);
		conf_free(again);
		conf_free(conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_with_file_and_line),
		cmocka_unit_test(refuses_limits_that_do_not_go_together),
		cmocka_unit_test(knows_rates_by_their_units),
		cmocka_unit_test(limits_of_one_user_are_three_quarters_unless_set),
		cmocka_unit_test(refuses_logins_that_do_not_go_together),
		cmocka_unit_test(refuses_kids_and_profiles_that_do_not_go_together),
		cmocka_unit_test(knows_what_may_share_a_kid),
		cmocka_unit_test(reads_every_value),
		cmocka_unit_test(canonical_text_reads_back_the_same),
		cmocka_unit_test(canonical_lines_are_not_longer),
		cmocka_unit_test(every_algorithm_can_be_granted),
		cmocka_unit_test(akp_keys_are_in_sets_that_name_them),
		cmocka_unit_test(completes_durations_of_versions),
		cmocka_unit_test(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
