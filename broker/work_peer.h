/* SPDX-License-Identifier: Apache-2.0 */
/* The peer of a request, with the socket it came by, its systemd unit and its executable. What /proc says of a process is believed when the kernel
 * names the very process that connected (SO_PEERPIDFD, Linux 6.5) and that process lived on while it was read, so that nobody passes for it who got its
 * number later. Learnt once for each connection, known by the cookie that the kernel gives to a socket and to no other until the next boot. */
#ifndef WORK_PEER_H
#define WORK_PEER_H

#include "policy.h"
#include "wire.h"

enum { WORK_PEER_UNIT_MAX = 256, WORK_PEER_EXECUTABLE_MAX = 512 }; /* octets with the NUL; longer ones are not known */

/* A peer, and room for what it points to. */
struct work_peer {
	struct policy_peer peer;
	char unit[WORK_PEER_UNIT_MAX];
	char executable[WORK_PEER_EXECUTABLE_MAX];
};

/* False when the kernel does not say who it is. `conf` says whether executables matter; names of sockets stay its own. Any thread. */
bool work_peer_ask(int fd, const struct conf *conf, struct work_peer *ret_peer) J11_MUST_USE;
/* The answer to WHO: what is known of the peer. Nothing, when it is nobody. */
void work_peer_tell(const struct wire_msg *msg, int fd, const struct conf *conf, struct jwk11_buf *out);

#endif
