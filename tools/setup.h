/* SPDX-License-Identifier: Apache-2.0 */
/* What `jwk11 setup` makes a configuration of: a token and its keys, where the PIN comes from, who may sign. Answers are options, or asked for on a terminal. */
#ifndef SETUP_H
#define SETUP_H

#include <sys/types.h>

#include "base/secret.h"
#include "cmd.h"
#include "conf.h"
#include "probe.h"

/* Where the broker gets the PIN from. */
enum setup_pin { SETUP_PIN_UNKNOWN, SETUP_PIN_FILE, SETUP_PIN_CREDENTIAL, SETUP_PIN_LOGIN, SETUP_PIN_PAD, SETUP_PIN_NONE };

enum { SETUP_KEYS = 64, SETUP_TOKENS = 32 };

/* A token that a module shows. */
struct setup_token {
	char module[4096]; /* as the configuration names it */
	struct jwk11_token_info info;
	bool wanted;       /* --token means it, or is not given */
};
/* A key on it. */
struct setup_key {
	char name[65]; /* of its section */
	char label[128], alg[24], kid[JWK11_KID_MAX];
	char id[2 * 64 + 1]; /* hexadecimal */
	bool chosen;
};

struct setup {
	struct cmd_global *g;
	/* options */
	const char *pin_word, *user;
	struct cmd_words keys_wanted;
	bool system, force;
	bool questions;      /* they are asked where an answer is missing: a terminal, and no --yes */
	bool terminal;       /* somebody can be asked */

	/* where to */
	char dir[4096];
	char conf[4200];     /* the file */
	/* what was found and chosen */
	struct setup_token tokens[SETUP_TOKENS];
	size_t n_tokens;
	const struct setup_token *token;
	char name[65];       /* of its section */
	char uri[700];
	enum setup_pin pin;
	char pin_file[4300]; /* absolute; "": none */
	bool pin_is_ours;    /* it is to be written */
	struct setup_key keys[SETUP_KEYS];
	size_t n_keys;
	char owner[128];     /* who may sign */
	uid_t uid;
	struct j11_secret *secret; /* the PIN that was typed, where it is to be written; NULL */
};

/* setup_trial.c: --softhsm. The exit code. */
int setup_trial(const struct cmd_global *g);

/* setup_ask.c: a line from the terminal, which is "" for its default. False: there is none any more. */
bool setup_ask(const char *question, char *room, size_t room_len) J11_MUST_USE;
/* For what is shown before a question. */
void setup_show(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool setup_has_terminal(void);
/* ARGUMENT: an answer is missing and nobody can be asked for it. */
enum jwk11_rc setup_missing(const char *option, const char *what, struct jwk11_err *err);

/* setup_find.c: tokens of all modules, each module in a process of its own; the keys of the chosen one, after a login where that needs one. */
enum jwk11_rc setup_find_tokens(struct setup *s, struct jwk11_err *err) J11_MUST_USE;
enum jwk11_rc setup_find_keys(struct setup *s, struct jwk11_err *err) J11_MUST_USE;

/* setup_write.c: the configuration as text; and all files, each there whole or not at all, after the check that jwk11d makes. */
void setup_text(const struct setup *s, struct jwk11_buf *out);
enum jwk11_rc setup_write(const struct setup *s, struct jwk11_err *err) J11_MUST_USE;

#endif
