/* SPDX-License-Identifier: Apache-2.0 */
/* Strict HTTP/1.1 request heads. Runs in the front on octets of clients; the same function is unit-tested and fuzzed. Must not do I/O,
 * allocate, or accept anything that two readers of RFC 9112 could understand differently. */
#include "http_parse.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { TOKEN = 1, VALUE = 2, PATH = 4 }; /* RFC 9110 tchar; field-content; RFC 3986 pchar without escapes, and '/' */

static const unsigned char class_of[256] = {
	['\t'] = VALUE, [' '] = VALUE, ['"'] = VALUE, ['<'] = VALUE, ['>'] = VALUE, ['?'] = VALUE,
	['['] = VALUE, ['\\'] = VALUE, [']'] = VALUE, ['{'] = VALUE, ['}'] = VALUE, [0x80 ... 0xff] = VALUE,
	['a' ... 'z'] = TOKEN | VALUE | PATH, ['A' ... 'Z'] = TOKEN | VALUE | PATH, ['0' ... '9'] = TOKEN | VALUE | PATH,
	['-'] = TOKEN | VALUE | PATH, ['.'] = TOKEN | VALUE | PATH, ['_'] = TOKEN | VALUE | PATH, ['~'] = TOKEN | VALUE | PATH,
	['!'] = TOKEN | VALUE | PATH, ['$'] = TOKEN | VALUE | PATH, ['&'] = TOKEN | VALUE | PATH, ['\''] = TOKEN | VALUE | PATH,
	['*'] = TOKEN | VALUE | PATH, ['+'] = TOKEN | VALUE | PATH,
	['#'] = TOKEN | VALUE, ['%'] = TOKEN | VALUE, ['^'] = TOKEN | VALUE, ['`'] = TOKEN | VALUE, ['|'] = TOKEN | VALUE,
	['('] = VALUE | PATH, [')'] = VALUE | PATH, [','] = VALUE | PATH, [';'] = VALUE | PATH, ['='] = VALUE | PATH,
	[':'] = VALUE | PATH, ['@'] = VALUE | PATH, ['/'] = VALUE | PATH,
};

/* The fields we read. Each may come once, but Connection and the transfer codings, which are only looked through. */
enum field {
	F_HOST, F_CONTENT_LENGTH, F_CONTENT_TYPE, F_ACCEPT, F_IF_NONE_MATCH, F_REQUEST_ID, F_EXPECT, F_CONNECTION, F_TRANSFER_ENCODING, F_TE,
	N_FIELDS_
};
static const struct {
	const char *name;
	size_t len;
} field_names[N_FIELDS_] = {
	[F_HOST] = { "host", 4 },
	[F_CONTENT_LENGTH] = { "content-length", 14 },
	[F_CONTENT_TYPE] = { "content-type", 12 },
	[F_ACCEPT] = { "accept", 6 },
	[F_IF_NONE_MATCH] = { "if-none-match", 13 },
	[F_REQUEST_ID] = { "request-id", 10 },
	[F_EXPECT] = { "expect", 6 },
	[F_CONNECTION] = { "connection", 10 },
	[F_TRANSFER_ENCODING] = { "transfer-encoding", 17 },
	[F_TE] = { "te", 2 },
};

struct parse {
	struct http_request q;
	unsigned seen; /* bit per enum field */
	unsigned n_fields;
	bool coding; /* a transfer coding was named */
	bool expect_other;
	struct http_refusal refusal;
};

static bool refuse(struct parse *p, enum j11_code code, const char *reason)
{
	p->refusal = (struct http_refusal){ .code = code, .reason = reason };
	return false;
}

