/* SPDX-License-Identifier: Apache-2.0 */
/* One record of the audit file: its members, its line, its place in the chain. A line is
 *     {"seq":N,"event":"…",…,"hash":"H"}
 * and H, in hexadecimal, is SHA-256 over the text of the hash of the line before and all of this line that stands before ,"hash". Pure. */
#ifndef J11_AUDIT_LINE_H
#define J11_AUDIT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

#define J11_AUDIT_HASH 64            /* hexadecimal digits */
#define J11_AUDIT_LINE_MAX 16384     /* octets of a line with its end; what a writer writes is shorter */
#define J11_AUDIT_JTI_MAX 256        /* a longer jti is told by its SHA-256 */
#define J11_AUDIT_GENESIS "0000000000000000000000000000000000000000000000000000000000000000"

/* SHA-256 without the cost of looking it up each time. One thread at a time. */
struct j11_audit_sha;
struct j11_audit_sha *j11_audit_sha_new(void); /* NULL: no memory, or no SHA-256 */
void j11_audit_sha_free(struct j11_audit_sha *sha);
/* The hash of several pieces as if they were one. False, and an empty text: libcrypto failed. */
bool j11_audit_sha_hex(struct j11_audit_sha *sha, const struct jwk11_view *pieces, size_t n, char ret_hex[J11_AUDIT_HASH + 1]) J11_MUST_USE;

/* The record that the next one follows. */
struct j11_audit_head {
	uint64_t seq; /* 0: there is none yet */
	char hash[J11_AUDIT_HASH + 1];
};
#define J11_AUDIT_NO_HEAD ((struct j11_audit_head){ 0, J11_AUDIT_GENESIS })

/* What a line can be about. */
enum j11_audit_event {
	J11_AUDIT_REQUEST, /* a decision */
	J11_AUDIT_BEGIN,   /* first of a file: prev is the hash of the last record of the file before */
	J11_AUDIT_END,     /* last of a file that was moved away: the chain goes on in another */
	J11_AUDIT_TORN,    /* the octets before it, of this number and hash, are what is left of a write that was cut off */
	J11_AUDIT_LOST,    /* so many records could not be written */
	J11_AUDIT_CUT,     /* records that had been written, up to this one, are gone from the file */
	J11_AUDIT_N_EVENTS
};
const char *j11_audit_event_name(enum j11_audit_event event);

/* A decision and what came of it. Texts that are NULL or empty are left out. */
struct j11_audit_record {
	int64_t time_ms; /* since 1970 */
	const char *request;
	bool has_peer;
	uint64_t uid, pid;
	const char *unit;   /* the peer's service */
	const char *client; /* section that granted, or matched first */
	const char *op, *key, *kid, *alg;
	const char *template; /* of a proof */
	const char *token;  /* of a login or logout */
	const char *of;     /* what sha256 is of: input, digest, jwe, csr */
	char sha256[J11_AUDIT_HASH + 1];
	struct jwk11_view jti;
	const char *decision; /* allowed, refused, failed */
	const char *result;   /* OK or a code word */
	const char *ckr;
	int64_t us;
	uint64_t missed;      /* refusals before this one that have no record, because they were too many */
};
/* The members of a line that stand behind seq, for j11_audit_seal. `sha` is for a jti that is too long. */
void j11_audit_members(const struct j11_audit_record *record, struct j11_audit_sha *sha, struct jwk11_buf *out);
/* The same of the other events. */
void j11_audit_begin(int64_t time_ms, const char *prev, struct jwk11_buf *out);
void j11_audit_end(int64_t time_ms, struct jwk11_buf *out);
void j11_audit_torn(int64_t time_ms, uint64_t octets, const char *sha256, struct jwk11_buf *out);
void j11_audit_lost(int64_t time_ms, uint64_t records, struct jwk11_buf *out);
void j11_audit_cut(int64_t time_ms, const struct j11_audit_head *known, struct jwk11_buf *out);

/* Appends the line with its end to `out` and moves the head on. False: nothing that could be used was written. */
bool j11_audit_seal(struct j11_audit_sha *sha, struct j11_audit_head *head, struct jwk11_view members, struct jwk11_buf *out) J11_MUST_USE;

/* A line as it is written; views into it. */
struct j11_audit_line {
	struct j11_audit_head head; /* what it says of itself */
	enum j11_audit_event event;
	struct jwk11_view body;     /* what the hash is over, after the hash before */
};
/* Takes a line without its end apart. False: not of the form that j11_audit_seal gives. Whether its hash is right is not asked. */
bool j11_audit_parse(struct jwk11_view line, struct j11_audit_line *ret_line) J11_MUST_USE;
/* Does its hash follow from the one before? */
bool j11_audit_follows(struct j11_audit_sha *sha, const char *before, const struct j11_audit_line *line) J11_MUST_USE;

/* What lines of the other events tell; members that an event has not stay as they are. */
struct j11_audit_told {
	char hash[J11_AUDIT_HASH + 1]; /* begin: prev; torn: sha256; cut: hash */
	uint64_t n;                    /* torn: octets; lost: records; cut: seq */
};
bool j11_audit_tell(struct jwk11_view line, enum j11_audit_event event, struct j11_audit_told *ret_told) J11_MUST_USE;
/* 64 digits, lower case. */
bool j11_audit_is_hash(struct jwk11_view text);

J11_DEFINE_AUTO(struct j11_audit_sha, j11_audit_sha_free)

#endif
