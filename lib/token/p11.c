/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and initialising modules through p11-kit, which passes its own configured arguments (NSS needs them) and counts users. */
#include "p11.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

enum jwk11_rc jwk11_context_new(struct jwk11_context **ret_ctx, struct jwk11_err *err)
{
	struct jwk11_context *ctx = j11_mem_new(sizeof(*ctx));

	if (ctx == NULL)
		return j11_err_memory(err);
	ctx->pid = getpid();
	pthread_mutex_init(&ctx->lock, NULL);
	pthread_mutex_init(&ctx->login_lock, NULL);
	*ret_ctx = ctx;
	return JWK11_OK;
}

static void destroy(struct jwk11_context *ctx)
{
	for (size_t i = 0; ctx->pid == getpid() && i < ctx->n_modules; i++) {
		p11_kit_module_finalize(ctx->modules[i].fl);
		p11_kit_module_release(ctx->modules[i].fl);
	}
	pthread_mutex_destroy(&ctx->lock);
	pthread_mutex_destroy(&ctx->login_lock);
	j11_mem_wipe(ctx->pin_key, sizeof(ctx->pin_key));
	j11_mem_free(ctx->state_dir);
	j11_mem_free(ctx);
}

/* A login on a PIN pad that nobody waits for any more still has its token, and that its context. */
void jwk11_context_free(struct jwk11_context *ctx)
{
	bool last;

	if (ctx == NULL)
		return;
	pthread_mutex_lock(&ctx->lock);
	ctx->released = true;
	last = ctx->n_open == 0;
	pthread_mutex_unlock(&ctx->lock);
	if (last)
		destroy(ctx);
}

void j11_p11_hold(struct jwk11_context *ctx)
{
	pthread_mutex_lock(&ctx->lock);
	ctx->n_open++;
	pthread_mutex_unlock(&ctx->lock);
}

void j11_p11_drop(struct jwk11_context *ctx)
{
	bool last;

	pthread_mutex_lock(&ctx->lock);
	last = --ctx->n_open == 0 && ctx->released;
	pthread_mutex_unlock(&ctx->lock);
	if (last)
		destroy(ctx);
}

enum jwk11_rc j11_p11_check(const struct jwk11_context *ctx, struct jwk11_err *err)
{
	if (ctx == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "no context given");
	if (ctx->pid != getpid())
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "this process was forked after the context was made; make a new one");
	return JWK11_OK;
}

const struct j11_module *j11_p11_find(const struct jwk11_context *ctx, const char *name)
{
	for (size_t i = 0; i < ctx->n_modules; i++)
		if (j11_text_equal(ctx->modules[i].name, name))
			return &ctx->modules[i];
	return NULL;
}

struct jwk11_view j11_p11_padded(const CK_UTF8CHAR *field, size_t n)
{
	while (n > 0 && (field[n - 1] == ' ' || field[n - 1] == '\0'))
		n--;
	return (struct jwk11_view){ .data = field, .len = n };
}

/* Is this octet of a field that is UTF-8 one of a control character's? Those above ASCII, which terminals obey too, are two octets there, and
 * nothing else has 0xc2 in front. */
static bool is_control(const CK_UTF8CHAR *field, size_t i, size_t n)
{
	return field[i] < 0x20 || field[i] == 0x7f || (field[i] == 0xc2 && i + 1 < n && field[i + 1] < 0xa0) ||
		(i > 0 && field[i - 1] == 0xc2 && field[i] >= 0x80 && field[i] < 0xa0);
}

void j11_p11_field(const CK_UTF8CHAR *field, size_t n, char *ret_text)
{
	bool utf8;

	n = j11_p11_padded(field, n).len;
	utf8 = j11_text_is_utf8((struct jwk11_view){ .data = field, .len = n });
	for (size_t i = 0; i < n; i++)
		ret_text[i] = is_control(field, i, n) || (!utf8 && field[i] >= 0x80) ? '?' : (char)field[i];
	ret_text[n] = '\0';
}

/* Modules install handlers of their own (NSS, GLib: SIGPIPE); what was set before stays. */
static CK_RV initialize(CK_FUNCTION_LIST *fl)
{
	static const int signals[] = { SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGSEGV };
	struct sigaction saved[J11_COUNT(signals)];
	CK_RV rv;

	for (size_t i = 0; i < J11_COUNT(signals); i++)
		sigaction(signals[i], NULL, &saved[i]);
	rv = p11_kit_module_initialize(fl);
	for (size_t i = 0; i < J11_COUNT(signals); i++)
		sigaction(signals[i], &saved[i], NULL);
	return rv;
}

static void describe_library(struct j11_module *m)
{
	CK_INFO info;
	char text[33];

	memset(&info, 0, sizeof(info));
	if (m->fl->C_GetInfo(&info) != CKR_OK)
		return;
	j11_p11_field(info.libraryDescription, sizeof(info.libraryDescription), text);
	snprintf(m->library, sizeof(m->library), "%s %u.%u", text, info.libraryVersion.major, info.libraryVersion.minor);
}

