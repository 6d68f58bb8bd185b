/* SPDX-License-Identifier: Apache-2.0 */
/* jose/jwks_diff and jose/thumb: what changed between two sets. */
#include "vector.h"

#include "jose/jwks_diff.h"
#include "jose/thumb.h"
#include "lint_keys.h"

#define KEY(members) "{" members "}"

/* "kind kid members" of each change, with ";" between. */
static const struct row {
	const char *comment, *before, *after, *changes;
} rows[] = {
	{ "the same", SET(KEY(EC_KEY) "," KEY(RSA_KEY)), SET(KEY(EC_KEY) "," KEY(RSA_KEY)), "" },
	{ "other order of keys", SET(KEY(EC_KEY) "," KEY(RSA_KEY)), SET(KEY(RSA_KEY) "," KEY(EC_KEY)), "" },
	{ "other order of members, escapes, blanks", KEY("\"a\":[1,{\"b\":2,\"c\":\"d\"}]," EC_KEY), "{ " EC_KEY ",\"a\":[1, {\"c\":\"\\u0064\",\"b\":2}]}", "" },
	{ "empty sets", SET(""), SET(""), "" },
	{ "added", SET(KEY(EC_KEY)), SET(KEY(RSA_KEY) "," KEY(EC_KEY)), "added " N_KID " " },
	{ "removed", SET(KEY(EC_KEY) "," KEY(RSA_KEY)), SET(KEY(RSA_KEY)), "removed " EC_KID " " },
	{ "all new", SET(KEY(EC_KEY)), SET(KEY(RSA_KEY)), "added " N_KID " ;removed " EC_KID " " },
	{ "from nothing", SET(""), SET(KEY(EC_KEY)), "added " EC_KID " " },
	{ "another member", SET(KEY(EC_KEY)), SET(KEY(EC_KEY ",\"x5t\":\"AA\"")), "changed " EC_KID " x5t" },
	{ "without a member", SET(KEY(EC_KEY)), SET(KEY(EC ",\"use\":\"sig\",\"kid\":\"" EC_KID "\"")), "changed " EC_KID " alg" },
	{ "other values", SET(KEY(EC_KEY)), SET(KEY(EC ",\"use\":\"enc\",\"alg\":\"ECDH-ES\",\"kid\":\"" EC_KID "\"")), "changed " EC_KID " use alg" },
	{ "another number", SET(KEY(EC_KEY ",\"exp\":1")), SET(KEY(EC_KEY ",\"exp\":10")), "changed " EC_KID " exp" },
	{ "arrays have an order", SET(KEY(EC_KEY ",\"x5c\":[\"a\",\"b\"]")), SET(KEY(EC_KEY ",\"x5c\":[\"b\",\"a\"]")), "changed " EC_KID " x5c" },
	{ "another key, same kid", SET(KEY(EC ES256 KID)), SET(KEY(EC_XY(ZERO_X, ZERO_Y) ES256 KID)), "replaced 1 x y" },
	{ "same key, another kid", SET(KEY(EC ES256 KID)), SET(KEY(EC_KEY)), "renamed " EC_KID " " },
	{ "same key, another kid and alg", SET(KEY(RSA ",\"use\":\"sig\",\"alg\":\"PS256\"" KID)), SET(KEY(RSA_KEY)), "renamed " N_KID " alg" },
	{ "same key, now with a kid", SET(KEY(EC ES256)), SET(KEY(EC_KEY)), "renamed " EC_KID " " },
	{ "same key, no kid any more", SET(KEY(EC_KEY)), SET(KEY(EC ES256)), "renamed  " },
	{ "no kid, same key, other order", SET(KEY(EC ES256) "," KEY(RSA)), SET(KEY(RSA) "," KEY(EC ES256)), "" },
	{ "no kid, another member", SET(KEY(EC)), SET(KEY(EC ES256)), "changed  use alg" },
	{ "the kid goes to a new key", SET(KEY(EC ES256 KID)), SET(KEY(RSA ",\"kid\":\"1\"") "," KEY(EC_KEY)),
		"added " EC_KID " ;replaced 1 kty crv x y use alg e n" },
	{ "two keys with one kid", SET(KEY(EC ES256 KID) "," KEY(RSA KID)), SET(KEY(RSA KID) "," KEY(EC ES256 KID)), "" },
	{ "one of two keys with one kid", SET(KEY(EC ES256 KID) "," KEY(RSA KID)), SET(KEY(RSA KID)), "removed 1 " },
	{ "unknown kinds, by kid", SET("{\"kty\":\"X\",\"kid\":\"1\",\"v\":1}"), SET("{\"kty\":\"X\",\"kid\":\"1\",\"v\":2}"), "changed 1 v" },
	{ "unknown kinds without kid", SET("{\"kty\":\"X\",\"v\":1}"), SET("{\"kty\":\"X\",\"v\":2}"), "added  ;removed  " },
	{ "what is no key at all", SET("1,\"a\""), SET("\"a\",1"), "" },
	{ "members of the set", "{\"spiffe_sequence\":1,\"keys\":[]}", "{\"spiffe_sequence\":2,\"keys\":[],\"a\":1}", "set  spiffe_sequence a" },
	{ "one key and a set of it", KEY(EC_KEY), SET(KEY(EC_KEY)), "" },
	{ "AKP by thumbprint", SET("{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\",\"kid\":\"a\"}"),
		SET("{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\",\"kid\":\"b\"}"), "renamed b " },
};

