/* SPDX-License-Identifier: Apache-2.0 */
/* Requests from the front, as a worker answers them. */
#ifndef WORK_SERVE_H
#define WORK_SERVE_H

/* A thread that answers one request after the other, of as many as there are threads. Ends the process at the front's end of file. */
void *work_serve_thread(void *unused);

#endif
