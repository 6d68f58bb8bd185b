/* SPDX-License-Identifier: Apache-2.0 */
/* The part of Vault's transit API that reads a key, signs and verifies, for clients that speak it already. Request and answer in Vault's form; who
 * asks is known from the kernel and never from a Vault token, and what they may do is decided where it always is. */
#ifndef FRONT_TRANSIT_H
#define FRONT_TRANSIT_H

#include "front.h"
#include "json/json_read.h"

struct problem;

/* Is it a path of this API, if it is on? Then refusals have its form too. */
bool front_transit_has(const struct front *front, struct jwk11_view path);
/* What Vault calls the version: stable, and never that of another one of the key. */
int64_t front_transit_version(const struct catalog_key *key);

/* Handlers of GET keys/{k} and of GET auth/token/lookup-self. */
enum front_outcome front_transit_key(struct front_request *q);
enum front_outcome front_transit_self(struct front_request *q);
/* The body of sign or verify into the datagram. q->key becomes the kid of the version that is meant, where one is. */
enum jwk11_rc front_transit_take(struct front_request *q, const struct catalog_key *key, enum conf_op op, const struct j11_json *root,
	struct jwk11_err *err) J11_MUST_USE;
/* A worker's REPLY or FAULT. */
void front_transit_answer(struct front_request *q, const struct wire_msg *msg);
/* Fills the reply with {"errors":[…]} in place of a problem document. */
enum front_outcome front_transit_problem(struct front_request *q, const struct problem *p);

#endif
