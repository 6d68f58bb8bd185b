/* SPDX-License-Identifier: Apache-2.0 */
/* Does the time of a refused decryption tell what was wrong with the message? 2,000 tries of each kind of damage on SoftHSM, in one process
 * and in random order, each round holding every kind once. JWK11_TRIES=N makes fewer, for checkers that slow everything down: then only the
 * answers are compared. */
#include "softhsm.h"

#include <math.h>
#include <time.h>

enum { N_TRIES = 2000, N_COPIES = 8, N_ATTEMPTS = 3 };

/* What is wrong with a message. The first two are the same: what they differ by is chance. */
enum damage { TAG, TAG_AGAIN, CIPHERTEXT, IV, KEY, OTHER_LENGTH, N_DAMAGES };
static const char *const damages[N_DAMAGES] = { "wrong tag", "wrong tag again", "wrong ciphertext", "wrong IV", "damaged encrypted key",
	"content key of another length" };

static const struct setting {
	const char *label, *alg, *enc, *other_enc; /* other_enc: with a content key of another length */
} settings[] = {
	{ "a1", "RSA-OAEP", "A256GCM", "A128GCM" },
	{ "a1", "RSA-OAEP", "A128CBC-HS256", "A256CBC-HS512" },
	{ "meriadoc", "ECDH-ES+A256KW", "A256GCM", "A128GCM" },
	{ "meriadoc", "ECDH-ES+A256KW", "A128CBC-HS256", "A256CBC-HS512" },
};

static struct place {
	struct jwk11_context *ctx;
	struct jwk11_token *token;
} place;

static int set_up(void **state)
{
	static const char *const files[][2] = { { "rfc7516-a1-rsa-oaep.json", "a1" }, { "rfc7520-5-5-ecdh-es.json", "meriadoc" } };

	(void)state;
	softhsm_make();
	place.ctx = softhsm_context();
	place.token = softhsm_open(place.ctx);
	for (size_t i = 0; i < J11_COUNT(files); i++)
		softhsm_load_vector(place.token, files[i][0], NULL, "private", files[i][1], JWK11_USE_ENC);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return softhsm_close(place.ctx, place.token);
}

/* ---- messages ---- */

enum { HEADER, ENCRYPTED_KEY, VECTOR, TEXT, AUTH, N_PARTS };

struct message {
	struct jwk11_buf parts[N_PARTS]; /* encoded */
};

static void make(struct jwk11_key *key, const char *alg, const char *enc, struct message *m)
{
	struct jwk11_buf jwe = J11_BUF(4000);
	struct jwk11_err err = { 0 };
	const char *p;

	softhsm_must(jwk11_pub_encrypt(jwk11_key_pub(key), alg, enc, NULL, NULL, J11_VIEW("attack at dawn, or when the fog has lifted"), &jwe, &err), &err);
	p = jwe.data;
	for (int i = 0; i < N_PARTS; i++) {
		size_t n = strcspn(p, ".");

		m->parts[i] = J11_BUF(4000);
		j11_buf_add(&m->parts[i], p, n);
		p += n + 1;
	}
	j11_buf_done(&jwe);
}

static void done(struct message *m)
{
	for (int i = 0; i < N_PARTS; i++)
		j11_buf_done(&m->parts[i]);
}

/* One bit in the middle of the octets. */
static void flip(struct jwk11_buf *part)
{
	struct jwk11_buf octets = J11_BUF(4000);

	assert_int_equal(j11_b64url_decode(j11_buf_view(part), "part", &octets, NULL), JWK11_OK);
	octets.data[octets.len / 2] = (char)(octets.data[octets.len / 2] ^ 0x04);
	jwk11_buf_reset(part);
	j11_b64url_add(part, j11_buf_view(&octets));
	j11_buf_done(&octets);
}

