/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as they are collected, and small things all rules need. */
#include "lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

const char *j11_lint_severity_name(enum j11_lint_severity severity)
{
	static const char *const names[J11_N_LINT_SEVERITY_] = { "info", "warn", "error" };

	return names[severity];
}

bool j11_lint_good(struct j11_lint *lint, enum jwk11_rc rc)
{
	if (rc == JWK11_ERR_MEMORY)
		lint->failed = rc;
	return rc == JWK11_OK;
}

static struct j11_lint_finding *next(struct j11_lint *lint)
{
	size_t capacity = lint->capacity ? 2 * lint->capacity : 16;
	struct j11_lint_finding *more;

	if (lint->n_findings == lint->capacity) {
		more = j11_mem_resize(lint->findings, capacity * sizeof(*more));
		if (more == NULL)
			return NULL;
		lint->findings = more;
		lint->capacity = capacity;
	}
	return &lint->findings[lint->n_findings++];
}

void j11_lint_add(struct j11_lint *lint, struct j11_lint_key *key, enum j11_lint_id id, const char *member, const char *fmt, ...)
{
	enum j11_lint_severity severity = j11_lint_rule(id)->severity;
	struct j11_lint_finding *f;
	va_list ap;

	lint->n_severity[severity]++;
	if (key != NULL && key->first_error == J11_N_LINT_ && severity == J11_LINT_ERROR)
		key->first_error = id;
	if (lint->n_findings == J11_LINT_KEEP)
		return;
	f = next(lint);
	if (f == NULL) {
		lint->failed = JWK11_ERR_MEMORY;
		return;
	}
	*f = (struct j11_lint_finding){ .id = id, .key = key != NULL ? (size_t)(key - lint->keys) + 1 : 0 };
	if (member != NULL)
		snprintf(f->member, sizeof(f->member), "%s", member);
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

static int compare(const void *a, const void *b)
{
	const struct j11_lint_finding *x = a, *y = b;
	int order = 0;

	if (x->key != y->key)
		return x->key - 1 < y->key - 1 ? -1 : 1; /* 0 becomes the largest */
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	order = strcmp(x->member, y->member);
	return order != 0 ? order : strcmp(x->text, y->text);
}

void j11_lint_sort(struct j11_lint *lint)
{
	if (lint->n_findings > 1)
		qsort(lint->findings, lint->n_findings, sizeof(*lint->findings), compare);
}

struct jwk11_view j11_lint_string(const struct j11_json *jwk, const char *name)
{
	const struct j11_json *value = j11_json_get(jwk, name);

	return value != NULL && value->type == J11_JSON_STRING && value->text.len > 0 ? value->text : (struct jwk11_view){ .data = "", .len = 0 };
}

bool j11_lint_same_word(struct jwk11_view a, const char *b)
{
	return a.len == strlen(b) && strncasecmp(a.data, b, a.len) == 0;
}

void j11_lint_media_type(struct j11_lint *lint, const char *media_type)
{
	size_t len = strcspn(media_type, "; ");
	char shown[64];

	if ((len == 16 && strncasecmp(media_type, "application/json", len) == 0) ||
		(len == 24 && strncasecmp(media_type, "application/jwk-set+json", len) == 0))
		return;
	j11_text_printable(j11_view_str(media_type), shown, sizeof(shown));
	j11_lint_add(lint, NULL, J11_LINT_MEDIA_TYPE, NULL, "it is served as \"%s\"", shown);
}

void j11_lint_free(struct j11_lint *lint)
{
	if (lint == NULL)
		return;
	for (size_t i = 0; i < lint->n_keys; i++)
		jwk11_pub_unref(lint->keys[i].pub);
	j11_mem_free(lint->keys);
	j11_mem_free(lint->findings);
	j11_json_free(lint->doc);
	j11_buf_done(&lint->text);
	j11_mem_free(lint);
}
