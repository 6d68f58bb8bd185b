/* SPDX-License-Identifier: Apache-2.0 */
/* What is written in a systemd unit and its drop-ins, without asking systemd. */
#ifndef UNIT_FILES_H
#define UNIT_FILES_H

#include "base/buf.h"

/* The unit's text and that of its drop-ins, in the order in which systemd reads them. False: it is not installed. */
bool unit_files_read(const char *unit, struct jwk11_buf *ret_text) J11_MUST_USE;
/* The value of the last line NAME=VALUE of such a text; data NULL: there is none. `name` with its "=". Pure. */
struct jwk11_view unit_files_last(struct jwk11_view text, const char *name);
/* Is there a line NAME=VALUE whose value begins with `start`? 1 yes, 0 no, -1 the unit is not installed. */
int unit_files_say(const char *unit, const char *name, const char *start);

#endif
