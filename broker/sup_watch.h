/* SPDX-License-Identifier: Apache-2.0 */
/* Are the processes still there? Each is asked and must answer; one that does not is ended, so that another takes its place. A module that
 * hangs does not keep its worker from answering: that is what request-timeout is for. Asked only while a service manager watches us. */
#ifndef SUP_WATCH_H
#define SUP_WATCH_H

#include "sup_child.h"

struct sup_watch {
	int64_t every_ms; /* 0: nobody watches */
	int64_t next_ms;
};

/* A quarter of what the manager awaits: two questions may stay unanswered before it loses patience with us all. */
void sup_watch_start(struct sup_watch *watch, int64_t watchdog_ms);
/* At its time: asks everybody, ends who did not answer twice. True: the front has answered since the last question, so that the manager may
 * hear that all is well. */
bool sup_watch_look(struct sup_watch *watch, struct sup_children *children) J11_MUST_USE;

#endif
