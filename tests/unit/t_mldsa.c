/* SPDX-License-Identifier: Apache-2.0 */
/* jose/mldsa: signatures made by other people's libraries and by nobody at all (tests/vectors/mldsa.json), right, wrong and damaged. */
#include "vector.h"

#include <openssl/err.h>

#include "jose/mldsa.h"

enum { SOME = 67 }; /* damages are tried at every so many bits; a prime, so that all positions within an octet come up */

static const struct {
	enum j11_mldsa set;
	const char *name;
	size_t pub_len, sig_len, c_len, hints; /* FIPS 204 table 2; hints: omega + k */
	unsigned omega, k;
} sizes[] = {
	{ J11_MLDSA_44, "ML-DSA-44", 1312, 2420, 32, 84, 80, 4 },
	{ J11_MLDSA_65, "ML-DSA-65", 1952, 3309, 48, 61, 55, 6 },
	{ J11_MLDSA_87, "ML-DSA-87", 2592, 4627, 64, 83, 75, 8 },
};

/* One case of the vectors with its key. */
struct subject {
	enum j11_mldsa set;
	size_t row; /* of sizes */
	struct jwk11_buf pub, message, sig;
};

static void decode(const struct j11_json *obj, const char *name, struct jwk11_buf *ret_octets)
{
	*ret_octets = J11_BUF(2 * 1024 * 1024);
	if (j11_b64url_decode(vector_text(obj, name), name, ret_octets, NULL) != JWK11_OK)
		fail_msg("\"%s\" is not base64url", name);
}

static const struct j11_json *find_key(const struct j11_json *root, struct jwk11_view name)
{
	const struct j11_json *key = j11_json_get(root, "keys")->child;

	while (key != NULL && !j11_view_equal(vector_text(key, "name"), name))
		key = key->next;
	if (key == NULL)
		fail_msg("no key %.*s", (int)name.len, (const char *)name.data);
	return key;
}

static void subject_load(struct subject *s, const struct vector *v, const struct j11_json *one)
{
	const struct j11_json *key = find_key(v->root, vector_text(one, "key")), *repeat = j11_json_get(one, "repeat");
	size_t n = repeat != NULL ? strtoul(repeat->text.data, NULL, 10) : 1;
	struct jwk11_buf part;

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < J11_COUNT(sizes); i++)
		if (j11_view_equals(vector_text(key, "alg"), sizes[i].name))
			s->row = i;
	s->set = sizes[s->row].set;
	decode(key, "pub", &s->pub);
	decode(one, "sig", &s->sig);
	decode(one, "message", &part);
	s->message = J11_BUF(2 * 1024 * 1024);
	for (size_t i = 0; i < n; i++)
		j11_buf_add(&s->message, j11_buf_view(&part).data, part.len);
	assert_int_equal(s->message.len, n * part.len);
	j11_buf_done(&part);
}

static void subject_done(struct subject *s)
{
	j11_buf_done(&s->pub);
	j11_buf_done(&s->message);
	j11_buf_done(&s->sig);
}

static enum jwk11_rc verify(const struct subject *s, struct jwk11_err *err)
{
	return j11_mldsa_verify(s->set, j11_buf_view(&s->pub), j11_buf_view(&s->message), j11_buf_view(&s->sig), err);
}

static void must_refuse(const struct subject *s, const char *why)
{
	struct jwk11_err err = { 0 };

	if (verify(s, &err) != JWK11_ERR_SIGNATURE)
		fail_msg("%s: accepted: %s", sizes[s->row].name, why);
	assert_string_equal(err.code, "SIGNATURE_INVALID");
	assert_int_equal(ERR_peek_error(), 0);
}

/* The first good case of the key NAME-SET. */
static void load_good(struct subject *s, const struct vector *v, size_t row)
{
	const struct j11_json *one = j11_json_get(v->root, "good")->child;
	struct jwk11_view key;

	for (; one != NULL; one = one->next) {
		key = vector_text(one, "key");
		if (j11_view_equals(vector_text(find_key(v->root, key), "alg"), sizes[row].name))
			break;
	}
	assert_non_null(one);
	subject_load(s, v, one);
	assert_int_equal(verify(s, NULL), JWK11_OK);
}

