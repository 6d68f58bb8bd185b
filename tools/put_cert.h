/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates that a CA has issued for a key, onto the key's token: what import-cert and enroll --import share. */
#ifndef PUT_CERT_H
#define PUT_CERT_H

#include "jose/bundle.h"
#include "jose/cert_text.h"
#include "jwk11.h"
#include "local.h"

/* What goes where. Start with { .name = … }, with .local when the tokens are open already, and the certificates by j11_bundle_read; put_cert_done. */
struct put_cert {
	const char *name;
	struct local *local;
	bool borrowed;         /* local is the caller's */
	struct jwk11_key *key; /* a reference */
	struct jwk11_certs certs;
	size_t n; /* of them the leaf and its issuers */
	struct j11_cert_text leaf;
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	struct jwk11_imported done;
	const char *file; /* that they were written into, not onto the token: cert_dir.h; borrowed */
	bool tells;       /* and the broker reads it */
};
/* Finds the key, of one with versions that which a certificate holds, and sorts them. Nothing is changed. Errors: those of local_open, local_key,
 * j11_bundle_sort. */
enum jwk11_rc put_cert_plan(const struct cmd_global *g, struct put_cert *p, struct jwk11_err *err) J11_MUST_USE;
/* Writes; signals wait meanwhile. `flags` of enum jwk11_import_flags. */
enum jwk11_rc put_cert_carry_out(struct put_cert *p, unsigned flags, struct jwk11_err *err) J11_MUST_USE;
bool put_cert_is_new(const struct put_cert *p);
/* What was left out, and what a person should know, on standard error; then the token is let go, and a broker that is running is told. */
void put_cert_tell(const struct cmd_global *g, struct put_cert *p, bool dry_run);
void put_cert_done(struct put_cert *p);

#endif
