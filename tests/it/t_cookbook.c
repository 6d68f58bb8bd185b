/* SPDX-License-Identifier: Apache-2.0 */
/* The RFCs' private keys on a SoftHSM token: their signatures made again or verified, their messages decrypted. */
#include "softhsm.h"

#include "jose/jwe.h"
#include "jose/jws.h"
#include "jose/kdf.h"

/* Where an example keeps its private key, and the label it gets. */
static const struct load {
	const char *file, *member, *label;
	enum jwk11_use use;
} loads[] = {
	{ "rfc7515-a2-rs256.json", NULL, "a2", JWK11_USE_SIG },
	{ "rfc7515-a3-es256.json", NULL, "a3", JWK11_USE_SIG },
	{ "rfc7515-a4-es512.json", NULL, "a4", JWK11_USE_SIG },
	{ "rfc7520-4-1-rs256.json", NULL, "bilbo-rsa", JWK11_USE_SIG },
	{ "rfc7520-4-3-es512.json", NULL, "bilbo-ec", JWK11_USE_SIG },
	{ "rfc7520-6-nested.json", "sig", "hobbiton", JWK11_USE_SIG },
	{ "rfc8037-a4-eddsa.json", NULL, "ed25519", JWK11_USE_SIG },
	{ "rfc7515-a1-hs256.json", NULL, "a1", JWK11_USE_MAC },
	{ "rfc7520-4-4-hs256.json", NULL, "hobbit-mac", JWK11_USE_MAC },
	{ "rfc7520-6-nested.json", "enc", "samwise", JWK11_USE_ENC },
	{ "rfc7520-5-4-ecdh-es-a128kw.json", NULL, "peregrin", JWK11_USE_ENC },
	{ "rfc7520-5-5-ecdh-es.json", NULL, "meriadoc", JWK11_USE_ENC },
};

/* RFC 8037 A.6 and A.7 print what both sides agree on; the sender's ephemeral key is the private key that is known. */
static const struct agreement {
	const char *file, *alg, *enc;
	size_t kek_len;
} agreements[] = { { "rfc8037-a6-x25519.json", "ECDH-ES+A128KW", "A128GCM", 16 }, { "rfc8037-a7-x448.json", "ECDH-ES+A256KW", "A256GCM", 32 } };

static struct place {
	struct jwk11_context *ctx;
	struct jwk11_token *token;
} place;

static const struct j11_json *member(const struct vector *v, const char *name)
{
	return name ? j11_json_get(v->root, name) : v->root;
}

/* One loader for all: every private component goes in by C_CreateObject. */
static int set_up(void **state)
{
	(void)state;
	softhsm_make();
	place.ctx = softhsm_context();
	place.token = softhsm_open(place.ctx);
	for (size_t i = 0; i < J11_COUNT(loads); i++)
		softhsm_load_vector(place.token, loads[i].file, loads[i].member, "private", loads[i].label, loads[i].use);
	for (size_t i = 0; i < J11_COUNT(agreements); i++)
		softhsm_load_vector(place.token, agreements[i].file, NULL, "ephemeral", agreements[i].file, JWK11_USE_ENC);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return softhsm_close(place.ctx, place.token);
}

static struct jwk11_key *find(const char *label, enum jwk11_use use)
{
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_key *key;
	char uri[128];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", label);
	softhsm_must(jwk11_token_keys_for(place.token, uri, use, &keys, &err), &err);
	if (jwk11_keys_count(keys) != 1)
		fail_msg("%s: %s", label, jwk11_keys_skip_reason(keys));
	key = jwk11_key_ref(jwk11_keys_get(keys, 0));
	jwk11_keys_free(keys);
	return key;
}

