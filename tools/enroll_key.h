/* SPDX-License-Identifier: Apache-2.0 */
/* A key on a token as an enrolment needs it: its public half, requests and ACME's JWS signed with it, through the broker or --offline. */
#ifndef ENROLL_KEY_H
#define ENROLL_KEY_H

#include <stdbool.h>

#include "base/buf.h"
#include "jwk11.h"

struct cmd_global;
struct local;

/* Where keys are looked for; one for all of a run. Start with { .g = … }. */
struct enroll_keys {
	const struct cmd_global *g;
	struct local *local; /* --offline: opened at first need */
};
void enroll_keys_done(struct enroll_keys *keys);

struct enroll_key {
	struct enroll_keys *keys;
	const char *name;      /* as it was given; borrowed */
	struct jwk11_pub *pub; /* a reference */
	struct jwk11_key *key; /* --offline; borrowed */
	bool by_template;      /* the broker lets us sign ACME's requests with it, and sees what they are */
	char alg[24];
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
};
/* Errors: those of the broker, of local_key; MISMATCH for a secret key. */
enum jwk11_rc enroll_key_find(struct enroll_keys *keys, const char *name, struct enroll_key *ret_key, struct jwk11_err *err) J11_MUST_USE;
void enroll_key_done(struct enroll_key *key);
/* A certificate request (PKCS#10) in DER. */
enum jwk11_rc enroll_key_csr(const struct enroll_key *key, const struct jwk11_csr *csr, struct jwk11_buf *ret_der, struct jwk11_err *err) J11_MUST_USE;
/* The flattened JWS of RFC 8555 section 6.2: with `kid` the account's URL, or NULL for the public key itself. */
enum jwk11_rc enroll_key_jws(const struct enroll_key *key, const char *url, const char *nonce, const char *kid, struct jwk11_view payload,
	struct jwk11_buf *ret_jws, struct jwk11_err *err) J11_MUST_USE;
/* What comes of `text`, a CA's answer in PEM, PKCS#7 or DER: the certificate of this key and its issuers as PEM, and what a person should know ("").
 * Errors: CERT_FOREIGN (MISMATCH), SERVER_MALFORMED. */
enum jwk11_rc enroll_key_certificate(const struct enroll_key *key, struct jwk11_view text, struct jwk11_buf *ret_pem, char ret_note[JWK11_TEXT_MAX],
	struct jwk11_err *err) J11_MUST_USE;
/* All certificates of such a text as PEM, in its order. Errors: SERVER_MALFORMED. */
enum jwk11_rc enroll_certificates(struct jwk11_view text, struct jwk11_buf *ret_pem, struct jwk11_err *err) J11_MUST_USE;

#endif
