/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, told what it may do. Its easy handle keeps connections from one request to the next; its multi handle waits for the network and for
 * Ctrl-C at once. */
#include "http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cancel.h"
#include "http_said.h"

enum { MAX_REDIRECTS = 5, DEFAULT_TIMEOUT_S = 30, CONNECT_TIMEOUT_S = 15, HEADERS_MAX = 65536, POLL_MS = 60000 };

struct http_client {
	struct http_options options;
	CURL *easy;
	CURLM *multi;
	char reason[CURL_ERROR_SIZE];
	size_t head_len; /* of the answer under way */
};

/* scheme, host and port of a URL. */
struct origin {
	char *scheme, *host, *port;
};

static void origin_done(struct origin *o)
{
	curl_free(o->scheme);
	curl_free(o->host);
	curl_free(o->port);
}

static bool read_origin(const char *url, struct origin *ret_origin)
{
	CURLU *u = curl_url();
	bool good = u != NULL && strlen(url) < HTTP_URL_MAX && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_SCHEME, &ret_origin->scheme, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_HOST, &ret_origin->host, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_PORT, &ret_origin->port, CURLU_DEFAULT_PORT) == CURLUE_OK;

	curl_url_cleanup(u);
	return good;
}

/* 127.0.0.0/8 and ::1 as they are written, and the name that libcurl itself takes for them. */
static bool is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
		(strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static bool same_origin(const char *a, const char *b)
{
	J11_AUTO(origin_done) struct origin x = { 0 }, y = { 0 };

	return read_origin(a, &x) && read_origin(b, &y) && strcasecmp(x.scheme, y.scheme) == 0 && strcasecmp(x.host, y.host) == 0 && strcmp(x.port, y.port) == 0;
}

const char *http_client_objection(const char *url, bool allow_http)
{
	J11_AUTO(origin_done) struct origin o = { 0 };

	if (!read_origin(url, &o))
		return "is no URL of a server: https://HOST[:PORT]/…, without a user in it";
	if (strcasecmp(o.scheme, "https") == 0)
		return NULL;
	if (strcasecmp(o.scheme, "http") != 0)
		return "does not begin with https://";
	if (!allow_http)
		return "is not encrypted: only https is used; --allow-http is for a server on this machine";
	return is_loopback(o.host) ? NULL : "is not on this machine, and --allow-http is for 127.0.0.1, [::1] and localhost alone";
}

void http_client_origin(const char *url, char *room, size_t room_len)
{
	const char *host = strstr(url, "://");
	size_t len = host != NULL ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : strlen(url);

	j11_text_printable((struct jwk11_view){ .data = url, .len = len }, room, room_len);
}

void http_answer_done(struct http_answer *answer)
{
	j11_buf_done(&answer->body);
	*answer = (struct http_answer){ 0 };
}

enum jwk11_rc http_client_new(const struct http_options *options, struct http_client **ret_client, struct jwk11_err *err)
{
	J11_AUTO(http_client_free_auto) struct http_client *c = j11_mem_new(sizeof(*c));

	if (c == NULL)
		return j11_err_memory(err);
	c->options = *options;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "libcurl cannot be started");
	c->easy = curl_easy_init();
	c->multi = curl_multi_init();
	if (c->easy == NULL || c->multi == NULL)
		return j11_err_memory(err);
	*ret_client = J11_STEAL(c);
	return JWK11_OK;
}

void http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	j11_mem_free(c);
}

/* ---- one exchange ---- */

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct jwk11_buf *body = arg;

	(void)size; /* always 1 */
	j11_buf_add(body, data, n);
	return body->failed == JWK11_OK ? n : 0;
}

static size_t count_head(char *data, size_t size, size_t n, void *arg)
{
	struct http_client *c = arg;

	(void)data;
	(void)size;
	c->head_len += n;
	return c->head_len <= HEADERS_MAX ? n : 0;
}

static void add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[512];
	struct curl_slist *grown;

	if (value == NULL)
		return;
	snprintf(line, sizeof(line), "%s: %s", name, value);
	grown = curl_slist_append(*list, line);
	if (grown != NULL)
		*list = grown;
}

