/* SPDX-License-Identifier: Apache-2.0 */
/* One token or key of a catalogue, as catalog.c keeps it. */
#ifndef CATALOG_ENTRY_H
#define CATALOG_ENTRY_H

#include "form/version.h"
#include "wire.h"

/* Strings are never NULL; "" when nothing was said. */
struct catalog_token {
	char *name; /* of its [token] section */
	char *state;
	char *label;
	char *manufacturer;
	char *model;
	char *serial;
	char *pin;
	char *library;
	char *text; /* why it is in that state */
};
struct catalog_key {
	char *name;  /* of its [key] section */
	char *state; /* as reported; catalog_key_state tells what holds */
	char *token; /* name of a [token] section */
	char *text;
	char *kid;   /* "" also when its style is none */
	char *alg;
	char *kty;
	char *crv;   /* from the JWK */
	char *label;
	char *id;    /* CKA_ID in hexadecimal */
	char *thumbprint;
	char *jwk;   /* "": no public half was ever seen */
	char *pem;
	char *x5c;   /* JSON array of its certificates, checked by j11_form_is_x5c; "": none */
	char *x5t;
	char *note;  /* about the certificates */
	char *cose;  /* COSE_Key, base64url */
	uint64_t bits;
	uint64_t health;                 /* bits of enum jwk11_health */
	bool unreported;                 /* kept for its public half alone */
	bool outdated;                   /* called something else by now; its module will say what */
	const char *module;              /* where to send work for it; lives as long as the catalogue */
	struct catalog_key *next_kid;    /* another name of the same public key, or the same one in a later module */
	/* Of a version of a key with several. */
	bool is_version;
	bool is_whole;   /* its worker has seen all versions that there are in its module, and says so with other entries of the name too */
	int64_t moment;  /* from which it signs, in seconds since 1970; 0: its label has none */
	enum j11_version_state version_state; /* catalog_settle */
	int64_t until;   /* when that ends; INT64_MAX: nobody knows yet */
	struct catalog_key *next_version; /* of the same name, in the order of j11_versions_settle */
	char *ident;     /* what it is the same by: its name, and of a version its moment and thumbprint */
	const struct catalog_key *rival; /* a different key that another module has for this name; neither is used */
};

/* The text member of a token or key at this offset. */
char **catalog_text_at(void *entry, size_t offset);

/* From a worker's message. A key's JWK is checked: of its kid, and with nothing private in it. */
enum jwk11_rc catalog_token_read(const struct wire_msg *msg, struct catalog_token **ret_token, struct jwk11_err *err);
enum jwk11_rc catalog_key_read(const struct wire_msg *msg, struct catalog_key **ret_key, struct jwk11_err *err);
void catalog_token_free(struct catalog_token *token);
void catalog_key_free(struct catalog_key *key);

/* A key that came without its public half takes over the one it had before (by exchange), unless its state forbids to publish it; a secret key
 * whose token is away takes over its kid and type. */
void catalog_key_keep_public(struct catalog_key *to, struct catalog_key *from);

/* Could it sign, by what does not change with the weather? */
bool catalog_key_is_fit(const struct catalog_key *key);
/* Its state and the reason for it now. Of a version that could be used: which part it has in time. */
const char *catalog_key_state(const struct catalog_key *key);
const char *catalog_key_text(const struct catalog_key *key);
/* A key for MACs: it never has a public half. */
bool catalog_key_is_secret(const struct catalog_key *key);

#endif
