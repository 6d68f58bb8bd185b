/* SPDX-License-Identifier: Apache-2.0 */
/* What the front shows from memory: key sets, keys, tokens, the caller itself, readiness. Never waits for a token. */
#ifndef FRONT_VIEW_H
#define FRONT_VIEW_H

#include "front.h"

/* Calls fn for each key that a set publishes, in the set's order, until it returns false; those with discovery = no among them (conf_set_shows). What the taker of a set does not take, or stands
 * before it already, is for the caller to leave out. */
typedef bool (*front_published_fn)(void *arg, const struct conf_key *conf, const struct catalog_key *key);
void front_view_each_published(const struct front *front, const struct conf_set *set, front_published_fn fn, void *arg);
/* Those that it publishes of files, behind them. `why_not`: not NULL for one that stays out, with the reason; one that the set has of a token too is
 * passed over. */
typedef bool (*front_verify_only_fn)(void *arg, const struct conf_verify_only *key, const char *why_not);
void front_view_each_verify_only(const struct front *front, const struct conf_set *set, front_verify_only_fn fn, void *arg);
/* Is the set for keys of tokens too? Then it is not served before one of them was seen: whoever fetched it would keep it. */
bool front_view_wants_own(const struct front *front, const struct conf_set *set);
/* Renders the key sets anew: after a new configuration or catalogue. On failure the old ones stay. */
enum jwk11_rc front_view_refresh(struct front *front, struct jwk11_err *err) J11_MUST_USE;
/* The same when a version's moment has come, or the clock has been put back, since they were rendered. A failure is logged. */
void front_view_keep_time(struct front *front);
void front_view_free(struct front_jwks *jwks);
J11_DEFINE_AUTO(struct front_jwks, front_view_free)

/* Media types of GET /v1/keys/{k}. */
#define FRONT_KEY_TYPES 5
extern const char *const front_view_key_types[FRONT_KEY_TYPES];

/* Handlers. */
enum front_outcome front_view_jwks(struct front_request *q);
enum front_outcome front_view_jwks_set(struct front_request *q);
/* GET openid-configuration, of the set `default` or of another: the discovery document of its issuer. */
enum front_outcome front_view_discovery(struct front_request *q);
enum front_outcome front_view_discovery_set(struct front_request *q);
enum front_outcome front_view_keys(struct front_request *q);
enum front_outcome front_view_key(struct front_request *q);
enum front_outcome front_view_tokens(struct front_request *q);
enum front_outcome front_view_whoami(struct front_request *q);
enum front_outcome front_view_live(struct front_request *q);
enum front_outcome front_view_ready(struct front_request *q);
/* Members "algs" and "limits" of GET /v1. */
struct j11_json_out;
void front_view_about(const struct front *front, struct j11_json_out *o);
/* "sets": each with its name, how many keys it has, and whether it has an issuer. */
void front_view_list_sets(const struct front *front, struct j11_json_out *o);

/* The i-th published set: its name, how many keys it has, and when its content last changed (seconds since 1970). False past the last. */
bool front_view_set_at(const struct front *front, size_t i, const char **ret_name, size_t *ret_n_keys, int64_t *ret_changed);

#endif
