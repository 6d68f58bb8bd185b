/* SPDX-License-Identifier: Apache-2.0 */
/* jose/priv: private keys out of files: every form that is taken gives the numbers that went in, everything else is refused and says why. */
#include "vector.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include "base/text.h"
#include "jose/priv.h"

#define PASSPHRASE J11_VIEW("correct horse")
static const struct jwk11_view no_passphrase = { .data = NULL, .len = 0 };

/* Made once: the slow ones are slow. */
static const struct {
	const char *name, *group;
} kinds[] = {
	{ "RSA", NULL }, { "EC", "P-256" }, { "EC", "P-384" }, { "EC", "P-521" }, { "ED25519", NULL }, { "ED448", NULL },
};
static EVP_PKEY *keys[J11_COUNT(kinds)];

static EVP_PKEY *make(const char *name, const char *group)
{
	EVP_PKEY *key = group ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", group) : strcmp(name, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, name, (size_t)2048) :
		EVP_PKEY_Q_keygen(NULL, NULL, name);

	assert_non_null(key);
	return key;
}

static int make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(kinds); i++)
		keys[i] = make(kinds[i].name, kinds[i].group);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(kinds); i++)
		EVP_PKEY_free(keys[i]);
	return 0;
}

enum form { PKCS8, ENCRYPTED, SCRYPT, OLD_PBE, TRADITIONAL, OLD_PEM, PUBLIC, N_FORMS };

/* A key as openssl writes it. */
static void write_pem(EVP_PKEY *key, enum form form, struct jwk11_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	int ok = 0;
	long len;

	if (form == PKCS8)
		ok = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	else if (form == ENCRYPTED)
		ok = PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), "correct horse", 13, NULL, NULL);
	else if (form == OLD_PBE)
		ok = PEM_write_bio_PKCS8PrivateKey_nid(bio, key, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, "correct horse", 13, NULL, NULL);
	else if (form == TRADITIONAL)
		ok = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
	else if (form == OLD_PEM)
		ok = PEM_write_bio_PrivateKey_traditional(bio, key, EVP_aes_128_cbc(), (const unsigned char *)"correct horse", 13, NULL, NULL);
	else if (form == PUBLIC)
		ok = PEM_write_bio_PUBKEY(bio, key);
	assert_int_equal(ok, 1);
	len = BIO_get_mem_data(bio, &text);
	j11_buf_add(out, text, (size_t)len);
	BIO_free(bio);
}

/* Encrypted with other parameters than openssl's own: scrypt, or so many iterations. */
static void write_encrypted(EVP_PKEY *key, int iterations, uint64_t scrypt_n, struct jwk11_buf *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char salt[16] = { 1 };
	X509_ALGOR *pbe = scrypt_n != 0 ? PKCS5_pbe2_set_scrypt(EVP_aes_128_cbc(), salt, sizeof(salt), NULL, scrypt_n, 8, 1) :
		PKCS5_pbe2_set_iv(EVP_aes_128_cbc(), 1, salt, sizeof(salt), NULL, NID_hmacWithSHA256);
	X509_SIG *sig = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	sig = PKCS8_set0_pbe("correct horse", 13, info, pbe);
	assert_non_null(sig);
	if (scrypt_n == 0) { /* a file that says more than was done: nobody is to find out by trying */
		const X509_ALGOR *alg = NULL;
		PBE2PARAM *two;
		PBKDF2PARAM *kdf;

		X509_SIG_get0(sig, &alg, NULL);
		two = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), alg->parameter);
		kdf = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), two->keyfunc->parameter);
		ASN1_INTEGER_set(kdf->iter, iterations);
		assert_non_null(ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf, &two->keyfunc->parameter));
		assert_non_null(ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBE2PARAM), two, (ASN1_TYPE **)&alg->parameter));
		PBKDF2PARAM_free(kdf);
		PBE2PARAM_free(two);
	}
	assert_int_equal(PEM_write_bio_PKCS8(bio, sig), 1);
	len = BIO_get_mem_data(bio, &text);
	j11_buf_add(out, text, (size_t)len);
	BIO_free(bio);
	X509_SIG_free(sig);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static bool is_number(EVP_PKEY *key, const char *name, struct jwk11_view number)
{
	BIGNUM *want = NULL, *got = BN_bin2bn(number.data, (int)number.len, NULL);
	bool same = EVP_PKEY_get_bn_param(key, name, &want) == 1 && BN_cmp(want, got) == 0;

	BN_free(want);
	BN_free(got);
	return same;
}

