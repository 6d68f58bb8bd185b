/* SPDX-License-Identifier: Apache-2.0 */
/* JWS (RFC 7515): header, signing input and assembly; the signer itself is somebody else's function. Verification. */
#ifndef J11_JWS_H
#define J11_JWS_H

#include "json/json_read.h"
#include "pub.h"

#define J11_JWS_PAYLOAD_MAX (1024u * 1024u)
#define J11_JWS_HEADER_MAX 8192u
#define J11_JWS_MAX (2u * 1024u * 1024u)

/* Appends BASE64URL(header) "." BASE64URL(payload). The header holds alg, kid (when not NULL), then the members of `extra` (an object or
 * NULL) in their order. `extra` may not hold alg, kid, b64, crit, jwk, jku, x5u, x5c (HEADER_REFUSED). RFC 7515 section 5.1. */
enum jwk11_rc j11_jws_input(const struct j11_alg *alg, const char *kid, const struct j11_json *extra, struct jwk11_view payload,
	struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* Appends "." BASE64URL(sig). */
void j11_jws_finish(struct jwk11_buf *out, struct jwk11_view sig);

/* The parts of a compact JWS, decoded; views into `store`. Refuses anything outside the compact character set, unknown crit, b64. */
struct j11_jws {
	struct j11_json_doc *header_doc;
	const struct j11_alg *alg;
	char kid[256];
	struct jwk11_view signing_input; /* into the text given */
	struct jwk11_buf payload, sig;
};
enum jwk11_rc j11_jws_parse(struct jwk11_view text, struct j11_jws *ret_jws, struct jwk11_err *err) J11_MUST_USE;
void j11_jws_done(struct j11_jws *jws);

static inline void j11_jws_done_auto(struct j11_jws *jws)
{
	j11_jws_done(jws);
}

#endif
