/* SPDX-License-Identifier: Apache-2.0 */
/* A PIN or a passphrase from the person at the terminal. */
#ifndef ASK_PIN_H
#define ASK_PIN_H

#include "base/secret.h"

/* Asks on the controlling terminal, without echo, whatever stdin and stdout are. A signal that ends or stops us finds the terminal as it was.
 * Errors: LOGIN with code PIN_MISSING (no terminal, end of file, nothing typed), LIMIT. */
enum jwk11_rc ask_pin(const char *prompt, struct j11_secret **ret_pin, struct jwk11_err *err) J11_MUST_USE;
/* The same with the code PASSPHRASE_MISSING. */
enum jwk11_rc ask_passphrase(const char *prompt, struct j11_secret **ret_passphrase, struct jwk11_err *err) J11_MUST_USE;

#endif
