/* SPDX-License-Identifier: Apache-2.0 */
/* Keys found on a token: the private handle with its proven or likely public half, or a secret key, which has none. */
#ifndef J11_KEY_H
#define J11_KEY_H

#include "mac.h"
#include "obj.h"

/* handle, generation, proven, quarantined and chain are guarded by token->lock; the rest never changes once others have the key. */
struct jwk11_key {
	_Atomic unsigned refs;
	struct jwk11_token *token; /* a reference */
	struct jwk11_pub *pub;     /* a reference; NULL for a secret key */
	struct j11_mac mac;        /* of a secret key */
	enum jwk11_use use;
	j11_mech_set mechanisms; /* for that use: those the token offers and the key allows */
	unsigned health;         /* bits of enum jwk11_health */
	bool wants_pin;          /* CKA_ALWAYS_AUTHENTICATE */
	atomic_bool context_pin; /* and gets it */
	char label[J11_LABEL_MAX + 1]; /* for people */
	unsigned char raw_label[J11_LABEL_MAX], id[J11_ID_MAX];
	size_t raw_label_len, id_len;
	CK_OBJECT_HANDLE handle;
	unsigned generation; /* of the token when the handle was found */
	bool proven;         /* a signature verified since then */
	bool quarantined;    /* a signature did not verify */
	struct jwk11_chain *chain; /* its certificates once they were asked for; then never changed */
	struct jwk11_chain *file_chain; /* those that its file has for it (cert_file.h) */
	char *file_why;                 /* or why it has none; NULL with both: there is no file */
};

/* Finds the key again after a loss: by id and equal public half; a secret key by id, label and attributes, if there is only one such. The
 * caller holds a session. */
enum jwk11_rc j11_key_refind(struct jwk11_key *key, CK_SESSION_HANDLE session, unsigned generation, struct jwk11_err *err) J11_MUST_USE;

#endif
