/* SPDX-License-Identifier: Apache-2.0 */
/* Why flock: it holds for one open file description, so that processes that got theirs from one supervisor exclude each other, and the kernel
 * gives it back when a process is killed. */
#include "audit_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

/* How much behind the last good record may be torn. */
enum { SCAN_MAX = 65536 };

bool audit_file_start(struct audit_file *f)
{
	*f = (struct audit_file){ .fd = -1, .sha = j11_audit_sha_new(), .head = J11_AUDIT_NO_HEAD, .out = J11_BUF(4 * J11_AUDIT_LINE_MAX),
		.members = J11_BUF(J11_AUDIT_LINE_MAX), .scan = j11_mem_new(SCAN_MAX) };
	return f->sha != NULL && f->scan != NULL;
}

void audit_file_done(struct audit_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	j11_audit_sha_free(f->sha);
	j11_mem_free(f->scan);
	j11_buf_done(&f->out);
	j11_buf_done(&f->members);
	*f = (struct audit_file){ .fd = -1 };
}

static bool fail(char *why, size_t room, const char *step)
{
	snprintf(why, room, "%s: %s", step, strerror(errno));
	return false;
}

/* ---- the end of the file ---- */

/* What a look at the end found. */
struct tail {
	struct j11_audit_head head;
	bool ended;
	bool has_end;     /* what the file ends with is a whole line */
	uint64_t torn;    /* octets behind the last record */
	char torn_hash[J11_AUDIT_HASH + 1];
};

static const char *line_start(const char *from, const char *end)
{
	const char *newline = memrchr(from, '\n', (size_t)(end - from));

	return newline ? newline + 1 : from;
}

/* The last line of these octets that is a record; the first may be cut off by where reading began, and then it is none. */
static bool find_last(const char *octets, size_t len, struct tail *t, const char **ret_behind)
{
	const char *end = octets + len;
	struct j11_audit_line line;

	for (const char *start; end > octets; end = start - 1) {
		start = line_start(octets, end);
		if (j11_audit_parse((struct jwk11_view){ start, (size_t)(end - start) }, &line)) {
			t->head = line.head;
			t->ended = line.event == J11_AUDIT_END;
			t->has_end = end < octets + len;
			*ret_behind = end + (t->has_end ? 1 : 0);
			return true;
		}
		if (start == octets)
			break;
	}
	return false;
}

/* What stands behind the last record. The line end that the mending write puts there counts. */
static bool measure_torn(struct audit_file *f, struct jwk11_view torn, struct tail *t, char *why, size_t room)
{
	bool open = torn.len > 0 && ((const char *)torn.data)[torn.len - 1] != '\n';
	const struct jwk11_view pieces[] = { torn, J11_VIEW("\n") };

	t->torn = torn.len + open;
	if (open)
		t->has_end = false;
	return torn.len == 0 || j11_audit_sha_hex(f->sha, pieces, open ? 2 : 1, t->torn_hash) || fail(why, room, "SHA-256");
}

/* Reads the last `len` octets, or what there is. */
static bool read_last(struct audit_file *f, uint64_t size, size_t len, struct tail *t, bool *ret_found, char *why, size_t room)
{
	const char *behind;

	*ret_found = false;
	if (pread(f->fd, f->scan, len, (off_t)(size - len)) != (ssize_t)len)
		return fail(why, room, "read");
	*ret_found = find_last(f->scan, len, t, &behind);
	return !*ret_found || measure_torn(f, (struct jwk11_view){ behind, (size_t)(f->scan + len - behind) }, t, why, room);
}

/* Most often there is no more to read than what others have added since the last time. */
static bool read_tail(struct audit_file *f, uint64_t size, struct tail *t, char *why, size_t room)
{
	size_t most = size < SCAN_MAX ? (size_t)size : SCAN_MAX;
	bool found = false;

	if (f->known && size > f->end && size - f->end <= SCAN_MAX && !read_last(f, size, (size_t)(size - f->end), t, &found, why, room))
		return false;
	if (!found && !read_last(f, size, most, t, &found, why, room))
		return false;
	if (!found)
		snprintf(why, room, "its last %zu octets hold no record of an audit log; move the file away and reload", most);
	return found;
}

static bool add(struct audit_file *f, struct j11_audit_head *head, char *why, size_t room)
{
	bool ok = f->members.failed == JWK11_OK && j11_audit_seal(f->sha, head, j11_buf_view(&f->members), &f->out);

	if (!ok)
		snprintf(why, room, "the record cannot be put together");
	jwk11_buf_reset(&f->members);
	return ok;
}

/* Somebody else has written, or we are new here. Leaves in `out` what must come before the next record. */
static bool look(struct audit_file *f, uint64_t size, char *why, size_t room)
{
	struct tail t = { .has_end = true };
	struct j11_audit_head was = f->head;
	bool shrank = f->known && size < f->end;

	if (size == 0) { /* new; or emptied by whoever copied it away, and then the chain goes on */
		j11_audit_begin(j11_clock_wall_ms(), f->head.hash, &f->members);
		f->ended = false;
		return add(f, &f->head, why, room);
	}
	if (!read_tail(f, size, &t, why, room))
		return false;
	f->head = t.head;
	f->ended = t.ended;
	if (!t.has_end)
		j11_buf_add_byte(&f->out, '\n');
	if (t.torn > 0) {
		j11_audit_torn(j11_clock_wall_ms(), t.torn, t.torn_hash, &f->members);
		if (!add(f, &f->head, why, room))
			return false;
	}
	if (shrank && was.seq > t.head.seq) {
		j11_audit_cut(j11_clock_wall_ms(), &was, &f->members);
		return add(f, &f->head, why, room);
	}
	return true;
}

