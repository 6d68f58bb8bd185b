/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor at work: signals, messages, restarts, reload, drain. */
#ifndef SUP_SERVE_H
#define SUP_SERVE_H

#include "sup_conf.h"
#include "sup_notify.h"
#include "sup_sock.h"

/* Blocks the signals that sup_serve reads, ignores SIGPIPE. A descriptor for sup_serve, or -1. */
int sup_serve_signals(void);
/* Starts front and workers and keeps them running until SIGTERM or SIGINT has been obeyed, and tells the service manager how it goes.
 * Returns the program's exit status. Everything stays the caller's. */
int sup_serve(struct sup_conf *conf, const struct sup_sock *sock, struct sup_notify *notify, int signals);

#endif
