/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11d-worker MODULE INDEX: one module instance, its logins, and T threads that sign. Threads: `control` reads the supervisor's messages,
 * the main thread owns tokens and keys, the others answer requests. No lock here is held across a PKCS#11 call. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "log.h"
#include "sandbox.h"
#include "start.h"
#include "tally.h"
#include "wire.h"
#include "work_admin.h"
#include "work_audit.h"
#include "work_break.h"
#include "work_job.h"
#include "work_log.h"
#include "work_login.h"
#include "work_note.h"
#include "work_ops.h"
#include "work_peer.h"
#include "work_tell.h"

enum { FD_CONTROL = 3, FD_WORK = 4, BACKOFF_MIN_MS = 250, BACKOFF_MAX_MS = 5000, SETTLED_MS = 60000, EXIT_BUG_ = 70 };

static struct worker {
	const char *module;
	unsigned index;
	struct jwk11_context *ctx;
	int wake; /* eventfd: a new configuration or a token in trouble */
	int64_t started_ms;
	unsigned n_active; /* keys in use before a token was in trouble; 0: none is. Main thread */

	pthread_mutex_t lock;  /* guards what follows */
	pthread_cond_t turn;
	struct work_view *view;
	struct conf *next_conf; /* arrived, not yet in force */
	uint64_t next_id;       /* the supervisor's number for it */
	bool may_log_in; /* the supervisor's GO, for one login */
	bool ending;     /* the supervisor's end of file: no further login begins */
	bool trouble;

	pthread_mutex_t login; /* held while this process is inside its login turn */
} self = { .lock = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER, .login = PTHREAD_MUTEX_INITIALIZER };

/* Ends the process without atexit handlers (modules register bad ones), but never in the middle of a login. */
static _Noreturn void leave(int code)
{
	pthread_mutex_lock(&self.login);
	_exit(code);
}

static void tell(enum wire_type type, uint64_t id)
{
	struct jwk11_buf out = J11_BUF(256);

	wire_begin(&out, type, id);
	if (out.failed != JWK11_OK || wire_send(FD_CONTROL, j11_buf_view(&out), -1) != 0)
		log_event(LOG_LEVEL_WARNING, "control-send-failed", "type", wire_type_name(type), NULL);
	j11_buf_done(&out);
}

static void wake_main(void)
{
	uint64_t one = 1;

	if (write(self.wake, &one, sizeof(one)) < 0)
		log_event(LOG_LEVEL_WARNING, "wake-failed", "why", strerror(errno), NULL);
}

/* The library asks before C_Login: the supervisor lets one process at a time go. */
static bool login_begin(void *arg)
{
	bool go;

	(void)arg;
	pthread_mutex_lock(&self.login);
	pthread_mutex_lock(&self.lock);
	self.may_log_in = false;
	if (!self.ending)
		tell(WIRE_LOGIN_ASK, 0);
	while (!self.may_log_in && !self.ending)
		pthread_cond_wait(&self.turn, &self.lock);
	go = self.may_log_in;
	pthread_mutex_unlock(&self.lock);
	tally_add(TALLY_logins, go);
	if (!go)
		pthread_mutex_unlock(&self.login);
	return go;
}

static void login_end(void *arg)
{
	(void)arg;
	tell(WIRE_LOGIN_DONE, 0);
	pthread_mutex_unlock(&self.login);
}

static void on_config(uint64_t id, int fd)
{
	struct jwk11_err err = { 0 };
	struct conf *conf = NULL;

	if (start_read_conf(fd, &conf, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "config-refused", "why", err.text, NULL);
		return;
	}
	pthread_mutex_lock(&self.lock);
	conf_free(self.next_conf);
	self.next_conf = conf;
	self.next_id = id;
	pthread_mutex_unlock(&self.lock);
	wake_main();
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
		wake_main();
	} else if (msg->type == WIRE_PING) {
		tell(WIRE_PONG, 0);
	} else if (msg->type == WIRE_LOGIN_GO) {
		pthread_mutex_lock(&self.lock);
		self.may_log_in = true;
		pthread_cond_broadcast(&self.turn);
		pthread_mutex_unlock(&self.lock);
	}
	if (fd >= 0)
		close(fd);
}