/* What the token says of the key is what the RFC prints. */
static void exports_the_public_halves_of_the_rfcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(loads); i++) {
		struct jwk11_key *key = find(loads[i].label, loads[i].use);
		const struct j11_json *private;
		struct jwk11_buf jwk = J11_BUF(4096);
		struct jwk11_err err = { 0 };
		struct j11_json_doc *doc = NULL;
		struct vector v;

		if (loads[i].use == JWK11_USE_MAC) { /* which has none */
			assert_null(jwk11_key_pub(key));
			jwk11_key_unref(key);
			continue;
		}
		vector_load(&v, loads[i].file);
		private = j11_json_get(member(&v, loads[i].member), "private");
		softhsm_must(jwk11_pub_jwk(jwk11_key_pub(key), loads[i].use == JWK11_USE_ENC ? jwk11_pub_default_enc_alg(jwk11_key_pub(key)) : NULL, NULL,
			&jwk, &err), &err);
		softhsm_must(j11_json_read(j11_buf_view(&jwk), NULL, "JWK", &doc, &err), &err);
		for (const struct j11_json *m = j11_json_root(doc)->child; m != NULL; m = m->next)
			if (!j11_view_equals(m->name, "use") && !j11_view_equals(m->name, "alg") && !j11_view_equals(m->name, "kid"))
				assert_true(j11_view_equal(m->text, vector_text(private, m->name.data)));
		assert_null(j11_json_get(j11_json_root(doc), "d"));
		j11_json_free(doc);
		j11_buf_done(&jwk);
		jwk11_key_unref(key);
		vector_done(&v);
	}
}

/* The example's parts: "header.payload", and the signature behind the last dot. */
static void parts_of(struct jwk11_view jws, struct jwk11_view *input, struct jwk11_buf *sig)
{
	const char *p = jws.data, *dot = memrchr(p, '.', jws.len);

	assert_non_null(dot);
	*input = (struct jwk11_view){ p, (size_t)(dot - p) };
	assert_int_equal(j11_b64url_decode((struct jwk11_view){ dot + 1, (size_t)(p + jws.len - dot - 1) }, "signature", sig, NULL), JWK11_OK);
}

/* RS256, EdDSA and HS256 are functions: the same octets come out, from the signing input and, our header being theirs, from the payload. */
static void makes_the_same_signatures(void **state)
{
	static const struct {
		const char *file, *label, *kid;
		enum jwk11_use use;
		bool spaced; /* the RFC's header has a line break, ours never */
	} rows[] = {
		{ "rfc7515-a1-hs256.json", "a1", NULL, JWK11_USE_MAC, true },
		{ "rfc7515-a2-rs256.json", "a2", NULL, JWK11_USE_SIG, false },
		{ "rfc7520-4-1-rs256.json", "bilbo-rsa", "bilbo.baggins@hobbiton.example", JWK11_USE_SIG, false },
		{ "rfc7520-4-4-hs256.json", "hobbit-mac", "018c0ae5-4d9b-471b-bfd6-eef314bc7037", JWK11_USE_MAC, false },
		{ "rfc8037-a4-eddsa.json", "ed25519", NULL, JWK11_USE_SIG, false },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_key *key = find(rows[i].label, rows[i].use);
		struct jwk11_buf theirs = J11_BUF(1000), sig = J11_BUF(1000), jws = J11_BUF(4000);
		struct jwk11_view input;
		struct jwk11_err err = { 0 };
		struct vector v;
		const char *alg;

		vector_load(&v, rows[i].file);
		alg = vector_text(v.root, "alg").data;
		parts_of(vector_text(v.root, "jws"), &input, &theirs);
		softhsm_must(jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, input, &sig, &err), &err);
		assert_true(j11_view_equal(j11_buf_view(&sig), j11_buf_view(&theirs)));
		softhsm_must(jwk11_key_verify(key, alg, input, j11_buf_view(&theirs), &err), &err);
		theirs.data[0] ^= 1;
		assert_int_equal(jwk11_key_verify(key, alg, input, j11_buf_view(&theirs), NULL), JWK11_ERR_SIGNATURE);
		softhsm_must(jwk11_key_jws(key, alg, rows[i].kid, NULL, vector_text(v.root, "payload"), &jws, &err), &err);
		assert_true(rows[i].spaced || j11_view_equal(j11_buf_view(&jws), vector_text(v.root, "jws")));
		j11_buf_done(&theirs);
		j11_buf_done(&sig);
		j11_buf_done(&jws);
		jwk11_key_unref(key);
		vector_done(&v);
	}
}

static const char *const json_forms[] = { "flattened", "general" };

