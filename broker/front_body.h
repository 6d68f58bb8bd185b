/* SPDX-License-Identifier: Apache-2.0 */
/* Signing requests: JSON bodies to messages for a worker, and the worker's answer back. Nothing is decided here; the worker does. */
#ifndef FRONT_BODY_H
#define FRONT_BODY_H

#include "front.h"

/* Handlers of the routes POST /v1/keys/{k}/sign, jws, jwt, verify, decrypt, csr. */
enum front_outcome front_body_sign(struct front_request *q);
enum front_outcome front_body_jws(struct front_request *q);
enum front_outcome front_body_jwt(struct front_request *q);
enum front_outcome front_body_verify(struct front_request *q);
enum front_outcome front_body_decrypt(struct front_request *q);
enum front_outcome front_body_csr(struct front_request *q);

/* The same for one of a batch, from its members but "op" and "key", which is in q->key. */
struct j11_json;
enum front_outcome front_body_item(struct front_request *q, enum conf_op op, const struct j11_json *members);

/* Media types of the answers of jwt, index 1 is JSON; and of decrypt, index 0 is. Those of jws: front_jws.h; of csr: front_csr.h. */
extern const char *const front_body_jwt_types[2];
extern const char *const front_body_decrypt_types[2];

/* Fills the reply from what became of the call. q needs front, request_id and pending only. */
void front_body_answer(struct front_request *q, enum call_end end, const struct wire_msg *msg);
/* Fills the reply for a call that could not be started. */
void front_body_refused(struct front_request *q, enum jwk11_rc rc);

#endif
