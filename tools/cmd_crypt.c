/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 encrypt and decrypt: a compact JWE to a public key, and back through the broker or through the library. */
#include <string.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/jwe.h"
#include "jose/jwk.h"
#include "json/json_write.h"
#include "local.h"

/* ---- encrypt ---- */

/* The recipient: --key (JWK or PEM), or the one key of --jwks, or of what the broker publishes, that --kid names or that alone is for
 * encryption. Never guessed. */
static enum jwk11_rc choose(const struct j11_jwks *set, const char *kid, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	struct jwk11_pub *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (j11_kma_default(set->pubs[i]) == NULL || (kid != NULL && !j11_text_equal(jwk11_pub_kid(set->pubs[i]), kid)))
			continue;
		found = set->pubs[i];
		n++;
	}
	if (n == 1) {
		*ret_pub = jwk11_pub_ref(found);
		return JWK11_OK;
	}
	if (n == 0)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, "the set has no key for encryption%s", kid ? " with that kid" : "");
	j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "the set has %zu keys for encryption", n);
	j11_err_hint(err, "name one with --kid");
	return JWK11_ERR_AMBIGUOUS;
}

static enum jwk11_rc read_recipient(const struct cmd_global *g, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(0);
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	struct j11_jwks set = { 0 };
	struct jwk11_view v;
	enum jwk11_rc rc;

	if (g->key_file != NULL || g->jwks != NULL)
		rc = cmd_read_input(g->key_file ? g->key_file : g->jwks, 1024 * 1024, &text, err);
	else
		rc = ask_broker(g, "GET", "/.well-known/jwks.json", NULL, NULL, &answer, err);
	if (rc != JWK11_OK)
		return rc;
	v = g->key_file || g->jwks ? j11_buf_view(&text) : j11_buf_view(&answer.body);
	if (g->key_file != NULL && strstr(v.data, "-----BEGIN ") != NULL)
		return jwk11_pub_from_pem(v, ret_pub, err);
	if (g->key_file != NULL)
		return jwk11_pub_from_enc_jwk(v, ret_pub, err);
	rc = j11_jwks_parse_enc(v, &set, err);
	if (rc == JWK11_OK)
		rc = choose(&set, g->kid, ret_pub, err);
	j11_jwks_done(&set);
	return rc;
}

/* The kid of the header is the JWK's own; a key without one (PEM) goes by its thumbprint. */
static const char *kid_of(const struct cmd_global *g, const struct jwk11_pub *pub, char room[JWK11_THUMBPRINT_LEN + 1])
{
	if (g->kid != NULL)
		return g->kid;
	if (jwk11_pub_kid(pub)[0] != '\0')
		return jwk11_pub_kid(pub);
	return jwk11_pub_thumbprint(pub, room, NULL) == JWK11_OK ? room : NULL;
}

static enum jwk11_rc write_named(const struct cmd_global *g, const char *verb, const char *member, struct jwk11_view value, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf doc = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&doc);
	char schema[48];

	snprintf(schema, sizeof(schema), "jwk11/%s/1", verb);
	doc.secret = true;
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", schema);
	j11_json_view(&o, member, value);
	j11_json_close(&o);
	return cmd_write_output(g->output, j11_buf_view(&doc), true, err);
}

