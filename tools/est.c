/* SPDX-License-Identifier: Apache-2.0 */
/* EST's requests and what their answers mean. */
#include "est.h"

#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "http_said.h"

#define PKCS7 "application/pkcs7-mime"

enum { ANSWER_MAX = 512 * 1024, REQUEST_MAX = 131072 };

enum jwk11_rc est_open(struct est *est, const char *url, struct jwk11_err *err)
{
	const char *host = strstr(url, "://"), *path = host != NULL ? strchr(host + 3, '/') : NULL;
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	if (path == NULL || path[1] == '\0')
		snprintf(est->base, sizeof(est->base), "%.*s/.well-known/est", (int)len, url);
	else
		snprintf(est->base, sizeof(est->base), "%.*s", (int)len, url);
	return len + 64 < sizeof(est->base) ? JWK11_OK : j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "URL: longer than %zu bytes", sizeof(est->base) - 64);
}

enum { SAID_MAX = HTTP_SAID_DETAIL_MAX + HTTP_SAID_TYPE_MAX + 4 };

/* The body of a refusal, when it is text for people (section 4.2.3). */
static void said(const struct http_answer *answer, char room[SAID_MAX])
{
	struct http_problem problem;

	room[0] = '\0';
	if (http_said_problem_text(j11_buf_view(&answer->body), &problem))
		snprintf(room, SAID_MAX, "%s (%s)", problem.detail, problem.type[0] != '\0' ? problem.type : "about:blank");
	else if (http_said_type(answer->type, "text/plain"))
		j11_text_printable(j11_buf_view(&answer->body), room, SAID_MAX);
	while (room[0] != '\0' && room[strlen(room) - 1] == ' ')
		room[strlen(room) - 1] = '\0';
}

static enum jwk11_rc refused(const struct est *est, const char *what, struct http_answer *answer, struct jwk11_err *err)
{
	char origin[128], text[SAID_MAX];

	http_client_origin(est->base, origin, sizeof(origin));
	while (answer->body.len > 0 && answer->body.data[answer->body.len - 1] == '\n')
		j11_buf_cut(&answer->body, answer->body.len - 1);
	said(answer, text);
	if (answer->retry_after > 0)
		cmd_note_request("", (unsigned)answer->retry_after);
	if (answer->status == 429 || answer->status == 503)
		return j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_SERVER_PENDING, "%s: %s: answered %ld: not now%s%s", origin, what, answer->status,
			text[0] ? ": " : "", text);
	j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_SERVER_REFUSED, "%s: %s: answered %ld%s%s", origin, what, answer->status, text[0] ? ": " : "", text);
	if (answer->status == 401)
		j11_err_hint(err, "--user NAME and --password-file FILE, or --tls-cert and --tls-key");
	if (answer->status == 404)
		j11_err_hint(err, "URL is https://HOST, or with the path of the server's EST: https://HOST/.well-known/est/LABEL");
	return JWK11_ERR_DENIED;
}

static enum jwk11_rc check_type(const struct est *est, const struct http_answer *answer, const char *wanted, struct jwk11_err *err)
{
	char origin[128], got[80];

	if (http_said_type(answer->type, wanted))
		return JWK11_OK;
	http_client_origin(est->base, origin, sizeof(origin));
	j11_text_printable(j11_view_str(answer->type[0] != '\0' ? answer->type : "no Content-Type"), got, sizeof(got));
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "%s: an answer of %s where %s was asked for", origin, got, wanted);
}

static enum jwk11_rc get(struct est *est, const char *what, const char *accept, struct http_answer *ret_answer, struct jwk11_err *err)
{
	char url[HTTP_URL_MAX + 32];
	struct http_request request = { .method = "GET", .url = url, .accept = accept, .max = ANSWER_MAX };

	snprintf(url, sizeof(url), "%s/%s", est->base, what);
	return http_client_ask(est->http, &request, ret_answer, err);
}

static enum jwk11_rc take(const struct http_answer *answer, struct jwk11_buf *ret_text, struct jwk11_err *err)
{
	j11_buf_add(ret_text, answer->body.data, answer->body.len);
	return j11_buf_check(ret_text, "answer", err);
}

enum jwk11_rc est_cacerts(struct est *est, struct jwk11_buf *ret_text, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	enum jwk11_rc rc = get(est, "cacerts", PKCS7, &answer, err);

	if (rc == JWK11_OK && answer.status != 200)
		rc = refused(est, "cacerts", &answer, err);
	if (rc == JWK11_OK)
		rc = check_type(est, &answer, PKCS7, err);
	return rc == JWK11_OK ? take(&answer, ret_text, err) : rc;
}

/* 204, and 404 of a server that does not know the path (section 4.5.2). */
enum jwk11_rc est_csrattrs(struct est *est, struct est_attrs *ret_attrs, bool *ret_given, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	enum jwk11_rc rc = get(est, "csrattrs", "application/csrattrs", &answer, err);

	*ret_given = false;
	if (rc != JWK11_OK || answer.status == 204 || answer.status == 404 || answer.status == 501)
		return rc;
	if (answer.status != 200)
		return refused(est, "csrattrs", &answer, err);
	rc = check_type(est, &answer, "application/csrattrs", err);
	if (rc == JWK11_OK && answer.body.len > 0)
		rc = est_attrs_read(j11_buf_view(&answer.body), ret_attrs, err);
	*ret_given = rc == JWK11_OK && answer.body.len > 0;
	return rc;
}

enum jwk11_rc est_enroll(struct est *est, bool again, struct jwk11_view csr_der, struct patience *patience, struct jwk11_buf *ret_text, struct jwk11_err *err)
{
	const char *what = again ? "simplereenroll" : "simpleenroll";
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(REQUEST_MAX);
	char url[HTTP_URL_MAX + 32];
	struct http_request request = { .method = "POST", .url = url, .type = "application/pkcs10", .encoding = "base64", .accept = PKCS7, .max = ANSWER_MAX };
	enum jwk11_rc rc;

	snprintf(url, sizeof(url), "%s/%s", est->base, what);
	j11_b64_add(&body, csr_der, 64);
	rc = j11_buf_check(&body, "request", err);
	request.body = j11_buf_view(&body);
	if (rc == JWK11_OK)
		rc = http_client_ask(est->http, &request, &answer, err);
	while (rc == JWK11_OK && answer.status == 202) {
		rc = patience_wait(patience, answer.retry_after, "the certificate", err);
		http_answer_done(&answer);
		if (rc == JWK11_OK)
			rc = http_client_ask(est->http, &request, &answer, err);
	}
	if (rc == JWK11_OK && answer.status != 200)
		rc = refused(est, what, &answer, err);
	if (rc == JWK11_OK)
		rc = check_type(est, &answer, PKCS7, err);
	return rc == JWK11_OK ? take(&answer, ret_text, err) : rc;
}
