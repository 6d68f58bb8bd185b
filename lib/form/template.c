/* SPDX-License-Identifier: Apache-2.0 */
/* The rows, and the one way in which all of them are filled in. */
#include "template.h"

#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_take.h"
#include "url.h"

enum { TEXT_MAX = 2048 };

/* Where the value of a part comes from. */
enum from {
	FROM_TEXT, FROM_URL, FROM_METHOD, FROM_TARGET, FROM_ISSUER, FROM_SUBJECT, FROM_NONCE, FROM_TOKEN, FROM_HASH, FROM_ACCOUNT, FROM_PAYLOAD, /* parameters */
	FROM_ROW, FROM_RANDOM, FROM_NOW, FROM_LIFETIME, FROM_CERTIFICATE, FROM_N
};
/* One member of the header or one claim. With a parameter of its name, where it is from one. */
struct j11_template_part {
	const char *name;
	enum from from;
	bool required;
	const char *value; /* FROM_ROW */
};

/* ---- rows ---- */

#define RSA_PKCS1 "RS256", "RS384", "RS512"
#define ECDSA "ES256", "ES384", "ES512"
#define MUST true
#define MAY false
#define END { NULL, FROM_N, false, NULL }

/* RFC 7523 section 3: iss, sub, aud, exp; jti and iat are for readers who ask for them. */
static const struct j11_template_part assertion[] = {
	{ "iss", FROM_ISSUER, MUST, NULL }, { "sub", FROM_SUBJECT, MAY, NULL }, { "aud", FROM_TEXT, MUST, NULL }, { "jti", FROM_RANDOM, false, NULL },
	{ "iat", FROM_NOW, false, NULL }, { "exp", FROM_LIFETIME, false, NULL }, END
};
static const struct j11_template_part entra[] = {
	{ "iss", FROM_ISSUER, MUST, NULL }, { "sub", FROM_SUBJECT, MAY, NULL }, { "aud", FROM_URL, MUST, NULL }, { "jti", FROM_RANDOM, false, NULL },
	{ "iat", FROM_NOW, false, NULL }, { "nbf", FROM_NOW, false, NULL }, { "exp", FROM_LIFETIME, false, NULL }, END
};
static const struct j11_template_part entra_header[] = { { "x5t", FROM_CERTIFICATE, false, NULL }, END };
static const struct j11_template_part google[] = {
	{ "iss", FROM_ISSUER, MUST, NULL }, { "sub", FROM_TEXT, MAY, NULL }, { "scope", FROM_TEXT, MUST, NULL },
	{ "aud", FROM_ROW, false, "https://oauth2.googleapis.com/token" }, { "iat", FROM_NOW, false, NULL }, { "exp", FROM_LIFETIME, false, NULL }, END
};
static const struct j11_template_part github[] = {
	{ "iss", FROM_ISSUER, MUST, NULL }, { "iat", FROM_NOW, false, NULL }, { "exp", FROM_LIFETIME, false, NULL }, END
};
static const struct j11_template_part apple[] = {
	{ "iss", FROM_ISSUER, MUST, NULL }, { "sub", FROM_TEXT, MUST, NULL }, { "aud", FROM_ROW, false, "https://appleid.apple.com" },
	{ "iat", FROM_NOW, false, NULL }, { "exp", FROM_LIFETIME, false, NULL }, END
};
/* RFC 9449 section 4.2. */
static const struct j11_template_part dpop[] = {
	{ "jti", FROM_RANDOM, false, NULL }, { "htm", FROM_METHOD, MUST, NULL }, { "htu", FROM_TARGET, MUST, NULL }, { "iat", FROM_NOW, false, NULL },
	{ "access_token", FROM_TOKEN, MAY, NULL }, { "ath", FROM_HASH, MAY, NULL }, { "nonce", FROM_TEXT, MAY, NULL }, END
};
/* draft-ietf-oauth-attestation-based-client-auth: aud, jti, iat, challenge. Earlier drafts had iss, and call the challenge a nonce. */
static const struct j11_template_part attest_pop[] = {
	{ "iss", FROM_TEXT, MAY, NULL }, { "aud", FROM_TEXT, MUST, NULL }, { "jti", FROM_RANDOM, false, NULL }, { "iat", FROM_NOW, false, NULL },
	{ "challenge", FROM_TEXT, MAY, NULL }, { "nonce", FROM_TEXT, MAY, NULL }, END
};
/* RFC 8555 section 6.2. */
static const struct j11_template_part acme[] = {
	{ "nonce", FROM_NONCE, MUST, NULL }, { "url", FROM_URL, MUST, NULL }, { "kid", FROM_ACCOUNT, MAY, NULL }, { "payload", FROM_PAYLOAD, MAY, NULL }, END
};

