/* SPDX-License-Identifier: Apache-2.0 */
/* The memory for PINs that a token refused: a keyed hash for each, in this process and as a file of the state directory. Whoever calls holds the
 * context's login_lock. */
#ifndef J11_PIN_RECORD_H
#define J11_PIN_RECORD_H

#include "token.h"

/* HMAC-SHA256 over the token's identity and the PIN, under the state directory's key. STATE_DIR when that can be neither read nor made. */
enum jwk11_rc j11_pin_record_hash(const struct jwk11_token *token, const struct j11_secret *pin, unsigned char ret_hash[J11_PIN_HASH_LEN],
	struct jwk11_err *err) J11_MUST_USE;

/* Waits until no other process that shares the state directory is sending this PIN: the record of a login under way is not yet one of a refusal. The
 * kernel ends the turn of a process that dies. -1 in ret_fd: there is no state directory. */
enum jwk11_rc j11_pin_record_turn(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], int *ret_fd, struct jwk11_err *err) J11_MUST_USE;
void j11_pin_record_turn_end(int fd);

/* How the token refused it; OK: it did not. */
enum jwk11_pin_state j11_pin_record_find(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN]);
/* Before C_Login. The record says REJECTED until it is told otherwise. */
enum jwk11_rc j11_pin_record_add(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], struct jwk11_err *err) J11_MUST_USE;
/* After it: why the login that has just failed was refused, or that it was not. */
void j11_pin_record_why(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN], enum jwk11_pin_state why);
void j11_pin_record_remove(struct jwk11_context *ctx, const unsigned char hash[J11_PIN_HASH_LEN]);

#endif
