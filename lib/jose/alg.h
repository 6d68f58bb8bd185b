/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithm table: one const row per JWA algorithm drives names, key types, curves, hashes, sizes and (in token/mech) mechanisms. */
#ifndef J11_ALG_H
#define J11_ALG_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

enum j11_kty { J11_KTY_RSA, J11_KTY_EC, J11_KTY_OKP, J11_N_KTY_ };
enum j11_crv { J11_CRV_NONE, J11_CRV_P256, J11_CRV_P384, J11_CRV_P521, J11_CRV_ED25519, J11_N_CRV_ };
enum j11_hash { J11_HASH_NONE, J11_HASH_SHA256, J11_HASH_SHA384, J11_HASH_SHA512, J11_N_HASH_ };
enum j11_scheme { J11_SCHEME_PKCS1, J11_SCHEME_PSS, J11_SCHEME_ECDSA, J11_SCHEME_EDDSA, J11_N_SCHEME_ };

/* A curve. Sizes in octets: a coordinate (or the whole point for OKP), a private scalar's field. */
struct j11_curve {
	enum j11_crv crv;
	enum j11_kty kty;
	const char *name;      /* "P-256" */
	unsigned bits;
	size_t coord_len;      /* 32, 48, 66; Ed25519: 32 */
	const unsigned char *oid; /* the DER of the OBJECT IDENTIFIER, tag and length included */
	size_t oid_len;
	const char *printable; /* the PrintableString spelling some tokens use, or NULL */
};
const struct j11_curve *j11_curve_get(enum j11_crv crv); /* NULL for NONE */
const struct j11_curve *j11_curve_by_name(struct jwk11_view name);

/* One algorithm (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
struct j11_alg {
	const char *name;
	enum j11_scheme scheme;
	enum j11_kty kty;
	enum j11_crv crv; /* NONE: any key of kty */
	enum j11_hash hash;
};
/* Exact, case-sensitive; NULL when unknown. */
const struct j11_alg *j11_alg_find(struct jwk11_view name);
const struct j11_alg *j11_alg_find_str(const char *name);
/* The i-th row; NULL past the end. */
const struct j11_alg *j11_alg_at(size_t i);
/* "RS256, RS384, …" for hints. */
const char *j11_alg_names(void);

/* SHA-2 digests over libcrypto. */
#define J11_HASH_MAX 64
size_t j11_hash_len(enum j11_hash hash);      /* octets; 0 for NONE */
const char *j11_hash_name(enum j11_hash hash); /* OpenSSL's: "SHA256" */
enum jwk11_rc j11_hash_digest(enum j11_hash hash, struct jwk11_view data, unsigned char ret_digest[J11_HASH_MAX], struct jwk11_err *err)
	J11_MUST_USE;

#endif
