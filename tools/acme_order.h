/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate from an ACME server, from order to download (RFC 8555 section 7.4). */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "acme_client.h"
#include "acme_prove.h"
#include "patience.h"

struct acme_wish {
	const struct enroll_key *key; /* whose certificate */
	const struct jwk11_csr *csr;  /* its dns names are what is ordered */
	struct acme_way way;
	struct patience patience;
};
/* The chain as the server sends it, in PEM. Proofs are taken away again whatever happens. */
enum jwk11_rc acme_order(struct acme *acme, struct acme_wish *wish, struct jwk11_buf *ret_chain, struct jwk11_err *err) J11_MUST_USE;

#endif
