/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libjwk11: keys held in PKCS#11 tokens as JOSE signers.
 *
 * The whole life of a program is five calls:
 *
 *     struct jwk11_context *ctx = NULL;
 *     struct jwk11_token *token = NULL;
 *     struct jwk11_keys *keys = NULL;
 *     struct jwk11_err err = {0};
 *     struct jwk11_token_config cfg = { .uri = "pkcs11:token=issuer", .pin_file = "/etc/jwk11/pin" };
 *
 *     jwk11_context_new(&ctx, &err);
 *     jwk11_context_load(ctx, NULL, &err);             // the modules p11-kit has configured
 *     jwk11_token_open(ctx, &cfg, &token, &err);       // exactly one token, logged in once
 *     jwk11_token_keys(token, "pkcs11:object=es256", &keys, &err);
 *     jwk11_key_sign(jwk11_keys_get(keys, 0), "ES256", JWK11_INPUT_MESSAGE, msg, sig, &err);
 *
 * Rules that hold everywhere:
 * - Every function that can fail returns an enum jwk11_rc; zero is success.
 * - `ret_` parameters are written on success only.
 * - `err` is the caller's, may be NULL, and keeps the first cause; start it as {0}.
 * - `_free` and `_unref` accept NULL.
 * - Strings are NUL-terminated UTF-8 unless they travel in a struct jwk11_view.
 * - Threads: a context, its tokens and keys may be used from several threads at once; a buffer or an error record belongs
 *   to one thread at a time. After fork() without exec every call on an inherited context answers JWK11_ERR_ARGUMENT.
 */
#ifndef JWK11_H
#define JWK11_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define JWK11_MUST_USE __attribute__((warn_unused_result))
#define JWK11_PUBLIC __attribute__((visibility("default")))
#else
#define JWK11_MUST_USE
#define JWK11_PUBLIC
#endif

/* What went wrong, coarse enough to branch on. Each value has one HTTP status and one exit code in the broker and the tool. */
enum jwk11_rc {
	JWK11_OK = 0,
	JWK11_ERR_ARGUMENT,    /* the caller broke a rule of this header */
	JWK11_ERR_SYNTAX,      /* malformed JSON, base64url, URI, PEM, JWK, JWS … */
	JWK11_ERR_LIMIT,       /* well formed but too long, too deep, too many */
	JWK11_ERR_NOT_FOUND,   /* no such module, token or key */
	JWK11_ERR_AMBIGUOUS,   /* more than one token or key matches; never guessed */
	JWK11_ERR_MISMATCH,    /* this algorithm does not fit this key, or this input this algorithm */
	JWK11_ERR_DENIED,      /* policy or claim rules say no */
	JWK11_ERR_BUSY,        /* a bounded queue is full */
	JWK11_ERR_TIMEOUT,     /* the deadline passed */
	JWK11_ERR_LOGIN,       /* PIN missing, refused, locked or suspect */
	JWK11_ERR_ABSENT,      /* the token is not there now */
	JWK11_ERR_DEVICE,      /* the token or its module failed */
	JWK11_ERR_UNSUPPORTED, /* neither the token nor we can do this */
	JWK11_ERR_SIGNATURE,   /* a signature does not verify, or a JWE does not decrypt */
	JWK11_ERR_MEMORY,      /* out of memory */
	JWK11_ERR_INTERNAL,    /* a bug of ours */
	JWK11_N_RC_            /* hidden count */
};

#define JWK11_CODE_MAX 32  /* bytes, with the NUL */
#define JWK11_TEXT_MAX 384 /* bytes, with the NUL */
#define JWK11_HINT_MAX 192 /* bytes, with the NUL */
#define JWK11_NO_CKR (~0UL)

/* One cause, kept where it happened. `code` is the stable word for programs (KEY_UNKNOWN), `text` the sentence for people
 * (what, on which object, why), `hint` what to do next, "" when there is nothing to say. Contains no secret and no rejected input. */
struct jwk11_err {
	enum jwk11_rc rc;
	unsigned long ckr; /* the CK_RV behind it; meaningful when has_ckr */
	bool has_ckr;
	char code[JWK11_CODE_MAX];
	char text[JWK11_TEXT_MAX];
	char hint[JWK11_HINT_MAX];
};

/* Bytes that belong to somebody else; valid until their owner changes them. */
struct jwk11_view {
	const void *data;
	size_t len;
};

/* A growing byte buffer with a hard maximum; a failed append is remembered. */
struct jwk11_buf;

/* Makes an empty buffer that will never hold more than `max` bytes. Errors: MEMORY (returned as NULL). Caller frees. */
JWK11_PUBLIC struct jwk11_buf *jwk11_buf_new(size_t max);
JWK11_PUBLIC void jwk11_buf_free(struct jwk11_buf *buf);
/* The bytes so far, followed by a NUL that is not counted; borrowed until the next change. */
JWK11_PUBLIC const char *jwk11_buf_data(const struct jwk11_buf *buf);
JWK11_PUBLIC size_t jwk11_buf_len(const struct jwk11_buf *buf);
/* Forgets the contents, keeps the memory, clears a remembered failure. */
JWK11_PUBLIC void jwk11_buf_reset(struct jwk11_buf *buf);

