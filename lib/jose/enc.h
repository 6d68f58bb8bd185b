/* SPDX-License-Identifier: Apache-2.0 */
/* Content encryption of JWE (RFC 7518 section 5): one const row per algorithm, sealing and opening over libcrypto. */
#ifndef J11_ENC_H
#define J11_ENC_H

#include "base/attr.h"
#include "base/buf.h"

/* A short secret on a stack: a content key, a key-encryption key, or the Z of a key agreement (66 octets on P-521). Declare it with
 * J11_AUTO(j11_keymat_wipe), so that it is gone when its scope ends. */
#define J11_KEYMAT_MAX 66
struct j11_keymat {
	unsigned char octets[J11_KEYMAT_MAX];
	size_t len;
};
void j11_keymat_wipe(struct j11_keymat *keymat);
/* Fresh random octets. */
enum jwk11_rc j11_keymat_random(struct j11_keymat *ret_keymat, size_t len, struct jwk11_err *err) J11_MUST_USE;

/* Sizes in octets. `mac` NULL: AES-GCM; else AES-CBC with an HMAC, whose key is the first half of the content key. */
struct j11_enc {
	const char *name;
	const char *cipher, *mac; /* libcrypto's names */
	size_t key_len, iv_len, tag_len;
};
/* Exact, case-sensitive; NULL when unknown. */
const struct j11_enc *j11_enc_find(struct jwk11_view name);
/* The i-th row; NULL past the end. */
const struct j11_enc *j11_enc_at(size_t i);
/* "A128GCM, …" for hints. */
const char *j11_enc_names(void);

#define J11_ENC_IV_MAX 16
#define J11_ENC_TAG_MAX 32
#define J11_ENC_TEXT_MAX (1024u * 1024u) /* octets of plaintext */

/* Appends the ciphertext to out and writes enc->tag_len octets of tag. */
enum jwk11_rc j11_enc_seal(const struct j11_enc *enc, const struct j11_keymat *cek, struct jwk11_view iv, struct jwk11_view aad,
	struct jwk11_view plaintext, struct jwk11_buf *out, unsigned char ret_tag[J11_ENC_TAG_MAX], struct jwk11_err *err) J11_MUST_USE;
/* Appends the plaintext to `out`, which is marked secret, once the tag is right; nothing before. iv and tag have the row's lengths (the
 * caller has checked that). DECRYPT_FAILED (SIGNATURE) without a word about why when it is not. */
enum jwk11_rc j11_enc_open(const struct j11_enc *enc, const struct j11_keymat *cek, struct jwk11_view iv, struct jwk11_view aad,
	struct jwk11_view ciphertext, struct jwk11_view tag, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* The one error of everything that goes wrong after a JWE's header was accepted (RFC 7516 section 11.5). */
enum jwk11_rc j11_enc_failed(struct jwk11_err *err);

#endif
