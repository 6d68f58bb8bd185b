/* SPDX-License-Identifier: Apache-2.0 */
/* The front's memory of catalogues: replaced in one step, never without a public half it had, nothing private, nothing half-done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "catalog.h"

static struct wire_msg message(enum wire_type type)
{
	struct wire_msg msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = type;
	return msg;
}

static bool simple(struct catalog *c, const char *module, enum wire_type type, struct jwk11_err *err)
{
	struct wire_msg msg = message(type);

	return catalog_take(c, module, &msg, err);
}

/* A row for a key; jwk NULL: without a public half. */
static struct wire_msg key_row(const char *name, const char *state, const char *kid, const char *jwk)
{
	struct wire_msg msg = message(WIRE_CATALOG_KEY);

	msg.field[WIRE_F_NAME] = j11_view_str(name);
	msg.field[WIRE_F_STATE] = j11_view_str(state);
	if (jwk != NULL) {
		msg.field[WIRE_F_KID] = j11_view_str(kid);
		msg.field[WIRE_F_ALG] = J11_VIEW("ES256");
		msg.field[WIRE_F_JWK] = j11_view_str(jwk);
		msg.field[WIRE_F_PEM] = j11_view_str(jwk); /* as different as the keys */
	}
	return msg;
}

static void key(struct catalog *c, const char *module, const char *name, const char *state, const char *kid, const char *jwk,
	struct jwk11_err *err)
{
	struct wire_msg msg = key_row(name, state, kid, jwk);

	assert_false(catalog_take(c, module, &msg, err));
}

static void token(struct catalog *c, const char *module, const char *name, const char *state)
{
	struct wire_msg msg = message(WIRE_CATALOG_TOKEN);

	msg.field[WIRE_F_NAME] = j11_view_str(name);
	msg.field[WIRE_F_STATE] = j11_view_str(state);
	assert_false(catalog_take(c, module, &msg, NULL));
}

#define JWK_A "{\"kty\":\"EC\",\"kid\":\"ka\",\"crv\":\"P-256\"}"
#define JWK_B "{\"kty\":\"OKP\",\"kid\":\"kb\",\"crv\":\"Ed25519\"}"

static struct catalog *with_a(void)
{
	struct catalog *c = catalog_new();

	assert_non_null(c);
	assert_false(simple(c, "m", WIRE_CATALOG_BEGIN, NULL));
	key(c, "m", "a", "active", "ka", JWK_A, NULL);
	token(c, "m", "t", "ready");
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	return c;
}

static void shows_a_catalogue_only_when_it_is_whole(void **state)
{
	struct catalog *c = catalog_new();
	const char *module = NULL;

	(void)state;
	assert_null(catalog_key_named(c, "a"));
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "active", "ka", JWK_A, NULL);
	token(c, "m", "t", "ready");
	assert_null(catalog_key_named(c, "a"));
	assert_null(catalog_token_named(c, "t", &module));
	assert_int_equal(catalog_generation(c), 0);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->crv, "P-256");
	assert_string_equal(catalog_key_of_kid(c, "ka")->name, "a");
	assert_string_equal(catalog_key_named(c, "a")->module, "m");
	assert_string_equal(catalog_token_named(c, "t", &module)->state, "ready");
	assert_string_equal(module, "m");
	assert_null(catalog_key_of_kid(c, "a"));
	assert_null(catalog_key_of_kid(c, ""));
	assert_int_equal(catalog_generation(c), 1);
	catalog_free(c);
}

static void keeps_public_halves_of_a_token_that_went_away(void **state)
{
	struct catalog *c = with_a();

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "unavailable", NULL, NULL, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->jwk, JWK_A);
	assert_string_equal(catalog_key_named(c, "a")->kid, "ka");
	assert_string_equal(catalog_key_named(c, "a")->crv, "P-256");
	assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "unavailable");
	assert_non_null(catalog_key_of_kid(c, "ka"));
	catalog_free(c);
}

