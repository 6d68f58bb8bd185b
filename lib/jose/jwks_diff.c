/* SPDX-License-Identifier: Apache-2.0 */
/* Two sets, compared as sets. */
#include "jwks_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "thumb.h"

enum { MAX_KEYS = 1024 };

/* A key of one of the sets. */
struct entry {
	const struct j11_json *jwk;
	struct jwk11_view kid; /* empty: none */
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	bool done; /* has its counterpart */
};

struct side {
	const struct j11_json *root;
	struct entry *entries;
	size_t n;
};

static void side_done(struct side *side)
{
	j11_mem_free(side->entries);
}

const char *j11_change_name(enum j11_change_kind kind)
{
	static const char *const names[J11_N_CHANGE_] = { "added", "removed", "replaced", "renamed", "changed", "set" };

	return names[kind];
}

static struct jwk11_view kid_of(const struct j11_json *jwk)
{
	const struct j11_json *kid = j11_json_get(jwk, "kid");

	return kid != NULL && kid->type == J11_JSON_STRING ? kid->text : (struct jwk11_view){ .data = "", .len = 0 };
}

static enum jwk11_rc load(struct jwk11_view text, const char *what, struct j11_json_doc **doc, struct side *side, struct jwk11_err *err)
{
	struct j11_json_limits limits = { .max_len = 1024 * 1024, .max_depth = 16, .max_values = 65536 };
	enum jwk11_rc rc = j11_json_read(text, &limits, what, doc, err);
	const struct j11_json *keys, *key;

	if (rc != JWK11_OK)
		return rc;
	side->root = j11_json_root(*doc);
	keys = j11_json_get(side->root, "keys");
	if (side->root->type != J11_JSON_OBJECT || (keys == NULL && j11_json_get(side->root, "kty") == NULL) ||
		(keys != NULL && keys->type != J11_JSON_ARRAY))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "%s: neither a JWK set nor a JWK", what);
	if (keys != NULL && keys->n_children > MAX_KEYS)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s: more than %d keys", what, MAX_KEYS);
	side->entries = j11_mem_new_array(keys != NULL ? keys->n_children : 1, sizeof(*side->entries));
	if (side->entries == NULL)
		return j11_err_memory(err);
	for (key = keys != NULL ? keys->child : side->root; key != NULL; key = keys != NULL ? key->next : NULL) {
		struct entry *e = &side->entries[side->n++];

		*e = (struct entry){ .jwk = key, .kid = kid_of(key) };
		if (!j11_thumb_of(key, e->thumbprint))
			e->thumbprint[0] = '\0';
	}
	return JWK11_OK;
}

/* ---- equality of trees ---- */

static bool equal(const struct j11_json *a, const struct j11_json *b);

/* Names are unique, so as many members, each with its equal, is the same object. The reader makes them strings without NUL. */
static bool equal_objects(const struct j11_json *a, const struct j11_json *b)
{
	for (const struct j11_json *m = a->child; m != NULL; m = m->next) {
		const struct j11_json *other = j11_json_get(b, m->name.data);

		if (other == NULL || !equal(m, other))
			return false;
	}
	return true;
}

static bool equal(const struct j11_json *a, const struct j11_json *b)
{
	const struct j11_json *y = b->child;

	if (a->type != b->type || a->n_children != b->n_children || a->boolean != b->boolean || !j11_view_equal(a->text, b->text))
		return false;
	if (a->type == J11_JSON_OBJECT)
		return equal_objects(a, b);
	for (const struct j11_json *x = a->child; x != NULL; x = x->next, y = y->next)
		if (!equal(x, y))
			return false;
	return true;
}

/* Appends the names that `a` has and `b` has not or has with another value; with `missing`, only those b has not. */
static void differing(const struct j11_json *a, const struct j11_json *b, const char *but, bool missing, struct j11_change *change)
{
	size_t used = strlen(change->members);

	for (const struct j11_json *m = a->type == J11_JSON_OBJECT ? a->child : NULL; m != NULL && used + 8 < sizeof(change->members); m = m->next) {
		const struct j11_json *other = j11_json_get(b, m->name.data);

		if (j11_view_equals(m->name, but) || (other != NULL && (missing || equal(m, other))))
			continue;
		if (used > 0)
			change->members[used++] = ' ';
		j11_text_printable(m->name, change->members + used, sizeof(change->members) - used);
		used += strlen(change->members + used);
	}
}

/* ---- counterparts ---- */

static bool same_kid(const struct entry *a, const struct entry *b)
{
	return a->kid.len > 0 && j11_view_equal(a->kid, b->kid);
}

