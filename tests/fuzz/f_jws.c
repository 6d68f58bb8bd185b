/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JWS in any serialisation: no crash; what is accepted as compact has exactly one spelling; what is accepted at all says the same
 * after a signature was added to it. */
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "jose/jws_make.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_signature(const struct jwk11_jws *jws, size_t i)
{
	const struct j11_jws_signature *s = &jws->signatures[i];
	const struct j11_alg *alg = NULL;

	must(s->protected_header != NULL || s->header != NULL);
	must((s->protected_header != NULL) == (s->encoded.len > 0) && s->alg != NULL && s->kid != NULL);
	must(j11_jws_header_problem(s->protected_header, s->header) == NULL && j11_jws_is_encoded(s->protected_header) == !jws->unencoded);
	must((j11_jws_understand(jws, i, NULL, &alg, NULL) == JWK11_OK) == (alg != NULL));
}

static void check_spelling(struct jwk11_view text, const struct jwk11_jws *jws)
{
	struct jwk11_buf again = J11_BUF(J11_JWS_MAX);

	j11_buf_add(&again, jws->signatures[0].encoded.data, jws->signatures[0].encoded.len);
	j11_buf_add_byte(&again, '.');
	j11_b64url_add(&again, j11_buf_view(&jws->payload));
	j11_buf_add_byte(&again, '.');
	j11_b64url_add(&again, j11_buf_view(&jws->signatures[0].sig));
	must(j11_view_equal(j11_buf_view(&again), text));
	j11_buf_done(&again);
}

static enum jwk11_rc sign(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	(void)arg;
	(void)err;
	must(input.len > 0);
	j11_buf_add(ret_sig, "\1\2\3", 3);
	return JWK11_OK;
}

static void must_say_the_same(const struct jwk11_jws *a, size_t i, const struct jwk11_jws *b)
{
	struct jwk11_buf first = J11_BUF(J11_JWS_MAX), second = J11_BUF(J11_JWS_MAX);

	j11_jws_add_input(a, i, &first);
	j11_jws_add_input(b, i, &second);
	must(j11_view_equal(j11_buf_view(&first), j11_buf_view(&second)));
	must(j11_view_equal(j11_buf_view(&a->signatures[i].sig), j11_buf_view(&b->signatures[i].sig)));
	must(strcmp(a->signatures[i].alg, b->signatures[i].alg) == 0 && strcmp(a->signatures[i].kid, b->signatures[i].kid) == 0);
	j11_buf_done(&first);
	j11_buf_done(&second);
}

static void check_adding(const struct jwk11_jws *jws)
{
	struct j11_jws_spec spec = { .alg = j11_alg_find_str("ES256"), .form = JWK11_JWS_GENERAL,
		.flags = jws->carries ? 0 : JWK11_JWS_DETACHED | (jws->unencoded ? JWK11_JWS_UNENCODED : 0) };
	struct j11_jws_signer signer = { sign, NULL };
	struct jwk11_view payload = j11_buf_view(&jws->payload);
	struct jwk11_buf out = J11_BUF(J11_JWS_MAX);
	struct jwk11_jws *again = NULL;
	enum jwk11_rc rc = j11_jws_make(&spec, &payload, jws, &signer, &out, NULL);

	must(rc == JWK11_OK || rc == JWK11_ERR_LIMIT);
	if (rc == JWK11_OK) {
		must(j11_jws_parse(j11_buf_view(&out), &again, NULL) == JWK11_OK && again->n == jws->n + 1 && again->carries == jws->carries);
		must(j11_jws_settle(again, jws->carries ? NULL : &payload, NULL) == JWK11_OK);
		for (size_t i = 0; i < jws->n; i++)
			must_say_the_same(jws, i, again);
	}
	jwk11_jws_free(again);
	j11_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The key of RFC 7515 appendix A.3. */
	static const char key[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
	struct jwk11_view text = { .data = data, .len = size }, detached = J11_VIEW("$.02");
	struct jwk11_buf payload = J11_BUF(J11_JWS_PAYLOAD_MAX);
	struct jwk11_pub *pub = NULL;
	struct jwk11_jws *jws = NULL;

	must(jwk11_pub_from_jwk(J11_VIEW(key), &pub, NULL) == JWK11_OK);
	if (j11_jws_parse(text, &jws, NULL) == JWK11_OK) {
		must(jws->n > 0 && jws->n <= J11_JWS_SIGNATURES_MAX && !(jws->unencoded && jws->carries));
		for (size_t i = 0; i < jws->n; i++)
			check_signature(jws, i);
		if (jws->form == JWK11_JWS_COMPACT)
			check_spelling(text, jws);
		must(j11_jws_settle(jws, jws->carries ? NULL : &detached, NULL) == JWK11_OK);
		check_adding(jws);
	} else {
		must(jws == NULL);
	}
	if (jwk11_jws_verify(pub, NULL, text, &payload, NULL) == JWK11_OK)
		must(jws != NULL && (!jws->carries || j11_view_equal(j11_buf_view(&payload), j11_buf_view(&jws->payload))));
	else
		must(payload.len == 0);
	jwk11_jws_free(jws);
	jwk11_pub_unref(pub);
	j11_buf_done(&payload);
	return 0;
}
