/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as DER: no crash; ECDSA signatures have one encoding; keys from SPKI and certificates are whole. */
#include <stdlib.h>
#include <string.h>

#include "jose/der.h"
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
	char what[32];

	must(j11_pub_sig_len(pub) >= 64 && jwk11_pub_bits(pub) >= 256);
	must(j11_pub_describe(pub, what) == what && j11_alg_find_str(jwk11_pub_default_alg(pub)) != NULL);
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
	if (j11_pub_from_spki(der, &pub, NULL) == JWK11_OK)
		key(pub);
	if (j11_pub_from_cert(der, &leaf, NULL) == JWK11_OK)
		key(leaf);
	jwk11_pub_unref(pub);
	jwk11_pub_unref(leaf);
	return 0;
}
