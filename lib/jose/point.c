/* SPDX-License-Identifier: Apache-2.0 */
/* Curves by name or by their numbers; points by length, then by encoding. Full parameters are compared, never used: libcrypto is given
 * nothing but the curves it knows itself. */
#include "point.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

#include "base/err.h"
#include "der.h"

enum { TAG_INTEGER = 0x02, TAG_BIT_STRING = 0x03, TAG_OCTET_STRING = 0x04, TAG_OID = 0x06, TAG_PRINTABLE = 0x13, TAG_SEQUENCE = 0x30 };
enum { MAX_COORD = 66, MAX_POINT = 1 + 2 * MAX_COORD };

static struct jwk11_view view(const void *data, size_t len)
{
	return (struct jwk11_view){ .data = data, .len = len };
}

/* What a DER BIT STRING of whole octets holds (X.690 8.6.2: the first octet counts unused bits). */
static bool bit_string(struct jwk11_view v, struct jwk11_view *ret_content)
{
	struct jwk11_view bits;

	if (!j11_der_whole(v, TAG_BIT_STRING, &bits) || bits.len == 0 || *(const unsigned char *)bits.data != 0)
		return false;
	*ret_content = view((const unsigned char *)bits.data + 1, bits.len - 1);
	return true;
}

/* ---- curves ---- */

/* From before RFC 8410 had names for them. */
static const unsigned char gnu_ed25519[] = { 0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01 };
static const unsigned char gnu_x25519[] = { 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01 };
static const struct {
	const unsigned char *oid;
	size_t len;
	enum j11_crv crv;
} aliases[] = {
	{ gnu_ed25519, sizeof(gnu_ed25519), J11_CRV_ED25519 },
	{ gnu_x25519, sizeof(gnu_x25519), J11_CRV_X25519 },
};

/* The numbers of ECParameters (X9.62, RFC 3279 section 2.3.5): y² = x³ + ax + b over the integers modulo p, a generator, its order. */
struct numbers {
	struct jwk11_view p, a, b, base, n, h;
};

static bool take_field(struct jwk11_view *body, struct numbers *k)
{
	static const unsigned char prime_field[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x01 };
	struct jwk11_view field, oid;

	return j11_der_take(body, TAG_SEQUENCE, &field) && j11_der_take(&field, TAG_OID, &oid) &&
		j11_view_equal(oid, view(prime_field, sizeof(prime_field))) && j11_der_whole(field, TAG_INTEGER, &k->p);
}

/* The seed tells how the curve was made and is no part of it. */
static bool take_coefficients(struct jwk11_view *body, struct numbers *k)
{
	struct jwk11_view curve, seed;

	if (!j11_der_take(body, TAG_SEQUENCE, &curve) || !j11_der_take(&curve, TAG_OCTET_STRING, &k->a) ||
		!j11_der_take(&curve, TAG_OCTET_STRING, &k->b))
		return false;
	return curve.len == 0 || bit_string(curve, &seed);
}

static bool parse(struct jwk11_view params, struct numbers *k)
{
	struct jwk11_view body, version;

	if (!j11_der_whole(params, TAG_SEQUENCE, &body) || !j11_der_take(&body, TAG_INTEGER, &version) || version.len != 1 ||
		*(const unsigned char *)version.data < 1 || *(const unsigned char *)version.data > 3)
		return false;
	if (!take_field(&body, k) || !take_coefficients(&body, k) || !j11_der_take(&body, TAG_OCTET_STRING, &k->base) ||
		!j11_der_take(&body, TAG_INTEGER, &k->n))
		return false;
	return body.len == 0 || j11_der_whole(body, TAG_INTEGER, &k->h);
}

/* Leading zeros are a matter of taste: INTEGER has one before a high bit, octet strings are padded or not. */
static bool is_number(struct jwk11_view v, const BIGNUM *known)
{
	unsigned char room[MAX_COORD + 1];
	const unsigned char *octets = v.data;
	int len = BN_num_bytes(known);

	while (v.len > 0 && octets[0] == 0) {
		octets++;
		v.len--;
	}
	return len <= (int)sizeof(room) && v.len == (size_t)len && BN_bn2bin(known, room) == len && memcmp(room, octets, v.len) == 0;
}

static bool is_generator(struct jwk11_view v, const EC_GROUP *group)
{
	static const point_conversion_form_t forms[] = { POINT_CONVERSION_UNCOMPRESSED, POINT_CONVERSION_COMPRESSED };
	unsigned char room[MAX_POINT];

	for (size_t i = 0; i < J11_COUNT(forms); i++) {
		size_t len = EC_POINT_point2oct(group, EC_GROUP_get0_generator(group), forms[i], room, sizeof(room), NULL);

		if (len > 0 && j11_view_equal(v, view(room, len)))
			return true;
	}
	return false;
}

static EC_GROUP *group_of(const struct j11_curve *curve)
{
	return EC_GROUP_new_by_curve_name(OBJ_sn2nid(curve->group));
}

