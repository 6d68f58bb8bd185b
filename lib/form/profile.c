/* SPDX-License-Identifier: Apache-2.0 */
/* The takers, and the choosing of members. */
#include "profile.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define RSA_PKCS1 "RS256", "RS384", "RS512"
#define RSA_PSS "PS256", "PS384", "PS512"
#define ECDSA "ES256", "ES384", "ES512"

static const struct j11_profile profiles[] = {
	{ .name = "google", .taker = "Google Workload Identity Federation", .algs = { RSA_PKCS1, RSA_PSS, ECDSA }, .use = "sig", .needs_kid = true,
		.kid_style = JWK11_N_KID_ },
	{ .name = "aws", .taker = "AWS IAM", .algs = { RSA_PKCS1, ECDSA }, .use = "sig", .needs_kid = true, .takes_x5c = true,
		.kid_style = JWK11_N_KID_, .max_per_kty = 100 },
	{ .name = "entra", .taker = "Microsoft Entra", .algs = { "RS256" }, .use = "sig", .needs_kid = true, .takes_x5c = true,
		.kid_style = JWK11_N_KID_ },
	{ .name = "auth0", .taker = "Auth0", .handout = J11_HANDOUT_PUBLIC_PEM, .algs = { "RS256", "RS384", "PS256" }, .use = "sig",
		.kid_style = JWK11_N_KID_, .max_rsa_bits = 4096 },
	{ .name = "keycloak", .taker = "Keycloak", .algs = { RSA_PKCS1, RSA_PSS, ECDSA, "EdDSA" }, .use = "sig", .needs_kid = true, .takes_x5c = true,
		.kid_style = JWK11_N_KID_ },
	{ .name = "spiffe", .taker = "SPIFFE", .algs = { RSA_PKCS1, RSA_PSS, ECDSA }, .use = "jwt-svid", .needs_kid = true,
		.kid_style = JWK11_N_KID_ },
	{ .name = "k8s", .taker = "Kubernetes", .algs = { "RS256", ECDSA }, .use = "sig", .needs_kid = true, .kid_style = JWK11_KID_K8S,
		.kid_word = "k8s" },
	{ .name = "x509", .taker = "X.509", .handout = J11_HANDOUT_CERTIFICATE, .use = "sig", .kid_style = JWK11_N_KID_ },
};

const struct j11_profile *j11_profile_find(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(profiles); i++)
		if (j11_view_equals(name, profiles[i].name))
			return &profiles[i];
	return NULL;
}

const struct j11_profile *j11_profile_at(size_t i)
{
	return i < J11_COUNT(profiles) ? &profiles[i] : NULL;
}

void j11_profile_names(enum j11_handout handout, struct jwk11_buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < J11_COUNT(profiles); i++) {
		if (handout != J11_N_HANDOUT_ && profiles[i].handout != handout)
			continue;
		j11_buf_add_fmt(out, "%s%s", between, profiles[i].name);
		between = ", ";
	}
}

static struct jwk11_view text_of(const struct j11_json *jwk, const char *name)
{
	const struct j11_json *value = j11_json_get(jwk, name);

	return value != NULL && value->type == J11_JSON_STRING ? value->text : (struct jwk11_view){ .data = "", .len = 0 };
}

struct jwk11_view j11_form_kid(const struct j11_form *form)
{
	struct jwk11_view kid = form->kid != NULL ? j11_view_str(form->kid) : text_of(form->jwk, "kid");

	return kid.len > 0 ? kid : (struct jwk11_view){ 0 };
}

bool j11_profile_takes_alg(const struct j11_profile *p, struct jwk11_view alg)
{
	for (const char *const *a = p->algs; *a != NULL; a++)
		if (j11_view_equals(alg, *a))
			return true;
	return p->algs[0] == NULL;
}

/* Of the modulus, from the length of its base64url. */
static unsigned rsa_bits(const struct j11_json *jwk)
{
	return (unsigned)(text_of(jwk, "n").len / 4 * 3 + text_of(jwk, "n").len % 4 * 3 / 4) * 8;
}

static void say_algs(const struct j11_profile *p, struct jwk11_view alg, char *ret_why)
{
	struct jwk11_buf list = J11_BUF(J11_PROFILE_WHY_MAX);

	for (const char *const *a = p->algs; *a != NULL; a++)
		j11_buf_add_fmt(&list, "%s%s", a == p->algs ? "" : ", ", *a);
	snprintf(ret_why, J11_PROFILE_WHY_MAX, "%s takes %s; this key is for %.*s", p->taker, jwk11_buf_data(&list), (int)alg.len, (const char *)alg.data);
	j11_buf_done(&list);
}

static unsigned *count_of(struct j11_tally *tally, struct jwk11_view kty)
{
	static const char *const ktys[] = { "RSA", "EC", "OKP" };
	size_t i = 0;

	while (i < J11_COUNT(ktys) && !j11_view_equals(kty, ktys[i]))
		i++;
	return &tally->n[i];
}

