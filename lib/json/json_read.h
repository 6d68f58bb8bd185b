/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON (RFC 8259, I-JSON rules) to a bounded tree. yajl does the grammar, this module everything it lets through. */
#ifndef J11_JSON_READ_H
#define J11_JSON_READ_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

enum j11_json_type { J11_JSON_NULL, J11_JSON_BOOL, J11_JSON_NUMBER, J11_JSON_STRING, J11_JSON_ARRAY, J11_JSON_OBJECT, J11_N_JSON_ };

/* A value. Strings and number texts are views into memory that the document owns. Members keep their order. */
struct j11_json {
	enum j11_json_type type;
	bool boolean;
	struct jwk11_view text;        /* STRING: decoded UTF-8; NUMBER: the exact text */
	struct jwk11_view name;        /* in an object: the member's name */
	bool repeated;                 /* in an object: marked for all that have this name; only where keep_repeated lets that pass */
	struct jwk11_view raw;         /* OBJECT and ARRAY: the exact input bytes of this value */
	const struct j11_json *child;  /* ARRAY, OBJECT: first element */
	const struct j11_json *next;   /* the following element of the same parent */
	size_t n_children;
};

struct j11_json_doc; /* owns the tree */

struct j11_json_limits {
	size_t max_len;     /* bytes of input */
	unsigned max_depth; /* nested arrays and objects; the outermost counts 1 */
	size_t max_values;  /* values in the whole tree */
	bool secret;        /* what was read is wiped before its memory goes; the text itself stays the caller's to wipe */
	bool keep_repeated; /* names that appear twice are marked, not refused: for who reports what is wrong, never for who uses the values */
};
extern const struct j11_json_limits j11_json_limits_default; /* 1 MiB, 16, 65536 */

/* Parses exactly one value that fills the input (blanks around it allowed). Refuses: duplicate member names (JSON_DUPLICATE), invalid
 * UTF-8, lone surrogates, U+0000 in any string or name, comments, trailing bytes, BOM, depth and size past the limits (LIMIT).
 * The message gives the byte offset, never the input. `what` names the document ("request body"). Pure: no I/O. */
enum jwk11_rc j11_json_read(struct jwk11_view text, const struct j11_json_limits *limits, const char *what, struct j11_json_doc **ret_doc,
	struct jwk11_err *err) J11_MUST_USE;
const struct j11_json *j11_json_root(const struct j11_json_doc *doc);
void j11_json_free(struct j11_json_doc *doc);
/* Member by exact name; NULL when absent or when obj is not an object. */
const struct j11_json *j11_json_get(const struct j11_json *obj, const char *name);
/* Takes a member out of an object of this document, whose text it stays: what reads the object then does not find it. NULL: there is none. */
const struct j11_json *j11_json_remove(struct j11_json_doc *doc, const struct j11_json *obj, const char *name);
/* "string", "object" …, for messages. */
const char *j11_json_type_name(enum j11_json_type type);

J11_DEFINE_AUTO(struct j11_json_doc, j11_json_free)

#endif