static void keeps_a_key_that_is_not_reported_any_more(void **state)
{
	struct catalog *c = with_a();

	(void)state;
	for (int i = 0; i < 3; i++) {
		simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
		assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
		assert_string_equal(catalog_key_named(c, "a")->jwk, JWK_A);
		assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "unavailable");
		assert_true(strlen(catalog_key_text(catalog_key_named(c, "a"))) > 0);
	}
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "active", "kb", JWK_B, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->jwk, JWK_B);
	assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "active");
	assert_null(catalog_key_of_kid(c, "ka"));
	catalog_free(c);
}

static void forgets_a_key_on_demand(void **state)
{
	struct catalog *c = with_a();

	(void)state;
	catalog_forget(c, "nobody");
	assert_int_equal(catalog_generation(c), 1);
	catalog_forget(c, "a");
	assert_null(catalog_key_named(c, "a"));
	assert_null(catalog_key_of_kid(c, "ka"));
	assert_int_equal(catalog_generation(c), 2);
	catalog_free(c);
}

/* The kid is another one by the configuration: shown until the module has spoken, and then by what it says alone. */
static void keeps_an_outdated_key_until_its_module_speaks(void **state)
{
	struct catalog *c = with_a();

	(void)state;
	catalog_outdate(c, "nobody");
	assert_false(catalog_key_named(c, "a")->outdated);
	catalog_outdate(c, "a");
	assert_true(catalog_key_named(c, "a")->outdated);
	assert_string_equal(catalog_key_named(c, "a")->jwk, JWK_A);
	simple(c, "other", WIRE_CATALOG_BEGIN, NULL);
	assert_true(simple(c, "other", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->jwk, JWK_A);
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "active", "kb", JWK_B, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->jwk, JWK_B);
	assert_false(catalog_key_named(c, "a")->outdated);
	assert_null(catalog_key_of_kid(c, "ka"));
	catalog_outdate(c, "a");
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "unavailable", NULL, NULL, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->jwk, "");
	assert_null(catalog_key_of_kid(c, "kb"));
	catalog_free(c);
}

static void refuses_rows_outside_begin_and_end(void **state)
{
	struct catalog *c = with_a();
	struct jwk11_err err = { .rc = JWK11_OK };

	(void)state;
	key(c, "m", "b", "active", "kb", JWK_B, &err);
	assert_int_equal(err.rc, JWK11_ERR_SYNTAX);
	assert_false(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_null(catalog_key_named(c, "b"));
	assert_non_null(catalog_key_named(c, "a"));
	catalog_free(c);
}

static void refuses_jwks_that_must_not_be_published(void **state)
{
	static const char *const bad[] = {
		"{\"kty\":\"EC\",\"kid\":\"kb\",\"d\":\"AA\"}", "{\"kty\":\"oct\",\"kid\":\"kb\",\"k\":\"AA\"}",
		"{\"kty\":\"RSA\",\"kid\":\"kb\",\"p\":\"AA\"}",
		"{\"kty\":\"AKP\",\"kid\":\"kb\",\"priv\":\"AA\"}", "{\"kty\":\"EC\"}",
		"{\"kty\":\"EC\",\"kid\":\"other\"}", "{\"kid\":1}", "[]", "{", "{}{}", "\"kb\"",
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bad); i++) {
		struct catalog *c = with_a();
		struct jwk11_err err = { .rc = JWK11_OK };

		simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
		key(c, "m", "b", "active", "kb", bad[i], &err);
		if (err.rc == JWK11_OK)
			fail_msg("taken: %s", bad[i]);
		assert_false(simple(c, "m", WIRE_CATALOG_END, NULL)); /* the whole update is spoiled */
		assert_null(catalog_key_named(c, "b"));
		assert_non_null(catalog_key_named(c, "a"));
		simple(c, "m", WIRE_CATALOG_BEGIN, NULL); /* but not the next */
		key(c, "m", "b", "active", "kb", JWK_B, NULL);
		assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
		assert_non_null(catalog_key_named(c, "b"));
		catalog_free(c);
	}
}

