/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets that a service manager opened for us: sd_listen_fds(3)'s convention, read by ourselves. */
#ifndef SUP_LISTEN_H
#define SUP_LISTEN_H

#include "conf.h"

enum { SUP_LISTEN_NAME = 65 };

/* -1: not handed over. */
struct sup_listen {
	int api, public;
	struct sup_listen_more {
		char name[SUP_LISTEN_NAME];
		int fd;
	} more[CONF_SOCKETS_MAX]; /* for [socket] sections */
	size_t n_more;
};

/* Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of the environment; they count only when LISTEN_PID is us. Each descriptor must be a
 * listening Unix stream socket with the name api, public, or that of a [socket] section, each name once; anything else is refused
 * (ARGUMENT, CONFIG_INVALID), because serving the wrong socket is worse than not serving. */
enum jwk11_rc sup_listen_take(struct sup_listen *ret_listen, struct jwk11_err *err) J11_MUST_USE;

#endif
