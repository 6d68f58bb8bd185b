/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11d-worker MODULE INDEX: one module instance, its logins, and T threads that sign. Threads: `control` reads the supervisor's messages
 * (work_control), the main thread owns tokens and keys (work_loop), the others answer requests (work_serve). No lock of theirs is held across
 * a PKCS#11 call. This file starts them. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "log.h"
#include "sandbox.h"
#include "work_audit.h"
#include "work_control.h"
#include "work_current.h"
#include "work_job.h"
#include "work_loop.h"
#include "work_recover.h"
#include "work_serve.h"
#include "work_sock.h"
#include "work_turn.h"
#include "work_wake.h"

static struct work_place place;

static void start_module(const struct conf *conf)
{
	struct jwk11_err err = { 0 };

	if (mkdir(conf->state_dir, 0700) != 0 && errno != EEXIST)
		log_event(LOG_LEVEL_ERROR, "state-dir", "dir", conf->state_dir, "why", strerror(errno), NULL);
	if (jwk11_context_new(&place.ctx, &err) != JWK11_OK || jwk11_context_load(place.ctx, place.module, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "module-failed", "module", place.module, "why", err.text, "hint", err.hint[0] ? err.hint : NULL, NULL);
		work_turn_leave(WORK_EXIT_BUG);
	}
	if (jwk11_context_set_state_dir(place.ctx, conf->state_dir, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "state-dir", "why", err.text, "hint", err.hint, NULL);
		work_turn_leave(WORK_EXIT_BUG);
	}
	jwk11_context_set_login_hook(place.ctx, &work_turn_hook);
}

static void start_thread(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL) != 0)
		work_turn_leave(WORK_EXIT_BUG);
	pthread_detach(thread);
}

int main(int argc, char **argv)
{
	uint64_t index = 0, id;
	struct conf *conf;
	unsigned threads;

	log_open("worker", LOG_LEVEL_NOTICE);
	if (argc != 3 || !j11_text_to_u64(j11_view_str(argv[2]), 1000, &index)) {
		fputs("jwk11d-worker is started by jwk11d\n", stderr);
		return 64;
	}
	sandbox_early();
	/* The supervisor's end of file ends us, not a signal that a terminal sends to the whole group: it could hit a login. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* an audit file that may not grow is an error of its own */
	place.module = argv[1];
	place.index = (unsigned)index;
	work_current_begin(&place);
	work_recover_begin();
	work_wake_open();
	if (!work_audit_open())
		work_turn_leave(WORK_EXIT_BUG);
	conf = work_control_first(&id);
	if (!sandbox_worker(conf, place.index == 0)) {
		log_event(LOG_LEVEL_ERROR, "start-failed", "why", "the sandbox could not be set up", "error", strerror(errno), NULL);
		work_turn_leave(WORK_EXIT_BUG);
	}
	if (!work_audit_start())
		work_turn_leave(WORK_EXIT_BUG);
	start_thread(work_control_thread);
	threads = conf->threads;
	start_module(conf);
	work_job_begin();
	work_current_renew(conf);
	if (work_current() == NULL)
		work_turn_leave(WORK_EXIT_BUG);
	work_current_tell_states();
	work_sock_tell(WIRE_READY, id);
	work_current_announce();
	for (unsigned i = 0; i < threads; i++)
		start_thread(work_serve_thread);
	work_loop();
}
