/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of takers, and the one function that reads them. Each row is something that was found in the taker's documentation, in its issues
 * or by trying; a taker may have changed since. */
#include "takers.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* When a row applies. `words` are separated by blanks, and `limit` is a number. A member that is absent has no value that could be wrong. */
enum when {
	KTY_NOT, CRV_NOT, ALG_NOT, /* the value is none of the words */
	USE_NOT, USE_IS,           /* an absent one is no word either */
	LACKS,                     /* the key has not this member */
	HOLDS,                     /* the key has this member */
	HOLDS_OTHER,               /* the key has a member that is none of these */
	FOUND,                     /* the linter's rule of this name found something */
	KID_OVER,                  /* octets of the kid */
	KEYS_OVER, KTY_OVER,       /* keys in the set; keys of this key's type */
	OCTETS_OVER,               /* of the whole set */
	ALWAYS
};

struct row {
	enum when when;
	const char *words;
	size_t limit;
	enum j11_takes takes;
	const char *why;
};

#define NO J11_TAKES_NO
#define MAYBE J11_TAKES_WARN

static const struct row google[] = {
	{ KTY_NOT, "RSA EC", 0, NO, "takes RSA and EC keys only" },
	{ HOLDS_OTHER, "kty alg use kid n e x y crv", 0, NO, "refuses a set with members other than kty, alg, use, kid, n, e, x, y and crv" },
};
static const struct row google_sa[] = {
	{ ALWAYS, "", 0, J11_TAKES_NEVER, "takes no JWKS: upload the RSA key in an X.509 v3 certificate; Google then chooses the kid" },
};
static const struct row aws[] = {
	{ KTY_NOT, "RSA EC", 0, NO, "verifies RS256, RS384, RS512, ES256, ES384 and ES512 only" },
	{ CRV_NOT, "P-256 P-384 P-521", 0, NO, "verifies ES256, ES384 and ES512 only" },
	{ ALG_NOT, "RS256 RS384 RS512 ES256 ES384 ES512", 0, NO, "verifies RS256, RS384, RS512, ES256, ES384 and ES512 only" },
	{ LACKS, "kid", 0, NO, "finds keys by kid only" },
	{ HOLDS, "key_ops", 0, NO, "refuses a key with key_ops, [\"verify\"] included" },
	{ USE_IS, "enc", 0, NO, "verifies with no key that is for encryption" },
	{ FOUND, "rsa-leading-zero", 0, NO, "refuses a modulus of 257 octets" },
	{ FOUND, "x5c-leaf", 0, NO, "compares n and e with the first certificate" },
	{ FOUND, "x5c-order", 0, NO, "compares n and e with the first certificate" },
	{ KTY_OVER, "", 100, NO, "reads no keys of a type of which there are more than 100" },
	{ FOUND, "kid-duplicate", 0, NO, "takes the last of the keys with one kid" },
};
static const struct row entra[] = {
	{ KTY_NOT, "RSA", 0, NO, "RS256 is the only algorithm Microsoft has tested" },
	{ ALG_NOT, "RS256", 0, NO, "RS256 is the only algorithm Microsoft has tested" },
	{ USE_NOT, "sig", 0, NO, "demands \"use\":\"sig\" in these letters" },
};
static const struct row entra_certificate[] = {
	{ ALWAYS, "", 0, J11_TAKES_NEVER, "takes no JWKS: upload an X.509 certificate; the assertion's header is PS256 with x5t#S256" },
};
static const struct row auth0[] = {
	{ KTY_NOT, "RSA", 0, NO, "verifies RS256, RS384 and PS256 only" },
	{ ALG_NOT, "RS256 RS384 PS256", 0, NO, "verifies RS256, RS384 and PS256 only" },
};
static const struct row okta[] = {
	{ KTY_NOT, "RSA EC", 0, NO, "takes RSA and EC keys only" },
};
static const struct row keycloak[] = {
	{ LACKS, "use", 0, MAYBE, "older versions skip a key without use (keycloak#28004)" },
	{ LACKS, "kid", 0, MAYBE, "version 21 does not find a key without kid (keycloak#19632)" },
};
static const struct row github[] = {
	{ ALWAYS, "", 0, J11_TAKES_NEVER, "takes no JWKS: GitHub makes the RSA key of an app itself; import it into the token" },
};
static const struct row spiffe[] = {
	{ USE_NOT, "jwt-svid x509-svid", 0, NO, "reads only keys whose use is jwt-svid or x509-svid" },
	{ USE_IS, "x509-svid", 0, J11_TAKES_YES, "" },
	{ LACKS, "kid", 0, NO, "demands a kid for JWT-SVIDs" },
};
static const struct row k8s[] = {
	{ KTY_NOT, "RSA EC", 0, NO, "takes RSA and P-256, P-384, P-521 keys only" },
	{ CRV_NOT, "P-256 P-384 P-521", 0, NO, "takes RSA and P-256, P-384, P-521 keys only" },
	{ ALG_NOT, "RS256 ES256 ES384 ES512", 0, NO, "verifies RS256, ES256, ES384 and ES512 only" },
	{ LACKS, "kid", 0, NO, "demands a kid" },
	{ KID_OVER, "", 1024, NO, "takes a kid of at most 1024 octets" },
};
static const struct row ten_keys[] = {
	{ KEYS_OVER, "", 10, NO, "reads at most 10 keys" },
};
static const struct row nimbus[] = {
	{ OCTETS_OVER, "", 51200, NO, "reads 51,200 octets unless told otherwise" },
};
static const struct row needs_alg[] = {
	{ LACKS, "alg", 0, NO, "demands alg" },
};
static const struct row oidf[] = {
	{ FOUND, "kid-duplicate", 0, NO, "fails any set that repeats a kid, across key types too" },
};

