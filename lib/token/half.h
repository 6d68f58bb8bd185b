/* SPDX-License-Identifier: Apache-2.0 */
/* The public half of a private key: from its own attributes, a public object, CKA_PUBLIC_KEY_INFO or a certificate, in that order. Equal CKA_ID
 * is a hint; two different candidates are refused, never guessed between. */
#ifndef J11_HALF_H
#define J11_HALF_H

#include "obj.h"

/* A public key on the token that may be some private key's other half. */
struct j11_half;
struct j11_half_list {
	struct j11_half *list;
	size_t n;
	bool loaded;
};

/* What is read once for a whole listing. Start with token and session, which are borrowed, and end with j11_half_done. */
struct j11_halves {
	struct jwk11_token *token;
	CK_SESSION_HANDLE session;
	struct j11_half_list publics, certs;
	struct j11_object obj;   /* room */
	struct jwk11_err unread; /* why the first object that may be a half was passed over */
};

/* DEVICE and ABSENT are the token's failure and go to err; everything else is about this key and goes to why. */
enum jwk11_rc j11_half_find(struct j11_halves *halves, const struct j11_object *priv, struct jwk11_pub **ret_pub, struct jwk11_err *why,
	struct jwk11_err *err) J11_MUST_USE;
void j11_half_done(struct j11_halves *halves);

#endif
