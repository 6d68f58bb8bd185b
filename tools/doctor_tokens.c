/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens as the broker sees them; without one as their modules show them, with nobody logged in. */
#include <stdio.h>

#include "base/text.h"
#include "doctor.h"
#include "show.h"

/* ---- what a PIN's counter says ---- */

static void check_counter(struct doctor *d, const char *token, const char *pin)
{
	static const struct {
		const char *word;
		enum doctor_code code;
		const char *text, *next;
	} rows[] = {
		{ "low", DOCTOR_PIN_LOW, "a wrong PIN was tried: fewer tries than usual are left", "find out who has the wrong one; a login with the right PIN resets the counter" },
		{ "final-try", DOCTOR_PIN_FINAL_TRY, "one try is left; it is not used up here",
			"log in once by hand with the right PIN: jwk11 list --offline --ask-pin --final-try with --module and --token" },
		{ "locked", DOCTOR_PIN_LOCKED, "its PIN is locked", "set a new PIN with the security officer's, put it into the PIN file or credential, then reload jwk11d" },
		{ "expired", DOCTOR_PIN_EXPIRED, "its PIN must be changed first", "change it with the token's own tool, put the new one into the PIN file or credential, then reload jwk11d" },
	};

	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (j11_text_equal(rows[i].word, pin))
			doctor_say(d, rows[i].code, token, rows[i].next, "%s", rows[i].text);
}

/* ---- by the broker ---- */

/* Its words for states (PROTOCOL.md). Those about counters are said by check_counter. */
static const struct {
	const char *state, *counter;
	enum doctor_code code;
	const char *next;
} states[] = {
	{ "absent", NULL, DOCTOR_TOKEN_ABSENT, "plug it in: it is picked up when it is there; jwk11 tokens --offline shows what is" },
	{ "ambiguous", NULL, DOCTOR_TOKEN_AMBIGUOUS, "add serial= to the uri of its [token] section" },
	{ "logged-out", NULL, DOCTOR_TOKEN_LOGGED_OUT, "jwk11 login" },
	{ "pin-pad", NULL, DOCTOR_TOKEN_PIN_PAD, "its PIN is typed on its own pad: login = protected in its [token] section, then reload jwk11d (SIGHUP) and type it" },
	{ "pin-missing", NULL, DOCTOR_TOKEN_PIN_MISSING, "name pin-file or pin-credential in its [token] section, then reload jwk11d (SIGHUP); or jwk11 login" },
	{ "pin-rejected", NULL, DOCTOR_TOKEN_PIN_REJECTED, "correct the PIN file, then reload jwk11d (SIGHUP)" },
	{ "pin-final-try", "final-try", DOCTOR_PIN_FINAL_TRY, NULL },
	{ "pin-locked", "locked", DOCTOR_PIN_LOCKED, NULL },
	{ "pin-expired", "expired", DOCTOR_PIN_EXPIRED, NULL },
};

static void say_state(struct doctor *d, const char *name, const char *state, const char *reason)
{
	char next[200];

	for (size_t i = 0; i < J11_COUNT(states); i++) {
		if (!j11_text_equal(states[i].state, state))
			continue;
		snprintf(next, sizeof(next), "%s%s%s", states[i].next != NULL ? states[i].next : "", j11_text_equal(state, "logged-out") ? " " : "",
			j11_text_equal(state, "logged-out") ? name : "");
		if (states[i].counter != NULL)
			check_counter(d, name, states[i].counter);
		else
			doctor_say(d, states[i].code, name, next, "%s%s%s", state, reason[0] != '\0' ? ": " : "", reason);
		return;
	}
	doctor_say(d, DOCTOR_TOKEN_NOT_READY, name, "journalctl -u jwk11d says what happened; jwk11d tries again by itself", "%s%s%s", state, reason[0] != '\0' ? ": " : "", reason);
}

static void check_asked(struct doctor *d, const struct j11_json *t)
{
	char name[80], state[40], pin[24], reason[JWK11_TEXT_MAX], library[100];

	show_member(t, "name", name, sizeof(name));
	show_member(t, "state", state, sizeof(state));
	show_member(t, "pin", pin, sizeof(pin));
	show_member(t, "reason", reason, sizeof(reason));
	show_member(t, "library", library, sizeof(library));
	if (!j11_text_equal(state, "ready")) {
		say_state(d, name, state, reason);
		return;
	}
	doctor_say(d, DOCTOR_TOKEN_OK, name, NULL, "ready, %s%s%s", j11_text_equal(pin, "not-needed") ? "no PIN needed" : j11_text_equal(pin, "ok") ? "PIN tries normal" : "logged in",
		library[0] != '\0' ? ", " : "", library);
	check_counter(d, name, pin);
}

