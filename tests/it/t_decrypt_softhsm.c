/* SPDX-License-Identifier: Apache-2.0 */
/* JWE decryption on a real SoftHSM token: the RFCs' keys and messages, our own, and every kind of damage. */
#include "softhsm.h"

#include "jose/kma.h"

static const struct {
	const char *file, *label, *kid;
} loads[] = {
	{ "rfc7516-a1-rsa-oaep.json", "a1", NULL },
	{ "rfc7520-5-2-rsa-oaep.json", "samwise", "samwise.gamgee@hobbiton.example" },
	{ "rfc7520-5-4-ecdh-es-a128kw.json", "peregrin", "peregrin.took@tuckborough.example" },
	{ "rfc7520-5-5-ecdh-es.json", "meriadoc", "meriadoc.brandybuck@buckland.example" },
	{ "rfc7520-5-13-recipients.json", "peregrin", "peregrin.took@tuckborough.example" },
};
/* Keys on curves that no example has. The P-521 one is of RFC 7520 section 3.2; X25519: RFC 8037 A.6. */
static const char p521[] = "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt\","
	"\"y\":\"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1\","
	"\"d\":\"AAhRON2r9cqXX1hg-RoI6R1tX5p2rUAYdmpHZoC1XNM56KtscrX6zbKipQrCW9CGZH3T4ubpnoTKLDYJ_fF3_rJt\"}";
static const char x25519[] = "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\","
	"\"d\":\"XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os\"}";

static void load_text(struct jwk11_token *token, const char *text, const char *label)
{
	struct j11_json_doc *doc = NULL;

	assert_int_equal(j11_json_read(j11_view_str(text), NULL, "JWK", &doc, NULL), JWK11_OK);
	assert_int_equal(softhsm_load(token, j11_json_root(doc), label, JWK11_USE_ENC), CKR_OK);
	j11_json_free(doc);
}

static int set_up(void **state)
{
	struct jwk11_context *ctx;
	struct jwk11_token *token;
	struct vector v;

	(void)state;
	softhsm_make();
	ctx = softhsm_context();
	token = softhsm_open(ctx);
	for (size_t i = 0; i < 4; i++)
		softhsm_load_vector(token, loads[i].file, NULL, "private", loads[i].label, JWK11_USE_ENC);
	vector_load(&v, "rfc7515-a2-rs256.json");
	assert_int_equal(softhsm_load(token, j11_json_get(v.root, "private"), "signer", JWK11_USE_SIG), CKR_OK);
	vector_done(&v);
	load_text(token, p521, "p521");
	load_text(token, x25519, "x25519");
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return softhsm_remove();
}

struct place {
	struct jwk11_context *ctx;
	struct jwk11_token *token;
	struct jwk11_keys *keys;
	struct jwk11_key *key;
};

static void open_key(struct place *p, const char *label, enum jwk11_use use)
{
	struct jwk11_err err = { 0 };
	char uri[128];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", label);
	p->ctx = softhsm_context();
	p->token = softhsm_open(p->ctx);
	softhsm_must(jwk11_token_keys_for(p->token, uri, use, &p->keys, &err), &err);
	if (jwk11_keys_count(p->keys) != 1)
		fail_msg("%s: %s", label, jwk11_keys_skip_reason(p->keys));
	p->key = jwk11_keys_get(p->keys, 0);
}

static void close_key(struct place *p)
{
	jwk11_keys_free(p->keys);
	jwk11_token_unref(p->token);
	jwk11_context_free(p->ctx);
}

static void decrypts_the_examples_of_the_rfcs(void **state)
{
	static const char *const forms[] = { "compact", "general", "flattened" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(loads); i++) {
		struct place p;
		struct vector v;

		open_key(&p, loads[i].label, JWK11_USE_ENC);
		vector_load(&v, loads[i].file);
		for (size_t f = 0; f < J11_COUNT(forms); f++) {
			const struct j11_json *form = j11_json_get(v.root, forms[f]);
			struct jwk11_buf out = J11_BUF(2000);
			struct jwk11_err err = { 0 };

			if (form == NULL)
				continue;
			softhsm_must(jwk11_key_decrypt(p.key, vector_text(v.root, "alg").data, loads[i].kid, form->type == J11_JSON_STRING ? form->text : form->raw,
				&out, &err), &err);
			assert_true(j11_view_equal(j11_buf_view(&out), vector_text(v.root, "plaintext")));
			j11_buf_done(&out);
		}
		vector_done(&v);
		close_key(&p);
	}
}

