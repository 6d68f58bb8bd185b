/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs as templates: each is a const row that says what is signed, which of it the caller may choose, and with which keys. No cryptography and no
 * clock of its own: what it needs of either is an argument. Pure. */
#ifndef J11_TEMPLATE_H
#define J11_TEMPLATE_H

#include "json/json_write.h"

/* By which operation it is signed: claims, a flattened JWS, or octets. */
enum j11_template_makes { J11_MAKES_JWT, J11_MAKES_JWS, J11_MAKES_SIGNATURE, J11_N_MAKES_ };
/* What stands for the key in the header. */
enum j11_template_named {
	J11_NAMED_KID,         /* its kid */
	J11_NAMED_JWK,         /* its public half */
	J11_NAMED_NOT,         /* nothing: who reads it knows */
	J11_NAMED_CERTIFICATE, /* x5t#S256 of its certificate, and x5t with RS256, for which the taker wants that */
	J11_NAMED_ACCOUNT      /* the parameter "kid", or else its public half */
};

struct j11_template_part;
enum { J11_TEMPLATE_ALGS_MAX = 8 };
struct j11_template {
	const char *name;  /* "assertion/entra": the profile "entra" of "assertion" */
	const char *about; /* for people */
	enum j11_template_makes makes;
	const char *typ; /* NULL: none */
	enum j11_template_named named;
	const char *algs[J11_TEMPLATE_ALGS_MAX + 1]; /* those it takes, NULL behind the last; none: any but those of secret keys */
	int64_t ttl, max_ttl;                        /* seconds until exp, when nobody says, and at most; 0: it has no exp */
	int64_t early;                               /* seconds that iat lies in the past, for readers whose clock is behind */
	const struct j11_template_part *header, *claims; /* end with one that has no name; NULL: none */
};
/* Exact; NULL when unknown. */
const struct j11_template *j11_template_find(struct jwk11_view name);
/* The i-th row; NULL past the end. */
const struct j11_template *j11_template_at(size_t i);
/* Does a grant of this word hold for the template: its name, what stands before the slash in it, or "*"? */
bool j11_template_is_granted_by(const struct j11_template *t, const char *word);
/* Does the word grant any template? */
bool j11_template_is_word(const char *word);
/* TEMPLATE_UNKNOWN, with what is near. */
enum jwk11_rc j11_template_unknown(struct jwk11_view name, struct jwk11_err *err);
bool j11_template_takes_alg(const struct j11_template *t, const char *alg);
/* ALG_MISMATCH when it does not. `key` is for the sentence. */
enum jwk11_rc j11_template_check_alg(const struct j11_template *t, const char *alg, const char *key, struct jwk11_err *err) J11_MUST_USE;
/* Has it this claim? */
bool j11_template_has_claim(const struct j11_template *t, const char *name);

/* What it is filled with besides the parameters. */
#define J11_TEMPLATE_HASH 32
struct j11_template_facts {
	int64_t now;            /* seconds since 1970 */
	const char *alg;        /* the key's */
	const char *jti;        /* a text that was never used and cannot be guessed */
	const char *issuer;     /* iss when no parameter says one; NULL: it has to be a parameter */
	const char *x5t, *x5t_s256; /* of the key's certificate, for J11_NAMED_CERTIFICATE */
	int64_t ttl;            /* seconds that were asked for; 0: the template's own */
	int64_t max_ttl;        /* shortens the template's own; 0: it does not */
	bool (*sha256)(struct jwk11_view text, unsigned char ret_hash[J11_TEMPLATE_HASH]);
};
/* What came of it. */
struct j11_template_made {
	struct jwk11_buf header; /* object of further protected members; of no octets: none */
	struct jwk11_buf payload; /* claims, or what an ACME request holds */
	struct jwk11_buf kid;    /* of J11_NAMED_ACCOUNT; of no octets: none */
};
#define J11_TEMPLATE_MADE ((struct j11_template_made){ .header = J11_BUF(16384), .payload = J11_BUF(65536), .kid = J11_BUF(4096) })
void j11_template_made_done(struct j11_template_made *made);

/* Fills in a template that makes a JWT or a JWS. `parameters` is an object, or NULL for none. Errors: MEMBER_MISSING, MEMBER_UNKNOWN (with those it
 * takes), MEMBER_TYPE, BASE64_INVALID, CLAIM_INVALID (a value that is none of its kind, a lifetime above the template's), INTERNAL. */
enum jwk11_rc j11_template_fill(const struct j11_template *t, const struct j11_json *parameters, const struct j11_template_facts *facts,
	struct j11_template_made *made, struct jwk11_err *err) J11_MUST_USE;
/* The lifetime that is asked for, or else the template's own, in seconds. Errors: CLAIM_INVALID. */
enum jwk11_rc j11_template_ttl(const struct j11_template *t, const struct j11_template_facts *facts, int64_t *ret_ttl, struct jwk11_err *err) J11_MUST_USE;

#endif
