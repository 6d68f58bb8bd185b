/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 audit show: records for people, those that were asked for. The files go through the same check as with verify, so that what is shown
 * and is not part of the chain is said. Holds one line, and a screen or two of the table. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "audit/audit_entry.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "table.h"

enum { ROWS = 256 }; /* how many are kept until they are printed */

struct showing {
	struct j11_audit_wanted wanted;
	struct j11_audit_check check;
	uint64_t last;    /* --last; 0: all */
	bool json, counting;
	uint64_t n;       /* that were wanted, so far */
	uint64_t skip;    /* of them, those before the last ones */
	uint64_t n_said;
	struct table table;
	unsigned n_rows;  /* in it */
	bool whole;
};

/* ---- findings ---- */

static void say(void *arg, const struct j11_audit_finding *f)
{
	struct showing *s = arg;

	if (!s->counting && s->n_said++ < AUDIT_SHOWN)
		audit_say(stderr, f);
}

/* A line in the form of a record that cannot be read as one. */
static void say_unread(struct showing *s, const struct jwk11_err *err)
{
	struct j11_audit_finding f = { .fault = J11_AUDIT_FOREIGN, .file = s->check.file, .line = s->check.line };

	snprintf(f.text, sizeof(f.text), "%.200s", err->text);
	say(s, &f);
}

/* ---- the table ---- */

/* What the request is about: a key, or the token of a login or logout. */
static void tell_key(const struct j11_audit_entry *e, char *ret_text, size_t room)
{
	static const char word[] = "token ";
	size_t used = e->token.len > 0 && room > sizeof(word) ? sizeof(word) - 1 : 0;

	memcpy(ret_text, word, used);
	j11_text_printable(used > 0 ? e->token : e->key, ret_text + used, room - used);
}

static void flush_rows(struct showing *s)
{
	s->whole = table_print(&s->table) && s->whole;
	s->n_rows = 0;
}

static void add_row(struct showing *s, const struct j11_audit_entry *e)
{
	static const char *const about[J11_AUDIT_N_EVENTS] = { [J11_AUDIT_TORN] = "octets of a write that was cut off",
		[J11_AUDIT_LOST] = "records could not be written", [J11_AUDIT_CUT] = "was the last of records that were gone" };
	char time[40], decision[32], op[32], client[64], unit[80], peer[112] = "", key[64], alg[24], result[64], ckr[64], told[144], took[40] = "";

	j11_text_printable(e->time, time, sizeof(time));
	j11_text_printable(e->decision.len > 0 ? e->decision : j11_view_str(j11_audit_event_name(e->line.event)), decision, sizeof(decision));
	j11_text_printable(e->op, op, sizeof(op));
	j11_text_printable(e->client, client, sizeof(client));
	j11_text_printable(e->unit, unit, sizeof(unit));
	tell_key(e, key, sizeof(key));
	j11_text_printable(e->alg, alg, sizeof(alg));
	j11_text_printable(e->result, result, sizeof(result));
	j11_text_printable(e->ckr, ckr, sizeof(ckr));
	snprintf(told, sizeof(told), "%s%s%s%s", result, ckr[0] != '\0' ? " (" : "", ckr, ckr[0] != '\0' ? ")" : "");
	if (e->uid >= 0)
		snprintf(peer, sizeof(peer), "%" PRId64 "%s%s", e->uid, unit[0] != '\0' ? " " : "", unit);
	if (e->us >= 0)
		snprintf(took, sizeof(took), "%" PRId64 ".%03d ms", e->us / 1000, (int)(e->us % 1000));
	if (about[e->line.event] != NULL && e->n >= 0)
		snprintf(told, sizeof(told), "%" PRId64 " %s", e->n, about[e->line.event]);
	table_row(&s->table, time, decision, op, client, peer, key, alg, told, took);
	if (++s->n_rows == ROWS)
		flush_rows(s);
}

/* ---- records ---- */

