/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of a text in PEM (RFC 7468). jwk11_pub_from_pem and jwk11_pub_pem of jwk11.h live in pem.c too. */
#ifndef J11_PEM_H
#define J11_PEM_H

#include "base/attr.h"
#include "base/buf.h"

/* One block; both point into the text. */
struct j11_pem_block {
	struct jwk11_view label; /* "PUBLIC KEY" */
	struct jwk11_view body;  /* base64 with its line breaks */
};
/* The first block of *rest, which then is what lies behind it. NOT_FOUND: there is none; SYNTAX: it does not end before another one begins. Text
 * between blocks is passed over (section 2). */
enum jwk11_rc j11_pem_next(struct jwk11_view *rest, struct j11_pem_block *ret_block, struct jwk11_err *err) J11_MUST_USE;

#endif
