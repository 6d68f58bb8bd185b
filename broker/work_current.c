/* SPDX-License-Identifier: Apache-2.0 */
/* A view is never changed once others can have it: what is new is another view. */
#include "work_current.h"

#include <pthread.h>

#include "base/mem.h"
#include "log.h"
#include "tally.h"
#include "work_log.h"
#include "work_sock.h"
#include "work_tell.h"

static const struct work_place *place;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows, for other threads than the main thread */
static struct work_view *view_now;

void work_current_begin(const struct work_place *the_place)
{
	place = the_place;
}

const struct work_place *work_current_place(void)
{
	return place;
}

struct work_view *work_current(void)
{
	return view_now;
}

struct work_view *work_current_ref(void)
{
	struct work_view *view;

	pthread_mutex_lock(&lock);
	view = work_view_ref(view_now);
	pthread_mutex_unlock(&lock);
	return view;
}

static uint64_t count_sessions(const struct work_view *view)
{
	uint64_t n = 0;

	for (size_t i = 0; i < view->n_tokens; i++)
		n += view->tokens[i].token != NULL ? view->conf->threads : 0;
	return n;
}

/* A copy through its own text: a view owns what it refers to. */
static struct conf *copy_conf(const struct conf *conf)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(4 * 1024 * 1024);
	struct conf *copy = NULL;

	conf_emit(conf, &text);
	return conf_parse(j11_buf_view(&text), "configuration", &copy, NULL) == JWK11_OK ? copy : NULL;
}

/* In place of the old view. NULL: there is no memory for one. */
static void put_in_force(struct work_view *view)
{
	struct work_view *before = view_now;

	if (view == NULL) {
		log_event(LOG_LEVEL_ERROR, "out-of-memory", NULL);
		return;
	}
	if (place->index == 0) /* the one that announces */
		work_view_find_chains(view);
	tally_add(TALLY_looks, 1);
	tally_set(TALLY_sessions, count_sessions(view));
	if (place->index == 0)
		work_log_change(view, before);
	pthread_mutex_lock(&lock);
	view_now = view;
	pthread_mutex_unlock(&lock);
	work_view_unref(before);
}

void work_current_renew(struct conf *conf)
{
	if (conf == NULL)
		conf = copy_conf(view_now->conf);
	if (conf != NULL)
		put_in_force(work_view_new(place->ctx, place->module, place->index, conf));
}

/* ---- another look at tokens that are open ---- */

/* How many keys of a view could not be searched, and how many have no version. */
struct sight {
	size_t n_unsearched, n_without;
};

static struct sight sight_of(const struct work_view *view)
{
	struct sight s = { 0 };

	for (size_t i = 0; i < view->n_keys; i++) {
		s.n_unsearched += work_view_wants_search(&view->keys[i]);
		s.n_without += conf_key_is_versioned(view->keys[i].conf) && !view->keys[i].is_version;
	}
	return s;
}

/* Is there less to see than before? */
static bool lost_sight(const struct work_view *before, const struct work_view *view)
{
	struct sight was = sight_of(before), is = sight_of(view);

	return is.n_unsearched > was.n_unsearched || is.n_without > was.n_without;
}

/* Another process may be changing the token at this very moment: what cannot be searched now is as it was, until the next time. */
void work_current_rescan(void)
{
	struct conf *conf = copy_conf(view_now->conf);
	struct work_view *view = conf != NULL ? work_view_again(view_now, conf) : NULL;

	if (view != NULL && lost_sight(view_now, view)) {
		log_event(LOG_LEVEL_WARNING, "versions-unread", "module", place->module, NULL);
		work_view_unref(view);
		return;
	}
	put_in_force(view);
}

/* ---- telling ---- */

void work_current_tell_states(void)
{
	if (place->index == 0)
		work_tell_states(view_now, WORK_SOCK_CONTROL);
}

void work_current_announce(void)
{
	if (place->index == 0)
		work_tell(view_now, place->module, place->index, WORK_SOCK_FRONT);
	work_tell_tally(WORK_SOCK_FRONT);
}