static void sizes_are_those_of_the_standard(void **state)
{
	(void)state;
	assert_int_equal(j11_mldsa_pub_len(J11_MLDSA_NONE), 0);
	assert_int_equal(j11_mldsa_sig_len(J11_MLDSA_NONE), 0);
	for (size_t i = 0; i < J11_COUNT(sizes); i++) {
		assert_int_equal(j11_mldsa_pub_len(sizes[i].set), sizes[i].pub_len);
		assert_int_equal(j11_mldsa_sig_len(sizes[i].set), sizes[i].sig_len);
		assert_true(sizes[i].pub_len <= J11_MLDSA_PUB_MAX && sizes[i].sig_len <= J11_MLDSA_SIG_MAX);
	}
	assert_int_equal(J11_MLDSA_44, 1); /* PKCS#11 3.2: CKP_ML_DSA_44, _65, _87 */
	assert_int_equal(J11_MLDSA_87, 3);
}

static void verifies_what_other_libraries_signed(void **state)
{
	struct vector v;
	size_t n = 0;

	(void)state;
	vector_load(&v, "mldsa.json");
	for (const struct j11_json *one = j11_json_get(v.root, "good")->child; one != NULL; one = one->next, n++) {
		struct jwk11_err err = { 0 };
		struct subject s;

		subject_load(&s, &v, one);
		if (verify(&s, &err) != JWK11_OK)
			fail_msg("%s, %s: %s", sizes[s.row].name, (const char *)vector_text(one, "comment").data, err.text);
		subject_done(&s);
	}
	assert_int_equal(n, 52);
	vector_done(&v);
}

/* Past the bound of z by one with all else right; signed with a context, for another construction. */
static void refuses_what_other_libraries_refuse(void **state)
{
	struct vector v;
	size_t n = 0;

	(void)state;
	vector_load(&v, "mldsa.json");
	for (const struct j11_json *one = j11_json_get(v.root, "bad")->child; one != NULL; one = one->next, n++) {
		struct subject s;

		subject_load(&s, &v, one);
		must_refuse(&s, vector_text(one, "comment").data);
		subject_done(&s);
	}
	assert_int_equal(n, 24);
	vector_done(&v);
}

/* Flips one bit at a time, all over a region of octets. */
static void damage(struct subject *s, struct jwk11_buf *in, size_t from, size_t to, size_t step, const char *why)
{
	assert_true(from < to && to <= in->len);
	for (size_t bit = 8 * from; bit < 8 * to; bit += step) {
		in->data[bit / 8] = (char)(in->data[bit / 8] ^ 1 << bit % 8);
		must_refuse(s, why);
		in->data[bit / 8] = (char)(in->data[bit / 8] ^ 1 << bit % 8);
	}
	assert_int_equal(verify(s, NULL), JWK11_OK);
}

static void refuses_damage_anywhere(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "mldsa.json");
	for (size_t i = 0; i < J11_COUNT(sizes); i++) {
		struct subject s;

		load_good(&s, &v, i);
		damage(&s, &s.sig, 0, sizes[i].c_len, 7, "damaged commitment hash");
		damage(&s, &s.sig, sizes[i].c_len, sizes[i].sig_len - sizes[i].hints, SOME, "damaged z");
		damage(&s, &s.sig, sizes[i].sig_len - sizes[i].hints, sizes[i].sig_len, 5, "damaged hints");
		damage(&s, &s.pub, 0, 32, 17, "damaged rho");
		damage(&s, &s.pub, 32, sizes[i].pub_len, SOME, "damaged t1");
		damage(&s, &s.message, 0, s.message.len, 3, "damaged message");
		subject_done(&s);
	}
	vector_done(&v);
}

static void refuses_wrong_lengths(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "mldsa.json");
	for (size_t i = 0; i < J11_COUNT(sizes); i++) {
		struct jwk11_buf *of[3];
		struct subject s;

		load_good(&s, &v, i);
		of[0] = &s.sig;
		of[1] = &s.pub;
		of[2] = &s.message;
		for (size_t j = 0; j < J11_COUNT(of); j++) {
			size_t len = of[j]->len;
			char last = of[j]->data[len - 1];

			j11_buf_add_byte(of[j], 0);
			must_refuse(&s, "an octet too many");
			j11_buf_cut(of[j], len - 1);
			must_refuse(&s, "an octet too few");
			j11_buf_add_byte(of[j], (unsigned char)last);
			assert_int_equal(verify(&s, NULL), JWK11_OK);
		}
		j11_buf_cut(&s.sig, 0);
		must_refuse(&s, "no signature");
		subject_done(&s);
	}
	vector_done(&v);
}

static void refuses_another_key_and_another_set(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "mldsa.json");
	for (size_t i = 0; i < J11_COUNT(sizes); i++) {
		struct subject s;

		load_good(&s, &v, i);
		for (enum j11_mldsa set = J11_MLDSA_NONE; set < J11_N_MLDSA_; set++) {
			s.set = set;
			if (set != sizes[i].set)
				must_refuse(&s, "a key and a signature of another set");
		}
		s.set = sizes[i].set;
		for (const struct j11_json *key = j11_json_get(v.root, "keys")->child; key != NULL; key = key->next) {
			struct jwk11_buf own = s.pub;

			decode(key, "pub", &s.pub);
			if (!j11_view_equal(j11_buf_view(&own), j11_buf_view(&s.pub)))
				must_refuse(&s, "another key");
			j11_buf_done(&s.pub);
			s.pub = own;
		}
		subject_done(&s);
	}
	vector_done(&v);
}

