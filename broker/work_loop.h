/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker's main thread does for as long as it lives. */
#ifndef WORK_LOOP_H
#define WORK_LOOP_H

_Noreturn void work_loop(void);

#endif
