/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded byte buffer with a sticky failure: append freely, check once at the end. And views on bytes. */
#ifndef J11_BUF_H
#define J11_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "jwk11.h"

/* Invariant: len <= max; data[len] == 0 whenever data is not NULL; failed is never cleared but by a reset. */
struct jwk11_buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	enum jwk11_rc failed; /* OK, MEMORY or LIMIT: the first failed append */
	bool secret;          /* wiped when it grows, is reset or is freed */
};

/* For a buffer that lives on the stack or inside another object: `struct jwk11_buf b = J11_BUF(4096);` then j11_buf_done. */
#define J11_BUF(maximum) ((struct jwk11_buf){ .max = (maximum) })
void j11_buf_done(struct jwk11_buf *buf);

void j11_buf_add(struct jwk11_buf *buf, const void *data, size_t len);
void j11_buf_add_str(struct jwk11_buf *buf, const char *s);
void j11_buf_add_byte(struct jwk11_buf *buf, unsigned char byte);
void j11_buf_add_fmt(struct jwk11_buf *buf, const char *fmt, ...) J11_PRINTF(2, 3);
/* Room for len more bytes, returned uninitialised and counted as part of the buffer; NULL on (recorded) failure. */
void *j11_buf_grow(struct jwk11_buf *buf, size_t len) J11_MUST_USE;
/* Drops the first n bytes (n <= len). */
void j11_buf_drop(struct jwk11_buf *buf, size_t n);
/* Cuts to n bytes (n <= len). */
void j11_buf_cut(struct jwk11_buf *buf, size_t n);
/* OK, or MEMORY / LIMIT with `what` named in the record ("JWS longer than 65536 bytes"). */
enum jwk11_rc j11_buf_check(const struct jwk11_buf *buf, const char *what, struct jwk11_err *err) J11_MUST_USE;
/* The same at the end of several appends to a caller's buffer: on failure cut back to the `start` octets it had. */
enum jwk11_rc j11_buf_check_from(struct jwk11_buf *buf, size_t start, const char *what, struct jwk11_err *err) J11_MUST_USE;

static inline struct jwk11_view j11_buf_view(const struct jwk11_buf *buf)
{
	return (struct jwk11_view){ .data = buf->data ? buf->data : "", .len = buf->len };
}

/* Views. */
struct jwk11_view j11_view_str(const char *s);
#define J11_VIEW(literal) ((struct jwk11_view){ .data = (literal), .len = sizeof(literal) - 1 })
bool j11_view_equal(struct jwk11_view a, struct jwk11_view b);
bool j11_view_equals(struct jwk11_view a, const char *s);

static inline void j11_buf_done_auto(struct jwk11_buf *buf)
{
	j11_buf_done(buf);
}
static inline void jwk11_buf_free_auto(struct jwk11_buf **p)
{
	jwk11_buf_free(*p);
}

#endif
