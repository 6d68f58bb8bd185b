/* SPDX-License-Identifier: Apache-2.0 */
/* A module, looked at in a process of its own: one that crashes or hangs is something to report, not to suffer. Nothing is logged in. */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>

#include "jwk11.h"

enum { PROBE_TOKENS = 16, PROBE_URIS = 64 };

enum probe_end { PROBE_DONE, PROBE_FAILED, PROBE_CRASHED, PROBE_LATE, PROBE_NONE };

struct probe_token {
	struct jwk11_token_info info;
	uint64_t matches; /* a bit for each of the URIs that were given */
};
/* What it left behind. */
struct probe {
	char module[4096];
	enum probe_end end;
	int signal;            /* CRASHED: which; 0: it ended the process itself */
	struct jwk11_err why;  /* FAILED, and NONE: it could not be looked at */
	char said[200];        /* the last line that it wrote on standard error; "" */
	size_t n_hidden;       /* slots with an uninitialised token */
	size_t n_tokens;
	struct probe_token tokens[PROBE_TOKENS];
};

/* Loads and starts the module (name or path) with these NAME=VALUE lines in its environment and lists its tokens. `uris` ends with NULL; at most
 * PROBE_URIS of them are looked at. To be called before this process has loaded a module or started a thread. */
void probe_module(const char *module, const char *const *environment, const char *const *uris, struct probe *ret_probe);

#endif
