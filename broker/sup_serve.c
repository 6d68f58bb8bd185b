/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, one poll. */
#include "sup_serve.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "log.h"
#include "sup_child.h"
#include "sup_publish.h"
#include "sup_status.h"
#include "sup_watch.h"

/* How long is waited: for the first look at the tokens, for everybody to take a new configuration, for requests under way. */
enum { EXIT_BUG_ = 70, FIRST_LOOK_MS = 5000, RELOAD_MS = 5000, DRAIN_MS = 10000, NEVER = 0 };

struct sup {
	struct sup_conf *conf;
	const struct sup_sock *sock;
	struct sup_notify *notify;
	struct sup_children children;
	struct sup_status status;
	struct sup_watch watch;
	struct sup_publish publish;
	int signals;
	bool draining;
	bool told_ready;
	int64_t first_look_until_ms;
	int64_t reload_until_ms; /* NEVER: no reload is under way */
	int64_t drain_until_ms;
};

static struct sup_child *front_of(struct sup *sup)
{
	return sup_child_front(&sup->children);
}

/* ---- the service manager ---- */

static void tell_status(struct sup *sup)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(1024);

	sup_status_write(&sup->status, sup->conf->now, &text);
	sup_notify_status(sup->notify, jwk11_buf_data(&text));
}

/* Sockets and policy are up when the front is. The first look at the tokens is waited for, so that who starts after us does not meet keys
 * that nobody has looked for, but a token or a module that takes its time does not hold up the start. */
static bool is_up(struct sup *sup)
{
	if (!front_of(sup)->ready)
		return false;
	for (size_t i = 1; i < sup->children.n; i++)
		if (sup->children.all[i].index == 0 && !sup->children.all[i].looked && j11_clock_ms() < sup->first_look_until_ms)
			return false;
	return true;
}

static void check_up(struct sup *sup)
{
	if (sup->told_ready || sup->draining || !is_up(sup))
		return;
	sup->told_ready = true;
	tell_status(sup);
	sup_notify_ready(sup->notify);
}

/* Processes that serve by an older configuration than the one in force. */
static size_t count_behind(const struct sup *sup)
{
	size_t n = 0;

	for (size_t i = 0; i < sup->children.n; i++)
		n += sup->children.all[i].ready && sup->children.all[i].generation < sup->conf->generation;
	return n;
}

static void end_reload(struct sup *sup, size_t behind)
{
	char count[24];

	sup->reload_until_ms = NEVER;
	sup->status.behind[0] = '\0';
	if (behind > 0) {
		log_event(LOG_LEVEL_WARNING, "reload-slow", "behind", log_num(count, (long long)behind), NULL);
		snprintf(sup->status.behind, sizeof(sup->status.behind), "%zu %s by the old configuration", behind,
			behind == 1 ? "process still works" : "processes still work");
	} else if (sup->status.refused[0] == '\0') {
		log_event(LOG_LEVEL_NOTICE, "in-force", "file", sup->conf->path, NULL); /* everywhere */
	}
	tell_status(sup);
	if (sup->told_ready)
		sup_notify_ready(sup->notify);
}

/* The manager waits for the new configuration to be in force everywhere, but not for a worker whose module hangs. */
static void check_reload(struct sup *sup)
{
	size_t behind = count_behind(sup);

	if (sup->reload_until_ms != NEVER && (behind == 0 || j11_clock_ms() >= sup->reload_until_ms))
		end_reload(sup, behind);
	if (behind == 0 && sup->status.behind[0] != '\0') {
		sup->status.behind[0] = '\0';
		tell_status(sup);
	}
}

/* ---- messages of front and workers ---- */

/* Ready for the first time, or with another configuration. */
static void on_ready(struct sup *sup, struct sup_child *c, uint64_t generation)
{
	bool first = !c->ready;
	char pid[24];

	c->ready = c->looked = true;
	c->generation = generation;
	if (!first)
		return;
	if (c->kind != SUP_FRONT) { /* the front hears of it first: whoever reads the line and asks finds the worker there */
		sup_child_introduce(&sup->children, c);
		log_event(LOG_LEVEL_INFO, "ready", "program", sup_child_program(c), "module", c->module, "pid", log_num(pid, c->pid), NULL);
		return;
	}
	for (size_t i = 1; i < sup->children.n; i++)
		sup_child_introduce(&sup->children, &sup->children.all[i]);
	sup->publish.news = true;
	log_event(LOG_LEVEL_NOTICE, "serving", "api", sup->sock->api.path, "public", sup->sock->public.path, NULL);
}

static void on_late(struct sup *sup, const struct wire_msg *msg)
{
	char module[256];
	uint64_t index;

	if (!wire_str(msg, WIRE_F_MODULE, module, sizeof(module)) || !wire_num(msg, WIRE_F_INDEX, &index))
		return;
	for (size_t i = 1; i < sup->children.n; i++) {
		struct sup_child *c = &sup->children.all[i];

		if (c->index == index && sup_child_is_worker(c, module))
			sup_child_doom(c, "late");
	}
}

