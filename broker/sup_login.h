/* SPDX-License-Identifier: Apache-2.0 */
/* What operators have said about tokens, kept for workers that start later. A PIN is a memory file here: passed on, its page locked, wiped at the
 * end, never read. */
#ifndef SUP_LOGIN_H
#define SUP_LOGIN_H

#include "conf.h"
#include "wire.h"

struct sup_login {
	const char *module; /* of the worker that said so; borrowed from the first configuration */
	char token[WIRE_TOKEN_MAX];
	uint64_t at_us; /* when the operator's request was carried out, by the monotonic clock */
	bool out; /* nobody is to log in */
	int fd;   /* the PIN's; -1: the configured one */
	void *page; /* of the PIN; NULL */
	size_t len;
};
struct sup_logins {
	struct sup_login *all;
	size_t n;
};

/* Takes a worker's LOGIN_SET and fd; `module` stays as long as the table. The entry, borrowed until the next call; NULL: it is refused, older than what stands, or memory is out. `conf`: the tokens there are. */
const struct sup_login *sup_login_take(struct sup_logins *logins, const struct conf *conf, const char *module, const struct wire_msg *msg, int fd);
/* Tells a worker by its control socket: 0, or an errno value. */
int sup_login_send(const struct sup_login *login, int control) J11_MUST_USE;
/* Drops those of tokens that the configuration does not have any more. */
void sup_login_prune(struct sup_logins *logins, const struct conf *conf);
void sup_login_done(struct sup_logins *logins);

#endif