static bool malformed(struct parse *p, const char *reason)
{
	return refuse(p, J11_CODE_HTTP_MALFORMED, reason);
}

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The octet of the escape at s[0] == '%', or -1 when it is not whole. */
static int escape_value(const unsigned char *s, size_t len)
{
	int high, low;

	if (len < 3)
		return -1;
	high = hex_value(s[1]);
	low = hex_value(s[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool check_path(struct parse *p, const unsigned char *s, size_t len)
{
	char plain[HTTP_HEAD_MAX];
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = s[i];

		if (c == '%') {
			c = escape_value(s + i, len - i);
			if (c < 0)
				return malformed(p, "the path holds an escape that is not two hexadecimal digits");
			if (c < 0x20 || c == 0x7f || c == '/')
				return malformed(p, "the path escapes NUL, a control character or a slash");
			i += 2;
		} else if (!(class_of[c] & PATH)) {
			return malformed(p, "the path holds a character that must be escaped");
		}
		plain[n++] = (char)c;
	}
	if (!j11_text_is_utf8((struct jwk11_view){ .data = plain, .len = n }))
		return malformed(p, "the path is not UTF-8");
	return true;
}

static bool check_query(struct parse *p, const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' ? escape_value(s + i, len - i) < 0 : !(class_of[s[i]] & PATH) && s[i] != '?')
			return malformed(p, "the query holds a character that must be escaped");
	}
	return true;
}

/* Origin form only (RFC 9112 3.2.1): an absolute URI or "*" would bring a second idea of the host. */
static bool target(struct parse *p, const unsigned char *s, size_t len)
{
	const unsigned char *mark = memchr(s, '?', len);
	size_t path_len = mark != NULL ? (size_t)(mark - s) : len;

	if (len == 0 || s[0] != '/')
		return malformed(p, "the request target does not start with a slash");
	p->q.path = (struct jwk11_view){ .data = s, .len = path_len };
	if (mark != NULL)
		p->q.query = (struct jwk11_view){ .data = mark + 1, .len = len - path_len - 1 };
	return check_path(p, s, path_len) && (mark == NULL || check_query(p, mark + 1, len - path_len - 1));
}

static bool version(struct parse *p, const unsigned char *s, size_t len)
{
	if (len != 8 || memcmp(s, "HTTP/", 5) != 0 || s[5] < '0' || s[5] > '9' || s[6] != '.' || s[7] < '0' || s[7] > '9')
		return malformed(p, "the request line does not end in an HTTP version");
	if (s[5] != '1' || s[7] != '1')
		return refuse(p, J11_CODE_HTTP_VERSION, "only HTTP/1.1 is spoken here");
	return true;
}

static enum http_method method_of(const unsigned char *s, size_t len)
{
	if (len == 3 && memcmp(s, "GET", 3) == 0)
		return HTTP_GET;
	if (len == 4 && memcmp(s, "POST", 4) == 0)
		return HTTP_POST;
	if (len == 3 && memcmp(s, "PUT", 3) == 0)
		return HTTP_PUT;
	return len == 4 && memcmp(s, "HEAD", 4) == 0 ? HTTP_HEAD : HTTP_OTHER;
}

static bool request_line(struct parse *p, const unsigned char *s, size_t len)
{
	const unsigned char *first = memchr(s, ' ', len), *last = memrchr(s, ' ', len);
	size_t method_len;

	if (first == NULL || first == last || first == s)
		return malformed(p, "the request line is not method, target, version with one space between");
	method_len = (size_t)(first - s);
	for (size_t i = 0; i < method_len; i++)
		if (!(class_of[s[i]] & TOKEN))
			return malformed(p, "the method is not a word");
	p->q.method = method_of(s, method_len);
	return version(p, last + 1, (size_t)(s + len - last) - 1) && target(p, first + 1, (size_t)(last - first) - 1);
}

static bool content_length(struct parse *p, const unsigned char *s, size_t len)
{
	uint64_t n = 0;

	if (len == 0 || (len > 1 && s[0] == '0'))
		return malformed(p, "Content-Length is not a plain decimal number");
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return malformed(p, "Content-Length is not a plain decimal number");
		n = n > (UINT64_MAX - 9) / 10 ? UINT64_MAX : n * 10 + (uint64_t)(s[i] - '0');
		if (n > UINT64_MAX / 10)
			n = UINT64_MAX;
	}
	p->q.body_len = n;
	p->q.has_length = true;
	return true;
}

/* Is `word` one of the members of a comma-separated list? Parameters behind ';' are left out. */
static bool list_has(const unsigned char *s, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	while (len > 0) {
		const unsigned char *comma = memchr(s, ',', len);
		size_t part = comma != NULL ? (size_t)(comma - s) : len, begin = 0, end = 0;

		while (begin < part && (s[begin] == ' ' || s[begin] == '\t'))
			begin++;
		for (end = begin; end < part && s[end] != ' ' && s[end] != '\t' && s[end] != ';';)
			end++;
		if (end - begin == word_len && strncasecmp((const char *)s + begin, word, word_len) == 0)
			return true;
		part += part < len;
		s += part;
		len -= part;
	}
	return false;
}

static bool known_field(struct parse *p, enum field field, const unsigned char *s, size_t len)
{
	struct jwk11_view value = { .data = s, .len = len };
	unsigned bit = 1u << field;

	if ((p->seen & bit) != 0 && field != F_CONNECTION && field != F_TRANSFER_ENCODING && field != F_TE)
		return malformed(p, "a header field that may come once was sent twice");
	p->seen |= bit;
	switch (field) {
	case F_CONTENT_LENGTH:
		return content_length(p, s, len);
	case F_CONTENT_TYPE:
		p->q.content_type = value;
		break;
	case F_ACCEPT:
		p->q.accept = value;
		break;
	case F_IF_NONE_MATCH:
		p->q.if_none_match = value;
		break;
	case F_REQUEST_ID:
		p->q.request_id = value;
		break;
	case F_EXPECT:
		p->q.expect_continue = len == 12 && strncasecmp((const char *)s, "100-continue", 12) == 0;
		p->expect_other = !p->q.expect_continue;
		break;
	case F_CONNECTION:
		p->q.close = p->q.close || list_has(s, len, "close");
		break;
	case F_TRANSFER_ENCODING:
		p->coding = true;
		break;
	case F_TE:
		p->coding = p->coding || list_has(s, len, "chunked"); /* RFC 9112 7.4: nobody may send that */
		break;
	default: /* Host: exactly one, any value */
		break;
	}
	return true;
}

