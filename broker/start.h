/* SPDX-License-Identifier: Apache-2.0 */
/* What front, jwk11d-grpc and workers do alike before they serve. */
#ifndef START_H
#define START_H

#include "conf.h"

/* When such a process ends is for the supervisor to say. */
void start_signals(void);
/* As many descriptors as it may have. */
void start_descriptors(void);
/* The configuration in a memory file, which stays the caller's. */
enum jwk11_rc start_read_conf(int fd, struct conf **ret_conf, struct jwk11_err *err) J11_MUST_USE;

#endif
