/* SPDX-License-Identifier: Apache-2.0 */
/* JSON out. Written by hand and not with yajl's generator: that one emits invalid UTF-8 unless told otherwise and escapes '/' or not by
 * version, while thumbprints and ETags need bytes that never move. */
#include "json_write.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

/* Comma, then the name. */
static void before(struct j11_json_out *o, const char *name)
{
	if (o->more[o->depth])
		j11_buf_add_byte(o->buf, ',');
	o->more[o->depth] = true;
	if (name != NULL)
		j11_buf_add_fmt(o->buf, "\"%s\":", name);
}

void j11_json_open(struct j11_json_out *o, const char *name, char bracket)
{
	before(o, name);
	assert(o->depth + 1 < J11_COUNT(o->more));
	o->depth++;
	o->more[o->depth] = false;
	o->closer[o->depth] = bracket == '{' ? '}' : ']';
	j11_buf_add_byte(o->buf, (unsigned char)bracket);
}

void j11_json_close(struct j11_json_out *o)
{
	assert(o->depth > 0);
	j11_buf_add_byte(o->buf, (unsigned char)o->closer[o->depth]);
	o->depth--;
}

/* One octet that cannot stand as it is. */
static void escape(struct jwk11_buf *buf, unsigned char c)
{
	switch (c) {
	case '"':
		j11_buf_add_str(buf, "\\\"");
		return;
	case '\\':
		j11_buf_add_str(buf, "\\\\");
		return;
	case '\n':
		j11_buf_add_str(buf, "\\n");
		return;
	case '\r':
		j11_buf_add_str(buf, "\\r");
		return;
	case '\t':
		j11_buf_add_str(buf, "\\t");
		return;
	default:
		j11_buf_add_fmt(buf, "\\u%04x", c);
	}
}

static void add_escaped(struct jwk11_buf *buf, struct jwk11_view text)
{
	const unsigned char *p = text.data;
	size_t plain = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
			continue;
		j11_buf_add(buf, p + plain, i - plain);
		escape(buf, p[i]);
		plain = i + 1;
	}
	j11_buf_add(buf, p + plain, text.len - plain);
}

/* Text that is not UTF-8: octets above 0x7f become U+FFFD one by one. Rare (labels of odd tokens), so simple. */
static void add_repaired(struct jwk11_buf *buf, struct jwk11_view text)
{
	const unsigned char *p = text.data;

	for (size_t i = 0; i < text.len; i++) {
		if (p[i] >= 0x80)
			j11_buf_add_str(buf, "\xef\xbf\xbd");
		else
			add_escaped(buf, (struct jwk11_view){ .data = p + i, .len = 1 });
	}
}

static void add_string(struct jwk11_buf *buf, struct jwk11_view text)
{
	j11_buf_add_byte(buf, '"');
	if (j11_text_is_utf8(text))
		add_escaped(buf, text);
	else
		add_repaired(buf, text);
	j11_buf_add_byte(buf, '"');
}

void j11_json_view(struct j11_json_out *o, const char *name, struct jwk11_view value)
{
	before(o, name);
	add_string(o->buf, value);
}

void j11_json_str(struct j11_json_out *o, const char *name, const char *value)
{
	j11_json_view(o, name, j11_view_str(value));
}

void j11_json_num(struct j11_json_out *o, const char *name, int64_t value)
{
	before(o, name);
	j11_buf_add_fmt(o->buf, "%lld", (long long)value);
}

void j11_json_boolean(struct j11_json_out *o, const char *name, bool value)
{
	before(o, name);
	j11_buf_add_str(o->buf, value ? "true" : "false");
}

void j11_json_null(struct j11_json_out *o, const char *name)
{
	before(o, name);
	j11_buf_add_str(o->buf, "null");
}

void j11_json_raw(struct j11_json_out *o, const char *name, struct jwk11_view json)
{
	before(o, name);
	j11_buf_add(o->buf, json.data, json.len);
}

/* Recursion is bounded by the reader's depth limit, which is not above the writer's. */
static void add_value(struct jwk11_buf *buf, const struct j11_json *value)
{
	bool object = value->type == J11_JSON_OBJECT;

	switch (value->type) {
	case J11_JSON_BOOL:
		j11_buf_add_str(buf, value->boolean ? "true" : "false");
		return;
	case J11_JSON_NUMBER:
		j11_buf_add(buf, value->text.data, value->text.len);
		return;
	case J11_JSON_STRING:
		add_string(buf, value->text);
		return;
	case J11_JSON_ARRAY:
	case J11_JSON_OBJECT:
		j11_buf_add_byte(buf, object ? '{' : '[');
		for (const struct j11_json *m = value->child; m != NULL; m = m->next) {
			if (object) {
				add_string(buf, m->name);
				j11_buf_add_byte(buf, ':');
			}
			add_value(buf, m);
			if (m->next != NULL)
				j11_buf_add_byte(buf, ',');
		}
		j11_buf_add_byte(buf, object ? '}' : ']');
		return;
	default:
		j11_buf_add_str(buf, "null");
	}
}

void j11_json_value(struct j11_json_out *o, const char *name, const struct j11_json *value)
{
	before(o, name);
	add_value(o->buf, value);
}

void j11_json_member(struct j11_json_out *o, const struct j11_json *member)
{
	before(o, NULL);
	add_string(o->buf, member->name);
	j11_buf_add_byte(o->buf, ':');
	add_value(o->buf, member);
}