/* The value has the numbers of this key, all of them. */
static void must_be(const struct j11_priv *priv, EVP_PKEY *key, const char *what)
{
	unsigned char raw[64];
	size_t len = sizeof(raw);
	bool ok;

	if (EVP_PKEY_is_a(key, "RSA")) {
		ok = is_number(key, OSSL_PKEY_PARAM_RSA_N, priv->pub->n) && is_number(key, OSSL_PKEY_PARAM_RSA_E, priv->pub->e) &&
			is_number(key, OSSL_PKEY_PARAM_RSA_D, priv->n.d) && is_number(key, OSSL_PKEY_PARAM_RSA_FACTOR1, priv->n.p) &&
			is_number(key, OSSL_PKEY_PARAM_RSA_FACTOR2, priv->n.q) && is_number(key, OSSL_PKEY_PARAM_RSA_EXPONENT1, priv->n.dp) &&
			is_number(key, OSSL_PKEY_PARAM_RSA_EXPONENT2, priv->n.dq) && is_number(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, priv->n.qi);
	} else if (EVP_PKEY_is_a(key, "EC")) {
		ok = is_number(key, OSSL_PKEY_PARAM_PRIV_KEY, priv->n.d) && is_number(key, OSSL_PKEY_PARAM_EC_PUB_X, priv->pub->x) &&
			is_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, priv->pub->y) && priv->n.d.len == priv->pub->curve->coord_len && priv->n.p.len == 0;
	} else {
		ok = EVP_PKEY_get_raw_private_key(key, raw, &len) == 1 && j11_view_equal(priv->n.d, (struct jwk11_view){ raw, len });
	}
	if (!ok)
		fail_msg("%s: other numbers", what);
}

static void each_form_gives_the_key_that_went_in(void **state)
{
	static const enum form forms[] = { PKCS8, ENCRYPTED, TRADITIONAL };

	(void)state;
	for (size_t i = 0; i < J11_COUNT(kinds); i++) {
		for (size_t f = 0; f < J11_COUNT(forms); f++) {
			struct jwk11_buf pem = J11_BUF(65536);
			struct j11_priv *priv = NULL;
			struct jwk11_err err = { 0 };

			if (forms[f] == TRADITIONAL && !EVP_PKEY_is_a(keys[i], "RSA") && !EVP_PKEY_is_a(keys[i], "EC"))
				continue;
			j11_buf_add_str(&pem, "Bag Attributes\n    friendlyName: k\n");
			write_pem(keys[i], forms[f], &pem);
			assert_int_equal(j11_priv_is_encrypted(j11_buf_view(&pem)), forms[f] == ENCRYPTED);
			if (j11_priv_read(j11_buf_view(&pem), forms[f] == ENCRYPTED ? PASSPHRASE : no_passphrase, &priv, &err) != JWK11_OK)
				fail_msg("%s %s, form %d: %s", kinds[i].name, kinds[i].group ? kinds[i].group : "", (int)forms[f], err.text);
			must_be(priv, keys[i], kinds[i].name);
			j11_priv_free(priv);
			j11_buf_done(&pem);
		}
	}
}

static void scrypt_within_reason_is_taken(void **state)
{
	struct jwk11_buf pem = J11_BUF(65536);
	struct j11_priv *priv = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	write_encrypted(keys[1], 0, 16384, &pem);
	if (j11_priv_read(j11_buf_view(&pem), PASSPHRASE, &priv, &err) != JWK11_OK)
		fail_msg("%s", err.text);
	must_be(priv, keys[1], "scrypt");
	j11_priv_free(priv);
	j11_buf_done(&pem);
}

/* Refused with this code, and without an octet of the text in the sentence. */
static void must_refuse(struct jwk11_view text, struct jwk11_view passphrase, const char *code, const char *word, const char *what)
{
	struct j11_priv *priv = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = j11_priv_read(text, passphrase, &priv, &err);

	if (rc == JWK11_OK || priv != NULL)
		fail_msg("%s was taken", what);
	if (!j11_text_equal(err.code, code) || strstr(err.text, word) == NULL)
		fail_msg("%s: %s, %s", what, err.code, err.text);
}

