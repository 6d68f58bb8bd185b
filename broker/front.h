/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the front share: the process's state, and one request on its way from the router to a reply or to a worker. */
#ifndef FRONT_H
#define FRONT_H

#include "call.h"
#include "catalog.h"
#include "conf.h"
#include "count.h"
#include "http_parse.h"
#include "http_reply.h"
#include "loop.h"
#include "meter.h"
#include "policy.h"
#include "user.h"

#define FRONT_KEY_MAX 512   /* octets of a key name or kid in a path, with the NUL */
#define FRONT_ID_MAX 65     /* octets of a Request-Id, with the NUL */
#define FRONT_BATCH_MAX 64  /* requests in one of POST /v1/batch */
#define FRONT_CHUNK 65536   /* octets read at once */
#define FRONT_LOGS 20       /* lines a second; a client must not fill the disk by being refused */

enum front_socket { FRONT_API = 1, FRONT_PUBLIC = 2 }; /* bits, for routes */

struct front_batch; /* front_batch.c */
struct front_jwks; /* rendered sets: front_view.c */

struct front {
	struct loop *loop;
	struct counts counts;
	struct users users;
	struct meter meter;
	struct calls *calls;
	struct catalog *catalog;
	struct conf *conf;
	bool wants_facts;         /* some [client] section asks for a unit or an executable */
	uint64_t conf_generation; /* grows with each new configuration */
	struct front_jwks *jwks;
	bool jwks_changed;        /* when they were rendered last */
	void (*refreshed)(struct front *front); /* called when sets were rendered, or that failed; NULL: nobody wants to know */
	struct front_published {  /* what the supervisor tells of the files that sets are written to */
		bool failing;
		uint64_t n_failures;
		int64_t moment;   /* of the last good run, seconds since 1970; 0: none */
	} published;
	int64_t settled, due;     /* when states of versions were settled, and when the next one changes; seconds since 1970 */
	struct jwk11_buf body;    /* the body of the reply being made */
	struct jwk11_buf octets;  /* decoded base64url, one field at a time */
	struct jwk11_buf out;     /* replies of the connection being served */
	unsigned char chunk[FRONT_CHUNK];
	bool secret_input;        /* what was read last holds a secret: it is wiped when it has been served */
	uint64_t id_state;        /* of generated Request-Ids */
	uint64_t last_call_ms;    /* when a request was last given to a worker */
	uint64_t log_second;
	unsigned log_lines;
	uint64_t told_second;     /* the same of refusals that a worker is told of, */
	unsigned n_told;
	uint64_t n_missed;        /* and those that none was, since the last one */
	bool draining;
};

/* The peer of a connection, asked for when first needed. */
struct front_peer {
	int fd;
	const char *socket;  /* the name of the socket it came by */
	struct user *user;   /* there for as long as the connection */
	bool asked;
	bool known;
	uint64_t generation; /* of the configuration under which `matched` holds */
	bool matched;        /* some [client] section matches */
	struct policy_peer peer;
	/* Unit and executable, which only a worker can ask for, and is when a [client] section wants them. */
	enum { FRONT_FACTS_UNKNOWN, FRONT_FACTS_REFUSED /* no worker answered, for this request */, FRONT_FACTS_KNOWN } facts;
	uint64_t facts_generation; /* of the configuration for which they were asked */
	char *unit, *executable; /* NULL: not known */
};
/* Must a worker be asked first, for this configuration to be held against the peer? */
bool front_peer_lacks_facts(const struct front *front, const struct front_peer *peer);
/* What the worker said; NULL: none did. */
void front_peer_take_facts(const struct front *front, struct front_peer *peer, const struct wire_msg *msg);
void front_peer_done(struct front_peer *peer);
/* NULL: the kernel does not say. */
const struct policy_peer *front_peer_get(struct front_peer *peer);
/* Does any [client] section match? */
bool front_peer_matches(const struct front *front, struct front_peer *peer);

/* A login, or logout, that goes from worker to worker: each has one of its own. */
struct front_login {
	bool on;
	bool rescan;            /* it is another look that goes round */
	unsigned index;     /* of the worker whose turn it is */
	unsigned n_workers; /* that have done it */
	bool tried;         /* one of them sent the PIN to the token */
	char token[65], state[24];
};

