/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation with its n-th C_* call failing, with its n-th allocation failing, once and from there on: a stated error or none, nothing
 * written that is not whole, and the next call works. The sanitizers and valgrind watch for what is left behind; with JWK11_TRIES below 100,
 * for checkers that slow everything down, each operation fails with one answer only, and below 10 at every third call
 * or allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "mock_trial.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Signing keys of each kind, one with a certificate alone; and keys that decrypt. */
static const struct {
	const char *name, *type, *objects;
	bool listed; /* by those that look at all keys; the others are there for the operations that name them */
} keys[] = {
	{ "k", "p256", "private k\npublic k\n", true },
	{ "c", "p384", "private c\ncertificate c\n", true },
	{ "s", "secp256k1", "private s\npublic s\n", false },
	{ "r", "rsa2048", "private r\npublic r\n", true },
	{ "e", "ed25519", "private e\npublic e\n", false },
	{ "g", "ed448", "private g\npublic g\n", false },
	{ "d", "rsa2048", "private d\nattr CKA_SIGN false\nattr CKA_DECRYPT true\npublic d\n", true },
	{ "f", "p256", "private f\nattr CKA_SIGN false\nattr CKA_DERIVE true\npublic f\n", false },
	{ "x", "x25519", "private x\nattr CKA_SIGN false\nattr CKA_DERIVE true\npublic x\n", true },
};
enum { N_SIGN = 3, N_ENC = 2 };

/* A token opened and both lists made: what an operation starts from. And what it gave. */
struct world {
	struct trial t;
	struct jwk11_keys *enc;
	struct jwk11_buf jwe; /* for the operation's key */
	struct jwk11_buf out;
	struct jwk11_keys *listed;
	struct jwk11_token *opened;
	struct jwk11_chain *chain;
	struct jwk11_chain *given; /* to those that print one */
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	unsigned n_seen;
};

struct op {
	const char *name;
	enum jwk11_rc (*run)(struct world *w, const struct op *op);
	void (*check)(struct world *w, const struct op *op); /* what a success gave; NULL: nothing */
	const char *label, *alg;
	const char *token; /* further lines for the token: which mechanisms it has */
	bool alike;        /* makes the same calls as a row above, so that a few of the answers are enough */
};

static struct jwk11_key *key_of(struct world *w, const char *label)
{
	for (size_t i = 0; i < jwk11_keys_count(w->enc); i++)
		if (strcmp(jwk11_key_label(jwk11_keys_get(w->enc, i)), label) == 0)
			return jwk11_keys_get(w->enc, i);
	return trial_key(&w->t, label);
}

/* ---- the operations ---- */

static enum jwk11_rc list_sign(struct world *w, const struct op *op)
{
	(void)op;
	return jwk11_token_keys(w->t.token, NULL, &w->listed, &w->t.err);
}

static enum jwk11_rc list_enc(struct world *w, const struct op *op)
{
	(void)op;
	return jwk11_token_keys_for(w->t.token, NULL, JWK11_USE_ENC, &w->listed, &w->t.err);
}

/* What could not be read is passed over, with a reason. */
static void check_list(struct world *w, const struct op *op)
{
	size_t n = op->run == list_enc ? N_ENC : N_SIGN;

	if (jwk11_keys_count(w->listed) != n)
		assert_true(jwk11_keys_n_skipped(w->listed) > 0 && jwk11_keys_skip_reason(w->listed)[0] != '\0');
}

static bool count_token(const struct jwk11_token_info *info, void *arg)
{
	assert_string_equal(info->label, "t1");
	++*(unsigned *)arg;
	return true;
}

static enum jwk11_rc tokens(struct world *w, const struct op *op)
{
	(void)op;
	return jwk11_context_tokens(w->t.ctx, NULL, count_token, &w->n_seen, &w->t.err);
}

static enum jwk11_rc check_token(struct world *w, const struct op *op)
{
	(void)op;
	return jwk11_token_check(w->t.token, &w->t.err);
}

static enum jwk11_rc open_again(struct world *w, const struct op *op)
{
	struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .n_sessions = 2 };

	(void)op;
	config.pin_file = trial_path("pin");
	return jwk11_token_open(w->t.ctx, &config, &w->opened, &w->t.err);
}

static enum jwk11_rc sign(struct world *w, const struct op *op)
{
	return jwk11_key_sign(key_of(w, op->label), op->alg, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &w->out, &w->t.err);
}

static void check_signature(struct world *w, const struct op *op)
{
	assert_int_equal(jwk11_pub_verify(jwk11_key_pub(key_of(w, op->label)), op->alg, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), j11_buf_view(&w->out),
		NULL), JWK11_OK);
}

