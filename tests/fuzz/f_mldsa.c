/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as an ML-DSA key, signature and message: no crash; what verifies does not verify once a bit of it has changed. The first octet
 * chooses the parameter set. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jose/mldsa.h"
#include "jose/mldsa_ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static enum jwk11_rc verify(enum j11_mldsa set, const unsigned char *octets, size_t size)
{
	size_t pub_len = j11_mldsa_pub_len(set), sig_len = j11_mldsa_sig_len(set);
	struct jwk11_view pub = { .data = octets, .len = size < pub_len ? size : pub_len };
	struct jwk11_view sig = { .data = octets + pub.len, .len = size - pub.len < sig_len ? size - pub.len : sig_len };
	struct jwk11_view message = { .data = octets + pub.len + sig.len, .len = size - pub.len - sig.len };
	enum jwk11_rc rc = j11_mldsa_verify(set, pub, message, sig, NULL);

	must(rc == JWK11_OK || rc == JWK11_ERR_SIGNATURE);
	must(rc != JWK11_OK || size >= pub_len + sig_len);
	return rc;
}

/* A signature has one encoding, so every other one is wrong; so is another key or message. */
static void damage(enum j11_mldsa set, unsigned char *octets, size_t size)
{
	for (size_t bit = 0; bit < 8 * size; bit += 1009) {
		octets[bit / 8] ^= (unsigned char)(1 << bit % 8);
		must(verify(set, octets, size) == JWK11_ERR_SIGNATURE);
		octets[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
}

static void pack(const unsigned char *octets, size_t size)
{
	static const unsigned widths[] = { 4, 6, 10, 18, 20 };
	uint32_t numbers[J11_RING_N];
	unsigned char again[32 * 20];

	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		if (size < 32 * widths[i])
			return;
		j11_ring_unpack(octets, widths[i], numbers);
		j11_ring_pack(numbers, widths[i], again);
		must(memcmp(octets, again, 32 * widths[i]) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum j11_mldsa set = size > 0 ? data[0] % J11_N_MLDSA_ : J11_MLDSA_NONE;
	unsigned char *octets = calloc(1, size + 1);

	must(octets != NULL);
	if (size > 1)
		memcpy(octets, data + 1, size - 1);
	pack(octets, size > 0 ? size - 1 : 0);
	if (verify(set, octets, size > 0 ? size - 1 : 0) == JWK11_OK)
		damage(set, octets, size - 1);
	free(octets);
	return 0;
}
