/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 whoami and tokens: what the broker says, as it is or in words. */
#include <stdio.h>

#include "ask.h"
#include "base/text.h"
#include "json/json_write.h"

/* The broker's document with the schema in front. */
static int print_json(const char *schema, const struct j11_json *root)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct jwk11_err err = { 0 };

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", schema);
	for (const struct j11_json *m = root->child; m != NULL; m = m->next)
		j11_json_member(&o, m);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, &err) == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

/* A value for people: strings bare, the rest as JSON. */
static void print_value(const struct j11_json *value, const char *indent)
{
	char text[512];

	if (value->type == J11_JSON_OBJECT || value->type == J11_JSON_ARRAY) {
		for (const struct j11_json *m = value->child; m != NULL; m = m->next) {
			printf("\n%s", indent);
			if (value->type == J11_JSON_OBJECT)
				printf("%.*s: ", (int)m->name.len, (const char *)m->name.data);
			print_value(m, value->type == J11_JSON_ARRAY ? indent : "    ");
		}
		return;
	}
	j11_text_printable(value->text, text, sizeof(text));
	fputs(value->type == J11_JSON_BOOL ? (value->boolean ? "yes" : "no") : value->type == J11_JSON_NULL ? "-" : text, stdout);
}

static int show(struct cmd_global *g, const char *path, const char *schema)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { 0 };

	if (ask_broker(g, "GET", path, NULL, NULL, &answer, &err) != JWK11_OK ||
		j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, &err) != JWK11_OK)
		return cmd_fail(&err);
	if (g->json)
		return print_json(schema, j11_json_root(doc));
	for (const struct j11_json *m = j11_json_root(doc)->child; m != NULL; m = m->next) {
		printf("%.*s: ", (int)m->name.len, (const char *)m->name.data);
		print_value(m, "  ");
		putchar('\n');
	}
	return CMD_OK;
}

int cmd_whoami(struct cmd_global *g, int argc, char **argv)
{
	(void)argv;
	return argc ? cmd_usage("whoami", "takes no argument") : show(g, "/v1/whoami", "jwk11/whoami/1");
}

int cmd_tokens(struct cmd_global *g, int argc, char **argv)
{
	(void)argv;
	return argc ? cmd_usage("tokens", "takes no argument") : show(g, "/v1/tokens", "jwk11/tokens/1");
}
