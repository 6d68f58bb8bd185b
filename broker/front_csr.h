/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/keys/{k}/csr: the members of its body, which may hold a secret, and a look at what a worker made before it goes out. */
#ifndef FRONT_CSR_H
#define FRONT_CSR_H

#include "front.h"
#include "json/json_read.h"

/* What the route can answer with: DER, PEM, JSON around PEM; and the places of the latter two. */
extern const char *const front_csr_types[3];
enum { FRONT_CSR_PEM = 1, FRONT_CSR_JSON };

/* The body's members into the datagram, which is wiped from then on. */
enum jwk11_rc front_csr_take(struct front_request *q, const struct j11_json *root, struct jwk11_err *err) J11_MUST_USE;
/* The worker's request for a certificate as a reply. */
void front_csr_answer(struct front_request *q, const struct wire_msg *msg);
/* Is it one SEQUENCE in DER, and nothing behind it? Pure. */
bool front_csr_is(struct jwk11_view der);

#endif
