/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb of jwk11 gets and the few things they share. Commands include this and never each other. */
#ifndef CMD_H
#define CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"

/* sysexits.h by name; 1 is a negative result (a signature that does not verify, a doctor that found faults). */
enum cmd_exit {
	CMD_OK = 0, CMD_NEGATIVE = 1, CMD_USAGE = 64, CMD_DATA = 65, CMD_NO_KEY = 66, CMD_UNAVAILABLE = 69, CMD_BUG = 70, CMD_CANNOT_WRITE = 73,
	CMD_TRY_LATER = 75, CMD_PROTOCOL = 76, CMD_DENIED = 77, CMD_CONFIG = 78
};

/* The options that hold for every verb. */
struct cmd_global {
	const char *socket;   /* --socket, JWK11_SOCKET, or the configuration's run-dir */
	const char *config;   /* --config */
	bool offline, json;
	const char *softhsm, *set, *format, *alg, *digest, *encoding, *output, *header, *jwks, *key_file;
	const char *claims[32];
	unsigned n_claims;
	long long ttl, leeway;
	bool sign;
};

/* A row of the verb table. */
struct cmd_verb {
	const char *name, *arguments, *summary;
	int (*run)(struct cmd_global *g, int argc, char **argv);
};

int cmd_list(struct cmd_global *g, int argc, char **argv);
int cmd_jwks(struct cmd_global *g, int argc, char **argv);
int cmd_sign(struct cmd_global *g, int argc, char **argv);
int cmd_jws(struct cmd_global *g, int argc, char **argv);
int cmd_jwt(struct cmd_global *g, int argc, char **argv);
int cmd_verify(struct cmd_global *g, int argc, char **argv);
int cmd_whoami(struct cmd_global *g, int argc, char **argv);
int cmd_tokens(struct cmd_global *g, int argc, char **argv);
int cmd_doctor(struct cmd_global *g, int argc, char **argv);
int cmd_setup(struct cmd_global *g, int argc, char **argv);

/* exit.c: says what happened on standard error ("jwk11: …", the hint below) and returns the exit code for it. */
int cmd_fail(const struct jwk11_err *err);
int cmd_usage(const char *verb, const char *why);
/* The exit code for a code word (KEY_UNKNOWN …), else for the rc. */
int cmd_exit_of(const char *code, enum jwk11_rc rc);

/* io.c: a file's bytes, or standard input's for NULL and "-". */
enum jwk11_rc cmd_read_input(const char *path, size_t max, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* To standard output, or to a file that is there whole or not at all. Adds a newline when `line`. */
enum jwk11_rc cmd_write_output(const char *path, struct jwk11_view data, bool line, struct jwk11_err *err) J11_MUST_USE;

#endif
