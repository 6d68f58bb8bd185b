/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder of ARCHITECTURE.md, judged by what works. */
#include "work_recover.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "log.h"
#include "tally.h"
#include "work_break.h"
#include "work_current.h"
#include "work_turn.h"
#include "work_wake.h"

enum { SETTLED_MS = 60000 };

static atomic_bool trouble;
static int64_t started_ms;
static unsigned n_active; /* keys in use before a token was in trouble; 0: none is */

void work_recover_report(void)
{
	atomic_store(&trouble, true);
	work_wake();
}

bool work_recover_is_wanted(void)
{
	return atomic_exchange(&trouble, false);
}

void work_recover_begin(void)
{
	started_ms = j11_clock_ms();
}

void work_recover_afresh(void)
{
	n_active = 0;
}

static void look_again(void)
{
	work_current_renew(NULL);
	work_current_tell_states();
	work_current_announce();
}

static unsigned count_active(const struct work_view *view)
{
	unsigned n = 0;

	for (size_t i = 0; i < view->n_keys; i++)
		n += view->keys[i].key != NULL;
	return n;
}

static bool all_open(const struct work_view *view)
{
	for (size_t i = 0; i < view->n_tokens; i++)
		if (view->tokens[i].token == NULL)
			return false;
	return true;
}

/* Is there an open token that has failed too often, or is gone? */
static bool find_failed(const struct work_view *view)
{
	bool found = false;

	for (size_t i = 0; i < view->n_tokens; i++) {
		const struct work_token *t = &view->tokens[i];
		struct jwk11_err why = { 0 };

		if (t->token == NULL)
			continue;
		if (jwk11_token_check(t->token, &why) != JWK11_OK)
			work_break_trip(t->conf->name, &why);
		found |= work_break_is_open(t->conf->name, NULL);
	}
	return found;
}

/* A token that fails is opened anew beside the old one. When that has not helped it is closed, so that nobody waits for it, until it is due.
 * Keys that were there before and now are not: the module has lost sight of them, which only its next start will mend. */
bool work_recover_look(void)
{
	if (!find_failed(work_current()))
		return false;
	if (n_active == 0)
		n_active = count_active(work_current());
	if (work_break_wait_ms() == 0)
		work_break_try();
	look_again();
	if (!all_open(work_current()))
		return true;
	if (count_active(work_current()) < n_active) {
		work_break_again();
		look_again();
	} else {
		n_active = 0;
	}
	return true;
}

/* Not where a person would have to type the PIN for it. */
static void leave_for_another(const char *why)
{
	const struct work_view *view = work_current();

	for (size_t i = 0; i < view->n_tokens; i++)
		if (view->tokens[i].conf->login == CONF_LOGIN_PROTECTED)
			return;
	log_event(LOG_LEVEL_WARNING, "worker-leaves", "module", work_current_place()->module, "why", why, NULL);
	work_turn_leave(0);
}

/* False: somebody still holds a token of it. */
static bool restart_module(void)
{
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = jwk11_context_reload(work_current_place()->ctx, &err);

	tally_add(TALLY_module_restarts, rc == JWK11_OK);
	if (rc == JWK11_ERR_DEVICE) {
		log_event(LOG_LEVEL_ERROR, "module-restart-failed", "module", work_current_place()->module, "why", err.text, NULL);
		work_turn_leave(WORK_EXIT_BUG);
	}
	return rc == JWK11_OK;
}

/* The wait is over. Nothing open: the module is started again, which is how some notice new tokens, and others their own. While another
 * token is open that cannot be, and a new process must do; not more than once in a while, because it costs the other's requests a second try. */
void work_recover_try_again(void)
{
	bool alone = !work_view_has_open(work_current());

	if (work_break_is_spent() && (alone || j11_clock_ms() - started_ms > SETTLED_MS))
		leave_for_another("a token fails although it was opened anew several times");
	if (alone && !restart_module())
		return;
	work_break_try();
	look_again();
	if (!all_open(work_current()))
		return;
	if (!alone && count_active(work_current()) < n_active)
		leave_for_another("keys are missing since a token failed");
	n_active = 0;
}
