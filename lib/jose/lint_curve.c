/* SPDX-License-Identifier: Apache-2.0 */
/* Keys on curves: the name of the curve, the width of the coordinates, the point. */
#include <string.h>

#include "base/b64.h"
#include "base/text.h"
#include "kma.h"
#include "lint_part.h"

/* Names under which other standards know the same curves. */
static const struct {
	const char *wrong, *right;
} other_names[] = {
	{ "P256", "P-256" }, { "secp256r1", "P-256" }, { "prime256v1", "P-256" }, { "nistp256", "P-256" }, { "1.2.840.10045.3.1.7", "P-256" },
	{ "P384", "P-384" }, { "secp384r1", "P-384" }, { "nistp384", "P-384" }, { "1.3.132.0.34", "P-384" },
	{ "P521", "P-521" }, { "P-512", "P-521" }, { "secp521r1", "P-521" }, { "nistp521", "P-521" }, { "1.3.132.0.35", "P-521" },
	{ "P-256K", "secp256k1" }, { "K-256", "secp256k1" }, { "edwards25519", "Ed25519" }, { "curve25519", "X25519" },
	{ "edwards448", "Ed448" }, { "curve448", "X448" },
};

/* The registered name that was meant; NULL when there is none. */
static const char *right_name(struct jwk11_view crv)
{
	for (size_t i = 0; i < J11_COUNT(other_names); i++)
		if (j11_lint_same_word(crv, other_names[i].wrong))
			return other_names[i].right;
	for (size_t i = 0; j11_curve_at(i) != NULL; i++)
		if (j11_lint_same_word(crv, j11_curve_at(i)->name))
			return j11_curve_at(i)->name;
	return NULL;
}

/* Sets key->curve; true when it is one for this kind of key. */
static bool check_curve(struct j11_lint *lint, struct j11_lint_key *key, enum j11_kty kty)
{
	struct jwk11_view crv = j11_lint_string(key->jwk, "crv");
	const char *right = right_name(crv);
	char shown[32];

	if (crv.len == 0)
		return false; /* a finding already */
	j11_text_printable(crv, shown, sizeof(shown));
	if (right == NULL) {
		j11_lint_add(lint, key, J11_LINT_CRV_UNKNOWN, "crv", "nobody has registered the curve \"%s\"", shown);
		return false;
	}
	if (!j11_view_equals(crv, right))
		j11_lint_add(lint, key, J11_LINT_CRV_NAME, "crv", "the curve is called \"%s\" in JOSE, not \"%s\"", right, shown);
	key->curve = j11_curve_by_name(j11_view_str(right));
	if (key->curve->crv == J11_CRV_SECP256K1)
		j11_lint_add(lint, key, J11_LINT_SECP256K1, "crv", "the curve is secp256k1");
	if (key->curve->kty != kty)
		j11_lint_add(lint, key, J11_LINT_CRV_KTY, "crv", "%s is no curve of an %s key", right, key->kty);
	return key->curve->kty == kty;
}

/* Octets that hold a whole point of a curve: 02 or 03 and X, 04 and both (SEC 1 2.3.3), or the last in an OCTET STRING, as tokens give it. */
static bool is_point(struct jwk11_view v, size_t width)
{
	const unsigned char *p = v.data;

	return (v.len == width + 1 && (p[0] == 2 || p[0] == 3)) || (v.len == 2 * width + 1 && p[0] == 4) ||
		(v.len > 2 * width + 2 && v.len <= 2 * width + 4 && p[0] == 4 && p[v.len - 2 * width - 1] == 4);
}

bool j11_lint_is_point(const struct j11_json *jwk)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf x = J11_BUF(1024);
	bool point = false;

	if (j11_b64url_decode(j11_lint_string(jwk, "x"), "x", &x, NULL) != JWK11_OK)
		return false;
	for (size_t i = 0; j11_curve_at(i) != NULL; i++)
		point = point || (j11_curve_at(i)->kty == J11_KTY_EC && is_point(j11_buf_view(&x), j11_curve_at(i)->coord_len));
	return point;
}

