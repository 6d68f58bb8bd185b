/* SPDX-License-Identifier: Apache-2.0 */
/* A file with a private key, read by a process that keeps no copy. */
#ifndef KEY_FILE_H
#define KEY_FILE_H

#include "cmd.h"
#include "jose/priv.h"

/* To be called before anything of libcrypto is used: what it frees is wiped from now on, and this process leaves no core and is read by no other of
 * its user. */
enum jwk11_rc key_file_prepare(struct jwk11_err *err) J11_MUST_USE;
/* The one private key in the file ("-": standard input). A passphrase comes from --passphrase-file, else from the terminal, once. Warns on
 * standard error when others may read the file. Errors: those of j11_priv_read and cmd_read_input, LOGIN (PASSPHRASE_…, PIN_FILE). */
enum jwk11_rc key_file_read(const struct cmd_global *g, const char *path, struct j11_priv **ret_priv, struct jwk11_err *err) J11_MUST_USE;

#endif
