/* SPDX-License-Identifier: Apache-2.0 */
/* Counting failures of a token. */
#include "breaker.h"

void breaker_worked(struct breaker *b)
{
	if (!b->open) /* what began before it opened says nothing about now */
		*b = (struct breaker){ .open = false };
}

void breaker_trip(struct breaker *b)
{
	if (b->open)
		return;
	b->open = true;
	b->failures = 0;
	b->openings++;
}

bool breaker_failed(struct breaker *b)
{
	if (b->open || ++b->failures < BREAKER_FAILURES)
		return false;
	breaker_trip(b);
	return true;
}

void breaker_try(struct breaker *b)
{
	if (b->open)
		b->failures = BREAKER_FAILURES - 1;
	b->open = false;
}

int breaker_wait_ms(const struct breaker *b)
{
	int ms = BREAKER_MIN_MS;

	if (b->openings < 2)
		return 0;
	for (unsigned i = 2; i < b->openings && ms < BREAKER_MAX_MS; i++)
		ms *= 2;
	return ms < BREAKER_MAX_MS ? ms : BREAKER_MAX_MS;
}

bool breaker_is_spent(const struct breaker *b)
{
	return b->open && b->openings > BREAKER_TRIES;
}
