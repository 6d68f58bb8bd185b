/* SPDX-License-Identifier: Apache-2.0 */
/* The front's word is taken for what was refused, as far as there is such a thing, and for nothing else. */
#include "work_note.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "policy.h"
#include "work_audit.h"
#include "work_peer.h"

static const char *known_op(const char *name)
{
	static const char *const others[] = { "login", "logout", "rescan" };

	for (unsigned op = 0; op < CONF_N_OPS; op++)
		if (j11_text_equal(conf_op_name((enum conf_op)op), name))
			return conf_op_name((enum conf_op)op);
	for (size_t i = 0; i < J11_COUNT(others); i++)
		if (j11_text_equal(others[i], name))
			return others[i];
	return NULL;
}

void work_note_write(const struct conf *conf, const struct wire_msg *msg, int client_fd)
{
	struct j11_audit_record a = { .time_ms = j11_clock_wall_ms(), .decision = "refused" };
	struct work_peer who = { .peer = { .uid = (uid_t)-1 } };
	char op[24], code[JWK11_CODE_MAX], key[128], token[128], id[80];
	const struct conf_client *client = NULL;
	struct jwk11_err err = { 0 };

	if (!wire_str(msg, WIRE_F_NAME, op, sizeof(op)) || !wire_str(msg, WIRE_F_CODE, code, sizeof(code)))
		return;
	a.op = known_op(op);
	a.result = j11_code_name(j11_code_find(code));
	if (wire_str(msg, WIRE_F_KEY, key, sizeof(key)))
		a.key = key;
	if (wire_str(msg, WIRE_F_TOKEN, token, sizeof(token)))
		a.token = token;
	if (wire_str(msg, WIRE_F_REQUEST_ID, id, sizeof(id)))
		a.request = id;
	if (!wire_num(msg, WIRE_F_MISSED, &a.missed))
		a.missed = 0;
	if (client_fd >= 0 && work_peer_ask(client_fd, conf, &who)) {
		a.has_peer = true;
		a.uid = who.peer.uid;
		a.pid = (uint64_t)who.peer.pid;
		a.unit = who.peer.unit;
		client = policy_next_client(conf, &who.peer, NULL);
	}
	a.client = client != NULL ? client->name : NULL;
	if (work_audit_write(conf, &a, &err) != JWK11_OK)
		return; /* there is nothing left to refuse, and a log that fails is told of by itself */
}
