/* SPDX-License-Identifier: Apache-2.0 */
/* A file of certificates as a CA hands it out, and the chain of one key in it, whatever its order. Pure. */
#ifndef J11_BUNDLE_H
#define J11_BUNDLE_H

#include "chain.h"

enum { J11_BUNDLE_MAX = 32, J11_BUNDLE_LEN_MAX = 512 * 1024 };

/* The certificates of a file, in its order: PEM (RFC 7468: CERTIFICATE, PKCS7), DER one after another, PKCS#7 in DER ("certs only", RFC 8551 section
 * 3.8), or the base64 of DER alone, as EST sends it (RFC 7030 section 4.1.3). One that stands twice is read once. Errors: PEM_INVALID (no PEM and no
 * DER, a private key or a request in it), BASE64_INVALID, CERT_INVALID (one that cannot be read), LIMIT. */
enum jwk11_rc j11_bundle_read(struct jwk11_view text, struct jwk11_certs *ret_certs, struct jwk11_err *err) J11_MUST_USE;
/* The chain of a key in it: j11_chain_new, which has of->id and of->label mean nothing here. Errors: NOT_FOUND when none holds the key. */
enum jwk11_rc j11_bundle_chain(const struct jwk11_certs *certs, const struct j11_chain_of *of, struct jwk11_chain **ret_chain, struct jwk11_err *err) J11_MUST_USE;
/* Sorts them: the leaf, which holds this key (of->id and of->label mean nothing here) and is chosen as j11_chain_new does; its issuers, each behind what it certifies; then those that have no
 * part in it. *ret_n: the leaf and its issuers, roots too. Errors: CERT_FOREIGN (MISMATCH: none holds the key; the text has both thumbprints). */
enum jwk11_rc j11_bundle_sort(struct jwk11_certs *certs, const struct j11_chain_of *of, size_t *ret_n, struct jwk11_err *err) J11_MUST_USE;

#endif
