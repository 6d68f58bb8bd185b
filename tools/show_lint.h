/* SPDX-License-Identifier: Apache-2.0 */
/* What the linter found, as a table for people or one JSON document. */
#ifndef SHOW_LINT_H
#define SHOW_LINT_H

#include "cmd.h"
#include "jose/takers.h"

/* `takers`: n of them, each with a verdict on each key. */
enum jwk11_rc show_lint(const struct j11_lint *lint, const struct j11_taker *const *takers, size_t n, bool json, struct jwk11_err *err) J11_MUST_USE;
/* All rules and takers. */
enum jwk11_rc show_lint_rules(bool json, struct jwk11_err *err) J11_MUST_USE;
/* "key 2 (KID)", "text" or "set". */
const char *show_lint_place(const struct j11_lint *lint, size_t key, char ret_place[64]);

#endif
