/* SPDX-License-Identifier: Apache-2.0 */
/* Help, and what of the manuals is the same: from the rows of the verbs. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd.h"

enum { WIDTH = 26 };

/* "--name ARGUMENT" or "-o, --name ARGUMENT". */
static void spell(const struct cmd_option *row, char *out, size_t size)
{
	char letter[8] = "";

	if (row->letter != '\0')
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(out, size, "%s--%s%s%s", letter, row->name, row->argument ? " " : "", row->argument ? row->argument : "");
}

static void print_rows(const struct cmd_option *rows, size_t n, FILE *out)
{
	char name[80];

	for (size_t i = 0; i < n; i++) {
		if (rows[i].text == NULL)
			continue;
		spell(&rows[i], name, sizeof(name));
		if (strlen(name) > WIDTH - 2)
			fprintf(out, "  %s\n  %*s%s\n", name, WIDTH, "", rows[i].text);
		else
			fprintf(out, "  %-*s%s\n", WIDTH, name, rows[i].text);
	}
}

static bool has_options(const struct cmd_verb *verb)
{
	for (size_t i = 0; i < verb->n_options; i++)
		if (verb->options[i].text != NULL)
			return true;
	return false;
}

void cmd_help(FILE *out)
{
	fputs("usage: jwk11 VERB [OPTION ...] [ARGUMENT ...]\n", out);
	for (size_t i = 0, next = 0; cmd_verbs[i] != NULL; i++) {
		if (next < cmd_n_headings && cmd_headings[next].first == cmd_verbs[i])
			fprintf(out, "\n%s\n", cmd_headings[next++].text);
		fprintf(out, "  %-12s %s\n", cmd_verbs[i]->name, cmd_verbs[i]->summary);
	}
	fputs("\nOptions of one verb: jwk11 VERB --help. For every verb:\n", out);
	print_rows(cmd_shared_options, cmd_n_shared_options, out);
	fputs("KEY is a name or a kid; with --offline also a label or a pkcs11: URI. FILE is read for the input; without it, or for -, standard input.\n", out);
}

void cmd_help_verb(const struct cmd_verb *verb, FILE *out)
{
	fprintf(out, "usage: jwk11 %s%s%s%s\n%s\n", verb->name, has_options(verb) ? " [OPTION ...]" : "", verb->arguments[0] ? " " : "", verb->arguments,
		verb->summary);
	if (has_options(verb)) {
		fputs("\n", out);
		print_rows(verb->options, verb->n_options, out);
	}
	fprintf(out, "\nOptions of every verb: jwk11 --help. More: man jwk11-%s\n", verb->name);
}

/* What scdoc would take for its own. */
static void plain(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (strchr("_*\\#[]<>|.-+~`", *text) != NULL)
			fputc('\\', out);
		fputc(*text, out);
	}
}

void cmd_help_scdoc(const struct cmd_verb *verb, FILE *out)
{
	fprintf(out, "# NAME\n\njwk11-%s - ", verb->name);
	plain(verb->summary, out);
	fprintf(out, "\n\n# SYNOPSIS\n\n*jwk11 %s*%s", verb->name, has_options(verb) ? " [_OPTION_...]" : "");
	if (verb->arguments[0] != '\0') {
		fputs(" ", out);
		plain(verb->arguments, out);
	}
	fputs("\n\n", out);
	if (!has_options(verb))
		return;
	fputs("# OPTIONS\n\n", out);
	for (size_t i = 0; i < verb->n_options; i++) {
		const struct cmd_option *row = &verb->options[i];

		if (row->text == NULL)
			continue;
		if (row->letter != '\0')
			fprintf(out, "*-%c*, ", row->letter);
		fprintf(out, "*--%s*", row->name);
		if (row->argument != NULL) {
			fputs(" _", out);
			plain(row->argument, out);
			fputs("_", out);
		}
		fputs("\n\t", out);
		plain(row->text, out);
		fputs("\n\n", out);
	}
}
