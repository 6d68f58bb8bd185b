/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the caller's error record. Cannot fail: a sentence that is too long is cut. */
#include "err.h"

#include <stdio.h>
#include <string.h>

#include "ckr.h"

static const char *const rc_names[JWK11_N_RC_] = {
	[JWK11_OK] = "ok",
	[JWK11_ERR_ARGUMENT] = "argument",
	[JWK11_ERR_SYNTAX] = "syntax",
	[JWK11_ERR_LIMIT] = "limit",
	[JWK11_ERR_NOT_FOUND] = "not-found",
	[JWK11_ERR_AMBIGUOUS] = "ambiguous",
	[JWK11_ERR_MISMATCH] = "mismatch",
	[JWK11_ERR_DENIED] = "denied",
	[JWK11_ERR_BUSY] = "busy",
	[JWK11_ERR_TIMEOUT] = "timeout",
	[JWK11_ERR_LOGIN] = "login",
	[JWK11_ERR_ABSENT] = "absent",
	[JWK11_ERR_DEVICE] = "device",
	[JWK11_ERR_UNSUPPORTED] = "unsupported",
	[JWK11_ERR_SIGNATURE] = "signature",
	[JWK11_ERR_MEMORY] = "memory",
	[JWK11_ERR_INTERNAL] = "internal",
};

#define CODE_NAME_(name) #name,
static const char *const code_names[J11_N_CODE_] = { J11_CODES(CODE_NAME_) };

const char *jwk11_rc_name(enum jwk11_rc rc)
{
	return (unsigned)rc < JWK11_N_RC_ ? rc_names[rc] : "unknown";
}

const char *j11_code_name(enum j11_code code)
{
	return (unsigned)code < J11_N_CODE_ ? code_names[code] : "INTERNAL";
}

enum j11_code j11_code_find(const char *name)
{
	unsigned i = 0;

	while (i < J11_N_CODE_ && strcmp(code_names[i], name) != 0)
		i++;
	return (enum j11_code)i;
}

/* True when this record takes a new cause. */
static bool start(struct jwk11_err *err, enum jwk11_rc rc, enum j11_code code)
{
	if (err == NULL || err->rc != JWK11_OK)
		return false;
	memset(err, 0, sizeof(*err));
	err->rc = rc;
	snprintf(err->code, sizeof(err->code), "%s", j11_code_name(code));
	return true;
}

enum jwk11_rc j11_err_set(struct jwk11_err *err, enum jwk11_rc rc, enum j11_code code, const char *fmt, ...)
{
	va_list ap;

	if (start(err, rc, code)) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return rc;
}

enum jwk11_rc j11_err_set_ckr(struct jwk11_err *err, enum jwk11_rc rc, enum j11_code code, unsigned long ckr, const char *fmt, ...)
{
	va_list ap;
	size_t used;

	if (start(err, rc, code)) {
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		err->has_ckr = true;
		err->ckr = ckr;
		used = strlen(err->text);
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", j11_ckr_name(ckr));
	}
	return rc;
}

void j11_err_prefix(struct jwk11_err *err, const char *fmt, ...)
{
	char old[JWK11_TEXT_MAX];
	va_list ap;
	size_t used;

	if (err == NULL || err->rc == JWK11_OK)
		return;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", old);
}

void j11_err_hint(struct jwk11_err *err, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
}

enum jwk11_rc j11_err_memory(struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_MEMORY, J11_CODE_MEMORY, "out of memory");
}

void j11_err_clear(struct jwk11_err *err)
{
	if (err != NULL)
		memset(err, 0, sizeof(*err));
}
