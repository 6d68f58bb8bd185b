/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the audit log: one record for each decision, written before the answer leaves. Thread-safe. */
#ifndef WORK_AUDIT_H
#define WORK_AUDIT_H

#include "audit/audit_line.h"
#include "conf.h"

/* Before there are threads. False: no memory. */
bool work_audit_open(void) J11_MUST_USE;
/* After the process has given up what it has to: the thread that brings records to the disk. False: it did not start. */
bool work_audit_start(void) J11_MUST_USE;
/* The file to write to from now on; takes fd. */
void work_audit_file(int fd);
/* With audit = required, while records cannot be written: AUDIT_FAILED. Asked before a key is used; tries to write what was lost. */
enum jwk11_rc work_audit_ready(const struct conf *conf, struct jwk11_err *err) J11_MUST_USE;
/* Writes the record. AUDIT_FAILED: it was not written and audit = required; what the record is about must not leave. */
enum jwk11_rc work_audit_write(const struct conf *conf, const struct j11_audit_record *record, struct jwk11_err *err) J11_MUST_USE;
/* This thread's own; NULL: none. */
struct j11_audit_sha *work_audit_sha(void);

#endif
