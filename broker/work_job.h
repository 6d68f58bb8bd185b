/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's login, logout or wish for another look, done by a worker's main thread for a thread that has the request and waits. */
#ifndef WORK_JOB_H
#define WORK_JOB_H

#include "base/secret.h"
#include "work_view.h"

enum work_job_kind { WORK_JOB_LOGIN, WORK_JOB_LOGOUT, WORK_JOB_RESCAN };
struct work_job {
	const char *token; /* name of its section */
	enum work_job_kind kind;
	bool final_try;
	struct j11_secret *pin; /* NULL: the configured one. Taken */

	/* what came of it */
	enum jwk11_rc rc;
	struct jwk11_err err;
	const char *state; /* the token's, when rc is OK */
	bool tried;        /* the PIN was sent */
	bool done;
};

typedef const struct work_view *(*work_look)(void);

/* Hands the job to the main thread, and waits until it is done. Any other thread. `wake` wakes the main thread. */
void work_job_run(struct work_job *job, void (*wake)(void));

/* Main thread: before there is a view, takes over what the supervisor has told of logins. */
void work_job_begin(void);
/* Main thread: what it has told since, and a job if there is one. `look` makes a new view and returns it;
 * `rescan` one with the tokens that are open, in which keys are looked for again. True: the view is another; who wants to
 * tell of it does so before work_job_end. What the job has changed is told to the supervisor, by `control`. */
bool work_job_serve(const struct work_view *view, work_look look, work_look rescan, int control);
/* Main thread: lets the thread go whose job was done. */
void work_job_end(void);

#endif
