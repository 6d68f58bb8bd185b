/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes. */
#include "sup_child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "log.h"
#include "sup_spawn.h"

enum { MAX_CHILDREN = 32 * 64, STEADY_MS = 60000, BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 10000, BACKOFF_READY_MAX_MS = 500 };

const char *sup_child_program(const struct sup_child *c)
{
	static const char *const names[] = { [SUP_FRONT] = "jwk11d-front", [SUP_WORKER] = "jwk11d-worker", [SUP_GRPC] = "jwk11d-grpc" };

	return names[c->kind];
}

bool sup_child_is_worker(const struct sup_child *c, const char *module)
{
	return c->kind == SUP_WORKER && (module == NULL || j11_text_equal(c->module, module));
}

/* ---- the table ---- */

/* A PIN that is typed on a pad is typed once: its module gets one worker. */
static unsigned workers_of(const struct conf *conf, const char *module)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	for (size_t i = 0; i < conf->n_tokens; i++)
		if (conf->tokens[i].login == CONF_LOGIN_PROTECTED && (conf->tokens[i].module == NULL || j11_text_equal(conf->tokens[i].module, module)))
			return 1;
	return conf->workers ? conf->workers : (unsigned)(cores > 0 ? cores : 1) + 1;
}

enum jwk11_rc sup_child_plan(const struct conf *conf, struct sup_children *ret_children, struct jwk11_err *err)
{
	struct sup_children c = { 0 };
	size_t n_workers = 0;

	for (const char **m = conf->modules; *m != NULL; m++)
		n_workers += workers_of(conf, *m);
	if (n_workers > MAX_CHILDREN)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%zu workers are too many processes", n_workers);
	c.all = j11_mem_new_array(2 + n_workers, sizeof(*c.all));
	if (c.all == NULL)
		return j11_err_memory(err);
	c.all[c.n++] = (struct sup_child){ .kind = SUP_FRONT, .control = -1, .work = -1 };
	for (const char **m = conf->modules; *m != NULL; m++)
		for (unsigned i = 0, n = workers_of(conf, *m); i < n; i++)
			c.all[c.n++] = (struct sup_child){ .kind = SUP_WORKER, .module = *m, .index = i, .control = -1, .work = -1 };
	if (conf_has_kubernetes(conf))
		c.all[c.n++] = (struct sup_child){ .kind = SUP_GRPC, .control = -1, .work = -1 };
	*ret_children = c;
	return JWK11_OK;
}

static void close_child(struct sup_child *c)
{
	if (c->control >= 0)
		close(c->control);
	if (c->work >= 0)
		close(c->work);
	c->control = c->work = -1;
	c->pid = 0;
	c->audited = c->ready = c->logging_in = c->wants_login = false;
	c->doom = NULL;
	c->generation = 0;
	c->unanswered = 0;
}

void sup_child_close_all(struct sup_children *children)
{
	for (size_t i = 0; i < children->n; i++)
		close_child(&children->all[i]);
	j11_mem_free(children->all);
	*children = (struct sup_children){ 0 };
}

struct sup_child *sup_child_find(const struct sup_children *children, pid_t pid)
{
	for (size_t i = 0; i < children->n; i++)
		if (children->all[i].pid == pid)
			return &children->all[i];
	return NULL;
}

/* ---- messages ---- */

static void send_message(struct sup_child *c, enum wire_type type, uint64_t id, const struct sup_child *about, int fd)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(WIRE_MAX);
	char pid[24];
	int why = 0;

	wire_begin(&out, type, id);
	if (about != NULL) {
		wire_add_str(&out, WIRE_F_MODULE, about->module);
		wire_add_num(&out, WIRE_F_INDEX, about->index);
	}
	if (out.failed == JWK11_OK && c->control >= 0)
		why = wire_send(c->control, j11_buf_view(&out), fd);
	if (why != 0)
		log_event(LOG_LEVEL_WARNING, "control-send-failed", "type", wire_type_name(type), "pid", log_num(pid, c->pid), "why", strerror(why), NULL);
}

void sup_child_send(struct sup_child *c, enum wire_type type, const struct sup_child *about, int fd)
{
	send_message(c, type, 0, about, fd);
}

static void give_file(struct sup_child *c, int fd)
{
	int again = sup_audit_again(fd);

	if (again < 0)
		return;
	send_message(c, WIRE_AUDIT, 0, NULL, again);
	close(again);
	c->audited = true;
}

