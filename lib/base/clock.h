/* SPDX-License-Identifier: Apache-2.0 */
/* The time as one number. Any thread; never fails (clock_gettime(2) does not, for these clocks). */
#ifndef J11_CLOCK_H
#define J11_CLOCK_H

#include <stdint.h>

/* Since some moment before: never goes back. Milliseconds, microseconds. */
int64_t j11_clock_ms(void);
int64_t j11_clock_us(void);
/* Since 1970, as the machine believes. Milliseconds. */
int64_t j11_clock_wall_ms(void);

#endif
