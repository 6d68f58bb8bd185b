/* SPDX-License-Identifier: Apache-2.0 */
/* jose/point: curves by name and by number, points in every form, and what is neither. */
#include "vector.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "jose/point.h"

enum { TAG_BIT = 0x03, TAG_OCTET = 0x04, TAG_PRINTABLE = 0x13 };

struct octets {
	unsigned char data[1100];
	size_t len;
};

static struct jwk11_view view_of(const struct octets *o)
{
	return (struct jwk11_view){ o->data, o->len };
}

static struct octets wrap(unsigned char tag, const void *data, size_t len)
{
	struct octets o = { .len = 0 };

	o.data[o.len++] = tag;
	if (len > 127)
		o.data[o.len++] = 0x81;
	o.data[o.len++] = (unsigned char)len;
	memcpy(o.data + o.len, data, len);
	o.len += len;
	return o;
}

static EC_GROUP *group_of(const struct j11_curve *curve)
{
	const unsigned char *p = curve->oid;
	ASN1_OBJECT *name = d2i_ASN1_OBJECT(NULL, &p, (long)curve->oid_len);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(OBJ_obj2nid(name));

	assert_non_null(group);
	ASN1_OBJECT_free(name);
	return group;
}

/* Full parameters, as libcrypto writes them. */
static struct octets spelled_out(EC_GROUP *group)
{
	struct octets o = { .len = 0 };
	unsigned char *der = NULL;
	int len;

	EC_GROUP_set_asn1_flag(group, OPENSSL_EC_EXPLICIT_CURVE);
	len = i2d_ECPKParameters(group, &der);
	assert_in_range(len, 100, sizeof(o.data) - 1);
	memcpy(o.data, der, o.len = (size_t)len);
	OPENSSL_free(der);
	return o;
}

static void curves_are_known_by_their_names(void **state)
{
	static const unsigned char gnu[] = { 0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01 };
	static const unsigned char brainpool[] = { 0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07 };
	struct octets o;

	(void)state;
	for (size_t i = 0; j11_curve_at(i) != NULL; i++) {
		const struct j11_curve *c = j11_curve_at(i);

		assert_ptr_equal(j11_point_curve((struct jwk11_view){ c->oid, c->oid_len }), c);
		assert_null(j11_point_curve((struct jwk11_view){ c->oid, c->oid_len - 1 }));
		if (c->printable == NULL)
			continue;
		o = wrap(TAG_PRINTABLE, c->printable, strlen(c->printable));
		assert_ptr_equal(j11_point_curve(view_of(&o)), c);
		o.len--;
		assert_null(j11_point_curve(view_of(&o)));
		assert_null(j11_point_curve(j11_view_str(c->printable))); /* without its tag */
	}
	assert_ptr_equal(j11_point_curve((struct jwk11_view){ gnu, sizeof(gnu) }), j11_curve_get(J11_CRV_ED25519));
	assert_null(j11_point_curve((struct jwk11_view){ brainpool, sizeof(brainpool) }));
	assert_null(j11_point_curve(J11_VIEW("")));
	assert_null(j11_point_curve(J11_VIEW("\x13\x00")));
	assert_null(j11_point_curve(J11_VIEW("\x05\x00"))); /* implicitCurve */
}

/* Where the seed of the curve lies in its parameters, if it has one. */
static size_t find_seed(const struct octets *o, const EC_GROUP *group)
{
	size_t len = EC_GROUP_get_seed_len(group);

	for (size_t at = 0; len > 0 && at + len <= o->len; at++)
		if (memcmp(o->data + at, EC_GROUP_get0_seed(group), len) == 0)
			return at;
	return o->len;
}

static void curves_are_known_by_all_their_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; j11_curve_at(i) != NULL; i++) {
		const struct j11_curve *c = j11_curve_at(i);
		EC_GROUP *group = c->kty == J11_KTY_EC ? group_of(c) : NULL;
		struct octets o;
		size_t seed, seed_len;

		if (group == NULL)
			continue;
		EC_GROUP_set_point_conversion_form(group, POINT_CONVERSION_COMPRESSED);
		o = spelled_out(group);
		assert_ptr_equal(j11_point_curve(view_of(&o)), c);
		EC_GROUP_set_point_conversion_form(group, POINT_CONVERSION_UNCOMPRESSED);
		o = spelled_out(group);
		assert_ptr_equal(j11_point_curve(view_of(&o)), c);
		seed = find_seed(&o, group);
		seed_len = EC_GROUP_get_seed_len(group);
		for (size_t at = 0; at < o.len; at++) {
			bool is_seed = at >= seed && at < seed + seed_len;

			o.data[at] ^= 1;
			if ((j11_point_curve(view_of(&o)) != NULL) != is_seed)
				fail_msg("%s: octet %zu of %zu is not looked at", c->name, at, o.len);
			o.data[at] ^= 1;
		}
		for (size_t len = 0; len < o.len; len++)
			assert_null(j11_point_curve((struct jwk11_view){ o.data, len }));
		o.data[o.len++] = 0;
		assert_null(j11_point_curve(view_of(&o)));
		EC_GROUP_free(group);
	}
}

