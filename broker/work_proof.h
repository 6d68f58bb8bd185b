/* SPDX-License-Identifier: Apache-2.0 */
/* Templates in the worker: which one a request names, and what its section's rules leave of it. */
#ifndef WORK_PROOF_H
#define WORK_PROOF_H

#include "conf.h"
#include "form/template.h"
#include "jose/jwt_rules.h"
#include "wire.h"

struct work_key;

/* One request. All borrowed. */
struct work_proof {
	const struct j11_template *t;
	const struct wire_msg *msg;
	const struct work_key *key;
	const struct conf_client *client; /* that granted it */
	const struct j11_jwt_rules *rules; /* of that section, as for free claims */
	/* Told of the claims and of what is signed, for the audit log. */
	void (*claims)(void *arg, const struct j11_json *claims);
	void (*seen)(void *arg, struct jwk11_view input);
	void *arg;
};
/* The template that the request names; NULL: it names none. Errors: TEMPLATE_UNKNOWN, also for one of another operation. */
enum jwk11_rc work_proof_find(const struct wire_msg *msg, enum conf_op op, const struct j11_template **ret_t, struct jwk11_err *err) J11_MUST_USE;
/* Fills it in, holds it to the section's rules as far as it has what they are about, signs it and adds it to the reply. */
enum jwk11_rc work_proof_sign(const struct work_proof *p, struct jwk11_buf *reply, struct jwk11_err *err) J11_MUST_USE;

#endif
