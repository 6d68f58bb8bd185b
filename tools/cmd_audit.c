/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 audit verify: is the chain of these files whole? Needs no broker and no token. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit_chain.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd.h"
#include "conf.h"
#include "json/json_write.h"

enum { PIECE = 65536, SHOWN = 100, JSON_MAX = 1024 * 1024 };

/* A file, and the number of its first record. */
struct log {
	const char *path;
	int fd;
	uint64_t size;
	uint64_t first; /* UINT64_MAX: it begins with something else */
};

/* Where findings go. */
struct report {
	bool json;
	uint64_t n;
	struct jwk11_buf buf;
	struct j11_json_out out;
};

static void show(void *arg, const struct j11_audit_finding *f)
{
	struct report *r = arg;

	if (r->n++ >= SHOWN)
		return;
	if (r->json) {
		j11_json_open(&r->out, NULL, '{');
		j11_json_str(&r->out, "fault", j11_audit_fault_name(f->fault));
		if (f->file != NULL) {
			j11_json_str(&r->out, "file", f->file);
			j11_json_num(&r->out, "line", (int64_t)f->line);
		}
		j11_json_str(&r->out, "text", f->text);
		j11_json_close(&r->out);
	} else if (f->file != NULL) {
		printf("%s:%" PRIu64 ": %s: %s\n", f->file, f->line, j11_audit_fault_name(f->fault), f->text);
	} else {
		printf("%s: %s\n", j11_audit_fault_name(f->fault), f->text);
	}
}

static enum jwk11_rc failed(const char *path, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "%s: %s", path, strerror(errno));
}

/* Its size at a moment when nobody is writing: what is added later is not looked at. */
static enum jwk11_rc open_log(const char *path, struct log *log, struct jwk11_err *err)
{
	char line[J11_AUDIT_LINE_MAX];
	struct j11_audit_line record;
	struct stat st;
	const char *newline;
	ssize_t n;

	*log = (struct log){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC), .first = UINT64_MAX };
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
static void sort_logs(struct log *logs, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j > 0 && logs[j].first < logs[j - 1].first; j--) {
			struct log other = logs[j];

			logs[j] = logs[j - 1];
			logs[j - 1] = other;
		}
}

static enum jwk11_rc check_log(struct j11_audit_check *c, const struct log *log, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) char *room = j11_mem_new(PIECE);

	if (room == NULL)
		return j11_err_memory(err);
	j11_audit_check_file(c, log->path);
	for (uint64_t at = 0; at < log->size;) {
		size_t wanted = log->size - at < PIECE ? (size_t)(log->size - at) : PIECE;
		ssize_t n = pread(log->fd, room, wanted, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(log->path, err);
		if (n == 0)
			break;
		j11_audit_check_octets(c, (struct jwk11_view){ room, (size_t)n });
		at += (uint64_t)n;
	}
	j11_audit_check_file_end(c);
	return JWK11_OK;
}

static void sum_up(const struct j11_audit_check *c, size_t n_files, struct report *r)
{
	if (r->n > SHOWN)
		printf("and %" PRIu64 " more\n", r->n - SHOWN);
	printf("%s: %" PRIu64 " records, %" PRIu64 " to %" PRIu64 ", in %zu %s\n", c->n_findings > 0 ? "not whole" : "whole", c->n_records, c->first_seq,
		c->head.seq, n_files, n_files == 1 ? "file" : "files");
	if (c->n_mended > 0)
		printf("  %" PRIu64 " cut off in the middle of a write and accounted for\n", c->n_mended);
	if (c->n_lost > 0)
		printf("  %" PRIu64 " decisions could not be recorded, by the daemon's own word\n", c->n_lost);
	if (c->ended)
		printf("  the chain goes on in a file that is not among these\n");
	printf("  head %s\n", c->head.hash);
	if (c->n_noted == 0)
		printf("  whether records are gone from the end shows only against a hash that was noted: --expect\n");
}

