/* SPDX-License-Identifier: Apache-2.0 */
/* Private numbers as a checked value: they are the public key's own, or there is no value. */
#include "priv.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	ERR_clear_error();
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "private key: %s", why);
}

/* a * b == 1 modulo m. */
static bool is_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BIGNUM *room, BN_CTX *ctx)
{
	return BN_mod_mul(room, a, b, m, ctx) == 1 && BN_is_one(room);
}

/* a == b modulo m, b being reduced. */
static bool is_residue(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BIGNUM *room, BN_CTX *ctx)
{
	return BN_nnmod(room, a, m, ctx) == 1 && BN_cmp(room, b) == 0;
}

enum { N, E, D, P, Q, DP, DQ, QI, P1, Q1, ROOM, N_NUMBERS };

/* RFC 8017 section 3.2. */
static bool rsa_holds(BIGNUM *const b[N_NUMBERS], BN_CTX *ctx)
{
	if (!BN_is_odd(b[P]) || !BN_is_odd(b[Q]) || BN_is_one(b[P]) || BN_is_one(b[Q]) || BN_cmp(b[P], b[Q]) == 0)
		return false;
	if (BN_mul(b[ROOM], b[P], b[Q], ctx) != 1 || BN_cmp(b[ROOM], b[N]) != 0 || BN_sub(b[P1], b[P], BN_value_one()) != 1 ||
		BN_sub(b[Q1], b[Q], BN_value_one()) != 1)
		return false;
	return is_inverse(b[E], b[DP], b[P1], b[ROOM], ctx) && is_inverse(b[E], b[DQ], b[Q1], b[ROOM], ctx) &&
		is_residue(b[D], b[DP], b[P1], b[ROOM], ctx) && is_residue(b[D], b[DQ], b[Q1], b[ROOM], ctx) &&
		BN_cmp(b[QI], b[P]) < 0 && is_inverse(b[Q], b[QI], b[P], b[ROOM], ctx);
}

static bool fits_rsa(const struct jwk11_pub *pub, const struct j11_priv_numbers *n)
{
	const struct jwk11_view in[ROOM + 1] = { [N] = pub->n, [E] = pub->e, [D] = n->d, [P] = n->p, [Q] = n->q, [DP] = n->dp, [DQ] = n->dq,
		[QI] = n->qi };
	BIGNUM *b[N_NUMBERS] = { NULL };
	BN_CTX *ctx = BN_CTX_new();
	bool ok = ctx != NULL;

	for (size_t i = 0; ok && i < N_NUMBERS; i++) {
		b[i] = BN_new();
		ok = b[i] != NULL && (i > QI || (in[i].len > 0 && in[i].len <= pub->n.len && BN_bin2bn(in[i].data, (int)in[i].len, b[i]) != NULL));
	}
	ok = ok && BN_cmp(b[D], b[N]) < 0 && rsa_holds(b, ctx);
	for (size_t i = 0; i < N_NUMBERS; i++)
		BN_clear_free(b[i]);
	BN_CTX_free(ctx);
	return ok;
}

/* d times the generator is the point, 0 < d < its order. */
static bool fits_ec(const struct jwk11_pub *pub, struct jwk11_view d)
{
	unsigned char x[66], y[66];
	EC_GROUP *group = EC_GROUP_new_by_curve_name(OBJ_sn2nid(pub->curve->group));
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	BIGNUM *bd = BN_bin2bn(d.data, (int)d.len, NULL), *bx = BN_new(), *by = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	int len = (int)pub->curve->coord_len;
	bool ok = point != NULL && bd != NULL && bx != NULL && by != NULL && ctx != NULL && !BN_is_zero(bd) &&
		BN_cmp(bd, EC_GROUP_get0_order(group)) < 0 && EC_POINT_mul(group, point, bd, NULL, NULL, ctx) == 1 &&
		EC_POINT_get_affine_coordinates(group, point, bx, by, ctx) == 1 && BN_bn2binpad(bx, x, len) == len && BN_bn2binpad(by, y, len) == len &&
		memcmp(x, pub->x.data, pub->x.len) == 0 && memcmp(y, pub->y.data, pub->y.len) == 0;

	BN_clear_free(bd);
	BN_free(bx);
	BN_free(by);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	BN_CTX_free(ctx);
	return ok;
}

