/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11d, the supervisor: the command line, and from a loaded configuration to the end of the daemon's life. It opens the sockets, starts
 * front and workers, restarts what dies, passes configuration and login turns. It never reads a byte that a client sent. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "log.h"
#include "sandbox.h"
#include "sup_explain.h"
#include "sup_serve.h"

#ifndef JWK11_SYSCONFDIR
#define JWK11_SYSCONFDIR "/etc"
#endif
#ifndef JWK11_VERSION
#define JWK11_VERSION "0.1.0"
#endif

enum { EXIT_USAGE_ = 64, EXIT_BUSY_ = 69, EXIT_BUG_ = 70, EXIT_CREATE_ = 73, EXIT_DENIED_ = 77, EXIT_CONFIG_ = 78 };

static int complain(const struct jwk11_err *err, int code)
{
	fprintf(stderr, "jwk11d: %s\n", err->text);
	if (err->hint[0] != '\0')
		fprintf(stderr, "  %s\n", err->hint);
	return code;
}

static int check_only(const char *path)
{
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	struct jwk11_err err = { 0 };
	size_t n_modules = 0;

	if (sup_conf_check(path, &conf, &err) != JWK11_OK)
		return complain(&err, EXIT_CONFIG_);
	while (conf->modules[n_modules] != NULL)
		n_modules++;
	printf("%s: good: %zu modules, %zu tokens, %zu keys, %zu sets, %zu clients", path, n_modules, conf->n_tokens, conf->n_keys, conf->n_sets,
		conf->n_clients);
	if (conf_wants_verify_only(conf))
		printf(", %zu verify-only keys", conf->n_verify_only);
	printf("\n");
	if (conf->n_clients == 0)
		printf("  no [client] section: nobody may sign\n");
	return EXIT_SUCCESS;
}

static int explain(const char *path, char *const *words)
{
	static const int codes[] = { [SUP_EXPLAIN_YES] = EXIT_SUCCESS, [SUP_EXPLAIN_NO] = EXIT_DENIED_, [SUP_EXPLAIN_USAGE] = EXIT_USAGE_ };
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	struct jwk11_err err = { 0 };
	enum sup_explained answer;

	if (conf_load(path, &conf, &err) != JWK11_OK)
		return complain(&err, EXIT_CONFIG_);
	answer = sup_explain(conf, words, stdout, &err);
	return answer == SUP_EXPLAIN_USAGE ? complain(&err, codes[answer]) : codes[answer];
}

static int serve(struct sup_conf *conf, const struct sup_sock *sock, int signals)
{
	struct sup_notify notify;
	int code;

	if (sandbox_supervisor(conf->first)) {
		sup_notify_open(&notify);
		code = sup_serve(conf, sock, &notify, signals);
		sup_notify_close(&notify);
		return code;
	}
	log_event(LOG_LEVEL_ERROR, "start-failed", "why", "the sandbox could not be set up", "error", strerror(errno), NULL);
	return EXIT_BUG_;
}

static int open_and_serve(struct sup_conf *conf, const struct sup_listen *given)
{
	struct jwk11_err err = { 0 };
	struct sup_sock sock;
	int signals = sup_serve_signals(), code;

	if (signals < 0) {
		j11_err_set(&err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "start: %s", strerror(errno));
		return complain(&err, EXIT_BUG_);
	}
	if (sup_sock_open(conf->first, given, &sock, &err) == JWK11_OK) {
		code = sup_conf_listen(conf, &sock, &err) == JWK11_OK ? serve(conf, &sock, signals) : complain(&err, EXIT_CREATE_);
		sup_sock_close(&sock);
		log_event(LOG_LEVEL_NOTICE, "stopped", NULL);
	} else {
		code = complain(&err, err.rc == JWK11_ERR_BUSY ? EXIT_BUSY_ : err.rc == JWK11_ERR_ARGUMENT ? EXIT_CONFIG_ : EXIT_CREATE_);
	}
	close(signals);
	return code;
}

static int run(const char *path, bool verbose)
{
	struct jwk11_err err = { 0 };
	struct sup_listen given;
	struct sup_conf conf;
	int code;

	log_open("supervisor", verbose ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE);
	sandbox_early();
	if (!sandbox_before_sockets()) {
		j11_err_set(&err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "capabilities cannot be given up: %s", strerror(errno));
		return complain(&err, EXIT_BUG_);
	}
	/* First: a descriptor of ours could take the number of one that is not there. */
	if (sup_listen_take(&given, &err) != JWK11_OK)
		return complain(&err, EXIT_CONFIG_);
	if (sup_conf_open(path, &conf, &err) != JWK11_OK)
		return complain(&err, err.rc == JWK11_ERR_INTERNAL ? EXIT_BUG_ : EXIT_CONFIG_);
	code = open_and_serve(&conf, &given);
	sup_conf_close(&conf);
	return code;
}

static void usage(FILE *out)
{
	fputs("usage: jwk11d [--config FILE] [--check] [-v]\n"
		"       jwk11d [--config FILE] --explain user=NAME|uid=N [gid=N …] [unit=NAME] [executable=PATH] [socket=NAME] [key=NAME op=OP [alg=ALG]]\n"
		"  --config FILE  configuration (default " JWK11_SYSCONFDIR "/jwk11/jwk11.conf)\n"
		"  --check        read the configuration, say what is wrong with it, exit 0 or 78\n"
		"  --explain      say what policy makes of such a caller, without asking a daemon; exit 0 or, for no, 77\n"
		"  -v, --verbose  log starts of processes too\n"
		"  --version, --help\n"
		"Runs in the foreground. SIGHUP reads the configuration again, SIGTERM finishes what is under way and stops.\n", out);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'k' },
		{ "explain", no_argument, NULL, 'e' },
		{ "verbose", no_argument, NULL, 'v' }, { "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	const char *path = JWK11_SYSCONFDIR "/jwk11/jwk11.conf";
	bool check = false, verbose = false, explains = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:vh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'e':
			explains = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'V':
			puts("jwk11d " JWK11_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE_;
		}
	}
	if (explains)
		return explain(path, argv + optind);
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE_;
	}
	return check ? check_only(path) : run(path, verbose);
}
