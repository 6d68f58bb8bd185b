/* SPDX-License-Identifier: Apache-2.0 */
/* Linked into a program with --wrap=timerfd_create, timerfd_settime and read: where the pipes `ring` and `armed` lie beside the program, they are its timer.
 * Each setting writes the moment to `armed`, as 8 octets; each 8 octets read from `ring` are a ring, or when they are -1 a clock that was set. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

int __real_timerfd_create(int clock, int flags);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *now, struct itimerspec *was);
ssize_t __real_read(int fd, void *data, size_t len);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *now, struct itimerspec *was);
ssize_t __wrap_read(int fd, void *data, size_t len);

static int ring = -1, armed = -1;

static int open_beside(const char *name)
{
	char path[4352] = "";
	ssize_t n = readlink("/proc/self/exe", path, 4000);
	char *slash = n > 0 ? strrchr(path, '/') : NULL;

	if (slash == NULL)
		return -1;
	snprintf(slash, 32, "/%s", name);
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

int __wrap_timerfd_create(int clock, int flags)
{
	ring = open_beside("ring");
	armed = open_beside("armed");
	return ring >= 0 && armed >= 0 ? ring : __real_timerfd_create(clock, flags);
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *now, struct itimerspec *was)
{
	int64_t moment = now->it_value.tv_sec;

	if (fd != ring || armed < 0)
		return __real_timerfd_settime(fd, flags, now, was);
	if ((flags & (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) != (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) {
		errno = EINVAL;
		return -1;
	}
	return write(armed, &moment, sizeof(moment)) == (ssize_t)sizeof(moment) ? 0 : -1;
}

ssize_t __wrap_read(int fd, void *data, size_t len)
{
	ssize_t n = __real_read(fd, data, len);

	if (fd == ring && armed >= 0 && n == 8 && *(int64_t *)data == -1) {
		errno = ECANCELED;
		return -1;
	}
	return n;
}
