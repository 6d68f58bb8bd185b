/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint: what is signed about the head of an audit log, as the payload of a JWS. Pure. */
#ifndef J11_AUDIT_POINT_H
#define J11_AUDIT_POINT_H

#include "audit_line.h"

/* The "typ" of its JWS: nothing else that a key signs is one (RFC 8725 3.11). */
#define J11_AUDIT_POINT_TYP "jwk11-audit-checkpoint+jwt"

/* Views are the caller's, or into what was read. */
struct j11_audit_point {
	struct j11_audit_head head;            /* the last record that it covers */
	uint64_t n_records;                    /* that were looked at, with that one */
	struct jwk11_view first_time, last_time; /* of these */
	struct jwk11_view file;                /* the last one's name, without its folder */
};
void j11_audit_point_write(const struct j11_audit_point *point, struct jwk11_buf *out);
/* The head alone: what else is told is for people. Errors: those of the JSON reader and of field tables; SYNTAX for a number or a hash that is none. */
enum jwk11_rc j11_audit_point_read(struct jwk11_view payload, struct j11_audit_head *ret_head, struct jwk11_err *err) J11_MUST_USE;

#endif
