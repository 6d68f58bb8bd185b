/* SPDX-License-Identifier: Apache-2.0 */
/* A file of checkpoints, one JWS a line, against the records that they are of. */
#ifndef AUDIT_POINTS_H
#define AUDIT_POINTS_H

#include "audit/audit_chain.h"
#include "cmd.h"

/* One whose signature is right. */
struct audit_point {
	struct j11_audit_head head;
	uint64_t line;     /* in its file */
	bool same, other;  /* a record with this number was seen, and has this hash or another one */
};
/* Zeroed. Invariant: behind audit_points_load the list is in the order of numbers. */
struct audit_points {
	const char *path;
	struct audit_point *list;
	size_t n, room;
	uint64_t first, last;  /* of the records that were seen; 0: none was */
	uint64_t n_good, n_before; /* that hold; that are of records before the first one */
	uint64_t covered;      /* the last record that one which holds is of; 0: none */
};

/* Reads the checkpoints in `path` and checks their signatures with the set in the file `jwks`. What is wrong with one is a finding of `check`;
 * an error is what keeps from reading. */
enum jwk11_rc audit_points_load(struct audit_points *points, const char *path, const char *jwks, struct j11_audit_check *check, struct jwk11_err *err)
	J11_MUST_USE;
/* A record of the log, of which `head` is what it says of itself. */
void audit_points_see(struct audit_points *points, const struct j11_audit_head *head);
/* All records were seen: what does not hold is a finding. */
void audit_points_end(struct audit_points *points, struct j11_audit_check *check);
void audit_points_done(struct audit_points *points);

#endif
