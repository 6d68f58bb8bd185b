/* SPDX-License-Identifier: Apache-2.0 */
/* Several threads on one token whose sessions, login or presence are lost under them: no signature of the wrong key, none lost for good. The
 * thread sanitizer watches (.ci/run). With JWK11_TRIES, for checkers that slow everything down, on the most unlike of the handles only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "mock_trial.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEYS \
	"key k p256 $/k.pem\nkey l p256 $/l.pem\nkey r rsa2048 $/r.pem\nkey d rsa2048 $/d.pem\nkey f p256 $/f.pem\ntoken t1\npin 1234\nhandles %s\n" \
	"private k\nprivate l\nprivate r\npublic k\npublic l\npublic r\nprivate d\nattr CKA_SIGN false\nattr CKA_DECRYPT true\npublic d\n" \
	"private f\nattr CKA_SIGN false\nattr CKA_DERIVE true\npublic f\n%s"
enum { N_THREADS = 6, N_ROUNDS = 40 };

/* What one thread does, and what came of it. */
struct job {
	struct trial *t;
	struct jwk11_key *key;
	const char *alg;
	struct jwk11_view jwe; /* to decrypt; without one, it signs */
	unsigned n_done, n_wrong;
	struct jwk11_err err; /* the first failure */
};

static enum jwk11_rc once(struct job *job, struct jwk11_err *err)
{
	struct jwk11_buf out = J11_BUF(4096);
	enum jwk11_rc rc = job->jwe.data ? jwk11_key_decrypt(job->key, job->alg, NULL, job->jwe, &out, err) :
		jwk11_key_sign(job->key, job->alg, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), &out, err);

	if (rc == JWK11_OK && (job->jwe.data ? !j11_view_equal(j11_buf_view(&out), J11_VIEW("hello")) :
		jwk11_pub_verify(jwk11_key_pub(job->key), job->alg, JWK11_INPUT_MESSAGE, J11_VIEW("hello"), j11_buf_view(&out), NULL) != JWK11_OK))
		job->n_wrong++;
	j11_buf_done(&out);
	return rc;
}

static void *work(void *arg)
{
	struct job *job = arg;

	for (int i = 0; i < N_ROUNDS; i++) {
		struct jwk11_err err = { 0 };

		if (once(job, &err) == JWK11_OK)
			job->n_done++;
		else if (job->err.rc == JWK11_OK)
			job->err = err;
	}
	return NULL;
}

/* Lists and checks all the while. */
static void *look(void *arg)
{
	struct job *job = arg;

	for (int i = 0; i < N_ROUNDS / 4; i++) {
		struct jwk11_keys *keys = NULL;

		if (jwk11_token_keys(job->t->token, NULL, &keys, NULL) == JWK11_OK) {
			job->n_done++;
			job->n_wrong += jwk11_keys_count(keys) + jwk11_keys_n_skipped(keys) != 5; /* d and f are passed over, and who lost a half */
		}
		jwk11_keys_free(keys);
		if (jwk11_token_check(job->t->token, NULL) == JWK11_OK)
			job->n_done++;
	}
	return NULL;
}

struct world {
	struct trial t;
	struct jwk11_keys *enc;
	struct jwk11_buf jwe[2];
	struct job jobs[N_THREADS + 1];
};

static struct jwk11_key *enc_key(struct world *w, const char *label)
{
	for (size_t i = 0; i < jwk11_keys_count(w->enc); i++)
		if (strcmp(jwk11_key_label(jwk11_keys_get(w->enc, i)), label) == 0)
			return jwk11_keys_get(w->enc, i);
	return NULL;
}

/* Fewer sessions than threads, so that they wait for each other too. */
static void start(struct world *w, const char *handles, const char *faults)
{
	static const struct {
		const char *label, *alg;
	} rows[N_THREADS] = { { "k", "ES256" }, { "l", "ES256" }, { "r", "RS256" }, { "r", "PS256" }, { "d", "RSA-OAEP" }, { "f", "ECDH-ES+A128KW" } };

	*w = (struct world){ .jwe = { J11_BUF(4096), J11_BUF(4096) } };
	trial_script(KEYS, handles, faults);
	trial_must(trial_load(&w->t, false), &w->t.err);
	trial_must(trial_open(&w->t, "pin", 3), &w->t.err);
	trial_must(trial_list(&w->t, NULL), &w->t.err);
	trial_must(jwk11_token_keys_for(w->t.token, NULL, JWK11_USE_ENC, &w->enc, &w->t.err), &w->t.err);
	for (size_t i = 0; i < N_THREADS; i++) {
		w->jobs[i] = (struct job){ .t = &w->t, .alg = rows[i].alg };
		w->jobs[i].key = i < 4 ? trial_key(&w->t, rows[i].label) : enc_key(w, rows[i].label);
		assert_non_null(w->jobs[i].key);
		if (i < 4)
			continue;
		trial_must(jwk11_pub_encrypt(jwk11_key_pub(w->jobs[i].key), rows[i].alg, NULL, NULL, NULL, J11_VIEW("hello"), &w->jwe[i - 4], &w->t.err),
			&w->t.err);
		w->jobs[i].jwe = j11_buf_view(&w->jwe[i - 4]);
	}
	w->jobs[N_THREADS] = (struct job){ .t = &w->t };
}

