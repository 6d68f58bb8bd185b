/* SPDX-License-Identifier: Apache-2.0 */
/* Two processes in turn: one that writes, shut off from all but the folder and api.sock, and the hook, which is the operator's own. */
#include "sup_publish.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "json/json_read.h"
#include "log.h"
#include "sandbox.h"
#include "sup_spawn.h"
#include "wire.h"

enum { WRITE_MS = 60000, HOOK_MS = 300000, BACKOFF_MIN_MS = 1000, BACKOFF_MAX_MS = 60000, REPORT_MAX = 1024 * 1024, FILES_MAX = 256 };

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && j11_text_equal(a, b));
}

/* ---- lists of files ---- */

static void forget_files(struct sup_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		j11_mem_free(files->name[i]);
	j11_mem_free(files->name);
	*files = (struct sup_files){ 0 };
}

static bool has_file(const struct sup_files *files, struct jwk11_view file)
{
	for (size_t i = 0; i < files->n; i++)
		if (j11_view_equals(file, files->name[i]))
			return true;
	return false;
}

/* Once. False: no memory. */
static bool add_file(struct sup_files *files, struct jwk11_view file)
{
	char **grown;

	if (has_file(files, file))
		return true;
	grown = j11_mem_resize(files->name, (files->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return false;
	files->name = grown;
	grown[files->n] = j11_mem_dup_n(file.data, file.len);
	files->n += grown[files->n] != NULL;
	return grown[files->n - 1] != NULL;
}

/* ---- runs ---- */

/* One failure of this run; said when it is another one than that of the run before. */
J11_PRINTF(2, 3) static void fail(struct sup_publish *p, const char *fmt, ...)
{
	char why[JWK11_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (!p->failed && !j11_text_equal(p->why, why)) {
		log_event(LOG_LEVEL_ERROR, "publish-failed", "why", why, "kept", "the files that were there", NULL);
		snprintf(p->why, sizeof(p->why), "%s", why);
	}
	p->failed = true;
}

static void end_run(struct sup_publish *p)
{
	p->step = SUP_PUBLISH_IDLE;
	p->news = true;
	if (p->failed) {
		p->n_failures++;
		p->backoff_ms = p->backoff_ms == 0 ? BACKOFF_MIN_MS : p->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : p->backoff_ms * 2;
		p->retry_at_ms = j11_clock_ms() + p->backoff_ms;
		return;
	}
	if (p->why[0] != '\0')
		log_event(LOG_LEVEL_NOTICE, "publish-recovered", "dir", p->dir, NULL);
	p->why[0] = '\0';
	p->published = (int64_t)time(NULL);
	p->retry_at_ms = p->backoff_ms = 0;
}

/* ---- processes ---- */

static void close_files(struct sup_publish *p)
{
	if (p->out >= 0)
		close(p->out);
	if (p->talk >= 0)
		close(p->talk);
	p->out = p->talk = -1;
}

static bool start(struct sup_publish *p, struct sup_program *program, int64_t limit_ms)
{
	struct jwk11_err err = { 0 };

	program->group = true;
	p->late = false;
	p->until_ms = j11_clock_ms() + limit_ms;
	if (sup_spawn(program, &p->pid, &err) == JWK11_OK)
		return true;
	p->pid = 0;
	fail(p, "%s", err.text);
	return false;
}

/* Where the writer may write. */
struct place {
	const struct conf *conf;
	const char *dir;
};

static bool confine(void *arg, const char *program)
{
	const struct place *place = arg;

	return sandbox_publisher(place->conf, program, place->dir);
}

static void start_writing(struct sup_publish *p, const struct conf *conf, const struct sup_sock *sock)
{
	struct place place = { conf, p->dir };
	struct sup_program program = { .argv = { "jwk11", "--socket", sock->api.path, "publish", "--json", "--dir", p->dir }, .confine = confine, .arg = &place };

	p->wanted = p->failed = false;
	p->retry_at_ms = 0;
	p->step = SUP_PUBLISH_WRITING;
	(void)mkdir(p->dir, 0755); /* the writer may not make it; why it is not there it will say */
	p->out = memfd_create("published", MFD_CLOEXEC);
	p->talk = memfd_create("published-talk", MFD_CLOEXEC);
	program.out = p->out;
	program.talk = p->talk;
	if (p->out < 0 || p->talk < 0)
		fail(p, "memory file: %s", strerror(errno));
	else if (start(p, &program, WRITE_MS))
		return;
	close_files(p);
	end_run(p);
}

static void start_telling(struct sup_publish *p)
{
	const char **args = j11_mem_new_array(p->files.n + 2, sizeof(*args));
	struct sup_program program = { .args = args };
	bool started;

	if (args == NULL) {
		fail(p, "out of memory");
		end_run(p);
		return;
	}
	args[0] = p->hook;
	for (size_t i = 0; i < p->files.n; i++)
		args[1 + i] = p->files.name[i];
	p->step = SUP_PUBLISH_TELLING;
	started = start(p, &program, HOOK_MS);
	j11_mem_free(args);
	if (!started)
		end_run(p);
}

/* ---- what the writer reports ---- */

static void read_memory(int fd, struct jwk11_buf *out)
{
	char room[8192];
	ssize_t n;
	off_t at = 0;

	while (out->failed == JWK11_OK && (n = pread(fd, room, sizeof(room), at)) > 0) {
		j11_buf_add(out, room, (size_t)n);
		at += n;
	}
}

/* Only what lies in the folder: the hook has rights that whoever wrote the report has not. */
static void tell_of(struct sup_publish *p, struct jwk11_view file)
{
	size_t len = strlen(p->dir);

	if (file.len <= len + 1 || memcmp(file.data, p->dir, len) != 0 || ((const char *)file.data)[len] != '/' || memmem(file.data, file.len, "/../", 4) != NULL ||
		memchr(file.data, 0, file.len) != NULL || p->files.n >= FILES_MAX)
		fail(p, "the report of what was written names a file that is not below %s", p->dir);
	else if (!add_file(&p->files, file))
		fail(p, "out of memory");
}

static struct jwk11_view text_of(const struct j11_json *object, const char *name)
{
	const struct j11_json *m = j11_json_get(object, name);

	return m != NULL && m->type == J11_JSON_STRING ? m->text : (struct jwk11_view){ .data = "", .len = 0 };
}

/* A set that has no key yet is no failure: it has its file when it has one. */
static void take_file(struct sup_publish *p, const struct j11_json *file, size_t *n_changed)
{
	struct jwk11_view state = text_of(file, "state"), why = text_of(file, "why"), name = text_of(file, "file");

	if (j11_view_equals(state, "changed"))
		++*n_changed;
	if (p->hook != NULL && (j11_view_equals(state, "changed") || (j11_view_equals(state, "unchanged") && !has_file(&p->told, name))))
		tell_of(p, name);
	if (j11_view_equals(state, "kept") && !j11_view_equals(text_of(file, "code"), "NOT_READY"))
		fail(p, "%.*s", why.len < 300 ? (int)why.len : 300, (const char *)why.data);
}

static bool take_report(struct sup_publish *p)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(REPORT_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *files;
	char count[24];
	size_t n_changed = 0;

	read_memory(p->out, &text);
	if (text.failed != JWK11_OK || text.len == 0 || j11_json_read(j11_buf_view(&text), NULL, "report", &doc, NULL) != JWK11_OK)
		return false;
	files = j11_json_get(j11_json_root(doc), "files");
	for (const struct j11_json *f = files != NULL ? files->child : NULL; f != NULL; f = f->next)
		take_file(p, f, &n_changed);
	if (n_changed > 0)
		log_event(LOG_LEVEL_NOTICE, "published", "dir", p->dir, "changed", log_num(count, (long long)n_changed), NULL);
	return true;
}

/* The last words of a process that made no report. */
static void fail_without_report(struct sup_publish *p, int status)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(4096);
	const char *talk;
	char shown[200];

	read_memory(p->talk, &text);
	talk = jwk11_buf_data(&text);
	j11_text_printable((struct jwk11_view){ .data = talk, .len = strcspn(talk, "\n") }, shown, sizeof(shown));
	if (shown[0] != '\0')
		fail(p, "%s", shown);
	else
		fail(p, "jwk11 publish %s %d", WIFSIGNALED(status) ? "was ended by signal" : "ended with", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void end_writing(struct sup_publish *p, int status)
{
	if (p->late)
		fail(p, "jwk11 publish did not end within %d s", WRITE_MS / 1000);
	else if (!take_report(p))
		fail_without_report(p, status);
	close_files(p);
	if (p->hook != NULL && p->files.n > 0)
		start_telling(p);
	else
		end_run(p);
}

static void note_told(struct sup_publish *p)
{
	for (size_t i = 0; i < p->files.n; i++)
		if (!add_file(&p->told, j11_view_str(p->files.name[i]))) /* then it will be told again */
			break;
	forget_files(&p->files);
}

static void end_telling(struct sup_publish *p, int status)
{
	if (p->late)
		fail(p, "the hook %s did not end within %d s", p->hook, HOOK_MS / 1000);
	else if (WIFSIGNALED(status))
		fail(p, "the hook %s was ended by signal %d", p->hook, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		fail(p, "the hook %s ended with %d", p->hook, WEXITSTATUS(status));
	else
		note_told(p);
	end_run(p);
}

/* ---- the supervisor's loop ---- */

void sup_publish_want(struct sup_publish *p)
{
	p->wanted = true;
}

/* Other places begin from nothing: what was told to another hook, or of another folder, was not told to this one. */
static bool note_places(struct sup_publish *p, const struct conf *conf)
{
	if (same(p->dir, conf->publish_dir) && same(p->hook, conf->publish_hook))
		return true;
	forget_files(&p->files);
	forget_files(&p->told);
	j11_mem_free(p->dir);
	j11_mem_free(p->hook);
	p->dir = conf->publish_dir != NULL ? j11_mem_dup(conf->publish_dir) : NULL;
	p->hook = conf->publish_hook != NULL ? j11_mem_dup(conf->publish_hook) : NULL;
	return (p->dir != NULL) == (conf->publish_dir != NULL) && (p->hook != NULL) == (conf->publish_hook != NULL);
}

void sup_publish_go_on(struct sup_publish *p, const struct conf *conf, const struct sup_sock *sock)
{
	int64_t now = j11_clock_ms();

	if (p->pid != 0) {
		if (now >= p->until_ms && !p->late) {
			p->late = true;
			kill(-p->pid, SIGKILL);
		}
		return;
	}
	if (conf->publish_dir == NULL || !(p->wanted || (p->retry_at_ms > 0 && now >= p->retry_at_ms)))
		return;
	if (note_places(p, conf))
		start_writing(p, conf, sock);
	else
		p->retry_at_ms = now + BACKOFF_MAX_MS; /* out of memory */
}

int64_t sup_publish_next(const struct sup_publish *p)
{
	if (p->pid != 0)
		return p->late ? INT64_MAX : p->until_ms;
	return p->retry_at_ms > 0 ? p->retry_at_ms : INT64_MAX;
}

bool sup_publish_ended(struct sup_publish *p, pid_t pid, int status)
{
	if (p->pid == 0 || pid != p->pid)
		return false;
	p->pid = 0;
	if (p->step == SUP_PUBLISH_WRITING)
		end_writing(p, status);
	else
		end_telling(p, status);
	return true;
}

void sup_publish_write(const struct sup_publish *p, struct jwk11_buf *out)
{
	wire_begin(out, WIRE_FILES, 0);
	wire_add_num(out, WIRE_F_FLAGS, p->why[0] != '\0');
	wire_add_num(out, WIRE_F_MISSED, p->n_failures);
	wire_add_num(out, WIRE_F_MOMENT, (uint64_t)p->published);
}

void sup_publish_done(struct sup_publish *p)
{
	if (p->pid != 0)
		kill(-p->pid, SIGTERM);
	close_files(p);
	forget_files(&p->files);
	forget_files(&p->told);
	j11_mem_free(p->dir);
	j11_mem_free(p->hook);
	*p = SUP_PUBLISH_NONE;
}
