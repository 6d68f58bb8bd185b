/* SPDX-License-Identifier: Apache-2.0 */
/* SubjectPublicKeyInfo in PEM (RFC 7468 section 13), out and in. */
#include "pem.h"

#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "pub.h"

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
	j11_b64_pem(ret_pem, "PUBLIC KEY", j11_buf_view(&der));
	return j11_buf_check_from(ret_pem, start, "PEM", err);
}

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_PEM_INVALID, "PEM: %s", why);
}

/* What lies before the first `mark` of *rest, which then is what lies behind it. */
static bool cut_at(struct jwk11_view *rest, const char *mark, struct jwk11_view *ret_before)
{
	const char *at = rest->len > 0 ? memmem(rest->data, rest->len, mark, strlen(mark)) : NULL;
	const char *start = rest->data;

	if (at == NULL)
		return false;
	*ret_before = (struct jwk11_view){ .data = start, .len = (size_t)(at - start) };
	rest->len -= ret_before->len + strlen(mark);
	rest->data = at + strlen(mark);
	return true;
}

enum jwk11_rc j11_pem_next(struct jwk11_view *rest, struct j11_pem_block *ret_block, struct jwk11_err *err)
{
	struct jwk11_view before, label;
	const struct j11_pem_block none = { { 0 }, { 0 } };

	*ret_block = none;
	if (!cut_at(rest, "-----BEGIN ", &before))
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_PEM_INVALID, "PEM: no line \"-----BEGIN …-----\"");
	if (!cut_at(rest, "-----", &ret_block->label))
		return refuse("a line \"-----BEGIN\" does not end", err);
	if (!cut_at(rest, "-----END ", &ret_block->body) || !cut_at(rest, "-----", &label) || !j11_view_equal(label, ret_block->label))
		return refuse("a block has no line \"-----END …-----\" of its own", err);
	return memmem(ret_block->body.data, ret_block->body.len, "-----BEGIN ", 11) == NULL ? JWK11_OK : refuse("a block begins within another one", err);
}

/* Text around the one block is allowed (RFC 7468 section 2), a private key or a second block is not. */
enum jwk11_rc jwk11_pub_from_pem(struct jwk11_view pem, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(65536);
	struct j11_pem_block block, another;
	enum jwk11_rc rc;

	if (pem.data == NULL || ret_pub == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "PEM: no text or no place for the key");
	if (pem.len > 65536)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "PEM: longer than 65536 bytes");
	if (memmem(pem.data, pem.len, "PRIVATE KEY-----", 16) != NULL)
		return refuse("it holds a private key; give the public key", err);
	rc = j11_pem_next(&pem, &block, NULL);
	if (rc == JWK11_ERR_NOT_FOUND || (rc == JWK11_OK && !j11_view_equals(block.label, "PUBLIC KEY")))
		return refuse("no line \"-----BEGIN PUBLIC KEY-----\"", err);
	if (rc != JWK11_OK)
		return refuse("no line \"-----END PUBLIC KEY-----\"", err);
	if (j11_pem_next(&pem, &another, NULL) != JWK11_ERR_NOT_FOUND)
		return refuse("more than one block", err);
	rc = j11_b64_decode(block.body, "PEM", &der, err);
	return rc == JWK11_OK ? j11_pub_from_spki(j11_buf_view(&der), ret_pub, err) : rc;
}
