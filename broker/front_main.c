/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11d-front: start, and the conversation with the supervisor on descriptor 3 (PROTOCOL.md). This process reads what clients send; it has
 * no PIN, no module and no libcrypto, and can only ask workers for signatures, never make one. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "front_accept.h"
#include "front_grpc.h"
#include "front_view.h"
#include "log.h"
#include "sandbox.h"
#include "start.h"

#define FD_CONTROL 3
#define FD_API 4
#define FD_PUBLIC 5
#define FD_MORE 6 /* one for each argument */
#define BODY_MAX (64u * 1024u * 1024u) /* octets of one reply's body */
#define OUT_MAX (BODY_MAX + 1024u * 1024u)
#define DRAIN_EXTRA_MS 2000

struct process {
	struct front front;
	struct front_conns conns;
	struct front_accept *accept;
	struct front_grpc *grpc;
	uint64_t looks; /* of all workers */
	struct front_listen listen[2 + CONF_SOCKETS_MAX];
	size_t n_listen;
	struct loop_watch control;
	struct loop_watch alarm; /* a clock that says when a version's moment has come */
	struct loop_timer drain;
	int status;
	unsigned char room[WIRE_MAX];
};

/* ---- to the supervisor ---- */

static void tell(enum wire_type type, uint64_t id, const char *module, unsigned index)
{
	struct jwk11_buf buf = J11_BUF(WIRE_MAX);
	int sent;

	wire_begin(&buf, type, id);
	if (module != NULL) {
		wire_add_str(&buf, WIRE_F_MODULE, module);
		wire_add_num(&buf, WIRE_F_INDEX, index);
	}
	sent = buf.failed == JWK11_OK ? wire_send(FD_CONTROL, j11_buf_view(&buf), -1) : ENOMEM;
	if (sent != 0)
		log_event(LOG_LEVEL_ERROR, "control-failed", "message", wire_type_name(type), "error", strerrorname_np(sent), NULL);
	j11_buf_done(&buf);
}

/* ---- what is published, and when it changes ---- */

/* At the moment at which a version's state changes, or when somebody sets the clock. Files of sets are written then, though nobody asks for the set. */
static void set_alarm(struct process *p)
{
	int64_t due = p->front.due, wait = due > p->front.settled ? due - p->front.settled : 1;
	struct itimerspec at = { .it_value = { .tv_sec = 0 } };
	struct timespec now;

	if (due != INT64_MAX && clock_gettime(CLOCK_REALTIME, &now) == 0) /* from now, not as it is: at most a second late, and never at once again */
		at.it_value.tv_sec = now.tv_sec + wait;
	if (p->alarm.fd >= 0 && timerfd_settime(p->alarm.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) != 0)
		log_event(LOG_LEVEL_WARNING, "alarm-failed", "error", strerrorname_np(errno), NULL);
}

static struct process *process_of(struct front *front)
{
	return (struct process *)(void *)((char *)front - offsetof(struct process, front));
}

static void on_refreshed(struct front *front)
{
	if (front->jwks_changed && front->conf->publish_dir != NULL)
		tell(WIRE_SETS, 0, NULL, 0);
	set_alarm(process_of(front));
	front_grpc_refresh(process_of(front)->grpc);
}

static void refresh(struct front *front)
{
	struct jwk11_err err = { .rc = JWK11_OK };

	if (front_view_refresh(front, &err) != JWK11_OK)
		log_event(LOG_LEVEL_ERROR, "sets-not-rendered", "reason", err.text, NULL);
}

static void on_alarm(void *arg, uint32_t events)
{
	struct process *p = arg;
	uint64_t n;

	(void)events;
	if (read(p->alarm.fd, &n, sizeof(n)) < 0 && errno != ECANCELED) /* ECANCELED: the clock was set */
		return;
	refresh(&p->front);
}

/* ---- from the workers ---- */

static void on_catalog(void *arg, const char *module, const struct wire_msg *msg)
{
	struct front *front = arg;
	struct jwk11_err err = { .rc = JWK11_OK };
	const bool is_first = catalog_generation(front->catalog) == 0;
	bool changed = catalog_take(front->catalog, module, msg, &err);

	if (err.rc != JWK11_OK)
		log_event(LOG_LEVEL_WARNING, "catalogue-refused", "module", module, "reason", err.text, NULL);
	if (!changed)
		return;
	count_one(&front->counts, COUNT_catalogues);
	refresh(front);
	front_grpc_looked(process_of(front)->grpc);
	if (is_first || front->jwks_changed || !conf_has_versions(front->conf)) /* else it is the look for versions that finds what it found before */
		log_event(LOG_LEVEL_NOTICE, "catalogue", "module", module, NULL);
}

