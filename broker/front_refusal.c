/* SPDX-License-Identifier: Apache-2.0 */
/* What the front tells of its refusals: a line for the log, a record for the audit log by way of a worker. Both are bounded: who is refused must
 * not fill a disk. */
#include "front.h"

#include "base/err.h"
#include "base/text.h"
#include "log.h"

bool front_may_log(struct front *front)
{
	uint64_t second = loop_now(front->loop) / 1000;

	if (second != front->log_second) {
		char room[24];

		if (front->log_lines > FRONT_LOGS)
			log_event(LOG_LEVEL_WARNING, "log-suppressed", "lines", log_num(room, (long long)front->log_lines - FRONT_LOGS), NULL);
		front->log_second = second;
		front->log_lines = 0;
	}
	if (front->log_lines++ < FRONT_LOGS)
		return true;
	count_one(&front->counts, COUNT_log_suppressed);
	return false;
}

/* One line: warning when denied or when the fault is ours, else info. */
static void log_refusal(const struct front_request *q)
{
	const struct policy_peer *who = q->peer->asked && q->peer->known ? &q->peer->peer : NULL;
	char status[24], uid[24], pid[24];
	bool grave = q->reply.status == 403 || (q->reply.status >= 500 && q->reply.status != 501 && q->reply.status != 505);

	if (!front_may_log(q->front))
		return;
	log_event(grave ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, q->reply.status == 403 ? "request-denied" : "request-failed", "status",
		log_num(status, q->reply.status), "code", j11_code_name(q->code), "socket", q->peer->socket, "key",
		q->key[0] != '\0' ? q->key : NULL, "uid", who != NULL ? log_num(uid, who->uid) : NULL, "pid",
		who != NULL ? log_num(pid, who->pid) : NULL, "request_id", q->request_id, NULL);
}

/* Decisions of policy. What was refused for its form, or for want of room, is none. */
static bool is_decision(enum j11_code code)
{
	static const enum j11_code codes[] = { J11_CODE_PEER_DENIED, J11_CODE_KEY_UNKNOWN, J11_CODE_OPERATION_DENIED, J11_CODE_TOKEN_UNKNOWN,
		J11_CODE_RATE_EXCEEDED };

	for (size_t i = 0; i < J11_COUNT(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* A refusal by policy that no worker has decided, to one of them for the audit log. */
static void tell_refusal(const struct front_request *q)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(4096);
	struct front *front = q->front;
	uint64_t second = loop_now(front->loop) / 1000;
	char name[96];

	if (q->op == NULL || !is_decision(q->code) || front->conf->audit == CONF_AUDIT_OFF)
		return;
	if (second != front->told_second) {
		front->told_second = second;
		front->n_told = 0;
	}
	wire_begin(&out, WIRE_REFUSED, 0);
	wire_add_str(&out, WIRE_F_NAME, q->op);
	wire_add_str(&out, WIRE_F_CODE, j11_code_name(q->code));
	j11_text_printable(j11_view_str(q->key), name, sizeof(name));
	wire_add_str(&out, q->about_token ? WIRE_F_TOKEN : WIRE_F_KEY, name);
	wire_add_str(&out, WIRE_F_REQUEST_ID, q->request_id);
	if (front->n_missed > 0)
		wire_add_num(&out, WIRE_F_MISSED, front->n_missed);
	if (front->n_told++ < FRONT_LOGS && out.failed == JWK11_OK && calls_tell(front->calls, j11_buf_view(&out), q->peer->fd))
		front->n_missed = 0;
	else
		front->n_missed++;
}

void front_note_result(struct front_request *q)
{
	struct front_pending *pending = q->pending;
	unsigned status = q->reply.status;

	if (pending != NULL && pending->meter != NULL) { /* once for each request for a key */
		pending->meter->n[pending->op][meter_result_of(status)]++;
		pending->meter = NULL;
	}
	if (status == 403)
		count_one(&q->front->counts, COUNT_peer_denied);
	if (status >= 400) {
		log_refusal(q);
		tell_refusal(q);
	}
}