/* The supervisor's end of file is the order to go: a login that waits for its turn gives up, one that has it is waited for. */
static void *control_thread(void *arg)
{
	static char room[WIRE_MAX];
	struct wire_msg msg;
	int fd = -1;
	long n;

	(void)arg;
	while ((n = wire_recv(FD_CONTROL, room, sizeof(room), 0, &fd)) > 0) {
		if (wire_decode((struct jwk11_view){ room, (size_t)n }, &msg, NULL) == JWK11_OK)
			on_control(&msg, fd);
		else if (fd >= 0)
			close(fd);
		fd = -1;
	}
	pthread_mutex_lock(&self.lock);
	self.ending = true;
	pthread_cond_broadcast(&self.turn);
	pthread_mutex_unlock(&self.lock);
	leave(0);
}

static struct work_view *current_view(void)
{
	struct work_view *view;

	pthread_mutex_lock(&self.lock);
	view = work_view_ref(self.view);
	pthread_mutex_unlock(&self.lock);
	return view;
}

static void report_trouble(void)
{
	pthread_mutex_lock(&self.lock);
	self.trouble = true;
	pthread_mutex_unlock(&self.lock);
	wake_main();
}

/* To the front, when a number has changed. */
static void tell_tally(void)
{
	struct jwk11_buf out = J11_BUF(1024);

	if (!tally_take_change())
		return;
	tally_write(&out);
	if (out.failed != JWK11_OK || wire_send(FD_WORK, j11_buf_view(&out), -1) != 0)
		log_event(LOG_LEVEL_WARNING, "tally-lost", NULL);
	j11_buf_done(&out);
}

static void answer(const struct wire_msg *msg, int client, struct jwk11_buf *out)
{
	struct work_view *view;

	if (msg->type == WIRE_LOGIN || msg->type == WIRE_LOGOUT || msg->type == WIRE_RESCAN) {
		work_admin_answer(current_view, wake_main, msg, client, out);
		return;
	}
	view = current_view();
	if (msg->type == WIRE_WHO)
		work_peer_tell(msg, client, view->conf, out);
	else if (msg->type == WIRE_REFUSED)
		work_note_write(view->conf, msg, client);
	else if (work_ops_answer(view, msg, client, out))
		report_trouble();
	work_view_unref(view);
}

static void serve_one(char *room, size_t len, int client, struct jwk11_buf *out)
{
	struct jwk11_err err = { 0 };
	struct wire_msg msg;

	if (wire_decode((struct jwk11_view){ room, len }, &msg, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_WARNING, "request-malformed", "why", err.text, NULL);
		return;
	}
	jwk11_buf_reset(out);
	answer(&msg, client, out);
	if (msg.field[WIRE_F_SECRET].data != NULL)
		j11_mem_wipe(room, len);
	if (out->len > 0 && wire_send(FD_WORK, j11_buf_view(out), -1) != 0)
		log_event(LOG_LEVEL_WARNING, "reply-lost", NULL);
	if (out->secret) { /* a plaintext: wiped, and no later reply pays for it */
		j11_buf_done(out);
		out->secret = false;
	}
	tell_tally();
}

/* The front's end of file means that the front is gone: the supervisor starts both of us again. */
static void *signer_thread(void *arg)
{
	struct jwk11_buf out = J11_BUF(WIRE_MAX);
	char *room = j11_mem_new(WIRE_MAX);
	int client = -1;
	long n = -ENOMEM;

	(void)arg;
	while (room != NULL && ((n = wire_recv(FD_WORK, room, WIRE_MAX, 0, &client)) > 0 || n == -EMSGSIZE)) {
		if (n > 0)
			serve_one(room, (size_t)n, client, &out);
		if (client >= 0)
			close(client);
		client = -1;
	}
	leave(n == 0 ? 0 : EXIT_BUG_);
}

static uint64_t count_sessions(const struct work_view *view)
{
	uint64_t n = 0;

	for (size_t i = 0; i < view->n_tokens; i++)
		n += view->tokens[i].token != NULL ? view->conf->threads : 0;
	return n;
}

