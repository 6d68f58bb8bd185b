/* SPDX-License-Identifier: Apache-2.0 */
/* One call: what its client asks for, and the answer as gRPC has it (github.com/grpc/grpc, PROTOCOL-HTTP2). */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "grpc.h"
#include "problem.h"

enum { EXTRA_MS = 5000, /* past the front's own deadline */ SERVER_HEADERS = 4 };

#define NAME_VALUE(name, value) { (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1, strlen(value), NGHTTP2_NV_FLAG_NONE }

void grpc_keys_unref(struct grpc_keys *keys)
{
	if (keys != NULL && --keys->refs == 0)
		j11_mem_free(keys);
}

/* ---- beginning and end ---- */

static void forget_body(struct grpc_stream *s)
{
	s->conn->grpc->octets -= s->body.len;
	j11_buf_done(&s->body);
	s->claims = (struct jwk11_view){ .len = 0 };
}

void grpc_stream_free(struct grpc_stream *s)
{
	struct grpc_conn *conn = s->conn;

	grpc_link_leave(s);
	loop_timer_remove(conn->grpc->loop, &s->timer);
	forget_body(s);
	j11_buf_done(&s->answer);
	grpc_keys_unref(s->keys);
	*(s->prev != NULL ? &s->prev->next : &conn->streams) = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	conn->n_streams--;
	j11_mem_free(s);
}

/* Time is up: of a request that is not complete, of who waits, or of the front. */
static void on_timer(void *arg)
{
	struct grpc_stream *s = arg;
	struct grpc_conn *conn = s->conn;
	uint64_t now = loop_now(conn->grpc->loop);

	if (s->state == GRPC_ANSWERED)
		return; /* the connection's timer sees to that */
	if (s->due_ms != 0 && now >= s->due_ms)
		grpc_stream_fail(s, GRPC_DEADLINE_EXCEEDED, "the deadline of the call has passed");
	else if (s->state == GRPC_READING)
		grpc_stream_fail(s, GRPC_CANCELLED, "the request did not come in time");
	else
		grpc_stream_fail(s, GRPC_UNAVAILABLE, s->state == GRPC_LISTING ? "the keys are not known yet" : "nobody could sign in time");
	grpc_conn_flush(conn);
}

static void set_timer(struct grpc_stream *s, int64_t ms)
{
	struct loop *loop = s->conn->grpc->loop;
	uint64_t due = loop_now(loop) + (uint64_t)ms;

	if (s->due_ms != 0 && s->due_ms < due)
		due = s->due_ms;
	if (!loop_timer_set(loop, &s->timer, due))
		grpc_stream_fail(s, GRPC_RESOURCE_EXHAUSTED, "out of memory");
}

struct grpc_stream *grpc_stream_new(struct grpc_conn *conn, int32_t id)
{
	struct grpc_stream *s = j11_mem_new(sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct grpc_stream){ .conn = conn, .id = id, .method = GRPC_NO_SERVICE, .body = J11_BUF(GRPC_PREFIX + GRPC_MESSAGE_MAX),
		.answer = J11_BUF(WIRE_MAX), .timer = { .fn = on_timer, .arg = s } };
	s->next = conn->streams;
	if (s->next != NULL)
		s->next->prev = s;
	conn->streams = s;
	conn->n_streams++;
	return s;
}

/* ---- answers ---- */

static ssize_t read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t room, uint32_t *flags, nghttp2_data_source *source,
	void *user_data)
{
	static const nghttp2_nv trailer[] = { NAME_VALUE("grpc-status", "0") };
	struct grpc_stream *s = source->ptr;
	const char *octets = s->keys != NULL ? (const char *)s->keys->octets : s->answer.data;
	size_t left = (s->keys != NULL ? s->keys->len : s->answer.len) - s->answered, n = left < room ? left : room;

	(void)user_data;
	memcpy(buf, octets + s->answered, n);
	s->answered += n;
	if (n == left) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (nghttp2_submit_trailer(session, stream_id, trailer, J11_COUNT(trailer)) != 0)
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return (ssize_t)n;
}

static void settle(struct grpc_stream *s)
{
	grpc_link_leave(s);
	s->state = GRPC_ANSWERED;
	loop_timer_clear(&s->timer);
	forget_body(s);
}

/* With whatever lies in `answer` or `keys`. */
static void succeed(struct grpc_stream *s)
{
	const nghttp2_nv headers[] = { NAME_VALUE(":status", "200"), NAME_VALUE("content-type", "application/grpc") };
	const nghttp2_data_provider source = { .source.ptr = s, .read_callback = read_answer };

	settle(s);
	(void)nghttp2_submit_response(s->conn->session, s->id, headers, J11_COUNT(headers), &source);
}

