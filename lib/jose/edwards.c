/* SPDX-License-Identifier: Apache-2.0 */
/* The curve equation of edwards25519, -x^2 + y^2 = 1 + d x^2 y^2 modulo p = 2^255 - 19, asked about a public key. Public values only, so
 * nothing here runs in constant time. */
#include "edwards.h"

#include <openssl/bn.h>
#include <string.h>

static const char p_hex[] = "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED";
static const char d_hex[] = "52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3";

struct field {
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
		BN_hex2bn(&f->p, p_hex) != 0 && BN_hex2bn(&f->d, d_hex) != 0;
}

static void field_done(struct field *f)
{
	BIGNUM *all[] = { f->p, f->d, f->y, f->y2, f->u, f->v, f->t };

	for (size_t i = 0; i < J11_COUNT(all); i++)
		BN_free(all[i]);
	BN_CTX_free(f->ctx);
}

/* u = y^2 - 1 and v = d y^2 + 1, so that x^2 = u / v. */
static bool compute(struct field *f)
{
	return BN_mod_sqr(f->y2, f->y, f->p, f->ctx) == 1 && BN_copy(f->u, f->y2) != NULL && BN_sub_word(f->u, 1) == 1 &&
		BN_nnmod(f->u, f->u, f->p, f->ctx) == 1 && BN_mod_mul(f->v, f->d, f->y2, f->p, f->ctx) == 1 && BN_add_word(f->v, 1) == 1;
}

/* Orders 1, 2 and 4 have y = 1, -1 and 0. Doubling a point of order 8 gives y = 0, that is x^2 = -y^2, which the curve equation turns
 * into d y^4 + 2 y^2 - 1 = 0, or (v + 1) y^2 = 1. */
static const char *small_order(struct field *f)
{
	if (BN_is_zero(f->y) || BN_is_zero(f->u))
		return "the point has a small order";
	if (BN_copy(f->t, f->v) == NULL || BN_add_word(f->t, 1) != 1 || BN_mod_mul(f->t, f->t, f->y2, f->p, f->ctx) != 1)
		return "";
	return BN_is_one(f->t) ? "the point has a small order" : NULL;
}

static const char *judge(struct field *f, const unsigned char octets[32])
{
	unsigned char y[32];
	const char *why;
	int square;

	memcpy(y, octets, sizeof(y));
	y[31] &= 0x7f; /* the top bit is the sign of x; both signs are on the curve when one is, and x = 0 has a small order */
	if (!field_init(f) || BN_lebin2bn(y, sizeof(y), f->y) == NULL)
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

const char *j11_edwards_problem(const unsigned char octets[32])
{
	struct field f = { 0 };
	const char *why = judge(&f, octets);

	field_done(&f);
	return why;
}