/* A copy through its own text: a view owns what it refers to. */
static struct conf *copy_conf(const struct conf *conf)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(4 * 1024 * 1024);
	struct conf *copy = NULL;

	conf_emit(conf, &text);
	return conf_parse(j11_buf_view(&text), "configuration", &copy, NULL) == JWK11_OK ? copy : NULL;
}

/* In place of the old view. NULL: there is no memory for one. */
static void put_in_force(struct work_view *view)
{
	struct work_view *before = self.view;

	if (view == NULL) {
		log_event(LOG_LEVEL_ERROR, "out-of-memory", NULL);
		return;
	}
	if (self.index == 0) /* the one that announces */
		work_view_find_chains(view);
	tally_add(TALLY_looks, 1);
	tally_set(TALLY_sessions, count_sessions(view));
	if (self.index == 0)
		work_log_change(view, before);
	pthread_mutex_lock(&self.lock);
	self.view = view;
	pthread_mutex_unlock(&self.lock);
	work_view_unref(before);
}

/* Everything anew, by this configuration or by the one in force. */
static void renew(struct conf *conf)
{
	if (conf == NULL)
		conf = copy_conf(self.view->conf);
	if (conf != NULL)
		put_in_force(work_view_new(self.ctx, self.module, self.index, conf));
}

/* To the supervisor. The first worker of a module speaks for all. */
static void tell_states(void)
{
	if (self.index == 0)
		work_tell_states(self.view, FD_CONTROL);
}

/* READY, for a configuration that is in force, after what the supervisor shall know by then. */
static void tell_ready(uint64_t id)
{
	tell_states();
	tell(WIRE_READY, id);
}

/* To the front. Only after READY: before it nobody reads the other end, and a long catalogue would wait. */
static void announce(void)
{
	if (self.index == 0)
		work_tell(self.view, self.module, self.index, FD_WORK);
	tell_tally();
}

/* ---- recovery: the library has tried new sessions and a new login; what is left is opening anew, the module, the process ---- */

static void look_again(void)
{
	renew(NULL);
	tell_states();
	announce();
}

/* How many keys of a view could not be searched, and how many have no version. */
struct sight {
	size_t n_unsearched, n_without;
};

static struct sight sight_of(const struct work_view *view)
{
	struct sight s = { 0 };

	for (size_t i = 0; i < view->n_keys; i++) {
		s.n_unsearched += work_view_wants_search(&view->keys[i]);
		s.n_without += conf_key_is_versioned(view->keys[i].conf) && !view->keys[i].is_version;
	}
	return s;
}

/* Is there less to see than before? */
static bool lost_sight(const struct work_view *before, const struct work_view *view)
{
	struct sight was = sight_of(before), is = sight_of(view);

	return is.n_unsearched > was.n_unsearched || is.n_without > was.n_without;
}

/* For new versions, and those that are no more, on tokens that stay open. Another process may be changing the token at this very moment: what
 * cannot be searched now is as it was, until the next time. */
static const struct work_view *look_for_versions(void)
{
	struct conf *conf = copy_conf(self.view->conf);
	struct work_view *view = conf != NULL ? work_view_again(self.view, conf) : NULL;

	if (view != NULL && lost_sight(self.view, view)) {
		log_event(LOG_LEVEL_WARNING, "versions-unread", "module", self.module, NULL);
		work_view_unref(view);
		return self.view;
	}
	put_in_force(view);
	return self.view;
}

/* A new view for a login or logout; a look for keys has its own. What was in trouble before is looked at afresh. */
static const struct work_view *look_for_login(void)
{
	self.n_active = 0;
	renew(NULL);
	return self.view;
}

static unsigned count_active(const struct work_view *view)
{
	unsigned n = 0;

	for (size_t i = 0; i < view->n_keys; i++)
		n += view->keys[i].key != NULL;
	return n;
}

static bool all_open(const struct work_view *view)
{
	for (size_t i = 0; i < view->n_tokens; i++)
		if (view->tokens[i].token == NULL)
			return false;
	return true;
}

