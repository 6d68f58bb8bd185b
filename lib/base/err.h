/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the caller's error record: the first cause stays, outer layers only put their step in front. */
#ifndef J11_ERR_H
#define J11_ERR_H

#include <stdarg.h>

#include "attr.h"
#include "jwk11.h"

/* Each stable code word used anywhere; the word is the text without the prefix. One code per cause. The broker's HTTP status
 * (broker/problem.c) and the tool's exit code (tools/exit.c) are tables over these words. */
#define J11_CODES(X) \
	X(ARGUMENT) X(SYNTAX) X(LIMIT) X(NOT_FOUND) X(AMBIGUOUS) X(MISMATCH) X(DENIED) X(BUSY) X(TIMEOUT) X(LOGIN) X(ABSENT) \
	X(DEVICE) X(UNSUPPORTED) X(SIGNATURE) X(MEMORY) X(INTERNAL) \
	X(JSON_INVALID) X(JSON_DUPLICATE) X(MEMBER_UNKNOWN) X(MEMBER_MISSING) X(MEMBER_TYPE) X(BASE64_INVALID) X(URI_INVALID) \
	X(CLAIM_INVALID) X(CLAIM_REFUSED) X(TEMPLATE_UNKNOWN) X(HEADER_REFUSED) X(JWK_INVALID) X(JWS_INVALID) X(PEM_INVALID) \
	X(KEY_UNKNOWN) X(KEY_AMBIGUOUS) X(KEY_UNAVAILABLE) X(KEY_SECRET) X(KEY_WANTS_PIN) X(KEY_WEAK) X(ALG_UNKNOWN) X(ALG_MISMATCH) X(DIGEST_LENGTH) X(INPUT_TOO_LONG) \
	X(MODULE_UNKNOWN) X(MODULE_FAILED) X(TOKEN_UNKNOWN) X(TOKEN_ABSENT) X(TOKEN_AMBIGUOUS) X(TOKEN_FAILED) \
	X(PIN_MISSING) X(PIN_REJECTED) X(PIN_LOCKED) X(PIN_FINAL_TRY) X(PIN_EXPIRED) X(PIN_FILE) X(PIN_PAD) X(LOGGED_OUT) X(STATE_DIR) \
	X(PASSPHRASE_MISSING) X(PASSPHRASE_WRONG) \
	X(SIGNATURE_WITHHELD) X(SIGNATURE_INVALID) X(JWE_INVALID) X(ENC_UNKNOWN) X(CRIT_UNKNOWN) X(DECRYPT_FAILED) X(CERT_INVALID) X(CERT_ABSENT) X(KID_MISSING) X(KID_TAKEN) X(KEY_NOT_ACTIVE) \
	X(SUBJECT_INVALID) X(NAME_INVALID) X(USAGE_UNKNOWN) X(CHALLENGE_INVALID) X(CHALLENGE_FILE) X(TEMPLATE_INVALID) X(SUBJECT_MISSING) \
	X(CERT_FOREIGN) X(CERT_EXPIRED) X(PROFILE_REFUSED) \
	X(ATTESTATION_INVALID) X(ATTESTATION_FOREIGN) X(ATTESTATION_UNTRUSTED) X(ATTESTATION_ABSENT) X(CHECK_FAILED) \
	X(PEER_DENIED) X(OPERATION_DENIED) X(SOCKET_DENIED) X(BROKER_ABSENT) X(CONFIG_INVALID) X(FILE_FAILED) \
	X(AUDIT_FAILED) X(WORKER_LOST) X(WORKER_TIMEOUT) X(QUEUE_FULL) X(RATE_EXCEEDED) X(REQUESTS_EXCEEDED) X(CONNECTIONS_EXCEEDED) X(NOT_READY) X(DRAINING) \
	X(HTTP_MALFORMED) X(HTTP_VERSION) X(HTTP_HEAD_TOO_LARGE) X(HTTP_BODY_TOO_LARGE) X(HTTP_LENGTH_REQUIRED) X(HTTP_TIMEOUT) \
	X(HTTP_NOT_IMPLEMENTED) X(HTTP_METHOD) X(HTTP_MEDIA_TYPE) X(HTTP_NOT_ACCEPTABLE) X(HTTP_TOO_MANY) X(ROUTE_UNKNOWN) \
	X(SERVER_ABSENT) X(SERVER_UNTRUSTED) X(SERVER_MALFORMED) X(SERVER_REFUSED) X(SERVER_PENDING) X(HOOK_FAILED) X(PASSWORD_FILE) X(CANCELLED)
#define J11_CODE_ENUM_(name) J11_CODE_##name,
enum j11_code { J11_CODES(J11_CODE_ENUM_) J11_N_CODE_ };

/* "KEY_UNKNOWN". */
const char *j11_code_name(enum j11_code code);
/* Finds a word of j11_code_name; J11_N_CODE_ when there is none. */
enum j11_code j11_code_find(const char *name);

/* Records a cause unless one is recorded already (or err is NULL) and returns rc, so that `return j11_err_set(…)` reads well. */
enum jwk11_rc j11_err_set(struct jwk11_err *err, enum jwk11_rc rc, enum j11_code code, const char *fmt, ...) J11_PRINTF(4, 5);
/* The same with a CK_RV, whose name is appended to the text as ": CKR_…". */
enum jwk11_rc j11_err_set_ckr(struct jwk11_err *err, enum jwk11_rc rc, enum j11_code code, unsigned long ckr, const char *fmt, ...)
	J11_PRINTF(5, 6);
/* Puts "step: " before the recorded sentence; cut at the end when it gets too long. */
void j11_err_prefix(struct jwk11_err *err, const char *fmt, ...) J11_PRINTF(2, 3);
/* What to do next; the last one set stays. */
void j11_err_hint(struct jwk11_err *err, const char *fmt, ...) J11_PRINTF(2, 3);
/* Out of memory, in the same words everywhere. */
enum jwk11_rc j11_err_memory(struct jwk11_err *err);
void j11_err_clear(struct jwk11_err *err);

#endif
