/* SPDX-License-Identifier: Apache-2.0 */
/* What FetchKeys answers, as one ready protobuf message, and which kids are in it. Rendered in the front, from memory. */
#ifndef FRONT_GRPC_KEYS_H
#define FRONT_GRPC_KEYS_H

#include "front.h"

/* Starts as zeros, ends with front_grpc_keys_done. */
struct front_grpc_keys {
	struct jwk11_buf text;     /* the message */
	const char **kids;         /* of the keys in it that relying parties find, sorted; borrowed from kid_text */
	size_t n_kids;
	struct jwk11_buf kid_text;
	int64_t looked;            /* when a worker last looked at its tokens and all was well; seconds since 1970 */
};

/* Works it out anew for the configuration's set. True: it is another one than before. */
bool front_grpc_keys_render(struct front_grpc_keys *keys, const struct front *front);
/* Is it the kid of a key that is listed, and not kept out of discovery? */
bool front_grpc_keys_has(const struct front_grpc_keys *keys, const char *kid);
void front_grpc_keys_done(struct front_grpc_keys *keys);

#endif
