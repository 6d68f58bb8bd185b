/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of requests and certificates in DER: names, extensions, algorithms, times. libcrypto encodes what is X.509's own. */
#ifndef J11_X509_MAKE_H
#define J11_X509_MAKE_H

#include "dn.h"
#include "pub.h"

/* Each appends DER. */

/* A Name. Errors: SUBJECT_INVALID (a value that its attribute cannot have: too long, not two letters of a country). */
enum jwk11_rc j11_x509_name(const struct j11_dn *dn, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* Extensions, or nothing when none is asked for: subjectAltName (critical without a subject, RFC 5280 4.2.1.6), keyUsage and basicConstraints
 * (critical), extendedKeyUsage; and subjectKeyIdentifier when `key_id_of` is not NULL. Errors: NAME_INVALID, USAGE_UNKNOWN, LIMIT. */
enum jwk11_rc j11_x509_extensions(const struct jwk11_csr *csr, bool has_subject, const struct jwk11_pub *key_id_of, struct jwk11_buf *out,
	struct jwk11_err *err) J11_MUST_USE;
/* The AlgorithmIdentifier of a signature (RFC 4055, RFC 5758, RFC 8410, RFC 9881). Errors: UNSUPPORTED: a MAC. */
enum jwk11_rc j11_x509_sig_alg(const struct jwk11_pub *pub, const struct j11_alg *alg, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* A Time: UTCTime until 2049, then GeneralizedTime. Errors: ARGUMENT (before 1970, beyond the year 9999). */
enum jwk11_rc j11_x509_time(int64_t unix_seconds, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;

#endif