/* Is there an open token that has failed too often, or is gone? */
static bool find_failed(const struct work_view *view)
{
	bool found = false;

	for (size_t i = 0; i < view->n_tokens; i++) {
		const struct work_token *t = &view->tokens[i];
		struct jwk11_err why = { 0 };

		if (t->token == NULL)
			continue;
		if (jwk11_token_check(t->token, &why) != JWK11_OK)
			work_break_trip(t->conf->name, &why);
		found |= work_break_is_open(t->conf->name, NULL);
	}
	return found;
}

/* A token that fails is opened anew beside the old one. When that has not helped it is closed, so that nobody waits for it, until it is due.
 * Keys that were there before and now are not: the module has lost sight of them, which only its next start will mend. */
static bool on_trouble(void)
{
	if (!find_failed(self.view))
		return false;
	if (self.n_active == 0)
		self.n_active = count_active(self.view);
	if (work_break_wait_ms() == 0)
		work_break_try();
	look_again();
	if (!all_open(self.view))
		return true;
	if (count_active(self.view) < self.n_active) {
		work_break_again();
		look_again();
	} else {
		self.n_active = 0;
	}
	return true;
}

/* Not where a person would have to type the PIN for it. */
static void leave_for_another(const char *why)
{
	for (size_t i = 0; i < self.view->n_tokens; i++)
		if (self.view->tokens[i].conf->login == CONF_LOGIN_PROTECTED)
			return;
	log_event(LOG_LEVEL_WARNING, "worker-leaves", "module", self.module, "why", why, NULL);
	leave(0);
}

/* False: somebody still holds a token of it. */
static bool restart_module(void)
{
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = jwk11_context_reload(self.ctx, &err);

	tally_add(TALLY_module_restarts, rc == JWK11_OK);
	if (rc == JWK11_ERR_DEVICE) {
		log_event(LOG_LEVEL_ERROR, "module-restart-failed", "module", self.module, "why", err.text, NULL);
		leave(EXIT_BUG_);
	}
	return rc == JWK11_OK;
}

/* The wait is over. Nothing open: the module is started again, which is how some notice new tokens, and others their own. While another
 * token is open that cannot be, and a new process must do; not more than once in a while, because it costs the other's requests a second try. */
static void try_again(void)
{
	bool alone = !work_view_has_open(self.view);

	if (work_break_is_spent() && (alone || j11_clock_ms() - self.started_ms > SETTLED_MS))
		leave_for_another("a token fails although it was opened anew several times");
	if (alone && !restart_module())
		return;
	work_break_try();
	look_again();
	if (!all_open(self.view))
		return;
	if (!alone && count_active(self.view) < self.n_active)
		leave_for_another("keys are missing since a token failed");
	self.n_active = 0;
}

/* When to look for new versions: PKCS#11 has no event for new objects. Milliseconds of j11_clock_ms; INT64_MAX: never. */
static int64_t next_look(void)
{
	return conf_has_versions(self.view->conf) ? j11_clock_ms() + self.view->conf->rescan * 1000 : INT64_MAX;
}

