/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 tokens: every token with its state, from the broker or from the modules. */
#include <stdio.h>

#include "base/text.h"
#include "base/err.h"
#include "json/json_write.h"
#include "local.h"
#include "show.h"
#include "table.h"

static enum jwk11_rc print(const struct j11_json *root, struct jwk11_err *err)
{
	char name[128], state[40], pin[24], label[64], serial[40], module[160], reason[JWK11_TEXT_MAX];
	struct table table = TABLE_HEADED(6, 2);
	const struct j11_json *tokens = j11_json_get(root, "tokens");

	table_row(&table, "NAME", "STATE", "PIN", "LABEL", "SERIAL", "MODULE");
	for (const struct j11_json *t = tokens ? tokens->child : NULL; t != NULL; t = t->next) {
		show_member(t, "name", name, sizeof(name));
		show_member(t, "state", state, sizeof(state));
		show_member(t, "pin", pin, sizeof(pin));
		show_member(t, "label", label, sizeof(label));
		show_member(t, "serial", serial, sizeof(serial));
		show_member(t, "module", module, sizeof(module));
		table_row(&table, name, state, pin, label, serial, module);
	}
	if (!table_print(&table))
		return j11_err_memory(err);
	for (const struct j11_json *t = tokens ? tokens->child : NULL; t != NULL; t = t->next) {
		show_member(t, "name", name, sizeof(name));
		show_member(t, "reason", reason, sizeof(reason));
		if (reason[0] != '\0')
			printf("%s: %s\n", name, reason);
	}
	return JWK11_OK;
}

/* Without the broker: what the modules show, configured or not. The same document. */
static bool add_local(const struct jwk11_token_info *info, void *arg)
{
	struct j11_json_out *o = arg;

	j11_json_open(o, NULL, '{');
	j11_json_str(o, "name", info->label);
	j11_json_str(o, "state", "present");
	j11_json_str(o, "label", info->label);
	j11_json_str(o, "manufacturer", info->manufacturer);
	j11_json_str(o, "model", info->model);
	j11_json_str(o, "serial", info->serial);
	j11_json_str(o, "pin", jwk11_pin_state_name(info->pin));
	j11_json_str(o, "library", info->library);
	j11_json_str(o, "module", info->module);
	j11_json_close(o);
	return true;
}

static enum jwk11_rc ask_modules(const struct cmd_global *g, struct j11_json_doc **ret_doc, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(4 * 1024 * 1024);
	struct j11_json_out o = J11_JSON_OUT(&text);
	size_t n_hidden;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc != JWK11_OK)
		return rc;
	j11_json_open(&o, NULL, '{');
	j11_json_open(&o, "tokens", '[');
	rc = jwk11_context_tokens(local_context(local), g->token, add_local, &o, err);
	j11_json_close(&o);
	j11_json_close(&o);
	n_hidden = jwk11_context_n_hidden(local_context(local));
	if (n_hidden > 0)
		fprintf(stderr, "jwk11: %zu slots with an uninitialised token are not shown\n", n_hidden);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&text, "list of tokens", err);
	return rc == JWK11_OK ? j11_json_read(j11_buf_view(&text), NULL, "list of tokens", ret_doc, err) : rc;
}

static int run_tokens(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	(void)argv;
	if (argc != 0)
		return cmd_usage("tokens", "takes no argument");
	rc = g->offline ? ask_modules(g, &doc, &err) : show_ask(g, "/v1/tokens", &doc, &err);
	if (rc == JWK11_OK)
		rc = g->json ? show_json("jwk11/tokens/1", j11_json_root(doc), &err) : print(j11_json_root(doc), &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

const struct cmd_verb cmd_tokens = { "tokens", "", "the tokens and their state", run_tokens, NULL, 0, .local = false };
