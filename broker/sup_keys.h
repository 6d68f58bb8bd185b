/* SPDX-License-Identifier: Apache-2.0 */
/* Verify-only keys: read by jwk11d-keys, a process that lives as long as that takes. */
#ifndef SUP_KEYS_H
#define SUP_KEYS_H

#include "conf.h"

/* Adds the keys of the files that the configuration names; nothing is started when it names none. `memory`: a memory file of its canonical text. Waits,
 * with a limit: what is read are a few small files. Errors: CONFIG_INVALID with what that process said, or how it ended. */
enum jwk11_rc sup_keys_read(struct conf *conf, int memory, struct jwk11_err *err) J11_MUST_USE;

#endif
