/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of operators. One lock guards what is handed over; the work itself is done without it. */
#include "work_job.h"

#include <pthread.h>

#include "base/err.h"
#include "base/text.h"
#include "work_break.h"
#include "work_login.h"

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* held by the thread whose job it is, which waits for the main thread */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static struct work_job *waiting;
static struct work_job *served; /* main thread */

static const struct work_token *find_token(const struct work_view *view, const char *name)
{
	for (size_t i = 0; view != NULL && i < view->n_tokens; i++)
		if (j11_text_equal(view->tokens[i].conf->name, name))
			return &view->tokens[i];
	return NULL;
}

/* ---- what the supervisor has told ---- */

struct collected {
	const struct work_view *view; /* NULL: none yet */
	bool look;                    /* some token is not as it is to be now */
};

/* A token that is open stays so: the PIN is for the next time. */
static void hear(const struct work_login *login, void *arg)
{
	struct collected *c = arg;
	const struct work_token *t = find_token(c->view, login->token);
	const struct work_login *before = work_login_of(login->token);

	c->look |= t != NULL && (login->out ? before == NULL || !before->out : t->token == NULL);
}

void work_job_begin(void)
{
	struct collected c = { .view = NULL };

	work_login_collect(hear, &c);
}

/* ---- jobs ---- */

static enum jwk11_rc fail(struct work_job *job, enum jwk11_rc rc)
{
	job->rc = rc;
	return rc;
}

/* Tokens at which no PIN of an operator has a place. */
static enum jwk11_rc check(struct work_job *job, const struct work_token *t)
{
	if (t == NULL)
		return fail(job, j11_err_set(&job->err, JWK11_ERR_NOT_FOUND, J11_CODE_TOKEN_UNKNOWN, "no token \"%s\" in this module", job->token));
	if (job->kind == WORK_JOB_LOGIN && t->conf->login == CONF_LOGIN_PROTECTED) {
		j11_err_set(&job->err, JWK11_ERR_LOGIN, J11_CODE_PIN_PAD, "token \"%s\": its PIN is typed on its pad", t->conf->name);
		j11_err_hint(&job->err, "systemctl reload jwk11d, or SIGHUP, asks for it there again");
		return fail(job, JWK11_ERR_LOGIN);
	}
	if (job->pin != NULL && t->conf->login == CONF_LOGIN_NEVER)
		return fail(job, j11_err_set(&job->err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "token \"%s\" has login = never", t->conf->name));
	return JWK11_OK;
}

/* The new PIN stands if it works, else what stood before. False: the view is the old one. */
static bool log_in(struct work_job *job, const struct work_token *t, work_look look, int control)
{
	struct work_login *login = job->pin != NULL ? work_login_new(job->token) : NULL, *old;

	if (t->token != NULL) {
		job->state = t->state;
		return false;
	}
	if (job->pin != NULL && login == NULL) {
		fail(job, j11_err_memory(&job->err));
		return false;
	}
	if (login != NULL) {
		login->pin = J11_STEAL(job->pin);
		login->final_try = job->final_try;
	}
	old = work_login_exchange(job->token, login);
	work_login_stamp(job->token);
	work_break_forget();
	t = find_token(look(), job->token);
	if (login != NULL)
		login->final_try = false;
	if (t != NULL && t->token != NULL) {
		job->state = t->state;
		job->tried = login != NULL && jwk11_token_get_info(t->token)->pin != JWK11_PIN_NOT_NEEDED;
		work_login_tell(job->token, control);
		work_login_free(old);
		return true;
	}
	if (t != NULL)
		job->err = t->why;
	fail(job, t != NULL ? t->why.rc : j11_err_memory(&job->err));
	work_login_free(work_login_exchange(job->token, old));
	(void)look();
	return true;
}

static bool log_out(struct work_job *job, work_look look, int control)
{
	struct work_login *login = work_login_new(job->token);
	const struct work_token *t;

	if (login == NULL) {
		fail(job, j11_err_memory(&job->err));
		return false;
	}
	login->out = true;
	work_login_free(work_login_exchange(job->token, login));
	work_login_stamp(job->token);
	t = find_token(look(), job->token);
	if (t == NULL || t->token != NULL)
		fail(job, j11_err_memory(&job->err));
	else
		job->state = t->state;
	work_login_tell(job->token, control);
	return true;
}

/* A token that is not open is left to those who open it: another look must not be another login. */
static bool rescan_keys(struct work_job *job, const struct work_token *t, work_look rescan)
{
	if (t->token == NULL) {
		job->err = t->why;
		fail(job, t->why.rc);
		return false;
	}
	t = find_token(rescan(), job->token);
	job->state = t != NULL ? t->state : "failed";
	return true;
}

bool work_job_serve(const struct work_view *view, work_look look, work_look rescan, int control)
{
	struct collected collected = { .view = view };
	bool changed;
	const struct work_token *t;
	struct work_job *job;

	work_login_collect(hear, &collected);
	changed = collected.look;
	if (changed)
		view = look();
	pthread_mutex_lock(&lock);
	job = waiting;
	waiting = NULL;
	pthread_mutex_unlock(&lock);
	if (job == NULL)
		return changed;
	served = job;
	t = find_token(view, job->token);
	if (check(job, t) != JWK11_OK)
		return changed;
	if (job->kind == WORK_JOB_RESCAN)
		return rescan_keys(job, t, rescan) || changed;
	return (job->kind == WORK_JOB_LOGOUT ? log_out(job, look, control) : log_in(job, t, look, control)) || changed;
}

void work_job_end(void)
{
	if (served == NULL)
		return;
	pthread_mutex_lock(&lock);
	served->done = true;
	served = NULL;
	pthread_cond_broadcast(&done);
	pthread_mutex_unlock(&lock);
}

void work_job_run(struct work_job *job, void (*wake)(void))
{
	pthread_mutex_lock(&turn);
	pthread_mutex_lock(&lock);
	waiting = job;
	wake();
	while (!job->done)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&turn);
	j11_secret_free(job->pin);
	job->pin = NULL;
}
