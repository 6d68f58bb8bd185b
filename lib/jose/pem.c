/* SPDX-License-Identifier: Apache-2.0 */
/* SubjectPublicKeyInfo in PEM (RFC 7468 section 13), out and in. */
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "pub.h"

static const char begin_line[] = "-----BEGIN PUBLIC KEY-----";
static const char end_line[] = "-----END PUBLIC KEY-----";

enum jwk11_rc jwk11_pub_pem(const struct jwk11_pub *pub, struct jwk11_buf *ret_pem, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_SPKI_MAX);
	enum jwk11_rc rc;
	size_t start;

	if (pub == NULL || ret_pem == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "PEM: key or buffer is missing");
	rc = j11_pub_spki(pub, &der, err);
	if (rc != JWK11_OK)
		return rc;
	start = ret_pem->len;
	j11_buf_add_fmt(ret_pem, "%s\n", begin_line);
	j11_b64_add(ret_pem, j11_buf_view(&der), 64);
	j11_buf_add_fmt(ret_pem, "%s\n", end_line);
	return j11_buf_check_from(ret_pem, start, "PEM", err);
}

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_PEM_INVALID, "PEM: %s", why);
}

/* Text around the one block is allowed (RFC 7468 section 2), a private key or a second block is not. */
enum jwk11_rc jwk11_pub_from_pem(struct jwk11_view pem, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(65536);
	const char *text = pem.data, *begin, *body, *end;
	enum jwk11_rc rc;

	if (text == NULL || ret_pub == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "PEM: no text or no place for the key");
	if (pem.len > 65536)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "PEM: longer than 65536 bytes");
	if (memmem(text, pem.len, "PRIVATE KEY-----", 16) != NULL)
		return refuse("it holds a private key; give the public key", err);
	begin = memmem(text, pem.len, begin_line, sizeof(begin_line) - 1);
	if (begin == NULL)
		return refuse("no line \"-----BEGIN PUBLIC KEY-----\"", err);
	body = begin + sizeof(begin_line) - 1;
	end = memmem(body, (size_t)(text + pem.len - body), end_line, sizeof(end_line) - 1);
	if (end == NULL)
		return refuse("no line \"-----END PUBLIC KEY-----\"", err);
	if (memmem(text, (size_t)(begin - text), "-----BEGIN ", 11) != NULL ||
		memmem(body, (size_t)(text + pem.len - body), "-----BEGIN ", 11) != NULL)
		return refuse("more than one block", err);
	rc = j11_b64_decode((struct jwk11_view){ .data = body, .len = (size_t)(end - body) }, "PEM", &der, err);
	return rc == JWK11_OK ? j11_pub_from_spki(j11_buf_view(&der), ret_pub, err) : rc;
}
