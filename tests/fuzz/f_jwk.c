/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JWK, a set or PEM: no crash, and what is accepted survives a round trip unchanged. */
#include <stdlib.h>

#include "base/buf.h"
#include "jose/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void round_trip(const struct jwk11_pub *pub)
{
	struct jwk11_buf jwk = J11_BUF(65536), pem = J11_BUF(65536);
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	struct jwk11_pub *again = NULL;

	must(jwk11_pub_thumbprint(pub, thumbprint, NULL) == JWK11_OK);
	must(jwk11_pub_jwk(pub, NULL, NULL, &jwk, NULL) == JWK11_OK);
	must(jwk11_pub_from_jwk(j11_buf_view(&jwk), &again, NULL) == JWK11_OK);
	must(j11_pub_equal(pub, again));
	jwk11_pub_unref(again);
	again = NULL;
	must(jwk11_pub_pem(pub, &pem, NULL) == JWK11_OK);
	must(jwk11_pub_from_pem(j11_buf_view(&pem), &again, NULL) == JWK11_OK);
	must(j11_pub_equal(pub, again));
	jwk11_pub_unref(again);
	j11_buf_done(&jwk);
	j11_buf_done(&pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view text = { .data = data, .len = size };
	struct jwk11_pub *pub = NULL;
	struct j11_jwks set = { 0 };
	struct jwk11_err err = { 0 };

	if (j11_jwks_parse(text, &set, &err) == JWK11_OK)
		for (size_t i = 0; i < set.n; i++)
			round_trip(set.pubs[i]);
	else
		must(err.rc != JWK11_OK && err.text[0] != '\0');
	j11_jwks_done(&set);
	if (jwk11_pub_from_pem(text, &pub, NULL) == JWK11_OK)
		round_trip(pub);
	jwk11_pub_unref(pub);
	return 0;
}