/* ---- writing ---- */

static bool lock(int fd, char *why, size_t room)
{
	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return fail(why, room, "lock");
	return true;
}

static bool size_of(int fd, uint64_t *ret_size, char *why, size_t room)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(why, room, "stat");
	*ret_size = (uint64_t)st.st_size;
	return true;
}

/* All of it or nothing: what a full disk left of a write is taken back. */
static bool write_out(struct audit_file *f, uint64_t size, char *why, size_t room)
{
	ssize_t n;

	if (f->out.failed != JWK11_OK) {
		snprintf(why, room, "the records are too long");
		return false;
	}
	do
		n = write(f->fd, f->out.data, f->out.len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)f->out.len) {
		f->end = size + f->out.len;
		return true;
	}
	if (n >= 0)
		errno = ENOSPC;
	fail(why, room, "write");
	if (n > 0 && ftruncate(f->fd, (off_t)size) != 0) {
		/* It stays torn, and the next writer accounts for it. */
	}
	return false;
}

static bool seal_all(struct audit_file *f, const struct jwk11_view *members, size_t n, char *why, size_t room)
{
	if (f->ended) { /* and it is ours all the same: the chain comes back */
		j11_audit_begin(j11_clock_wall_ms(), f->head.hash, &f->members);
		if (!add(f, &f->head, why, room))
			return false;
		f->ended = false;
	}
	for (size_t i = 0; i < n; i++)
		if (!j11_audit_seal(f->sha, &f->head, members[i], &f->out)) {
			snprintf(why, room, "the record cannot be put together");
			return false;
		}
	return true;
}

static enum audit_file_end append_locked(struct audit_file *f, const struct jwk11_view *members, size_t n, char *why, size_t room)
{
	struct j11_audit_head was = f->head;
	bool ok;
	uint64_t size;

	jwk11_buf_reset(&f->out);
	jwk11_buf_reset(&f->members);
	if (!size_of(f->fd, &size, why, room))
		return AUDIT_FILE_FAILED;
	ok = (f->known && size == f->end) || look(f, size, why, room);
	if (ok && f->ended && !f->resumed) {
		f->known = f->out.len == 0;
		f->end = size;
		return AUDIT_FILE_MOVED;
	}
	ok = ok && seal_all(f, members, n, why, room) && (f->out.len == 0 || write_out(f, size, why, room));
	if (!ok) {
		f->known = false;
		f->head = was;
		return AUDIT_FILE_FAILED;
	}
	if (f->out.len == 0)
		f->end = size;
	f->known = true;
	f->resumed = false;
	return AUDIT_FILE_DONE;
}

enum audit_file_end audit_file_append(struct audit_file *f, const struct jwk11_view *members, size_t n, char *why, size_t room)
{
	enum audit_file_end end;

	if (f->fd < 0) {
		snprintf(why, room, "no audit file could be opened");
		return AUDIT_FILE_FAILED;
	}
	if (!lock(f->fd, why, room))
		return AUDIT_FILE_FAILED;
	end = append_locked(f, members, n, why, room);
	(void)flock(f->fd, LOCK_UN);
	return end;
}

/* ---- another file ---- */

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Ends the old file unless that is done; what is known afterwards is its head. */
static void end_old(struct audit_file *f, char *why, size_t room)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf end = J11_BUF(1024);
	struct tail t;
	struct jwk11_view members;
	uint64_t size;

	j11_audit_end(j11_clock_wall_ms(), &end);
	members = j11_buf_view(&end);
	f->resumed = false;
	if (append_locked(f, &members, 1, why, room) == AUDIT_FILE_FAILED && size_of(f->fd, &size, why, room) && size > 0 &&
		read_tail(f, size, &t, why, room))
		f->head = t.head;
}

/* A file that is ended already is not begun again here: the one after it is on its way to who comes late. One lock at a time. Between them others may come: whoever is first begins the new file, and behind the end of the old one nobody writes. */
void audit_file_switch(struct audit_file *f, int fd, char *ret_why, size_t room)
{
	int old = f->fd;

	ret_why[0] = '\0';
	if (old >= 0 && same_file(old, fd)) {
		close(fd);
		return;
	}
	if (old >= 0 && lock(old, ret_why, room)) {
		end_old(f, ret_why, room);
		(void)flock(old, LOCK_UN);
	}
	f->fd = fd;
	f->known = f->ended = f->resumed = false;
	if (lock(fd, ret_why, room)) {
		(void)append_locked(f, NULL, 0, ret_why, room);
		(void)flock(fd, LOCK_UN);
	}
	if (old >= 0) {
		(void)fdatasync(old);
		close(old);
	}
}

void audit_file_resume(struct audit_file *f)
{
	f->resumed = true;
}
