/* SPDX-License-Identifier: Apache-2.0 */
/* The only callers of malloc: one place to count and to fail on purpose. */
#ifndef J11_MEM_H
#define J11_MEM_H

#include <stddef.h>

#include "attr.h"

/* Zeroed memory, or NULL. A size of 0 gives a pointer that may be freed. */
void *j11_mem_new(size_t size) J11_MUST_USE;
/* Zeroed array with the multiplication checked. */
void *j11_mem_new_array(size_t n, size_t size) J11_MUST_USE;
/* Like realloc; on failure the old block stays valid. New bytes are not zeroed. */
void *j11_mem_resize(void *p, size_t size) J11_MUST_USE;
void j11_mem_free(void *p);
/* Overwrites in a way the compiler keeps, then nothing else. */
void j11_mem_wipe(void *p, size_t len);
/* For libraries that take an allocator and do not look whether it failed: no failing on purpose. Wiped before it goes, also when it moves. */
void *j11_mem_wiping_new(size_t size) J11_MUST_USE;
void *j11_mem_wiping_resize(void *p, size_t size) J11_MUST_USE;
void j11_mem_wiping_free(void *p);
/* Copy of a string or of len bytes plus a NUL. */
char *j11_mem_dup(const char *s) J11_MUST_USE;
char *j11_mem_dup_n(const void *data, size_t len) J11_MUST_USE;

/* For tests: the n-th allocation from now fails (1 = the next), and all after it too when `sticky`; 0 switches off. Thread-local. */
void j11_mem_fail_at(unsigned long n, int sticky);
/* For tests: allocations by this thread since the last j11_mem_fail_at. */
unsigned long j11_mem_count(void);

static inline void j11_mem_free_auto(void *pp)
{
	j11_mem_free(*(void **)pp);
}

#endif
