/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 jws: a JWS in any serialisation, by one key or by several, through the broker or through the library. Each further key adds to what
 * the one before it made. */
#include <string.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/jws.h"
#include "json/json_write.h"
#include "local.h"

struct job {
	struct cmd_global *g;
	struct jwk11_buf payload;
	bool has_payload;      /* else it comes with the JWS */
	struct jwk11_buf jws;  /* what is there so far: --add, then each key's result */
	struct local *local;   /* --offline */
	struct jwk11_jws_options options;
	struct jwk11_err err;
};

static void job_done(struct job *j)
{
	j11_buf_done(&j->payload);
	j11_buf_done(&j->jws);
	local_close(j->local);
}

/* What options mean, and which do not go together; a reason for a refusal, or NULL. */
static const char *read_options(struct job *j)
{
	struct cmd_global *g = j->g;
	bool several = g->also.n > 0 || g->add != NULL;

	if (g->flattened && (g->general || several))
		return "--flattened is for one signature: --general, --also and --add are for several";
	if (g->b64 != NULL && !j11_text_equal(g->b64, "true") && !j11_text_equal(g->b64, "false"))
		return "--b64 takes true or false";
	if (g->raw || g->payload != NULL)
		return "--raw is for sign, --payload for verify";
	j->options = (struct jwk11_jws_options){ .typ = g->typ, .cty = g->cty, .protected_json = g->protected_header, .header_json = g->header };
	j->options.form = g->general || several ? JWK11_JWS_GENERAL : g->flattened ? JWK11_JWS_FLATTENED : JWK11_JWS_COMPACT;
	j->options.flags = (g->detached ? JWK11_JWS_DETACHED : 0) | (g->jwk ? JWK11_JWS_JWK : 0) | (g->x5c ? JWK11_JWS_X5C : 0) |
		(g->b64 != NULL && j11_text_equal(g->b64, "false") ? JWK11_JWS_UNENCODED : 0);
	return NULL;
}

/* The JWS of --add, and the payload unless that one brings it. */
static enum jwk11_rc read_inputs(struct job *j, const char *file)
{
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *jws = NULL;
	enum jwk11_rc rc = JWK11_OK;

	j->has_payload = true;
	if (j->g->add != NULL) {
		rc = cmd_read_input(j->g->add, J11_JWS_MAX, &j->jws, &j->err);
		cmd_drop_line_end(&j->jws);
		if (rc == JWK11_OK)
			rc = j11_jws_parse(j11_buf_view(&j->jws), &jws, &j->err);
		if (rc == JWK11_OK)
			j->has_payload = file != NULL || !jws->carries;
		if (rc == JWK11_OK && j->has_payload && cmd_is_stdin(j->g->add) && cmd_is_stdin(file))
			rc = j11_err_set(&j->err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "standard input cannot be the JWS and the payload");
	}
	return rc == JWK11_OK && j->has_payload ? cmd_read_input(file, J11_JWS_PAYLOAD_MAX, &j->payload, &j->err) : rc;
}

/* ---- through the broker ---- */

static void add_jws(struct job *j, struct j11_json_out *o)
{
	if (j->jws.len > 0 && j->jws.data[0] == '{')
		j11_json_raw(o, "jws", j11_buf_view(&j->jws));
	else if (j->jws.len > 0)
		j11_json_view(o, "jws", j11_buf_view(&j->jws));
}

static enum jwk11_rc build_body(struct job *j, struct jwk11_buf *body)
{
	static const char *const forms[] = { [JWK11_JWS_COMPACT] = "compact", [JWK11_JWS_FLATTENED] = "flattened", [JWK11_JWS_GENERAL] = "general" };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf encoded = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(body);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_b64url_add(&encoded, j11_buf_view(&j->payload));
	if (j->has_payload)
		j11_json_view(&o, "payload", j11_buf_view(&encoded));
	if (j->options.form != JWK11_JWS_COMPACT)
		j11_json_str(&o, "serialization", forms[j->options.form]);
	if (j->g->alg != NULL)
		j11_json_str(&o, "alg", j->g->alg);
	if (j->options.typ != NULL)
		j11_json_str(&o, "typ", j->options.typ);
	if (j->options.cty != NULL)
		j11_json_str(&o, "cty", j->options.cty);
	if (j->options.flags & JWK11_JWS_DETACHED)
		j11_json_boolean(&o, "detached", true);
	if (j->options.flags & JWK11_JWS_UNENCODED)
		j11_json_boolean(&o, "b64", false);
	if (j->options.flags & JWK11_JWS_JWK)
		j11_json_boolean(&o, "jwk", true);
	if (j->options.flags & JWK11_JWS_X5C)
		j11_json_boolean(&o, "x5c", true);
	rc = ask_add_json(&o, "protected", j->options.protected_json, &j->err);
	if (rc == JWK11_OK)
		rc = ask_add_json(&o, "header", j->options.header_json, &j->err);
	add_jws(j, &o);
	j11_json_close(&o);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&encoded, "request", &j->err);
	return rc == JWK11_OK ? j11_buf_check(body, "request", &j->err) : rc;
}

