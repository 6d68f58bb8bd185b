/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: vector files of tests/vectors as JSON trees, and the loop that makes each allocation fail in turn. */
#ifndef J11_TEST_VECTOR_H
#define J11_TEST_VECTOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/b64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "json/json_read.h"

/* One file: the `raw` views of the tree point into its text. */
struct vector {
	struct jwk11_buf text;
	struct j11_json_doc *doc;
	const struct j11_json *root;
};

/* Reads tests/vectors/NAME; the test fails when it cannot. */
static inline void vector_load(struct vector *v, const char *name)
{
	const char *srcdir = getenv("srcdir");
	struct jwk11_err err = { 0 };
	char path[512], part[4096];
	size_t n;
	FILE *file;

	*v = (struct vector){ .text = J11_BUF(1024 * 1024) };
	snprintf(path, sizeof(path), "%s/tests/vectors/%s", srcdir ? srcdir : ".", name);
	file = fopen(path, "re");
	if (file == NULL)
		fail_msg("%s cannot be opened", path);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		j11_buf_add(&v->text, part, n);
	fclose(file);
	if (j11_json_read(j11_buf_view(&v->text), NULL, name, &v->doc, &err) != JWK11_OK)
		fail_msg("%s: %s", path, err.text);
	v->root = j11_json_root(v->doc);
}

static inline void vector_done(struct vector *v)
{
	j11_json_free(v->doc);
	j11_buf_done(&v->text);
}

/* A string member that must be there. */
static inline struct jwk11_view vector_text(const struct j11_json *obj, const char *name)
{
	const struct j11_json *value = j11_json_get(obj, name);

	if (value == NULL || value->type != J11_JSON_STRING)
		fail_msg("vector without \"%s\"", name);
	return value->text;
}

/* Calls fn(arg) with the 1st, 2nd, … allocation failing until one run needs fewer. fn returns OK or the error of the failed allocation,
 * and leaves nothing behind either way (the sanitizers watch). */
static inline void each_allocation_fails(enum jwk11_rc (*fn)(void *arg), void *arg)
{
	for (unsigned long n = 1; n < 1000; n++) {
		enum jwk11_rc rc;
		bool reached;

		j11_mem_fail_at(n, 0);
		rc = fn(arg);
		reached = j11_mem_count() >= n;
		j11_mem_fail_at(0, 0);
		if (!reached) {
			assert_int_equal(rc, JWK11_OK);
			assert_true(n > 1);
			return;
		}
		if (rc != JWK11_OK && rc != JWK11_ERR_INTERNAL)
			assert_int_equal(rc, JWK11_ERR_MEMORY);
	}
	fail_msg("more than 1000 allocations");
}

#endif
