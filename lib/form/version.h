/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of a key: the label says from which moment one signs, and every state follows from labels, clock and durations. Pure, so that any
 * number of processes on any number of machines come to the same answer without a word between them. Moments are seconds since 1970. */
#ifndef J11_VERSION_H
#define J11_VERSION_H

#include <stddef.h>

#include "base/text.h"

#define J11_VERSION_STAMP 17 /* octets of "@YYYYMMDDTHHMMSSZ" less the "@", with the NUL */
#define J11_VERSION_MOMENT_MAX 253402300799 /* 9999-12-31T23:59:59Z */
enum { J11_VERSIONS_MAX = 64 }; /* of one key that are looked at; further ones, the oldest, are not */

enum j11_version_state { J11_VERSION_NEXT, J11_VERSION_ACTIVE, J11_VERSION_RETIRING, J11_VERSION_RETIRED };
const char *j11_version_state_name(enum j11_version_state state); /* "next" … */

/* What a label is to the key of this base: BASE itself (moment 0), BASE@YYYYMMDDTHHMMSSZ, BASE@ and something that is no moment, or nothing. */
enum j11_version_label { J11_LABEL_OTHER, J11_LABEL_VERSION, J11_LABEL_MISLEADING };
enum j11_version_label j11_version_read(struct jwk11_view label, struct jwk11_view base, int64_t *ret_moment) J11_MUST_USE;
/* "YYYYMMDDTHHMMSSZ" of a moment from 1970 to 9999. */
void j11_version_stamp(int64_t moment, char ret_stamp[J11_VERSION_STAMP]);
bool j11_version_unstamp(struct jwk11_view stamp, int64_t *ret_moment) J11_MUST_USE;

/* One version. In: moment, and whether it is fit to sign by what never changes (not whether its token happens to be there). Out: its state, and
 * when that ends (INT64_MAX: with no version that is known). */
struct j11_version {
	int64_t moment;
	bool fit;
	enum j11_version_state state;
	int64_t until;
};
/* Settles the states of all versions of one key, sorted by moment. The last one whose moment has come signs; before the first moment the first
 * one does, since nobody else could. A moment that two fit versions claim makes neither active: the one before them goes on. A version is
 * retiring for `overlap` seconds after the next one began. Returns the index of the active one, -1 without any; *ret_due is the next moment at
 * which a state changes (INT64_MAX: none is known). */
long j11_versions_settle(struct j11_version *versions, size_t n, int64_t now, int64_t overlap, int64_t *ret_due);
/* Is it in key sets? */
bool j11_version_is_published(enum j11_version_state state);

#endif
