/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON: no crash; what is accepted and written again is read again as the same tree. */
#include <stdlib.h>
#include <string.h>

#include "json/json_read.h"
#include "json/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char what[] = "input";
/* An escape may grow to three times its length when it is written: \b becomes \u0008. */
static const struct j11_json_limits wide = { .max_len = 4 * 1024 * 1024, .max_depth = 16, .max_values = 65536 };

static void must(bool held)
{
	if (!held)
		abort();
}

static void same(const struct j11_json *a, const struct j11_json *b)
{
	const struct j11_json *x = a->child, *y = b->child;
	size_t n = 0;

	must(a->type == b->type && a->n_children == b->n_children && j11_view_equal(a->name, b->name));
	must(a->type != J11_JSON_BOOL || a->boolean == b->boolean);
	must((a->type != J11_JSON_STRING && a->type != J11_JSON_NUMBER) || j11_view_equal(a->text, b->text));
	for (; x != NULL && y != NULL; x = x->next, y = y->next, n++)
		same(x, y);
	must(x == NULL && y == NULL && n == a->n_children);
}

/* The bytes that the tree says a container came from read as that container. */
static void check_raw(struct jwk11_view text, const struct j11_json *value)
{
	const char *p = value->raw.data, *start = text.data;
	struct j11_json_doc *doc = NULL;
	struct j11_json top = *value;

	if (value->type != J11_JSON_OBJECT && value->type != J11_JSON_ARRAY)
		return;
	must(p >= start && value->raw.len >= 2 && (size_t)(p - start) + value->raw.len <= text.len);
	must(*p == (value->type == J11_JSON_OBJECT ? '{' : '['));
	must(j11_json_read(value->raw, NULL, what, &doc, NULL) == JWK11_OK);
	top.name = (struct jwk11_view){ 0 };
	same(&top, j11_json_root(doc));
	j11_json_free(doc);
	for (const struct j11_json *m = value->child; m != NULL; m = m->next)
		must(value->type != J11_JSON_OBJECT || (m->name.data != NULL && memchr(m->name.data, 0, m->name.len) == NULL));
	if (value->child != NULL)
		check_raw(text, value->child);
}

static void write_again(const struct j11_json *root)
{
	struct jwk11_buf out = J11_BUF(wide.max_len), second = J11_BUF(wide.max_len);
	struct j11_json_out o = J11_JSON_OUT(&out), o2 = J11_JSON_OUT(&second);
	struct j11_json_doc *doc = NULL;

	j11_json_value(&o, NULL, root);
	must(out.failed == JWK11_OK);
	must(j11_json_read(j11_buf_view(&out), &wide, what, &doc, NULL) == JWK11_OK);
	same(root, j11_json_root(doc));
	j11_json_value(&o2, NULL, j11_json_root(doc));
	must(j11_view_equal(j11_buf_view(&out), j11_buf_view(&second)));
	j11_json_free(doc);
	j11_buf_done(&out);
	j11_buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct j11_json_limits tight = { .max_len = 64, .max_depth = 2, .max_values = 4 };
	struct jwk11_view text = { .data = data, .len = size };
	struct j11_json_doc *doc = NULL, *small = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = j11_json_read(text, NULL, what, &doc, &err);

	if (rc == JWK11_OK) {
		write_again(j11_json_root(doc));
		check_raw(text, j11_json_root(doc));
	} else {
		must(doc == NULL && err.rc == rc && err.text[0] != '\0');
	}
	/* Narrower limits refuse more, never less. */
	if (j11_json_read(text, &tight, what, &small, NULL) == JWK11_OK)
		must(rc == JWK11_OK && size <= tight.max_len);
	j11_json_free(doc);
	j11_json_free(small);
	return 0;
}
