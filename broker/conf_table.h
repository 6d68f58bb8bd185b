/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the configuration file. Files conf_*.c only. */
#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include <stdarg.h>
#include <stddef.h>

#include "conf.h"

/* A line that starts with it names the file the lines after it come from: conf_load joins a file and its drop-ins this way. */
#define CONF_FILE_MARK '\f'

/* Those from CONF_N_FILE_SECTIONS on are for the canonical text only. */
enum conf_section {
	CONF_S_DAEMON, CONF_S_TOKEN, CONF_S_KEY, CONF_S_SET, CONF_S_CLIENT, CONF_S_SOCKET, CONF_S_KUBERNETES, CONF_S_VERIFY_ONLY, CONF_N_SECTIONS,
	CONF_N_FILE_SECTIONS = CONF_S_VERIFY_ONLY
};

#define CONF_ROWS_MAX 128

/* Kinds from CONF_LIST on may be repeated. MS: seconds in the file, milliseconds in the struct. RATE: N/s, N/m or N/h in the file, N an hour in
 * the struct. */
enum conf_kind {
	CONF_TEXT, CONF_PATH, CONF_WORD, CONF_PROFILE, CONF_UNSIGNED, CONF_SIZE, CONF_MODE, CONF_MS, CONF_SECONDS, CONF_RATE,
	CONF_LIST, CONF_LINES, CONF_UIDS, CONF_GIDS, CONF_OPS
};

struct conf_row {
	enum conf_section section;
	const char *name;
	enum conf_kind kind;
	size_t offset;
	uint64_t min, max;
	const char *words[8]; /* CONF_WORD: by value, NULL behind the last */
};
extern const struct conf_row conf_rows[]; /* ends with a NULL name; at most CONF_ROWS_MAX */

/* Looks at the whole of it (conf_check.c) and fills in what follows from it. */
enum jwk11_rc conf_check(struct conf *conf, const char *file, struct jwk11_err *err) J11_MUST_USE;
/* The same for the verify-only keys (conf_keys.c). */
enum jwk11_rc conf_check_kubernetes(struct conf *conf, const char *file, struct jwk11_err *err) J11_MUST_USE; /* conf_kubernetes.c */
enum jwk11_rc conf_check_verify_only(const struct conf *conf, const char *file, struct jwk11_err *err) J11_MUST_USE;
const char *conf_section_name(enum conf_section section);
/* Zeroed memory that lives as long as the configuration. */
void *conf_alloc(struct conf *conf, size_t size) J11_MUST_USE;

#endif