static void prefers_the_module_that_can_use_a_key(void **state)
{
	struct catalog *c = with_a();
	const char *module = NULL;

	(void)state;
	simple(c, "n", WIRE_CATALOG_BEGIN, NULL);
	key(c, "n", "a", "missing", NULL, NULL, NULL);
	token(c, "n", "t", "absent");
	assert_true(simple(c, "n", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->module, "m");
	assert_string_equal(catalog_token_named(c, "t", &module)->state, "ready");
	assert_string_equal(module, "m");
	simple(c, "l", WIRE_CATALOG_BEGIN, NULL);
	token(c, "l", "u", "absent");
	assert_true(simple(c, "l", WIRE_CATALOG_END, NULL));
	simple(c, "o", WIRE_CATALOG_BEGIN, NULL);
	token(c, "o", "u", "ready");
	assert_true(simple(c, "o", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_token_named(c, "u", &module)->state, "ready");
	assert_string_equal(module, "o");
	catalog_free(c);
}

static void chains_names_of_one_kid(void **state)
{
	struct catalog *c = catalog_new();
	const struct catalog_key *k;

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "active", "ka", JWK_A, NULL);
	key(c, "m", "b", "active", "ka", JWK_A, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	k = catalog_key_of_kid(c, "ka");
	assert_non_null(k->next_kid);
	assert_null(k->next_kid->next_kid);
	assert_string_not_equal(k->name, k->next_kid->name);
	catalog_free(c);
}

/* ---- versions ---- */

/* One version, with a kid that is its thumbprint; `whole`: the module's tokens were all searched. moment < 0: none was found. */
static void version(struct catalog *c, const char *module, const char *kid, int64_t moment, const char *version_state, bool whole)
{
	static const uint64_t one = 1;
	uint64_t number = (uint64_t)moment;
	char jwk[128];
	struct wire_msg msg;

	snprintf(jwk, sizeof(jwk), "{\"kty\":\"EC\",\"kid\":\"%s\",\"crv\":\"P-256\"}", kid);
	msg = key_row("a", version_state, kid, moment >= 0 ? jwk : NULL);
	if (moment >= 0) {
		msg.field[WIRE_F_THUMBPRINT] = j11_view_str(kid);
		msg.field[WIRE_F_MOMENT] = (struct jwk11_view){ .data = &number, .len = sizeof(number) };
	}
	if (whole)
		msg.field[WIRE_F_WHOLE] = (struct jwk11_view){ .data = &one, .len = sizeof(one) };
	assert_false(catalog_take(c, module, &msg, NULL));
}

/* The kids in their order, each with the letter of its state. */
static void expect_versions(struct catalog *c, int64_t now, const char *expected, int64_t due)
{
	char got[256] = "";

	assert_int_equal(catalog_settle(c, "a", now, 100), due);
	for (const struct catalog_key *k = catalog_versions(c, "a"); k != NULL; k = k->next_version)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s=%s%s", got[0] ? " " : "", k->kid, j11_version_state_name(k->version_state),
			k->unreported ? "?" : "");
	assert_string_equal(got, expected);
}

static struct catalog *with_versions(void)
{
	struct catalog *c = catalog_new();

	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	version(c, "m", "k2", 2000, "active", true);
	version(c, "m", "k0", 0, "active", true);
	version(c, "m", "k1", 1000, "active", true);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	return c;
}

static void a_name_means_the_version_that_signs(void **state)
{
	struct catalog *c = with_versions();

	(void)state;
	expect_versions(c, 500, "k0=active k1=next k2=next", 1000);
	assert_string_equal(catalog_key_named(c, "a")->kid, "k0");
	expect_versions(c, 1050, "k0=retiring k1=active k2=next", 1100);
	assert_string_equal(catalog_key_named(c, "a")->kid, "k1");
	assert_string_equal(catalog_key_state(catalog_key_of_kid(c, "k0")), "retiring");
	assert_string_equal(catalog_key_of_kid(c, "k2")->name, "a");
	assert_true(catalog_key_stands(c, catalog_key_of_kid(c, "k2")));
	assert_null(catalog_key_of_kid(c, "k2")->next_kid);
	assert_int_equal(catalog_settle(c, "nobody", 500, 100), INT64_MAX);
	assert_null(catalog_versions(c, "nobody"));
	catalog_free(c);
}

static void versions_of_two_modules_are_one_row(void **state)
{
	struct catalog *c = with_versions();

	(void)state;
	simple(c, "n", WIRE_CATALOG_BEGIN, NULL);
	version(c, "n", "k1", 1000, "active", true); /* by another way */
	version(c, "n", "k3", 1500, "active", true);
	assert_true(simple(c, "n", WIRE_CATALOG_END, NULL));
	expect_versions(c, 1550, "k0=retired k1=retiring k3=active k2=next", 1600);
	assert_string_equal(catalog_key_named(c, "a")->module, "n");
	simple(c, "o", WIRE_CATALOG_BEGIN, NULL);
	version(c, "o", "", -1, "missing", true); /* a module that has none says nothing about the others' */
	assert_true(simple(c, "o", WIRE_CATALOG_END, NULL));
	expect_versions(c, 1550, "k0=retired k1=retiring k3=active k2=next", 1600);
	catalog_free(c);
}

/* The token is away: what was seen stays published, and the clock goes on. */
static void versions_outlive_their_token(void **state)
{
	struct catalog *c = with_versions();

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	version(c, "m", "", -1, "unavailable", false);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	expect_versions(c, 500, "k0=active? k1=next? k2=next?", 1000);
	expect_versions(c, 1050, "k0=retiring? k1=active? k2=next?", 1100);
	assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "unavailable");
	assert_string_not_equal(catalog_key_named(c, "a")->jwk, "");
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	version(c, "m", "k1", 1000, "active", false); /* one of two tokens is back */
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	expect_versions(c, 1050, "k0=retiring? k1=active k2=next?", 1100);
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	version(c, "m", "k1", 1000, "active", true); /* and the other one, without its versions */
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	expect_versions(c, 1050, "k1=active", INT64_MAX);
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	version(c, "m", "", -1, "missing", true);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_null(catalog_versions(c, "a"));
	assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "missing");
	catalog_free(c);
}

