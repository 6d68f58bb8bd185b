/* SPDX-License-Identifier: Apache-2.0 */
/* What operators have said about tokens: a PIN of their own in place of the configured one, or that nobody is to log in. A worker's main thread
 * keeps it and opens tokens by it; what the other workers were told comes by way of the supervisor, to a worker that starts later too. */
#ifndef WORK_LOGIN_H
#define WORK_LOGIN_H

#include "base/secret.h"
#include "conf.h"
#include "wire.h"

/* How a token is to be opened. */
struct work_login {
	struct work_login *next;
	char token[WIRE_TOKEN_MAX]; /* name of its section */
	uint64_t at_us;         /* when that was carried out, by the monotonic clock, which all processes share */
	bool out;               /* not at all */
	bool final_try;         /* with `pin`: may use up the last try */
	struct j11_secret *pin; /* NULL: as configured */
};

struct work_login *work_login_new(const char *token); /* NULL: no memory */
void work_login_free(struct work_login *login);       /* NULL: nothing */

/* Main thread, all four: what stands for a token; NULL: nothing, it is opened as configured. */
const struct work_login *work_login_of(const char *token);
/* Puts one (NULL: none) in place of what stands, and returns that. */
struct work_login *work_login_exchange(const char *token, struct work_login *login);
/* Drops what stands for tokens that the configuration does not have. */
void work_login_prune(const struct conf *conf);
/* What is done to a token from here on is newer than what the other workers have done so far. */
void work_login_stamp(const char *token);
/* Tells the supervisor what stands, by its socket. */
void work_login_tell(const char *token, int control);

/* A LOGIN_SET of the supervisor; fd stays the caller's. Any thread. */
void work_login_post(const struct wire_msg *msg, int fd);
/* Main thread: takes over what was posted, in the order of its coming, unless something newer
 * stands; `changed` hears of each. */
void work_login_collect(void (*changed)(const struct work_login *login, void *arg), void *arg);

#endif