/* How to show a worker's answer; outlives the request while a worker has it. */
struct front_pending {
	enum conf_op op;
	bool in_batch; /* one of several: the answer says its status itself */
	int csr_type; /* CSR: index into front_csr_types */
	bool as_json; /* JWS, JWT: inside a JSON object rather than bare */
	enum jwk11_jws_form form; /* JWS */
	bool http;    /* SIGN: of an HTTP message, with its header fields */
	bool transit, transit_jws; /* in the form of Vault's transit API; with its marshaling "jws" */
	struct meter_key *meter;  /* NULL: not counted, or counted already */
	uint64_t began_us;
	struct front_login login;
};

enum front_outcome {
	FRONT_WHO,   /* ask a worker who it is, then come again with the same request */
	FRONT_REPLY, /* `reply` is filled; its body may lie in front->body */
	FRONT_CALL,  /* `datagram`, `id`, `module` and `pending` are filled: send it to a worker */
	FRONT_BATCH  /* `batch` is filled, and the caller's from now on */
};
struct front_request {
	struct front *front;
	enum front_socket socket;
	const struct http_request *http;
	struct jwk11_view body;
	struct front_peer *peer;
	const char *request_id;
	struct jwk11_buf *datagram;
	struct front_pending *pending;
	int type;                /* the router's choice among the route's media types */
	char key[FRONT_KEY_MAX]; /* what stood for {} in the path, decoded */
	const char *op;          /* what is asked for, by the route; NULL: nothing that policy decides on, or a worker has */
	char hash[24];           /* what stood for {hash}; "": nothing */
	bool about_token;        /* `key` names a token */
	bool transit;            /* the reply has the form of Vault's transit API */

	struct http_reply reply;
	enum j11_code code;      /* of a problem, for the log */
	const char *module;
	uint64_t id;
	struct front_batch *batch;
};

/* ---- helpers of front_req.c ---- */

/* An empty request of a connection: good enough for problems that come before or after a parsed one. */
void front_request_start(struct front_request *q, struct front *front, enum front_socket socket, struct front_peer *peer,
	const char *request_id);
/* Fills the reply with a problem document. `detail` is a format. */
enum front_outcome front_problem(struct front_request *q, enum j11_code code, const char *detail, ...) J11_PRINTF(3, 4);
/* The same from an error record. */
enum front_outcome front_problem_err(struct front_request *q, const struct jwk11_err *err);
/* The same with every member. */
struct problem;
enum front_outcome front_problem_full(struct front_request *q, const struct problem *p);
/* The same from a worker's FAULT. */
enum front_outcome front_problem_fault(struct front_request *q, const struct wire_msg *msg);
/* Fills the reply with what front->body holds, or with a problem when that buffer has failed. */
enum front_outcome front_send_body(struct front_request *q, const char *type);

/* Adds a field to the request's datagram: a text, or what a base64url text says; nothing for a member that is absent (data == NULL). `name` is for
 * messages. */
void front_add_text(struct front_request *q, enum wire_field field, struct jwk11_view text);
enum jwk11_rc front_add_octets(struct front_request *q, enum wire_field field, struct jwk11_view text, const char *name, struct jwk11_err *err)
	J11_MUST_USE;

/* Takes one request off the rate of the section that grants this operation with the key. False: none is left, a problem has been filled in. */
bool front_within_rate(struct front_request *q, const struct catalog_key *key, enum conf_op op, const struct j11_template *t);

/* The key that the path names, as this peer sees it; NULL: a problem has been filled in. */
const struct catalog_key *front_find_key(struct front_request *q);

/* The key that has the kid of this one with another public half or algorithm, and stands before it in the configuration; NULL. Workers see to that
 * within one module, this is for keys of two. The later one is neither published nor used. */
const struct catalog_key *front_kid_rival(const struct front *front, const struct catalog_key *key);
/* Of a key with a rival in another module (catalog.h): both, for people. */
void front_rival_text(const struct catalog_key *key, char ret_text[JWK11_TEXT_MAX]);
/* True when one of the two keeps the key from being used: a problem has been filled in. */
bool front_key_is_barred(struct front_request *q, const struct catalog_key *key);

/* A client's Request-Id when it is sane, else a new one. */
void front_make_id(struct front *front, struct jwk11_view sent, char ret_id[FRONT_ID_MAX]);

/* ---- front_refusal.c ---- */

/* True while this second has lines left; counts the rest. */
bool front_may_log(struct front *front);
/* Once for each reply, and for each answer in a batch: what is counted of it, and if it is a refusal what is told of it. */
void front_note_result(struct front_request *q);

#endif
