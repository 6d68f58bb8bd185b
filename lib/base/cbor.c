/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and what follows them. */
#include "cbor.h"

enum { UNSIGNED = 0, NEGATIVE = 1, BYTES = 2, ARRAY = 4, MAP = 5 };

static void head(struct jwk11_buf *out, unsigned major, uint64_t n)
{
	unsigned size = n < 24 ? 0 : n <= 0xff ? 1 : n <= 0xffff ? 2 : n <= 0xffffffff ? 4 : 8; /* octets behind the first */
	unsigned low = size == 0 ? (unsigned)n : size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27;

	j11_buf_add_byte(out, (unsigned char)(major << 5 | low));
	while (size-- > 0)
		j11_buf_add_byte(out, (unsigned char)(n >> 8 * size & 0xff));
}

void j11_cbor_int(struct jwk11_buf *out, int64_t value)
{
	head(out, value < 0 ? NEGATIVE : UNSIGNED, value < 0 ? ~(uint64_t)value : (uint64_t)value);
}

void j11_cbor_bytes(struct jwk11_buf *out, struct jwk11_view octets)
{
	head(out, BYTES, octets.len);
	j11_buf_add(out, octets.data, octets.len);
}

void j11_cbor_array(struct jwk11_buf *out, uint64_t n)
{
	head(out, ARRAY, n);
}

void j11_cbor_map(struct jwk11_buf *out, uint64_t n)
{
	head(out, MAP, n);
}
