/* SPDX-License-Identifier: Apache-2.0 */
/* Policy, then JOSE, then the token. The worker builds what is signed from typed fields, so that policy sees it. */
#include "work_ops.h"

#include <time.h>

#include "base/b64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/csr.h"
#include "jose/csr_text.h"
#include "jose/der.h"
#include "jose/jwt.h"
#include "jose/kma.h"
#include "log.h"
#include "token/key_jws.h"
#include "work_audit.h"
#include "work_break.h"
#include "work_peer.h"
#include "work_proof.h"
#include "work_version.h"

/* What an operation works on. */
struct request {
	const struct wire_msg *msg;
	const struct conf *conf;
	const char *socket; /* by which it came; NULL: none of ours */
	const struct work_key *key;
	const struct conf_client *client;
	const struct j11_template *t; /* NULL: what is signed is the caller's own */
	struct jwk11_buf *out; /* the reply */
	struct jwk11_err *err;
	struct j11_audit_record *audit;
	int64_t now; /* one for the whole request: a version's moment may come in the middle */
	bool silent; /* audit = off */
	char *jti;   /* a copy; NULL: none */
};

static void note_input(struct request *r, const char *of, struct jwk11_view input)
{
	struct j11_audit_sha *sha = r->silent ? NULL : work_audit_sha();

	r->audit->of = of;
	if (sha == NULL || !j11_audit_sha_hex(sha, &input, 1, r->audit->sha256))
		r->audit->sha256[0] = '\0';
}

static void seen_input(void *arg, struct jwk11_view input)
{
	note_input(arg, "input", input);
}

/* Out of memory: the record goes without it. */
static void note_jti(void *arg, const struct j11_json *claims)
{
	struct request *r = arg;
	const struct j11_json *jti = j11_json_get(claims, "jti");

	if (jti == NULL || jti->type != J11_JSON_STRING)
		return;
	r->jti = j11_mem_dup_n(jti->text.data, jti->text.len);
	if (r->jti != NULL)
		r->audit->jti = (struct jwk11_view){ .data = r->jti, .len = jti->text.len };
}

/* jose form as it is; der on request, for ECDSA only (RFC 3279 2.2.3). */
static enum jwk11_rc reply_signature(struct request *r, struct jwk11_view sig)
{
	struct jwk11_view encoding = r->msg->field[WIRE_F_ENCODING];
	unsigned char der[J11_DER_ECDSA_MAX];

	if (encoding.data != NULL && j11_view_equals(encoding, "der")) {
		if (!j11_text_starts(r->key->alg, "ES"))
			return j11_err_set(r->err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "encoding \"der\" is for ECDSA signatures, not for %s",
				r->key->alg);
		sig = (struct jwk11_view){ .data = der, .len = j11_der_from_raw(sig, der) };
	} else if (encoding.data != NULL && !j11_view_equals(encoding, "jose")) {
		return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "encoding must be \"jose\" or \"der\"");
	}
	wire_add(r->out, WIRE_F_SIGNATURE, sig);
	return JWK11_OK;
}

/* The message, or a digest of it that whoever asks has made. */
static enum jwk11_rc read_input(struct request *r, enum jwk11_input *ret_kind, struct jwk11_view *ret_input)
{
	struct jwk11_view input = r->msg->field[WIRE_F_INPUT], digest = r->msg->field[WIRE_F_DIGEST];

	if ((input.data == NULL) == (digest.data == NULL))
		return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "exactly one of \"input\" and \"digest\" must be given");
	note_input(r, digest.data ? "digest" : "input", digest.data ? digest : input);
	*ret_kind = digest.data ? JWK11_INPUT_DIGEST : JWK11_INPUT_MESSAGE;
	*ret_input = digest.data ? digest : input;
	return JWK11_OK;
}

