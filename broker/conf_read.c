/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration text as a typed value: one table of names drives reading, checking and the hints for misspelt words. Pure. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf_table.h"
#include "form/profile.h"

enum { MAX_LINE = 4608, MAX_SECTIONS = 100000 };

/* Where reading stands; everything it makes lives in the arena. */
struct reader {
	struct conf *conf;
	const char *file;
	unsigned line;
	struct jwk11_err *err;
	enum conf_section section;
	void *target; /* the struct of the open section */
	bool seen[CONF_ROWS_MAX]; /* names set in it, by row */
};

struct block {
	struct block *next;
	max_align_t bytes[];
};

void *conf_alloc(struct conf *conf, size_t size)
{
	struct block *b = j11_mem_new(sizeof(*b) + size);

	if (b == NULL)
		return NULL;
	b->next = conf->arena;
	conf->arena = b;
	return b->bytes;
}

void conf_free(struct conf *conf)
{
	struct block *b = conf ? conf->arena : NULL;

	while (b != NULL) {
		struct block *next = b->next;

		j11_mem_free(b);
		b = next;
	}
	j11_mem_free(conf);
}

static const char *const section_names[CONF_N_SECTIONS] = { "daemon", "token", "key", "set", "client", "socket", "kubernetes", "verify-only" };

const char *conf_section_name(enum conf_section section)
{
	return section_names[section];
}

const char *conf_op_name(enum conf_op op)
{
	static const char *const names[CONF_N_OPS] = { "sign", "jws", "jwt", "verify", "decrypt", "csr" };

	return (unsigned)op < CONF_N_OPS ? names[op] : "unknown";
}

__attribute__((format(printf, 2, 3))) static enum jwk11_rc refuse(struct reader *r, const char *fmt, ...)
{
	char text[JWK11_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "%s:%u: %s", r->file, r->line, text);
}

static char *keep(struct reader *r, struct jwk11_view v)
{
	char *copy = conf_alloc(r->conf, v.len + 1);

	if (copy != NULL)
		memcpy(copy, v.data, v.len);
	return copy;
}

bool conf_is_name(struct jwk11_view v)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";
	const char *p = v.data;

	for (size_t i = 0; i < v.len; i++)
		if (p[i] == '\0' || strchr(allowed, p[i]) == NULL)
			return false;
	return v.len > 0 && v.len <= 64;
}

/* Adds one word to a NULL-terminated list. */
static bool list_add(struct reader *r, const char ***list, const char *word)
{
	size_t n = 0;
	const char **grown;

	while (*list != NULL && (*list)[n] != NULL)
		n++;
	grown = conf_alloc(r->conf, (n + 2) * sizeof(*grown));
	if (grown == NULL)
		return false;
	if (n > 0)
		memcpy(grown, *list, n * sizeof(*grown));
	grown[n] = word;
	*list = grown;
	return true;
}

static bool ids_add(struct reader *r, uint32_t **ids, size_t *n, uint32_t id)
{
	uint32_t *grown = conf_alloc(r->conf, (*n + 1) * sizeof(*grown));

	if (grown == NULL)
		return false;
	if (*n > 0)
		memcpy(grown, *ids, *n * sizeof(*grown));
	grown[(*n)++] = id;
	*ids = grown;
	return true;
}

static enum jwk11_rc set_ids(struct reader *r, const struct conf_row *row, struct jwk11_view word)
{
	struct conf_client *client = r->target;
	uint64_t id;
	bool ok;

	if (!j11_text_to_u64(word, 0xfffffffeu, &id))
		return refuse(r, "%s must be a number from 0 to 4294967294", row->name);
	ok = row->kind == CONF_UIDS ? ids_add(r, &client->uids, &client->n_uids, (uint32_t)id) :
		ids_add(r, &client->gids, &client->n_gids, (uint32_t)id);
	return ok ? JWK11_OK : j11_err_memory(r->err);
}

static enum jwk11_rc set_ops(struct reader *r, struct jwk11_view word)
{
	struct conf_client *client = r->target;
	bool all = j11_view_equals(word, "*"), known = all;

	for (unsigned op = 0; op < CONF_N_OPS; op++) {
		if (all || j11_view_equals(word, conf_op_name((enum conf_op)op))) {
			client->ops[op] = true;
			known = true;
		}
	}
	return known ? JWK11_OK : refuse(r, "allow takes sign, jws, jwt, verify, decrypt, csr or *");
}

