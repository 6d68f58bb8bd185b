/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys as checked, immutable values. The EVP_PKEY is made once, because making it costs more than using it. */
#include "pub.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "edwards.h"
#include "ready.h"

static enum jwk11_rc bad_key(const char *why, struct jwk11_err *err)
{
	ERR_clear_error();
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "public key: %s", why);
}

/* An empty value with room for two numbers behind it. */
static struct jwk11_pub *pub_new(enum j11_kty kty, struct jwk11_view first, struct jwk11_view second)
{
	struct jwk11_pub *pub = j11_mem_new(sizeof(*pub) + first.len + second.len + 1);

	if (pub == NULL)
		return NULL;
	atomic_init(&pub->refs, 1);
	pub->kty = kty;
	memcpy(pub->bytes, first.data, first.len);
	if (second.len > 0)
		memcpy(pub->bytes + first.len, second.data, second.len);
	return pub;
}

struct jwk11_pub *jwk11_pub_ref(struct jwk11_pub *pub)
{
	if (pub != NULL)
		atomic_fetch_add_explicit(&pub->refs, 1, memory_order_relaxed);
	return pub;
}

void jwk11_pub_unref(struct jwk11_pub *pub)
{
	if (pub == NULL || atomic_fetch_sub_explicit(&pub->refs, 1, memory_order_acq_rel) != 1)
		return;
	j11_ready_free(pub->ready);
	EVP_PKEY_free(pub->evp);
	j11_mem_free(pub);
}

/* What libcrypto says about the numbers. For EC the quick check is the whole check: x and y below the field's prime, the point on the
 * curve and not at infinity (RFC 7518 6.2.1); the curves have cofactor 1, so the point's order needs no multiplication. */
static bool make_pkey(const char *type, OSSL_PARAM *params, EVP_PKEY **ret_evp)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *check = NULL;
	bool ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, ret_evp, EVP_PKEY_PUBLIC_KEY, params) == 1;

	if (ok && EVP_PKEY_is_a(*ret_evp, "EC")) {
		check = EVP_PKEY_CTX_new_from_pkey(NULL, *ret_evp, NULL);
		ok = check != NULL && EVP_PKEY_public_check_quick(check) == 1;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* Gives the value its libcrypto side. Takes `bld`; `pushed`: everything went into it. */
static enum jwk11_rc make_evp(struct jwk11_pub *pub, const char *type, OSSL_PARAM_BLD *bld, bool pushed, struct jwk11_err *err)
{
	OSSL_PARAM *params = pushed && bld != NULL ? OSSL_PARAM_BLD_to_param(bld) : NULL;
	EVP_PKEY *evp = NULL;
	enum jwk11_rc rc = JWK11_OK;

	if (params == NULL)
		rc = j11_err_memory(err);
	else if (!make_pkey(type, params, &evp))
		rc = bad_key(pub->kty == J11_KTY_EC ? "the point is not on the curve" : "libcrypto refuses it", err);
	else if ((pub->ready = j11_ready_new(evp)) == NULL)
		rc = j11_err_memory(err);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	ERR_clear_error();
	if (rc == JWK11_OK)
		pub->evp = evp;
	else
		EVP_PKEY_free(evp);
	return rc;
}

static struct jwk11_view strip_zeros(struct jwk11_view v)
{
	const unsigned char *p = v.data;

	while (v.len > 0 && p[0] == 0) {
		p++;
		v.len--;
	}
	v.data = p;
	return v;
}

static unsigned bit_length(struct jwk11_view v)
{
	unsigned top = *(const unsigned char *)v.data, bits = 0;

	while (top != 0) {
		bits++;
		top >>= 1;
	}
	return (unsigned)(v.len - 1) * 8 + bits;
}

/* RFC 7518 section 3.3 wants 2048 bits; an exponent of 1 signs nothing, an even number is no RSA. */
static enum jwk11_rc check_rsa(struct jwk11_view n, struct jwk11_view e, struct jwk11_err *err)
{
	const unsigned char *np = n.data, *ep = e.data;
	unsigned bits;

	if (n.len == 0 || e.len == 0)
		return bad_key("RSA modulus or exponent is zero", err);
	if (n.len > J11_RSA_MAX_BITS / 8)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "RSA key above %d bits", J11_RSA_MAX_BITS);
	bits = bit_length(n);
	if (bits < J11_RSA_MIN_BITS) {
		j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "RSA key of %u bits; JOSE needs %d", bits, J11_RSA_MIN_BITS);
		j11_err_hint(err, "make a new key of %d bits or more", J11_RSA_MIN_BITS);
		return JWK11_ERR_UNSUPPORTED;
	}
	if ((np[n.len - 1] & 1) == 0)
		return bad_key("RSA modulus is even", err);
	if ((ep[e.len - 1] & 1) == 0 || (e.len == 1 && ep[0] < 3)) {
		bad_key("RSA exponent is not an odd number above 1", err);
		j11_err_hint(err, "anybody can sign for such a key; make a new one, with the exponent 65537");
		return JWK11_ERR_SYNTAX;
	}
	if (e.len > 8)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "RSA exponent above 64 bits");
	return JWK11_OK;
}

