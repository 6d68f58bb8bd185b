/* SPDX-License-Identifier: Apache-2.0 */
/* What `jwk11 inspect` found, as text or JSON, each thing with what it is worth. */
#ifndef SHOW_INSPECT_H
#define SHOW_INSPECT_H

#include "cmd.h"
#include "jose/attest.h"
#include "token/claims.h"

struct inspected {
	const char *name, *alg;
	struct jwk11_key *key; /* borrowed */
	char thumbprint[JWK11_THUMBPRINT_LEN + 1]; /* "": a secret key */
	struct j11_claims claims;
	bool verified;               /* a signature */
	struct jwk11_err signature;  /* why not */
	struct jwk11_certs *others;  /* of the token */
	const struct j11_cert *attestation; /* NULL: none; borrowed, as is root */
	bool from_file, is_read, is_proven;
	struct j11_attest says;       /* if is_read */
	const struct j11_cert *root;  /* if is_proven: where it leads */
	struct jwk11_err judgement;   /* what is wrong with it; OK: nothing that was looked at */
};

enum jwk11_rc show_inspect(const struct cmd_global *g, const struct inspected *x, struct jwk11_err *err) J11_MUST_USE;

#endif
