/* SPDX-License-Identifier: Apache-2.0 */
/* The audit file as the supervisor has it: opened for workers that may not open files, never read or written here. */
#ifndef SUP_AUDIT_H
#define SUP_AUDIT_H

#include "conf.h"

struct sup_audit {
	int now;      /* -1: none */
	int previous; /* the file before it, for workers that do not know how the chain goes on; -1 */
};
#define SUP_AUDIT_NONE ((struct sup_audit){ -1, -1 })

/* Opens the file that the configuration names, again if it was moved away. A failure is logged, and what was open stays. */
void sup_audit_look(struct sup_audit *audit, const struct conf *conf);
/* An open file description of its own for a worker: the lock of the file belongs to that. -1: none. */
int sup_audit_again(int fd);
void sup_audit_close(struct sup_audit *audit);

#endif
