/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/openapi.json: what this API is, for programs (OpenAPI 3.1). data/openapi.in.json says it, data/openapi.awk adds the problems of broker/problem.c, and
 * the build makes octets of that: nothing is read when it is asked for, and no token is waited for. */
#ifndef FRONT_OPENAPI_H
#define FRONT_OPENAPI_H

#include "front.h"

extern const char *const front_openapi_types[2];
enum front_outcome front_openapi(struct front_request *q);

/* The document: front_openapi_text.c, which the build makes. */
extern const unsigned char front_openapi_text[];
extern const size_t front_openapi_len;

#endif
