/* SPDX-License-Identifier: Apache-2.0 */
/* A list that begins with the first failure: a worker whose tokens work does not take its lock. */
#include "work_break.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/text.h"
#include "breaker.h"

struct entry {
	char *token;
	struct breaker breaker;
	struct jwk11_err why; /* the last failure */
	struct entry *next;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list; innermost, nothing is called under it */
static struct entry *first;
static atomic_bool any;

static struct entry *find(const char *token)
{
	struct entry *e = first;

	while (e != NULL && !j11_text_equal(e->token, token))
		e = e->next;
	return e;
}

/* NULL: no memory, and then the token is asked as if it worked. */
static struct entry *find_or_add(const char *token)
{
	struct entry *e = find(token);

	if (e != NULL)
		return e;
	e = j11_mem_new(sizeof(*e));
	if (e == NULL || (e->token = j11_mem_dup(token)) == NULL) {
		j11_mem_free(e);
		return NULL;
	}
	e->next = first;
	first = e;
	atomic_store(&any, true);
	return e;
}

/* Failures that say something of the token, not of the request. A key that is not found any more is one: some modules, asked for what they
 * have lost, only say that there is nothing. A PIN that is refused is no reason to leave the token's other keys alone. */
static bool is_failure(enum jwk11_rc rc, const struct jwk11_err *err)
{
	return rc == JWK11_ERR_ABSENT || rc == JWK11_ERR_DEVICE || (rc == JWK11_ERR_NOT_FOUND && j11_text_equal(err->code, "KEY_UNAVAILABLE"));
}

bool work_break_note(const struct conf_token *token, enum jwk11_rc rc, const struct jwk11_err *err)
{
	bool look = rc == JWK11_ERR_ABSENT || rc == JWK11_ERR_DEVICE || rc == JWK11_ERR_LOGIN;
	struct entry *e;

	if (token->login == CONF_LOGIN_PROTECTED || (!is_failure(rc, err) && (rc != JWK11_OK || !atomic_load(&any))))
		return look;
	pthread_mutex_lock(&lock);
	e = rc == JWK11_OK ? find(token->name) : find_or_add(token->name);
	if (e != NULL && rc == JWK11_OK) {
		breaker_worked(&e->breaker);
	} else if (e != NULL && !e->breaker.open) {
		e->why = *err;
		look |= breaker_failed(&e->breaker);
	}
	pthread_mutex_unlock(&lock);
	return look;
}

void work_break_trip(const char *token, const struct jwk11_err *why)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = find_or_add(token);
	if (e != NULL && !e->breaker.open) {
		e->why = *why;
		breaker_trip(&e->breaker);
	}
	pthread_mutex_unlock(&lock);
}

bool work_break_is_open(const char *token, struct jwk11_err *ret_why)
{
	const struct entry *e;
	bool open;

	if (!atomic_load(&any))
		return false;
	pthread_mutex_lock(&lock);
	e = find(token);
	open = e != NULL && e->breaker.open;
	if (open && ret_why != NULL)
		*ret_why = e->why;
	pthread_mutex_unlock(&lock);
	return open;
}

void work_break_try(void)
{
	pthread_mutex_lock(&lock);
	for (struct entry *e = first; e != NULL; e = e->next)
		breaker_try(&e->breaker);
	pthread_mutex_unlock(&lock);
}

void work_break_again(void)
{
	pthread_mutex_lock(&lock);
	for (struct entry *e = first; e != NULL; e = e->next)
		if (e->breaker.openings > 0)
			breaker_trip(&e->breaker);
	pthread_mutex_unlock(&lock);
}

int work_break_wait_ms(void)
{
	int longest = -1;

	pthread_mutex_lock(&lock);
	for (const struct entry *e = first; e != NULL; e = e->next)
		if (e->breaker.open && breaker_wait_ms(&e->breaker) > longest)
			longest = breaker_wait_ms(&e->breaker);
	pthread_mutex_unlock(&lock);
	return longest;
}

bool work_break_is_spent(void)
{
	bool spent = false;

	pthread_mutex_lock(&lock);
	for (const struct entry *e = first; e != NULL; e = e->next)
		spent |= breaker_is_spent(&e->breaker);
	pthread_mutex_unlock(&lock);
	return spent;
}

void work_break_forget(void)
{
	struct entry *next;

	pthread_mutex_lock(&lock);
	for (struct entry *e = first; e != NULL; e = next) {
		next = e->next;
		j11_mem_free(e->token);
		j11_mem_free(e);
	}
	first = NULL;
	atomic_store(&any, false);
	pthread_mutex_unlock(&lock);
}