static enum jwk11_rc do_sign(struct request *r)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	struct jwk11_view input;
	enum jwk11_input kind;
	enum jwk11_rc rc = read_input(r, &kind, &input);

	if (rc == JWK11_OK)
		rc = jwk11_key_sign(r->key->key, r->key->alg, kind, input, &sig, r->err);
	return rc == JWK11_OK ? reply_signature(r, j11_buf_view(&sig)) : rc;
}

/* A JWS into the reply's text. */
static enum jwk11_rc sign_jws(struct request *r, struct j11_jws_spec *spec, const struct jwk11_view *payload, const struct jwk11_jws *onto)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf jws = J11_BUF(WIRE_MAX - 4096);
	enum jwk11_rc rc;

	spec->alg = j11_alg_find_str(r->key->alg);
	spec->kid = r->key->kid;
	spec->seen = seen_input;
	spec->seen_arg = r;
	rc = j11_key_jws(r->key->key, spec, payload, onto, &jws, r->err);
	if (rc == JWK11_OK)
		wire_add(r->out, WIRE_F_TEXT, j11_buf_view(&jws));
	return rc;
}

/* Form and flags, as far as they exist; what goes together is the library's to say. */
static enum jwk11_rc read_form(struct request *r, struct j11_jws_spec *spec)
{
	const struct wire_msg *msg = r->msg;
	uint64_t form = JWK11_JWS_COMPACT, flags = 0;

	if ((msg->field[WIRE_F_FORM].data != NULL && !wire_num(msg, WIRE_F_FORM, &form)) || form > JWK11_JWS_GENERAL ||
		(msg->field[WIRE_F_FLAGS].data != NULL && !wire_num(msg, WIRE_F_FLAGS, &flags)) ||
		(flags & ~(uint64_t)J11_JWS_FLAGS) != 0)
		return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "no such serialization or flag");
	spec->form = (enum jwk11_jws_form)form;
	spec->flags = (unsigned)flags;
	spec->typ = msg->field[WIRE_F_TYP];
	spec->cty = msg->field[WIRE_F_CTY];
	return JWK11_OK;
}

/* A header's text to an object; none without a text. */
static enum jwk11_rc read_header(struct request *r, enum wire_field field, const char *what, struct j11_json_doc **doc,
	const struct j11_json **ret_header)
{
	enum jwk11_rc rc;

	if (r->msg->field[field].data == NULL)
		return JWK11_OK;
	rc = j11_json_read(r->msg->field[field], NULL, what, doc, r->err);
	if (rc == JWK11_OK)
		*ret_header = j11_json_root(*doc);
	return rc;
}

static enum jwk11_rc do_jws(struct request *r)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *extra = NULL;
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *header = NULL;
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *onto = NULL;
	const struct jwk11_view *payload = &r->msg->field[WIRE_F_PAYLOAD], *jws = &r->msg->field[WIRE_F_JWS];
	struct j11_jws_spec spec = { .alg = NULL };
	enum jwk11_rc rc = read_form(r, &spec);

	if (rc == JWK11_OK)
		rc = read_header(r, WIRE_F_HEADER, "protected header", &extra, &spec.extra);
	if (rc == JWK11_OK)
		rc = read_header(r, WIRE_F_UNPROTECTED, "unprotected header", &header, &spec.header);
	if (rc == JWK11_OK && jws->data != NULL)
		rc = j11_jws_parse(*jws, &onto, r->err);
	return rc == JWK11_OK ? sign_jws(r, &spec, payload->data ? payload : NULL, onto) : rc;
}

static struct j11_jwt_rules rules_of(const struct request *r)
{
	const struct conf_client *client = r->client;

	return (struct j11_jwt_rules){
		.now = r->now, .issuer = client->jwt_issuer, .max_ttl = conf_max_ttl(client, r->key->conf),
		.audiences = (const char *const *)client->jwt_audience, .subjects = (const char *const *)client->jwt_subject,
		.require = (const char *const *)client->jwt_require, .forbid = (const char *const *)client->jwt_forbid,
		.types = (const char *const *)client->jwt_typ, .headers = (const char *const *)client->jwt_header,
	};
}

