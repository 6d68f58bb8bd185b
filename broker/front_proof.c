/* SPDX-License-Identifier: Apache-2.0 */
/* One table of members for all operations. */
#include "front_proof.h"

#include "base/err.h"
#include "form/template.h"
#include "json/json_take.h"

#define NO_TTL INT64_MIN

struct members {
	struct jwk11_view alg, template;
	const struct j11_json *parameters;
	int64_t ttl;
};
#define MEMBER(name, type, place, required) { name, J11_JSON_##type, offsetof(struct members, place), required }
static const struct j11_json_field fields[] = {
	MEMBER("template", STRING, template, true),
	MEMBER("parameters", OBJECT, parameters, false),
	MEMBER("ttl", NUMBER, ttl, false),
	MEMBER("alg", STRING, alg, false),
};

bool front_proof_is(enum conf_op op, const struct j11_json *root)
{
	return (op == CONF_OP_SIGN || op == CONF_OP_JWS || op == CONF_OP_JWT) && j11_json_get(root, "template") != NULL;
}

const struct j11_template *front_proof_of(enum conf_op op, const struct j11_json *root)
{
	const struct j11_json *name = front_proof_is(op, root) ? j11_json_get(root, "template") : NULL;
	const struct j11_template *t = name != NULL && name->type == J11_JSON_STRING ? j11_template_find(name->text) : NULL;

	return t != NULL && conf_op_of(t) == op ? t : NULL;
}

enum jwk11_rc front_proof_take(struct front_request *q, enum conf_op op, const struct j11_json *root, struct jwk11_err *err)
{
	struct members m = { .ttl = NO_TTL };
	enum jwk11_rc rc = j11_json_take(root, fields, J11_COUNT(fields), false, "request body", &m, err);

	if (rc != JWK11_OK)
		return rc;
	if (m.ttl != NO_TTL && m.ttl <= 0)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request body: \"ttl\" must be a number of seconds above 0");
	front_add_text(q, WIRE_F_ALG, m.alg);
	front_add_text(q, WIRE_F_TEMPLATE, m.template);
	if (m.parameters != NULL)
		wire_add(q->datagram, WIRE_F_PARAMETERS, m.parameters->raw);
	if (m.ttl != NO_TTL)
		wire_add_num(q->datagram, WIRE_F_TTL, (uint64_t)m.ttl);
	if (op == CONF_OP_JWS)
		q->pending->form = JWK11_JWS_FLATTENED;
	q->pending->http = op == CONF_OP_SIGN;
	return JWK11_OK;
}
