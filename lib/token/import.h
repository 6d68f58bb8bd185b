/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a private key from outside onto a token. Used by `jwk11 import`. */
#ifndef J11_IMPORT_H
#define J11_IMPORT_H

#include "jose/priv.h"
#include "jwk11.h"

#define J11_IMPORT_LABEL_MAX 256

/* Where it goes. */
struct j11_import {
	const char *label;    /* CKA_LABEL of both halves: printable UTF-8, 1 to J11_IMPORT_LABEL_MAX octets */
	struct jwk11_view id; /* CKA_ID of both halves; len 0: the first 16 octets of the SHA-256 of its SubjectPublicKeyInfo */
	const char *alg;      /* of the trial signature; NULL: the key's default */
};

/* Can it be a label? */
bool j11_import_is_label(const char *label);
/* What is there already: *ret_there is the key on the token that has this very public half, for whatever use, or NULL; the caller unrefs it.
 * AMBIGUOUS when an object of another key has the label. */
enum jwk11_rc j11_import_look(struct jwk11_token *token, const struct jwk11_pub *pub, const char *label, struct jwk11_key **ret_there,
	struct jwk11_err *err) J11_MUST_USE;
/* C_CreateObject of the public half and of the private one: token, private, sensitive, not extractable, to sign only. Tokens that refuse some
 * of these attributes get the key without them; then it is read back, found as keys are found, and signs, which the public half of the file
 * verifies. On any failure both objects are destroyed again, and a hint says so when that failed too. Refused before anything is written: a
 * modulus of a flawed generator (KEY_WEAK), what j11_import_look finds (AMBIGUOUS). Errors else: UNSUPPORTED (the token takes no keys from
 * outside, or not this one), DEVICE, ABSENT, those of jwk11_key_sign. PKCS#11 2.40 section 5.7. */
enum jwk11_rc j11_import_key(struct jwk11_token *token, const struct j11_priv *priv, const struct j11_import *to, struct jwk11_key **ret_key,
	struct jwk11_err *err) J11_MUST_USE;
/* KEY_WEAK for a modulus of a flawed generator: its private half can be computed from the public one. */
enum jwk11_rc j11_import_check(const struct jwk11_pub *pub, struct jwk11_err *err) J11_MUST_USE;

#endif
