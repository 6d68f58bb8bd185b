/* SPDX-License-Identifier: Apache-2.0 */
/* What the front has refused by policy, without asking a worker: it becomes a record of the audit log here. */
#ifndef WORK_NOTE_H
#define WORK_NOTE_H

#include "wire.h"
#include "work_view.h"

/* Writes the record of a REFUSED. Whose request it was the kernel tells, by the client's descriptor. */
void work_note_write(const struct conf *conf, const struct wire_msg *msg, int client_fd);

#endif
