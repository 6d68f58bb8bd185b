/* SPDX-License-Identifier: Apache-2.0 */
/* JSON out: members in the order given, no blanks, strings escaped and checked. */
#ifndef J11_JSON_WRITE_H
#define J11_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "json_read.h"

/* Appends to a buffer; failures stick in the buffer. Commas are kept by the writer. Depth at most 16.
 *     struct j11_json_out o = J11_JSON_OUT(buf);
 *     j11_json_open(&o, NULL, '{'); j11_json_str(&o, "kty", "EC"); j11_json_close(&o);                          */
struct j11_json_out {
	struct jwk11_buf *buf;
	unsigned depth;
	bool more[17];   /* a value was written at this depth: a comma comes first */
	char closer[17]; /* what ends this depth */
};
#define J11_JSON_OUT(b) ((struct j11_json_out){ .buf = (b) })

/* `name` is the member's name, or NULL inside an array and at the top. */
void j11_json_open(struct j11_json_out *o, const char *name, char bracket); /* '{' or '[' */
void j11_json_close(struct j11_json_out *o);
void j11_json_str(struct j11_json_out *o, const char *name, const char *value);
void j11_json_view(struct j11_json_out *o, const char *name, struct jwk11_view value); /* invalid UTF-8 octets become U+FFFD */
void j11_json_num(struct j11_json_out *o, const char *name, int64_t value);
void j11_json_boolean(struct j11_json_out *o, const char *name, bool value);
void j11_json_null(struct j11_json_out *o, const char *name);
/* Already valid JSON, copied as it is. */
void j11_json_raw(struct j11_json_out *o, const char *name, struct jwk11_view json);
/* A member of a parsed object with its own name, whatever octets that has. */
void j11_json_member(struct j11_json_out *o, const struct j11_json *member);
/* A parsed value again, numbers with their exact text. */
void j11_json_value(struct j11_json_out *o, const char *name, const struct j11_json *value);

#endif
