/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets of the front. */
#ifndef FRONT_ACCEPT_H
#define FRONT_ACCEPT_H

#include "front_conn.h"

struct front_accept;

struct front_listen {
	int fd;
	enum front_socket socket; /* what can be asked there */
	const char *name;         /* as policy calls it; borrowed */
};
/* Watches the sockets, which it takes. max_connections holds for public.sock alone and for the others together: a crowd at the public socket must
 * not keep signers out. NULL: no memory, or they cannot be watched. */
struct front_accept *front_accept_new(struct front_conns *conns, const struct front_listen *from, size_t n);
/* Takes what has already connected, then closes the sockets. */
void front_accept_stop(struct front_accept *accept);
void front_accept_free(struct front_accept *accept);

#endif
