/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields of gRPC. */
#include "grpc_text.h"

#include "base/text.h"
#include "problem.h"

enum { DIGITS_MOST = 8, DAY_MS = 86400000 };

enum grpc_method grpc_method_of(struct jwk11_view path)
{
	static const char *const services[] = { "/v1.ExternalJWTSigner/", "/v1alpha1.ExternalJWTSigner/" };
	static const char *const methods[] = { [GRPC_SIGN] = "Sign", [GRPC_FETCH_KEYS] = "FetchKeys", [GRPC_METADATA] = "Metadata" };

	for (size_t i = 0; i < J11_COUNT(services); i++) {
		struct jwk11_view start = j11_view_str(services[i]), head = { .data = path.data, .len = start.len };

		if (path.len < start.len || !j11_view_equal(head, start))
			continue;
		for (size_t m = 0; m < J11_COUNT(methods); m++)
			if (j11_view_equals((struct jwk11_view){ .data = (const char *)path.data + start.len, .len = path.len - start.len }, methods[m]))
				return (enum grpc_method)m;
		return GRPC_NO_METHOD;
	}
	return GRPC_NO_SERVICE;
}

bool grpc_timeout_of(struct jwk11_view text, uint64_t *ret_ms)
{
	static const struct {
		char unit;
		uint64_t times, over; /* milliseconds */
	} units[] = { { 'H', 3600000, 1 }, { 'M', 60000, 1 }, { 'S', 1000, 1 }, { 'm', 1, 1 }, { 'u', 1, 1000 }, { 'n', 1, 1000000 } };
	const char *p = text.data;
	uint64_t n = 0;

	if (text.len < 2 || text.len > DIGITS_MOST + 1)
		return false;
	for (size_t i = 0; i < text.len - 1; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(p[i] - '0');
	}
	for (size_t i = 0; i < J11_COUNT(units); i++) {
		if (p[text.len - 1] != units[i].unit)
			continue;
		n = n * units[i].times / units[i].over;
		*ret_ms = n < DAY_MS ? n : DAY_MS;
		return true;
	}
	return false;
}

bool grpc_is_content_type(struct jwk11_view text)
{
	static const char type[] = "application/grpc";
	const char *rest = (const char *)text.data + sizeof(type) - 1;
	size_t len = sizeof(type) - 1;

	if (text.len < len || !j11_view_equals((struct jwk11_view){ .data = text.data, .len = len }, type))
		return false;
	return text.len == len || *rest == ';' || j11_view_equals((struct jwk11_view){ .data = rest, .len = text.len - len }, "+proto");
}

void grpc_message_add(struct jwk11_buf *out, struct jwk11_view text)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *p = text.data;

	for (size_t i = 0; i < text.len; i++) {
		if (p[i] >= ' ' && p[i] <= '~' && p[i] != '%') {
			j11_buf_add_byte(out, p[i]);
			continue;
		}
		j11_buf_add_byte(out, '%');
		j11_buf_add_byte(out, (unsigned char)digits[p[i] >> 4]);
		j11_buf_add_byte(out, (unsigned char)digits[p[i] & 15]);
	}
}

/* By the HTTP status, which each code has. kube-apiserver tells its own caller the text, not the code. */
enum grpc_status grpc_status_of(enum j11_code code)
{
	static const struct {
		unsigned http;
		enum grpc_status status;
	} rows[] = { { 400, GRPC_INVALID_ARGUMENT }, { 413, GRPC_INVALID_ARGUMENT }, { 403, GRPC_PERMISSION_DENIED }, { 404, GRPC_PERMISSION_DENIED },
		{ 422, GRPC_PERMISSION_DENIED }, { 409, GRPC_FAILED_PRECONDITION }, { 429, GRPC_RESOURCE_EXHAUSTED }, { 503, GRPC_UNAVAILABLE },
		{ 504, GRPC_UNAVAILABLE } };
	unsigned http = code < J11_N_CODE_ ? problem_status(code) : 500;

	if (code == J11_CODE_TOKEN_FAILED || code == J11_CODE_MODULE_FAILED || code == J11_CODE_WORKER_LOST || code == J11_CODE_DEVICE)
		return GRPC_UNAVAILABLE;
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (rows[i].http == http)
			return rows[i].status;
	return GRPC_INTERNAL;
}
