/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's client side. */
#include "ask.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "json/json_take.h"
#include "json/json_write.h"

static const char *own_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw != NULL ? pw->pw_name : "?";
}

static enum jwk11_rc cannot_connect(const char *path, struct jwk11_err *err)
{
	const struct group *group;
	struct stat st;
	int why = errno;

	if (why != EACCES) {
		j11_err_set(err, JWK11_ERR_ABSENT, J11_CODE_BROKER_ABSENT, "no broker answers on %s: %s", path, strerror(why));
		j11_err_hint(err, "is jwk11d running? --socket names another socket, --offline does without");
		return JWK11_ERR_ABSENT;
	}
	if (stat(path, &st) == 0) {
		group = getgrgid(st.st_gid);
		j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_SOCKET_DENIED, "uid %u (%s) may not open %s (group %s, mode %04o)", (unsigned)getuid(),
			own_name(), path, group ? group->gr_name : "?", (unsigned)st.st_mode & 07777);
	} else {
		j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_SOCKET_DENIED, "uid %u (%s) may not open %s", (unsigned)getuid(), own_name(), path);
	}
	j11_err_hint(err, "an administrator can add you to its group. Public keys stay readable: jwk11 jwks");
	return JWK11_ERR_DENIED;
}

static enum jwk11_rc connect_to(const char *path, unsigned patience, int *ret_fd, struct jwk11_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = patience }; /* of connect(2) too, which waits where the queue is full; 0: none */
	int fd = -1;
	enum jwk11_rc rc;

	errno = ENAMETOOLONG;
	if (strlen(path) < sizeof(addr.sun_path)) {
		memcpy(addr.sun_path, path, strlen(path) + 1);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
		connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
		*ret_fd = fd;
		return JWK11_OK;
	}
	rc = cannot_connect(path, err);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Whoever may not open api.sock can still read key sets: public.sock lies beside it. */
static enum jwk11_rc connect_for(const struct cmd_global *g, const char *path, int *ret_fd, struct jwk11_err *err)
{
	const char *api = g->socket;
	enum jwk11_rc rc = connect_to(api, g->patience, ret_fd, err);
	const char *slash = strrchr(api, '/');
	char public[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	if (rc != JWK11_ERR_DENIED || slash == NULL || !j11_text_starts(path, "/.well-known/") ||
		(size_t)snprintf(public, sizeof(public), "%.*s/public.sock", (int)(slash - api), api) >= sizeof(public))
		return rc;
	return connect_to(public, g->patience, ret_fd, NULL) == JWK11_OK ? JWK11_OK : rc;
}

static enum jwk11_rc malformed(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HTTP_MALFORMED, "the broker's answer is not HTTP as expected: %s", why);
}

/* A head is lines of printable text: no octet below the blank but the line ends and tabs. */
static bool is_head(struct jwk11_view head)
{
	const char *p = head.data;

	for (size_t i = 0; i < head.len; i++) {
		bool line_end = p[i] == '\r' && i + 1 < head.len && p[i + 1] == '\n';

		if ((unsigned char)p[i] < ' ' && p[i] != '\t' && !line_end)
			return false;
		i += line_end;
	}
	return true;
}

/* The value of a header line of this name into room; false when absent. */
static bool header(struct jwk11_view head, const char *name, char *room, size_t room_len)
{
	const char *p = head.data, *end = p + head.len;
	size_t name_len = strlen(name);

	while (p < end) {
		const char *eol = memmem(p, (size_t)(end - p), "\r\n", 2);
		size_t len = (size_t)((eol ? eol : end) - p);

		if (len > name_len && p[name_len] == ':' && strncasecmp(p, name, name_len) == 0) {
			const char *value = p + name_len + 1;

			while (value < p + len && *value == ' ')
				value++;
			snprintf(room, room_len, "%.*s", (int)(p + len - value), value);
			return true;
		}
		p += len + 2;
	}
	return false;
}

enum jwk11_rc ask_parse(struct jwk11_view response, struct ask_answer *ret_answer, struct jwk11_err *err)
{
	const char *p = response.data, *end_of_head = memmem(p, response.len, "\r\n\r\n", 4);
	struct jwk11_view head;
	char length[24];
	uint64_t len = 0, status = 0, retry = 0;

	if (end_of_head == NULL)
		return malformed("it has no end of head", err);
	head = (struct jwk11_view){ .data = p, .len = (size_t)(end_of_head - p) };
	if (head.len < 13 || memcmp(p, "HTTP/1.1 ", 9) != 0 || p[12] != ' ' || !j11_text_to_u64((struct jwk11_view){ p + 9, 3 }, 599, &status) ||
		!is_head(head))
		return malformed("its status line is wrong", err);
	if (!header(head, "Content-Length", length, sizeof(length)) || !j11_text_to_u64(j11_view_str(length), ASK_MAX, &len))
		return malformed("it has no length", err);
	if (response.len - head.len - 4 != len)
		return malformed("its length is wrong", err);
	ret_answer->status = (unsigned)status;
	if (!header(head, "Content-Type", ret_answer->media_type, sizeof(ret_answer->media_type)))
		ret_answer->media_type[0] = '\0';
	if (!header(head, "Request-Id", ret_answer->request_id, sizeof(ret_answer->request_id)))
		ret_answer->request_id[0] = '\0';
	ret_answer->retry_after = header(head, "Retry-After", length, sizeof(length)) && j11_text_to_u64(j11_view_str(length), 86400, &retry) ?
		(unsigned)retry : 0;
	ret_answer->body = J11_BUF(ASK_MAX);
	j11_buf_add(&ret_answer->body, end_of_head + 4, (size_t)len);
	return j11_buf_check(&ret_answer->body, "answer", err);
}

