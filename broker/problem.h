/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as HTTP tells them: one row per code word with its status and title, and the RFC 9457 document. */
#ifndef PROBLEM_H
#define PROBLEM_H

#include "base/buf.h"
#include "base/err.h"

#define PROBLEM_TYPE "application/problem+json"

/* 400 to 505; each code has exactly one. */
unsigned problem_status(enum j11_code code);
/* "No such key": the same for every problem of this code. */
const char *problem_title(enum j11_code code);
/* Seconds after which trying again makes sense; 0: it does not. */
unsigned problem_retry_after(enum j11_code code);

/* Views with len 0 are left out. `reasons` is JSON, written as it is. */
struct problem {
	enum j11_code code;
	struct jwk11_view detail;
	struct jwk11_view ckr;
	struct jwk11_view token;
	struct jwk11_view request_id;
	struct jwk11_view hint;
	struct jwk11_view reasons;
};
/* Appends the document; a failure sticks in the buffer. */
void problem_write(struct jwk11_buf *out, const struct problem *problem);

#endif