/* The curve's own numbers with another point as generator: a key on it can be made for anybody's public point (CVE-2020-0601). */
static void a_curve_with_another_generator_is_another_curve(void **state)
{
	EC_GROUP *group = group_of(j11_curve_get(J11_CRV_P256));
	EC_POINT *twice = EC_POINT_new(group);
	struct octets o;

	(void)state;
	assert_int_equal(EC_POINT_dbl(group, twice, EC_GROUP_get0_generator(group), NULL), 1);
	assert_int_equal(EC_GROUP_set_generator(group, twice, EC_GROUP_get0_order(group), EC_GROUP_get0_cofactor(group)), 1);
	o = spelled_out(group);
	assert_null(j11_point_curve(view_of(&o)));
	EC_POINT_free(twice);
	EC_GROUP_free(group);
}

/* The cofactor may be missing. */
static void parameters_may_leave_out_what_is_optional(void **state)
{
	EC_GROUP *group = group_of(j11_curve_get(J11_CRV_P256));
	struct octets o = spelled_out(group);

	(void)state;
	assert_memory_equal(o.data + o.len - 3, "\x02\x01\x01", 3);
	assert_memory_equal(o.data, "\x30\x81", 2);
	o.len -= 3;
	o.data[2] = (unsigned char)(o.data[2] - 3);
	assert_ptr_equal(j11_point_curve(view_of(&o)), j11_curve_get(J11_CRV_P256));
	EC_GROUP_free(group);
}

/* A random point with the wanted octet of x or y (0 or 1) zero. */
static void point_with_zero(const EC_GROUP *group, size_t coord_len, int which, unsigned char out[133])
{
	BIGNUM *k = BN_new();
	EC_POINT *point = EC_POINT_new(group);

	do {
		assert_int_equal(BN_rand_range(k, EC_GROUP_get0_order(group)), 1);
		assert_int_equal(EC_POINT_mul(group, point, k, NULL, NULL, NULL), 1);
		assert_int_equal(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, 133, NULL), 1 + 2 * coord_len);
	} while (out[1 + (size_t)which * coord_len] != 0);
	BN_free(k);
	EC_POINT_free(point);
}

static void is_point(const struct j11_curve *c, struct octets o, const unsigned char *want, const char *form)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	if (j11_point_pub(c, view_of(&o), &pub, &err) != JWK11_OK)
		fail_msg("%s, %s: %s", c->name, form, err.text);
	assert_int_equal(pub->x.len, c->coord_len);
	assert_int_equal(pub->y.len, c->coord_len);
	assert_memory_equal(pub->x.data, want + 1, c->coord_len);
	assert_memory_equal(pub->y.data, want + 1 + c->coord_len, c->coord_len);
	jwk11_pub_unref(pub);
}

static void is_none(const struct j11_curve *c, const void *data, size_t len, const char *form)
{
	struct jwk11_pub *pub = NULL;
	struct jwk11_err err = { 0 };

	if (j11_point_pub(c, (struct jwk11_view){ data, len }, &pub, &err) == JWK11_OK)
		fail_msg("%s: taken: %s", c->name, form);
	assert_null(pub);
	assert_true(err.text[0] != '\0');
}

static void forms_of(const struct j11_curve *c, const unsigned char *point)
{
	size_t half = c->coord_len, whole = 1 + 2 * half;
	unsigned char bits[134] = { 0 }, small[68];
	struct octets o = { .len = whole };

	memcpy(o.data, point, whole);
	is_point(c, o, point, "bare");
	is_point(c, wrap(TAG_OCTET, point, whole), point, "OCTET STRING");
	memcpy(bits + 1, point, whole);
	is_point(c, wrap(TAG_BIT, bits, 1 + whole), point, "BIT STRING");
	memcpy(o.data, point + 1, o.len = 2 * half);
	is_point(c, o, point, "x and y");
	small[0] = point[whole - 1] & 1 ? 0x03 : 0x02;
	memcpy(small + 1, point + 1, half);
	memcpy(o.data, small, o.len = 1 + half);
	is_point(c, o, point, "compressed");
	is_point(c, wrap(TAG_OCTET, small, 1 + half), point, "compressed in OCTET STRING");
	memcpy(bits + 1, small, 1 + half);
	is_point(c, wrap(TAG_BIT, bits, 2 + half), point, "compressed in BIT STRING");
}

