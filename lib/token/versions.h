/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of a key on its tokens: key pairs whose label is BASE or BASE@YYYYMMDDTHHMMSSZ (form/version.h). */
#ifndef J11_VERSIONS_H
#define J11_VERSIONS_H

#include "form/version.h"
#include "obj.h"

/* What versions are called: the `object` of the key's URI, else its name. Refuses (URI_INVALID, LIMIT) what is no URI, and a base that leaves no room
 * for a moment. */
enum jwk11_rc j11_versions_base(const char *uri, const char *name, char ret_base[J11_LABEL_MAX], struct jwk11_err *err) J11_MUST_USE;

/* What a version does: the algorithm that is wanted (NULL: none), else what it can. One from before the algorithm was changed goes on as what it is, so
 * that its tokens can be verified. Static. */
const char *j11_versions_alg(const struct jwk11_key *key, const char *wanted);
/* Does the URI match this token, whatever object it asks for? */
bool j11_versions_may_lie_on(const struct jwk11_token *token, const char *uri);

struct j11_found_version {
	struct jwk11_key *key; /* a reference */
	int64_t moment;
	size_t at;             /* as the caller gave it: on which token */
};
/* The versions found on one token after another, sorted by moment; equal ones by thumbprint, so that everybody has the same order. */
struct j11_found_versions {
	struct j11_found_version list[J11_VERSIONS_MAX];
	size_t n, n_too_many;     /* the oldest ones, left out */
	char misleading[JWK11_TEXT_MAX]; /* a label with BASE@ and no moment behind it; "": none */
	char skipped[JWK11_TEXT_MAX];    /* why a version could not be read; "": none */
};
/* Adds what one token has. The same public key with the same moment is found once. Start with zeros, end with j11_versions_done. */
enum jwk11_rc j11_versions_find(struct jwk11_token *token, const char *uri, const char *name, size_t at, struct j11_found_versions *found,
	struct jwk11_err *err) J11_MUST_USE;
void j11_versions_done(struct j11_found_versions *found);

#endif
