/* SPDX-License-Identifier: Apache-2.0 */
/* The table is the main thread's; one lock guards what others post. */
#include "work_login.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "log.h"

static struct work_login *table; /* main thread */

/* Since when each token is as it is; also of those that are opened as configured. Main thread. */
static struct stamp {
	struct stamp *next;
	char token[WIRE_TOKEN_MAX];
	uint64_t at_us;
} *stamps;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct work_login *posted, **posted_end = &posted;

struct work_login *work_login_new(const char *token)
{
	struct work_login *login = j11_mem_new(sizeof(*login));

	if (login != NULL)
		snprintf(login->token, sizeof(login->token), "%s", token);
	return login;
}

void work_login_free(struct work_login *login)
{
	if (login != NULL)
		j11_secret_free(login->pin);
	j11_mem_free(login);
}

/* Where it is, or would be. */
static struct work_login **place_of(const char *token)
{
	struct work_login **place = &table;

	while (*place != NULL && !j11_text_equal((*place)->token, token))
		place = &(*place)->next;
	return place;
}

const struct work_login *work_login_of(const char *token)
{
	return *place_of(token);
}

struct work_login *work_login_exchange(const char *token, struct work_login *login)
{
	struct work_login **place = place_of(token), *old = *place, *next = old != NULL ? old->next : NULL;

	if (login != NULL)
		login->next = next;
	*place = login != NULL ? login : next;
	return old;
}

void work_login_prune(const struct conf *conf)
{
	struct work_login **place = &table, *login;

	while ((login = *place) != NULL) {
		if (conf_find_token(conf, login->token) != NULL) {
			place = &login->next;
			continue;
		}
		*place = login->next;
		work_login_free(login);
	}
}

/* NULL: no memory for a new one. */
static struct stamp *stamp_of(const char *token)
{
	struct stamp *s = stamps;

	while (s != NULL && !j11_text_equal(s->token, token))
		s = s->next;
	if (s != NULL || (s = j11_mem_new(sizeof(*s))) == NULL)
		return s;
	snprintf(s->token, sizeof(s->token), "%s", token);
	s->next = stamps;
	return stamps = s;
}

void work_login_stamp(const char *token)
{
	struct stamp *s = stamp_of(token);

	if (s != NULL)
		s->at_us = (uint64_t)j11_clock_us();
}

/* A login or logout of another worker that was carried out before the one here, and is heard of after it, changes nothing. */
static bool is_stale(const struct work_login *login)
{
	struct stamp *s = stamp_of(login->token);

	if (s != NULL && login->at_us < s->at_us)
		return true;
	if (s != NULL)
		s->at_us = login->at_us;
	return false;
}

void work_login_tell(const char *token, int control)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(256);
	const struct work_login *login = work_login_of(token);
	const struct stamp *stamp = stamp_of(token);
	bool with_pin = login != NULL && login->pin != NULL;
	int fd = with_pin ? j11_secret_to_memory(login->pin) : -1, why = with_pin && fd < 0 ? errno : 0;

	wire_login_set(&out, stamp != NULL ? stamp->at_us : 0, token, login != NULL && login->out);
	if (why == 0)
		why = out.failed == JWK11_OK ? wire_send(control, j11_buf_view(&out), fd) : ENOMEM;
	if (why != 0)
		log_event(LOG_LEVEL_WARNING, "login-untold", "token", token, "why", strerror(why), NULL);
	if (fd >= 0)
		close(fd);
}

void work_login_post(const struct wire_msg *msg, int fd)
{
	char token[WIRE_TOKEN_MAX];
	struct jwk11_err err = { 0 };
	struct work_login *login;
	bool out;

	if (!wire_login_take(msg, token, &out))
		return;
	login = work_login_new(token);
	if (login == NULL || (fd >= 0 && j11_secret_from_memory(fd, &login->pin, &err) != JWK11_OK)) {
		log_event(LOG_LEVEL_WARNING, "login-lost", "token", token, "why", login == NULL ? "out of memory" : err.text, NULL);
		work_login_free(login);
		return;
	}
	login->out = out;
	login->at_us = msg->id;
	pthread_mutex_lock(&lock);
	*posted_end = login;
	posted_end = &login->next;
	pthread_mutex_unlock(&lock);
}

void work_login_collect(void (*changed)(const struct work_login *login, void *arg), void *arg)
{
	struct work_login *list, *next;

	pthread_mutex_lock(&lock);
	list = posted;
	posted = NULL;
	posted_end = &posted;
	pthread_mutex_unlock(&lock);
	for (; list != NULL; list = next) {
		bool stands = list->out || list->pin != NULL;

		next = list->next;
		if (is_stale(list)) {
			work_login_free(list);
			continue;
		}
		changed(list, arg);
		work_login_free(work_login_exchange(list->token, stands ? list : NULL));
		if (!stands)
			work_login_free(list);
	}
}