static enum field find_field(const unsigned char *name, size_t len)
{
	for (unsigned f = 0; f < N_FIELDS_; f++)
		if (field_names[f].len == len && strncasecmp((const char *)name, field_names[f].name, len) == 0)
			return (enum field)f;
	return N_FIELDS_;
}

static bool field_line(struct parse *p, const unsigned char *s, size_t len)
{
	size_t name_len = 0, end = len;
	enum field field;

	if (++p->n_fields > HTTP_FIELDS_MAX)
		return refuse(p, J11_CODE_HTTP_HEAD_TOO_LARGE, "the request has too many header fields");
	if (s[0] == ' ' || s[0] == '\t')
		return malformed(p, "a header line starts with a blank (line folding is not accepted)");
	while (name_len < len && (class_of[s[name_len]] & TOKEN))
		name_len++;
	if (name_len == 0 || name_len == len || s[name_len] != ':')
		return malformed(p, "a header line is not a name directly followed by a colon");
	field = find_field(s, name_len);
	for (size_t i = name_len + 1; i < len; i++)
		if (!(class_of[s[i]] & VALUE))
			return malformed(p, "a header value holds a control character");
	for (name_len++; name_len < end && (s[name_len] == ' ' || s[name_len] == '\t');)
		name_len++;
	while (end > name_len && (s[end - 1] == ' ' || s[end - 1] == '\t'))
		end--;
	return field == N_FIELDS_ || known_field(p, field, s + name_len, end - name_len);
}

/* What only the whole head can tell. Both length and coding is the classic smuggling attempt: 400, not 501. */
static bool whole_head(struct parse *p)
{
	if (!(p->seen & 1u << F_HOST))
		return malformed(p, "the Host header field is missing");
	if (p->coding && p->q.has_length)
		return malformed(p, "the request has both Content-Length and a transfer coding");
	if (p->coding)
		return refuse(p, J11_CODE_HTTP_NOT_IMPLEMENTED, "transfer codings are not accepted; send Content-Length");
	if (p->expect_other)
		return refuse(p, J11_CODE_HTTP_NOT_IMPLEMENTED, "the only expectation known here is 100-continue");
	return true;
}

enum http_result http_parse(struct jwk11_view input, struct http_request *ret_request, struct http_refusal *ret_refusal)
{
	const unsigned char *s = input.data;
	size_t len = input.len < HTTP_HEAD_MAX ? input.len : HTTP_HEAD_MAX, at = 0;
	struct parse p = { .seen = 0 };
	bool good = true;

	while (good && at < len) {
		const unsigned char *lf = memchr(s + at, '\n', len - at);
		size_t line_len;

		if (lf == NULL)
			break;
		line_len = (size_t)(lf - (s + at));
		if (line_len == 0 || lf[-1] != '\r') {
			good = malformed(&p, "a line ends in LF without CR");
		} else if (at == 0) {
			good = request_line(&p, s, line_len - 1);
		} else if (line_len == 1) {
			p.q.head_len = at + 2;
			good = whole_head(&p);
			if (good)
				*ret_request = p.q;
			else
				*ret_refusal = p.refusal;
			return good ? HTTP_DONE : HTTP_REFUSED;
		} else {
			good = field_line(&p, s + at, line_len - 1);
		}
		at += line_len + 1;
	}
	if (good && len < HTTP_HEAD_MAX)
		return HTTP_NEED_MORE;
	if (good)
		refuse(&p, J11_CODE_HTTP_HEAD_TOO_LARGE, "the head of the request is longer than 8192 bytes");
	*ret_refusal = p.refusal;
	return HTTP_REFUSED;
}

bool http_next_segment(struct jwk11_view *path, struct jwk11_view *ret_segment)
{
	const char *s = path->data, *slash;
	size_t len;

	if (path->len == 0)
		return false;
	s++; /* the slash: the path starts with one, and so does every rest */
	slash = memchr(s, '/', path->len - 1);
	len = slash != NULL ? (size_t)(slash - s) : path->len - 1;
	*ret_segment = (struct jwk11_view){ .data = s, .len = len };
	*path = (struct jwk11_view){ .data = s + len, .len = path->len - 1 - len };
	return true;
}

bool http_unescape(struct jwk11_view segment, char *ret_text, size_t room)
{
	const unsigned char *s = segment.data;
	size_t n = 0;

	for (size_t i = 0; i < segment.len; i++) {
		int c = s[i];

		if (n + 1 >= room)
			return false;
		if (c == '%') {
			c = escape_value(s + i, segment.len - i);
			i += 2;
		}
		ret_text[n++] = (char)c;
	}
	if (room == 0)
		return false;
	ret_text[n] = '\0';
	return true;
}