/* Two brokers that see different weather agree: what a worker cannot do at the moment does not change whose turn it is. */
static void weather_changes_no_turn(void **state)
{
	struct catalog *c = with_versions();

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	version(c, "m", "k0", 0, "active", true);
	version(c, "m", "k1", 1000, "unavailable", true);
	version(c, "m", "k2", 2000, "weak", true); /* this does not go away */
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	expect_versions(c, 1050, "k0=retiring k1=active k2=next", 1100);
	expect_versions(c, 5000, "k0=retired k1=active k2=retiring", INT64_MAX);
	catalog_free(c);
}

/* Of more than can be looked at the oldest are left out. */
static void the_newest_of_many_versions_counts(void **state)
{
	struct catalog *c = catalog_new();
	char kid[16];

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	for (int i = 0; i < 3 * J11_VERSIONS_MAX; i++) {
		snprintf(kid, sizeof(kid), "k%d", i);
		version(c, "m", kid, 1000 + i, "active", true);
	}
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_int_equal(catalog_settle(c, "a", 500000, 100), INT64_MAX);
	assert_string_equal(catalog_key_named(c, "a")->kid, kid);
	assert_int_equal(catalog_versions(c, "a")->version_state, J11_VERSION_RETIRED);
	catalog_free(c);
}

/* A key whose kid style is none: its JWK has none either. */
static void takes_keys_without_a_kid(void **state)
{
	struct catalog *c = catalog_new();
	struct jwk11_err err = { .rc = JWK11_OK };

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "active", "", "{\"kty\":\"EC\"}", &err);
	key(c, "m", "b", "active", "", "{\"kty\":\"RSA\"}", &err);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "b")->jwk, "{\"kty\":\"RSA\"}");
	assert_null(catalog_key_of_kid(c, ""));
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "active", "", JWK_A, &err);
	assert_string_equal(err.code, "JWK_INVALID");
	assert_false(simple(c, "m", WIRE_CATALOG_END, NULL));
	catalog_free(c);
}

