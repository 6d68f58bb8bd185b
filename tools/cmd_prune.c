/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 prune: destroys versions that are no longer published, or one that is not yet. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "local_version.h"
#include "token/provision.h"

/* Those to be destroyed: by index of the versions. */
struct pruning {
	struct local_versions versions;
	bool chosen[J11_VERSIONS_MAX];
	size_t n;
};

static void choose_retired(struct pruning *p)
{
	for (size_t i = 0; i < p->versions.n; i++) {
		p->chosen[i] = p->versions.list[i].state == J11_VERSION_RETIRED;
		p->n += p->chosen[i];
	}
}

/* What is published and has signed is needed by those who hold its tokens. */
static enum jwk11_rc choose_kid(struct pruning *p, const char *kid, struct jwk11_err *err)
{
	const char *name = p->versions.conf->name;
	char until[21];

	for (size_t i = 0; i < p->versions.n; i++) {
		const struct local_version *v = &p->versions.list[i];

		if (!j11_text_equal(v->kid, kid) || p->chosen[i])
			continue;
		if (v->state == J11_VERSION_ACTIVE) {
			j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_ARGUMENT, "key \"%s\": the version of kid %s is the one that signs", name, kid);
			j11_err_hint(err, "jwk11 rotate %s; what signs now can be destroyed when it has retired", name);
			return err->rc;
		}
		if (v->state == J11_VERSION_RETIRING && v->until < INT64_MAX && v->why.rc == JWK11_OK) {
			j11_text_time(v->until, until);
			return j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_ARGUMENT, "key \"%s\": tokens signed by the version of kid %s may be about until %s", name, kid, until);
		}
		p->chosen[i] = true;
		p->n++;
		return JWK11_OK;
	}
	j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, "key \"%s\" has no version of kid \"%s\"", name, kid);
	j11_err_hint(err, "jwk11 keys %s", name);
	return err->rc;
}

static enum jwk11_rc choose(struct pruning *p, int n_kids, char **kids, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	if (n_kids == 0)
		choose_retired(p);
	for (int i = 0; i < n_kids && rc == JWK11_OK; i++)
		rc = choose_kid(p, kids[i], err);
	return rc;
}

static void show(const struct pruning *p, const char *what, FILE *out)
{
	for (size_t i = 0; i < p->versions.n; i++)
		if (p->chosen[i])
			fprintf(out, "%s %s %s (%s, kid %s) on token \"%s\"\n", what, j11_version_state_name(p->versions.list[i].state),
				jwk11_key_label(p->versions.list[i].key), p->versions.list[i].alg, p->versions.list[i].kid,
				jwk11_token_get_info(jwk11_key_token(p->versions.list[i].key))->label);
}

/* Nothing but a clear yes is one. */
static bool confirm(const struct pruning *p)
{
	char answer[8] = "";

	show(p, "destroy", stderr);
	fprintf(stderr, "There is no way back. Destroy %zu version%s of %s? [y/N] ", p->n, p->n > 1 ? "s" : "", p->versions.conf->name);
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) != NULL && (j11_text_equal(answer, "y\n") || j11_text_equal(answer, "yes\n"));
}

static enum jwk11_rc destroy(struct pruning *p, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; i < p->versions.n && rc == JWK11_OK; i++) {
		if (!p->chosen[i])
			continue;
		rc = j11_provision_destroy(p->versions.list[i].key, err);
		if (rc == JWK11_OK)
			printf("destroyed %s (kid %s)\n", jwk11_key_label(p->versions.list[i].key), p->versions.list[i].kid);
	}
	return rc;
}

static void tell_broker(const struct cmd_global *g, const struct local *local, const struct pruning *p)
{
	const char *told = "";

	for (size_t i = 0; i < p->versions.n; i++) {
		const char *section = p->chosen[i] ? local_section_of(local, jwk11_key_token(p->versions.list[i].key)) : told;

		if (!j11_text_equal(section, told))
			local_tell_broker(g, section, local_conf(local)->rescan);
		told = section;
	}
}

static int run(const struct cmd_global *g, const struct local *local, struct pruning *p, struct jwk11_err *err)
{
	if (p->n == 0) {
		printf("%s: no version has retired\n", p->versions.conf->name);
		return CMD_OK;
	}
	if (g->dry_run) {
		show(p, "would destroy", stdout);
		return CMD_OK;
	}
	if (!g->yes && !isatty(STDIN_FILENO)) {
		show(p, "to be destroyed:", stderr);
		return cmd_usage("prune", "asks before it destroys, and nobody is at the terminal; --yes goes without");
	}
	if (!g->yes && !confirm(p)) {
		fputs("jwk11: nothing was destroyed\n", stderr);
		return CMD_NEGATIVE;
	}
	if (destroy(p, err) != JWK11_OK)
		return cmd_fail(err);
	tell_broker(g, local, p);
	return CMD_OK;
}

static int run_prune(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	const struct conf_key *conf = NULL;
	struct pruning p = { .n = 0 };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;
	int code;

	if (argc < 1)
		return cmd_usage("prune", "takes the name of a key, and kids if only these are meant");
	rc = local_open(g, &local, &err);
	if (rc == JWK11_OK)
		rc = local_versions_conf(local, argv[0], &conf, &err);
	if (rc == JWK11_OK)
		rc = local_versions_find(local, conf, time(NULL), &p.versions, &err);
	if (rc == JWK11_OK)
		rc = choose(&p, argc - 1, argv + 1, &err);
	code = rc == JWK11_OK ? run(g, local, &p, &err) : cmd_fail(&err);
	local_versions_done(&p.versions);
	return code;
}

static const struct cmd_option options[] = {
	{ "yes", 0, CMD_FLAG, &cmd_given.yes, NULL, "without asking" },
	{ "dry-run", 0, CMD_FLAG, &cmd_given.dry_run, NULL, "show them, and change nothing" },
};

const struct cmd_verb cmd_prune = { "prune", "NAME [KID ...]", "destroy versions that have retired, or these",
	run_prune, options, J11_COUNT(options), .local = true };