static void on_late(void *arg, const char *module, unsigned index)
{
	char room[24];

	(void)arg;
	log_event(LOG_LEVEL_ERROR, "worker-late", "module", module, "index", log_num(room, index), NULL);
	tell(WIRE_WORKER_LATE, 0, module, index);
}

static void on_tally(void *arg, const char *module, unsigned index, const struct wire_msg *msg)
{
	struct front *front = arg;
	uint64_t n[TALLY_N_];

	if (tally_read(msg->field[WIRE_F_TALLY], n))
		meter_tally(&front->meter, module, index, n);
	if (meter_total(&front->meter, TALLY_looks) != process_of(front)->looks)
		front_grpc_looked(process_of(front)->grpc);
	process_of(front)->looks = meter_total(&front->meter, TALLY_looks);
}

static void on_lost(void *arg, const char *module, unsigned index)
{
	struct front *front = arg;
	char room[24];

	meter_lost(&front->meter, module, index);
	log_event(front->draining ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "worker-lost", "module", module, "index", log_num(room, index), NULL);
}

static void on_dropped(void *arg, const char *module, unsigned index, const struct jwk11_err *err)
{
	char room[24];

	if (front_may_log(arg))
		log_event(LOG_LEVEL_WARNING, "message-dropped", "module", module, "index", log_num(room, index), "reason",
			err != NULL ? err->text : "it was cut", NULL);
}

/* ---- configuration ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && j11_text_equal(a, b));
}

/* What was learnt of a key must not outlive its meaning. A key that only does something else, or is called something else, is still the same: it stays
 * published until its module says how, since workers read the configuration after this process. Signatures by what it did before stay good. */
static void forget_changed(struct front *front, const struct conf *old, const struct conf *new)
{
	for (size_t i = 0; i < old->n_keys; i++) {
		const struct conf_key *was = &old->keys[i], *is;

		is = i < new->n_keys && j11_text_equal(new->keys[i].name, was->name) ? &new->keys[i] : conf_find_key(new, was->name);
		if (is == NULL || !same_text(is->uri, was->uri) || is->use != was->use || conf_key_is_versioned(is) != conf_key_is_versioned(was))
			catalog_forget(front->catalog, was->name);
		else if (!same_text(is->kid, was->kid) || is->kid_style != was->kid_style)
			catalog_outdate(front->catalog, was->name);
	}
}

static void use_conf(struct front *front, struct conf *conf)
{
	struct conf *old = front->conf;

	if (old != NULL)
		forget_changed(front, old, conf);
	front->conf = conf;
	front->wants_facts = conf_wants_units(conf) || conf_wants_executables(conf);
	catalog_set_order(front->catalog, (const char *const *)conf->modules);
	front->conf_generation++;
	conf_free(old);
	users_forget_rates(&front->users);
	calls_limit(front->calls, &(struct calls_limits){ .threads = conf->threads, .max_queue = conf->max_queue,
		.max_per_user = conf_requests_per_user(conf), .timeout_ms = conf->request_timeout_ms });
	refresh(front);
}

/* The last connection has gone, or jwk11d-grpc, whose clients have requests here too. */
static void on_empty(void *arg)
{
	struct process *p = arg;

	if (p->front.draining && p->conns.n_conns == 0 && !front_grpc_is_joined(p->grpc))
		loop_stop(p->front.loop);
}

/* The first configuration is there: open for business. */
static bool serve(struct process *p)
{
	p->conns = (struct front_conns){ .front = &p->front, .empty = on_empty, .arg = p };
	p->accept = front_accept_new(&p->conns, p->listen, p->n_listen);
	if (p->accept == NULL) {
		log_event(LOG_LEVEL_ERROR, "start-failed", "reason", "the listening sockets cannot be watched", NULL);
		return false;
	}
	tzset(); /* the C library reads /etc/localtime before its first time stamp, in UTC too: now, while it may */
	if (!sandbox_front()) {
		log_event(LOG_LEVEL_ERROR, "start-failed", "reason", "the sandbox could not be set up", NULL);
		return false;
	}
	return true;
}

