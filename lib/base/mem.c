/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation in one place: zeroed, overflow-checked, countable, and able to fail on purpose for tests. */
#include "mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local unsigned long fail_at;
static _Thread_local int fail_sticky;
static _Thread_local unsigned long n_calls;

/* Counts the call; true when a test wants it to fail. */
static int must_fail(void)
{
	n_calls++;
	if (fail_at == 0)
		return 0;
	return n_calls == fail_at || (fail_sticky && n_calls > fail_at);
}

void *j11_mem_new(size_t size)
{
	return must_fail() ? NULL : calloc(1, size ? size : 1);
}

void *j11_mem_new_array(size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		return NULL;
	return j11_mem_new(n * size);
}

void *j11_mem_resize(void *p, size_t size)
{
	return must_fail() ? NULL : realloc(p, size ? size : 1);
}

void j11_mem_free(void *p)
{
	free(p);
}

void j11_mem_wipe(void *p, size_t len)
{
	if (p != NULL && len > 0)
		explicit_bzero(p, len);
}

void *j11_mem_wiping_new(size_t size)
{
	return malloc(size ? size : 1);
}

void *j11_mem_wiping_resize(void *p, size_t size)
{
	size_t old = p != NULL ? malloc_usable_size(p) : 0;
	void *moved = j11_mem_wiping_new(size);

	if (moved == NULL || p == NULL)
		return moved;
	memcpy(moved, p, old < size ? old : size);
	j11_mem_wiping_free(p);
	return moved;
}

void j11_mem_wiping_free(void *p)
{
	j11_mem_wipe(p, p != NULL ? malloc_usable_size(p) : 0);
	free(p);
}

char *j11_mem_dup(const char *s)
{
	return j11_mem_dup_n(s, strlen(s));
}

char *j11_mem_dup_n(const void *data, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		return NULL;
	copy = j11_mem_new(len + 1);
	if (copy != NULL && len > 0)
		memcpy(copy, data, len);
	return copy;
}

void j11_mem_fail_at(unsigned long n, int sticky)
{
	n_calls = 0;
	fail_at = n;
	fail_sticky = sticky;
}

unsigned long j11_mem_count(void)
{
	return n_calls;
}
