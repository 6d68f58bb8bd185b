/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's world: what the script said, what happened since. Everything below is guarded by one lock, taken by mock_enter. */
#ifndef MOCK_H
#define MOCK_H

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

#include "counts.h"

/* Newer than PKCS#11 2.40; 3.0 and 3.2. */
#define MOCK_CKK_EC_EDWARDS 0x40UL
#define MOCK_CKK_EC_MONTGOMERY 0x41UL
#define MOCK_CKK_ML_DSA 0x4aUL
#define MOCK_CKA_PUBLIC_KEY_INFO 0x129UL
#define MOCK_CKA_PARAMETER_SET 0x61dUL
#define MOCK_CKM_ML_DSA 0x1dUL
#define MOCK_CKM_EDDSA 0x1057UL

#define MOCK_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MOCK_UNAVAILABLE (~0UL)

/* Every function of CK_FUNCTION_LIST, in its order. */
#define MOCK_FUNCTIONS(X) \
	X(C_Initialize) X(C_Finalize) X(C_GetInfo) X(C_GetFunctionList) X(C_GetSlotList) X(C_GetSlotInfo) X(C_GetTokenInfo) \
	X(C_GetMechanismList) X(C_GetMechanismInfo) X(C_InitToken) X(C_InitPIN) X(C_SetPIN) X(C_OpenSession) X(C_CloseSession) \
	X(C_CloseAllSessions) X(C_GetSessionInfo) X(C_GetOperationState) X(C_SetOperationState) X(C_Login) X(C_Logout) X(C_CreateObject) \
	X(C_CopyObject) X(C_DestroyObject) X(C_GetObjectSize) X(C_GetAttributeValue) X(C_SetAttributeValue) X(C_FindObjectsInit) \
	X(C_FindObjects) X(C_FindObjectsFinal) X(C_EncryptInit) X(C_Encrypt) X(C_EncryptUpdate) X(C_EncryptFinal) X(C_DecryptInit) \
	X(C_Decrypt) X(C_DecryptUpdate) X(C_DecryptFinal) X(C_DigestInit) X(C_Digest) X(C_DigestUpdate) X(C_DigestKey) X(C_DigestFinal) \
	X(C_SignInit) X(C_Sign) X(C_SignUpdate) X(C_SignFinal) X(C_SignRecoverInit) X(C_SignRecover) X(C_VerifyInit) X(C_Verify) \
	X(C_VerifyUpdate) X(C_VerifyFinal) X(C_VerifyRecoverInit) X(C_VerifyRecover) X(C_DigestEncryptUpdate) X(C_DecryptDigestUpdate) \
	X(C_SignEncryptUpdate) X(C_DecryptVerifyUpdate) X(C_GenerateKey) X(C_GenerateKeyPair) X(C_WrapKey) X(C_UnwrapKey) X(C_DeriveKey) \
	X(C_SeedRandom) X(C_GenerateRandom) X(C_GetFunctionStatus) X(C_CancelFunction) X(C_WaitForSlotEvent)
#define MOCK_FUNCTION_ENUM_(name) MOCK_##name,
enum mock_function { MOCK_ANY, MOCK_FUNCTIONS(MOCK_FUNCTION_ENUM_) MOCK_END_FUNCTIONS_ };
_Static_assert(MOCK_END_FUNCTIONS_ == MOCK_N_FUNCTIONS + 1, "counts.h knows another number of functions");

struct mock_bytes {
	unsigned char *data;
	size_t len;
};

enum mock_kind { MOCK_RSA, MOCK_EC, MOCK_EDWARDS, MOCK_MONTGOMERY, MOCK_SECRET, MOCK_MLDSA };

/* A row of the table of key types in mock_key.c. */
struct mock_type {
	const char *name;
	enum mock_kind kind;
	CK_KEY_TYPE key_type;
	const char *openssl;   /* group or algorithm name; NULL: not made by libcrypto */
	unsigned size;         /* bits of RSA, octets of a coordinate or secret, number of the ML-DSA parameter set */
	const char *oid_hex;   /* DER of the curve's name */
	const char *printable; /* the name some tokens write instead */
};

struct mock_key {
	char *name;
	const struct mock_type *type;
	EVP_PKEY *pkey;           /* NULL for secrets and ML-DSA */
	struct mock_bytes value;  /* the secret; the ML-DSA public key */
	struct mock_bytes answer; /* the one signature an ML-DSA key gives */
	struct mock_bytes cert;   /* made at first need */
};

