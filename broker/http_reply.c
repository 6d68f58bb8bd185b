/* SPDX-License-Identifier: Apache-2.0 */
/* The response writer of the front. Every value it writes is ours or was checked by its caller; nothing a client sent gets here but a
 * checked Request-Id. */
#include "http_reply.h"

#include <string.h>

const struct jwk11_view http_reply_continue = J11_VIEW("HTTP/1.1 100 Continue\r\n\r\n");

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *http_reply_reason(unsigned status)
{
	for (size_t i = 0; i < J11_COUNT(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

static void add_number(struct jwk11_buf *out, size_t n)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	j11_buf_add(out, digits + at, sizeof(digits) - at);
}

static void add_field(struct jwk11_buf *out, struct jwk11_view name, const char *value)
{
	if (value == NULL)
		return;
	j11_buf_add(out, name.data, name.len);
	j11_buf_add_str(out, value);
	j11_buf_add(out, "\r\n", 2);
}

static void add_number_field(struct jwk11_buf *out, struct jwk11_view name, size_t value)
{
	j11_buf_add(out, name.data, name.len);
	add_number(out, value);
	j11_buf_add(out, "\r\n", 2);
}

void http_reply_write(struct jwk11_buf *out, const struct http_reply *reply)
{
	bool bodiless = reply->status == 304;

	j11_buf_add(out, "HTTP/1.1 ", 9);
	add_number(out, reply->status);
	j11_buf_add_byte(out, ' ');
	j11_buf_add_str(out, http_reply_reason(reply->status));
	j11_buf_add(out, "\r\n", 2);
	if (!bodiless) {
		add_field(out, J11_VIEW("Content-Type: "), reply->type);
		add_number_field(out, J11_VIEW("Content-Length: "), reply->body.len);
	}
	add_field(out, J11_VIEW("Cache-Control: "), reply->cache_control);
	add_field(out, J11_VIEW("ETag: "), reply->etag);
	add_field(out, J11_VIEW("Vary: "), reply->vary);
	add_field(out, J11_VIEW("Allow: "), reply->allow);
	add_field(out, J11_VIEW("Request-Id: "), reply->request_id);
	if (reply->retry_after > 0)
		add_number_field(out, J11_VIEW("Retry-After: "), reply->retry_after);
	if (reply->close)
		add_field(out, J11_VIEW("Connection: "), "close");
	j11_buf_add(out, "\r\n", 2);
	if (!bodiless && !reply->head_only)
		j11_buf_add(out, reply->body.data, reply->body.len);
}
