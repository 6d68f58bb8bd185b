/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the front: what front_serve.c (from octets to replies), front_call.c (while a worker has a
 * request) and front_room.c (places, and who gives way) share. Nobody else. */
#ifndef FRONT_CONN_IN_H
#define FRONT_CONN_IN_H

#include "front_conn.h"

enum phase {
	PHASE_IDLE,    /* nothing of a request is here */
	PHASE_HEAD,    /* some of it */
	PHASE_BODY,    /* its head and some of its body */
	PHASE_WAITING, /* a worker has it, or will */
	PHASE_PAUSED,  /* there is a complete request, and many before it came in a row: others first */
	PHASE_WRITING, /* a reply did not fit into the socket */
	PHASE_LINGER   /* refused and half-closed: input is thrown away so that the client reads the reply before its own write fails */
};
struct front_conn {
	struct front_conns *conns;
	struct front_conn *prev, *next;
	enum front_socket socket;
	struct loop_watch watch;
	struct loop_timer timer;
	enum phase phase;
	bool ending;       /* close when all replies are out */
	bool linger;       /* input may be under way that nobody will read */
	bool continued;    /* 100 Continue was sent for the request that is being read */
	size_t need;       /* octets in `in` before looking again makes sense */
	size_t lingered;
	struct jwk11_buf in;
	struct jwk11_buf out;
	struct front_peer peer;
	struct call call;
	struct jwk11_buf datagram;
	struct front_pending pending;
	struct front_batch *batch; /* in place of call; NULL: there is none */
	bool had_turn;     /* a request that was as much as many: the others first */
	bool close_asked;  /* by the request that a worker has */
	char request_id[FRONT_ID_MAX];
};

/* Files a connection with all the others. */
void front_conn_link(struct front_conn *conn);
/* It has just been served: the list is in that order. */
void front_conn_touch(struct front_conn *conn);
/* Sets its one timer, so many milliseconds from now. */
void front_conn_set_timer(struct front_conn *conn, int64_t ms);
/* Closes it at once. Its memory goes too, unless a worker still has its request: then with front_conn_bury. */
void front_conn_close(struct front_conn *conn);
void front_conn_bury(struct front_conn *conn);

/* Appends the reply to what goes out. */
void front_conn_reply(struct front_conn *conn, struct front_request *q);
/* Serves new octets behind the kept ones, sends the replies, settles what to wait for. Afterwards the connection may be gone. */
void front_conn_proceed(struct front_conn *conn, struct jwk11_view fresh);
/* An empty buffer for the next request: a large one is given back. */
void front_conn_release(struct jwk11_buf *buf);

/* A FRONT_CALL of the router: it goes to a worker, and what becomes of it is the reply. */
void front_call_start(struct front_conn *conn, struct front_request *q);
/* The same of a FRONT_BATCH: its requests go to workers as these have room. */
void front_call_batch(struct front_conn *conn, struct front_request *q);
/* The client is gone. True: no worker has anything of it any more; false: then with front_conn_bury. */
bool front_call_leave(struct front_conn *conn);
/* Asks a worker who is there, then serves what lies in `in` again. False: nobody can be asked now, and the peer's facts say so. */
bool front_call_who(struct front_conn *conn);

#endif
