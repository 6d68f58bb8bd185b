/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the control thread, which the main thread starts when it has the first configuration. */
#include "work_control.h"

#include <pthread.h>
#include <unistd.h>

#include "log.h"
#include "start.h"
#include "work_audit.h"
#include "work_login.h"
#include "work_sock.h"
#include "work_turn.h"
#include "work_wake.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct conf *next_conf; /* arrived, not yet in force */
static uint64_t next_id;       /* the supervisor's number for it */

static void on_config(uint64_t id, int fd)
{
	struct jwk11_err err = { 0 };
	struct conf *conf = NULL;

	if (start_read_conf(fd, &conf, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "config-refused", "why", err.text, NULL);
		return;
	}
	pthread_mutex_lock(&lock);
	conf_free(next_conf);
	next_conf = conf;
	next_id = id;
	pthread_mutex_unlock(&lock);
	work_wake();
}

struct conf *work_control_take(uint64_t *ret_id)
{
	struct conf *conf;

	pthread_mutex_lock(&lock);
	conf = next_conf;
	next_conf = NULL;
	*ret_id = next_id;
	pthread_mutex_unlock(&lock);
	return conf;
}

/* Takes fd. */
static void on_control(const struct wire_msg *msg, int fd)
{
	if (msg->type == WIRE_AUDIT && fd >= 0) {
		work_audit_file(fd);
		return;
	}
	if (msg->type == WIRE_CONFIG) {
		on_config(msg->id, fd);
	} else if (msg->type == WIRE_LOGIN_SET) {
		work_login_post(msg, fd);
		work_wake();
	} else if (msg->type == WIRE_PING) {
		work_sock_tell(WIRE_PONG, 0);
	} else if (msg->type == WIRE_LOGIN_GO) {
		work_turn_go();
	}
	if (fd >= 0)
		close(fd);
}

/* The supervisor's end of file is the order to go: a login that waits for its turn gives up, one that has it is waited for. */
void *work_control_thread(void *unused)
{
	static char room[WIRE_MAX];
	struct wire_msg msg;
	int fd = -1;
	long n;

	(void)unused;
	while ((n = wire_recv(WORK_SOCK_CONTROL, room, sizeof(room), 0, &fd)) > 0) {
		if (wire_decode((struct jwk11_view){ room, (size_t)n }, &msg, NULL) == JWK11_OK)
			on_control(&msg, fd);
		else if (fd >= 0)
			close(fd);
		fd = -1;
	}
	work_turn_close();
	work_turn_leave(0);
}

struct conf *work_control_first(uint64_t *ret_id)
{
	struct jwk11_err err = { 0 };
	char room[256];
	struct wire_msg msg;
	struct conf *conf = NULL;
	enum jwk11_rc rc;
	int fd = -1;
	long n;

	msg.type = WIRE_AUDIT;
	while ((n = wire_recv(WORK_SOCK_CONTROL, room, sizeof(room), 0, &fd)) > 0 && wire_decode((struct jwk11_view){ room, (size_t)n }, &msg, &err) == JWK11_OK &&
		msg.type != WIRE_CONFIG)
		on_control(&msg, fd);
	if (n == 0)
		work_turn_leave(0);
	if (n < 0 || err.rc != JWK11_OK || msg.type != WIRE_CONFIG)
		work_turn_leave(WORK_EXIT_BUG);
	*ret_id = msg.id;
	rc = start_read_conf(fd, &conf, &err);
	close(fd);
	if (rc != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "config-refused", "why", err.text, NULL);
		work_turn_leave(WORK_EXIT_BUG);
	}
	return conf;
}
