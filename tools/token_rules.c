/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no broker, no file and no clock. */
#include "token_rules.h"

#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/jws.h"
#include "json/json_read.h"

bool token_mode(const char *text, unsigned *ret_mode)
{
	unsigned mode = 0;
	size_t len = strlen(text);

	if (len < 3 || len > 4 || (len == 4 && text[0] != '0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '7')
			return false;
		mode = mode * 8 + (unsigned)(*text - '0');
	}
	*ret_mode = mode;
	return (mode & 0400) != 0;
}

static enum jwk11_rc no_jwt(struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HTTP_MALFORMED, "what was made is no JWT with an exp");
}

/* RFC 7519 section 2: a NumericDate may have a fraction. */
static bool seconds_of(const struct j11_json *value, int64_t *ret_seconds)
{
	uint64_t n;
	size_t len = 0;

	if (value == NULL || value->type != J11_JSON_NUMBER)
		return false;
	while (len < value->text.len && ((const char *)value->text.data)[len] != '.')
		len++;
	if (!j11_text_to_u64((struct jwk11_view){ value->text.data, len }, INT64_MAX, &n))
		return false;
	*ret_seconds = (int64_t)n;
	return true;
}

enum jwk11_rc token_expiry(struct jwk11_view jwt, int64_t *ret_expires, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf claims = J11_BUF(J11_JWS_PAYLOAD_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const char *end = (const char *)jwt.data + jwt.len, *first = memchr(jwt.data, '.', jwt.len);
	const char *second = first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

	if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
		return no_jwt(err);
	if (j11_b64url_decode((struct jwk11_view){ first + 1, (size_t)(second - first - 1) }, "claims", &claims, NULL) != JWK11_OK ||
		j11_json_read(j11_buf_view(&claims), NULL, "claims", &doc, NULL) != JWK11_OK || !seconds_of(j11_json_get(j11_json_root(doc), "exp"), ret_expires))
		return no_jwt(err);
	return JWK11_OK;
}

int64_t token_next(int64_t now, int64_t expires, uint32_t by)
{
	int64_t left = expires - now, early = left / 20;

	left = left * 4 / 5 - (early > 0 ? (int64_t)(by % (uint64_t)(early + 1)) : 0);
	return now + (left > TOKEN_LEAST ? left : TOKEN_LEAST);
}

int64_t token_delay(unsigned n, unsigned retry_after, uint32_t by)
{
	int64_t delay = n < 5 ? 2 << n : TOKEN_BOUND;

	delay -= (int64_t)(by % (uint64_t)(delay / 2 + 1));
	if (delay < (int64_t)retry_after)
		delay = retry_after;
	return delay < TOKEN_BOUND ? delay : TOKEN_BOUND;
}
