/* SPDX-License-Identifier: Apache-2.0 */
/* Strict DER for the few shapes we meet: one TLV, EC points, ECDSA-Sig-Value, DigestInfo. */
#ifndef J11_DER_H
#define J11_DER_H

#include "alg.h"

/* Reads one TLV of this tag that fills `der` exactly; minimal lengths only. False otherwise. */
bool j11_der_whole(struct jwk11_view der, unsigned char tag, struct jwk11_view *ret_content) J11_MUST_USE;
/* Reads the TLV of this tag at the start of *der and moves *der behind it; the same rules. */
bool j11_der_take(struct jwk11_view *der, unsigned char tag, struct jwk11_view *ret_content) J11_MUST_USE;
/* Appends one TLV; contents up to 16 MiB. */
void j11_der_put(struct jwk11_buf *out, unsigned char tag, struct jwk11_view content);
/* r||s of 2 * coord_len octets to ECDSA-Sig-Value and back (RFC 3279 2.2.3); the way back refuses anything not canonical. */
#define J11_DER_ECDSA_MAX 144
size_t j11_der_from_raw(struct jwk11_view raw, unsigned char ret_der[J11_DER_ECDSA_MAX]); /* 0 on wrong length */
bool j11_der_to_raw(struct jwk11_view der, size_t coord_len, unsigned char *ret_raw) J11_MUST_USE;
/* The DigestInfo prefix of a hash (RFC 8017 9.2 note 1). */
struct jwk11_view j11_der_digest_info(enum j11_hash hash);

#endif
