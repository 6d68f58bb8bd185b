/* SPDX-License-Identifier: Apache-2.0 */
/* The table of names, and the canonical text made from it: without blanks, so that no line gets longer than it was in the file, where the
 * reader measured it. */
#include "conf_table.h"
#include "form/profile.h"

#define D(name, kind, field, ...) { CONF_S_DAEMON, name, kind, offsetof(struct conf, field), __VA_ARGS__ }
#define T(name, kind, field, ...) { CONF_S_TOKEN, name, kind, offsetof(struct conf_token, field), __VA_ARGS__ }
#define K(name, kind, field, ...) { CONF_S_KEY, name, kind, offsetof(struct conf_key, field), __VA_ARGS__ }
#define S(name, kind, field, ...) { CONF_S_SOCKET, name, kind, offsetof(struct conf_socket, field), __VA_ARGS__ }
#define V(name, kind, field, ...) { CONF_S_VERIFY_ONLY, name, kind, offsetof(struct conf_verify_only, field), 0, 0, __VA_ARGS__ }
#define N(name, kind, field, ...) { CONF_S_KUBERNETES, name, kind, offsetof(struct conf_kubernetes, field), __VA_ARGS__ }
#define C(name, kind, field, ...) { CONF_S_CLIENT, name, kind, offsetof(struct conf_client, field), __VA_ARGS__ }

