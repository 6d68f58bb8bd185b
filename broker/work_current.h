/* SPDX-License-Identifier: Apache-2.0 */
/* The view in force: made, put in the place of the one before, told to supervisor and front. The main thread makes it, others have it by reference. */
#ifndef WORK_CURRENT_H
#define WORK_CURRENT_H

#include "work_view.h"

/* Whose views these are; for good. */
struct work_place {
	const char *module;
	unsigned index; /* the first worker of a module, 0, speaks for all of them */
	struct jwk11_context *ctx;
};

/* Any thread. */
struct work_view *work_current_ref(void);

/* Main thread, all that follow. `place` is borrowed for good. */
void work_current_begin(const struct work_place *place);
const struct work_place *work_current_place(void);
/* Until the next change. NULL: there was no memory for the first one. */
struct work_view *work_current(void);
/* Everything anew, by this configuration (taken) or, NULL, by the one in force. */
void work_current_renew(struct conf *conf);
/* For new versions, and those that are no more, on tokens that stay open. */
void work_current_rescan(void);
/* The states of its tokens, to the supervisor. */
void work_current_tell_states(void);
/* All of it, to the front. Only after READY: before it nobody reads the other end, and a long catalogue would wait. */
void work_current_announce(void);

#endif
