/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs that only show something have in common. */
#include "show.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_write.h"
#include "table.h"

void show_member(const struct j11_json *object, const char *name, char *room, size_t room_len)
{
	const struct j11_json *m = j11_json_get(object, name);

	room[0] = '\0';
	if (m != NULL && (m->type == J11_JSON_STRING || m->type == J11_JSON_NUMBER))
		j11_text_printable(m->text, room, room_len);
}

void show_words(const struct j11_json *object, const char *name, char *room, size_t room_len)
{
	const struct j11_json *list = j11_json_get(object, name);
	size_t used = 0;

	room[0] = '\0';
	for (const struct j11_json *w = list ? list->child : NULL; w != NULL && used + 2 < room_len; w = w->next) {
		if (w->type != J11_JSON_STRING)
			continue;
		if (used > 0)
			room[used++] = ' ';
		j11_text_printable(w->text, room + used, room_len - used);
		used += strlen(room + used);
	}
}

enum jwk11_rc show_ask(const struct cmd_global *g, const char *path, struct j11_json_doc **ret_doc, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	enum jwk11_rc rc = ask_broker(g, "GET", path, NULL, NULL, &answer, err);

	return rc == JWK11_OK ? j11_json_read(j11_buf_view(&answer.body), NULL, "answer", ret_doc, err) : rc;
}

enum jwk11_rc show_json(const char *schema, const struct j11_json *root, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", schema);
	for (const struct j11_json *m = root->child; m != NULL; m = m->next)
		j11_json_member(&o, m);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

int show_list(const struct cmd_global *g, enum jwk11_rc rc, const struct jwk11_buf *json, struct table *table, struct jwk11_err *err)
{
	if (rc == JWK11_OK && g->json)
		rc = cmd_write_output(NULL, j11_buf_view(json), true, err);
	else if (rc == JWK11_OK && !table_print(table))
		rc = j11_err_memory(err);
	j11_buf_done(&table->cells);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(err);
}