bool j11_profile_takes(const struct j11_profile *p, const struct j11_form *f, struct j11_tally *tally, char ret_why[J11_PROFILE_WHY_MAX])
{
	struct jwk11_view alg = text_of(f->jwk, "alg"), kty = text_of(f->jwk, "kty");
	unsigned *n = count_of(tally, kty);

	if (!j11_view_equals(text_of(f->jwk, "use"), "sig"))
		snprintf(ret_why, J11_PROFILE_WHY_MAX, "%s takes keys that sign; this one is for encryption", p->taker);
	else if (!j11_profile_takes_alg(p, alg))
		say_algs(p, alg, ret_why);
	else if (p->needs_kid && j11_form_kid(f).data == NULL)
		snprintf(ret_why, J11_PROFILE_WHY_MAX, "%s takes keys with a kid; this one has none", p->taker);
	else if (p->max_rsa_bits != 0 && j11_view_equals(kty, "RSA") && rsa_bits(f->jwk) > p->max_rsa_bits)
		snprintf(ret_why, J11_PROFILE_WHY_MAX, "%s takes RSA keys of at most %u bits", p->taker, p->max_rsa_bits);
	else if (p->handout == J11_HANDOUT_CERTIFICATE && f->x5c == NULL)
		snprintf(ret_why, J11_PROFILE_WHY_MAX, "no certificate for it is known");
	else if (p->max_per_kty != 0 && *n >= p->max_per_kty)
		snprintf(ret_why, J11_PROFILE_WHY_MAX, "%s takes at most %u %.*s keys", p->taker, p->max_per_kty, (int)kty.len, (const char *)kty.data);
	else {
		++*n;
		return true;
	}
	return false;
}

/* RFC 7517 section 4 and RFC 7518 section 6: what a public key's JWK may consist of here. `pub` is RFC 9964's. */
static bool is_public_member(struct jwk11_view name)
{
	static const char *const names[] = { "kty", "alg", "n", "e", "crv", "x", "y", "pub" };

	for (size_t i = 0; i < J11_COUNT(names); i++)
		if (j11_view_equals(name, names[i]))
			return true;
	return false;
}

void j11_form_jwk(struct j11_json_out *o, const struct j11_profile *profile, const struct j11_form *form, bool x5c)
{
	struct jwk11_view kid = j11_form_kid(form);
	bool kid_written = false;

	j11_json_open(o, NULL, '{');
	for (const struct j11_json *m = form->jwk->child; m != NULL; m = m->next) {
		if (is_public_member(m->name)) {
			j11_json_member(o, m);
		} else if (j11_view_equals(m->name, "use")) {
			j11_json_view(o, "use", profile != NULL ? j11_view_str(profile->use) : m->text);
		} else if (j11_view_equals(m->name, "kid") && kid.data != NULL) {
			j11_json_view(o, "kid", kid);
			kid_written = true;
		}
	}
	if (kid.data != NULL && !kid_written)
		j11_json_view(o, "kid", kid);
	if (x5c && form->x5c != NULL) {
		j11_json_value(o, "x5c", form->x5c);
		j11_json_view(o, "x5t#S256", form->x5t);
	}
	j11_json_close(o);
}

void j11_form_certs(struct jwk11_buf *out, const struct j11_form *form, size_t n)
{
	size_t done = 0;

	for (const struct j11_json *c = form->x5c != NULL ? form->x5c->child : NULL; c != NULL && (n == 0 || done < n); c = c->next, done++) {
		const char *p = c->text.data;

		j11_buf_add_str(out, "-----BEGIN CERTIFICATE-----\n");
		for (size_t left = c->text.len, len; left > 0; p += len, left -= len) {
			len = left < 64 ? left : 64;
			j11_buf_add(out, p, len);
			j11_buf_add_byte(out, '\n');
		}
		j11_buf_add_str(out, "-----END CERTIFICATE-----\n");
	}
}

static bool is_base64(struct jwk11_view text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t body = text.len;

	while (body > 0 && text.len - body < 2 && ((const char *)text.data)[body - 1] == '=')
		body--;
	for (size_t i = 0; i < body; i++)
		if (strchr(alphabet, ((const char *)text.data)[i]) == NULL)
			return false;
	return text.len > 0 && text.len % 4 == 0;
}

bool j11_form_is_x5c(const struct j11_json *x5c)
{
	enum { MAX_CERTS = 8 };

	if (x5c->type != J11_JSON_ARRAY || x5c->n_children == 0 || x5c->n_children > MAX_CERTS)
		return false;
	for (const struct j11_json *c = x5c->child; c != NULL; c = c->next)
		if (c->type != J11_JSON_STRING || !is_base64(c->text))
			return false;
	return true;
}

bool j11_form_is_public(const struct j11_json *jwk)
{
	static const char *const private_members[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv" };

	for (size_t i = 0; i < J11_COUNT(private_members); i++)
		if (j11_json_get(jwk, private_members[i]) != NULL)
			return false;
	return jwk->type == J11_JSON_OBJECT;
}
