/* SPDX-License-Identifier: Apache-2.0 */
/* The table of problems. jwk11d-api(7) prints the same rows for people. */
#include "problem.h"

#include "base/attr.h"
#include "json/json_write.h"

struct row {
	unsigned short status;
	unsigned short retry_after; /* seconds */
	const char *title;
};

#define P(code, ...) [J11_CODE_##code] = { __VA_ARGS__ }
static const struct row rows[J11_N_CODE_] = {
	/* general causes */
	P(ARGUMENT, 400, 0, "Bad argument"),
	P(SYNTAX, 400, 0, "Malformed input"),
	P(LIMIT, 413, 0, "Past a limit"),
	P(NOT_FOUND, 404, 0, "Not found"),
	P(AMBIGUOUS, 409, 0, "Ambiguous"),
	P(MISMATCH, 409, 0, "Does not fit together"),
	P(DENIED, 403, 0, "Denied"),
	P(BUSY, 503, 1, "Busy"),
	P(TIMEOUT, 504, 1, "Timed out"),
	P(LOGIN, 503, 30, "Login failed"),
	P(ABSENT, 503, 5, "Absent"),
	P(DEVICE, 502, 1, "Token failure"),
	P(UNSUPPORTED, 501, 0, "Not supported"),
	P(SIGNATURE, 502, 0, "Bad signature"),
	P(MEMORY, 503, 1, "Out of memory"),
	P(INTERNAL, 500, 0, "Internal error"),
	/* what the client sent */
	P(JSON_INVALID, 400, 0, "Not valid JSON"),
	P(JSON_DUPLICATE, 400, 0, "Member sent twice"),
	P(MEMBER_UNKNOWN, 400, 0, "Unknown member"),
	P(MEMBER_MISSING, 400, 0, "Member missing"),
	P(MEMBER_TYPE, 400, 0, "Member of the wrong type"),
	P(BASE64_INVALID, 400, 0, "Not valid base64url"),
	P(URI_INVALID, 400, 0, "Not a valid PKCS#11 URI"),
	P(CLAIM_INVALID, 400, 0, "Invalid claim"),
	P(CLAIM_REFUSED, 422, 0, "Claim refused by policy"),
	P(HEADER_REFUSED, 422, 0, "Header member refused"),
	P(JWK_INVALID, 400, 0, "Not a valid JWK"),
	P(JWS_INVALID, 400, 0, "Not a valid JWS"),
	P(JWE_INVALID, 400, 0, "Not a valid JWE"),
	P(ENC_UNKNOWN, 400, 0, "Unknown content encryption"),
	P(CRIT_UNKNOWN, 400, 0, "Critical header member not understood"),
	P(DECRYPT_FAILED, 400, 0, "Cannot be decrypted"),
	P(PEM_INVALID, 400, 0, "Not valid PEM"),
	P(CERT_INVALID, 400, 0, "Not a valid certificate"),
	P(SUBJECT_INVALID, 400, 0, "Not a valid distinguished name"),
	P(SUBJECT_MISSING, 400, 0, "Nobody to certify"),
	P(NAME_INVALID, 400, 0, "Not a valid alternative name"),
	P(USAGE_UNKNOWN, 400, 0, "Unknown key usage"),
	P(CHALLENGE_INVALID, 400, 0, "Not a valid challenge password"),
	P(CHALLENGE_FILE, 503, 30, "Challenge file not usable"),
	P(TEMPLATE_INVALID, 400, 0, "Not a valid template"),
	/* keys and algorithms */
	P(KEY_UNKNOWN, 404, 0, "No such key"),
	P(KID_MISSING, 409, 0, "No kid can be made"),
	P(KEY_NOT_ACTIVE, 409, 0, "Key version not active"),
	P(KID_TAKEN, 409, 0, "Kid taken by another key"),
	P(CERT_ABSENT, 404, 0, "No certificate for the key"),
	P(CERT_FOREIGN, 404, 0, "The certificate holds another key"),
	P(CERT_EXPIRED, 422, 0, "The certificate is not valid now"),
	P(ATTESTATION_INVALID, 422, 0, "The attestation cannot be read"),
	P(ATTESTATION_FOREIGN, 422, 0, "The attestation is of another key"),
	P(ATTESTATION_UNTRUSTED, 422, 0, "The attestation leads to none of the roots"),
	P(ATTESTATION_ABSENT, 422, 0, "There is no attestation"),
	P(CHECK_FAILED, 422, 0, "A check of the key failed"),
	P(PROFILE_REFUSED, 422, 0, "Not taken by this profile"),
	P(TEMPLATE_UNKNOWN, 400, 0, "No such template"),
	P(KEY_AMBIGUOUS, 409, 0, "More than one key matches"),
	P(KEY_UNAVAILABLE, 503, 5, "Key not available now"),
	P(KEY_WANTS_PIN, 403, 0, "Key wants its PIN each time"),
	P(KEY_WEAK, 403, 0, "Key refused as weak"),
	P(KEY_SECRET, 406, 0, "Secret key without a public half"),
	P(ALG_UNKNOWN, 400, 0, "Unknown algorithm"),
	P(ALG_MISMATCH, 409, 0, "Algorithm does not fit the key"),
	P(DIGEST_LENGTH, 400, 0, "Digest of the wrong length"),
	P(INPUT_TOO_LONG, 413, 0, "Input too long"),
	/* modules and tokens */
	P(MODULE_UNKNOWN, 503, 30, "No such module"),
	P(MODULE_FAILED, 502, 1, "Module failure"),
	P(TOKEN_UNKNOWN, 404, 0, "No such token"),
	P(TOKEN_ABSENT, 503, 5, "Token absent"),
	P(TOKEN_AMBIGUOUS, 503, 30, "More than one token matches"),
	P(TOKEN_FAILED, 502, 1, "Token failure"),
	P(PASSPHRASE_MISSING, 400, 0, "Passphrase missing"),
	P(PASSPHRASE_WRONG, 400, 0, "Passphrase wrong"),
	P(PIN_MISSING, 503, 30, "PIN missing"),
	P(PIN_REJECTED, 503, 30, "PIN rejected"),
	P(PIN_LOCKED, 503, 30, "PIN locked"),
	P(PIN_FINAL_TRY, 503, 30, "Only one PIN try left"),
	P(PIN_EXPIRED, 503, 30, "PIN expired"),
	P(PIN_FILE, 503, 30, "PIN file not usable"),
	P(PIN_PAD, 503, 30, "PIN to be typed on the token's pad"),
	P(LOGGED_OUT, 503, 30, "Token logged out"),
	P(STATE_DIR, 503, 30, "State directory not usable"),
	P(SIGNATURE_WITHHELD, 502, 0, "Signature withheld"),
	P(SIGNATURE_INVALID, 400, 0, "Signature does not verify"),
	/* policy and the broker itself */
	P(PEER_DENIED, 403, 0, "Peer not allowed"),
	P(OPERATION_DENIED, 403, 0, "Operation not allowed"),
	P(SOCKET_DENIED, 403, 0, "Socket not allowed"),
	P(BROKER_ABSENT, 503, 5, "Broker not running"),
	P(CONFIG_INVALID, 500, 0, "Invalid configuration"),
	P(FILE_FAILED, 500, 0, "File not usable"),
	P(AUDIT_FAILED, 503, 5, "Audit log not writable"),
	P(WORKER_LOST, 502, 1, "Worker lost"),
	P(WORKER_TIMEOUT, 504, 1, "Worker timed out"),
	P(QUEUE_FULL, 503, 1, "Queue full"),
	P(RATE_EXCEEDED, 429, 1, "Too many requests"),
	P(REQUESTS_EXCEEDED, 429, 1, "Too many requests under way"),
	P(CONNECTIONS_EXCEEDED, 429, 1, "Too many connections of one user"),
	P(NOT_READY, 503, 5, "Not ready yet"),
	P(DRAINING, 503, 1, "Shutting down"),
	/* HTTP */
	P(HTTP_MALFORMED, 400, 0, "Malformed request"),
	P(HTTP_VERSION, 505, 0, "HTTP version not supported"),
	P(HTTP_HEAD_TOO_LARGE, 431, 0, "Request head too large"),
	P(HTTP_BODY_TOO_LARGE, 413, 0, "Request body too large"),
	P(HTTP_LENGTH_REQUIRED, 411, 0, "Content-Length required"),
	P(HTTP_TIMEOUT, 408, 0, "Request not completed in time"),
	P(HTTP_NOT_IMPLEMENTED, 501, 0, "Not implemented"),
	P(HTTP_METHOD, 405, 0, "Method not allowed"),
	P(HTTP_MEDIA_TYPE, 415, 0, "Unsupported media type"),
	P(HTTP_NOT_ACCEPTABLE, 406, 0, "Not acceptable"),
	P(HTTP_TOO_MANY, 503, 1, "Too many connections"),
	P(ROUTE_UNKNOWN, 404, 0, "No such route"),
	/* of the command line alone: what servers elsewhere answered it */
	P(SERVER_ABSENT, 502, 0, "Server not to be reached"),
	P(SERVER_UNTRUSTED, 502, 0, "Server not trusted"),
	P(SERVER_MALFORMED, 502, 0, "Malformed answer of a server"),
	P(SERVER_REFUSED, 502, 0, "Refused by a server"),
	P(SERVER_PENDING, 504, 0, "Not decided by a server yet"),
	P(HOOK_FAILED, 502, 0, "Hook failed"),
	P(PASSWORD_FILE, 400, 0, "Password file not usable"),
	P(CANCELLED, 504, 0, "Cancelled"),
};
#undef P

