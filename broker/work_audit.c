/* SPDX-License-Identifier: Apache-2.0 */
/* Under one lock of the process the file's own lock is taken: a record is short, and so is the wait. */
#include "work_audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit_file.h"
#include "audit_journal.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "log.h"
#include "tally.h"

/* How long a new file may be on its way, how often a failure is logged, how long records stay off the disk with audit-sync = interval. */
enum { MOVE_S = 5, LOG_S = 10, SYNC_S = 1, USUAL_LEN = 1024 };

static struct {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t moved; /* there is another file */
	pthread_cond_t dirty;
	struct audit_file file;
	unsigned n_files;     /* that we were given */
	bool unsynced;        /* there is something to bring to the disk */
	bool failing;
	uint64_t owed;        /* records to account for with the next one that can be written */
	uint64_t lost;        /* since the start */
	time_t logged;
} self = { .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER, .dirty = PTHREAD_COND_INITIALIZER, .file = { .fd = -1 } };

bool work_audit_open(void)
{
	return audit_file_start(&self.file);
}

struct j11_audit_sha *work_audit_sha(void)
{
	static _Thread_local struct j11_audit_sha *own;

	if (own == NULL)
		own = j11_audit_sha_new();
	return own;
}

void work_audit_file(int fd)
{
	char why[128];

	pthread_mutex_lock(&self.lock);
	audit_file_switch(&self.file, fd, why, sizeof(why));
	self.n_files++;
	pthread_cond_broadcast(&self.moved);
	pthread_mutex_unlock(&self.lock);
	if (why[0] != '\0')
		log_event(LOG_LEVEL_ERROR, "audit-file", "why", why, NULL);
}

/* ---- the disk ---- */

/* Sleeps while there is nothing to do. On a descriptor of its own: the file may change meanwhile. */
static void *sync_thread(void *arg)
{
	const struct timespec interval = { .tv_sec = SYNC_S };
	int fd;

	(void)arg;
	for (;;) {
		pthread_mutex_lock(&self.lock);
		while (!self.unsynced)
			pthread_cond_wait(&self.dirty, &self.lock);
		pthread_mutex_unlock(&self.lock);
		nanosleep(&interval, NULL);
		pthread_mutex_lock(&self.lock);
		self.unsynced = false;
		fd = dup(self.file.fd);
		pthread_mutex_unlock(&self.lock);
		if (fd < 0)
			continue;
		if (fdatasync(fd) != 0)
			log_event(LOG_LEVEL_ERROR, "audit-sync", "why", strerror(errno), NULL);
		close(fd);
	}
	return NULL;
}

bool work_audit_start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sync_thread, NULL) != 0)
		return false;
	pthread_detach(thread);
	return true;
}

/* With the lock held; without it while the disk works. */
static bool bring_to_disk(const struct conf *conf, char *why, size_t room)
{
	bool ok;
	int fd;

	if (conf->audit_sync == CONF_SYNC_NONE)
		return true;
	if (conf->audit_sync == CONF_SYNC_INTERVAL) {
		if (!self.unsynced)
			pthread_cond_signal(&self.dirty);
		self.unsynced = true;
		return true;
	}
	fd = dup(self.file.fd);
	pthread_mutex_unlock(&self.lock);
	ok = fd >= 0 && fdatasync(fd) == 0;
	if (!ok)
		snprintf(why, room, "fdatasync: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	pthread_mutex_lock(&self.lock);
	return ok;
}

/* ---- records ---- */

/* Somebody else has ended the file: ours follows at once, for it was sent to both of us. */
static bool wait_for_file(void)
{
	struct timespec until;
	unsigned had = self.n_files;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += MOVE_S;
	while (self.n_files == had)
		if (pthread_cond_timedwait(&self.moved, &self.lock, &until) != 0)
			return self.n_files != had;
	return true;
}

/* What is owed first, then the record, if there is one. */
static bool append(struct jwk11_view members, char *why, size_t room)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf owed = J11_BUF(USUAL_LEN);
	struct jwk11_view texts[2];
	enum audit_file_end end;
	size_t n = 0;

	if (self.owed > 0) {
		j11_audit_lost(j11_clock_wall_ms(), self.owed, &owed);
		texts[n++] = j11_buf_view(&owed);
	}
	if (members.len > 0)
		texts[n++] = members;
	while ((end = audit_file_append(&self.file, texts, n, why, room)) == AUDIT_FILE_MOVED)
		if (!wait_for_file()) /* somebody put back a file that had been ended */
			audit_file_resume(&self.file);
	if (end == AUDIT_FILE_DONE)
		self.owed = 0;
	return end == AUDIT_FILE_DONE;
}

