/* SPDX-License-Identifier: Apache-2.0 */
/* jose/jwe: taking a JWE apart, key derivation and wrapping, content encryption, making one. */
#include "jwe_soft.h"

#include <openssl/x509.h>

#include "base/text.h"
#include "jose/kdf.h"

static const struct {
	const char *file, *kid;
} files[] = {
	{ "rfc7516-a1-rsa-oaep.json", NULL },
	{ "rfc7520-5-2-rsa-oaep.json", "samwise.gamgee@hobbiton.example" },
	{ "rfc7520-5-4-ecdh-es-a128kw.json", "peregrin.took@tuckborough.example" },
	{ "rfc7520-5-5-ecdh-es.json", "meriadoc.brandybuck@buckland.example" },
	{ "rfc7520-5-13-recipients.json", "peregrin.took@tuckborough.example" },
};

static struct jwk11_buf unhex(const char *hex)
{
	struct jwk11_buf out = J11_BUF(4096);
	unsigned value;

	for (size_t i = 0; hex[i] != '\0'; i += 2) {
		assert_int_equal(sscanf(hex + i, "%2x", &value), 1);
		j11_buf_add_byte(&out, (unsigned char)value);
	}
	return out;
}

static struct j11_keymat keymat(const char *hex)
{
	struct jwk11_buf b = unhex(hex);
	struct j11_keymat k = { .len = b.len };

	assert_true(b.len <= sizeof(k.octets));
	memcpy(k.octets, b.data, b.len);
	j11_buf_done(&b);
	return k;
}

struct subject {
	struct vector v;
	struct jwk11_pub *pub;
	EVP_PKEY *evp;
	const char *alg;
};

static void subject_load(struct subject *s, const char *file)
{
	struct jwk11_err err = { 0 };

	vector_load(&s->v, file);
	if (jwk11_pub_from_enc_jwk(j11_json_get(s->v.root, "jwk")->raw, &s->pub, &err) != JWK11_OK)
		fail_msg("%s: %s", file, err.text);
	s->evp = soft_key(j11_json_get(s->v.root, "private"));
	s->alg = vector_text(s->v.root, "alg").data;
}

static void subject_done(struct subject *s)
{
	jwk11_pub_unref(s->pub);
	EVP_PKEY_free(s->evp);
	vector_done(&s->v);
}

static void decrypts_the_examples_of_the_rfcs(void **state)
{
	static const char *const forms[] = { "compact", "general", "flattened" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(files); i++) {
		struct subject s;
		unsigned n = 0;

		subject_load(&s, files[i].file);
		for (size_t f = 0; f < J11_COUNT(forms); f++) {
			const struct j11_json *form = j11_json_get(s.v.root, forms[f]);
			struct jwk11_buf out = J11_BUF(2000);
			struct jwk11_err err = { 0 };

			if (form == NULL)
				continue;
			if (soft_decrypt(s.evp, s.pub, s.alg, files[i].kid, form->type == J11_JSON_STRING ? form->text : form->raw, &out, &err) != JWK11_OK)
				fail_msg("%s %s: %s", files[i].file, forms[f], err.text);
			assert_true(j11_view_equal(j11_buf_view(&out), vector_text(s.v.root, "plaintext")));
			assert_true(out.secret);
			j11_buf_done(&out);
			n++;
		}
		assert_true(n > 0);
		subject_done(&s);
	}
}

static void computes_the_key_derivation_example(void **state)
{
	/* RFC 7518 appendix C */
	static const unsigned char octets[] = { 158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218,
		128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196 };
	struct j11_keymat z = { .len = sizeof(octets) }, key = { .len = 0 };
	struct jwk11_buf text = J11_BUF(100);
	char long_name[1025] = "";

	(void)state;
	memcpy(z.octets, octets, sizeof(octets));
	assert_int_equal(j11_kdf_concat(&z, "A128GCM", J11_VIEW("Alice"), J11_VIEW("Bob"), 16, &key, NULL), JWK11_OK);
	j11_b64url_add(&text, (struct jwk11_view){ key.octets, key.len });
	assert_string_equal(text.data, "VqqN6vgjbSBcIijNcacQGg");
	j11_buf_done(&text);
	/* two rounds: the first half does not depend on how many follow, but for the length that is hashed */
	assert_int_equal(j11_kdf_concat(&z, "A256CBC-HS512", J11_VIEW(""), J11_VIEW(""), 64, &key, NULL), JWK11_OK);
	assert_int_equal(key.len, 64);
	assert_int_not_equal(memcmp(key.octets, key.octets + 32, 32), 0);
	assert_int_equal(j11_kdf_concat(&z, "x", (struct jwk11_view){ long_name, 1024 }, J11_VIEW(""), 64, &key, NULL), JWK11_OK);
	assert_int_equal(j11_kdf_concat(&z, "x", (struct jwk11_view){ long_name, 1025 }, J11_VIEW(""), 64, &key, NULL), JWK11_ERR_LIMIT);
	assert_int_equal(j11_kdf_concat(&z, "x", J11_VIEW(""), J11_VIEW(""), 67, &key, NULL), JWK11_ERR_LIMIT);
}

