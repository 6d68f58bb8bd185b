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
	JWK11_ERR_SIGNATURE,   /* a signature does not verify */
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
/* Closes every session and finalises the modules this context initialised. Tokens and keys must be gone before. */
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

enum jwk11_login_mode { JWK11_LOGIN_AUTO = 0, JWK11_LOGIN_ALWAYS, JWK11_LOGIN_NEVER };

struct jwk11_token_config {
	const char *uri;          /* RFC 7512; must match exactly one initialised token */
	const char *module;       /* only in this loaded module; NULL: any */
	const char *pin_file;     /* octets of the PIN, one trailing newline dropped; NULL: none. Must not be readable by others */
	unsigned n_sessions;      /* pool size; 0 means 1 */
	enum jwk11_login_mode login;
	bool sign_unverified;     /* verify = first: only the first signature of a key after each login is checked */
};
/* Finds the one token, opens the anchor session, logs in at most once, opens the session pool. The PIN is read, used and wiped.
 * Errors: ABSENT, AMBIGUOUS, LOGIN (codes PIN_MISSING, PIN_REJECTED, PIN_LOCKED, PIN_FINAL_TRY, PIN_EXPIRED, PIN_FILE), DEVICE. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_token_open(struct jwk11_context *ctx, const struct jwk11_token_config *config,
	struct jwk11_token **ret_token, struct jwk11_err *err);
JWK11_PUBLIC struct jwk11_token *jwk11_token_ref(struct jwk11_token *token);
/* The last reference closes the sessions; there is no C_Logout of its own. */
JWK11_PUBLIC void jwk11_token_unref(struct jwk11_token *token);
/* As known when the token was opened. */
JWK11_PUBLIC const struct jwk11_token_info *jwk11_token_get_info(const struct jwk11_token *token);
/* Asks the module whether token and login are still there (C_GetSessionInfo on the anchor session). Errors: ABSENT, DEVICE. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_token_check(struct jwk11_token *token, struct jwk11_err *err);

/* Lists the signing keys that match `uri` (NULL: all), each with its public half, sorted by label then kid. Keys whose public half
 * cannot be had or is not supported are left out and counted by jwk11_keys_n_skipped, with the first reason in
 * jwk11_keys_skip_reason. Errors: SYNTAX, ABSENT, DEVICE. RFC 7512; PKCS#11 section 5.7. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_token_keys(struct jwk11_token *token, const char *uri, struct jwk11_keys **ret_keys,
	struct jwk11_err *err);
JWK11_PUBLIC void jwk11_keys_free(struct jwk11_keys *keys);
JWK11_PUBLIC size_t jwk11_keys_count(const struct jwk11_keys *keys);
/* Borrowed until jwk11_keys_free; take a reference to keep it longer. NULL past the end. */
JWK11_PUBLIC struct jwk11_key *jwk11_keys_get(const struct jwk11_keys *keys, size_t index);
JWK11_PUBLIC size_t jwk11_keys_n_skipped(const struct jwk11_keys *keys);
JWK11_PUBLIC const char *jwk11_keys_skip_reason(const struct jwk11_keys *keys);

/* ---- keys ---------------------------------------------------------------------------------------------------------- */

JWK11_PUBLIC struct jwk11_key *jwk11_key_ref(struct jwk11_key *key);
JWK11_PUBLIC void jwk11_key_unref(struct jwk11_key *key);
/* Its public half; borrowed, lives as long as the key. */
JWK11_PUBLIC const struct jwk11_pub *jwk11_key_pub(const struct jwk11_key *key);
/* CKA_LABEL, made printable; "" when it has none. */
JWK11_PUBLIC const char *jwk11_key_label(const struct jwk11_key *key);
/* The token it lives on; borrowed. */
JWK11_PUBLIC struct jwk11_token *jwk11_key_token(const struct jwk11_key *key);
/* An RFC 7512 URI that names this key on this token (token, serial, object, id, type=private). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_uri(const struct jwk11_key *key, struct jwk11_buf *ret_uri, struct jwk11_err *err);
/* True when this token can make `alg` signatures with this key. */
JWK11_PUBLIC bool jwk11_key_can(const struct jwk11_key *key, const char *alg);