/* Initialises a module and takes it into the context; releases it when that fails. */
static enum jwk11_rc take_module(struct jwk11_context *ctx, CK_FUNCTION_LIST *fl, const char *name, struct jwk11_err *err)
{
	struct j11_module *m = &ctx->modules[ctx->n_modules];
	CK_RV rv;

	if (j11_p11_find(ctx, name) != NULL) {
		p11_kit_module_release(fl);
		return JWK11_OK;
	}
	if (ctx->n_modules == J11_MAX_MODULES) {
		p11_kit_module_release(fl);
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %d modules", J11_MAX_MODULES);
	}
	rv = initialize(fl);
	if (rv != CKR_OK) {
		p11_kit_module_release(fl);
		return j11_err_set_ckr(err, JWK11_ERR_DEVICE, J11_CODE_MODULE_FAILED, rv, "module \"%s\" does not start: C_Initialize", name);
	}
	m->fl = fl;
	snprintf(m->name, sizeof(m->name), "%s", name);
	describe_library(m);
	ctx->n_modules++;
	return JWK11_OK;
}

static enum jwk11_rc load_path(struct jwk11_context *ctx, const char *path, struct jwk11_err *err)
{
	CK_FUNCTION_LIST *fl;

	if (j11_p11_find(ctx, path) != NULL)
		return JWK11_OK;
	fl = p11_kit_module_load(path, 0);
	if (fl == NULL)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_MODULE_UNKNOWN, "module %s cannot be loaded: %s", path, p11_kit_message());
	return take_module(ctx, fl, path, err);
}

/* One configured module by name, or all of them. Those not asked for are released again without being initialised. */
static enum jwk11_rc load_configured(struct jwk11_context *ctx, const char *wanted, struct jwk11_err *err)
{
	CK_FUNCTION_LIST **list = p11_kit_modules_load(NULL, 0);
	enum jwk11_rc rc = JWK11_OK;
	bool found = false;

	if (list == NULL)
		return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_MODULE_FAILED, "p11-kit cannot load its modules: %s", p11_kit_message());
	for (size_t i = 0; list[i] != NULL; i++) {
		char *name = p11_kit_module_get_name(list[i]);
		struct jwk11_err why = { 0 };

		if (name == NULL || (wanted != NULL && !j11_text_equal(name, wanted))) {
			p11_kit_module_release(list[i]);
		} else {
			enum jwk11_rc one = take_module(ctx, list[i], name, &why);

			found = true;
			if (one != JWK11_OK && wanted != NULL) {
				rc = one;
				if (err != NULL && err->rc == JWK11_OK)
					*err = why;
			}
		}
		free(name);
	}
	free(list);
	if (wanted == NULL && ctx->n_modules == 0)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_MODULE_UNKNOWN, "p11-kit has no module that starts");
	if (wanted != NULL && !found) {
		j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_MODULE_UNKNOWN, "p11-kit has no module named \"%s\"", wanted);
		j11_err_hint(err, "p11-kit list-modules shows the names; or give the module's absolute path");
		return JWK11_ERR_NOT_FOUND;
	}
	return rc;
}

enum jwk11_rc jwk11_context_load(struct jwk11_context *ctx, const char *module, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_p11_check(ctx, err);

	if (rc != JWK11_OK)
		return rc;
	return module != NULL && module[0] == '/' ? load_path(ctx, module, err) : load_configured(ctx, module, err);
}

enum jwk11_rc jwk11_context_reload(struct jwk11_context *ctx, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_p11_check(ctx, err);
	unsigned n_open;
	CK_RV rv;

	if (rc != JWK11_OK)
		return rc;
	pthread_mutex_lock(&ctx->lock);
	n_open = ctx->n_open;
	pthread_mutex_unlock(&ctx->lock);
	if (n_open > 0)
		return j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_BUSY, "modules cannot be started again while %u tokens are open", n_open);
	for (size_t i = 0; i < ctx->n_modules; i++) {
		p11_kit_module_finalize(ctx->modules[i].fl);
		rv = initialize(ctx->modules[i].fl);
		if (rv != CKR_OK)
			return j11_err_set_ckr(err, JWK11_ERR_DEVICE, J11_CODE_MODULE_FAILED, rv, "module \"%s\" does not start again: C_Initialize",
				ctx->modules[i].name);
	}
	return JWK11_OK;
}

void jwk11_context_set_login_hook(struct jwk11_context *ctx, const struct jwk11_login_hook *hook)
{
	ctx->hook = hook ? *hook : (struct jwk11_login_hook){ 0 };
}

size_t jwk11_context_n_hidden(const struct jwk11_context *ctx)
{
	return ctx->n_hidden;
}
