/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as DER: no crash; ECDSA signatures have one encoding; keys from SPKI, certificates and points are whole; full parameters name a
 * curve that has them. */
#include <stdlib.h>
#include <string.h>

#include "jose/der.h"
#include "jose/point.h"
#include "jose/pub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void signature(struct jwk11_view der, size_t coord_len)
{
	unsigned char raw[132], again[J11_DER_ECDSA_MAX];

	if (!j11_der_to_raw(der, coord_len, raw))
		return;
	must(j11_der_from_raw((struct jwk11_view){ .data = raw, .len = 2 * coord_len }, again) == der.len);
	must(memcmp(again, der.data, der.len) == 0);
}

/* The other way: every pair of numbers comes back. */
static void raw_signature(struct jwk11_view raw)
{
	unsigned char der[J11_DER_ECDSA_MAX], again[132];
	size_t len = j11_der_from_raw(raw, der);

	must((len != 0) == (raw.len > 0 && raw.len % 2 == 0 && raw.len <= 132));
	if (len == 0)
		return;
	must(len <= sizeof(der) && j11_der_to_raw((struct jwk11_view){ .data = der, .len = len }, raw.len / 2, again));
	must(memcmp(again, raw.data, raw.len) == 0);
}

static void key(const struct jwk11_pub *pub)
{
	struct jwk11_buf der = J11_BUF(J11_SPKI_MAX);
	struct jwk11_pub *again = NULL;
	char what[32];

	must(j11_pub_sig_len(pub) >= 64 && j11_pub_sig_len(pub) <= J11_SIG_MAX && (pub->kty == J11_KTY_AKP) == (jwk11_pub_bits(pub) < 255));
	must(j11_pub_describe(pub, what) == what && jwk11_pub_default_alg(pub)[0] != '\0');
	must(j11_pub_spki(pub, &der, NULL) == JWK11_OK && j11_pub_from_spki(j11_buf_view(&der), &again, NULL) == JWK11_OK);
	must(j11_pub_equal(pub, again));
	jwk11_pub_unref(again);
	j11_buf_done(&der);
}

static void point(struct jwk11_view der)
{
	const struct j11_curve *named = j11_point_curve(der);

	must(named == NULL || der.len > 150 || der.len < 30);
	for (size_t i = 0; j11_curve_at(i) != NULL; i++) {
		const struct j11_curve *c = j11_curve_at(i);
		struct jwk11_pub *pub = NULL;

		if (j11_point_pub(c, der, &pub, NULL) != JWK11_OK)
			continue;
		must(pub->curve == c && pub->x.len == c->coord_len && pub->y.len == (c->kty == J11_KTY_EC ? c->coord_len : 0));
		jwk11_pub_unref(pub);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view der = { .data = data, .len = size }, content;
	struct jwk11_pub *pub = NULL, *leaf = NULL;

	if (size > 0 && j11_der_whole(der, data[0], &content))
		must((const uint8_t *)content.data + content.len == data + size);
	signature(der, 32);
	signature(der, 48);
	signature(der, 66);
	raw_signature(der);
	point(der);
	if (j11_pub_from_spki(der, &pub, NULL) == JWK11_OK)
		key(pub);
	if (j11_pub_from_cert(der, &leaf, NULL) == JWK11_OK)
		key(leaf);
	jwk11_pub_unref(pub);
	jwk11_pub_unref(leaf);
	return 0;
}