/* All of it: a curve that differs in its generator alone is how a forged signature once verified (CVE-2020-0601). */
static bool is_curve(const struct numbers *k, const struct j11_curve *curve)
{
	EC_GROUP *group = group_of(curve);
	BIGNUM *p = BN_new(), *a = BN_new(), *b = BN_new();
	bool same = group != NULL && p != NULL && a != NULL && b != NULL && EC_GROUP_get_curve(group, p, a, b, NULL) == 1 && is_number(k->p, p) &&
		is_number(k->a, a) && is_number(k->b, b) && is_generator(k->base, group) && is_number(k->n, EC_GROUP_get0_order(group)) &&
		(k->h.data == NULL || is_number(k->h, EC_GROUP_get0_cofactor(group)));

	BN_free(p);
	BN_free(a);
	BN_free(b);
	EC_GROUP_free(group);
	ERR_clear_error();
	return same;
}

static const struct j11_curve *by_numbers(struct jwk11_view params)
{
	struct numbers k = { .h = { 0 } };

	if (!parse(params, &k))
		return NULL;
	for (size_t i = 0; j11_curve_at(i) != NULL; i++)
		if (j11_curve_at(i)->kty == J11_KTY_EC && is_curve(&k, j11_curve_at(i)))
			return j11_curve_at(i);
	return NULL;
}

const struct j11_curve *j11_point_curve(struct jwk11_view params)
{
	struct jwk11_view name;
	bool printable = j11_der_whole(params, TAG_PRINTABLE, &name);

	for (size_t i = 0; j11_curve_at(i) != NULL; i++) {
		const struct j11_curve *c = j11_curve_at(i);

		if (j11_view_equal(params, view(c->oid, c->oid_len)) || (printable && c->printable != NULL && j11_view_equals(name, c->printable)))
			return c;
	}
	for (size_t i = 0; i < J11_COUNT(aliases); i++)
		if (j11_view_equal(params, view(aliases[i].oid, aliases[i].len)))
			return j11_curve_get(aliases[i].crv);
	return by_numbers(params);
}

/* ---- points ---- */

enum form { FORM_NONE, FORM_MARKED, FORM_COMPRESSED, FORM_UNMARKED, FORM_OKP };

static enum form form_of(const struct j11_curve *curve, struct jwk11_view v)
{
	const unsigned char *p = v.data;

	if (curve->kty == J11_KTY_OKP)
		return v.len == curve->coord_len ? FORM_OKP : FORM_NONE;
	if (v.len == 1 + 2 * curve->coord_len && p[0] == 0x04)
		return FORM_MARKED;
	if (v.len == 1 + curve->coord_len && (p[0] == 0x02 || p[0] == 0x03))
		return FORM_COMPRESSED;
	return v.len == 2 * curve->coord_len ? FORM_UNMARKED : FORM_NONE;
}

static enum form unwrap(const struct j11_curve *curve, struct jwk11_view v, struct jwk11_view *ret_content)
{
	enum form form = form_of(curve, v);

	*ret_content = v;
	if (form == FORM_NONE && j11_der_whole(v, TAG_OCTET_STRING, ret_content))
		form = form_of(curve, *ret_content);
	if (form == FORM_NONE && bit_string(v, ret_content))
		form = form_of(curve, *ret_content);
	return form;
}

/* x and y of a point of which x and the parity of y are given (SEC 1 section 2.3.4); false when no such point is on the curve. */
static bool decompress(const struct j11_curve *curve, struct jwk11_view v, unsigned char xy[2 * MAX_COORD])
{
	EC_GROUP *group = group_of(curve);
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	BIGNUM *x = BN_new(), *y = BN_new();
	int len = (int)curve->coord_len;
	bool ok = point != NULL && x != NULL && y != NULL && EC_POINT_oct2point(group, point, v.data, v.len, NULL) == 1 &&
		EC_POINT_get_affine_coordinates(group, point, x, y, NULL) == 1 && BN_bn2binpad(x, xy, len) == len &&
		BN_bn2binpad(y, xy + len, len) == len;

	BN_free(x);
	BN_free(y);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	ERR_clear_error();
	return ok;
}

enum jwk11_rc j11_point_pub(const struct j11_curve *curve, struct jwk11_view point, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	unsigned char xy[2 * MAX_COORD];
	struct jwk11_view v;
	const unsigned char *p;

	switch (unwrap(curve, point, &v)) {
	case FORM_OKP:
		return j11_pub_new_okp(curve->crv, v, ret_pub, err);
	case FORM_MARKED:
		p = (const unsigned char *)v.data + 1;
		break;
	case FORM_UNMARKED:
		p = v.data;
		break;
	case FORM_COMPRESSED:
		if (!decompress(curve, v, xy))
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "public key: the point is not on the curve");
		p = xy;
		break;
	default:
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "its public point has an unexpected form");
	}
	return j11_pub_new_ec(curve->crv, view(p, curve->coord_len), view(p + curve->coord_len, curve->coord_len), ret_pub, err);
}
