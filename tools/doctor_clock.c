/* SPDX-License-Identifier: Apache-2.0 */
/* The clock, by which tokens expire and versions follow each other. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#include "base/text.h"
#include "doctor.h"

#define EARLIEST 1735689600 /* 2025-01-01: before this was written */
#define LATEST 4102444800 /* 2100-01-01 */

/* The file that was changed last, and what is later than now by more than clocks may differ. */
static const char *find_later(const struct doctor *d, int64_t now, int64_t *ret_by)
{
	const char *files[] = { d->g->config, d->conf != NULL ? d->conf->state_dir : NULL, d->conf != NULL ? d->conf->audit_file : NULL };
	const char *found = NULL;
	struct stat st;

	*ret_by = CONF_SKEW;
	for (size_t i = 0; i < J11_COUNT(files); i++) {
		if (files[i] == NULL || stat(files[i], &st) != 0 || st.st_mtime - now <= *ret_by)
			continue;
		*ret_by = st.st_mtime - now;
		found = files[i];
	}
	return found;
}

void doctor_clock(struct doctor *d)
{
	static const char set[] = "set it: chronyd, systemd-timesyncd or date";
	struct timex state = { .modes = 0 };
	int64_t now = time(NULL), by;
	const char *later = find_later(d, now, &by);
	char text[21];
	int sync = adjtimex(&state);

	if (now >= EARLIEST && now < LATEST)
		j11_text_time(now, text);
	if (now < EARLIEST || now >= LATEST)
		doctor_say(d, DOCTOR_CLOCK_IMPLAUSIBLE, "", set, "says a moment before 2025 or after 2099 (%" PRId64 " s since 1970): tokens get wrong times", now);
	else if (later != NULL)
		doctor_say(d, DOCTOR_CLOCK_BEHIND, "", set, "says %s, but %s was changed %" PRId64 " s later than that: it was set back, or is wrong", text, later, by);
	else if (sync < 0)
		doctor_say(d, DOCTOR_CLOCK_OK, "", NULL, "plausible; whether it is kept in time the kernel does not tell (%s)", strerror(errno));
	else if (sync == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
		doctor_say(d, DOCTOR_CLOCK_UNSYNCED, "", "install chrony or systemd-timesyncd; in a container the host keeps it", "plausible, but nothing keeps it in time (STA_UNSYNC)");
	else
		doctor_say(d, DOCTOR_CLOCK_OK, "", NULL, "kept in time");
}
