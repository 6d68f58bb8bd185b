/* SPDX-License-Identifier: Apache-2.0 */
/* JWE (RFC 7516): taking one apart, from an encrypted key or an agreed secret to the content key, opening it, making one. The operation with
 * the private key is somebody else's function. */
#ifndef J11_JWE_H
#define J11_JWE_H

#include "enc.h"
#include "json/json_read.h"
#include "kma.h"

#define J11_JWE_MAX (2u * 1024u * 1024u) /* octets of any serialisation */
#define J11_JWE_HEADER_MAX 8192u         /* of each header */
#define J11_JWE_RECIPIENTS_MAX 16u
#define J11_JWE_KEY_MAX 2048u            /* octets of an encrypted key */

/* One way into the message. */
struct j11_jwe_recipient {
	const struct j11_kma *kma; /* NULL: an algorithm that is not known here; there are others */
	char kid[256];             /* "" when it names none */
	struct jwk11_pub *epk;     /* ECDH: on its curve, checked */
	struct jwk11_buf apu, apv; /* ECDH: decoded, may be empty */
	struct jwk11_buf key;      /* the encrypted key, decoded; empty for direct agreement */
};

/* A parsed message, decoded; owns everything. Invariants: iv and tag have the lengths of enc; at least one recipient is known. */
struct j11_jwe {
	const struct j11_enc *enc;
	struct j11_jwe_recipient *recipients;
	size_t n_recipients;
	struct jwk11_buf aad; /* ready for the cipher: RFC 7516 5.1 step 14 */
	struct jwk11_buf iv, ciphertext, tag;
};

/* Compact, flattened or general form (section 7), told apart by the first character. Pure. Refuses: header names that appear in more than one
 * header (4), any "crit" (no extension is understood), "zip", a foreign "alg" (ALG_UNKNOWN) or "enc" (ENC_UNKNOWN), an ephemeral key off its
 * curve or with private members, lengths that do not belong to the algorithms, direct agreement beside other recipients (JWE_INVALID). */
enum jwk11_rc j11_jwe_parse(struct jwk11_view text, struct j11_jwe *ret_jwe, struct jwk11_err *err) J11_MUST_USE;
void j11_jwe_done(struct j11_jwe *jwe);

/* The recipient a key with this algorithm and kid is meant by: the same kid, else one that names none, else the only one there is. Errors:
 * MISMATCH (ALG_MISMATCH: another algorithm, an ephemeral key of another curve). */
enum jwk11_rc j11_jwe_choose(const struct j11_jwe *jwe, const struct jwk11_pub *pub, const struct j11_kma *kma, const char *kid,
	const struct j11_jwe_recipient **ret_recipient, struct jwk11_err *err) J11_MUST_USE;
/* Z to content key: Concat KDF, and the unwrapping of the encrypted key. A key that does not unwrap gives a random content key, so that the
 * message then fails where every other damaged one does (section 11.5). */
enum jwk11_rc j11_jwe_cek_agreed(const struct j11_jwe *jwe, const struct j11_jwe_recipient *recipient, const struct j11_keymat *z,
	struct j11_keymat *ret_cek, struct jwk11_err *err) J11_MUST_USE;
/* What RSA gave to content key, in constant time: the `octets` (J11_KEYMAT_MAX are
 * read, whatever len says) when good and len is right, else random ones. */
enum jwk11_rc j11_jwe_cek_unpadded(const struct j11_jwe *jwe, bool good, const unsigned char *octets, size_t len, struct j11_keymat *ret_cek,
	struct jwk11_err *err) J11_MUST_USE;
/* The content, appended to `out`, which is marked secret. DECRYPT_FAILED, with no more said. */
enum jwk11_rc j11_jwe_open(const struct j11_jwe *jwe, const struct j11_keymat *cek, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;

static inline void j11_jwe_done_auto(struct j11_jwe *jwe)
{
	j11_jwe_done(jwe);
}

#endif
