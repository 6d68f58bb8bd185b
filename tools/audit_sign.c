/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 audit checkpoint: the head of a log that is whole, signed by the broker and put down. The signature is a decision and so a record of its
 * own, behind the head that it is over. */
#include <inttypes.h>
#include <string.h>

#include "ask.h"
#include "audit.h"
#include "audit/audit_entry.h"
#include "audit/audit_point.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/jws.h"
#include "json/json_write.h"

struct signing {
	const struct cmd_global *g;
	struct j11_audit_check check;
	struct jwk11_buf first, last; /* records */
	struct jwk11_buf payload, jws;
	struct jwk11_err err;
};

static void signing_done(struct signing *s)
{
	j11_audit_check_done(&s->check);
	j11_buf_done(&s->first);
	j11_buf_done(&s->last);
	j11_buf_done(&s->payload);
	j11_buf_done(&s->jws);
}

/* ---- the log ---- */

static void say(void *arg, const struct j11_audit_finding *f)
{
	struct signing *s = arg;

	if (s->check.n_findings <= AUDIT_SHOWN)
		audit_say(stderr, f);
}

static void keep(void *arg, struct jwk11_view text, const struct j11_audit_line *line)
{
	struct signing *s = arg;
	struct jwk11_buf *places[] = { s->first.len == 0 ? &s->first : NULL, &s->last };

	(void)line;
	for (size_t i = 0; i < J11_COUNT(places); i++) {
		if (places[i] == NULL)
			continue;
		jwk11_buf_reset(places[i]);
		j11_buf_add(places[i], text.data, text.len);
	}
}

static enum jwk11_rc check_logs(struct signing *s, const struct audit_logs *logs)
{
	enum jwk11_rc rc;

	s->check = (struct j11_audit_check){ .found = say, .record = keep, .arg = s };
	rc = j11_audit_check_start(&s->check) ? audit_read(logs, &s->check, &s->err) : j11_err_memory(&s->err);
	if (rc == JWK11_OK)
		j11_audit_check_end(&s->check);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&s->first, "record", &s->err);
	return rc == JWK11_OK ? j11_buf_check(&s->last, "record", &s->err) : rc;
}

static enum jwk11_rc read_record(const struct jwk11_buf *text, struct j11_audit_entry *ret_entry, struct jwk11_err *err)
{
	struct j11_audit_line line;

	if (!j11_audit_parse(j11_buf_view(text), &line))
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "a record of the log cannot be read again");
	return j11_audit_entry_read(j11_buf_view(text), &line, ret_entry, err);
}

static enum jwk11_rc make_payload(struct signing *s, const char *path)
{
	J11_AUTO(j11_audit_entry_done_auto) struct j11_audit_entry first = { .doc = NULL }, last = { .doc = NULL };
	const char *slash = strrchr(path, '/');
	enum jwk11_rc rc = read_record(&s->first, &first, &s->err);

	if (rc == JWK11_OK)
		rc = read_record(&s->last, &last, &s->err);
	if (rc != JWK11_OK)
		return rc;
	j11_audit_point_write(&(struct j11_audit_point){ .head = s->check.head, .n_records = s->check.n_records, .first_time = first.time, .last_time = last.time,
		.file = j11_view_str(slash ? slash + 1 : path) }, &s->payload);
	return j11_buf_check(&s->payload, "checkpoint", &s->err);
}

/* ---- the signature ---- */

/* What came back must be what `audit verify` can use: whoever finds out later cannot make it good. */
static enum jwk11_rc judge(struct signing *s)
{
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *jws = NULL;

	if (jwk11_jws_read(j11_buf_view(&s->jws), NULL, &jws, &s->err) != JWK11_OK)
		return s->err.rc;
	if (jws->form != JWK11_JWS_COMPACT || !j11_view_equal(jwk11_jws_payload(jws), j11_buf_view(&s->payload)))
		return j11_err_set(&s->err, JWK11_ERR_SYNTAX, J11_CODE_HTTP_MALFORMED, "the broker's answer is no compact JWS over the checkpoint");
	if (!j11_alg_is_mac(jwk11_jws_alg(jws, 0)))
		return JWK11_OK;
	j11_err_set(&s->err, JWK11_ERR_MISMATCH, J11_CODE_KEY_SECRET, "key \"%s\" makes a MAC (%s), which nobody can check with a JWKS", s->g->key_file,
		jwk11_jws_alg(jws, 0));
	j11_err_hint(&s->err, "sign checkpoints with a private key");
	return JWK11_ERR_MISMATCH;
}

