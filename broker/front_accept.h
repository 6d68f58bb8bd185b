/* SPDX-License-Identifier: Apache-2.0 */
/* The two listening sockets of the front. */
#ifndef FRONT_ACCEPT_H
#define FRONT_ACCEPT_H

#include "front_conn.h"

struct front_accept;

/* Watches the sockets, which it takes. max_connections holds for each of them alone: a crowd at the public socket must not keep signers
 * out. NULL: no memory, or they cannot be watched. */
struct front_accept *front_accept_new(struct front_conns *conns, int api_fd, int public_fd);
/* Takes what has already connected, then closes the sockets. */
void front_accept_stop(struct front_accept *accept);
void front_accept_free(struct front_accept *accept);

#endif
