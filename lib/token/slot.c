/* SPDX-License-Identifier: Apache-2.0 */
/* Slots and tokens: listing, choosing exactly one. Slot numbers are never shown and never kept beyond an open token. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "token.h"
#include "uri.h"

enum { MAX_SLOTS = 256 };

static enum jwk11_pin_state pin_state(CK_FLAGS flags)
{
	if ((flags & CKF_LOGIN_REQUIRED) == 0)
		return JWK11_PIN_NOT_NEEDED;
	if (flags & CKF_USER_PIN_LOCKED)
		return JWK11_PIN_LOCKED;
	if (flags & CKF_USER_PIN_FINAL_TRY)
		return JWK11_PIN_FINAL;
	if (flags & CKF_USER_PIN_TO_BE_CHANGED)
		return JWK11_PIN_EXPIRED;
	if (flags & CKF_PROTECTED_AUTHENTICATION_PATH)
		return JWK11_PIN_PAD;
	return flags & CKF_USER_PIN_COUNT_LOW ? JWK11_PIN_LOW : JWK11_PIN_OK;
}

const char *jwk11_pin_state_name(enum jwk11_pin_state state)
{
	static const char *const names[JWK11_N_PIN_] = { "ok", "not-needed", "missing", "rejected", "low", "final-try", "locked", "expired", "pad" };

	return (unsigned)state < JWK11_N_PIN_ ? names[state] : "unknown";
}

static void clean_info(const struct j11_module *m, const CK_TOKEN_INFO *raw, struct jwk11_token_info *info)
{
	memset(info, 0, sizeof(*info));
	j11_p11_field(raw->label, sizeof(raw->label), info->label);
	j11_p11_field(raw->manufacturerID, sizeof(raw->manufacturerID), info->manufacturer);
	j11_p11_field(raw->model, sizeof(raw->model), info->model);
	j11_p11_field(raw->serialNumber, sizeof(raw->serialNumber), info->serial);
	snprintf(info->module, sizeof(info->module), "%s", m->name);
	snprintf(info->library, sizeof(info->library), "%s", m->library);
	info->flags = raw->flags;
	info->pin = pin_state(raw->flags);
	info->initialized = (raw->flags & CKF_TOKEN_INITIALIZED) != 0;
}

/* The first query is the call that lets a module look for new slots (PKCS#11 5.5). A count beyond what was written names no slot. */
static CK_RV slot_list(CK_FUNCTION_LIST *fl, CK_SLOT_ID slots[MAX_SLOTS], CK_ULONG *n)
{
	CK_RV rv = fl->C_GetSlotList(CK_TRUE, NULL, n);

	if (rv != CKR_OK)
		return rv;
	memset(slots, 0xff, MAX_SLOTS * sizeof(*slots));
	*n = MAX_SLOTS;
	rv = fl->C_GetSlotList(CK_TRUE, slots, n);
	if (*n > MAX_SLOTS)
		*n = MAX_SLOTS;
	return rv;
}

/* One token that matches; the walk goes on while it returns true. */
typedef bool (*visit_fn)(const struct j11_module *m, CK_SLOT_ID slot, const CK_TOKEN_INFO *raw, void *arg);

static enum jwk11_rc walk(struct jwk11_context *ctx, const char *uri_text, visit_fn visit, void *arg, struct jwk11_err *err)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;
	enum jwk11_rc rc = j11_uri_new(uri_text, &uri, err);
	CK_SLOT_ID slots[MAX_SLOTS];
	CK_TOKEN_INFO raw;
	CK_ULONG n;

	if (rc != JWK11_OK)
		return rc;
	ctx->n_hidden = 0;
	for (size_t i = 0; i < ctx->n_modules; i++) {
		const struct j11_module *m = &ctx->modules[i];

		n = 0;
		if (slot_list(m->fl, slots, &n) != CKR_OK)
			continue;
		for (CK_ULONG s = 0; s < n; s++) {
			memset(&raw, 0, sizeof(raw));
			if (m->fl->C_GetTokenInfo(slots[s], &raw) != CKR_OK)
				continue;
			if ((raw.flags & CKF_TOKEN_INITIALIZED) == 0) {
				ctx->n_hidden++;
				continue;
			}
			if (j11_uri_matches_token(uri, &raw) && !visit(m, slots[s], &raw, arg))
				return JWK11_OK;
		}
	}
	return JWK11_OK;
}

