/* SPDX-License-Identifier: Apache-2.0 */
/* A text line by line as it comes, in bounded memory. */
#ifndef LINES_H
#define LINES_H

#include "base/buf.h"

/* Zeroed but for fd and max at first; the owner closes fd. */
struct lines {
	int fd;
	size_t max;     /* octets of a line, without its end */
	uint64_t n;     /* number of the line that came last, from 1 */

	/* its own */
	struct jwk11_buf in;
	size_t start, seen; /* where the next line begins, and what was searched for its end */
	bool ended, skipping;
};
enum lines_next {
	LINES_ONE,    /* *ret_line, borrowed until the next call */
	LINES_LONG,   /* it was longer than max, and is gone */
	LINES_LATER,  /* none is there yet */
	LINES_END,
	LINES_FAILED  /* errno, or ENOMEM */
};
/* The next line; with `wait` never LINES_LATER. A last line needs no end. */
enum lines_next lines_next(struct lines *lines, bool wait, struct jwk11_view *ret_line);
void lines_done(struct lines *lines);

#endif
