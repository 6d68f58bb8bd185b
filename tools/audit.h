/* SPDX-License-Identifier: Apache-2.0 */
/* What the words behind `jwk11 audit` share: the files of one chain in their order, and findings as lines. */
#ifndef AUDIT_H
#define AUDIT_H

#include "audit/audit_chain.h"
#include "cmd.h"

/* A file, as it was when it was opened. */
struct audit_log {
	const char *path;
	int fd;
	uint64_t size;
	uint64_t first; /* the number of its first record; UINT64_MAX: it begins with something else */
};
struct audit_logs {
	struct audit_log *list; /* in the order of the chain */
	size_t n;
};

/* Opens files given in any order; their names are borrowed. NOT_FOUND: the system's reason. */
enum jwk11_rc audit_open(struct audit_logs *logs, size_t n, const char *const *paths, struct jwk11_err *err) J11_MUST_USE;
void audit_close(struct audit_logs *logs);
/* All of them through a check that was started; its end is the caller's. */
enum jwk11_rc audit_read(const struct audit_logs *logs, struct j11_audit_check *check, struct jwk11_err *err) J11_MUST_USE;

enum { AUDIT_SHOWN = 100 }; /* findings that are told one by one */
/* "FILE:LINE: fault: text". */
void audit_say(FILE *out, const struct j11_audit_finding *finding);

/* The words. */
int audit_verify(const struct cmd_global *g, size_t n, const char *const *paths);
int audit_sign(const struct cmd_global *g, size_t n, const char *const *paths); /* checkpoint */
int audit_show(const struct cmd_global *g, size_t n, const char *const *paths);

#endif
