/* SPDX-License-Identifier: Apache-2.0 */
/* What there may be once only: the locks of run and state directory, and the listening sockets, made here or handed over. */
#ifndef SUP_SOCK_H
#define SUP_SOCK_H

#include "conf.h"
#include "sup_listen.h"

/* One listening socket. */
struct sup_sock_end {
	int fd;         /* -1: closed */
	bool ours;      /* its file was made here, and goes with us */
	char path[256]; /* for people when it is not ours */
};
struct sup_sock {
	int state_lock; /* two daemons would each send a PIN that one of them had seen refused */
	int run_lock;   /* for the sockets' files; -1 when both sockets were handed over */
	struct sup_sock_end api, public;
	struct sup_sock_end kubernetes; /* closed without a [kubernetes] section at the start */
	struct sup_sock_end more[CONF_SOCKETS_MAX]; /* of the [socket] sections that were there at the start */
	const char *names[CONF_SOCKETS_MAX]; /* their sections, which belong to the configuration that they were opened by */
	size_t n_more;
};

/* Takes the locks (BUSY names the other daemon's pid); with the run directory's held, socket files that are there already are stale and
 * replaced. Makes the directories when they are missing. A socket in `given` is used as it is and belongs to ret_sock then. On failure
 * everything made here is closed and removed again. */
enum jwk11_rc sup_sock_open(const struct conf *conf, const struct sup_listen *given, struct sup_sock *ret_sock, struct jwk11_err *err)
	J11_MUST_USE;
/* Writes into the configuration what the kernel calls these sockets. A section that came later has none: its socket is opened at the next start. */
enum jwk11_rc sup_sock_note(const struct sup_sock *sock, struct conf *conf, struct jwk11_err *err) J11_MUST_USE;
/* Removes the sockets made here and gives up the locks. */
void sup_sock_close(struct sup_sock *sock);

#endif
