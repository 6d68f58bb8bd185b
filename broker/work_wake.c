/* SPDX-License-Identifier: Apache-2.0 */
/* An eventfd. */
#include "work_wake.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "log.h"

static int event = -1;

void work_wake_open(void)
{
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void work_wake(void)
{
	uint64_t one = 1;

	if (write(event, &one, sizeof(one)) < 0)
		log_event(LOG_LEVEL_WARNING, "wake-failed", "why", strerror(errno), NULL);
}

bool work_wake_wait(int64_t until_ms)
{
	struct pollfd fd = { .fd = event, .events = POLLIN };
	int64_t left = until_ms - j11_clock_ms();
	int n = poll(&fd, 1, until_ms == INT64_MAX ? -1 : left > 0 ? (int)left : 0);
	uint64_t count;

	return n <= 0 || read(event, &count, sizeof(count)) >= 0 || errno == EAGAIN;
}
