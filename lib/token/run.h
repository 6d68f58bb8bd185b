/* SPDX-License-Identifier: Apache-2.0 */
/* One operation with a private key: a leased session, the key's present handle, and after a loss a second try. What signing and decrypting
 * have in common. */
#ifndef J11_RUN_H
#define J11_RUN_H

#include "key.h"

#define J11_MESSAGE_MAX (1024u * 1024u) /* octets that are signed or checked at once */

/* One try on one session. */
struct j11_try {
	struct jwk11_key *key;
	struct jwk11_token *token;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE handle;
	struct jwk11_err *err;
	enum jwk11_rc refused; /* what j11_run_login came to; OK: it was not needed, or it worked */
};

/* The C_* calls of one try. CKR_OK: done. A permanent CK_RV (j11_ckr_is_permanent) ends it, any other is taken for a loss. */
typedef CK_RV (*j11_run_fn)(struct j11_try *t, void *arg);

/* Between C_…Init and the operation: C_Login for this operation, if the key wants its PIN for each (CKA_ALWAYS_AUTHENTICATE); else CKR_OK without
 * a call. After any other answer the try is over, and there is no second one: what it would send again is a PIN. PKCS#11 section 5.6. */
CK_RV j11_run_login(struct j11_try *t) J11_MUST_USE;

struct j11_run {
	j11_run_fn fn;
	void *arg;
	const char *call; /* for sentences: "C_Sign" */
	const char *verb; /* "sign with" */
};
/* Errors: UNSUPPORTED (the token refuses for good), BUSY, ABSENT, DEVICE, LOGIN. */
enum jwk11_rc j11_run_key(struct jwk11_key *key, const struct j11_run *run, struct jwk11_err *err) J11_MUST_USE;

#endif
