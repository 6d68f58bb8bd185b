/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records as entries of the system's journal, by its native protocol: one datagram with one field a line. Part of the worker. */
#ifndef AUDIT_JOURNAL_H
#define AUDIT_JOURNAL_H

#include "audit/audit_line.h"

/* Appends the fields; `head` is the record's own place in the chain, NULL: it was not written. Pure. */
void audit_journal_fields(const struct j11_audit_record *record, const struct j11_audit_head *head, struct jwk11_buf *out);
/* Sends it, and never waits. Any thread. 0 or an errno value. JWK11_JOURNAL_SOCKET names another socket than the system's. */
int audit_journal_send(struct jwk11_view entry) J11_MUST_USE;

#endif
