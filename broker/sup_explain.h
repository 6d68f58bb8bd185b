/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11d --explain: what policy says, without a daemon. */
#ifndef SUP_EXPLAIN_H
#define SUP_EXPLAIN_H

#include <stdio.h>

#include "conf.h"

enum sup_explained { SUP_EXPLAIN_YES, SUP_EXPLAIN_NO, SUP_EXPLAIN_USAGE };

/* Decides for a peer that is described by NAME=VALUE words: user, uid, gid (which may be repeated), unit, executable, socket; with key and op, and alg
 * when it matters, or with token. A user has the groups that the system gives them. Writes what each section says and what comes of it to `out`; a
 * word that is wrong goes into err (USAGE). Not thread safe: it asks the user database. */
enum sup_explained sup_explain(const struct conf *conf, char *const *words, FILE *out, struct jwk11_err *err) J11_MUST_USE;

#endif
