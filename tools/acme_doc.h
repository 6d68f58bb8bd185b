/* SPDX-License-Identifier: Apache-2.0 */
/* The resources of an ACME server (RFC 8555 section 7.1) as values that are checked once. Pure. */
#ifndef ACME_DOC_H
#define ACME_DOC_H

#include <stdbool.h>

#include "base/buf.h"
#include "http_said.h"

#define ACME_URL_MAX 1024 /* octets, with the NUL */
#define ACME_NAME_MAX 256
#define ACME_TOKEN_MAX 256
enum { ACME_MAX_NAMES = 15, ACME_DOC_MAX = 256 * 1024 };

/* Of an order, an authorization or a challenge (section 7.1.6). OTHER: deactivated, expired, revoked. */
enum acme_status { ACME_PENDING, ACME_READY, ACME_PROCESSING, ACME_VALID, ACME_INVALID, ACME_OTHER };

struct acme_directory {
	char new_nonce[ACME_URL_MAX], new_account[ACME_URL_MAX], new_order[ACME_URL_MAX];
	char terms[ACME_NAME_MAX]; /* meta.termsOfService, made printable; "" when there are none */
	bool external;            /* meta.externalAccountRequired */
};
struct acme_order {
	enum acme_status status;
	unsigned n;
	char authorizations[ACME_MAX_NAMES][ACME_URL_MAX];
	char finalize[ACME_URL_MAX];
	char certificate[ACME_URL_MAX]; /* "" before it is valid */
	struct http_problem problem;    /* all "" when there is none */
};
struct acme_challenge {
	bool there;
	enum acme_status status;
	char url[ACME_URL_MAX];
	char token[ACME_TOKEN_MAX]; /* base64url and nothing else (section 8.3): it becomes the name of a file */
	struct http_problem problem;
};
struct acme_authorization {
	enum acme_status status;
	char name[ACME_NAME_MAX]; /* the identifier: letters, digits, dots, hyphens */
	bool wildcard;
	struct acme_challenge http01, dns01;
};

/* Errors: SERVER_MALFORMED (SYNTAX): not the resource that it should be; the text names the member. */
enum jwk11_rc acme_doc_directory(struct jwk11_view text, struct acme_directory *ret_directory, struct jwk11_err *err) J11_MUST_USE;
enum jwk11_rc acme_doc_order(struct jwk11_view text, struct acme_order *ret_order, struct jwk11_err *err) J11_MUST_USE;
enum jwk11_rc acme_doc_authorization(struct jwk11_view text, struct acme_authorization *ret_authorization, struct jwk11_err *err) J11_MUST_USE;
/* A DNS name as a CA takes it: labels of letters, digits and hyphens; "*." before it when `wildcard`. */
bool acme_doc_is_name(struct jwk11_view text, bool wildcard);

#endif