/* Certificates are public and still not taken on trust: they reach clients as they are. */
static void takes_certificates_that_are_base64(void **state)
{
	static const struct {
		const char *x5c, *x5t;
		bool good;
	} rows[] = {
		{ "[\"AAAA\",\"AA==\"]", "0123456789012345678901234567890123456789012", true },
		{ "[\"AAAA\"]", "short", false },
		{ "[]", "0123456789012345678901234567890123456789012", false },
		{ "[\"<AAA\"]", "0123456789012345678901234567890123456789012", false },
		{ "[\"AAAA\"", "0123456789012345678901234567890123456789012", false },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct catalog *c = catalog_new();
		struct wire_msg msg = message(WIRE_CATALOG_KEY);

		msg.field[WIRE_F_NAME] = J11_VIEW("a");
		msg.field[WIRE_F_STATE] = J11_VIEW("active");
		msg.field[WIRE_F_KID] = J11_VIEW("ka");
		msg.field[WIRE_F_JWK] = J11_VIEW(JWK_A);
		msg.field[WIRE_F_X5C] = j11_view_str(rows[i].x5c);
		msg.field[WIRE_F_X5T] = j11_view_str(rows[i].x5t);
		simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
		assert_false(catalog_take(c, "m", &msg, NULL));
		assert_int_equal(simple(c, "m", WIRE_CATALOG_END, NULL), rows[i].good);
		assert_int_equal(catalog_key_named(c, "a") != NULL, rows[i].good);
		if (rows[i].good) { /* and they stay while the token is away */
			assert_string_equal(catalog_key_named(c, "a")->x5c, rows[i].x5c);
			simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
			key(c, "m", "a", "unavailable", NULL, NULL, NULL);
			simple(c, "m", WIRE_CATALOG_END, NULL);
			assert_string_equal(catalog_key_named(c, "a")->x5c, rows[i].x5c);
		}
		catalog_free(c);
	}
}

static void a_kid_that_is_taken_takes_the_old_public_half_along(void **state)
{
	struct catalog *c = with_a();

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "kid-taken", NULL, NULL, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->jwk, "");
	assert_null(catalog_key_of_kid(c, "ka"));
	catalog_free(c);
}

static void a_key_that_is_refused_as_weak_is_published_no_more(void **state)
{
	struct catalog *c = with_a();

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "weak", NULL, NULL, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->jwk, "");
	catalog_free(c);
	c = with_a(); /* one that only lost the right to sign is */
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	key(c, "m", "a", "wants-pin", NULL, NULL, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_string_equal(catalog_key_named(c, "a")->jwk, JWK_A);
	catalog_free(c);
}

static void remembers_what_is_known_against_a_key(void **state)
{
	struct catalog *c = catalog_new();
	struct wire_msg row = key_row("a", "active", "ka", JWK_A);
	uint64_t roca = JWK11_HEALTH_ROCA;

	(void)state;
	row.field[WIRE_F_HEALTH] = (struct jwk11_view){ (const uint8_t *)&roca, sizeof(roca) };
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	assert_false(catalog_take(c, "m", &row, NULL));
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_int_equal(catalog_key_named(c, "a")->health, JWK11_HEALTH_ROCA);
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL); /* the token is away */
	key(c, "m", "a", "unavailable", NULL, NULL, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_int_equal(catalog_key_named(c, "a")->health, JWK11_HEALTH_ROCA);
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL); /* another key, and nothing against it */
	key(c, "m", "a", "active", "kb", JWK_B, NULL);
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	assert_int_equal(catalog_key_named(c, "a")->health, 0);
	catalog_free(c);
}

static void report(struct catalog *c, const char *module, const char *state, const char *kid, const char *jwk)
{
	simple(c, module, WIRE_CATALOG_BEGIN, NULL);
	key(c, module, "a", state, kid, jwk, NULL);
	assert_true(simple(c, module, WIRE_CATALOG_END, NULL));
}

