/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/batch: requests that would be routes of their own, sent and answered together. Each is decided, counted and told of by itself, and goes
 * to workers as a call of its own; the answers come in the order of the requests. */
#ifndef FRONT_BATCH_H
#define FRONT_BATCH_H

#include "front.h"

/* Handler of the route. FRONT_REPLY: a problem, and nothing of the batch was done. */
enum front_outcome front_batch(struct front_request *q);

/* Starts what there is room for. True: something is under way, and `done` is called once, at the end; never from inside here. False: it is all over
 * already. fd is the client's connection. */
bool front_batch_start(struct front_batch *batch, int fd, void (*done)(void *arg, bool abandoned), void *arg) J11_MUST_USE;
/* Fills the reply, once it is all over. */
void front_batch_answer(struct front_batch *batch, struct front_request *q);
/* The client is gone: what has not begun does not begin. True: no worker has anything of it any more. False: `done` is called when none has, with
 * `abandoned`; only then the batch may be freed. */
bool front_batch_leave(struct front_batch *batch) J11_MUST_USE;
/* NULL is fine. No worker has anything of it. */
void front_batch_free(struct front_batch *batch);

#endif
