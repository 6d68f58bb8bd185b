/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, descriptors, configuration. */
#include "start.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "log.h"

#define CONF_MAX (64u * 1024u * 1024u) /* octets of configuration text */

/* The text in a memory file. */
static enum jwk11_rc read_text(int fd, struct jwk11_buf *buf, struct jwk11_err *err)
{
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	size_t size, at = 0;
	char *place;

	if (end < 0 || (uint64_t)end > CONF_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_CONFIG_INVALID, "CONFIG came without a usable file");
	size = (size_t)end;
	place = j11_buf_grow(buf, size);
	if (place == NULL)
		return j11_err_memory(err);
	while (at < size) {
		ssize_t n = pread(fd, place + at, size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_FILE_FAILED, "the configuration cannot be read");
		at += (size_t)n;
	}
	return JWK11_OK;
}

enum jwk11_rc start_read_conf(int fd, struct conf **ret_conf, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(CONF_MAX);
	enum jwk11_rc rc = read_text(fd, &text, err);

	return rc == JWK11_OK ? conf_parse(j11_buf_view(&text), "configuration", ret_conf, err) : rc;
}

/* Signals of a terminal or a service manager reach the whole group; when this process ends is for the supervisor to say. */
void start_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < J11_COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* A connection is a descriptor. */
void start_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_event(LOG_LEVEL_WARNING, "descriptors", "reason", "the limit could not be raised", NULL);
}
