/* SPDX-License-Identifier: Apache-2.0 */
/* One account at one ACME server (RFC 8555): its directory, its nonces, requests signed by the account's key. */
#ifndef ACME_CLIENT_H
#define ACME_CLIENT_H

#include "acme_doc.h"
#include "base/secret.h"
#include "enroll_key.h"
#include "http_client.h"

struct acme {
	struct http_client *http;
	const struct enroll_key *account;
	struct acme_directory directory;
	char kid[ACME_URL_MAX];  /* the account's URL; "" before it is known */
	char nonce[256];         /* "" when there is none */
	struct http_problem problem; /* of the last refusal */
};
struct acme_contact {
	const char *const *mail;  /* addresses, or URLs as they are; ends with NULL */
	bool agree;               /* to the terms of service */
	const char *eab_kid;      /* external account binding (section 7.3.4); NULL: none */
	const struct j11_secret *eab_key; /* base64url, as CAs hand it out */
};

/* Reads the directory. */
enum jwk11_rc acme_open(struct acme *acme, const char *url, struct jwk11_err *err) J11_MUST_USE;
/* Finds the key's account, or makes it. Errors: ARGUMENT: terms that nobody agreed to, a binding that the server wants. */
enum jwk11_rc acme_account(struct acme *acme, const struct acme_contact *contact, struct jwk11_err *err) J11_MUST_USE;
/* A signed POST; without a payload it is a POST-as-GET (section 6.3). An answer that is no success is an error with what the problem document says:
 * SERVER_REFUSED (DENIED), or SERVER_PENDING for a limit that will pass. A nonce that the server does not take is replaced, five times. `type`: the
 * Content-Type that a success must have. */
enum jwk11_rc acme_post(struct acme *acme, const char *url, const struct jwk11_buf *payload, const char *type, struct http_answer *ret_answer,
	struct jwk11_err *err) J11_MUST_USE;
/* A problem that came with an order, an authorization or a challenge. `what` it is about. */
enum jwk11_rc acme_refused(const char *what, const struct http_problem *problem, struct jwk11_err *err);

#endif
