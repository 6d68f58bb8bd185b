/* SPDX-License-Identifier: Apache-2.0 */
/* Templates (form/template.h) and a key on a token: what only the key or a libcrypto knows goes in, and it is signed. */
#ifndef J11_PROOF_H
#define J11_PROOF_H

#include "form/httpsig.h"
#include "form/template.h"
#include "jose/jws_make.h"

/* What is asked for. Borrowed. */
struct j11_proof_ask {
	const struct j11_template *t;
	const struct j11_json *parameters; /* object, or NULL for none */
	const char *alg, *kid;             /* the key's; kid NULL or empty: it has none */
	const char *name;                  /* the key's, for sentences */
	const char *issuer;                /* as in struct j11_template_facts, with the two below */
	int64_t ttl, max_ttl;
	int64_t now;                       /* seconds since 1970 */
};
/* A template filled in, before it is signed. Of one kind or the other. */
struct j11_proof {
	struct j11_template_made jws;
	struct j11_httpsig_made http;
};
#define J11_PROOF ((struct j11_proof){ .jws = J11_TEMPLATE_MADE, .http = J11_HTTPSIG_MADE })
void j11_proof_done(struct j11_proof *proof);

/* Fills it in. Errors: those of j11_template_fill and j11_httpsig_fill, ALG_MISMATCH for a key that the template does not take, CERT_ABSENT, CERT_FOREIGN. */
enum jwk11_rc j11_proof_fill(struct jwk11_key *key, const struct j11_proof_ask *ask, struct j11_proof *proof, struct jwk11_err *err) J11_MUST_USE;
/* Signs a JWT, in the compact serialisation, or a JWS in the flattened one. `payload` NULL: what was filled in; otherwise the same claims after somebody's
 * checks. `seen` is told what is signed; NULL: nobody. */
enum jwk11_rc j11_proof_jws(struct jwk11_key *key, const struct j11_proof_ask *ask, const struct j11_proof *proof, const struct jwk11_view *payload,
	void (*seen)(void *arg, struct jwk11_view input), void *seen_arg, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* Signs an HTTP message: the bare signature. */
enum jwk11_rc j11_proof_signature(struct jwk11_key *key, const struct j11_proof_ask *ask, const struct j11_proof *proof, struct jwk11_buf *ret_sig,
	struct jwk11_err *err) J11_MUST_USE;

/* For ath, and for Content-Digest. False: libcrypto failed. */
bool j11_proof_sha256(struct jwk11_view text, unsigned char ret_hash[J11_TEMPLATE_HASH]) J11_MUST_USE;

#endif