static void sum_up_json(const struct j11_audit_check *c, size_t n_files, struct report *r)
{
	j11_json_close(&r->out); /* findings */
	j11_json_boolean(&r->out, "whole", c->n_findings == 0);
	j11_json_num(&r->out, "files", (int64_t)n_files);
	j11_json_num(&r->out, "faults", (int64_t)c->n_findings);
	j11_json_num(&r->out, "records", (int64_t)c->n_records);
	j11_json_num(&r->out, "requests", (int64_t)c->n_requests);
	j11_json_num(&r->out, "mended", (int64_t)c->n_mended);
	j11_json_num(&r->out, "lost", (int64_t)c->n_lost);
	j11_json_boolean(&r->out, "ended", c->ended);
	j11_json_open(&r->out, "head", '{');
	j11_json_num(&r->out, "seq", (int64_t)c->head.seq);
	j11_json_str(&r->out, "hash", c->head.hash);
	j11_json_close(&r->out);
	j11_json_close(&r->out);
}

static bool take_hash(const char *text, char ret_hash[J11_AUDIT_HASH + 1])
{
	if (!j11_audit_is_hash(j11_view_str(text)))
		return false;
	memcpy(ret_hash, text, J11_AUDIT_HASH + 1);
	return true;
}

static int check_logs(const struct cmd_global *g, struct j11_audit_check *c, struct log *logs, size_t n)
{
	struct report r = { .json = g->json, .buf = J11_BUF(JSON_MAX) };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = JWK11_OK;

	r.out = J11_JSON_OUT(&r.buf);
	c->found = show;
	c->arg = &r;
	j11_json_open(&r.out, NULL, '{');
	j11_json_open(&r.out, "findings", '[');
	for (size_t i = 0; rc == JWK11_OK && i < n; i++)
		rc = check_log(c, &logs[i], &err);
	if (rc == JWK11_OK) {
		j11_audit_check_end(c);
		if (g->json)
			sum_up_json(c, n, &r);
		else
			sum_up(c, n, &r);
		if (g->json)
			rc = cmd_write_output(NULL, j11_buf_view(&r.buf), true, &err);
	}
	j11_buf_done(&r.buf);
	if (rc != JWK11_OK)
		return cmd_fail(&err);
	return c->n_findings > 0 ? CMD_NEGATIVE : CMD_OK;
}

static int verify(const struct cmd_global *g, size_t n, const char *const *paths)
{
	struct j11_audit_check c = { .arg = NULL };
	J11_AUTO(j11_mem_free_auto) struct log *logs = j11_mem_new_array(n, sizeof(*logs));
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = logs != NULL && j11_audit_check_start(&c) ? JWK11_OK : j11_err_memory(&err);
	size_t opened = 0;
	int code = CMD_USAGE;

	if (rc == JWK11_OK && ((g->from != NULL && !take_hash(g->from, c.from)) || (g->expect != NULL && !take_hash(g->expect, c.noted[c.n_noted++].hash)))) {
		j11_audit_check_done(&c);
		return cmd_usage("audit verify", "--from and --expect take 64 hexadecimal digits");
	}
	while (rc == JWK11_OK && opened < n) {
		rc = open_log(paths[opened], &logs[opened], &err);
		opened += rc == JWK11_OK;
	}
	if (rc == JWK11_OK) {
		sort_logs(logs, n);
		code = check_logs(g, &c, logs, n);
	} else {
		code = cmd_fail_with(&err, rc == JWK11_ERR_NOT_FOUND ? CMD_NO_KEY : CMD_BUG);
	}
	for (size_t i = 0; i < opened; i++)
		close(logs[i].fd);
	j11_audit_check_done(&c);
	return code;
}

int cmd_audit(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	struct jwk11_err err = { 0 };

	if (argc < 1 || !j11_text_equal(argv[0], "verify"))
		return cmd_usage("audit", "takes verify, and files");
	if (argc > 1)
		return verify(g, (size_t)argc - 1, (const char *const *)argv + 1);
	if (conf_load(g->config, &conf, &err) != JWK11_OK)
		return cmd_fail(&err);
	return verify(g, 1, &conf->audit_file);
}
