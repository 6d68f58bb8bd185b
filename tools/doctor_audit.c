/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: nobody else's to write, and its chain whole. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit.h"
#include "base/err.h"
#include "doctor.h"

static void keep_first(void *arg, const struct j11_audit_finding *f)
{
	struct j11_audit_finding *first = arg;

	if (first->text[0] == '\0')
		*first = *f;
}

static void say_chain(struct doctor *d, const char *path, const struct j11_audit_check *c, const struct j11_audit_finding *first)
{
	char next[4400];

	snprintf(next, sizeof(next), "jwk11 audit verify %s", path);
	if (c->n_findings > 0)
		doctor_say(d, DOCTOR_AUDIT_BROKEN, path, next, "line %" PRIu64 ": %s: %s%s", first->line, j11_audit_fault_name(first->fault), first->text,
			c->n_findings > 1 ? "; and more" : "");
	else
		doctor_say(d, DOCTOR_AUDIT_OK, path, NULL, "%" PRIu64 " records, whole", c->n_records);
	if (c->n_lost > 0)
		doctor_say(d, DOCTOR_AUDIT_LOST, path, "make room on its disk; audit = required refuses what cannot be recorded",
			"%" PRIu64 " decisions could not be recorded, by the daemon's own word", c->n_lost);
}

static void check_chain(struct doctor *d, const char *path)
{
	struct j11_audit_finding first = { .text = "" };
	struct j11_audit_check c = { .found = keep_first, .arg = &first };
	struct audit_logs logs = { .n = 0 };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = j11_audit_check_start(&c) ? audit_open(&logs, 1, &path, &err) : j11_err_memory(&err);

	if (rc == JWK11_OK)
		rc = audit_read(&logs, &c, &err);
	if (rc == JWK11_OK) {
		j11_audit_check_end(&c);
		say_chain(d, path, &c, &first);
	} else {
		doctor_say(d, DOCTOR_AUDIT_UNSEEN, path, "run this as root", "not looked at: %s", err.text);
	}
	audit_close(&logs);
	j11_audit_check_done(&c);
}

void doctor_audit(struct doctor *d)
{
	const char *path = d->conf->audit_file;
	struct stat st;
	char next[4400];

	if (d->conf->audit == CONF_AUDIT_OFF) {
		doctor_say(d, DOCTOR_AUDIT_OFF, "", NULL, "audit = off: nothing is recorded");
		return;
	}
	if (stat(path, &st) != 0 && errno == ENOENT) {
		doctor_say(d, DOCTOR_AUDIT_EMPTY, path, NULL, "nothing was recorded yet");
		return;
	}
	snprintf(next, sizeof(next), "chmod go-w %s", path);
	if (stat(path, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		doctor_say(d, DOCTOR_AUDIT_WRITABLE, path, next, "others may write to it (mode %04o)", st.st_mode & 07777);
	check_chain(d, path);
}