static void log_change(bool ok, const char *why)
{
	time_t now = time(NULL);
	char lost[24];

	if (ok && self.failing)
		log_event(LOG_LEVEL_NOTICE, "audit-works", "lost", log_num(lost, (long long)self.lost), NULL);
	if (!ok && (!self.failing || now - self.logged >= LOG_S || now < self.logged)) {
		log_event(LOG_LEVEL_ERROR, "audit-failed", "why", why, "lost", log_num(lost, (long long)self.lost), NULL);
		self.logged = now;
	}
	self.failing = !ok;
}

static enum jwk11_rc failed(const char *why, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_AUDIT_FAILED, "the audit log cannot be written, and audit = required: %s", why);
	j11_err_hint(err, "an administrator must make room for audit-file, or move it away and reload");
	return JWK11_ERR_BUSY;
}

enum jwk11_rc work_audit_ready(const struct conf *conf, struct jwk11_err *err)
{
	char why[128] = "";
	bool ok = true;

	if (conf->audit != CONF_AUDIT_REQUIRED)
		return JWK11_OK;
	pthread_mutex_lock(&self.lock);
	if (self.failing || self.file.fd < 0) {
		ok = append((struct jwk11_view){ .len = 0 }, why, sizeof(why));
		log_change(ok, why);
	}
	pthread_mutex_unlock(&self.lock);
	return ok ? JWK11_OK : failed(why, err);
}

/* A copy that whoever changes the file cannot reach. It is not what a signature waits for: a full journal loses it. */
static void tell_journal(const struct conf *conf, const struct j11_audit_record *record, const struct j11_audit_head *head)
{
	static _Atomic bool complained;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf entry = J11_BUF(J11_AUDIT_LINE_MAX);
	int why;

	if (conf->audit_journal == CONF_JOURNAL_NO || (conf->audit_journal == CONF_JOURNAL_REFUSED && j11_text_equal(record->decision, "allowed")))
		return;
	audit_journal_fields(record, head, &entry);
	why = entry.failed == JWK11_OK ? audit_journal_send(j11_buf_view(&entry)) : EMSGSIZE;
	if (why != 0 && !complained) {
		complained = true;
		log_event(LOG_LEVEL_WARNING, "audit-journal", "why", strerror(why), NULL);
	}
}

enum jwk11_rc work_audit_write(const struct conf *conf, const struct j11_audit_record *record, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf members = J11_BUF(J11_AUDIT_LINE_MAX);
	struct j11_audit_sha *sha = work_audit_sha();
	struct j11_audit_head head = J11_AUDIT_NO_HEAD;
	char why[128] = "out of memory";
	bool ok = sha != NULL && j11_buf_grow(&members, USUAL_LEN) != NULL;

	if (conf->audit == CONF_AUDIT_OFF)
		return JWK11_OK;
	j11_buf_cut(&members, 0);
	if (ok)
		j11_audit_members(record, sha, &members);
	ok = ok && members.failed == JWK11_OK;
	pthread_mutex_lock(&self.lock);
	ok = ok && append(j11_buf_view(&members), why, sizeof(why));
	if (ok)
		head = self.file.head;
	ok = ok && bring_to_disk(conf, why, sizeof(why));
	if (!ok) {
		self.lost++;
		self.owed++;
		tally_add(TALLY_audit_lost, 1);
	}
	log_change(ok, why);
	pthread_mutex_unlock(&self.lock);
	tell_journal(conf, record, ok ? &head : NULL);
	return ok || conf->audit != CONF_AUDIT_REQUIRED ? JWK11_OK : failed(why, err);
}
