/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates as bounded values that are parsed once, and whether one certifies another (RFC 5280). No trust is decided here. */
#ifndef J11_X509_H
#define J11_X509_H

#include "pub.h"

#define J11_CERT_LEN_MAX 32768 /* octets of DER */

/* Immutable after making. Times are seconds since 1970. */
struct j11_cert {
	void *x509; /* libcrypto's */
	unsigned char spki_hash[J11_SPKI_HASH_LEN];
	int64_t not_before, not_after;
	struct jwk11_view der, id, label; /* into bytes; id and label of the object it was found in, or empty */
	unsigned char bytes[];
};

/* Copies and parses. Errors: CERT_INVALID (SYNTAX: not one certificate in DER, or times that cannot be read), LIMIT, MEMORY. */
enum jwk11_rc j11_cert_new(struct jwk11_view der, struct jwk11_view id, struct jwk11_view label, struct j11_cert **ret_cert, struct jwk11_err *err)
	J11_MUST_USE;
void j11_cert_free(struct j11_cert *cert);
J11_DEFINE_AUTO(struct j11_cert, j11_cert_free)

/* Does it hold this very key, in the encoding that everybody writes (whose hash is given)? And when `thorough`, in any other? */
bool j11_cert_holds(const struct j11_cert *cert, const struct jwk11_pub *pub, const unsigned char spki_hash[J11_SPKI_HASH_LEN], bool thorough);
/* Is the one's issuer name the other's subject? The cheap half of the next question. */
bool j11_cert_names(const struct j11_cert *issuer, const struct j11_cert *subject);
/* Names and key identifiers fit, the issuer is a CA that may sign certificates and has a key of a kind we know, and its signature verifies. */
bool j11_cert_certifies(const struct j11_cert *issuer, const struct j11_cert *subject);
/* Subject and issuer are the same name. */
bool j11_cert_is_self_issued(const struct j11_cert *cert);
/* Did a YubiKey make it to say how it made the key (attest.h)? Nobody else's business, and no certificate for relying parties. */
bool j11_cert_is_attestation(const struct j11_cert *cert);
/* The last arc of an X509_EXTENSION 1.3.6.1.4.1.41482.3.N; 0: another one. */
unsigned j11_cert_yubico_arc(const void *extension);
bool j11_cert_is_valid_at(const struct j11_cert *cert, int64_t now);

#endif
