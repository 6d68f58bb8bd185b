/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded byte buffer with a sticky failure; views. */
#include "buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "mem.h"

struct jwk11_buf *jwk11_buf_new(size_t max)
{
	struct jwk11_buf *buf = j11_mem_new(sizeof(*buf));

	if (buf != NULL)
		buf->max = max;
	return buf;
}

void j11_buf_done(struct jwk11_buf *buf)
{
	if (buf->secret)
		j11_mem_wipe(buf->data, buf->cap);
	j11_mem_free(buf->data);
	*buf = (struct jwk11_buf){ .max = buf->max, .secret = buf->secret };
}

void jwk11_buf_free(struct jwk11_buf *buf)
{
	if (buf == NULL)
		return;
	j11_buf_done(buf);
	j11_mem_free(buf);
}

const char *jwk11_buf_data(const struct jwk11_buf *buf)
{
	return buf->data ? buf->data : "";
}

size_t jwk11_buf_len(const struct jwk11_buf *buf)
{
	return buf->len;
}

void jwk11_buf_reset(struct jwk11_buf *buf)
{
	if (buf->secret)
		j11_mem_wipe(buf->data, buf->cap);
	buf->len = 0;
	buf->failed = JWK11_OK;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

/* Makes room for `need` octets and the NUL. A secret buffer moves by hand, so that no old copy stays behind. */
static bool reserve(struct jwk11_buf *buf, size_t need)
{
	size_t cap = buf->cap ? buf->cap : 64;
	char *data;

	if (need < buf->cap)
		return true;
	while (cap <= need)
		cap = cap > buf->max ? need + 1 : cap * 2;
	if (buf->secret) {
		data = j11_mem_new(cap);
		if (data != NULL && buf->len > 0)
			memcpy(data, buf->data, buf->len + 1);
		if (data != NULL) {
			j11_mem_wipe(buf->data, buf->cap);
			j11_mem_free(buf->data);
		}
	} else {
		data = j11_mem_resize(buf->data, cap);
	}
	if (data == NULL)
		return false;
	buf->data = data;
	buf->cap = cap;
	return true;
}

void *j11_buf_grow(struct jwk11_buf *buf, size_t len)
{
	char *place;

	if (buf->failed != JWK11_OK)
		return NULL;
	if (len > buf->max || buf->len > buf->max - len) {
		buf->failed = JWK11_ERR_LIMIT;
		return NULL;
	}
	if (!reserve(buf, buf->len + len)) {
		buf->failed = JWK11_ERR_MEMORY;
		return NULL;
	}
	place = buf->data + buf->len;
	buf->len += len;
	buf->data[buf->len] = '\0';
	return place;
}

void j11_buf_add(struct jwk11_buf *buf, const void *data, size_t len)
{
	void *place = j11_buf_grow(buf, len);

	if (place != NULL && len > 0)
		memcpy(place, data, len);
}

void j11_buf_add_str(struct jwk11_buf *buf, const char *s)
{
	j11_buf_add(buf, s, strlen(s));
}

void j11_buf_add_byte(struct jwk11_buf *buf, unsigned char byte)
{
	j11_buf_add(buf, &byte, 1);
}

void j11_buf_add_fmt(struct jwk11_buf *buf, const char *fmt, ...)
{
	va_list ap;
	int len;
	char *place;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	place = len < 0 ? NULL : j11_buf_grow(buf, (size_t)len);
	if (place == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(place, (size_t)len + 1, fmt, ap);
	va_end(ap);
}

void j11_buf_drop(struct jwk11_buf *buf, size_t n)
{
	assert(n <= buf->len);
	if (n == 0)
		return;
	memmove(buf->data, buf->data + n, buf->len - n + 1);
	buf->len -= n;
	if (buf->secret)
		j11_mem_wipe(buf->data + buf->len + 1, n);
}

void j11_buf_cut(struct jwk11_buf *buf, size_t n)
{
	assert(n <= buf->len);
	buf->len = n;
	if (buf->data != NULL)
		buf->data[n] = '\0';
}

enum jwk11_rc j11_buf_check(const struct jwk11_buf *buf, const char *what, struct jwk11_err *err)
{
	if (buf->failed == JWK11_ERR_LIMIT)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s is longer than %zu bytes", what, buf->max);
	if (buf->failed != JWK11_OK)
		return j11_err_memory(err);
	return JWK11_OK;
}

enum jwk11_rc j11_buf_check_from(struct jwk11_buf *buf, size_t start, const char *what, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_buf_check(buf, what, err);

	if (rc != JWK11_OK)
		j11_buf_cut(buf, start);
	return rc;
}

struct jwk11_view j11_view_str(const char *s)
{
	return (struct jwk11_view){ .data = s, .len = strlen(s) };
}

bool j11_view_equal(struct jwk11_view a, struct jwk11_view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool j11_view_equals(struct jwk11_view a, const char *s)
{
	return j11_view_equal(a, j11_view_str(s));
}
