/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11, the command line: one table of verbs, one table of options. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd.h"
#include "conf.h"

#ifndef JWK11_SYSCONFDIR
#define JWK11_SYSCONFDIR "/etc"
#endif

/* A second line of a summary. */
#define MORE "\n                         "

static const struct cmd_verb verbs[] = {
	{ "list", "", "keys you may see, with algorithm, state, token and kid", cmd_list, false },
	{ "jwks", "[KEY ...]", "public keys as a JWK set (--set NAME, --profile TAKER, --kid STYLE, --x5c, --format jwk|pem|cose)," MORE
		"or what changed (--diff OLD)", cmd_jwks, false },
	{ "lint", "[FILE|-|/PATH]", "what is wrong with a JWK or JWK set, and who refuses it (--for aws|google|…|all, --strict, --rules)", cmd_lint, false },
	{ "sign", "KEY [FILE|-]", "signature over bytes (--digest HEX, --alg, --encoding jose|der, --raw, -o FILE)", cmd_sign, false },
	{ "jws", "KEY [FILE|-]", "JWS over bytes (--flattened, --general, --also KEY, --add FILE; --detached, --b64=false;" MORE
		"--typ, --cty, --protected JSON, --header JSON, --jwk, --x5c)", cmd_jws, false },
	{ "jwt", "KEY [FILE|-]", "JWT from claims (--ttl 5m, --claim name=value, --typ, --protected JSON); also sign --jwt;" MORE
		"--batch: one for each line, which holds an object of claims", cmd_jwt, false },
	{ "verify", "[FILE|-]", "check a JWS or JWT and print its payload (--jwks FILE, --key FILE, for HS256 --key NAME, --alg, --any," MORE
		"--payload FILE, --understand NAME, --leeway)", cmd_verify, false },
	{ "encrypt", "[FILE|-]", "compact JWE to a public key (--key JWK|PEM, or --jwks FILE --kid KID; --alg, --enc A256GCM, --protected)", cmd_encrypt, false },
	{ "decrypt", "KEY [FILE|-]", "content of a JWE, decrypted with a key on the token (-o FILE)", cmd_decrypt, false },
	{ "audit", "verify|show|checkpoint [FILE …]", MORE "is the audit log whole? (--from HASH, --expect HASH: of records that were noted;" MORE
		"--checkpoint FILE --jwks FILE); what is in it (--key, --client, --uid, --result WORD, --refused," MORE
		"--since TIME, --until TIME, --last N); have its head signed (--key NAME, -o FILE)", cmd_audit, false },
	{ "keygen", "NAME", "a key pair on its token (--alg ES256, --bits N for RSA, --dry-run)", cmd_keygen, true },
	{ "import", "NAME FILE|-", "a private key from a file (PEM, JWK) onto its token (--passphrase-file FILE, --kid OLD, --label, --to TOKEN," MORE
		"--if-absent, --dry-run)", cmd_import, true },
	{ "rotate", "NAME", "the next version of a key that has versions (--if-due, --lead 24h, --alg, --bits N, --dry-run)", cmd_rotate, true },
	{ "keys", "NAME", "the versions of a key: which signs, which comes next, until when", cmd_keys, false },
	{ "prune", "NAME [KID ...]", MORE "destroy versions that have retired, or these (--yes: without asking; --dry-run)", cmd_prune, true },
	{ "whoami", "", "who the broker thinks you are and what you may do", cmd_whoami, false },
	{ "tokens", "", "tokens and their state", cmd_tokens, false },
	{ "login", "TOKEN", "log the broker in to a token with a PIN that is asked for here (--pin-file FILE, --configured, --final-try)", cmd_login, false },
	{ "logout", "TOKEN", "have the broker use the token no more, until somebody logs in", cmd_logout, false },
	{ "metrics", "", "the broker's numbers in Prometheus' text format (--textfile FILE for node_exporter)", cmd_metrics, false },
	{ "publish", "", "what is published, as files for a web server or bucket (--dir DIR, --hook PROGRAM when something has changed)", cmd_publish, false },
	{ "doctor", "", "look for what is wrong and say what to do (--sign makes test signatures)", cmd_doctor, false },
	{ "setup", "--softhsm DIR", "a trial token with keys es256, rs256 and eddsa, all inside DIR", cmd_setup, false },
};

