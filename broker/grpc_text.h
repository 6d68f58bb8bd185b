/* SPDX-License-Identifier: Apache-2.0 */
/* What gRPC says in HTTP/2 header fields (github.com/grpc/grpc, PROTOCOL-HTTP2): paths, deadlines, statuses. Pure. */
#ifndef GRPC_TEXT_H
#define GRPC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum grpc_status {
	GRPC_OK = 0, GRPC_CANCELLED = 1, GRPC_INVALID_ARGUMENT = 3, GRPC_DEADLINE_EXCEEDED = 4, GRPC_PERMISSION_DENIED = 7, GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9, GRPC_UNIMPLEMENTED = 12, GRPC_INTERNAL = 13, GRPC_UNAVAILABLE = 14
};

enum grpc_method { GRPC_SIGN, GRPC_FETCH_KEYS, GRPC_METADATA, GRPC_NO_METHOD /* of a service of ours */, GRPC_NO_SERVICE };
/* Exactly "/v1.ExternalJWTSigner/Sign" and so on, and the same of v1alpha1. */
enum grpc_method grpc_method_of(struct jwk11_view path);

/* The value of grpc-timeout, at most eight digits and a unit; rounded down, and at most a day. False: it is none. */
bool grpc_timeout_of(struct jwk11_view text, uint64_t *ret_ms) J11_MUST_USE;
/* "application/grpc", alone, or followed by "+proto" or by parameters. */
bool grpc_is_content_type(struct jwk11_view text);
/* Appends what may stand in grpc-message: printable ASCII, the rest and "%" as %XX. */
void grpc_message_add(struct jwk11_buf *out, struct jwk11_view text);
/* The status for a refusal with this code. */
enum grpc_status grpc_status_of(enum j11_code code);

#endif
