/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to NOTIFY_SOCKET. */
#include "sup_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "log.h"

enum { STATUS_MAX = 512, PATIENCE_S = 5 };

/* A path, or the name of an abstract socket behind an @. */
static int open_socket(const char *address)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	size_t len = strlen(address);
	int sock;

	if ((address[0] != '/' && address[0] != '@') || len < 2 || len >= sizeof(addr.sun_path)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(addr.sun_path, address, len);
	if (address[0] == '@')
		addr.sun_path[0] = '\0';
	else
		len++;
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock >= 0 && (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
		connect(sock, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)) {
		int why = errno;

		close(sock);
		errno = why;
		return -1;
	}
	return sock;
}

static int64_t watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us = 0, whom = 0;

	if (usec == NULL || !j11_text_to_u64(j11_view_str(usec), INT64_MAX, &us))
		return 0;
	if (pid != NULL && (!j11_text_to_u64(j11_view_str(pid), INT32_MAX, &whom) || whom != (uint64_t)getpid()))
		return 0;
	return (int64_t)(us / 1000);
}

void sup_notify_open(struct sup_notify *ret_notify)
{
	const char *address = getenv("NOTIFY_SOCKET");

	*ret_notify = (struct sup_notify){ .sock = -1, .status = J11_BUF(STATUS_MAX) };
	if (address != NULL)
		ret_notify->sock = open_socket(address);
	if (address != NULL && ret_notify->sock < 0)
		log_event(LOG_LEVEL_WARNING, "notify-failed", "address", address, "why", strerror(errno), NULL);
	if (ret_notify->sock >= 0)
		ret_notify->watchdog_ms = watchdog();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void sup_notify_close(struct sup_notify *notify)
{
	if (notify->sock >= 0)
		close(notify->sock);
	notify->sock = -1;
	j11_buf_done(&notify->status);
}

/* With MSG_DONTWAIT: a manager that is busy may miss it, and we do not stand still for it. */
static bool tell(struct sup_notify *notify, const char *text, int flags)
{
	if (notify->sock < 0 || send(notify->sock, text, strlen(text), flags | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EAGAIN || flags == 0)
		log_event(LOG_LEVEL_WARNING, "notify-failed", "why", strerror(errno), NULL);
	return false;
}

void sup_notify_ready(struct sup_notify *notify)
{
	(void)tell(notify, "READY=1", 0);
}

void sup_notify_reloading(struct sup_notify *notify)
{
	char text[64];
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)t.tv_sec * 1000000 + (unsigned long long)t.tv_nsec / 1000);
	(void)tell(notify, text, 0);
}

void sup_notify_stopping(struct sup_notify *notify)
{
	(void)tell(notify, "STOPPING=1", 0);
}

void sup_notify_watchdog(struct sup_notify *notify)
{
	(void)tell(notify, "WATCHDOG=1", MSG_DONTWAIT);
}

void sup_notify_status(struct sup_notify *notify, const char *text)
{
	char clean[STATUS_MAX / 2], line[STATUS_MAX];

	j11_text_printable(j11_view_str(text), clean, sizeof(clean));
	if (notify->sock < 0 || j11_view_equals(j11_buf_view(&notify->status), clean))
		return;
	jwk11_buf_reset(&notify->status);
	snprintf(line, sizeof(line), "STATUS=%s", clean);
	if (tell(notify, line, MSG_DONTWAIT))
		j11_buf_add_str(&notify->status, clean);
}
