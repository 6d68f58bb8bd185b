/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams between our own processes. PROTOCOL.md describes the bytes; the table below says which fields a type has. */
#include "wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

#define MAGIC (0x4a313100u | WIRE_VERSION)

struct head {
	uint32_t magic, type;
	uint64_t id;
};
struct field_head {
	uint16_t field, zero;
	uint32_t len;
};

enum kind { KIND_TEXT, KIND_OCTETS, KIND_NUMBER };
static const enum kind kinds[WIRE_N_FIELDS] = {
	[WIRE_F_INPUT] = KIND_OCTETS, [WIRE_F_DIGEST] = KIND_OCTETS, [WIRE_F_PAYLOAD] = KIND_OCTETS, [WIRE_F_SIGNATURE] = KIND_OCTETS, [WIRE_F_PLAINTEXT] = KIND_OCTETS, [WIRE_F_TALLY] = KIND_OCTETS,
	[WIRE_F_SECRET] = KIND_OCTETS, [WIRE_F_DER] = KIND_OCTETS,
	[WIRE_F_TTL] = KIND_NUMBER, [WIRE_F_CKR] = KIND_NUMBER, [WIRE_F_INDEX] = KIND_NUMBER, [WIRE_F_BITS] = KIND_NUMBER,
	[WIRE_F_FORM] = KIND_NUMBER, [WIRE_F_FLAGS] = KIND_NUMBER, [WIRE_F_HEALTH] = KIND_NUMBER, [WIRE_F_MISSED] = KIND_NUMBER, [WIRE_F_MOMENT] = KIND_NUMBER,
	[WIRE_F_WHOLE] = KIND_NUMBER,
};

#define F(name) (1ull << WIRE_F_##name)
#define TEMPLATE (F(TEMPLATE) | F(PARAMETERS) | F(TTL))
static const struct row {
	const char *name;
	uint64_t must, may;
} rows[WIRE_N_TYPES] = {
	[WIRE_SIGN] = { "sign", F(KEY), F(ALG) | F(INPUT) | F(DIGEST) | F(ENCODING) | TEMPLATE | F(REQUEST_ID) },
	[WIRE_JWS] = { "jws", F(KEY),
		F(PAYLOAD) | F(ALG) | F(HEADER) | F(UNPROTECTED) | F(FORM) | F(FLAGS) | F(TYP) | F(CTY) | F(JWS) | TEMPLATE | F(REQUEST_ID) },
	[WIRE_JWT] = { "jwt", F(KEY), F(CLAIMS) | F(ALG) | F(TYP) | F(HEADER) | TEMPLATE | F(REQUEST_ID) },
	[WIRE_VERIFY] = { "verify", F(KEY) | F(SIGNATURE), F(ALG) | F(INPUT) | F(DIGEST) | F(ENCODING) | F(REQUEST_ID) },
	[WIRE_JWT_GIVEN] = { "jwt-given", F(CLAIMS), F(KEY) | F(REQUEST_ID) },
	[WIRE_LEAVE] = { "leave", 0, 0 },
	[WIRE_PUBLISHED] = { "published", F(PAYLOAD) | F(INDEX) | F(WHOLE), 0 },
	[WIRE_GRPC] = { "grpc", 0, 0 },
	[WIRE_DECRYPT] = { "decrypt", F(KEY) | F(JWE), F(ALG) | F(REQUEST_ID) },
	[WIRE_CSR] = { "csr", F(KEY) | F(CSR), F(ALG) | F(SECRET) | F(REQUEST_ID) },
	[WIRE_LOGIN] = { "login", F(TOKEN), F(SECRET) | F(FLAGS) | F(REQUEST_ID) },
	[WIRE_LOGOUT] = { "logout", F(TOKEN), F(REQUEST_ID) },
	[WIRE_RESCAN] = { "rescan", F(TOKEN), F(REQUEST_ID) },
	[WIRE_REPLY] = { "reply", F(KID) | F(ALG), F(SIGNATURE) | F(TEXT) | F(PLAINTEXT) | F(DER) | F(HEADER) },
	[WIRE_FAULT] = { "fault", F(CODE) | F(TEXT), F(HINT) | F(CKR) | F(TOKEN) },
	[WIRE_CATALOG_BEGIN] = { "catalog-begin", 0, F(MODULE) | F(INDEX) },
	[WIRE_CATALOG_TOKEN] = { "catalog-token", F(NAME) | F(STATE),
		F(LABEL) | F(MANUFACTURER) | F(MODEL) | F(SERIAL) | F(PIN) | F(MODULE) | F(LIBRARY) | F(TEXT) },
	[WIRE_CATALOG_KEY] = { "catalog-key", F(NAME) | F(STATE), F(KID) | F(ALG) | F(TOKEN) | F(JWK) | F(PEM) | F(KTY) | F(BITS) | F(TEXT) | F(LABEL) |
		F(ID) | F(THUMBPRINT) | F(X5C) | F(X5T) | F(NOTE) | F(HEALTH) | F(COSE) | F(MOMENT) | F(WHOLE) },
	[WIRE_CATALOG_END] = { "catalog-end", 0, 0 },
	[WIRE_CONFIG] = { "config", 0, 0 },
	[WIRE_WORKER] = { "worker", F(MODULE) | F(INDEX), 0 },
	[WIRE_AUDIT] = { "audit", 0, 0 },
	[WIRE_MODULE_DOWN] = { "module-down", F(MODULE), F(INDEX) },
	[WIRE_DRAIN] = { "drain", 0, 0 },
	[WIRE_READY] = { "ready", 0, 0 },
	[WIRE_WORKER_LATE] = { "worker-late", F(MODULE) | F(INDEX), 0 },
	[WIRE_LOGIN_ASK] = { "login-ask", 0, 0 },
	[WIRE_LOGIN_GO] = { "login-go", 0, 0 },
	[WIRE_LOGIN_DONE] = { "login-done", 0, 0 },
	[WIRE_REFUSED] = { "refused", F(NAME) | F(CODE), F(KEY) | F(TOKEN) | F(REQUEST_ID) | F(MISSED) },
	[WIRE_TOKEN_IS] = { "token-is", F(STATE), F(FLAGS) },
	[WIRE_LOGIN_SET] = { "login-set", F(TOKEN) | F(STATE), 0 },
	[WIRE_PING] = { "ping", 0, 0 },
	[WIRE_PONG] = { "pong", 0, 0 },
	[WIRE_WHO] = { "who", 0, 0 },
	[WIRE_WHO_IS] = { "who-is", 0, F(UNIT) | F(EXECUTABLE) },
	[WIRE_TALLY] = { "tally", F(TALLY), 0 },
	[WIRE_SETS] = { "sets", 0, 0 },
	[WIRE_FILES] = { "files", F(FLAGS) | F(MISSED) | F(MOMENT), 0 },
};

