/* SPDX-License-Identifier: Apache-2.0 */
/* The curve equations of RFC 8032, asked about a public key: edwards25519 is -x^2 + y^2 = 1 + d x^2 y^2 modulo p = 2^255 - 19, edwards448 is
 * x^2 + y^2 = 1 + d x^2 y^2 modulo p = 2^448 - 2^224 - 1. Public values only, so nothing here runs in constant time. */
#include "edwards.h"

#include <openssl/bn.h>
#include <string.h>

/* Octets of a point are y, little-endian, with the sign of x in the last octet's top bit. */
struct equation {
	enum j11_crv crv;
	const char *p_hex, *d_hex;
	bool twisted; /* x^2 stands with a minus, and the cofactor is 8; else it is 4 */
};

static const struct equation equations[] = {
	{ J11_CRV_ED25519, "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED",
		"52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3", true },
	{ J11_CRV_ED448, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
		"-98A9", false },
};

struct field {
	const struct equation *eq;
	BN_CTX *ctx;
	BIGNUM *p, *d, *y, *y2, *u, *v, *t;
};

static bool field_init(struct field *f)
{
	f->ctx = BN_CTX_new();
	f->y = BN_new();
	f->y2 = BN_new();
	f->u = BN_new();
	f->v = BN_new();
	f->t = BN_new();
	return f->ctx != NULL && f->y != NULL && f->y2 != NULL && f->u != NULL && f->v != NULL && f->t != NULL &&
		BN_hex2bn(&f->p, f->eq->p_hex) != 0 && BN_hex2bn(&f->d, f->eq->d_hex) != 0;
}

static void field_done(struct field *f)
{
	BIGNUM *all[] = { f->p, f->d, f->y, f->y2, f->u, f->v, f->t };

	for (size_t i = 0; i < J11_COUNT(all); i++)
		BN_free(all[i]);
	BN_CTX_free(f->ctx);
}

/* u = y^2 - 1, and v = d y^2 + 1 for the twisted curve, d y^2 - 1 for the other, so that x^2 = u / v. */
static bool compute(struct field *f)
{
	return BN_mod_sqr(f->y2, f->y, f->p, f->ctx) == 1 && BN_copy(f->u, f->y2) != NULL && BN_sub_word(f->u, 1) == 1 &&
		BN_nnmod(f->u, f->u, f->p, f->ctx) == 1 && BN_mod_mul(f->v, f->d, f->y2, f->p, f->ctx) == 1 &&
		(f->eq->twisted ? BN_add_word(f->v, 1) : BN_sub_word(f->v, 1)) == 1;
}

/* Orders 1, 2 and 4 have y = 1, -1 and 0. Doubling a point of order 8, which only the twisted curve has, gives y = 0, that is x^2 = -y^2,
 * which the curve equation turns into d y^4 + 2 y^2 - 1 = 0, or (v + 1) y^2 = 1. */
static const char *small_order(struct field *f)
{
	if (BN_is_zero(f->y) || BN_is_zero(f->u))
		return "the point has a small order";
	if (!f->eq->twisted)
		return NULL;
	if (BN_copy(f->t, f->v) == NULL || BN_add_word(f->t, 1) != 1 || BN_mod_mul(f->t, f->t, f->y2, f->p, f->ctx) != 1)
		return "";
	return BN_is_one(f->t) ? "the point has a small order" : NULL;
}

static const char *judge(struct field *f, const unsigned char *octets, size_t len)
{
	unsigned char y[57];
	const char *why;
	int square;

	memcpy(y, octets, len);
	y[len - 1] &= 0x7f; /* the sign of x: both are on the curve when one is, and x = 0 has a small order */
	if (!field_init(f) || BN_lebin2bn(y, (int)len, f->y) == NULL)
		return "";
	if (BN_cmp(f->y, f->p) >= 0)
		return "the point is not in its canonical encoding";
	if (!compute(f))
		return "";
	why = small_order(f);
	if (why != NULL)
		return why;
	/* u / v is a square exactly when u v is. */
	if (BN_mod_mul(f->t, f->u, f->v, f->p, f->ctx) != 1)
		return "";
	square = BN_kronecker(f->t, f->p, f->ctx);
	return square < -1 ? "" : square < 0 ? "the point is not on the curve" : NULL;
}

const char *j11_edwards_problem(const struct j11_curve *curve, const unsigned char *octets)
{
	const char *why = "its curve has no equation here";

	for (size_t i = 0; i < J11_COUNT(equations); i++) {
		struct field f = { .eq = &equations[i] };

		if (equations[i].crv != curve->crv)
			continue;
		why = judge(&f, octets, curve->coord_len);
		field_done(&f);
	}
	return why;
}