void sup_child_tell_login(struct sup_child *c, const struct sup_login *login)
{
	int why = c->control >= 0 ? sup_login_send(login, c->control) : 0;
	char pid[24];

	if (why != 0)
		log_event(LOG_LEVEL_WARNING, "control-send-failed", "type", wire_type_name(WIRE_LOGIN_SET), "pid", log_num(pid, c->pid), "why", strerror(why), NULL);
}

/* The file comes before the configuration that makes it necessary; a new worker is told where the chain comes from, and which logins stand. */
void sup_child_configure(struct sup_child *c, const struct sup_conf *conf)
{
	bool worker = sup_child_is_worker(c, NULL);

	for (size_t i = 0; worker && c->generation == 0 && i < conf->logins.n; i++)
		if (j11_text_equal(conf->logins.all[i].module, c->module))
			sup_child_tell_login(c, &conf->logins.all[i]);
	if (worker && !c->audited)
		give_file(c, conf->audit.previous);
	if (worker)
		give_file(c, conf->audit.now);
	send_message(c, WIRE_CONFIG, conf->generation, NULL, conf->memory);
}

static bool pair(int *ours, int *theirs)
{
	int fds[2];
	int size = (int)WIRE_MAX * 4;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ours = fds[0];
	*theirs = fds[1];
	return true;
}

/* What either still has from the socket before is theirs to begin again. */
static void join(struct sup_child *front, struct sup_child *grpc)
{
	int one, other;

	if (!pair(&one, &other)) {
		log_event(LOG_LEVEL_ERROR, "socketpair-failed", "why", strerror(errno), NULL);
		return;
	}
	sup_child_send(front, WIRE_GRPC, NULL, one);
	sup_child_send(grpc, WIRE_GRPC, NULL, other);
	close(one);
	close(other);
}

/* A worker that still opens its token would keep requests waiting that others could answer. What it announced meanwhile lies in the
 * socket. */
void sup_child_introduce(struct sup_children *children, struct sup_child *worker)
{
	struct sup_child *front = sup_child_front(children);

	if (front->pid == 0 || !front->ready || !worker->ready)
		return;
	if (worker->kind == SUP_GRPC)
		join(front, worker);
	if (worker->work < 0)
		return;
	sup_child_send(front, WIRE_WORKER, worker, worker->work);
	close(worker->work);
	worker->work = -1;
}

void sup_child_grant_login(struct sup_children *children)
{
	for (size_t i = 0; i < children->n; i++)
		if (children->all[i].logging_in)
			return;
	for (size_t i = 0; i < children->n; i++) {
		struct sup_child *c = &children->all[i];

		if (!c->wants_login)
			continue;
		c->wants_login = false;
		c->logging_in = true;
		sup_child_send(c, WIRE_LOGIN_GO, NULL, -1);
		return;
	}
}

/* ---- starting ---- */

static void start_failed(struct sup_child *c, const struct jwk11_err *err)
{
	log_event(LOG_LEVEL_ERROR, "start-failed", "program", sup_child_program(c), "module", c->module, "why", err->text, NULL);
	close_child(c);
	c->backoff_ms = BACKOFF_MAX_MS;
	c->start_at_ms = j11_clock_ms() + c->backoff_ms;
}

/* PROTOCOL.md has its arguments and descriptors. */
static struct sup_program front_program(const char *name, int control, const struct sup_sock *sock)
{
	struct sup_program p = { .argv = { name }, .fds = { control, sock->api.fd, sock->public.fd }, .n_fds = 3 };

	for (size_t i = 0; i < sock->n_more; i++) {
		p.argv[1 + i] = sock->names[i];
		p.fds[p.n_fds++] = sock->more[i].fd;
	}
	return p;
}

static struct sup_program grpc_program(const char *name, int control, const struct sup_sock *sock)
{
	return (struct sup_program){ .argv = { name }, .fds = { control, sock->kubernetes.fd }, .n_fds = 2 };
}

static void start_child(struct sup_child *c, const struct sup_conf *conf, const struct sup_sock *sock)
{
	struct jwk11_err err = { 0 };
	struct sup_program program = { .argv = { sup_child_program(c) }, .n_fds = 2 };
	char index[24], pid[24];
	int control = -1, work = -1;

	if (!pair(&c->control, &control) || (c->kind == SUP_WORKER && !pair(&c->work, &work))) {
		j11_err_set(&err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "socketpair: %s", strerror(errno));
	} else if (c->kind == SUP_FRONT) {
		program = front_program(program.argv[0], control, sock);
	} else if (c->kind == SUP_GRPC) {
		program = grpc_program(program.argv[0], control, sock);
	} else {
		program.argv[1] = c->module;
		program.argv[2] = log_num(index, c->index);
		program.fds[0] = control;
		program.fds[1] = work;
		program.environment = conf->first->environment;
	}
	c->started_ms = j11_clock_ms();
	if (err.rc == JWK11_OK && sup_spawn(&program, &c->pid, &err) == JWK11_OK) {
		sup_child_configure(c, conf);
		log_event(LOG_LEVEL_INFO, "started", "program", program.argv[0], "module", c->module, "pid", log_num(pid, c->pid), NULL);
	} else {
		start_failed(c, &err);
	}
	if (control >= 0)
		close(control);
	if (work >= 0)
		close(work);
}