/* RFC 7520 4.1, 4.4 and 4.5 in their JSON forms: ours are the RFC's, member for member. */
static void makes_the_json_forms_of_the_cookbook(void **state)
{
	static const struct {
		const char *file, *label, *kid;
		enum jwk11_use use;
		unsigned flags;
	} rows[] = {
		{ "rfc7520-4-1-rs256.json", "bilbo-rsa", "bilbo.baggins@hobbiton.example", JWK11_USE_SIG, 0 },
		{ "rfc7520-4-4-hs256.json", "hobbit-mac", "018c0ae5-4d9b-471b-bfd6-eef314bc7037", JWK11_USE_MAC, 0 },
		{ "rfc7520-4-5-detached.json", "hobbit-mac", "018c0ae5-4d9b-471b-bfd6-eef314bc7037", JWK11_USE_MAC, JWK11_JWS_DETACHED },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows) * J11_COUNT(json_forms); i++) {
		struct jwk11_key *key = find(rows[i / 2].label, rows[i / 2].use);
		struct jwk11_jws_options options = { .form = i % 2 ? JWK11_JWS_GENERAL : JWK11_JWS_FLATTENED, .flags = rows[i / 2].flags };
		const struct j11_json *theirs, *ours;
		struct jwk11_buf jws = J11_BUF(4000);
		struct j11_json_doc *doc = NULL;
		struct jwk11_err err = { 0 };
		struct vector v;

		vector_load(&v, rows[i / 2].file);
		theirs = j11_json_get(v.root, json_forms[i % 2]);
		softhsm_must(jwk11_key_jws_with(key, vector_text(v.root, "alg").data, rows[i / 2].kid, &options, vector_text(v.root, "payload"), &jws, &err),
			&err);
		softhsm_must(j11_json_read(j11_buf_view(&jws), NULL, "JWS", &doc, &err), &err);
		ours = j11_json_root(doc);
		assert_int_equal(ours->n_children, theirs->n_children);
		if (options.flags & JWK11_JWS_DETACHED)
			assert_null(j11_json_get(ours, "payload"));
		else
			assert_true(j11_view_equal(vector_text(ours, "payload"), vector_text(theirs, "payload")));
		if (options.form == JWK11_JWS_GENERAL) {
			theirs = j11_json_get(theirs, "signatures")->child;
			ours = j11_json_get(ours, "signatures")->child;
			assert_null(ours->next);
			assert_int_equal(ours->n_children, theirs->n_children);
		}
		assert_true(j11_view_equal(vector_text(ours, "protected"), vector_text(theirs, "protected")));
		assert_true(j11_view_equal(vector_text(ours, "signature"), vector_text(theirs, "signature")));
		j11_json_free(doc);
		j11_buf_done(&jws);
		jwk11_key_unref(key);
		vector_done(&v);
	}
}

/* A key of the token and the signature of an example that it makes again (a function), or verifies and makes another of. */
static void check_signature(struct jwk11_key *key, const char *alg, struct jwk11_view input, const struct j11_json *signature, bool function)
{
	struct jwk11_buf theirs = J11_BUF(1000), ours = J11_BUF(1000);
	struct jwk11_err err = { 0 };

	assert_int_equal(j11_b64url_decode(vector_text(signature, "signature"), "signature", &theirs, NULL), JWK11_OK);
	softhsm_must(jwk11_key_verify(key, alg, input, j11_buf_view(&theirs), &err), &err);
	softhsm_must(jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, input, &ours, &err), &err);
	assert_int_equal(j11_view_equal(j11_buf_view(&ours), j11_buf_view(&theirs)), function);
	j11_buf_done(&theirs);
	j11_buf_done(&ours);
}