static enum jwk11_rc sign(struct signing *s)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf encoded = J11_BUF(ASK_MAX), body = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&body);
	enum jwk11_rc rc;

	j11_b64url_add(&encoded, j11_buf_view(&s->payload));
	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "payload", j11_buf_view(&encoded));
	j11_json_str(&o, "typ", J11_AUDIT_POINT_TYP);
	j11_json_close(&o);
	rc = j11_buf_check(&body, "request", &s->err);
	if (rc == JWK11_OK)
		rc = ask_key(s->g, s->g->key_file, "/jws", "application/jose", &body, &answer, &s->err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(&s->jws, answer.body.data, answer.body.len);
	cmd_drop_line_end(&s->jws);
	rc = j11_buf_check(&s->jws, "answer", &s->err);
	return rc == JWK11_OK ? judge(s) : rc;
}

/* ---- what came of it ---- */

static enum jwk11_rc put_down(struct signing *s, const char *path)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf name = J11_BUF(4200), text = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&text);
	enum jwk11_rc rc;

	if (s->g->output != NULL && cmd_is_stdin(s->g->output))
		return cmd_write_output(NULL, j11_buf_view(&s->jws), true, &s->err);
	j11_buf_add_fmt(&name, s->g->output != NULL ? "%s" : "%s.checkpoints", s->g->output != NULL ? s->g->output : path);
	rc = j11_buf_check(&name, "path", &s->err);
	if (rc == JWK11_OK)
		rc = cmd_append_line(jwk11_buf_data(&name), j11_buf_view(&s->jws), &s->err);
	if (rc != JWK11_OK)
		return rc;
	if (!s->g->json) {
		printf("record %" PRIu64 ", hash %s: signed by %s, in %s\n", s->check.head.seq, s->check.head.hash, s->g->key_file,
			(const char *)jwk11_buf_data(&name));
		return JWK11_OK;
	}
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/audit-checkpoint/1");
	j11_json_str(&o, "file", (const char *)jwk11_buf_data(&name));
	j11_json_num(&o, "seq", (int64_t)s->check.head.seq);
	j11_json_str(&o, "hash", s->check.head.hash);
	j11_json_view(&o, "jws", j11_buf_view(&s->jws));
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&text), true, &s->err);
}

int audit_sign(const struct cmd_global *g, size_t n, const char *const *paths)
{
	J11_AUTO(signing_done) struct signing s = { .g = g, .first = J11_BUF(J11_AUDIT_LINE_MAX), .last = J11_BUF(J11_AUDIT_LINE_MAX),
		.payload = J11_BUF(J11_AUDIT_LINE_MAX), .jws = J11_BUF(J11_JWS_MAX) };
	struct audit_logs logs = { .n = 0 };
	const char *newest = NULL;
	enum jwk11_rc rc;

	if (g->key_file == NULL || g->offline)
		return cmd_usage("audit checkpoint", g->offline ? "is signed by the broker, never with --offline" : "takes --key NAME, the key that signs it");
	rc = audit_open(&logs, n, paths, &s.err);
	if (rc == JWK11_OK) {
		newest = logs.list[logs.n - 1].path;
		rc = check_logs(&s, &logs);
	}
	audit_close(&logs);
	if (rc == JWK11_OK && s.check.n_findings > 0) {
		fprintf(stderr, "jwk11: %" PRIu64 " faults in the log: nothing was signed\n  see: jwk11 audit verify\n", s.check.n_findings);
		return CMD_NEGATIVE;
	}
	if (rc == JWK11_OK)
		rc = make_payload(&s, newest);
	if (rc == JWK11_OK)
		rc = sign(&s);
	if (rc == JWK11_OK)
		rc = put_down(&s, newest);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&s.err);
}