static void set_trust(struct http_client *c)
{
	const struct http_options *o = &c->options;

	curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (o->cacert != NULL) { /* that alone */
		curl_easy_setopt(c->easy, CURLOPT_CAINFO, o->cacert);
		curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(c->easy, CURLOPT_SSLCERT, o->tls_cert);
	curl_easy_setopt(c->easy, CURLOPT_SSLKEY, o->tls_key);
}

/* libcurl copies the octets and wipes nothing of its own: they are in its memory until the client is freed. */
static void set_password(struct http_client *c, const char *url)
{
	const struct http_options *o = &c->options;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf word = { .max = J11_SECRET_MAX, .secret = true };

	curl_easy_setopt(c->easy, CURLOPT_USERNAME, NULL);
	curl_easy_setopt(c->easy, CURLOPT_PASSWORD, NULL);
	if (o->user == NULL || o->password == NULL || !same_origin(url, o->home))
		return;
	j11_buf_add(&word, j11_secret_expose(o->password).data, j11_secret_expose(o->password).len);
	curl_easy_setopt(c->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(c->easy, CURLOPT_USERNAME, o->user);
	curl_easy_setopt(c->easy, CURLOPT_PASSWORD, jwk11_buf_data(&word));
}

/* A server on this machine is asked directly, whatever proxy the environment names. */
static void set_way(struct http_client *c, const char *url)
{
	J11_AUTO(origin_done) struct origin o = { 0 };
	bool near = read_origin(url, &o) && is_loopback(o.host);

	curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, near && c->options.allow_http ? "https,http" : "https");
	curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c->easy, CURLOPT_NOPROXY, near ? "*" : NULL);
	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(c->easy, CURLOPT_TIMEOUT, c->options.timeout_s > 0 ? (long)c->options.timeout_s : (long)DEFAULT_TIMEOUT_S);
	curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "jwk11/" JWK11_VERSION);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->reason);
}

static void set_request(struct http_client *c, const struct http_request *r, struct jwk11_buf *body)
{
	bool post = strcmp(r->method, "POST") == 0;

	curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(c->easy, CURLOPT_NOBODY, strcmp(r->method, "HEAD") == 0 ? 1L : 0L);
	if (post) {
		curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, r->body.data);
	}
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, count_head);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
}

/* Until the answer is there; CURLE_ABORTED_BY_CALLBACK: cancelled. */
static CURLcode transfer(struct http_client *c)
{
	struct curl_waitfd extra = { .fd = cancel_fd(), .events = CURL_WAIT_POLLIN };
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left = 0;

	if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
		return CURLE_FAILED_INIT;
	while (running > 0 && !cancel_is_due()) {
		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			break;
		if (running > 0 && curl_multi_poll(c->multi, &extra, cancel_fd() >= 0 ? 1 : 0, POLL_MS, NULL) != CURLM_OK)
			break;
	}
	for (CURLMsg *m = curl_multi_info_read(c->multi, &left); m != NULL; m = curl_multi_info_read(c->multi, &left))
		if (m->msg == CURLMSG_DONE)
			result = m->data.result;
	curl_multi_remove_handle(c->multi, c->easy);
	return result;
}

/* What libcurl says, in our words and with what to do. */
static enum jwk11_rc fault(const struct http_client *c, CURLcode code, const char *url, const struct jwk11_buf *body, struct jwk11_err *err)
{
	char origin[128], why[200];

	http_client_origin(url, origin, sizeof(origin));
	j11_text_printable(j11_view_str(c->reason[0] != '\0' ? c->reason : curl_easy_strerror(code)), why, sizeof(why));
	switch (code) {
	case CURLE_ABORTED_BY_CALLBACK:
		return cancel_check(err);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_SERVER_UNTRUSTED, "%s: its certificate is not accepted: %s", origin, why);
		j11_err_hint(err, "--cacert FILE names the CA of this server; there is no option to do without");
		return JWK11_ERR_DENIED;
	case CURLE_SSL_CACERT_BADFILE:
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_FILE_FAILED, "--cacert %s: %s", c->options.cacert != NULL ? c->options.cacert : "", why);
	case CURLE_SSL_CERTPROBLEM:
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_FILE_FAILED, "--tls-cert and --tls-key: %s", why);
	case CURLE_WRITE_ERROR:
		if (body->failed == JWK11_ERR_MEMORY)
			return j11_err_memory(err);
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "%s: an answer longer than %zu bytes; it was not read on", origin, body->max);
	case CURLE_OUT_OF_MEMORY:
		return j11_err_memory(err);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		j11_err_set(err, JWK11_ERR_ABSENT, J11_CODE_SERVER_ABSENT, "%s: %s", origin, why);
		if (c->options.tls_cert != NULL) /* with TLS 1.3 libcurl may see no more of it than that the connection has gone */
			j11_err_hint(err, "--tls-cert: a server that does not accept this certificate ends the connection in this way");
		return JWK11_ERR_ABSENT;
	default:
		return j11_err_set(err, JWK11_ERR_ABSENT, J11_CODE_SERVER_ABSENT, "%s: %s", origin, why);
	}
}

