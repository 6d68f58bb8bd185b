/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON to a bounded tree. A scan over the raw text refuses what yajl lets through (UTF-8, surrogates, NUL, depth); yajl checks the
 * grammar and decodes; the callbacks build the tree and refuse duplicate names. yajl is not told to use our allocator: it does not check
 * for failure, so a failing allocation on purpose would only show its bug, not ours. */
#include "json_read.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

enum { DEPTH_CAP = 32, CHUNK = 4096 };

const struct j11_json_limits j11_json_limits_default = { .max_len = 1024 * 1024, .max_depth = 16, .max_values = 65536 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t bytes[];
};

struct j11_json_doc {
	struct j11_json *root;
	struct chunk *chunks; /* the newest first */
	bool secret;
};

/* What the callbacks share. `last[d]` is where the next element of the container at depth d is linked. */
struct reader {
	struct j11_json_doc *doc;
	const struct j11_json_limits *limits;
	const char *what;
	struct jwk11_err *err;
	enum jwk11_rc rc;
	yajl_handle yajl;
	const char *input;
	struct j11_json *open[DEPTH_CAP];
	struct j11_json *last[DEPTH_CAP];
	unsigned depth;
	size_t n_values;
	struct jwk11_view name; /* of the member whose value comes next */
};

static void *arena_new(struct j11_json_doc *doc, size_t size)
{
	struct chunk *c = doc->chunks;
	void *p;

	size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (c == NULL || c->size - c->used < size) {
		size_t room = size > CHUNK ? size : CHUNK;

		c = j11_mem_new(sizeof(*c) + room);
		if (c == NULL)
			return NULL;
		c->size = room;
		c->next = doc->chunks;
		doc->chunks = c;
	}
	p = (char *)c->bytes + c->used;
	c->used += size;
	return p;
}

static int stop(struct reader *r, enum jwk11_rc rc)
{
	r->rc = rc;
	return 0;
}

static bool copy_text(struct reader *r, const unsigned char *text, size_t len, struct jwk11_view *ret_view)
{
	char *copy = arena_new(r->doc, len + 1);

	if (copy == NULL)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*ret_view = (struct jwk11_view){ .data = copy, .len = len };
	return true;
}

/* Adds a value to the container that is open, or makes it the root. NULL (with r->rc set) on failure. */
static struct j11_json *add(struct reader *r, enum j11_json_type type)
{
	struct j11_json *value, *parent = r->depth > 0 ? r->open[r->depth - 1] : NULL;

	if (++r->n_values > r->limits->max_values) {
		stop(r, j11_err_set(r->err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s: more than %zu values", r->what, r->limits->max_values));
		return NULL;
	}
	value = arena_new(r->doc, sizeof(*value));
	if (value == NULL) {
		stop(r, j11_err_memory(r->err));
		return NULL;
	}
	value->type = type;
	if (parent == NULL) {
		r->doc->root = value;
		return value;
	}
	if (parent->type == J11_JSON_OBJECT)
		value->name = r->name;
	if (r->last[r->depth - 1] == NULL)
		parent->child = value;
	else
		r->last[r->depth - 1]->next = value;
	r->last[r->depth - 1] = value;
	parent->n_children++;
	return value;
}

static int on_null(void *arg)
{
	return add(arg, J11_JSON_NULL) != NULL;
}

static int on_bool(void *arg, int boolean)
{
	struct j11_json *value = add(arg, J11_JSON_BOOL);

	if (value == NULL)
		return 0;
	value->boolean = boolean != 0;
	return 1;
}

static int on_text(struct reader *r, enum j11_json_type type, const unsigned char *text, size_t len)
{
	struct j11_json *value = add(r, type);

	if (value == NULL)
		return 0;
	return copy_text(r, text, len, &value->text) ? 1 : stop(r, j11_err_memory(r->err));
}

static int on_number(void *arg, const char *text, size_t len)
{
	return on_text(arg, J11_JSON_NUMBER, (const unsigned char *)text, len);
}

static int on_string(void *arg, const unsigned char *text, size_t len)
{
	return on_text(arg, J11_JSON_STRING, text, len);
}

static int on_name(void *arg, const unsigned char *text, size_t len)
{
	struct reader *r = arg;

	return copy_text(r, text, len, &r->name) ? 1 : stop(r, j11_err_memory(r->err));
}

static int on_open(struct reader *r, enum j11_json_type type)
{
	struct j11_json *value = add(r, type);

	if (value == NULL)
		return 0;
	value->raw.data = r->input + yajl_get_bytes_consumed(r->yajl) - 1;
	r->open[r->depth] = value;
	r->last[r->depth++] = NULL;
	return 1;
}

static int on_object(void *arg)
{
	return on_open(arg, J11_JSON_OBJECT);
}

static int on_array(void *arg)
{
	return on_open(arg, J11_JSON_ARRAY);
}

static int on_close(void *arg)
{
	struct reader *r = arg;
	struct j11_json *value = r->open[--r->depth];

	value->raw.len = (size_t)(r->input + yajl_get_bytes_consumed(r->yajl) - (const char *)value->raw.data);
	return 1;
}

static int compare_names(const void *a, const void *b)
{
	const struct j11_json *x = *(const struct j11_json *const *)a, *y = *(const struct j11_json *const *)b;

	if (x->name.len != y->name.len)
		return x->name.len < y->name.len ? -1 : 1;
	return x->name.len == 0 ? 0 : memcmp(x->name.data, y->name.data, x->name.len);
}

static enum jwk11_rc repeated(struct reader *r, struct j11_json *member)
{
	char name[48];

	member->repeated = true;
	if (r->limits->keep_repeated)
		return JWK11_OK;
	j11_text_printable(member->name, name, sizeof(name));
	return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_JSON_DUPLICATE, "%s: member \"%s\" appears twice", r->what, name);
}

/* Sorted, so that a client cannot make us compare every name with every other. */
static enum jwk11_rc check_duplicates(struct reader *r, struct j11_json *obj)
{
	struct j11_json **sorted = j11_mem_new_array(obj->n_children, sizeof(struct j11_json *));
	enum jwk11_rc rc = JWK11_OK;
	size_t n = 0;

