/* SPDX-License-Identifier: Apache-2.0 */
/* In process, without the broker: prints the JWK of one key on a token and a JWT signed with it, and verifies that with the public key alone.
 *     cc jwt.c $(pkg-config --cflags --libs jwk11)
 *     ./a.out MODULE 'pkcs11:token=issuer;object=es256' PIN-FILE */
#include <jwk11.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	static const char claims[] = "{\"iss\":\"https://issuer.example\",\"sub\":\"device-7\"}";
	struct jwk11_token_config config = { .uri = argc == 4 ? argv[2] : NULL, .pin_file = argc == 4 ? argv[3] : NULL };
	struct jwk11_buf *jwk = jwk11_buf_new(65536), *jwt = jwk11_buf_new(65536);
	struct jwk11_context *ctx = NULL;
	struct jwk11_token *token = NULL;
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_key *key;

	if (argc != 4 || jwk11_context_new(&ctx, &err) != JWK11_OK || jwk11_context_load(ctx, argv[1], &err) != JWK11_OK ||
		jwk11_token_open(ctx, &config, &token, &err) != JWK11_OK || jwk11_token_keys(token, argv[2], &keys, &err) != JWK11_OK)
		goto out;
	key = jwk11_keys_get(keys, 0);
	if (jwk11_keys_count(keys) == 1 && jwk11_pub_jwk(jwk11_key_pub(key), NULL, NULL, jwk, &err) == JWK11_OK &&
		jwk11_key_jwt(key, jwk11_pub_default_alg(jwk11_key_pub(key)), NULL, (struct jwk11_view){ claims, strlen(claims) }, 300, jwt, &err) == JWK11_OK &&
		jwk11_jws_verify(jwk11_key_pub(key), NULL, (struct jwk11_view){ jwk11_buf_data(jwt), jwk11_buf_len(jwt) }, NULL, &err) == JWK11_OK)
		printf("%s\n%s\n", jwk11_buf_data(jwk), jwk11_buf_data(jwt));
out:
	if (err.rc != JWK11_OK || jwk11_buf_len(jwt) == 0)
		fprintf(stderr, "%s: %s %s\n", argv[0], argc == 4 ? err.text : "MODULE URI PIN-FILE", err.hint);
	jwk11_keys_free(keys);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	jwk11_buf_free(jwk);
	jwk11_buf_free(jwt);
	return err.rc != JWK11_OK;
}
