/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd on CLOCK_REALTIME: a token's exp is a time of that clock, which goes on while the machine sleeps. */
#include "wake.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/err.h"

enum jwk11_rc wake_open(struct wake *ret_wake, struct jwk11_err *err)
{
	struct wake wake = { -1, -1 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		wake.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (wake.signals >= 0)
		wake.timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (wake.timer < 0) {
		j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no timer and no signals: %s", strerror(errno));
		wake_close(&wake);
		return JWK11_ERR_INTERNAL;
	}
	*ret_wake = wake;
	return JWK11_OK;
}

/* WAKE_FAILED with EAGAIN: none is there. Whoever shall end ends, whatever else was sent. */
static enum wake_why take_signal(const struct wake *wake)
{
	struct signalfd_siginfo info;
	enum wake_why why = WAKE_FAILED;

	while (why != WAKE_END && read(wake->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		why = info.ssi_signo == SIGHUP ? WAKE_HANGUP : WAKE_END;
	return why;
}

static enum wake_why take_timer(const struct wake *wake)
{
	uint64_t times;

	if (read(wake->timer, &times, sizeof(times)) == (ssize_t)sizeof(times))
		return WAKE_DUE;
	return errno == ECANCELED ? WAKE_CLOCK_SET : WAKE_FAILED;
}

enum wake_why wake_wait(struct wake *wake, int64_t moment)
{
	struct itimerspec at = { .it_value = { .tv_sec = moment > 0 ? (time_t)moment : 1 } };
	struct pollfd fds[] = { { .fd = wake->signals, .events = POLLIN }, { .fd = wake->timer, .events = POLLIN } };
	enum wake_why why = WAKE_FAILED;

	/* ECANCELED: the clock was set since the timer was; it is set anew all the same. */
	if (timerfd_settime(wake->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) != 0 && errno != ECANCELED)
		return WAKE_FAILED;
	while (why == WAKE_FAILED) {
		if (poll(fds, J11_COUNT(fds), -1) < 0 && errno != EINTR)
			return WAKE_FAILED;
		why = take_signal(wake);
		if (why == WAKE_FAILED)
			why = take_timer(wake);
		if (why == WAKE_FAILED && errno != EAGAIN)
			return WAKE_FAILED;
	}
	return why;
}

void wake_close(struct wake *wake)
{
	if (wake->signals >= 0)
		close(wake->signals);
	if (wake->timer >= 0)
		close(wake->timer);
	*wake = (struct wake){ -1, -1 };
}
