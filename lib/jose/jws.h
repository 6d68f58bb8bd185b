/* SPDX-License-Identifier: Apache-2.0 */
/* A JWS taken apart (RFC 7515 section 7: compact, flattened, general; appendix F: detached; RFC 7797: unencoded), and its signatures
 * checked. The public functions of jwk11.h, jwk11_jws_*, live in jws_parse.c and jws_verify.c. */
#ifndef J11_JWS_H
#define J11_JWS_H

#include "jws_header.h"
#include "pub.h"

#define J11_JWS_PAYLOAD_MAX (1024u * 1024u)
#define J11_JWS_MAX (2u * 1024u * 1024u) /* octets of any serialisation */
#define J11_JWS_SIGNATURES_MAX 16u

/* One signature with its two headers. Invariants: the headers have no problems (jws_header.h); alg is there. */
struct j11_jws_signature {
	struct jwk11_view encoded;           /* the protected header as it was signed; empty when there is none */
	struct jwk11_buf text;               /* the same, decoded */
	struct j11_json_doc *doc;            /* of it */
	const struct j11_json *protected_header, *header; /* NULL: none */
	const char *alg, *kid;               /* from either header; kid "" when none is named */
	const struct j11_json *crit, *jwk;   /* NULL: none */
	struct jwk11_buf sig;
};

/* Owns everything. Invariants: at least one signature; unencoded: nothing is carried. */
struct jwk11_jws {
	enum jwk11_jws_form form;
	bool carries;   /* it has a payload with it that is not empty */
	bool without;   /* a JSON form without the member "payload" */
	bool unencoded; /* RFC 7797 "b64": false, in all signatures */
	struct jwk11_buf text, payload;
	struct j11_json_doc *doc; /* of the JSON forms */
	struct j11_jws_signature *signatures;
	size_t n;
};

/* Takes it apart and leaves open whose payload it is: j11_jws_settle. Refuses whatever is malformed, JWS_INVALID by the rules of the RFCs;
 * an algorithm or a critical extension that is not known stays in. */
enum jwk11_rc j11_jws_parse(struct jwk11_view text, struct jwk11_jws **ret_jws, struct jwk11_err *err) J11_MUST_USE;
/* Gives a JWS that carries none its payload (copied). `payload` NULL: it must carry one, or an empty one: where appendix F has the member
 * deleted, some libraries leave an empty one, as the compact form does. */
enum jwk11_rc j11_jws_settle(struct jwk11_jws *jws, const struct jwk11_view *payload, struct jwk11_err *err) J11_MUST_USE;
/* Appends what the i-th signature is over (RFC 7515 5.2 step 8, RFC 7797 3). */
void j11_jws_add_input(const struct jwk11_jws *jws, size_t i, struct jwk11_buf *out);
/* Section 5.2 step 5: is the algorithm known here, and everything that crit lists among `understood` (a list that ends with NULL, or NULL)?
 * Errors: UNSUPPORTED (ALG_UNKNOWN, CRIT_UNKNOWN). */
enum jwk11_rc j11_jws_understand(const struct jwk11_jws *jws, size_t i, const char *const *understood, const struct j11_alg **ret_alg,
	struct jwk11_err *err) J11_MUST_USE;

/* Whoever verifies: OK when the signature over `input` is right. */
struct j11_jws_verifier {
	enum jwk11_rc (*verify)(const void *arg, const char *alg, struct jwk11_view input, struct jwk11_view sig, struct jwk11_err *err);
	const void *arg;
	const char *alg; /* the only one accepted */
	bool said;       /* by the caller, rather than the key's own */
};
/* One signature, understood and then verified by somebody else's function. */
enum jwk11_rc j11_jws_check_by(const struct jwk11_jws *jws, size_t i, const struct j11_jws_verifier *by, const char *const *understood,
	struct jwk11_err *err) J11_MUST_USE;

J11_DEFINE_AUTO(struct jwk11_jws, jwk11_jws_free)

#endif
