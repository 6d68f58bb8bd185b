/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 complete: what may stand next on a command line, from the rows of the verbs and the keys that are there. The completions of shells ask, while a
 * person types: the broker has two seconds, and what goes wrong is not said. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd.h"
#include "conf.h"
#include "show.h"

enum { PATIENCE = 2, GIVEN_MAX = 8, SPEC_MAX = 64 };

/* The command line before the word that is typed. */
struct line {
	const char *prefix;             /* of the word that is typed */
	const struct cmd_verb *verb;    /* NULL: none yet */
	const struct cmd_option *wants; /* the option whose value comes next; NULL: none does */
	const char *given[GIVEN_MAX];   /* what is no option, behind the verb */
	size_t n_given;
	bool help, unknown, ended, config_given; /* ended: by -- */
	struct cmd_global g;            /* what it says for every verb */
};

static void offer(const struct line *l, const char *word, const char *text)
{
	if (j11_text_starts(word, l->prefix))
		printf("%s\t%s\n", word, text);
}

static void offer_keys_of_config(const struct line *l)
{
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;

	if (conf_load(l->g.config, &conf, NULL) != JWK11_OK)
		return;
	for (size_t i = 0; i < conf->n_keys; i++)
		offer(l, conf->keys[i].name, "key");
}

/* Names out of a list that the broker shows; false when it does not. */
static bool offer_listed(const struct line *l, const char *path, const char *list, const char *what)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	char name[128], detail[64];
	const struct j11_json *all;

	if (show_ask(&l->g, path, &doc, NULL) != JWK11_OK)
		return false;
	all = j11_json_get(j11_json_root(doc), list);
	for (const struct j11_json *one = all ? all->child : NULL; one != NULL; one = one->next) {
		show_member(one, "name", name, sizeof(name));
		show_member(one, what, detail, sizeof(detail));
		offer(l, name, detail);
	}
	return true;
}

/* Verbs that go to the tokens know the configuration's keys, and so does who waits for a broker in vain. */
static void offer_keys(const struct line *l)
{
	bool local = l->g.offline || (l->verb != NULL && l->verb->local);

	if (local || !offer_listed(l, "/v1/keys", "keys", "alg"))
		offer_keys_of_config(l);
}

/* One alternative of what an argument is called: "KEY", "FILE", "compact". */
static void offer_kind(const struct line *l, const char *kind, bool positional)
{
	if (j11_text_equal(kind, "KEY") || (positional && j11_text_equal(kind, "NAME")))
		offer_keys(l);
	else if (j11_text_equal(kind, "TOKEN"))
		(void)offer_listed(l, "/v1/tokens", "tokens", "state");
	else if (j11_text_equal(kind, "FILE") || j11_text_equal(kind, "PATH") || j11_text_equal(kind, "OLD") || j11_text_equal(kind, "PROGRAM"))
		puts(":files");
	else if (j11_text_equal(kind, "DIR"))
		puts(":dirs");
	else if (kind[0] >= 'a' && kind[0] <= 'z')
		offer(l, kind, "");
}

/* "[FILE|-]", "verify|show". */
static void offer_spec(const struct line *l, const char *spec, bool positional)
{
	char kind[SPEC_MAX];

	while (*spec != '\0') {
		size_t len = strcspn(spec, "|[]");

		snprintf(kind, sizeof(kind), "%.*s", (int)len, spec);
		offer_kind(l, kind, positional);
		spec += len + (spec[len] != '\0');
	}
}

/* The word of an alternative at that place; the last one stands again where "..." follows it. "" when there is none. */
static void spec_at(const char *arguments, size_t at, char ret_spec[SPEC_MAX])
{
	ret_spec[0] = '\0';
	for (size_t i = 0; *arguments != '\0' && !j11_text_starts(arguments, "| "); ) {
		size_t len = strcspn(arguments, " ");

		if (j11_text_starts(arguments, "...") && i <= at)
			return;
		snprintf(ret_spec, SPEC_MAX, "%.*s", (int)len, arguments);
		if (i++ == at)
			return;
		arguments += len + (arguments[len] != '\0');
	}
	ret_spec[0] = '\0';
}

static bool is_one_of(const char *spec, const char *word)
{
	while (*spec != '\0') {
		size_t len = strcspn(spec, "|");

		if (len == strlen(word) && strncmp(spec, word, len) == 0)
			return true;
		spec += len + (spec[len] != '\0');
	}
	return false;
}