enum jwk11_rc j11_pub_new_rsa(struct jwk11_view n, struct jwk11_view e, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	OSSL_PARAM_BLD *bld;
	BIGNUM *bn, *be;
	enum jwk11_rc rc;
	bool pushed;

	n = strip_zeros(n);
	e = strip_zeros(e);
	rc = check_rsa(n, e, err);
	if (rc != JWK11_OK)
		return rc;
	pub = pub_new(J11_KTY_RSA, n, e);
	if (pub == NULL)
		return j11_err_memory(err);
	pub->n = (struct jwk11_view){ .data = pub->bytes, .len = n.len };
	pub->e = (struct jwk11_view){ .data = pub->bytes + n.len, .len = e.len };
	pub->bits = bit_length(n);
	bld = OSSL_PARAM_BLD_new();
	bn = BN_bin2bn(n.data, (int)n.len, NULL);
	be = BN_bin2bn(e.data, (int)e.len, NULL);
	pushed = bld != NULL && bn != NULL && be != NULL && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1;
	rc = make_evp(pub, "RSA", bld, pushed, err);
	BN_free(bn);
	BN_free(be);
	if (rc == JWK11_OK)
		*ret_pub = J11_STEAL(pub);
	return rc;
}

enum jwk11_rc j11_pub_new_ec(enum j11_crv crv, struct jwk11_view x, struct jwk11_view y, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	const struct j11_curve *curve = j11_curve_get(crv);
	unsigned char point[1 + 2 * 66] = { 0x04 };
	OSSL_PARAM_BLD *bld;
	enum jwk11_rc rc;
	bool pushed;

	if (curve == NULL || curve->kty != J11_KTY_EC)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this elliptic curve is not supported");
	if (x.len != curve->coord_len || y.len != curve->coord_len)
		return bad_key("EC coordinate is not as wide as its curve", err);
	pub = pub_new(J11_KTY_EC, x, y);
	if (pub == NULL)
		return j11_err_memory(err);
	pub->curve = curve;
	pub->bits = curve->bits;
	pub->x = (struct jwk11_view){ .data = pub->bytes, .len = x.len };
	pub->y = (struct jwk11_view){ .data = pub->bytes + x.len, .len = y.len };
	memcpy(point + 1, pub->bytes, x.len + y.len);
	bld = OSSL_PARAM_BLD_new();
	pushed = bld != NULL && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + x.len + y.len) == 1;
	rc = make_evp(pub, "EC", bld, pushed, err);
	if (rc == JWK11_OK)
		*ret_pub = J11_STEAL(pub);
	return rc;
}

enum jwk11_rc j11_pub_new_okp(enum j11_crv crv, struct jwk11_view x, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	const struct j11_curve *curve = j11_curve_get(crv);
	OSSL_PARAM_BLD *bld;
	enum jwk11_rc rc;
	const char *why;
	bool pushed;

	if (curve == NULL || curve->kty != J11_KTY_OKP)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this curve is not supported");
	if (x.len != curve->coord_len)
		return bad_key("OKP key does not have its curve's length", err);
	why = curve->scheme == J11_SCHEME_EDDSA ? j11_edwards_problem(curve, x.data) : NULL;
	if (why != NULL) {
		ERR_clear_error();
		return *why != '\0' ? bad_key(why, err) : j11_err_memory(err);
	}
	pub = pub_new(J11_KTY_OKP, x, (struct jwk11_view){ .data = "", .len = 0 });
	if (pub == NULL)
		return j11_err_memory(err);
	pub->curve = curve;
	pub->bits = curve->bits;
	pub->x = (struct jwk11_view){ .data = pub->bytes, .len = x.len };
	bld = OSSL_PARAM_BLD_new();
	pushed = bld != NULL && OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, pub->bytes, x.len) == 1;
	rc = make_evp(pub, curve->group, bld, pushed, err);
	if (rc == JWK11_OK)
		*ret_pub = J11_STEAL(pub);
	return rc;
}

