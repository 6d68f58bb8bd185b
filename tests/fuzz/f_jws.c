/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a compact JWS: no crash; what is accepted has exactly one spelling. */
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "jose/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_parts(struct jwk11_view text, const struct j11_jws *jws)
{
	struct jwk11_buf again = J11_BUF(J11_JWS_MAX);
	const char *dot = memchr(text.data, '.', text.len);

	must(dot != NULL && jws->alg != NULL && jws->signing_input.data == text.data && jws->signing_input.len < text.len);
	j11_buf_add(&again, text.data, (size_t)(dot - (const char *)text.data) + 1);
	j11_b64url_add(&again, j11_buf_view(&jws->payload));
	must(again.len == jws->signing_input.len);
	j11_jws_finish(&again, j11_buf_view(&jws->sig));
	must(j11_view_equal(j11_buf_view(&again), text));
	j11_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The key of RFC 7515 appendix A.3. */
	static const char key[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
	struct jwk11_view text = { .data = data, .len = size };
	struct jwk11_pub *pub = NULL;
	struct j11_jws jws = { 0 };
	struct jwk11_buf payload = J11_BUF(J11_JWS_PAYLOAD_MAX);

	if (j11_jws_parse(text, &jws, NULL) == JWK11_OK)
		check_parts(text, &jws);
	must(jwk11_pub_from_jwk(J11_VIEW(key), &pub, NULL) == JWK11_OK);
	if (jwk11_jws_verify(pub, NULL, text, &payload, NULL) == JWK11_OK)
		must(j11_view_equal(j11_buf_view(&payload), j11_buf_view(&jws.payload)));
	else
		must(payload.len == 0);
	j11_jws_done(&jws);
	jwk11_pub_unref(pub);
	j11_buf_done(&payload);
	return 0;
}
