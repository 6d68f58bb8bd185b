/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the command line into their places, by the rows that say what they are. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd.h"

enum { FIRST_OPTION = 256, OPTIONS_MAX = 64, WORDS_MAX = 15 };

struct cmd_global cmd_given;

const struct cmd_option cmd_shared_options[] = {
	{ "socket", 0, CMD_TEXT, &cmd_given.socket, "PATH", "the broker's socket (else JWK11_SOCKET, else the configuration's run-dir, else /run/jwk11d/api.sock)" },
	{ "config", 0, CMD_TEXT, &cmd_given.config, "FILE", "the broker's configuration (default " JWK11_SYSCONFDIR "/jwk11/jwk11.conf)" },
	{ "offline", 0, CMD_FLAG, &cmd_given.offline, NULL, "use the tokens directly, without the broker" },
	{ "module", 0, CMD_TEXT, &cmd_given.module, "NAME|PATH", "with --offline: this module, without a configuration" },
	{ "token", 0, CMD_TEXT, &cmd_given.token, "URI", "with --offline: this token, without a configuration" },
	{ "pin-file", 0, CMD_TEXT, &cmd_given.pin_file, "FILE", "with --offline, or login: the PIN is in this file, which nobody else may read" },
	{ "ask-pin", 0, CMD_FLAG, &cmd_given.ask_pin, NULL, "with --offline: the PIN is asked for on the terminal" },
	{ "final-try", 0, CMD_FLAG, &cmd_given.final_try, NULL, "with --ask-pin, or login: send the PIN although one try is left" },
	{ "context-pin", 0, CMD_FLAG, &cmd_given.context_pin, NULL, "with --offline: send the PIN again for each operation with a key that wants it" },
	{ "json", 0, CMD_FLAG, &cmd_given.json, NULL, "one JSON document on standard output" },
	{ "help", 'h', CMD_FLAG, &cmd_given.help, NULL, "the verbs; behind a verb, its options" },
	{ "version", 0, CMD_FLAG, &cmd_given.version, NULL, "the version" },
};
const size_t cmd_n_shared_options = J11_COUNT(cmd_shared_options);

/* Of one reading: rows by what getopt calls them. */
struct reading {
	const struct cmd_verb *verb;
	const struct cmd_option *rows[OPTIONS_MAX];
	struct option table[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
	size_t n, n_letters;
};

static void add_rows(struct reading *r, const struct cmd_option *rows, size_t n)
{
	for (size_t i = 0; i < n && r->n < OPTIONS_MAX; i++, r->n++) {
		bool bare = rows[i].kind == CMD_FLAG;

		r->rows[r->n] = &rows[i];
		r->table[r->n] = (struct option){ rows[i].name, bare ? no_argument : required_argument, NULL, FIRST_OPTION + (int)r->n };
		if (rows[i].letter != '\0')
			r->letters[r->n_letters++] = rows[i].letter;
		if (rows[i].letter != '\0' && !bare)
			r->letters[r->n_letters++] = ':';
	}
}

static const struct cmd_option *row_of(const struct reading *r, int option)
{
	for (size_t i = 0; i < r->n; i++)
		if (option == FIRST_OPTION + (int)i || (r->rows[i]->letter != '\0' && option == r->rows[i]->letter))
			return r->rows[i];
	return NULL;
}

static int wants(const struct cmd_option *row, const char *what)
{
	fprintf(stderr, "jwk11: --%s takes %s\n  see: jwk11 --help\n", row->name, what);
	return CMD_USAGE;
}

static int add_word(const struct cmd_option *row, const char *text)
{
	struct cmd_words *words = row->place;
	unsigned most = words == &cmd_given.claims || words == &cmd_given.takers ? CMD_MAX_WORDS : WORDS_MAX;

	if (words->n == most) {
		fprintf(stderr, "jwk11: --%s stands at most %u times\n  see: jwk11 --help\n", row->name, most);
		return CMD_USAGE;
	}
	words->word[words->n++] = text;
	return CMD_OK;
}

static int set_option(const struct cmd_option *row, const char *text)
{
	int64_t seconds = 0;
	uint64_t number = 0;

	switch (row->kind) {
	case CMD_FLAG:
		*(bool *)row->place = true;
		return CMD_OK;
	case CMD_TEXT:
		*(const char **)row->place = text;
		return CMD_OK;
	case CMD_SECONDS:
		if (!j11_text_to_seconds(j11_view_str(text), INT32_MAX, &seconds))
			return wants(row, "seconds, or a number with s, m, h or d");
		*(long long *)row->place = seconds;
		return CMD_OK;
	case CMD_NUMBER:
		if (!j11_text_to_u64(j11_view_str(text), INT32_MAX, &number))
			return wants(row, "a number");
		*(long long *)row->place = (long long)number;
		return CMD_OK;
	case CMD_WORDS:
		return add_word(row, text);
	}
	return CMD_BUG;
}

/* The rest of what a verb of that name would take: said in place of "unrecognized option". */
static bool is_somebodys(const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t v = 0; cmd_verbs[v] != NULL; v++)
		for (size_t i = 0; i < cmd_verbs[v]->n_options; i++)
			if (len == strlen(cmd_verbs[v]->options[i].name) + 2 && strncmp(word + 2, cmd_verbs[v]->options[i].name, len - 2) == 0)
				return true;
	return false;
}

static int unknown(const struct reading *r, const char *word)
{
	struct j11_nearest nearest = { .word = word };
	char name[40];

	if (!j11_text_starts(word, "--")) {
		fprintf(stderr, "jwk11: no option \"%.40s\"", word);
	} else if (r->verb == NULL && is_somebodys(word)) {
		fprintf(stderr, "jwk11: %.40s belongs to a verb, and stands behind it", word);
	} else {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
		nearest.word = name;
		for (size_t i = 0; i < r->n; i++)
			if (r->rows[i]->text != NULL)
				j11_nearest_offer(&nearest, r->rows[i]->name);
		fprintf(stderr, "jwk11%s%s: takes no --%s", r->verb ? " " : "", r->verb ? r->verb->name : "", name);
		if (nearest.best != NULL)
			fprintf(stderr, ". Did you mean --%s?", nearest.best);
	}
	fprintf(stderr, "\n  see: jwk11%s%s --help\n", r->verb ? " " : "", r->verb ? r->verb->name : "");
	return CMD_USAGE;
}

int cmd_read_options(const struct cmd_verb *verb, int argc, char **argv, int *ret_rest)
{
	/* ':' has getopt tell a missing argument from an unknown option; '+' stops at the verb. */
	struct reading r = { .verb = verb, .letters = "+:", .n_letters = 2 };
	int option, code = CMD_OK;

	if (verb != NULL) {
		r.letters[0] = ':';
		add_rows(&r, verb->options, verb->n_options);
	}
	add_rows(&r, cmd_shared_options, cmd_n_shared_options);
	optind = 0; /* GNU: begin anew */
	opterr = 0;
	while (code == CMD_OK && (option = getopt_long(argc, argv, r.letters, r.table, NULL)) != -1) {
		const struct cmd_option *row = row_of(&r, option == ':' ? optopt : option);

		if (row == NULL)
			code = unknown(&r, argv[optind - 1]);
		else if (option == ':')
			code = wants(row, row->argument);
		else
			code = set_option(row, optarg);
	}
	*ret_rest = optind;
	return code;
}
