/* SPDX-License-Identifier: Apache-2.0 */
/* In place of http_client.c where libcurl was not there when this was built: says so before anything is asked or signed. */
#include "base/err.h"
#include "http_client.h"

static enum jwk11_rc without(struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this jwk11 was built without libcurl, and asks no servers");
	j11_err_hint(err, "jwk11 csr makes the request, jwk11 import-cert takes the certificate");
	return JWK11_ERR_UNSUPPORTED;
}

enum jwk11_rc http_client_new(const struct http_options *options, struct http_client **ret_client, struct jwk11_err *err)
{
	(void)options;
	(void)ret_client;
	return without(err);
}

void http_client_free(struct http_client *client)
{
	(void)client;
}

enum jwk11_rc http_client_ask(struct http_client *client, const struct http_request *request, struct http_answer *ret_answer, struct jwk11_err *err)
{
	(void)client;
	(void)request;
	(void)ret_answer;
	return without(err);
}

void http_answer_done(struct http_answer *answer)
{
	j11_buf_done(&answer->body);
}

const char *http_client_objection(const char *url, bool allow_http)
{
	(void)url;
	(void)allow_http;
	return NULL;
}

void http_client_origin(const char *url, char *room, size_t room_len)
{
	(void)url;
	(void)room_len;
	room[0] = '\0';
}