static bool same_thumbprint(const struct entry *a, const struct entry *b)
{
	return a->thumbprint[0] != '\0' && j11_text_equal(a->thumbprint, b->thumbprint);
}

static bool same_key(const struct entry *a, const struct entry *b)
{
	return same_kid(a, b) && same_thumbprint(a, b);
}

static bool same_value(const struct entry *a, const struct entry *b)
{
	return equal(a->jwk, b->jwk);
}

static void add(struct j11_jwks_diff *diff, enum j11_change_kind kind, const struct j11_json *before, const struct j11_json *after)
{
	struct j11_change *change = &diff->changes[diff->n++];

	*change = (struct j11_change){ .kind = kind, .before = before, .after = after };
	if (before == NULL || after == NULL)
		return;
	differing(before, after, kind == J11_CHANGE_SET ? "keys" : "kid", false, change);
	differing(after, before, kind == J11_CHANGE_SET ? "keys" : "kid", true, change);
	if (change->members[0] == '\0' && kind != J11_CHANGE_RENAMED)
		diff->n--;
}

static void pair(struct j11_jwks_diff *diff, struct entry *before, struct entry *after)
{
	enum j11_change_kind kind = J11_CHANGE_CHANGED;

	before->done = after->done = true;
	if (!j11_view_equal(before->kid, after->kid))
		kind = J11_CHANGE_RENAMED;
	else if (!j11_text_equal(before->thumbprint, after->thumbprint))
		kind = J11_CHANGE_REPLACED;
	add(diff, kind, before->jwk, after->jwk);
}

/* The surest sign first: a repeated kid must not marry the wrong keys. */
static void match(struct j11_jwks_diff *diff, struct side *before, struct side *after)
{
	static bool (*const signs[])(const struct entry *a, const struct entry *b) = { same_value, same_key, same_kid, same_thumbprint };

	for (size_t s = 0; s < J11_COUNT(signs); s++)
		for (size_t i = 0; i < before->n; i++)
			for (size_t j = 0; j < after->n && !before->entries[i].done; j++)
				if (!after->entries[j].done && signs[s](&before->entries[i], &after->entries[j]))
					pair(diff, &before->entries[i], &after->entries[j]);
	for (size_t i = 0; i < before->n; i++)
		if (!before->entries[i].done)
			add(diff, J11_CHANGE_REMOVED, before->entries[i].jwk, NULL);
	for (size_t i = 0; i < after->n; i++)
		if (!after->entries[i].done)
			add(diff, J11_CHANGE_ADDED, NULL, after->entries[i].jwk);
}

static int compare_views(struct jwk11_view a, struct jwk11_view b)
{
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

/* By kind, by kid, then by the bytes of the key: the order of the sets decides nothing. */
static int compare(const void *a, const void *b)
{
	const struct j11_change *x = a, *y = b;
	const struct j11_json *p = x->after != NULL ? x->after : x->before, *q = y->after != NULL ? y->after : y->before;
	int order;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	order = compare_views(kid_of(p), kid_of(q));
	return order != 0 || p->raw.data == NULL || q->raw.data == NULL ? order : compare_views(p->raw, q->raw);
}

enum jwk11_rc j11_jwks_diff(struct jwk11_view before, struct jwk11_view after, struct j11_jwks_diff **ret_diff, struct jwk11_err *err)
{
	J11_AUTO(j11_jwks_diff_free_auto) struct j11_jwks_diff *diff = j11_mem_new(sizeof(*diff));
	J11_AUTO(side_done) struct side a = { 0 };
	J11_AUTO(side_done) struct side b = { 0 };
	enum jwk11_rc rc;

	if (diff == NULL)
		return j11_err_memory(err);
	rc = load(before, "old set", &diff->before, &a, err);
	if (rc == JWK11_OK)
		rc = load(after, "new set", &diff->after, &b, err);
	if (rc != JWK11_OK)
		return rc;
	diff->changes = j11_mem_new_array(a.n + b.n + 1, sizeof(*diff->changes));
	if (diff->changes == NULL)
		return j11_err_memory(err);
	match(diff, &a, &b);
	if (j11_json_get(a.root, "keys") != NULL && j11_json_get(b.root, "keys") != NULL)
		add(diff, J11_CHANGE_SET, a.root, b.root);
	qsort(diff->changes, diff->n, sizeof(*diff->changes), compare);
	*ret_diff = J11_STEAL(diff);
	return JWK11_OK;
}

void j11_jwks_diff_free(struct j11_jwks_diff *diff)
{
	if (diff == NULL)
		return;
	j11_mem_free(diff->changes);
	j11_json_free(diff->before);
	j11_json_free(diff->after);
	j11_mem_free(diff);
}
