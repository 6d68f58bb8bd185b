/* SPDX-License-Identifier: Apache-2.0 */
/* What a process of the daemon gives up before it reads its first untrusted byte. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

/* No core dumps, not traceable, no new privileges through exec. */
void sandbox_early(void);
/* The front's seccomp allow-list: serve the descriptors it has, open nothing, execute nothing, connect nowhere; anything else ends the
 * process. False when the filter cannot be loaded. */
bool sandbox_front(void);

#endif