/* Puts the coordinate right where its width alone is wrong. */
static bool fit(struct jwk11_buf *c, size_t width)
{
	static const char zeros[66];
	size_t len = c->len, extra = len > width ? len - width : 0;

	if (len < width) {
		if (j11_buf_grow(c, width - len) == NULL)
			return false;
		memmove(c->data + width - len, c->data, len);
		memcpy(c->data, zeros, width - len);
		return true;
	}
	if (extra > sizeof(zeros) || memcmp(c->data, zeros, extra) != 0)
		return false;
	j11_buf_drop(c, extra);
	return true;
}

static bool coordinate(struct j11_lint *lint, struct j11_lint_key *key, const char *name, struct jwk11_buf *out)
{
	size_t width = key->curve->coord_len;

	if (!j11_lint_number(lint, key, name, out))
		return false;
	if (is_point(j11_buf_view(out), width)) {
		j11_lint_add(lint, key, J11_LINT_EC_POINT, name, "\"%s\" holds a whole point, not a coordinate", name);
		return false;
	}
	if (out->len < width)
		j11_lint_add(lint, key, J11_LINT_EC_SHORT, name, "\"%s\" has %zu octets where %s has %zu: leading zeros are lost", name, out->len,
			key->curve->name, width);
	if (out->len > width)
		j11_lint_add(lint, key, J11_LINT_EC_LONG, name, "\"%s\" has %zu octets where %s has %zu%s", name, out->len, key->curve->name, width,
			out->len == width + 1 && out->data[0] == 0 ? ": a sign octet is in front" : "");
	return fit(out, width);
}

void j11_lint_ec(struct j11_lint *lint, struct j11_lint_key *key)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf x = J11_BUF(J11_LINT_MAX);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf y = J11_BUF(J11_LINT_MAX);
	bool have_x, have_y;
	enum jwk11_rc rc;

	if (!check_curve(lint, key, J11_KTY_EC))
		return;
	have_x = coordinate(lint, key, "x", &x);
	have_y = coordinate(lint, key, "y", &y);
	if (!have_x || !have_y)
		return;
	rc = j11_pub_new_ec(key->curve->crv, j11_buf_view(&x), j11_buf_view(&y), &key->pub, NULL);
	if (!j11_lint_good(lint, rc) && rc == JWK11_ERR_SYNTAX)
		j11_lint_add(lint, key, J11_LINT_EC_OFF_CURVE, "x", "the point is not on %s", key->curve->name);
}

/* What tokens and certificates wrap the octets in: OCTET STRING, BIT STRING, SubjectPublicKeyInfo (RFC 8410 section 4). */
static bool is_wrapped(const struct jwk11_buf *x, size_t width)
{
	const unsigned char *p = (const unsigned char *)x->data;

	return (x->len == width + 2 && p[0] == 0x04 && p[1] == width) ||
		(x->len == width + 3 && p[0] == 0x03 && p[1] == width + 1) ||
		(x->len == width + 12 && p[0] == 0x30 && p[1] == width + 10);
}

void j11_lint_okp(struct j11_lint *lint, struct j11_lint_key *key)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf x = J11_BUF(J11_LINT_MAX);
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc;
	size_t width;

	if (!check_curve(lint, key, J11_KTY_OKP) || !j11_lint_number(lint, key, "x", &x))
		return;
	width = key->curve->coord_len;
	if (is_wrapped(&x, width)) {
		j11_lint_add(lint, key, J11_LINT_OKP_DER, "x", "\"x\" is wrapped in DER");
		j11_buf_drop(&x, x.len - width);
	} else if (x.len != width) {
		j11_lint_add(lint, key, J11_LINT_OKP_LENGTH, "x", "\"x\" has %zu octets where %s has %zu", x.len, key->curve->name, width);
		return;
	}
	rc = j11_pub_new_okp(key->curve->crv, j11_buf_view(&x), &key->pub, &why);
	if (!j11_lint_good(lint, rc) && rc == JWK11_ERR_SYNTAX)
		j11_lint_add(lint, key, J11_LINT_OKP_POINT, "x", "\"x\" is no %s", why.text);
	else if (rc == JWK11_OK && j11_kma_check_peer(key->pub, NULL) == JWK11_ERR_SYNTAX)
		j11_lint_add(lint, key, J11_LINT_OKP_POINT, "x", "\"x\" is no public key: the point has a small order");
}
