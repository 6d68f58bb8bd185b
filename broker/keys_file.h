/* SPDX-License-Identifier: Apache-2.0 */
/* The octets of one file with public keys, as verify-only keys of a set. Pure. Used by jwk11d-keys, and by the tool when it does without the broker. */
#ifndef KEYS_FILE_H
#define KEYS_FILE_H

#include "conf.h"

#define KEYS_FILE_MAX (1024u * 1024u) /* octets of one file */

/* Is it a name of such a file: *.pem, *.jwk, *.json, and not hidden? */
bool keys_file_is_named(const char *name);

/* Adds the keys of one file to the configuration, in their order and with this `discovery`. PEM: one or more PUBLIC KEY, or one CERTIFICATE; else one JWK or a JWK set. A JWK
 * keeps its kid, every other key gets one by the set's style; "alg" is the JWK's, else the one that a key of its kind has by default. A key that is there
 * already with that kid and algorithm is passed over. Errors (SYNTAX with code CONFIG_INVALID, which name set, file and reason, or MEMORY): anything
 * private or symmetric, a key that is not for signatures, one that its taker could not find by its kid, a kid that another key has. */
enum jwk11_rc keys_file_take(struct conf *conf, const struct conf_set *set, const char *path, enum conf_yes discovery, struct jwk11_view octets,
	struct jwk11_err *err) J11_MUST_USE;

#endif
