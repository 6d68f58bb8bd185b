/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of jwk11d-grpc, and what it is told. That process reads what clients send: its messages are looked at like theirs, and what a client may
 * is decided by a worker, on the client's own descriptor. */
#include "front_grpc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "front_grpc_keys.h"
#include "front_view.h"
#include "log.h"
#include "peer.h"
#include "problem.h"

#define OCTETS_MAX (16u * 1024u * 1024u) /* of all its requests under way */
#define PIECE (128u * 1024u)             /* octets of them in one message */

/* One request. In `calls` while a worker has it, then in `replies` until its answer is sent. */
struct grpc_call {
	struct call call;
	struct front_grpc *grpc;
	struct grpc_call *prev, *next;
	bool left;          /* nobody waits for it */
	uint64_t id;        /* theirs */
	struct jwk11_buf datagram;
	struct meter_key *meter;
	uint64_t began_us;
	char request_id[FRONT_ID_MAX];
};
struct grpc_calls {
	struct grpc_call *first, *last;
};
struct front_grpc {
	struct front *front;
	void (*gone)(void *arg);
	void *arg;
	struct loop_watch watch; /* fd -1: it is not there */
	struct grpc_calls calls, replies;
	size_t octets;           /* of their datagrams */
	struct front_grpc_keys keys;
	size_t sent;             /* octets of what FetchKeys answers that it was told */
	unsigned char room[WIRE_MAX];
};

/* ---- lists ---- */

static void put(struct grpc_calls *list, struct grpc_call *c)
{
	c->next = NULL;
	c->prev = list->last;
	*(list->last != NULL ? &list->last->next : &list->first) = c;
	list->last = c;
}

static void take(struct grpc_calls *list, struct grpc_call *c)
{
	*(c->prev != NULL ? &c->prev->next : &list->first) = c->next;
	*(c->next != NULL ? &c->next->prev : &list->last) = c->prev;
}

static void free_call(struct grpc_call *c)
{
	c->grpc->octets -= c->datagram.len;
	calls_forget(c->grpc->front->calls, &c->call);
	j11_buf_done(&c->datagram);
	if (c->call.fd >= 0)
		close(c->call.fd);
	j11_mem_free(c);
}

/* ---- answers ---- */

static void send_pieces(struct front_grpc *grpc);

/* False: its socket takes no more now, and is waited for. */
static bool send_one(struct front_grpc *grpc, struct jwk11_view datagram)
{
	int why = wire_send(grpc->watch.fd, datagram, -1);

	if (why == EAGAIN || why == EWOULDBLOCK) {
		loop_change(grpc->front->loop, &grpc->watch, EPOLLIN | EPOLLOUT);
		return false;
	}
	return true; /* of any other error the end of file tells */
}

static void flush(struct front_grpc *grpc)
{
	while (grpc->watch.fd >= 0 && grpc->replies.first != NULL) {
		struct grpc_call *c = grpc->replies.first;

		if (!send_one(grpc, j11_buf_view(&c->datagram)))
			return;
		take(&grpc->replies, c);
		free_call(c);
	}
	send_pieces(grpc);
}

static void reply(struct grpc_call *c)
{
	struct front_grpc *grpc = c->grpc;

	put(&grpc->replies, c);
	if (grpc->replies.first == c)
		flush(grpc);
}

static void begin_reply(struct grpc_call *c, enum wire_type type)
{
	c->grpc->octets -= c->datagram.len;
	jwk11_buf_reset(&c->datagram);
	wire_begin(&c->datagram, type, c->id);
}

static void end_reply(struct grpc_call *c)
{
	c->grpc->octets += c->datagram.len;
	if (c->left || c->datagram.failed != JWK11_OK) /* without memory its deadline is the answer */
		free_call(c);
	else
		reply(c);
}

/* Its client hears a fixed text for the code; what else there is to say is for the log. */
static void fail(struct grpc_call *c, enum j11_code code, const char *why)
{
	struct front *front = c->grpc->front;
	unsigned status = problem_status(code);

	if (front_may_log(front))
		log_event(status == 403 || status >= 500 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "grpc-refused", "code", j11_code_name(code), "why", why,
			"request", c->request_id, NULL);
	count_one(&front->counts, status >= 500 ? COUNT_replies_server_error : COUNT_replies_client_error);
	if (c->meter != NULL)
		c->meter->n[CONF_OP_JWT][meter_result_of(status)]++;
	begin_reply(c, WIRE_FAULT);
	wire_add_str(&c->datagram, WIRE_F_CODE, j11_code_name(code));
	wire_add_str(&c->datagram, WIRE_F_TEXT, problem_title(code));
	end_reply(c);
}

