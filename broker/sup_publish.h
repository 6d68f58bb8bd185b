/* SPDX-License-Identifier: Apache-2.0 */
/* Published files ([daemon] publish-dir): `jwk11 publish` is run when what is published has changed, then the hook with the files that are new. Never two
 * at once; what fails is tried again, and none of it ever holds up anything else. */
#ifndef SUP_PUBLISH_H
#define SUP_PUBLISH_H

#include <sys/types.h>

#include "conf.h"
#include "sup_sock.h"

/* Names of files; each belongs to the list. */
struct sup_files {
	char **name;
	size_t n;
};

/* Zeroed memory with `out` and `talk` -1 is one that has nothing to do; SUP_PUBLISH_NONE. */
struct sup_publish {
	char *dir, *hook;    /* of the last run */
	bool wanted;         /* something has changed since it began */
	enum { SUP_PUBLISH_IDLE, SUP_PUBLISH_WRITING, SUP_PUBLISH_TELLING } step;
	pid_t pid;           /* of the running process; 0 */
	bool late;           /* it was killed for having taken too long */
	int out, talk;       /* memory files: its report, and what it says */
	int64_t until_ms;    /* when it is killed */
	int64_t retry_at_ms, backoff_ms; /* 0: nothing has failed */
	struct sup_files files; /* what the hook is to be told of */
	struct sup_files told;  /* what it was told of since our start, or since it is this hook: of the others nobody knows */
	char why[JWK11_TEXT_MAX]; /* of the last failure; "": the last run was good */
	bool failed;         /* in this run */
	uint64_t n_failures;
	int64_t published;   /* when a run was good, in seconds since 1970; 0: none was */
	bool news;           /* the last three have changed and the front was not told */
};
#define SUP_PUBLISH_NONE ((struct sup_publish){ .out = -1, .talk = -1 })

/* What is published may have changed, or where to. */
void sup_publish_want(struct sup_publish *p);
/* Starts what is due, ends what takes too long. */
void sup_publish_go_on(struct sup_publish *p, const struct conf *conf, const struct sup_sock *sock);
/* The next moment at which there is something to do, or INT64_MAX. */
int64_t sup_publish_next(const struct sup_publish *p);
/* True when it was its process that ended. */
bool sup_publish_ended(struct sup_publish *p, pid_t pid, int status);
/* How it goes, for the front, as one WIRE_FILES. */
void sup_publish_write(const struct sup_publish *p, struct jwk11_buf *out);
void sup_publish_done(struct sup_publish *p);

#endif