	if (sorted == NULL)
		return j11_err_memory(r->err);
	for (const struct j11_json *m = obj->child; m != NULL; m = m->next)
		sorted[n++] = (struct j11_json *)m;
	qsort(sorted, n, sizeof(struct j11_json *), compare_names);
	for (size_t i = 1; i < n && rc == JWK11_OK; i++)
		if (compare_names(&sorted[i - 1], &sorted[i]) == 0 && (i == 1 || compare_names(&sorted[i - 2], &sorted[i]) != 0))
			rc = repeated(r, sorted[i]);
	j11_mem_free(sorted);
	return rc;
}

static int on_object_end(void *arg)
{
	struct reader *r = arg;
	struct j11_json *value = r->open[r->depth - 1];
	enum jwk11_rc rc;

	on_close(arg);
	rc = value->n_children > 1 ? check_duplicates(r, value) : JWK11_OK;
	return rc == JWK11_OK ? 1 : stop(r, rc);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_name,
	.yajl_end_map = on_object_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_close,
};

static enum jwk11_rc invalid(const char *what, size_t at, const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JSON_INVALID, "%s: not valid JSON at byte %zu: %s", what, at, why);
}

/* The four hex digits at p, or -1. */
static int hex4(const char *p, size_t left)
{
	int value = 0;

	if (left < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* A \u escape whose digits start at p[i]: NUL and half surrogate pairs are refused. Moves *i behind what it read. */
static const char *scan_unicode(const char *p, size_t len, size_t *i)
{
	int unit = hex4(p + *i, len - *i), low;

	if (unit < 0)
		return "\\u needs four hexadecimal digits";
	if (unit == 0)
		return "U+0000 is not allowed";
	*i += 4;
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return "a low surrogate stands alone";
	if (unit < 0xd800 || unit > 0xdbff)
		return NULL;
	low = len - *i >= 2 && p[*i] == '\\' && p[*i + 1] == 'u' ? hex4(p + *i + 2, len - *i - 2) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return "a high surrogate stands alone";
	*i += 6;
	return NULL;
}

/* Inside a string whose quote was read; leaves *i behind the closing quote. */
static const char *scan_string(const char *p, size_t len, size_t *i)
{
	while (*i < len) {
		char c = p[(*i)++];
		const char *why = NULL;

		if (c == '"')
			return NULL;
		if ((unsigned char)c < 0x20)
			return "a control character in a string";
		if (c == '\\' && *i < len && p[(*i)++] == 'u')
			why = scan_unicode(p, len, i);
		if (why != NULL)
			return why;
	}
	return "a string does not end";
}

/* Everything that can be seen without a parser. */
static enum jwk11_rc scan(struct jwk11_view text, const struct j11_json_limits *limits, const char *what, struct jwk11_err *err)
{
	const char *p = text.data;
	unsigned depth = 0, max_depth = limits->max_depth < DEPTH_CAP ? limits->max_depth : DEPTH_CAP;

	if (text.len > limits->max_len)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s is longer than %zu bytes", what, limits->max_len);
	if (!j11_text_is_utf8(text))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JSON_INVALID, "%s: not valid UTF-8", what);
	for (size_t i = 0; i < text.len;) {
		char c = p[i++];
		const char *why = NULL;

		if (c == '"')
			why = scan_string(p, text.len, &i);
		else if ((c == '{' || c == '[') && ++depth > max_depth)
			return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s: nested deeper than %u", what, max_depth);
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
		if (why != NULL)
			return invalid(what, i, why, err);
	}
	return JWK11_OK;
}

/* For secrets: what yajl gives back is wiped. */
static void *wiping_new(void *ctx, size_t len)
{
	(void)ctx;
	return j11_mem_wiping_new(len);
}

static void *wiping_resize(void *ctx, void *p, size_t len)
{
	(void)ctx;
	return j11_mem_wiping_resize(p, len);
}

static void wiping_free(void *ctx, void *p)
{
	(void)ctx;
	j11_mem_wiping_free(p);
}

static yajl_alloc_funcs wiping = { .malloc = wiping_new, .realloc = wiping_resize, .free = wiping_free };

static enum jwk11_rc parse(struct reader *r, struct jwk11_view text)
{
	const char *why = "syntax error";
	size_t at;

	r->yajl = yajl_alloc(&callbacks, r->limits->secret ? &wiping : NULL, r);
	if (r->yajl == NULL)
		return j11_err_memory(r->err);
	if (yajl_parse(r->yajl, text.data, text.len) == yajl_status_ok) {
		at = text.len;
		why = yajl_complete_parse(r->yajl) != yajl_status_ok || r->doc->root == NULL ? "it ends too early" : NULL;
	} else {
		at = yajl_get_bytes_consumed(r->yajl);
	}
	if (r->rc == JWK11_OK && why != NULL)
		r->rc = invalid(r->what, at, text.len == 0 ? "it is empty" : why, r->err);
	yajl_free(r->yajl);
	return r->rc;
}

enum jwk11_rc j11_json_read(struct jwk11_view text, const struct j11_json_limits *limits, const char *what, struct j11_json_doc **ret_doc,
	struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct reader r = { .limits = limits ? limits : &j11_json_limits_default, .what = what, .err = err, .input = text.data };
	enum jwk11_rc rc = scan(text, r.limits, what, err);

	if (rc != JWK11_OK)
		return rc;
	doc = j11_mem_new(sizeof(*doc));
	if (doc == NULL)
		return j11_err_memory(err);
	doc->secret = r.limits->secret;
	r.doc = doc;
	rc = parse(&r, text);
	if (rc == JWK11_OK)
		*ret_doc = J11_STEAL(doc);
	return rc;
}

const struct j11_json *j11_json_root(const struct j11_json_doc *doc)
{
	return doc->root;
}

void j11_json_free(struct j11_json_doc *doc)
{
	if (doc == NULL)
		return;
	while (doc->chunks != NULL) {
		struct chunk *next = doc->chunks->next;

		if (doc->secret)
			j11_mem_wipe(doc->chunks->bytes, doc->chunks->used);
		j11_mem_free(doc->chunks);
		doc->chunks = next;
	}
	j11_mem_free(doc);
}

const struct j11_json *j11_json_get(const struct j11_json *obj, const char *name)
{
	if (obj == NULL || obj->type != J11_JSON_OBJECT)
		return NULL;
	for (const struct j11_json *m = obj->child; m != NULL; m = m->next)
		if (j11_view_equals(m->name, name))
			return m;
	return NULL;
}

/* The values are the document's, and const for everybody else. */
const struct j11_json *j11_json_remove(struct j11_json_doc *doc, const struct j11_json *obj, const char *name)
{
	struct j11_json *object = (struct j11_json *)obj;
	const struct j11_json *found = j11_json_get(obj, name), **link;

	(void)doc;
	if (found == NULL)
		return NULL;
	for (link = &object->child; *link != found; link = &((struct j11_json *)*link)->next)
		;
	*link = found->next;
	object->n_children--;
	return found;
}

const char *j11_json_type_name(enum j11_json_type type)
{
	static const char *const names[J11_N_JSON_] = { "null", "boolean", "number", "string", "array", "object" };

	return (unsigned)type < J11_N_JSON_ ? names[type] : "value";
}
