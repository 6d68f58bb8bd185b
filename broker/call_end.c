/* SPDX-License-Identifier: Apache-2.0 */
/* How a call ends: at once, or soon, where the owner must not hear of it from inside its own request. */
#include "call_in.h"

void call_end_rest(struct call *call)
{
	loop_timer_clear(&call->timer);
	call->state = CALL_AT_REST;
	call->worker = NULL;
	call->calls->n_under_way--;
}

void call_end(struct call *call, enum call_end end, const struct wire_msg *msg)
{
	bool abandoned = call->abandoned;

	call_end_rest(call);
	call->done(call, abandoned ? CALL_ABANDONED : end, abandoned ? NULL : msg);
}

void call_end_soon(struct call *call, enum call_end end)
{
	call->state = CALL_FAILED;
	call->failure = end;
	call->worker = NULL;
	if (!loop_timer_set(call->calls->loop, &call->timer, loop_now(call->calls->loop)))
		call->failure = end; /* cannot be: moving a filed timer needs no memory */
}
