/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's view, as the messages of a catalogue; and its numbers. */
#ifndef WORK_TELL_H
#define WORK_TELL_H

#include "work_view.h"

/* Tells the front everything, over the work socket. */
void work_tell(const struct work_view *view, const char *module, unsigned index, int sock);
/* The states of the tokens alone, for the supervisor. */
void work_tell_states(const struct work_view *view, int sock);
/* The numbers of tally.h, for the front, when one has changed. Any thread. */
void work_tell_tally(int sock);

#endif