/* Ways to write the same hints differently, or no hints at all. `places` is the block of hints; true when it could be changed so. */
static bool swap_two(unsigned char *places, unsigned omega, unsigned k)
{
	for (unsigned i = 0, from = 0; i < k; from = places[omega + i++]) {
		if (places[omega + i] >= from + 2) {
			unsigned char first = places[from];

			places[from] = places[from + 1];
			places[from + 1] = first;
			return true;
		}
	}
	return false;
}

static bool repeat_one(unsigned char *places, unsigned omega, unsigned k)
{
	unsigned used = places[omega + k - 1];

	if (used == 0 || used == omega)
		return false;
	memmove(places + 1, places, used);
	for (unsigned i = 0; i < k; i++)
		if (places[omega + i] > 0)
			places[omega + i]++;
	return true;
}

static bool fill_unused(unsigned char *places, unsigned omega, unsigned k)
{
	bool room = places[omega + k - 1] < omega;

	if (room)
		places[omega - 1] = 1;
	return room;
}

static bool count_back(unsigned char *places, unsigned omega, unsigned k)
{
	bool any = places[omega + k - 2] > 0;

	if (any)
		places[omega + k - 1] = (unsigned char)(places[omega + k - 2] - 1);
	return any;
}

static bool count_past_omega(unsigned char *places, unsigned omega, unsigned k)
{
	places[omega + k - 1] = (unsigned char)(omega + 1);
	return true;
}

static bool count_past_everything(unsigned char *places, unsigned omega, unsigned k)
{
	memset(places + omega, 255, k);
	return true;
}

static bool count_unused(unsigned char *places, unsigned omega, unsigned k)
{
	bool room = places[omega + k - 1] > places[omega + k - 2] && places[omega + k - 1] < omega;

	if (room)
		places[omega + k - 1]++;
	return room;
}

static void hints_have_one_encoding(void **state)
{
	static const struct {
		bool (*change)(unsigned char *places, unsigned omega, unsigned k);
		const char *what;
	} ways[] = {
		{ swap_two, "places out of order" },
		{ repeat_one, "a place twice" },
		{ fill_unused, "an unused place that is not zero" },
		{ count_back, "a count below the one before" },
		{ count_past_omega, "a count past omega" },
		{ count_past_everything, "counts past all octets" },
		{ count_unused, "an unused place counted" },
	};
	struct vector v;
	size_t n[J11_COUNT(ways)] = { 0 };

	(void)state;
	vector_load(&v, "mldsa.json");
	for (const struct j11_json *one = j11_json_get(v.root, "good")->child; one != NULL; one = one->next) {
		struct subject s;

		subject_load(&s, &v, one);
		for (size_t i = 0; i < J11_COUNT(ways); i++) {
			unsigned char *places = (unsigned char *)s.sig.data + s.sig.len - sizes[s.row].hints, saved[84];

			memcpy(saved, places, sizes[s.row].hints);
			if (ways[i].change(places, sizes[s.row].omega, sizes[s.row].k)) {
				must_refuse(&s, ways[i].what);
				n[i]++;
			}
			memcpy(places, saved, sizes[s.row].hints);
		}
		subject_done(&s);
	}
	for (size_t i = 0; i < J11_COUNT(ways); i++)
		if (n[i] < 12)
			fail_msg("%s: tried on %zu signatures only", ways[i].what, n[i]);
	vector_done(&v);
}

static enum jwk11_rc verify_again(void *arg)
{
	return verify(arg, NULL);
}

static void survives_each_failed_allocation(void **state)
{
	struct vector v;
	struct subject s;

	(void)state;
	vector_load(&v, "mldsa.json");
	load_good(&s, &v, 0);
	each_allocation_fails(verify_again, &s);
	subject_done(&s);
	vector_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_those_of_the_standard),
		cmocka_unit_test(verifies_what_other_libraries_signed),
		cmocka_unit_test(refuses_what_other_libraries_refuse),
		cmocka_unit_test(refuses_damage_anywhere),
		cmocka_unit_test(refuses_wrong_lengths),
		cmocka_unit_test(refuses_another_key_and_another_set),
		cmocka_unit_test(hints_have_one_encoding),
		cmocka_unit_test(survives_each_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
