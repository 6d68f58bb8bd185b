/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as an audit log: no crash, the same findings however they are cut into pieces, and nothing is whole that has no record. */
#include <stdlib.h>

#include "audit/audit_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static uint64_t check(const uint8_t *data, size_t size, size_t piece, uint64_t *ret_records)
{
	struct j11_audit_check c = { .arg = NULL };
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
	must(check(data, size, 7, &again) == n && again == records);
	return 0;
}