struct listing {
	jwk11_token_fn fn;
	void *arg;
};

static bool visit_listing(const struct j11_module *m, CK_SLOT_ID slot, const CK_TOKEN_INFO *raw, void *arg)
{
	struct listing *l = arg;
	struct jwk11_token_info info;

	(void)slot;
	clean_info(m, raw, &info);
	return l->fn(&info, l->arg);
}

enum jwk11_rc jwk11_context_tokens(struct jwk11_context *ctx, const char *uri, jwk11_token_fn fn, void *arg, struct jwk11_err *err)
{
	struct listing l = { fn, arg };
	enum jwk11_rc rc = j11_p11_check(ctx, err);

	return rc == JWK11_OK ? walk(ctx, uri, visit_listing, &l, err) : rc;
}

struct search {
	struct jwk11_token *token;
	const char *module;
	unsigned n;
	char others[96];
};

static bool visit_search(const struct j11_module *m, CK_SLOT_ID slot, const CK_TOKEN_INFO *raw, void *arg)
{
	struct search *s = arg;
	struct jwk11_token_info info;
	size_t used = strlen(s->others);

	if (s->module != NULL && !j11_text_equal(s->module, m->name))
		return true;
	clean_info(m, raw, &info);
	snprintf(s->others + used, sizeof(s->others) - used, "%s%s (serial %s)", used ? ", " : "", info.label, info.serial);
	if (s->n++ == 0) {
		s->token->module = m;
		s->token->fl = m->fl;
		s->token->slot = slot;
		s->token->raw = *raw;
		s->token->info = info;
	}
	return true;
}

/* Who said how to log in has said what to think of a pad. */
static void settle_pad(struct jwk11_token *token)
{
	if (token->info.pin == JWK11_PIN_PAD && token->login_mode != JWK11_LOGIN_AUTO)
		token->info.pin = JWK11_PIN_OK;
}

enum jwk11_rc j11_slot_find(struct jwk11_token *token, const char *uri, const char *module, struct jwk11_err *err)
{
	struct search s = { .token = token, .module = module };
	enum jwk11_rc rc = walk(token->ctx, uri, visit_search, &s, err);

	if (rc != JWK11_OK)
		return rc;
	settle_pad(token);
	if (s.n == 1)
		return rc;
	if (s.n == 0) {
		j11_err_set(err, JWK11_ERR_ABSENT, J11_CODE_TOKEN_ABSENT, "no token that is present matches %s", uri ? uri : "pkcs11:");
		j11_err_hint(err, "jwk11 tokens; waiting is safe: the broker picks it up when it is there");
		return JWK11_ERR_ABSENT;
	}
	j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_TOKEN_AMBIGUOUS, "%u tokens match %s: %s", s.n, uri ? uri : "pkcs11:", s.others);
	j11_err_hint(err, "add serial= to the URI");
	return JWK11_ERR_AMBIGUOUS;
}

enum jwk11_rc j11_slot_check(struct jwk11_token *token, struct jwk11_err *err)
{
	CK_TOKEN_INFO raw;
	CK_RV rv;

	memset(&raw, 0, sizeof(raw));
	rv = token->fl->C_GetTokenInfo(token->slot, &raw);
	if (rv != CKR_OK)
		return j11_token_failed(token, rv, "C_GetTokenInfo", err);
	if (memcmp(raw.serialNumber, token->raw.serialNumber, sizeof(raw.serialNumber)) != 0 ||
		memcmp(raw.label, token->raw.label, sizeof(raw.label)) != 0)
		return j11_err_set(err, JWK11_ERR_ABSENT, J11_CODE_TOKEN_ABSENT, "token \"%s\" was replaced by another one", token->info.label);
	token->info.flags = raw.flags;
	token->info.pin = pin_state(raw.flags);
	settle_pad(token);
	return JWK11_OK;
}
