/* SPDX-License-Identifier: Apache-2.0 */
/* An open token as the token layer sees it: identity, login, session pool, generation. Files of lib/token only. */
#ifndef J11_TOKEN_H
#define J11_TOKEN_H

#include <stdatomic.h>

#include "base/secret.h"
#include "p11.h"

/* Mechanisms we may use, as bits of jwk11_token.mechanisms; token/mech.c has the table. */
typedef unsigned j11_mech_set;

/* Lock order: token->login_lock, then ctx->login_lock, then token->lock. token->lock is never held across a C_* call; login_lock is the login
 * transition, an operation that has a login in it, and recovery, the places where that is allowed. */
struct jwk11_token {
	_Atomic unsigned refs;
	struct jwk11_context *ctx; /* stays until its last token is gone */
	const struct j11_module *module;
	CK_FUNCTION_LIST *fl;
	CK_SLOT_ID slot;
	CK_TOKEN_INFO raw; /* as found: the identity that is looked for after a loss */
	struct jwk11_token_info info;
	char *pin_file;
	struct j11_secret *pin; /* instead of a file; NULL: none */
	bool final_try;         /* may use up the last try, until it is opened */
	enum jwk11_login_mode login_mode;
	unsigned login_seconds; /* for a PIN pad; 0: the default */
	bool opened;            /* jwk11_token_open is through with it */
	bool left_behind;       /* a C_Login on its anchor has not come back: whoever asks the module for more may wait too */
	bool sign_unverified;
	bool strict;
	j11_mech_set mechanisms;
	j11_mech_set enc_mechanisms; /* token/decrypt.c has the table */

	pthread_mutex_t login_lock;
	CK_SESSION_HANDLE anchor; /* keeps the login alive */
	bool anchor_open;

	pthread_mutex_t lock;
	pthread_cond_t returned;
	CK_SESSION_HANDLE *idle; /* stack of sessions nobody uses; CK_INVALID_HANDLE for one that was lost */
	unsigned n_idle, n_sessions;
	unsigned n_waiting;  /* threads in j11_sess_lease: who comes later stands behind them */
	unsigned generation; /* grows with each loss: handles from before are dead */
	unsigned n_restored; /* grows when the login was lost and is there again */
};

/* slot.c: the one token that matches, into token->slot, raw, info, module. */
enum jwk11_rc j11_slot_find(struct jwk11_token *token, const char *uri, const char *module, struct jwk11_err *err) J11_MUST_USE;
/* Is the token of token->raw still in token->slot? Then its flags are read anew. */
enum jwk11_rc j11_slot_check(struct jwk11_token *token, struct jwk11_err *err) J11_MUST_USE;

/* pin.c: logs in on the anchor session, at most once; see there. */
enum jwk11_rc j11_pin_login(struct jwk11_token *token, struct jwk11_err *err) J11_MUST_USE;
/* The same for the operation that this session has begun (CKU_CONTEXT_SPECIFIC): the PIN is read anew, sent once, and wiped; one that was
 * refused is not sent. The caller holds login_lock. */
enum jwk11_rc j11_pin_context(struct jwk11_token *token, CK_SESSION_HANDLE session, struct jwk11_err *err) J11_MUST_USE;

/* pad.c: the same where a person types the PIN (JWK11_LOGIN_PROTECTED). Only while the token is being opened; never from a request, and never
 * twice until jwk11_context_ask_again, unless it worked. */
enum jwk11_rc j11_pad_login(struct jwk11_token *token, struct jwk11_err *err) J11_MUST_USE;
/* LOGIN with the code PIN_PAD. */
enum jwk11_rc j11_pad_refuse(struct jwk11_token *token, const char *why, struct jwk11_err *err);

/* sess.c */
enum jwk11_rc j11_sess_lease(struct jwk11_token *token, CK_SESSION_HANDLE *ret_session, unsigned *ret_generation, struct jwk11_err *err)
	J11_MUST_USE;
void j11_sess_return(struct jwk11_token *token, CK_SESSION_HANDLE session);
/* Takes a leased session that failed with rv, replaces it and, when more is lost than the session, the login. On success the caller holds a
 * working session again; on failure none, and whoever leases its place in the pool next tries again. */
enum jwk11_rc j11_sess_recover(struct jwk11_token *token, CK_SESSION_HANDLE *session, CK_RV rv, struct jwk11_err *err) J11_MUST_USE;
/* Private objects are not seen without a login, and no CK_RV says so: what a search does not find is missing only if the login was held all the
 * while. j11_sess_login before the search, j11_sess_login_held with its answer after it. */
unsigned j11_sess_login(struct jwk11_token *token);
bool j11_sess_login_held(struct jwk11_token *token, unsigned since);
/* Something read from a token on a session of the pool. DEVICE and ABSENT are taken for a loss. */
typedef enum jwk11_rc (*j11_read_fn)(struct jwk11_token *token, CK_SESSION_HANDLE session, unsigned generation, void *arg, struct jwk11_err *err);
/* Leases, reads, after a loss once more on a new session, and gives back a session on which nothing is under way. err must be empty. */
enum jwk11_rc j11_sess_read(struct jwk11_token *token, j11_read_fn read, void *arg, struct jwk11_err *err) J11_MUST_USE;
/* A mistake in the request rather than a loss: never worth a second try. */
bool j11_ckr_is_permanent(CK_RV rv);
/* The code of an error for a CK_RV of a token operation: ABSENT or DEVICE, with a sentence. */
enum jwk11_rc j11_token_failed(const struct jwk11_token *token, CK_RV rv, const char *call, struct jwk11_err *err);

#endif
