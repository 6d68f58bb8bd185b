/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables: what an object may hold, checked in one place. */
#ifndef J11_JSON_TAKE_H
#define J11_JSON_TAKE_H

#include <stdint.h>

#include "json_read.h"

/* For a member whose type the caller looks at itself. */
#define J11_JSON_ANY J11_N_JSON_

/* One member. `offset` is the place in the caller's struct of: struct jwk11_view (STRING), int64_t (NUMBER: integers only), bool
 * (BOOL), const struct j11_json * (OBJECT, ARRAY, ANY). Members that are absent leave the struct untouched. */
struct j11_json_field {
	const char *name;
	enum j11_json_type type;
	size_t offset;
	bool required;
};

/* Fills `into` from an object. Errors: MEMBER_TYPE (also when obj is no object), MEMBER_MISSING, MEMBER_UNKNOWN (with the names known),
 * unless `lenient`, which ignores unknown members (answers of a newer peer; JWK rule of RFC 7517 section 4). */
enum jwk11_rc j11_json_take(const struct j11_json *obj, const struct j11_json_field *fields, size_t n_fields, bool lenient, const char *what,
	void *into, struct jwk11_err *err) J11_MUST_USE;
/* The text of a number, without a fraction of zeros: 300.0 is the integer 300 (JSON Schema, and whoever writes all numbers as floating point). */
struct jwk11_view j11_json_number(const struct j11_json *value);
/* An integer that fits int64_t, without exponent and without a fraction but zeros; false otherwise. */
bool j11_json_int(const struct j11_json *value, int64_t *ret_n) J11_MUST_USE;
/* Do two objects, either NULL for none, have a member of the same name? */
bool j11_json_shares_a_name(const struct j11_json *a, const struct j11_json *b);

#endif