static const struct j11_template templates[] = {
	{ .name = "assertion", .about = "client assertion, or grant, of RFC 7523", .typ = "JWT", .ttl = 300, .max_ttl = 3600, .claims = assertion },
	{ .name = "assertion/keycloak", .about = "client assertion for Keycloak", .typ = "JWT", .ttl = 60, .max_ttl = 300,
		.algs = { RSA_PKCS1, "PS256", ECDSA, "EdDSA" }, .claims = assertion },
	{ .name = "assertion/okta", .about = "client assertion for Okta", .typ = "JWT", .ttl = 300, .max_ttl = 3600, .algs = { RSA_PKCS1, ECDSA },
		.claims = assertion },
	{ .name = "assertion/auth0", .about = "client assertion for Auth0", .typ = "JWT", .ttl = 60, .max_ttl = 300, .algs = { "RS256", "RS384", "PS256" },
		.claims = assertion },
	{ .name = "assertion/entra", .about = "client assertion for Microsoft Entra, with a certificate", .typ = "JWT", .ttl = 300, .max_ttl = 600,
		.algs = { "PS256", "RS256" }, .named = J11_NAMED_CERTIFICATE, .header = entra_header, .claims = entra },
	{ .name = "assertion/google-sa", .about = "grant of a Google service account", .typ = "JWT", .ttl = 300, .max_ttl = 3600, .algs = { "RS256" },
		.claims = google },
	{ .name = "assertion/github-app", .about = "token of a GitHub App", .typ = "JWT", .ttl = 540, .max_ttl = 600, .early = 60, .algs = { "RS256" },
		.named = J11_NAMED_NOT, .claims = github },
	{ .name = "assertion/apple", .about = "client secret of Sign in with Apple", .typ = "JWT", .ttl = 3600, .max_ttl = 15777000, .algs = { "ES256" },
		.claims = apple },
	{ .name = "dpop", .about = "DPoP proof of RFC 9449", .typ = "dpop+jwt", .named = J11_NAMED_JWK, .claims = dpop },
	{ .name = "attest-pop", .about = "proof of possession for an OAuth client attestation", .typ = "oauth-client-attestation-pop+jwt",
		.named = J11_NAMED_NOT, .claims = attest_pop },
	{ .name = "acme-jws", .about = "request of an ACME client, RFC 8555", .makes = J11_MAKES_JWS, .named = J11_NAMED_ACCOUNT, .header = acme },
	{ .name = "httpsig", .about = "HTTP message signature of RFC 9421", .makes = J11_MAKES_SIGNATURE, .max_ttl = 86400 },
};

const struct j11_template *j11_template_at(size_t i)
{
	return i < J11_COUNT(templates) ? &templates[i] : NULL;
}

const struct j11_template *j11_template_find(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(templates); i++)
		if (j11_view_equals(name, templates[i].name))
			return &templates[i];
	return NULL;
}

bool j11_template_is_granted_by(const struct j11_template *t, const char *word)
{
	size_t len = strlen(word);

	return j11_text_equal(word, "*") || (strncmp(t->name, word, len) == 0 && (t->name[len] == '\0' || t->name[len] == '/'));
}

bool j11_template_is_word(const char *word)
{
	return j11_text_equal(word, "*") || j11_template_find(j11_view_str(word)) != NULL;
}

enum jwk11_rc j11_template_unknown(struct jwk11_view name, struct jwk11_err *err)
{
	char shown[64];
	struct j11_nearest nearest = { .word = shown };

	j11_text_printable(name, shown, sizeof(shown));
	for (size_t i = 0; i < J11_COUNT(templates); i++)
		j11_nearest_offer(&nearest, templates[i].name);
	j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_TEMPLATE_UNKNOWN, nearest.best ? "there is no template \"%s\". Did you mean %s?" :
		"there is no template \"%s\"", shown, nearest.best);
	j11_err_hint(err, "assertion, assertion/PROFILE, dpop, attest-pop, acme-jws, httpsig");
	return JWK11_ERR_SYNTAX;
}

bool j11_template_takes_alg(const struct j11_template *t, const char *alg)
{
	for (const char *const *a = t->algs; *a != NULL; a++)
		if (j11_text_equal(*a, alg))
			return true;
	return t->algs[0] == NULL && (t->makes == J11_MAKES_SIGNATURE || !j11_text_starts(alg, "HS"));
}