static enum jwk11_rc do_jwt(struct request *r)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf claims = J11_BUF(J11_JWT_CLAIMS_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *extra = NULL;
	struct j11_jwt_rules rules = rules_of(r);
	struct j11_jws_spec spec = { .alg = NULL };
	struct jwk11_view payload;
	enum jwk11_rc rc;
	uint64_t ttl = 0;

	if (r->msg->field[WIRE_F_CLAIMS].data == NULL)
		return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "one of \"claims\" and \"template\" must be given");
	rc = j11_json_read(r->msg->field[WIRE_F_CLAIMS], NULL, "claims", &doc, r->err);
	if (rc == JWK11_OK && r->msg->field[WIRE_F_TTL].data != NULL && (!wire_num(r->msg, WIRE_F_TTL, &ttl) || ttl == 0 || ttl > INT32_MAX))
		rc = j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "ttl must be a positive number of seconds");
	rules.ttl = (int64_t)ttl;
	if (doc != NULL)
		note_jti(r, j11_json_root(doc));
	if (rc == JWK11_OK)
		rc = read_header(r, WIRE_F_HEADER, "protected header", &extra, &spec.extra);
	if (rc == JWK11_OK)
		rc = j11_jwt_check_header(r->msg->field[WIRE_F_TYP], spec.extra, &rules, &spec.typ, r->err);
	if (rc == JWK11_OK)
		rc = j11_jwt_claims(j11_json_root(doc), &rules, &claims, r->err);
	if (rc == JWK11_ERR_DENIED) /* whose rule it is */
		j11_err_prefix(r->err, "[client %s]", r->client->name);
	payload = j11_buf_view(&claims);
	return rc == JWK11_OK ? sign_jws(r, &spec, &payload, NULL) : rc;
}

/* The signature in JOSE form; der on request, as in reply_signature. */
static enum jwk11_rc read_signature(struct request *r, unsigned char raw[J11_DER_ECDSA_MAX], struct jwk11_view *ret_sig)
{
	struct jwk11_view encoding = r->msg->field[WIRE_F_ENCODING];
	const struct j11_curve *curve = j11_curve_get(j11_alg_find_str(r->key->alg) != NULL ? j11_alg_find_str(r->key->alg)->crv : J11_CRV_NONE);

	*ret_sig = r->msg->field[WIRE_F_SIGNATURE];
	if (encoding.data == NULL || j11_view_equals(encoding, "jose"))
		return JWK11_OK;
	if (!j11_view_equals(encoding, "der") || curve == NULL || curve->scheme != J11_SCHEME_ECDSA)
		return j11_err_set(r->err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "encoding \"der\" is for ECDSA signatures, not for %s", r->key->alg);
	if (!j11_der_to_raw(*ret_sig, curve->coord_len, raw))
		return j11_err_set(r->err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the signature is not the DER of an ECDSA signature");
	*ret_sig = (struct jwk11_view){ .data = raw, .len = 2 * curve->coord_len };
	return JWK11_OK;
}

/* For a Kubernetes API server, which knows its tokens' claims: they are signed as they are, or not at all. Only what came by its socket, and for the
 * key of [kubernetes]; who sends it to us decides neither. */
static enum jwk11_rc check_given(const struct request *r, struct j11_jwt_rules *rules)
{
	const struct conf_kubernetes *kubernetes = &r->conf->kubernetes;