static enum jwk11_rc jws(struct world *w, const struct op *op)
{
	return jwk11_key_jws(key_of(w, op->label), op->alg, "kid", "{\"typ\":\"x\"}", J11_VIEW("payload"), &w->out, &w->t.err);
}

static enum jwk11_rc jwt(struct world *w, const struct op *op)
{
	return jwk11_key_jwt(key_of(w, op->label), op->alg, "kid", J11_VIEW("{\"sub\":\"x\"}"), 60, &w->out, &w->t.err);
}

static void check_jws(struct world *w, const struct op *op)
{
	assert_int_equal(jwk11_jws_verify(jwk11_key_pub(key_of(w, op->label)), op->alg, j11_buf_view(&w->out), NULL, NULL), JWK11_OK);
}

static enum jwk11_rc decrypt(struct world *w, const struct op *op)
{
	return jwk11_key_decrypt(key_of(w, op->label), op->alg, NULL, j11_buf_view(&w->jwe), &w->out, &w->t.err);
}

static void check_plaintext(struct world *w, const struct op *op)
{
	(void)op;
	assert_true(j11_view_equal(j11_buf_view(&w->out), J11_VIEW("attack at dawn")));
}

static enum jwk11_rc encrypt(struct world *w, const struct op *op)
{
	return jwk11_pub_encrypt(jwk11_key_pub(key_of(w, op->label)), op->alg, NULL, "kid", "{\"cty\":\"x\"}", J11_VIEW("attack at dawn"), &w->out,
		&w->t.err);
}

static enum jwk11_rc export_jwk(struct world *w, const struct op *op)
{
	return jwk11_pub_jwk(jwk11_key_pub(key_of(w, op->label)), op->alg, NULL, &w->out, &w->t.err);
}

static enum jwk11_rc export_pem(struct world *w, const struct op *op)
{
	return jwk11_pub_pem(jwk11_key_pub(key_of(w, op->label)), &w->out, &w->t.err);
}

static enum jwk11_rc export_uri(struct world *w, const struct op *op)
{
	return jwk11_key_uri(key_of(w, op->label), &w->out, &w->t.err);
}

static enum jwk11_rc read_chain(struct world *w, const struct op *op)
{
	return jwk11_key_chain(key_of(w, op->label), NULL, &w->chain, &w->t.err);
}

static enum jwk11_rc export_x5c(struct world *w, const struct op *op)
{
	return jwk11_pub_jwk_x5c(jwk11_key_pub(key_of(w, op->label)), op->alg, NULL, w->given, &w->out, &w->t.err);
}

static enum jwk11_rc export_chain(struct world *w, const struct op *op)
{
	(void)op;
	return jwk11_chain_pem(w->given, 0, &w->out, &w->t.err);
}

static enum jwk11_rc export_thumbprint(struct world *w, const struct op *op)
{
	return jwk11_pub_thumbprint(jwk11_key_pub(key_of(w, op->label)), w->thumbprint, &w->t.err);
}

static const struct op ops[] = {
	{ "list", list_sign, check_list, NULL, NULL, "", false },
	{ "list keys that decrypt", list_enc, check_list, NULL, NULL, "", false },
	{ "look for tokens", tokens, NULL, "k", NULL, "", false },
	{ "check the token", check_token, NULL, "k", NULL, "", false },
	{ "open the token", open_again, NULL, "k", NULL, "", false },
	{ "read a chain", read_chain, NULL, "c", NULL, "", false },
	{ "sign", sign, check_signature, "k", "ES256", "", false },
	{ "sign, the token hashes", sign, check_signature, "k", "ES256", "mechanisms CKM_ECDSA_SHA256", false },
	{ "sign", sign, check_signature, "c", "ES384", "", true },
	{ "sign", sign, check_signature, "s", "ES256K", "", true },
	{ "sign", sign, check_signature, "r", "RS256", "", true },
	{ "sign, the token hashes", sign, check_signature, "r", "RS256", "mechanisms CKM_SHA256_RSA_PKCS", true },
	{ "sign", sign, check_signature, "r", "PS384", "", true },
	{ "sign, the token hashes", sign, check_signature, "r", "PS384", "mechanisms CKM_SHA384_RSA_PKCS_PSS", true },
	{ "sign", sign, check_signature, "e", "EdDSA", "", true },
	{ "sign", sign, check_signature, "g", "EdDSA", "", true },
	{ "jws", jws, check_jws, "k", "ES256", "", false },
	{ "jwt", jwt, check_jws, "e", "EdDSA", "", true },
	{ "decrypt", decrypt, check_plaintext, "d", "RSA-OAEP", "", false },
	{ "decrypt", decrypt, check_plaintext, "d", "RSA-OAEP-256", "", true },
	{ "decrypt", decrypt, check_plaintext, "f", "ECDH-ES", "", false },
	{ "decrypt", decrypt, check_plaintext, "f", "ECDH-ES+A256KW", "", true },
	{ "decrypt", decrypt, check_plaintext, "x", "ECDH-ES+A128KW", "", false },
};

