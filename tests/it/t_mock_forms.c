/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as they are found in the wild, and worse: which keys are listed, each with the right public half and able to sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "mock_trial.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* FOUND: listed, with the right public key, and a signature verifies. LEFT_OUT: not listed, with a reason. EITHER: one of the two, and never
 * a wrong public key. */
enum outcome { FOUND, LEFT_OUT, EITHER };

struct row {
	const char *type;
	const char *objects; /* of key k; of key l when there is one, which is of the same type */
	enum outcome must;
	const char *missing; /* what the library lacks today for `must` to hold; the row says so when it is there */
};

static const struct row points[] = {
	{ "p256", "private k\npublic k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_EC_POINT point:octet", FOUND, NULL }, /* no public object */
	{ "p256", "private k\nattr CKA_EC_POINT point:raw", FOUND, NULL },
	{ "p384", "private k\nattr CKA_EC_POINT point:raw", FOUND, NULL },
	{ "p521", "private k\nattr CKA_EC_POINT point:raw", FOUND, NULL },
	{ "p521", "private k\nattr CKA_EC_POINT point:octet", FOUND, NULL }, /* long form of the length */
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT point:bit", FOUND, NULL },
	{ "p384", "private k\npublic k\nattr CKA_EC_POINT point:bit", FOUND, NULL },
	{ "p521", "private k\npublic k\nattr CKA_EC_POINT point:bit", FOUND, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT point:compressed", FOUND, NULL },
	{ "p384", "private k\npublic k\nattr CKA_EC_POINT point:compressed-octet", FOUND, NULL },
	{ "p521", "private k\npublic k\nattr CKA_EC_POINT point:compressed-octet", FOUND, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT point:xy", FOUND, NULL },
	{ "ed25519", "private k\npublic k", FOUND, NULL },
	{ "ed25519", "private k\npublic k\nattr CKA_EC_POINT point:octet", FOUND, NULL },
	{ "ed25519", "private k\npublic k\nattr CKA_EC_POINT point:bit", FOUND, NULL },
	/* as CKK_EC, from before PKCS#11 3.0 had a type for it; with GnuPG's name of the curve */
	{ "ed25519", "private k\nattr CKA_KEY_TYPE number:3\npublic k\nattr CKA_KEY_TYPE number:3", FOUND, NULL },
	{ "ed25519", "private k\nattr CKA_KEY_TYPE number:3\ncertificate k", FOUND, NULL },
	{ "ed25519", "private k\npublic k\nattr CKA_EC_PARAMS hex:06092b06010401da470f01", FOUND, NULL },
	{ "ed25519", "private k\nattr CKA_KEY_TYPE number:0x41\npublic k\nattr CKA_KEY_TYPE number:0x41", LEFT_OUT, NULL }, /* says Montgomery */
	{ "p256", "private k\nattr CKA_KEY_TYPE number:0x40\npublic k\nattr CKA_KEY_TYPE number:0x40", LEFT_OUT, NULL },    /* says Edwards */
	{ "ed448", "private k\npublic k", FOUND, NULL },
	{ "ed448", "private k\npublic k\nattr CKA_EC_POINT point:octet", FOUND, NULL },
	{ "secp256k1", "private k\npublic k", FOUND, NULL },
	{ "secp256k1", "private k\npublic k\nattr CKA_EC_POINT point:compressed", FOUND, NULL },
	/* not on the curve, at infinity, empty, cut, too long, of another curve's length */
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT size:65", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT hex:00", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT empty", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT hex:0441", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT size:67", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT size:100000", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT claims:65", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT claims:0xffffffffffff", LEFT_OUT, NULL },
	{ "p256", "private k\npublic l\npublic k\nattr CKA_EC_POINT claims:65", LEFT_OUT, NULL }, /* nor what stood there before */
	{ "p256", "private k\npublic l\npublic k\nattr CKA_EC_POINT claims:67", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT no-info", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT sensitive", LEFT_OUT, NULL },
	{ "ed25519", "private k\npublic k\nattr CKA_EC_POINT hex:0000000000000000000000000000000000000000000000000000000000000000", LEFT_OUT, NULL },
};

static const struct row params[] = {
	{ "p256", "private k\npublic k\nattr CKA_EC_PARAMS params:name", FOUND, NULL },
	{ "p384", "private k\npublic k\nattr CKA_EC_PARAMS params:name", FOUND, NULL },
	{ "p521", "private k\npublic k\nattr CKA_EC_PARAMS params:name", FOUND, NULL },
	{ "ed25519", "private k\npublic k\nattr CKA_EC_PARAMS params:name", FOUND, NULL },
	{ "ed448", "private k\npublic k\nattr CKA_EC_PARAMS params:name", FOUND, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_PARAMS params:explicit", FOUND, NULL },
	{ "p384", "private k\npublic k\nattr CKA_EC_PARAMS params:explicit", FOUND, NULL },
	{ "p521", "private k\npublic k\nattr CKA_EC_PARAMS params:explicit", FOUND, NULL },
	{ "secp256k1", "private k\npublic k\nattr CKA_EC_PARAMS params:explicit", FOUND, NULL },
	{ "p384", "private k\nattr CKA_EC_PARAMS params:explicit\nattr CKA_EC_POINT point:compressed", FOUND, NULL },
	{ "secp256k1", "private k\npublic k\nattr CKA_EC_PARAMS params:name", FOUND, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_PARAMS absent", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_PARAMS empty", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_PARAMS size:300", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_PARAMS claims:10", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_EC_PARAMS hex:06052b81040022", LEFT_OUT, NULL }, /* says P-384 */
	{ "p256", "private k\npublic k\nattr CKA_EC_PARAMS hex:06052b8104000a", LEFT_OUT, NULL }, /* says secp256k1, of the same length */
	{ "p256", "private k\npublic k\nattr CKA_KEY_TYPE number:0", LEFT_OUT, NULL },             /* says RSA */
	{ "secp256k1", "private k\npublic k\nattr CKA_EC_PARAMS hex:06082a8648ce3d030107", LEFT_OUT, NULL }, /* says P-256, of the same length */
	{ "x25519", "private k\npublic k", LEFT_OUT, NULL }, /* these agree on keys and sign nothing */
	{ "x448", "private k\npublic k", LEFT_OUT, NULL },
};

static const struct row numbers[] = {
	{ "rsa2048", "private k", FOUND, NULL },
	{ "rsa2048", "private k\npublic k", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_MODULUS modulus:1", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_MODULUS modulus:17\nattr CKA_PUBLIC_EXPONENT exponent:5", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_MODULUS absent\nattr CKA_PUBLIC_EXPONENT absent\npublic k", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_PUBLIC_EXPONENT absent\npublic k", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_PUBLIC_EXPONENT empty\ncertificate k", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_PUBLIC_EXPONENT no-info\npublic k", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_PUBLIC_EXPONENT absent", LEFT_OUT, NULL }, /* 65537 is not assumed */
	{ "rsa2048", "private k\nattr CKA_PUBLIC_EXPONENT hex:01", LEFT_OUT, NULL },
	{ "rsa2048", "private k\nattr CKA_PUBLIC_EXPONENT hex:010000", LEFT_OUT, NULL },
	{ "rsa2048", "private k\nattr CKA_PUBLIC_EXPONENT size:5000", LEFT_OUT, NULL },
	{ "rsa2048", "private k\nattr CKA_MODULUS size:5000", LEFT_OUT, NULL },
	{ "rsa2048", "private k\nattr CKA_MODULUS claims:256", LEFT_OUT, NULL },
	{ "rsa2048", "private k\nattr CKA_MODULUS claims:0xfffffffffffffffe", LEFT_OUT, NULL },
	{ "rsa2048", "private k\nattr CKA_MODULUS hex:00", LEFT_OUT, NULL },
	{ "rsa1024", "private k", LEFT_OUT, NULL },
};

static const struct row halves[] = {
	{ "p256", "private k", LEFT_OUT, NULL },
	{ "p256", "private k\ncertificate k", FOUND, NULL },
	{ "ed25519", "private k\ncertificate k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_PUBLIC_KEY_INFO spki", FOUND, NULL },
	{ "ed25519", "private k\nattr CKA_PUBLIC_KEY_INFO spki", FOUND, NULL },
	{ "ed448", "private k\nattr CKA_PUBLIC_KEY_INFO spki", FOUND, NULL },
	{ "ed448", "private k\ncertificate k", FOUND, NULL },
	{ "secp256k1", "private k\nattr CKA_PUBLIC_KEY_INFO spki", FOUND, NULL },
	{ "secp256k1", "private k\ncertificate k", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_MODULUS absent\nattr CKA_PUBLIC_KEY_INFO spki", FOUND, NULL },
	{ "p256", "private k\nattr CKA_PUBLIC_KEY_INFO empty\npublic k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_PUBLIC_KEY_INFO empty\ncertificate k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_PUBLIC_KEY_INFO size:1300\npublic k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_PUBLIC_KEY_INFO size:91", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_PUBLIC_KEY_INFO claims:91", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_PUBLIC_KEY_INFO size:100000", LEFT_OUT, NULL },
	{ "p256", "private k\ncertificate k\nattr CKA_VALUE size:400", LEFT_OUT, NULL },
	{ "p256", "private k\ncertificate k\nattr CKA_VALUE empty", LEFT_OUT, NULL },
	{ "p256", "private k\ncertificate k\nattr CKA_VALUE size:1000000", LEFT_OUT, NULL },
	{ "p256", "private k\ncertificate k\nattr CKA_VALUE claims:400", LEFT_OUT, NULL },
	{ "p256", "private k\ncertificate k\nattr CKA_VALUE claims:0x7fffffffffffffff", LEFT_OUT, NULL },
	{ "p256", "private k\ncertificate k\nattr CKA_VALUE no-info", LEFT_OUT, NULL },
	/* a public object that cannot be read does not hide the certificate */
	{ "p256", "private k\npublic k\nattr CKA_EC_POINT empty\ncertificate k", FOUND, NULL },
	{ "p256", "private k\npublic k\nattr CKA_PRIVATE true", FOUND, NULL },
};

/* Two keys; what the row says is about k, and l may be listed with its own half only. */
static const struct row names[] = {
	{ "p256", "private k\npublic k\nprivate l\npublic l", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ID empty\npublic k\nattr CKA_ID empty", FOUND, NULL }, /* by label */
	{ "p256", "private k\nattr CKA_ID absent\npublic k\nattr CKA_ID absent", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ID empty\npublic k\nattr CKA_ID empty\nprivate l\nattr CKA_ID empty\npublic l\nattr CKA_ID empty", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ID empty\npublic k\nattr CKA_ID empty\nattr CKA_LABEL text:other", LEFT_OUT, NULL },
	{ "p256", "private k\npublic k\nattr CKA_ID empty", EITHER, NULL },
	{ "p256", "private k\npublic k\nprivate l\nattr CKA_ID text:k\npublic l\nattr CKA_ID text:k", LEFT_OUT, NULL }, /* one CKA_ID twice */
	{ "p256", "private k\nattr CKA_EC_POINT point:raw\nprivate l\nattr CKA_ID text:k\nattr CKA_EC_POINT point:raw", FOUND, NULL },
	{ "p256", "private k\npublic k\nprivate l\nattr CKA_LABEL text:k\npublic l", FOUND, NULL }, /* one label twice */
	{ "p256", "private k\npublic k\npublic k", FOUND, NULL },                                  /* twice the same is not two */
	{ "p256", "private k\npublic k\ncertificate k", FOUND, NULL },
	{ "p256", "private k\npublic k\nattr CKA_LABEL text:other", FOUND, NULL }, /* labels of the halves differ on PIV */
	{ "p256", "private k\nattr CKA_ID size:100\npublic k\nattr CKA_ID size:100", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ID size:5000\npublic k\nattr CKA_ID size:5000", EITHER, NULL },
	{ "p256", "private k\nattr CKA_ID claims:0xffffffff\npublic k", EITHER, NULL },
	{ "p256", "private k\npublic k\nattr CKA_LABEL size:100000", FOUND, NULL },
	{ "p256", "private k\nattr CKA_SIGN false\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_SIGN absent\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_SIGN hex:0101\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_KEY_TYPE absent\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_KEY_TYPE hex:03\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_KEY_TYPE number:0x80000001\npublic k", LEFT_OUT, NULL },
};

/* What the token lets a key do. */
static const struct row limits[] = {
	{ "p256", "mechanisms CKM_ECDSA\nprivate k\npublic k", FOUND, NULL },
	{ "p256", "mechanisms CKM_ECDSA_SHA256\nprivate k\npublic k", FOUND, NULL },
	{ "rsa2048", "mechanisms CKM_RSA_PKCS\nprivate k", FOUND, NULL },
	{ "rsa2048", "mechanisms CKM_SHA256_RSA_PKCS\nprivate k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS empty\npublic k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS mechanisms:CKM_ECDSA\npublic k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS mechanisms:CKM_ECDSA_SHA256\npublic k", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_ALLOWED_MECHANISMS mechanisms:CKM_SHA256_RSA_PKCS,CKM_SHA512_RSA_PKCS", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS absent\npublic k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS no-info\npublic k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS mechanisms:CKM_RSA_PKCS,CKM_ECDSA\npublic k", FOUND, NULL },
	{ "p256", "mechanisms CKM_ECDSA\nprivate k\nattr CKA_ALLOWED_MECHANISMS mechanisms:CKM_ECDSA_SHA256\npublic k", EITHER, NULL }, /* nothing in common */
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS number:0x1050\npublic k", LEFT_OUT, NULL }, /* CKM_ECDH1_DERIVE */
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS claims:8\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS sensitive\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS size:8192\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS claims:0xffffff\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_ALLOWED_MECHANISMS hex:0011\npublic k", LEFT_OUT, NULL },
	{ "p256", "private k\nattr CKA_ALWAYS_AUTHENTICATE true\npublic k", FOUND, NULL },
	{ "rsa2048", "private k\nattr CKA_ALWAYS_AUTHENTICATE true\npublic k", FOUND, NULL },
	{ "p256", "flags TOKEN_INITIALIZED\nprivate k\npublic k", FOUND, NULL },
	{ "p256", "private k\nattr CKA_PRIVATE false\npublic k", FOUND, NULL },
};

/* Listed under the label k, once, with its own public half; and l, if it is there, with its own. Then a signature. */
static enum outcome outcome_of(struct trial *t, const struct row *row, char *why, size_t room)
{
	size_t n = 0;
	enum jwk11_rc rc;

	trial_script("key k %s $/%s-k.pem\nkey l %s $/%s-l.pem\ntoken t1\npin 1234\n%s\n", row->type, row->type, row->type, row->type, row->objects);
	trial_must(trial_start(t), &t->err);
	for (size_t i = 0; i < jwk11_keys_count(t->keys); i++) {
		const struct jwk11_pub *pub = jwk11_key_pub(jwk11_keys_get(t->keys, i));
		char k[64], l[64];

		snprintf(k, sizeof(k), "%s-k.pem", row->type);
		snprintf(l, sizeof(l), "%s-l.pem", row->type);
		if (!trial_is_key(pub, k) && !trial_is_key(pub, l))
			fail_msg("%s %s: a public key nobody has", row->type, row->objects);
		n += trial_is_key(pub, k);
	}
	snprintf(why, room, "%s", jwk11_keys_skip_reason(t->keys));
	if (n == 0) {
		assert_true(jwk11_keys_n_skipped(t->keys) > 0 && why[0] != '\0');
		return LEFT_OUT;
	}
	assert_int_equal(n, 1);
	for (int i = 0; i < 2; i++) {
		jwk11_key_set_context_pin(trial_key(t, "k"), true);
		rc = trial_sign(t, "k");
		if (rc == JWK11_ERR_SIGNATURE)
			fail_msg("%s %s: signed by another key than the one listed", row->type, row->objects);
		snprintf(why, room, "%s", t->err.text);
		if (rc != JWK11_OK)
			return EITHER;
	}
	return FOUND;
}

static void run(const struct row *rows, size_t n)
{
	size_t n_wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct trial t = { 0 };
		char why[500];
		enum outcome got = outcome_of(&t, &rows[i], why, sizeof(why));
		bool right = got == rows[i].must || (rows[i].must == EITHER && got != EITHER);

		if (right == (rows[i].missing == NULL)) {
			trial_end(&t);
			continue;
		}
		n_wrong++;
		if (right)
			print_error("%s %s: works; it is no longer missing: %s\n", rows[i].type, rows[i].objects, rows[i].missing);
		else
			print_error("%s %s: %s (%s)\n", rows[i].type, rows[i].objects, got == FOUND ? "listed" : got == LEFT_OUT ? "left out" : "does not sign", why);
		trial_end(&t);
	}
	if (n_wrong > 0)
		fail_msg("%zu of %zu rows", n_wrong, n);
}

static void public_points(void **state)
{
	(void)state;
	run(points, COUNT(points));
}

static void curve_parameters(void **state)
{
	(void)state;
	run(params, COUNT(params));
}

static void rsa_numbers(void **state)
{
	(void)state;
	run(numbers, COUNT(numbers));
}

static void where_the_public_half_comes_from(void **state)
{
	(void)state;
	run(halves, COUNT(halves));
}

static void a_key_without_a_half_says_what_was_passed_over(void **state)
{
	struct trial t;

	(void)state;
	trial_script("key k p256 $/p256-k.pem\ntoken t1\npin 1234\nprivate k\npublic k\nattr CKA_EC_POINT hex:0441\n");
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(jwk11_keys_count(t.keys), 0);
	assert_non_null(strstr(jwk11_keys_skip_reason(t.keys), "found for it; an object was passed over: its public point"));
	trial_end(&t);
}

static void labels_ids_and_types(void **state)
{
	(void)state;
	run(names, COUNT(names));
}

static void what_the_token_lets_a_key_do(void **state)
{
	(void)state;
	run(limits, COUNT(limits));
}

/* Secret keys and keys of the years to come beside a good one: it is listed, and nothing secret is. */
static void other_objects_do_not_disturb(void **state)
{
	struct trial t;
	FILE *f = fopen(trial_path("mldsa"), "w");

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 1312; i++)
		fputc(i & 0xff, f);
	fclose(f);
	trial_script("key k p256 $/p256-k.pem\nkey h hmac $/h.key\nkey m mldsa44 $/mldsa $/mldsa\nkey x x448 $/x448.pem\ntoken t1\npin 1234\n"
		"secret h\nprivate m\npublic m\nprivate x\npublic x\nprivate k\npublic k\nslot empty\ntoken bare\nflags RNG\n");
	trial_must(trial_start(&t), &t.err);
	assert_non_null(trial_key(&t, "k"));
	trial_must(trial_sign(&t, "k"), &t.err);
	if (trial_key(&t, "m") != NULL) /* an ML-DSA key whose one signature is none */
		assert_int_equal(trial_sign(&t, "m"), JWK11_ERR_SIGNATURE);
	assert_int_equal(jwk11_context_n_hidden(t.ctx), 1);
	trial_end(&t);
}

struct seen {
	unsigned n;
	struct jwk11_token_info info;
};

static bool take_info(const struct jwk11_token_info *info, void *arg)
{
	struct seen *seen = arg;

	seen->n++;
	seen->info = *info;
	return true;
}

static void token_fields_are_cleaned(void **state)
{
	static const struct {
		const char *lines, *label, *serial;
	} rows[] = {
		{ "label two words\nserial 0001\n", "two words", "0001" },
		{ "pad nul\nlabel nul padded\nserial 7\n", "nul padded", "7" },
		{ "label hex:6100620a0d1b5b33316d\n", "a?b???[31m", "x" },
		{ "label hex:ff80fe41\n", "???A", "x" },
		{ "label hex:c3a4\n", "\xc3\xa4", "x" },
		{ "label hex:61c29b33316dc280c241\n", "a??31m???A", "x" },
		{ "label hex:61c29b33316dc280c2a0\n", "a??31m??\xc2\xa0", "x" },
		{ "label 12345678901234567890123456789012\nserial 1234567890123456\n", "12345678901234567890123456789012", "1234567890123456" },
		{ "label hex:\nserial hex:00000000\n", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct seen seen = { 0 };
		struct trial t;

		trial_script("token x\n%s", rows[i].lines);
		trial_must(trial_load(&t, false), &t.err);
		trial_must(jwk11_context_tokens(t.ctx, NULL, take_info, &seen, &t.err), &t.err);
		assert_int_equal(seen.n, 1);
		assert_string_equal(seen.info.label, rows[i].label);
		assert_string_equal(seen.info.serial, rows[i].serial);
		assert_int_equal(trial_count("C_OpenSession") + trial_count("C_Login"), 0);
		trial_end(&t);
	}
}

/* The URI is compared with the padding taken away, whichever it is; and the URI of each key found leads back to it. */
static void a_token_and_its_keys_are_found_by_their_uris_however_they_are_written(void **state)
{
	static const struct {
		const char *lines, *uri;
	} rows[] = {
		{ "pad blank\nlabel t1\nserial 1\n", "pkcs11:token=t1;serial=1" },
		{ "pad nul\nlabel t1\nserial 1\nmodel m\nmanufacturer x\n", "pkcs11:token=t1;serial=1;model=m;manufacturer=x" },
		{ "label hex:743100\nserial hex:20202000\n", "pkcs11:token=t1;serial=" },
		{ "label hex:6100620a0dff\nserial hex:01\n", "pkcs11:token=a%00b%0A%0D%FF;serial=%01" },
		{ "label hex:\nserial hex:00000000\n", "pkcs11:token=;serial=" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jwk11_token_config config = { .uri = rows[i].uri, .n_sessions = 1 };
		struct jwk11_buf uri = J11_BUF(1024);
		struct trial t;

		trial_script("key k p256 $/p256-k.pem\nkey l p256 $/p256-l.pem\ntoken x\n%spin 1234\n"
			"private k\nattr CKA_LABEL hex:6b0a00ff3b\npublic k\nprivate l\nattr CKA_ID empty\npublic l\n", rows[i].lines);
		trial_must(trial_load(&t, false), &t.err);
		config.pin_file = trial_path("pin");
		trial_must(jwk11_token_open(t.ctx, &config, &t.token, &t.err), &t.err);
		trial_must(trial_list(&t, NULL), &t.err);
		assert_int_equal(jwk11_keys_count(t.keys), 2);
		for (size_t k = 0; k < 2; k++) {
			struct jwk11_keys *again = NULL;

			jwk11_buf_reset(&uri);
			trial_must(jwk11_key_uri(jwk11_keys_get(t.keys, k), &uri, &t.err), &t.err);
			trial_must(jwk11_token_keys(t.token, jwk11_buf_data(&uri), &again, &t.err), &t.err);
			if (jwk11_keys_count(again) != 1)
				fail_msg("%s finds %zu keys", jwk11_buf_data(&uri), jwk11_keys_count(again));
			assert_string_equal(jwk11_key_label(jwk11_keys_get(again, 0)), jwk11_key_label(jwk11_keys_get(t.keys, k)));
			jwk11_keys_free(again);
		}
		j11_buf_done(&uri);
		trial_end(&t);
	}
}

/* Which public half is which key's is not guessed, and both candidates are named. */
static void two_public_keys_of_one_id_are_both_named(void **state)
{
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	struct trial t;

	(void)state;
	trial_script("key k p256 $/p256-k.pem\nkey l p256 $/p256-l.pem\ntoken t1\npin 1234\n"
		"private k\npublic k\nprivate l\nattr CKA_ID text:k\npublic l\nattr CKA_ID text:k\n");
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(jwk11_keys_count(t.keys), 0);
	assert_int_equal(jwk11_keys_n_skipped(t.keys), 2);
	for (int i = 0; i < 2; i++) {
		struct jwk11_pub *pub = trial_pub(i == 0 ? "p256-k.pem" : "p256-l.pem");

		trial_must(jwk11_pub_thumbprint(pub, thumbprint, &t.err), &t.err);
		if (strstr(jwk11_keys_skip_reason(t.keys), thumbprint) == NULL)
			fail_msg("%s is not in: %s", thumbprint, jwk11_keys_skip_reason(t.keys));
		jwk11_pub_unref(pub);
	}
	trial_end(&t);
}

static void two_tokens_of_one_name_are_not_guessed_between(void **state)
{
	struct trial t;

	(void)state;
	trial_script("token t1\npin 1234\nserial 1\ntoken x\nlabel t1\nserial 2\npin 1234\n");
	trial_must(trial_load(&t, false), &t.err);
	assert_int_equal(trial_open(&t, "pin", 1), JWK11_ERR_AMBIGUOUS);
	assert_non_null(strstr(t.err.text, "serial 2"));
	assert_int_equal(trial_count("C_Login"), 0);
	trial_end(&t);
}

/* More objects than one C_FindObjects gives. */
static void a_thousand_keys_are_listed(void **state)
{
	static char text[60000];
	size_t n = 0;
	struct trial t;

	(void)state;
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "private k\nattr CKA_ID number:%d\n", i);
	trial_script("key k rsa2048 $/rsa2048-k.pem\ntoken t1\npin 1234\n%s", text);
	trial_must(trial_start(&t), &t.err);
	assert_int_equal(jwk11_keys_count(t.keys), 1000);
	trial_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_points),
		cmocka_unit_test(curve_parameters),
		cmocka_unit_test(rsa_numbers),
		cmocka_unit_test(where_the_public_half_comes_from),
		cmocka_unit_test(a_key_without_a_half_says_what_was_passed_over),
		cmocka_unit_test(labels_ids_and_types),
		cmocka_unit_test(what_the_token_lets_a_key_do),
		cmocka_unit_test(other_objects_do_not_disturb),
		cmocka_unit_test(token_fields_are_cleaned),
		cmocka_unit_test(a_token_and_its_keys_are_found_by_their_uris_however_they_are_written),
		cmocka_unit_test(two_public_keys_of_one_id_are_both_named),
		cmocka_unit_test(two_tokens_of_one_name_are_not_guessed_between),
		cmocka_unit_test(a_thousand_keys_are_listed),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
