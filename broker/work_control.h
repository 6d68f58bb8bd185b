/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor tells a worker. */
#ifndef WORK_CONTROL_H
#define WORK_CONTROL_H

#include "conf.h"

/* Blocks until the first configuration is there, and takes the audit file that may come before it. Before there is a second thread: what the
 * process gives up then binds them all. The supervisor's number for it goes into *ret_id. Ends the process where none comes. */
struct conf *work_control_first(uint64_t *ret_id);
/* A thread that takes messages, and ends the process at the supervisor's end of file. */
void *work_control_thread(void *unused);
/* Main thread: the latest configuration that has come since, or NULL. */
struct conf *work_control_take(uint64_t *ret_id);

#endif
