/* SPDX-License-Identifier: Apache-2.0 */
/* A template is the broker's own text, so its typ and header are granted with it; claims that a caller could have chosen are held to the same rules as
 * free ones. */
#include "work_proof.h"

#include "base/err.h"
#include "base/text.h"
#include "jose/jwt.h"
#include "token/proof.h"
#include "work_view.h"

enum jwk11_rc work_proof_find(const struct wire_msg *msg, enum conf_op op, const struct j11_template **ret_t, struct jwk11_err *err)
{
	struct jwk11_view name = msg->field[WIRE_F_TEMPLATE];
	const struct j11_template *t = name.data != NULL ? j11_template_find(name) : NULL;

	if (name.data != NULL && t == NULL)
		return j11_template_unknown(name, err);
	if (t != NULL && conf_op_of(t) != op) {
		j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_TEMPLATE_UNKNOWN, "template %s is none of %s", t->name, conf_op_name(op));
		j11_err_hint(err, "POST it to /v1/keys/KEY/%s", conf_op_name(conf_op_of(t)));
		return JWK11_ERR_SYNTAX;
	}
	*ret_t = t;
	return JWK11_OK;
}

static enum jwk11_rc read_ttl(const struct work_proof *p, int64_t *ret_ttl, struct jwk11_err *err)
{
	uint64_t ttl = 0;

	if (p->msg->field[WIRE_F_TTL].data != NULL && (!wire_num(p->msg, WIRE_F_TTL, &ttl) || ttl == 0 || ttl > INT32_MAX))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "ttl must be a positive number of seconds");
	*ret_ttl = (int64_t)ttl;
	return JWK11_OK;
}

/* A rule about a claim that the template has not would forbid it altogether, and it was granted by name. */
static struct j11_jwt_rules rules_for(const struct work_proof *p)
{
	struct j11_jwt_rules rules = *p->rules;

	if (!j11_template_has_claim(p->t, "iss"))
		rules.issuer = NULL;
	if (!j11_template_has_claim(p->t, "aud"))
		rules.audiences = NULL;
	if (!j11_template_has_claim(p->t, "sub"))
		rules.subjects = NULL;
	if (!j11_template_has_claim(p->t, "exp"))
		rules.max_ttl = 0;
	rules.ttl = 0;
	return rules;
}

/* The claims again, checked as if the caller had written them. */
static enum jwk11_rc hold_to_rules(const struct work_proof *p, struct jwk11_view filled, struct jwk11_buf *claims, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_jwt_rules rules = rules_for(p);
	enum jwk11_rc rc = j11_json_read(filled, NULL, "claims", &doc, err);

	if (rc != JWK11_OK)
		return rc;
	p->claims(p->arg, j11_json_root(doc));
	rc = j11_jwt_claims(j11_json_root(doc), &rules, claims, err);
	if (rc == JWK11_ERR_DENIED)
		j11_err_prefix(err, "[client %s]", p->client->name);
	return rc;
}

static enum jwk11_rc sign_jws(const struct work_proof *p, const struct j11_proof_ask *ask, const struct j11_proof *proof, struct jwk11_buf *reply,
	struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf claims = J11_BUF(J11_JWT_CLAIMS_MAX), jws = J11_BUF(WIRE_MAX - 4096);
	struct jwk11_view payload = j11_buf_view(&proof->jws.payload);
	enum jwk11_rc rc = JWK11_OK;

	if (p->t->makes == J11_MAKES_JWT) {
		rc = hold_to_rules(p, payload, &claims, err);
		payload = j11_buf_view(&claims);
	}
	if (rc == JWK11_OK)
		rc = j11_proof_jws(p->key->key, ask, proof, &payload, p->seen, p->arg, &jws, err);
	if (rc == JWK11_OK)
		wire_add(reply, WIRE_F_TEXT, j11_buf_view(&jws));
	return rc;
}

static enum jwk11_rc sign_http(const struct work_proof *p, const struct j11_proof_ask *ask, const struct j11_proof *proof, struct jwk11_buf *reply,
	struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX), value = J11_BUF(2 * J11_SIG_MAX);
	enum jwk11_rc rc;

	p->seen(p->arg, j11_buf_view(&proof->http.base));
	rc = j11_proof_signature(p->key->key, ask, proof, &sig, err);
	if (rc != JWK11_OK)
		return rc;
	j11_httpsig_signature(&value, proof->http.label, j11_buf_view(&sig));
	wire_add(reply, WIRE_F_SIGNATURE, j11_buf_view(&sig));
	wire_add(reply, WIRE_F_TEXT, j11_buf_view(&proof->http.input));
	wire_add(reply, WIRE_F_HEADER, j11_buf_view(&value));
	return j11_buf_check(&value, "signature", err);
}

enum jwk11_rc work_proof_sign(const struct work_proof *p, struct jwk11_buf *reply, struct jwk11_err *err)
{
	J11_AUTO(j11_proof_done) struct j11_proof proof = J11_PROOF;
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *parameters = NULL;
	struct jwk11_view text = p->msg->field[WIRE_F_PARAMETERS];
	struct j11_proof_ask ask = { .t = p->t, .alg = p->key->alg, .kid = p->key->kid, .name = p->key->conf->name, .issuer = p->rules->issuer,
		.max_ttl = p->rules->max_ttl, .now = p->rules->now };
	enum jwk11_rc rc = read_ttl(p, &ask.ttl, err);

	if (rc == JWK11_OK && text.data != NULL)
		rc = j11_json_read(text, NULL, "parameters", &parameters, err);
	if (parameters != NULL)
		ask.parameters = j11_json_root(parameters);
	if (rc == JWK11_OK)
		rc = j11_proof_fill(p->key->key, &ask, &proof, err);
	if (rc != JWK11_OK)
		return rc;
	return p->t->makes == J11_MAKES_SIGNATURE ? sign_http(p, &ask, &proof, reply, err) : sign_jws(p, &ask, &proof, reply, err);
}
