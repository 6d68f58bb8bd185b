/* SPDX-License-Identifier: Apache-2.0 */
/* A chain that is right can have been made anew by whoever may write the file, or have lost its end; a hash that a token signed tells. The
 * file lies beside the log, most often, and is trusted as little: each line is taken for what its signature says. */
#include "audit_points.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_point.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "choose.h"

enum { POINTS_MAX = 16 * 1024 * 1024, JWKS_MAX = 1024 * 1024 };

static void find(const struct audit_points *p, uint64_t line, struct j11_audit_check *check, enum j11_audit_fault fault, const char *fmt, ...) J11_PRINTF(5, 6);

static void find(const struct audit_points *p, uint64_t line, struct j11_audit_check *check, enum j11_audit_fault fault, const char *fmt, ...)
{
	struct j11_audit_finding f = { .fault = fault, .file = p->path, .line = line };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.text, sizeof(f.text), fmt, ap);
	va_end(ap);
	j11_audit_report(check, &f);
}

/* ---- signatures ---- */

static enum jwk11_rc add(struct audit_points *p, const struct j11_audit_head *head, uint64_t line, struct jwk11_err *err)
{
	if (p->n == p->room) {
		size_t room = p->room > 0 ? 2 * p->room : 64;
		struct audit_point *list = j11_mem_resize(p->list, room * sizeof(*list));

		if (list == NULL)
			return j11_err_memory(err);
		p->list = list;
		p->room = room;
	}
	p->list[p->n++] = (struct audit_point){ .head = *head, .line = line };
	return JWK11_OK;
}

static bool has_typ(const struct j11_jws_signature *s)
{
	const struct j11_json *typ = j11_json_get(s->protected_header, "typ");

	return typ != NULL && typ->type == J11_JSON_STRING && j11_view_equals(typ->text, J11_AUDIT_POINT_TYP);
}

/* Whose signature it is, if it is right, and what it says; else which fault it has. */
static bool check_line(struct jwk11_view text, const struct j11_jwks *set, struct j11_audit_head *ret_head, enum j11_audit_fault *ret_fault,
	struct jwk11_err *err)
{
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *jws = NULL;
	const struct jwk11_pub *pub = NULL;

	*ret_fault = J11_AUDIT_POINT_MALFORMED;
	if (jwk11_jws_read(text, NULL, &jws, err) != JWK11_OK)
		return false;
	if (jws->form != JWK11_JWS_COMPACT || !has_typ(&jws->signatures[0])) {
		j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "not a compact JWS with the typ " J11_AUDIT_POINT_TYP);
		return false;
	}
	*ret_fault = J11_AUDIT_POINT_KEY;
	if (choose_pub(set, &jws->signatures[0], &pub, err) != JWK11_OK)
		return false;
	*ret_fault = J11_AUDIT_POINT_SIGNATURE;
	if (jwk11_jws_check(jws, 0, pub, NULL, NULL, err) != JWK11_OK)
		return false;
	*ret_fault = J11_AUDIT_POINT_MALFORMED;
	return j11_audit_point_read(jwk11_jws_payload(jws), ret_head, err) == JWK11_OK;
}

static enum jwk11_rc take_lines(struct audit_points *p, struct jwk11_view text, const struct j11_jwks *set, struct j11_audit_check *check,
	struct jwk11_err *err)
{
	const char *at = text.data, *end = at + text.len;
	enum jwk11_rc rc = JWK11_OK;

	for (uint64_t line = 1; rc == JWK11_OK && at < end; line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
		struct j11_audit_head head;
		enum j11_audit_fault fault;
		struct jwk11_err why = { 0 };

		if (check_line((struct jwk11_view){ at, (size_t)(stop - at) }, set, &head, &fault, &why))
			rc = add(p, &head, line, err);
		else if (why.rc == JWK11_ERR_MEMORY)
			rc = j11_err_memory(err);
		else
			find(p, line, check, fault, "%.200s", why.text);
		at = stop + 1;
	}
	return rc;
}

static int by_number(const void *a, const void *b)
{
	const struct audit_point *x = a, *y = b;

	return x->head.seq != y->head.seq ? (x->head.seq < y->head.seq ? -1 : 1) : x->line < y->line ? -1 : 1;
}

enum jwk11_rc audit_points_load(struct audit_points *p, const char *path, const char *jwks, struct j11_audit_check *check, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(0), set_text = J11_BUF(0);
	struct j11_jwks set = { .n = 0 };
	enum jwk11_rc rc = cmd_read_input(jwks, JWKS_MAX, &set_text, err);

	p->path = path;
	if (rc == JWK11_OK)
		rc = j11_jwks_parse(j11_buf_view(&set_text), &set, err);
	if (rc == JWK11_OK)
		rc = cmd_read_input(path, POINTS_MAX, &text, err);
	if (rc == JWK11_OK)
		rc = take_lines(p, j11_buf_view(&text), &set, check, err);
	if (rc == JWK11_OK && text.len == 0)
		find(p, 1, check, J11_AUDIT_POINT_MALFORMED, "there is no checkpoint in it");
	if (p->n > 0)
		qsort(p->list, p->n, sizeof(*p->list), by_number);
	j11_jwks_done(&set);
	return rc;
}

void audit_points_done(struct audit_points *p)
{
	j11_mem_free(p->list);
	*p = (struct audit_points){ .path = NULL };
}

/* ---- records ---- */

/* The first one of a record with this number or a later one. */
static size_t lowest(const struct audit_points *p, uint64_t seq)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->list[middle].head.seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void audit_points_see(struct audit_points *p, const struct j11_audit_head *head)
{
	if (p->first == 0 || head->seq < p->first)
		p->first = head->seq;
	if (head->seq > p->last)
		p->last = head->seq;
	for (size_t i = lowest(p, head->seq); i < p->n && p->list[i].head.seq == head->seq; i++)
		if (memcmp(p->list[i].head.hash, head->hash, J11_AUDIT_HASH) == 0)
			p->list[i].same = true;
		else
			p->list[i].other = true;
}

static void judge(struct audit_points *p, const struct audit_point *point, struct j11_audit_check *check)
{
	uint64_t seq = point->head.seq;

	if (point->other) {
		find(p, point->line, check, J11_AUDIT_REWRITTEN, "record %" PRIu64 " is not the one that was signed, which has the hash %s: it, or what is before it, "
			"was written anew", seq, point->head.hash);
	} else if (point->same) {
		p->n_good++;
		p->covered = seq;
	} else if (seq > p->last) {
		find(p, point->line, check, J11_AUDIT_TOO_SHORT, "record %" PRIu64 ", which was signed, is not there: the log ends with %" PRIu64, seq, p->last);
	} else if (seq < p->first) {
		p->n_before++;
	} else {
		find(p, point->line, check, J11_AUDIT_MISSING, "record %" PRIu64 ", which was signed, is missing", seq);
	}
}

/* Older logs that were put away are no fault. But a chain that begins with a number of its maker's choice must not escape all checkpoints. */
void audit_points_end(struct audit_points *p, struct j11_audit_check *check)
{
	for (size_t i = 0; i < p->n; i++)
		judge(p, &p->list[i], check);
	if (p->n > 0 && p->n_before == p->n)
		find(p, p->list[p->n - 1].line, check, J11_AUDIT_MISSING, "no checkpoint is of a record of these files, which begin with %" PRIu64
			": name those before them too", p->first);
}
