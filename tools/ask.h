/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the broker: HTTP/1.1 over its Unix socket, one connection each, or one for many. */
#ifndef ASK_H
#define ASK_H

#include "cmd.h"
#include "json/json_read.h"

#define ASK_MAX (8u * 1024u * 1024u)

struct ask_answer {
	unsigned status;
	char media_type[96];
	char request_id[80];  /* Request-Id; "" when there is none */
	unsigned retry_after; /* seconds; 0 when there is none */
	struct jwk11_buf body;
};

/* Sends one request; `body` NULL: GET. A problem document becomes an error with its code, text and hint. */
enum jwk11_rc ask_broker(const struct cmd_global *g, const char *method, const char *path, const char *accept, const struct jwk11_buf *body,
	struct ask_answer *ret_answer, struct jwk11_err *err) J11_MUST_USE;
/* A connection that is kept for the next question; -1: none, it is opened when it is needed. */
struct ask_kept {
	int fd;
};
/* ask_broker on it. One that the broker has closed meanwhile is opened anew, once. */
enum jwk11_rc ask_again(struct ask_kept *kept, const struct cmd_global *g, const char *method, const char *path, const struct jwk11_buf *body,
	struct ask_answer *ret_answer, struct jwk11_err *err) J11_MUST_USE;
void ask_close(struct ask_kept *kept);
/* Octets of the response that a text begins with; 0: not all of its head is there. Pure. */
size_t ask_whole(struct jwk11_view text);
/* A problem document that has been parsed, as an error with its code, text and hint. */
enum jwk11_rc ask_problem(const struct j11_json *problem, unsigned status, struct jwk11_err *err);
/* Splits a whole response: pure. */
enum jwk11_rc ask_parse(struct jwk11_view response, struct ask_answer *ret_answer, struct jwk11_err *err) J11_MUST_USE;
/* A member of a request that is JSON already, once it is seen to be; NULL: none. */
struct j11_json_out;
enum jwk11_rc ask_add_json(struct j11_json_out *o, const char *name, const char *text, struct jwk11_err *err) J11_MUST_USE;
void ask_done(struct ask_answer *answer);
/* Appends start + name percent-encoded + tail. */
void ask_path(struct jwk11_buf *out, const char *start, const char *name, const char *tail);
/* ask_broker about one key: "/v1/keys/NAME" + tail. LIMIT: no key has so long a name. */
enum jwk11_rc ask_key(const struct cmd_global *g, const char *key, const char *tail, const char *accept, const struct jwk11_buf *body,
	struct ask_answer *ret_answer, struct jwk11_err *err) J11_MUST_USE;
/* The signature of a key over octets, in JOSE's form. `alg` NULL: the key's. */
enum jwk11_rc ask_sign(const struct cmd_global *g, const char *key, const char *alg, struct jwk11_view input, struct jwk11_buf *ret_sig,
	struct jwk11_err *err) J11_MUST_USE;
/* ask_key about a token: "/v1/tokens/NAME" + tail. A body that is secret is wiped wherever it was copied to. */
enum jwk11_rc ask_token(const struct cmd_global *g, const char *token, const char *tail, const struct jwk11_buf *body, struct ask_answer *ret_answer,
	struct jwk11_err *err) J11_MUST_USE;

static inline void ask_done_auto(struct ask_answer *answer)
{
	ask_done(answer);
}

#endif