void grpc_stream_fail(struct grpc_stream *s, enum grpc_status status, const char *message)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(2048);
	char number[8] = { (char)('0' + status / 10), (char)('0' + status % 10) };
	const char *digits = status < 10 ? number + 1 : number;

	if (s->state == GRPC_ANSWERED)
		return;
	settle(s);
	grpc_message_add(&text, j11_view_str(message));
	const nghttp2_nv headers[] = { NAME_VALUE(":status", "200"), NAME_VALUE("content-type", "application/grpc"),
		NAME_VALUE("grpc-status", digits), NAME_VALUE("grpc-message", jwk11_buf_data(&text)), NAME_VALUE("grpc-accept-encoding", "identity") };

	(void)nghttp2_submit_response(s->conn->session, s->id, headers, SERVER_HEADERS + (status == GRPC_UNIMPLEMENTED), NULL);
}

/* For what is no gRPC at all. */
static void fail_http(struct grpc_stream *s, const char *http_status)
{
	const nghttp2_nv headers[] = { NAME_VALUE(":status", http_status) };

	settle(s);
	(void)nghttp2_submit_response(s->conn->session, s->id, headers, J11_COUNT(headers), NULL);
}

static void end_message(struct grpc_stream *s)
{
	unsigned char prefix[GRPC_PREFIX];

	if (s->answer.failed != JWK11_OK) {
		grpc_stream_fail(s, GRPC_INTERNAL, "the answer could not be put together");
		return;
	}
	grpc_proto_prefix(prefix, s->answer.len - GRPC_PREFIX);
	memcpy(s->answer.data, prefix, sizeof(prefix));
	succeed(s);
}

static void begin_message(struct grpc_stream *s)
{
	static const char none[GRPC_PREFIX];

	jwk11_buf_reset(&s->answer);
	j11_buf_add(&s->answer, none, sizeof(none));
}

/* Header and signature of a compact JWS over the claims that were sent. */
static bool split(struct jwk11_view jws, struct jwk11_view claims, struct jwk11_view *ret_header, struct jwk11_view *ret_signature)
{
	const char *p = jws.data, *dot = memchr(p, '.', jws.len);
	struct jwk11_view rest;

	if (dot == NULL || dot == p)
		return false;
	*ret_header = (struct jwk11_view){ .data = p, .len = (size_t)(dot - p) };
	rest = (struct jwk11_view){ .data = dot + 1, .len = jws.len - ret_header->len - 1 };
	if (rest.len < claims.len + 2 || memcmp(rest.data, claims.data, claims.len) != 0 || ((const char *)rest.data)[claims.len] != '.')
		return false;
	*ret_signature = (struct jwk11_view){ .data = (const char *)rest.data + claims.len + 1, .len = rest.len - claims.len - 1 };
	return memchr(ret_signature->data, '.', ret_signature->len) == NULL;
}

void grpc_stream_reply(struct grpc_stream *s, const struct wire_msg *msg)
{
	struct jwk11_view header, signature;
	char word[JWK11_CODE_MAX];
	enum j11_code code = J11_CODE_INTERNAL;

	if (msg->type == WIRE_FAULT) {
		if (wire_str(msg, WIRE_F_CODE, word, sizeof(word)) && j11_code_find(word) < J11_N_CODE_)
			code = j11_code_find(word);
		grpc_stream_fail(s, grpc_status_of(code), problem_title(code));
		return;
	}
	if (!split(msg->field[WIRE_F_TEXT], s->claims, &header, &signature)) {
		grpc_stream_fail(s, GRPC_INTERNAL, "the signer's answer is not about these claims");
		return;
	}
	begin_message(s);
	grpc_proto_sign_response(&s->answer, header, signature);
	end_message(s);
}

void grpc_stream_list(struct grpc_stream *s)
{
	s->keys = s->conn->grpc->keys;
	s->keys->refs++;
	succeed(s);
}

/* ---- requests ---- */

void grpc_stream_header(struct grpc_stream *s, struct jwk11_view name, struct jwk11_view value)
{
	uint64_t ms;

	if (j11_view_equals(name, ":path")) {
		s->method = grpc_method_of(value);
	} else if (j11_view_equals(name, ":method")) {
		s->is_post = j11_view_equals(value, "POST");
	} else if (j11_view_equals(name, "content-type")) {
		s->is_grpc = grpc_is_content_type(value);
	} else if (j11_view_equals(name, "grpc-timeout")) {
		s->bad_timeout = !grpc_timeout_of(value, &ms);
		/* On time as it is now: the loop's is that of the round's begin, and a deadline that is past by then has passed. */
		s->due_ms = s->bad_timeout ? 0 : (uint64_t)j11_clock_ms() + ms;
	}
}

