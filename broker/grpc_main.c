/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11d-grpc: start, and the conversation with the supervisor on descriptor 3 (PROTOCOL.md). */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "grpc.h"
#include "log.h"
#include "sandbox.h"
#include "start.h"

#define FD_CONTROL 3
#define FD_LISTEN 4

static void tell(enum wire_type type, uint64_t id)
{
	struct jwk11_buf buf = J11_BUF(64);
	int sent;

	wire_begin(&buf, type, id);
	sent = buf.failed == JWK11_OK ? wire_send(FD_CONTROL, j11_buf_view(&buf), -1) : ENOMEM;
	if (sent != 0)
		log_event(LOG_LEVEL_ERROR, "control-failed", "message", wire_type_name(type), NULL);
	j11_buf_done(&buf);
}

static void fail(struct grpc *grpc, const char *why)
{
	log_event(LOG_LEVEL_ERROR, "start-failed", "reason", why, NULL);
	grpc->status = 1;
	loop_stop(grpc->loop);
}

/* The first configuration is there. */
static bool serve(struct grpc *grpc)
{
	tzset(); /* the C library reads /etc/localtime before its first time stamp: now, while it may */
	if (!sandbox_front())
		fail(grpc, "the sandbox could not be set up");
	else if (!grpc_accept_start(grpc, FD_LISTEN))
		fail(grpc, "the listening socket cannot be watched");
	else
		return true;
	return false;
}

static void on_config(struct grpc *grpc, uint64_t id, int fd)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	struct conf *conf = NULL;
	bool first = grpc->conf == NULL;

	if (start_read_conf(fd, &conf, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "configuration-refused", "reason", err.text, NULL);
		if (first)
			fail(grpc, "no configuration");
		return;
	}
	conf_free(grpc->conf);
	grpc->conf = conf;
	if (!first || serve(grpc))
		tell(WIRE_READY, id);
}

void grpc_empty(struct grpc *grpc)
{
	loop_stop(grpc->loop);
}

/* Calls under way have deadlines, and clients that were told to go little time: the supervisor waits for both, within limits. */
static void on_drain(struct grpc *grpc)
{
	struct grpc_conn *next;

	if (grpc->draining)
		return;
	grpc_accept_stop(grpc);
	for (struct grpc_conn *conn = grpc->conns; conn != NULL; conn = next) {
		next = conn->next;
		grpc_conn_leave(conn);
	}
	grpc->draining = true;
	if (grpc->n_conns == 0)
		grpc_empty(grpc);
}

static void take_message(struct grpc *grpc, size_t len, int *fd)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	struct wire_msg msg;

	if (wire_decode((struct jwk11_view){ .data = grpc->room, .len = len }, &msg, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_WARNING, "message-dropped", "reason", err.text, NULL);
		return;
	}
	switch (msg.type) {
	case WIRE_CONFIG:
		on_config(grpc, msg.id, *fd);
		break;
	case WIRE_GRPC:
		if (*fd >= 0)
			grpc_link_join(grpc, *fd);
		*fd = -1;
		break;
	case WIRE_DRAIN:
		on_drain(grpc);
		break;
	case WIRE_PING:
		tell(WIRE_PONG, 0);
		break;
	default:
		log_event(LOG_LEVEL_WARNING, "message-dropped", "message", wire_type_name(msg.type), NULL);
	}
}

static void on_control(void *arg, uint32_t events)
{
	struct grpc *grpc = arg;
	int fd = -1;
	long len = wire_recv(FD_CONTROL, grpc->room, sizeof(grpc->room), MSG_DONTWAIT, &fd);

	(void)events;
	if (len > 0)
		take_message(grpc, (size_t)len, &fd);
	else if (len != -EAGAIN && len != -EINTR && len != -EMSGSIZE)
		loop_stop(grpc->loop); /* without a supervisor there is no front to ask */
	if (fd >= 0)
		close(fd);
}

static enum jwk11_rc prepare(struct grpc *grpc, struct jwk11_err *err)
{
	enum jwk11_rc rc = loop_new(&grpc->loop, err);

	if (rc != JWK11_OK)
		return rc;
	if (!grpc_conn_prepare(grpc))
		return j11_err_memory(err);
	grpc->control = (struct loop_watch){ .fd = FD_CONTROL, .events = EPOLLIN, .fn = on_control, .arg = grpc };
	if (fcntl(FD_CONTROL, F_SETFL, O_NONBLOCK) != 0 || fcntl(FD_LISTEN, F_GETFL) < 0 || !loop_add(grpc->loop, &grpc->control))
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "descriptors 3 and 4 are not there: jwk11d starts this program");
	return JWK11_OK;
}

static void finish(struct grpc *grpc)
{
	grpc->draining = false;
	grpc_accept_stop(grpc);
	while (grpc->conns != NULL)
		grpc_conn_close(grpc->conns);
	grpc_link_part(grpc);
	users_free(&grpc->users);
	grpc_keys_unref(grpc->keys);
	nghttp2_session_callbacks_del(grpc->callbacks);
	nghttp2_option_del(grpc->option);
	conf_free(grpc->conf);
	loop_free(grpc->loop);
	j11_mem_free(grpc);
}

int main(void)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	struct grpc *grpc;
	int status;

	sandbox_early();
	log_open("grpc", LOG_LEVEL_NOTICE);
	start_signals();
	start_descriptors();
	grpc = j11_mem_new(sizeof(*grpc));
	if (grpc == NULL)
		return 1;
	grpc->listener.fd = grpc->link.fd = -1;
	if (prepare(grpc, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "start-failed", "reason", err.text, NULL);
		grpc->status = 1;
	} else {
		loop_run(grpc->loop);
	}
	status = grpc->status;
	finish(grpc);
	return status;
}