static void fail(struct process *p)
{
	p->status = 1;
	loop_stop(p->front.loop);
}

static void on_config(struct process *p, uint64_t id, int fd)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	struct conf *conf = NULL;
	bool first = p->front.conf == NULL;

	if (start_read_conf(fd, &conf, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "configuration-refused", "reason", err.text, NULL);
		if (first)
			fail(p);
		return;
	}
	use_conf(&p->front, conf);
	if (first && !serve(p)) {
		fail(p);
		return;
	}
	if (!first)
		log_event(LOG_LEVEL_NOTICE, "configuration", "state", "replaced", NULL);
	tell(WIRE_READY, id, NULL, 0);
}

/* ---- from the supervisor ---- */

/* Takes fd when it uses it. */
static void on_new_worker(struct process *p, const struct wire_msg *msg, int *fd)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	char module[256];
	uint64_t index;

	if (p->front.conf == NULL || *fd < 0 || !wire_str(msg, WIRE_F_MODULE, module, sizeof(module)) || !wire_num(msg, WIRE_F_INDEX, &index) ||
		index > UINT16_MAX) {
		log_event(LOG_LEVEL_WARNING, "message-dropped", "message", wire_type_name(msg->type), NULL);
		return;
	}
	if (calls_add_worker(p->front.calls, module, (unsigned)index, *fd, &err) != JWK11_OK)
		log_event(LOG_LEVEL_ERROR, "worker-refused", "module", module, "reason", err.text, NULL);
	*fd = -1;
}

static void on_drain_end(void *arg)
{
	struct process *p = arg;

	log_event(LOG_LEVEL_WARNING, "drain-cut", "reason", "some connections did not end in time", NULL);
	loop_stop(p->front.loop);
}

static void on_module_down(struct process *p, const struct wire_msg *msg)
{
	char module[256];

	if (wire_str(msg, WIRE_F_MODULE, module, sizeof(module)))
		calls_module_down(p->front.calls, module);
}

static void on_files(struct front *front, const struct wire_msg *msg)
{
	uint64_t flags, failures, moment;

	if (wire_num(msg, WIRE_F_FLAGS, &flags) && wire_num(msg, WIRE_F_MISSED, &failures) && wire_num(msg, WIRE_F_MOMENT, &moment))
		front->published = (struct front_published){ .failing = flags != 0, .n_failures = failures, .moment = (int64_t)moment };
}

static void on_drain(struct process *p)
{
	struct front *front = &p->front;
	uint64_t limit = DRAIN_EXTRA_MS + (front->conf != NULL ? (uint64_t)front->conf->request_timeout_ms : 0);

	if (p->accept == NULL || front->draining) {
		if (p->accept == NULL)
			loop_stop(front->loop);
		return;
	}
	p->drain = (struct loop_timer){ .fn = on_drain_end, .arg = p };
	if (!loop_timer_set(front->loop, &p->drain, loop_now(front->loop) + limit))
		loop_stop(front->loop);
	front_accept_stop(p->accept);
	front_conn_drain(&p->conns);
}

/* Takes fd when it uses it. */
static void on_grpc(struct process *p, int *fd)
{
	if (*fd < 0)
		return;
	front_grpc_join(p->grpc, *fd);
	*fd = -1;
}

static void take_message(struct process *p, size_t len, int *fd)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	struct wire_msg msg;

	if (wire_decode((struct jwk11_view){ .data = p->room, .len = len }, &msg, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_WARNING, "message-dropped", "reason", err.text, NULL);
		return;
	}
	switch (msg.type) {
	case WIRE_CONFIG:
		on_config(p, msg.id, *fd);
		break;
	case WIRE_WORKER:
		on_new_worker(p, &msg, fd);
		break;
	case WIRE_MODULE_DOWN:
		on_module_down(p, &msg);
		break;
	case WIRE_GRPC:
		on_grpc(p, fd);
		break;
	case WIRE_FILES:
		on_files(&p->front, &msg);
		break;
	case WIRE_DRAIN:
		on_drain(p);
		break;
	case WIRE_PING:
		tell(WIRE_PONG, 0, NULL, 0);
		break;
	default:
		log_event(LOG_LEVEL_WARNING, "message-dropped", "message", wire_type_name(msg.type), NULL);
	}
}