	if (!conf_has_kubernetes(r->conf) || r->socket == NULL || !j11_text_equal(r->socket, CONF_KUBERNETES) ||
		!j11_text_equal(r->key->conf->name, kubernetes->key))
		return j11_err_set(r->err, JWK11_ERR_DENIED, J11_CODE_OPERATION_DENIED, "claims are signed as they are given on the socket of [kubernetes] only");
	if (!conf_kubernetes_takes(r->key->alg))
		return j11_err_set(r->err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" signs %s, which Kubernetes does not take", kubernetes->key,
			r->key->alg);
	if (rules->max_ttl == 0 || rules->max_ttl > kubernetes->max_lifetime)
		rules->max_ttl = kubernetes->max_lifetime;
	return JWK11_OK;
}

static enum jwk11_rc do_jwt_given(struct request *r)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf claims = J11_BUF(J11_JWT_CLAIMS_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_jwt_rules rules = rules_of(r);
	struct j11_jws_spec spec = { .alg = NULL };
	struct jwk11_view payload;
	enum jwk11_rc rc = check_given(r, &rules);

	if (rc == JWK11_OK)
		rc = j11_b64url_decode(r->msg->field[WIRE_F_CLAIMS], "claims", &claims, r->err);
	payload = j11_buf_view(&claims);
	if (rc == JWK11_OK)
		rc = j11_json_read(payload, NULL, "claims", &doc, r->err);
	if (doc != NULL)
		note_jti(r, j11_json_root(doc));
	if (rc == JWK11_OK)
		rc = j11_jwt_check_header(J11_VIEW("JWT"), NULL, &rules, &spec.typ, r->err);
	if (rc == JWK11_OK)
		rc = j11_jwt_check(j11_json_root(doc), &rules, r->err);
	if (rc == JWK11_ERR_DENIED)
		j11_err_prefix(r->err, "[client %s]", r->client->name);
	return rc == JWK11_OK ? sign_jws(r, &spec, &payload, NULL) : rc;
}

/* A fault says no; the word says yes, so that no answer is mistaken for one. */
static enum jwk11_rc do_verify(struct request *r)
{
	unsigned char raw[J11_DER_ECDSA_MAX];
	struct jwk11_view input, sig;
	enum jwk11_input kind;
	enum jwk11_rc rc = read_input(r, &kind, &input);

	if (rc == JWK11_OK)
		rc = read_signature(r, raw, &sig);
	if (rc == JWK11_OK && kind == JWK11_INPUT_DIGEST && jwk11_key_pub(r->key->key) != NULL)
		rc = jwk11_pub_verify(jwk11_key_pub(r->key->key), r->key->alg, kind, input, sig, r->err);
	else if (rc == JWK11_OK && kind == JWK11_INPUT_DIGEST)
		rc = j11_err_set(r->err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "%s takes whole messages and no digests", r->key->alg);
	else if (rc == JWK11_OK)
		rc = jwk11_key_verify(r->key->key, r->key->alg, input, sig, r->err);
	if (rc == JWK11_OK)
		wire_add_str(r->out, WIRE_F_TEXT, "valid");
	return rc;
}

static enum jwk11_rc do_decrypt(struct request *r)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf plain = { .max = WIRE_MAX - 4096, .secret = true };
	enum jwk11_rc rc;

	note_input(r, "jwe", r->msg->field[WIRE_F_JWE]);
	rc = jwk11_key_decrypt(r->key->key, r->key->alg, r->key->kid, r->msg->field[WIRE_F_JWE], &plain, r->err);

	if (rc != JWK11_OK)
		return rc;
	r->out->secret = true; /* until it is sent */
	wire_add(r->out, WIRE_F_PLAINTEXT, j11_buf_view(&plain));
	return JWK11_OK;
}

/* The hash is over the request as the CA gets it; none where it would let whoever reads the log try out challenge passwords. */
static enum jwk11_rc do_csr(struct request *r)
{
	struct jwk11_view challenge = r->msg->field[WIRE_F_SECRET];
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = { .max = J11_CSR_DER_MAX, .secret = challenge.data != NULL };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	J11_AUTO(j11_csr_text_done) struct j11_csr_text text = { .subject = NULL };
	enum jwk11_rc rc = j11_json_read(r->msg->field[WIRE_F_CSR], NULL, "request", &doc, r->err);