/* A token that names a kid which the API server has not been told of is of no use to anybody, and it would not notice. */
static void answer(struct grpc_call *c, const struct wire_msg *msg)
{
	char kid[FRONT_KEY_MAX], word[JWK11_CODE_MAX], why[JWK11_TEXT_MAX] = "";

	if (msg->type != WIRE_REPLY) {
		j11_text_printable(msg->field[WIRE_F_TEXT], why, sizeof(why));
		fail(c, wire_str(msg, WIRE_F_CODE, word, sizeof(word)) && j11_code_find(word) < J11_N_CODE_ ? j11_code_find(word) : J11_CODE_INTERNAL, why);
	} else if (!wire_str(msg, WIRE_F_KID, kid, sizeof(kid)) || msg->field[WIRE_F_TEXT].len == 0) {
		fail(c, J11_CODE_INTERNAL, "the worker's answer is not complete");
	} else if (!front_grpc_keys_has(&c->grpc->keys, kid)) {
		fail(c, J11_CODE_KEY_UNAVAILABLE, "the key that signs is not published");
	} else {
		count_one(&c->grpc->front->counts, COUNT_replies_good);
		if (c->meter != NULL)
			c->meter->n[CONF_OP_JWT][METER_ok]++;
		begin_reply(c, WIRE_REPLY);
		wire_add_str(&c->datagram, WIRE_F_KID, kid);
		wire_add(&c->datagram, WIRE_F_ALG, msg->field[WIRE_F_ALG]);
		wire_add(&c->datagram, WIRE_F_TEXT, msg->field[WIRE_F_TEXT]);
		end_reply(c);
	}
}

static void on_done(struct call *call, enum call_end end, const struct wire_msg *msg)
{
	static const struct {
		enum j11_code code;
		const char *why;
	} ends[] = {
		[CALL_NEVER_SENT] = { J11_CODE_WORKER_TIMEOUT, "no worker of the key's module was free in time" },
		[CALL_LATE] = { J11_CODE_WORKER_TIMEOUT, "the token did not answer in time; its worker is restarted" },
		[CALL_LOST] = { J11_CODE_WORKER_LOST, "the worker ended while it held the request, and so did the next one" },
		[CALL_NO_WORKER] = { J11_CODE_MODULE_FAILED, "the key's module does not start; it is tried again" },
		[CALL_DISPLACED] = { J11_CODE_QUEUE_FULL, "too many requests are waiting, and this user has the most of them" },
		[CALL_ABANDONED] = { J11_CODE_INTERNAL, "nobody waits for it" },
	};
	struct grpc_call *c = (struct grpc_call *)(void *)((char *)call - offsetof(struct grpc_call, call));
	struct front *front = c->grpc->front;

	take(&c->grpc->calls, c);
	meter_time(&front->meter, CONF_OP_JWT, (uint64_t)j11_clock_us() - c->began_us);
	if (end == CALL_ABANDONED || c->left)
		free_call(c);
	else if (end == CALL_ANSWERED)
		answer(c, msg);
	else
		fail(c, ends[end].code, ends[end].why);
}

/* ---- requests ---- */

/* The request's key, when it could sign and be found by whoever verifies; NULL: it has been answered. */
static const struct catalog_key *find_key(struct grpc_call *c)
{
	struct front *front = c->grpc->front;
	const char *name = front->conf->kubernetes.key;
	const struct catalog_key *key = conf_has_kubernetes(front->conf) ? catalog_key_named(front->catalog, name) : NULL;

	if (!conf_has_kubernetes(front->conf))
		fail(c, J11_CODE_NOT_READY, "the configuration has no [kubernetes] section any more");
	else if (key == NULL)
		fail(c, J11_CODE_NOT_READY, "no worker has reported the key yet");
	else if (key->rival != NULL || front_kid_rival(front, key) != NULL)
		fail(c, J11_CODE_KEY_AMBIGUOUS, "two modules have different keys for it");
	else if (!front_grpc_keys_has(&c->grpc->keys, key->kid))
		fail(c, J11_CODE_KEY_UNAVAILABLE, key->jwk[0] == '\0' ? catalog_key_text(key) : "it is not in the set that FetchKeys lists");
	else
		return key;
	return NULL;
}