static void wraps_and_unwraps_the_examples_of_rfc_3394(void **state)
{
	static const struct {
		const char *kek, *key, *wrapped;
	} rows[] = {
		{ "000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5" },
		{ "000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF",
			"96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D" },
		{ "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
			"00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
			"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_keymat kek = keymat(rows[i].kek), key = keymat(rows[i].key), got = { .len = 0 };
		struct jwk11_buf wrapped = unhex(rows[i].wrapped), out = J11_BUF(100);
		bool ok = false;

		assert_int_equal(j11_kdf_wrap(&kek, &key, &out, NULL), JWK11_OK);
		assert_true(j11_view_equal(j11_buf_view(&out), j11_buf_view(&wrapped)));
		assert_int_equal(j11_kdf_unwrap(&kek, j11_buf_view(&wrapped), key.len, &got, &ok, NULL), JWK11_OK);
		assert_true(ok);
		assert_memory_equal(got.octets, key.octets, key.len);
		for (size_t at = 0; at < wrapped.len; at++) {
			memset(&got, 0, sizeof(got));
			wrapped.data[at] = (char)(wrapped.data[at] ^ 1);
			assert_int_equal(j11_kdf_unwrap(&kek, j11_buf_view(&wrapped), key.len, &got, &ok, NULL), JWK11_OK);
			assert_false(ok);
			assert_int_equal(got.len, 0);
			wrapped.data[at] = (char)(wrapped.data[at] ^ 1);
		}
		for (size_t len = 0; len <= wrapped.len + 8; len++) {
			char room[64] = "";

			memcpy(room, wrapped.data, len < wrapped.len ? len : wrapped.len);
			assert_int_equal(j11_kdf_unwrap(&kek, (struct jwk11_view){ room, len }, key.len, &got, &ok, NULL), JWK11_OK);
			assert_int_equal(ok, len == wrapped.len);
		}
		assert_int_equal(ERR_peek_error(), 0);
		j11_buf_done(&wrapped);
		j11_buf_done(&out);
	}
}

static void reproduces_the_content_encryption_examples(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "rfc7518-b-aes-cbc-hmac.json");
	for (const struct j11_json *c = j11_json_get(v.root, "cases")->child; c != NULL; c = c->next) {
		const struct j11_enc *enc = j11_enc_find(vector_text(c, "enc"));
		struct jwk11_buf plain = unhex(vector_text(v.root, "plaintext").data), iv = unhex(vector_text(v.root, "iv").data),
			aad = unhex(vector_text(v.root, "aad").data), text = unhex(vector_text(c, "ciphertext").data), tag = unhex(vector_text(c, "tag").data),
			out = J11_BUF(1000);
		struct j11_keymat key = keymat(vector_text(c, "key").data);
		unsigned char got[J11_ENC_TAG_MAX];

		assert_non_null(enc);
		assert_int_equal(j11_enc_seal(enc, &key, j11_buf_view(&iv), j11_buf_view(&aad), j11_buf_view(&plain), &out, got, NULL), JWK11_OK);
		assert_true(j11_view_equal(j11_buf_view(&out), j11_buf_view(&text)));
		assert_memory_equal(got, tag.data, tag.len);
		jwk11_buf_reset(&out);
		assert_int_equal(j11_enc_open(enc, &key, j11_buf_view(&iv), j11_buf_view(&aad), j11_buf_view(&text), j11_buf_view(&tag), &out, NULL),
			JWK11_OK);
		assert_true(j11_view_equal(j11_buf_view(&out), j11_buf_view(&plain)));
		j11_buf_done(&plain);
		j11_buf_done(&iv);
		j11_buf_done(&aad);
		j11_buf_done(&text);
		j11_buf_done(&tag);
		j11_buf_done(&out);
	}
	vector_done(&v);
}

/* Every bit of key, IV, additional data, ciphertext and tag counts, and nothing is released before that is known. */
static void releases_nothing_when_a_bit_differs(void **state)
{
	unsigned char iv[16] = { 1 }, aad[5] = "abcd", tag[J11_ENC_TAG_MAX];

	(void)state;
	for (size_t i = 0; j11_enc_at(i) != NULL; i++) {
		const struct j11_enc *enc = j11_enc_at(i);
		struct jwk11_buf sealed = J11_BUF(100), out = J11_BUF(100);
		struct j11_keymat key = { .len = 0 };

		assert_int_equal(j11_keymat_random(&key, enc->key_len, NULL), JWK11_OK);
		assert_int_equal(j11_enc_seal(enc, &key, (struct jwk11_view){ iv, enc->iv_len }, (struct jwk11_view){ aad, 5 }, J11_VIEW("seventeen octets!"),
			&sealed, tag, NULL), JWK11_OK);
		for (int part = 0; part < 6; part++) {
			unsigned char *place[] = { key.octets, iv, aad, (unsigned char *)sealed.data, tag, NULL };
			/* Of a CBC-HMAC key only the first half is authenticated: what the other half decrypts wrongly may happen to be padded well. */
			size_t len[] = { enc->mac ? key.len / 2 : key.len, enc->iv_len, 5, sealed.len, enc->tag_len, 1 };

			for (size_t at = 0; at < len[part]; at++) {
				struct jwk11_err err = { 0 };
				enum jwk11_rc rc;

				if (place[part] != NULL)
					place[part][at] ^= 0x80;
				rc = j11_enc_open(enc, &key, (struct jwk11_view){ iv, enc->iv_len }, (struct jwk11_view){ aad, 5 }, j11_buf_view(&sealed),
					(struct jwk11_view){ tag, enc->tag_len }, &out, &err);
				if (place[part] != NULL) {
					place[part][at] ^= 0x80;
					assert_int_equal(rc, JWK11_ERR_SIGNATURE);
					assert_string_equal(err.code, "DECRYPT_FAILED");
					assert_int_equal(out.len, 0);
				} else {
					assert_int_equal(rc, JWK11_OK);
					assert_int_equal(out.len, 17);
				}
				assert_int_equal(ERR_peek_error(), 0);
			}
		}
		j11_buf_done(&sealed);
		j11_buf_done(&out);
	}
}

