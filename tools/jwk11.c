/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11, the command line: one table of verbs, one table of options. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd.h"
#include "conf.h"

#ifndef JWK11_SYSCONFDIR
#define JWK11_SYSCONFDIR "/etc"
#endif

static const struct cmd_verb verbs[] = {
	{ "list", "", "keys you may see, with algorithm, state, token and kid", cmd_list },
	{ "jwks", "[KEY…]", "public keys as a JWK set (--set NAME, --format jwk|pem)", cmd_jwks },
	{ "sign", "KEY [FILE|-]", "signature over bytes (--digest HEX, --alg, --encoding jose|der, -o FILE)", cmd_sign },
	{ "jws", "KEY [FILE|-]", "compact JWS over bytes (--header JSON)", cmd_jws },
	{ "jwt", "KEY [FILE|-]", "JWT from claims (--ttl 5m, --claim name=value)", cmd_jwt },
	{ "verify", "[FILE|-]", "check a compact JWS or JWT and print its payload (--jwks FILE, --key FILE, --alg, --leeway)", cmd_verify },
	{ "whoami", "", "who the broker thinks you are and what you may do", cmd_whoami },
	{ "tokens", "", "tokens and their state", cmd_tokens },
	{ "doctor", "", "look for what is wrong and say what to do (--sign makes test signatures)", cmd_doctor },
	{ "setup", "--softhsm DIR", "a trial token with keys es256, rs256 and eddsa, all inside DIR", cmd_setup },
};

enum option_id { OPT_SOCKET = 1, OPT_CONFIG, OPT_OFFLINE, OPT_JSON, OPT_SOFTHSM, OPT_SET, OPT_FORMAT, OPT_ALG, OPT_DIGEST, OPT_ENCODING,
	OPT_HEADER, OPT_JWKS, OPT_KEY, OPT_CLAIM, OPT_TTL, OPT_LEEWAY, OPT_SIGN, OPT_VERSION };

static const struct option options[] = {
	{ "socket", required_argument, NULL, OPT_SOCKET }, { "config", required_argument, NULL, OPT_CONFIG },
	{ "offline", no_argument, NULL, OPT_OFFLINE }, { "json", no_argument, NULL, OPT_JSON },
	{ "softhsm", required_argument, NULL, OPT_SOFTHSM }, { "set", required_argument, NULL, OPT_SET },
	{ "format", required_argument, NULL, OPT_FORMAT }, { "alg", required_argument, NULL, OPT_ALG },
	{ "digest", required_argument, NULL, OPT_DIGEST }, { "encoding", required_argument, NULL, OPT_ENCODING },
	{ "output", required_argument, NULL, 'o' }, { "header", required_argument, NULL, OPT_HEADER },
	{ "jwks", required_argument, NULL, OPT_JWKS }, { "key", required_argument, NULL, OPT_KEY },
	{ "claim", required_argument, NULL, OPT_CLAIM }, { "ttl", required_argument, NULL, OPT_TTL },
	{ "leeway", required_argument, NULL, OPT_LEEWAY }, { "sign", no_argument, NULL, OPT_SIGN },
	{ "version", no_argument, NULL, OPT_VERSION }, { "help", no_argument, NULL, 'h' }, { 0 },
};

static void help(FILE *out)
{
	fputs("usage: jwk11 [--socket PATH] [--config FILE] [--offline] [--json] VERB …\n\n", out);
	for (size_t i = 0; i < J11_COUNT(verbs); i++)
		fprintf(out, "  %-7s %-14s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].summary);
	fputs("\n  --socket PATH   the broker's socket (else JWK11_SOCKET, else the configuration's run-dir, else /run/jwk11d/api.sock)\n"
		"  --config FILE   the broker's configuration (default " JWK11_SYSCONFDIR "/jwk11/jwk11.conf)\n"
		"  --offline       use the tokens directly, without the broker\n"
		"  --json          one JSON document on standard output\n"
		"KEY is a name or a kid; with --offline also a pkcs11: URI.\n", out);
}

static int set_seconds(const char *name, const char *text, long long *place)
{
	int64_t seconds = 0;

	if (!j11_text_to_seconds(j11_view_str(text), INT32_MAX, &seconds))
		return cmd_usage(name, "takes seconds, or a number with s, m, h or d");
	*place = seconds;
	return 0;
}

static int set_option(struct cmd_global *g, int option)
{
	switch (option) {
	case OPT_SOCKET: g->socket = optarg; return 0;
	case OPT_CONFIG: g->config = optarg; return 0;
	case OPT_OFFLINE: g->offline = true; return 0;
	case OPT_JSON: g->json = true; return 0;
	case OPT_SOFTHSM: g->softhsm = optarg; return 0;
	case OPT_SET: g->set = optarg; return 0;
	case OPT_FORMAT: g->format = optarg; return 0;
	case OPT_ALG: g->alg = optarg; return 0;
	case OPT_DIGEST: g->digest = optarg; return 0;
	case OPT_ENCODING: g->encoding = optarg; return 0;
	case OPT_HEADER: g->header = optarg; return 0;
	case OPT_JWKS: g->jwks = optarg; return 0;
	case OPT_KEY: g->key_file = optarg; return 0;
	case OPT_SIGN: g->sign = true; return 0;
	case OPT_TTL: return set_seconds("--ttl", optarg, &g->ttl);
	case OPT_LEEWAY: return set_seconds("--leeway", optarg, &g->leeway);
	case 'o': g->output = optarg; return 0;
	case OPT_CLAIM:
		if (g->n_claims == J11_COUNT(g->claims) || strchr(optarg, '=') == NULL)
			return cmd_usage("--claim", "takes name=value, at most 32 times");
		g->claims[g->n_claims++] = optarg;
		return 0;
	default:
		help(stderr);
		return CMD_USAGE;
	}
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

static int run_verb(struct cmd_global *g, int argc, char **argv)
{
	const char *nearest = NULL;
	unsigned best = 3;

	for (size_t i = 0; i < J11_COUNT(verbs); i++) {
		unsigned distance = j11_text_distance(argv[0], verbs[i].name);

		if (distance == 0)
			return verbs[i].run(g, argc - 1, argv + 1);
		if (distance < best) {
			best = distance;
			nearest = verbs[i].name;
		}
	}
	fprintf(stderr, "jwk11: no verb \"%.32s\"%s%s%s\n  see: jwk11 --help\n", argv[0], nearest ? ". Did you mean " : "", nearest ? nearest : "",
		nearest ? "?" : "");
	return CMD_USAGE;
}

int main(int argc, char **argv)
{
	struct cmd_global g = { 0 };
	char room[256];
	int option, code;

	while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		if (option == 'h') {
			help(stdout);
			return CMD_OK;
		}
		if (option == OPT_VERSION) {
			printf("jwk11 %s\n", jwk11_version());
			return CMD_OK;
		}
		code = set_option(&g, option);
		if (code != 0)
			return code;
	}
	if (optind == argc) {
		help(stderr);
		return CMD_USAGE;
	}
	code = g.config != NULL;
	if (g.config == NULL)
		g.config = JWK11_SYSCONFDIR "/jwk11/jwk11.conf";
	default_socket(&g, code, room);
	return run_verb(&g, argc - optind, argv + optind);
}
