/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker counts and the front shows in GET /metrics. A new number is one row here and a tally_add where it happens. */
#ifndef TALLY_H
#define TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Name behind "jwk11_" and, for a counter, before "_total"; counter or gauge; help. */
#define TALLY_ROWS(X) \
	X(logins, COUNTER, "Times that a worker had its turn to log in") \
	X(looks, COUNTER, "Times that a worker opened its tokens and looked for its keys") \
	X(module_restarts, COUNTER, "Times that a worker initialised its module again") \
	X(sessions, GAUGE, "Sessions that workers keep open on tokens") \
	X(audit_lost, COUNTER, "Audit records that could not be written")
#define TALLY_ENUM_(name, kind, help) TALLY_##name,
enum tally_id { TALLY_ROWS(TALLY_ENUM_) TALLY_N_ };
#undef TALLY_ENUM_
enum tally_kind { TALLY_COUNTER, TALLY_GAUGE };
struct tally_row {
	const char *name;
	enum tally_kind kind;
	const char *help;
};
const struct tally_row *tally_row(enum tally_id id);

/* Of this process; any thread. */
void tally_add(enum tally_id id, uint64_t n);
void tally_set(enum tally_id id, uint64_t n);
/* True once after each change. */
bool tally_take_change(void);
/* A TALLY message with all numbers into an empty buffer. */
void tally_write(struct jwk11_buf *out);
/* The numbers of such a message's field. False: it is not one. */
bool tally_read(struct jwk11_view field, uint64_t ret_n[TALLY_N_]);

#endif
