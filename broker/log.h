/* SPDX-License-Identifier: Apache-2.0 */
/* Structured log lines (logfmt) on standard error, one write per line, values escaped and capped. Never a payload, a PIN or raw input. */
#ifndef LOG_H
#define LOG_H

#include "base/attr.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `process` is "supervisor", "front" or "worker"; lines above `level` are dropped. Call once before the first
 * line. Where standard error leads to the journal (JOURNAL_STREAM), lines begin with their syslog level. */
void log_open(const char *process, enum log_level level);
/* `event` is a fixed word; then pairs of name and value strings, ended by NULL: log_event(LOG_LEVEL_NOTICE, "token-up", "token", name, NULL).
 * A NULL value drops its pair. Thread-safe. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));
/* Decimal text of a number for a value, in one of the caller's buffers. */
const char *log_num(char room[24], long long n);

#endif
