/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's run directory: its lock and its two listening sockets. */
#ifndef SUP_SOCK_H
#define SUP_SOCK_H

#include "conf.h"

/* Descriptors, -1 when closed; paths of what we made. */
struct sup_sock {
	int lock, api, public;
	char api_path[256], public_path[256], lock_path[256];
};

/* Makes the run directory when it is missing, takes the lock (BUSY names the other daemon's pid), replaces stale sockets, listens.
 * On failure everything is closed again. */
enum jwk11_rc sup_sock_open(const struct conf *conf, struct sup_sock *ret_sock, struct jwk11_err *err) J11_MUST_USE;
/* Removes the sockets and gives up the lock. */
void sup_sock_close(struct sup_sock *sock);

#endif
