/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's login, logout and wish for another look: from worker to worker, because each has a login of its own. Nothing is decided here; the worker does. */
#ifndef FRONT_LOGIN_H
#define FRONT_LOGIN_H

#include "front.h"

/* Handlers of the routes POST /v1/tokens/{t}/login, logout and rescan. */
enum front_outcome front_login_in(struct front_request *q);
enum front_outcome front_login_out(struct front_request *q);
enum front_outcome front_login_rescan(struct front_request *q);

/* A worker has done it: its TOKEN_IS. */
void front_login_take(struct front_login *login, const struct wire_msg *msg);
/* Fills the reply when the last worker has done it, or one has not. q needs front, request_id and pending only. */
void front_login_answer(struct front_request *q, enum call_end end, const struct wire_msg *msg);
/* Fills the reply for a login that could not be started. */
void front_login_refused(struct front_request *q, enum jwk11_rc rc);

#endif