static void not_points(const struct j11_curve *c, const unsigned char *point)
{
	size_t half = c->coord_len, whole = 1 + 2 * half;
	unsigned char room[140];
	struct octets o;

	memcpy(room, point, whole);
	is_none(c, room, whole - 1, "one octet short");
	room[whole] = 0;
	is_none(c, room, whole + 1, "one octet long");
	room[whole - 1] ^= 1;
	is_none(c, room, whole, "beside the curve");
	memset(room + 1, 0xff, 2 * half);
	is_none(c, room, whole, "x and y above the field's prime");
	memcpy(room, point, whole);
	room[0] = 0x06;
	is_none(c, room, whole, "hybrid form");
	room[0] = 0x02;
	memset(room + 1, 0xff, half);
	is_none(c, room, 1 + half, "compressed, x above the field's prime");
	is_none(c, "\x00", 1, "at infinity");
	is_none(c, "", 0, "empty");
	o = wrap(TAG_OCTET, point, whole);
	is_none(c, o.data, o.len - 1, "OCTET STRING cut");
	is_none(c, o.data, o.len + 1, "something behind the OCTET STRING");
	o = wrap(TAG_OCTET, o.data, o.len);
	is_none(c, o.data, o.len, "OCTET STRING in OCTET STRING");
	room[0] = 1;
	memcpy(room + 1, point, whole);
	o = wrap(TAG_BIT, room, 1 + whole);
	is_none(c, o.data, o.len, "BIT STRING with an unused bit");
	is_none(c, "\x03\x00", 2, "BIT STRING without octets");
}

static void points_come_in_every_form(void **state)
{
	unsigned char point[133];

	(void)state;
	for (size_t i = 0; j11_curve_at(i) != NULL; i++) {
		const struct j11_curve *c = j11_curve_at(i);
		EC_GROUP *group = c->kty == J11_KTY_EC ? group_of(c) : NULL;

		for (int which = 0; group != NULL && which < 2; which++) {
			point_with_zero(group, c->coord_len, which, point);
			forms_of(c, point);
			not_points(c, point);
		}
		EC_GROUP_free(group);
	}
}

/* x = 5 is no point's on P-256: x³ - 3x + b is no square there. */
static void a_compressed_point_must_be_on_the_curve(void **state)
{
	const struct j11_curve *c = j11_curve_get(J11_CRV_P256);
	unsigned char room[33] = { 0x02 };
	unsigned n_on = 0, n_off = 0;
	struct jwk11_pub *pub = NULL;

	(void)state;
	for (unsigned x = 1; x < 64; x++) {
		room[32] = (unsigned char)x;
		if (j11_point_pub(c, (struct jwk11_view){ room, sizeof(room) }, &pub, NULL) == JWK11_OK) {
			n_on++;
			jwk11_pub_unref(pub);
		} else {
			n_off++;
		}
	}
	assert_true(n_on > 10 && n_off > 10);
}

/* A bare Ed25519 key that begins like a DER OCTET STRING of the rest is still the key. */
static void length_comes_before_encoding(void **state)
{
	const struct j11_curve *c = j11_curve_get(J11_CRV_ED25519);
	unsigned char key[32] = { 0x04, 0x1e }, bits[33] = { 0 };
	struct jwk11_pub *pub = NULL;
	struct octets o;

	(void)state;
	while (j11_point_pub(c, (struct jwk11_view){ key, sizeof(key) }, &pub, NULL) != JWK11_OK)
		assert_true(++key[2] != 0);
	assert_memory_equal(pub->x.data, key, sizeof(key));
	jwk11_pub_unref(pub);
	o = wrap(TAG_OCTET, key, sizeof(key));
	assert_int_equal(j11_point_pub(c, view_of(&o), &pub, NULL), JWK11_OK);
	assert_memory_equal(pub->x.data, key, sizeof(key));
	jwk11_pub_unref(pub);
	memcpy(bits + 1, key, sizeof(key));
	o = wrap(TAG_BIT, bits, sizeof(bits));
	assert_int_equal(j11_point_pub(c, view_of(&o), &pub, NULL), JWK11_OK);
	assert_memory_equal(pub->x.data, key, sizeof(key));
	jwk11_pub_unref(pub);
	is_none(c, key, 31, "one octet short");
	is_none(c, bits, 33, "one octet long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(curves_are_known_by_their_names),
		cmocka_unit_test(curves_are_known_by_all_their_numbers),
		cmocka_unit_test(a_curve_with_another_generator_is_another_curve),
		cmocka_unit_test(parameters_may_leave_out_what_is_optional),
		cmocka_unit_test(points_come_in_every_form),
		cmocka_unit_test(a_compressed_point_must_be_on_the_curve),
		cmocka_unit_test(length_comes_before_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
