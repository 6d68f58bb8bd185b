/* SPDX-License-Identifier: Apache-2.0 */
/* The systemd unit in the text of /proc/PID/cgroup. Pure. */
#ifndef WORK_UNIT_H
#define WORK_UNIT_H

#include "base/attr.h"
#include "base/buf.h"

/* The first element of the path that is no slice, as systemd itself takes it: whatever groups a unit, or a user in user@UID.service, makes below its own
 * do not change it. The hierarchy named systemd counts, else the unified one. False when there is none, it is longer than room - 1, it is no unit,
 * or the path leads out of what this process can see. */
bool work_unit_of(struct jwk11_view cgroup, char *ret_unit, size_t room) J11_MUST_USE;

#endif
