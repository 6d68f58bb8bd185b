/* SPDX-License-Identifier: Apache-2.0 */
/* Any thread may log in; the control thread has the supervisor's answer. */
#include "work_turn.h"

#include <pthread.h>
#include <unistd.h>

#include "tally.h"
#include "work_sock.h"

static pthread_mutex_t login = PTHREAD_MUTEX_INITIALIZER; /* held while this process is inside its login turn */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;  /* guards what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool may_log_in; /* the supervisor's GO, for one login */
static bool closed;     /* the supervisor's end of file: no further login begins */

_Noreturn void work_turn_leave(int code)
{
	pthread_mutex_lock(&login);
	_exit(code);
}

static bool begin(void *arg)
{
	bool go;

	(void)arg;
	pthread_mutex_lock(&login);
	pthread_mutex_lock(&lock);
	may_log_in = false;
	if (!closed)
		work_sock_tell(WIRE_LOGIN_ASK, 0);
	while (!may_log_in && !closed)
		pthread_cond_wait(&changed, &lock);
	go = may_log_in;
	pthread_mutex_unlock(&lock);
	tally_add(TALLY_logins, go);
	if (!go)
		pthread_mutex_unlock(&login);
	return go;
}

static void end(void *arg)
{
	(void)arg;
	work_sock_tell(WIRE_LOGIN_DONE, 0);
	pthread_mutex_unlock(&login);
}

const struct jwk11_login_hook work_turn_hook = { begin, end, NULL };

void work_turn_go(void)
{
	pthread_mutex_lock(&lock);
	may_log_in = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void work_turn_close(void)
{
	pthread_mutex_lock(&lock);
	closed = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}