/* "1.0.0". */
JWK11_PUBLIC const char *jwk11_version(void);
/* The code's lower-case word ("not-found"); "unknown" for a value outside the enum. */
JWK11_PUBLIC const char *jwk11_rc_name(enum jwk11_rc rc);
/* "CKR_PIN_INCORRECT"; "CKR_0x…" for a vendor value (into static storage, thread-local). PKCS#11 3.0 Appendix B. */
JWK11_PUBLIC const char *jwk11_ckr_name(unsigned long ckr);

/* ---- contexts: the loaded modules ------------------------------------------------------------------------------------ */

struct jwk11_context; /* loaded modules, PIN memory */
struct jwk11_token;   /* one open token: identity, login, session pool */
struct jwk11_keys;    /* a list of keys found together */
struct jwk11_key;     /* one private key on a token, with its public half */
struct jwk11_pub;     /* a public key alone */

JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_context_new(struct jwk11_context **ret_ctx, struct jwk11_err *err);
/* Closes every session and finalises the modules this context initialised, when its last token is gone. */
JWK11_PUBLIC void jwk11_context_free(struct jwk11_context *ctx);
/* Loads modules. `module` is NULL for all that p11-kit has configured, a p11-kit module name, or an absolute path. Managed
 * modules are initialised by p11-kit with their own configured arguments. A module that is already loaded is left alone.
 * Errors: NOT_FOUND (no such module), DEVICE (C_Initialize failed; with CK_RV). PKCS#11 section 5.4. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_context_load(struct jwk11_context *ctx, const char *module, struct jwk11_err *err);
/* C_Finalize + C_Initialize on each loaded module: the way to see tokens that modules only look for at start. Refused with
 * BUSY while a token of this context is open. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_context_reload(struct jwk11_context *ctx, struct jwk11_err *err);
/* Directory in which refused PINs are remembered (a keyed hash, never the PIN), so that none is ever sent twice, even after a
 * reboot. Without it the memory lasts as long as the context. The directory must exist and be writable by us alone. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_context_set_state_dir(struct jwk11_context *ctx, const char *dir, struct jwk11_err *err);
/* Called around every C_Login, from the thread that logs in: `begin` may block (to take turns with other processes) and returns
 * false to give up (the caller then sees BUSY); `end` follows every `begin` that returned true. NULL functions are skipped. */
struct jwk11_login_hook {
	bool (*begin)(void *arg);
	void (*end)(void *arg);
	void *arg;
};
/* A token whose PIN was asked for on its own pad without success is not asked for again in this context, until this is called. */
JWK11_PUBLIC void jwk11_context_ask_again(struct jwk11_context *ctx);
JWK11_PUBLIC void jwk11_context_set_login_hook(struct jwk11_context *ctx, const struct jwk11_login_hook *hook);

enum jwk11_pin_state {
	JWK11_PIN_OK = 0,
	JWK11_PIN_NOT_NEEDED,
	JWK11_PIN_MISSING,  /* login is required and no PIN was given */
	JWK11_PIN_REJECTED, /* this PIN was refused before; it is not sent again */
	JWK11_PIN_LOW,      /* CKF_USER_PIN_COUNT_LOW */
	JWK11_PIN_FINAL,    /* CKF_USER_PIN_FINAL_TRY: no login is tried */
	JWK11_PIN_LOCKED,
	JWK11_PIN_EXPIRED,  /* CKF_USER_PIN_TO_BE_CHANGED */
	JWK11_PIN_PAD,      /* CKF_PROTECTED_AUTHENTICATION_PATH: a person types it on the token's own pad */
	JWK11_N_PIN_
};
/* "ok", "rejected", …: the words of JSON answers. */
JWK11_PUBLIC const char *jwk11_pin_state_name(enum jwk11_pin_state state);

/* What CK_TOKEN_INFO and CK_SLOT_INFO say, blanks and NULs at the end removed, non-printable octets as '?'. */
struct jwk11_token_info {
	char label[33];
	char manufacturer[33];
	char model[17];
	char serial[17];
	char module[128];  /* p11-kit name, or the path it was loaded from */
	char library[80];  /* "SoftHSM 2.6" */
	unsigned long flags; /* CKF_* of CK_TOKEN_INFO */
	enum jwk11_pin_state pin;
	bool initialized;
};
/* Calls `fn` once per token that matches `uri` (NULL: all); uninitialised tokens are skipped. Nothing is logged in. `info` is
 * borrowed for the call. `fn` returns false to stop. Errors: SYNTAX (URI). RFC 7512, PKCS#11 section 5.5. */
typedef bool (*jwk11_token_fn)(const struct jwk11_token_info *info, void *arg);
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_context_tokens(struct jwk11_context *ctx, const char *uri, jwk11_token_fn fn, void *arg,
	struct jwk11_err *err);
/* How many uninitialised tokens the last jwk11_context_tokens passed over. */
JWK11_PUBLIC size_t jwk11_context_n_hidden(const struct jwk11_context *ctx);

/* ---- tokens -------------------------------------------------------------------------------------------------------- */

/* AUTO: when the token asks for it (CKF_LOGIN_REQUIRED); a token with a PIN pad is then refused with the code PIN_PAD. ALWAYS: with the PIN of
 * pin_file whatever the token says, of a pad too. NEVER: without. PROTECTED: jwk11_token_open waits for a person who types the PIN on the pad. */
enum jwk11_login_mode { JWK11_LOGIN_AUTO = 0, JWK11_LOGIN_ALWAYS, JWK11_LOGIN_NEVER, JWK11_LOGIN_PROTECTED };

