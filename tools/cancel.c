/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as a descriptor that every wait here looks at. */
#include "cancel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

static int event = -1;

/* Nothing but one write, which is what a handler may do. */
static void note(int signal_number)
{
	const uint64_t one = 1;
	int kept = errno;

	(void)signal_number;
	if (write(event, &one, sizeof(one)) < 0)
		_exit(75); /* a counter that is full: somebody insists */
	errno = kept;
}

enum jwk11_rc cancel_begin(struct jwk11_err *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = note, .sa_flags = (int)SA_RESETHAND }, old;

	event = eventfd(0, EFD_CLOEXEC);
	if (event < 0)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "eventfd: %s", strerror(errno));
	for (size_t i = 0; i < J11_COUNT(signals); i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &act, NULL);
	return JWK11_OK;
}

int cancel_fd(void)
{
	return event;
}

bool cancel_is_due(void)
{
	struct pollfd p = { .fd = event, .events = POLLIN };

	return event >= 0 && poll(&p, 1, 0) > 0;
}

enum jwk11_rc cancel_check(struct jwk11_err *err)
{
	return cancel_is_due() ? j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_CANCELLED, "cancelled; nothing has been written") : JWK11_OK;
}

/* Until fd is readable or a signal has come. */
static void wait_for(int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = event, .events = POLLIN } };

	while (ppoll(p, 2, NULL, NULL) < 0 && errno == EINTR)
		;
}

enum jwk11_rc cancel_wait(int64_t seconds, struct jwk11_err *err)
{
	struct itimerspec when = { .it_value = { .tv_sec = seconds } };
	int fd;

	if (seconds <= 0)
		return cancel_check(err);
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (fd < 0 || timerfd_settime(fd, 0, &when, NULL) != 0) {
		int why = errno;

		if (fd >= 0)
			close(fd);
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "timerfd: %s", strerror(why));
	}
	wait_for(fd);
	close(fd);
	return cancel_check(err);
}

enum jwk11_rc cancel_wait_child(pid_t pid, bool to_the_end, int *ret_status, struct jwk11_err *err)
{
	int fd = to_the_end ? -1 : pidfd_open(pid, 0), status = 0;

	if (fd >= 0)
		wait_for(fd);
	if (!to_the_end && cancel_is_due())
		kill(pid, SIGTERM);
	if (fd >= 0)
		close(fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "waitpid: %s", strerror(errno));
	*ret_status = status;
	return to_the_end ? JWK11_OK : cancel_check(err);
}
