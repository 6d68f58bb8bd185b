/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as messages and header fields of gRPC: no crash; claims lie inside their message; what we write we read. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "grpc_proto.h"
#include "grpc_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_message(struct jwk11_view msg)
{
	const char *start = msg.data;
	struct jwk11_view claims;
	bool good = grpc_proto_sign_request(msg, &claims);

	must(!good || grpc_proto_empty_request(msg));
	if (!good || claims.len == 0)
		return;
	must((const char *)claims.data >= start && (const char *)claims.data + claims.len <= start + msg.len && j11_text_is_utf8(claims));
}

/* A SignJWTResponse whose second field is one that a request does not know. */
static void check_answer(struct jwk11_view text)
{
	struct jwk11_buf out = J11_BUF(1 << 20);
	struct jwk11_view again;

	grpc_proto_sign_response(&out, text, text);
	if (out.failed == JWK11_OK && j11_text_is_utf8(text)) {
		must(grpc_proto_sign_request(j11_buf_view(&out), &again));
		must(j11_view_equal(again, text));
	}
	jwk11_buf_reset(&out);
	grpc_proto_key(&out, text, text, text.len % 2);
	grpc_proto_keys_end(&out, (int64_t)text.len, 300);
	must(out.failed != JWK11_OK || grpc_proto_empty_request(j11_buf_view(&out)));
	jwk11_buf_reset(&out);
	grpc_message_add(&out, text);
	for (size_t i = 0; i < out.len; i++)
		must(out.data[i] >= ' ' && out.data[i] <= '~');
	j11_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view input = { .data = size > 0 ? (const void *)data : "", .len = size };
	unsigned char prefix[GRPC_PREFIX];
	bool compressed;
	uint64_t ms = 0;
	size_t len;

	check_message(input);
	check_answer(input);
	must(!grpc_timeout_of(input, &ms) || ms <= 86400000);
	(void)grpc_method_of(input);
	(void)grpc_is_content_type(input);
	if (size >= GRPC_PREFIX) {
		grpc_proto_read_prefix(data, &compressed, &len);
		grpc_proto_prefix(prefix, len);
		must(memcmp(prefix + 1, data + 1, GRPC_PREFIX - 1) == 0 && compressed == (data[0] != 0));
	}
	return 0;
}