	if (rc == JWK11_OK)
		rc = j11_csr_from_json(j11_json_root(doc), &text, r->err);
	text.csr.challenge_password = challenge;
	if (rc == JWK11_OK)
		rc = jwk11_key_csr(r->key->key, r->key->alg, &text.csr, &der, r->err);
	if (rc != JWK11_OK)
		return rc;
	if (challenge.data == NULL)
		note_input(r, "csr", j11_buf_view(&der));
	r->out->secret = challenge.data != NULL;
	wire_add(r->out, WIRE_F_DER, j11_buf_view(&der));
	return JWK11_OK;
}

static enum jwk11_rc do_template(struct request *r)
{
	struct j11_jwt_rules rules = rules_of(r);
	struct work_proof p = { .t = r->t, .msg = r->msg, .key = r->key, .client = r->client, .rules = &rules, .claims = note_jti, .seen = seen_input, .arg = r };

	return work_proof_sign(&p, r->out, r->err);
}

/* One row per request type: its name in grants and its work. */
static const struct op {
	enum wire_type type;
	enum conf_op op;
	enum jwk11_rc (*run)(struct request *r);
} ops[] = {
	{ WIRE_SIGN, CONF_OP_SIGN, do_sign },
	{ WIRE_JWS, CONF_OP_JWS, do_jws },
	{ WIRE_JWT, CONF_OP_JWT, do_jwt },
	{ WIRE_JWT_GIVEN, CONF_OP_JWT, do_jwt_given },
	{ WIRE_VERIFY, CONF_OP_VERIFY, do_verify },
	{ WIRE_DECRYPT, CONF_OP_DECRYPT, do_decrypt },
	{ WIRE_CSR, CONF_OP_CSR, do_csr },
};

static enum jwk11_rc unknown_key(const struct conf *conf, const struct policy_peer *peer, const char *name, struct jwk11_err *err)
{
	const char *nearest = policy_nearest_key(conf, peer, name);
	char text[80];

	j11_text_printable(j11_view_str(name), text, sizeof(text));
	j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, nearest ? "no key \"%s\". Did you mean %s?" : "no key \"%s\"", text, nearest);
	j11_err_hint(err, "jwk11 list, or GET /v1/keys");
	return JWK11_ERR_NOT_FOUND;
}

/* Who granted it, or who came nearest and why not. */
static enum jwk11_rc say_verdict(const struct request *r, const struct policy_answer *answer, enum conf_op op)
{
	const char *client = answer->client->name, *key = r->key->conf->name, *does = conf_op_name(op);

	switch (answer->verdict) {
	case POLICY_ALLOWED:
		return JWK11_OK;
	case POLICY_ALG_DENIED:
		return j11_err_set(r->err, JWK11_ERR_DENIED, J11_CODE_OPERATION_DENIED, "[client %s] does not allow %s with %s, the algorithm of key \"%s\"",
			client, does, r->key->alg, key);
	case POLICY_FREE_DENIED:
		return j11_err_set(r->err, JWK11_ERR_DENIED, J11_CODE_OPERATION_DENIED, "[client %s] allows %s with key \"%s\" by template only", client, does, key);
	case POLICY_TEMPLATE_DENIED:
		j11_err_set(r->err, JWK11_ERR_DENIED, J11_CODE_OPERATION_DENIED, "[client %s] does not allow template %s with key \"%s\"", client, r->t->name, key);
		j11_err_hint(r->err, "an administrator can add template = %s to a [client] section", r->t->name);
		return JWK11_ERR_DENIED;
	default:
		return j11_err_set(r->err, JWK11_ERR_DENIED, J11_CODE_OPERATION_DENIED, "[client %s] does not allow %s with key \"%s\"", client, does, key);
	}
}

/* A key that a peer may not see and a key that does not exist get the same answer. */
static enum jwk11_rc decide(const struct work_view *view, const struct policy_peer *peer, enum conf_op op, struct request *r)
{
	const char *known, *alg;
	char name[WORK_KID_MAX];
	struct policy_answer answer;

