/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 verify: a JWS against a key, a set, or the broker's set. Needs no token, but for a MAC. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "choose.h"
#include "jose/jwt.h"
#include "json/json_write.h"
#include "mac.h"

/* One verification: what is checked, with which keys, and what came of each signature. */
struct verifying {
	const struct cmd_global *g;
	struct jwk11_jws *jws;
	struct j11_jwks set;
	struct jwk11_pub *single;
	struct jwk11_err verdicts[J11_JWS_SIGNATURES_MAX]; /* rc OK: it verifies */
	size_t n_good;
	struct jwk11_err err; /* the outcome */
};

static void verifying_done(struct verifying *v)
{
	jwk11_jws_free(v->jws);
	j11_jwks_done(&v->set);
	jwk11_pub_unref(v->single);
}

/* Of a MAC no file and no set can hold the key: with one among the signatures --key is a key's name. */
static bool has_mac(const struct verifying *v, bool alone)
{
	size_t n = 0;

	for (size_t i = 0; i < v->jws->n; i++)
		n += j11_alg_is_mac(v->jws->signatures[i].alg) ? 1 : 0;
	return alone ? n == v->jws->n : n > 0;
}

/* The keys to try: --key (JWK or PEM), --jwks, or what the broker publishes. */
static enum jwk11_rc load_keys(struct verifying *v)
{
	const struct cmd_global *g = v->g;
	struct jwk11_err *err = &v->err;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(0);
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	enum jwk11_rc rc;

	if (has_mac(v, true))
		return JWK11_OK;
	if (g->key_file != NULL && !has_mac(v, false)) {
		rc = cmd_read_input(g->key_file, 65536, &text, err);
		if (rc != JWK11_OK)
			return rc;
		if (strstr(jwk11_buf_data(&text), "-----BEGIN ") != NULL)
			return jwk11_pub_from_pem(j11_buf_view(&text), &v->single, err);
		return jwk11_pub_from_jwk(j11_buf_view(&text), &v->single, err);
	}
	if (g->jwks != NULL) {
		rc = cmd_read_input(g->jwks, 1024 * 1024, &text, err);
		return rc == JWK11_OK ? j11_jwks_parse(j11_buf_view(&text), &v->set, err) : rc;
	}
	rc = ask_broker(g, "GET", "/.well-known/jwks.json", NULL, NULL, &answer, err);
	return rc == JWK11_OK ? j11_jwks_parse(j11_buf_view(&answer.body), &v->set, err) : rc;
}

static enum jwk11_rc choose(const struct verifying *v, const struct j11_jws_signature *s, const struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	*ret_pub = v->single;
	return v->single != NULL ? JWK11_OK : choose_pub(&v->set, s, ret_pub, err);
}

/* The key is never taken from the JWS, whose author may have named any. */
static enum jwk11_rc check_mac(const struct verifying *v, size_t i, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf input = J11_BUF(J11_JWS_MAX);
	const struct j11_jws_signature *s = &v->jws->signatures[i];
	const struct j11_alg *alg = NULL;
	enum jwk11_rc rc = j11_jws_understand(v->jws, i, v->g->understand.word, &alg, err);

	if (rc != JWK11_OK)
		return rc;
	if (v->g->key_file == NULL) {
		j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "the JWS has a MAC (%s), which only the key that made it can check", alg->name);
		j11_err_hint(err, "jwk11 verify --key NAME, with the name of a key of the broker");
		return JWK11_ERR_ARGUMENT;
	}
	if (v->g->alg != NULL && !j11_text_equal(alg->name, v->g->alg))
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "JWS: its algorithm is %s, only %s is accepted", alg->name, v->g->alg);
	j11_jws_add_input(v->jws, i, &input);
	rc = j11_buf_check(&input, "JWS signing input", err);
	return rc == JWK11_OK ? mac_check(v->g, alg->name, j11_buf_view(&input), j11_buf_view(&s->sig), err) : rc;
}

static enum jwk11_rc check_one(const struct verifying *v, size_t i, struct jwk11_err *err)
{
	const struct jwk11_pub *pub = NULL;
	enum jwk11_rc rc;

	if (j11_alg_is_mac(v->jws->signatures[i].alg))
		return check_mac(v, i, err);
	rc = choose(v, &v->jws->signatures[i], &pub, err);
	return rc == JWK11_OK ? jwk11_jws_check(v->jws, i, pub, v->g->alg, v->g->understand.word, err) : rc;
}

/* ---- what came of it ---- */

/* Every signature must verify, or with --any one of them. */
static enum jwk11_rc judge(struct verifying *v)
{
	size_t n = jwk11_jws_count(v->jws);

	for (size_t i = 0; i < n; i++)
		v->n_good += check_one(v, i, &v->verdicts[i]) == JWK11_OK;
	if (v->n_good == n || (v->g->any && v->n_good > 0))
		return JWK11_OK;
	for (size_t i = 0; i < n && v->err.rc == JWK11_OK; i++) {
		if (v->verdicts[i].rc == JWK11_OK)
			continue;
		v->err = v->verdicts[i];
		if (n > 1)
			j11_err_prefix(&v->err, "signature %zu of %zu", i + 1, n);
	}
	if (v->n_good > 0)
		j11_err_hint(&v->err, "--any accepts a JWS of which one signature verifies; %zu of %zu do", v->n_good, n);
	return v->err.rc;
}

