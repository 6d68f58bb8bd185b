/* SPDX-License-Identifier: Apache-2.0 */
/* The only home of a PIN or a passphrase: locked, not dumped, wiped. No print or buffer function accepts it. */
#ifndef J11_SECRET_H
#define J11_SECRET_H

#include "attr.h"
#include "buf.h"

struct j11_secret;

#define J11_SECRET_MAX 1024 /* octets */

/* Reads a file of at most J11_SECRET_MAX octets into locked memory and drops one trailing newline. Refuses a file that is not
 * regular, is not ours or root's, or that group or others may read; by an access list ourselves and root may (systemd credentials). Errors: LOGIN with code PIN_FILE. */
enum jwk11_rc j11_secret_from_file(const char *path, struct j11_secret **ret_secret, struct jwk11_err *err) J11_MUST_USE;
/* The same for the passphrase of a private key, in its own words. */
enum jwk11_rc j11_secret_from_passphrase_file(const char *path, struct j11_secret **ret_secret, struct jwk11_err *err) J11_MUST_USE;
/* The same for the challenge password of a certificate request: code CHALLENGE_FILE. */
enum jwk11_rc j11_secret_from_challenge_file(const char *path, struct j11_secret **ret_secret, struct jwk11_err *err) J11_MUST_USE;
/* The same for the password or key that a server knows us by: code PASSWORD_FILE. */
enum jwk11_rc j11_secret_from_password_file(const char *path, struct j11_secret **ret_secret, struct jwk11_err *err) J11_MUST_USE;
/* Copies octets into locked memory; the caller wipes its own copy. */
enum jwk11_rc j11_secret_from_bytes(const void *data, size_t len, struct j11_secret **ret_secret, struct jwk11_err *err) J11_MUST_USE;
/* From one process of ours to another: a memory file that holds it, close-on-exec; -1 and errno. Whoever keeps it locks its page. */
int j11_secret_to_memory(const struct j11_secret *secret) J11_MUST_USE;
/* What such a file holds; fd stays the caller's. */
enum jwk11_rc j11_secret_from_memory(int fd, struct j11_secret **ret_secret, struct jwk11_err *err) J11_MUST_USE;
void j11_secret_free(struct j11_secret *secret);
/* Borrowed, for the one call that needs it (C_Login, the keyed hash). */
struct jwk11_view j11_secret_expose(const struct j11_secret *secret);

J11_DEFINE_AUTO(struct j11_secret, j11_secret_free)

#endif