/* Waits for a configuration, for trouble, or for the next look at a token that is away. */
static void token_loop(void)
{
	int64_t backoff = BACKOFF_MIN_MS, due = j11_clock_ms() + backoff, look = next_look();
	uint64_t count;

	for (;;) {
		struct pollfd fd = { .fd = self.wake, .events = POLLIN };
		bool waiting = work_view_is_waiting(self.view), trouble;
		int64_t until = waiting && due < look ? due : look, left = until - j11_clock_ms();
		int n = poll(&fd, 1, until == INT64_MAX ? -1 : left > 0 ? (int)left : 0);
		struct conf *conf;
		uint64_t id;

		if (n > 0 && read(self.wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
			leave(EXIT_BUG_);
		pthread_mutex_lock(&self.lock);
		conf = self.next_conf;
		self.next_conf = NULL;
		id = self.next_id;
		trouble = self.trouble;
		self.trouble = false;
		pthread_mutex_unlock(&self.lock);
		if (work_job_serve(self.view, look_for_login, look_for_versions, FD_CONTROL)) {
			tell_states();
			announce();
		}
		work_job_end();
		if (conf != NULL) {
			jwk11_context_ask_again(self.ctx);
			work_break_forget();
			work_login_prune(conf);
			self.n_active = 0;
			renew(conf);
			tell_ready(id);
			announce();
			backoff = BACKOFF_MIN_MS;
		} else if (trouble && on_trouble()) {
			backoff = BACKOFF_MIN_MS;
		} else if (waiting && j11_clock_ms() >= due) {
			try_again();
			backoff = backoff * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff * 2;
		} else if (j11_clock_ms() >= look) {
			(void)look_for_versions();
			tell_states();
			announce();
			look = next_look();
			continue;
		} else {
			continue;
		}
		look = next_look();
		if (work_break_wait_ms() > backoff)
			backoff = work_break_wait_ms();
		due = j11_clock_ms() + backoff;
	}
}

/* Blocks until the first configuration is there. Before there is a thread: what the process gives up then binds them all. */
static struct conf *first_conf(uint64_t *ret_id)
{
	struct jwk11_err err = { 0 };
	char room[256];
	struct wire_msg msg;
	struct conf *conf = NULL;
	enum jwk11_rc rc;
	int fd = -1;
	long n;

	msg.type = WIRE_AUDIT;
	while ((n = wire_recv(FD_CONTROL, room, sizeof(room), 0, &fd)) > 0 && wire_decode((struct jwk11_view){ room, (size_t)n }, &msg, &err) == JWK11_OK &&
		msg.type != WIRE_CONFIG)
		on_control(&msg, fd);
	if (n == 0)
		leave(0);
	if (n < 0 || err.rc != JWK11_OK || msg.type != WIRE_CONFIG)
		leave(EXIT_BUG_);
	*ret_id = msg.id;
	rc = start_read_conf(fd, &conf, &err);
	close(fd);
	if (rc != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "config-refused", "why", err.text, NULL);
		leave(EXIT_BUG_);
	}
	return conf;
}

static void start_module(const struct conf *conf)
{
	static const struct jwk11_login_hook hook = { login_begin, login_end, NULL };
	struct jwk11_err err = { 0 };

	if (mkdir(conf->state_dir, 0700) != 0 && errno != EEXIST)
		log_event(LOG_LEVEL_ERROR, "state-dir", "dir", conf->state_dir, "why", strerror(errno), NULL);
	if (jwk11_context_new(&self.ctx, &err) != JWK11_OK || jwk11_context_load(self.ctx, self.module, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "module-failed", "module", self.module, "why", err.text, "hint", err.hint[0] ? err.hint : NULL, NULL);
		leave(EXIT_BUG_);
	}
	if (jwk11_context_set_state_dir(self.ctx, conf->state_dir, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "state-dir", "why", err.text, "hint", err.hint, NULL);
		leave(EXIT_BUG_);
	}
	jwk11_context_set_login_hook(self.ctx, &hook);
}

static void start_thread(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL) != 0)
		leave(EXIT_BUG_);
	pthread_detach(thread);
}

int main(int argc, char **argv)
{
	uint64_t index = 0, id;
	struct conf *conf;
	unsigned threads;

	log_open("worker", LOG_LEVEL_NOTICE);
	if (argc != 3 || !j11_text_to_u64(j11_view_str(argv[2]), 1000, &index)) {
		fputs("jwk11d-worker is started by jwk11d\n", stderr);
		return 64;
	}
	sandbox_early();
	/* The supervisor's end of file ends us, not a signal that a terminal sends to the whole group: it could hit a login. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* an audit file that may not grow is an error of its own */
	self.module = argv[1];
	self.index = (unsigned)index;
	self.started_ms = j11_clock_ms();
	self.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!work_audit_open())
		leave(EXIT_BUG_);
	conf = first_conf(&id);
	if (!sandbox_worker(conf, self.index == 0)) {
		log_event(LOG_LEVEL_ERROR, "start-failed", "why", "the sandbox could not be set up", "error", strerror(errno), NULL);
		leave(EXIT_BUG_);
	}
	if (!work_audit_start())
		leave(EXIT_BUG_);
	start_thread(control_thread);
	threads = conf->threads;
	start_module(conf);
	work_job_begin();
	renew(conf);
	if (self.view == NULL)
		leave(EXIT_BUG_);
	tell_ready(id);
	announce();
	for (unsigned i = 0; i < threads; i++)
		start_thread(signer_thread);
	token_loop();
}