struct j11_taker {
	const char *name, *title;
	const struct row *rows;
	size_t n_rows;
};
#define ROWS(rows) rows, J11_COUNT(rows)

static const struct j11_taker takers[] = {
	{ "google", "Google workload and workforce identity federation, uploaded set", ROWS(google) },
	{ "google-sa", "Google service account key", ROWS(google_sa) },
	{ "aws", "AWS IAM OpenID Connect provider", ROWS(aws) },
	{ "entra", "Microsoft Entra federated credential", ROWS(entra) },
	{ "entra-certificate", "Microsoft Entra app certificate", ROWS(entra_certificate) },
	{ "auth0", "Auth0 client credential", ROWS(auth0) },
	{ "okta", "Okta client keys", ROWS(okta) },
	{ "keycloak", "Keycloak client keys", ROWS(keycloak) },
	{ "github", "GitHub App", ROWS(github) },
	{ "spiffe", "SPIFFE trust bundle", ROWS(spiffe) },
	{ "k8s", "Kubernetes external service account signer", ROWS(k8s) },
	{ "oracle", "Oracle API Gateway", ROWS(ten_keys) },
	{ "foxids", "FoxIDs", ROWS(ten_keys) },
	{ "nimbus", "Nimbus JOSE+JWT, remote set", ROWS(nimbus) },
	{ "appsync", "AWS AppSync", ROWS(needs_alg) },
	{ "pulsar", "Apache Pulsar", ROWS(needs_alg) },
	{ "bookstack", "BookStack", ROWS(needs_alg) },
	{ "php-jwt", "php-jwt", ROWS(needs_alg) },
	{ "oidf", "OpenID Foundation conformance suite", ROWS(oidf) },
};

const struct j11_taker *j11_taker_at(size_t i)
{
	return i < J11_COUNT(takers) ? &takers[i] : NULL;
}

const struct j11_taker *j11_taker_find(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(takers); i++)
		if (j11_view_equals(name, takers[i].name))
			return &takers[i];
	return NULL;
}

const char *j11_taker_name(const struct j11_taker *taker)
{
	return taker->name;
}

const char *j11_taker_title(const struct j11_taker *taker)
{
	return taker->title;
}

const char *j11_takes_name(enum j11_takes takes)
{
	static const char *const names[J11_N_TAKES_] = { "yes", "maybe", "no", "n/a" };

	return names[takes];
}

/* ---- reading a row ---- */

static bool is_word(struct jwk11_view value, const char *words)
{
	while (*words != '\0') {
		size_t len = strcspn(words, " ");

		if (j11_view_equal(value, (struct jwk11_view){ words, len }))
			return true;
		words += len + (words[len] == ' ');
	}
	return false;
}

static const struct j11_json *other_member(const struct j11_json *jwk, const char *words)
{
	for (const struct j11_json *m = jwk->child; m != NULL; m = m->next)
		if (!is_word(m->name, words))
			return m;
	return NULL;
}

