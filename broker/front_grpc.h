/* SPDX-License-Identifier: Apache-2.0 */
/* The front's side of jwk11d-grpc: its requests become calls like those of connections, and it is told what FetchKeys answers. */
#ifndef FRONT_GRPC_H
#define FRONT_GRPC_H

#include "front.h"

struct front_grpc;

/* `gone` is called when a socket to jwk11d-grpc has ended. NULL: no memory. */
struct front_grpc *front_grpc_new(struct front *front, void (*gone)(void *arg), void *arg);
void front_grpc_free(struct front_grpc *grpc);
/* Takes fd; what was under way by the socket before is left. */
void front_grpc_join(struct front_grpc *grpc, int fd);
/* Is jwk11d-grpc there? */
bool front_grpc_is_joined(const struct front_grpc *grpc);
/* Sets, keys or their states have changed, or somebody has looked at tokens: works out anew what is published and tells it when it is not the same. */
void front_grpc_refresh(struct front_grpc *grpc);
/* A worker has looked at its tokens. */
void front_grpc_looked(struct front_grpc *grpc);

#endif
