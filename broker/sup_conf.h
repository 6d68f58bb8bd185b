/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration in force, as every process gets it: one sealed memory file of canonical text, so that all decide on the same bytes
 * whatever happens to the file on disk. With it what else a new worker is given. */
#ifndef SUP_CONF_H
#define SUP_CONF_H

#include "conf.h"
#include "sup_audit.h"
#include "sup_login.h"
#include "sup_sock.h"

struct sup_conf {
	const char *path;
	struct conf *first;  /* of the start: what sets up sockets and processes is read from here and does not change later */
	struct conf *now;    /* in force; the same as `first` until a reload */
	const struct sup_sock *sock; /* whose addresses go into it; NULL before they are open */
	int memory;          /* canonical text of `now` */
	struct sup_audit audit;
	struct sup_logins logins;
	uint64_t generation; /* 1 at the start, one more with each reload */
};

/* Reads it and what it leads to, as a start would, and no more. */
enum jwk11_rc sup_conf_check(const char *path, struct conf **ret_conf, struct jwk11_err *err) J11_MUST_USE;
/* Borrows path. */
enum jwk11_rc sup_conf_open(const char *path, struct sup_conf *ret_conf, struct jwk11_err *err) J11_MUST_USE;
/* The sockets are open: from now on the configuration says what the kernel calls them. Borrows sock. */
enum jwk11_rc sup_conf_listen(struct sup_conf *conf, const struct sup_sock *sock, struct jwk11_err *err) J11_MUST_USE;
/* Reads the file again. On failure the old configuration stays in force. */
enum jwk11_rc sup_conf_reload(struct sup_conf *conf, struct jwk11_err *err) J11_MUST_USE;
void sup_conf_close(struct sup_conf *conf);

#endif
