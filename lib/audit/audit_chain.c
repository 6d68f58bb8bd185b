/* SPDX-License-Identifier: Apache-2.0 */
/* The chain, line by line. A record whose hash does not follow is named, and checking goes on behind it as well as it can: what is said of
 * the lines that come after one that was touched is a guess at what was done, that something was done is certain. */
#include "audit_chain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { GAP_MAX = 1024 * 1024 };

const char *j11_audit_fault_name(enum j11_audit_fault fault)
{
	static const char *const names[J11_AUDIT_N_FAULTS] = { "changed", "missing", "misplaced", "foreign", "torn", "cut", "other-chain", "too-short",
		"rewritten", "checkpoint-malformed", "checkpoint-key", "checkpoint-signature" };

	return (unsigned)fault < J11_AUDIT_N_FAULTS ? names[fault] : "unknown";
}

/* ---- findings ---- */

void j11_audit_report(struct j11_audit_check *c, const struct j11_audit_finding *finding)
{
	c->n_findings++;
	if (c->found != NULL)
		c->found(c->arg, finding);
}

__attribute__((format(printf, 3, 4))) static struct j11_audit_finding finding_here(const struct j11_audit_check *c, enum j11_audit_fault fault,
	const char *fmt, ...)
{
	struct j11_audit_finding f = { .fault = fault, .file = c->file, .line = c->line };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.text, sizeof(f.text), fmt, ap);
	va_end(ap);
	return f;
}

/* What was held back was not torn: it stays a fault. Of many, the first ones are named and the rest counted. */
static void let_go(struct j11_audit_check *c)
{
	for (uint64_t i = 0; i < c->n_held && i < J11_AUDIT_MAX_HELD; i++)
		j11_audit_report(c, &c->held[i]);
	if (c->n_held > J11_AUDIT_MAX_HELD) {
		struct j11_audit_finding f = c->held[J11_AUDIT_MAX_HELD - 1];

		f.line++;
		snprintf(f.text, sizeof(f.text), "from here on %" PRIu64 " more lines are no records", c->n_held - J11_AUDIT_MAX_HELD);
		j11_audit_report(c, &f);
	}
	c->n_held = 0;
	c->gap_len = 0;
	jwk11_buf_reset(&c->gap);
}

static void add_to_gap(struct j11_audit_check *c, struct jwk11_view text)
{
	c->gap_len += text.len;
	if (c->gap_len <= GAP_MAX)
		j11_buf_add(&c->gap, text.data, text.len);
}

/* A line that is no record: a fault, unless a record that comes says that it is what is left of a write. */
static void hold(struct j11_audit_check *c, struct jwk11_view text)
{
	if (c->n_held < J11_AUDIT_MAX_HELD)
		c->held[c->n_held] = finding_here(c, J11_AUDIT_FOREIGN, "this line is not a record of the audit log");
	c->n_held++;
	add_to_gap(c, text);
	add_to_gap(c, J11_VIEW("\n"));
}

/* ---- records ---- */

static void look_for_noted(struct j11_audit_check *c, const struct j11_audit_head *head)
{
	for (unsigned i = 0; i < c->n_noted; i++)
		if (memcmp(c->noted[i].hash, head->hash, J11_AUDIT_HASH) == 0 && (c->noted[i].seq == 0 || c->noted[i].seq == head->seq))
			c->noted[i].seen = true;
}

static void accept(struct j11_audit_check *c, const struct j11_audit_line *line)
{
	c->head = line->head;
	c->other[0] = '\0';
	c->n_records++;
	c->n_requests += line->event == J11_AUDIT_REQUEST;
	c->ended = line->event == J11_AUDIT_END;
	look_for_noted(c, &line->head);
}

static void tell_event(struct j11_audit_check *c, struct jwk11_view text, const struct j11_audit_line *line)
{
	struct j11_audit_told told = { .n = 0 };
	struct j11_audit_finding f;

	if (line->event != J11_AUDIT_LOST && line->event != J11_AUDIT_CUT)
		return;
	if (!j11_audit_tell(text, line->event, &told)) {
		f = finding_here(c, J11_AUDIT_FOREIGN, "record %" PRIu64 " does not have the members of its event", line->head.seq);
		j11_audit_report(c, &f);
	} else if (line->event == J11_AUDIT_LOST) {
		c->n_lost += told.n;
	} else {
		f = finding_here(c, J11_AUDIT_CUT_FILE, "records up to %" PRIu64 " had been written and were gone when this one was; the last had the hash %s", told.n,
			told.hash);
		j11_audit_report(c, &f);
	}
}

