/* SPDX-License-Identifier: Apache-2.0 */
/* Written with care for time: each signature waits for its line. */
#include "audit_line.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "json/json_take.h"
#include "json/json_write.h"

static const char opening[] = "{\"seq\":", event_member[] = ",\"event\":\"", hash_member[] = ",\"hash\":\"";
enum { TAIL = sizeof(hash_member) - 1 + J11_AUDIT_HASH + 2 };

/* ---- SHA-256 ---- */

struct j11_audit_sha {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

struct j11_audit_sha *j11_audit_sha_new(void)
{
	struct j11_audit_sha *sha = j11_mem_new(sizeof(*sha));

	if (sha == NULL)
		return NULL;
	sha->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	sha->ctx = EVP_MD_CTX_new();
	if (sha->md != NULL && sha->ctx != NULL)
		return sha;
	j11_audit_sha_free(sha);
	return NULL;
}

void j11_audit_sha_free(struct j11_audit_sha *sha)
{
	if (sha == NULL)
		return;
	EVP_MD_CTX_free(sha->ctx);
	EVP_MD_free(sha->md);
	j11_mem_free(sha);
}

bool j11_audit_sha_hex(struct j11_audit_sha *sha, const struct jwk11_view *pieces, size_t n, char ret_hex[J11_AUDIT_HASH + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool ok = EVP_DigestInit_ex(sha->ctx, sha->md, NULL) == 1;

	ret_hex[0] = '\0';
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(sha->ctx, pieces[i].data, pieces[i].len) == 1;
	if (!ok || EVP_DigestFinal_ex(sha->ctx, hash, &len) != 1 || len != J11_AUDIT_HASH / 2)
		return false;
	for (unsigned i = 0; i < len; i++) {
		ret_hex[2 * i] = digits[hash[i] >> 4];
		ret_hex[2 * i + 1] = digits[hash[i] & 15];
	}
	ret_hex[J11_AUDIT_HASH] = '\0';
	return true;
}

bool j11_audit_is_hash(struct jwk11_view text)
{
	const char *p = text.data;

	if (text.len != J11_AUDIT_HASH)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
	return true;
}

/* ---- members ---- */

static const char *const events[J11_AUDIT_N_EVENTS] = { "request", "begin", "end", "torn", "lost", "cut" };

const char *j11_audit_event_name(enum j11_audit_event event)
{
	return (unsigned)event < J11_AUDIT_N_EVENTS ? events[event] : "unknown";
}

static void add_number(struct jwk11_buf *out, uint64_t n)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	j11_buf_add(out, text + at, sizeof(text) - at);
}

/* `head` is all that stands before the value: ,"name": */
static void add_num(struct jwk11_buf *out, const char *head, uint64_t n)
{
	j11_buf_add_str(out, head);
	add_number(out, n);
}

static void add_view(struct jwk11_buf *out, const char *head, struct jwk11_view value)
{
	struct j11_json_out o = J11_JSON_OUT(out);

	if (value.len == 0)
		return;
	j11_buf_add_str(out, head);
	j11_json_view(&o, NULL, value);
}

static void add_text(struct jwk11_buf *out, const char *head, const char *value)
{
	if (value != NULL)
		add_view(out, head, j11_view_str(value));
}

static void add_start(struct jwk11_buf *out, enum j11_audit_event event, int64_t time_ms)
{
	char when[21];
	const char milli[6] = { '.', (char)('0' + time_ms / 100 % 10), (char)('0' + time_ms / 10 % 10), (char)('0' + time_ms % 10), 'Z', '"' };

	j11_buf_add_str(out, event_member);
	j11_buf_add_str(out, events[event]);
	j11_text_time(time_ms / 1000, when);
	j11_buf_add_str(out, "\",\"time\":\"");
	j11_buf_add(out, when, 19);
	j11_buf_add(out, milli, sizeof(milli));
}

static void add_jti(struct jwk11_buf *out, struct jwk11_view jti, struct j11_audit_sha *sha)
{
	char hash[J11_AUDIT_HASH + 1];

	if (jti.len <= J11_AUDIT_JTI_MAX)
		add_view(out, ",\"jti\":", jti);
	else if (j11_audit_sha_hex(sha, &jti, 1, hash))
		add_text(out, ",\"jti_sha256\":", hash);
}

void j11_audit_members(const struct j11_audit_record *r, struct j11_audit_sha *sha, struct jwk11_buf *out)
{
	add_start(out, J11_AUDIT_REQUEST, r->time_ms);
	add_text(out, ",\"request\":", r->request);
	if (r->has_peer) {
		add_num(out, ",\"uid\":", r->uid);
		add_num(out, ",\"pid\":", r->pid);
	}
	add_text(out, ",\"unit\":", r->unit);
	add_text(out, ",\"client\":", r->client);
	add_text(out, ",\"op\":", r->op);
	add_text(out, ",\"template\":", r->template);
	add_text(out, ",\"key\":", r->key);
	add_text(out, ",\"kid\":", r->kid);
	add_text(out, ",\"alg\":", r->alg);
	add_text(out, ",\"token\":", r->token);
	if (r->sha256[0] != '\0') {
		add_text(out, ",\"of\":", r->of);
		add_text(out, ",\"sha256\":", r->sha256);
	}
	add_jti(out, r->jti, sha);
	add_text(out, ",\"decision\":", r->decision);
	add_text(out, ",\"result\":", r->result);
	add_text(out, ",\"ckr\":", r->ckr);
	add_num(out, ",\"us\":", r->us > 0 ? (uint64_t)r->us : 0);
	if (r->missed > 0)
		add_num(out, ",\"missed\":", r->missed);
}

void j11_audit_begin(int64_t time_ms, const char *prev, struct jwk11_buf *out)
{
	add_start(out, J11_AUDIT_BEGIN, time_ms);
	add_text(out, ",\"prev\":", prev);
}

void j11_audit_end(int64_t time_ms, struct jwk11_buf *out)
{
	add_start(out, J11_AUDIT_END, time_ms);
}

void j11_audit_torn(int64_t time_ms, uint64_t octets, const char *sha256, struct jwk11_buf *out)
{
	add_start(out, J11_AUDIT_TORN, time_ms);
	add_num(out, ",\"octets\":", octets);
	add_text(out, ",\"sha256\":", sha256);
}

void j11_audit_lost(int64_t time_ms, uint64_t records, struct jwk11_buf *out)
{
	add_start(out, J11_AUDIT_LOST, time_ms);
	add_num(out, ",\"records\":", records);
}

void j11_audit_cut(int64_t time_ms, const struct j11_audit_head *known, struct jwk11_buf *out)
{
	add_start(out, J11_AUDIT_CUT, time_ms);
	add_num(out, ",\"known_seq\":", known->seq);
	add_text(out, ",\"known_hash\":", known->hash);
}

/* ---- lines ---- */

bool j11_audit_seal(struct j11_audit_sha *sha, struct j11_audit_head *head, struct jwk11_view members, struct jwk11_buf *out)
{
	struct j11_audit_head next = { .seq = head->seq + 1 };
	size_t start = out->len;
	struct jwk11_view pieces[2] = { { .data = head->hash, .len = J11_AUDIT_HASH } };

	j11_buf_add_str(out, opening);
	add_number(out, next.seq);
	j11_buf_add(out, members.data, members.len);
	if (out->failed != JWK11_OK)
		return false;
	pieces[1] = (struct jwk11_view){ .data = out->data + start, .len = out->len - start };
	if (!j11_audit_sha_hex(sha, pieces, 2, next.hash)) {
		j11_buf_cut(out, start);
		return false;
	}
	j11_buf_add_str(out, hash_member);
	j11_buf_add(out, next.hash, J11_AUDIT_HASH);
	j11_buf_add(out, "\"}\n", 3);
	if (out->failed != JWK11_OK || out->len - start > J11_AUDIT_LINE_MAX)
		return false;
	*head = next;
	return true;
}

static bool starts(const char *p, size_t left, const char *what, size_t len)
{
	return left >= len && memcmp(p, what, len) == 0;
}

/* The event's name is followed by its closing quote. */
static bool take_event(const char *p, size_t left, enum j11_audit_event *ret_event)
{
	for (unsigned e = 0; e < J11_AUDIT_N_EVENTS; e++) {
		size_t len = strlen(events[e]);

		if (starts(p, left, events[e], len) && left > len && p[len] == '"') {
			*ret_event = (enum j11_audit_event)e;
			return true;
		}
	}
	return false;
}

static bool has_control(struct jwk11_view line)
{
	const unsigned char *p = line.data;

	for (size_t i = 0; i < line.len; i++)
		if (p[i] < 0x20)
			return true;
	return false;
}

bool j11_audit_parse(struct jwk11_view line, struct j11_audit_line *ret_line)
{
	const char *p = line.data, *tail, *digits;
	struct j11_audit_line l = { .event = J11_AUDIT_REQUEST };
	size_t n = 0;

	if (line.len >= J11_AUDIT_LINE_MAX || line.len < sizeof(opening) + sizeof(event_member) + TAIL ||
		!starts(p, line.len, opening, sizeof(opening) - 1))
		return false;
	l.body = (struct jwk11_view){ .data = p, .len = line.len - TAIL };
	tail = p + l.body.len;
	digits = p + sizeof(opening) - 1;
	while (digits + n < tail && digits[n] != ',')
		n++;
	if (!j11_text_to_u64((struct jwk11_view){ digits, n }, UINT64_MAX - 1, &l.head.seq) || l.head.seq == 0)
		return false;
	p = digits + n;
	if (!starts(p, (size_t)(tail - p), event_member, sizeof(event_member) - 1))
		return false;
	p += sizeof(event_member) - 1;
	if (!take_event(p, (size_t)(tail - p), &l.event) || has_control(line))
		return false;
	if (memcmp(tail, hash_member, sizeof(hash_member) - 1) != 0 || memcmp(tail + TAIL - 2, "\"}", 2) != 0)
		return false;
	memcpy(l.head.hash, tail + sizeof(hash_member) - 1, J11_AUDIT_HASH);
	if (!j11_audit_is_hash((struct jwk11_view){ l.head.hash, J11_AUDIT_HASH }))
		return false;
	*ret_line = l;
	return true;
}

bool j11_audit_follows(struct j11_audit_sha *sha, const char *before, const struct j11_audit_line *line)
{
	const struct jwk11_view pieces[] = { { .data = before, .len = J11_AUDIT_HASH }, line->body };
	char hash[J11_AUDIT_HASH + 1];

	return j11_audit_sha_hex(sha, pieces, 2, hash) && memcmp(hash, line->head.hash, J11_AUDIT_HASH) == 0;
}

bool j11_audit_tell(struct jwk11_view line, enum j11_audit_event event, struct j11_audit_told *ret_told)
{
	struct told {
		struct jwk11_view hash;
		int64_t n;
	} told = { .n = 0 };
	static const struct j11_json_field fields[J11_AUDIT_N_EVENTS][2] = {
		[J11_AUDIT_BEGIN] = { { "prev", J11_JSON_STRING, offsetof(struct told, hash), true } },
		[J11_AUDIT_TORN] = { { "sha256", J11_JSON_STRING, offsetof(struct told, hash), true }, { "octets", J11_JSON_NUMBER, offsetof(struct told, n), true } },
		[J11_AUDIT_LOST] = { { "records", J11_JSON_NUMBER, offsetof(struct told, n), true } },
		[J11_AUDIT_CUT] = { { "known_hash", J11_JSON_STRING, offsetof(struct told, hash), true },
			{ "known_seq", J11_JSON_NUMBER, offsetof(struct told, n), true } },
	};
	static const size_t counts[J11_AUDIT_N_EVENTS] = { [J11_AUDIT_BEGIN] = 1, [J11_AUDIT_TORN] = 2, [J11_AUDIT_LOST] = 1, [J11_AUDIT_CUT] = 2 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;

	if (j11_json_read(line, NULL, "record", &doc, NULL) != JWK11_OK ||
		j11_json_take(j11_json_root(doc), fields[event], counts[event], true, "record", &told, NULL) != JWK11_OK || told.n < 0)
		return false;
	if (told.hash.data != NULL) {
		if (!j11_audit_is_hash(told.hash))
			return false;
		memcpy(ret_told->hash, told.hash.data, J11_AUDIT_HASH);
		ret_told->hash[J11_AUDIT_HASH] = '\0';
	}
	ret_told->n = (uint64_t)told.n;
	return true;
}