/* One key that two modules show: whichever worker was faster, the configuration says which of them serves it. */
static void the_order_of_modules_decides_who_serves_a_key(void **state)
{
	static const char *const orders[][3] = { { "n", "m" }, { "m", "n" }, { "n" } };
	static const char *const first[] = { "n", "m", "n" };
	struct catalog *c = with_a();

	(void)state;
	report(c, "n", "active", "ka", JWK_A);
	assert_string_equal(catalog_key_named(c, "a")->module, "m"); /* it came first */
	for (size_t i = 0; i < J11_COUNT(orders); i++) {
		catalog_set_order(c, orders[i]);
		assert_string_equal(catalog_key_named(c, "a")->module, first[i]);
		assert_string_equal(catalog_key_of_kid(c, "ka")->module, first[i]);
		assert_non_null(catalog_key_of_kid(c, "ka")->next_kid);
		assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "active");
	}
	report(c, "n", "unavailable", NULL, NULL); /* the first in order, which cannot use it now */
	assert_string_equal(catalog_key_named(c, "a")->module, "m");
	catalog_free(c);
}

static void two_keys_by_one_name_are_not_chosen_between(void **state)
{
	static const char *const order[] = { "n", "m", NULL };
	struct catalog *c = with_a();

	(void)state;
	catalog_set_order(c, order);
	report(c, "n", "active", "kb", JWK_B);
	assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "ambiguous");
	assert_string_equal(catalog_key_text(catalog_key_named(c, "a")), "different keys match its uri in two modules");
	assert_string_equal(catalog_key_named(c, "a")->rival->kid, "ka");
	report(c, "n", "unavailable", NULL, NULL); /* its token went: that is no answer to which one was meant, but one is left */
	assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "active");
	assert_string_equal(catalog_key_named(c, "a")->kid, "ka");
	catalog_free(c);
}

/* Nothing shows that two secret keys are one. */
static void secret_keys_in_two_modules_are_not_chosen_between(void **state)
{
	static const char *const modules[] = { "m", "n" };
	struct catalog *c = catalog_new();

	(void)state;
	for (size_t i = 0; i < J11_COUNT(modules); i++) {
		struct wire_msg row = key_row("a", "active", NULL, NULL);

		row.field[WIRE_F_KTY] = J11_VIEW("oct");
		row.field[WIRE_F_KID] = J11_VIEW("ka");
		simple(c, modules[i], WIRE_CATALOG_BEGIN, NULL);
		assert_false(catalog_take(c, modules[i], &row, NULL));
		assert_true(simple(c, modules[i], WIRE_CATALOG_END, NULL));
	}
	assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "ambiguous");
	catalog_free(c);
}

/* A secret key in one module, under the kid ka where one is given. */
static void report_secret(struct catalog *c, const char *state, const char *kid)
{
	struct wire_msg row = key_row("a", state, NULL, NULL);

	if (kid != NULL) {
		row.field[WIRE_F_KTY] = J11_VIEW("oct");
		row.field[WIRE_F_KID] = j11_view_str(kid);
		row.field[WIRE_F_ALG] = J11_VIEW("HS256");
	}
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	assert_false(catalog_take(c, "m", &row, NULL));
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
}

static void keeps_what_a_secret_key_is_called_while_its_token_is_away(void **state)
{
	struct catalog *c = catalog_new();

	(void)state;
	report_secret(c, "active", "ka");
	for (int i = 0; i < 2; i++) {
		report_secret(c, "unavailable", NULL);
		assert_string_equal(catalog_key_named(c, "a")->kid, "ka");
		assert_string_equal(catalog_key_named(c, "a")->alg, "HS256");
		assert_true(catalog_key_is_secret(catalog_key_named(c, "a")));
		assert_string_equal(catalog_key_state(catalog_key_named(c, "a")), "unavailable");
		assert_string_equal(catalog_key_named(c, "a")->jwk, "");
	}
	report_secret(c, "active", "kb"); /* another one is there when the token comes back */
	assert_string_equal(catalog_key_named(c, "a")->kid, "kb");
	assert_null(catalog_key_of_kid(c, "ka"));
	report_secret(c, "missing", NULL); /* it was looked for and is not there */
	assert_string_equal(catalog_key_named(c, "a")->kid, "");
	catalog_free(c);
}

