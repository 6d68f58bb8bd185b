/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation certificates of keys in the form of YubiKey PIV: an X.509 certificate that the device made for a key pair it had generated, signed by
 * a key of its own, whose certificate comes from the maker. Pure: certificates, roots and the time are given.
 * developers.yubico.com/PIV/Introduction/PIV_attestation.html */
#ifndef J11_ATTEST_H
#define J11_ATTEST_H

#include "chain.h"

enum { J11_ATTEST_PATH_MAX = 6 };

/* What it says, each only if `has` it. Of no worth before j11_attest_check. */
struct j11_attest {
	bool has_serial, has_policy, has_form;
	unsigned char firmware[3];  /* 1.3.6.1.4.1.41482.3.3: major, minor, patch. This extension makes it an attestation (j11_cert_is_attestation) */
	uint32_t serial;            /* .3.7: of the device */
	unsigned char pin, touch;   /* .3.8: policies of the key */
	unsigned char form;         /* .3.9: form factor; 0x80: a FIPS device */
	char slot[3];               /* "9a", from the subject's name as the device writes it; "" when it does not fit. Not an extension: a hint */
};

/* ATTESTATION_INVALID (SYNTAX): not one, or an extension that has not the form it must have. */
enum jwk11_rc j11_attest_read(const struct j11_cert *cert, struct j11_attest *ret_attest, struct jwk11_err *err) J11_MUST_USE;
/* Is it of this key, and does a path of certificates that are valid at `now` (seconds since 1970) lead from it to one of `roots`, over `others` where need
 * be? Signatures, names, CA bits, key usage and path lengths are checked (RFC 5280 section 6.1). *ret_root: where it ends; borrowed. Errors:
 * ATTESTATION_FOREIGN (MISMATCH: another key), ATTESTATION_UNTRUSTED (MISMATCH: no path, or one with a certificate that is not valid). */
enum jwk11_rc j11_attest_check(const struct j11_cert *attest, const struct jwk11_pub *pub, const struct jwk11_certs *others, const struct jwk11_certs *roots,
	int64_t now, const struct j11_cert **ret_root, struct jwk11_err *err) J11_MUST_USE;

/* Words for a value: "once" for 2; NULL for one that is not known. */
const char *j11_attest_pin(unsigned char value);
const char *j11_attest_touch(unsigned char value);
const char *j11_attest_form(unsigned char value);

#endif