enum mock_how {
	MOCK_GIVEN,       /* the value as it is */
	MOCK_SENSITIVE,   /* CKR_ATTRIBUTE_SENSITIVE */
	MOCK_ABSENT,      /* CKR_ATTRIBUTE_TYPE_INVALID */
	MOCK_NO_INFO,     /* length CK_UNAVAILABLE_INFORMATION and CKR_OK */
	MOCK_CLAIMS       /* a length that is not true, and CKR_OK */
};

struct mock_attr {
	CK_ATTRIBUTE_TYPE type;
	enum mock_how how;
	struct mock_bytes value;
	CK_ULONG claimed;
};

struct mock_object {
	CK_OBJECT_CLASS class;
	struct mock_key *key;
	struct mock_attr *attrs;
	size_t n_attrs;
};

enum mock_handles { MOCK_STABLE, MOCK_FRESH, MOCK_SHUFFLED };

struct mock_token {
	char *name;
	bool empty;        /* a slot without a token */
	CK_TOKEN_INFO info;
	unsigned char pad;
	char *pin, *absent_while;
	unsigned tries; /* wrong PINs until it locks; 0: any number */
	CK_ULONG max_sessions;
	enum mock_handles handles;
	CK_MECHANISM_TYPE *mechanisms; /* NULL: all the mock knows */
	size_t n_mechanisms;
	struct mock_object *objects; /* key NULL: destroyed */
	size_t n_objects;
	struct mock_object creates; /* of which key new objects are, and what they then say; key NULL: there are none */
	_Atomic uint64_t *wrong_pins;
	bool vanished, was_absent, logged_in;
	bool early_context; /* takes a login for one operation before it has begun */
};

enum { MOCK_MAX_Z = 66 };
/* What C_DeriveKey left in a session. */
struct mock_secret {
	CK_OBJECT_HANDLE handle;
	unsigned char value[MOCK_MAX_Z];
	size_t len;
};

struct mock_session {
	CK_SESSION_HANDLE handle;
	CK_SLOT_ID slot;
	CK_FLAGS flags;
	bool finding, signing, verifying, context_login, decrypting;
	bool sha256;          /* of OAEP */
	size_t next;          /* object a search looks at next */
	struct mock_attr *wanted; /* what the search must match */
	size_t n_wanted;
	const struct mock_object *object; /* to sign, verify or decrypt with */
	CK_MECHANISM_TYPE mechanism;
	CK_RSA_PKCS_PSS_PARAMS pss;
	struct mock_secret *secrets;
	size_t n_secrets;
};

enum mock_when { MOCK_ON, MOCK_FROM, MOCK_EVERY, MOCK_EACH, MOCK_CHANCE, MOCK_WHILE };
enum mock_action {
	MOCK_RV, MOCK_DELAY, MOCK_HANG, MOCK_ABORT, MOCK_SEGV, MOCK_FLIP, MOCK_DER, MOCK_LENGTH, MOCK_VANISH, MOCK_RETURN, MOCK_LOSE, MOCK_LOGOUT
};

struct mock_fault {
	enum mock_function function;
	enum mock_when when;
	uint64_t n, seed;
	char *path; /* of MOCK_WHILE */
	enum mock_action action;
	unsigned long value; /* a CK_RV, milliseconds, a length */
	size_t token;
};

struct mock_world {
	bool ready;
	char *counts_path;
	struct mock_key **keys;
	size_t n_keys;
	struct mock_token tokens[MOCK_MAX_TOKENS];
	size_t n_tokens;
	struct mock_fault *faults;
	size_t n_faults;
	struct mock_session *sessions;
	size_t n_sessions;
	struct mock_count *counts; /* mapped, or memory of our own */
	bool counts_mapped;
	_Atomic uint64_t *live_objects, *live_sessions, *live_secrets; /* the last of the counts */
};
extern struct mock_world mock;

/* What the faults want of the rest of one call. */
struct mock_call {
	bool flip, der, lie;
	CK_ULONG length;
};

/* mock_script.c: fills `mock` from the file; false with a message on stderr. */
bool mock_script_read(const char *path);
void mock_world_free(void);

/* mock_fault.c: counts the call, does what the faults say. CKR_OK with the lock taken, so that each function ends in mock_leave;
 * or the CK_RV to answer, without it. */
CK_RV mock_enter(enum mock_function function, struct mock_call *ret_call);
CK_RV mock_leave(CK_RV rv);
bool mock_counts_open(void);
void mock_counts_close(void);
const char *mock_function_name(enum mock_function function);