const struct conf_row conf_rows[] = {
	D("run-dir", CONF_PATH, run_dir, 0, 0, { 0 }),
	D("state-dir", CONF_PATH, state_dir, 0, 0, { 0 }),
	D("socket-group", CONF_TEXT, socket_group, 0, 0, { 0 }),
	D("socket-gid", CONF_UNSIGNED, socket_gid, 0, 0xfffffffe, { 0 }),
	D("api-mode", CONF_MODE, api_mode, 0, 0777, { 0 }),
	D("public-mode", CONF_MODE, public_mode, 0, 0777, { 0 }),
	D("api-address", CONF_TEXT, api_address, 0, 0, { 0 }),
	D("modules", CONF_LIST, modules, 0, 0, { 0 }),
	D("environment", CONF_LINES, environment, 0, 0, { 0 }),
	D("audit", CONF_WORD, audit, 0, 0, { "off", "best-effort", "required" }),
	D("audit-file", CONF_PATH, audit_file, 0, 0, { 0 }),
	D("audit-journal", CONF_WORD, audit_journal, 0, 0, { "no", "refused", "yes" }),
	D("audit-sync", CONF_WORD, audit_sync, 0, 0, { "none", "interval", "each" }),
	D("publish-dir", CONF_PATH, publish_dir, 0, 0, { 0 }),
	D("publish-hook", CONF_PATH, publish_hook, 0, 0, { 0 }),
	D("strict", CONF_WORD, strict, 0, 0, { "no", "yes" }),
	D("transit", CONF_WORD, transit, 0, 0, { "no", "yes" }),
	D("workers", CONF_UNSIGNED, workers, 0, 64, { 0 }),
	D("threads", CONF_UNSIGNED, threads, 1, 128, { 0 }),
	D("worker-allow", CONF_LIST, worker_allow, 0, 0, { 0 }),
	D("worker-read", CONF_LIST, worker_read, 0, 0, { 0 }),
	D("worker-write", CONF_LIST, worker_write, 0, 0, { 0 }),
	D("max-connections", CONF_UNSIGNED, max_connections, 1, 65536, { 0 }),
	D("max-connections-per-user", CONF_UNSIGNED, max_connections_per_user, 0, 65536, { 0 }),
	D("max-queue", CONF_UNSIGNED, max_queue, 1, 65536, { 0 }),
	D("max-requests-per-user", CONF_UNSIGNED, max_requests_per_user, 0, 65536, { 0 }),
	D("max-body", CONF_SIZE, max_body, 256, 131072, { 0 }),
	D("request-timeout", CONF_MS, request_timeout_ms, 1, 600, { 0 }),
	D("head-timeout", CONF_MS, head_timeout_ms, 1, 600, { 0 }),
	D("idle-timeout", CONF_MS, idle_timeout_ms, 1, 86400, { 0 }),
	D("max-age", CONF_SECONDS, max_age, 0, 31536000, { 0 }),
	D("rescan", CONF_SECONDS, rescan, 1, 86400, { 0 }),
	T("uri", CONF_TEXT, uri, 0, 0, { 0 }),
	T("module", CONF_TEXT, module, 0, 0, { 0 }),
	T("pin-file", CONF_PATH, pin_file, 0, 0, { 0 }),
	T("pin-credential", CONF_TEXT, pin_credential, 0, 0, { 0 }),
	T("login", CONF_WORD, login, 0, 0, { "auto", "always", "never", "protected" }),
	T("login-timeout", CONF_SECONDS, login_timeout, 1, 600, { 0 }),
	T("verify", CONF_WORD, verify, 0, 0, { "always", "first" }),
	K("uri", CONF_TEXT, uri, 0, 0, { 0 }),
	K("alg", CONF_TEXT, alg, 0, 0, { 0 }),
	K("kid", CONF_TEXT, kid, 0, 0, { 0 }),
	K("kid-style", CONF_WORD, kid_style, 0, 0, { "thumbprint", "k8s", "label", "id", "none" }), /* as enum jwk11_kid_style */
	K("use", CONF_WORD, use, 0, 0, { "sig", "enc" }),
	K("context-pin", CONF_WORD, context_pin, 0, 0, { "no", "yes" }),
	K("certificates", CONF_PATH, certificates, 0, 0, { 0 }),
	K("discovery", CONF_WORD, discovery, 0, 0, { "no", "yes" }),
	K("lead", CONF_SECONDS, lead, 1, 31536000, { 0 }),
	K("overlap", CONF_SECONDS, overlap, 1, 315360000, { 0 }),
	K("period", CONF_SECONDS, period, 1, 315360000, { 0 }),
	{ CONF_S_SET, "keys", CONF_LIST, offsetof(struct conf_set, keys), 0, 0, { 0 } },
	{ CONF_S_SET, "profile", CONF_PROFILE, offsetof(struct conf_set, profile), 0, 0, { 0 } },
	{ CONF_S_SET, "x5c", CONF_WORD, offsetof(struct conf_set, x5c), 0, 0, { "no", "yes" } },
	{ CONF_S_SET, "issuer", CONF_TEXT, offsetof(struct conf_set, issuer), 0, 0, { 0 } },
	{ CONF_S_SET, "jwks-uri", CONF_TEXT, offsetof(struct conf_set, jwks_uri), 0, 0, { 0 } },
	{ CONF_S_SET, "verify-only", CONF_LIST, offsetof(struct conf_set, verify_only), 0, 0, { 0 } },
	{ CONF_S_SET, "verify-only-no-discovery", CONF_LIST, offsetof(struct conf_set, verify_only_no_discovery), 0, 0, { 0 } },
	{ CONF_S_SET, "verify-only-kid-style", CONF_WORD, offsetof(struct conf_set, verify_only_kid_style), 0, 0, { "thumbprint", "k8s" } },
	C("user", CONF_LIST, users, 0, 0, { 0 }),
	C("uid", CONF_UIDS, uids, 0, 0, { 0 }),
	C("group", CONF_LIST, groups, 0, 0, { 0 }),
	C("gid", CONF_GIDS, gids, 0, 0, { 0 }),
	C("unit", CONF_LIST, units, 0, 0, { 0 }),
	C("executable", CONF_LIST, executables, 0, 0, { 0 }),
	C("socket", CONF_LIST, sockets, 0, 0, { 0 }),
	C("keys", CONF_LIST, keys, 0, 0, { 0 }),
	C("allow", CONF_OPS, ops, 0, 0, { 0 }),
	C("algorithms", CONF_LIST, algorithms, 0, 0, { 0 }),
	C("jwt-issuer", CONF_TEXT, jwt_issuer, 0, 0, { 0 }),
	C("jwt-max-ttl", CONF_SECONDS, jwt_max_ttl, 1, 315360000, { 0 }),
	C("jwt-audience", CONF_LIST, jwt_audience, 0, 0, { 0 }),
	C("jwt-subject", CONF_LIST, jwt_subject, 0, 0, { 0 }),
	C("jwt-require", CONF_LIST, jwt_require, 0, 0, { 0 }),
	C("jwt-forbid", CONF_LIST, jwt_forbid, 0, 0, { 0 }),
	C("jwt-typ", CONF_LIST, jwt_typ, 0, 0, { 0 }),
	C("jwt-header", CONF_LIST, jwt_header, 0, 0, { 0 }),
	C("template", CONF_LIST, templates, 0, 0, { 0 }),
	C("administer", CONF_LIST, administer, 0, 0, { 0 }),
	C("rate", CONF_RATE, rate, 1, 1000000, { 0 }),
	C("burst", CONF_UNSIGNED, burst, 1, 1000000, { 0 }),
	S("path", CONF_PATH, path, 0, 0, { 0 }),
	S("mode", CONF_MODE, mode, 0, 0777, { 0 }),
	S("group", CONF_TEXT, group, 0, 0, { 0 }),
	S("gid", CONF_UNSIGNED, gid, 0, 0xfffffffe, { 0 }),
	S("address", CONF_TEXT, address, 0, 0, { 0 }),
	N("key", CONF_TEXT, key, 0, 0, { 0 }),
	N("set", CONF_TEXT, set, 0, 0, { 0 }),
	N("path", CONF_TEXT, path, 0, 0, { 0 }),
	N("mode", CONF_MODE, mode, 0, 0777, { 0 }),
	N("group", CONF_TEXT, group, 0, 0, { 0 }),
	N("gid", CONF_UNSIGNED, gid, 0, 0xfffffffe, { 0 }),
	N("max-token-lifetime", CONF_SECONDS, max_lifetime, CONF_KUBERNETES_MIN, 315360000, { 0 }),
	N("refresh-hint", CONF_SECONDS, refresh_hint, 1, 86400, { 0 }),
	N("address", CONF_TEXT, address, 0, 0, { 0 }),
	V("set", CONF_TEXT, set, { 0 }),
	V("file", CONF_PATH, file, { 0 }),
	V("kid", CONF_TEXT, kid, { 0 }),
	V("alg", CONF_TEXT, alg, { 0 }),
	V("kty", CONF_TEXT, kty, { 0 }),
	V("thumbprint", CONF_TEXT, thumbprint, { 0 }),
	V("jwk", CONF_TEXT, jwk, { 0 }),
	V("pkix", CONF_TEXT, pkix, { 0 }),
	V("discovery", CONF_WORD, discovery, { "no", "yes" }),
	{ CONF_S_DAEMON, NULL, CONF_TEXT, 0, 0, 0, { 0 } },
};