/* A key for each algorithm, made on the spot. */
static EVP_PKEY *make_key(const char *type)
{
	return strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048) :
		strcmp(type, "X25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519") : EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
}

static struct jwk11_pub *public_of(EVP_PKEY *evp)
{
	struct jwk11_pub *pub = NULL;
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(evp, &der);

	assert_true(len > 0);
	assert_int_equal(j11_pub_from_spki((struct jwk11_view){ der, (size_t)len }, &pub, NULL), JWK11_OK);
	OPENSSL_free(der);
	return pub;
}

static void makes_what_it_decrypts(void **state)
{
	static const char *const types[] = { "RSA", "P-256", "P-384", "P-521", "X25519" };

	(void)state;
	for (size_t t = 0; t < J11_COUNT(types); t++) {
		EVP_PKEY *evp = make_key(types[t]);
		struct jwk11_pub *pub = public_of(evp);

		for (size_t k = 0; j11_kma_at(k) != NULL; k++) {
			const struct j11_kma *kma = j11_kma_at(k);
			bool fits = (kma->way == J11_KMA_OAEP) == (t == 0);

			assert_int_equal(j11_kma_fits(pub, kma, NULL), fits ? JWK11_OK : JWK11_ERR_MISMATCH);
			for (size_t e = 0; fits && j11_enc_at(e) != NULL; e++) {
				struct jwk11_buf text = J11_BUF(8000), out = J11_BUF(100);
				struct jwk11_err err = { 0 };

				if (jwk11_pub_encrypt(pub, kma->name, j11_enc_at(e)->name, "k\"1", "{\"typ\":\"x\"}", J11_VIEW("attack at dawn"), &text, &err) != JWK11_OK ||
					soft_decrypt(evp, pub, kma->name, "k\"1", j11_buf_view(&text), &out, &err) != JWK11_OK)
					fail_msg("%s %s %s: %s", types[t], kma->name, j11_enc_at(e)->name, err.text);
				assert_string_equal(jwk11_buf_data(&out), "attack at dawn");
				j11_buf_done(&text);
				j11_buf_done(&out);
			}
		}
		jwk11_pub_unref(pub);
		EVP_PKEY_free(evp);
	}
}