struct jwk11_token_config {
	const char *uri;          /* RFC 7512; must match exactly one initialised token */
	const char *module;       /* only in this loaded module; NULL: any */
	const char *pin_file;     /* octets of the PIN, one trailing newline dropped; NULL: none. Must not be readable by others */
	struct jwk11_view pin;    /* the octets themselves instead; data NULL: none. Kept in locked memory as long as the token; the caller wipes its own */
	bool final_try;           /* with `pin`: when it is opened, use the last try that the token has left, for a person who knows the PIN */
	unsigned n_sessions;      /* pool size; 0 means 1 */
	enum jwk11_login_mode login;
	bool sign_unverified;     /* verify = first: only the first signature of a key after each login is checked */
	unsigned login_timeout_s; /* PROTECTED: seconds that a person may take; 0 means 60 */
	bool strict;              /* keys with anything in jwk11_key_health refuse every operation with the code KEY_WEAK */
};
/* Finds the one token, opens the anchor session, logs in at most once, opens the session pool. The PIN of a file is read, used
 * and wiped. Errors: ARGUMENT (pin_file and pin, final_try without pin), LIMIT (a PIN above 1024 octets), ABSENT, AMBIGUOUS, LOGIN (codes
 * PIN_MISSING, PIN_REJECTED, PIN_LOCKED, PIN_FINAL_TRY, PIN_EXPIRED, PIN_FILE, PIN_PAD), DEVICE. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_token_open(struct jwk11_context *ctx, const struct jwk11_token_config *config,
	struct jwk11_token **ret_token, struct jwk11_err *err);
JWK11_PUBLIC struct jwk11_token *jwk11_token_ref(struct jwk11_token *token);
/* The last reference closes the sessions; there is no C_Logout of its own. */
JWK11_PUBLIC void jwk11_token_unref(struct jwk11_token *token);
/* As known when the token was opened. */
JWK11_PUBLIC const struct jwk11_token_info *jwk11_token_get_info(const struct jwk11_token *token);
/* Asks the module whether token and login are still there (C_GetSessionInfo on the anchor session). Errors: ABSENT, DEVICE. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_token_check(struct jwk11_token *token, struct jwk11_err *err);

/* Lists the signing keys that match `uri` (NULL: all), each with its public half, sorted by label then kid. Private keys, and with
 * "type=secret-key" in the URI secret keys for MACs in their place. Keys whose public half
 * cannot be had or is not supported are left out and counted by jwk11_keys_n_skipped, with the first reason in
 * jwk11_keys_skip_reason. Errors: SYNTAX, ABSENT, DEVICE. RFC 7512; PKCS#11 section 5.7. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_token_keys(struct jwk11_token *token, const char *uri, struct jwk11_keys **ret_keys,
	struct jwk11_err *err);
/* What a key is for. One key serves one use, whatever else the token would let it do: a signature and a decryption by the same key undo each
 * other. RFC 7517 section 4.2. */
enum jwk11_use {
	JWK11_USE_SIG = 0,
	JWK11_USE_ENC,
	JWK11_USE_MAC /* HS256, HS384, HS512 with a secret key, which never leaves the token and has no public half */
};
/* The same list for a use: signing keys; those that decrypt (CKA_DECRYPT) or agree on keys (CKA_DERIVE); or secret keys that make or check
 * MACs. A key of one list refuses the operations of the others with MISMATCH. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_token_keys_for(struct jwk11_token *token, const char *uri, enum jwk11_use use,
	struct jwk11_keys **ret_keys, struct jwk11_err *err);
JWK11_PUBLIC void jwk11_keys_free(struct jwk11_keys *keys);
JWK11_PUBLIC size_t jwk11_keys_count(const struct jwk11_keys *keys);
/* Borrowed until jwk11_keys_free; take a reference to keep it longer. NULL past the end. */
JWK11_PUBLIC struct jwk11_key *jwk11_keys_get(const struct jwk11_keys *keys, size_t index);
JWK11_PUBLIC size_t jwk11_keys_n_skipped(const struct jwk11_keys *keys);
JWK11_PUBLIC const char *jwk11_keys_skip_reason(const struct jwk11_keys *keys);
/* The reason for each of them; "" past the end. */
JWK11_PUBLIC const char *jwk11_keys_skip_reason_at(const struct jwk11_keys *keys, size_t index);

/* ---- keys ---------------------------------------------------------------------------------------------------------- */

JWK11_PUBLIC struct jwk11_key *jwk11_key_ref(struct jwk11_key *key);
JWK11_PUBLIC void jwk11_key_unref(struct jwk11_key *key);
/* Its public half; borrowed, lives as long as the key. NULL for a secret key (JWK11_USE_MAC): no JWK, no PEM, no thumbprint. */
JWK11_PUBLIC const struct jwk11_pub *jwk11_key_pub(const struct jwk11_key *key);
/* "RSA", "EC", "OKP", or "oct" for a secret key; and the size in bits, 0 when the token does not tell. */
JWK11_PUBLIC const char *jwk11_key_kty(const struct jwk11_key *key);
JWK11_PUBLIC unsigned jwk11_key_bits(const struct jwk11_key *key);
/* The algorithm used when nothing else is said, for the use it was listed for: the first that fits and that token and key can do (jwk11_key_can).
 * Static string. */
