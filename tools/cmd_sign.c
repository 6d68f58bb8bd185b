/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 sign and jwt: one path, through the broker or through the library. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/alg.h"
#include "jose/der.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "jose/pub.h"
#include "json/json_write.h"
#include "local.h"

enum verb { VERB_SIGN, VERB_JWT };

struct signing {
	struct cmd_global *g;
	enum verb verb;
	const char *key;
	struct jwk11_buf input; /* bytes or claims; for a digest its octets */
	bool digest;
	struct jwk11_err err;
};

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum jwk11_rc read_digest(struct signing *s, const char *hex)
{
	size_t len = strlen(hex);

	s->digest = true;
	s->input.max = J11_HASH_MAX;
	for (size_t i = 0; i + 1 < len; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			break;
		j11_buf_add_byte(&s->input, (unsigned char)(high << 4 | low));
	}
	if (len % 2 != 0 || s->input.len * 2 != len)
		return j11_err_set(&s->err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "--digest takes hexadecimal digits of at most 64 octets");
	return JWK11_OK;
}

/* The request body of each verb. */
static enum jwk11_rc build_body(struct signing *s, struct jwk11_buf *body)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf encoded = J11_BUF(ASK_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_out o = J11_JSON_OUT(body);
	enum jwk11_rc rc = JWK11_OK;

	j11_json_open(&o, NULL, '{');
	if (s->verb == VERB_JWT) {
		rc = j11_json_read(j11_buf_view(&s->input), NULL, "claims", &doc, &s->err);
		if (rc == JWK11_OK)
			j11_json_raw(&o, "claims", j11_json_root(doc)->raw.data ? j11_json_root(doc)->raw : j11_buf_view(&s->input));
		if (s->g->ttl > 0)
			j11_json_num(&o, "ttl", s->g->ttl);
		if (s->g->typ != NULL)
			j11_json_str(&o, "typ", s->g->typ);
		if (rc == JWK11_OK)
			rc = ask_add_json(&o, "protected", s->g->protected_header, &s->err);
	} else {
		j11_b64url_add(&encoded, j11_buf_view(&s->input));
		j11_json_view(&o, s->digest ? "digest" : "input", j11_buf_view(&encoded));
	}
	if (s->verb == VERB_SIGN && s->g->encoding != NULL)
		j11_json_str(&o, "encoding", s->g->encoding);
	if (s->verb == VERB_SIGN && s->g->alg != NULL)
		j11_json_str(&o, "alg", s->g->alg);
	j11_json_close(&o);
	return rc == JWK11_OK ? j11_buf_check(body, "request", &s->err) : rc;
}

/* The broker's answer: the compact form as it is, or the signature's base64url out of the JSON document. */
static enum jwk11_rc through_broker(struct signing *s, struct jwk11_buf *out)
{
	static const char *const tails[] = { "/sign", "/jwt" };
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(ASK_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *signature;
	enum jwk11_rc rc = build_body(s, &body);

	if (rc == JWK11_OK)
		rc = ask_key(s->g, s->key, tails[s->verb], s->verb == VERB_SIGN ? NULL : "application/jwt", &body, &answer, &s->err);
	if (rc != JWK11_OK)
		return rc;
	if (s->verb != VERB_SIGN) {
		j11_buf_add(out, answer.body.data, answer.body.len);
		return j11_buf_check(out, "answer", &s->err);
	}
	rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, &s->err);
	signature = rc == JWK11_OK ? j11_json_get(j11_json_root(doc), "signature") : NULL;
	if (rc == JWK11_OK && (signature == NULL || signature->type != J11_JSON_STRING))
		rc = j11_err_set(&s->err, JWK11_ERR_SYNTAX, J11_CODE_HTTP_MALFORMED, "the broker's answer holds no signature");
	if (rc == JWK11_OK && s->g->raw)
		return j11_b64url_decode(signature->text, "signature", out, &s->err);
	if (rc == JWK11_OK)
		j11_buf_add(out, signature->text.data, signature->text.len);
	return rc;
}

static enum jwk11_rc sign_local(struct signing *s, struct jwk11_key *key, const char *alg, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	unsigned char der[J11_DER_ECDSA_MAX];
	struct jwk11_view v;
	enum jwk11_rc rc = jwk11_key_sign(key, alg, s->digest ? JWK11_INPUT_DIGEST : JWK11_INPUT_MESSAGE, j11_buf_view(&s->input), &sig, &s->err);

	if (rc != JWK11_OK)
		return rc;
	v = j11_buf_view(&sig);
	if (s->g->encoding != NULL && j11_text_equal(s->g->encoding, "der") && j11_text_starts(alg, "ES"))
		v = (struct jwk11_view){ .data = der, .len = j11_der_from_raw(v, der) };
	if (s->g->raw)
		j11_buf_add(out, v.data, v.len);
	else
		j11_b64url_add(out, v);
	return j11_buf_check(out, "signature", &s->err);
}

static enum jwk11_rc through_library(struct signing *s, struct jwk11_buf *out)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct jwk11_key *key = NULL;
	const char *alg = NULL, *kid = NULL;
	enum jwk11_rc rc = local_open(s->g, &local, &s->err);

	if (rc == JWK11_OK)
		rc = local_key(local, s->key, &key, &alg, &kid, &s->err);
	if (rc != JWK11_OK)
		return rc;
	if (s->g->alg != NULL)
		alg = s->g->alg;
	if (s->verb == VERB_SIGN)
		return sign_local(s, key, alg, out);
	return jwk11_key_jwt(key, alg, kid, j11_buf_view(&s->input), s->g->ttl, out, &s->err);
}