static void on_token(struct sup *sup, const struct sup_child *c, const struct wire_msg *msg)
{
	char name[65], state[32];

	if (c->kind != SUP_WORKER || !wire_str(msg, WIRE_F_NAME, name, sizeof(name)) || !wire_str(msg, WIRE_F_STATE, state, sizeof(state)))
		return;
	sup_status_take(&sup->status, sup->conf->now, c->module, name, state);
	if (sup->told_ready && sup->reload_until_ms == NEVER)
		tell_status(sup);
}

/* The others of its module shall know too. */
static void on_login_set(struct sup *sup, const struct sup_child *c, const struct wire_msg *msg, int *fd)
{
	const struct sup_login *login = NULL;

	if (c->kind == SUP_WORKER) {
		login = sup_login_take(&sup->conf->logins, sup->conf->now, c->module, msg, *fd);
		*fd = -1;
	}
	for (size_t i = 1; login != NULL && i < sup->children.n; i++) {
		struct sup_child *other = &sup->children.all[i];

		if (other != c && other->pid != 0 && sup_child_is_worker(other, c->module))
			sup_child_tell_login(other, login);
	}
}

/* Also a new front, which was told nothing. */
static void tell_published(struct sup *sup)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(WIRE_MAX);

	if (!sup->publish.news || !front_of(sup)->ready || front_of(sup)->control < 0)
		return;
	sup_publish_write(&sup->publish, &out);
	sup->publish.news = out.failed != JWK11_OK || wire_send(front_of(sup)->control, j11_buf_view(&out), -1) != 0;
}

/* *fd is taken where it is wanted, and -1 then. */
static void on_message(struct sup *sup, struct sup_child *c, const struct wire_msg *msg, int *fd)
{
	switch (msg->type) {
	case WIRE_READY:
		on_ready(sup, c, msg->id);
		break;
	case WIRE_PONG:
		c->unanswered = 0;
		break;
	case WIRE_CATALOG_TOKEN:
		on_token(sup, c, msg);
		break;
	case WIRE_SETS:
		if (c->kind == SUP_FRONT)
			sup_publish_want(&sup->publish);
		break;
	case WIRE_WORKER_LATE:
		if (c->kind == SUP_FRONT)
			on_late(sup, msg);
		break;
	case WIRE_LOGIN_SET:
		on_login_set(sup, c, msg, fd);
		break;
	case WIRE_LOGIN_ASK:
		c->wants_login = c->kind == SUP_WORKER;
		sup_child_grant_login(&sup->children);
		break;
	case WIRE_LOGIN_DONE:
		sup_child_login_done(&sup->children, c);
		break;
	default:
		log_event(LOG_LEVEL_WARNING, "control-unexpected", "type", wire_type_name(msg->type), NULL);
	}
}

static void read_control(struct sup *sup, struct sup_child *c)
{
	static char room[WIRE_MAX];
	struct wire_msg msg;
	struct jwk11_err err = { 0 };
	int fd = -1;
	long n = wire_recv(c->control, room, sizeof(room), MSG_DONTWAIT, &fd);

	if (n == -EAGAIN)
		return;
	if (n <= 0) { /* the process is ending; SIGCHLD tells the rest */
		close(c->control);
		c->control = -1;
		return;
	}
	if (wire_decode((struct jwk11_view){ room, (size_t)n }, &msg, &err) == JWK11_OK)
		on_message(sup, c, &msg, &fd);
	else
		log_event(LOG_LEVEL_WARNING, "control-malformed", "why", err.text, NULL);
	if (fd >= 0)
		close(fd);
}

/* ---- signals ---- */

static void reap(struct sup *sup)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct sup_child *c = sup_child_find(&sup->children, pid);

		if (sup_publish_ended(&sup->publish, pid, status))
			continue;
		if (c != NULL)
			sup_child_ended(&sup->children, c, status, sup->draining);
	}
}

static void reload(struct sup *sup)
{
	struct jwk11_err err = { 0 };

	if (sup->draining)
		return;
	if (sup->told_ready)
		sup_notify_reloading(sup->notify);
	sup->reload_until_ms = j11_clock_ms() + RELOAD_MS;
	if (sup_conf_reload(sup->conf, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "reload-refused", "why", err.text, "hint", err.hint[0] ? err.hint : NULL, "kept", "the old configuration", NULL);
		snprintf(sup->status.refused, sizeof(sup->status.refused), "%s", err.text);
		return;
	}
	sup->status.refused[0] = '\0';
	sup_audit_look(&sup->conf->audit, sup->conf->now);
	sup_login_prune(&sup->conf->logins, sup->conf->now);
	sup_publish_want(&sup->publish);
	for (size_t i = 0; i < sup->children.n; i++)
		if (sup->children.all[i].pid != 0)
			sup_child_configure(&sup->children.all[i], sup->conf);
	log_event(LOG_LEVEL_NOTICE, "reloaded", "file", sup->conf->path, NULL);
}