void grpc_stream_begin(struct grpc_stream *s)
{
	if (!s->is_post)
		fail_http(s, "405");
	else if (!s->is_grpc)
		fail_http(s, "415");
	else if (s->method == GRPC_NO_SERVICE)
		grpc_stream_fail(s, GRPC_UNIMPLEMENTED, "no such service; v1.ExternalJWTSigner and v1alpha1.ExternalJWTSigner are here");
	else if (s->method == GRPC_NO_METHOD)
		grpc_stream_fail(s, GRPC_UNIMPLEMENTED, "no such method");
	else if (s->bad_timeout)
		grpc_stream_fail(s, GRPC_INVALID_ARGUMENT, "grpc-timeout is malformed");
	else
		set_timer(s, s->conn->grpc->conf->head_timeout_ms);
}

/* The prefix is looked at as soon as it is there, so that what it announces need not be taken first. */
void grpc_stream_data(struct grpc_stream *s, struct jwk11_view data)
{
	struct grpc *grpc = s->conn->grpc;
	bool compressed;
	size_t len;

	if (grpc->octets + data.len > GRPC_OCTETS_MAX) {
		grpc_stream_fail(s, GRPC_RESOURCE_EXHAUSTED, "the requests of all clients take too much memory");
		return;
	}
	j11_buf_add(&s->body, data.data, data.len);
	if (s->body.failed == JWK11_OK)
		grpc->octets += data.len;
	if (s->body.len < GRPC_PREFIX && s->body.failed == JWK11_OK)
		return;
	if (s->body.failed != JWK11_OK) {
		grpc_stream_fail(s, GRPC_RESOURCE_EXHAUSTED, "the message is too long");
		return;
	}
	grpc_proto_read_prefix((const unsigned char *)s->body.data, &compressed, &len);
	if (compressed)
		grpc_stream_fail(s, GRPC_UNIMPLEMENTED, "compressed messages are not taken");
	else if (len > GRPC_MESSAGE_MAX)
		grpc_stream_fail(s, GRPC_RESOURCE_EXHAUSTED, "the message is too long");
	else if (s->body.len > GRPC_PREFIX + len)
		grpc_stream_fail(s, GRPC_INVALID_ARGUMENT, "there is more than one message");
}

/* Keys are public, and so is how long tokens may live: yet who is in no section has nothing to ask for here. Whether one that wants a unit or an
 * executable matches nobody here can tell, and for a signature a worker decides. */
static bool is_denied(const struct grpc_stream *s)
{
	const struct conf *conf = s->conn->grpc->conf;

	if (conf_wants_units(conf) || conf_wants_executables(conf))
		return false;
	return !s->conn->known || policy_next_client(conf, &s->conn->peer, NULL) == NULL;
}

static void fetch_keys(struct grpc_stream *s)
{
	if (s->conn->grpc->keys != NULL)
		grpc_stream_list(s);
	else
		grpc_link_ask(s, GRPC_LISTING);
}

static void tell_metadata(struct grpc_stream *s)
{
	begin_message(s);
	grpc_proto_metadata_response(&s->answer, s->conn->grpc->conf->kubernetes.max_lifetime);
	end_message(s);
}

static void sign(struct grpc_stream *s, struct jwk11_view claims)
{
	if (claims.len == 0) {
		grpc_stream_fail(s, GRPC_INVALID_ARGUMENT, "the request has no claims");
		return;
	}
	s->claims = claims;
	grpc_link_ask(s, GRPC_QUEUED);
}

void grpc_stream_end(struct grpc_stream *s)
{
	const struct grpc *grpc = s->conn->grpc;
	struct jwk11_view msg = { .data = s->body.data + GRPC_PREFIX, .len = s->body.len - GRPC_PREFIX }, claims;
	bool compressed = false;
	size_t len = 0;

	if (s->body.len >= GRPC_PREFIX)
		grpc_proto_read_prefix((const unsigned char *)s->body.data, &compressed, &len);
	if (s->body.len < GRPC_PREFIX || msg.len != len) {
		grpc_stream_fail(s, GRPC_INVALID_ARGUMENT, "the message is not complete");
	} else if (s->due_ms != 0 && (uint64_t)j11_clock_ms() >= s->due_ms) {
		grpc_stream_fail(s, GRPC_DEADLINE_EXCEEDED, "the deadline of the call has passed");
	} else if (s->method == GRPC_SIGN ? !grpc_proto_sign_request(msg, &claims) : !grpc_proto_empty_request(msg)) {
		grpc_stream_fail(s, GRPC_INVALID_ARGUMENT, "the message is malformed");
	} else if (!conf_has_kubernetes(grpc->conf)) {
		grpc_stream_fail(s, GRPC_UNAVAILABLE, "the configuration has no [kubernetes] section any more");
	} else if (is_denied(s)) {
		grpc_stream_fail(s, GRPC_PERMISSION_DENIED, problem_title(J11_CODE_PEER_DENIED));
	} else {
		set_timer(s, grpc->conf->request_timeout_ms + EXTRA_MS);
		if (s->state != GRPC_READING)
			return;
		if (s->method == GRPC_METADATA)
			tell_metadata(s);
		else if (s->method == GRPC_FETCH_KEYS)
			fetch_keys(s);
		else
			sign(s, claims);
	}
}
