/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb of jwk11 gets and the few things they share. Commands include this and never each other. */
#ifndef CMD_H
#define CMD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

#ifndef JWK11_SYSCONFDIR
#define JWK11_SYSCONFDIR "/etc"
#endif

/* sysexits.h by name; 1 is a negative result (a signature that does not verify, a doctor that found faults). */
enum cmd_exit {
	CMD_OK = 0, CMD_NEGATIVE = 1, CMD_USAGE = 64, CMD_DATA = 65, CMD_NO_KEY = 66, CMD_UNAVAILABLE = 69, CMD_BUG = 70, CMD_CANNOT_WRITE = 73,
	CMD_TRY_LATER = 75, CMD_PROTOCOL = 76, CMD_DENIED = 77, CMD_CONFIG = 78
};

/* An option that may be repeated: its words, and NULL behind them. 15 of them, 32 of claims and takers. */
#define CMD_MAX_WORDS 32
struct cmd_words {
	const char *word[CMD_MAX_WORDS + 1];
	unsigned n;
};

/* What was given: the options that hold for every verb, and those that several verbs share. */
struct cmd_global {
	const char *socket;   /* --socket, JWK11_SOCKET, or the configuration's run-dir */
	const char *config;   /* --config */
	bool offline, json, help, version;
	unsigned patience;    /* seconds for the broker to answer, set by verbs that must not stand still; 0: without end */
	const char *module, *token, *pin_file; /* --offline without a configuration */
	const char *softhsm, *set, *format, *alg, *digest, *encoding, *output, *jwks, *key_file, *enc, *kid, *diff;
	const char *protected_header, *header, *typ, *cty, *b64, *add, *payload, *from, *expect;
	struct cmd_words also, understand;
	const char *profile, *textfile, *dir, *hook;
	const char *client, *uid, *result, *since, *until, *last, *checkpoint; /* audit */
	struct cmd_words claims, takers;
	long long ttl, leeway, lead, bits;
	bool sign, batch, jwt, raw, flattened, general, detached, jwk, any, strict, rules, x5c, context_pin, refused;
	bool ask_pin, final_try; /* --offline without a configuration: the PIN of a person */
	bool if_due, dry_run, yes; /* rotate, prune */
	bool if_absent; /* import */
	const char *passphrase_file, *label, *to;
	bool configured;         /* login: with the PIN of the configuration */
};

extern struct cmd_global cmd_given;

/* What an option takes, and so what its place is: bool, const char *, long long, long long, struct cmd_words. */
enum cmd_kind { CMD_FLAG, CMD_TEXT, CMD_SECONDS, CMD_NUMBER, CMD_WORDS };

/* An option of a verb. */
struct cmd_option {
	const char *name;
	char letter; /* 0: none */
	enum cmd_kind kind;
	void *place;
	const char *argument; /* what the help calls it; NULL for a flag */
	const char *text;     /* one line; NULL: not in the help, the verb says why it has none */
};
#define CMD_OPTION_OUTPUT { "output", 'o', CMD_TEXT, &cmd_given.output, "FILE", "write the result to this file, which is there whole or not at all" }

/* A verb. Its file says all that there is about it; verbs.c has the list. */
struct cmd_verb {
	const char *name, *arguments, *summary;
	int (*run)(struct cmd_global *g, int argc, char **argv);
	const struct cmd_option *options;
	size_t n_options;
	bool local; /* always goes to the tokens, as others do with --offline */
};

/* verbs.c: all of them, and NULL. */
extern const struct cmd_verb *const cmd_verbs[];
/* What the help says above some of them. */
struct cmd_heading {
	const struct cmd_verb *first;
	const char *text;
};
extern const struct cmd_heading cmd_headings[];
extern const size_t cmd_n_headings;

/* options.c: those that hold for every verb. */
extern const struct cmd_option cmd_shared_options[];
extern const size_t cmd_n_shared_options;
/* The options at the start of argv (verb NULL), or those of a verb anywhere in it; what is left begins at ret_rest, in order. */
int cmd_read_options(const struct cmd_verb *verb, int argc, char **argv, int *ret_rest);

/* jwk11.c: JWK11_SOCKET where no socket is said, else that of a configuration that was named, so that `--config DIR/jwk11.conf` is enough. */
void cmd_find_socket(struct cmd_global *g, bool config_given, char room[256]);

/* help.c: all verbs; one verb. */
void cmd_help(FILE *out);
void cmd_help_verb(const struct cmd_verb *verb, FILE *out);
/* The parts of the verb's manual that its rows say, for scdoc: name, synopsis, options. */
void cmd_help_scdoc(const struct cmd_verb *verb, FILE *out);

/* claims.c: the object that --claim name=value gives. */
enum jwk11_rc cmd_claims(const struct cmd_global *g, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* jwt_batch.c: `jwt --batch`: a JWT for each line; the exit code. */
int cmd_jwt_batch(struct cmd_global *g, int argc, char **argv);

/* show_diff.c: `jwks --diff`: what changed from the set in a file to this one; the exit code. */
int show_diff(const struct cmd_global *g, struct jwk11_view now);

/* exit.c: says what happened on standard error ("jwk11: …", the hint below) and returns the exit code for it. */
int cmd_fail(const struct jwk11_err *err);
/* The same with another exit code. */
int cmd_fail_with(const struct jwk11_err *err, int code);
int cmd_usage(const char *verb, const char *why);
/* The request that failed, for cmd_fail: its identifier ("" when unknown) and the seconds after which the broker says to try again (0: none). */
void cmd_note_request(const char *id, unsigned retry_after);
/* Those seconds. */
unsigned cmd_retry_after(void);
/* The exit code for a code word (KEY_UNKNOWN …), else for the rc. */
int cmd_exit_of(const char *code, enum jwk11_rc rc);

/* io.c: a file's bytes, or standard input's for NULL and "-". */
enum jwk11_rc cmd_read_input(const char *path, size_t max, struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* FILE_FAILED, with the path and what errno says. */
enum jwk11_rc cmd_file_failed(const char *path, struct jwk11_err *err);
bool cmd_is_stdin(const char *path);
/* Without the line ends behind the last line. */
void cmd_drop_line_end(struct jwk11_buf *text);
/* To standard output, or to a file that is there whole or not at all. Adds a newline when `line`. */
enum jwk11_rc cmd_write_output(const char *path, struct jwk11_view data, bool line, struct jwk11_err *err) J11_MUST_USE;
/* One more line of a file, which is made if need be: in one write, and on the disk. What stands before it without a line end gets one. */
enum jwk11_rc cmd_append_line(const char *path, struct jwk11_view line, struct jwk11_err *err) J11_MUST_USE;

/* io.c: SIGINT, SIGTERM and SIGHUP wait until cmd_signals_come: half of what is written to a token should not be left because somebody lost patience.
 * SIGQUIT still ends it. */
void cmd_signals_wait(sigset_t *ret_before);
void cmd_signals_come(const sigset_t *before);

#endif
