/* SPDX-License-Identifier: Apache-2.0 */
/* An attestation with what may vouch for it: u16 length and octets, again and again; the first is the attestation, then others and roots take turns.
 * What is read of it is what it can be, and whatever is proven ends at one of the roots and is of this key. */
#include <stdlib.h>
#include <string.h>

#include "jose/attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static bool is_among(const struct jwk11_certs *certs, const struct j11_cert *cert)
{
	for (size_t i = 0; i < certs->n; i++)
		if (certs->list[i] == cert)
			return true;
	return false;
}

static void check(const struct j11_cert *attest, const struct jwk11_certs *others, const struct jwk11_certs *roots)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	const struct j11_cert *root = NULL;
	struct j11_attest says;

	if (j11_attest_read(attest, &says, NULL) == JWK11_OK) {
		must(j11_cert_is_attestation(attest) && memchr(says.slot, '\0', sizeof(says.slot)) != NULL);
		(void)j11_attest_pin(says.pin);
		(void)j11_attest_touch(says.touch);
		(void)j11_attest_form(says.form);
	}
	if (j11_pub_from_cert(attest->der, &pub, NULL) != JWK11_OK)
		return;
	if (j11_attest_check(attest, pub, others, roots, 1800000000, &root, NULL) == JWK11_OK)
		must(is_among(roots, root));
	else
		must(root == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_certs certs[3] = { { 0 }, { 0 }, { 0 } };
	const struct jwk11_view none = { "", 0 };

	for (size_t i = 0; size >= 2 && i < 16; i++) {
		size_t len = (size_t)data[0] << 8 | data[1];

		if (len > size - 2)
			len = size - 2;
		must(j11_certs_add(&certs[i == 0 ? 0 : 1 + i % 2], (struct jwk11_view){ .data = data + 2, .len = len }, none, none, NULL) == JWK11_OK);
		data += 2 + len;
		size -= 2 + len;
	}
	if (certs[0].n == 1)
		check(certs[0].list[0], &certs[2], &certs[1]);
	for (size_t i = 0; i < 3; i++)
		j11_certs_done(&certs[i]);
	return 0;
}