static void decrypts_with_every_kind_of_key(void **state)
{
	static const char *const labels[] = { "a1", "meriadoc", "peregrin", "p521", "x25519" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(labels); i++) {
		struct place p;

		open_key(&p, labels[i], JWK11_USE_ENC);
		for (size_t k = 0; j11_kma_at(k) != NULL; k++) {
			const char *alg = j11_kma_at(k)->name;
			struct jwk11_buf jwe = J11_BUF(4000), out = J11_BUF(100);
			struct jwk11_err err = { 0 };
			enum jwk11_rc rc;

			if (j11_kma_fits(jwk11_key_pub(p.key), j11_kma_at(k), NULL) != JWK11_OK) {
				assert_false(jwk11_key_can(p.key, alg));
				assert_int_equal(jwk11_key_decrypt(p.key, alg, NULL, J11_VIEW("x"), &out, NULL), JWK11_ERR_MISMATCH);
				continue;
			}
			assert_true(jwk11_key_can(p.key, alg));
			softhsm_must(jwk11_pub_encrypt(jwk11_key_pub(p.key), alg, "A256CBC-HS512", NULL, NULL, J11_VIEW("attack at dawn"), &jwe, &err), &err);
			rc = jwk11_key_decrypt(p.key, alg, NULL, j11_buf_view(&jwe), &out, &err);
			if (strcmp(alg, "RSA-OAEP-256") == 0 && rc == JWK11_ERR_UNSUPPORTED) { /* SoftHSM before 2.7 */
				assert_string_equal(err.code, "UNSUPPORTED");
				assert_string_equal(err.hint, "this token's OAEP may take SHA-1 only; use alg = RSA-OAEP");
			} else {
				if (rc != JWK11_OK)
					fail_msg("%s %s: %s", labels[i], alg, err.text);
				assert_string_equal(out.data, "attack at dawn");
			}
			j11_buf_done(&jwe);
			j11_buf_done(&out);
		}
		close_key(&p);
	}
}