/* RFC 7520 4.1 to 4.8: what each signature of each JSON form is over, signed again by the token. alg and kid stand where the RFC has them. */
static void signs_what_the_json_forms_sign(void **state)
{
	static const struct {
		const char *file;
		unsigned first, n; /* of the signers below */
	} rows[] = {
		{ "rfc7520-4-1-rs256.json", 0, 1 }, { "rfc7520-4-2-ps384.json", 3, 1 }, { "rfc7520-4-3-es512.json", 1, 1 }, { "rfc7520-4-4-hs256.json", 2, 1 },
		{ "rfc7520-4-5-detached.json", 2, 1 }, { "rfc7520-4-6-protected-alg.json", 2, 1 }, { "rfc7520-4-7-content-only.json", 2, 1 },
		{ "rfc7520-4-8-multiple.json", 0, 3 },
	};
	static const struct {
		const char *label, *alg;
		enum jwk11_use use;
		bool function;
	} signers[] = {
		{ "bilbo-rsa", "RS256", JWK11_USE_SIG, true }, { "bilbo-ec", "ES512", JWK11_USE_SIG, false }, { "hobbit-mac", "HS256", JWK11_USE_MAC, true },
		{ "bilbo-rsa", "PS384", JWK11_USE_SIG, false },
	};
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows) * J11_COUNT(json_forms); i++) {
		const struct j11_json *form, *signature;
		unsigned k = rows[i / 2].first;
		struct vector v;

		vector_load(&v, rows[i / 2].file);
		form = j11_json_get(v.root, json_forms[i % 2]);
		signature = form != NULL && i % 2 ? j11_json_get(form, "signatures")->child : form;
		for (; form != NULL && k < rows[i / 2].first + rows[i / 2].n; k++, signature = signature->next, n++) {
			struct jwk11_key *key = find(signers[k].label, signers[k].use);
			struct jwk11_buf input = J11_BUF(2000);

			if (j11_json_get(signature, "protected") != NULL)
				j11_buf_add_str(&input, vector_text(signature, "protected").data);
			j11_buf_add_byte(&input, '.');
			j11_b64url_add(&input, vector_text(v.root, "payload"));
			check_signature(key, signers[k].alg, j11_buf_view(&input), signature, signers[k].function);
			j11_buf_done(&input);
			jwk11_key_unref(key);
		}
		vector_done(&v);
	}
	assert_int_equal(n, 7 * 2 + 3);
}

/* RFC 8032 7.4, by either name. */
static void makes_the_ed448_signatures_of_rfc_8032(void **state)
{
	static const char *const algs[] = { "EdDSA", "Ed448" };
	const struct j11_json *one;
	unsigned n = 0;
	struct vector v;

	(void)state;
	vector_load(&v, "rfc8032-7-4-ed448.json");
	for (one = j11_json_get(v.root, "cases")->child; one != NULL; one = one->next) {
		struct jwk11_buf message = J11_BUF(100), theirs = J11_BUF(114), sig = J11_BUF(114);
		struct jwk11_err err = { 0 };
		struct jwk11_key *key;
		char label[16];

		snprintf(label, sizeof(label), "ed448-%u", n++);
		assert_int_equal(softhsm_load(place.token, j11_json_get(one, "private"), label, JWK11_USE_SIG), CKR_OK);
		key = find(label, JWK11_USE_SIG);
		assert_int_equal(j11_b64url_decode(vector_text(one, "message"), "message", &message, NULL), JWK11_OK);
		assert_int_equal(j11_b64url_decode(vector_text(one, "signature"), "signature", &theirs, NULL), JWK11_OK);
		for (size_t i = 0; i < J11_COUNT(algs); i++) {
			jwk11_buf_reset(&sig);
			softhsm_must(jwk11_key_sign(key, algs[i], JWK11_INPUT_MESSAGE, j11_buf_view(&message), &sig, &err), &err);
			assert_true(j11_view_equal(j11_buf_view(&sig), j11_buf_view(&theirs)));
			softhsm_must(jwk11_key_verify(key, algs[i], j11_buf_view(&message), j11_buf_view(&theirs), &err), &err);
		}
		j11_buf_done(&message);
		j11_buf_done(&theirs);
		j11_buf_done(&sig);
		jwk11_key_unref(key);
	}
	assert_int_equal(n, 3);
	vector_done(&v);
}

