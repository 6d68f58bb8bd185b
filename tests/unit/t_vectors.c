/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of the RFCs that are refused here, each with its code; and of those, the parts that can be reproduced all the same. */
#include "vector.h"

#include "jose/jwe.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "jose/kdf.h"

/* RFC 7520 section 3: the public keys are read, the private and symmetric ones refused where a public one is wanted. */
static void reads_the_public_keys_and_no_others(void **state)
{
	static const struct {
		const char *section, *thumbprint;
	} readable[] = {
		{ "3.1", "dHri3SADZkrush5HU_50AoRhcKFryN-PI6jPBtPL55M" },
		{ "3.3", "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI" },
	};
	struct vector v;
	size_t n = 0;

	(void)state;
	vector_load(&v, "rfc7520-3-keys.json");
	for (const struct j11_json *k = j11_json_get(v.root, "keys")->child; k != NULL; k = k->next) {
		char thumbprint[JWK11_THUMBPRINT_LEN + 1] = "";
		struct jwk11_pub *pub = NULL;
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc = jwk11_pub_from_jwk(j11_json_get(k, "jwk")->raw, &pub, &err);

		if (n < J11_COUNT(readable) && j11_view_equals(vector_text(k, "section"), readable[n].section)) {
			assert_int_equal(rc, JWK11_OK);
			assert_int_equal(jwk11_pub_thumbprint(pub, thumbprint, NULL), JWK11_OK);
			assert_string_equal(thumbprint, readable[n++].thumbprint);
			jwk11_pub_unref(pub);
			continue;
		}
		assert_int_equal(rc, JWK11_ERR_SYNTAX);
		assert_string_equal(err.code, "JWK_INVALID");
		assert_null(pub);
		assert_int_equal(jwk11_pub_from_enc_jwk(j11_json_get(k, "jwk")->raw, &pub, NULL), JWK11_ERR_SYNTAX);
	}
	assert_int_equal(n, J11_COUNT(readable));
	vector_done(&v);
}

/* RFC 7515 A.5, RFC 7519 6.1: whatever key and algorithm the caller has. */
static void refuses_an_unsecured_jws(void **state)
{
	static const char *const files[] = { "rfc7515-a5-none.json", "rfc7519-6-1-unsecured.json" };
	static const char *const algs[] = { NULL, "none", "RS256", "HS256" };
	struct vector key;
	struct jwk11_pub *pub = NULL;

	(void)state;
	vector_load(&key, "rfc7515-a2-rs256.json");
	assert_int_equal(jwk11_pub_from_jwk(j11_json_get(key.root, "jwk")->raw, &pub, NULL), JWK11_OK);
	for (size_t i = 0; i < J11_COUNT(files) * J11_COUNT(algs); i++) {
		struct jwk11_buf out = J11_BUF(1000);
		struct jwk11_err err = { 0 };
		const struct j11_alg *alg = NULL;
		struct jwk11_jws *jws = NULL;
		struct vector v;

		vector_load(&v, files[i / J11_COUNT(algs)]);
		assert_int_not_equal(jwk11_jws_verify(pub, algs[i % J11_COUNT(algs)], vector_text(v.root, "jws"), &out, NULL), JWK11_OK);
		assert_int_equal(out.len, 0);
		assert_int_equal(jwk11_jws_read(vector_text(v.root, "jws"), NULL, &jws, NULL), JWK11_OK);
		assert_string_equal(jwk11_jws_alg(jws, 0), "none");
		assert_int_equal(j11_jws_understand(jws, 0, NULL, &alg, &err), JWK11_ERR_UNSUPPORTED);
		assert_string_equal(err.code, "ALG_UNKNOWN");
		assert_null(alg);
		jwk11_jws_free(jws);
		vector_done(&v);
	}
	jwk11_pub_unref(pub);
	vector_done(&key);
}

