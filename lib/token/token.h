/* SPDX-License-Identifier: Apache-2.0 */
/* An open token as the token layer sees it: identity, login, session pool, generation. Files of lib/token only. */
#ifndef J11_TOKEN_H
#define J11_TOKEN_H

#include <stdatomic.h>

#include "base/secret.h"
#include "p11.h"

/* Mechanisms we may use, as bits of jwk11_token.mechanisms; token/mech.c has the table. */
typedef unsigned j11_mech_set;

/* Lock order: token->login_lock, then token->lock. token->lock is never held across a C_* call; login_lock is the login transition
 * and recovery, the one place where that is allowed. */
struct jwk11_token {
	_Atomic unsigned refs;
	struct jwk11_context *ctx; /* borrowed: outlives its tokens */
	const struct j11_module *module;
	CK_FUNCTION_LIST *fl;
	CK_SLOT_ID slot;
	CK_TOKEN_INFO raw; /* as found: the identity that is looked for after a loss */
	struct jwk11_token_info info;
	char *pin_file;
	enum jwk11_login_mode login_mode;
	bool sign_unverified;
	j11_mech_set mechanisms;

	pthread_mutex_t login_lock;
	CK_SESSION_HANDLE anchor; /* keeps the login alive */
	bool anchor_open;

	pthread_mutex_t lock;
	pthread_cond_t returned;
	CK_SESSION_HANDLE *idle; /* stack of sessions nobody uses */
	unsigned n_idle, n_sessions;
	unsigned generation; /* grows with each loss: handles from before are dead */
};

/* slot.c: the one token that matches, into token->slot, raw, info, module. */
enum jwk11_rc j11_slot_find(struct jwk11_token *token, const char *uri, const char *module, struct jwk11_err *err) J11_MUST_USE;
/* Is the token of token->raw still in token->slot? Then its flags are read anew. */
enum jwk11_rc j11_slot_check(struct jwk11_token *token, struct jwk11_err *err) J11_MUST_USE;

/* pin.c: logs in on the anchor session, at most once; see there. */
enum jwk11_rc j11_pin_login(struct jwk11_token *token, struct jwk11_err *err) J11_MUST_USE;

/* sess.c */
enum jwk11_rc j11_sess_lease(struct jwk11_token *token, CK_SESSION_HANDLE *ret_session, unsigned *ret_generation, struct jwk11_err *err)
	J11_MUST_USE;
void j11_sess_return(struct jwk11_token *token, CK_SESSION_HANDLE session);
/* Takes a leased session that failed with rv, replaces it and, when more is lost than the session, the login. On success the caller holds a
 * working session again; on failure none, and the pool is one smaller until the next success. */
enum jwk11_rc j11_sess_recover(struct jwk11_token *token, CK_SESSION_HANDLE *session, CK_RV rv, struct jwk11_err *err) J11_MUST_USE;
/* A mistake in the request rather than a loss: never worth a second try. */
bool j11_ckr_is_permanent(CK_RV rv);
/* The code of an error for a CK_RV of a token operation: ABSENT or DEVICE, with a sentence. */
enum jwk11_rc j11_token_failed(const struct jwk11_token *token, CK_RV rv, const char *call, struct jwk11_err *err);

#endif