/* What an option does with its place in struct cmd_global. */
enum kind { OPT_FLAG, OPT_TEXT, OPT_SECONDS, OPT_NUMBER, OPT_WORDS, OPT_CLAIM, OPT_TAKERS, OPT_HELP, OPT_VERSION };

static const struct {
	const char *name;
	char letter;
	enum kind kind;
	size_t place;
} options[] = {
	{ "add", 0, OPT_TEXT, offsetof(struct cmd_global, add) },
	{ "alg", 0, OPT_TEXT, offsetof(struct cmd_global, alg) },
	{ "also", 0, OPT_WORDS, offsetof(struct cmd_global, also) },
	{ "any", 0, OPT_FLAG, offsetof(struct cmd_global, any) },
	{ "ask-pin", 0, OPT_FLAG, offsetof(struct cmd_global, ask_pin) },
	{ "b64", 0, OPT_TEXT, offsetof(struct cmd_global, b64) },
	{ "batch", 0, OPT_FLAG, offsetof(struct cmd_global, batch) },
	{ "bits", 0, OPT_NUMBER, offsetof(struct cmd_global, bits) },
	{ "checkpoint", 0, OPT_TEXT, offsetof(struct cmd_global, checkpoint) },
	{ "claim", 0, OPT_CLAIM, 0 },
	{ "client", 0, OPT_TEXT, offsetof(struct cmd_global, client) },
	{ "config", 0, OPT_TEXT, offsetof(struct cmd_global, config) },
	{ "configured", 0, OPT_FLAG, offsetof(struct cmd_global, configured) },
	{ "context-pin", 0, OPT_FLAG, offsetof(struct cmd_global, context_pin) },
	{ "cty", 0, OPT_TEXT, offsetof(struct cmd_global, cty) },
	{ "detached", 0, OPT_FLAG, offsetof(struct cmd_global, detached) },
	{ "diff", 0, OPT_TEXT, offsetof(struct cmd_global, diff) },
	{ "digest", 0, OPT_TEXT, offsetof(struct cmd_global, digest) },
	{ "dir", 0, OPT_TEXT, offsetof(struct cmd_global, dir) },
	{ "dry-run", 0, OPT_FLAG, offsetof(struct cmd_global, dry_run) },
	{ "enc", 0, OPT_TEXT, offsetof(struct cmd_global, enc) },
	{ "encoding", 0, OPT_TEXT, offsetof(struct cmd_global, encoding) },
	{ "final-try", 0, OPT_FLAG, offsetof(struct cmd_global, final_try) },
	{ "flattened", 0, OPT_FLAG, offsetof(struct cmd_global, flattened) },
	{ "expect", 0, OPT_TEXT, offsetof(struct cmd_global, expect) },
	{ "for", 0, OPT_TAKERS, 0 },
	{ "format", 0, OPT_TEXT, offsetof(struct cmd_global, format) },
	{ "from", 0, OPT_TEXT, offsetof(struct cmd_global, from) },
	{ "general", 0, OPT_FLAG, offsetof(struct cmd_global, general) },
	{ "header", 0, OPT_TEXT, offsetof(struct cmd_global, header) },
	{ "help", 'h', OPT_HELP, 0 },
	{ "hook", 0, OPT_TEXT, offsetof(struct cmd_global, hook) },
	{ "if-absent", 0, OPT_FLAG, offsetof(struct cmd_global, if_absent) },
	{ "if-due", 0, OPT_FLAG, offsetof(struct cmd_global, if_due) },
	{ "json", 0, OPT_FLAG, offsetof(struct cmd_global, json) },
	{ "jwk", 0, OPT_FLAG, offsetof(struct cmd_global, jwk) },
	{ "jwks", 0, OPT_TEXT, offsetof(struct cmd_global, jwks) },
	{ "jwt", 0, OPT_FLAG, offsetof(struct cmd_global, jwt) },
	{ "key", 0, OPT_TEXT, offsetof(struct cmd_global, key_file) },
	{ "kid", 0, OPT_TEXT, offsetof(struct cmd_global, kid) },
	{ "label", 0, OPT_TEXT, offsetof(struct cmd_global, label) },
	{ "last", 0, OPT_TEXT, offsetof(struct cmd_global, last) },
	{ "lead", 0, OPT_SECONDS, offsetof(struct cmd_global, lead) },
	{ "leeway", 0, OPT_SECONDS, offsetof(struct cmd_global, leeway) },
	{ "module", 0, OPT_TEXT, offsetof(struct cmd_global, module) },
	{ "offline", 0, OPT_FLAG, offsetof(struct cmd_global, offline) },
	{ "output", 'o', OPT_TEXT, offsetof(struct cmd_global, output) },
	{ "passphrase-file", 0, OPT_TEXT, offsetof(struct cmd_global, passphrase_file) },
	{ "payload", 0, OPT_TEXT, offsetof(struct cmd_global, payload) },
	{ "pin-file", 0, OPT_TEXT, offsetof(struct cmd_global, pin_file) },
	{ "profile", 0, OPT_TEXT, offsetof(struct cmd_global, profile) },
	{ "protected", 0, OPT_TEXT, offsetof(struct cmd_global, protected_header) },
	{ "raw", 0, OPT_FLAG, offsetof(struct cmd_global, raw) },
	{ "refused", 0, OPT_FLAG, offsetof(struct cmd_global, refused) },
	{ "result", 0, OPT_TEXT, offsetof(struct cmd_global, result) },
	{ "rules", 0, OPT_FLAG, offsetof(struct cmd_global, rules) },
	{ "set", 0, OPT_TEXT, offsetof(struct cmd_global, set) },
	{ "sign", 0, OPT_FLAG, offsetof(struct cmd_global, sign) },
	{ "since", 0, OPT_TEXT, offsetof(struct cmd_global, since) },
	{ "socket", 0, OPT_TEXT, offsetof(struct cmd_global, socket) },
	{ "softhsm", 0, OPT_TEXT, offsetof(struct cmd_global, softhsm) },
	{ "strict", 0, OPT_FLAG, offsetof(struct cmd_global, strict) },
	{ "textfile", 0, OPT_TEXT, offsetof(struct cmd_global, textfile) },
	{ "to", 0, OPT_TEXT, offsetof(struct cmd_global, to) },
	{ "token", 0, OPT_TEXT, offsetof(struct cmd_global, token) },
	{ "ttl", 0, OPT_SECONDS, offsetof(struct cmd_global, ttl) },
	{ "typ", 0, OPT_TEXT, offsetof(struct cmd_global, typ) },
	{ "uid", 0, OPT_TEXT, offsetof(struct cmd_global, uid) },
	{ "understand", 0, OPT_WORDS, offsetof(struct cmd_global, understand) },
	{ "until", 0, OPT_TEXT, offsetof(struct cmd_global, until) },
	{ "version", 0, OPT_VERSION, 0 },
	{ "x5c", 0, OPT_FLAG, offsetof(struct cmd_global, x5c) },
	{ "yes", 0, OPT_FLAG, offsetof(struct cmd_global, yes) },
};
enum { N_OPTIONS = J11_COUNT(options), FIRST_OPTION = 256 };

