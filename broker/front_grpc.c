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

#include "base/b64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "front_view.h"
#include "grpc_proto.h"
#include "log.h"
#include "peer.h"
#include "problem.h"

#define OCTETS_MAX (16u * 1024u * 1024u) /* of all its requests under way */
#define PUBLISHED_MAX (3584u * 1024u)    /* clients of gRPC take messages of 4 MiB */
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
	struct jwk11_buf published;
	const char **kids;       /* of the keys in it that relying parties find, sorted; borrowed from kid_text */
	size_t n_kids;
	struct jwk11_buf kid_text;
	size_t sent;             /* octets of it that it was told */
	int64_t looked;          /* when a worker last looked at its tokens and all was well; seconds since 1970 */
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

static int compare_kids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_published(const struct front_grpc *grpc, const char *kid)
{
	return grpc->n_kids > 0 && bsearch(&kid, grpc->kids, grpc->n_kids, sizeof(*grpc->kids), compare_kids) != NULL;
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
	} else if (!is_published(c->grpc, kid)) {
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
	else if (!is_published(c->grpc, key->kid))
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
	within = peer.user != NULL && front_within_rate(&q, key, CONF_OP_JWT);
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

	while (grpc->watch.fd >= 0 && grpc->sent < grpc->published.len) {
		size_t left = grpc->published.len - grpc->sent, len = left < PIECE ? left : PIECE;

		jwk11_buf_reset(&out);
		wire_begin(&out, WIRE_PUBLISHED, 0);
		wire_add(&out, WIRE_F_PAYLOAD, (struct jwk11_view){ .data = grpc->published.data + grpc->sent, .len = len });
		wire_add_num(&out, WIRE_F_INDEX, grpc->sent / PIECE);
		wire_add_num(&out, WIRE_F_WHOLE, grpc->published.len);
		if (out.failed != JWK11_OK || !send_one(grpc, j11_buf_view(&out)))
			return;
		grpc->sent += len;
	}
}

/* A key to be listed; of keys with the same kid the first. */
struct listed {
	const char *kid;
	const char *pem, *pkix; /* one of them */
	bool exclude;
	size_t place;
};
struct listing {
	struct listed *all;
	size_t n, n_own, room;
	bool failed;
};

static bool list(struct listing *l, const struct listed *key)
{
	struct listed *bigger;

	if (l->n == l->room) {
		bigger = j11_mem_resize(l->all, (l->room * 2 + 16) * sizeof(*bigger));
		l->failed = l->failed || bigger == NULL;
		if (bigger == NULL)
			return false;
		l->all = bigger;
		l->room = l->room * 2 + 16;
	}
	l->all[l->n] = *key;
	l->all[l->n].place = l->n;
	l->n++;
	return true;
}

static bool list_own(void *arg, const struct conf_key *k, const struct catalog_key *key)
{
	struct listing *l = arg;

	if (key->kid[0] == '\0' || key->pem[0] == '\0' || key->rival != NULL || !conf_kubernetes_takes(key->alg))
		return true;
	l->n_own++;
	return list(l, &(struct listed){ .kid = key->kid, .pem = key->pem, .exclude = k->discovery == CONF_NO });
}

static bool list_from_file(void *arg, const struct conf_verify_only *key, const char *why_not)
{
	struct listing *l = arg;

	if (why_not != NULL || key->kid[0] == '\0' || !conf_kubernetes_takes(key->alg))
		return true;
	return list(l, &(struct listed){ .kid = key->kid, .pkix = key->pkix, .exclude = key->discovery == CONF_NO });
}

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = strcmp(x->kid, y->kid);

	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

