/* SPDX-License-Identifier: Apache-2.0 */
/* Showing a CA that a name is ours (RFC 8555 section 8): a file below a web server's folder, or whatever a hook does. What was put there is taken away
 * again. */
#ifndef ACME_PROVE_H
#define ACME_PROVE_H

#include "acme_doc.h"
#include "jwk11.h"

struct acme_way {
	const char *webroot; /* http-01: DIR/.well-known/acme-challenge/TOKEN; NULL: the hook does it */
	const char *hook;    /* PROGRAM present|cleanup dns-01 NAME _acme-challenge.NAME VALUE, or http-01 NAME TOKEN VALUE */
	bool dns;            /* dns-01, of the hook */
};
/* One name's proof. Start with { 0 }. */
struct acme_proof {
	char name[ACME_NAME_MAX];
	char url[ACME_URL_MAX];     /* of the challenge */
	char token[ACME_TOKEN_MAX];
	char value[ACME_TOKEN_MAX + JWK11_THUMBPRINT_LEN + 2];
	bool there;                 /* to be taken away */
};
/* Chooses the challenge and puts the proof there. `thumbprint`: of the account's key. Errors: UNSUPPORTED (the CA does not offer this way),
 * FILE_FAILED, HOOK_FAILED, CANCELLED. */
enum jwk11_rc acme_prove(const struct acme_way *way, const struct acme_authorization *authorization, const char *thumbprint, struct acme_proof *proof,
	struct jwk11_err *err) J11_MUST_USE;
/* Takes it away. What cannot be is said on standard error: the certificate is there all the same. */
void acme_prove_done(const struct acme_way *way, struct acme_proof *proof);

#endif