/* Header of the last answer, the whole of it or nothing. */
static void take_header(struct http_client *c, const char *name, char *room, size_t room_len)
{
	struct curl_header *h = NULL;
	size_t len;

	room[0] = '\0';
	if (curl_easy_header(c->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return;
	len = strlen(h->value);
	if (len < room_len)
		memcpy(room, h->value, len + 1);
}

static void take_head(struct http_client *c, struct http_answer *a)
{
	char after[64];

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &a->status);
	take_header(c, "Content-Type", a->type, sizeof(a->type));
	take_header(c, "Location", a->location, sizeof(a->location));
	take_header(c, "Replay-Nonce", a->nonce, sizeof(a->nonce));
	take_header(c, "Retry-After", after, sizeof(after));
	if (!http_said_retry_after(j11_view_str(after), (int64_t)time(NULL), &a->retry_after))
		a->retry_after = -1;
}

static enum jwk11_rc exchange(struct http_client *c, const struct http_request *r, const char *url, struct http_answer *a, struct jwk11_err *err)
{
	struct curl_slist *headers = NULL;
	CURLcode code;

	curl_easy_reset(c->easy);
	c->reason[0] = '\0';
	c->head_len = 0;
	a->body = J11_BUF(r->max);
	add_header(&headers, "Content-Type", r->type);
	add_header(&headers, "Content-Transfer-Encoding", r->encoding);
	add_header(&headers, "Accept", r->accept);
	add_header(&headers, "Expect", ""); /* no 100-continue */
	set_way(c, url);
	set_trust(c);
	set_password(c, url);
	set_request(c, r, &a->body);
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, headers);
	code = transfer(c);
	curl_slist_free_all(headers);
	if (code != CURLE_OK)
		return fault(c, code, url, &a->body, err);
	take_head(c, a);
	return JWK11_OK;
}

/* Where an answer leads, if it may be followed. Errors: SERVER_MALFORMED. */
static enum jwk11_rc redirected(struct http_client *c, const struct http_request *r, long status, char url[HTTP_URL_MAX], bool *ret_again, struct jwk11_err *err)
{
	char from[128], to[128];
	char *target = NULL;

	*ret_again = false;
	if (status < 300 || status > 399 || status == 304)
		return JWK11_OK;
	curl_easy_getinfo(c->easy, CURLINFO_REDIRECT_URL, &target);
	http_client_origin(url, from, sizeof(from));
	if (target == NULL || strlen(target) >= HTTP_URL_MAX)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "%s: answered %ld and not where to go", from, status);
	http_client_origin(target, to, sizeof(to));
	if (!same_origin(url, target)) {
		j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "%s: leads to another host, %s, which is not followed", from, to);
		j11_err_hint(err, "if that is right, give its URL in place of this one");
		return JWK11_ERR_SYNTAX;
	}
	if (strcmp(r->method, "POST") == 0 && status != 307 && status != 308)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "%s: answered a POST with %ld", from, status);
	snprintf(url, HTTP_URL_MAX, "%s", target);
	*ret_again = true;
	return JWK11_OK;
}

enum jwk11_rc http_client_ask(struct http_client *c, const struct http_request *r, struct http_answer *ret_answer, struct jwk11_err *err)
{
	J11_AUTO(http_answer_done_auto) struct http_answer answer = { 0 };
	const char *objection = http_client_objection(r->url, c->options.allow_http);
	char url[HTTP_URL_MAX], shown[200];
	bool again = true;
	enum jwk11_rc rc = JWK11_OK;

	j11_text_printable(j11_view_str(r->url), shown, sizeof(shown));
	if (objection != NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "%s %s", shown, objection);
	snprintf(url, sizeof(url), "%s", r->url);
	for (unsigned n = 0; rc == JWK11_OK && again; n++) {
		if (n > MAX_REDIRECTS)
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "%s: leads on and on", shown);
		http_answer_done(&answer);
		rc = exchange(c, r, url, &answer, err);
		if (rc == JWK11_OK)
			rc = redirected(c, r, answer.status, url, &again, err);
	}
	if (rc != JWK11_OK)
		return rc;
	*ret_answer = answer;
	answer = (struct http_answer){ 0 };
	return JWK11_OK;
}