/* A record that does not follow from the last one. What it says of itself tells most about what happened. */
static void judge(struct j11_audit_check *c, const struct j11_audit_line *line)
{
	uint64_t next = c->head.seq + 1, seq = line->head.seq;
	struct j11_audit_finding f;

	if (c->doubtful && seq == c->sure.seq + 1 && j11_audit_follows(c->sha, c->sure.hash, line)) {
		accept(c, line); /* the one before it was put in */
		c->doubtful = false;
		return;
	}
	if (seq < next) {
		f = finding_here(c, J11_AUDIT_MISPLACED, "record %" PRIu64 " stands behind record %" PRIu64 ": repeated, put in or out of order", seq, c->head.seq);
		j11_audit_report(c, &f);
		return;
	}
	if (seq > next)
		f = seq == next + 1 ? finding_here(c, J11_AUDIT_MISSING, "record %" PRIu64 " is missing before this line", next) :
			finding_here(c, J11_AUDIT_MISSING, "records %" PRIu64 " to %" PRIu64 " are missing before this line", next, seq - 1);
	else
		f = finding_here(c, J11_AUDIT_CHANGED, "record %" PRIu64 " was changed, or the end of the one before it", seq);
	j11_audit_report(c, &f);
	c->sure = c->head;
	c->doubtful = true;
	c->other[0] = '\0';
	if (seq == next) {
		const struct jwk11_view pieces[] = { { .data = c->head.hash, .len = J11_AUDIT_HASH }, line->body };

		if (!j11_audit_sha_hex(c->sha, pieces, 2, c->other))
			c->other[0] = '\0';
	}
	c->head = line->head;
	look_for_noted(c, &line->head);
}

static bool follows(struct j11_audit_check *c, const struct j11_audit_line *line)
{
	if (line->head.seq != c->head.seq + 1)
		return false;
	return j11_audit_follows(c->sha, c->head.hash, line) || (c->other[0] != '\0' && j11_audit_follows(c->sha, c->other, line));
}

/* The first record of the first file, or of a file that does not go on where the one before it ends. */
static void begin_anew(struct j11_audit_check *c, struct jwk11_view text, const struct j11_audit_line *line)
{
	struct j11_audit_told told = { .n = 0 };
	struct j11_audit_finding f;
	bool begins = line->event == J11_AUDIT_BEGIN && j11_audit_tell(text, line->event, &told) && j11_audit_follows(c->sha, told.hash, line);
	bool first_of_all = begins && memcmp(told.hash, J11_AUDIT_GENESIS, J11_AUDIT_HASH) == 0;
	bool goes_on = !c->started && c->from[0] != '\0' && j11_audit_follows(c->sha, c->from, line);

	if (!begins && !goes_on) {
		f = line->event == J11_AUDIT_BEGIN ? finding_here(c, J11_AUDIT_CHANGED, "record %" PRIu64 ", which begins the file, was changed", line->head.seq) :
			finding_here(c, J11_AUDIT_MISSING, "the beginning is missing: the first record is number %" PRIu64, line->head.seq);
		j11_audit_report(c, &f);
	} else if (first_of_all && line->head.seq != 1) {
		f = finding_here(c, J11_AUDIT_CHANGED, "record %" PRIu64 " begins a chain, which begins with 1", line->head.seq);
		j11_audit_report(c, &f);
	} else if (c->started) {
		f = finding_here(c, J11_AUDIT_OTHER_CHAIN, "this file %s, not behind record %" PRIu64 " of the file before it", first_of_all ?
			"begins a new chain" : "goes on behind another record", c->head.seq);
		j11_audit_report(c, &f);
	} else if (c->from[0] != '\0' && !goes_on) {
		f = finding_here(c, J11_AUDIT_OTHER_CHAIN, "this file goes on behind %s, not behind %s", told.hash, c->from);
		j11_audit_report(c, &f);
	}
	if (!c->started)
		c->first_seq = line->head.seq;
	accept(c, line);
	c->doubtful = false;
}

/* Do these octets account for what was held back? */
static bool mends(struct j11_audit_check *c, struct jwk11_view text, const struct j11_audit_line *line)
{
	struct jwk11_view gap = j11_buf_view(&c->gap);
	struct j11_audit_told told;
	char hash[J11_AUDIT_HASH + 1];

	return line->event == J11_AUDIT_TORN && c->n_held > 0 && j11_audit_tell(text, line->event, &told) && told.n == c->gap_len && told.n == gap.len &&
		j11_audit_sha_hex(c->sha, &gap, 1, hash) && memcmp(hash, told.hash, J11_AUDIT_HASH) == 0;
}

