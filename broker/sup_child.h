/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's table of processes: one front, then every worker of every module, then the one for Kubernetes if it is wanted. Starting, messages to them, whose turn it is to log in,
 * when to try again. Nothing here waits. */
#ifndef SUP_CHILD_H
#define SUP_CHILD_H

#include <sys/types.h>

#include "sup_conf.h"
#include "wire.h"

enum sup_kind { SUP_FRONT, SUP_WORKER, SUP_GRPC };
/* A process, running or waiting for its start. */
struct sup_child {
	enum sup_kind kind;
	const char *module;  /* worker; belongs to the first configuration. NULL */
	unsigned index;
	pid_t pid;           /* 0: not running */
	int control;         /* our end; -1 */
	int work;            /* the front's end of the work pair until it was passed; -1 */
	bool audited;        /* has been given the audit file */
	bool ready;          /* said READY since its start */
	bool logging_in;     /* between GO and DONE: never killed */
	bool wants_login;
	bool looked;         /* has been READY, or has ended, once since the daemon's start */
	const char *doom;    /* why it is to be ended, as soon as it is not logging in; NULL */
	uint64_t generation; /* of the configuration that it works by */
	unsigned unanswered; /* looks since it was last asked something it has not answered */
	int64_t started_ms, start_at_ms, backoff_ms;
};

/* all[0] is the front. */
struct sup_children {
	struct sup_child *all;
	size_t n;
};

/* Fills the table: nothing is started. */
enum jwk11_rc sup_child_plan(const struct conf *conf, struct sup_children *ret_children, struct jwk11_err *err) J11_MUST_USE;
void sup_child_close_all(struct sup_children *children);

static inline struct sup_child *sup_child_front(const struct sup_children *children)
{
	return &children->all[0];
}
/* Is it a worker of this module; of any, with NULL? */
bool sup_child_is_worker(const struct sup_child *c, const char *module);
/* "jwk11d-front", "jwk11d-worker" or "jwk11d-grpc". */
const char *sup_child_program(const struct sup_child *c);
/* The running process with this pid, or NULL. */
struct sup_child *sup_child_find(const struct sup_children *children, pid_t pid);

/* Starts whoever is due, with this configuration and these listening sockets. */
void sup_child_start_due(struct sup_children *children, const struct sup_conf *conf, const struct sup_sock *sock);
/* The next moment at which somebody is due, or INT64_MAX. */
int64_t sup_child_next_start(const struct sup_children *children, int64_t now);
/* It ended: its successor gets a moment to start at. */
void sup_child_ended(struct sup_children *children, struct sup_child *c, int status, bool draining);

/* The configuration in force. */
void sup_child_configure(struct sup_child *c, const struct sup_conf *conf);
/* What an operator has said about a token of its module. */
void sup_child_tell_login(struct sup_child *c, const struct sup_login *login);
/* One message, with a descriptor or -1; MODULE and INDEX of `about` when it is not NULL. A failure is logged: the process is ending. */
void sup_child_send(struct sup_child *c, enum wire_type type, const struct sup_child *about, int fd);
/* The front gets a worker's socket once, when both are ready; front and grpc get a new socket to each other when one of them is ready anew. */
void sup_child_introduce(struct sup_children *children, struct sup_child *c);
/* One login at a time in the whole daemon, so that parallel starts never multiply a bad PIN. */
void sup_child_grant_login(struct sup_children *children);
/* Ends a process for the reason given ("late", "silent"), now or when its login is over. */
void sup_child_doom(struct sup_child *c, const char *why);
/* It is not logging in any more. */
void sup_child_login_done(struct sup_children *children, struct sup_child *c);

#endif
