/* SPDX-License-Identifier: Apache-2.0 */
/* Concat KDF and AES key wrap over libcrypto. */
#include "kdf.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { HASH_LEN = 32, WRAP_EXTRA = 8, PARTY_MAX = 1024, MAX_WRAPPED = 64 };

static void put32(unsigned char out[4], size_t n)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (unsigned char)(n >> (24 - 8 * i));
}

static bool hash_field(EVP_MD_CTX *ctx, struct jwk11_view v)
{
	unsigned char len[4];

	put32(len, v.len);
	return EVP_DigestUpdate(ctx, len, sizeof(len)) == 1 && EVP_DigestUpdate(ctx, v.data, v.len) == 1;
}

/* OtherInfo of NIST SP 800-56A 5.8.1.2 as RFC 7518 4.6.2 fills it; SuppPrivInfo is empty. */
struct other_info {
	struct jwk11_view id, apu, apv;
	size_t key_bits;
};

static bool hash_round(EVP_MD_CTX *ctx, size_t round, const struct j11_keymat *z, const struct other_info *info, unsigned char out[HASH_LEN])
{
	unsigned char n[4], bits[4];

	put32(n, round);
	put32(bits, info->key_bits);
	return EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, n, sizeof(n)) == 1 &&
		EVP_DigestUpdate(ctx, z->octets, z->len) == 1 && hash_field(ctx, info->id) && hash_field(ctx, info->apu) &&
		hash_field(ctx, info->apv) && EVP_DigestUpdate(ctx, bits, sizeof(bits)) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

enum jwk11_rc j11_kdf_concat(const struct j11_keymat *z, const char *id, struct jwk11_view apu, struct jwk11_view apv, size_t key_len,
	struct j11_keymat *ret_key, struct jwk11_err *err)
{
	struct other_info info = { j11_view_str(id), apu, apv, key_len * 8 };
	unsigned char hash[HASH_LEN];
	EVP_MD_CTX *ctx;
	bool ok;

	if (key_len > sizeof(ret_key->octets) || apu.len > PARTY_MAX || apv.len > PARTY_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWE: \"apu\" or \"apv\" is longer than %d octets", PARTY_MAX);
	ctx = EVP_MD_CTX_new();
	ok = ctx != NULL;
	for (size_t done = 0, round = 1; ok && done < key_len; done += HASH_LEN, round++) {
		ok = hash_round(ctx, round, z, &info, hash);
		if (ok)
			memcpy(ret_key->octets + done, hash, key_len - done < HASH_LEN ? key_len - done : HASH_LEN);
	}
	EVP_MD_CTX_free(ctx);
	j11_mem_wipe(hash, sizeof(hash));
	ERR_clear_error();
	ret_key->len = key_len;
	return ok ? JWK11_OK : j11_err_memory(err);
}

static const char *wrapper_of(size_t kek_len)
{
	return kek_len == 16 ? "AES-128-WRAP" : kek_len == 24 ? "AES-192-WRAP" : "AES-256-WRAP";
}

static const EVP_CIPHER *block_cipher_of(size_t kek_len)
{
	return kek_len == 16 ? EVP_aes_128_ecb() : kek_len == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();
}

/* A context ready to wrap; NULL when libcrypto cannot. */
static EVP_CIPHER_CTX *wrap_context(const struct j11_keymat *kek)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, wrapper_of(kek->len), NULL);
	EVP_CIPHER_CTX *ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;

	if (ctx != NULL)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (ctx != NULL && EVP_CipherInit_ex2(ctx, cipher, kek->octets, NULL, 1, NULL) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher);
	return ctx;
}

enum jwk11_rc j11_kdf_wrap(const struct j11_keymat *kek, const struct j11_keymat *key, struct jwk11_buf *out, struct jwk11_err *err)
{
	EVP_CIPHER_CTX *ctx = wrap_context(kek);
	unsigned char wrapped[J11_KEYMAT_MAX + WRAP_EXTRA + 16];
	int n = 0;
	bool ok = ctx != NULL && EVP_CipherUpdate(ctx, wrapped, &n, key->octets, (int)key->len) == 1 && n == (int)key->len + WRAP_EXTRA;

	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return j11_err_memory(err);
	j11_buf_add(out, wrapped, (size_t)n);
	return j11_buf_check(out, "encrypted key", err);
}

/* RFC 3394 2.2.2, the index-based way, in place: room[0..7] is A, the rest R[1..n]. */
static bool unwrap_rounds(EVP_CIPHER_CTX *ctx, unsigned char *room, size_t n)
{
	unsigned char in[2 * WRAP_EXTRA], out[4 * WRAP_EXTRA];
	bool ok = true;
	int len;

	for (size_t t = 6 * n; ok && t > 0; t--) {
		unsigned char *r = room + WRAP_EXTRA * (1 + (t - 1) % n);

		memcpy(in, room, WRAP_EXTRA);
		memcpy(in + WRAP_EXTRA, r, WRAP_EXTRA);
		in[WRAP_EXTRA - 1] ^= (unsigned char)t; /* at most 6 * 8 */
		ok = EVP_DecryptUpdate(ctx, out, &len, in, sizeof(in)) == 1;
		memcpy(room, out, WRAP_EXTRA);
		memcpy(r, out + WRAP_EXTRA, WRAP_EXTRA);
	}
	j11_mem_wipe(in, sizeof(in));
	j11_mem_wipe(out, sizeof(out));
	return ok;
}

/* Copies the key over ret_key when nothing is wrong, without a branch on it. */
static bool take_key(const unsigned char *key, size_t len, unsigned char wrong, struct j11_keymat *ret_key)
{
	unsigned char take = (unsigned char)(((unsigned)wrong - 1) >> 8); /* 0xff or 0 */
	size_t take_len = 0u - (size_t)(take & 1);

	for (size_t i = 0; i < len; i++)
		ret_key->octets[i] = (unsigned char)((key[i] & take) | (ret_key->octets[i] & ~take));
	ret_key->len = (len & take_len) | (ret_key->len & ~take_len);
	return take != 0;
}

/* By hand: libcrypto's way out of a failed integrity check takes longer than a success. A wrapped key of another length goes the same way. */
enum jwk11_rc j11_kdf_unwrap(const struct j11_keymat *kek, struct jwk11_view wrapped, size_t key_len, struct j11_keymat *ret_key, bool *ret_ok,
	struct jwk11_err *err)
{
	unsigned char room[WRAP_EXTRA + MAX_WRAPPED] = { 0 }, wrong = wrapped.len != key_len + WRAP_EXTRA;
	EVP_CIPHER_CTX *ctx;
	bool done;

	if (key_len % WRAP_EXTRA != 0 || key_len > MAX_WRAPPED)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "JWE: a content key of %zu octets", key_len);
	memcpy(room, wrapped.data, wrapped.len < key_len + WRAP_EXTRA ? wrapped.len : key_len + WRAP_EXTRA);
	ctx = EVP_CIPHER_CTX_new();
	done = ctx != NULL && EVP_DecryptInit_ex2(ctx, block_cipher_of(kek->len), kek->octets, NULL, NULL) == 1 &&
		EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && unwrap_rounds(ctx, room, key_len / WRAP_EXTRA);
	for (size_t i = 0; i < WRAP_EXTRA; i++)
		wrong |= room[i] ^ 0xa6;
	if (done)
		*ret_ok = take_key(room + WRAP_EXTRA, key_len, wrong, ret_key);
	j11_mem_wipe(room, sizeof(room));
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return done ? JWK11_OK : j11_err_memory(err);
}