/* mock_session.c */
struct mock_token *mock_token_at(CK_SLOT_ID slot);
struct mock_session *mock_session_find(CK_SESSION_HANDLE handle);
void mock_token_lose(struct mock_token *token); /* sessions and login are gone, handles change */
void mock_sessions_free(void);
CK_RV mock_OpenSession(CK_SLOT_ID, CK_FLAGS, void *, CK_NOTIFY, CK_SESSION_HANDLE *);
CK_RV mock_CloseSession(CK_SESSION_HANDLE);
CK_RV mock_CloseAllSessions(CK_SLOT_ID);
CK_RV mock_GetSessionInfo(CK_SESSION_HANDLE, CK_SESSION_INFO *);
CK_RV mock_Login(CK_SESSION_HANDLE, CK_USER_TYPE, CK_UTF8CHAR *, CK_ULONG);
CK_RV mock_Logout(CK_SESSION_HANDLE);

/* mock_object.c */
CK_OBJECT_HANDLE mock_handle_of(const struct mock_token *token, size_t index);
const struct mock_object *mock_object_find(const struct mock_token *token, CK_OBJECT_HANDLE handle);
const struct mock_attr *mock_attr_find(const struct mock_object *object, CK_ATTRIBUTE_TYPE type);
bool mock_attr_is_true(const struct mock_object *object, CK_ATTRIBUTE_TYPE type);
void mock_handles_change(void); /* new handles for tokens that do not keep them */
void mock_search_end(struct mock_session *session);
CK_RV mock_FindObjectsInit(CK_SESSION_HANDLE, CK_ATTRIBUTE *, CK_ULONG);
CK_RV mock_FindObjects(CK_SESSION_HANDLE, CK_OBJECT_HANDLE *, CK_ULONG, CK_ULONG *);
CK_RV mock_FindObjectsFinal(CK_SESSION_HANDLE);
CK_RV mock_GetAttributeValue(CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_ATTRIBUTE *, CK_ULONG);

/* mock_create.c */
CK_RV mock_CreateObject(CK_SESSION_HANDLE, CK_ATTRIBUTE *, CK_ULONG, CK_OBJECT_HANDLE *);
CK_RV mock_object_destroy(struct mock_token *token, CK_OBJECT_HANDLE handle);

/* mock_sign.c */
bool mock_mechanism_known(CK_MECHANISM_TYPE type);
bool mock_mechanism_allowed(const struct mock_object *object, CK_MECHANISM_TYPE type);
bool mock_mechanism_offered(const struct mock_token *token, CK_MECHANISM_TYPE type);
CK_MECHANISM_TYPE mock_mechanism_at(size_t i); /* MOCK_UNAVAILABLE past the end */
CK_RV mock_SignInit(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
CK_RV mock_Sign(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *, const struct mock_call *);
CK_RV mock_VerifyInit(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
CK_RV mock_Verify(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG, const struct mock_call *);

/* mock_decrypt.c; the functions of the list, and what sessions need of it. */
CK_FLAGS mock_decrypt_flag(CK_MECHANISM_TYPE type); /* 0: not its own */
CK_MECHANISM_TYPE mock_decrypt_at(size_t i);        /* MOCK_UNAVAILABLE past the end */
CK_RV mock_DecryptInit(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
CK_RV mock_Decrypt(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *, const struct mock_call *);
CK_RV mock_DeriveKey(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE *);
CK_RV mock_DestroyObject(CK_SESSION_HANDLE, CK_OBJECT_HANDLE);
void mock_secrets_end(struct mock_session *session);
bool mock_secret_object(struct mock_session *session, CK_OBJECT_HANDLE handle, struct mock_attr *ret_value); /* borrowed */

/* mock_key.c: made, or read from the files when they are there. NULL with a message in *ret_why. */
struct mock_key *mock_key_new(const char *name, const char *type, const char *file, const char *second, const char **ret_why);
void mock_key_free(struct mock_key *key);
bool mock_read_file(const char *path, struct mock_bytes *ret_bytes);

/* mock_value.c: attribute values a script can name by form ("point:octet"); false when the form is unknown or does not fit the key. */
bool mock_value_form(struct mock_key *key, const char *form, struct mock_bytes *ret_value);
/* The attributes an honest token has for an object of this class and key. */
bool mock_value_defaults(struct mock_object *object);
bool mock_attr_set(struct mock_object *object, CK_ATTRIBUTE_TYPE type, enum mock_how how, const void *data, size_t len, CK_ULONG claimed);
bool mock_hex(const char *text, struct mock_bytes *ret_bytes);

/* mock_names.c: numbers by name; 0x… is taken too. */
enum mock_names { MOCK_NAMES_CKR, MOCK_NAMES_CKA, MOCK_NAMES_CKM, MOCK_NAMES_CKF };
bool mock_name_value(enum mock_names table, const char *name, unsigned long *ret_value);

#endif