JWK11_PUBLIC const char *jwk11_key_default_alg(const struct jwk11_key *key);
/* CKA_LABEL, made printable; "" when it has none. */
JWK11_PUBLIC const char *jwk11_key_label(const struct jwk11_key *key);
/* CKA_ID; borrowed, len 0 when it has none. */
JWK11_PUBLIC struct jwk11_view jwk11_key_id(const struct jwk11_key *key);
/* The token it lives on; borrowed. */
JWK11_PUBLIC struct jwk11_token *jwk11_key_token(const struct jwk11_key *key);
/* An RFC 7512 URI that names this key on this token (token, serial, object, id, type=private or type=secret-key). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_uri(const struct jwk11_key *key, struct jwk11_buf *ret_uri, struct jwk11_err *err);
/* The use it was listed for. */
JWK11_PUBLIC enum jwk11_use jwk11_key_use(const struct jwk11_key *key);
/* What is known against a key although it works. The attributes are the module's word, the modulus speaks for itself. */
enum jwk11_health {
	JWK11_HEALTH_ROCA = 1,             /* RSA modulus with the structure of CVE-2017-15361 */
	JWK11_HEALTH_EXTRACTABLE = 2,      /* CKA_EXTRACTABLE; or nothing said of it and CKA_SENSITIVE false */
	JWK11_HEALTH_WAS_EXTRACTABLE = 4,  /* CKA_NEVER_EXTRACTABLE false */
	JWK11_HEALTH_WRAPS = 8,            /* CKA_WRAP or CKA_UNWRAP */
	JWK11_HEALTH_TWO_USES = 16         /* CKA_SIGN together with CKA_DECRYPT or CKA_DERIVE */
};
/* The bits of enum jwk11_health that hold for this key; 0: nothing is known against it. PKCS#11 section 4.9. */
JWK11_PUBLIC unsigned jwk11_key_health(const struct jwk11_key *key);
/* For one bit: its name in JSON ("two-uses"), what it means, and what to do about it; "" for anything else. */
JWK11_PUBLIC const char *jwk11_health_name(enum jwk11_health flag);
JWK11_PUBLIC const char *jwk11_health_what(enum jwk11_health flag);
JWK11_PUBLIC const char *jwk11_health_advice(enum jwk11_health flag);
/* How a key's public identifier (kid, RFC 7517 section 4.5) is made. */
enum jwk11_kid_style {
	JWK11_KID_THUMBPRINT = 0, /* RFC 7638, SHA-256: the same on every token and after every restart */
	JWK11_KID_K8S,            /* base64url of the SHA-256 of the DER SubjectPublicKeyInfo, as kube-apiserver names keys */
	JWK11_KID_LABEL,          /* CKA_LABEL */
	JWK11_KID_ID,             /* CKA_ID in lower-case hexadecimal */
	JWK11_KID_NONE,           /* no kid at all: "" */
	JWK11_N_KID_
};
/* "thumbprint", "k8s", "label", "id", "none"; and back, JWK11_N_KID_ for any other word. */
JWK11_PUBLIC const char *jwk11_kid_style_name(enum jwk11_kid_style style);
JWK11_PUBLIC enum jwk11_kid_style jwk11_kid_style_find(const char *name);
#define JWK11_KID_MAX 256 /* octets, with the NUL */
/* The key's kid in this style. Whoever signs and whoever publishes must use the same one. Errors: MISMATCH (code KID_MISSING: the key has no
 * public half, no label, no CKA_ID), LIMIT. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_kid(const struct jwk11_key *key, enum jwk11_kid_style style, char ret_kid[JWK11_KID_MAX],
	struct jwk11_err *err);
/* Does it want its PIN for each operation (CKA_ALWAYS_AUTHENTICATE)? */
JWK11_PUBLIC bool jwk11_key_wants_pin(const struct jwk11_key *key);
/* Lets a key that wants its PIN for each operation have it: the token's pin_file is read anew, its PIN sent once (CKU_CONTEXT_SPECIFIC) and
 * wiped; a PIN that was refused is not sent again. Until then such a key refuses every operation with the code KEY_WANTS_PIN. Of no effect on
 * other keys. */
JWK11_PUBLIC void jwk11_key_set_context_pin(struct jwk11_key *key, bool yes);
/* May it be used as things are? Errors: DENIED (KEY_WEAK: the token was opened as strict), LOGIN (KEY_WANTS_PIN). Every operation asks the
 * same. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_check(const struct jwk11_key *key, struct jwk11_err *err);
/* True when this token can do `alg` with this key: signatures, or the key management algorithms of JWE. */
JWK11_PUBLIC bool jwk11_key_can(const struct jwk11_key *key, const char *alg);
/* The same with the reason. Errors: MISMATCH (the algorithm is for another type or size of key), UNSUPPORTED (unknown, not offered by the token,
 * not allowed by the key's CKA_ALLOWED_MECHANISMS). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_check_alg(const struct jwk11_key *key, const char *alg, struct jwk11_err *err);

struct jwk11_certs; /* the X.509 certificates on a token, parsed once */
struct jwk11_chain; /* those of one key, leaf first */