static void describe(const struct j11_jwks_diff *diff, struct jwk11_buf *out)
{
	for (size_t i = 0; i < diff->n; i++) {
		const struct j11_change *c = &diff->changes[i];
		const struct j11_json *kid = j11_json_get(c->after != NULL ? c->after : c->before, "kid");

		j11_buf_add_fmt(out, "%s%s %s %s", i > 0 ? ";" : "", j11_change_name(c->kind), kid != NULL ? (const char *)kid->text.data : "", c->members);
	}
}

static void tells_what_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_jwks_diff *diff = NULL;
		struct jwk11_buf text = J11_BUF(4096);
		struct jwk11_err err = { 0 };

		if (j11_jwks_diff(j11_view_str(rows[i].before), j11_view_str(rows[i].after), &diff, &err) != JWK11_OK)
			fail_msg("%s: %s", rows[i].comment, err.text);
		describe(diff, &text);
		if (strcmp(jwk11_buf_data(&text), rows[i].changes) != 0)
			fail_msg("%s: %s", rows[i].comment, jwk11_buf_data(&text));
		j11_buf_done(&text);
		j11_jwks_diff_free(diff);
	}
}

/* Added and removed change places, everything else stays. */
static void tells_the_same_backwards(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_jwks_diff *there = NULL, *back = NULL;
		size_t n[2][J11_N_CHANGE_] = { { 0 } };

		assert_int_equal(j11_jwks_diff(j11_view_str(rows[i].before), j11_view_str(rows[i].after), &there, NULL), JWK11_OK);
		assert_int_equal(j11_jwks_diff(j11_view_str(rows[i].after), j11_view_str(rows[i].before), &back, NULL), JWK11_OK);
		for (size_t j = 0; j < there->n; j++)
			n[0][there->changes[j].kind]++;
		for (size_t j = 0; j < back->n; j++)
			n[1][back->changes[j].kind]++;
		for (enum j11_change_kind kind = 0; kind < J11_N_CHANGE_; kind++) {
			enum j11_change_kind other = kind == J11_CHANGE_ADDED ? J11_CHANGE_REMOVED : kind == J11_CHANGE_REMOVED ? J11_CHANGE_ADDED : kind;

			if (n[0][kind] != n[1][other])
				fail_msg("%s: %zu %s, %zu back", rows[i].comment, n[0][kind], j11_change_name(kind), n[1][other]);
		}
		j11_jwks_diff_free(there);
		j11_jwks_diff_free(back);
	}
}

