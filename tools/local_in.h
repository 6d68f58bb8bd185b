/* SPDX-License-Identifier: Apache-2.0 */
/* What local_open.c (modules and tokens) and local_key.c (keys) share. Nobody else. */
#ifndef LOCAL_IN_H
#define LOCAL_IN_H

#include "local.h"

enum { LOCAL_MAX_FOUND = 256, LOCAL_MAX_LEFT_OUT = 256 };

/* A [token] section in one module. Places are in the order of the modules, then of the sections: the first one that has a key counts. */
struct local_place {
	size_t section;     /* index of the [token] */
	const char *module; /* NULL: whichever of the loaded ones */
	struct jwk11_token *token; /* NULL: not opened */
	struct jwk11_err why;
	bool tried;
};

struct local_found {
	struct jwk11_key *key;
	char alg[24], kid[JWK11_KID_MAX];
};

struct local {
	struct conf *conf;
	bool direct; /* made from options: no [key] sections */
	struct j11_secret *pin; /* that was typed; NULL: none */
	bool final_try;
	bool context_pin; /* for keys without a section */
	struct jwk11_context *ctx;
	struct local_place *places;
	size_t n_places;
	char **modules; /* found by asking, when none is configured */
	size_t n_modules;
	struct local_found found[LOCAL_MAX_FOUND];
	size_t n_found;
	char *left_out[LOCAL_MAX_LEFT_OUT];
	size_t n_left_out;
	enum jwk11_use use; /* of keys named by URI */
};

/* The token of a place, opened at first need; NULL with the reason in place->why. */
struct jwk11_token *local_token(struct local *local, struct local_place *place);
/* KEY_UNKNOWN, with the nearest name. */
enum jwk11_rc local_unknown(const struct local *local, const char *name, struct jwk11_err *err);
/* Why nothing could be searched: the error of a section that no place of has opened, one that says more than "absent" first. OK when every
 * section has opened somewhere. */
enum jwk11_rc local_trouble(const struct local *local, struct jwk11_err *err) J11_MUST_USE;

#endif