/* Does what is given fit the fixed words of an alternative ("list [KEY]")? */
static bool fits(const struct line *l, const char *arguments)
{
	char spec[SPEC_MAX];

	for (size_t i = 0; i < l->n_given; i++) {
		spec_at(arguments, i, spec);
		if (spec[0] >= 'a' && spec[0] <= 'z' && !is_one_of(spec, l->given[i]))
			return false;
	}
	return true;
}

static void offer_argument(const struct line *l)
{
	const char *arguments = l->verb->arguments;
	char spec[SPEC_MAX];

	while (arguments != NULL) {
		if (fits(l, arguments)) {
			spec_at(arguments, l->n_given, spec);
			offer_spec(l, spec, true);
		}
		arguments = strstr(arguments, " | ");
		if (arguments != NULL)
			arguments += strlen(" | ");
	}
}

static void offer_rows(const struct line *l, const struct cmd_option *rows, size_t n)
{
	char name[SPEC_MAX];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "--%s", rows[i].name);
		if (rows[i].text != NULL)
			offer(l, name, rows[i].text);
	}
}

static void offer_verbs(const struct line *l)
{
	for (size_t i = 0; cmd_verbs[i] != NULL; i++)
		offer(l, cmd_verbs[i]->name, cmd_verbs[i]->summary);
	if (!l->help)
		offer(l, "help", "a verb's options");
}

static const struct cmd_option *find_row(const struct cmd_option *rows, size_t n, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < n; i++)
		if ((word[1] == '-' && len == strlen(rows[i].name) + 2 && strncmp(word + 2, rows[i].name, len - 2) == 0) ||
			(word[1] != '-' && rows[i].letter != '\0' && word[1] == rows[i].letter && word[2] == '\0'))
			return &rows[i];
	return NULL;
}

static void take_value(struct line *l, const struct cmd_option *row, const char *value)
{
	if (row->place == &cmd_given.socket)
		l->g.socket = value;
	if (row->place == &cmd_given.config) {
		l->g.config = value;
		l->config_given = true;
	}
}

static void read_option(struct line *l, const char *word)
{
	const struct cmd_option *row = l->verb != NULL ? find_row(l->verb->options, l->verb->n_options, word) : NULL;
	const char *equals = strchr(word, '=');

	if (row == NULL)
		row = find_row(cmd_shared_options, cmd_n_shared_options, word);
	if (row == NULL)
		return;
	if (row->place == &cmd_given.offline)
		l->g.offline = true;
	if (row->kind != CMD_FLAG && equals != NULL)
		take_value(l, row, equals + 1);
	else if (row->kind != CMD_FLAG)
		l->wants = row;
}

static void read_word(struct line *l, const char *word)
{
	if (l->wants != NULL) {
		if (j11_text_equal(word, "=")) /* as bash takes --name=value apart */
			return;
		take_value(l, l->wants, word);
		l->wants = NULL;
	} else if (!l->ended && j11_text_equal(word, "--")) {
		l->ended = true;
	} else if (!l->ended && word[0] == '-' && word[1] != '\0') {
		read_option(l, word);
	} else if (l->verb == NULL && !l->help) {
		l->help = j11_text_equal(word, "help");
		for (size_t i = 0; cmd_verbs[i] != NULL; i++)
			if (j11_text_equal(word, cmd_verbs[i]->name))
				l->verb = cmd_verbs[i];
		l->unknown = !l->help && l->verb == NULL;
	} else if (l->n_given < GIVEN_MAX) {
		l->given[l->n_given++] = word;
	}
}

static int run_complete(struct cmd_global *g, int argc, char **argv)
{
	struct line l = { .prefix = argc > 0 ? argv[argc - 1] : "", .g = *g };
	char room[256];

	for (int i = 0; i + 1 < argc; i++)
		read_word(&l, argv[i]);
	if (l.g.socket == g->socket && l.config_given)
		l.g.socket = NULL; /* that of the configuration that is named there */
	cmd_find_socket(&l.g, l.config_given, room);
	l.g.patience = PATIENCE;
	if (l.unknown)
		return CMD_OK;
	if (l.wants != NULL)
		offer_spec(&l, l.wants->argument, false);
	else if (l.prefix[0] == '-' && !l.ended) {
		if (l.verb != NULL)
			offer_rows(&l, l.verb->options, l.verb->n_options);
		offer_rows(&l, cmd_shared_options, cmd_n_shared_options);
	} else if (l.verb == NULL)
		offer_verbs(&l);
	else
		offer_argument(&l);
	return CMD_OK;
}

const struct cmd_verb cmd_complete = { "complete", "-- [WORD ...]", "what may stand next on a command line, for the completions of shells", run_complete, NULL, 0,
	.local = false };