/* By the section that grants. */
static bool is_within_rate(struct grpc_call *c, const struct catalog_key *key)
{
	struct front *front = c->grpc->front;
	struct front_peer peer = { .fd = c->call.fd, .socket = CONF_KUBERNETES };
	struct front_request q;
	bool within;

	peer.user = users_get(&front->users, c->call.who, loop_now(front->loop));
	front_request_start(&q, front, FRONT_API, &peer, c->request_id);
	within = peer.user != NULL && front_within_rate(&q, key, CONF_OP_JWT, NULL);
	if (!within)
		fail(c, peer.user != NULL ? q.code : J11_CODE_MEMORY, "its section's rate");
	front_peer_done(&peer);
	return within;
}

static enum j11_code code_of_start(enum jwk11_rc rc)
{
	return rc == JWK11_ERR_ABSENT ? J11_CODE_MODULE_FAILED : rc == JWK11_ERR_BUSY ? J11_CODE_QUEUE_FULL :
		rc == JWK11_ERR_LIMIT ? J11_CODE_REQUESTS_EXCEEDED : J11_CODE_MEMORY;
}

static void start(struct grpc_call *c, struct jwk11_view claims)
{
	struct front *front = c->grpc->front;
	const struct catalog_key *key;
	enum jwk11_rc rc;

	front_view_keep_time(front);
	key = find_key(c);
	if (key == NULL)
		return;
	c->meter = meter_key(&front->meter, key->name);
	if (!is_within_rate(c, key))
		return;
	c->call.id = calls_next_id(front->calls);
	wire_begin(&c->datagram, WIRE_JWT_GIVEN, c->call.id);
	wire_add_str(&c->datagram, WIRE_F_KEY, key->name);
	wire_add_str(&c->datagram, WIRE_F_REQUEST_ID, c->request_id);
	wire_add(&c->datagram, WIRE_F_CLAIMS, claims);
	c->grpc->octets += c->datagram.len;
	if (c->datagram.failed != JWK11_OK) {
		fail(c, J11_CODE_MEMORY, "the request could not be put together");
		return;
	}
	c->call.datagram = j11_buf_view(&c->datagram);
	c->call.done = on_done;
	c->began_us = (uint64_t)j11_clock_us();
	rc = calls_start(front->calls, key->module, &c->call);
	if (rc == JWK11_OK)
		put(&c->grpc->calls, c);
	else
		fail(c, code_of_start(rc), "it could not be queued");
}

/* Takes fd. */
static void on_request(struct front_grpc *grpc, const struct wire_msg *msg, int fd)
{
	struct front *front = grpc->front;
	struct grpc_call *c = j11_mem_new(sizeof(*c));
	uid_t uid = (uid_t)-1;

	if (c == NULL) {
		close(fd);
		return; /* it has a deadline */
	}
	*c = (struct grpc_call){ .grpc = grpc, .id = msg->id, .datagram = J11_BUF(WIRE_MAX), .call = { .fd = fd } };
	c->call.who = peer_ask_uid(fd, &uid) ? uid : (uid_t)-1;
	front_make_id(front, msg->field[WIRE_F_REQUEST_ID], c->request_id);
	count_one(&front->counts, COUNT_requests);
	if (grpc->octets + msg->field[WIRE_F_CLAIMS].len > OCTETS_MAX)
		fail(c, J11_CODE_QUEUE_FULL, "its requests take too much memory");
	else
		start(c, msg->field[WIRE_F_CLAIMS]);
}

static void leave(struct front_grpc *grpc, struct grpc_call *c)
{
	c->left = true;
	if (!calls_leave(&c->call))
		return;
	take(&grpc->calls, c);
	free_call(c);
}

static void on_leave(struct front_grpc *grpc, uint64_t id)
{
	for (struct grpc_call *c = grpc->calls.first; c != NULL; c = c->next) {
		if (c->id == id && !c->left) {
			leave(grpc, c);
			return;
		}
	}
}

/* ---- the socket ---- */

static void part(struct front_grpc *grpc)
{
	struct grpc_call *next;

	if (grpc->watch.fd < 0)
		return;
	loop_remove(grpc->front->loop, &grpc->watch);
	close(grpc->watch.fd);
	grpc->watch.fd = -1;
	for (struct grpc_call *c = grpc->calls.first; c != NULL; c = next) {
		next = c->next;
		if (!c->left)
			leave(grpc, c);
	}
	while (grpc->replies.first != NULL) {
		struct grpc_call *c = grpc->replies.first;

		take(&grpc->replies, c);
		free_call(c);
	}
}

static void drop(struct front_grpc *grpc, const char *why)
{
	count_one(&grpc->front->counts, COUNT_wire_dropped);
	if (front_may_log(grpc->front))
		log_event(LOG_LEVEL_WARNING, "message-dropped", "from", "jwk11d-grpc", "reason", why, NULL);
}