/* Lists are separated by commas, or the name is repeated. Values of `environment` are taken whole. */
static enum jwk11_rc set_list(struct reader *r, const struct conf_row *row, struct jwk11_view value)
{
	const char *p = value.data, *end = p + value.len;
	enum jwk11_rc rc = JWK11_OK;

	while (rc == JWK11_OK && p <= end) {
		const char *comma = row->kind == CONF_LINES ? NULL : memchr(p, ',', (size_t)(end - p));
		struct jwk11_view word = j11_text_trim((struct jwk11_view){ .data = p, .len = (size_t)((comma ? comma : end) - p) });

		if (word.len == 0)
			return refuse(r, "%s holds an empty word", row->name);
		if (row->kind == CONF_UIDS || row->kind == CONF_GIDS) {
			rc = set_ids(r, row, word);
		} else if (row->kind == CONF_OPS) {
			rc = set_ops(r, word);
		} else {
			const char *copy = keep(r, word);

			if (copy == NULL || !list_add(r, (const char ***)((char *)r->target + row->offset), copy))
				rc = j11_err_memory(r->err);
		}
		p = (comma ? comma : end) + 1;
	}
	return rc;
}

/* Four octal digits; the text has no end mark behind it, so the functions of stdio are no help. */
static bool to_mode(struct jwk11_view value, uint64_t *ret_n)
{
	const char *p = value.data;

	*ret_n = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (p[i] < '0' || p[i] > '7')
			return false;
		*ret_n = *ret_n * 8 + (uint64_t)(p[i] - '0');
	}
	return *ret_n <= 0777;
}

static enum jwk11_rc set_number(struct reader *r, const struct conf_row *row, struct jwk11_view value)
{
	char *place = (char *)r->target + row->offset;
	int64_t seconds = 0;
	uint64_t n = 0;
	bool ok;

	if (row->kind == CONF_MODE) {
		ok = value.len == 4 && to_mode(value, &n);
	} else if (row->kind == CONF_MS || row->kind == CONF_SECONDS) {
		ok = j11_text_to_seconds(value, (int64_t)row->max, &seconds);
		n = (uint64_t)seconds;
	} else {
		ok = j11_text_to_u64(value, row->max, &n);
	}
	if (!ok || n < row->min)
		return refuse(r, row->kind == CONF_MODE ? "%s must be four octal digits" : "%s must be from %llu to %llu%s", row->name,
			(unsigned long long)row->min, (unsigned long long)row->max, row->kind == CONF_MS || row->kind == CONF_SECONDS ? " seconds" : "");
	if (row->kind == CONF_MS || row->kind == CONF_SECONDS)
		*(int64_t *)(void *)place = seconds * (row->kind == CONF_MS ? 1000 : 1);
	else if (row->kind == CONF_SIZE)
		*(size_t *)(void *)place = (size_t)n;
	else
		*(unsigned *)(void *)place = (unsigned)n;
	return JWK11_OK;
}

/* "10/s": with a unit, so that nobody has to guess it. An hour's worth fits into the canonical text even where it is past the limit of that unit. */
static enum jwk11_rc set_rate(struct reader *r, const struct conf_row *row, struct jwk11_view value)
{
	static const struct {
		char letter;
		unsigned an_hour;
	} units[] = { { 's', 3600 }, { 'm', 60 }, { 'h', 1 } };
	const char *p = value.data;
	uint64_t n = 0;

	for (size_t i = 0; i < J11_COUNT(units) && value.len > 2; i++) {
		if (p[value.len - 2] != '/' || p[value.len - 1] != units[i].letter)
			continue;
		if (j11_text_to_u64((struct jwk11_view){ .data = p, .len = value.len - 2 }, row->max * 3600 / units[i].an_hour, &n) && n >= row->min) {
			*(int64_t *)(void *)((char *)r->target + row->offset) = (int64_t)(n * units[i].an_hour);
			return JWK11_OK;
		}
	}
	return refuse(r, "%s takes requests by the second, minute or hour: 10/s, 30/m, 100/h; at most %llu/s", row->name, (unsigned long long)row->max);
}

