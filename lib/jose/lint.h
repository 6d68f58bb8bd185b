/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is wrong with a JWK or a JWK set, not the first thing only: rules of the RFCs and bugs that were met, over the text as it is.
 * And what each taker of key sets refuses. Nothing here is a check to rely on before a key is used: that is jwk.c, which stops at once. */
#ifndef J11_LINT_H
#define J11_LINT_H

#include "json/json_read.h"
#include "pub.h"

#define J11_LINT_MAX (1024u * 1024u) /* octets of text */
#define J11_LINT_KEYS 1024u          /* keys that are looked at; the rest of a longer set is counted only */

enum j11_lint_severity { J11_LINT_INFO, J11_LINT_WARN, J11_LINT_ERROR, J11_N_LINT_SEVERITY_ };

/* One each; lint_rules.c has their words. In the order in which they are listed. */
enum j11_lint_id {
	J11_LINT_JSON, J11_LINT_JSON_BOM, J11_LINT_JSON_UTF8, J11_LINT_JSON_TRAILING, J11_LINT_JSON_DUPLICATE, J11_LINT_SET_SHAPE,
	J11_LINT_SET_EMPTY, J11_LINT_SET_SIZE, J11_LINT_SET_COUNT, J11_LINT_SET_MANY, J11_LINT_SET_AKP, J11_LINT_SET_OKP, J11_LINT_SET_USE,
	J11_LINT_MEDIA_TYPE, J11_LINT_KEY_TWICE, J11_LINT_KEY_TWO_ALGS, J11_LINT_MEMBER_MISSING, J11_LINT_MEMBER_TYPE, J11_LINT_MEMBER_NULL,
	J11_LINT_MEMBER_EMPTY, J11_LINT_MEMBER_CASE, J11_LINT_PRIVATE, J11_LINT_SYMMETRIC, J11_LINT_KTY_CASE, J11_LINT_KTY_UNKNOWN,
	J11_LINT_B64_ALPHABET, J11_LINT_B64_PADDING, J11_LINT_B64_BLANKS, J11_LINT_B64_BITS, J11_LINT_B64_INVALID, J11_LINT_NUMBER_TEXT,
	J11_LINT_RSA_ZERO, J11_LINT_RSA_SMALL, J11_LINT_RSA_LARGE, J11_LINT_RSA_EVEN, J11_LINT_RSA_ROCA, J11_LINT_RSA_EXPONENT,
	J11_LINT_RSA_EXPONENT_LARGE, J11_LINT_CRV_NAME, J11_LINT_CRV_UNKNOWN, J11_LINT_CRV_KTY, J11_LINT_SECP256K1, J11_LINT_EC_SHORT,
	J11_LINT_EC_LONG, J11_LINT_EC_POINT, J11_LINT_EC_OFF_CURVE, J11_LINT_OKP_DER, J11_LINT_OKP_LENGTH, J11_LINT_OKP_POINT, J11_LINT_AKP_ALG,
	J11_LINT_AKP_LENGTH, J11_LINT_USE_MISSING, J11_LINT_USE_VALUE, J11_LINT_USE_SVID, J11_LINT_USE_CRV, J11_LINT_OPS_DUPLICATE,
	J11_LINT_OPS_UNKNOWN, J11_LINT_OPS_PRIVATE, J11_LINT_OPS_MIXED, J11_LINT_OPS_AND_USE, J11_LINT_OPS_USE, J11_LINT_ALG_MISSING,
	J11_LINT_ALG_CASE, J11_LINT_ALG_COSE, J11_LINT_ALG_NONE, J11_LINT_ALG_OLD, J11_LINT_ALG_UNKNOWN, J11_LINT_ALG_KEY, J11_LINT_ALG_USE,
	J11_LINT_ALG_EDDSA, J11_LINT_ALG_ED25519, J11_LINT_KID_MISSING, J11_LINT_KID_NONE, J11_LINT_KID_LONG, J11_LINT_KID_DUPLICATE,
	J11_LINT_KID_THUMBPRINT, J11_LINT_X5C_PEM, J11_LINT_X5C_BASE64, J11_LINT_X5C_BLANKS, J11_LINT_X5C_DER, J11_LINT_X5C_ORDER,
	J11_LINT_X5C_LEAF, J11_LINT_X5C_CHAIN, J11_LINT_X5T_HEX, J11_LINT_X5T_TWICE, J11_LINT_X5T_LENGTH, J11_LINT_X5T_DIGEST, J11_LINT_X5U_HTTPS,
	J11_N_LINT_
};