static enum jwk11_rc by_broker(struct job *j, const char *key, struct jwk11_buf *out)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(ASK_MAX);
	const char *type = j->options.form == JWK11_JWS_COMPACT ? "application/jose" : "application/jose+json";
	enum jwk11_rc rc = build_body(j, &body);

	if (rc == JWK11_OK)
		rc = ask_key(j->g, key, "/jws", type, &body, &answer, &j->err);
	if (rc == JWK11_OK)
		j11_buf_add(out, answer.body.data, answer.body.len);
	return rc == JWK11_OK ? j11_buf_check(out, "answer", &j->err) : rc;
}

/* ---- through the library ---- */

static enum jwk11_rc by_library(struct job *j, const char *name, struct jwk11_buf *out)
{
	struct jwk11_view payload = { .data = NULL };
	struct jwk11_key *key = NULL;
	const char *alg = NULL, *kid = NULL;
	enum jwk11_rc rc = j->local ? JWK11_OK : local_open(j->g, &j->local, &j->err);

	if (rc == JWK11_OK)
		rc = local_key(j->local, name, &key, &alg, &kid, &j->err);
	if (rc != JWK11_OK)
		return rc;
	j->options.onto = j->jws.len > 0 ? j11_buf_view(&j->jws) : payload;
	if (j->has_payload)
		payload = j11_buf_view(&j->payload);
	return jwk11_key_jws_with(key, j->g->alg ? j->g->alg : alg, kid, &j->options, payload, out, &j->err);
}

/* One more signature. */
static enum jwk11_rc sign(struct job *j, const char *key)
{
	struct jwk11_buf out = J11_BUF(ASK_MAX);
	enum jwk11_rc rc = j->g->offline ? by_library(j, key, &out) : by_broker(j, key, &out);

	if (rc != JWK11_OK) {
		j11_buf_done(&out);
		return rc;
	}
	j11_buf_done(&j->jws);
	j->jws = out;
	return JWK11_OK;
}

static enum jwk11_rc write_result(struct job *j)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&text);

	if (!j->g->json)
		return cmd_write_output(j->g->output, j11_buf_view(&j->jws), true, &j->err);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/jws/1");
	add_jws(j, &o);
	j11_json_close(&o);
	return cmd_write_output(j->g->output, j11_buf_view(&text), true, &j->err);
}

static int run_jws(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(job_done) struct job j = { .g = g, .payload = J11_BUF(J11_JWS_PAYLOAD_MAX), .jws = J11_BUF(J11_JWS_MAX) };
	const char *why = read_options(&j);
	enum jwk11_rc rc;

	if (argc < 1 || argc > 2)
		return cmd_usage("jws", "takes KEY and at most one FILE");
	if (why != NULL)
		return cmd_usage("jws", why);
	rc = read_inputs(&j, argc == 2 ? argv[1] : NULL);
	if (rc == JWK11_OK)
		rc = sign(&j, argv[0]);
	for (unsigned i = 0; i < g->also.n && rc == JWK11_OK; i++)
		rc = sign(&j, g->also.word[i]);
	if (rc == JWK11_OK)
		rc = write_result(&j);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&j.err);
}

static const struct cmd_option options[] = {
	{ "flattened", 0, CMD_FLAG, &cmd_given.flattened, NULL, "as JSON with one signature" },
	{ "general", 0, CMD_FLAG, &cmd_given.general, NULL, "as JSON that may have several" },
	{ "also", 0, CMD_WORDS, &cmd_given.also, "KEY", "a further key that signs the same; may stand 15 times" },
	{ "add", 0, CMD_TEXT, &cmd_given.add, "FILE", "add signatures to the JWS in this file; those it has are not verified" },
	{ "detached", 0, CMD_FLAG, &cmd_given.detached, NULL, "leave the payload out (RFC 7515 appendix F)" },
	{ "b64", 0, CMD_TEXT, &cmd_given.b64, "BOOL", "false: sign the payload as it is (RFC 7797); with --detached" },
	{ "typ", 0, CMD_TEXT, &cmd_given.typ, "TYPE", "member typ of the protected header" },
	{ "cty", 0, CMD_TEXT, &cmd_given.cty, "TYPE", "member cty of the protected header" },
	{ "protected", 0, CMD_TEXT, &cmd_given.protected_header, "JSON", "an object of further members of the protected header" },
	{ "header", 0, CMD_TEXT, &cmd_given.header, "JSON", "an object of members that are not protected" },
	{ "jwk", 0, CMD_FLAG, &cmd_given.jwk, NULL, "the public key in the protected header, in place of kid" },
	{ "x5c", 0, CMD_FLAG, &cmd_given.x5c, NULL, "the certificates that the token has for the key, in the protected header" },
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "algorithm; default: the one of the key" },
	{ "payload", 0, CMD_TEXT, &cmd_given.payload, "FILE", NULL },
	{ "raw", 0, CMD_FLAG, &cmd_given.raw, NULL, NULL },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_jws = { "jws", "KEY [FILE|-]", "a JWS over the input: compact, flattened or general",
	run_jws, options, J11_COUNT(options), .local = false };
