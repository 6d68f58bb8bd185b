/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of one process. Between us only: the message is as many 8-octet numbers as there are rows. */
#include "tally.h"

#include <stdatomic.h>
#include <string.h>

#include "wire.h"

static _Atomic uint64_t numbers[TALLY_N_];
static atomic_bool changed;

const struct tally_row *tally_row(enum tally_id id)
{
#define TALLY_ROW_(name, kind, help) { #name, TALLY_##kind, help },
	static const struct tally_row rows[TALLY_N_] = { TALLY_ROWS(TALLY_ROW_) };
#undef TALLY_ROW_

	return &rows[id];
}

void tally_add(enum tally_id id, uint64_t n)
{
	atomic_fetch_add(&numbers[id], n);
	atomic_store(&changed, true);
}

void tally_set(enum tally_id id, uint64_t n)
{
	if (atomic_exchange(&numbers[id], n) != n)
		atomic_store(&changed, true);
}

bool tally_take_change(void)
{
	return atomic_load(&changed) && atomic_exchange(&changed, false);
}

void tally_write(struct jwk11_buf *out)
{
	uint64_t n[TALLY_N_];

	for (unsigned i = 0; i < TALLY_N_; i++)
		n[i] = atomic_load(&numbers[i]);
	wire_begin(out, WIRE_TALLY, 0);
	wire_add(out, WIRE_F_TALLY, (struct jwk11_view){ .data = n, .len = sizeof(n) });
}

bool tally_read(struct jwk11_view field, uint64_t ret_n[TALLY_N_])
{
	if (field.data == NULL || field.len != TALLY_N_ * sizeof(*ret_n))
		return false;
	memcpy(ret_n, field.data, field.len);
	return true;
}
