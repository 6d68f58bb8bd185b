/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate requests in the front: each member has its type here, what it says is the worker's to read. The challenge goes its own way, in a field that
 * is wiped, and what describes the request is written anew without it. */
#include "front_csr.h"

#include "base/b64.h"
#include "base/err.h"
#include "json/json_take.h"
#include "json/json_write.h"

const char *const front_csr_types[3] = { "application/pkcs10", "application/x-pem-file", "application/json" };

struct members {
	struct jwk11_view alg, challenge, subject;
	bool ca;
	const struct j11_json *list;
};
#define MEMBER(name, type, place) { name, J11_JSON_##type, offsetof(struct members, place), false }
static const struct j11_json_field fields[] = {
	MEMBER("subject", STRING, subject),
	MEMBER("dns", ARRAY, list),
	MEMBER("ip", ARRAY, list),
	MEMBER("uri", ARRAY, list),
	MEMBER("email", ARRAY, list),
	MEMBER("upn", ARRAY, list),
	MEMBER("hardware_module", ARRAY, list),
	MEMBER("permanent_identifier", ARRAY, list),
	MEMBER("key_usage", ARRAY, list),
	MEMBER("eku", ARRAY, list),
	MEMBER("ca", BOOL, ca),
	MEMBER("challenge_password", STRING, challenge),
	MEMBER("alg", STRING, alg),
};

/* What describes the request, without what travels in fields of its own. */
static void describe(const struct j11_json *root, struct jwk11_buf *out)
{
	struct j11_json_out o = J11_JSON_OUT(out);

	jwk11_buf_reset(out);
	j11_json_open(&o, NULL, '{');
	for (const struct j11_json *member = root->child; member != NULL; member = member->next)
		if (!j11_view_equals(member->name, "alg") && !j11_view_equals(member->name, "challenge_password"))
			j11_json_member(&o, member);
	j11_json_close(&o);
}

enum jwk11_rc front_csr_take(struct front_request *q, const struct j11_json *root, struct jwk11_err *err)
{
	struct jwk11_buf *description = &q->front->octets;
	struct members m = { .ca = false };
	enum jwk11_rc rc = j11_json_take(root, fields, J11_COUNT(fields), false, "request body", &m, err);

	if (rc != JWK11_OK)
		return rc;
	q->datagram->secret = true;
	describe(root, description);
	front_add_text(q, WIRE_F_ALG, m.alg);
	wire_add(q->datagram, WIRE_F_CSR, j11_buf_view(description));
	if (m.challenge.data != NULL)
		wire_add(q->datagram, WIRE_F_SECRET, m.challenge);
	return j11_buf_check(description, "the request", err);
}

/* ---- a worker's answer ---- */

bool front_csr_is(struct jwk11_view der)
{
	const unsigned char *p = der.data;
	size_t n, len = 0;

	if (der.len < 2 || p[0] != 0x30)
		return false;
	if (p[1] < 0x80)
		return der.len == 2u + p[1];
	n = p[1] & 0x7fu;
	if (n < 1 || n > 3 || der.len < 2 + n || p[2] == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		len = len << 8 | p[2 + i];
	return len >= 0x80 && der.len - 2 - n == len;
}

static void add_json(struct front_request *q, const struct wire_msg *msg)
{
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);

	jwk11_buf_reset(&q->front->octets);
	j11_b64_pem(&q->front->octets, "CERTIFICATE REQUEST", msg->field[WIRE_F_DER]);
	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "kid", msg->field[WIRE_F_KID]);
	j11_json_view(&o, "alg", msg->field[WIRE_F_ALG]);
	j11_json_view(&o, "csr", j11_buf_view(&q->front->octets));
	j11_json_close(&o);
}

void front_csr_answer(struct front_request *q, const struct wire_msg *msg)
{
	struct jwk11_view der = msg->field[WIRE_F_DER];
	struct jwk11_buf *body = &q->front->body;
	int type = q->pending->csr_type;

	if (!front_csr_is(der)) {
		front_problem(q, J11_CODE_INTERNAL, "the worker's answer is not one structure in DER");
		return;
	}
	jwk11_buf_reset(body);
	if (type == FRONT_CSR_JSON)
		add_json(q, msg);
	else if (type == FRONT_CSR_PEM)
		j11_b64_pem(body, "CERTIFICATE REQUEST", der);
	else
		j11_buf_add(body, der.data, der.len);
	q->reply.cache_control = "no-store";
	front_send_body(q, front_csr_types[type]);
}