static const struct {
	const char *before, *after, *text;
	enum jwk11_rc rc;
} refused[] = {
	{ "", SET(""), "old set: not valid JSON at byte 0: it is empty", JWK11_ERR_SYNTAX },
	{ SET(""), "{\"keys\":[]", "new set: not valid JSON at byte 10: it ends too early", JWK11_ERR_SYNTAX },
	{ "[]", SET(""), "old set: neither a JWK set nor a JWK", JWK11_ERR_SYNTAX },
	{ SET(""), "{}", "new set: neither a JWK set nor a JWK", JWK11_ERR_SYNTAX },
	{ "{\"keys\":{}}", SET(""), "old set: neither a JWK set nor a JWK", JWK11_ERR_SYNTAX },
	{ KEY(EC_KEY KID), SET(""), "old set: member \"kid\" appears twice", JWK11_ERR_SYNTAX },
};

static void refuses_what_is_no_set(void **state)
{
	struct jwk11_buf many = J11_BUF(65536);
	struct j11_jwks_diff *diff = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(refused); i++) {
		err = (struct jwk11_err){ 0 };
		assert_int_equal(j11_jwks_diff(j11_view_str(refused[i].before), j11_view_str(refused[i].after), &diff, &err), refused[i].rc);
		assert_string_equal(err.text, refused[i].text);
		assert_null(diff);
	}
	err = (struct jwk11_err){ 0 };
	j11_buf_add_str(&many, "{\"keys\":[0");
	for (size_t i = 0; i < 1024; i++)
		j11_buf_add_str(&many, ",0");
	j11_buf_add_str(&many, "]}");
	assert_int_equal(j11_jwks_diff(j11_buf_view(&many), J11_VIEW(SET("")), &diff, &err), JWK11_ERR_LIMIT);
	assert_string_equal(err.text, "old set: more than 1024 keys");
	assert_null(diff);
	j11_buf_done(&many);
}

static enum jwk11_rc diff_once(void *arg)
{
	const struct row *row = arg;
	struct j11_jwks_diff *diff = NULL;
	enum jwk11_rc rc = j11_jwks_diff(j11_view_str(row->before), j11_view_str(row->after), &diff, NULL);

	j11_jwks_diff_free(diff);
	return rc;
}

static void memory_may_run_out_anywhere(void **state)
{
	static struct row row = { "", SET(KEY(EC_KEY) "," KEY(RSA KID)), SET(KEY(EC ES256 KID)), "" };

	(void)state;
	each_allocation_fails(diff_once, &row);
}

static void thumbprints_come_from_text(void **state)
{
	static const struct {
		const char *jwk, *thumbprint;
	} keys[] = {
		{ KEY(EC_KEY), EC_KID }, { KEY(RSA_KEY), N_KID }, { KEY(ED_KEY), ED_KID }, { "{\"kty\":\"RSA\",\"n\":\"AQ\"}", NULL },
		{ "{\"kty\":\"XX\",\"x\":\"AQ\"}", NULL }, { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"a\\\"b\"}", NULL },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":1}", NULL }, { "{\"kty\":1}", NULL }, { "[]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(keys); i++) {
		char thumbprint[JWK11_THUMBPRINT_LEN + 1] = "untouched";
		struct j11_json_doc *doc = NULL;

		assert_int_equal(j11_json_read(j11_view_str(keys[i].jwk), NULL, "key", &doc, NULL), JWK11_OK);
		assert_int_equal(j11_thumb_of(j11_json_root(doc), thumbprint), keys[i].thumbprint != NULL);
		assert_string_equal(thumbprint, keys[i].thumbprint != NULL ? keys[i].thumbprint : "untouched");
		j11_json_free(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_changed),
		cmocka_unit_test(tells_the_same_backwards),
		cmocka_unit_test(refuses_what_is_no_set),
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(thumbprints_come_from_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
