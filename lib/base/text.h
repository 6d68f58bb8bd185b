/* SPDX-License-Identifier: Apache-2.0 */
/* Text rules shared by all readers: strict UTF-8, decimal numbers, printable escapes, yes/no comparison, RFC 3339 times. */
#ifndef J11_TEXT_H
#define J11_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "attr.h"
#include "buf.h"

bool j11_text_equal(const char *a, const char *b);
bool j11_text_starts(const char *s, const char *prefix);
/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. NUL counts as text here. */
bool j11_text_is_utf8(struct jwk11_view v);
/* Octets of the sequence at p, of which `left` (at least one) are there; 0 when it is none. */
size_t j11_text_utf8_sequence(const unsigned char *p, size_t left);
/* Decimal digits only, no sign, no leading zero (but "0" itself), <= max. */
bool j11_text_to_u64(struct jwk11_view v, uint64_t max, uint64_t *ret_n) J11_MUST_USE;
/* "30", "30s", "10m", "24h", "7d" to seconds. */
bool j11_text_to_seconds(struct jwk11_view v, int64_t max, int64_t *ret_seconds) J11_MUST_USE;
/* Does the whole text match a pattern, in which a "*" stands for any octets or none? */
bool j11_text_matches(struct jwk11_view text, const char *pattern);
/* The same apart from the case of ASCII letters, and of U+017F and U+212A, which some readers take for "s" and "k". */
bool j11_text_folds_to(struct jwk11_view text, const char *word);
bool j11_text_folds_alike(struct jwk11_view a, struct jwk11_view b);
/* Copies for people: control characters, DEL and invalid UTF-8 as \xNN; ends in "…" when longer than room. Always NUL-terminated. */
void j11_text_printable(struct jwk11_view v, char *ret_text, size_t room);
/* Damerau-Levenshtein distance, for "did you mean"; strings above 64 bytes count as far apart. */
unsigned j11_text_distance(const char *a, const char *b);
/* "Did you mean": candidates are offered one after another, `best` is then the nearest to `word`, NULL when none is near. One that begins
 * with the word, or with which the word begins, is nearest. Start with { .word = … }; the strings are borrowed. */
struct j11_nearest {
	const char *word;
	const char *best;
	unsigned distance; /* of best */
};
void j11_nearest_offer(struct j11_nearest *nearest, const char *candidate);
/* "2026-11-23T12:00:00Z". */
void j11_text_time(int64_t unix_seconds, char ret_text[21]);
/* The other way: RFC 3339 with any fraction and offset, or a day alone, which is its beginning in UTC. Milliseconds since 1970. */
bool j11_text_to_time(struct jwk11_view v, int64_t *ret_ms) J11_MUST_USE;

/* Without blanks and tabs at either end, and carriage returns at the end. */
struct jwk11_view j11_text_trim(struct jwk11_view v);

#endif
