/* SPDX-License-Identifier: Apache-2.0 */
/* Finding keys in a view; of versions, which one signs now. */
#ifndef WORK_VERSION_H
#define WORK_VERSION_H

#include "form/version.h"
#include "work_view.h"

/* By name, else by kid; NULL. Of a key with versions the name is that of the one that signs at this moment (of the first one, which says why, when
 * none does), and a kid that of each. */
const struct work_key *work_version_find(const struct work_view *view, const char *name, int64_t now);
/* May this one sign at this moment? When not, the reason is in *err. */
enum jwk11_rc work_version_check(const struct work_view *view, const struct work_key *key, int64_t now, struct jwk11_err *err) J11_MUST_USE;

#endif
