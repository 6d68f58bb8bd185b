/* SPDX-License-Identifier: Apache-2.0 */
/* clock_gettime(2). */
#include "clock.h"

#include <time.h>

static int64_t micro(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t j11_clock_us(void)
{
	return micro(CLOCK_MONOTONIC);
}

int64_t j11_clock_ms(void)
{
	return micro(CLOCK_MONOTONIC) / 1000;
}

int64_t j11_clock_wall_ms(void)
{
	return micro(CLOCK_REALTIME) / 1000;
}