	if (!wire_str(r->msg, WIRE_F_KEY, name, sizeof(name)))
		return unknown_key(view->conf, peer, "", r->err);
	r->key = work_version_find(view, name, r->now);
	known = r->key ? r->key->conf->name : "";
	alg = r->key ? r->key->alg : NULL;
	answer = r->t != NULL ? policy_decide_template(view->conf, peer, known, alg, r->t) : policy_decide(view->conf, peer, known, alg, op);
	r->client = answer.client;
	if (answer.verdict == POLICY_NO_CLIENT)
		return policy_deny(peer, r->err);
	if (r->key == NULL || answer.verdict == POLICY_KEY_HIDDEN)
		return unknown_key(view->conf, peer, name, r->err);
	return say_verdict(r, &answer, op);
}

/* The key must be usable, and an algorithm that is asked for must be the key's own: one algorithm per key. */
static enum jwk11_rc check_key(const struct work_view *view, struct request *r)
{
	const char *does = r->msg->type == WIRE_DECRYPT ? "decrypts" : "signs";
	struct jwk11_view alg = r->msg->field[WIRE_F_ALG];

	if (r->key->key == NULL) {
		*r->err = r->key->why;
		return r->key->why.rc != JWK11_OK ? r->key->why.rc :
			j11_err_set(r->err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNAVAILABLE, "key \"%s\" is not available", r->key->conf->name);
	}
	if (work_break_is_open(r->key->token->conf->name, r->err))
		return r->err->rc;
	if ((r->msg->type == WIRE_DECRYPT) != (r->key->conf->use == CONF_USE_ENC))
		return j11_err_set(r->err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" %s", r->key->conf->name,
			r->msg->type == WIRE_DECRYPT ? "signs and does not decrypt" : "decrypts and does not sign");
	/* A version needs its certificate before it is active, and that says nothing in its name. */
	if (r->msg->type != WIRE_VERIFY && r->msg->type != WIRE_CSR && work_version_check(view, r->key, r->now, r->err) != JWK11_OK)
		return r->err->rc;
	if (alg.data == NULL || j11_view_equals(alg, r->key->alg))
		return JWK11_OK;
	if (j11_alg_find(alg) == NULL && j11_kma_find(alg) == NULL)
		return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_ALG_UNKNOWN, "unknown algorithm; key \"%s\" %s %s", r->key->conf->name, does, r->key->alg);
	return j11_err_set(r->err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" %s %s and nothing else", r->key->conf->name, does, r->key->alg);
}

void work_ops_fault(struct jwk11_buf *out, uint64_t id, const struct jwk11_err *err, const char *token)
{
	jwk11_buf_reset(out);
	wire_begin(out, WIRE_FAULT, id);
	wire_add_str(out, WIRE_F_CODE, err->code[0] ? err->code : "INTERNAL");
	wire_add_str(out, WIRE_F_TEXT, err->text);
	if (err->hint[0] != '\0')
		wire_add_str(out, WIRE_F_HINT, err->hint);
	if (err->has_ckr)
		wire_add_num(out, WIRE_F_CKR, err->ckr);
	if (token != NULL)
		wire_add_str(out, WIRE_F_TOKEN, token);
}

static void log_denial(const struct request *r, const struct policy_peer *peer)
{
	char uid[24], pid[24], id[80] = "";

	if (!wire_str(r->msg, WIRE_F_REQUEST_ID, id, sizeof(id)))
		id[0] = '\0';
	log_event(LOG_LEVEL_WARNING, "refused", "code", r->err->code, "why", r->err->text, "uid", log_num(uid, peer->uid), "pid",
		log_num(pid, peer->pid), "request", id[0] ? id : NULL, "ckr", r->err->has_ckr ? jwk11_ckr_name(r->err->ckr) : NULL, NULL);
}

/* Who asks, may they, can it be told: before a key is used. */
static enum jwk11_rc admit(const struct work_view *view, const struct op *op, int client_fd, struct work_peer *who, struct request *r)
{
	enum jwk11_rc rc;