static enum jwk11_rc check_claims(struct verifying *v)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *claims = NULL;
	struct jwk11_view payload = jwk11_jws_payload(v->jws);

	if (payload.len == 0 || *(const char *)payload.data != '{' || j11_json_read(payload, NULL, "payload", &claims, NULL) != JWK11_OK)
		return JWK11_OK;
	return j11_jwt_check_times(j11_json_root(claims), time(NULL), v->g->leeway, &v->err);
}

static void write_verdict(struct j11_json_out *o, const struct jwk11_err *err)
{
	j11_json_boolean(o, "valid", err->rc == JWK11_OK);
	if (err->rc == JWK11_OK)
		return;
	j11_json_str(o, "code", err->code);
	j11_json_str(o, "why", err->text);
}

/* The payload of a JWS that is not valid is nobody's business. */
static enum jwk11_rc write_document(struct verifying *v, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(ASK_MAX);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&text);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/verify/1");
	write_verdict(&o, &v->err);
	if (v->err.rc == JWK11_OK) {
		j11_b64url_add(&payload, jwk11_jws_payload(v->jws));
		j11_json_view(&o, "payload", j11_buf_view(&payload));
	}
	j11_json_open(&o, "signatures", '[');
	for (size_t i = 0; i < jwk11_jws_count(v->jws); i++) {
		j11_json_open(&o, NULL, '{');
		j11_json_str(&o, "alg", jwk11_jws_alg(v->jws, i));
		j11_json_str(&o, "kid", jwk11_jws_kid(v->jws, i));
		write_verdict(&o, &v->verdicts[i]);
		j11_json_close(&o);
	}
	j11_json_close(&o);
	j11_json_close(&o);
	rc = j11_buf_check(&payload, "document", err);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&text, "document", err);
	return rc == JWK11_OK ? cmd_write_output(v->g->output, j11_buf_view(&text), true, err) : rc;
}

/* ---- the verb ---- */

static enum jwk11_rc read_jws(struct verifying *v, const char *file)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(0);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(0);
	bool detached = v->g->payload != NULL;
	struct jwk11_view view;
	enum jwk11_rc rc = JWK11_OK;

	if (detached)
		rc = cmd_read_input(v->g->payload, J11_JWS_PAYLOAD_MAX, &payload, &v->err);
	if (rc == JWK11_OK)
		rc = cmd_read_input(file, J11_JWS_MAX, &text, &v->err);
	if (rc != JWK11_OK)
		return rc;
	cmd_drop_line_end(&text);
	view = j11_buf_view(&payload);
	return jwk11_jws_read(j11_buf_view(&text), detached ? &view : NULL, &v->jws, &v->err);
}

/* That a JWS is not valid is an answer: no. That the question could not be put is none. */
static int fail(struct verifying *v)
{
	static const enum j11_code nos[] = { J11_CODE_SIGNATURE_INVALID, J11_CODE_ALG_MISMATCH, J11_CODE_CLAIM_REFUSED };

	for (size_t i = 0; i < J11_COUNT(nos); i++)
		if (j11_text_equal(v->err.code, j11_code_name(nos[i])))
			return cmd_fail_with(&v->err, CMD_NEGATIVE);
	return cmd_fail_with(&v->err, cmd_exit_of(v->err.code, v->err.rc));
}

static int run_verify(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(verifying_done) struct verifying v = { .g = g };
	const char *file = argc > 0 ? argv[0] : NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc > 1)
		return cmd_usage("verify", "takes at most one FILE");
	if (g->payload != NULL && cmd_is_stdin(g->payload) && cmd_is_stdin(file))
		return cmd_usage("verify", "standard input cannot be the JWS and its payload");
	if (g->detached)
		return cmd_usage("verify", "--detached is for jws; the payload of a detached JWS comes from --payload FILE");
	rc = read_jws(&v, file);
	if (rc == JWK11_OK)
		rc = load_keys(&v);
	if (rc != JWK11_OK)
		return cmd_fail(&v.err);
	rc = judge(&v);
	if (rc == JWK11_OK)
		rc = check_claims(&v);
	if (g->json)
		rc = write_document(&v, &err);
	else if (rc == JWK11_OK)
		rc = cmd_write_output(g->output, jwk11_jws_payload(v.jws), true, &err);
	if (err.rc != JWK11_OK)
		return cmd_fail(&err);
	return v.err.rc == JWK11_OK ? CMD_OK : fail(&v);
}

static const struct cmd_option options[] = {
	{ "jwks", 0, CMD_TEXT, &cmd_given.jwks, "FILE", "the keys that may have signed, as a JWK set; default: the set that the broker publishes" },
	{ "key", 0, CMD_TEXT, &cmd_given.key_file, "FILE|NAME", "one key that may have signed, as JWK or PEM; for HS256 the name of a key of the broker" },
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "the algorithm it must have" },
	{ "any", 0, CMD_FLAG, &cmd_given.any, NULL, "one valid signature of several is enough" },
	{ "payload", 0, CMD_TEXT, &cmd_given.payload, "FILE", "the payload of a detached JWS" },
	{ "understand", 0, CMD_WORDS, &cmd_given.understand, "NAME", "an extension in crit that the caller understands; may stand 15 times" },
	{ "leeway", 0, CMD_SECONDS, &cmd_given.leeway, "TIME", "how far the clocks may differ, for exp and nbf; default 0" },
	{ "detached", 0, CMD_FLAG, &cmd_given.detached, NULL, NULL },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_verify = { "verify", "[FILE|-]", "check a JWS or JWT and print its payload", run_verify, options, J11_COUNT(options), .local = false };
