/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker knows at one moment: configuration, open tokens, found keys. Immutable once published; threads share it by reference. */
#ifndef WORK_VIEW_H
#define WORK_VIEW_H

#include "conf.h"
#include "jwk11.h"

#define WORK_KID_MAX JWK11_KID_MAX

struct work_token {
	const struct conf_token *conf;
	struct jwk11_token *token; /* NULL unless ready */
	const char *state;         /* PROTOCOL.md "States in the catalogue" */
	struct jwk11_err why;      /* when not ready */
	struct jwk11_certs *certs; /* while chains are looked for */
};

struct work_key {
	const struct conf_key *conf;
	struct jwk11_key *key; /* NULL unless active */
	const char *state;
	const char *alg;
	unsigned health; /* bits of enum jwk11_health; also of a key that is not active for it */
	const struct work_token *token; /* the one it is on; NULL when missing */
	char kid[WORK_KID_MAX];
	struct jwk11_err why; /* when not active */
	struct jwk11_chain *chain; /* its certificates; NULL: none, or nobody looked */
	char chain_note[JWK11_TEXT_MAX];
	/* Of a key with versions (conf_key_is_versioned). */
	bool is_version; /* this is one of them; false: none was found, and this says why */
	bool is_whole;   /* all tokens of the module were searched for more */
	int64_t moment;  /* from which it signs, in seconds since 1970; 0: its label has none */
};

struct work_view {
	_Atomic unsigned refs;
	struct conf *conf; /* owned */
	struct work_token *tokens;
	size_t n_tokens;
	struct work_key *keys; /* one per [key] of the configuration, in its order; or one per version of it, sorted by moment */
	size_t n_keys, room;
};

/* Opens every [token] that may be in the module of the context and finds every [key] on them. Takes conf. Never fails on what tokens
 * do: that is what states are for. NULL when out of memory. */
struct work_view *work_view_new(struct jwk11_context *ctx, const char *module, unsigned index, struct conf *conf);
/* The same, with tokens that `before` has open staying open: only keys are looked for. Takes conf, which says what that of `before` says. */
struct work_view *work_view_again(const struct work_view *before, struct conf *conf);
/* Finds each key's certificates, for the catalogue: before anybody else has the view. */
void work_view_find_chains(struct work_view *view);
struct work_view *work_view_ref(struct work_view *view);
void work_view_unref(struct work_view *view);
/* Was it not found only because an open token failed during the search? */
bool work_view_wants_search(const struct work_key *key);
/* Is there a token that is not ready, or a key that wants a search, and may become so by itself (as opposed to a PIN that must change)? */
bool work_view_is_waiting(const struct work_view *view);
bool work_view_has_open(const struct work_view *view);

#endif
