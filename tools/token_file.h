/* SPDX-License-Identifier: Apache-2.0 */
/* A token in a file that others read while it is replaced: whole, with its mode and owner, or as it was. */
#ifndef TOKEN_FILE_H
#define TOKEN_FILE_H

#include "cmd.h"

#define TOKEN_FILE_MODE 0600 /* of a file that is not there yet */

/* Replaces the file, or makes it. `mode` 0: as it was. Its owner and group stay. Nobody sees a part of it, and a failure leaves the one that is there.
 * Errors: FILE_FAILED, also for what is no regular file (a link would be lost), and when the owner cannot be kept. */
enum jwk11_rc token_file_write(const char *path, struct jwk11_view text, unsigned mode, struct jwk11_err *err) J11_MUST_USE;

#endif
