/* SPDX-License-Identifier: Apache-2.0 */
/* A*GCM and A*CBC-HS*. Plaintext is made in a secret buffer and handed over after the tag was compared, never before. */
#include "enc.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/err.h"
#include "base/mem.h"

enum { BLOCK = 16 };

static const struct j11_enc encs[] = {
	{ "A128GCM", "AES-128-GCM", NULL, 16, 12, 16 },
	{ "A192GCM", "AES-192-GCM", NULL, 24, 12, 16 },
	{ "A256GCM", "AES-256-GCM", NULL, 32, 12, 16 },
	{ "A128CBC-HS256", "AES-128-CBC", "SHA256", 32, 16, 16 },
	{ "A192CBC-HS384", "AES-192-CBC", "SHA384", 48, 16, 24 },
	{ "A256CBC-HS512", "AES-256-CBC", "SHA512", 64, 16, 32 },
};

const struct j11_enc *j11_enc_find(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(encs); i++)
		if (j11_view_equals(name, encs[i].name))
			return &encs[i];
	return NULL;
}

const struct j11_enc *j11_enc_at(size_t i)
{
	return i < J11_COUNT(encs) ? &encs[i] : NULL;
}

const char *j11_enc_names(void)
{
	return "A128GCM, A192GCM, A256GCM, A128CBC-HS256, A192CBC-HS384, A256CBC-HS512";
}

void j11_keymat_wipe(struct j11_keymat *keymat)
{
	j11_mem_wipe(keymat, sizeof(*keymat));
}

enum jwk11_rc j11_keymat_random(struct j11_keymat *ret_keymat, size_t len, struct jwk11_err *err)
{
	if (len > sizeof(ret_keymat->octets) || RAND_priv_bytes(ret_keymat->octets, (int)len) != 1) {
		ERR_clear_error();
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random numbers");
	}
	ret_keymat->len = len;
	return JWK11_OK;
}

enum jwk11_rc j11_enc_failed(struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_DECRYPT_FAILED, "the JWE cannot be decrypted with this key");
}

/* One run of the cipher over data into out, which has room for a block more. `aad` and `tag` for GCM, else NULL. */
struct run {
	const struct j11_enc *enc;
	const unsigned char *key;
	struct jwk11_view iv, aad, data;
	unsigned char *tag; /* written when sealing, compared when opening */
	unsigned char *out;
	size_t out_len;
};

/* GCM takes its additional data before the text; CBC-HMAC has it in the HMAC. */
static bool start(EVP_CIPHER_CTX *ctx, const struct run *r, int sealing)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, r->enc->cipher, NULL);
	bool ok = cipher != NULL && EVP_CipherInit_ex2(ctx, cipher, r->key, r->iv.data, sealing, NULL) == 1;
	int n = 0;

	if (ok && r->enc->mac == NULL && !sealing)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)r->enc->tag_len, r->tag) == 1;
	if (ok && r->enc->mac == NULL && r->aad.len > 0)
		ok = EVP_CipherUpdate(ctx, NULL, &n, r->aad.data, (int)r->aad.len) == 1;
	EVP_CIPHER_free(cipher);
	return ok;
}

enum result { DONE, REFUSED, CANNOT_TRY };

/* REFUSED comes from the last step alone: the tag of GCM, the padding of CBC. */
static enum result run(struct run *r, int sealing)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	enum result result = CANNOT_TRY;
	int n = 0, last = 0;

	if (ctx != NULL && start(ctx, r, sealing) &&
		(r->data.len == 0 || EVP_CipherUpdate(ctx, r->out, &n, r->data.data, (int)r->data.len) == 1))
		result = EVP_CipherFinal_ex(ctx, r->out + n, &last) == 1 ? DONE : REFUSED;
	if (result == DONE && sealing && r->enc->mac == NULL &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)r->enc->tag_len, r->tag) != 1)
		result = CANNOT_TRY;
	r->out_len = (size_t)(n + last);
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return result;
}

static bool mac_parts(EVP_MAC_CTX *ctx, struct jwk11_view aad, struct jwk11_view iv, struct jwk11_view text, unsigned char *out, size_t *len)
{
	uint64_t bits = (uint64_t)aad.len * 8;
	unsigned char al[8];

	for (unsigned i = 0; i < sizeof(al); i++)
		al[i] = (unsigned char)(bits >> (56 - 8 * i));
	return EVP_MAC_update(ctx, aad.data, aad.len) == 1 && EVP_MAC_update(ctx, iv.data, iv.len) == 1 &&
		EVP_MAC_update(ctx, text.data, text.len) == 1 && EVP_MAC_update(ctx, al, sizeof(al)) == 1 &&
		EVP_MAC_final(ctx, out, len, EVP_MAX_MD_SIZE) == 1;
}

