/* SPDX-License-Identifier: Apache-2.0 */
/* Any number of threads. What a request means others know: work_ops, work_admin, work_peer, work_note. */
#include "work_serve.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "log.h"
#include "work_admin.h"
#include "work_current.h"
#include "work_note.h"
#include "work_ops.h"
#include "work_peer.h"
#include "work_recover.h"
#include "work_sock.h"
#include "work_tell.h"
#include "work_turn.h"
#include "work_wake.h"

static void answer(const struct wire_msg *msg, int client, struct jwk11_buf *out)
{
	struct work_view *view;

	if (msg->type == WIRE_LOGIN || msg->type == WIRE_LOGOUT || msg->type == WIRE_RESCAN) {
		work_admin_answer(work_current_ref, work_wake, msg, client, out);
		return;
	}
	view = work_current_ref();
	if (msg->type == WIRE_WHO)
		work_peer_tell(msg, client, view->conf, out);
	else if (msg->type == WIRE_REFUSED)
		work_note_write(view->conf, msg, client);
	else if (work_ops_answer(view, msg, client, out))
		work_recover_report();
	work_view_unref(view);
}

static void serve_one(char *room, size_t len, int client, struct jwk11_buf *out)
{
	struct jwk11_err err = { 0 };
	struct wire_msg msg;

	if (wire_decode((struct jwk11_view){ room, len }, &msg, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_WARNING, "request-malformed", "why", err.text, NULL);
		return;
	}
	jwk11_buf_reset(out);
	answer(&msg, client, out);
	if (msg.field[WIRE_F_SECRET].data != NULL)
		j11_mem_wipe(room, len);
	if (out->len > 0 && wire_send(WORK_SOCK_FRONT, j11_buf_view(out), -1) != 0)
		log_event(LOG_LEVEL_WARNING, "reply-lost", NULL);
	if (out->secret) { /* a plaintext: wiped, and no later reply pays for it */
		j11_buf_done(out);
		out->secret = false;
	}
	work_tell_tally(WORK_SOCK_FRONT);
}

/* The front's end of file means that the front is gone: the supervisor starts both of us again. */
void *work_serve_thread(void *unused)
{
	struct jwk11_buf out = J11_BUF(WIRE_MAX);
	char *room = j11_mem_new(WIRE_MAX);
	int client = -1;
	long n = -ENOMEM;

	(void)unused;
	while (room != NULL && ((n = wire_recv(WORK_SOCK_FRONT, room, WIRE_MAX, 0, &client)) > 0 || n == -EMSGSIZE)) {
		if (n > 0)
			serve_one(room, (size_t)n, client, &out);
		if (client >= 0)
			close(client);
		client = -1;
	}
	work_turn_leave(n == 0 ? 0 : WORK_EXIT_BUG);
}
