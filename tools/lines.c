/* SPDX-License-Identifier: Apache-2.0 */
/* Lines. */
#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 65536 };

void lines_done(struct lines *lines)
{
	j11_buf_done(&lines->in);
}

/* The line that ends at `end`; what is behind it begins at `next`. */
static enum lines_next take(struct lines *l, size_t end, size_t next, struct jwk11_view *ret_line)
{
	bool whole = !l->skipping && end - l->start <= l->max;

	*ret_line = (struct jwk11_view){ .data = l->in.data + l->start, .len = end - l->start };
	l->start = l->seen = next;
	l->skipping = false;
	l->n++;
	return whole ? LINES_ONE : LINES_LONG;
}

/* Of what was read, or LINES_LATER. */
static enum lines_next take_read(struct lines *l, struct jwk11_view *ret_line)
{
	const char *end = l->seen < l->in.len ? memchr(l->in.data + l->seen, '\n', l->in.len - l->seen) : NULL;

	if (end != NULL)
		return take(l, (size_t)(end - l->in.data), (size_t)(end - l->in.data) + 1, ret_line);
	if (l->ended && (l->start < l->in.len || l->skipping))
		return take(l, l->in.len, l->in.len, ret_line);
	if (l->ended)
		return LINES_END;
	if (l->in.len - l->start > l->max) {
		l->skipping = true;
		l->start = l->in.len;
	}
	l->seen = l->in.len;
	return LINES_LATER;
}

static bool has_input(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) != 0;
}

/* One piece more. False: errno says why not. */
static bool read_more(struct lines *l)
{
	char *place;
	ssize_t n;

	j11_buf_drop(&l->in, l->start);
	l->seen -= l->start;
	l->start = 0;
	l->in.max = l->max + 2 * PIECE;
	place = j11_buf_grow(&l->in, PIECE);
	errno = ENOMEM;
	if (place == NULL)
		return false;
	do
		n = read(l->fd, place, PIECE);
	while (n < 0 && errno == EINTR);
	j11_buf_cut(&l->in, l->in.len - PIECE + (n > 0 ? (size_t)n : 0));
	l->ended = n == 0;
	return n >= 0;
}

enum lines_next lines_next(struct lines *l, bool wait, struct jwk11_view *ret_line)
{
	enum lines_next next;

	while ((next = take_read(l, ret_line)) == LINES_LATER) {
		if (!wait && !has_input(l->fd))
			return LINES_LATER;
		if (!read_more(l))
			return LINES_FAILED;
	}
	return next;
}