/* RFC 7518 5.2.2.1: HMAC over AAD, IV, ciphertext and the AAD's length in bits; the first half of it is the tag. */
static bool mac(const struct j11_enc *enc, const struct j11_keymat *cek, struct jwk11_view iv, struct jwk11_view aad, struct jwk11_view text,
	unsigned char ret_mac[EVP_MAX_MD_SIZE])
{
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)enc->mac, 0), OSSL_PARAM_construct_end() };
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	size_t len = 0;
	bool ok = ctx != NULL && EVP_MAC_init(ctx, cek->octets, enc->key_len / 2, params) == 1 && mac_parts(ctx, aad, iv, text, ret_mac, &len) &&
		len == 2 * enc->tag_len;

	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(hmac);
	ERR_clear_error();
	return ok;
}

static enum jwk11_rc check_sizes(const struct j11_enc *enc, const struct j11_keymat *cek, struct jwk11_view text, struct jwk11_view aad,
	struct jwk11_err *err)
{
	if (text.len > J11_ENC_TEXT_MAX + BLOCK || aad.len > INT_MAX / 2)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "JWE: more than %u bytes of content", J11_ENC_TEXT_MAX);
	if (cek->len != enc->key_len)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "JWE: a content key of the wrong length");
	return JWK11_OK;
}

enum jwk11_rc j11_enc_seal(const struct j11_enc *enc, const struct j11_keymat *cek, struct jwk11_view iv, struct jwk11_view aad,
	struct jwk11_view plaintext, struct jwk11_buf *out, unsigned char ret_tag[J11_ENC_TAG_MAX], struct jwk11_err *err)
{
	struct run r = { .enc = enc, .key = cek->octets, .iv = iv, .aad = aad, .data = plaintext, .tag = ret_tag };
	unsigned char full[EVP_MAX_MD_SIZE];
	size_t at = out->len;
	enum jwk11_rc rc = check_sizes(enc, cek, plaintext, aad, err);

	if (rc != JWK11_OK)
		return rc;
	if (enc->mac != NULL)
		r.key = cek->octets + enc->key_len / 2;
	r.out = j11_buf_grow(out, plaintext.len + BLOCK);
	if (r.out == NULL)
		return j11_buf_check(out, "ciphertext", err);
	if (run(&r, 1) != DONE)
		return j11_err_memory(err);
	j11_buf_cut(out, at + r.out_len);
	if (enc->mac == NULL)
		return JWK11_OK;
	if (!mac(enc, cek, iv, aad, (struct jwk11_view){ .data = r.out, .len = r.out_len }, full))
		return j11_err_memory(err);
	for (size_t i = 0; i < enc->tag_len; i++)
		ret_tag[i] = full[i];
	return JWK11_OK;
}

/* The tag of CBC-HMAC comes first: an unauthenticated padding is never looked at. */
static enum result open_into(struct run *r, const struct j11_keymat *cek, struct jwk11_view tag)
{
	unsigned char full[EVP_MAX_MD_SIZE];

	if (r->enc->mac == NULL)
		return run(r, 0);
	if (!mac(r->enc, cek, r->iv, r->aad, r->data, full))
		return CANNOT_TRY;
	if (CRYPTO_memcmp(full, tag.data, r->enc->tag_len) != 0)
		return REFUSED;
	r->key = cek->octets + r->enc->key_len / 2;
	return run(r, 0);
}

enum jwk11_rc j11_enc_open(const struct j11_enc *enc, const struct j11_keymat *cek, struct jwk11_view iv, struct jwk11_view aad,
	struct jwk11_view ciphertext, struct jwk11_view tag, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf plain = J11_BUF(J11_ENC_TEXT_MAX + 2 * BLOCK);
	struct run r = { .enc = enc, .key = cek->octets, .iv = iv, .aad = aad, .data = ciphertext, .tag = (unsigned char *)tag.data };
	enum jwk11_rc rc = check_sizes(enc, cek, ciphertext, aad, err);
	enum result result;

	if (rc != JWK11_OK)
		return rc;
	plain.secret = true;
	out->secret = true;
	r.out = j11_buf_grow(&plain, ciphertext.len + BLOCK);
	if (r.out == NULL)
		return j11_buf_check(&plain, "plaintext", err);
	result = open_into(&r, cek, tag);
	if (result == CANNOT_TRY) /* each step before the comparison only allocates */
		return j11_err_memory(err);
	if (result == REFUSED)
		return j11_enc_failed(err);
	j11_buf_add(out, r.out, r.out_len);
	return j11_buf_check(out, "plaintext", err);
}