static enum jwk11_rc set_word(struct reader *r, const struct conf_row *row, struct jwk11_view value)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf words = J11_BUF(256);

	for (unsigned i = 0; row->words[i] != NULL; i++) {
		if (j11_view_equals(value, row->words[i])) {
			*(unsigned *)(void *)((char *)r->target + row->offset) = i;
			return JWK11_OK;
		}
	}
	j11_buf_add_str(&words, row->words[0]);
	for (unsigned i = 1; row->words[i] != NULL; i++)
		j11_buf_add_fmt(&words, "%s%s", row->words[i + 1] != NULL ? ", " : " or ", row->words[i]);
	return refuse(r, "%s takes %s", row->name, jwk11_buf_data(&words));
}

/* Of a set: only what is a set of JWKs can be served as one. */
static enum jwk11_rc set_profile(struct reader *r, const struct conf_row *row, struct jwk11_view value)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf names = J11_BUF(256);
	const struct j11_profile *profile = j11_profile_find(value);

	if (profile != NULL && profile->handout == J11_HANDOUT_SET) {
		*(const struct j11_profile **)(void *)((char *)r->target + row->offset) = profile;
		return JWK11_OK;
	}
	if (profile != NULL)
		return refuse(r, "profile %s is no JWK set; jwk11 jwks --profile %s writes it", profile->name, profile->name);
	j11_profile_names(J11_HANDOUT_SET, &names);
	return refuse(r, "profile takes one of %s", jwk11_buf_data(&names));
}

static enum jwk11_rc set_value(struct reader *r, const struct conf_row *row, struct jwk11_view value)
{
	const char *copy;

	switch (row->kind) {
	case CONF_TEXT:
	case CONF_PATH:
		if (row->kind == CONF_PATH && *(const char *)value.data != '/')
			return refuse(r, "%s must be an absolute path", row->name);
		copy = keep(r, value);
		*(const char **)(void *)((char *)r->target + row->offset) = copy;
		return copy ? JWK11_OK : j11_err_memory(r->err);
	case CONF_WORD:
		return set_word(r, row, value);
	case CONF_PROFILE:
		return set_profile(r, row, value);
	case CONF_RATE:
		return set_rate(r, row, value);
	case CONF_LIST:
	case CONF_LINES:
	case CONF_UIDS:
	case CONF_GIDS:
	case CONF_OPS:
		return set_list(r, row, value);
	default:
		return set_number(r, row, value);
	}
}

/* The nearest known word into the hint. */
static void hint_near(struct reader *r, const char *word, const char *const *known, size_t n)
{
	struct j11_nearest nearest = { .word = word };

	for (size_t i = 0; i < n; i++)
		j11_nearest_offer(&nearest, known[i]);
	if (nearest.best != NULL)
		j11_err_hint(r->err, "did you mean %s?", nearest.best);
}

static enum jwk11_rc unknown_name(struct reader *r, struct jwk11_view name)
{
	const char *known[64];
	char word[64];
	size_t n = 0;

	for (const struct conf_row *row = conf_rows; row->name != NULL; row++)
		if (row->section == r->section)
			known[n++] = row->name;
	j11_text_printable(name, word, sizeof(word));
	refuse(r, "[%s] has no \"%s\"", section_names[r->section], word);
	hint_near(r, word, known, n);
	return JWK11_ERR_SYNTAX;
}

static enum jwk11_rc read_pair(struct reader *r, struct jwk11_view line)
{
	const char *equals = memchr(line.data, '=', line.len);
	struct jwk11_view name, value;

	if (equals == NULL)
		return refuse(r, "neither [section] nor name = value");
	if (r->target == NULL)
		return refuse(r, "a value before the first [section]");
	name = j11_text_trim((struct jwk11_view){ .data = line.data, .len = (size_t)(equals - (const char *)line.data) });
	value = j11_text_trim((struct jwk11_view){ .data = equals + 1, .len = line.len - (size_t)(equals + 1 - (const char *)line.data) });
	for (const struct conf_row *row = conf_rows; row->name != NULL; row++) {
		bool *seen = &r->seen[row - conf_rows];

		if (row->section != r->section || !j11_view_equals(name, row->name))
			continue;
		if (value.len == 0)
			return refuse(r, "%s has no value", row->name);
		if (row->kind < CONF_LIST && *seen)
			return refuse(r, "%s is set twice", row->name);
		*seen = true;
		return set_value(r, row, value);
	}
	return unknown_name(r, name);
}