	if (op == NULL)
		return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "not a request");
	r->audit->op = conf_op_name(op->op);
	if (client_fd < 0 || !work_peer_ask(client_fd, view->conf, who))
		return j11_err_set(r->err, JWK11_ERR_DENIED, J11_CODE_PEER_DENIED, "the kernel does not say who is calling");
	r->audit->has_peer = true;
	r->socket = who->peer.socket;
	rc = work_proof_find(r->msg, op->op, &r->t, r->err);
	if (r->t != NULL)
		r->audit->template = r->t->name;
	if (rc == JWK11_OK)
		rc = decide(view, &who->peer, op->op, r);
	r->audit->decision = rc == JWK11_OK ? "failed" : "refused";
	if (rc == JWK11_OK)
		rc = check_key(view, r);
	return rc == JWK11_OK ? work_audit_ready(view->conf, r->err) : rc;
}

/* What came of it, in the audit log. The result becomes a refusal where it cannot be told and must be. */
static enum jwk11_rc tell(const struct work_view *view, const struct policy_peer *peer, struct request *r, enum jwk11_rc rc, int64_t started_us)
{
	struct j11_audit_record *a = r->audit;
	char asked[WORK_KID_MAX] = "", id[80] = "";
	enum jwk11_rc told;

	if (wire_str(r->msg, WIRE_F_REQUEST_ID, id, sizeof(id)))
		a->request = id;
	if (r->key == NULL && wire_str(r->msg, WIRE_F_KEY, asked, sizeof(asked)))
		a->key = asked;
	if (r->key != NULL) {
		a->key = r->key->conf->name;
		a->kid = r->key->kid;
		a->alg = r->key->alg;
	}
	a->uid = peer->uid;
	a->pid = (uint64_t)peer->pid;
	a->unit = peer->unit;
	a->client = r->client != NULL ? r->client->name : NULL;
	if (rc == JWK11_OK)
		a->decision = "allowed";
	else if (rc == JWK11_ERR_DENIED)
		a->decision = "refused";
	a->result = rc == JWK11_OK ? "OK" : r->err->code[0] ? r->err->code : "INTERNAL";
	a->ckr = r->err->has_ckr ? jwk11_ckr_name(r->err->ckr) : NULL;
	a->us = j11_clock_us() - started_us;
	told = work_audit_write(view->conf, a, r->err);
	j11_mem_free(r->jti);
	r->jti = NULL;
	return rc == JWK11_OK ? told : rc;
}

bool work_ops_answer(const struct work_view *view, const struct wire_msg *msg, int client_fd, struct jwk11_buf *out)
{
	struct j11_audit_record audit = { .time_ms = j11_clock_wall_ms(), .decision = "refused" };
	struct jwk11_err err = { 0 };
	struct request r = { .msg = msg, .conf = view->conf, .out = out, .err = &err, .audit = &audit, .now = time(NULL), .silent = view->conf->audit == CONF_AUDIT_OFF };
	struct work_peer who = { .peer = { .uid = (uid_t)-1 } };
	int64_t started_us = j11_clock_us();
	const struct op *op = NULL;
	enum jwk11_rc rc;
	bool look = false;

	for (size_t i = 0; i < J11_COUNT(ops); i++)
		if (ops[i].type == msg->type)
			op = &ops[i];
	rc = admit(view, op, client_fd, &who, &r);
	if (rc == JWK11_OK) {
		wire_begin(out, WIRE_REPLY, msg->id);
		wire_add_str(out, WIRE_F_KID, r.key->kid);
		wire_add_str(out, WIRE_F_ALG, r.key->alg);
		rc = r.t != NULL ? do_template(&r) : op->run(&r);
		look = work_break_note(r.key->token->conf, rc, &err);
	}
	if (rc == JWK11_OK)
		rc = j11_buf_check(out, "answer", &err);
	rc = tell(view, &who.peer, &r, rc, started_us);
	if (rc == JWK11_OK)
		return false;
	work_ops_fault(out, msg->id, &err, r.key != NULL && r.key->token != NULL ? r.key->token->conf->name : NULL);
	log_denial(&r, &who.peer);
	return look;
}