enum jwk11_rc j11_template_check_alg(const struct j11_template *t, const char *alg, const char *key, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf list = J11_BUF(JWK11_HINT_MAX - 1);

	if (j11_template_takes_alg(t, alg))
		return JWK11_OK;
	for (const char *const *a = t->algs; *a != NULL; a++)
		j11_buf_add_fmt(&list, "%s%s", a != t->algs ? ", " : "it takes ", *a);
	if (list.len == 0)
		j11_buf_add_str(&list, "it takes keys that have a public half");
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "template %s: key \"%s\" signs %s, which it does not take", t->name, key, alg);
	j11_err_hint(err, "%s", jwk11_buf_data(&list));
	return JWK11_ERR_MISMATCH;
}

bool j11_template_has_claim(const struct j11_template *t, const char *name)
{
	for (const struct j11_template_part *p = t->claims; p != NULL && p->name != NULL; p++)
		if (j11_text_equal(p->name, name))
			return true;
	return false;
}

/* ---- values of parameters: why one is none, or NULL ---- */

static const char *check_text(struct jwk11_view text)
{
	const unsigned char *p = text.data;

	if (text.len == 0 || text.len > TEXT_MAX)
		return text.len == 0 ? "is empty" : "is longer than 2048 octets";
	for (size_t i = 0; i < text.len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return "holds a control character";
	return NULL;
}

static const char *check_url(struct jwk11_view text)
{
	struct j11_url url;

	return j11_url_parse(text, &url);
}

/* RFC 9110 section 9.1: a token; its case is part of it. */
static const char *check_method(struct jwk11_view text)
{
	const char *p = text.data;

	if (text.len == 0 || text.len > 64)
		return "is no HTTP method";
	for (size_t i = 0; i < text.len; i++)
		if (!(p[i] >= 'a' && p[i] <= 'z') && !(p[i] >= 'A' && p[i] <= 'Z') && !(p[i] >= '0' && p[i] <= '9') &&
			(p[i] == '\0' || strchr("!#$%&'*+-.^_`|~", p[i]) == NULL))
			return "is no HTTP method";
	return NULL;
}

static bool is_base64url(struct jwk11_view text)
{
	const char *p = text.data;

	for (size_t i = 0; i < text.len; i++)
		if (!(p[i] >= 'a' && p[i] <= 'z') && !(p[i] >= 'A' && p[i] <= 'Z') && !(p[i] >= '0' && p[i] <= '9') && p[i] != '-' && p[i] != '_')
			return false;
	return text.len % 4 != 1;
}

/* RFC 8555 section 6.5.1. */
static const char *check_nonce(struct jwk11_view text)
{
	if (text.len == 0)
		return "is empty";
	return is_base64url(text) ? NULL : "is not base64url";
}

/* RFC 6750 section 2.1, and whatever else is visible. */
static const char *check_token(struct jwk11_view text)
{
	const char *p = text.data;

	if (text.len == 0)
		return "is empty";
	for (size_t i = 0; i < text.len; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f)
			return "holds a character that no access token has";
	return NULL;
}

/* Of 32 octets; the last character has two bits that mean nothing, and are 0. */
static const char *check_hash(struct jwk11_view text)
{
	const char *p = text.data;

	return text.len == j11_b64_len(J11_TEMPLATE_HASH) && is_base64url(text) && strchr("AEIMQUYcgkosw048", p[text.len - 1]) != NULL ? NULL :
		"is not the base64url of a SHA-256 hash";
}

static const char *check_payload(struct jwk11_view text)
{
	(void)text;
	return NULL; /* decoding says more */
}

/* ---- filling in ---- */

struct filling {
	const struct j11_template *t;
	const struct j11_json *parameters;
	const struct j11_template_facts *facts;
	struct j11_template_made *made;
	int64_t ttl;
	struct j11_json_out out;
	struct jwk11_err *err;
};

static enum jwk11_rc invalid(const struct filling *f, const char *name, const char *why)
{
	return j11_err_set(f->err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template %s: parameter \"%s\" %s", f->t->name, name, why);
}

static enum jwk11_rc missing(const struct filling *f, const char *name)
{
	return j11_err_set(f->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "template %s: parameter \"%s\" is missing", f->t->name, name);
}

static enum jwk11_rc add_given(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	if (given != NULL)
		j11_json_view(&f->out, p->name, given->text);
	return JWK11_OK;
}

/* RFC 9449 section 4.2: without query and fragment. */
static enum jwk11_rc add_target(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	struct jwk11_view url = given->text;
	const char *s = url.data;
	size_t n = 0;

	while (n < url.len && s[n] != '?' && s[n] != '#')
		n++;
	url.len = n;
	j11_json_view(&f->out, p->name, url);
	return JWK11_OK;
}

static enum jwk11_rc add_issuer(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	if (given == NULL && f->facts->issuer == NULL)
		return missing(f, p->name);
	if (given == NULL)
		j11_json_str(&f->out, p->name, f->facts->issuer);
	return add_given(f, p, given);
}

/* The issuer again, unless it is said: a client that authenticates itself. */
static enum jwk11_rc add_subject(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	const struct j11_json *iss = j11_json_get(f->parameters, "iss");

	if (given != NULL || iss != NULL)
		return add_given(f, p, given != NULL ? given : iss);
	j11_json_str(&f->out, p->name, f->facts->issuer);
	return JWK11_OK;
}

/* RFC 9449 section 4.2: ath. */
static enum jwk11_rc add_token(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(64);
	unsigned char hash[J11_TEMPLATE_HASH];

	if (given == NULL)
		return JWK11_OK;
	if (j11_json_get(f->parameters, "ath") != NULL)
		return invalid(f, p->name, "cannot be given together with \"ath\", which is its hash");
	if (!f->facts->sha256(given->text, hash))
		return j11_err_set(f->err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "SHA-256 failed");
	j11_b64url_add(&text, (struct jwk11_view){ .data = hash, .len = sizeof(hash) });
	j11_json_view(&f->out, "ath", j11_buf_view(&text));
	return j11_buf_check(&text, "ath", f->err);
}

static enum jwk11_rc add_account(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	(void)p;
	if (given != NULL)
		j11_buf_add(&f->made->kid, given->text.data, given->text.len);
	return JWK11_OK;
}

static enum jwk11_rc add_payload(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	(void)p;
	return given != NULL ? j11_b64url_decode(given->text, "parameter \"payload\"", &f->made->payload, f->err) : JWK11_OK;
}

static enum jwk11_rc add_row(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	(void)given;
	j11_json_str(&f->out, p->name, p->value);
	return JWK11_OK;
}

static enum jwk11_rc add_random(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	(void)given;
	j11_json_str(&f->out, p->name, f->facts->jti);
	return JWK11_OK;
}

static enum jwk11_rc add_now(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	(void)given;
	j11_json_num(&f->out, p->name, f->facts->now - f->t->early);
	return JWK11_OK;
}

static enum jwk11_rc add_lifetime(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	(void)given;
	j11_json_num(&f->out, p->name, f->facts->now + f->ttl);
	return JWK11_OK;
}

/* Entra knows SHA-1 thumbprints with RS256 alone. */
static enum jwk11_rc add_certificate(struct filling *f, const struct j11_template_part *p, const struct j11_json *given)
{
	bool old = j11_text_equal(f->facts->alg, "RS256");
	const char *thumbprint = old ? f->facts->x5t : f->facts->x5t_s256;

	(void)given;
	(void)p;
	if (thumbprint == NULL)
		return j11_err_set(f->err, JWK11_ERR_NOT_FOUND, J11_CODE_CERT_ABSENT, "template %s: no certificate of the key is known", f->t->name);
	j11_json_str(&f->out, old ? "x5t" : "x5t#S256", thumbprint);
	return JWK11_OK;
}

/* One row for each source; with a check where it is a parameter. */
static const struct source {
	const char *(*check)(struct jwk11_view text);
	enum jwk11_rc (*add)(struct filling *f, const struct j11_template_part *p, const struct j11_json *given);
} sources[FROM_N] = {
	[FROM_TEXT] = { check_text, add_given }, [FROM_URL] = { check_url, add_given }, [FROM_METHOD] = { check_method, add_given },
	[FROM_TARGET] = { check_url, add_target }, [FROM_ISSUER] = { check_text, add_issuer }, [FROM_SUBJECT] = { check_text, add_subject },
	[FROM_NONCE] = { check_nonce, add_given }, [FROM_TOKEN] = { check_token, add_token }, [FROM_HASH] = { check_hash, add_given },
	[FROM_ACCOUNT] = { check_url, add_account }, [FROM_PAYLOAD] = { check_payload, add_payload }, [FROM_ROW] = { NULL, add_row },
	[FROM_RANDOM] = { NULL, add_random }, [FROM_NOW] = { NULL, add_now }, [FROM_LIFETIME] = { NULL, add_lifetime },
	[FROM_CERTIFICATE] = { NULL, add_certificate },
};

static bool is_parameter(const struct j11_template_part *p)
{
	return sources[p->from].check != NULL;
}

static const struct j11_template_part *find_part(const struct j11_template_part *parts, struct jwk11_view name)
{
	for (const struct j11_template_part *p = parts; p != NULL && p->name != NULL; p++)
		if (is_parameter(p) && j11_view_equals(name, p->name))
			return p;
	return NULL;
}

static void list_parameters(const struct j11_template_part *parts, struct jwk11_buf *out)
{
	for (const struct j11_template_part *p = parts; p != NULL && p->name != NULL; p++)
		if (is_parameter(p))
			j11_buf_add_fmt(out, "%s%s", out->len > 0 ? ", " : "", p->name);
}

static enum jwk11_rc unknown_parameter(const struct filling *f, struct jwk11_view name)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf known = J11_BUF(JWK11_HINT_MAX - 1);
	char shown[48];

	list_parameters(f->t->header, &known);
	list_parameters(f->t->claims, &known);
	j11_text_printable(name, shown, sizeof(shown));
	j11_err_set(f->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_UNKNOWN, "template %s takes no parameter \"%s\"", f->t->name, shown);
	j11_err_hint(f->err, "it takes %s", jwk11_buf_data(&known));
	return JWK11_ERR_SYNTAX;
}

