/* SPDX-License-Identifier: Apache-2.0 */
/* What is published, through the linter, and its thumbprints computed a second time. */
#include "ask.h"
#include "base/text.h"
#include "doctor.h"
#include "jose/jwk.h"
#include "show_lint.h"

enum { MAX_SHOWN = 10 };

/* Notes are left to `jwk11 lint`. */
static void lint_set(struct doctor *d, const struct ask_answer *answer)
{
	J11_AUTO(j11_lint_free_auto) struct j11_lint *lint = NULL;
	struct jwk11_err err = { 0 };
	char place[64];
	size_t n = 0;

	if (j11_lint_run(j11_buf_view(&answer->body), &lint, &err) != JWK11_OK) {
		doctor_say(d, DOCTOR_JWKS_UNSEEN, "", NULL, "%s", err.text);
		return;
	}
	j11_lint_media_type(lint, answer->media_type);
	for (size_t i = 0; i < lint->n_findings; i++) {
		const struct j11_lint_finding *found = &lint->findings[i];
		const struct j11_lint_rule *rule = j11_lint_rule(found->id);

		if (rule->severity != J11_LINT_INFO && ++n <= MAX_SHOWN)
			doctor_say(d, rule->severity == J11_LINT_ERROR ? DOCTOR_JWKS_FAULT : DOCTOR_JWKS_WARNING, show_lint_place(lint, found->key, place), rule->fix,
				"%s (%s)", found->text, rule->name);
	}
	if (n > MAX_SHOWN)
		doctor_say(d, DOCTOR_JWKS_WARNING, "", "jwk11 lint", "%zu more", n - MAX_SHOWN);
}

void doctor_jwks(struct doctor *d)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	struct j11_jwks set = { 0 };
	struct jwk11_err err = { 0 };
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	size_t n_same = 0;

	if (ask_broker(d->g, "GET", "/.well-known/jwks.json", NULL, NULL, &answer, &err) != JWK11_OK) {
		doctor_say(d, DOCTOR_JWKS_UNSEEN, "", NULL, "%s", err.text);
		return;
	}
	lint_set(d, &answer);
	if (j11_jwks_parse(j11_buf_view(&answer.body), &set, &err) != JWK11_OK) {
		doctor_say(d, DOCTOR_JWKS_UNSEEN, "", "jwk11 lint", "%s", err.text);
		return;
	}
	for (size_t i = 0; i < set.n; i++)
		if (jwk11_pub_thumbprint(set.pubs[i], thumbprint, NULL) == JWK11_OK && j11_text_equal(thumbprint, jwk11_pub_kid(set.pubs[i])))
			n_same++;
	doctor_say(d, DOCTOR_JWKS_OK, "", NULL, "%zu keys published, %zu with their thumbprint as kid", set.n, n_same);
	j11_jwks_done(&set);
}