/* A damaged encrypted key is a wrong padding for RSA-OAEP, a failed integrity check for AES-KW. */
static void damage(struct jwk11_key *key, const struct setting *s, enum damage how, struct message *m)
{
	static const int parts[N_DAMAGES] = { [TAG] = AUTH, [TAG_AGAIN] = AUTH, [CIPHERTEXT] = TEXT, [IV] = VECTOR, [KEY] = ENCRYPTED_KEY };
	struct message other;
	struct jwk11_buf swap;

	if (how != OTHER_LENGTH) {
		flip(&m->parts[parts[how]]);
		return;
	}
	make(key, s->alg, s->other_enc, &other);
	swap = m->parts[ENCRYPTED_KEY];
	m->parts[ENCRYPTED_KEY] = other.parts[ENCRYPTED_KEY];
	other.parts[ENCRYPTED_KEY] = swap;
	done(&other);
}

/* Several messages of each kind, so that no number of one of them is measured. */
static void make_all(struct jwk11_key *key, const struct setting *s, struct jwk11_buf texts[N_DAMAGES][N_COPIES])
{
	for (int how = 0; how < N_DAMAGES; how++) {
		for (int copy = 0; copy < N_COPIES; copy++) {
			struct message m;

			make(key, s->alg, s->enc, &m);
			damage(key, s, (enum damage)how, &m);
			texts[how][copy] = J11_BUF(8000);
			for (int i = 0; i < N_PARTS; i++)
				j11_buf_add_fmt(&texts[how][copy], "%s%s", i ? "." : "", jwk11_buf_data(&m.parts[i]));
			done(&m);
		}
	}
}

/* ---- measuring ---- */

static uint64_t random_state = 88172645463325252u;

static unsigned random_below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

/* What the sender sees, and what is left of it when other programs want the processor too. */
enum clock { WALL, PROCESSOR, N_CLOCKS };
static const char *const clocks[N_CLOCKS] = { "wall", "processor" };

struct measured {
	double t[N_CLOCKS][N_DAMAGES][N_TRIES];
};

