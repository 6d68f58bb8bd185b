/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded PKCS#11 modules and the context that owns them. The only file pair that talks to p11-kit's loader. */
#ifndef J11_P11_H
#define J11_P11_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <sys/types.h>

#include "base/attr.h"
#include "jwk11.h"

/* Newer than the headers of p11-kit 0.24. PKCS#11 3.0. */
#define J11_CKK_EC_EDWARDS 0x40UL
#define J11_CKK_EC_MONTGOMERY 0x41UL
#define J11_CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL
#define J11_CKM_EC_MONTGOMERY_KEY_PAIR_GEN 0x1056UL
#define J11_CKM_EDDSA 0x1057UL
#define J11_CKA_PUBLIC_KEY_INFO 0x129UL
struct j11_eddsa_params { /* CK_EDDSA_PARAMS */
	CK_BBOOL ph;
	CK_ULONG context_len;
	CK_BYTE *context;
};
/* PKCS#11 3.2. */
#define J11_CKK_ML_DSA 0x4aUL
#define J11_CKM_ML_DSA_KEY_PAIR_GEN 0x1cUL
#define J11_CKM_ML_DSA 0x1dUL
#define J11_CKA_PARAMETER_SET 0x61dUL
#define J11_CK_ABSENT (~0UL) /* CK_UNAVAILABLE_INFORMATION */

struct j11_module {
	CK_FUNCTION_LIST *fl;
	char name[128];   /* p11-kit name, or the path it was loaded from */
	char library[80]; /* description and version of CK_INFO */
};

#define J11_PIN_HASH_LEN 32
enum { J11_MAX_MODULES = 32, J11_MAX_REFUSED = 64, J11_MAX_ASKED = 32 };

struct jwk11_context {
	pid_t pid; /* of the process that made it: handles do not survive a fork */
	struct j11_module modules[J11_MAX_MODULES];
	size_t n_modules;
	size_t n_hidden;
	char *state_dir;
	struct jwk11_login_hook hook;
	pthread_mutex_t lock; /* guards what follows; never held across a C_* call */
	unsigned n_open;      /* tokens */
	bool released;        /* the caller has freed it: the last token takes it along */
	CK_TOKEN_INFO asked[J11_MAX_ASKED]; /* whose PIN was asked for on their own pads, without success */
	size_t n_asked;

	pthread_mutex_t login_lock; /* one login at a time; guards what follows, and is held across C_Login */
	bool have_pin_key;
	unsigned char pin_key[32];
	unsigned char refused[J11_MAX_REFUSED][J11_PIN_HASH_LEN]; /* of this process, when there is no state directory */
	enum jwk11_pin_state refused_why[J11_MAX_REFUSED]; /* rejected, locked, expired */
	size_t n_refused;
};

/* ARGUMENT when ctx is NULL or belongs to the process we were forked from. */
enum jwk11_rc j11_p11_check(const struct jwk11_context *ctx, struct jwk11_err *err) J11_MUST_USE;
/* A token more or less that is open in it. */
void j11_p11_hold(struct jwk11_context *ctx);
void j11_p11_drop(struct jwk11_context *ctx);
/* The loaded module with this name or path; NULL. */
const struct j11_module *j11_p11_find(const struct jwk11_context *ctx, const char *name);
/* A blank-padded field of n octets without its padding; NULs at the end count as padding. */
struct jwk11_view j11_p11_padded(const CK_UTF8CHAR *field, size_t n);
/* The same as a string for people: what cannot be printed becomes '?'. */
void j11_p11_field(const CK_UTF8CHAR *field, size_t n, char *ret_text);

#endif