/* Those that ask no token. */
static const struct op quiet_ops[] = {
	{ "encrypt", encrypt, NULL, "d", "RSA-OAEP", "", false },
	{ "encrypt", encrypt, NULL, "f", "ECDH-ES+A256KW", "", false },
	{ "encrypt", encrypt, NULL, "x", "ECDH-ES", "", false },
	{ "jwk", export_jwk, NULL, "k", NULL, "", false },
	{ "jwk", export_jwk, NULL, "r", "PS256", "", false },
	{ "jwk", export_jwk, NULL, "e", NULL, "", false },
	{ "jwk", export_jwk, NULL, "d", "RSA-OAEP", "", false },
	{ "pem", export_pem, NULL, "k", NULL, "", false },
	{ "pem", export_pem, NULL, "r", NULL, "", false },
	{ "pem", export_pem, NULL, "g", NULL, "", false },
	{ "thumbprint", export_thumbprint, NULL, "k", NULL, "", false },
	{ "thumbprint", export_thumbprint, NULL, "r", NULL, "", false },
	{ "thumbprint", export_thumbprint, NULL, "e", NULL, "", false },
	{ "uri", export_uri, NULL, "k", NULL, "", false },
	{ "jwk with x5c", export_x5c, NULL, "c", NULL, "", false },
	{ "certificates", export_chain, NULL, "c", NULL, "", false },
};

/* ---- one run ---- */

/* The ret_ buffer starts with this; a failure leaves it alone. */
static const char before[] = "before:";

static void forget_results(struct world *w)
{
	jwk11_keys_free(w->listed);
	jwk11_token_unref(w->opened);
	jwk11_chain_free(w->chain);
	j11_buf_done(&w->out);
	w->listed = NULL;
	w->opened = NULL;
	w->chain = NULL;
	w->out = J11_BUF(20000);
	j11_buf_add_str(&w->out, before);
	memset(w->thumbprint, 0, sizeof(w->thumbprint));
	w->t.err = (struct jwk11_err){ 0 };
}

/* With the n-th allocation failing (0: none). What a failure gives: nothing. What a success gives: what it should. */
static enum jwk11_rc run(struct world *w, const struct op *op, unsigned long n, int sticky, bool *ret_reached)
{
	enum jwk11_rc rc;

	forget_results(w);
	j11_mem_fail_at(n, sticky);
	rc = op->run(w, op);
	*ret_reached = n > 0 && j11_mem_count() >= n;
	j11_mem_fail_at(0, 0);
	assert_true(w->out.len >= strlen(before) && memcmp(w->out.data, before, strlen(before)) == 0);
	j11_buf_drop(&w->out, strlen(before));
	if (rc != JWK11_OK && (w->out.len > 0 || w->listed != NULL || w->opened != NULL || w->chain != NULL || w->thumbprint[0] != '\0'))
		fail_msg("%s %s: %s, and something was written", op->name, op->alg ? op->alg : "", jwk11_rc_name(rc));
	if (rc == JWK11_OK && op->check != NULL)
		op->check(w, op);
	return rc;
}

/* ---- the loops ---- */

/* A token with the operation's key, or with all of them, and what mechanisms it says. */
static void write_script(const struct op *op, const char *faults)
{
	struct jwk11_buf text = J11_BUF(4096);

	for (int objects = 0; objects < 2; objects++) {
		for (size_t i = 0; i < COUNT(keys); i++) {
			if (op->label != NULL ? strcmp(op->label, keys[i].name) != 0 && i > 0 : !keys[i].listed)
				continue;
			if (objects)
				j11_buf_add_str(&text, keys[i].objects);
			else
				j11_buf_add_fmt(&text, "key %s %s $/%s.pem\n", keys[i].name, keys[i].type, keys[i].name);
		}
		if (!objects)
			j11_buf_add_fmt(&text, "token t1\npin 1234\n%s\n", op->token);
	}
	trial_script("%s%s", text.data, faults);
	j11_buf_done(&text);
}

