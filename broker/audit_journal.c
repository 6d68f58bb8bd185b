/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's native protocol (systemd: docs/JOURNAL_NATIVE_PROTOCOL.md). */
#include "audit_journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

/* A value with a line end in it goes by length, 64 bits, least octet first. */
static void add(struct jwk11_buf *out, const char *name, struct jwk11_view value)
{
	if (value.len == 0)
		return;
	j11_buf_add_str(out, name);
	if (memchr(value.data, '\n', value.len) == NULL) {
		j11_buf_add_byte(out, '=');
	} else {
		j11_buf_add_byte(out, '\n');
		for (unsigned i = 0; i < 8; i++)
			j11_buf_add_byte(out, (unsigned char)((uint64_t)value.len >> (8 * i) & 0xff));
	}
	j11_buf_add(out, value.data, value.len);
	j11_buf_add_byte(out, '\n');
}

static void add_text(struct jwk11_buf *out, const char *name, const char *value)
{
	if (value != NULL)
		add(out, name, j11_view_str(value));
}

static void add_num(struct jwk11_buf *out, const char *name, uint64_t n)
{
	j11_buf_add_fmt(out, "%s=%llu\n", name, (unsigned long long)n);
}

void audit_journal_fields(const struct j11_audit_record *r, const struct j11_audit_head *head, struct jwk11_buf *out)
{
	struct jwk11_view jti = { .data = r->jti.data, .len = r->jti.len <= J11_AUDIT_JTI_MAX ? r->jti.len : 0 };
	char key[80];

	j11_text_printable(j11_view_str(r->key ? r->key : "?"), key, sizeof(key));
	j11_buf_add_fmt(out, "MESSAGE=%s %s with key %s: %s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=jwk11d\n", r->decision, r->op ? r->op : "?", key, r->result,
		j11_text_equal(r->decision, "allowed") ? 6 : 4);
	add_text(out, "JWK11_REQUEST", r->request);
	if (r->has_peer) {
		add_num(out, "JWK11_UID", r->uid);
		add_num(out, "JWK11_PID", r->pid);
	}
	add_text(out, "JWK11_UNIT", r->unit);
	add_text(out, "JWK11_CLIENT", r->client);
	add_text(out, "JWK11_OP", r->op);
	add_text(out, "JWK11_KEY", r->key);
	add_text(out, "JWK11_KID", r->kid);
	add_text(out, "JWK11_ALG", r->alg);
	add_text(out, "JWK11_TOKEN", r->token);
	add_text(out, "JWK11_SHA256", r->sha256);
	add(out, "JWK11_JTI", jti);
	add_text(out, "JWK11_DECISION", r->decision);
	add_text(out, "JWK11_RESULT", r->result);
	add_text(out, "JWK11_CKR", r->ckr);
	if (head == NULL)
		return;
	add_num(out, "JWK11_SEQ", head->seq);
	add_text(out, "JWK11_HASH", head->hash);
}

static struct {
	pthread_once_t once;
	int fd;
	struct sockaddr_un to;
} self = { .once = PTHREAD_ONCE_INIT, .fd = -1 };

static void open_once(void)
{
	const char *path = getenv("JWK11_JOURNAL_SOCKET");

	self.to.sun_family = AF_UNIX;
	snprintf(self.to.sun_path, sizeof(self.to.sun_path), "%s", path ? path : "/run/systemd/journal/socket");
	self.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int audit_journal_send(struct jwk11_view entry)
{
	pthread_once(&self.once, open_once);
	if (self.fd < 0)
		return EBADF;
	return sendto(self.fd, entry.data, entry.len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&self.to, sizeof(self.to)) < 0 ? errno : 0;
}