static void take_message(struct front_grpc *grpc, size_t len, int *fd)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	struct wire_msg msg;

	if (wire_decode((struct jwk11_view){ .data = grpc->room, .len = len }, &msg, &err) != JWK11_OK) {
		drop(grpc, err.text);
	} else if (msg.type == WIRE_JWT_GIVEN && *fd >= 0) {
		on_request(grpc, &msg, *fd);
		*fd = -1;
	} else if (msg.type == WIRE_LEAVE) {
		on_leave(grpc, msg.id);
	} else {
		drop(grpc, "it is not for the front, or lacks its descriptor");
	}
}

static void on_grpc(void *arg, uint32_t events)
{
	struct front_grpc *grpc = arg;
	int fd = -1;
	long len;

	if (events & EPOLLOUT) {
		loop_change(grpc->front->loop, &grpc->watch, EPOLLIN);
		flush(grpc);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || grpc->watch.fd < 0)
		return;
	len = wire_recv(grpc->watch.fd, grpc->room, sizeof(grpc->room), MSG_DONTWAIT, &fd);
	if (len > 0) {
		take_message(grpc, (size_t)len, &fd);
	} else if (len == -EMSGSIZE) {
		drop(grpc, "it was cut");
	} else if (len != -EAGAIN && len != -EINTR) {
		part(grpc);
		grpc->gone(grpc->arg);
	}
	if (fd >= 0)
		close(fd);
}

void front_grpc_join(struct front_grpc *grpc, int fd)
{
	part(grpc);
	grpc->watch = (struct loop_watch){ .fd = fd, .events = EPOLLIN, .fn = on_grpc, .arg = grpc };
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || !loop_add(grpc->front->loop, &grpc->watch)) {
		log_event(LOG_LEVEL_ERROR, "grpc-refused", "why", "its socket cannot be watched", NULL);
		close(fd);
		grpc->watch.fd = -1;
		return;
	}
	grpc->sent = 0;
	send_pieces(grpc);
}

bool front_grpc_is_joined(const struct front_grpc *grpc)
{
	return grpc->watch.fd >= 0;
}

/* ---- what is published ---- */

/* A new rendering begins with its first piece, whatever was sent of the one before. */
static void send_pieces(struct front_grpc *grpc)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(WIRE_MAX);

	while (grpc->watch.fd >= 0 && grpc->sent < grpc->keys.text.len) {
		size_t left = grpc->keys.text.len - grpc->sent, len = left < PIECE ? left : PIECE;

		jwk11_buf_reset(&out);
		wire_begin(&out, WIRE_PUBLISHED, 0);
		wire_add(&out, WIRE_F_PAYLOAD, (struct jwk11_view){ .data = grpc->keys.text.data + grpc->sent, .len = len });
		wire_add_num(&out, WIRE_F_INDEX, grpc->sent / PIECE);
		wire_add_num(&out, WIRE_F_WHOLE, grpc->keys.text.len);
		if (out.failed != JWK11_OK || !send_one(grpc, j11_buf_view(&out)))
			return;
		grpc->sent += len;
	}
}

void front_grpc_refresh(struct front_grpc *grpc)
{
	if (grpc->front->conf == NULL || !conf_has_kubernetes(grpc->front->conf) || !front_grpc_keys_render(&grpc->keys, grpc->front))
		return;
	grpc->sent = 0;
	send_pieces(grpc);
}

void front_grpc_looked(struct front_grpc *grpc)
{
	const struct front *front = grpc->front;
	const struct catalog_key *key;

	if (front->conf == NULL || !conf_has_kubernetes(front->conf))
		return;
	key = catalog_key_named(front->catalog, front->conf->kubernetes.key);
	if (key == NULL || key->unreported || !j11_text_equal(key->state, "active"))
		return;
	grpc->keys.looked = time(NULL);
	front_grpc_refresh(grpc);
}

struct front_grpc *front_grpc_new(struct front *front, void (*gone)(void *arg), void *arg)
{
	struct front_grpc *grpc = j11_mem_new(sizeof(*grpc));

	if (grpc == NULL)
		return NULL;
	grpc->front = front;
	grpc->gone = gone;
	grpc->arg = arg;
	grpc->watch.fd = -1;
	return grpc;
}

void front_grpc_free(struct front_grpc *grpc)
{
	if (grpc == NULL)
		return;
	part(grpc);
	while (grpc->calls.first != NULL) {
		struct grpc_call *c = grpc->calls.first;

		take(&grpc->calls, c);
		free_call(c);
	}
	front_grpc_keys_done(&grpc->keys);
	j11_mem_free(grpc);
}
