/* SPDX-License-Identifier: Apache-2.0 */
/* JWS and JWT by a key on a token. The public functions of jwk11.h, jwk11_key_jws, _jws_with, _jws_check and _jwt, live in key_jws.c. */
#ifndef J11_KEY_JWS_H
#define J11_KEY_JWS_H

#include "jose/jws_make.h"

/* j11_jws_make with this key as the signer, and its public half or its certificates in the header when the flags ask for them. */
enum jwk11_rc j11_key_jws(struct jwk11_key *key, const struct j11_jws_spec *spec, const struct jwk11_view *payload, const struct jwk11_jws *onto,
	struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;

/* Its certificates, read from the token once in a key's life and the key's own. Errors: those of jwk11_key_chain. */
enum jwk11_rc j11_key_chain(struct jwk11_key *key, const struct jwk11_chain **ret_chain, struct jwk11_err *err) J11_MUST_USE;

#endif