/* PSS and ECDSA are not: theirs verifies with the key as the token has it, ours with the key as the RFC prints it, and they differ. */
static void makes_other_signatures_that_verify_both_ways(void **state)
{
	static const struct {
		const char *file, *member, *label;
	} rows[] = {
		{ "rfc7515-a3-es256.json", NULL, "a3" },
		{ "rfc7515-a4-es512.json", NULL, "a4" },
		{ "rfc7520-4-2-ps384.json", NULL, "bilbo-rsa" },
		{ "rfc7520-4-3-es512.json", NULL, "bilbo-ec" },
		{ "rfc7520-6-nested.json", "sig", "hobbiton" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_key *key = find(rows[i].label, JWK11_USE_SIG);
		struct jwk11_buf theirs = J11_BUF(1000), sig = J11_BUF(1000);
		struct jwk11_view input;
		struct jwk11_pub *pub = NULL;
		struct jwk11_err err = { 0 };
		struct vector v;
		const char *alg;

		vector_load(&v, rows[i].file);
		alg = vector_text(member(&v, rows[i].member), "alg").data;
		parts_of(vector_text(v.root, "jws"), &input, &theirs);
		softhsm_must(jwk11_pub_verify(jwk11_key_pub(key), alg, JWK11_INPUT_MESSAGE, input, j11_buf_view(&theirs), &err), &err);
		softhsm_must(jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, input, &sig, &err), &err);
		softhsm_must(jwk11_pub_from_jwk(j11_json_get(member(&v, rows[i].member), "jwk")->raw, &pub, &err), &err);
		softhsm_must(jwk11_pub_verify(pub, alg, JWK11_INPUT_MESSAGE, input, j11_buf_view(&sig), &err), &err);
		assert_int_equal(sig.len, theirs.len);
		assert_false(j11_view_equal(j11_buf_view(&sig), j11_buf_view(&theirs)));
		jwk11_pub_unref(pub);
		j11_buf_done(&theirs);
		j11_buf_done(&sig);
		jwk11_key_unref(key);
		vector_done(&v);
	}
}

/* Every form of every message that is for one of the token's keys; RFC 7520 5.13 is for three recipients. */
static void decrypts_the_messages(void **state)
{
	static const struct {
		const char *file, *alg, *label, *plaintext;
	} rows[] = {
		{ "rfc7520-5-2-rsa-oaep.json", "RSA-OAEP", "samwise", "plaintext" },
		{ "rfc7520-5-4-ecdh-es-a128kw.json", "ECDH-ES+A128KW", "peregrin", "plaintext" },
		{ "rfc7520-5-5-ecdh-es.json", "ECDH-ES", "meriadoc", "plaintext" },
		{ "rfc7520-5-13-recipients.json", "ECDH-ES+A256KW", "peregrin", "plaintext" },
		{ "rfc7520-6-nested.json", "RSA-OAEP", "samwise", "jws" },
	};
	static const char *const forms[] = { "compact", "general", "flattened" };
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows) * J11_COUNT(forms); i++) {
		struct jwk11_key *key = find(rows[i / 3].label, JWK11_USE_ENC);
		struct jwk11_buf out = J11_BUF(2000);
		struct jwk11_err err = { 0 };
		const struct j11_json *form;
		struct vector v;

		vector_load(&v, rows[i / 3].file);
		form = j11_json_get(v.root, forms[i % 3]);
		if (form != NULL) {
			softhsm_must(jwk11_key_decrypt(key, rows[i / 3].alg, NULL, form->type == J11_JSON_STRING ? form->text : form->raw, &out, &err), &err);
			assert_true(j11_view_equal(j11_buf_view(&out), vector_text(v.root, rows[i / 3].plaintext)));
			n++;
		}
		j11_buf_done(&out);
		jwk11_key_unref(key);
		vector_done(&v);
	}
	assert_int_equal(n, 3 + 3 + 2 + 1 + 3);
}

/* RFC 7520 section 6, from the outside in. */
static void opens_a_signed_and_encrypted_token(void **state)
{
	struct jwk11_key *key = find("samwise", JWK11_USE_ENC);
	struct jwk11_buf jws = J11_BUF(2000), payload = J11_BUF(1000);
	struct jwk11_pub *signer = NULL;
	struct jwk11_err err = { 0 };
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7520-6-nested.json");
	softhsm_must(jwk11_pub_from_jwk(j11_json_get(j11_json_get(v.root, "sig"), "jwk")->raw, &signer, &err), &err);
	softhsm_must(jwk11_key_decrypt(key, "RSA-OAEP", NULL, vector_text(v.root, "compact"), &jws, &err), &err);
	softhsm_must(jwk11_jws_verify(signer, "PS256", j11_buf_view(&jws), &payload, &err), &err);
	assert_true(j11_view_equal(j11_buf_view(&payload), vector_text(v.root, "payload")));
	jwk11_pub_unref(signer);
	j11_buf_done(&jws);
	j11_buf_done(&payload);
	jwk11_key_unref(key);
	vector_done(&v);
}

