/* SPDX-License-Identifier: Apache-2.0 */
/* Two questions to the kernel. */
#include "peer.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

bool peer_ask(int fd, struct policy_peer *ret_peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred), groups_len = sizeof(ret_peer->groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret_peer->groups, &groups_len) != 0)
		return false;
	ret_peer->uid = cred.uid;
	ret_peer->gid = cred.gid;
	ret_peer->pid = cred.pid;
	ret_peer->n_groups = groups_len / sizeof(gid_t);
	ret_peer->socket = ret_peer->unit = ret_peer->executable = NULL;
	return true;
}

bool peer_ask_uid(int fd, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred))
		return false;
	*ret_uid = cred.uid;
	return true;
}

bool peer_address(const struct sockaddr_un *addr, size_t len, char ret_text[PEER_ADDRESS_MAX])
{
	size_t n = len > offsetof(struct sockaddr_un, sun_path) ? len - offsetof(struct sockaddr_un, sun_path) : 0;
	bool abstract = n > 0 && addr->sun_path[0] == '\0';
	struct jwk11_view text = { .data = ret_text };

	if (!abstract)
		n = strnlen(addr->sun_path, n);
	text.len = (size_t)snprintf(ret_text, PEER_ADDRESS_MAX, "%s%.*s", abstract ? "@" : "", (int)n - abstract, addr->sun_path + abstract);
	if (n == 0 || text.len != n || !j11_text_is_utf8(text) || ret_text[0] == ' ' || ret_text[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)ret_text[i] < ' ')
			return false;
	return true;
}

bool peer_address_of(int fd, char ret_text[PEER_ADDRESS_MAX])
{
	struct sockaddr_un addr = { 0 };
	socklen_t len = sizeof(addr);

	return getsockname(fd, (struct sockaddr *)&addr, &len) == 0 && peer_address(&addr, len, ret_text);
}
