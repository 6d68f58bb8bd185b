/* SPDX-License-Identifier: Apache-2.0 */
/* One request from the front: who asks, may they, do it, answer. */
#ifndef WORK_OPS_H
#define WORK_OPS_H

#include "wire.h"
#include "work_view.h"

/* Answers a decoded request into `out` (a REPLY or a FAULT with its id). `client_fd` is the client's own connection, from which the kernel
 * tells the peer. Returns true when the token's state should be looked at. */
bool work_ops_answer(const struct work_view *view, const struct wire_msg *msg, int client_fd, struct jwk11_buf *out);
/* A FAULT into `out`; token: which one it is about, or NULL. */
void work_ops_fault(struct jwk11_buf *out, uint64_t id, const struct jwk11_err *err, const char *token);

#endif
