/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate is asked for, out of options and a template; and the request for it, by the broker or by the library. */
#ifndef REQUEST_H
#define REQUEST_H

#include "cmd.h"
#include "jose/csr_text.h"

/* Places of the options below. */
struct request_given {
	const char *subject, *template, *ca;
	struct cmd_words list[J11_N_CSR_LISTS_];
};
extern struct request_given request_given;

#define REQUEST_OPTIONS \
	{ "subject", 0, CMD_TEXT, &request_given.subject, "DN", "subject, in the form of RFC 4514: CN=device-7,O=Example" }, \
	{ "dns", 0, CMD_WORDS, &request_given.list[J11_NAME_DNS], "NAME", "DNS name among the subject's alternative names; this and the others may stand 15 times" }, \
	{ "ip", 0, CMD_WORDS, &request_given.list[J11_NAME_IP], "ADDRESS", "IPv4 or IPv6 address" }, \
	{ "uri", 0, CMD_WORDS, &request_given.list[J11_NAME_URI], "URI", "absolute URI" }, \
	{ "email", 0, CMD_WORDS, &request_given.list[J11_NAME_EMAIL], "MAILBOX", "mailbox" }, \
	{ "upn", 0, CMD_WORDS, &request_given.list[J11_NAME_UPN], "NAME@REALM", "user principal name, for Windows" }, \
	{ "hardware-module", 0, CMD_WORDS, &request_given.list[J11_NAME_HARDWARE], "OID:SERIAL", \
		"type and serial number of a device (RFC 4108); OID:#0011FF gives octets" }, \
	{ "permanent-identifier", 0, CMD_WORDS, &request_given.list[J11_NAME_PERMANENT], "[OID:]ID", "lasting identifier (RFC 4043), and who assigned it" }, \
	{ "key-usage", 0, CMD_WORDS, &request_given.list[J11_CSR_KEY_USAGE], "NAME,...", "key usages as RFC 5280 names them: digitalSignature" }, \
	{ "eku", 0, CMD_WORDS, &request_given.list[J11_CSR_EKU], "NAME,...", "extended key usages, by name (clientAuth) or object identifier" }, \
	{ "ca", 0, CMD_TEXT, &request_given.ca, "yes|no", "basicConstraints; default: no such extension" }, \
	{ "template", 0, CMD_TEXT, &request_given.template, "FILE", "lines name = value with the names of these options; options go before, or add" }

/* Fills `into` from the template, then from the options. */
enum jwk11_rc request_read(struct j11_csr_text *into, struct jwk11_err *err) J11_MUST_USE;
/* A certificate request in DER, by the key of this name or kid, checked. Anything but NULL in `alg` must be the key's with the broker. */
enum jwk11_rc request_make(const struct cmd_global *g, const char *key, const struct jwk11_csr *csr, struct jwk11_buf *ret_der, struct jwk11_err *err) J11_MUST_USE;

/* Writes DER or PEM with this label (to --output or standard output), or with --json the document jwk11/NAME/1 with the PEM as the member `name`. Contents
 * that are secret are written to a file for its owner alone. */
struct request_result {
	const char *name, *label;
	bool der, secret;
	const char *thumbprint; /* in the document, as x5t#S256; NULL: none */
};
enum jwk11_rc request_write(const struct cmd_global *g, const struct request_result *as, struct jwk11_view der, struct jwk11_err *err) J11_MUST_USE;

#endif