static void help(FILE *out)
{
	fputs("usage: jwk11 [--socket PATH] [--config FILE] [--offline] [--json] VERB …\n\n", out);
	for (size_t i = 0; i < J11_COUNT(verbs); i++)
		fprintf(out, "  %-7s %-14s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].summary);
	fputs("\n  --socket PATH   the broker's socket (else JWK11_SOCKET, else the configuration's run-dir, else /run/jwk11d/api.sock)\n"
		"  --config FILE   the broker's configuration (default " JWK11_SYSCONFDIR "/jwk11/jwk11.conf)\n"
		"  --offline       use the tokens directly, without the broker\n"
		"  --module NAME|PATH, --token URI, --pin-file FILE\n"
		"                  with --offline: this module and token, without a configuration\n"
		"  --context-pin   with --offline: send the PIN again for each operation with a key that wants it\n"
		"  --json          one JSON document on standard output\n"
		"KEY is a name or a kid; with --offline also a label or a pkcs11: URI.\n", out);
}

static int set_seconds(const char *name, const char *text, void *place)
{
	int64_t seconds = 0;

	if (!j11_text_to_seconds(j11_view_str(text), INT32_MAX, &seconds))
		return cmd_usage(name, "takes seconds, or a number with s, m, h or d");
	*(long long *)place = seconds;
	return CMD_OK;
}

static int set_number(const char *name, const char *text, void *place)
{
	uint64_t n = 0;

	if (!j11_text_to_u64(j11_view_str(text), INT32_MAX, &n))
		return cmd_usage(name, "takes a number");
	*(long long *)place = (long long)n;
	return CMD_OK;
}

static int add_claim(struct cmd_global *g, const char *text)
{
	if (g->n_claims == J11_COUNT(g->claims) || strchr(text, '=') == NULL)
		return cmd_usage("--claim", "takes name=value, at most 32 times");
	g->claims[g->n_claims++] = text;
	return CMD_OK;
}

static int add_taker(struct cmd_global *g, const char *text)
{
	if (g->n_takers == J11_COUNT(g->takers))
		return cmd_usage("--for", "takes names with commas between, or one name, at most 32 times");
	g->takers[g->n_takers++] = text;
	return CMD_OK;
}

static int add_word(const char *name, struct cmd_words *words)
{
	if (words->n == CMD_MAX_WORDS)
		return cmd_usage(name, "stands at most 15 times");
	words->word[words->n++] = optarg;
	return CMD_OK;
}

/* One option into the struct. OPT_HELP and OPT_VERSION end the program. */
static int set_option(struct cmd_global *g, size_t row)
{
	char *place = (char *)g + options[row].place;

	switch (options[row].kind) {
	case OPT_FLAG:
		*(bool *)(void *)place = true;
		return CMD_OK;
	case OPT_TEXT:
		*(const char **)(void *)place = optarg;
		return CMD_OK;
	case OPT_SECONDS:
		return set_seconds(options[row].name, optarg, place);
	case OPT_NUMBER:
		return set_number(options[row].name, optarg, place);
	case OPT_WORDS:
		return add_word(options[row].name, (struct cmd_words *)(void *)place);
	case OPT_CLAIM:
		return add_claim(g, optarg);
	case OPT_TAKERS:
		return add_taker(g, optarg);
	case OPT_HELP:
		help(stdout);
		exit(CMD_OK);
	case OPT_VERSION:
		printf("jwk11 %s\n", jwk11_version());
		exit(CMD_OK);
	}
	return CMD_BUG;
}

static size_t row_of(int option)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (option == FIRST_OPTION + (int)i || (options[i].letter != 0 && option == options[i].letter))
			return i;
	return N_OPTIONS;
}

