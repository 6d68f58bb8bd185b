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
};

/* Finds the program beside our own, else in the installation's private folder. The child ends with us. */
enum jwk11_rc sup_spawn(const struct sup_program *program, pid_t *ret_pid, struct jwk11_err *err) J11_MUST_USE;

#endif