/* Reads every certificate object of a token. Ones that are no X.509 certificate in DER, longer than 32 KiB, or past 16,384 are passed over.
 * Caller frees. Errors: ABSENT, DEVICE. PKCS#11 section 4.6.3. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_token_certs(struct jwk11_token *token, struct jwk11_certs **ret_certs, struct jwk11_err *err);
JWK11_PUBLIC void jwk11_certs_free(struct jwk11_certs *certs);
JWK11_PUBLIC size_t jwk11_certs_count(const struct jwk11_certs *certs);
/* The certificate chain of a key, from `certs` (NULL: its token's are read now). The leaf holds this very public key and is no attestation of it (YubiKey
 * PIV: it names the device); of several, the one that is valid now, then one with the key's CKA_ID or label, then the newest is taken. Each next certificate certifies the one before: names, key
 * identifiers, CA bit and signature are checked (RFC 5280 section 6.1), whom to trust is not decided. A self-signed root is left out unless it is
 * the leaf; where an issuer is not on the token, and after 8 certificates or 64 KiB, the chain ends. A certificate that has expired does not stop
 * anything; see jwk11_chain_note. Caller frees. Errors: NOT_FOUND (codes CERT_ABSENT and, when a
 * certificate with its CKA_ID or label holds another key, CERT_FOREIGN), and those of jwk11_token_certs. RFC 7517 section 4.7. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_chain(const struct jwk11_key *key, const struct jwk11_certs *certs,
	struct jwk11_chain **ret_chain, struct jwk11_err *err);
JWK11_PUBLIC void jwk11_chain_free(struct jwk11_chain *chain);
/* Certificates in it; at least 1. */
JWK11_PUBLIC size_t jwk11_chain_count(const struct jwk11_chain *chain);
/* DER, borrowed; {NULL, 0} past the end. */
JWK11_PUBLIC struct jwk11_view jwk11_chain_der(const struct jwk11_chain *chain, size_t index);
/* Does it reach a self-signed root on the token? */
JWK11_PUBLIC bool jwk11_chain_is_complete(const struct jwk11_chain *chain);
/* What a person should know: expired, issuer missing, several leaves. Sentences with semicolons between them; "" when all is well. */
JWK11_PUBLIC const char *jwk11_chain_note(const struct jwk11_chain *chain);
/* "x5t#S256" of the leaf: base64url of the SHA-256 of its DER, 43 characters. RFC 7517 section 4.9. */
JWK11_PUBLIC const char *jwk11_chain_thumbprint(const struct jwk11_chain *chain);
/* The first n certificates (0: all) as PEM, leaf first. RFC 7468 section 5. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_chain_pem(const struct jwk11_chain *chain, size_t n, struct jwk11_buf *ret_pem,
	struct jwk11_err *err);

enum jwk11_import_flags {
	JWK11_IMPORT_KEEP = 1,   /* other certificates of the key stay on the token */
	JWK11_IMPORT_STRICT = 2, /* a certificate that is not valid now is refused */
	JWK11_IMPORT_DRY_RUN = 4 /* everything but the writing */
};
/* What jwk11_key_import_chain has done, or would do. */
struct jwk11_imported {
	unsigned n_written;  /* certificates that are new on the token */
	unsigned n_there;    /* that were there before */
	unsigned n_replaced; /* other certificates of the key that are gone */
	unsigned n_refused;  /* issuers that the token does not take: cards have room for one certificate of each key alone */
	char note[JWK11_TEXT_MAX]; /* what a person should know: not valid now, an older one that could not be removed; "" when all is well */
};
/* Puts a certificate of this key onto its token (C_CreateObject), and those of its issuers that are not there yet. `text` is what a CA hands out: PEM,
 * DER or PKCS#7, in any order, at most 32 certificates and 512 KiB; the leaf is the certificate that holds this key, what has no part in its chain is
 * left out. The leaf's object has the key's CKA_ID and CKA_LABEL. It is read back before other certificates of the key are destroyed; when anything
 * fails before that, what was written is destroyed again. `ret_done` may be NULL. Errors: ARGUMENT, SYNTAX (codes PEM_INVALID, CERT_INVALID), LIMIT,
 * MISMATCH (CERT_FOREIGN: it holds another key, the text has both thumbprints; CERT_EXPIRED; KEY_SECRET), UNSUPPORTED (the token takes no
 * certificates), ABSENT, DEVICE. Threads: not for two keys of one token at once. PKCS#11 sections 4.6.3 and 5.7, RFC 5280 section 6.1. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_import_chain(struct jwk11_key *key, struct jwk11_view text, unsigned flags,
	struct jwk11_imported *ret_done, struct jwk11_err *err);

enum jwk11_input {
	JWK11_INPUT_MESSAGE = 0, /* the bytes to sign */
	JWK11_INPUT_DIGEST       /* their hash, by the algorithm's hash function; refused (MISMATCH) for EdDSA and HS* */
};
/* Signs on the token and checks the result with the public key before returning it. The signature is in JOSE form (RFC 7518 3.4:
 * r||s full width for ECDSA). A MAC is checked on the token. Steady state: one C_SignInit and one C_Sign; for a MAC that is checked also
 * one C_VerifyInit and one C_Verify. A lost session is replaced and the key found again, once.
 * Errors: MISMATCH, LIMIT (message above 1 MiB), ABSENT, LOGIN, DEVICE, SIGNATURE (the token's answer does not verify: withheld). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_sign(struct jwk11_key *key, const char *alg, enum jwk11_input kind,
	struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err);
/* Checks a signature in JOSE form over a message: with the public half, here; by a secret key on the token (C_VerifyInit, C_Verify). `alg` is the
 * only algorithm accepted, and never one of another kind of key: an RSA key takes no HS256, whatever a header says. A MAC key shorter than
 * its hash is refused. Errors: SIGNATURE (SIGNATURE_INVALID: does not verify), MISMATCH, LIMIT, UNSUPPORTED, ABSENT, LOGIN, DEVICE.
 * RFC 7518 sections 3.2 to 3.5, RFC 8725 section 3.1, PKCS#11 section 5.13. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_verify(struct jwk11_key *key, const char *alg, struct jwk11_view input,
	struct jwk11_view sig, struct jwk11_err *err);
/* JWS compact serialisation. `protected_json` is an object of further protected header members or NULL, see jwk11_key_jws_with. RFC 7515
 * section 7.1. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_jws(struct jwk11_key *key, const char *alg, const char *kid, const char *protected_json,
	struct jwk11_view payload, struct jwk11_buf *ret_jws, struct jwk11_err *err);
/* The three serialisations of RFC 7515 section 7. */
enum jwk11_jws_form { JWK11_JWS_COMPACT = 0, JWK11_JWS_FLATTENED, JWK11_JWS_GENERAL };
enum jwk11_jws_flags {
	JWK11_JWS_DETACHED = 1,  /* without its payload: RFC 7515 appendix F */
	JWK11_JWS_UNENCODED = 2, /* the payload is signed as it is, "b64": false; with DETACHED only, and never for a JWT. RFC 7797 */
	JWK11_JWS_JWK = 4,       /* the public key in the header (RFC 7515 4.1.3) in place of kid */
	JWK11_JWS_X5C = 8        /* the key's certificate chain in the header (RFC 7515 4.1.6), as jwk11_key_chain gives it when first asked */
};
/* What a JWS looks like. All zero: compact, with alg and kid in its header. */
struct jwk11_jws_options {
	enum jwk11_jws_form form;
	unsigned flags;             /* of enum jwk11_jws_flags */
	const char *typ, *cty;      /* protected; NULL: none. RFC 7515 4.1.9 and 4.1.10 */
	const char *protected_json; /* an object of further protected header members; NULL: none */
	const char *header_json;    /* an object of unprotected ones, not for the compact form; NULL: none */
	struct jwk11_view onto;     /* a JWS in any form to which the signature is added; data NULL: none. With GENERAL only */
};
/* Signs in any serialisation. A kid that is NULL or empty is left out. Names in protected_json and header_json are disjoint; alg, kid, b64,
 * jwk, jku, x5u and x5c are not the caller's. `crit` may stand in protected_json and list extensions that stand there too (RFC 7515 4.1.11).
 * The signatures of `onto` are copied without being verified; its payload may be given again or, with data NULL, is taken from it. Errors: as
 * jwk11_key_sign, SYNTAX (code HEADER_REFUSED and others), MISMATCH (the payload is not that of `onto`), LIMIT, NOT_FOUND (CERT_ABSENT).
 * RFC 7515 section 5.1. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_jws_with(struct jwk11_key *key, const char *alg, const char *kid,
	const struct jwk11_jws_options *options, struct jwk11_view payload, struct jwk11_buf *ret_jws, struct jwk11_err *err);
/* JWT: `claims_json` must be one object with unique names whose iat, nbf, exp are NumericDates; `ttl` > 0 (seconds) sets iat and
 * exp from the clock and refuses claims that carry exp themselves. RFC 7519. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_jwt(struct jwk11_key *key, const char *alg, const char *kid, struct jwk11_view claims_json,
	int64_t ttl, struct jwk11_buf *ret_jwt, struct jwk11_err *err);

/* Decrypts a JWE in any serialisation (RFC 7516 section 7) with the one algorithm `alg` (NULL: jwk11_pub_default_enc_alg); `kid` chooses among
 * recipients and may be NULL. Known: RSA-OAEP, RSA-OAEP-256, ECDH-ES and ECDH-ES+A128KW, +A192KW, +A256KW over P-curves, X25519 and X448, each as
 * far as the token goes; A*GCM and A*CBC-HS*. "zip", "crit" and RSA1_5 are refused. The plaintext is appended to ret_plaintext, which is wiped
 * when it is freed. Errors: SYNTAX (JWE_INVALID), UNSUPPORTED, MISMATCH, LIMIT, ABSENT, LOGIN, DEVICE; and SIGNATURE with the code
 * DECRYPT_FAILED and always the same words for whatever is wrong behind an accepted header (section 11.5). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_decrypt(struct jwk11_key *key, const char *alg, const char *kid, struct jwk11_view jwe,
	struct jwk11_buf *ret_plaintext, struct jwk11_err *err);

/* ---- certificate requests -------------------------------------------------------------------------------------------- */