static int run_encrypt(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf plain = { .secret = true };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf jwe = J11_BUF(J11_JWE_MAX);
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc > 1)
		return cmd_usage("encrypt", "takes at most one FILE; the recipient comes from --key, --jwks or the broker");
	if (g->header != NULL)
		return cmd_usage("encrypt", "makes the compact form, which has no --header; --protected adds to the protected one");
	if (g->key_file != NULL && g->jwks != NULL)
		return cmd_usage("encrypt", "takes --key or --jwks, not both");
	rc = read_recipient(g, &pub, &err);
	if (rc == JWK11_OK)
		rc = cmd_read_input(argc ? argv[0] : NULL, J11_ENC_TEXT_MAX, &plain, &err);
	if (rc == JWK11_OK)
		rc = jwk11_pub_encrypt(pub, g->alg, g->enc, kid_of(g, pub, thumbprint), g->protected_header, j11_buf_view(&plain), &jwe, &err);
	if (rc == JWK11_OK)
		rc = g->json ? write_named(g, "encrypt", "jwe", j11_buf_view(&jwe), &err) : cmd_write_output(g->output, j11_buf_view(&jwe), true, &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

/* ---- decrypt ---- */

static enum jwk11_rc through_broker(const struct cmd_global *g, const char *key, struct jwk11_view jwe, struct jwk11_buf *out,
	struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&body);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	if (g->alg != NULL)
		j11_json_str(&o, "alg", g->alg);
	j11_json_view(&o, "jwe", jwe);
	j11_json_close(&o);
	rc = j11_buf_check(&body, "request", err);
	if (rc == JWK11_OK)
		rc = ask_key(g, key, "/decrypt", "application/octet-stream", &body, &answer, err);
	if (rc == JWK11_OK)
		j11_buf_add(out, answer.body.data, answer.body.len);
	answer.body.secret = true;
	return rc == JWK11_OK ? j11_buf_check(out, "answer", err) : rc;
}

static enum jwk11_rc through_library(const struct cmd_global *g, const char *name, struct jwk11_view jwe, struct jwk11_buf *out,
	struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	const char *alg = NULL, *kid = NULL;
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc != JWK11_OK)
		return rc;
	local_set_use(local, JWK11_USE_ENC);
	rc = local_key(local, name, &key, &alg, &kid, err);
	return rc == JWK11_OK ? jwk11_key_decrypt(key, g->alg ? g->alg : alg, kid, jwe, out, err) : rc;
}

static int run_decrypt(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(0);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = { .max = ASK_MAX, .secret = true };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf encoded = { .max = ASK_MAX, .secret = true };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc < 1 || argc > 2)
		return cmd_usage("decrypt", "takes KEY and at most one FILE");
	rc = cmd_read_input(argc == 2 ? argv[1] : NULL, J11_JWE_MAX, &text, &err);
	cmd_drop_line_end(&text);
	if (rc == JWK11_OK)
		rc = g->offline ? through_library(g, argv[0], j11_buf_view(&text), &out, &err) :
			through_broker(g, argv[0], j11_buf_view(&text), &out, &err);
	if (rc == JWK11_OK && g->json) {
		j11_b64url_add(&encoded, j11_buf_view(&out));
		rc = write_named(g, "decrypt", "plaintext", j11_buf_view(&encoded), &err);
	} else if (rc == JWK11_OK) {
		rc = cmd_write_output(g->output, j11_buf_view(&out), false, &err);
	}
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option encrypt_options[] = {
	{ "key", 0, CMD_TEXT, &cmd_given.key_file, "FILE", "the recipient's key, as JWK or PEM" },
	{ "jwks", 0, CMD_TEXT, &cmd_given.jwks, "FILE", "a JWK set with the recipient's key; default: the set that the broker publishes" },
	{ "kid", 0, CMD_TEXT, &cmd_given.kid, "KID", "which key of the set" },
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "key management algorithm: RSA-OAEP, RSA-OAEP-256, ECDH-ES, ECDH-ES+A256KW and others" },
	{ "enc", 0, CMD_TEXT, &cmd_given.enc, "ENC", "content encryption algorithm; default A256GCM" },
	{ "protected", 0, CMD_TEXT, &cmd_given.protected_header, "JSON", "an object of further members of the protected header" },
	{ "header", 0, CMD_TEXT, &cmd_given.header, "JSON", NULL },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_encrypt = { "encrypt", "[FILE|-]", "a compact JWE to a public key",
	run_encrypt, encrypt_options, J11_COUNT(encrypt_options), .local = false };

static const struct cmd_option decrypt_options[] = {
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_decrypt = { "decrypt", "KEY [FILE|-]", "the content of a JWE, decrypted with a key on the token",
	run_decrypt, decrypt_options, J11_COUNT(decrypt_options), .local = false };
