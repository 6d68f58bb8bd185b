/* SPDX-License-Identifier: Apache-2.0 */
/* What a process of the daemon gives up, and when. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "conf.h"

/* First thing in every process: no core dumps, not traceable, no new privileges through exec. */
void sandbox_early(void);
/* Supervisor, before it reads anything: no capability but the one that gives a socket to its group. */
bool sandbox_before_sockets(void) J11_MUST_USE;
/* Supervisor, with its sockets open: no capability at all, and a filter that its children inherit (none with worker-allow = all). */
bool sandbox_supervisor(const struct conf *conf) J11_MUST_USE;
/* Front, before its first untrusted byte: no capability, nothing of the file system or the network, only the calls that serve the
 * descriptors it has; anything else ends the process. False: it must not go on. */
bool sandbox_front(void) J11_MUST_USE;
/* jwk11d-keys, once it has read its files: as the front. */
bool sandbox_keys(void) J11_MUST_USE;
/* Child of the supervisor, before it becomes the program at this path, which writes published files: no network, and of the file system only what it takes
 * to start, and the folder. */
bool sandbox_publisher(const struct conf *conf, const char *program, const char *dir) J11_MUST_USE;
/* Worker, before it loads its module and before it has threads: no capability; a filter of what no module needs, and the paths of
 * worker-read and worker-write, as the configuration says. `talk`: log what is not as it could be. */
bool sandbox_worker(const struct conf *conf, bool talk) J11_MUST_USE;

#endif