static void on_control(void *arg, uint32_t events)
{
	struct process *p = arg;
	int fd = -1;
	long len = wire_recv(FD_CONTROL, p->room, sizeof(p->room), MSG_DONTWAIT, &fd);

	(void)events;
	if (len > 0)
		take_message(p, (size_t)len, &fd);
	else if (len != -EAGAIN && len != -EINTR && len != -EMSGSIZE)
		loop_stop(p->front.loop); /* without a supervisor there is nobody to restart workers: end */
	if (fd >= 0)
		close(fd);
}

/* ---- start and end ---- */

static enum jwk11_rc not_there(struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "descriptors 3, 4, 5 are not there: jwk11d starts this program");
}

static void name_sockets(struct process *p, int argc, char **argv)
{
	p->listen[p->n_listen++] = (struct front_listen){ FD_API, FRONT_API, CONF_API };
	p->listen[p->n_listen++] = (struct front_listen){ FD_PUBLIC, FRONT_PUBLIC, "public" };
	for (int i = 1; i < argc && i <= CONF_SOCKETS_MAX; i++)
		p->listen[p->n_listen++] = (struct front_listen){ FD_MORE + i - 1, FRONT_API, argv[i] };
}

static enum jwk11_rc prepare(struct process *p, struct jwk11_err *err)
{
	struct front *front = &p->front;
	struct calls_hooks hooks = { .catalog = on_catalog, .tally = on_tally, .late = on_late, .lost = on_lost, .dropped = on_dropped, .arg = front };
	enum jwk11_rc rc = loop_new(&front->loop, err);

	if (rc != JWK11_OK)
		return rc;
	front->body = J11_BUF(BODY_MAX);
	front->octets = J11_BUF(BODY_MAX);
	front->out = J11_BUF(OUT_MAX);
	front->calls = calls_new(front->loop, &front->counts, &hooks);
	front->catalog = catalog_new();
	p->grpc = front_grpc_new(front, on_empty, p);
	if (front->calls == NULL || front->catalog == NULL || p->grpc == NULL)
		return j11_err_memory(err);
	if (getrandom(&front->id_state, sizeof(front->id_state), 0) != sizeof(front->id_state))
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random octets");
	front->refreshed = on_refreshed;
	p->alarm = (struct loop_watch){ .fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK), .events = EPOLLIN, .fn = on_alarm, .arg = p };
	if (p->alarm.fd < 0 || !loop_add(front->loop, &p->alarm))
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no timer: %s", strerrorname_np(errno));
	p->control = (struct loop_watch){ .fd = FD_CONTROL, .events = EPOLLIN, .fn = on_control, .arg = p };
	for (size_t i = 0; i < p->n_listen; i++)
		if (fcntl(p->listen[i].fd, F_SETFL, O_NONBLOCK) != 0)
			return not_there(err);
	return fcntl(FD_CONTROL, F_SETFL, O_NONBLOCK) == 0 && loop_add(front->loop, &p->control) ? JWK11_OK : not_there(err);
}

static void finish(struct process *p)
{
	struct front *front = &p->front;

	if (p->accept != NULL) {
		front_accept_free(p->accept);
		front_conn_close_all(&p->conns);
	}
	front_grpc_free(p->grpc);
	users_free(&front->users);
	meter_done(&front->meter);
	calls_free(front->calls);
	catalog_free(front->catalog);
	front_view_free(front->jwks);
	conf_free(front->conf);
	j11_buf_done(&front->body);
	j11_buf_done(&front->octets);
	j11_buf_done(&front->out);
	loop_free(front->loop);
	j11_mem_free(p);
}

int main(int argc, char **argv)
{
	struct process *p;
	struct jwk11_err err = { .rc = JWK11_OK };
	int status;

	sandbox_early();
	log_open("front", LOG_LEVEL_NOTICE);
	start_signals();
	start_descriptors();
	p = j11_mem_new(sizeof(*p));
	if (p == NULL)
		return 1;
	name_sockets(p, argc, argv);
	if (prepare(p, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "start-failed", "reason", err.text, NULL);
		p->status = 1;
	} else {
		loop_run(p->front.loop);
	}
	status = p->status;
	finish(p);
	return status;
}