void wire_begin(struct jwk11_buf *out, enum wire_type type, uint64_t id)
{
	struct head head = { MAGIC, (uint32_t)type, id };

	j11_buf_add(out, &head, sizeof(head));
}

void wire_add(struct jwk11_buf *out, enum wire_field field, struct jwk11_view value)
{
	struct field_head head = { (uint16_t)field, 0, (uint32_t)value.len };

	j11_buf_add(out, &head, sizeof(head));
	j11_buf_add(out, value.data, value.len);
}

void wire_add_str(struct jwk11_buf *out, enum wire_field field, const char *value)
{
	wire_add(out, field, j11_view_str(value));
}

void wire_add_num(struct jwk11_buf *out, enum wire_field field, uint64_t value)
{
	wire_add(out, field, (struct jwk11_view){ .data = &value, .len = sizeof(value) });
}

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "internal message: %s", why);
}

static enum jwk11_rc check_value(enum wire_field field, struct jwk11_view value, struct jwk11_err *err)
{
	if (kinds[field] == KIND_NUMBER && value.len != sizeof(uint64_t))
		return refuse("a number that is not 8 octets", err);
	if (kinds[field] == KIND_TEXT && (!j11_text_is_utf8(value) || memchr(value.data, 0, value.len) != NULL))
		return refuse("a text that is not UTF-8 or holds NUL", err);
	return JWK11_OK;
}

/* One field at p; *used tells how many octets it took. */
static enum jwk11_rc decode_field(const char *p, size_t left, const struct row *row, struct wire_msg *msg, size_t *used, struct jwk11_err *err)
{
	struct field_head head;