static void emit_ids(const struct conf_row *row, const struct conf_client *client, struct jwk11_buf *out)
{
	size_t n = row->kind == CONF_UIDS ? client->n_uids : client->n_gids;

	for (size_t i = 0; i < n; i++)
		j11_buf_add_fmt(out, "%s=%u\n", row->name, row->kind == CONF_UIDS ? client->uids[i] : client->gids[i]);
}

static void emit_row(const struct conf_row *row, const void *target, struct jwk11_buf *out)
{
	const char *place = (const char *)target + row->offset;
	const struct j11_profile *profile;
	const char *text;

	switch (row->kind) {
	case CONF_TEXT:
	case CONF_PATH:
		text = *(const char *const *)(const void *)place;
		if (text != NULL)
			j11_buf_add_fmt(out, "%s=%s\n", row->name, text);
		return;
	case CONF_WORD:
		j11_buf_add_fmt(out, "%s=%s\n", row->name, row->words[*(const unsigned *)(const void *)place]);
		return;
	case CONF_PROFILE:
		profile = *(const struct j11_profile *const *)(const void *)place;
		if (profile != NULL)
			j11_buf_add_fmt(out, "%s=%s\n", row->name, profile->name);
		return;
	case CONF_LIST:
	case CONF_LINES:
		for (const char *const *w = *(const char *const *const *)(const void *)place; *w != NULL; w++)
			j11_buf_add_fmt(out, "%s=%s\n", row->name, *w);
		return;
	case CONF_UIDS:
	case CONF_GIDS:
		emit_ids(row, target, out);
		return;
	case CONF_OPS:
		for (unsigned op = 0; op < CONF_N_OPS; op++)
			if (((const struct conf_client *)target)->ops[op])
				j11_buf_add_fmt(out, "%s=%s\n", row->name, conf_op_name((enum conf_op)op));
		return;
	case CONF_MODE:
		j11_buf_add_fmt(out, "%s=%04o\n", row->name, *(const unsigned *)(const void *)place);
		return;
	case CONF_MS:
		j11_buf_add_fmt(out, "%s=%lld\n", row->name, (long long)*(const int64_t *)(const void *)place / 1000);
		return;
	case CONF_SECONDS:
		if (*(const int64_t *)(const void *)place > 0 || row->min == 0)
			j11_buf_add_fmt(out, "%s=%lld\n", row->name, (long long)*(const int64_t *)(const void *)place);
		return;
	case CONF_RATE:
		if (*(const int64_t *)(const void *)place > 0)
			j11_buf_add_fmt(out, "%s=%lld/h\n", row->name, (long long)*(const int64_t *)(const void *)place);
		return;
	case CONF_SIZE:
		j11_buf_add_fmt(out, "%s=%zu\n", row->name, *(const size_t *)(const void *)place);
		return;
	case CONF_UNSIGNED:
		if (*(const unsigned *)(const void *)place != (unsigned)-1 && *(const unsigned *)(const void *)place >= row->min)
			j11_buf_add_fmt(out, "%s=%u\n", row->name, *(const unsigned *)(const void *)place);
		return;
	}
}

