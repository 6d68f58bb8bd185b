/* SPDX-License-Identifier: Apache-2.0 */
/* logfmt lines on standard error. */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { LINE_MAX_ = 2048, VALUE_MAX = 512 };

static const char *process_name = "jwk11d";
static enum log_level max_level = LOG_LEVEL_NOTICE;
static bool to_journal;

/* Does standard error lead where the service manager says that its journal reads? Then lines begin with their level, for it to keep. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char here[48];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(here, sizeof(here), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	return j11_text_equal(stream, here);
}

void log_open(const char *process, enum log_level level)
{
	process_name = process;
	max_level = level;
	to_journal = is_journal();
}

const char *log_num(char room[24], long long n)
{
	snprintf(room, 24, "%lld", n);
	return room;
}

/* Quotes when a blank, '=' or '"' is in it; control characters never get through. */
static void add_pair(struct jwk11_buf *line, const char *name, const char *value)
{
	char clean[VALUE_MAX];

	j11_text_printable(j11_view_str(value), clean, sizeof(clean));
	j11_buf_add_fmt(line, " %s=", name);
	if (clean[0] != '\0' && strpbrk(clean, " =\"") == NULL) {
		j11_buf_add_str(line, clean);
		return;
	}
	j11_buf_add_byte(line, '"');
	for (const char *p = clean; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			j11_buf_add_byte(line, '\\');
		j11_buf_add_byte(line, (unsigned char)*p);
	}
	j11_buf_add_byte(line, '"');
}

void log_event(enum log_level level, const char *event, ...)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };
	static const int levels[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
	struct jwk11_buf line = J11_BUF(LINE_MAX_);
	const char *name, *value;
	char when[21];
	va_list ap;

	if (level > max_level)
		return;
	j11_text_time((int64_t)time(NULL), when);
	if (to_journal)
		j11_buf_add_fmt(&line, "<%d>", levels[level]);
	j11_buf_add_fmt(&line, "time=%s level=%s process=%s event=%s", when, names[level], process_name, event);
	va_start(ap, event);
	while ((name = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (value != NULL)
			add_pair(&line, name, value);
	}
	va_end(ap);
	j11_buf_add_byte(&line, '\n');
	if (line.len > 0 && write(STDERR_FILENO, line.data, line.len) < 0) {
		/* nobody is left to tell */
	}
	j11_buf_done(&line);
}
