/* SPDX-License-Identifier: Apache-2.0 */
/* jose/verify: signatures made by other people's libraries, right and wrong. */
#include "vector.h"

#include <openssl/err.h>
#include <pthread.h>

#include "jose/jws.h"
#include "jose/pub.h"

struct subject {
	struct jwk11_pub *pub;
	struct jwk11_jws *jws;
	struct jwk11_buf *sig; /* of jws */
	struct jwk11_buf input;
	struct jwk11_view signing_input;
	char alg[16];
};

static void subject_load(struct subject *s, const struct j11_json *vector)
{
	struct jwk11_view name = vector_text(vector, "alg");
	struct jwk11_err err = { 0 };

	memset(s, 0, sizeof(*s));
	memcpy(s->alg, name.data, name.len);
	if (jwk11_pub_from_jwk(j11_json_get(vector, "jwk")->raw, &s->pub, &err) != JWK11_OK ||
		j11_jws_parse(vector_text(vector, "jws"), &s->jws, &err) != JWK11_OK)
		fail_msg("%s: %s", s->alg, err.text);
	s->sig = &s->jws->signatures[0].sig;
	s->input = J11_BUF(J11_JWS_MAX);
	j11_jws_add_input(s->jws, 0, &s->input);
	s->signing_input = j11_buf_view(&s->input);
}

static void subject_done(struct subject *s)
{
	jwk11_pub_unref(s->pub);
	jwk11_jws_free(s->jws);
	j11_buf_done(&s->input);
}

static enum jwk11_rc verify(const struct subject *s, const char *alg, struct jwk11_err *err)
{
	return jwk11_pub_verify(s->pub, alg, JWK11_INPUT_MESSAGE, s->signing_input, j11_buf_view(s->sig), err);
}

static const struct j11_json *load_cases(struct vector *v, const char *name)
{
	vector_load(v, name);
	return j11_json_get(v->root, "cases")->child;
}

static void verifies_what_other_libraries_signed(void **state)
{
	struct vector v;
	const struct j11_json *one = load_cases(&v, "foreign-good.json");
	size_t n = 0;

	(void)state;
	for (; one != NULL; one = one->next, n++) {
		struct jwk11_err err = { 0 };
		struct subject s;

		subject_load(&s, one);
		if (verify(&s, s.alg, &err) != JWK11_OK)
			fail_msg("%s (%s): %s", s.alg, (const char *)vector_text(one, "comment").data, err.text);
		subject_done(&s);
	}
	assert_true(n >= 20);
	vector_done(&v);
}

static void refuses_what_jose_does_not_allow(void **state)
{
	struct vector v;
	const struct j11_json *one = load_cases(&v, "foreign-bad.json");
	size_t n = 0;

	(void)state;
	for (; one != NULL; one = one->next, n++) {
		struct jwk11_err err = { 0 };
		struct subject s;

		subject_load(&s, one);
		if (verify(&s, s.alg, &err) != JWK11_ERR_SIGNATURE)
			fail_msg("%s accepted: %s", s.alg, (const char *)vector_text(one, "comment").data);
		assert_string_equal(err.code, "SIGNATURE_INVALID");
		assert_int_equal(ERR_peek_error(), 0);
		subject_done(&s);
	}
	assert_true(n >= 50);
	vector_done(&v);
}

