/* SPDX-License-Identifier: Apache-2.0 */
/* From an agreed secret to a content key: Concat KDF (RFC 7518 section 4.6) and AES key wrap (RFC 3394). */
#ifndef J11_KDF_H
#define J11_KDF_H

#include "enc.h"

/* SHA-256 Concat KDF: `id` is the AlgorithmID ("A128GCM" for direct agreement, the "alg" value else), apu and apv decoded octets. */
enum jwk11_rc j11_kdf_concat(const struct j11_keymat *z, const char *id, struct jwk11_view apu, struct jwk11_view apv, size_t key_len,
	struct j11_keymat *ret_key, struct jwk11_err *err) J11_MUST_USE;
/* Appends the wrapped key, 8 octets longer. The kek has 16, 24 or 32 octets. */
enum jwk11_rc j11_kdf_wrap(const struct j11_keymat *kek, const struct j11_keymat *key, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* Unwraps a key of key_len octets. False through *ret_ok when the integrity check fails or the length is another; ret_key is then unchanged.
 * Errors: MEMORY only. */
enum jwk11_rc j11_kdf_unwrap(const struct j11_keymat *kek, struct jwk11_view wrapped, size_t key_len, struct j11_keymat *ret_key, bool *ret_ok,
	struct jwk11_err *err) J11_MUST_USE;

#endif
