/* SPDX-License-Identifier: Apache-2.0 */
/* In which form public keys go out, and which of them a taker takes: one const row per taker. Works on the text of JWKs alone, so that the process
 * which serves sets needs no cryptography for it. */
#ifndef J11_PROFILE_H
#define J11_PROFILE_H

#include "json/json_write.h"

/* What a taker is handed. */
enum j11_handout { J11_HANDOUT_SET, J11_HANDOUT_PUBLIC_PEM, J11_HANDOUT_CERTIFICATE, J11_N_HANDOUT_ };

enum { J11_PROFILE_ALGS_MAX = 12 };
struct j11_profile {
	const char *name;  /* "aws" */
	const char *taker; /* "AWS IAM" */
	enum j11_handout handout;
	const char *algs[J11_PROFILE_ALGS_MAX + 1]; /* those it takes, NULL behind the last; none: any key that signs */
	const char *use;           /* value of "use" in its sets */
	bool needs_kid;
	bool takes_x5c;            /* x5c and x5t#S256 may stand in its keys */
	enum jwk11_kid_style kid_style; /* the one its keys are named by; JWK11_N_KID_: any */
	const char *kid_word;           /* that style's word */
	unsigned max_per_kty;      /* keys of one type in a set; 0: any number */
	unsigned max_rsa_bits;     /* 0: any */
};
/* Exact; NULL when unknown. */
const struct j11_profile *j11_profile_find(struct jwk11_view name);
/* The i-th row; NULL past the end. */
const struct j11_profile *j11_profile_at(size_t i);
/* "google, aws, …" for sentences: of those that are handed this (J11_N_HANDOUT_: all). Appended. */
void j11_profile_names(enum j11_handout handout, struct jwk11_buf *out);

bool j11_profile_takes_alg(const struct j11_profile *profile, struct jwk11_view alg);

/* One key as it is known; all borrowed. */
struct j11_form {
	const struct j11_json *jwk; /* kty, use, alg, kid and the public members */
	const char *kid;            /* in place of the JWK's own; "": none; NULL: its own */
	const struct j11_json *x5c; /* NULL: no certificate is known */
	struct jwk11_view x5t;
};
/* Counts the keys of a set by type; starts as zeros. */
struct j11_tally {
	unsigned n[4];
};
/* Does the taker take this key, after those counted before? When not, `ret_why` says in which respect ("aws takes RS256 …, and this key signs
 * EdDSA"). One that is taken is counted. */
#define J11_PROFILE_WHY_MAX 192
bool j11_profile_takes(const struct j11_profile *profile, const struct j11_form *form, struct j11_tally *tally, char ret_why[J11_PROFILE_WHY_MAX]);

/* Writes the key as a JWK: the members RFC 7517 and 7518 give a public key, in the order of the source, "use" as the profile has it (NULL: as it
 * is), and with `x5c` the certificates, when they are known. Members of any other name stay out, key_ops always. */
void j11_form_jwk(struct j11_json_out *o, const struct j11_profile *profile, const struct j11_form *form, bool x5c);
/* The key's kid in this form; data NULL: none. */
struct jwk11_view j11_form_kid(const struct j11_form *form);
/* Its first n certificates (0: all) as PEM. RFC 7468 section 5. */
void j11_form_certs(struct jwk11_buf *out, const struct j11_form *form, size_t n);
/* Is it an object without a private member (RFC 7518 6.2.2, 6.3.2, 6.4.1; RFC 8037 section 2; RFC 9964)? */
bool j11_form_is_public(const struct j11_json *jwk);
/* Is this value an x5c as we write it: 1 to 8 strings of plain base64? */
bool j11_form_is_x5c(const struct j11_json *x5c);

#endif