void ask_done(struct ask_answer *answer)
{
	j11_buf_done(&answer->body);
}

struct problem {
	struct jwk11_view code, detail, title, hint;
};
static const struct j11_json_field problem_fields[] = {
	{ "code", J11_JSON_STRING, offsetof(struct problem, code), false },
	{ "detail", J11_JSON_STRING, offsetof(struct problem, detail), false },
	{ "title", J11_JSON_STRING, offsetof(struct problem, title), false },
	{ "hint", J11_JSON_STRING, offsetof(struct problem, hint), false },
};

enum jwk11_rc ask_problem(const struct j11_json *problem, unsigned status, struct jwk11_err *err)
{
	struct problem p = { 0 };
	char text[JWK11_TEXT_MAX], code[JWK11_CODE_MAX], hint[JWK11_HINT_MAX];
	enum jwk11_rc rc = status == 403 ? JWK11_ERR_DENIED : status == 404 ? JWK11_ERR_NOT_FOUND : status == 409 ? JWK11_ERR_MISMATCH :
		status >= 500 ? JWK11_ERR_ABSENT : JWK11_ERR_SYNTAX;

	if (j11_json_take(problem, problem_fields, J11_COUNT(problem_fields), true, "problem", &p, NULL) != JWK11_OK)
		return j11_err_set(err, rc, J11_CODE_HTTP_MALFORMED, "the broker answers %u without saying why", status);
	if (p.code.data == NULL)
		p.code = J11_VIEW("INTERNAL");
	if (p.detail.data == NULL)
		p.detail = p.title.data ? p.title : J11_VIEW("refused");
	j11_text_printable(p.detail, text, sizeof(text));
	j11_text_printable(p.code, code, sizeof(code));
	if (j11_text_equal(code, "PEER_DENIED"))
		j11_err_set(err, rc, J11_CODE_PEER_DENIED, "the broker denies uid %u (%s): %s", (unsigned)getuid(), own_name(), text);
	else
		j11_err_set(err, rc, j11_code_find(code), "%s", text);
	if (j11_text_equal(code, "PEER_DENIED")) {
		j11_err_hint(err, "jwk11 whoami; an administrator can add user = %s to a [client] section", own_name());
	} else if (p.hint.data != NULL) {
		j11_text_printable(p.hint, hint, sizeof(hint));
		j11_err_hint(err, "%s", hint);
	}
	return rc;
}

/* An RFC 9457 document as an error record. */
static enum jwk11_rc problem_of(const struct ask_answer *a, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;

	if (err != NULL) /* a refusal that the caller expects leaves no trace on a later error */
		cmd_note_request(a->request_id, a->retry_after);
	if (j11_json_read(j11_buf_view(&a->body), NULL, "problem", &doc, NULL) != JWK11_OK)
		return ask_problem(NULL, a->status, err);
	return ask_problem(j11_json_root(doc), a->status, err);
}

size_t ask_whole(struct jwk11_view text)
{
	const char *p = text.data, *end = memmem(p, text.len, "\r\n\r\n", 4);
	char length[24];
	uint64_t len = 0;

	if (end == NULL)
		return 0;
	if (!header((struct jwk11_view){ p, (size_t)(end - p) }, "Content-Length", length, sizeof(length)) ||
		!j11_text_to_u64(j11_view_str(length), ASK_MAX, &len))
		len = 0; /* which ask_parse says */
	return (size_t)(end - p) + 4 + (size_t)len;
}

/* Until the end of one response, or of the connection where nothing is kept. */
static bool is_enough(const struct jwk11_buf *response, bool kept)
{
	size_t whole = kept ? ask_whole(j11_buf_view(response)) : 0;

	return whole > 0 && response->len >= whole;
}

static enum jwk11_rc exchange(int fd, struct jwk11_view request, bool kept, struct jwk11_buf *response, struct jwk11_err *err)
{
	const char *p = request.data;
	char room[16384];
	ssize_t n = 0;

