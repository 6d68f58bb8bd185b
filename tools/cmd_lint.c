/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 lint: what is wrong with a JWK or a JWK set, from a file, standard input or a server behind the socket. Needs no token. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "show_lint.h"

enum { MAX_TAKERS = 64 };

struct wanted {
	const struct j11_taker *takers[MAX_TAKERS];
	size_t n;
	bool all;
};

static int unknown_taker(struct jwk11_view word)
{
	char shown[40];
	struct j11_nearest nearest = { .word = shown };

	j11_text_printable(word, shown, sizeof(shown));
	for (size_t i = 0; j11_taker_at(i) != NULL; i++)
		j11_nearest_offer(&nearest, j11_taker_name(j11_taker_at(i)));
	fprintf(stderr, "jwk11 lint: nobody called \"%s\" is known here", shown);
	fprintf(stderr, nearest.best != NULL ? ". Did you mean %s?\n" : "%s\n", nearest.best != NULL ? nearest.best : "");
	fputs("  see: jwk11 lint --rules\n", stderr);
	return CMD_USAGE;
}

static int add_taker(struct wanted *w, struct jwk11_view word)
{
	const struct j11_taker *taker = j11_taker_find(word);

	if (j11_view_equals(word, "all")) {
		for (w->n = 0; w->n < MAX_TAKERS && j11_taker_at(w->n) != NULL; w->n++)
			w->takers[w->n] = j11_taker_at(w->n);
		w->all = true;
		return CMD_OK;
	}
	if (taker == NULL)
		return unknown_taker(word);
	for (size_t i = 0; i < w->n; i++)
		if (w->takers[i] == taker)
			return CMD_OK;
	w->takers[w->n++] = taker;
	return CMD_OK;
}

/* Names with commas between, in each --for. */
static int read_takers(const struct cmd_global *g, struct wanted *w)
{
	int code = CMD_OK;

	for (unsigned i = 0; i < g->takers.n; i++)
		for (const char *p = g->takers.word[i]; code == CMD_OK;) {
			size_t len = strcspn(p, ",");

			code = add_taker(w, (struct jwk11_view){ p, len });
			if (p[len] == '\0')
				break;
			p += len + 1;
		}
	return code;
}

/* The path to ask for; NULL when the argument is a file. */
static const char *path_of(const char *arg)
{
	static const char host[] = "http://localhost";

	if (j11_text_starts(arg, host) && arg[sizeof(host) - 1] == '/')
		return arg + sizeof(host) - 1;
	return j11_text_starts(arg, "/.well-known/") || j11_text_starts(arg, "/v1/") ? arg : NULL;
}

static bool is_path(const char *path)
{
	for (const unsigned char *p = (const unsigned char *)path; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return true;
}

static enum jwk11_rc from_server(const struct cmd_global *g, const char *path, struct j11_lint **ret_lint, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	enum jwk11_rc rc;

	if (!is_path(path))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "the path holds blanks or other characters no path has");
	rc = ask_broker(g, "GET", path, NULL, NULL, &answer, err);
	if (rc == JWK11_OK)
		rc = j11_lint_run(j11_buf_view(&answer.body), ret_lint, err);
	if (rc == JWK11_OK)
		j11_lint_media_type(*ret_lint, answer.media_type);
	return rc;
}

static enum jwk11_rc from_file(const char *path, struct j11_lint **ret_lint, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(0);
	enum jwk11_rc rc = cmd_read_input(path, J11_LINT_MAX, &text, err);

	return rc == JWK11_OK ? j11_lint_run(j11_buf_view(&text), ret_lint, err) : rc;
}

/* A taker that was named and does not take a key counts as an error; one of "all" does not, since no set suits all. */
static int judge(const struct cmd_global *g, const struct j11_lint *lint, const struct wanted *w)
{
	bool bad = lint->n_severity[J11_LINT_ERROR] > 0 || (g->strict && lint->n_severity[J11_LINT_WARN] > 0);
	struct j11_verdict verdict;

	if (lint->doc == NULL)
		return CMD_DATA;
	for (size_t i = 0; i < lint->n_keys && !w->all; i++)
		for (size_t j = 0; j < w->n && !bad; j++) {
			j11_taker_judge(w->takers[j], lint, &lint->keys[i], &verdict);
			bad = verdict.takes == J11_TAKES_NO || verdict.takes == J11_TAKES_NEVER || (g->strict && verdict.takes == J11_TAKES_WARN);
		}
	return bad ? CMD_NEGATIVE : CMD_OK;
}

static int run_lint(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_lint_free_auto) struct j11_lint *lint = NULL;
	char published[256];
	const char *path = argc > 0 ? path_of(argv[0]) : published;
	struct wanted wanted = { .n = 0 };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;
	int code;

	snprintf(published, sizeof(published), g->set ? "/.well-known/jwks/%.100s.json" : "/.well-known/jwks.json", g->set);
	if (argc > 1)
		return cmd_usage("lint", "takes at most one FILE, - or /PATH");
	if (argc > 0 && path == NULL && (j11_text_starts(argv[0], "https://") || j11_text_starts(argv[0], "http://")))
		return cmd_usage("lint", "does not use the network: curl -s URL | jwk11 lint -");
	code = read_takers(g, &wanted);
	if (code != CMD_OK)
		return code;
	if (g->rules) {
		rc = show_lint_rules(g->json, &err);
		return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
	}
	rc = path != NULL ? from_server(g, path, &lint, &err) : from_file(argv[0], &lint, &err);
	if (rc == JWK11_OK)
		rc = show_lint(lint, wanted.takers, wanted.n, g->json, &err);
	return rc == JWK11_OK ? judge(g, lint, &wanted) : cmd_fail(&err);
}

static const struct cmd_option options[] = {
	{ "for", 0, CMD_WORDS, &cmd_given.takers, "TAKER",
		"whether this taker takes each key, and why not: google, aws, ... or all; with commas between, may stand 32 times" },
	{ "strict", 0, CMD_FLAG, &cmd_given.strict, NULL, "exit 1 for warnings too, and for a taker that may not take a key" },
	{ "set", 0, CMD_TEXT, &cmd_given.set, "NAME", "the broker's set of that name, when there is no argument" },
	{ "rules", 0, CMD_FLAG, &cmd_given.rules, NULL, "list all rules and all takers" },
};

const struct cmd_verb cmd_lint = { "lint", "[FILE|-|/PATH]", "what is wrong with a JWK or JWK set, and who refuses it",
	run_lint, options, J11_COUNT(options), .local = false };
