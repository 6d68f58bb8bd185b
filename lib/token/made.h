/* SPDX-License-Identifier: Apache-2.0 */
/* What a token has made of a key that was generated or written there: the token's own word that it stays inside, and what it gives away when it
 * is asked. */
#ifndef J11_MADE_H
#define J11_MADE_H

#include "token.h"

/* DEVICE unless CKA_EXTRACTABLE is false, CKA_SENSITIVE is not false, and the private value itself is refused. `key` is a private or secret
 * object; `label` is for the sentence. Destroys nothing. */
enum jwk11_rc j11_made_check(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const char *label, struct jwk11_err *err)
	J11_MUST_USE;

/* By effect: does the token hand out the private value, or a part of it, of a private or secret object? What it gives is wiped unread. */
bool j11_made_gives(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) J11_MUST_USE;

/* The token does not like the template; with other attributes it may. */
bool j11_made_is_about_attributes(CK_RV rv);

#endif
