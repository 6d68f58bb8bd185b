/* SPDX-License-Identifier: Apache-2.0 */
/* The folders that sets take verify-only keys from: first every octet of them, then what they say, so that a process can give up the file system in between. */
#ifndef KEYS_DIR_H
#define KEYS_DIR_H

#include "conf.h"

struct keys_file {
	const struct conf_set *set; /* borrowed */
	char *path;
	enum conf_yes discovery;
	struct jwk11_buf octets;
};
/* In the order in which their keys are published. */
struct keys_files {
	struct keys_file *list;
	size_t n;
};

/* Reads the files of all sets. Refused (CONFIG_INVALID, NOT_FOUND or LIMIT): what cannot be read, is no plain file, is too much, or what anybody may
 * write to: who writes there makes keys that others trust. */
enum jwk11_rc keys_dir_read(const struct conf *conf, struct keys_files *ret_files, struct jwk11_err *err) J11_MUST_USE;
/* Their keys into the configuration. Pure. */
enum jwk11_rc keys_dir_take(const struct keys_files *files, struct conf *conf, struct jwk11_err *err) J11_MUST_USE;
void keys_dir_done(struct keys_files *files);
/* Both at once. */
enum jwk11_rc keys_dir_load(struct conf *conf, struct jwk11_err *err) J11_MUST_USE;

#endif
