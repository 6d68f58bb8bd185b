/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate objects on a token, read one by one. */
#ifndef J11_CERT_H
#define J11_CERT_H

#include "jose/chain.h"
#include "token.h"

/* One object into the heap, or counted there when it is no certificate or is not shown. Errors: DEVICE, ABSENT, MEMORY. */
enum jwk11_rc j11_cert_read(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct jwk11_certs *certs,
	struct jwk11_err *err) J11_MUST_USE;

#endif
