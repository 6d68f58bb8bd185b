/* SPDX-License-Identifier: Apache-2.0 */
/* --offline: the same verbs through the library, with the broker's configuration and without the broker. With --module, --token or
 * --pin-file even without a configuration: then each key on that token goes by its label. */
#ifndef LOCAL_H
#define LOCAL_H

#include "cmd.h"
#include "conf.h"

struct local;

/* Reads the configuration, or makes one from the options; loads its modules. */
enum jwk11_rc local_open(const struct cmd_global *g, struct local **ret_local, struct jwk11_err *err) J11_MUST_USE;
void local_close(struct local *local);
/* The PIN that was typed for it; NULL: none was. Borrowed. */
struct j11_secret;
const struct j11_secret *local_pin(const struct local *local);
/* Do these options stand for a configuration? Then a broker has another one. */
bool local_is_direct(const struct cmd_global *g);
const struct conf *local_conf(const struct local *local);
/* Puts the verify-only keys of its files into the configuration. */
enum jwk11_rc local_read_keys(struct local *local, struct jwk11_err *err) J11_MUST_USE;
struct jwk11_context *local_context(struct local *local);
/* Finds a key by configured name, by kid, or by RFC 7512 URI; opens its token at first need. `ret_alg` and `ret_kid` are its configured or
 * default algorithm and its kid, valid until local_close. */
enum jwk11_rc local_key(struct local *local, const char *name, struct jwk11_key **ret_key, const char **ret_alg, const char **ret_kid,
	struct jwk11_err *err) J11_MUST_USE;
/* What a key named by URI is for; JWK11_USE_SIG until said otherwise. A [key] section says it itself. */
void local_set_use(struct local *local, enum jwk11_use use);
/* Calls fn for each [key] of the configuration, or without one for each key on the token. key is NULL with the reason in why when it was not
 * found; a key that was found and may not be used has a reason in why too (jwk11_key_check). */
typedef void (*local_fn)(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why,
	void *arg);
enum jwk11_rc local_each(struct local *local, local_fn fn, void *arg, struct jwk11_err *err) J11_MUST_USE;

/* The same for what is published: of a key with versions each of them, in place of the one that signs. */
enum jwk11_rc local_each_published(struct local *local, local_fn fn, void *arg, struct jwk11_err *err) J11_MUST_USE;

/* Without a configuration: the keys that local_each or local_key saw and left out, each with its reason. */
void local_each_left_out(struct local *local, void (*fn)(const char *reason, void *arg), void *arg);

J11_DEFINE_AUTO(struct local, local_close)

#endif