	if (left < sizeof(head))
		return refuse("it ends inside a field", err);
	memcpy(&head, p, sizeof(head));
	if (head.zero != 0 || head.field == 0 || head.field >= WIRE_N_FIELDS || ((row->must | row->may) >> head.field & 1) == 0)
		return refuse("a field that its type does not have", err);
	if (msg->field[head.field].data != NULL)
		return refuse("a field appears twice", err);
	if (head.len > left - sizeof(head))
		return refuse("a field is longer than the message", err);
	msg->field[head.field] = (struct jwk11_view){ .data = p + sizeof(head), .len = head.len };
	*used = sizeof(head) + head.len;
	return check_value((enum wire_field)head.field, msg->field[head.field], err);
}

enum jwk11_rc wire_decode(struct jwk11_view datagram, struct wire_msg *ret_msg, struct jwk11_err *err)
{
	const char *p = datagram.data;
	size_t left = datagram.len, used = 0;
	struct wire_msg msg = { 0 };
	struct head head;
	const struct row *row;
	enum jwk11_rc rc;

	if (left < sizeof(head) || left > WIRE_MAX)
		return refuse("its length is out of range", err);
	memcpy(&head, p, sizeof(head));
	if (head.magic != MAGIC)
		return refuse("another version", err);
	if (head.type == 0 || head.type >= WIRE_N_TYPES)
		return refuse("an unknown type", err);
	row = &rows[head.type];
	msg.type = (enum wire_type)head.type;
	msg.id = head.id;
	p += sizeof(head);
	left -= sizeof(head);
	for (; left > 0; p += used, left -= used) {
		rc = decode_field(p, left, row, &msg, &used, err);
		if (rc != JWK11_OK)
			return rc;
	}
	for (unsigned f = 1; f < WIRE_N_FIELDS; f++)
		if ((row->must >> f & 1) != 0 && msg.field[f].data == NULL)
			return refuse("a mandatory field is missing", err);
	*ret_msg = msg;
	return JWK11_OK;
}

bool wire_num(const struct wire_msg *msg, enum wire_field field, uint64_t *ret_n)
{
	if (msg->field[field].data == NULL || msg->field[field].len != sizeof(*ret_n))
		return false;
	memcpy(ret_n, msg->field[field].data, sizeof(*ret_n));
	return true;
}

bool wire_str(const struct wire_msg *msg, enum wire_field field, char *ret_text, size_t room)
{
	struct jwk11_view v = msg->field[field];

	if (v.data == NULL || v.len >= room)
		return false;
	memcpy(ret_text, v.data, v.len);
	ret_text[v.len] = '\0';
	return true;
}

static const char logged_in[] = "logged-in", logged_out[] = "logged-out";

void wire_login_set(struct jwk11_buf *out, uint64_t at_us, const char *token, bool is_out)
{
	wire_begin(out, WIRE_LOGIN_SET, at_us);
	wire_add_str(out, WIRE_F_TOKEN, token);
	wire_add_str(out, WIRE_F_STATE, is_out ? logged_out : logged_in);
}

bool wire_login_take(const struct wire_msg *msg, char ret_token[WIRE_TOKEN_MAX], bool *ret_out)
{
	*ret_out = j11_view_equals(msg->field[WIRE_F_STATE], logged_out);
	return wire_str(msg, WIRE_F_TOKEN, ret_token, WIRE_TOKEN_MAX) && (*ret_out || j11_view_equals(msg->field[WIRE_F_STATE], logged_in));
}

const char *wire_type_name(enum wire_type type)
{
	return (unsigned)type < WIRE_N_TYPES && rows[type].name != NULL ? rows[type].name : "unknown";
}

union control {
	char bytes[CMSG_SPACE(4 * sizeof(int))];
	struct cmsghdr align;
};

int wire_send(int sock, struct jwk11_view datagram, int fd)
{
	struct iovec iov = { .iov_base = (void *)datagram.data, .iov_len = datagram.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	struct cmsghdr *c;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

/* Keeps the first descriptor, closes the others. */
static int take_fds(struct msghdr *msg)
{
	int first = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (first < 0)
				first = fd;
			else
				close(fd);
		}
	}
	return first;
}

long wire_recv(int sock, void *room, size_t room_len, int flags, int *ret_fd)
{
	struct iovec iov = { .iov_base = room, .iov_len = room_len };
	union control control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	ssize_t n;
	int fd;

	do
		n = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	fd = take_fds(&msg);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		if (fd >= 0)
			close(fd);
		return -EMSGSIZE;
	}
	*ret_fd = fd;
	return (long)n;
}