/* A new element at the end of an array of the arena; the old array stays until conf_free. */
static void *array_add(struct reader *r, void *array, size_t *n, size_t size)
{
	size_t cap = 1;
	char *grown = array;

	while (cap < *n)
		cap *= 2;
	if (*n == 0 || cap == *n) {
		grown = conf_alloc(r->conf, (*n ? cap * 2 : 1) * size);
		if (grown == NULL)
			return NULL;
		if (*n > 0)
			memcpy(grown, array, *n * size);
	}
	++*n;
	return grown;
}

#define ADD(field, count, type) \
	do { \
		void *grown_ = array_add(r, r->conf->field, &r->conf->count, sizeof(type)); \
		if (grown_ == NULL) \
			return j11_err_memory(r->err); \
		r->conf->field = grown_; \
		r->conf->field[r->conf->count - 1].name = kept; \
		r->target = &r->conf->field[r->conf->count - 1]; \
	} while (0)

static bool name_taken(const struct conf *c, enum conf_section s, struct jwk11_view name)
{
	for (size_t i = 0; s == CONF_S_TOKEN && i < c->n_tokens; i++)
		if (j11_view_equals(name, c->tokens[i].name))
			return true;
	for (size_t i = 0; s == CONF_S_KEY && i < c->n_keys; i++)
		if (j11_view_equals(name, c->keys[i].name))
			return true;
	for (size_t i = 0; s == CONF_S_SET && i < c->n_sets; i++)
		if (j11_view_equals(name, c->sets[i].name))
			return true;
	for (size_t i = 0; s == CONF_S_CLIENT && i < c->n_clients; i++)
		if (j11_view_equals(name, c->clients[i].name))
			return true;
	for (size_t i = 0; s == CONF_S_SOCKET && i < c->n_sockets; i++)
		if (j11_view_equals(name, c->sockets[i].name))
			return true;
	for (size_t i = 0; s == CONF_S_VERIFY_ONLY && i < c->n_verify_only; i++)
		if (j11_view_equals(name, c->verify_only[i].name))
			return true;
	return false;
}

static bool is_nameless(enum conf_section section)
{
	return section == CONF_S_DAEMON || section == CONF_S_KUBERNETES;
}

/* A new section starts with nothing set; [daemon] is one section however often it is opened, and so is [kubernetes]. */
static void forget_seen(struct reader *r)
{
	for (const struct conf_row *row = conf_rows; row->name != NULL; row++)
		if (!is_nameless(row->section))
			r->seen[row - conf_rows] = false;
}

/* No list is ever NULL. */
static void empty_lists(struct reader *r)
{
	static const char *none[] = { NULL };

	for (const struct conf_row *row = conf_rows; row->name != NULL; row++)
		if (row->section == r->section && row->kind == CONF_LIST)
			*(const char ***)(void *)((char *)r->target + row->offset) = none;
}

static enum jwk11_rc open_section(struct reader *r, struct jwk11_view name)
{
	const char *kept;

	forget_seen(r);
	if (is_nameless(r->section)) {
		r->target = r->section == CONF_S_DAEMON ? (void *)r->conf : &r->conf->kubernetes;
		r->conf->kubernetes.open |= r->section == CONF_S_KUBERNETES;
		return name.len == 0 ? JWK11_OK : refuse(r, "[%s] takes no name", section_names[r->section]);
	}
	if (!conf_is_name(name))
		return refuse(r, "[%s NAME] needs a name of letters, digits and . _ @ -", section_names[r->section]);
	if (name_taken(r->conf, r->section, name))
		return refuse(r, "[%s %.*s] stands twice", section_names[r->section], (int)name.len, (const char *)name.data);
	kept = keep(r, name);
	if (kept == NULL)
		return j11_err_memory(r->err);
	switch (r->section) {
	case CONF_S_TOKEN:
		ADD(tokens, n_tokens, struct conf_token);
		break;
	case CONF_S_KEY:
		ADD(keys, n_keys, struct conf_key);
		r->conf->keys[r->conf->n_keys - 1].discovery = CONF_YES;
		break;
	case CONF_S_SET:
		ADD(sets, n_sets, struct conf_set);
		break;
	case CONF_S_SOCKET:
		ADD(sockets, n_sockets, struct conf_socket);
		r->conf->sockets[r->conf->n_sockets - 1].mode = 0660;
		r->conf->sockets[r->conf->n_sockets - 1].gid = (gid_t)-1;
		break;
	case CONF_S_VERIFY_ONLY:
		ADD(verify_only, n_verify_only, struct conf_verify_only);
		r->conf->verify_only[r->conf->n_verify_only - 1].discovery = CONF_YES;
		break;
	default:
		ADD(clients, n_clients, struct conf_client);
	}
	empty_lists(r);
	return JWK11_OK;
}

