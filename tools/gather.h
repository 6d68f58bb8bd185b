/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys with what is known of them, from the broker or from the tokens: what every form of them is made of. */
#ifndef GATHER_H
#define GATHER_H

#include "cmd.h"
#include "json/json_read.h"

/* One key. */
struct gathered {
	char *name;                  /* of its [key] section, else its label or kid */
	char *text;                  /* its JWK in the plain form */
	struct j11_json_doc *jwk;    /* the same, read */
	struct j11_json_doc *x5c;    /* its certificates; NULL: none, or not asked for */
	char x5t[JWK11_THUMBPRINT_LEN + 1];
	char label[260], id[JWK11_KID_MAX]; /* of the object, when asked for; id in hexadecimal */
	char note[JWK11_TEXT_MAX];   /* about its certificates */
};
struct j11_profile;
struct gathering {
	struct gathered *list;
	size_t n, room;
	const struct j11_profile *profile; /* with --offline: the form that the set has in the configuration */
	bool x5c;
};

enum { GATHER_CERTS = 1, GATHER_NAMES = 2 }; /* what is asked for beside the JWK */

/* The keys named, else those of --set NAME or of the default set. With --offline keys that cannot be used are said on standard error and left
 * out of a whole set. */
enum jwk11_rc gather(const struct cmd_global *g, unsigned wants, int argc, char **argv, struct gathering *ret_keys, struct jwk11_err *err) J11_MUST_USE;
void gather_done(struct gathering *keys);
/* When the default set is asked for: says on standard error how many ML-DSA keys the broker publishes apart from it. */
void gather_say_apart(const struct cmd_global *g);

static inline void gather_done_auto(struct gathering *keys)
{
	gather_done(keys);
}

#endif
