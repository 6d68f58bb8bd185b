/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: the state of the front and what workers told it, in the Prometheus text format 0.0.4. From memory, for clients of a [client]
 * section, and of keys only what the client sees. */
#ifndef FRONT_METRICS_H
#define FRONT_METRICS_H

#include "front.h"

enum front_outcome front_metrics(struct front_request *q);

#endif