static enum jwk11_rc read_section(struct reader *r, struct jwk11_view line)
{
	const char *p = line.data;
	struct jwk11_view inside, word, rest;
	const char *blank;
	char text[64];

	if (p[line.len - 1] != ']')
		return refuse(r, "a section line must end with ]");
	inside = j11_text_trim((struct jwk11_view){ .data = p + 1, .len = line.len - 2 });
	blank = memchr(inside.data, ' ', inside.len);
	word = (struct jwk11_view){ .data = inside.data, .len = blank ? (size_t)(blank - (const char *)inside.data) : inside.len };
	rest = j11_text_trim((struct jwk11_view){ .data = (const char *)inside.data + word.len, .len = inside.len - word.len });
	for (unsigned s = 0; s < CONF_N_SECTIONS; s++) {
		if (j11_view_equals(word, section_names[s])) {
			r->section = (enum conf_section)s;
			return open_section(r, rest);
		}
	}
	j11_text_printable(word, text, sizeof(text));
	refuse(r, "unknown section [%s]", text);
	hint_near(r, text, section_names, CONF_N_FILE_SECTIONS);
	return JWK11_ERR_SYNTAX;
}

static enum jwk11_rc read_line(struct reader *r, struct jwk11_view line)
{
	if (line.len > MAX_LINE)
		return refuse(r, "the line is longer than %d bytes", MAX_LINE);
	if (!j11_text_is_utf8(line) || memchr(line.data, 0, line.len) != NULL)
		return refuse(r, "the line is not UTF-8 text");
	if (line.len > 1 && *(const char *)line.data == CONF_FILE_MARK) {
		r->file = keep(r, (struct jwk11_view){ .data = (const char *)line.data + 1, .len = line.len - 1 });
		r->line = 0;
		return r->file ? JWK11_OK : j11_err_memory(r->err);
	}
	line = j11_text_trim(line);
	if (line.len == 0 || *(const char *)line.data == '#')
		return JWK11_OK;
	return *(const char *)line.data == '[' ? read_section(r, line) : read_pair(r, line);
}

static void set_defaults(struct conf *c)
{
	static const char *none[] = { NULL };

	*c = (struct conf){
		.run_dir = "/run/jwk11d", .state_dir = "/var/lib/jwk11d", .socket_gid = (gid_t)-1, .api_mode = 0660, .public_mode = 0666,
		.modules = none, .environment = none, .worker_allow = none, .worker_read = none, .worker_write = none, .audit = CONF_AUDIT_BEST_EFFORT,
		.audit_sync = CONF_SYNC_INTERVAL, .threads = 1,
		.max_connections = 1024, .max_queue = 1024, .max_body = 65536,
		.request_timeout_ms = 10000, .head_timeout_ms = 10000, .idle_timeout_ms = 60000, .max_age = 300, .rescan = 300,
		.kubernetes = { .set = "default", .mode = 0660, .gid = (gid_t)-1, .max_lifetime = 86400 },
	};
}

enum jwk11_rc conf_parse(struct jwk11_view text, const char *file, struct conf **ret_conf, struct jwk11_err *err)
{
	J11_AUTO(conf_free_auto) struct conf *conf = j11_mem_new(sizeof(*conf));
	struct reader r = { .conf = conf, .file = file, .err = err };
	const char *p = text.data, *end = p + text.len;
	enum jwk11_rc rc = JWK11_OK;

	if (conf == NULL)
		return j11_err_memory(err);
	set_defaults(conf);
	while (rc == JWK11_OK && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((newline ? newline : end) - p);

		r.line++;
		rc = read_line(&r, (struct jwk11_view){ .data = p, .len = len });
		p += len + 1;
	}
	if (rc == JWK11_OK)
		rc = conf_check(conf, file, err);
	if (rc == JWK11_OK)
		*ret_conf = J11_STEAL(conf);
	return rc;
}