/* One message of an example that is not for us: how it is refused in each of its forms. And its content, which the content key alone opens. */
static const struct refused {
	const char *file, *code;
	const char *kek; /* wraps the content key by AES-KW; NULL: another way */
} refused[] = {
	{ "rfc7516-a2-rsa1-5.json", "ALG_UNKNOWN", NULL },
	{ "rfc7516-a3-a128kw.json", "ALG_UNKNOWN", "GawgguFyGrWKav7AX4VKUg" },
	{ "rfc7516-a4-recipients.json", "ALG_UNKNOWN", NULL },
	{ "rfc7516-a5-flattened.json", "ALG_UNKNOWN", "GawgguFyGrWKav7AX4VKUg" },
	{ "rfc7517-c-pbes2.json", "ALG_UNKNOWN", NULL },
	{ "rfc7520-5-1-rsa1-5.json", "ALG_UNKNOWN", NULL },
	{ "rfc7520-5-3-pbes2.json", "ALG_UNKNOWN", NULL },
	{ "rfc7520-5-6-dir.json", "ALG_UNKNOWN", NULL },
	{ "rfc7520-5-7-a256gcmkw.json", "ALG_UNKNOWN", NULL },
	{ "rfc7520-5-8-a128kw.json", "ALG_UNKNOWN", "GZy6sIZ6wl9NJOKB-jnmVQ" },
	{ "rfc7520-5-9-zip.json", "JWE_INVALID", "GZy6sIZ6wl9NJOKB-jnmVQ" },
	{ "rfc7520-5-10-aad.json", "ALG_UNKNOWN", "GZy6sIZ6wl9NJOKB-jnmVQ" },
	{ "rfc7520-5-11-protected-enc.json", "ALG_UNKNOWN", "GZy6sIZ6wl9NJOKB-jnmVQ" },
	{ "rfc7520-5-12-content-only.json", "ALG_UNKNOWN", "GZy6sIZ6wl9NJOKB-jnmVQ" },
};
/* Those that are decrypted elsewhere: here for their content too. */
static const char *const accepted[] = { "rfc7520-5-2-rsa-oaep.json", "rfc7520-5-4-ecdh-es-a128kw.json", "rfc7520-5-5-ecdh-es.json",
	"rfc7520-5-13-recipients.json", "rfc7520-6-nested.json" };
static const char *const forms[] = { "compact", "general", "flattened" };
enum { N_FORMS = 3 };

static void refuses_what_is_not_offered_with_its_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(refused); i++) {
		struct vector v;
		unsigned n = 0;

		vector_load(&v, refused[i].file);
		for (size_t f = 0; f < N_FORMS; f++) {
			const struct j11_json *form = j11_json_get(v.root, forms[f]);
			struct jwk11_err err = { 0 };
			struct j11_jwe jwe = { 0 };

			if (form == NULL)
				continue;
			assert_int_not_equal(j11_jwe_parse(form->type == J11_JSON_STRING ? form->text : form->raw, &jwe, &err), JWK11_OK);
			assert_string_equal(err.code, refused[i].code);
			assert_true(strcmp(err.code, "ALG_UNKNOWN") != 0 || strstr(err.hint, "RSA-OAEP") != NULL);
			j11_jwe_done(&jwe);
			n++;
		}
		assert_true(n > 0);
		vector_done(&v);
	}
}

/* The parts of a message in any of its forms, as texts. */
struct parts {
	struct jwk11_view protected_header, key, iv, aad, ciphertext, tag;
};

static struct jwk11_view text_or_empty(const struct j11_json *obj, const char *name)
{
	const struct j11_json *value = obj ? j11_json_get(obj, name) : NULL;

	return value ? value->text : J11_VIEW("");
}

