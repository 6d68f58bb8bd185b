/* SPDX-License-Identifier: Apache-2.0 */
/* The few protobuf messages of Kubernetes' ExternalJWTSigner (k8s.io/externaljwt, v1 and v1alpha1 alike), by hand: three kinds of fields.
 * Pure functions on memory; what is read is bounded by what it is read from. */
#ifndef GRPC_PROTO_H
#define GRPC_PROTO_H

#include <stdbool.h>

#include "base/buf.h"

#define GRPC_PREFIX 5 /* octets before each message: compressed or not, and its length */

/* SignJWTRequest. Fields that nobody knows are passed over, as protobuf has it; of one that comes twice the last counts. False: malformed. The
 * claims are a view into the message, empty when there are none. */
bool grpc_proto_sign_request(struct jwk11_view msg, struct jwk11_view *ret_claims) J11_MUST_USE;
/* FetchKeysRequest or MetadataRequest: whatever fields. */
bool grpc_proto_empty_request(struct jwk11_view msg) J11_MUST_USE;

/* Appended to a buffer, whose failure sticks. SignJWTResponse, MetadataResponse, and the parts of FetchKeysResponse in the order of their fields. */
void grpc_proto_sign_response(struct jwk11_buf *out, struct jwk11_view header, struct jwk11_view signature);
void grpc_proto_metadata_response(struct jwk11_buf *out, int64_t max_seconds);
void grpc_proto_key(struct jwk11_buf *out, struct jwk11_view kid, struct jwk11_view pkix, bool exclude);
void grpc_proto_keys_end(struct jwk11_buf *out, int64_t data_seconds, int64_t refresh_seconds);

/* The five octets before a message of this length. */
void grpc_proto_prefix(unsigned char ret_prefix[GRPC_PREFIX], size_t len);
/* What they say. */
void grpc_proto_read_prefix(const unsigned char prefix[GRPC_PREFIX], bool *ret_compressed, size_t *ret_len);

#endif
