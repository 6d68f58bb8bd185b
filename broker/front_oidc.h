/* SPDX-License-Identifier: Apache-2.0 */
/* The discovery document of an issuer whose keys a set holds (OpenID Connect Discovery 1.0 section 3): what relying parties need to find the
 * keys, and no more. Pure. */
#ifndef FRONT_OIDC_H
#define FRONT_OIDC_H

#include "conf.h"

enum { FRONT_OIDC_ALGS_MAX = 24 };

/* The algorithms of a set's keys that sign, each once, in the order of their coming. */
struct front_oidc_algs {
	const char *name[FRONT_OIDC_ALGS_MAX]; /* borrowed */
	size_t n;
};
void front_oidc_note(struct front_oidc_algs *algs, const char *alg);

/* Appends the document. The set has an issuer. */
void front_oidc_write(const struct conf_set *set, const struct front_oidc_algs *algs, struct jwk11_buf *out);

#endif