/* Opens everything with these faults in the script; the message is made anew. Counts run on from there. */
static void world_open(struct world *w, const struct op *op, const char *faults)
{
	*w = (struct world){ .jwe = J11_BUF(4096), .out = J11_BUF(100) };
	write_script(op, faults);
	trial_must(trial_start(&w->t), &w->t.err);
	trial_must(jwk11_token_keys_for(w->t.token, NULL, JWK11_USE_ENC, &w->enc, &w->t.err), &w->t.err);
	if (op->run == export_x5c || op->run == export_chain)
		trial_must(jwk11_key_chain(key_of(w, op->label), NULL, &w->given, &w->t.err), &w->t.err);
	if (op->run == decrypt)
		trial_must(jwk11_pub_encrypt(jwk11_key_pub(key_of(w, op->label)), op->alg, NULL, NULL, NULL, J11_VIEW("attack at dawn"), &w->jwe, &w->t.err),
			&w->t.err);
}

static void world_close(struct world *w)
{
	forget_results(w);
	j11_buf_done(&w->out);
	jwk11_chain_free(w->given);
	jwk11_keys_free(w->enc);
	j11_buf_done(&w->jwe);
	trial_end(&w->t);
}

static void check_stated(const struct op *op, const struct jwk11_err *err, enum jwk11_rc rc, const char *fault)
{
	static const enum jwk11_rc allowed[] = { JWK11_OK, JWK11_ERR_DEVICE, JWK11_ERR_ABSENT, JWK11_ERR_LOGIN, JWK11_ERR_UNSUPPORTED,
		JWK11_ERR_NOT_FOUND, JWK11_ERR_SIGNATURE };

	for (size_t i = 0; i < COUNT(allowed); i++)
		if (allowed[i] == rc && err->rc == rc && (rc == JWK11_OK) == (err->code[0] == '\0') && (rc == JWK11_OK) == (err->text[0] == '\0'))
			return;
	fail_msg("%s %s, %s: %s, recorded %s %s: %s", op->name, op->alg ? op->alg : "", fault, jwk11_rc_name(rc), jwk11_rc_name(err->rc), err->code,
		err->text);
}

/* The operation once more. The counts start again, so that the script's faults, which lie behind all the calls of the start, do not
 * apply: the token is well. After a PIN that was refused (any answer of C_Login that is no fault of the token's) it stays refused. */
static void check_next(struct world *w, const struct op *op, const char *fault)
{
	bool refused = strcmp(w->t.err.code, "PIN_REJECTED") == 0;
	enum jwk11_rc rc = JWK11_OK;
	bool unused;

	trial_count_reset();
	if (op->run == check_token) /* it looks and repairs nothing */
		rc = trial_sign(&w->t, "k");
	if (rc == JWK11_OK)
		rc = run(w, op, 0, 0, &unused);
	if (refused ? rc != JWK11_OK && rc != JWK11_ERR_LOGIN : rc != JWK11_OK)
		fail_msg("%s %s, %s: the next call: %s: %s", op->name, op->alg ? op->alg : "", fault, jwk11_rc_name(rc), w->t.err.text);
	assert_int_equal(trial_count("secrets"), 0);
}

static unsigned long calls_to_start(const struct op *op)
{
	struct world w;
	unsigned long n;

	world_open(&w, op, "");
	n = trial_count("any");
	world_close(&w);
	return n;
}

/* What one try came to; true when the fault was reached. */
static bool try_fault(const struct op *op, unsigned long n, const char *fault)
{
	struct world w;
	bool reached;
	enum jwk11_rc rc;

	world_open(&w, op, fault);
	rc = run(&w, op, 0, 0, &reached);
	check_stated(op, &w.t.err, rc, fault);
	reached = trial_count("any") >= n;
	check_next(&w, op, fault);
	world_close(&w);
	return reached;
}

/* One of each sort that the library tells apart; the first few are tried as lasting failures too. */
static const char *const answers[] = {
	"CKR_DEVICE_ERROR", "CKR_TOKEN_NOT_PRESENT", "CKR_SESSION_HANDLE_INVALID", "CKR_FUNCTION_NOT_SUPPORTED", "CKR_GENERAL_ERROR",
	"CKR_USER_NOT_LOGGED_IN", "CKR_KEY_HANDLE_INVALID", "CKR_ARGUMENTS_BAD", "CKR_MECHANISM_INVALID", "CKR_PIN_INCORRECT", "CKR_HOST_MEMORY",
};
enum { N_LASTING = 5, N_ALIKE = 2 };

static unsigned long stride(void)
{
	const char *tries = getenv("JWK11_TRIES");

	return tries != NULL && strtol(tries, NULL, 10) < 10 ? 3 : 1;
}

