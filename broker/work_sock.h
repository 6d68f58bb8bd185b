/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's two sockets. */
#ifndef WORK_SOCK_H
#define WORK_SOCK_H

#include "wire.h"

enum { WORK_SOCK_CONTROL = 3, WORK_SOCK_FRONT = 4 }; /* descriptors: to the supervisor, to the front */

/* A message without fields to the supervisor. Any thread. */
void work_sock_tell(enum wire_type type, uint64_t id);

#endif
