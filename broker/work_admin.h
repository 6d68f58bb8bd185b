/* SPDX-License-Identifier: Apache-2.0 */
/* One LOGIN or LOGOUT from the front: who asks, may they, do it, answer, and tell the audit log. */
#ifndef WORK_ADMIN_H
#define WORK_ADMIN_H

#include "wire.h"
#include "work_view.h"

/* Answers into `out` (a TOKEN_IS or a FAULT). `current` gives the view in force, by reference: none is held while the main thread works, which
 * `wake` wakes. Not the main thread. */
void work_admin_answer(struct work_view *(*current)(void), void (*wake)(void), const struct wire_msg *msg, int client_fd, struct jwk11_buf *out);

#endif
