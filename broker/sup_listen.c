/* SPDX-License-Identifier: Apache-2.0 */
/* LISTEN_FDS and its companions. */
#include "sup_listen.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

enum { FIRST = 3, MOST = 64 };

static enum jwk11_rc refuse(int fd, const char *name, const char *why, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_CONFIG_INVALID, "descriptor %d, handed over as \"%s\", %s", fd, name, why);
	j11_err_hint(err, "jwk11d.socket: ListenStream= and FileDescriptorName=api; jwk11d-public.socket: FileDescriptorName=public");
	return JWK11_ERR_ARGUMENT;
}

static bool option_is(int fd, int option, int wanted)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

/* By name; NULL when there is no room for another, or it is no name. */
static int *place_of(const char *name, struct sup_listen *l)
{
	struct sup_listen_more *more;

	if (j11_text_equal(name, CONF_API))
		return &l->api;
	if (j11_text_equal(name, "public"))
		return &l->public;
	for (size_t i = 0; i < l->n_more; i++)
		if (j11_text_equal(l->more[i].name, name))
			return &l->more[i].fd;
	if (l->n_more == J11_COUNT(l->more) || name[0] == '\0' || strlen(name) >= sizeof(l->more[0].name))
		return NULL;
	more = &l->more[l->n_more++];
	*more = (struct sup_listen_more){ .fd = -1 };
	memcpy(more->name, name, strlen(name) + 1);
	return &more->fd;
}

static enum jwk11_rc take_one(int fd, const char *name, struct sup_listen *l, struct jwk11_err *err)
{
	int *place = place_of(name, l);

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return refuse(fd, name, "is not open", err);
	if (place == NULL)
		return refuse(fd, name, "is one too many, or has no name that a [socket] section can have", err);
	if (*place >= 0)
		return refuse(fd, name, "is the second of that name", err);
	if (!option_is(fd, SO_DOMAIN, AF_UNIX) || !option_is(fd, SO_TYPE, SOCK_STREAM))
		return refuse(fd, name, "is not a Unix stream socket", err);
	if (!option_is(fd, SO_ACCEPTCONN, 1))
		return refuse(fd, name, "does not listen", err);
	*place = fd;
	return JWK11_OK;
}

/* The next of the names between colons. */
static const char *next_name(const char **rest, char *room, size_t room_len)
{
	size_t len = *rest ? strcspn(*rest, ":") : 0;

	snprintf(room, room_len, "%.*s", (int)len, *rest ? *rest : "");
	*rest = *rest && (*rest)[len] == ':' ? *rest + len + 1 : NULL;
	return room;
}

static enum jwk11_rc take_all(uint64_t n, const char *names, struct sup_listen *ret_listen, struct jwk11_err *err)
{
	struct sup_listen l = { .api = -1, .public = -1 };
	enum jwk11_rc rc = JWK11_OK;
	char room[256];

	for (uint64_t i = 0; rc == JWK11_OK && i < n; i++)
		rc = take_one(FIRST + (int)i, next_name(&names, room, sizeof(room)), &l, err);
	if (rc == JWK11_OK)
		*ret_listen = l;
	return rc;
}

enum jwk11_rc sup_listen_take(struct sup_listen *ret_listen, struct jwk11_err *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	uint64_t whom = 0, n = 0;
	enum jwk11_rc rc = JWK11_OK;

	*ret_listen = (struct sup_listen){ .api = -1, .public = -1 };
	if (pid != NULL && fds != NULL && j11_text_to_u64(j11_view_str(pid), INT32_MAX, &whom) && whom == (uint64_t)getpid()) {
		if (j11_text_to_u64(j11_view_str(fds), MOST, &n))
			rc = take_all(n, names, ret_listen, err);
		else
			rc = j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_CONFIG_INVALID, "LISTEN_FDS=%s is not a number of descriptors", fds);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return rc;
}
