/* SPDX-License-Identifier: Apache-2.0 */
/* A MAC, which only the secret key that made it can check, on its token. */
#ifndef MAC_H
#define MAC_H

#include "cmd.h"

/* With the key that --key names, by the broker or with --offline by the library; by `alg` if that is the key's own (or --alg). Errors: those
 * of POST /v1/keys/{k}/verify, of jwk11_key_verify. */
enum jwk11_rc mac_check(const struct cmd_global *g, const char *alg, struct jwk11_view input, struct jwk11_view mac, struct jwk11_err *err)
	J11_MUST_USE;

#endif