static void add_part(struct jwk11_buf *text, struct jwk11_view octets)
{
	j11_buf_add_byte(text, '.');
	j11_b64url_add(text, octets);
}

/* A message to the token's key from the other key of the example, made of the printed Z. */
static void make_message(const struct vector *v, const struct agreement *a, struct jwk11_buf *text)
{
	const struct j11_enc *enc = j11_enc_find(j11_view_str(a->enc));
	struct jwk11_view epk = j11_json_get(v->root, "jwk")->raw;
	struct jwk11_buf header = J11_BUF(1000), octets = J11_BUF(100), sealed = J11_BUF(100);
	struct j11_keymat z = { .len = 0 }, kek = { .len = 0 }, cek = { .len = 0 };
	unsigned char iv[12] = { 1 }, tag[J11_ENC_TAG_MAX];

	assert_int_equal(j11_b64url_decode(vector_text(v->root, "z"), "Z", &octets, NULL), JWK11_OK);
	assert_in_range(octets.len, 32, sizeof(z.octets));
	memcpy(z.octets, octets.data, z.len = octets.len);
	jwk11_buf_reset(&octets);
	j11_buf_add_fmt(&header, "{\"alg\":\"%s\",\"enc\":\"%s\",\"epk\":%.*s}", a->alg, a->enc, (int)epk.len, (const char *)epk.data);
	j11_b64url_add(text, j11_buf_view(&header));
	assert_int_equal(j11_keymat_random(&cek, enc->key_len, NULL), JWK11_OK);
	assert_int_equal(j11_kdf_concat(&z, a->alg, J11_VIEW(""), J11_VIEW(""), a->kek_len, &kek, NULL), JWK11_OK);
	assert_int_equal(j11_kdf_wrap(&kek, &cek, &octets, NULL), JWK11_OK);
	assert_int_equal(j11_enc_seal(enc, &cek, (struct jwk11_view){ iv, 12 }, j11_buf_view(text), J11_VIEW("agreed"), &sealed, tag, NULL), JWK11_OK);
	add_part(text, j11_buf_view(&octets));
	add_part(text, (struct jwk11_view){ iv, sizeof(iv) });
	add_part(text, j11_buf_view(&sealed));
	add_part(text, (struct jwk11_view){ tag, enc->tag_len });
	j11_buf_done(&header);
	j11_buf_done(&octets);
	j11_buf_done(&sealed);
}

/* It opens only if the token agrees on the same Z. */
static void agrees_on_the_z_of_rfc_8037(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(agreements); i++) {
		struct jwk11_key *key = find(agreements[i].file, JWK11_USE_ENC);
		struct jwk11_buf text = J11_BUF(2000), out = J11_BUF(100);
		struct jwk11_err err = { 0 };
		struct vector v;

		vector_load(&v, agreements[i].file);
		make_message(&v, &agreements[i], &text);
		softhsm_must(jwk11_key_decrypt(key, agreements[i].alg, NULL, j11_buf_view(&text), &out, &err), &err);
		assert_string_equal(out.data, "agreed");
		j11_buf_done(&text);
		j11_buf_done(&out);
		jwk11_key_unref(key);
		vector_done(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exports_the_public_halves_of_the_rfcs),
		cmocka_unit_test(makes_the_same_signatures),
		cmocka_unit_test(makes_the_json_forms_of_the_cookbook),
		cmocka_unit_test(signs_what_the_json_forms_sign),
		cmocka_unit_test(makes_the_ed448_signatures_of_rfc_8032),
		cmocka_unit_test(makes_other_signatures_that_verify_both_ways),
		cmocka_unit_test(decrypts_the_messages),
		cmocka_unit_test(opens_a_signed_and_encrypted_token),
		cmocka_unit_test(agrees_on_the_z_of_rfc_8037),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
