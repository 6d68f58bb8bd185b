/* SPDX-License-Identifier: Apache-2.0 */
/* Users in a list: a machine has few of them that talk to a broker. Buckets count in parts of a request, so that nothing is rounded away. */
#include "user.h"

#include "base/mem.h"

#define USER_REQUEST 3600000 /* of the level: at one request an hour, one for each millisecond */
#define ELAPSED_MAX 0x7fffffff /* milliseconds, 24 days: no product overflows */
#define PRUNED 2               /* users looked at for each new one */

static void unlink_user(struct users *users, struct user *user)
{
	*(user->prev != NULL ? &user->prev->next : &users->first) = user->next;
	*(user->next != NULL ? &user->next->prev : &users->last) = user->prev;
}

static void link_first(struct users *users, struct user *user)
{
	user->prev = NULL;
	user->next = users->first;
	*(users->first != NULL ? &users->first->prev : &users->last) = user;
	users->first = user;
}

static void free_user(struct user *user)
{
	j11_mem_free(user->buckets);
	j11_mem_free(user);
}

static void refill(struct user_bucket *bucket, uint64_t now_ms)
{
	int64_t elapsed = now_ms - bucket->last_ms < ELAPSED_MAX ? (int64_t)(now_ms - bucket->last_ms) : ELAPSED_MAX;
	int64_t more = elapsed * bucket->rate;

	bucket->level = more < bucket->room - bucket->level ? bucket->level + more : bucket->room;
	bucket->last_ms = now_ms;
}

/* Nothing would be lost with this one. */
static bool is_idle(struct user *user, uint64_t now_ms)
{
	for (size_t i = 0; i < USER_SOCKETS; i++)
		if (user->n_conns[i] > 0)
			return false;
	for (size_t i = 0; i < user->n_buckets; i++) {
		refill(&user->buckets[i], now_ms);
		if (user->buckets[i].level < user->buckets[i].room)
			return false;
	}
	return true;
}

static void prune(struct users *users, uint64_t now_ms)
{
	struct user *user = users->last;

	for (unsigned i = 0; i < PRUNED && user != NULL; i++) {
		struct user *prev = user->prev;

		unlink_user(users, user);
		if (is_idle(user, now_ms))
			free_user(user);
		else
			link_first(users, user); /* so that the next look is at others */
		user = prev;
	}
}

struct user *users_get(struct users *users, uid_t uid, uint64_t now_ms)
{
	struct user *user = users->first;

	while (user != NULL && user->uid != uid)
		user = user->next;
	if (user == NULL) {
		prune(users, now_ms);
		user = j11_mem_new(sizeof(*user));
		if (user == NULL)
			return NULL;
		user->uid = uid;
		link_first(users, user);
	} else if (user != users->first) {
		unlink_user(users, user);
		link_first(users, user);
	}
	return user;
}

struct user *users_greediest(const struct users *users, unsigned socket)
{
	struct user *most = NULL;

	for (struct user *user = users->first; user != NULL; user = user->next)
		if (user->n_conns[socket] > (most != NULL ? most->n_conns[socket] : 0))
			most = user;
	return most;
}

/* NULL: no memory. */
static struct user_bucket *find_bucket(struct user *user, size_t section)
{
	struct user_bucket *bigger;

	for (size_t i = 0; i < user->n_buckets; i++)
		if (user->buckets[i].section == section)
			return &user->buckets[i];
	bigger = j11_mem_resize(user->buckets, (user->n_buckets + 1) * sizeof(*bigger));
	if (bigger == NULL)
		return NULL;
	user->buckets = bigger;
	bigger[user->n_buckets] = (struct user_bucket){ .section = section };
	return &bigger[user->n_buckets++];
}

unsigned user_ask(struct user *user, size_t section, int64_t rate, unsigned burst, uint64_t now_ms)
{
	struct user_bucket *bucket = find_bucket(user, section);
	int64_t missing;

	if (bucket == NULL)
		return 1;
	if (bucket->room == 0) {
		bucket->rate = rate;
		bucket->room = bucket->level = (int64_t)burst * USER_REQUEST;
		bucket->last_ms = now_ms;
	}
	refill(bucket, now_ms);
	missing = USER_REQUEST - bucket->level;
	if (missing > 0)
		return (unsigned)((missing + rate * 1000 - 1) / (rate * 1000));
	bucket->level -= USER_REQUEST;
	return 0;
}

void users_forget_rates(struct users *users)
{
	for (struct user *user = users->first; user != NULL; user = user->next) {
		j11_mem_free(user->buckets);
		user->buckets = NULL;
		user->n_buckets = 0;
	}
}

void users_free(struct users *users)
{
	while (users->first != NULL) {
		struct user *user = users->first;

		unlink_user(users, user);
		free_user(user);
	}
}
