/* SPDX-License-Identifier: Apache-2.0 */
/* What the library says about itself. The other public functions live with what they do. */
#include "jwk11.h"

#ifndef JWK11_VERSION
#define JWK11_VERSION "0.1.0"
#endif

const char *jwk11_version(void)
{
	return JWK11_VERSION;
}
