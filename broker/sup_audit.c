/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, and opening again by descriptor: the name may stand for another file by then. */
#include "sup_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static void failed(const struct conf *conf, const char *why)
{
	log_event(LOG_LEVEL_ERROR, "audit-file", "file", conf->audit_file, "why", why, NULL);
}

void sup_audit_look(struct sup_audit *audit, const struct conf *conf)
{
	struct stat had = { .st_ino = 0 }, st;
	int fd;

	if (conf->audit == CONF_AUDIT_OFF)
		return;
	fd = open(conf->audit_file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0 || fstat(fd, &st) != 0) {
		failed(conf, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		failed(conf, "not a regular file");
	} else if (audit->now < 0 || fstat(audit->now, &had) != 0 || had.st_dev != st.st_dev || had.st_ino != st.st_ino) {
		if (audit->previous >= 0)
			close(audit->previous);
		audit->previous = audit->now;
		audit->now = fd;
		return;
	}
	if (fd >= 0)
		close(fd);
}

int sup_audit_again(int fd)
{
	char path[48];
	int again;

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	if (again < 0)
		log_event(LOG_LEVEL_ERROR, "audit-file", "why", strerror(errno), NULL);
	return again;
}

void sup_audit_close(struct sup_audit *audit)
{
	if (audit->now >= 0)
		close(audit->now);
	if (audit->previous >= 0)
		close(audit->previous);
	*audit = SUP_AUDIT_NONE;
}
