/* SPDX-License-Identifier: Apache-2.0 */
/* What tests against the mock module share: a folder, a script, the counts, and the way from a context to a signature. */
#ifndef MOCK_TRIAL_H
#define MOCK_TRIAL_H

#include "base/buf.h"
#include "jwk11.h"

/* For cmocka's group: makes the folder with PIN files `pin` (1234) and `wrong` (9999), and takes it away. */
int trial_set_up(void **state);
int trial_tear_down(void **state);
/* The folder's path, with /name. Static storage, three at a time. */
const char *trial_path(const char *name);

/* Writes a file of the folder, mode 0400. */
void trial_write(const char *name, const char *text);
/* Writes the script for the next C_Initialize: a counts line, then the text, in which every $ is the folder. Sets the counts to zero. */
void trial_script(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Calls of a function since the script was written or trial_count_reset; "any" for all; "pin:NAME" for wrong PINs. */
unsigned long trial_count(const char *name);
void trial_count_reset(void);

/* Fails the test with the error's words when rc is not OK. */
void trial_must(enum jwk11_rc rc, const struct jwk11_err *err);

/* A context with the mock loaded, a token t1 opened with the PIN file, and the keys on it. Everything may be NULL after a failure. */
struct trial {
	struct jwk11_context *ctx;
	struct jwk11_token *token;
	struct jwk11_keys *keys;
	struct jwk11_err err;
};
enum jwk11_rc trial_load(struct trial *t, bool keep_state);
enum jwk11_rc trial_open(struct trial *t, const char *pin, unsigned n_sessions);
enum jwk11_rc trial_list(struct trial *t, const char *uri);
/* The three steps with the right PIN, on one session. */
enum jwk11_rc trial_start(struct trial *t);
/* Signs "hello" with the key of this label, by its default algorithm. NOT_FOUND when it is not listed. */
enum jwk11_rc trial_sign(struct trial *t, const char *label);
struct jwk11_key *trial_key(const struct trial *t, const char *label);
void trial_end(struct trial *t);

/* The public half of the private key in this PEM file. Caller unrefs. */
struct jwk11_pub *trial_pub(const char *file);
/* Is its public half the one of the private key in this PEM file? */
bool trial_is_key(const struct jwk11_pub *pub, const char *file);

#endif