struct j11_lint_rule {
	const char *name; /* the stable word: "ec-short" */
	enum j11_lint_severity severity;
	const char *source; /* where it is written: "RFC 7518 6.2.1.2"; "" for what was only met */
	const char *fix;    /* what to do, as a sentence without its full stop */
};
const struct j11_lint_rule *j11_lint_rule(enum j11_lint_id id);
/* "error", "warn", "info". */
const char *j11_lint_severity_name(enum j11_lint_severity severity);

/* One thing that is wrong. */
struct j11_lint_finding {
	enum j11_lint_id id;
	size_t key;      /* from 1; 0: the text or the set as a whole */
	char member[32]; /* made printable; "" */
	char text[224];  /* a sentence without its full stop; never the value of a private member */
};

/* One key as far as it can be understood. */
struct j11_lint_key {
	const struct j11_json *jwk;
	const char *kty;                /* the registered word, also where its case was wrong; NULL when unknown */
	struct jwk11_view kid, alg, use; /* empty when absent or no string */
	const struct j11_curve *curve;  /* NULL without one, or with one that is not known here */
	struct jwk11_pub *pub;          /* the key, with what was wrong in its encoding put right; NULL when that is not possible */
	char thumbprint[JWK11_THUMBPRINT_LEN + 1]; /* "" when it has none */
	enum j11_lint_id first_error;   /* J11_N_LINT_: it has none */
};

/* The result. Findings are sorted by key, those about the whole last, then as the rules are listed. */
struct j11_lint {
	struct jwk11_buf text; /* as read: without what could be mended */
	size_t n_octets;       /* as given */
	struct j11_json_doc *doc; /* NULL: it is no JSON */
	struct j11_lint_key *keys;
	size_t n_keys;           /* looked at: at most J11_LINT_KEYS */
	size_t n_listed;         /* in the set */
	bool is_set;
	struct j11_lint_finding *findings;
	size_t n_findings, capacity;
	size_t n_severity[J11_N_LINT_SEVERITY_]; /* also of those that were too many to keep */
	enum jwk11_rc failed;                    /* memory ran out on the way */
};

/* Reads and judges. Pure: no I/O, no clock (whether a certificate has expired is for who relies on it). Errors: LIMIT (text above
 * J11_LINT_MAX), MEMORY. Text that is no JSON is a finding. */
enum jwk11_rc j11_lint_run(struct jwk11_view text, struct j11_lint **ret_lint, struct jwk11_err *err) J11_MUST_USE;
/* One more finding, when a server called its answer something else than a JWK set. */
void j11_lint_media_type(struct j11_lint *lint, const char *media_type);
void j11_lint_free(struct j11_lint *lint);

/* ---- for the files that hold the rules ---- */

enum { J11_LINT_KEEP = 4096 }; /* findings; more are counted only */

/* Records a finding. `key` NULL: the whole; `member` may be NULL. */
void j11_lint_add(struct j11_lint *lint, struct j11_lint_key *key, enum j11_lint_id id, const char *member, const char *fmt, ...)
	J11_PRINTF(5, 6);
void j11_lint_sort(struct j11_lint *lint);
/* Remembers that memory ran out; other codes are ignored. True when rc is OK. */
bool j11_lint_good(struct j11_lint *lint, enum jwk11_rc rc);
/* The text of a string member that is not empty; { 0 } otherwise. */
struct jwk11_view j11_lint_string(const struct j11_json *jwk, const char *name);
/* Equal but for ASCII case. */
bool j11_lint_same_word(struct jwk11_view a, const char *b);

J11_DEFINE_AUTO(struct j11_lint, j11_lint_free)

#endif
