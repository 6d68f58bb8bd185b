/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes. A route's handler fills a reply or a message for a worker; the connection does all I/O. */
#ifndef FRONT_ROUTE_H
#define FRONT_ROUTE_H

#include "front.h"

/* Octets of body that this request may have: framing, so it is asked before anything else. */
size_t front_route_body_limit(const struct front *front, enum front_socket socket, const struct http_request *http);
/* Does the body of this request hold a secret, which must not stay in any buffer? */
bool front_route_is_secret(enum front_socket socket, const struct http_request *http);
/* What can be said from the head alone. True: go on. False: the reply is a refusal. */
bool front_route_check(struct front_request *q) J11_MUST_USE;
/* The same checks, then the handler. The body is complete. */
enum front_outcome front_route(struct front_request *q);

#endif
