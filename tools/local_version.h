/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of a key as the tokens show them, without the broker. */
#ifndef LOCAL_VERSION_H
#define LOCAL_VERSION_H

#include <time.h>

#include "form/version.h"
#include "local.h"
#include "token/versions.h"

struct local_version {
	struct jwk11_key *key; /* borrowed */
	int64_t moment, until;
	enum j11_version_state state;
	char alg[24], kid[JWK11_KID_MAX];
	struct jwk11_err why;  /* why it never signs, if so */
};
struct local_versions {
	const struct conf_key *conf;
	struct j11_found_versions *found;
	struct local_version list[J11_VERSIONS_MAX]; /* sorted by moment */
	size_t n;
	long active;             /* -1: none */
	bool is_whole;           /* every token was searched */
	struct jwk11_err why;    /* why not */
};

/* Searches all tokens of a [key] section that has versions, and settles their states at `now`. Finding none is no error. Start with zeros, end with
 * local_versions_done. */
enum jwk11_rc local_versions_find(struct local *local, const struct conf_key *conf, time_t now, struct local_versions *ret_versions,
	struct jwk11_err *err) J11_MUST_USE;
void local_versions_done(struct local_versions *versions);
/* The section of this name, which must have versions; a sentence that says how when it has none. */
enum jwk11_rc local_versions_conf(struct local *local, const char *name, const struct conf_key **ret_conf, struct jwk11_err *err) J11_MUST_USE;
/* The open token on which the next key pair of a section belongs: that of its newest version, else the only one that its uri matches. */
enum jwk11_rc local_token_for(struct local *local, const struct conf_key *conf, struct jwk11_key *newest, struct jwk11_token **ret_token,
	struct jwk11_err *err) J11_MUST_USE;

/* Tells the broker, if there is one, that the keys on a token are others now; says on standard error when they will be found otherwise. `section` is the
 * name of a [token]. */
void local_tell_broker(const struct cmd_global *g, const char *section, int64_t rescan);
/* The same for certificates, which a broker that is running looks for when it is told, and else on SIGHUP. */
void local_tell_of_certs(const struct cmd_global *g, const char *section);
/* The [token] section that a token was opened by. */
const char *local_section_of(const struct local *local, const struct jwk11_token *token);

static inline void local_versions_done_auto(struct local_versions *versions)
{
	local_versions_done(versions);
}

#endif