static const struct row *row_of(enum j11_code code)
{
	static const struct row unknown = { 500, 0, "Internal error" };

	return (unsigned)code < J11_N_CODE_ && rows[code].status != 0 ? &rows[code] : &unknown;
}

unsigned problem_status(enum j11_code code)
{
	return row_of(code)->status;
}

const char *problem_title(enum j11_code code)
{
	return row_of(code)->title;
}

unsigned problem_retry_after(enum j11_code code)
{
	return row_of(code)->retry_after;
}

static void add(struct j11_json_out *o, const char *name, struct jwk11_view value)
{
	if (value.len > 0)
		j11_json_view(o, name, value);
}

void problem_write(struct jwk11_buf *out, const struct problem *problem)
{
	struct j11_json_out o = J11_JSON_OUT(out);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "title", problem_title(problem->code));
	j11_json_num(&o, "status", problem_status(problem->code));
	add(&o, "detail", problem->detail);
	j11_json_str(&o, "code", j11_code_name((unsigned)problem->code < J11_N_CODE_ ? problem->code : J11_CODE_INTERNAL));
	add(&o, "ckr", problem->ckr);
	add(&o, "token", problem->token);
	add(&o, "request_id", problem->request_id);
	add(&o, "hint", problem->hint);
	if (problem->reasons.len > 0)
		j11_json_raw(&o, "reasons", problem->reasons);
	j11_json_close(&o);
}
