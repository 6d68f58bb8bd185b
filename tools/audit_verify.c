/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 audit verify: is the chain of these files whole? Needs no broker and no token. */
#include <inttypes.h>
#include <string.h>

#include "audit.h"
#include "audit_points.h"
#include "base/err.h"
#include "json/json_write.h"

enum { JSON_MAX = 1024 * 1024 };

/* Where findings go, and what is known of the records. */
struct report {
	bool json;
	const char *checkpoint; /* the file; NULL: none */
	struct audit_points points;
	uint64_t n;
	struct jwk11_buf buf;
	struct j11_json_out out;
};

static void show(void *arg, const struct j11_audit_finding *f)
{
	struct report *r = arg;

	if (r->n++ >= AUDIT_SHOWN)
		return;
	if (!r->json) {
		audit_say(stdout, f);
		return;
	}
	j11_json_open(&r->out, NULL, '{');
	j11_json_str(&r->out, "fault", j11_audit_fault_name(f->fault));
	if (f->file != NULL) {
		j11_json_str(&r->out, "file", f->file);
		j11_json_num(&r->out, "line", (int64_t)f->line);
	}
	j11_json_str(&r->out, "text", f->text);
	j11_json_close(&r->out);
}

static void see(void *arg, struct jwk11_view text, const struct j11_audit_line *line)
{
	struct report *r = arg;

	(void)text;
	audit_points_see(&r->points, &line->head);
}

/* Of the checkpoints. */
static void sum_up_points(const struct audit_points *p, uint64_t last)
{
	printf("  checkpoints that hold: %" PRIu64, p->n_good);
	if (p->covered > 0)
		printf(", the last of record %" PRIu64 "; records behind it: %" PRIu64, p->covered, last > p->covered ? last - p->covered : 0);
	if (p->n_before > 0)
		printf("; of records before these files: %" PRIu64, p->n_before);
	printf("\n");
}

static void sum_up(const struct j11_audit_check *c, size_t n_files, struct report *r)
{
	if (r->n > AUDIT_SHOWN)
		printf("and %" PRIu64 " more\n", r->n - AUDIT_SHOWN);
	printf("%s: %" PRIu64 " records, %" PRIu64 " to %" PRIu64 ", in %zu %s\n", c->n_findings > 0 ? "not whole" : "whole", c->n_records, c->first_seq,
		c->head.seq, n_files, n_files == 1 ? "file" : "files");
	if (c->n_mended > 0)
		printf("  %" PRIu64 " cut off in the middle of a write and accounted for\n", c->n_mended);
	if (c->n_lost > 0)
		printf("  %" PRIu64 " decisions could not be recorded, by the daemon's own word\n", c->n_lost);
	if (c->ended)
		printf("  the chain goes on in a file that is not among these\n");
	printf("  head %s\n", c->head.hash);
	if (r->checkpoint != NULL)
		sum_up_points(&r->points, c->head.seq);
	else if (c->n_noted == 0)
		printf("  whether records are gone from the end shows only against a hash that was noted: --expect, --checkpoint\n");
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
	if (r->checkpoint != NULL) {
		j11_json_open(&r->out, "checkpoints", '{');
		j11_json_num(&r->out, "good", (int64_t)r->points.n_good);
		j11_json_num(&r->out, "before", (int64_t)r->points.n_before);
		j11_json_num(&r->out, "covered", (int64_t)r->points.covered);
		j11_json_close(&r->out);
	}
	j11_json_close(&r->out);
}

static bool take_hash(const char *text, char ret_hash[J11_AUDIT_HASH + 1])
{
	if (!j11_audit_is_hash(j11_view_str(text)))
		return false;
	memcpy(ret_hash, text, J11_AUDIT_HASH + 1);
	return true;
}

static enum jwk11_rc check_logs(struct report *r, const char *jwks, struct j11_audit_check *c, const struct audit_logs *logs, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	r->out = J11_JSON_OUT(&r->buf);
	c->found = show;
	c->record = see;
	c->arg = r;
	j11_json_open(&r->out, NULL, '{');
	j11_json_open(&r->out, "findings", '[');
	if (r->checkpoint != NULL)
		rc = audit_points_load(&r->points, r->checkpoint, jwks, c, err);
	if (rc == JWK11_OK)
		rc = audit_read(logs, c, err);
	if (rc != JWK11_OK)
		return rc;
	j11_audit_check_end(c);
	audit_points_end(&r->points, c);
	if (!r->json) {
		sum_up(c, logs->n, r);
		return JWK11_OK;
	}
	sum_up_json(c, logs->n, r);
	return cmd_write_output(NULL, j11_buf_view(&r->buf), true, err);
}

int audit_verify(const struct cmd_global *g, size_t n, const char *const *paths)
{
	struct report r = { .json = g->json, .checkpoint = g->checkpoint, .buf = J11_BUF(JSON_MAX) };
	struct j11_audit_check c = { .arg = NULL };
	struct audit_logs logs = { .n = 0 };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if ((g->from != NULL && !take_hash(g->from, c.from)) || (g->expect != NULL && !take_hash(g->expect, c.noted[c.n_noted++].hash)))
		return cmd_usage("audit verify", "--from and --expect take 64 hexadecimal digits");
	if ((g->checkpoint == NULL) != (g->jwks == NULL))
		return cmd_usage("audit verify", "--checkpoint FILE and --jwks FILE, the keys that may sign checkpoints, go together");
	if (g->checkpoint != NULL && cmd_is_stdin(g->checkpoint) && cmd_is_stdin(g->jwks))
		return cmd_usage("audit verify", "standard input cannot be the checkpoints and the keys");
	rc = j11_audit_check_start(&c) ? audit_open(&logs, n, paths, &err) : j11_err_memory(&err);
	if (rc == JWK11_OK)
		rc = check_logs(&r, g->jwks, &c, &logs, &err);
	audit_close(&logs);
	j11_audit_check_done(&c);
	j11_buf_done(&r.buf);
	audit_points_done(&r.points);
	if (rc != JWK11_OK)
		return cmd_fail(&err);
	return c.n_findings > 0 ? CMD_NEGATIVE : CMD_OK;
}
