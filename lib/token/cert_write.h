/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a chain of certificates on the token of its key. Used by jwk11_key_import_chain and `jwk11 import-cert`. */
#ifndef J11_CERT_WRITE_H
#define J11_CERT_WRITE_H

#include "jose/chain.h"
#include "jwk11.h"

/* Seconds since 1970. CERT_EXPIRED (MISMATCH) when the leaf or one of its n - 1 issuers is not valid then; err is the sentence for a warning too. */
enum jwk11_rc j11_certs_valid(const struct jwk11_certs *certs, size_t n, int64_t now, struct jwk11_err *err) J11_MUST_USE;
/* jwk11_key_import_chain for certificates that j11_bundle_sort has sorted: the leaf and n - 1 issuers. */
enum jwk11_rc j11_cert_write(struct jwk11_key *key, const struct jwk11_certs *certs, size_t n, unsigned flags, struct jwk11_imported *ret_done,
	struct jwk11_err *err) J11_MUST_USE;

#endif
