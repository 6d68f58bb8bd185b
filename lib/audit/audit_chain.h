/* SPDX-License-Identifier: Apache-2.0 */
/* Checking audit files: octets in, findings out. Holds one line, whatever the size of the files. Pure. */
#ifndef J11_AUDIT_CHAIN_H
#define J11_AUDIT_CHAIN_H

#include "audit_line.h"

/* What can be wrong. */
enum j11_audit_fault {
	J11_AUDIT_CHANGED,   /* a record is not what its hash was made of */
	J11_AUDIT_MISSING,   /* records are not there */
	J11_AUDIT_MISPLACED, /* a record stands twice, or out of its order, or was put in */
	J11_AUDIT_FOREIGN,   /* a line is no record */
	J11_AUDIT_TORN_LINE, /* the last line has no end */
	J11_AUDIT_CUT_FILE,  /* the daemon saw that records which it knew of had gone */
	J11_AUDIT_OTHER_CHAIN, /* a file does not go on where the one before it ends */
	J11_AUDIT_TOO_SHORT, /* a record that is known to have been written is not in the chain */
	J11_AUDIT_REWRITTEN, /* a record is not the one that a checkpoint is of */
	J11_AUDIT_POINT_MALFORMED, /* a line is no checkpoint */
	J11_AUDIT_POINT_KEY, /* a checkpoint is signed by nobody who is known */
	J11_AUDIT_POINT_SIGNATURE, /* its signature is not right */
	J11_AUDIT_N_FAULTS
};
const char *j11_audit_fault_name(enum j11_audit_fault fault);

struct j11_audit_finding {
	enum j11_audit_fault fault;
	const char *file; /* NULL: about the whole */
	uint64_t line;    /* from 1; 0: about the whole */
	char text[256];
};

/* A record that somebody noted. */
struct j11_audit_noted {
	char hash[J11_AUDIT_HASH + 1];
	uint64_t seq; /* 0: not known */
	bool seen;
};
enum { J11_AUDIT_MAX_NOTED = 8, J11_AUDIT_MAX_HELD = 4 };

/* Zeroed, but for the members of the first group. */
struct j11_audit_check {
	void (*found)(void *arg, const struct j11_audit_finding *finding);
	/* Each line that is a record, before it is judged; `file` and `line` below say where it stands. NULL: nobody wants them. */
	void (*record)(void *arg, struct jwk11_view text, const struct j11_audit_line *line);
	void *arg;
	char from[J11_AUDIT_HASH + 1]; /* the record before the first; "": not known */
	struct j11_audit_noted noted[J11_AUDIT_MAX_NOTED];
	unsigned n_noted;

	/* what came of it */
	uint64_t n_records;   /* whose hash follows */
	uint64_t n_requests;  /* of them, decisions */
	uint64_t n_findings;
	uint64_t n_mended;    /* torn writes that a later record accounts for */
	uint64_t n_lost;      /* records that could not be written, by the daemon's own word */
	uint64_t first_seq;
	struct j11_audit_head head; /* the last record */
	bool ended;           /* it says that the chain goes on in another file */

	/* where it is */
	const char *file;
	uint64_t line;

	/* its own */
	struct j11_audit_sha *sha;
	bool started;              /* a record was taken, in whatever file */
	bool file_started;         /* … in this one */
	struct j11_audit_head sure;  /* before the last record that was not as it should be */
	char other[J11_AUDIT_HASH + 1]; /* what its hash would be if only that had been changed; "" */
	bool doubtful;
	struct j11_audit_finding held[J11_AUDIT_MAX_HELD]; /* of what a later record may account for as torn */
	uint64_t n_held;
	struct jwk11_buf gap;      /* these octets; behind GAP_MAX they are not kept */
	uint64_t gap_len;
	struct jwk11_buf text;     /* the line that is being read */
	bool too_long;
};

/* False: no memory. */
bool j11_audit_check_start(struct j11_audit_check *check) J11_MUST_USE;
/* The next file of the chain; its name is borrowed until the end. */
void j11_audit_check_file(struct j11_audit_check *check, const char *name);
void j11_audit_check_octets(struct j11_audit_check *check, struct jwk11_view octets);
void j11_audit_check_file_end(struct j11_audit_check *check);
/* What only the end of all files shows. */
void j11_audit_check_end(struct j11_audit_check *check);
/* A finding of somebody else's among those of the check. */
void j11_audit_report(struct j11_audit_check *check, const struct j11_audit_finding *finding);
void j11_audit_check_done(struct j11_audit_check *check);

#endif
