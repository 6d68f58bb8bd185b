/* SPDX-License-Identifier: Apache-2.0 */
/* Operators' requests: policy, the login itself (work_job.c), the record of it. */
#include "work_admin.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "log.h"
#include "policy.h"
#include "work_audit.h"
#include "work_job.h"
#include "work_ops.h"
#include "work_peer.h"

struct request {
	const struct wire_msg *msg;
	struct work_peer who;
	struct work_job job;
	char token[65], id[80], client[65];
	struct j11_audit_record audit;
};

/* The section that lets them, or the first that matches. */
static enum jwk11_rc decide(struct request *r, const struct conf *conf)
{
	const struct conf_client *lets = policy_administers(conf, &r->who.peer, r->token);
	const struct conf_client *client = lets != NULL ? lets : policy_next_client(conf, &r->who.peer, NULL);

	if (client != NULL) {
		snprintf(r->client, sizeof(r->client), "%s", client->name);
		r->audit.client = r->client;
	}
	return lets != NULL ? JWK11_OK : policy_deny_token(conf, &r->who.peer, r->token, &r->job.err);
}

static enum jwk11_rc admit(struct request *r, const struct conf *conf, int client_fd)
{
	enum jwk11_rc rc;

	if (client_fd < 0 || !work_peer_ask(client_fd, conf, &r->who))
		return j11_err_set(&r->job.err, JWK11_ERR_DENIED, J11_CODE_PEER_DENIED, "the kernel does not say who is calling");
	r->audit.has_peer = true;
	r->audit.uid = r->who.peer.uid;
	r->audit.pid = (uint64_t)r->who.peer.pid;
	r->audit.unit = r->who.peer.unit;
	rc = decide(r, conf);
	return rc == JWK11_OK ? work_audit_ready(conf, &r->job.err) : rc;
}

static const char *op_name(enum work_job_kind kind)
{
	static const char *const names[] = { "login", "logout", "rescan" };

	return names[kind];
}

static enum jwk11_rc read_request(struct request *r)
{
	struct jwk11_view pin = r->msg->field[WIRE_F_SECRET];

	if (!wire_str(r->msg, WIRE_F_TOKEN, r->token, sizeof(r->token)))
		return j11_err_set(&r->job.err, JWK11_ERR_NOT_FOUND, J11_CODE_TOKEN_UNKNOWN, "no token has so long a name");
	if (wire_str(r->msg, WIRE_F_REQUEST_ID, r->id, sizeof(r->id)))
		r->audit.request = r->id;
	r->job.kind = r->msg->type == WIRE_LOGOUT ? WORK_JOB_LOGOUT : r->msg->type == WIRE_RESCAN ? WORK_JOB_RESCAN : WORK_JOB_LOGIN;
	r->audit.op = op_name(r->job.kind);
	r->audit.token = r->token;
	r->job.token = r->token;
	r->job.final_try = r->msg->field[WIRE_F_FLAGS].data != NULL;
	return pin.data != NULL ? j11_secret_from_bytes(pin.data, pin.len, &r->job.pin, &r->job.err) : JWK11_OK;
}

static enum jwk11_rc write_record(struct request *r, const struct conf *conf, enum jwk11_rc rc, int64_t started_us)
{
	struct j11_audit_record *a = &r->audit;

	a->decision = rc == JWK11_OK ? "allowed" : rc == JWK11_ERR_DENIED ? "refused" : "failed";
	a->result = rc == JWK11_OK ? "OK" : r->job.err.code[0] ? r->job.err.code : "INTERNAL";
	a->ckr = r->job.err.has_ckr ? jwk11_ckr_name(r->job.err.ckr) : NULL;
	a->us = j11_clock_us() - started_us;
	return work_audit_write(conf, a, &r->job.err);
}

static void log_request(const struct request *r, enum jwk11_rc rc)
{
	static const char *const events[] = { "operator-login", "operator-logout", "operator-rescan" };
	char uid[24], pid[24];

	log_event(rc == JWK11_OK ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, events[r->job.kind], "token", r->token, "client",
		r->client[0] ? r->client : NULL, "uid", log_num(uid, r->who.peer.uid), "pid", log_num(pid, r->who.peer.pid), "result",
		rc == JWK11_OK ? r->job.state : r->job.err.code, "why", rc == JWK11_OK ? NULL : r->job.err.text, "request", r->id[0] ? r->id : NULL, "ckr",
		r->job.err.has_ckr ? jwk11_ckr_name(r->job.err.ckr) : NULL, NULL);
}

void work_admin_answer(struct work_view *(*current)(void), void (*wake)(void), const struct wire_msg *msg, int client_fd, struct jwk11_buf *out)
{
	struct request r = { .msg = msg, .who = { .peer = { .uid = (uid_t)-1 } }, .audit = { .time_ms = j11_clock_wall_ms() } };
	struct work_view *view = current();
	int64_t started_us = j11_clock_us();
	enum jwk11_rc rc = read_request(&r), told;

	if (rc == JWK11_OK)
		rc = admit(&r, view->conf, client_fd);
	work_view_unref(view);
	if (rc == JWK11_OK) {
		work_job_run(&r.job, wake);
		rc = r.job.rc;
	} else {
		j11_secret_free(r.job.pin);
	}
	view = current();
	told = write_record(&r, view->conf, rc, started_us);
	work_view_unref(view);
	rc = rc == JWK11_OK ? told : rc;
	log_request(&r, rc);
	if (rc != JWK11_OK) {
		work_ops_fault(out, msg->id, &r.job.err, r.token);
		return;
	}
	wire_begin(out, WIRE_TOKEN_IS, msg->id);
	wire_add_str(out, WIRE_F_STATE, r.job.state);
	if (r.job.tried)
		wire_add_num(out, WIRE_F_FLAGS, 1);
}