static void split(const struct j11_json *form, struct parts *p)
{
	struct jwk11_view *const places[] = { &p->protected_header, &p->key, &p->iv, &p->ciphertext, &p->tag };
	const struct j11_json *recipients = form->type == J11_JSON_OBJECT ? j11_json_get(form, "recipients") : NULL;
	const char *at = form->type == J11_JSON_STRING ? form->text.data : "", *dot;

	*p = (struct parts){ .aad = J11_VIEW("") };
	for (size_t i = 0; form->type == J11_JSON_STRING && i < 5; i++, at = dot + 1) {
		dot = at + strcspn(at, ".");
		*places[i] = (struct jwk11_view){ at, (size_t)(dot - at) };
	}
	if (form->type == J11_JSON_STRING)
		return;
	p->protected_header = text_or_empty(form, "protected");
	p->key = text_or_empty(recipients ? recipients->child : form, "encrypted_key");
	p->iv = vector_text(form, "iv");
	p->aad = text_or_empty(form, "aad");
	p->ciphertext = vector_text(form, "ciphertext");
	p->tag = vector_text(form, "tag");
}

static struct jwk11_buf decoded(struct jwk11_view text)
{
	struct jwk11_buf out = J11_BUF(16384);

	assert_int_equal(j11_b64url_decode(text, "part", &out, NULL), JWK11_OK);
	return out;
}

static struct j11_keymat keymat(struct jwk11_view text)
{
	struct jwk11_buf b = decoded(text);
	struct j11_keymat k = { .len = b.len };

	assert_in_range(b.len, 1, sizeof(k.octets));
	memcpy(k.octets, b.data, b.len);
	j11_buf_done(&b);
	return k;
}

/* Content key, IV and additional data give this ciphertext and this tag, and these the plaintext. */
static void check_content(const struct j11_enc *enc, const struct parts *p, const struct j11_keymat *cek, struct jwk11_view plaintext)
{
	struct jwk11_buf iv = decoded(p->iv), text = decoded(p->ciphertext), tag = decoded(p->tag), aad = J11_BUF(16384), out = J11_BUF(16384);
	unsigned char got[J11_ENC_TAG_MAX];

	j11_buf_add(&aad, p->protected_header.data, p->protected_header.len);
	if (p->aad.len > 0) {
		j11_buf_add_byte(&aad, '.');
		j11_buf_add(&aad, p->aad.data, p->aad.len);
	}
	assert_int_equal(tag.len, enc->tag_len);
	assert_int_equal(j11_enc_seal(enc, cek, j11_buf_view(&iv), j11_buf_view(&aad), plaintext, &out, got, NULL), JWK11_OK);
	assert_true(j11_view_equal(j11_buf_view(&out), j11_buf_view(&text)));
	assert_memory_equal(got, tag.data, tag.len);
	jwk11_buf_reset(&out);
	assert_int_equal(j11_enc_open(enc, cek, j11_buf_view(&iv), j11_buf_view(&aad), j11_buf_view(&text), j11_buf_view(&tag), &out, NULL),
		JWK11_OK);
	assert_true(j11_view_equal(j11_buf_view(&out), plaintext));
	tag.data[0] = (char)(tag.data[0] ^ 1);
	assert_int_equal(j11_enc_open(enc, cek, j11_buf_view(&iv), j11_buf_view(&aad), j11_buf_view(&text), j11_buf_view(&tag), &out, NULL),
		JWK11_ERR_SIGNATURE);
	j11_buf_done(&iv);
	j11_buf_done(&text);
	j11_buf_done(&tag);
	j11_buf_done(&aad);
	j11_buf_done(&out);
}

static void check_wrapping(const char *kek_text, const struct parts *p, const struct j11_keymat *cek)
{
	struct j11_keymat kek = keymat(j11_view_str(kek_text)), got = { .len = 0 };
	struct jwk11_buf wrapped = decoded(p->key), out = J11_BUF(200);
	bool ok = false;

	assert_int_equal(j11_kdf_wrap(&kek, cek, &out, NULL), JWK11_OK);
	assert_true(j11_view_equal(j11_buf_view(&out), j11_buf_view(&wrapped)));
	assert_int_equal(j11_kdf_unwrap(&kek, j11_buf_view(&wrapped), cek->len, &got, &ok, NULL), JWK11_OK);
	assert_true(ok && got.len == cek->len);
	assert_memory_equal(got.octets, cek->octets, cek->len);
	j11_buf_done(&wrapped);
	j11_buf_done(&out);
}

