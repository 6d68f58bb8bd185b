/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as an audit log: no crash, the same findings however they are cut into pieces, and nothing is whole that has no record. What is
 * shown of a record stands in it. A checkpoint that is read is read the same when it is written again. */
#include <stdlib.h>
#include <string.h>

#include "audit/audit_chain.h"
#include "audit/audit_entry.h"
#include "audit/audit_point.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void read_entry(void *arg, struct jwk11_view text, const struct j11_audit_line *line)
{
	struct j11_audit_wanted all = J11_AUDIT_ALL;
	struct j11_audit_entry e;
	int64_t ms;

	(void)arg;
	if (j11_audit_entry_read(text, line, &e, NULL) != JWK11_OK)
		return;
	must(j11_audit_entry_is(&e, &all) && j11_audit_moment(e.time, 0, &ms) && ms == e.time_ms);
	all.key = "issuer";
	must(!j11_audit_entry_is(&e, &all) || j11_view_equals(e.key, "issuer") || j11_view_equals(e.kid, "issuer"));
	j11_audit_entry_done(&e);
}

static void read_point(struct jwk11_view payload)
{
	struct j11_audit_point point = { .first_time = J11_VIEW(""), .last_time = J11_VIEW(""), .file = J11_VIEW("fuzz") };
	struct jwk11_buf out = J11_BUF(4096);
	struct j11_audit_head again = J11_AUDIT_NO_HEAD;

	if (j11_audit_point_read(payload, &point.head, NULL) != JWK11_OK)
		return;
	j11_audit_point_write(&point, &out);
	must(j11_audit_point_read(j11_buf_view(&out), &again, NULL) == JWK11_OK && again.seq == point.head.seq && strcmp(again.hash, point.head.hash) == 0);
	j11_buf_done(&out);
}

static uint64_t check(const uint8_t *data, size_t size, size_t piece, uint64_t *ret_records)
{
	struct j11_audit_check c = { .record = read_entry };
	uint64_t n;

	must(j11_audit_check_start(&c));
	j11_audit_check_file(&c, "fuzz");
	for (size_t at = 0; at < size; at += piece)
		j11_audit_check_octets(&c, (struct jwk11_view){ data + at, size - at < piece ? size - at : piece });
	j11_audit_check_file_end(&c);
	j11_audit_check_end(&c);
	n = c.n_findings;
	*ret_records = c.n_records;
	j11_audit_check_done(&c);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t records = 0, again = 0, n = check(data, size, size + 1, &records);

	must(n > 0 || records > 0);
	read_point((struct jwk11_view){ data, size });
	must(check(data, size, 7, &again) == n && again == records);
	return 0;
}
