/* SPDX-License-Identifier: Apache-2.0 */
/* A record as people read it: its members, and whether it is one of those that somebody wants to see. Pure. */
#ifndef J11_AUDIT_ENTRY_H
#define J11_AUDIT_ENTRY_H

#include "audit_line.h"

struct j11_json_doc;

/* What a record tells. Views into `doc`; of no octets, and numbers -1, where it does not tell. */
struct j11_audit_entry {
	struct j11_audit_line line; /* views into the text that was read */
	struct jwk11_view time;
	int64_t time_ms; /* since 1970 */
	struct jwk11_view unit, client, op, key, kid, alg, token, decision, result, ckr;
	int64_t uid, us;
	int64_t n; /* torn: octets; lost: records; cut: seq */
	struct j11_json_doc *doc;
};
/* Reads the members of a line that j11_audit_parse took apart. Errors: those of the JSON reader and of field tables; SYNTAX for a time that is none. */
enum jwk11_rc j11_audit_entry_read(struct jwk11_view text, const struct j11_audit_line *line, struct j11_audit_entry *ret_entry, struct jwk11_err *err)
	J11_MUST_USE;
void j11_audit_entry_done(struct j11_audit_entry *entry);

/* Which records are wanted: those that all of these hold for. Borrowed. */
struct j11_audit_wanted {
	const char *key, *client, *result; /* NULL: any. A key also by its kid */
	bool refused;                      /* or failed: decisions that were not "allowed" */
	int64_t uid;                       /* -1: any */
	int64_t since_ms, until_ms;        /* both included */
};
#define J11_AUDIT_ALL ((struct j11_audit_wanted){ .uid = -1, .since_ms = INT64_MIN, .until_ms = INT64_MAX })
bool j11_audit_entry_is(const struct j11_audit_entry *entry, const struct j11_audit_wanted *wanted);
/* A moment that a person gives: RFC 3339, or how long ago as j11_text_to_seconds takes it. */
bool j11_audit_moment(struct jwk11_view text, int64_t now_ms, int64_t *ret_ms) J11_MUST_USE;

static inline void j11_audit_entry_done_auto(struct j11_audit_entry *entry)
{
	j11_audit_entry_done(entry);
}

#endif
