/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of an audit log. Members that are not known here belong to a newer writer and are passed over. */
#include "audit_point.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "json/json_take.h"
#include "json/json_write.h"

void j11_audit_point_write(const struct j11_audit_point *point, struct jwk11_buf *out)
{
	struct j11_json_out o = J11_JSON_OUT(out);

	j11_json_open(&o, NULL, '{');
	j11_json_num(&o, "seq", (int64_t)point->head.seq);
	j11_json_str(&o, "hash", point->head.hash);
	j11_json_num(&o, "records", (int64_t)point->n_records);
	j11_json_view(&o, "first_time", point->first_time);
	j11_json_view(&o, "last_time", point->last_time);
	j11_json_view(&o, "file", point->file);
	j11_json_close(&o);
}

enum jwk11_rc j11_audit_point_read(struct jwk11_view payload, struct j11_audit_head *ret_head, struct jwk11_err *err)
{
	struct told {
		int64_t seq;
		struct jwk11_view hash;
	} told = { .seq = 0 };
	static const struct j11_json_field fields[] = { { "seq", J11_JSON_NUMBER, offsetof(struct told, seq), true },
		{ "hash", J11_JSON_STRING, offsetof(struct told, hash), true } };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = j11_json_read(payload, NULL, "checkpoint", &doc, err);

	if (rc == JWK11_OK)
		rc = j11_json_take(j11_json_root(doc), fields, J11_COUNT(fields), true, "checkpoint", &told, err);
	if (rc != JWK11_OK)
		return rc;
	if (told.seq <= 0 || !j11_audit_is_hash(told.hash))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "checkpoint: its \"seq\" is no number of a record, or its \"hash\" none of 64 digits");
	*ret_head = (struct j11_audit_head){ .seq = (uint64_t)told.seq };
	memcpy(ret_head->hash, told.hash.data, J11_AUDIT_HASH);
	return JWK11_OK;
}