/* The content of one file in each form it is printed in; what was compressed (5.9) as it was compressed. */
static void check_file(const char *file, const char *kek)
{
	struct vector v;
	struct j11_keymat cek;
	struct jwk11_buf compressed = J11_BUF(16384);
	unsigned n = 0;

	vector_load(&v, file);
	cek = keymat(vector_text(v.root, "cek"));
	if (j11_json_get(v.root, "compressed") != NULL)
		compressed = decoded(vector_text(v.root, "compressed"));
	for (size_t f = 0; f < N_FORMS; f++) {
		const struct j11_json *form = j11_json_get(v.root, forms[f]), *own = j11_json_get(v.root, "enc");
		struct jwk11_view name = own != NULL && own->type == J11_JSON_STRING ? own->text : own != NULL ? vector_text(own, "enc") :
			J11_VIEW("A128CBC-HS256");
		struct parts p;

		if (form == NULL)
			continue;
		assert_non_null(j11_enc_find(name));
		split(form, &p);
		check_content(j11_enc_find(name), &p, &cek,
			compressed.len > 0 ? j11_buf_view(&compressed) : text_or_empty(v.root, j11_json_get(v.root, "plaintext") ? "plaintext" : "jws"));
		if (kek != NULL)
			check_wrapping(kek, &p, &cek);
		n++;
	}
	assert_true(n > 0);
	j11_buf_done(&compressed);
	vector_done(&v);
}

static void reproduces_the_content_of_every_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(refused); i++)
		check_file(refused[i].file, refused[i].kek);
	for (size_t i = 0; i < J11_COUNT(accepted); i++)
		check_file(accepted[i], NULL);
}

/* RFC 8037 A.6 and A.7: the ephemeral keys as a message carries them. */
static void reads_the_ephemeral_keys_of_rfc_8037(void **state)
{
	static const char *const files[] = { "rfc8037-a6-x25519.json", "rfc8037-a7-x448.json" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(files); i++) {
		struct jwk11_buf header = J11_BUF(1000), text = J11_BUF(2000), x;
		struct j11_jwe jwe = { 0 };
		const struct j11_json *eph;
		struct vector v;

		vector_load(&v, files[i]);
		eph = j11_json_get(v.root, "ephemeral");
		j11_buf_add_fmt(&header, "{\"alg\":\"%s\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"%s\",\"x\":\"%s\"},\"enc\":\"%s\"}",
			(const char *)vector_text(v.root, "alg").data, (const char *)vector_text(eph, "crv").data, (const char *)vector_text(eph, "x").data,
			(const char *)vector_text(v.root, "enc").data);
		j11_b64url_add(&text, j11_buf_view(&header));
		j11_buf_add_str(&text, ".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA");
		assert_int_equal(j11_jwe_parse(j11_buf_view(&text), &jwe, NULL), JWK11_OK);
		x = decoded(vector_text(eph, "x"));
		assert_true(j11_view_equal(jwe.recipients[0].epk->x, j11_buf_view(&x)));
		j11_buf_done(&x);
		j11_jwe_done(&jwe);
		j11_buf_done(&header);
		j11_buf_done(&text);
		vector_done(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_public_keys_and_no_others),
		cmocka_unit_test(refuses_an_unsecured_jws),
		cmocka_unit_test(refuses_what_is_not_offered_with_its_code),
		cmocka_unit_test(reproduces_the_content_of_every_message),
		cmocka_unit_test(reads_the_ephemeral_keys_of_rfc_8037),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
