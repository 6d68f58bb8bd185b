/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an audit log, however many there are, as one chain. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "base/err.h"
#include "base/mem.h"

enum { PIECE = 65536 };

static enum jwk11_rc failed(const char *path, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "%s: %s", path, strerror(errno));
}

/* Its size at a moment when nobody is writing: what is added later is not looked at. */
static enum jwk11_rc open_log(const char *path, struct audit_log *log, struct jwk11_err *err)
{
	char line[J11_AUDIT_LINE_MAX];
	struct j11_audit_line record;
	struct stat st;
	const char *newline;
	ssize_t n;

	*log = (struct audit_log){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC), .first = UINT64_MAX };
	if (log->fd < 0)
		return failed(path, err);
	if (flock(log->fd, LOCK_SH) != 0 || fstat(log->fd, &st) != 0 || flock(log->fd, LOCK_UN) != 0 || (n = pread(log->fd, line, sizeof(line), 0)) < 0)
		return failed(path, err);
	log->size = (uint64_t)st.st_size;
	newline = memchr(line, '\n', (size_t)n);
	if (j11_audit_parse((struct jwk11_view){ line, newline ? (size_t)(newline - line) : (size_t)n }, &record))
		log->first = record.head.seq;
	return JWK11_OK;
}

/* Files that tell nothing of themselves stay behind the others, in the order given. */
static void sort_logs(struct audit_logs *logs)
{
	struct audit_log *list = logs->list;

	for (size_t i = 1; i < logs->n; i++)
		for (size_t j = i; j > 0 && list[j].first < list[j - 1].first; j--) {
			struct audit_log other = list[j];

			list[j] = list[j - 1];
			list[j - 1] = other;
		}
}

enum jwk11_rc audit_open(struct audit_logs *logs, size_t n, const char *const *paths, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	*logs = (struct audit_logs){ .list = j11_mem_new_array(n, sizeof(*logs->list)) };
	if (logs->list == NULL)
		return j11_err_memory(err);
	while (rc == JWK11_OK && logs->n < n) {
		rc = open_log(paths[logs->n], &logs->list[logs->n], err);
		logs->n++;
	}
	sort_logs(logs);
	return rc;
}

void audit_close(struct audit_logs *logs)
{
	for (size_t i = 0; i < logs->n; i++)
		if (logs->list[i].fd >= 0)
			close(logs->list[i].fd);
	j11_mem_free(logs->list);
	*logs = (struct audit_logs){ .list = NULL };
}

static enum jwk11_rc read_log(const struct audit_log *log, struct j11_audit_check *check, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) char *room = j11_mem_new(PIECE);

	if (room == NULL)
		return j11_err_memory(err);
	j11_audit_check_file(check, log->path);
	for (uint64_t at = 0; at < log->size;) {
		size_t wanted = log->size - at < PIECE ? (size_t)(log->size - at) : PIECE;
		ssize_t n = pread(log->fd, room, wanted, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(log->path, err);
		if (n == 0)
			break;
		j11_audit_check_octets(check, (struct jwk11_view){ room, (size_t)n });
		at += (uint64_t)n;
	}
	j11_audit_check_file_end(check);
	return JWK11_OK;
}

enum jwk11_rc audit_read(const struct audit_logs *logs, struct j11_audit_check *check, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; rc == JWK11_OK && i < logs->n; i++)
		rc = read_log(&logs->list[i], check, err);
	return rc;
}

void audit_say(FILE *out, const struct j11_audit_finding *f)
{
	if (f->file != NULL)
		fprintf(out, "%s:%" PRIu64 ": %s: %s\n", f->file, f->line, j11_audit_fault_name(f->fault), f->text);
	else
		fprintf(out, "%s: %s\n", j11_audit_fault_name(f->fault), f->text);
}
