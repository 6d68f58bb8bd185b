/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which a configuration, a job, trouble and looks come. Who does each of them is another file. */
#include "work_loop.h"

#include "base/clock.h"
#include "work_break.h"
#include "work_control.h"
#include "work_current.h"
#include "work_job.h"
#include "work_login.h"
#include "work_recover.h"
#include "work_sock.h"
#include "work_turn.h"
#include "work_wake.h"

enum { BACKOFF_MIN_MS = 250, BACKOFF_MAX_MS = 5000 };

/* A new view for a login or logout; a look for keys has its own. */
static const struct work_view *look_for_login(void)
{
	work_recover_afresh();
	work_current_renew(NULL);
	return work_current();
}

static const struct work_view *look_for_versions(void)
{
	work_current_rescan();
	return work_current();
}

static void tell_all(void)
{
	work_current_tell_states();
	work_current_announce();
}

static void use(struct conf *conf, uint64_t id)
{
	jwk11_context_ask_again(work_current_place()->ctx);
	work_break_forget();
	work_login_prune(conf);
	work_recover_afresh();
	work_current_renew(conf);
	work_current_tell_states(); /* what the supervisor shall know when it hears READY */
	work_sock_tell(WIRE_READY, id);
	work_current_announce();
}

/* When to look for new versions: PKCS#11 has no event for new objects. Milliseconds of j11_clock_ms; INT64_MAX: never. */
static int64_t next_look(void)
{
	const struct conf *conf = work_current()->conf;

	return conf_has_versions(conf) ? j11_clock_ms() + conf->rescan * 1000 : INT64_MAX;
}

/* Waits for a configuration, for trouble, or for the next look at a token that is away. */
_Noreturn void work_loop(void)
{
	int64_t backoff = BACKOFF_MIN_MS, due = j11_clock_ms() + backoff, look = next_look();

	for (;;) {
		bool waiting = work_view_is_waiting(work_current()), trouble;
		struct conf *conf;
		uint64_t id;

		if (!work_wake_wait(waiting && due < look ? due : look))
			work_turn_leave(WORK_EXIT_BUG);
		conf = work_control_take(&id);
		trouble = work_recover_is_wanted();
		if (work_job_serve(work_current(), look_for_login, look_for_versions, WORK_SOCK_CONTROL))
			tell_all();
		work_job_end();
		if (conf != NULL) {
			use(conf, id);
			backoff = BACKOFF_MIN_MS;
		} else if (trouble && work_recover_look()) {
			backoff = BACKOFF_MIN_MS;
		} else if (waiting && j11_clock_ms() >= due) {
			work_recover_try_again();
			backoff = backoff * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff * 2;
		} else if (j11_clock_ms() >= look) {
			work_current_rescan();
			tell_all();
			look = next_look();
			continue;
		} else {
			continue;
		}
		look = next_look();
		if (work_break_wait_ms() > backoff)
			backoff = work_break_wait_ms();
		due = j11_clock_ms() + backoff;
	}
}
