/* SPDX-License-Identifier: Apache-2.0 */
/* The alternative names of a subject (RFC 5280 4.2.1.6) as text to checked values, and the names of key usages. Pure. */
#ifndef J11_NAMES_H
#define J11_NAMES_H

#include "dn.h"

enum j11_name_kind {
	J11_NAME_DNS, J11_NAME_IP, J11_NAME_URI, J11_NAME_EMAIL,
	J11_NAME_UPN,       /* otherName 1.3.6.1.4.1.311.20.2.3: the user principal name of Windows */
	J11_NAME_HARDWARE,  /* otherName id-on-hardwareModuleName, RFC 4108 section 5 */
	J11_NAME_PERMANENT, /* otherName id-on-permanentIdentifier, RFC 4043 section 2 */
	J11_N_NAME_
};

#define J11_NAME_MAX 2048      /* octets of a URI; the others have less */
#define J11_HARDWARE_MAX 128   /* octets of a serial number */

/* A checked name. `text` points into what was read. */
struct j11_name {
	enum j11_name_kind kind;
	struct jwk11_view text;         /* what is encoded, of kinds that are text */
	unsigned char octets[J11_HARDWARE_MAX]; /* IP: 4 or 16; HARDWARE: the serial number */
	size_t n_octets;
	char oid[J11_OID_MAX + 1];      /* HARDWARE: the type of the module; PERMANENT: who assigned it, or "" */
};

/* dns: letters, digits and hyphens in labels of at most 63, 253 in all, "*" as the first label only. ip: IPv4 or IPv6. uri: absolute, the characters of
 * RFC 3986. email: an ASCII mailbox. upn: name@realm. HARDWARE: OID ":" and the serial number as text, or as "#" and hexadecimal digits.
 * PERMANENT: a text, with the OID of who assigned it and ":" before it or not. Errors: SYNTAX (NAME_INVALID), LIMIT. */
enum jwk11_rc j11_name_parse(enum j11_name_kind kind, struct jwk11_view text, struct j11_name *ret_name, struct jwk11_err *err) J11_MUST_USE;

/* The bit of a key usage (RFC 5280 4.2.1.3): 0 for digitalSignature. Errors: SYNTAX (USAGE_UNKNOWN, with the nearest as a hint). */
enum jwk11_rc j11_key_usage_find(const char *word, unsigned *ret_bit, struct jwk11_err *err) J11_MUST_USE;
/* The object identifier of a purpose by its name ("clientAuth"), or the text itself when it is one. The same errors. */
enum jwk11_rc j11_eku_find(const char *word, const char **ret_oid, struct jwk11_err *err) J11_MUST_USE;

#endif
