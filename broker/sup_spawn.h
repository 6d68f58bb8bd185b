/* SPDX-License-Identifier: Apache-2.0 */
/* Starting front and worker processes: fork and exec with exactly the descriptors PROTOCOL.md names. */
#ifndef SUP_SPAWN_H
#define SUP_SPAWN_H

#include <sys/types.h>

#include "conf.h"

enum { SUP_MAX_FDS = 3 + CONF_SOCKETS_MAX };

/* One process to start. `fds` become 3, 4, 5 … in the child; `argv` ends with NULL, argv[0] is the program's file name. */
struct sup_program {
	const char *argv[4 + CONF_SOCKETS_MAX];
	int fds[SUP_MAX_FDS];
	unsigned n_fds;
	const char **environment; /* NAME=VALUE lines to add; NULL: none */
	const char **args;        /* in place of argv where that is too small; args[0] may be an absolute path */
	int out, talk;            /* descriptors for standard output and error; 0: both are our standard error */
	bool group;               /* a process group of its own, so that what it starts can be ended with it */
	bool (*confine)(void *arg, const char *path); /* called in the child before it becomes the program at `path`; false: it does not */
	void *arg;
};

/* Finds the program beside our own, else in the installation's private folder or that of its tools. The child ends with us. */
enum jwk11_rc sup_spawn(const struct sup_program *program, pid_t *ret_pid, struct jwk11_err *err) J11_MUST_USE;

#endif