/* One bit of the signature, of the input, a cut and a longer signature: for each algorithm. */
static void refuses_damaged_copies(void **state)
{
	struct vector v;
	const struct j11_json *one = load_cases(&v, "foreign-good.json");

	(void)state;
	for (; one != NULL; one = one->next) {
		struct jwk11_view msg;
		unsigned char copy[4096];
		struct subject s;

		subject_load(&s, one);
		for (size_t bit = 0; bit < 8 * s.sig->len; bit += 97) {
			s.sig->data[bit / 8] = (char)(s.sig->data[bit / 8] ^ 1 << bit % 8);
			assert_int_equal(verify(&s, s.alg, NULL), JWK11_ERR_SIGNATURE);
			s.sig->data[bit / 8] = (char)(s.sig->data[bit / 8] ^ 1 << bit % 8);
		}
		msg = s.signing_input;
		assert_true(msg.len <= sizeof(copy));
		memcpy(copy, msg.data, msg.len);
		copy[msg.len - 1] ^= 1;
		s.signing_input.data = copy;
		assert_int_equal(verify(&s, s.alg, NULL), JWK11_ERR_SIGNATURE);
		s.signing_input = (struct jwk11_view){ msg.data, msg.len - 1 };
		assert_int_equal(verify(&s, s.alg, NULL), JWK11_ERR_SIGNATURE);
		s.signing_input = msg;
		j11_buf_add_byte(s.sig, 0);
		assert_int_equal(verify(&s, s.alg, NULL), JWK11_ERR_SIGNATURE);
		j11_buf_cut(s.sig, s.sig->len - 2);
		assert_int_equal(verify(&s, s.alg, NULL), JWK11_ERR_SIGNATURE);
		j11_buf_cut(s.sig, 0);
		assert_int_equal(verify(&s, s.alg, NULL), JWK11_ERR_SIGNATURE);
		subject_done(&s);
	}
	vector_done(&v);
}

/* RFC 8725 section 3.1: the algorithm belongs to the key, whatever a header says. */
static void refuses_every_other_algorithm(void **state)
{
	struct vector v;
	const struct j11_json *one = load_cases(&v, "foreign-good.json");

	(void)state;
	for (; one != NULL; one = one->next) {
		struct subject s;

		subject_load(&s, one);
		for (size_t i = 0; j11_alg_at(i) != NULL; i++) {
			const struct j11_alg *alg = j11_alg_at(i), *own = j11_alg_find_str(s.alg);
			struct jwk11_err err = { 0 };
			enum jwk11_rc rc = verify(&s, alg->name, &err);

			if (alg == own || own->scheme == J11_SCHEME_EDDSA)
				assert_int_equal(rc, alg->scheme == own->scheme && (alg->crv == J11_CRV_NONE || alg->crv == s.pub->curve->crv) ?
					JWK11_OK : JWK11_ERR_MISMATCH);
			else
				assert_int_equal(rc, alg->kty == J11_KTY_RSA && own->kty == J11_KTY_RSA ? JWK11_ERR_SIGNATURE : JWK11_ERR_MISMATCH);
			if (rc == JWK11_ERR_MISMATCH) {
				assert_string_equal(err.code, "ALG_MISMATCH");
				assert_non_null(strstr(err.hint, s.alg));
			}
		}
		subject_done(&s);
	}
	vector_done(&v);
}

static void a_digest_verifies_like_its_message(void **state)
{
	struct vector v;
	const struct j11_json *one = load_cases(&v, "foreign-good.json");

	(void)state;
	for (; one != NULL; one = one->next) {
		unsigned char digest[J11_HASH_MAX + 1] = { 0 };
		struct jwk11_err err = { 0 };
		struct jwk11_view sig, view;
		enum j11_hash hash;
		struct subject s;

		subject_load(&s, one);
		hash = j11_alg_find_str(s.alg)->hash;
		sig = j11_buf_view(s.sig);
		assert_int_equal(j11_hash_digest(hash, s.signing_input, digest, NULL), JWK11_OK);
		view = (struct jwk11_view){ digest, j11_hash_len(hash) };
		if (hash == J11_HASH_NONE) {
			assert_int_equal(jwk11_pub_verify(s.pub, s.alg, JWK11_INPUT_DIGEST, view, sig, &err), JWK11_ERR_MISMATCH);
			assert_string_equal(err.code, "ALG_MISMATCH");
			subject_done(&s);
			continue;
		}
		assert_int_equal(jwk11_pub_verify(s.pub, s.alg, JWK11_INPUT_DIGEST, view, sig, NULL), JWK11_OK);
		assert_int_equal(jwk11_pub_verify(s.pub, s.alg, JWK11_INPUT_MESSAGE, view, sig, NULL), JWK11_ERR_SIGNATURE);
		view.len++;
		assert_int_equal(jwk11_pub_verify(s.pub, s.alg, JWK11_INPUT_DIGEST, view, sig, &err), JWK11_ERR_MISMATCH);
		assert_string_equal(err.code, "DIGEST_LENGTH");
		view.len = 0;
		assert_int_equal(jwk11_pub_verify(s.pub, s.alg, JWK11_INPUT_DIGEST, view, sig, NULL), JWK11_ERR_MISMATCH);
		digest[0] ^= 1;
		view.len = j11_hash_len(hash);
		assert_int_equal(jwk11_pub_verify(s.pub, s.alg, JWK11_INPUT_DIGEST, view, sig, NULL), JWK11_ERR_SIGNATURE);
		subject_done(&s);
	}
	vector_done(&v);
}

