/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 whoami: who the broker thinks the caller is, and what that allows. */
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "base/err.h"
#include "show.h"
#include "table.h"

static enum jwk11_rc print(const struct j11_json *root, struct jwk11_err *err)
{
	const struct passwd *pw = getpwuid(getuid());
	char uid[24], gid[24], pid[24], clients[512], name[128], operations[128], reason[512], tokens[512];
	struct table table = TABLE_HEADED(2, 0);
	const struct j11_json *keys = j11_json_get(root, "keys"), *matches = j11_json_get(root, "matches");

	show_member(root, "uid", uid, sizeof(uid));
	show_member(root, "gid", gid, sizeof(gid));
	show_member(root, "pid", pid, sizeof(pid));
	show_words(root, "clients", clients, sizeof(clients));
	show_member(root, "reason", reason, sizeof(reason));
	printf("you are uid %s (%s), gid %s, pid %s\n", uid, pw ? pw->pw_name : "?", gid, pid);
	if (reason[0] != '\0') {
		printf("%s: you may do nothing here; an administrator can add user = %s to a [client] section\n", reason, pw ? pw->pw_name : "NAME");
		return JWK11_OK;
	}
	printf("client sections that match, first first: %s\n", clients);
	for (const struct j11_json *m = matches ? matches->child : NULL; m != NULL; m = m->next) {
		show_member(m, "client", name, sizeof(name));
		show_member(m, "because", reason, sizeof(reason));
		printf("  [client %s] by %s\n", name, reason);
	}
	show_words(root, "administers", tokens, sizeof(tokens));
	if (tokens[0] != '\0')
		printf("you may log in and out of token: %s\n", tokens);
	putchar('\n');
	table_row(&table, "KEY", "YOU MAY");
	for (const struct j11_json *k = keys ? keys->child : NULL; k != NULL; k = k->next) {
		show_member(k, "name", name, sizeof(name));
		show_words(k, "operations", operations, sizeof(operations));
		table_row(&table, name, operations[0] ? operations : "see it");
	}
	return table_print(&table) ? JWK11_OK : j11_err_memory(err);
}

static int run_whoami(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	(void)argv;
	if (argc != 0)
		return cmd_usage("whoami", "takes no argument");
	rc = show_ask(g, "/v1/whoami", &doc, &err);
	if (rc == JWK11_OK)
		rc = g->json ? show_json("jwk11/whoami/1", j11_json_root(doc), &err) : print(j11_json_root(doc), &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

const struct cmd_verb cmd_whoami = { "whoami", "", "who the broker thinks you are and what you may do", run_whoami, NULL, 0, .local = false };
