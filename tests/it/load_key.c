/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: puts a private JWK on a token, which the tools of the trade do not do for every kind of key.
 *     load_key MODULE URI PIN-FILE LABEL sig|enc|mac < JWK */
#include "softhsm.h"

static enum jwk11_use use_of(const char *word)
{
	return strcmp(word, "enc") == 0 ? JWK11_USE_ENC : strcmp(word, "mac") == 0 ? JWK11_USE_MAC : JWK11_USE_SIG;
}

static int say(const char *what, const struct jwk11_err *err)
{
	fprintf(stderr, "load_key: %s: %s\n", what, err->text);
	return 1;
}

/* What is on standard input, up to 16 KiB. */
static struct jwk11_buf read_input(void)
{
	struct jwk11_buf text = J11_BUF(16384);
	char part[4096];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), stdin)) > 0)
		j11_buf_add(&text, part, n);
	return text;
}

int main(int argc, char **argv)
{
	struct jwk11_token_config config = { 0 };
	struct jwk11_buf text = read_input();
	struct j11_json_doc *doc = NULL;
	struct jwk11_context *ctx = NULL;
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };
	CK_RV rv;

	if (argc != 6) {
		fputs("usage: load_key MODULE URI PIN-FILE LABEL sig|enc|mac < JWK\n", stderr);
		return 64;
	}
	config.uri = argv[2];
	config.pin_file = argv[3];
	if (j11_json_read(j11_buf_view(&text), NULL, "JWK", &doc, &err) != JWK11_OK)
		return say("standard input", &err);
	if (jwk11_context_new(&ctx, &err) != JWK11_OK || jwk11_context_load(ctx, argv[1], &err) != JWK11_OK)
		return say(argv[1], &err);
	if (jwk11_token_open(ctx, &config, &token, &err) != JWK11_OK)
		return say(argv[2], &err);
	rv = softhsm_load(token, j11_json_root(doc), argv[4], use_of(argv[5]));
	if (rv != CKR_OK)
		fprintf(stderr, "load_key: %s: %s\n", argv[4], jwk11_ckr_name(rv));
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	j11_json_free(doc);
	j11_buf_done(&text);
	return rv == CKR_OK ? 0 : 1;
}