static void answers_a_callers_mistake(void **state)
{
	struct vector v;
	const struct j11_json *one = load_cases(&v, "foreign-good.json");
	struct jwk11_err err = { 0 };
	struct subject s;

	(void)state;
	subject_load(&s, one);
	assert_int_equal(jwk11_pub_verify(NULL, "RS256", JWK11_INPUT_MESSAGE, J11_VIEW("x"), J11_VIEW("y"), NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_verify(s.pub, NULL, JWK11_INPUT_MESSAGE, J11_VIEW("x"), J11_VIEW("y"), NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_verify(s.pub, "RS256", (enum jwk11_input)7, J11_VIEW("x"), J11_VIEW("y"), NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_verify(s.pub, "RS256", JWK11_INPUT_MESSAGE, (struct jwk11_view){ NULL, 1 }, J11_VIEW("y"), NULL),
		JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_verify(s.pub, "none", JWK11_INPUT_MESSAGE, J11_VIEW("x"), (struct jwk11_view){ NULL, 0 }, &err),
		JWK11_ERR_UNSUPPORTED);
	assert_string_equal(err.code, "ALG_UNKNOWN");
	subject_done(&s);
	vector_done(&v);
}

/* Several threads meet at the first use of one key, where its contexts are made. */
struct meeting {
	pthread_barrier_t barrier;
	const struct subject *s;
	_Atomic unsigned n_ok;
};

static void *verify_at_the_barrier(void *arg)
{
	struct meeting *m = arg;

	pthread_barrier_wait(&m->barrier);
	for (int i = 0; i < 3; i++)
		if (verify(m->s, m->s->alg, NULL) == JWK11_OK)
			m->n_ok++;
	return NULL;
}

static void threads_may_share_a_key(void **state)
{
	enum { N_THREADS = 4 };
	struct vector v;
	const struct j11_json *one = load_cases(&v, "foreign-good.json");

	(void)state;
	for (; one != NULL; one = one->next) {
		struct meeting m = { .n_ok = 0 };
		pthread_t threads[N_THREADS];
		struct subject s;

		subject_load(&s, one);
		m.s = &s;
		assert_int_equal(pthread_barrier_init(&m.barrier, NULL, N_THREADS), 0);
		for (int i = 0; i < N_THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, verify_at_the_barrier, &m), 0);
		for (int i = 0; i < N_THREADS; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&m.barrier);
		assert_int_equal(m.n_ok, 3 * N_THREADS);
		subject_done(&s);
	}
	vector_done(&v);
}

static enum jwk11_rc parse_and_verify(void *arg)
{
	const struct j11_json *vector = arg;
	struct jwk11_pub *pub = NULL;
	char alg[16] = "";
	enum jwk11_rc rc = jwk11_pub_from_jwk(j11_json_get(vector, "jwk")->raw, &pub, NULL);

	memcpy(alg, vector_text(vector, "alg").data, vector_text(vector, "alg").len);
	if (rc == JWK11_OK)
		rc = jwk11_jws_verify(pub, alg, vector_text(vector, "jws"), NULL, NULL);
	jwk11_pub_unref(pub);
	return rc;
}

static void survives_each_failed_allocation(void **state)
{
	struct vector v;
	const struct j11_json *one = load_cases(&v, "foreign-good.json");

	(void)state;
	for (int i = 0; i < 10; i++, one = one->next)
		each_allocation_fails(parse_and_verify, (void *)(uintptr_t)one);
	vector_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies_what_other_libraries_signed),
		cmocka_unit_test(refuses_what_jose_does_not_allow),
		cmocka_unit_test(refuses_damaged_copies),
		cmocka_unit_test(refuses_every_other_algorithm),
		cmocka_unit_test(a_digest_verifies_like_its_message),
		cmocka_unit_test(answers_a_callers_mistake),
		cmocka_unit_test(threads_may_share_a_key),
		cmocka_unit_test(survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