static void take_record(struct j11_audit_check *c, struct jwk11_view text, const struct j11_audit_line *line)
{
	bool continues = c->started && follows(c, line);

	if (line->event == J11_AUDIT_TORN && (!continues || !mends(c, text, line))) {
		struct j11_audit_finding f = finding_here(c, J11_AUDIT_CHANGED, "record %" PRIu64 " is about torn octets that are not before it", line->head.seq);

		let_go(c);
		if (continues)
			j11_audit_report(c, &f);
	} else if (c->n_held > 0 && line->event == J11_AUDIT_TORN) {
		c->n_mended++;
		c->n_held = 0;
	}
	let_go(c);
	if (continues) {
		accept(c, line);
		c->doubtful = false;
	} else if (!c->file_started && (!c->started || line->event == J11_AUDIT_BEGIN)) {
		begin_anew(c, text, line);
	} else {
		judge(c, line);
	}
	tell_event(c, text, line);
	c->started = c->file_started = true;
}

static void take_line(struct j11_audit_check *c)
{
	struct jwk11_view text = j11_buf_view(&c->text);
	struct j11_audit_line line;

	c->line++;
	if (!c->too_long && j11_audit_parse(text, &line)) {
		if (c->record != NULL)
			c->record(c->arg, text, &line);
		take_record(c, text, &line);
	} else {
		hold(c, text);
	}
	c->too_long = false;
	jwk11_buf_reset(&c->text);
}

/* ---- octets ---- */

bool j11_audit_check_start(struct j11_audit_check *c)
{
	c->sha = j11_audit_sha_new();
	c->gap = J11_BUF(GAP_MAX);
	c->text = J11_BUF(J11_AUDIT_LINE_MAX);
	c->head = J11_AUDIT_NO_HEAD;
	return c->sha != NULL;
}

void j11_audit_check_file(struct j11_audit_check *c, const char *name)
{
	c->file = name;
	c->line = 0;
	c->file_started = false;
}

/* A piece of a line. One that is longer than a record is none. */
static void add_piece(struct j11_audit_check *c, const char *p, size_t len)
{
	while (len > 0) {
		size_t room = J11_AUDIT_LINE_MAX - c->text.len, n = len < room ? len : room;

		if (room == 0) {
			add_to_gap(c, j11_buf_view(&c->text));
			jwk11_buf_reset(&c->text);
			c->too_long = true;
			continue;
		}
		j11_buf_add(&c->text, p, n);
		p += n;
		len -= n;
	}
}

void j11_audit_check_octets(struct j11_audit_check *c, struct jwk11_view octets)
{
	const char *p = octets.data, *end = p + octets.len;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		add_piece(c, p, (size_t)((newline ? newline : end) - p));
		if (newline == NULL)
			return;
		take_line(c);
		p = newline + 1;
	}
}

/* A record without its line end is a record: whoever writes next ends the line. */
void j11_audit_check_file_end(struct j11_audit_check *c)
{
	struct j11_audit_line line;
	uint64_t octets = c->text.len;

	if (c->text.len > 0 && !c->too_long && j11_audit_parse(j11_buf_view(&c->text), &line)) {
		take_line(c);
	} else if (c->text.len > 0 || c->too_long) {
		struct j11_audit_finding f;

		c->line++;
		f = finding_here(c, J11_AUDIT_TORN_LINE, "the last line was cut off after %" PRIu64 " octets; a running jwk11d accounts for them with its next record",
			octets);
		let_go(c);
		j11_audit_report(c, &f);
	}
	let_go(c);
	jwk11_buf_reset(&c->text);
	c->too_long = false;
}

void j11_audit_check_end(struct j11_audit_check *c)
{
	struct j11_audit_finding f;

	c->file = NULL;
	c->line = 0;
	if (c->n_records == 0 && c->n_findings == 0) {
		f = finding_here(c, J11_AUDIT_MISSING, "there is no record");
		j11_audit_report(c, &f);
	}
	for (unsigned i = 0; i < c->n_noted; i++) {
		if (c->noted[i].seen)
			continue;
		f = c->noted[i].seq == 0 ? finding_here(c, J11_AUDIT_TOO_SHORT, "the record with the hash %s, which was noted, is not there", c->noted[i].hash) :
			finding_here(c, J11_AUDIT_TOO_SHORT, "record %" PRIu64 " with the hash %s, which was noted, is not there", c->noted[i].seq, c->noted[i].hash);
		j11_audit_report(c, &f);
	}
}

void j11_audit_check_done(struct j11_audit_check *c)
{
	j11_audit_sha_free(c->sha);
	j11_buf_done(&c->gap);
	j11_buf_done(&c->text);
	c->sha = NULL;
}