/* Each that is given: one that the template takes, and of its kind. */
static enum jwk11_rc check_parameters(const struct filling *f)
{
	const struct j11_template_part *p;
	const char *why;

	for (const struct j11_json *m = f->parameters != NULL ? f->parameters->child : NULL; m != NULL; m = m->next) {
		p = find_part(f->t->header, m->name);
		if (p == NULL)
			p = find_part(f->t->claims, m->name);
		if (p == NULL)
			return unknown_parameter(f, m->name);
		if (m->type != J11_JSON_STRING)
			return j11_err_set(f->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "template %s: parameter \"%s\" must be a string", f->t->name, p->name);
		why = sources[p->from].check(m->text);
		if (why != NULL)
			return invalid(f, p->name, why);
	}
	return JWK11_OK;
}

static enum jwk11_rc add_parts(struct filling *f, const struct j11_template_part *parts, struct jwk11_buf *into)
{
	enum jwk11_rc rc = JWK11_OK;

	if (parts == NULL)
		return JWK11_OK;
	f->out = J11_JSON_OUT(into);
	j11_json_open(&f->out, NULL, '{');
	for (const struct j11_template_part *p = parts; p->name != NULL && rc == JWK11_OK; p++) {
		const struct j11_json *given = is_parameter(p) ? j11_json_get(f->parameters, p->name) : NULL;

		if (p->required && given == NULL && p->from != FROM_ISSUER)
			rc = missing(f, p->name);
		else
			rc = sources[p->from].add(f, p, given);
	}
	j11_json_close(&f->out);
	return rc == JWK11_OK ? j11_buf_check(into, "what the template makes", f->err) : rc;
}