	while (request.len > 0) {
		n = send(fd, p, request.len, MSG_NOSIGNAL);
		if (n < 0)
			break; /* the answer may be there all the same: a refusal */
		p += n;
		request.len -= (size_t)n;
	}
	while (!is_enough(response, kept) && ((n = recv(fd, room, sizeof(room), 0)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			j11_buf_add(response, room, (size_t)n);
	if (n < 0 && errno == EAGAIN)
		return j11_err_set(err, JWK11_ERR_TIMEOUT, J11_CODE_BROKER_ABSENT, "the broker takes too long to answer");
	if (response->len == 0 || (kept && !is_enough(response, kept)))
		return j11_err_set(err, JWK11_ERR_ABSENT, J11_CODE_BROKER_ABSENT, "the broker closed the connection without an answer");
	return j11_buf_check(response, "answer", err);
}

static enum jwk11_rc write_request(struct jwk11_buf *request, const char *method, const char *path, const char *accept, const struct jwk11_buf *body, bool kept,
	struct jwk11_err *err)
{
	j11_buf_add_fmt(request, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
	if (!kept)
		j11_buf_add_str(request, "Connection: close\r\n");
	if (accept != NULL)
		j11_buf_add_fmt(request, "Accept: %s\r\n", accept);
	if (body != NULL)
		j11_buf_add_fmt(request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body->len);
	j11_buf_add_str(request, "\r\n");
	if (body != NULL)
		j11_buf_add(request, body->data, body->len);
	return j11_buf_check(request, "request", err);
}

static enum jwk11_rc take_answer(const struct jwk11_buf *response, struct ask_answer *ret_answer, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	enum jwk11_rc rc = ask_parse(j11_buf_view(response), &answer, err);

	if (rc == JWK11_OK && answer.status != 200)
		rc = problem_of(&answer, err);
	if (rc != JWK11_OK)
		return rc;
	*ret_answer = answer;
	answer = (struct ask_answer){ 0 };
	return JWK11_OK;
}

enum jwk11_rc ask_broker(const struct cmd_global *g, const char *method, const char *path, const char *accept, const struct jwk11_buf *body,
	struct ask_answer *ret_answer, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf request = { .max = ASK_MAX, .secret = body != NULL && body->secret };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf response = J11_BUF(ASK_MAX + 16384);
	int fd = -1;
	enum jwk11_rc rc = write_request(&request, method, path, accept, body, false, err);

	if (rc == JWK11_OK)
		rc = connect_for(g, path, &fd, err);
	if (rc != JWK11_OK)
		return rc;
	rc = exchange(fd, j11_buf_view(&request), false, &response, err);
	close(fd);
	return rc == JWK11_OK ? take_answer(&response, ret_answer, err) : rc;
}

void ask_close(struct ask_kept *kept)
{
	if (kept->fd >= 0)
		close(kept->fd);
	kept->fd = -1;
}

/* A broker may close a connection that waits, and one that is started anew has closed all. */
enum jwk11_rc ask_again(struct ask_kept *kept, const struct cmd_global *g, const char *method, const char *path, const struct jwk11_buf *body,
	struct ask_answer *ret_answer, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf request = J11_BUF(ASK_MAX);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf response = J11_BUF(ASK_MAX + 16384);
	enum jwk11_rc rc = write_request(&request, method, path, NULL, body, true, err);

	if (rc == JWK11_OK && kept->fd >= 0 && exchange(kept->fd, j11_buf_view(&request), true, &response, NULL) == JWK11_OK)
		return take_answer(&response, ret_answer, err);
	ask_close(kept);
	jwk11_buf_reset(&response);
	if (rc == JWK11_OK)
		rc = connect_for(g, path, &kept->fd, err);
	if (rc == JWK11_OK)
		rc = exchange(kept->fd, j11_buf_view(&request), true, &response, err);
	return rc == JWK11_OK ? take_answer(&response, ret_answer, err) : rc;
}

void ask_path(struct jwk11_buf *out, const char *start, const char *name, const char *tail)
{
	j11_buf_add_str(out, start);
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
		if (isalnum(*p) || strchr("-._~@", *p) != NULL)
			j11_buf_add_byte(out, *p);
		else
			j11_buf_add_fmt(out, "%%%02X", *p);
	}
	j11_buf_add_str(out, tail);
}

static enum jwk11_rc ask_about(const struct cmd_global *g, const struct jwk11_buf *path, const char *what, const char *accept,
	const struct jwk11_buf *body, struct ask_answer *ret_answer, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_buf_check(path, what, err);

	return rc == JWK11_OK ? ask_broker(g, body ? "POST" : "GET", jwk11_buf_data(path), accept, body, ret_answer, err) : rc;
}

enum jwk11_rc ask_key(const struct cmd_global *g, const char *key, const char *tail, const char *accept, const struct jwk11_buf *body,
	struct ask_answer *ret_answer, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf path = J11_BUF(2048);

	ask_path(&path, "/v1/keys/", key, tail);
	return ask_about(g, &path, "key name", accept, body, ret_answer, err);
}

enum jwk11_rc ask_token(const struct cmd_global *g, const char *token, const char *tail, const struct jwk11_buf *body, struct ask_answer *ret_answer,
	struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf path = J11_BUF(2048);

	ask_path(&path, "/v1/tokens/", token, tail);
	return ask_about(g, &path, "token name", NULL, body, ret_answer, err);
}

enum jwk11_rc ask_add_json(struct j11_json_out *o, const char *name, const char *text, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = text != NULL ? j11_json_read(j11_view_str(text), NULL, name, &doc, err) : JWK11_OK;

	if (rc == JWK11_OK && text != NULL)
		j11_json_value(o, name, j11_json_root(doc));
	return rc;
}