/* The signature or the token, as it is or as a document. */
static enum jwk11_rc write_result(struct signing *s, const char *name, struct jwk11_view result)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&text);
	char schema[32];

	if (!s->g->json)
		return cmd_write_output(s->g->output, result, !s->g->raw, &s->err);
	snprintf(schema, sizeof(schema), "jwk11/%s/1", name);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", schema);
	j11_json_view(&o, s->verb == VERB_SIGN ? "signature" : name, result);
	j11_json_close(&o);
	return cmd_write_output(s->g->output, j11_buf_view(&text), true, &s->err);
}

static enum jwk11_rc read_input(struct signing *s, const char *file)
{
	if (s->verb == VERB_SIGN && s->g->digest != NULL)
		return read_digest(s, s->g->digest);
	if (s->verb == VERB_JWT && s->g->claims.n > 0 && file == NULL)
		return cmd_claims(s->g, &s->input, &s->err);
	return cmd_read_input(file, J11_JWS_PAYLOAD_MAX, &s->input, &s->err);
}

static int run(struct cmd_global *g, enum verb verb, const char *name, int argc, char **argv)
{
	struct signing s = { .g = g, .verb = verb, .input = J11_BUF(J11_JWS_PAYLOAD_MAX) };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	enum jwk11_rc rc;

	if (argc < 1 || argc > 2)
		return cmd_usage(name, "takes KEY and at most one FILE");
	if (g->encoding != NULL && !j11_text_equal(g->encoding, "der") && !j11_text_equal(g->encoding, "jose"))
		return cmd_usage(name, "--encoding takes jose or der");
	if (g->raw && (g->json || verb != VERB_SIGN))
		return cmd_usage(name, "--raw is for sign without --json");
	if (g->offline && (g->typ != NULL || g->protected_header != NULL))
		return cmd_usage(name, "--typ and --protected go through the broker here; jwk11 jws has them --offline");
	s.key = argv[0];
	rc = read_input(&s, argc == 2 ? argv[1] : NULL);
	if (rc == JWK11_OK)
		rc = g->offline ? through_library(&s, &out) : through_broker(&s, &out);
	if (rc == JWK11_OK)
		rc = write_result(&s, name, j11_buf_view(&out));
	j11_buf_done(&s.input);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&s.err);
}

static int run_jwt(struct cmd_global *g, int argc, char **argv)
{
	return g->batch ? cmd_jwt_batch(g, argc, argv) : run(g, VERB_JWT, "jwt", argc, argv);
}

static int run_sign(struct cmd_global *g, int argc, char **argv)
{
	return g->jwt ? run_jwt(g, argc, argv) : run(g, VERB_SIGN, "sign", argc, argv);
}

static const struct cmd_option sign_options[] = {
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "algorithm, as RFC 7518 and RFC 8037 name it; default: the one of the key" },
	{ "digest", 0, CMD_TEXT, &cmd_given.digest, "HEX", "sign this digest, of the algorithm's hash function, in place of an input" },
	{ "encoding", 0, CMD_TEXT, &cmd_given.encoding, "FORM", "of an ECDSA signature: jose (two numbers side by side, the default) or der (ASN.1)" },
	{ "raw", 0, CMD_FLAG, &cmd_given.raw, NULL, "the octets of the signature, not base64url" },
	{ "jwt", 0, CMD_FLAG, &cmd_given.jwt, NULL, "the same as the verb jwt" },
	{ "ttl", 0, CMD_SECONDS, &cmd_given.ttl, "TIME", "adds iat, and exp that much later" },
	{ "claim", 0, CMD_WORDS, &cmd_given.claims, "NAME=VALUE",
		"a claim, in place of input; JSON is taken as JSON, anything else as a string; may stand 32 times" },
	{ "typ", 0, CMD_TEXT, &cmd_given.typ, "TYPE", "member typ of the header, where the policy grants another one than JWT" },
	{ "protected", 0, CMD_TEXT, &cmd_given.protected_header, "JSON", "an object of further members of the header, where the policy grants them" },
	{ "batch", 0, CMD_FLAG, &cmd_given.batch, NULL, "a JWT for each line of the input, which holds an object of claims" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_sign = { "sign", "KEY [FILE|-]", "a signature over the input", run_sign, sign_options, J11_COUNT(sign_options), .local = false };

static const struct cmd_option jwt_options[] = {
	{ "ttl", 0, CMD_SECONDS, &cmd_given.ttl, "TIME", "adds iat, and exp that much later" },
	{ "claim", 0, CMD_WORDS, &cmd_given.claims, "NAME=VALUE",
		"a claim, in place of input; JSON is taken as JSON, anything else as a string; may stand 32 times" },
	{ "typ", 0, CMD_TEXT, &cmd_given.typ, "TYPE", "member typ of the header, where the policy grants another one than JWT" },
	{ "protected", 0, CMD_TEXT, &cmd_given.protected_header, "JSON", "an object of further members of the header, where the policy grants them" },
	{ "batch", 0, CMD_FLAG, &cmd_given.batch, NULL, "a JWT for each line of the input, which holds an object of claims" },
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "algorithm; default: the one of the key" },
	{ "digest", 0, CMD_TEXT, &cmd_given.digest, "HEX", NULL },
	{ "encoding", 0, CMD_TEXT, &cmd_given.encoding, "FORM", NULL },
	{ "raw", 0, CMD_FLAG, &cmd_given.raw, NULL, NULL },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_jwt = { "jwt", "KEY [FILE|-]", "a JWT from claims", run_jwt, jwt_options, J11_COUNT(jwt_options), .local = false };
