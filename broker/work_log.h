/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of a worker's tokens and keys. */
#ifndef WORK_LOG_H
#define WORK_LOG_H

#include "work_view.h"

/* Where a view differs from the one before (NULL: there was none). For one worker of each module. */
void work_log_change(const struct work_view *view, const struct work_view *before);

#endif
