/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 publish: the key sets and discovery documents that the broker serves, byte for byte, as files. A file changes only when its bytes do, and is
 * there whole or as it was; what cannot be had now leaves the file that is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf.h"
#include "json/json_write.h"
#include "show.h"

enum { MAX_FILES = 256, PATH_ROOM = 4096, REPORT_MAX = 1024 * 1024 };

/* What has been done. */
struct publishing {
	const struct cmd_global *g;
	char *changed[MAX_FILES + 2]; /* the hook, then the files that are new; ends with NULL */
	size_t n_changed;
	int code;                     /* of the last failure; CMD_OK */
	struct jwk11_buf report;
	struct j11_json_out out;
};

/* `why` belongs to a file that was kept; NULL. */
static void tell(struct publishing *p, const char *file, const char *state, const struct jwk11_err *why)
{
	if (!p->g->json) {
		printf("%s %s\n", state, file);
		return;
	}
	j11_json_open(&p->out, NULL, '{');
	j11_json_str(&p->out, "file", file);
	j11_json_str(&p->out, "state", state);
	if (why != NULL) {
		j11_json_str(&p->out, "code", why->code);
		j11_json_str(&p->out, "why", why->text);
	}
	j11_json_close(&p->out);
}

static void fail(struct publishing *p, const char *file, const struct jwk11_err *err)
{
	p->code = cmd_fail(err);
	tell(p, file, "kept", err);
}

/* ---- files ---- */

/* Every folder on the way to the file; others may read them, which is what they are for. */
static enum jwk11_rc make_folders(const char *path, struct jwk11_err *err)
{
	char folder[PATH_ROOM];

	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		if (mkdir(folder, 0755) != 0 && errno != EEXIST)
			return cmd_file_failed(folder, err);
	}
	return JWK11_OK;
}

static bool has_bytes(const char *path, struct jwk11_view wanted)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf there = J11_BUF(ASK_MAX);

	return access(path, F_OK) == 0 && cmd_read_input(path, ASK_MAX, &there, NULL) == JWK11_OK && j11_view_equal(j11_buf_view(&there), wanted);
}

static enum jwk11_rc put(struct publishing *p, const char *file, struct jwk11_view bytes, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	if (has_bytes(file, bytes)) {
		tell(p, file, "unchanged", NULL);
		return JWK11_OK;
	}
	if (p->n_changed == MAX_FILES)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %d files", MAX_FILES);
	rc = make_folders(file, err);
	if (rc == JWK11_OK)
		rc = cmd_write_output(file, bytes, false, err);
	if (rc != JWK11_OK)
		return rc;
	tell(p, file, "changed", NULL);
	p->changed[1 + p->n_changed] = j11_mem_dup(file);
	if (p->changed[1 + p->n_changed] == NULL)
		return j11_err_memory(err);
	p->n_changed++;
	return JWK11_OK;
}

/* ---- what is published ---- */

/* One document, under the path it is served by. */
static void publish(struct publishing *p, const char *path)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	char file[PATH_ROOM];
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = JWK11_OK;

	if ((size_t)snprintf(file, sizeof(file), "%s%s", p->g->dir, path) >= sizeof(file))
		rc = j11_err_set(&err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s is too long for a path", p->g->dir);
	if (rc == JWK11_OK)
		rc = ask_broker(p->g, "GET", path, "application/json", NULL, &answer, &err);
	if (rc == JWK11_OK)
		rc = put(p, file, j11_buf_view(&answer.body), &err);
	if (rc != JWK11_OK)
		fail(p, file, &err);
}

static void publish_set(struct publishing *p, const struct j11_json *set)
{
	const struct j11_json *name = j11_json_get(set, "name"), *issuer = j11_json_get(set, "issuer");
	bool has_issuer = issuer != NULL && issuer->boolean;
	char path[256];

	if (name == NULL || name->type != J11_JSON_STRING || !conf_is_name(name->text) || *(const char *)name->text.data == '.') /* names of files here */
		return;
	if (j11_view_equals(name->text, "default")) {
		publish(p, "/.well-known/jwks.json");
		if (has_issuer)
			publish(p, "/.well-known/openid-configuration");
		return;
	}
	snprintf(path, sizeof(path), "/.well-known/jwks/%.*s.json", (int)name->text.len, (const char *)name->text.data);
	publish(p, path);
	snprintf(path, sizeof(path), "/.well-known/jwks/%.*s/openid-configuration", (int)name->text.len, (const char *)name->text.data);
	if (has_issuer)
		publish(p, path);
}

/* With the files that have changed as its arguments. */
static enum jwk11_rc run_hook(struct publishing *p, struct jwk11_err *err)
{
	pid_t pid;
	int status = 0;

	p->changed[0] = (char *)p->g->hook;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		execvp(p->g->hook, p->changed);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return cmd_file_failed(p->g->hook, err);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "the hook %s %s %d", p->g->hook, WIFSIGNALED(status) ? "was ended by signal" : "ended with",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	j11_err_hint(err, "the files are in place; the hook is run again when one changes");
	return JWK11_ERR_DEVICE;
}

static int finish(struct publishing *p)
{
	struct jwk11_err err = { 0 };

	if (p->n_changed > 0 && p->g->hook != NULL && run_hook(p, &err) != JWK11_OK)
		p->code = cmd_fail(&err);
	for (size_t i = 0; i < p->n_changed; i++)
		j11_mem_free(p->changed[1 + i]);
	if (p->g->json) {
		j11_json_close(&p->out);
		j11_json_close(&p->out);
		printf("%s\n", jwk11_buf_data(&p->report));
	}
	j11_buf_done(&p->report);
	return p->code;
}

static int run_publish(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct publishing p = { .g = g, .report = J11_BUF(REPORT_MAX) };
	const struct j11_json *sets;
	struct jwk11_err err = { 0 };

	(void)argv;
	if (argc != 0 || g->offline || g->dir == NULL)
		return cmd_usage("publish", g->offline ? "is about what the broker serves" : "takes --dir DIR, and no argument");
	p.out = J11_JSON_OUT(&p.report);
	if (show_ask(g, "/v1", &doc, &err) != JWK11_OK)
		return cmd_fail(&err);
	j11_json_open(&p.out, NULL, '{');
	j11_json_str(&p.out, "schema", "jwk11/publish/1");
	j11_json_open(&p.out, "files", '[');
	sets = j11_json_get(j11_json_root(doc), "sets");
	for (const struct j11_json *s = sets ? sets->child : NULL; s != NULL; s = s->next)
		publish_set(&p, s);
	return finish(&p);
}

static const struct cmd_option options[] = {
	{ "dir", 0, CMD_TEXT, &cmd_given.dir, "DIR", "where the files go" },
	{ "hook", 0, CMD_TEXT, &cmd_given.hook, "PROGRAM", "run it with the files that have changed, when there are any" },
};

const struct cmd_verb cmd_publish = { "publish", "", "what is published, as files for a web server or bucket",
	run_publish, options, J11_COUNT(options), .local = false };
