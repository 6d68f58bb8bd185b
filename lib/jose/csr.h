/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate requests (PKCS#10, RFC 2986) and self-signed certificates (RFC 5280) over a public key; the signer is somebody else's function. */
#ifndef J11_CSR_H
#define J11_CSR_H

#include "pub.h"

#define J11_CSR_DER_MAX 65536 /* octets of either */

/* Whoever signs: appends the signature over `input` in JOSE form, as struct j11_jws_signer has it. */
struct j11_csr_signer {
	enum jwk11_rc (*sign)(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err);
	void *arg;
};

/* Appends the request in DER, after its signature and what it says were read back. Errors: those of jwk11_key_csr. */
enum jwk11_rc j11_csr_make(const struct jwk11_pub *pub, const struct j11_alg *alg, const struct jwk11_csr *csr, const struct j11_csr_signer *signer,
	struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;

/* Is it one request in DER whose signature verifies with the key in it? Errors: CERT_INVALID (SYNTAX), SIGNATURE_INVALID (SIGNATURE), UNSUPPORTED (the
 * key). */
enum jwk11_rc j11_csr_check(struct jwk11_view der, struct jwk11_err *err) J11_MUST_USE;

/* The certificate of a key for itself. */
#define J11_SERIAL_LEN 16
struct j11_self_spec {
	int64_t not_before, not_after; /* seconds since 1970 */
	unsigned char serial[J11_SERIAL_LEN];
};
enum jwk11_rc j11_self_make(const struct jwk11_pub *pub, const struct j11_alg *alg, const struct jwk11_csr *what, const struct j11_self_spec *spec,
	const struct j11_csr_signer *signer, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;


#endif
