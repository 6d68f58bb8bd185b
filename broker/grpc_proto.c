/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf's wire format (protobuf.dev/programming-guides/encoding). */
#include "grpc_proto.h"

#include <string.h>

#include "base/text.h"

enum wire { VARINT = 0, FIXED64 = 1, LEN = 2, FIXED32 = 5 }; /* 3 and 4 are groups, which proto3 has not */

struct field {
	uint64_t number;
	enum wire wire;
	struct jwk11_view octets; /* LEN */
};

static bool take(struct jwk11_view *rest, size_t n)
{
	if (n > rest->len)
		return false;
	rest->data = (const char *)rest->data + n;
	rest->len -= n;
	return true;
}

/* At most ten octets; of the tenth one bit counts. */
static bool take_varint(struct jwk11_view *rest, uint64_t *ret_n)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < 10 && rest->len > 0; i++) {
		unsigned char octet = *(const unsigned char *)rest->data;

		(void)take(rest, 1);
		if (i == 9 && octet > 1)
			return false;
		n |= (uint64_t)(octet & 0x7f) << (7 * i);
		if (octet < 0x80) {
			*ret_n = n;
			return true;
		}
	}
	return false;
}

static bool take_field(struct jwk11_view *rest, struct field *ret_field)
{
	uint64_t tag, n;

	if (!take_varint(rest, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
		return false;
	*ret_field = (struct field){ .number = tag >> 3, .wire = (enum wire)(tag & 7) };
	switch (ret_field->wire) {
	case VARINT:
		return take_varint(rest, &n);
	case FIXED64:
		return take(rest, 8);
	case FIXED32:
		return take(rest, 4);
	case LEN:
		if (!take_varint(rest, &n) || n > rest->len)
			return false;
		ret_field->octets = (struct jwk11_view){ .data = rest->data, .len = (size_t)n };
		return take(rest, (size_t)n);
	default:
		return false;
	}
}

bool grpc_proto_sign_request(struct jwk11_view msg, struct jwk11_view *ret_claims)
{
	struct jwk11_view claims = J11_VIEW("");
	struct field field;

	while (msg.len > 0) {
		if (!take_field(&msg, &field))
			return false;
		if (field.number != 1)
			continue;
		if (field.wire != LEN || !j11_text_is_utf8(field.octets))
			return false;
		claims = field.octets;
	}
	*ret_claims = claims;
	return true;
}

bool grpc_proto_empty_request(struct jwk11_view msg)
{
	struct field field;

	while (msg.len > 0)
		if (!take_field(&msg, &field))
			return false;
	return true;
}

/* ---- writing ---- */

static void add_varint(struct jwk11_buf *out, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		j11_buf_add_byte(out, (unsigned char)(n | 0x80));
	j11_buf_add_byte(out, (unsigned char)n);
}

static void add_octets(struct jwk11_buf *out, unsigned number, struct jwk11_view octets)
{
	add_varint(out, number << 3 | LEN);
	add_varint(out, octets.len);
	j11_buf_add(out, octets.data, octets.len);
}

/* What is 0 is left out. */
static void add_number(struct jwk11_buf *out, unsigned number, int64_t n)
{
	if (n == 0)
		return;
	add_varint(out, number << 3 | VARINT);
	add_varint(out, (uint64_t)n);
}

void grpc_proto_sign_response(struct jwk11_buf *out, struct jwk11_view header, struct jwk11_view signature)
{
	add_octets(out, 1, header);
	add_octets(out, 2, signature);
}

void grpc_proto_metadata_response(struct jwk11_buf *out, int64_t max_seconds)
{
	add_number(out, 1, max_seconds);
}

static size_t varint_len(uint64_t n)
{
	size_t len = 1;

	for (; n >= 0x80; n >>= 7)
		len++;
	return len;
}

static size_t octets_len(size_t len)
{
	return 1 + varint_len(len) + len;
}

void grpc_proto_key(struct jwk11_buf *out, struct jwk11_view kid, struct jwk11_view pkix, bool exclude)
{
	add_varint(out, 1 << 3 | LEN);
	add_varint(out, octets_len(kid.len) + octets_len(pkix.len) + (exclude ? 2 : 0));
	add_octets(out, 1, kid);
	add_octets(out, 2, pkix);
	add_number(out, 3, exclude);
}

void grpc_proto_keys_end(struct jwk11_buf *out, int64_t data_seconds, int64_t refresh_seconds)
{
	add_varint(out, 2 << 3 | LEN);
	add_varint(out, data_seconds != 0 ? 1 + varint_len((uint64_t)data_seconds) : 0);
	add_number(out, 1, data_seconds);
	add_number(out, 3, refresh_seconds);
}

/* ---- the frame ---- */

void grpc_proto_prefix(unsigned char ret_prefix[GRPC_PREFIX], size_t len)
{
	ret_prefix[0] = 0;
	for (unsigned i = 0; i < 4; i++)
		ret_prefix[1 + i] = (unsigned char)(len >> (24 - 8 * i));
}

void grpc_proto_read_prefix(const unsigned char prefix[GRPC_PREFIX], bool *ret_compressed, size_t *ret_len)
{
	*ret_compressed = prefix[0] != 0;
	*ret_len = (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 | prefix[4];
}