/* The DER of a key. The base64 of a PEM is what stands between its lines. */
static bool decode(const struct listed *key, struct jwk11_buf *out)
{
	struct jwk11_view text = { .data = key->pkix };
	const char *begin = key->pem != NULL ? strstr(key->pem, "-----\n") : NULL, *end = begin != NULL ? strstr(begin + 6, "\n-----END") : NULL;

	if (key->pem != NULL && end == NULL)
		return false;
	if (key->pem != NULL)
		text = (struct jwk11_view){ .data = begin + 6, .len = (size_t)(end - begin - 6) };
	else
		text.len = strlen(key->pkix);
	jwk11_buf_reset(out);
	return j11_b64_decode(text, "PEM", out, NULL) == JWK11_OK && out->failed == JWK11_OK && out->len > 0;
}

/* Before a key of its own was seen there is nothing to tell: an API server that hears of peers' keys alone forgets ours, and one that hears of none
 * keeps what it knows and asks again. In the order of kids, so that it is the same whoever lists them; what API servers compare is order and kids. */
static void write_listing(struct front_grpc *grpc, struct listing *l, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(65536);

	if (l->n_own == 0)
		return;
	qsort(l->all, l->n, sizeof(*l->all), compare_listed);
	for (size_t i = 0; i < l->n; i++) {
		const struct listed *key = &l->all[i];

		if ((i > 0 && j11_text_equal(l->all[i - 1].kid, key->kid)) || !decode(key, &der))
			continue;
		grpc_proto_key(out, j11_view_str(key->kid), j11_buf_view(&der), key->exclude);
		if (!key->exclude)
			j11_buf_add(&grpc->kid_text, key->kid, strlen(key->kid) + 1);
	}
	if (grpc->looked == 0)
		grpc->looked = time(NULL);
	if (out->len > 0)
		grpc_proto_keys_end(out, grpc->looked, grpc->front->conf->kubernetes.refresh_hint);
}

/* Where each kid is. */
static void index_kids(struct front_grpc *grpc)
{
	size_t n = 0, at = 0;

	j11_mem_free(grpc->kids);
	grpc->kids = NULL;
	grpc->n_kids = 0;
	for (size_t i = 0; i < grpc->kid_text.len; i++)
		n += grpc->kid_text.data[i] == '\0';
	grpc->kids = n > 0 ? j11_mem_new_array(n, sizeof(*grpc->kids)) : NULL;
	while (grpc->kids != NULL && grpc->n_kids < n) {
		grpc->kids[grpc->n_kids++] = grpc->kid_text.data + at;
		at += strlen(grpc->kid_text.data + at) + 1;
	}
}

static void publish(struct front_grpc *grpc)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(PUBLISHED_MAX);
	struct front *front = grpc->front;
	const struct conf_set *set = conf_find_set(front->conf, front->conf->kubernetes.set);
	struct listing l = { .n = 0 };

	if (set == NULL)
		return;
	front_view_each_published(front, set, list_own, &l);
	front_view_each_verify_only(front, set, list_from_file, &l);
	jwk11_buf_reset(&grpc->kid_text);
	if (!l.failed)
		write_listing(grpc, &l, &out);
	j11_mem_free(l.all);
	index_kids(grpc);
	if (l.failed || out.failed != JWK11_OK || grpc->kid_text.failed != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "grpc-keys-not-told", "reason", out.failed == JWK11_ERR_LIMIT ? "they are too many" : "out of memory", NULL);
		return;
	}
	if (out.len == 0 || j11_view_equal(j11_buf_view(&out), j11_buf_view(&grpc->published)))
		return;
	j11_buf_done(&grpc->published);
	grpc->published = out;
	out = J11_BUF(0);
	grpc->sent = 0;
	send_pieces(grpc);
}

void front_grpc_refresh(struct front_grpc *grpc)
{
	if (grpc->front->conf != NULL && conf_has_kubernetes(grpc->front->conf))
		publish(grpc);
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
	grpc->looked = time(NULL);
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
	grpc->published = J11_BUF(PUBLISHED_MAX);
	grpc->kid_text = J11_BUF(PUBLISHED_MAX);
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
	j11_mem_free(grpc->kids);
	j11_buf_done(&grpc->published);
	j11_buf_done(&grpc->kid_text);
	j11_mem_free(grpc);
}