static void what_is_encrypted_wants_its_passphrase(void **state)
{
	struct jwk11_buf pem = J11_BUF(65536);

	(void)state;
	write_pem(keys[1], ENCRYPTED, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "PASSPHRASE_MISSING", "encrypted", "no passphrase");
	must_refuse(j11_buf_view(&pem), J11_VIEW("wrong horse"), "PASSPHRASE_WRONG", "passphrase is wrong", "a wrong passphrase");
	must_refuse(j11_buf_view(&pem), J11_VIEW(""), "PASSPHRASE_WRONG", "passphrase is wrong", "an empty passphrase");
	jwk11_buf_reset(&pem);
	write_pem(keys[0], OLD_PEM, &pem);
	must_refuse(j11_buf_view(&pem), PASSPHRASE, "UNSUPPORTED", "old way of PEM", "DEK-Info");
	jwk11_buf_reset(&pem);
	write_pem(keys[0], OLD_PBE, &pem);
	must_refuse(j11_buf_view(&pem), PASSPHRASE, "UNSUPPORTED", "old way", "PBES1");
	jwk11_buf_reset(&pem);
	write_encrypted(keys[1], 100000000, 0, &pem);
	must_refuse(j11_buf_view(&pem), PASSPHRASE, "UNSUPPORTED", "too long", "a hundred million iterations");
	jwk11_buf_reset(&pem);
	write_encrypted(keys[1], -1, 0, &pem);
	must_refuse(j11_buf_view(&pem), PASSPHRASE, "UNSUPPORTED", "too long", "less than none");
	j11_buf_done(&pem);
}

