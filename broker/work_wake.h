/* SPDX-License-Identifier: Apache-2.0 */
/* What wakes a worker's main thread: one event, whatever it is that others have for it; they keep that until it comes. */
#ifndef WORK_WAKE_H
#define WORK_WAKE_H

#include <stdbool.h>
#include <stdint.h>

/* Before there is a second thread. */
void work_wake_open(void);
/* Any thread. */
void work_wake(void);
/* Main thread: until work_wake is called, or this moment of j11_clock_ms comes (INT64_MAX: it never does). False: the event cannot be read. */
bool work_wake_wait(int64_t until_ms);

#endif