static void drain(struct sup *sup)
{
	if (sup->draining)
		return;
	sup->draining = sup->status.draining = true;
	sup_notify_stopping(sup->notify);
	tell_status(sup);
	sup->drain_until_ms = j11_clock_ms() + DRAIN_MS;
	log_event(LOG_LEVEL_NOTICE, "draining", NULL);
	for (size_t i = 0; i < sup->children.n; i++)
		if (sup->children.all[i].kind != SUP_WORKER && sup->children.all[i].pid != 0)
			sup_child_send(&sup->children.all[i], WIRE_DRAIN, NULL, -1);
}

static void on_signal(struct sup *sup)
{
	struct signalfd_siginfo info;

	while (read(sup->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(sup);
		else if (info.ssi_signo == SIGHUP)
			reload(sup);
		else
			drain(sup);
	}
}

int sup_serve_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- the loop ---- */

/* After the front is gone, workers go too; who is still there at the end of the patience is killed, unless it is logging in. */
static bool drained(struct sup *sup)
{
	bool late = j11_clock_ms() >= sup->drain_until_ms, left = false;

	if ((front_of(sup)->pid != 0 || sup->publish.pid != 0) && !late)
		return false;
	for (size_t i = 0; i < sup->children.n; i++) {
		struct sup_child *c = &sup->children.all[i];

		if (c->pid == 0)
			continue;
		left = true;
		if (late && !c->logging_in)
			kill(c->pid, SIGKILL);
		else if (c->kind == SUP_WORKER && c->control >= 0)
			shutdown(c->control, SHUT_RDWR);
	}
	return !left;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int next_timeout(const struct sup *sup)
{
	int64_t now = j11_clock_ms(), next = INT64_MAX;

	if (sup->draining) {
		next = sup->drain_until_ms;
	} else {
		next = earlier(sup_child_next_start(&sup->children, now), sup->watch.next_ms);
		next = earlier(next, sup_publish_next(&sup->publish));
		if (!sup->told_ready && sup->first_look_until_ms > now)
			next = earlier(next, sup->first_look_until_ms);
		if (sup->reload_until_ms != NEVER)
			next = earlier(next, sup->reload_until_ms);
	}
	if (next == INT64_MAX)
		return -1;
	return next <= now ? (sup->draining ? 100 : 0) : (int)earlier(next - now, INT_MAX);
}

static void keep_going(struct sup *sup)
{
	sup_child_start_due(&sup->children, sup->conf, sup->sock);
	if (front_of(sup)->ready)
		sup_publish_go_on(&sup->publish, sup->conf->now, sup->sock);
	tell_published(sup);
	check_up(sup);
	check_reload(sup);
	if (sup_watch_look(&sup->watch, &sup->children))
		sup_notify_watchdog(sup->notify);
}

static int serve(struct sup *sup, struct pollfd *fds)
{
	struct sup_children *children = &sup->children;

	while (!(sup->draining && drained(sup))) {
		if (!sup->draining)
			keep_going(sup);
		fds[0] = (struct pollfd){ .fd = sup->signals, .events = POLLIN };
		for (size_t i = 0; i < children->n; i++)
			fds[i + 1] = (struct pollfd){ .fd = children->all[i].control, .events = POLLIN };
		if (poll(fds, (nfds_t)children->n + 1, next_timeout(sup)) < 0 && errno != EINTR)
			return EXIT_BUG_;
		for (size_t i = 0; i < children->n; i++)
			if (fds[i + 1].revents != 0 && children->all[i].control >= 0)
				read_control(sup, &children->all[i]);
		if (fds[0].revents != 0)
			on_signal(sup);
	}
	return EXIT_SUCCESS;
}

int sup_serve(struct sup_conf *conf, const struct sup_sock *sock, struct sup_notify *notify, int signals)
{
	struct sup sup = { .conf = conf, .sock = sock, .notify = notify, .signals = signals, .publish = SUP_PUBLISH_NONE, .first_look_until_ms = j11_clock_ms() + FIRST_LOOK_MS };
	struct jwk11_err err = { 0 };
	struct pollfd *fds = NULL;
	int status = EXIT_BUG_;

	sup_audit_look(&conf->audit, conf->now);
	sup_watch_start(&sup.watch, notify->watchdog_ms);
	if (sup_child_plan(conf->first, &sup.children, &err) == JWK11_OK)
		fds = j11_mem_new_array(sup.children.n + 1, sizeof(*fds));
	if (fds != NULL)
		status = serve(&sup, fds);
	else
		log_event(LOG_LEVEL_ERROR, "start-failed", "why", err.rc != JWK11_OK ? err.text : "out of memory", NULL);
	j11_mem_free(fds);
	sup_publish_done(&sup.publish);
	sup_child_close_all(&sup.children);
	sup_status_free(&sup.status);
	return status;
}
