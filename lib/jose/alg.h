/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of algorithms and curves. A signature algorithm is one row in alg.c (name, scheme, key type, curve, hash) and, when its scheme or
 * its hash is new, one in token/mech.c (mechanisms); a curve is one row in alg.c (names, sizes, what it is for), and a new type of key one in
 * token/kind.c. Whoever names, lists, offers or checks algorithms and curves goes through these rows. */
#ifndef J11_ALG_H
#define J11_ALG_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

/* OCT: a secret key, which lives on a token only; no value of this library holds one. */
enum j11_kty { J11_KTY_RSA, J11_KTY_EC, J11_KTY_OKP, J11_KTY_AKP, J11_KTY_OCT, J11_N_KTY_ };
const char *j11_kty_name(enum j11_kty kty); /* "RSA" */
enum j11_crv {
	J11_CRV_NONE, J11_CRV_P256, J11_CRV_P384, J11_CRV_P521, J11_CRV_SECP256K1, J11_CRV_ED25519, J11_CRV_ED448, J11_CRV_X25519, J11_CRV_X448,
	J11_N_CRV_
};
enum j11_hash { J11_HASH_NONE, J11_HASH_SHA256, J11_HASH_SHA384, J11_HASH_SHA512, J11_N_HASH_ };
enum j11_scheme { J11_SCHEME_NONE, J11_SCHEME_PKCS1, J11_SCHEME_PSS, J11_SCHEME_ECDSA, J11_SCHEME_EDDSA, J11_SCHEME_MLDSA, J11_SCHEME_HMAC, J11_N_SCHEME_ };

/* A curve. A signature by a key on it is twice as long as a coordinate (RFC 7518 3.4; RFC 8032: 64 and 114). */
struct j11_curve {
	enum j11_crv crv;
	enum j11_kty kty;
	const char *name;      /* "P-256" */
	const char *group;     /* libcrypto's: "prime256v1" */
	unsigned bits;
	size_t coord_len;      /* octets of a coordinate; of the whole point for OKP */
	enum j11_scheme scheme; /* of signatures; NONE: its keys do not sign */
	bool agrees;           /* registered for ECDH-ES (RFC 7518 4.6, RFC 8037 3.2) */
	const unsigned char *oid; /* the DER of the OBJECT IDENTIFIER, tag and length included */
	size_t oid_len;
	const char *printable; /* the PrintableString spelling some tokens use, or NULL */
	int cose;              /* its number in COSE (RFC 9053 section 7.1, RFC 8812) */
};
const struct j11_curve *j11_curve_get(enum j11_crv crv); /* NULL for NONE */
const struct j11_curve *j11_curve_by_name(struct jwk11_view name);
const struct j11_curve *j11_curve_by_group(const char *group);
/* The i-th row; NULL past the end. */
const struct j11_curve *j11_curve_at(size_t i);

/* One algorithm (RFC 7518 section 3.1, RFC 8037, RFC 8812, RFC 9864, RFC 9964). */
struct j11_alg {
	const char *name;
	enum j11_scheme scheme;
	enum j11_kty kty;
	enum j11_crv crv; /* NONE: any key of kty, or any curve of the scheme */
	enum j11_hash hash;
	int cose;         /* its number in COSE (RFC 8812, RFC 9053, RFC 9864, RFC 9964) */
};
/* HS256, HS384, HS512? */
bool j11_alg_is_mac(const char *name);
/* Does it sign a digest made by whoever asks, or whole messages only? */
bool j11_alg_takes_digests(const struct j11_alg *alg);
/* Exact, case-sensitive; NULL when unknown. */
const struct j11_alg *j11_alg_find(struct jwk11_view name);
const struct j11_alg *j11_alg_find_str(const char *name);
/* The i-th row; NULL past the end. */
const struct j11_alg *j11_alg_at(size_t i);
/* UNSUPPORTED with ALG_UNKNOWN, and a hint with all names. `what` begins the sentence: "verify: ", or "". */
enum jwk11_rc j11_alg_unknown(const char *what, struct jwk11_err *err);

/* SHA-2 digests over libcrypto. */
#define J11_HASH_MAX 64
size_t j11_hash_len(enum j11_hash hash);      /* octets; 0 for NONE */
const char *j11_hash_name(enum j11_hash hash); /* OpenSSL's: "SHA256" */
enum jwk11_rc j11_hash_digest(enum j11_hash hash, struct jwk11_view data, unsigned char ret_digest[J11_HASH_MAX], struct jwk11_err *err)
	J11_MUST_USE;
/* BASE64URL(SHA-256(data)), 43 characters: thumbprints of keys (RFC 7638) and certificates (RFC 7515 4.1.8). */
enum jwk11_rc j11_hash_text(struct jwk11_view data, char ret_text[JWK11_THUMBPRINT_LEN + 1], struct jwk11_err *err) J11_MUST_USE;

#endif
