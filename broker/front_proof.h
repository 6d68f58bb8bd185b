/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for a template: "template" and "parameters" stand in the body of sign, jws and jwt in place of what is signed. What a template takes is the
 * worker's to say. */
#ifndef FRONT_PROOF_H
#define FRONT_PROOF_H

#include "front.h"
#include "json/json_read.h"

struct j11_template;
/* Does a body of this operation ask for a template? */
bool front_proof_is(enum conf_op op, const struct j11_json *root);
/* The one it asks for; NULL: none that there is. */
const struct j11_template *front_proof_of(enum conf_op op, const struct j11_json *root);
/* The body's members into the datagram, and into q->pending the form of the answer. */
enum jwk11_rc front_proof_take(struct front_request *q, enum conf_op op, const struct j11_json *root, struct jwk11_err *err) J11_MUST_USE;

#endif
