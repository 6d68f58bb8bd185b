/* SPDX-License-Identifier: Apache-2.0 */
/* The table of weaknesses. */
#include "health.h"

static const struct j11_health rows[] = {
	{ JWK11_HEALTH_ROCA, "roca", "its modulus comes from the flawed generator of CVE-2017-15361 (ROCA): the private key can be computed from the public one",
		"stop using it now; make a new key outside of that generation of chips" },
	{ JWK11_HEALTH_EXTRACTABLE, "extractable", "the token lets the private key out (CKA_EXTRACTABLE)",
		"make a new key with CKA_EXTRACTABLE false, on the token, and retire this one" },
	{ JWK11_HEALTH_WAS_EXTRACTABLE, "was-extractable", "the private key could leave the token once, or came from outside (CKA_NEVER_EXTRACTABLE is false): copies may exist",
		"make the next key on the token itself, with CKA_EXTRACTABLE false" },
	{ JWK11_HEALTH_WRAPS, "wraps", "it may wrap or unwrap other keys (CKA_WRAP, CKA_UNWRAP), which is how keys are talked out of tokens",
		"set both to false where the token allows it, or make a new key without them" },
	{ JWK11_HEALTH_TWO_USES, "two-uses", "the token lets it sign and also decrypt or agree on keys (CKA_SIGN with CKA_DECRYPT or CKA_DERIVE)",
		"set the use it is not for to false where the token allows it, or make a new key for one use" },
};

const struct j11_health *j11_health_at(size_t i)
{
	return i < J11_COUNT(rows) ? &rows[i] : NULL;
}

const struct j11_health *j11_health_find(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (j11_view_equals(name, rows[i].name))
			return &rows[i];
	return NULL;
}

void j11_health_names(unsigned flags, struct jwk11_buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		if ((flags & rows[i].flag) == 0)
			continue;
		j11_buf_add_fmt(out, "%s%s", between, rows[i].name);
		between = ", ";
	}
}

static const struct j11_health *row_of(enum jwk11_health flag)
{
	static const struct j11_health none = { .name = "", .what = "", .advice = "" };

	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (rows[i].flag == flag)
			return &rows[i];
	return &none;
}

const char *jwk11_health_name(enum jwk11_health flag)
{
	return row_of(flag)->name;
}

const char *jwk11_health_what(enum jwk11_health flag)
{
	return row_of(flag)->what;
}

const char *jwk11_health_advice(enum jwk11_health flag)
{
	return row_of(flag)->advice;
}
