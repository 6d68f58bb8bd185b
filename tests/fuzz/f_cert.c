/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates as a hostile token lists them: u16 length and octets, again and again. Whatever they hold, a chain for the key of the first one is
 * bounded, starts with that key, and each of its certificates certifies the one before. And the same octets as a file from a CA: what is read of it can
 * be sorted for the key of any of its certificates, and loses none. */
#include <stdlib.h>
#include <string.h>

#include "jose/bundle.h"
#include "jose/cert_text.h"
#include "jose/x5c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check(const struct jwk11_chain *chain, const struct jwk11_pub *pub)
{
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs links = { 0 };
	struct jwk11_buf text = J11_BUF(4 * J11_CHAIN_LEN_MAX);
	struct j11_json_out o = J11_JSON_OUT(&text);
	struct jwk11_view none = { "", 0 };
	size_t n = jwk11_chain_count(chain);

	must(n >= 1 && n <= J11_CHAIN_MAX && strlen(jwk11_chain_thumbprint(chain)) == JWK11_THUMBPRINT_LEN);
	for (size_t i = 0; i < n; i++)
		must(j11_certs_add(&links, jwk11_chain_der(chain, i), none, none, NULL) == JWK11_OK);
	must(links.n == n && j11_x5c_check(&links, pub, NULL) == JWK11_OK);
	j11_x5c_write(&o, NULL, chain);
	must(text.failed == JWK11_OK);
	j11_buf_done(&text);
}

static void check_bundle(const uint8_t *data, size_t size)
{
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs certs = { 0 };
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	struct j11_chain_of of = { .name = "k", .now = 1800000000 };
	struct j11_cert_text text;
	size_t n = 0, all;

	if (j11_bundle_read((struct jwk11_view){ .data = data, .len = size }, &certs, NULL) != JWK11_OK)
		return;
	must(certs.n <= J11_BUNDLE_MAX);
	all = certs.n;
	if (certs.n == 0 || j11_pub_from_cert(certs.list[certs.n - 1]->der, &pub, NULL) != JWK11_OK)
		return;
	of.pub = pub;
	must(j11_bundle_sort(&certs, &of, &n, NULL) == JWK11_OK && n >= 1 && n <= all && certs.n == all);
	for (size_t i = 0; i < all; i++)
		j11_cert_text(certs.list[i], &text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs certs = { 0 };
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	struct jwk11_chain *chain = NULL;
	struct jwk11_view none = { "", 0 };

	check_bundle(data, size);
	while (size >= 2) {
		size_t len = (size_t)data[0] << 8 | data[1];

		if (len > size - 2)
			len = size - 2;
		must(j11_certs_add(&certs, (struct jwk11_view){ .data = data + 2, .len = len }, none, none, NULL) == JWK11_OK);
		data += 2 + len;
		size -= 2 + len;
	}
	if (certs.n > 0 && j11_pub_from_cert(certs.list[0]->der, &pub, NULL) == JWK11_OK) {
		struct j11_chain_of of = { .pub = pub, .name = "k", .id = none, .label = none, .now = 1800000000 };

		if (j11_chain_new(&certs, &of, &chain, NULL) == JWK11_OK)
			check(chain, pub);
		jwk11_chain_free(chain);
	}
	return 0;
}