static void take(void *arg, struct jwk11_view text, const struct j11_audit_line *line)
{
	J11_AUTO(j11_audit_entry_done_auto) struct j11_audit_entry e = { .doc = NULL };
	struct showing *s = arg;
	struct jwk11_err err = { 0 };

	if (j11_audit_entry_read(text, line, &e, &err) != JWK11_OK) {
		say_unread(s, &err);
		return;
	}
	if (!j11_audit_entry_is(&e, &s->wanted) || s->n++ < s->skip || s->counting)
		return;
	if (s->json)
		printf("%.*s\n", (int)text.len, (const char *)text.data);
	else
		add_row(s, &e);
}

static enum jwk11_rc pass(struct showing *s, const struct audit_logs *logs, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	s->check = (struct j11_audit_check){ .found = say, .record = take, .arg = s };
	s->n = 0;
	rc = j11_audit_check_start(&s->check) ? audit_read(logs, &s->check, err) : j11_err_memory(err);
	if (rc == JWK11_OK)
		j11_audit_check_end(&s->check);
	j11_audit_check_done(&s->check);
	return rc;
}

/* For the last ones all are counted first: the files are long, and what is wanted of them need not be short. */
static enum jwk11_rc run(struct showing *s, const struct audit_logs *logs, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	if (s->last > 0) {
		s->counting = true;
		rc = pass(s, logs, err);
		s->counting = false;
		s->skip = s->n > s->last ? s->n - s->last : 0;
	}
	if (!s->json)
		table_row(&s->table, "TIME", "DECISION", "OP", "CLIENT", "PEER", "KEY", "ALG", "RESULT", "TOOK");
	if (rc == JWK11_OK)
		rc = pass(s, logs, err);
	if (rc != JWK11_OK)
		return rc;
	if (!s->json)
		flush_rows(s);
	if (s->n_said > AUDIT_SHOWN)
		fprintf(stderr, "and %" PRIu64 " more\n", s->n_said - AUDIT_SHOWN);
	if (!s->whole)
		return j11_err_memory(err);
	return fflush(stdout) == 0 && !ferror(stdout) ? rc : j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "standard output: %s", strerror(errno));
}

/* ---- the word ---- */

static bool take_moment(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	return text == NULL || j11_audit_moment(j11_view_str(text), now_ms, ret_ms);
}

static bool take_number(const char *text, uint64_t max, uint64_t *ret_n)
{
	return text == NULL || j11_text_to_u64(j11_view_str(text), max, ret_n);
}

/* A reason for a refusal, or NULL. */
static const char *read_options(const struct cmd_global *g, struct showing *s)
{
	int64_t now_ms = j11_clock_wall_ms();
	uint64_t uid = 0;

	if (!take_moment(g->since, now_ms, &s->wanted.since_ms) || !take_moment(g->until, now_ms, &s->wanted.until_ms))
		return "--since and --until take a time as 2026-11-23T12:00:00Z, a day, or how long ago it was: 30m, 2h, 7d";
	if (!take_number(g->uid, UINT32_MAX, &uid))
		return "--uid takes a number";
	if (!take_number(g->last, UINT32_MAX, &s->last) || (g->last != NULL && s->last == 0))
		return "--last takes a number of records";
	if (g->uid != NULL)
		s->wanted.uid = (int64_t)uid;
	s->wanted.key = g->key_file;
	s->wanted.client = g->client;
	s->wanted.result = g->result;
	s->wanted.refused = g->refused;
	return NULL;
}

int audit_show(const struct cmd_global *g, size_t n, const char *const *paths)
{
	struct showing s = { .wanted = J11_AUDIT_ALL, .json = g->json, .table = TABLE_HEADED(9, 0), .whole = true };
	struct audit_logs logs = { .n = 0 };
	const char *why = read_options(g, &s);
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (why != NULL)
		return cmd_usage("audit show", why);
	rc = audit_open(&logs, n, paths, &err);
	if (rc == JWK11_OK)
		rc = run(&s, &logs, &err);
	audit_close(&logs);
	if (rc != JWK11_OK)
		return cmd_fail(&err);
	return s.n_said > 0 ? CMD_NEGATIVE : CMD_OK;
}
