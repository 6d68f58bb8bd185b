/* SPDX-License-Identifier: Apache-2.0 */
/* PING, and who owes a PONG. */
#include "sup_watch.h"

#include "base/clock.h"
#include "log.h"

enum { PARTS = 4, PATIENCE = 2 };

void sup_watch_start(struct sup_watch *watch, int64_t watchdog_ms)
{
	watch->every_ms = watchdog_ms > 0 && watchdog_ms < PARTS ? 1 : watchdog_ms / PARTS;
	watch->next_ms = watch->every_ms > 0 ? j11_clock_ms() + watch->every_ms : INT64_MAX;
}

/* A question that was not answered is not repeated: the queue of a process that stands still would fill. */
static void ask(struct sup_child *c)
{
	if (c->pid == 0 || !c->ready)
		return;
	if (c->unanswered == 0)
		sup_child_send(c, WIRE_PING, NULL, -1);
	else if (c->unanswered >= PATIENCE)
		sup_child_doom(c, "silent");
	c->unanswered++;
}

bool sup_watch_look(struct sup_watch *watch, struct sup_children *children)
{
	const struct sup_child *front = sup_child_front(children);
	bool well;

	if (watch->every_ms == 0 || j11_clock_ms() < watch->next_ms)
		return false;
	well = front->pid != 0 && front->ready && front->unanswered == 0;
	for (size_t i = 0; i < children->n; i++)
		ask(&children->all[i]);
	watch->next_ms = j11_clock_ms() + watch->every_ms;
	return well;
}