enum jwk11_rc j11_pub_new_akp(enum j11_mldsa set, struct jwk11_view octets, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	struct jwk11_pub *pub;

	if (set == J11_MLDSA_NONE)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this ML-DSA parameter set is not known");
	if (octets.len != j11_mldsa_pub_len(set))
		return bad_key("AKP key does not have its algorithm's length", err);
	pub = pub_new(J11_KTY_AKP, octets, (struct jwk11_view){ .data = "", .len = 0 });
	if (pub == NULL)
		return j11_err_memory(err);
	pub->set = set;
	pub->alg = j11_alg_find_str(j11_mldsa_name(set));
	pub->x = (struct jwk11_view){ .data = pub->bytes, .len = octets.len };
	*ret_pub = pub;
	return JWK11_OK;
}

bool j11_pub_equal(const struct jwk11_pub *a, const struct jwk11_pub *b)
{
	return a->kty == b->kty && a->curve == b->curve && j11_view_equal(a->n, b->n) && j11_view_equal(a->e, b->e) &&
		j11_view_equal(a->x, b->x) && j11_view_equal(a->y, b->y);
}

/* By its type and curve; and when its JWK named an algorithm, only that one (RFC 8725 3.1), under either name on Edwards curves. */
static bool fits(const struct jwk11_pub *pub, const struct j11_alg *alg)
{
	if (alg->kty != pub->kty)
		return false;
	if (pub->kty == J11_KTY_AKP)
		return alg == pub->alg;
	if (pub->curve != NULL && (alg->crv == J11_CRV_NONE ? alg->scheme != pub->curve->scheme : alg->crv != pub->curve->crv))
		return false;
	return pub->alg == NULL || (pub->alg->scheme == alg->scheme && pub->alg->hash == alg->hash);
}

enum jwk11_rc j11_pub_fits(const struct jwk11_pub *pub, const struct j11_alg *alg, struct jwk11_err *err)
{
	char what[32];
	struct jwk11_buf list = J11_BUF(JWK11_HINT_MAX - 40);

	if (fits(pub, alg))
		return JWK11_OK;
	for (size_t i = 0; j11_alg_at(i) != NULL; i++)
		if (fits(pub, j11_alg_at(i)))
			j11_buf_add_fmt(&list, "%s%s", list.len ? ", " : "", j11_alg_at(i)->name);
	if (pub->alg != NULL)
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "algorithm %s does not fit: this %s is for %s", alg->name,
			j11_pub_describe(pub, what), pub->alg->name);
	else
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "algorithm %s does not fit a %s", alg->name,
			j11_pub_describe(pub, what));
	j11_err_hint(err, "this key can do %s", jwk11_buf_data(&list));
	j11_buf_done(&list);
	return JWK11_ERR_MISMATCH;
}

size_t j11_pub_sig_len(const struct jwk11_pub *pub)
{
	if (pub->kty == J11_KTY_AKP)
		return j11_mldsa_sig_len(pub->set);
	return pub->kty == J11_KTY_RSA ? pub->n.len : 2 * pub->curve->coord_len;
}

const char *j11_pub_describe(const struct jwk11_pub *pub, char ret_text[32])
{
	if (pub->kty == J11_KTY_RSA)
		snprintf(ret_text, 32, "RSA-%u key", pub->bits);
	else
		snprintf(ret_text, 32, "%s key", pub->curve ? pub->curve->name : pub->alg->name);
	return ret_text;
}

const char *jwk11_pub_default_alg(const struct jwk11_pub *pub)
{
	if (pub == NULL)
		return "";
	if (pub->alg != NULL)
		return pub->alg->name;
	for (size_t i = 0; j11_alg_at(i) != NULL; i++)
		if (fits(pub, j11_alg_at(i)))
			return j11_alg_at(i)->name;
	return jwk11_pub_default_enc_alg(pub); /* of a key that cannot sign */
}

const char *jwk11_pub_kty(const struct jwk11_pub *pub)
{
	return pub ? j11_kty_name(pub->kty) : "";
}

const char *jwk11_pub_crv(const struct jwk11_pub *pub)
{
	return pub && pub->curve ? pub->curve->name : "";
}

unsigned jwk11_pub_bits(const struct jwk11_pub *pub)
{
	return pub ? pub->bits : 0;
}

const char *jwk11_pub_kid(const struct jwk11_pub *pub)
{
	return pub ? pub->kid : "";
}
