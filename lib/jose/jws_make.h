/* SPDX-License-Identifier: Apache-2.0 */
/* Making a JWS (RFC 7515 section 5.1) in any serialisation: header, signing input, assembly. The signer is somebody else's function. */
#ifndef J11_JWS_MAKE_H
#define J11_JWS_MAKE_H

#include "jws.h"

/* Every flag there is. */
#define J11_JWS_FLAGS ((unsigned)(JWK11_JWS_DETACHED | JWK11_JWS_UNENCODED | JWK11_JWS_JWK | JWK11_JWS_X5C))

/* What one signature is made of; everything borrowed. */
struct j11_jws_spec {
	const struct j11_alg *alg;
	const char *kid;                 /* NULL or empty: none */
	const struct jwk11_pub *jwk;     /* not NULL: this public key in the header in place of kid */
	const struct jwk11_chain *x5c;   /* not NULL: its certificates in the header */
	struct jwk11_view typ, cty;      /* data NULL: none */
	const struct j11_json *extra;    /* object of further protected members, or NULL */
	const struct j11_json *header;   /* object of unprotected members, or NULL */
	enum jwk11_jws_form form;
	void (*seen)(void *arg, struct jwk11_view input); /* told what will be signed; NULL: nobody (of j11_key_jws) */
	void *seen_arg;
	unsigned flags;                  /* JWK11_JWS_DETACHED, JWK11_JWS_UNENCODED */
};

/* Whoever signs: appends the signature over `input` in JOSE form. */
struct j11_jws_signer {
	enum jwk11_rc (*sign)(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err);
	void *arg;
};

/* Appends the JWS. The protected header holds alg, kid or jwk, x5c, typ, cty, b64, crit, then the members of `extra` in their order. `extra`
 * and `header` may not hold alg, kid, b64, jwk, jku, x5u, x5c, nor a name twice; crit in `extra` may list extensions in it (4.1.11). `onto`,
 * or NULL, is a parsed JWS whose signatures stand before the new one in a general serialisation, as they are: whether they verify is not
 * asked. `payload` may be NULL when `onto` carries one; two must be the same octets. Errors: SYNTAX (HEADER_REFUSED, MEMBER_TYPE,
 * MEMBER_MISSING, ARGUMENT), MISMATCH (another payload than that of `onto`), LIMIT, the signer's. */
enum jwk11_rc j11_jws_make(const struct j11_jws_spec *spec, const struct jwk11_view *payload, const struct jwk11_jws *onto,
	const struct j11_jws_signer *signer, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;

#endif
