/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a connected Unix socket: what the kernel kept when it was connected (SO_PEERCRED, SO_PEERGROUPS). */
#ifndef PEER_H
#define PEER_H

#include "policy.h"

/* False when the kernel does not know or the peer has more than POLICY_MAX_GROUPS groups. Socket, unit and executable are left unknown. */
bool peer_ask(int fd, struct policy_peer *ret_peer) J11_MUST_USE;
/* The user alone; false when the kernel does not know. */
bool peer_ask_uid(int fd, uid_t *ret_uid) J11_MUST_USE;

enum { PEER_ADDRESS_MAX = 128 };
struct sockaddr_un;
/* The address of a Unix socket as text, "@…" for an abstract one; what a configuration cannot hold (control characters, blanks at its ends, invalid
 * UTF-8) has none: false. */
bool peer_address(const struct sockaddr_un *addr, size_t len, char ret_text[PEER_ADDRESS_MAX]) J11_MUST_USE;
/* The same of a socket that is bound, or was accepted by one that is. */
bool peer_address_of(int fd, char ret_text[PEER_ADDRESS_MAX]) J11_MUST_USE;

#endif
