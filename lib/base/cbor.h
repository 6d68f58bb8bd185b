/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR out, the few items a COSE_Key consists of, each in its shortest form (RFC 8949 section 4.2.1). Map keys are the caller's to order. */
#ifndef J11_CBOR_H
#define J11_CBOR_H

#include "buf.h"

void j11_cbor_int(struct jwk11_buf *out, int64_t value);
void j11_cbor_bytes(struct jwk11_buf *out, struct jwk11_view octets);
/* n items, or n pairs, follow. */
void j11_cbor_array(struct jwk11_buf *out, uint64_t n);
void j11_cbor_map(struct jwk11_buf *out, uint64_t n);

#endif