static void emit_section(enum conf_section section, const char *name, const void *target, struct jwk11_buf *out)
{
	j11_buf_add_fmt(out, name ? "[%s %s]\n" : "[%s]\n", conf_section_name(section), name);
	for (const struct conf_row *row = conf_rows; row->name != NULL; row++)
		if (row->section == section)
			emit_row(row, target, out);
}

void conf_emit_verify_only(const struct conf *conf, struct jwk11_buf *out)
{
	for (size_t i = 0; i < conf->n_verify_only; i++)
		emit_section(CONF_S_VERIFY_ONLY, conf->verify_only[i].name, &conf->verify_only[i], out);
}

void conf_emit(const struct conf *conf, struct jwk11_buf *out)
{
	emit_section(CONF_S_DAEMON, NULL, conf, out);
	for (size_t i = 0; i < conf->n_tokens; i++)
		emit_section(CONF_S_TOKEN, conf->tokens[i].name, &conf->tokens[i], out);
	for (size_t i = 0; i < conf->n_keys; i++)
		emit_section(CONF_S_KEY, conf->keys[i].name, &conf->keys[i], out);
	for (size_t i = 0; i < conf->n_sets; i++)
		emit_section(CONF_S_SET, conf->sets[i].name, &conf->sets[i], out);
	for (size_t i = 0; i < conf->n_clients; i++)
		emit_section(CONF_S_CLIENT, conf->clients[i].name, &conf->clients[i], out);
	for (size_t i = 0; i < conf->n_sockets; i++)
		emit_section(CONF_S_SOCKET, conf->sockets[i].name, &conf->sockets[i], out);
	if (conf_has_kubernetes(conf))
		emit_section(CONF_S_KUBERNETES, NULL, &conf->kubernetes, out);
	conf_emit_verify_only(conf, out);
}