static void refuses_to_make_what_it_should_not(void **state)
{
	EVP_PKEY *evp = make_key("P-256");
	struct jwk11_pub *pub = public_of(evp), *ed = NULL;
	struct jwk11_buf out = J11_BUF(J11_JWE_MAX);
	char *big = calloc(1, J11_ENC_TEXT_MAX + 1);
	struct jwk11_err err = { 0 };

	(void)state;
	assert_string_equal(jwk11_pub_default_enc_alg(pub), "ECDH-ES");
	assert_int_equal(jwk11_pub_encrypt(pub, "RSA1_5", NULL, NULL, NULL, J11_VIEW("x"), &out, &err), JWK11_ERR_UNSUPPORTED);
	assert_string_equal(err.code, "ALG_UNKNOWN");
	assert_int_equal(jwk11_pub_encrypt(pub, "RSA-OAEP", NULL, NULL, NULL, J11_VIEW("x"), &out, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(jwk11_pub_encrypt(pub, NULL, "A128CBC", NULL, NULL, J11_VIEW("x"), &out, NULL), JWK11_ERR_UNSUPPORTED);
	assert_int_equal(jwk11_pub_encrypt(pub, NULL, NULL, NULL, "{\"zip\":\"DEF\"}", J11_VIEW("x"), &out, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(jwk11_pub_encrypt(pub, NULL, NULL, NULL, "[]", J11_VIEW("x"), &out, NULL), JWK11_ERR_SYNTAX);
	assert_int_equal(jwk11_pub_encrypt(NULL, NULL, NULL, NULL, NULL, J11_VIEW("x"), &out, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(jwk11_pub_encrypt(pub, NULL, NULL, NULL, NULL, (struct jwk11_view){ big, J11_ENC_TEXT_MAX + 1 }, &out, NULL), JWK11_ERR_LIMIT);
	assert_int_equal(out.len, 0);
	assert_int_equal(jwk11_pub_encrypt(pub, NULL, NULL, NULL, NULL, (struct jwk11_view){ big, J11_ENC_TEXT_MAX }, &out, NULL), JWK11_OK);
	assert_int_equal(jwk11_pub_from_jwk(J11_VIEW("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"), &ed,
		NULL), JWK11_OK);
	assert_string_equal(jwk11_pub_default_enc_alg(ed), "");
	assert_int_equal(jwk11_pub_encrypt(ed, NULL, NULL, NULL, NULL, J11_VIEW("x"), &out, NULL), JWK11_ERR_MISMATCH);
	free(big);
	j11_buf_done(&out);
	jwk11_pub_unref(ed);
	jwk11_pub_unref(pub);
	EVP_PKEY_free(evp);
}

#define EPK "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0\",\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\"}"
#define GCM_IV "AAAAAAAAAAAAAAAA"
#define TAG "AAAAAAAAAAAAAAAAAAAAAA"
#define ES "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":" EPK "}"

/* A compact JWE with this header and these encoded parts. */
static enum jwk11_rc parse(const char *header, const char *rest, struct jwk11_err *err)
{
	struct jwk11_buf text = J11_BUF(J11_JWE_MAX + 100);
	struct j11_jwe jwe = { 0 };
	enum jwk11_rc rc;

	j11_b64url_add(&text, j11_view_str(header));
	j11_buf_add_str(&text, rest);
	rc = j11_jwe_parse(j11_buf_view(&text), &jwe, err);
	assert_int_equal(jwe.recipients != NULL, rc == JWK11_OK);
	j11_jwe_done(&jwe);
	j11_buf_done(&text);
	return rc;
}

static void refuses_headers_it_does_not_understand(void **state)
{
	static const struct {
		const char *comment, *header;
		enum jwk11_rc rc;
		const char *code;
	} rows[] = {
		{ "no JSON", "x", JWK11_ERR_SYNTAX, "JSON_INVALID" },
		{ "no object", "[]", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "no enc", "{\"alg\":\"ECDH-ES\",\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "MEMBER_MISSING" },
		{ "no alg", "{\"enc\":\"A128GCM\",\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "MEMBER_MISSING" },
		{ "alg twice", "{\"alg\":\"ECDH-ES\",\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "JSON_DUPLICATE" },
		{ "RSA1_5", "{\"alg\":\"RSA1_5\",\"enc\":\"A128GCM\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "dir", "{\"alg\":\"dir\",\"enc\":\"A128GCM\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "a password", "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A128GCM\",\"p2c\":1000000000}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "a signature's alg", "{\"alg\":\"ES256\",\"enc\":\"A128GCM\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "lower case", "{\"alg\":\"ecdh-es\",\"enc\":\"A128GCM\"}", JWK11_ERR_UNSUPPORTED, "ALG_UNKNOWN" },
		{ "enc unknown", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128CBC\",\"epk\":" EPK "}", JWK11_ERR_UNSUPPORTED, "ENC_UNKNOWN" },
		{ "zip", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"zip\":\"DEF\",\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "JWE_INVALID" },
		{ "zip null", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"zip\":null,\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "JWE_INVALID" },
		{ "crit", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"crit\":[\"exp\"],\"exp\":1,\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "JWE_INVALID" },
		{ "crit empty", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"crit\":[],\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "JWE_INVALID" },
		{ "no epk", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\"}", JWK11_ERR_SYNTAX, "MEMBER_MISSING" },
		{ "epk no object", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":\"x\"}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
		{ "epk off the curve", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0\","
			"\"y\":\"TLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\"}}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "epk at infinity", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
			"\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "epk with d", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0\","
			"\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\",\"d\":\"AA\"}}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "epk a foreign curve", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"brainpoolP256r1\",\"x\":\"AA\",\"y\":\"AA\"}}", JWK11_ERR_UNSUPPORTED,
			"UNSUPPORTED" },
		{ "epk one octet short and another number", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"jQYAgsF27tPndqSsWYzIZywXefl07sybA0EcpblJXQ\","
			"\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\"}}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "epk one octet long", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AICNBgCCwXbu0-d2pKxZjMhnLBd5-XTuzJsDQRyluUld\","
			"\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\"}}", JWK11_ERR_SYNTAX, "JWK_INVALID" },
		{ "apu no base64url", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"apu\":\"=\",\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "BASE64_INVALID" },
		{ "kid no string", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"kid\":1,\"epk\":" EPK "}", JWK11_ERR_SYNTAX, "MEMBER_TYPE" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_err err = { 0 };
		enum jwk11_rc rc = parse(rows[i].header, ".." GCM_IV ".." TAG, &err);

		if (rc != rows[i].rc || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s (%s)", rows[i].comment, jwk11_rc_name(rc), err.code, err.text);
	}
	assert_int_equal(parse(ES, ".." GCM_IV ".." TAG, NULL), JWK11_OK);
}

/* RFC 7520 section 3.2 has a P-521 key whose x starts with a zero octet. */
static void takes_an_ephemeral_key_without_its_leading_zeros(void **state)
{
	static const char y[] = "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1";
	static const char *const xs[] = { "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
		"cpkss6wI7PPlxj3t7A1RqMH3nvL4L5Tzxze_XeeYZnHqxiX-gle70DlGRMqqOq-PJ6RYX7vK0PJFdiAIXlyPQq0" };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(xs); i++) {
		struct jwk11_buf jwk = J11_BUF(500), header = J11_BUF(500);
		struct jwk11_pub *pub = NULL;

		j11_buf_add_fmt(&jwk, "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"%s\",\"y\":\"%s\"}", xs[i], y);
		j11_buf_add_fmt(&header, "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":%s}", jwk.data);
		assert_int_equal(parse(header.data, ".." GCM_IV ".." TAG, NULL), JWK11_OK);
		assert_int_equal(jwk11_pub_from_enc_jwk(j11_buf_view(&jwk), &pub, NULL), i == 0 ? JWK11_OK : JWK11_ERR_SYNTAX);
		jwk11_pub_unref(pub);
		j11_buf_done(&jwk);
		j11_buf_done(&header);
	}
}

static void refuses_parts_of_the_wrong_length(void **state)
{
	static const struct {
		const char *comment, *header, *rest;
		enum jwk11_rc rc;
	} rows[] = {
		{ "four parts", ES, ".." GCM_IV "." TAG, JWK11_ERR_SYNTAX },
		{ "six parts", ES, ".." GCM_IV "." "." TAG ".", JWK11_ERR_SYNTAX },
		{ "a key with direct agreement", ES, ".AA." GCM_IV ".." TAG, JWK11_ERR_SYNTAX },
		{ "no key with wrapping", "{\"alg\":\"ECDH-ES+A128KW\",\"enc\":\"A128GCM\",\"epk\":" EPK "}", ".." GCM_IV ".." TAG, JWK11_ERR_SYNTAX },
		{ "no key with OAEP", "{\"alg\":\"RSA-OAEP\",\"enc\":\"A128GCM\"}", ".." GCM_IV ".." TAG, JWK11_ERR_SYNTAX },
		{ "IV short", ES, "..AAAAAAAAAAAAAAA.." TAG, JWK11_ERR_SYNTAX },
		{ "IV empty", ES, "....AAAAAAAAAAAAAAAAAAAAAA", JWK11_ERR_SYNTAX },
		{ "IV of CBC", ES, "..AAAAAAAAAAAAAAAAAAAAAA.." TAG, JWK11_ERR_SYNTAX },
		{ "tag short", ES, ".." GCM_IV "..AAAAAAAAAAAAAAAAAAAA", JWK11_ERR_SYNTAX },
		{ "tag empty", ES, ".." GCM_IV "..", JWK11_ERR_SYNTAX },
		{ "CBC without a block", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128CBC-HS256\",\"epk\":" EPK "}", "..AAAAAAAAAAAAAAAAAAAAAA.." TAG, JWK11_ERR_SYNTAX },
		{ "CBC with half a block", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128CBC-HS256\",\"epk\":" EPK "}", "..AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAA." TAG,
			JWK11_ERR_SYNTAX },
		{ "ciphertext no base64url", ES, ".." GCM_IV ".+A." TAG, JWK11_ERR_SYNTAX },
		{ "a line break at the end", ES, ".." GCM_IV ".." TAG "\n", JWK11_ERR_SYNTAX },
	};
	struct j11_jwe jwe = { 0 };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (parse(rows[i].header, rows[i].rest, NULL) != rows[i].rc)
			fail_msg("%s", rows[i].comment);
	assert_int_equal(j11_jwe_parse((struct jwk11_view){ NULL, 0 }, &jwe, NULL), JWK11_ERR_ARGUMENT);
	assert_int_equal(j11_jwe_parse(J11_VIEW(""), &jwe, NULL), JWK11_ERR_SYNTAX);
	assert_null(jwe.recipients);
}

static void holds_to_its_limits(void **state)
{
	struct jwk11_buf big = J11_BUF(3 * J11_JWE_MAX);
	struct j11_jwe jwe = { 0 };

	(void)state;
	j11_buf_add_fmt(&big, "{\"x\":\"%0*d\",\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":" EPK "}", (int)(J11_JWE_HEADER_MAX - strlen(ES) - 7), 0);
	assert_int_equal(big.len, J11_JWE_HEADER_MAX);
	assert_int_equal(parse(big.data, ".." GCM_IV ".." TAG, NULL), JWK11_OK);
	jwk11_buf_reset(&big);
	j11_buf_add_fmt(&big, "{\"x\":\"%0*d\",\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":" EPK "}", (int)(J11_JWE_HEADER_MAX - strlen(ES) - 6), 0);
	assert_int_equal(parse(big.data, ".." GCM_IV ".." TAG, NULL), JWK11_ERR_LIMIT);
	jwk11_buf_reset(&big);
	j11_buf_add_fmt(&big, "%0*d", (int)J11_JWE_MAX + 1, 0);
	assert_int_equal(j11_jwe_parse(j11_buf_view(&big), &jwe, NULL), JWK11_ERR_LIMIT);
	jwk11_buf_reset(&big);
	j11_buf_add_fmt(&big, "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"kid\":\"%0256d\",\"epk\":" EPK "}", 0);
	assert_int_equal(parse(big.data, ".." GCM_IV ".." TAG, NULL), JWK11_ERR_LIMIT);
	j11_buf_done(&big);
}

#define JSON_REST "\"iv\":\"" GCM_IV "\",\"ciphertext\":\"\",\"tag\":\"" TAG "\"}"
#define KW "\"alg\":\"ECDH-ES+A128KW\",\"epk\":" EPK
/* {"enc":"A128GCM"} and {"enc":"A256GCM"} */
#define ENC128 "\"protected\":\"eyJlbmMiOiJBMTI4R0NNIn0\","
#define ENC256 "\"protected\":\"eyJlbmMiOiJBMjU2R0NNIn0\","

static void holds_to_the_rules_of_the_json_forms(void **state)
{
	static const struct {
		const char *comment, *text;
		enum jwk11_rc rc;
	} rows[] = {
		{ "flattened", "{" ENC128 "\"header\":{" KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_OK },
		{ "unprotected alone", "{\"unprotected\":{\"enc\":\"A128GCM\"," KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_OK },
		{ "unknown members", "{\"x\":1," ENC128 "\"header\":{" KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_OK },
		{ "general", "{" ENC128 "\"recipients\":[{\"header\":{" KW "},\"encrypted_key\":\"AA\"}]," JSON_REST, JWK11_OK },
		{ "another's algorithm beside", "{" ENC128 "\"recipients\":[{\"header\":{\"alg\":\"A128KW\"}},{\"header\":{" KW "},\"encrypted_key\":\"AA\"}]," JSON_REST,
			JWK11_OK },
		{ "another's curve beside", "{" ENC128 "\"recipients\":[{\"header\":{\"alg\":\"ECDH-ES+A128KW\",\"epk\":{\"kty\":\"EC\",\"crv\":\"x\"}}},{\"header\":{" KW
			"},\"encrypted_key\":\"AA\"}]," JSON_REST, JWK11_OK },
		{ "only others'", "{" ENC128 "\"recipients\":[{\"header\":{\"alg\":\"A128KW\"}},{\"header\":{\"alg\":\"RSA1_5\"}}]," JSON_REST, JWK11_ERR_UNSUPPORTED },
		{ "alg in two headers", "{" ENC128 "\"unprotected\":{\"alg\":\"ECDH-ES+A128KW\"},\"header\":{" KW "},\"encrypted_key\":\"AA\"," JSON_REST,
			JWK11_ERR_SYNTAX },
		{ "enc protected and not", "{" ENC128 "\"header\":{\"enc\":\"A128GCM\"," KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_ERR_SYNTAX },
		{ "an unknown name in two", "{\"unprotected\":{\"enc\":\"A128GCM\",\"x\":1},\"header\":{\"x\":2," KW "},\"encrypted_key\":\"AA\"," JSON_REST,
			JWK11_ERR_SYNTAX },
		{ "zip unprotected", "{" ENC128 "\"unprotected\":{\"zip\":\"DEF\"},\"header\":{" KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_ERR_SYNTAX },
		{ "crit unprotected", "{" ENC128 "\"unprotected\":{\"crit\":[\"x\"]},\"header\":{" KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_ERR_SYNTAX },
		{ "recipients and header", "{" ENC128 "\"header\":{},\"recipients\":[{\"header\":{" KW "},\"encrypted_key\":\"AA\"}]," JSON_REST, JWK11_ERR_SYNTAX },
		{ "recipients and key", "{" ENC128 "\"encrypted_key\":\"AA\",\"recipients\":[{\"header\":{" KW "},\"encrypted_key\":\"AA\"}]," JSON_REST,
			JWK11_ERR_SYNTAX },
		{ "no recipients", "{" ENC128 "\"recipients\":[]," JSON_REST, JWK11_ERR_SYNTAX },
		{ "a recipient no object", "{" ENC128 "\"recipients\":[1]," JSON_REST, JWK11_ERR_SYNTAX },
		{ "different enc", "{\"recipients\":[{\"header\":{\"enc\":\"A128GCM\"," KW "},\"encrypted_key\":\"AA\"},{\"header\":{\"enc\":\"A256GCM\"," KW
			"},\"encrypted_key\":\"AA\"}]," JSON_REST, JWK11_ERR_SYNTAX },
		{ "direct beside another", "{" ENC128 "\"recipients\":[{\"header\":{\"alg\":\"ECDH-ES\",\"epk\":" EPK "}},{\"header\":{" KW
			"},\"encrypted_key\":\"AA\"}]," JSON_REST, JWK11_ERR_SYNTAX },
		{ "protected empty", "{\"protected\":\"\",\"header\":{\"enc\":\"A128GCM\"," KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_ERR_SYNTAX },
		{ "protected an object", "{\"protected\":{\"enc\":\"A128GCM\"},\"header\":{" KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_ERR_SYNTAX },
		{ "aad no base64url", "{" ENC128 "\"aad\":\"*\",\"header\":{" KW "},\"encrypted_key\":\"AA\"," JSON_REST, JWK11_ERR_SYNTAX },
		{ "no tag", "{" ENC128 "\"header\":{" KW "},\"encrypted_key\":\"AA\",\"iv\":\"" GCM_IV "\",\"ciphertext\":\"\"}", JWK11_ERR_SYNTAX },
		{ "no end", "{" ENC128 "\"header\":{" KW "}", JWK11_ERR_SYNTAX },
		{ "empty", "{}", JWK11_ERR_SYNTAX },
	};
	struct jwk11_buf many = J11_BUF(20000);

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_jwe jwe = { 0 };
		struct jwk11_err err = { 0 };

		if (j11_jwe_parse(j11_view_str(rows[i].text), &jwe, &err) != rows[i].rc)
			fail_msg("%s: %s", rows[i].comment, err.text);
		j11_jwe_done(&jwe);
	}
	for (unsigned n = J11_JWE_RECIPIENTS_MAX; n <= J11_JWE_RECIPIENTS_MAX + 1; n++) {
		struct j11_jwe jwe = { 0 };

		jwk11_buf_reset(&many);
		j11_buf_add_str(&many, "{" ENC128 "\"recipients\":[");
		for (unsigned i = 0; i < n; i++)
			j11_buf_add_fmt(&many, "%s{\"header\":{\"kid\":\"%u\"," KW "},\"encrypted_key\":\"AA\"}", i ? "," : "", i);
		j11_buf_add_str(&many, "]," JSON_REST);
		assert_int_equal(j11_jwe_parse(j11_buf_view(&many), &jwe, NULL), n == J11_JWE_RECIPIENTS_MAX ? JWK11_OK : JWK11_ERR_LIMIT);
		j11_jwe_done(&jwe);
	}
	j11_buf_done(&many);
}

/* Additional data of the JSON form is under the tag, and any other character of a message makes another message. */
static void refuses_a_change_of_any_character(void **state)
{
	static const char replacements[] = "A_.";
	struct subject s;
	char copy[4000];

	(void)state;
	for (size_t f = 2; f < 4; f++) {
		struct jwk11_view text;

		subject_load(&s, files[f].file);
		text = vector_text(s.v.root, "compact");
		for (size_t at = 0; at < text.len; at++) {
			for (size_t r = 0; r < sizeof(replacements); r++) {
				struct jwk11_buf out = J11_BUF(2000);
				struct jwk11_err err = { 0 };
				enum jwk11_rc rc;

				memcpy(copy, text.data, text.len);
				if (copy[at] == replacements[r])
					continue;
				copy[at] = replacements[r];
				rc = soft_decrypt(s.evp, s.pub, s.alg, files[f].kid, (struct jwk11_view){ copy, text.len }, &out, &err);
				assert_true(rc == JWK11_ERR_SYNTAX || rc == JWK11_ERR_SIGNATURE || rc == JWK11_ERR_UNSUPPORTED || rc == JWK11_ERR_MISMATCH);
				if (rc == JWK11_ERR_SIGNATURE)
					assert_string_equal(err.text, "the JWE cannot be decrypted with this key");
				assert_int_equal(out.len, 0);
				j11_buf_done(&out);
			}
		}
		subject_done(&s);
	}
}

static void chooses_the_recipient_by_kid(void **state)
{
	static const char text[] = "{" ENC256 "\"recipients\":[{\"header\":{\"kid\":\"a\"," KW "},\"encrypted_key\":\"AA\"},{\"header\":{\"kid\":\"b\"," KW
		"},\"encrypted_key\":\"AAA\"},{\"header\":{" KW "},\"encrypted_key\":\"AAAA\"}]," JSON_REST;
	const struct j11_kma *kma = j11_kma_find(J11_VIEW("ECDH-ES+A128KW"));
	const struct j11_jwe_recipient *r = NULL;
	EVP_PKEY *evp = make_key("P-256"), *other = make_key("P-384");
	struct jwk11_pub *pub = public_of(evp), *wrong = public_of(other);
	struct j11_jwe jwe = { 0 };
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(j11_jwe_parse(j11_view_str(text), &jwe, NULL), JWK11_OK);
	assert_int_equal(j11_jwe_choose(&jwe, pub, kma, "b", &r, NULL), JWK11_OK);
	assert_int_equal(r->key.len, 2);
	assert_int_equal(j11_jwe_choose(&jwe, pub, kma, "c", &r, NULL), JWK11_OK);
	assert_int_equal(r->key.len, 3);
	assert_int_equal(j11_jwe_choose(&jwe, pub, kma, NULL, &r, NULL), JWK11_OK);
	assert_int_equal(r->key.len, 3);
	assert_int_equal(j11_jwe_choose(&jwe, wrong, kma, "b", &r, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.code, "ALG_MISMATCH");
	assert_int_equal(j11_jwe_choose(&jwe, pub, j11_kma_find(J11_VIEW("ECDH-ES")), "b", &r, NULL), JWK11_ERR_MISMATCH);
	assert_int_equal(j11_jwe_choose(&jwe, pub, j11_kma_find(J11_VIEW("RSA-OAEP")), "b", &r, NULL), JWK11_ERR_MISMATCH);
	j11_jwe_done(&jwe);
	jwk11_pub_unref(pub);
	jwk11_pub_unref(wrong);
	EVP_PKEY_free(evp);
	EVP_PKEY_free(other);
}

/* RFC 7516 11.5: padding, length and value of the content key fail alike. */
static void replaces_a_bad_content_key_by_a_random_one(void **state)
{
	unsigned char octets[J11_KEYMAT_MAX];
	struct j11_keymat a = { .len = 0 }, b = { .len = 0 };
	struct j11_jwe jwe = { .enc = j11_enc_find(J11_VIEW("A256GCM")) };

	(void)state;
	memset(octets, 7, sizeof(octets));
	assert_int_equal(j11_jwe_cek_unpadded(&jwe, true, octets, 32, &a, NULL), JWK11_OK);
	assert_memory_equal(a.octets, octets, 32);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(j11_jwe_cek_unpadded(&jwe, i == 1, octets, i == 0 ? 32 : i == 1 ? 31 : 0, &a, NULL), JWK11_OK);
		assert_int_equal(j11_jwe_cek_unpadded(&jwe, i == 1, octets, i == 0 ? 32 : i == 1 ? 31 : 0, &b, NULL), JWK11_OK);
		assert_int_equal(a.len, 32);
		assert_memory_not_equal(a.octets, octets, 32);
		assert_memory_not_equal(a.octets, b.octets, 32);
	}
}

static enum jwk11_rc decrypt_once(void *arg)
{
	struct subject *s = arg;
	struct jwk11_buf out = J11_BUF(2000);
	enum jwk11_rc rc = soft_decrypt(s->evp, s->pub, s->alg, NULL, j11_json_get(s->v.root, "general")->raw, &out, NULL);

	assert_int_equal(out.len != 0, rc == JWK11_OK);
	j11_buf_done(&out);
	return rc;
}

static enum jwk11_rc encrypt_once(void *arg)
{
	struct subject *s = arg;
	struct jwk11_buf out = J11_BUF(4000);
	enum jwk11_rc rc = jwk11_pub_encrypt(s->pub, s->alg, NULL, "k", "{\"typ\":\"x\"}", J11_VIEW("text"), &out, NULL);

	assert_int_equal(out.len != 0, rc == JWK11_OK);
	j11_buf_done(&out);
	return rc;
}

static void survives_each_failing_allocation(void **state)
{
	struct subject s;

	(void)state;
	subject_load(&s, "rfc7520-5-13-recipients.json");
	each_allocation_fails(decrypt_once, &s);
	each_allocation_fails(encrypt_once, &s);
	subject_done(&s);
	subject_load(&s, "rfc7520-5-2-rsa-oaep.json");
	each_allocation_fails(decrypt_once, &s);
	each_allocation_fails(encrypt_once, &s);
	subject_done(&s);
}

static void tells_keys_for_encryption_from_others(void **state)
{
	static const struct {
		const char *members;
		enum jwk11_rc sig, enc;
	} rows[] = {
		{ "", JWK11_OK, JWK11_OK },
		{ "\"use\":\"enc\",", JWK11_ERR_UNSUPPORTED, JWK11_OK },
		{ "\"use\":\"sig\",", JWK11_OK, JWK11_ERR_UNSUPPORTED },
		{ "\"key_ops\":[\"deriveKey\"],", JWK11_ERR_UNSUPPORTED, JWK11_OK },
		{ "\"key_ops\":[\"verify\"],", JWK11_OK, JWK11_ERR_UNSUPPORTED },
		{ "\"alg\":\"ECDH-ES+A256KW\",", JWK11_ERR_UNSUPPORTED, JWK11_OK },
		{ "\"alg\":\"ES256\",", JWK11_OK, JWK11_ERR_UNSUPPORTED },
		{ "\"alg\":\"RSA-OAEP\",", JWK11_ERR_UNSUPPORTED, JWK11_ERR_MISMATCH },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_buf text = J11_BUF(1000), out = J11_BUF(1000);
		struct jwk11_pub *pub = NULL;

		j11_buf_add_fmt(&text, "{%s%s", rows[i].members, &EPK[1]);
		assert_int_equal(jwk11_pub_from_jwk(j11_buf_view(&text), &pub, NULL), rows[i].sig);
		jwk11_pub_unref(pub);
		pub = NULL;
		assert_int_equal(jwk11_pub_from_enc_jwk(j11_buf_view(&text), &pub, NULL), rows[i].enc);
		if (pub != NULL) {
			assert_int_equal(jwk11_pub_jwk(pub, jwk11_pub_default_enc_alg(pub), "k", &out, NULL), JWK11_OK);
			assert_non_null(strstr(out.data, "\"use\":\"enc\",\"alg\":\"ECDH-ES"));
			assert_int_equal(jwk11_pub_jwk(pub, "RSA-OAEP", "k", &out, NULL), JWK11_ERR_MISMATCH);
		}
		jwk11_pub_unref(pub);
		j11_buf_done(&text);
		j11_buf_done(&out);
	}
}

/* RFC 8037 appendix A.6 */
static void agrees_on_x25519_like_the_rfc(void **state)
{
	struct j11_json_doc *doc = NULL;
	struct j11_keymat z = { .len = 0 }, want = keymat("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	struct jwk11_pub *epk = NULL;
	EVP_PKEY *bob;

	(void)state;
	assert_int_equal(j11_json_read(J11_VIEW("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"d\":\"XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os\"}"), NULL, "JWK", &doc, NULL),
		JWK11_OK);
	bob = soft_key(j11_json_root(doc));
	assert_int_equal(jwk11_pub_from_enc_jwk(J11_VIEW("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo\"}"), &epk, NULL),
		JWK11_OK);
	soft_agree(bob, epk, &z);
	assert_int_equal(z.len, want.len);
	assert_memory_equal(z.octets, want.octets, want.len);
	EVP_PKEY_free(bob);
	jwk11_pub_unref(epk);
	j11_json_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decrypts_the_examples_of_the_rfcs),
		cmocka_unit_test(computes_the_key_derivation_example),
		cmocka_unit_test(wraps_and_unwraps_the_examples_of_rfc_3394),
		cmocka_unit_test(reproduces_the_content_encryption_examples),
		cmocka_unit_test(releases_nothing_when_a_bit_differs),
		cmocka_unit_test(makes_what_it_decrypts),
		cmocka_unit_test(refuses_to_make_what_it_should_not),
		cmocka_unit_test(refuses_headers_it_does_not_understand),
		cmocka_unit_test(takes_an_ephemeral_key_without_its_leading_zeros),
		cmocka_unit_test(refuses_parts_of_the_wrong_length),
		cmocka_unit_test(holds_to_its_limits),
		cmocka_unit_test(holds_to_the_rules_of_the_json_forms),
		cmocka_unit_test(refuses_a_change_of_any_character),
		cmocka_unit_test(chooses_the_recipient_by_kid),
		cmocka_unit_test(replaces_a_bad_content_key_by_a_random_one),
		cmocka_unit_test(survives_each_failing_allocation),
		cmocka_unit_test(tells_keys_for_encryption_from_others),
		cmocka_unit_test(agrees_on_x25519_like_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