enum jwk11_csr_ca { JWK11_CSR_CA_UNSAID = 0, JWK11_CSR_CA_NO, JWK11_CSR_CA_YES };
/* What a certificate is asked for. Everything is borrowed for the call. Lists end with NULL, and NULL is an empty one; at most 64 names in all. */
struct jwk11_csr {
	const char *subject;                     /* RFC 4514: "CN=device-7,O=Example"; NULL or "": none, and then there must be a name */
	const char *const *dns;                  /* names for subjectAltName, RFC 5280 4.2.1.6: "device-7.example.org", "*.example.org" */
	const char *const *ip;                   /* "192.0.2.7", "2001:db8::7" */
	const char *const *uri;                  /* absolute */
	const char *const *email;                /* "name@example.org" */
	const char *const *upn;                  /* user principal names (otherName 1.3.6.1.4.1.311.20.2.3): "name@EXAMPLE.ORG" */
	const char *const *hardware_module;      /* hardwareModuleName of RFC 4108 section 5: "1.3.6.1.4.1.99:SERIAL", or "…:#0011FF" for its octets */
	const char *const *permanent_identifier; /* RFC 4043: "IDENTIFIER", or with who assigned it "1.3.6.1.4.1.99:IDENTIFIER" */
	const char *const *key_usage;            /* RFC 5280 4.2.1.3: "digitalSignature" */
	const char *const *eku;                  /* 4.2.1.12: "clientAuth", or an object identifier */
	enum jwk11_csr_ca ca;                    /* basicConstraints; UNSAID: none */
	struct jwk11_view challenge_password;    /* RFC 2985 5.4.1: UTF-8, at most 255 octets; data NULL: none. It is in the request for everybody to
	                                          * read who gets that: ret_der should then be wiped by the caller */
};
/* A certificate request (PKCS#10, RFC 2986) in DER, signed on the token with `alg` (NULL: jwk11_key_default_alg): RS256 … PS512, ES256 …, EdDSA,
 * ML-DSA. With the key's public half and what `csr` says; its signature is checked before it is appended to ret_der. Errors: SYNTAX (codes
 * SUBJECT_INVALID, SUBJECT_MISSING, NAME_INVALID, USAGE_UNKNOWN, CHALLENGE_INVALID), LIMIT, MISMATCH (ALG_MISMATCH; KEY_SECRET: a secret key),
 * UNSUPPORTED (ALG_UNKNOWN), and those of jwk11_key_sign. Threads: as jwk11_key_sign. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_csr(struct jwk11_key *key, const char *alg, const struct jwk11_csr *csr, struct jwk11_buf *ret_der,
	struct jwk11_err *err);
/* A certificate of the key for itself (RFC 5280), for services that take public keys in one: issuer and subject are `what->subject`, which must be
 * there; valid between two moments in seconds since 1970; the serial number is 128 random bits. It has the extensions that `what` asks for and a
 * subjectKeyIdentifier; a challenge password is refused (ARGUMENT), as is an end before the beginning. Errors otherwise as jwk11_key_csr. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_self_cert(struct jwk11_key *key, const char *alg, const struct jwk11_csr *what, int64_t not_before,
	int64_t not_after, struct jwk11_buf *ret_der, struct jwk11_err *err);

/* ---- public keys and verification (no token needed) -------------------------------------------------------------------- */