static void what_is_no_private_key_is_named(void **state)
{
	static const struct {
		const char *text, *code, *word, *comment;
	} rows[] = {
		{ "", "JWK_INVALID", "empty", "nothing" },
		{ " \n\t\r\n", "JWK_INVALID", "empty", "blanks" },
		{ "hello", "PEM_INVALID", "neither PEM nor a JWK", "text" },
		{ "\x30\x82\x04\xbe", "PEM_INVALID", "neither PEM nor a JWK", "DER" },
		{ "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "PEM_INVALID", "certificate", "a certificate" },
		{ "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n", "PEM_INVALID", "no key", "a curve alone" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n", "PEM_INVALID", "OpenSSH", "OpenSSH's form" },
		{ "-----BEGIN DSA PRIVATE KEY-----\nMAA=\n-----END DSA PRIVATE KEY-----\n", "PEM_INVALID", "no type", "DSA" },
		{ "-----BEGIN PRIVATE KEY-----\nMAA=\n", "PEM_INVALID", "no \"-----END\"", "half a block" },
		{ "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n", "PEM_INVALID", "no \"-----END\"", "another end" },
		{ "-----BEGIN PRIVATE KEY", "PEM_INVALID", "without its end", "half a line" },
		{ "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "PEM_INVALID", "not one structure", "an empty block" },
		{ "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "PEM_INVALID", "PrivateKeyInfo", "an empty structure" },
		{ "-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n", "PEM_INVALID", "not one structure", "something behind it" },
		{ "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n", "BASE64_INVALID", "base64", "no base64" },
		{ "-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n", "PEM_INVALID", "not one key", "an empty PKCS#1" },
		{ "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n", "PEM_INVALID", "not one key", "an empty SEC1" },
		{ "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n", "PEM_INVALID", "Encrypted", "an empty one" },
		{ "{", "JSON_INVALID", "JSON", "half an object" },
		{ "[]", "JWK_INVALID", "no object", "an array" },
		{ "{}", "JWK_INVALID", "no \"d\"", "an empty object" },
		{ "{\"keys\":[]}", "JWK_INVALID", "set of keys", "a set" },
		{ "{\"kty\":\"oct\",\"k\":\"AA\"}", "UNSUPPORTED", "oct", "a secret" },
		{ "{\"kty\":\"RSA\",\"oth\":[]}", "JWK_INVALID", "two primes", "many primes" },
		{ "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"priv\":\"AA\"}", "UNSUPPORTED", "ML-DSA", "ML-DSA" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-257\",\"x\":\"AA\",\"y\":\"AA\",\"d\":\"AA\"}", "UNSUPPORTED", "crv", "an unknown curve" },
		{ "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\",\"d\":\"AA\"}", "JWK_INVALID", "length", "a short key" },
		{ "{\"kty\":\"EC\",\"d\":1}", "JWK_INVALID", "crv", "no curve" },
		{ "{\"d\":\"AA\"}", "MEMBER_MISSING", "kty", "no type" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		must_refuse(j11_view_str(rows[i].text), no_passphrase, rows[i].code, rows[i].word, rows[i].comment);
}

static void one_key_is_one_block(void **state)
{
	struct jwk11_buf pem = J11_BUF(65536);
	struct j11_priv *priv = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	write_pem(keys[1], PKCS8, &pem);
	write_pem(keys[2], PKCS8, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "PEM_INVALID", "more than one block", "two keys");
	jwk11_buf_reset(&pem);
	write_pem(keys[1], PUBLIC, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "PEM_INVALID", "public key", "a public key");
	write_pem(keys[1], PKCS8, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "PEM_INVALID", "more than one block", "both halves");
	jwk11_buf_reset(&pem);
	j11_buf_add_str(&pem, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
	write_pem(keys[1], TRADITIONAL, &pem);
	if (j11_priv_read(j11_buf_view(&pem), no_passphrase, &priv, &err) != JWK11_OK)
		fail_msg("as openssl ecparam -genkey writes it: %s", err.text);
	must_be(priv, keys[1], "behind its parameters");
	j11_priv_free(priv);
	write_pem(keys[1], TRADITIONAL, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "PEM_INVALID", "more than one block", "parameters and two keys");
	jwk11_buf_reset(&pem);
	while (pem.len <= J11_PRIV_FILE_MAX - 4096)
		j11_buf_add_str(&pem, "a line of text that nobody needs\n");
	write_pem(keys[1], PKCS8, &pem);
	assert_int_equal(j11_priv_read(j11_buf_view(&pem), no_passphrase, &priv, &err), JWK11_OK);
	j11_priv_free(priv);
	pem.max = 2 * J11_PRIV_FILE_MAX;
	while (pem.len <= J11_PRIV_FILE_MAX)
		j11_buf_add_str(&pem, "a line of text that nobody needs\n");
	must_refuse(j11_buf_view(&pem), no_passphrase, "LIMIT", "longer", "too long a file");
	j11_buf_done(&pem);
}

/* Each octet of the DER away, or of the text: never a key that is another one. */
static void a_file_cut_anywhere_is_refused(void **state)
{
	struct jwk11_buf pem = J11_BUF(65536);

	(void)state;
	for (size_t k = 0; k < J11_COUNT(kinds); k++) {
		jwk11_buf_reset(&pem);
		write_pem(keys[k], PKCS8, &pem);
		for (size_t n = 0; n + 2 < pem.len; n += k == 0 ? 13 : 1) { /* the last newline, and its dash before it, say nothing */
			struct j11_priv *priv = NULL;

			if (j11_priv_read((struct jwk11_view){ .data = pem.data, .len = n }, no_passphrase, &priv, NULL) == JWK11_OK)
				fail_msg("%s: the first %zu of %zu were taken", kinds[k].name, n, pem.len);
		}
	}
	j11_buf_done(&pem);
}

static void weak_and_foreign_keys_are_refused(void **state)
{
	EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), *brainpool = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "brainpoolP256r1"),
		*x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), *explicit = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	struct jwk11_buf pem = J11_BUF(65536);

	(void)state;
	write_pem(small, PKCS8, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "UNSUPPORTED", "1024 bits", "1024 bits");
	jwk11_buf_reset(&pem);
	write_pem(brainpool, PKCS8, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "UNSUPPORTED", "curve", "a curve that JOSE has not");
	jwk11_buf_reset(&pem);
	write_pem(x25519, PKCS8, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "UNSUPPORTED", "do not sign", "X25519");
	jwk11_buf_reset(&pem);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(explicit, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT), 1);
	write_pem(explicit, PKCS8, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "JWK_INVALID", "spelled out", "explicit parameters in PKCS#8");
	jwk11_buf_reset(&pem);
	write_pem(explicit, TRADITIONAL, &pem);
	must_refuse(j11_buf_view(&pem), no_passphrase, "JWK_INVALID", "spelled out", "explicit parameters in SEC1");
	j11_buf_done(&pem);
	EVP_PKEY_free(small);
	EVP_PKEY_free(brainpool);
	EVP_PKEY_free(x25519);
	EVP_PKEY_free(explicit);
}

/* The private members of a JWK, one of them as told. */
static struct jwk11_view with(const struct j11_json *jwk, const char *name, const char *value, struct jwk11_buf *out)
{
	const char *between = "{";

	jwk11_buf_reset(out);
	for (const struct j11_json *m = jwk->child; m != NULL; m = m->next) {
		bool changed = j11_view_equals(m->name, name);

		if (m->type != J11_JSON_STRING || (changed && value == NULL))
			continue;
		j11_buf_add_fmt(out, "%s\"%.*s\":\"%.*s\"", between, (int)m->name.len, (const char *)m->name.data,
			changed ? (int)strlen(value) : (int)m->text.len, changed ? value : (const char *)m->text.data);
		between = ",";
	}
	j11_buf_add_str(out, "}");
	return j11_buf_view(out);
}

static void rfc_7517_a_2_and_rfc_8037_a_1_are_taken(void **state)
{
	static const char *const numbers[] = { "p", "q", "dp", "dq", "qi" };
	struct jwk11_buf text = J11_BUF(65536);
	struct j11_priv *priv = NULL;
	struct jwk11_err err = { 0 };
	const struct j11_json *ec, *rsa, *okp;
	struct vector v, w;

	(void)state;
	vector_load(&v, "rfc7517-a2-private-keys.json");
	ec = j11_json_get(j11_json_get(v.root, "set"), "keys")->child;
	rsa = ec->next;
	must_refuse(ec->raw, no_passphrase, "UNSUPPORTED", "not signing", "use enc");
	assert_int_equal(j11_priv_read(with(ec, "use", "sig", &text), no_passphrase, &priv, &err), JWK11_OK);
	assert_string_equal(priv->pub->kid, "1");
	j11_priv_free(priv);
	assert_int_equal(j11_priv_read(rsa->raw, no_passphrase, &priv, &err), JWK11_OK);
	assert_string_equal(priv->pub->kid, "2011-04-29");
	assert_string_equal(priv->pub->alg->name, "RS256");
	j11_priv_free(priv);
	for (size_t i = 0; i < J11_COUNT(numbers); i++) {
		must_refuse(with(rsa, numbers[i], NULL, &text), no_passphrase, "JWK_INVALID", "is missing", numbers[i]);
		must_refuse(with(rsa, numbers[i], "AQAB", &text), no_passphrase, "JWK_INVALID", "not those of its public half", numbers[i]);
		must_refuse(with(rsa, numbers[i], "", &text), no_passphrase, "JWK_INVALID", "not those of its public half", numbers[i]);
		must_refuse(with(rsa, numbers[i], "A", &text), no_passphrase, "BASE64_INVALID", "base64", numbers[i]);
	}
	must_refuse(with(rsa, "d", "AQAB", &text), no_passphrase, "JWK_INVALID", "not those of its public half", "another d");
	must_refuse(with(rsa, "e", "Aw", &text), no_passphrase, "JWK_INVALID", "not those of its public half", "another e");
	must_refuse(with(ec, "d", "AQ", &text), no_passphrase, "UNSUPPORTED", "not signing", "use before numbers");
	vector_load(&w, "rfc8037-a4-eddsa.json");
	okp = j11_json_get(w.root, "private");
	assert_int_equal(j11_priv_read(okp->raw, no_passphrase, &priv, &err), JWK11_OK);
	j11_priv_free(priv);
	must_refuse(with(okp, "d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2E", &text), no_passphrase, "JWK_INVALID", "not those", "another seed");
	must_refuse(with(okp, "d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyufw", &text), no_passphrase, "JWK_INVALID", "not those", "31 octets");
	must_refuse(with(okp, "x", NULL, &text), no_passphrase, "JWK_INVALID", "\"x\" is missing", "no public half");
	j11_buf_done(&text);
	vector_done(&v);
	vector_done(&w);
}

/* Some writers drop leading zeros; the number is what counts, and it is written as wide as it should be. */
static void a_private_number_with_zeros_dropped_is_the_same(void **state)
{
	/* d is 1: the point is the generator of P-256 */
	static const char jwk[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
		"\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\",\"d\":\"%s\"}";
	static const struct {
		const char *d;
		bool taken;
	} rows[] = { { "AQ", true }, { "AAE", true }, { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE", true }, { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", true },
		{ "Ag", false }, { "AA", false }, { "", false }, { "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVI", false } /* its order + 1 */ };
	char text[512];

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct j11_priv *priv = NULL;

		snprintf(text, sizeof(text), jwk, rows[i].d);
		if ((j11_priv_read(j11_view_str(text), no_passphrase, &priv, NULL) == JWK11_OK) != rows[i].taken)
			fail_msg("d %s", rows[i].d);
		if (priv != NULL)
			assert_true(priv->n.d.len == 32 && ((const unsigned char *)priv->n.d.data)[0] == 0 && ((const unsigned char *)priv->n.d.data)[31] == 1);
		j11_priv_free(priv);
	}
}

static enum jwk11_rc read_once(void *arg)
{
	const struct jwk11_view *text = arg;
	struct j11_priv *priv = NULL;
	enum jwk11_rc rc = j11_priv_read(*text, PASSPHRASE, &priv, NULL);

	j11_priv_free(priv);
	return rc;
}

static void memory_may_run_out(void **state)
{
	struct jwk11_view text;
	struct vector v;
	struct jwk11_buf pem = J11_BUF(65536);

	(void)state;
	vector_load(&v, "rfc8037-a4-eddsa.json");
	text = j11_json_get(v.root, "private")->raw;
	each_allocation_fails(read_once, &text);
	vector_done(&v);
	for (size_t i = 0; i < 2; i++) {
		jwk11_buf_reset(&pem);
		write_pem(keys[i], PKCS8, &pem);
		text = j11_buf_view(&pem);
		each_allocation_fails(read_once, &text);
	}
	j11_buf_done(&pem);
}

/* Is the needle anywhere on the heap? Not with sanitizers, whose heap is elsewhere. */
static bool is_on_heap(const unsigned char *needle, size_t len)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;

		if (strstr(line, "[heap]") != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2)
			found = found || memmem((const void *)from, to - from, needle, len) != NULL;
	}
	fclose(maps);
	return found;
}

/* What is looked for: the middle of the private number as octets, as words of libcrypto, and as base64 of either form. */
static unsigned char big[24], little[24];
static char text_of[32];
static char file[8192];

static void take_needles(struct jwk11_view d, struct jwk11_view pem)
{
	memcpy(big, (const char *)d.data + 4, sizeof(big));
	for (size_t i = 0; i < sizeof(big); i++)
		little[i] = big[sizeof(big) - 1 - i];
	memcpy(text_of, (const char *)pem.data + pem.len / 2, sizeof(text_of));
	memcpy(file, pem.data, pem.len);
}

static bool something_is_left(void)
{
	return is_on_heap(big, sizeof(big)) || is_on_heap(little, sizeof(little)) || is_on_heap((unsigned char *)text_of, sizeof(text_of));
}

static void nothing_of_a_key_is_left_in_memory(void **state)
{
	static const enum form forms[] = { PKCS8, ENCRYPTED, TRADITIONAL };

	(void)state;
	for (size_t f = 0; f < 2 * J11_COUNT(forms); f++) {
		EVP_PKEY *key = f < J11_COUNT(forms) ? make("RSA", NULL) : make("EC", "P-256");
		struct jwk11_buf pem = { .max = sizeof(file), .secret = true };
		struct jwk11_view text;
		struct j11_priv *priv = NULL;

		write_pem(key, forms[f % J11_COUNT(forms)], &pem);
		EVP_PKEY_free(key);
		text = (struct jwk11_view){ .data = file, .len = pem.len };
		assert_int_equal(j11_priv_read(j11_buf_view(&pem), PASSPHRASE, &priv, NULL), JWK11_OK);
		take_needles(priv->n.d, j11_buf_view(&pem));
		assert_true(something_is_left() || !is_on_heap((unsigned char *)priv, sizeof(void *))); /* the search finds what is there */
		j11_priv_free(priv);
		j11_buf_done(&pem);
		assert_false(something_is_left());
		assert_int_equal(j11_priv_read(text, PASSPHRASE, &priv, NULL), JWK11_OK);
		j11_priv_free(priv);
		if (something_is_left())
			fail_msg("form %zu leaves something behind", f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_gives_the_key_that_went_in),
		cmocka_unit_test(scrypt_within_reason_is_taken),
		cmocka_unit_test(what_is_encrypted_wants_its_passphrase),
		cmocka_unit_test(what_is_no_private_key_is_named),
		cmocka_unit_test(one_key_is_one_block),
		cmocka_unit_test(a_file_cut_anywhere_is_refused),
		cmocka_unit_test(weak_and_foreign_keys_are_refused),
		cmocka_unit_test(rfc_7517_a_2_and_rfc_8037_a_1_are_taken),
		cmocka_unit_test(a_private_number_with_zeros_dropped_is_the_same),
		cmocka_unit_test(memory_may_run_out),
		cmocka_unit_test(nothing_of_a_key_is_left_in_memory),
	};

	if (!j11_priv_wipe_libcrypto())
		return 1;
	return cmocka_run_group_tests_name("priv", tests, make_keys, free_keys);
}
