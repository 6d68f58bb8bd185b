/* SPDX-License-Identifier: Apache-2.0 */
/* Distinguished names as text (RFC 4514) to a bounded value. Pure; what libcrypto makes of it is x509_make's. */
#ifndef J11_DN_H
#define J11_DN_H

#include "base/attr.h"
#include "base/buf.h"

#define J11_DN_MAX 2048          /* octets of text */
#define J11_DN_ATTRIBUTES_MAX 32
#define J11_OID_MAX 64           /* characters of an object identifier in dotted decimals */

/* One attribute type and its value. */
struct j11_dn_attribute {
	const char *oid;          /* dotted decimals */
	const char *type;         /* as it was written, for sentences */
	struct jwk11_view value;  /* UTF-8; of a #hexstring the contents of the string that it encodes */
	unsigned char tag;        /* of that string's type; 0: text, whose type follows from the attribute's */
	bool joins;               /* with a "+": in one relative name with the attribute before it in the text */
};
/* In the order of the text, which is the reverse of the one in the encoding. Views and strings point into `room`, or are static: not to be copied. */
struct j11_dn {
	size_t n;
	struct j11_dn_attribute attribute[J11_DN_ATTRIBUTES_MAX];
	size_t used;
	char room[2 * J11_DN_MAX];
};

/* Reads RFC 4514 as it is written and nothing that is common besides: no blank behind a comma, no quotes, no semicolons, no empty values. Keywords of
 * section 3 and serialNumber, emailAddress, givenName, SN, title, in any case; other types as object identifiers. A value is text with escapes, or
 * "#" and the DER of one PrintableString, IA5String, UTF8String, NumericString or BMPString in hexadecimal. An empty text is a name without
 * attributes. Errors: SYNTAX (SUBJECT_INVALID, with the place as octets from 0), LIMIT. */
enum jwk11_rc j11_dn_parse(struct jwk11_view text, struct j11_dn *ret_dn, struct jwk11_err *err) J11_MUST_USE;

/* Is it an object identifier in dotted decimals: at least two arcs, no leading zeros, at most J11_OID_MAX characters? */
bool j11_oid_is(struct jwk11_view text);

#endif