static bool fits_okp(const struct jwk11_pub *pub, struct jwk11_view seed)
{
	EVP_PKEY *evp = seed.len == pub->curve->coord_len ? EVP_PKEY_new_raw_private_key_ex(NULL, pub->curve->group, NULL, seed.data, seed.len) : NULL;
	unsigned char x[66];
	size_t len = sizeof(x);
	bool ok = evp != NULL && EVP_PKEY_get_raw_public_key(evp, x, &len) == 1 && len == pub->x.len && memcmp(x, pub->x.data, len) == 0;

	EVP_PKEY_free(evp);
	return ok;
}

static bool fits(const struct jwk11_pub *pub, const struct j11_priv_numbers *n)
{
	if (pub->kty == J11_KTY_RSA)
		return fits_rsa(pub, n);
	return pub->kty == J11_KTY_EC ? fits_ec(pub, n->d) : fits_okp(pub, n->d);
}

/* A number as wide as `width`, or without leading zeros for 0, at the end of what is there; false when it is wider. */
static bool keep(struct j11_priv *priv, struct jwk11_view number, size_t width, struct jwk11_view *ret_kept)
{
	const unsigned char *p = number.data;

	while (number.len > width && p[0] == 0) {
		p++;
		number.len--;
	}
	if (width != 0 && number.len > width)
		return false;
	ret_kept->data = priv->bytes + priv->len;
	ret_kept->len = width != 0 ? width : number.len;
	priv->len += ret_kept->len - number.len; /* zeros, as the memory is new */
	if (number.len > 0)
		memcpy(priv->bytes + priv->len, p, number.len);
	priv->len += number.len;
	return true;
}

enum jwk11_rc j11_priv_new(struct jwk11_pub *pub, const struct j11_priv_numbers *numbers, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	J11_AUTO(j11_priv_free_auto) struct j11_priv *priv = NULL;
	const struct j11_priv_numbers *n = numbers;
	size_t width = pub->kty == J11_KTY_EC ? pub->curve->coord_len : 0;
	struct j11_priv_numbers *to;
	bool ok;

	if (pub->kty == J11_KTY_AKP)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "private keys for ML-DSA are not taken from files");
	priv = j11_mem_new(sizeof(*priv) + width + n->d.len + n->p.len + n->q.len + n->dp.len + n->dq.len + n->qi.len);
	if (priv == NULL)
		return j11_err_memory(err);
	priv->pub = jwk11_pub_ref(pub);
	to = &priv->n;
	if (pub->kty == J11_KTY_OKP)
		width = n->d.len; /* octets, not a number: zeros count */
	ok = keep(priv, n->d, width, &to->d);
	if (pub->kty == J11_KTY_RSA)
		ok = ok && keep(priv, n->p, 0, &to->p) && keep(priv, n->q, 0, &to->q) && keep(priv, n->dp, 0, &to->dp) && keep(priv, n->dq, 0, &to->dq) &&
			keep(priv, n->qi, 0, &to->qi);
	if (!ok || !fits(pub, to))
		return refuse("its numbers are not those of its public half", err);
	*ret_priv = J11_STEAL(priv);
	return JWK11_OK;
}

void j11_priv_free(struct j11_priv *priv)
{
	if (priv == NULL)
		return;
	jwk11_pub_unref(priv->pub);
	j11_mem_wipe(priv->bytes, priv->len);
	j11_mem_free(priv);
}

static void *wiping_new(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return j11_mem_wiping_new(size);
}

static void *wiping_resize(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return j11_mem_wiping_resize(p, size);
}

static void wiping_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	j11_mem_wiping_free(p);
}

bool j11_priv_wipe_libcrypto(void)
{
	return CRYPTO_set_mem_functions(wiping_new, wiping_resize, wiping_free) == 1;
}