static void finds_each_of_many(void **state)
{
	struct catalog *c = catalog_new();
	char name[32], kid[32], jwk[64];

	(void)state;
	simple(c, "m", WIRE_CATALOG_BEGIN, NULL);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "key%u", i);
		snprintf(kid, sizeof(kid), "kid%u", i);
		snprintf(jwk, sizeof(jwk), "{\"kid\":\"%s\"}", kid);
		key(c, "m", name, "active", kid, jwk, NULL);
	}
	assert_true(simple(c, "m", WIRE_CATALOG_END, NULL));
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "key%u", i);
		snprintf(kid, sizeof(kid), "kid%u", i);
		assert_string_equal(catalog_key_named(c, name)->kid, kid);
		assert_string_equal(catalog_key_of_kid(c, kid)->name, name);
	}
	assert_null(catalog_key_named(c, "key3000"));
	catalog_free(c);
}

/* With each allocation failing in turn: either the old catalogue or the new one, never less. */
static void loses_nothing_without_memory(void **state)
{
	bool done = false;

	(void)state;
	for (unsigned long n = 1; !done; n++) {
		struct catalog *c = with_a();
		struct jwk11_err err = { .rc = JWK11_OK };
		bool changed;

		assert_true(n < 1000);
		j11_mem_fail_at(n, 0);
		simple(c, "m", WIRE_CATALOG_BEGIN, &err);
		key(c, "m", "b", "active", "kb", JWK_B, &err);
		changed = simple(c, "m", WIRE_CATALOG_END, &err);
		j11_mem_fail_at(0, 0);
		assert_true(changed == (err.rc == JWK11_OK));
		assert_true(changed == (catalog_key_named(c, "b") != NULL));
		assert_string_equal(catalog_key_named(c, "a")->jwk, JWK_A);
		done = changed;
		catalog_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_a_catalogue_only_when_it_is_whole),
		cmocka_unit_test(keeps_public_halves_of_a_token_that_went_away),
		cmocka_unit_test(keeps_a_key_that_is_not_reported_any_more),
		cmocka_unit_test(forgets_a_key_on_demand),
		cmocka_unit_test(keeps_an_outdated_key_until_its_module_speaks),
		cmocka_unit_test(refuses_rows_outside_begin_and_end),
		cmocka_unit_test(refuses_jwks_that_must_not_be_published),
		cmocka_unit_test(prefers_the_module_that_can_use_a_key),
		cmocka_unit_test(chains_names_of_one_kid),
		cmocka_unit_test(a_name_means_the_version_that_signs),
		cmocka_unit_test(versions_of_two_modules_are_one_row),
		cmocka_unit_test(versions_outlive_their_token),
		cmocka_unit_test(weather_changes_no_turn),
		cmocka_unit_test(the_newest_of_many_versions_counts),
		cmocka_unit_test(takes_keys_without_a_kid),
		cmocka_unit_test(takes_certificates_that_are_base64),
		cmocka_unit_test(a_kid_that_is_taken_takes_the_old_public_half_along),
		cmocka_unit_test(a_key_that_is_refused_as_weak_is_published_no_more),
		cmocka_unit_test(remembers_what_is_known_against_a_key),
		cmocka_unit_test(the_order_of_modules_decides_who_serves_a_key),
		cmocka_unit_test(two_keys_by_one_name_are_not_chosen_between),
		cmocka_unit_test(secret_keys_in_two_modules_are_not_chosen_between),
		cmocka_unit_test(keeps_what_a_secret_key_is_called_while_its_token_is_away),
		cmocka_unit_test(finds_each_of_many),
		cmocka_unit_test(loses_nothing_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