/* One JWK (RFC 7517), with private members refused. Caller unrefs. Errors: SYNTAX, UNSUPPORTED. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_from_jwk(struct jwk11_view jwk, struct jwk11_pub **ret_pub, struct jwk11_err *err);
/* The same for a key to encrypt to: its "use" is enc or absent, its "alg" a key management algorithm. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_from_enc_jwk(struct jwk11_view jwk, struct jwk11_pub **ret_pub, struct jwk11_err *err);
/* SubjectPublicKeyInfo in PEM ("PUBLIC KEY"). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_from_pem(struct jwk11_view pem, struct jwk11_pub **ret_pub, struct jwk11_err *err);
JWK11_PUBLIC struct jwk11_pub *jwk11_pub_ref(struct jwk11_pub *pub);
JWK11_PUBLIC void jwk11_pub_unref(struct jwk11_pub *pub);
/* The algorithm used when nothing else is said: RS256, ES256/384/512 or ES256K by curve, EdDSA, the one of an ML-DSA key. Static string. */
JWK11_PUBLIC const char *jwk11_pub_default_alg(const struct jwk11_pub *pub);
/* The same for encryption to this key: RSA-OAEP, ECDH-ES; "" for a key that can only sign. */
JWK11_PUBLIC const char *jwk11_pub_default_enc_alg(const struct jwk11_pub *pub);
/* "RSA", "EC", "OKP", "AKP" (ML-DSA, RFC 9964); and "P-256", "secp256k1", "Ed25519", "X448" …, "" for RSA and AKP; and the size in bits, 0 for
 * AKP, whose size is its algorithm. */
JWK11_PUBLIC const char *jwk11_pub_kty(const struct jwk11_pub *pub);
JWK11_PUBLIC const char *jwk11_pub_crv(const struct jwk11_pub *pub);
JWK11_PUBLIC unsigned jwk11_pub_bits(const struct jwk11_pub *pub);
/* The kid a JWK read from outside carried; "" when none. */
JWK11_PUBLIC const char *jwk11_pub_kid(const struct jwk11_pub *pub);
/* RFC 7638 SHA-256 thumbprint, base64url, 43 characters. */
#define JWK11_THUMBPRINT_LEN 43
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_thumbprint(const struct jwk11_pub *pub, char ret_thumbprint[JWK11_THUMBPRINT_LEN + 1],
	struct jwk11_err *err);
