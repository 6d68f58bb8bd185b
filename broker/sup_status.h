/* SPDX-License-Identifier: Apache-2.0 */
/* What the workers say about the tokens, and the one line about it all that the service manager shows. */
#ifndef SUP_STATUS_H
#define SUP_STATUS_H

#include "conf.h"

struct sup_status_row;

struct sup_status {
	struct sup_status_row *rows; /* one for each token and module that sees it */
	size_t n;
	bool draining;
	char refused[JWK11_TEXT_MAX]; /* why the last reload failed; "": it did not */
	char behind[96];              /* who has not taken the new configuration yet */
};

/* A worker of `module` (borrowed for good) found this token in this state. Names that the configuration does not have are ignored. */
void sup_status_take(struct sup_status *status, const struct conf *conf, const char *module, const char *token, const char *state);
/* "1 of 2 tokens ready; backup: absent". */
void sup_status_write(const struct sup_status *status, const struct conf *conf, struct jwk11_buf *out);
void sup_status_free(struct sup_status *status);

#endif