enum jwk11_rc j11_template_ttl(const struct j11_template *t, const struct j11_template_facts *facts, int64_t *ret_ttl, struct jwk11_err *err)
{
	if (facts->ttl > 0 && t->max_ttl == 0)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template %s has no lifetime: it takes no ttl", t->name);
	if (facts->ttl > t->max_ttl || facts->ttl < 0) {
		j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template %s: a lifetime of %lld seconds is longer than its taker allows", t->name,
			(long long)facts->ttl);
		j11_err_hint(err, "at most %lld seconds", (long long)t->max_ttl);
		return JWK11_ERR_SYNTAX;
	}
	*ret_ttl = facts->ttl > 0 ? facts->ttl : facts->max_ttl > 0 && facts->max_ttl < t->ttl ? facts->max_ttl : t->ttl;
	return JWK11_OK;
}

enum jwk11_rc j11_template_fill(const struct j11_template *t, const struct j11_json *parameters, const struct j11_template_facts *facts,
	struct j11_template_made *made, struct jwk11_err *err)
{
	struct filling f = { .t = t, .parameters = parameters, .facts = facts, .made = made, .err = err };
	enum jwk11_rc rc = JWK11_OK;

	if (t->makes == J11_MAKES_SIGNATURE)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "template %s makes no JWS", t->name);
	if (parameters != NULL && parameters->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "template %s: parameters must be an object", t->name);
	rc = j11_template_ttl(t, facts, &f.ttl, err);
	if (rc == JWK11_OK)
		rc = check_parameters(&f);
	if (rc == JWK11_OK)
		rc = add_parts(&f, t->header, &made->header);
	if (rc == JWK11_OK)
		rc = add_parts(&f, t->claims, &made->payload);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&made->kid, "kid", err);
	return rc;
}

void j11_template_made_done(struct j11_template_made *made)
{
	j11_buf_done(&made->header);
	j11_buf_done(&made->payload);
	j11_buf_done(&made->kid);
}
