/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate chains of keys: chosen and built from a heap of certificates. Pure: certificates and the time are given. */
#ifndef J11_CHAIN_H
#define J11_CHAIN_H

#include "x509.h"

enum { J11_CHAIN_MAX = 8, J11_CHAIN_LEN_MAX = 65536, J11_CERTS_MAX = 16384, J11_CERTS_LEN_MAX = 64 * 1024 * 1024 };

/* The heap. Certificates that cannot be read, and those past the limits, are counted only. */
struct jwk11_certs {
	struct j11_cert **list;
	size_t n, room, len, n_unread;
};
/* Takes the certificate, also when it fails (MEMORY). */
enum jwk11_rc j11_certs_take(struct jwk11_certs *certs, struct j11_cert *cert, struct jwk11_err *err) J11_MUST_USE;
/* Reads one into the heap, or counts it. */
enum jwk11_rc j11_certs_add(struct jwk11_certs *certs, struct jwk11_view der, struct jwk11_view id, struct jwk11_view label, struct jwk11_err *err)
	J11_MUST_USE;
void j11_certs_done(struct jwk11_certs *certs);

/* Leaf first, each certified by the next. A self-signed root is left out: whoever trusts it has it (unless it is the leaf). */
struct jwk11_chain {
	struct jwk11_view der[J11_CHAIN_MAX];
	size_t n;
	bool complete; /* ends below a self-signed root that was there, or is one */
	char x5t[JWK11_THUMBPRINT_LEN + 1];
	char note[JWK11_TEXT_MAX];
	unsigned char bytes[];
};

/* Whose chain. `name` is for sentences; `id` and `label` say which certificates were meant for it. */
struct j11_chain_of {
	const struct jwk11_pub *pub;
	const char *name;
	struct jwk11_view id, label;
	int64_t now; /* seconds since 1970 */
	bool in_file; /* they are from a file, not from a token: for sentences too */
};
/* The leaf holds this very key and is no attestation of it: of several the one that is valid now, then one with its id or label, then the newest. Issuers are found by name
 * and each signature is checked; where none fits the chain ends. What a reader should know stands in the note. Errors: NOT_FOUND with code
 * CERT_ABSENT, or CERT_FOREIGN when a certificate with the id or label holds another key. */
enum jwk11_rc j11_chain_new(const struct jwk11_certs *certs, const struct j11_chain_of *of, struct jwk11_chain **ret_chain, struct jwk11_err *err)
	J11_MUST_USE;
/* NULL: no memory. */
struct jwk11_chain *j11_chain_copy(const struct jwk11_chain *chain) J11_MUST_USE;

static inline void j11_certs_done_auto(struct jwk11_certs *certs)
{
	j11_certs_done(certs);
}
J11_DEFINE_AUTO(struct jwk11_chain, jwk11_chain_free)

#endif