enum jwk11_input {
	JWK11_INPUT_MESSAGE = 0, /* the bytes to sign */
	JWK11_INPUT_DIGEST       /* their hash, by the algorithm's hash function; refused (MISMATCH) for EdDSA */
};
/* Signs on the token and checks the result with the public key before returning it. The signature is in JOSE form (RFC 7518 3.4:
 * r||s full width for ECDSA). Steady state: one C_SignInit and one C_Sign. A lost session is replaced and the key found again, once.
 * Errors: MISMATCH, LIMIT (message above 1 MiB), ABSENT, LOGIN, DEVICE, SIGNATURE (the token's answer does not verify: withheld). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_sign(struct jwk11_key *key, const char *alg, enum jwk11_input kind,
	struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err);
/* JWS compact serialisation. `protected_json` is an object of further protected header members or NULL; `alg` and `kid` are ours and
 * refused there. RFC 7515 section 3.1. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_jws(struct jwk11_key *key, const char *alg, const char *kid, const char *protected_json,
	struct jwk11_view payload, struct jwk11_buf *ret_jws, struct jwk11_err *err);
/* JWT: `claims_json` must be one object with unique names whose iat, nbf, exp are NumericDates; `ttl` > 0 (seconds) sets iat and
 * exp from the clock and refuses claims that carry exp themselves. RFC 7519. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_key_jwt(struct jwk11_key *key, const char *alg, const char *kid, struct jwk11_view claims_json,
	int64_t ttl, struct jwk11_buf *ret_jwt, struct jwk11_err *err);

/* ---- public keys and verification (no token needed) -------------------------------------------------------------------- */

/* One JWK (RFC 7517), with private members refused. Caller unrefs. Errors: SYNTAX, UNSUPPORTED. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_from_jwk(struct jwk11_view jwk, struct jwk11_pub **ret_pub, struct jwk11_err *err);
/* SubjectPublicKeyInfo in PEM ("PUBLIC KEY"). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_from_pem(struct jwk11_view pem, struct jwk11_pub **ret_pub, struct jwk11_err *err);
JWK11_PUBLIC struct jwk11_pub *jwk11_pub_ref(struct jwk11_pub *pub);
JWK11_PUBLIC void jwk11_pub_unref(struct jwk11_pub *pub);
/* The algorithm used when nothing else is said: RS256, ES256/384/512 by curve, EdDSA. Static string. */
JWK11_PUBLIC const char *jwk11_pub_default_alg(const struct jwk11_pub *pub);
/* "RSA", "EC", "OKP"; and "P-256", "Ed25519" …, "" for RSA; and the size in bits. */
JWK11_PUBLIC const char *jwk11_pub_kty(const struct jwk11_pub *pub);
JWK11_PUBLIC const char *jwk11_pub_crv(const struct jwk11_pub *pub);
JWK11_PUBLIC unsigned jwk11_pub_bits(const struct jwk11_pub *pub);
/* The kid a JWK read from outside carried; "" when none. */
JWK11_PUBLIC const char *jwk11_pub_kid(const struct jwk11_pub *pub);
/* RFC 7638 SHA-256 thumbprint, base64url, 43 characters. */
#define JWK11_THUMBPRINT_LEN 43
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_thumbprint(const struct jwk11_pub *pub, char ret_thumbprint[JWK11_THUMBPRINT_LEN + 1],
	struct jwk11_err *err);
/* The JWK: kty, use, alg, kid and the public members, nothing else. `alg` NULL: the default; `kid` NULL: the thumbprint. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_jwk(const struct jwk11_pub *pub, const char *alg, const char *kid, struct jwk11_buf *ret_jwk,
	struct jwk11_err *err);
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_pem(const struct jwk11_pub *pub, struct jwk11_buf *ret_pem, struct jwk11_err *err);
/* Checks one signature in JOSE form. Errors: SIGNATURE (does not verify), MISMATCH (alg and key do not fit). */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_pub_verify(const struct jwk11_pub *pub, const char *alg, enum jwk11_input kind,
	struct jwk11_view input, struct jwk11_view sig, struct jwk11_err *err);
/* Verifies a compact JWS with one key; `alg` is the only algorithm accepted (NULL: the key's own alg member or default).
 * The payload is appended to ret_payload (may be NULL). RFC 7515 section 5.2. */
JWK11_PUBLIC JWK11_MUST_USE enum jwk11_rc jwk11_jws_verify(const struct jwk11_pub *pub, const char *alg, struct jwk11_view jws,
	struct jwk11_buf *ret_payload, struct jwk11_err *err);

#ifdef __cplusplus
}
#endif

#endif