static double now(enum clock clock)
{
	struct timespec t;

	clock_gettime(clock == WALL ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void try_one(struct jwk11_key *key, const struct setting *s, const struct jwk11_buf *text, double spent[N_CLOCKS])
{
	struct jwk11_buf out = J11_BUF(1000);
	struct jwk11_err err = { 0 };
	double wall = now(WALL), processor = now(PROCESSOR);
	enum jwk11_rc rc = jwk11_key_decrypt(key, s->alg, NULL, j11_buf_view(text), &out, &err);

	spent[PROCESSOR] = now(PROCESSOR) - processor;
	spent[WALL] = now(WALL) - wall;
	assert_int_equal(rc, JWK11_ERR_SIGNATURE);
	assert_string_equal(err.code, "DECRYPT_FAILED");
	j11_buf_done(&out);
}

static int n_tries(void)
{
	const char *given = getenv("JWK11_TRIES");
	long n = given ? strtol(given, NULL, 10) : N_TRIES;

	return n >= 1 && n < N_TRIES ? (int)n : N_TRIES;
}

static void measure(struct jwk11_key *key, const struct setting *s, struct jwk11_buf texts[N_DAMAGES][N_COPIES], struct measured *m)
{
	for (int i = 0; i < n_tries(); i++) {
		double spent[N_CLOCKS];
		int order[N_DAMAGES];

		for (int k = 0; k < N_DAMAGES; k++) {
			int at = (int)random_below((unsigned)k + 1);

			order[k] = order[at];
			order[at] = k;
		}
		for (int k = 0; k < N_DAMAGES; k++) {
			try_one(key, s, &texts[order[k]][random_below(N_COPIES)], spent);
			for (int c = 0; c < N_CLOCKS; c++)
				m->t[c][order[k]][i] = spent[c];
		}
	}
}

/* ---- judging ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static const double *sorted(const double *times, double room[N_TRIES])
{
	memcpy(room, times, N_TRIES * sizeof(*room));
	qsort(room, N_TRIES, sizeof(*room), compare);
	return room;
}

static double median(const double *times)
{
	static double room[N_TRIES];

	return sorted(times, room)[N_TRIES / 2];
}

/* Of all pairs, how often the try of a takes longer than the one of b, less a half: 0 says that they cannot be told apart, 0.5 that each
 * single try gives it away. (Mann and Whitney's U.) It stands on ranks, so that a try the machine was busy in weighs no more than others. */
static double effect(const double *a, const double *b)
{
	static double room_a[N_TRIES], room_b[N_TRIES];
	const double *x = sorted(a, room_a), *y = sorted(b, room_b);
	double pairs = 0;
	size_t below = 0, not_above = 0;

	for (size_t i = 0; i < N_TRIES; i++) {
		while (below < N_TRIES && y[below] < x[i])
			below++;
		while (not_above < N_TRIES && y[not_above] <= x[i])
			not_above++;
		pairs += (double)(below + not_above) / 2;
	}
	return pairs / ((double)N_TRIES * N_TRIES) - 0.5;
}

/* Chance makes effects of 0.009 (one standard deviation for 2,000 tries); five of them beside what equal damages differ by are none of it. */
static bool tells_nothing(const struct setting *s, enum clock clock, double t[N_DAMAGES][N_TRIES])
{
	double limit = 0.05 + fabs(effect(t[TAG_AGAIN], t[TAG]));
	bool nothing = true;

	for (int how = 0; how < N_DAMAGES; how++) {
		double e = effect(t[how], t[TAG]);

		print_message("# %s %s, %s: %s time, median %.1f us, effect %+.4f of at most %.4f\n", s->alg, s->enc, damages[how], clocks[clock],
			median(t[how]) / 1e3, e, limit);
		nothing = nothing && fabs(e) <= limit;
	}
	return nothing;
}

/* A machine that was busy at the wrong moment gets another chance; a difference that is there is there each time. */
static void check(const struct setting *s)
{
	static struct measured m;
	struct jwk11_buf texts[N_DAMAGES][N_COPIES];
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	bool good = false;
	char uri[128];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", s->label);
	softhsm_must(jwk11_token_keys_for(place.token, uri, JWK11_USE_ENC, &keys, &err), &err);
	assert_int_equal(jwk11_keys_count(keys), 1);
	make_all(jwk11_keys_get(keys, 0), s, texts);
	for (int i = 0; i < N_ATTEMPTS && !good; i++) {
		measure(jwk11_keys_get(keys, 0), s, texts, &m);
		good = true;
		for (int c = 0; c < N_CLOCKS && n_tries() == N_TRIES; c++)
			good = tells_nothing(s, (enum clock)c, m.t[c]) && good;
	}
	for (int how = 0; how < N_DAMAGES; how++)
		for (int copy = 0; copy < N_COPIES; copy++)
			j11_buf_done(&texts[how][copy]);
	jwk11_keys_free(keys);
	if (!good)
		fail_msg("%s %s: the time tells what was wrong with a message", s->alg, s->enc);
}

static void rsa_oaep_with_gcm(void **state)
{
	(void)state;
	check(&settings[0]);
}

static void rsa_oaep_with_cbc_hmac(void **state)
{
	(void)state;
	check(&settings[1]);
}

static void ecdh_es_and_key_wrap_with_gcm(void **state)
{
	(void)state;
	check(&settings[2]);
}

static void ecdh_es_and_key_wrap_with_cbc_hmac(void **state)
{
	(void)state;
	check(&settings[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsa_oaep_with_gcm),
		cmocka_unit_test(rsa_oaep_with_cbc_hmac),
		cmocka_unit_test(ecdh_es_and_key_wrap_with_gcm),
		cmocka_unit_test(ecdh_es_and_key_wrap_with_cbc_hmac),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