/* May this child be started now? Workers of a module follow one another: SoftHSM rewrites its token during login, and an instance that
 * initialises at that moment misses it. */
static bool may_start(const struct sup_children *children, const struct sup_child *c, int64_t now)
{
	if (c->pid != 0 || now < c->start_at_ms)
		return false;
	for (size_t i = 0; c->kind == SUP_WORKER && i < children->n; i++) {
		const struct sup_child *other = &children->all[i];

		if (sup_child_is_worker(other, c->module) && other->pid != 0 && !other->ready)
			return false;
	}
	return true;
}

void sup_child_start_due(struct sup_children *children, const struct sup_conf *conf, const struct sup_sock *sock)
{
	for (size_t i = 0; i < children->n; i++)
		if (may_start(children, &children->all[i], j11_clock_ms()))
			start_child(&children->all[i], conf, sock);
}

int64_t sup_child_next_start(const struct sup_children *children, int64_t now)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < children->n; i++) {
		const struct sup_child *c = &children->all[i];

		if (c->pid == 0 && c->start_at_ms > now && c->start_at_ms < next)
			next = c->start_at_ms;
	}
	return next;
}

/* ---- ending ---- */

/* Requests need not wait for a module that does not start. */
static void tell_module_down(struct sup_children *children, const struct sup_child *c)
{
	struct sup_child *front = sup_child_front(children);

	if (c->kind != SUP_WORKER || c->ready || front->pid == 0 || !front->ready)
		return;
	for (size_t i = 0; i < children->n; i++)
		if (children->all[i].ready && sup_child_is_worker(&children->all[i], c->module))
			return;
	sup_child_send(front, WIRE_MODULE_DOWN, c, -1);
}

static void end_doomed(struct sup_child *c)
{
	char pid[24];

	if (c->doom == NULL || c->logging_in || c->pid == 0)
		return;
	log_event(LOG_LEVEL_WARNING, "killed", "program", sup_child_program(c), "module", c->module, "pid", log_num(pid, c->pid), "why", c->doom, NULL);
	kill(c->pid, SIGKILL);
	c->doom = NULL;
}

void sup_child_doom(struct sup_child *c, const char *why)
{
	c->doom = why;
	end_doomed(c);
}

void sup_child_login_done(struct sup_children *children, struct sup_child *c)
{
	c->logging_in = false;
	end_doomed(c);
	sup_child_grant_login(children);
}

/* Who has been ready can start: that it was killed, or crashed at a request, shall not leave its module short of workers for long. Who never
 * was waits longer each time. */
static void wait_before_start(struct sup_child *c, int64_t now)
{
	int64_t max = c->ready ? BACKOFF_READY_MAX_MS : BACKOFF_MAX_MS;

	if (now - c->started_ms > STEADY_MS)
		c->backoff_ms = 0;
	c->start_at_ms = now + (c->backoff_ms < max ? c->backoff_ms : max);
	c->backoff_ms = c->backoff_ms == 0 ? BACKOFF_MIN_MS : c->backoff_ms * 2 > max ? max : c->backoff_ms * 2;
}

void sup_child_ended(struct sup_children *children, struct sup_child *c, int status, bool draining)
{
	char pid[24], code[24];

	log_event(draining ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "ended", "program", sup_child_program(c), "module", c->module, "pid",
		log_num(pid, c->pid), WIFSIGNALED(status) ? "signal" : "exit",
		log_num(code, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)), NULL);
	if (!draining)
		tell_module_down(children, c);
	wait_before_start(c, j11_clock_ms());
	close_child(c);
	c->looked = true;
	/* A new front needs every worker's socket, and each was given to the old one: the workers start afresh. */
	for (size_t i = 0; c->kind == SUP_FRONT && !draining && i < children->n; i++)
		if (sup_child_is_worker(&children->all[i], NULL) && children->all[i].pid != 0)
			shutdown(children->all[i].control, SHUT_RDWR);
	sup_child_grant_login(children);
}