static void run(struct world *w)
{
	pthread_t threads[N_THREADS + 1];

	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i < N_THREADS ? work : look, &w->jobs[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void end(struct world *w)
{
	jwk11_keys_free(w->enc);
	j11_buf_done(&w->jwe[0]);
	j11_buf_done(&w->jwe[1]);
	trial_end(&w->t);
}

/* Each key once more, alone. */
static void check_after(struct world *w, const char *what)
{
	for (size_t i = 0; i < N_THREADS; i++) {
		struct jwk11_err err = { 0 };

		if (once(&w->jobs[i], &err) != JWK11_OK)
			fail_msg("%s: %s afterwards: %s", what, w->jobs[i].alg, err.text);
	}
	for (size_t i = 0; i <= N_THREADS; i++)
		assert_int_equal(w->jobs[i].n_wrong, 0);
	assert_int_equal(trial_count("pin:t1"), 0);
	assert_int_equal(trial_count("secrets"), 0);
}

static void quiet_threads_all_succeed(void **state)
{
	struct world w;

	(void)state;
	start(&w, "stable", "");
	run(&w);
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(w.jobs[i].n_done, N_ROUNDS);
	assert_int_equal(w.jobs[N_THREADS].n_done, 2 * (N_ROUNDS / 4));
	assert_int_equal(trial_count("C_Login"), 1);
	check_after(&w, "quiet");
	end(&w);
}

/* Losses that are some way apart cost no thread anything: each is made good with one login. */
static void a_loss_under_many_threads_costs_none_of_them(void **state)
{
	static const char *const handles[] = { "stable", "fresh", "shuffled" };
	static const struct {
		const char *faults;
		unsigned long logins;
	} losses[] = {
		{ "fault C_Sign on 20 lose t1\n", 2 },
		{ "fault C_SignInit on 25 logout t1\n", 2 },
		{ "fault C_Decrypt on 10 lose t1\n", 2 },
		{ "fault C_DeriveKey on 10 lose t1\n", 2 },
		{ "fault C_Sign on 20 CKR_DEVICE_ERROR\nfault C_SignInit on 60 CKR_SESSION_HANDLE_INVALID\nfault C_DecryptInit on 12 CKR_DEVICE_REMOVED\n", 1 },
	};

	(void)state;
	for (size_t i = getenv("JWK11_TRIES") ? 2 * COUNT(losses) : 0; i < COUNT(handles) * COUNT(losses); i += getenv("JWK11_TRIES") ? 2 : 1) {
		const char *faults = losses[i % COUNT(losses)].faults;
		struct world w;

		start(&w, handles[i / COUNT(losses)], faults);
		run(&w);
		for (size_t j = 0; j < N_THREADS; j++)
			if (w.jobs[j].n_done != N_ROUNDS)
				fail_msg("handles %s, %s%s: %u of %d: %s", handles[i / COUNT(losses)], faults, w.jobs[j].alg, w.jobs[j].n_done, (int)N_ROUNDS,
					w.jobs[j].err.text);
		assert_int_equal(trial_count("C_Login"), losses[i % COUNT(losses)].logins);
		check_after(&w, faults);
		end(&w);
	}
}

/* One loss upon another, a token that is away for a while: what fails says so, and is well afterwards. */
static void a_storm_of_losses_is_survived(void **state)
{
	static const char *const storms[] = {
		"fault C_Sign on 20 lose t1\nfault C_Sign on 23 lose t1\nfault C_SignInit on 26 logout t1\nfault C_Decrypt on 12 lose t1\n"
		"fault C_DeriveKey on 14 lose t1\nfault C_Sign on 60 lose t1\n",
		"fault C_Sign on 20 vanish t1\nfault C_GetTokenInfo from 12 return t1\n",
		"fault C_OpenSession on 8 CKR_DEVICE_ERROR\nfault C_Sign on 15 lose t1\nfault C_Login on 2 CKR_DEVICE_ERROR\nfault C_FindObjects on 30 "
		"CKR_DEVICE_ERROR\nfault C_GetAttributeValue on 60 CKR_SESSION_HANDLE_INVALID\n",
	};
	static const enum jwk11_rc allowed[] = { JWK11_OK, JWK11_ERR_DEVICE, JWK11_ERR_ABSENT, JWK11_ERR_LOGIN };

	(void)state;
	for (size_t i = 0; i < COUNT(storms); i++) {
		unsigned n_done = 0;
		struct world w;

		start(&w, "shuffled", storms[i]);
		run(&w);
		for (size_t j = 0; j < N_THREADS; j++) {
			bool known = false;

			for (size_t k = 0; k < COUNT(allowed); k++)
				known = known || w.jobs[j].err.rc == allowed[k];
			if (!known || (w.jobs[j].err.rc != JWK11_OK && w.jobs[j].err.text[0] == '\0'))
				fail_msg("storm %zu: %s: %s %s", i, w.jobs[j].alg, jwk11_rc_name(w.jobs[j].err.rc), w.jobs[j].err.text);
			n_done += w.jobs[j].n_done;
		}
		/* Of all threads together: while a token is away, one of them can lose many rounds to it and the others none. */
		assert_in_range(n_done, N_THREADS * N_ROUNDS / 2, N_THREADS * N_ROUNDS);
		check_after(&w, storms[i]);
		end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_threads_all_succeed),
		cmocka_unit_test(a_loss_under_many_threads_costs_none_of_them),
		cmocka_unit_test(a_storm_of_losses_is_survived),
	};

	return cmocka_run_group_tests(tests, trial_set_up, trial_tear_down);
}