static bool was_found(const struct j11_lint *lint, const struct j11_lint_key *key, const char *rule)
{
	for (size_t i = 0; i < lint->n_findings; i++)
		if (lint->findings[i].key == (size_t)(key - lint->keys) + 1 && j11_text_equal(j11_lint_rule(lint->findings[i].id)->name, rule))
			return true;
	return false;
}

static size_t n_of_kty(const struct j11_lint *lint, const struct j11_lint_key *key)
{
	size_t n = 0;

	for (size_t i = 0; i < lint->n_keys; i++)
		n += lint->keys[i].kty == key->kty;
	return n;
}

/* Does the row apply? `ret_detail` is then what it applies to, empty when there is nothing to show. */
static bool applies(const struct row *row, const struct j11_lint *lint, const struct j11_lint_key *key, struct jwk11_view *ret_detail)
{
	struct jwk11_view kty = key->kty != NULL ? j11_view_str(key->kty) : j11_lint_string(key->jwk, "kty");
	struct jwk11_view crv = key->curve != NULL ? j11_view_str(key->curve->name) : j11_lint_string(key->jwk, "crv");
	const struct j11_json *other;

	*ret_detail = (struct jwk11_view){ .data = "", .len = 0 };
	switch (row->when) {
	case KTY_NOT:
		*ret_detail = kty;
		return !is_word(kty, row->words);
	case CRV_NOT:
		*ret_detail = crv;
		return crv.len > 0 && !is_word(crv, row->words);
	case ALG_NOT:
		*ret_detail = key->alg;
		return key->alg.len > 0 && !is_word(key->alg, row->words);
	case USE_NOT:
		*ret_detail = key->use;
		return !is_word(key->use, row->words);
	case USE_IS:
		return is_word(key->use, row->words);
	case LACKS:
		return j11_json_get(key->jwk, row->words) == NULL;
	case HOLDS:
		return j11_json_get(key->jwk, row->words) != NULL;
	case HOLDS_OTHER:
		other = other_member(key->jwk, row->words);
		*ret_detail = other != NULL ? other->name : *ret_detail;
		return other != NULL;
	case FOUND:
		return was_found(lint, key, row->words);
	case KID_OVER:
		return key->kid.len > row->limit;
	case KEYS_OVER:
		return lint->n_listed > row->limit;
	case KTY_OVER:
		return n_of_kty(lint, key) > row->limit;
	case OCTETS_OVER:
		return lint->n_octets > row->limit;
	case ALWAYS:
		return true;
	}
	return false;
}

static void set_verdict(struct j11_verdict *verdict, enum j11_takes takes, const char *why, struct jwk11_view detail)
{
	char shown[48];

	j11_text_printable(detail, shown, sizeof(shown));
	verdict->takes = takes;
	snprintf(verdict->why, sizeof(verdict->why), detail.len > 0 ? "%s; here it is %s" : "%s%s", why, shown);
}

/* What is wrong everywhere is wrong here: with this key, else with the set. NULL when nothing is. */
static const char *broken(const struct j11_lint *lint, const struct j11_lint_key *key)
{
	if (key->first_error != J11_N_LINT_)
		return j11_lint_rule(key->first_error)->name;
	for (size_t i = 0; i < lint->n_findings; i++)
		if (lint->findings[i].key == 0 && j11_lint_rule(lint->findings[i].id)->severity == J11_LINT_ERROR)
			return j11_lint_rule(lint->findings[i].id)->name;
	return NULL;
}

/* The taker's own words come first, then what is wrong everywhere, then what is only doubtful. */
void j11_taker_judge(const struct j11_taker *taker, const struct j11_lint *lint, const struct j11_lint_key *key, struct j11_verdict *ret_verdict)
{
	const char *error = broken(lint, key);
	struct jwk11_view detail;

	*ret_verdict = (struct j11_verdict){ .takes = J11_TAKES_YES };
	for (size_t i = 0; key->jwk->type == J11_JSON_OBJECT && i < taker->n_rows; i++) {
		const struct row *row = &taker->rows[i];

		if ((ret_verdict->takes == MAYBE && row->takes == MAYBE) || !applies(row, lint, key, &detail))
			continue;
		if (row->takes == J11_TAKES_YES)
			break;
		set_verdict(ret_verdict, row->takes, row->why, detail);
		if (row->takes != MAYBE)
			return;
	}
	if (error != NULL) {
		ret_verdict->takes = NO;
		snprintf(ret_verdict->why, sizeof(ret_verdict->why), "broken for everybody: %s", error);
	}
}