/* One use per key, whatever it is asked for. */
static void keeps_signing_and_decryption_apart(void **state)
{
	struct jwk11_buf out = J11_BUF(4000);
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	struct place p;

	(void)state;
	open_key(&p, "a1", JWK11_USE_ENC);
	assert_int_equal(jwk11_key_use(p.key), JWK11_USE_ENC);
	assert_int_equal(jwk11_key_sign(p.key, "RS256", JWK11_INPUT_MESSAGE, J11_VIEW("x"), &out, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.text, "key \"a1\" is for decryption");
	assert_false(jwk11_key_can(p.key, "RS256"));
	softhsm_must(jwk11_token_keys(p.token, "pkcs11:object=a1", &keys, &err), &err);
	assert_int_equal(jwk11_keys_count(keys), 0);
	assert_string_equal(jwk11_keys_skip_reason(keys), "key \"a1\": the token does not let it sign (CKA_SIGN)");
	jwk11_keys_free(keys);
	softhsm_must(jwk11_token_keys(p.token, NULL, &keys, &err), &err);
	assert_int_equal(jwk11_keys_count(keys), 1);
	jwk11_keys_free(keys);
	softhsm_must(jwk11_token_keys_for(p.token, NULL, JWK11_USE_ENC, &keys, &err), &err);
	assert_int_equal(jwk11_keys_count(keys), 6);
	jwk11_keys_free(keys);
	softhsm_must(jwk11_token_keys_for(p.token, "pkcs11:object=signer", JWK11_USE_ENC, &keys, &err), &err);
	assert_string_equal(jwk11_keys_skip_reason(keys), "key \"signer\": the token does not let it decrypt (CKA_DECRYPT)");
	jwk11_keys_free(keys);
	close_key(&p);
	open_key(&p, "signer", JWK11_USE_SIG);
	err = (struct jwk11_err){ 0 };
	assert_int_equal(jwk11_key_decrypt(p.key, "RSA-OAEP", NULL, J11_VIEW("x"), &out, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.text, "key \"signer\" is for signing");
	assert_int_equal(out.len, 0);
	close_key(&p);
}

/* A part of a compact JWE with one bit of its octets turned over. */
static void damage(struct jwk11_view text, int part, size_t bit, struct jwk11_buf *out)
{
	struct jwk11_buf octets = J11_BUF(4000);
	const char *p = text.data, *end = p + text.len;

	for (int i = 0; i < 5; i++) {
		const char *dot = memchr(p, '.', (size_t)(end - p));
		struct jwk11_view one = { p, (size_t)((dot ? dot : end) - p) };

		if (i > 0)
			j11_buf_add_byte(out, '.');
		if (i == part) {
			assert_int_equal(j11_b64url_decode(one, "part", &octets, NULL), JWK11_OK);
			octets.data[bit / 8 % octets.len] = (char)(octets.data[bit / 8 % octets.len] ^ (1 << bit % 8));
			j11_b64url_add(out, j11_buf_view(&octets));
		} else {
			j11_buf_add(out, one.data, one.len);
		}
		p = dot ? dot + 1 : end;
	}
	j11_buf_done(&octets);
}

/* The key, the IV, the text and the tag: always the same answer to the last letter, and the key works on afterwards. */
static void gives_one_error_for_every_damage(void **state)
{
	static const char *const algs[][2] = { { "a1", "RSA-OAEP" }, { "meriadoc", "ECDH-ES+A256KW" }, { "x25519", "ECDH-ES+A128KW" } };
	static const char *const encs[] = { "A256GCM", "A128CBC-HS256" };
	struct jwk11_err first = { 0 };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(algs) * J11_COUNT(encs); i++) {
		const char *alg = algs[i / 2][1];
		struct jwk11_buf good = J11_BUF(4000), out = J11_BUF(100);
		struct jwk11_err err = { 0 };
		struct place p;

		open_key(&p, algs[i / 2][0], JWK11_USE_ENC);
		softhsm_must(jwk11_pub_encrypt(jwk11_key_pub(p.key), alg, encs[i % 2], NULL, NULL, J11_VIEW("attack at dawn"), &good, &err), &err);
		for (int part = 1; part < 5; part++) {
			for (size_t bit = 0; bit < 64; bit += 9) {
				struct jwk11_buf bad = J11_BUF(4000);

				damage(j11_buf_view(&good), part, bit, &bad);
				err = (struct jwk11_err){ 0 };
				assert_int_equal(jwk11_key_decrypt(p.key, alg, NULL, j11_buf_view(&bad), &out, &err), JWK11_ERR_SIGNATURE);
				if (first.rc == JWK11_OK)
					first = err;
				assert_memory_equal(&err, &first, sizeof(err));
				assert_int_equal(out.len, 0);
				j11_buf_done(&bad);
			}
		}
		softhsm_must(jwk11_key_decrypt(p.key, alg, NULL, j11_buf_view(&good), &out, &err), &err);
		assert_int_equal(out.len, 14);
		j11_buf_done(&good);
		j11_buf_done(&out);
		close_key(&p);
	}
	assert_string_equal(first.code, "DECRYPT_FAILED");
	assert_false(first.has_ckr);
	assert_string_equal(first.hint, "");
}

/* An encrypted key that is no number below the modulus, or of another length; a content key of another algorithm's length. */
static void gives_it_for_odd_keys_too(void **state)
{
	static const char header[] = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ."; /* RSA-OAEP, A256GCM */
	static const char rest[] = ".AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA";
	struct place p;

	(void)state;
	open_key(&p, "a1", JWK11_USE_ENC);
	for (size_t len = 255; len <= 257; len++) {
		for (int octet = 0; octet < 256; octet += 255) {
			struct jwk11_buf key = J11_BUF(300), jwe = J11_BUF(1000), out = J11_BUF(100);
			struct jwk11_err err = { 0 };

			memset(j11_buf_grow(&key, len), octet, len);
			j11_buf_add_str(&jwe, header);
			j11_b64url_add(&jwe, j11_buf_view(&key));
			j11_buf_add_str(&jwe, rest);
			assert_int_equal(jwk11_key_decrypt(p.key, "RSA-OAEP", NULL, j11_buf_view(&jwe), &out, &err), JWK11_ERR_SIGNATURE);
			assert_string_equal(err.code, "DECRYPT_FAILED");
			j11_buf_done(&key);
			j11_buf_done(&jwe);
			j11_buf_done(&out);
		}
	}
	close_key(&p);
}

/* RFC 7748: small-order points; each gives zero with any key. */
static void refuses_an_ephemeral_key_of_small_order(void **state)
{
	static const char *const points[] = { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"4Ot6fDtBuK4WVuP68Z_EatoJjeucMrH9hmIFFl9JuAA", "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc",
		"7P_______________________________________38", "7f_______________________________________38",
		"7v_______________________________________38" };
	struct place p;

	(void)state;
	open_key(&p, "x25519", JWK11_USE_ENC);
	for (size_t i = 0; i < J11_COUNT(points); i++) {
		struct jwk11_buf header = J11_BUF(500), jwe = J11_BUF(1000), out = J11_BUF(100);
		struct jwk11_err err = { 0 };

		j11_buf_add_fmt(&header, "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"%s\"}}", points[i]);
		j11_b64url_add(&jwe, j11_buf_view(&header));
		j11_buf_add_str(&jwe, "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA");
		assert_int_equal(jwk11_key_decrypt(p.key, "ECDH-ES", NULL, j11_buf_view(&jwe), &out, &err), JWK11_ERR_SYNTAX);
		assert_string_equal(err.code, "JWE_INVALID");
		assert_int_equal(out.len, 0);
		j11_buf_done(&header);
		j11_buf_done(&jwe);
		j11_buf_done(&out);
	}
	close_key(&p);
}

static unsigned long count_objects(struct place *p)
{
	CK_OBJECT_HANDLE *handles = NULL;
	CK_SESSION_HANDLE session;
	unsigned generation;
	struct jwk11_view any = { 0 };
	size_t n = 0;

	assert_int_equal(j11_sess_lease(p->token, &session, &generation, NULL), JWK11_OK);
	assert_int_equal(j11_obj_find(p->token, session, CKO_SECRET_KEY, any, any, &handles, &n, NULL), JWK11_OK);
	j11_sess_return(p->token, session);
	j11_mem_free(handles);
	return n;
}

static void leaves_no_agreed_secret_behind(void **state)
{
	struct jwk11_buf jwe = J11_BUF(4000), out = J11_BUF(100);
	struct jwk11_err err = { 0 };
	struct place p;

	(void)state;
	open_key(&p, "meriadoc", JWK11_USE_ENC);
	softhsm_must(jwk11_pub_encrypt(jwk11_key_pub(p.key), "ECDH-ES", NULL, NULL, NULL, J11_VIEW("x"), &jwe, &err), &err);
	softhsm_must(jwk11_key_decrypt(p.key, NULL, NULL, j11_buf_view(&jwe), &out, &err), &err);
	assert_int_equal(count_objects(&p), 0);
	j11_buf_done(&jwe);
	j11_buf_done(&out);
	close_key(&p);
}

/* Sessions closed behind our back: the next decryption finds its way back. */
static void recovers_after_a_loss(void **state)
{
	static const char *const labels[] = { "a1", "meriadoc" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(labels); i++) {
		struct jwk11_buf jwe = J11_BUF(4000), out = J11_BUF(100);
		struct jwk11_err err = { 0 };
		struct place p;

		open_key(&p, labels[i], JWK11_USE_ENC);
		softhsm_must(jwk11_pub_encrypt(jwk11_key_pub(p.key), NULL, NULL, NULL, NULL, J11_VIEW("x"), &jwe, &err), &err);
		assert_int_equal(p.token->fl->C_CloseAllSessions(p.token->slot), CKR_OK);
		softhsm_must(jwk11_key_decrypt(p.key, NULL, NULL, j11_buf_view(&jwe), &out, &err), &err);
		assert_string_equal(out.data, "x");
		j11_buf_done(&jwe);
		j11_buf_done(&out);
		close_key(&p);
	}
}

struct once {
	struct jwk11_key *key;
	struct jwk11_view jwe;
};

static enum jwk11_rc decrypt_once(void *arg)
{
	const struct once *o = arg;
	struct jwk11_buf out = J11_BUF(100);
	enum jwk11_rc rc = jwk11_key_decrypt(o->key, NULL, NULL, o->jwe, &out, NULL);

	assert_int_equal(out.len != 0, rc == JWK11_OK);
	j11_buf_done(&out);
	return rc;
}

static void survives_each_failing_allocation(void **state)
{
	static const char *const labels[] = { "a1", "meriadoc" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(labels); i++) {
		struct jwk11_buf jwe = J11_BUF(4000);
		struct jwk11_err err = { 0 };
		struct place p;

		open_key(&p, labels[i], JWK11_USE_ENC);
		softhsm_must(jwk11_pub_encrypt(jwk11_key_pub(p.key), NULL, NULL, NULL, NULL, J11_VIEW("x"), &jwe, &err), &err);
		each_allocation_fails(decrypt_once, &(struct once){ p.key, j11_buf_view(&jwe) });
		j11_buf_done(&jwe);
		close_key(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decrypts_the_examples_of_the_rfcs),
		cmocka_unit_test(decrypts_with_every_kind_of_key),
		cmocka_unit_test(keeps_signing_and_decryption_apart),
		cmocka_unit_test(gives_one_error_for_every_damage),
		cmocka_unit_test(gives_it_for_odd_keys_too),
		cmocka_unit_test(refuses_an_ephemeral_key_of_small_order),
		cmocka_unit_test(leaves_no_agreed_secret_behind),
		cmocka_unit_test(recovers_after_a_loss),
		cmocka_unit_test(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
