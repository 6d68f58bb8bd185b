/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/keys/{k}/jws: the members of its body, its media types, and a strict look at what a worker made before it goes out. */
#ifndef FRONT_JWS_H
#define FRONT_JWS_H

#include "front.h"
#include "json/json_read.h"

/* What the route can answer with: the compact serialisation, the other two, JSON around any of them. */
extern const char *const front_jws_types[3];

/* The body's members into the datagram; the form that is asked for into q->pending. */
enum jwk11_rc front_jws_take(struct front_request *q, const struct j11_json *root, struct jwk11_err *err) J11_MUST_USE;
/* Narrows q->type to the form: 0 bare, 1 inside JSON. False: a problem has been filled in. */
bool front_jws_choose(struct front_request *q);
/* The media type of a bare answer. */
const char *front_jws_type_of(enum jwk11_jws_form form);
/* "compact", "flattened", "general". */
const char *front_jws_form_name(enum jwk11_jws_form form);
/* Is a worker's text this serialisation and nothing else? Pure. */
bool front_jws_is(struct jwk11_view text, enum jwk11_jws_form form);

#endif
