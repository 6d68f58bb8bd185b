/* SPDX-License-Identifier: Apache-2.0 */
/* Records for people. Members that are not known here belong to a newer writer and are passed over. */
#include "audit_entry.h"

#include <stddef.h>

#include "base/err.h"
#include "base/text.h"
#include "json/json_take.h"

enum jwk11_rc j11_audit_entry_read(struct jwk11_view text, const struct j11_audit_line *line, struct j11_audit_entry *ret_entry, struct jwk11_err *err)
{
#define MEMBER(name, type, place) { name, J11_JSON_##type, offsetof(struct j11_audit_entry, place), false }
	static const struct j11_json_field fields[] = {
		{ "time", J11_JSON_STRING, offsetof(struct j11_audit_entry, time), true },
		MEMBER("uid", NUMBER, uid), MEMBER("unit", STRING, unit), MEMBER("client", STRING, client), MEMBER("op", STRING, op), MEMBER("key", STRING, key),
		MEMBER("kid", STRING, kid), MEMBER("alg", STRING, alg), MEMBER("token", STRING, token), MEMBER("decision", STRING, decision), MEMBER("result", STRING, result),
		MEMBER("ckr", STRING, ckr), MEMBER("us", NUMBER, us), MEMBER("octets", NUMBER, n), MEMBER("records", NUMBER, n), MEMBER("known_seq", NUMBER, n),
	};
#undef MEMBER
	struct j11_audit_entry e = { .line = *line, .uid = -1, .us = -1, .n = -1 };
	enum jwk11_rc rc = j11_json_read(text, NULL, "record", &e.doc, err);

	if (rc == JWK11_OK)
		rc = j11_json_take(j11_json_root(e.doc), fields, J11_COUNT(fields), true, "record", &e, err);
	if (rc == JWK11_OK && !j11_text_to_time(e.time, &e.time_ms))
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "record: member \"time\" is not a time of RFC 3339");
	if (rc != JWK11_OK) {
		j11_json_free(e.doc);
		return rc;
	}
	*ret_entry = e;
	return JWK11_OK;
}

void j11_audit_entry_done(struct j11_audit_entry *entry)
{
	j11_json_free(entry->doc);
	entry->doc = NULL;
}

static bool is(struct jwk11_view told, const char *wanted)
{
	return wanted == NULL || (told.len > 0 && j11_view_equals(told, wanted));
}

bool j11_audit_entry_is(const struct j11_audit_entry *entry, const struct j11_audit_wanted *wanted)
{
	if (entry->time_ms < wanted->since_ms || entry->time_ms > wanted->until_ms)
		return false;
	if (wanted->uid >= 0 && entry->uid != wanted->uid)
		return false;
	if (wanted->refused && (entry->decision.len == 0 || j11_view_equals(entry->decision, "allowed")))
		return false;
	return is(entry->client, wanted->client) && is(entry->result, wanted->result) && (is(entry->key, wanted->key) || is(entry->kid, wanted->key));
}

bool j11_audit_moment(struct jwk11_view text, int64_t now_ms, int64_t *ret_ms)
{
	int64_t seconds;

	if (j11_text_to_time(text, ret_ms))
		return true;
	if (!j11_text_to_seconds(text, INT32_MAX, &seconds))
		return false;
	*ret_ms = now_ms - seconds * 1000;
	return true;
}