static void fail_each_call(const struct op *op, const char *when, const char *answer)
{
	unsigned long start = calls_to_start(op), n = 1;
	char fault[120];

	for (;; n += stride()) {
		snprintf(fault, sizeof(fault), "fault any %s %lu %s\n", when, start + n, answer);
		if (!try_fault(op, start + n, fault) || n >= 200)
			break;
	}
	assert_in_range(n, 2, 199); /* one call at least, and then one try without a failure */
}

/* How many of n answers an operation is to fail with. */
static size_t n_answers(const struct op *op, size_t n)
{
	const char *tries = getenv("JWK11_TRIES");

	if (tries != NULL && strtol(tries, NULL, 10) < 100)
		return op->alike ? 0 : 1;
	return op->alike ? N_ALIKE : n;
}

static void each_failing_call_is_stated_and_the_next_call_works(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++) {
		for (size_t a = 0; a < n_answers(&ops[i], COUNT(answers)); a++)
			fail_each_call(&ops[i], "on", answers[a]);
		for (size_t a = 0; a < n_answers(&ops[i], N_LASTING); a++)
			fail_each_call(&ops[i], "from", answers[a]);
	}
}

/* The second failure strikes while the first is being made good. */
static void each_pair_of_failing_calls_is_stated_and_the_next_call_works(void **state)
{
	static const char *const pairs[][2] = { { "CKR_DEVICE_ERROR", "CKR_DEVICE_ERROR" }, { "lose t1", "CKR_DEVICE_REMOVED" } };

	(void)state;
	for (size_t i = 0; i < COUNT(ops) * COUNT(pairs); i++) {
		const struct op *op = &ops[i / COUNT(pairs)];
		unsigned long start;

		if (i % COUNT(pairs) >= n_answers(op, COUNT(pairs)) || op->alike)
			continue;
		start = calls_to_start(op);
		for (unsigned long first = 1; first < 4; first++) {
			unsigned long n = first + 1;
			char fault[200];

			for (;; n += stride()) {
				snprintf(fault, sizeof(fault), "fault any on %lu %s\nfault any on %lu %s\n", start + first, pairs[i % COUNT(pairs)][0], start + n,
					pairs[i % COUNT(pairs)][1]);
				if (!try_fault(op, start + n, fault) || n >= 200)
					break;
			}
			assert_in_range(n, 2, 199);
		}
	}
}

/* The n-th allocation of the operation fails; true when there was one. */
static bool try_memory(struct world *w, const struct op *op, unsigned long n, int sticky)
{
	bool reached;
	enum jwk11_rc rc = run(w, op, n, sticky, &reached);

	if (rc != JWK11_OK && (!reached || rc != JWK11_ERR_MEMORY || w->t.err.rc != rc || strcmp(w->t.err.code, "MEMORY") != 0 || w->t.err.text[0] == '\0'))
		fail_msg("%s %s, allocation %lu: %s, recorded %s: %s", op->name, op->alg ? op->alg : "", n, jwk11_rc_name(rc), w->t.err.code, w->t.err.text);
	return reached;
}

/* A fault of the script strikes once for each start, so each allocation has its own then. */
static void fail_each_allocation(const struct op *op, const char *fault)
{
	for (int sticky = 0; sticky < 2; sticky++) {
		struct world w;
		unsigned long n = 1;

		world_open(&w, op, fault);
		for (;; n += stride()) {
			bool reached = try_memory(&w, op, n, sticky);

			check_next(&w, op, fault);
			if (!reached || n >= 500)
				break;
			if (fault[0] != '\0') {
				world_close(&w);
				world_open(&w, op, fault);
			}
		}
		world_close(&w);
		assert_in_range(n, 1, 499);
	}
}

static void each_failing_allocation_is_out_of_memory_and_the_next_call_works(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++)
		fail_each_allocation(&ops[i], "");
	for (size_t i = 0; i < COUNT(quiet_ops); i++)
		fail_each_allocation(&quiet_ops[i], "");
}

/* No memory to make a loss good with. */
static void each_failing_allocation_after_a_loss_is_out_of_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++) {
		char fault[100];

		if (ops[i].run == check_token) /* it finds the loss and says so */
			continue;
		snprintf(fault, sizeof(fault), "fault any on %lu lose t1\n", calls_to_start(&ops[i]) + 1);
		fail_each_allocation(&ops[i], fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failing_call_is_stated_and_the_next_call_works),
		cmocka_unit_test(each_pair_of_failing_calls_is_stated_and_the_next_call_works),
		cmocka_unit_test(each_failing_allocation_is_out_of_memory_and_the_next_call_works),
		cmocka_unit_test(each_failing_allocation_after_a_loss_is_out_of_memory),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