static void check_by_broker(struct doctor *d)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { 0 };
	const struct j11_json *tokens;

	if (show_ask(d->g, "/v1/tokens", &doc, &err) != JWK11_OK) {
		doctor_say(d, DOCTOR_TOKEN_UNSEEN, "", NULL, "not looked at: %s", err.text);
		return;
	}
	tokens = j11_json_get(j11_json_root(doc), "tokens");
	for (const struct j11_json *t = tokens ? tokens->child : NULL; t != NULL; t = t->next)
		check_asked(d, t);
	if (tokens == NULL || tokens->child == NULL)
		doctor_say(d, DOCTOR_TOKEN_NONE, "", "add [token NAME] with its uri: jwk11.conf(5)", "the configuration names no token");
}

/* ---- by what the modules show ---- */

static bool same_token(const struct jwk11_token_info *a, const struct jwk11_token_info *b)
{
	return j11_text_equal(a->label, b->label) && j11_text_equal(a->serial, b->serial) && j11_text_equal(a->model, b->model);
}

/* The one token that a URI means; one that two modules show is one. */
static const struct jwk11_token_info *find_token(const struct doctor *d, unsigned uri, const char *module, unsigned *ret_n)
{
	const struct jwk11_token_info *found = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < d->n_probes; i++) {
		for (size_t j = 0; j < d->probes[i].n_tokens; j++) {
			const struct probe_token *t = &d->probes[i].tokens[j];

			if ((t->matches >> uri & 1) == 0 || (module != NULL && !j11_text_equal(module, d->probes[i].module)))
				continue;
			*ret_n += found == NULL || !same_token(found, &t->info);
			found = &t->info;
		}
	}
	return found;
}

static void check_probed(struct doctor *d, unsigned uri, const char *name, const char *text, const char *module)
{
	unsigned n;
	const struct jwk11_token_info *info = find_token(d, uri, module, &n);

	if (n == 0)
		doctor_say(d, DOCTOR_TOKEN_ABSENT, name, "plug it in, or correct its uri; jwk11 tokens --offline shows what is there", "no token that is present matches %s", text);
	else if (n > 1)
		doctor_say(d, DOCTOR_TOKEN_AMBIGUOUS, name, "add serial= to its uri", "%u tokens match %s", n, text);
	else {
		doctor_say(d, DOCTOR_TOKEN_OK, name, NULL, "present (label %s, serial %s), PIN %s; nobody was logged in", info->label, info->serial,
			jwk11_pin_state_name(info->pin));
		check_counter(d, name, jwk11_pin_state_name(info->pin));
	}
}

static void check_by_modules(struct doctor *d)
{
	if (d->direct) {
		for (size_t i = 0; i < d->n_probes; i++)
			for (size_t j = 0; j < d->probes[i].n_tokens; j++) {
				const struct jwk11_token_info *info = &d->probes[i].tokens[j].info;

				if ((d->probes[i].tokens[j].matches & 1) == 0)
					continue;
				doctor_say(d, DOCTOR_TOKEN_OK, info->label, NULL, "present (serial %s), PIN %s", info->serial, jwk11_pin_state_name(info->pin));
				check_counter(d, info->label, jwk11_pin_state_name(info->pin));
			}
		return;
	}
	for (unsigned i = 0; d->conf != NULL && i < d->conf->n_tokens && i < PROBE_URIS; i++)
		check_probed(d, i, d->conf->tokens[i].name, d->conf->tokens[i].uri, d->conf->tokens[i].module);
	if (d->conf != NULL && d->conf->n_tokens == 0)
		doctor_say(d, DOCTOR_TOKEN_NONE, "", "add [token NAME] with its uri: jwk11.conf(5)", "the configuration names no token");
}

void doctor_tokens(struct doctor *d)
{
	if (d->broker)
		check_by_broker(d);
	else if (d->g->offline || !d->published)
		check_by_modules(d);
}
