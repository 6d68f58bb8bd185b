/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of jwk11d-grpc share: the process, its connections, and the calls on them. This process reads what clients send, in HTTP/2 and
 * protobuf; it has no PIN, no module and no libcrypto, and can only ask the front to have something signed. */
#ifndef GRPC_H
#define GRPC_H

#include <nghttp2/nghttp2.h>

#include "conf.h"
#include "grpc_proto.h"
#include "grpc_text.h"
#include "loop.h"
#include "policy.h"
#include "user.h"
#include "wire.h"

#define GRPC_MESSAGE_MAX (128u * 1024u)       /* octets of one request */
#define GRPC_OCTETS_MAX (16u * 1024u * 1024u) /* of all of them */
#define GRPC_STREAMS 128                      /* calls on one connection at a time */
#define GRPC_SOCKET 1                         /* its place in struct user */

struct grpc_conn;

/* What FetchKeys answers, with the five octets before it: shared by those who are still sending it. */
struct grpc_keys {
	unsigned refs;
	size_t len;
	unsigned char octets[];
};
void grpc_keys_unref(struct grpc_keys *keys);

enum grpc_state {
	GRPC_READING, /* its request is not complete */
	GRPC_LISTING, /* FetchKeys, and nobody has told us the keys yet */
	GRPC_QUEUED,  /* to be sent to the front */
	GRPC_SENT,    /* the front has it */
	GRPC_ANSWERED /* what is left is to send it */
};
/* One call. In grpc->calls while it is LISTING, QUEUED or SENT. */
struct grpc_stream {
	struct grpc_conn *conn;
	struct grpc_stream *prev, *next;           /* of its connection */
	struct grpc_stream *calls_prev, *calls_next;
	int32_t id;
	enum grpc_state state;
	enum grpc_method method;
	bool is_post, is_grpc, ended, bad_timeout;
	uint64_t due_ms;          /* when nobody waits any more; 0: they do not say */
	struct loop_timer timer;
	struct jwk11_buf body;
	struct jwk11_view claims; /* in it */
	uint64_t call;            /* the id that the front knows it by */
	unsigned tries;
	struct jwk11_buf answer;
	struct grpc_keys *keys;   /* the answer of FetchKeys */
	size_t answered;          /* octets of it that are out */
};
struct grpc_conn {
	struct grpc *grpc;
	struct grpc_conn *prev, *next;
	struct loop_watch watch;
	struct loop_timer timer;
	nghttp2_session *session;
	struct jwk11_buf out;
	struct grpc_stream *streams;
	size_t n_streams;
	struct user *user;
	struct policy_peer peer;
	bool known;    /* peer: the kernel says who it is */
	bool leaving;  /* it has been told that it ends */
	bool moved;    /* something went in or out since the timer was set */
};
struct grpc {
	struct loop *loop;
	struct conf *conf;
	struct users users;
	struct loop_watch control, listener, link; /* link.fd -1: the front is not there */
	struct loop_timer again;
	struct grpc_conn *conns, *last; /* the one that was served last is the first */
	size_t n_conns;
	struct grpc_stream *calls, *calls_last;
	bool full;                  /* the front takes no more now */
	uint64_t last_call;
	size_t octets;              /* of bodies */
	struct grpc_keys *keys;     /* NULL: not known yet */
	struct grpc_keys *incoming; /* while they come in pieces */
	size_t incoming_len;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	bool draining;
	int status;
	unsigned char chunk[65536];
	unsigned char room[WIRE_MAX];
};

/* ---- grpc_main.c ---- */

/* The last connection of a process that ends has gone. */
void grpc_empty(struct grpc *grpc);

/* ---- grpc_accept.c ---- */

bool grpc_accept_start(struct grpc *grpc, int fd) J11_MUST_USE;
void grpc_accept_stop(struct grpc *grpc);

/* ---- grpc_conn.c ---- */

/* The callbacks of all sessions. False: no memory. */
bool grpc_conn_prepare(struct grpc *grpc) J11_MUST_USE;
/* Takes fd. */
void grpc_conn_add(struct grpc *grpc, int fd, struct user *user);
void grpc_conn_close(struct grpc_conn *conn);
/* Closes it now, with a word: clients of gRPC send elsewhere what came too late. */
void grpc_conn_cut(struct grpc_conn *conn);
/* Sends what there is to send. Afterwards the connection may be gone. */
void grpc_conn_flush(struct grpc_conn *conn);
/* Tells the client that no further calls are taken; the connection ends with those that are there. Afterwards it may be gone. */
void grpc_conn_leave(struct grpc_conn *conn);
/* A connection of this user that has no call to answer; NULL. */
struct grpc_conn *grpc_conn_idle(const struct grpc *grpc, const struct user *user);

/* ---- grpc_stream.c ---- */

struct grpc_stream *grpc_stream_new(struct grpc_conn *conn, int32_t id);
void grpc_stream_free(struct grpc_stream *s);
void grpc_stream_header(struct grpc_stream *s, struct jwk11_view name, struct jwk11_view value);
/* Its header fields are all there. */
void grpc_stream_begin(struct grpc_stream *s);
void grpc_stream_data(struct grpc_stream *s, struct jwk11_view data);
/* Its request is complete. */
void grpc_stream_end(struct grpc_stream *s);
/* From the front; the connection is flushed by whoever calls. */
void grpc_stream_reply(struct grpc_stream *s, const struct wire_msg *msg);
void grpc_stream_fail(struct grpc_stream *s, enum grpc_status status, const char *message);
void grpc_stream_list(struct grpc_stream *s);

/* ---- grpc_link.c ---- */

/* Takes fd: the socket to the front from now on. What the one before had not answered goes there. */
void grpc_link_join(struct grpc *grpc, int fd);
void grpc_link_part(struct grpc *grpc);
/* To the front, now or as soon as it can be. */
void grpc_link_ask(struct grpc_stream *s, enum grpc_state state);
/* Nobody waits for it any more. */
void grpc_link_leave(struct grpc_stream *s);

#endif