/* The thumbprint as a URI: "urn:ietf:params:oauth:jwk-thumbprint:sha-256:" and the thumbprint. RFC 9278 section 3. */
#define JWK11_THUMBPRINT_URI "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_thumbprint_uri(const struct jwk11_pub *pub, struct jwk11_buf *ret_uri, struct jwk11_err *err);
/* The JWK: kty, use, alg, kid and the public members, nothing else. `alg` NULL: the default; `kid` NULL: the thumbprint, "": none. `use` follows
 * from `alg`: enc for a key management algorithm. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_jwk(const struct jwk11_pub *pub, const char *alg, const char *kid, struct jwk11_buf *ret_jwk,
	struct jwk11_err *err);
/* The same with "x5c" and "x5t#S256" from a chain (NULL: none). Errors: MISMATCH when the chain's first certificate holds another key. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_jwk_x5c(const struct jwk11_pub *pub, const char *alg, const char *kid,
	const struct jwk11_chain *chain, struct jwk11_buf *ret_jwk, struct jwk11_err *err);
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_pem(const struct jwk11_pub *pub, struct jwk11_buf *ret_pem, struct jwk11_err *err);
/* The same key as COSE_Key in deterministic CBOR (RFC 9052 section 7, RFC 9053, RFC 8230, RFC 9964): kty, kid (the octets of the text), alg when
 * COSE has it, and the public parameters. `alg` and `kid` as for jwk11_pub_jwk. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_cose_key(const struct jwk11_pub *pub, const char *alg, const char *kid,
	struct jwk11_buf *ret_cbor, struct jwk11_err *err);
/* RFC 9679 SHA-256 thumbprint of the COSE_Key, as octets. */
#define JWK11_COSE_THUMBPRINT_LEN 32
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_cose_thumbprint(const struct jwk11_pub *pub,
	unsigned char ret_thumbprint[JWK11_COSE_THUMBPRINT_LEN], struct jwk11_err *err);
/* Checks one signature in JOSE form. Errors: SIGNATURE (does not verify), MISMATCH (alg and key do not fit). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_verify(const struct jwk11_pub *pub, const char *alg, enum jwk11_input kind,
	struct jwk11_view input, struct jwk11_view sig, struct jwk11_err *err);
/* Verifies a JWS in any serialisation that carries its payload, with one key; of several signatures one must verify. `alg` is the only
 * algorithm accepted (NULL: the key's own alg member or default); no extension in `crit` but b64 is understood. The payload is appended to
 * ret_payload (may be NULL). RFC 7515 section 5.2. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_jws_verify(const struct jwk11_pub *pub, const char *alg, struct jwk11_view jws,
	struct jwk11_buf *ret_payload, struct jwk11_err *err);

/* A JWS taken apart, for whoever chooses a key for each signature. */
struct jwk11_jws;
/* Reads any serialisation; nothing is verified. `detached` is the payload of a JWS that does not carry it (copied), NULL: it must. At most 16
 * signatures, 1 MiB of payload. Refuses (JWS_INVALID) what breaks the rules of RFC 7515 and RFC 7797: names in both headers, crit that is
 * empty, unprotected, doubled, not of extensions or not of members that are there, b64 that is unprotected, not listed in crit, not the same
 * in all signatures or false with an attached payload. Errors: SYNTAX, LIMIT. Caller frees. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_jws_read(struct jwk11_view text, const struct jwk11_view *detached, struct jwk11_jws **ret_jws,
	struct jwk11_err *err);
JWK11_PUBLIC void jwk11_jws_free(struct jwk11_jws *jws);
JWK11_PUBLIC enum jwk11_jws_form jwk11_jws_get_form(const struct jwk11_jws *jws);
/* Signatures, at least one. The functions below take an index below this; what they return is borrowed until jwk11_jws_free. */
JWK11_PUBLIC size_t jwk11_jws_count(const struct jwk11_jws *jws);
/* Of no worth before a signature is checked. */
JWK11_PUBLIC struct jwk11_view jwk11_jws_payload(const struct jwk11_jws *jws);
/* alg and kid of a signature, from either header; kid "" when it names none. Whoever made the JWS wrote them. */
JWK11_PUBLIC const char *jwk11_jws_alg(const struct jwk11_jws *jws, size_t i);
JWK11_PUBLIC const char *jwk11_jws_kid(const struct jwk11_jws *jws, size_t i);
/* The protected and the unprotected header of a signature as JSON text; empty when there is none. */
JWK11_PUBLIC struct jwk11_view jwk11_jws_protected(const struct jwk11_jws *jws, size_t i);
JWK11_PUBLIC struct jwk11_view jwk11_jws_header(const struct jwk11_jws *jws, size_t i);
/* Verifies one signature; `alg` as in jwk11_jws_verify. `understood` lists the extensions in crit that the caller processes, and ends with
 * NULL; NULL: none. Errors: SIGNATURE, MISMATCH (another algorithm), UNSUPPORTED (codes ALG_UNKNOWN, CRIT_UNKNOWN). RFC 7515 section 5.2. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_jws_check(const struct jwk11_jws *jws, size_t i, const struct jwk11_pub *pub, const char *alg,
	const char *const *understood, struct jwk11_err *err);
/* The same with a key of a token: a MAC is checked there, any other signature with the public half here. `alg` NULL: jwk11_key_default_alg.
 * Errors: those of jwk11_key_verify too. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_jws_check(struct jwk11_key *key, const struct jwk11_jws *jws, size_t i, const char *alg,
	const char *const *understood, struct jwk11_err *err);

/* Encrypts to a public key: a compact JWE. `alg` NULL: the key's own or jwk11_pub_default_enc_alg; `enc` NULL: A256GCM; `kid` NULL: none in the
 * header; `protected_json`: an object of further protected header members, or NULL. At most 1 MiB of plaintext. Errors: MISMATCH, UNSUPPORTED
 * (codes ALG_UNKNOWN, ENC_UNKNOWN), LIMIT. RFC 7516 section 5.1. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_encrypt(const struct jwk11_pub *pub, const char *alg, const char *enc, const char *kid,
	const char *protected_json, struct jwk11_view plaintext, struct jwk11_buf *ret_jwe, struct jwk11_err *err);

#ifdef __cplusplus
}
#endif

#endif
