/* SPDX-License-Identifier: Apache-2.0 */
/* The audit file as one of several writers sees it. Each writer has an open file description of its own; one record is one write under a lock
 * of the whole file. Not thread-safe: the caller has one lock for it. Part of the worker. */
#ifndef AUDIT_FILE_H
#define AUDIT_FILE_H

#include "audit/audit_line.h"

struct audit_file {
	int fd;                      /* opened for reading and appending, by somebody else; -1: none */
	struct j11_audit_sha *sha;
	bool known;                  /* head and end are those of the last look, and the file had a record */
	bool ended;                  /* the last record says that the chain goes on elsewhere */
	bool resumed;                /* this is the file to write to although it was ended once */
	struct j11_audit_head head;
	uint64_t end;                /* octets behind the head's line */
	struct jwk11_buf out, members;
	char *scan;                  /* room for a look at its end */
};

enum audit_file_end {
	AUDIT_FILE_DONE,
	AUDIT_FILE_MOVED, /* another writer has ended this file: a new one is on its way to us */
	AUDIT_FILE_FAILED /* nothing was added that counts; `why` says what is wrong */
};

/* False: no memory. */
bool audit_file_start(struct audit_file *file) J11_MUST_USE;
/* Closes the file too. */
void audit_file_done(struct audit_file *file);
/* Adds a record for each of the n texts (of j11_audit_members and its like), all or none. Mends what another writer left torn. */
enum audit_file_end audit_file_append(struct audit_file *file, const struct jwk11_view *members, size_t n, char *ret_why, size_t room) J11_MUST_USE;
/* Goes on in another file, whose descriptor it takes. The first writer to do so ends the old file and begins the new one. Where the old one
 * cannot be ended, the new one is taken all the same and the chain goes on from what is known; `why` then says so, else it is empty. */
void audit_file_switch(struct audit_file *file, int fd, char *ret_why, size_t room);

/* No other file comes: the next record begins the chain anew in this one, unless somebody else did. */
void audit_file_resume(struct audit_file *file);

#endif
