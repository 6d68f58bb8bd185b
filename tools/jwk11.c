/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11, the command line: options, a verb, its options. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "cmd.h"
#include "conf.h"

void cmd_find_socket(struct cmd_global *g, bool config_given, char room[256])
{
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;

	if (g->socket == NULL)
		g->socket = getenv("JWK11_SOCKET");
	if (g->socket != NULL)
		return;
	g->socket = "/run/jwk11d/api.sock";
	if (!config_given || conf_load(g->config, &conf, NULL) != JWK11_OK)
		return;
	snprintf(room, 256, "%.200s/api.sock", conf->run_dir);
	g->socket = room;
}

/* NULL: it is none, and that has been said. */
static const struct cmd_verb *find_verb(const char *name)
{
	struct j11_nearest nearest = { .word = name };

	for (size_t i = 0; cmd_verbs[i] != NULL; i++) {
		if (j11_text_equal(name, cmd_verbs[i]->name))
			return cmd_verbs[i];
		j11_nearest_offer(&nearest, cmd_verbs[i]->name);
	}
	fprintf(stderr, "jwk11: no verb \"%.32s\"", name);
	if (nearest.best != NULL)
		fprintf(stderr, ". Did you mean %s?", nearest.best);
	fputs("\n  see: jwk11 --help\n", stderr);
	return NULL;
}

/* Whose PIN, and for what. `login` asks for one unless it is told where to find it. */
static int check_pin_options(const struct cmd_global *g, const char *verb)
{
	bool login = j11_text_equal(verb, "login");

	if ((g->module != NULL || g->token != NULL || (g->pin_file != NULL && !login) || g->ask_pin) && !g->offline)
		return cmd_usage(verb, "--module, --token, --pin-file and --ask-pin go with --offline");
	if (g->ask_pin && g->pin_file != NULL)
		return cmd_usage(verb, "--ask-pin and --pin-file exclude each other");
	if (g->final_try && !g->ask_pin && !login)
		return cmd_usage(verb, "--final-try goes with --ask-pin");
	return CMD_OK;
}

/* `help VERB`, with --scdoc for its manual. */
static int run_help(int argc, char **argv)
{
	bool scdoc = argc > 1 && j11_text_equal(argv[1], "--scdoc");
	const struct cmd_verb *verb = argc > 0 ? find_verb(argv[0]) : NULL;

	if (argc == 0)
		cmd_help(stdout);
	else if (verb != NULL && scdoc)
		cmd_help_scdoc(verb, stdout);
	else if (verb != NULL)
		cmd_help_verb(verb, stdout);
	return argc == 0 || verb != NULL ? CMD_OK : CMD_USAGE;
}

/* What is asked of every verb before it runs, or instead. */
static int run_verb(const struct cmd_verb *verb, int argc, char **argv)
{
	struct cmd_global *g = &cmd_given;
	char room[256];
	bool config_given = g->config != NULL;
	int code;

	g->offline |= verb->local;
	code = check_pin_options(g, verb->name);
	if (code != CMD_OK)
		return code;
	if (!config_given)
		g->config = JWK11_SYSCONFDIR "/jwk11/jwk11.conf";
	cmd_find_socket(g, config_given, room);
	return verb->run(g, argc, argv);
}

int main(int argc, char **argv)
{
	const struct cmd_verb *verb = NULL;
	int first, rest = 0, code = cmd_read_options(NULL, argc, argv, &first);

	if (code == CMD_OK && !cmd_given.help && !cmd_given.version && first < argc) {
		if (j11_text_equal(argv[first], "help"))
			return run_help(argc - first - 1, argv + first + 1);
		verb = find_verb(argv[first]);
		code = verb == NULL ? CMD_USAGE : cmd_read_options(verb, argc - first, argv + first, &rest);
	}
	if (code != CMD_OK)
		return code;
	if (cmd_given.version)
		printf("jwk11 %s\n", jwk11_version());
	else if (cmd_given.help && verb != NULL)
		cmd_help_verb(verb, stdout);
	else if (verb == NULL)
		cmd_help(cmd_given.help ? stdout : stderr);
	else
		return run_verb(verb, argc - first - rest, argv + first + rest);
	return cmd_given.help || cmd_given.version ? CMD_OK : CMD_USAGE;
}