static int read_options(struct cmd_global *g, int argc, char **argv)
{
	struct option table[N_OPTIONS + 1] = { 0 };
	int option, code = CMD_OK;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		bool bare = options[i].kind == OPT_FLAG || options[i].kind == OPT_HELP || options[i].kind == OPT_VERSION;

		table[i] = (struct option){ options[i].name, bare ? no_argument : required_argument, NULL, FIRST_OPTION + (int)i };
	}
	while (code == CMD_OK && (option = getopt_long(argc, argv, "o:h", table, NULL)) != -1) {
		size_t row = row_of(option);

		if (row == N_OPTIONS)
			fputs("  see: jwk11 --help\n", stderr);
		code = row == N_OPTIONS ? CMD_USAGE : set_option(g, row);
	}
	return code;
}

/* The socket of a configuration that was named, so that `--config DIR/jwk11.conf` is enough. */
static void default_socket(struct cmd_global *g, bool config_given, char room[256])
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

	for (size_t i = 0; i < J11_COUNT(verbs); i++) {
		if (j11_text_equal(name, verbs[i].name))
			return &verbs[i];
		j11_nearest_offer(&nearest, verbs[i].name);
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
	if (g->configured && !login)
		return cmd_usage(verb, "--configured is for login");
	return CMD_OK;
}

int main(int argc, char **argv)
{
	struct cmd_global g = { 0 };
	const struct cmd_verb *verb;
	bool config_given;
	char room[256];
	int code = read_options(&g, argc, argv);

	if (code != CMD_OK)
		return code;
	if (optind == argc) {
		help(stderr);
		return CMD_USAGE;
	}
	verb = find_verb(argv[optind]);
	if (verb == NULL)
		return CMD_USAGE;
	g.offline |= verb->local;
	code = check_pin_options(&g, verb->name);
	if (code != CMD_OK)
		return code;
	config_given = g.config != NULL;
	if (!config_given)
		g.config = JWK11_SYSCONFDIR "/jwk11/jwk11.conf";
	default_socket(&g, config_given, room);
	return verb->run(&g, argc - optind - 1, argv + optind + 1);
}
