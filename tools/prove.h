/* SPDX-License-Identifier: Apache-2.0 */
/* A template, filled in and signed through the broker or through the library: what the verbs for proofs have in common. */
#ifndef PROVE_H
#define PROVE_H

#include "cmd.h"
#include "json/json_write.h"

/* One proof. `parameters` is the object that the verb writes by `out`; it is opened by prove_begin. */
struct prove {
	struct cmd_global *g;
	const char *verb, *key, *template;
	long long ttl; /* seconds; 0: the template's own */
	struct jwk11_buf parameters;
	struct j11_json_out out;
	struct jwk11_buf made;      /* a JWS; or the value of Signature-Input */
	struct jwk11_buf signature; /* the value of Signature */
	struct jwk11_err err;
};
void prove_begin(struct prove *p, struct cmd_global *g, const char *verb, const char *key, const char *template);
/* A parameter; NULL: none. */
void prove_add(struct prove *p, const char *name, const char *value);
/* Closes the object and has it signed. */
enum jwk11_rc prove_sign(struct prove *p) J11_MUST_USE;
/* The same, and writes the JWS: the exit code. */
int prove_jws(struct prove *p, const char *name);
void prove_done(struct prove *p);

/* SHA-256 of a text. */
enum jwk11_rc prove_hash(struct jwk11_view text, unsigned char ret_hash[32], struct jwk11_err *err) J11_MUST_USE;

#endif
