/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through the linter, the takers and the comparison of sets: no crash, the same answer twice, and what the linter calls clean is a key
 * that the strict reader takes. */
#include <stdlib.h>
#include <string.h>

#include "jose/jwk.h"
#include "jose/jwks_diff.h"
#include "jose/takers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_findings(const struct j11_lint *lint, const struct j11_lint *again)
{
	size_t n = 0;

	must(lint->n_findings == again->n_findings && lint->n_keys == again->n_keys);
	for (size_t i = 0; i < lint->n_findings; i++) {
		const struct j11_lint_finding *f = &lint->findings[i];

		must(f->key <= lint->n_keys && f->text[0] != '\0' && (unsigned)f->id < J11_N_LINT_);
		must(f->id == again->findings[i].id && f->key == again->findings[i].key && strcmp(f->text, again->findings[i].text) == 0);
		must(f->key == 0 || j11_lint_rule(f->id)->severity != J11_LINT_ERROR || lint->keys[f->key - 1].first_error != J11_N_LINT_);
	}
	for (size_t i = 0; i < J11_N_LINT_SEVERITY_; i++)
		n += lint->n_severity[i];
	must(n >= lint->n_findings && (n == lint->n_findings || lint->n_findings == J11_LINT_KEEP));
	must(lint->doc != NULL || lint->n_severity[J11_LINT_ERROR] > 0);
}

/* Who takes a key takes none that is broken, and everybody else says why. */
static void check_verdicts(const struct j11_lint *lint)
{
	for (size_t i = 0; i < lint->n_keys && i < 8; i++)
		for (size_t j = 0; j11_taker_at(j) != NULL; j++) {
			struct j11_verdict verdict;

			j11_taker_judge(j11_taker_at(j), lint, &lint->keys[i], &verdict);
			must((verdict.takes == J11_TAKES_YES) == (verdict.why[0] == '\0'));
			must(verdict.takes != J11_TAKES_YES || lint->keys[i].first_error == J11_N_LINT_);
		}
}

static void check_strict(const struct j11_lint *lint, struct jwk11_view text)
{
	struct jwk11_pub *pub = NULL;
	enum jwk11_rc rc;

	if (lint->is_set || lint->n_severity[J11_LINT_ERROR] + lint->n_severity[J11_LINT_WARN] > 0)
		return;
	rc = jwk11_pub_from_jwk(text, &pub, NULL);
	must(rc == JWK11_OK || rc == JWK11_ERR_UNSUPPORTED || rc == JWK11_ERR_LIMIT);
	jwk11_pub_unref(pub);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view text = { .data = data, .len = size };
	struct j11_lint *lint = NULL, *again = NULL;
	struct j11_jwks_diff *diff = NULL;
	struct jwk11_err err = { 0 };

	must(j11_lint_run(text, &lint, &err) == JWK11_OK);
	must(j11_lint_run(text, &again, &err) == JWK11_OK);
	check_findings(lint, again);
	check_verdicts(lint);
	check_strict(lint, text);
	if (j11_jwks_diff(text, text, &diff, &err) == JWK11_OK)
		must(diff->n == 0);
	else
		must(err.rc != JWK11_OK && err.text[0] != '\0');
	j11_jwks_diff_free(diff);
	j11_lint_free(lint);
	j11_lint_free(again);
	return 0;
}
