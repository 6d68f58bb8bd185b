/* SPDX-License-Identifier: Apache-2.0 */
/* Exit codes and error sentences. */
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"

static const struct {
	enum j11_code code;
	int exit;
} by_code[] = {
	{ J11_CODE_KEY_UNKNOWN, CMD_NO_KEY }, { J11_CODE_KEY_AMBIGUOUS, CMD_DATA }, { J11_CODE_KEY_UNAVAILABLE, CMD_UNAVAILABLE },
	{ J11_CODE_KEY_SECRET, CMD_DATA },
	{ J11_CODE_TOKEN_UNKNOWN, CMD_NO_KEY }, { J11_CODE_TOKEN_ABSENT, CMD_UNAVAILABLE }, { J11_CODE_TOKEN_FAILED, CMD_UNAVAILABLE }, { J11_CODE_BROKER_ABSENT, CMD_UNAVAILABLE },
	{ J11_CODE_PEER_DENIED, CMD_DENIED }, { J11_CODE_OPERATION_DENIED, CMD_DENIED }, { J11_CODE_SOCKET_DENIED, CMD_DENIED },
	{ J11_CODE_PIN_REJECTED, CMD_DENIED }, { J11_CODE_PIN_LOCKED, CMD_DENIED }, { J11_CODE_PIN_FINAL_TRY, CMD_DENIED },
	{ J11_CODE_KEY_WANTS_PIN, CMD_DENIED }, { J11_CODE_KEY_WEAK, CMD_DENIED },
	{ J11_CODE_PIN_MISSING, CMD_DENIED }, { J11_CODE_PIN_FILE, CMD_DENIED }, { J11_CODE_PIN_EXPIRED, CMD_DENIED },
	{ J11_CODE_PASSPHRASE_MISSING, CMD_DENIED }, { J11_CODE_PASSPHRASE_WRONG, CMD_DENIED },
	{ J11_CODE_CHALLENGE_FILE, CMD_DENIED },
	{ J11_CODE_PIN_PAD, CMD_DENIED }, { J11_CODE_LOGGED_OUT, CMD_DENIED },
	{ J11_CODE_CONFIG_INVALID, CMD_CONFIG }, { J11_CODE_STATE_DIR, CMD_CONFIG }, { J11_CODE_QUEUE_FULL, CMD_TRY_LATER },
	{ J11_CODE_NOT_READY, CMD_TRY_LATER }, { J11_CODE_WORKER_LOST, CMD_TRY_LATER }, { J11_CODE_WORKER_TIMEOUT, CMD_TRY_LATER },
	{ J11_CODE_RATE_EXCEEDED, CMD_TRY_LATER }, { J11_CODE_REQUESTS_EXCEEDED, CMD_TRY_LATER }, { J11_CODE_CONNECTIONS_EXCEEDED, CMD_TRY_LATER },
	{ J11_CODE_HTTP_TOO_MANY, CMD_TRY_LATER },
	{ J11_CODE_SIGNATURE_INVALID, CMD_NEGATIVE }, { J11_CODE_DECRYPT_FAILED, CMD_NEGATIVE }, { J11_CODE_HTTP_MALFORMED, CMD_PROTOCOL },
	{ J11_CODE_AUDIT_FAILED, CMD_TRY_LATER },
	{ J11_CODE_SERVER_ABSENT, CMD_UNAVAILABLE }, { J11_CODE_SERVER_UNTRUSTED, CMD_DENIED }, { J11_CODE_SERVER_MALFORMED, CMD_PROTOCOL },
	{ J11_CODE_SERVER_REFUSED, CMD_DENIED }, { J11_CODE_SERVER_PENDING, CMD_TRY_LATER }, { J11_CODE_HOOK_FAILED, CMD_UNAVAILABLE },
	{ J11_CODE_PASSWORD_FILE, CMD_DENIED }, { J11_CODE_CANCELLED, CMD_TRY_LATER },
	{ J11_CODE_FILE_FAILED, CMD_CANNOT_WRITE },
	{ J11_CODE_ATTESTATION_FOREIGN, CMD_NEGATIVE }, { J11_CODE_ATTESTATION_UNTRUSTED, CMD_NEGATIVE }, { J11_CODE_ATTESTATION_ABSENT, CMD_NEGATIVE },
	{ J11_CODE_CHECK_FAILED, CMD_NEGATIVE },
};

static const int by_rc[JWK11_N_RC_] = {
	[JWK11_ERR_ARGUMENT] = CMD_USAGE, [JWK11_ERR_SYNTAX] = CMD_DATA, [JWK11_ERR_LIMIT] = CMD_DATA, [JWK11_ERR_NOT_FOUND] = CMD_NO_KEY,
	[JWK11_ERR_AMBIGUOUS] = CMD_DATA, [JWK11_ERR_MISMATCH] = CMD_DATA, [JWK11_ERR_DENIED] = CMD_DENIED, [JWK11_ERR_BUSY] = CMD_TRY_LATER,
	[JWK11_ERR_TIMEOUT] = CMD_TRY_LATER, [JWK11_ERR_LOGIN] = CMD_DENIED, [JWK11_ERR_ABSENT] = CMD_UNAVAILABLE,
	[JWK11_ERR_DEVICE] = CMD_UNAVAILABLE, [JWK11_ERR_UNSUPPORTED] = CMD_DATA, [JWK11_ERR_SIGNATURE] = CMD_NEGATIVE,
	[JWK11_ERR_MEMORY] = CMD_BUG, [JWK11_ERR_INTERNAL] = CMD_BUG,
};

int cmd_exit_of(const char *code, enum jwk11_rc rc)
{
	for (size_t i = 0; i < J11_COUNT(by_code); i++)
		if (j11_text_equal(code, j11_code_name(by_code[i].code)))
			return by_code[i].exit;
	return (unsigned)rc < JWK11_N_RC_ && by_rc[rc] != 0 ? by_rc[rc] : CMD_BUG;
}

static char request_id[80];
static unsigned retry_after_s;

void cmd_note_request(const char *id, unsigned retry_after)
{
	snprintf(request_id, sizeof(request_id), "%s", id);
	retry_after_s = retry_after;
}

unsigned cmd_retry_after(void)
{
	return retry_after_s;
}

int cmd_fail(const struct jwk11_err *err)
{
	return cmd_fail_with(err, cmd_exit_of(err->code, err->rc));
}

int cmd_fail_with(const struct jwk11_err *err, int code)
{
	fprintf(stderr, "jwk11: %s\n", err->text[0] ? err->text : "failed without a reason; this is a bug");
	if (err->hint[0] != '\0')
		fprintf(stderr, "  see: %s\n", err->hint);
	fprintf(stderr, "  [exit %d, %s", code, err->code[0] ? err->code : "INTERNAL");
	if (request_id[0] != '\0')
		fprintf(stderr, ", request %s", request_id);
	if (retry_after_s > 0)
		fprintf(stderr, ", retry after %u s", retry_after_s);
	fputs("]\n", stderr);
	return code;
}

int cmd_usage(const char *verb, const char *why)
{
	fprintf(stderr, "jwk11 %s: %s\n  see: jwk11 %s --help\n", verb, why, verb);
	return CMD_USAGE;
}
