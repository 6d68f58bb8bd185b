/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to servers elsewhere, over TLS, through libcurl: bounded in time and size, cancelled by cancel.h, never led to another host. One thread. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"

#define HTTP_URL_MAX 1024 /* octets, with the NUL */

/* Everything borrowed, and as long as the client. */
struct http_options {
	const char *cacert;                /* PEM of whom to trust; NULL: the system's */
	const char *tls_cert, *tls_key;    /* PEM files of this side; NULL */
	const char *user;                  /* NULL: none */
	const struct j11_secret *password; /* with user; Basic, and only to the host of `home` */
	const char *home;
	long long timeout_s;               /* of one request; 0: 30 */
	bool allow_http;                   /* to loopback addresses alone */
};
struct http_request {
	const char *method; /* GET, HEAD, POST */
	const char *url;
	const char *type;   /* Content-Type of the body */
	const char *accept; /* NULL: anything */
	const char *encoding; /* Content-Transfer-Encoding; NULL */
	struct jwk11_view body;
	size_t max;         /* octets of an answer's body */
};
/* Start with { 0 }; http_answer_done. */
struct http_answer {
	long status;
	char type[128];            /* Content-Type; "" */
	char location[HTTP_URL_MAX];
	char nonce[256];           /* Replay-Nonce */
	int64_t retry_after;       /* seconds; -1: none */
	struct jwk11_buf body;
};

struct http_client;

/* Errors: MEMORY, INTERNAL. */
enum jwk11_rc http_client_new(const struct http_options *options, struct http_client **ret_client, struct jwk11_err *err) J11_MUST_USE;
void http_client_free(struct http_client *client);
/* One exchange, whatever the status of its answer. A redirection to the same scheme, host and port is followed, five times at most: 307 and 308, and
 * others for GET and HEAD. Errors: ARGUMENT (no https URL), ABSENT (SERVER_ABSENT), DENIED (SERVER_UNTRUSTED), SYNTAX (SERVER_MALFORMED: too
 * long, or led elsewhere), BUSY (CANCELLED). */
enum jwk11_rc http_client_ask(struct http_client *client, const struct http_request *request, struct http_answer *ret_answer, struct jwk11_err *err)
	J11_MUST_USE;
void http_answer_done(struct http_answer *answer);
/* What is wrong with a URL that a person gave; NULL: nothing. */
const char *http_client_objection(const char *url, bool allow_http);
/* "https://host:port" of a URL, for sentences. */
void http_client_origin(const char *url, char *room, size_t room_len);

static inline void http_answer_done_auto(struct http_answer *answer)
{
	http_answer_done(answer);
}
J11_DEFINE_AUTO(struct http_client, http_client_free)

#endif
