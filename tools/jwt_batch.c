/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 jwt --batch: a JWT for each line of claims, a line of JSON for each in the same order. Lines are gathered until a batch is full or nothing more
 * has come, so that whoever writes one line and waits for its answer gets it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/jwt.h"
#include "json/json_take.h"
#include "json/json_write.h"
#include "lines.h"
#include "local.h"

enum { ENTRIES = 64, SHOW_MS = 200 };

/* A line that waits for its answer, or has been refused here. */
struct entry {
	uint64_t line;
	bool refused;
	struct jwk11_err why;
};
struct batch {
	struct cmd_global *g;
	const char *key;
	struct lines lines;
	struct jwk11_buf extra;  /* what --claim adds to each: members without the braces */
	struct j11_json_doc *extra_doc;
	struct jwk11_buf start;  /* of each request, up to its claims */
	struct jwk11_buf claims; /* of the line that is looked at */
	struct jwk11_buf body;   /* of the batch */
	struct jwk11_buf out;    /* its lines */
	struct entry entries[ENTRIES];
	size_t n_entries, max_entries, max_body;
	struct ask_kept kept;

	struct local *local;     /* --offline */
	struct jwk11_key *local_key;
	const char *local_alg, *local_kid;

	uint64_t n_good, n_bad, first_line;
	struct jwk11_err first;  /* why that one was refused */
	int64_t began_ms, shown_ms;
	bool terminal;
	struct jwk11_err err;    /* what ends all */
};

static void batch_done(struct batch *b)
{
	lines_done(&b->lines);
	if (b->lines.fd > STDIN_FILENO)
		close(b->lines.fd);
	j11_json_free(b->extra_doc);
	j11_buf_done(&b->extra);
	j11_buf_done(&b->start);
	j11_buf_done(&b->claims);
	j11_buf_done(&b->body);
	j11_buf_done(&b->out);
	ask_close(&b->kept);
	local_close(b->local);
	j11_mem_free(b);
}

static void batch_done_auto(struct batch **b)
{
	if (*b != NULL)
		batch_done(*b);
}

/* ---- output ---- */

static void show_progress(struct batch *b, bool last)
{
	int64_t now = b->terminal ? j11_clock_ms() : 0, ms = now - b->began_ms;

	if (!b->terminal || (!last && now - b->shown_ms < SHOW_MS))
		return;
	b->shown_ms = now;
	fprintf(stderr, "\r%llu tokens, %llu failed, %lld/s%s", (unsigned long long)b->n_good, (unsigned long long)b->n_bad,
		(long long)(b->n_good + b->n_bad) * 1000 / (ms > 0 ? ms : 1), last ? "\n" : " ");
}

static void write_jwt(struct batch *b, uint64_t line, struct jwk11_view jwt)
{
	struct j11_json_out o = J11_JSON_OUT(&b->out);

	b->n_good++;
	j11_json_open(&o, NULL, '{');
	j11_json_num(&o, "line", (int64_t)line);
	j11_json_view(&o, "jwt", jwt);
	j11_json_close(&o);
	j11_buf_add_byte(&b->out, '\n');
}

static void write_refusal(struct batch *b, uint64_t line, const struct jwk11_err *why)
{
	struct j11_json_out o = J11_JSON_OUT(&b->out);

	if (b->n_bad++ == 0) {
		b->first_line = line;
		b->first = *why;
	}
	j11_json_open(&o, NULL, '{');
	j11_json_num(&o, "line", (int64_t)line);
	j11_json_open(&o, "error", '{');
	j11_json_str(&o, "code", why->code);
	j11_json_str(&o, "detail", why->text);
	if (why->hint[0] != '\0')
		j11_json_str(&o, "hint", why->hint);
	j11_json_close(&o);
	j11_json_close(&o);
	j11_buf_add_byte(&b->out, '\n');
}

/* ---- a batch ---- */

static enum jwk11_rc malformed(struct batch *b)
{
	return j11_err_set(&b->err, JWK11_ERR_SYNTAX, J11_CODE_HTTP_MALFORMED, "the broker's answer does not fit the batch");
}

static enum jwk11_rc write_result(struct batch *b, uint64_t line, const struct j11_json *result)
{
	const struct j11_json *jwt = j11_json_get(result, "jwt");
	struct jwk11_err why = { 0 };
	int64_t status = 0;

	if (!j11_json_int(j11_json_get(result, "status"), &status) || status < 200 || status > 599 ||
		(status == 200 && (jwt == NULL || jwt->type != J11_JSON_STRING)))
		return malformed(b);
	if (status == 200) {
		write_jwt(b, line, jwt->text);
		return JWK11_OK;
	}
	ask_problem(result, (unsigned)status, &why);
	write_refusal(b, line, &why);
	return JWK11_OK;
}

/* The lines of the entries, with the results of those that were sent. */
static enum jwk11_rc write_entries(struct batch *b, const struct j11_json *result)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; i < b->n_entries && rc == JWK11_OK; i++) {
		const struct entry *e = &b->entries[i];

		if (e->refused) {
			write_refusal(b, e->line, &e->why);
			continue;
		}
		rc = result != NULL ? write_result(b, e->line, result) : malformed(b);
		result = result != NULL ? result->next : NULL;
	}
	return rc == JWK11_OK && result != NULL ? malformed(b) : rc;
}

static enum jwk11_rc send_batch(struct batch *b)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *results;
	enum jwk11_rc rc;

	if (b->body.len == 0)
		return write_entries(b, NULL);
	j11_buf_add_str(&b->body, "]}");
	rc = j11_buf_check(&b->body, "batch", &b->err);
	if (rc == JWK11_OK)
		rc = ask_again(&b->kept, b->g, "POST", "/v1/batch", &b->body, &answer, &b->err);
	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), &(struct j11_json_limits){ ASK_MAX, 16, 65536, false, false }, "answer", &doc, &b->err);
	if (rc != JWK11_OK)
		return rc;
	results = j11_json_get(j11_json_root(doc), "results");
	return results != NULL && results->type == J11_JSON_ARRAY ? write_entries(b, results->child) : malformed(b);
}

/* Sends what is gathered and writes its lines. */
static enum jwk11_rc flush(struct batch *b)
{
	enum jwk11_rc rc = send_batch(b);

	if (rc == JWK11_OK)
		rc = j11_buf_check(&b->out, "answers", &b->err);
	if (rc == JWK11_OK && b->out.len > 0)
		rc = cmd_write_output(NULL, j11_buf_view(&b->out), false, &b->err);
	jwk11_buf_reset(&b->out);
	jwk11_buf_reset(&b->body);
	b->n_entries = 0;
	show_progress(b, false);
	return rc;
}

/* ---- a line ---- */

/* Its claims and those of --claim, in the spelling that they have. */
static enum jwk11_rc read_claims(struct batch *b, struct jwk11_view line, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_limits limits = j11_json_limits_default;
	const struct j11_json *root;
	enum jwk11_rc rc;

	limits.max_depth--; /* as deep as in a request of their own */
	rc = j11_json_read(line, &limits, "claims", &doc, err);
	if (rc != JWK11_OK)
		return rc;
	root = j11_json_root(doc);
	if (root->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "claims must be an object");
	if (b->extra_doc != NULL && j11_json_shares_a_name(root, j11_json_root(b->extra_doc)))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JSON_DUPLICATE, "a claim stands here and in --claim");
	jwk11_buf_reset(&b->claims);
	j11_buf_add(&b->claims, root->raw.data, root->raw.len - 1);
	if (b->extra.len > 0 && root->n_children > 0)
		j11_buf_add_byte(&b->claims, ',');
	j11_buf_add(&b->claims, b->extra.data, b->extra.len);
	j11_buf_add_byte(&b->claims, '}');
	return j11_buf_check(&b->claims, "claims", err);
}

/* The entry is the next one's. */
static struct entry *add_entry(struct batch *b, const struct jwk11_err *why)
{
	struct entry *e = &b->entries[b->n_entries++];

	e->line = b->lines.n;
	e->refused = why != NULL;
	if (why != NULL)
		e->why = *why;
	return e;
}

static enum jwk11_rc add_request(struct batch *b)
{
	static const char opening[] = "{\"requests\":[";
	size_t len = b->start.len + b->claims.len + 1, room = sizeof(opening) - 1 + 2;
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = JWK11_OK;

	if (len + room > b->max_body) {
		j11_err_set(&why, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "the broker takes %zu octets at a time, and the request of this line has %zu", b->max_body, len + room);
		add_entry(b, &why);
		return JWK11_OK;
	}
	if (b->body.len > 0 && b->body.len + 1 + len + 2 > b->max_body)
		rc = flush(b);
	if (b->body.len > 0)
		j11_buf_add_byte(&b->body, ',');
	else
		j11_buf_add_str(&b->body, opening);
	j11_buf_add(&b->body, b->start.data, b->start.len);
	j11_buf_add(&b->body, b->claims.data, b->claims.len);
	j11_buf_add_byte(&b->body, '}');
	add_entry(b, NULL);
	return rc;
}

static void sign_here(struct batch *b)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf jwt = J11_BUF(ASK_MAX);
	struct jwk11_err why = { 0 };

	if (jwk11_key_jwt(b->local_key, b->local_alg, b->local_kid, j11_buf_view(&b->claims), b->g->ttl, &jwt, &why) == JWK11_OK)
		write_jwt(b, b->lines.n, j11_buf_view(&jwt));
	else
		write_refusal(b, b->lines.n, &why);
}

static bool is_blank(struct jwk11_view line)
{
	const char *s = line.data;

	for (size_t i = 0; i < line.len; i++)
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r')
			return false;
	return true;
}

static enum jwk11_rc take_line(struct batch *b, struct jwk11_view line, bool too_long)
{
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = JWK11_OK;

	if (!too_long && is_blank(line))
		return JWK11_OK;
	if (too_long)
		j11_err_set(&why, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "the line is longer than %zu octets", b->lines.max);
	if (too_long || read_claims(b, line, &why) != JWK11_OK)
		add_entry(b, &why);
	else if (b->local != NULL)
		sign_here(b);
	else
		rc = add_request(b);
	if (rc == JWK11_OK && (b->n_entries == b->max_entries || b->local != NULL))
		rc = flush(b);
	return rc;
}

static enum jwk11_rc run(struct batch *b)
{
	enum jwk11_rc rc = JWK11_OK;
	struct jwk11_view line = { .len = 0 };

	while (rc == JWK11_OK) {
		enum lines_next next = lines_next(&b->lines, b->n_entries == 0, &line);

		if (next == LINES_FAILED)
			return cmd_file_failed("the lines of claims", &b->err);
		if (next == LINES_END)
			return flush(b);
		rc = next == LINES_LATER ? flush(b) : take_line(b, line, next == LINES_LONG);
	}
	return rc;
}

/* ---- before the first line ---- */

static enum jwk11_rc read_options(struct batch *b, const char *file)
{
	enum jwk11_rc rc = JWK11_OK;

	b->lines.fd = cmd_is_stdin(file) ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	if (b->lines.fd < 0)
		return j11_err_set(&b->err, JWK11_ERR_NOT_FOUND, J11_CODE_FILE_FAILED, "%s: %s", file, strerror(errno));
	if (b->g->claims.n > 0)
		rc = cmd_claims(b->g, &b->extra, &b->err);
	if (rc == JWK11_OK && b->g->claims.n > 0)
		rc = j11_json_read(j11_buf_view(&b->extra), NULL, "--claim", &b->extra_doc, &b->err);
	if (rc != JWK11_OK || b->g->claims.n == 0)
		return rc;
	j11_buf_drop(&b->extra, 1);
	j11_buf_cut(&b->extra, b->extra.len - 1);
	return JWK11_OK;
}

static enum jwk11_rc write_start(struct batch *b)
{
	struct j11_json_out o = J11_JSON_OUT(&b->start);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "op", "jwt");
	j11_json_str(&o, "key", b->key);
	if (b->g->ttl > 0)
		j11_json_num(&o, "ttl", b->g->ttl);
	if (b->g->typ != NULL)
		j11_json_str(&o, "typ", b->g->typ);
	rc = ask_add_json(&o, "protected", b->g->protected_header, &b->err);
	j11_buf_add_str(&b->start, ",\"claims\":");
	return rc == JWK11_OK ? j11_buf_check(&b->start, "request", &b->err) : rc;
}

/* What the broker takes at a time. */
static enum jwk11_rc ask_limits(struct batch *b)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *limits;
	int64_t batch = 0, body = 0;
	enum jwk11_rc rc = ask_again(&b->kept, b->g, "GET", "/v1", NULL, &answer, &b->err);

	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, &b->err);
	if (rc != JWK11_OK)
		return rc;
	limits = j11_json_get(j11_json_root(doc), "limits");
	if (!j11_json_int(j11_json_get(limits, "batch"), &batch) || !j11_json_int(j11_json_get(limits, "body"), &body) || batch < 1 || body < 1)
		return j11_err_set(&b->err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this broker has no batches");
	b->max_entries = batch < ENTRIES ? (size_t)batch : ENTRIES;
	b->max_body = (size_t)body;
	return JWK11_OK;
}

static enum jwk11_rc prepare(struct batch *b, const char *file)
{
	enum jwk11_rc rc = read_options(b, file);

	if (rc == JWK11_OK && !b->g->offline) {
		rc = write_start(b);
		return rc == JWK11_OK ? ask_limits(b) : rc;
	}
	if (rc == JWK11_OK)
		rc = local_open(b->g, &b->local, &b->err);
	if (rc == JWK11_OK)
		rc = local_key(b->local, b->key, &b->local_key, &b->local_alg, &b->local_kid, &b->err);
	if (b->g->alg != NULL)
		b->local_alg = b->g->alg;
	return rc;
}

/* The first refusal stands for all. */
static int finish(struct batch *b, enum jwk11_rc rc)
{
	show_progress(b, true);
	if (rc != JWK11_OK && b->n_good + b->n_bad > 0)
		j11_err_prefix(&b->err, "stopped after %llu lines", (unsigned long long)(b->n_good + b->n_bad));
	if (rc != JWK11_OK)
		return cmd_fail(&b->err);
	if (b->n_bad == 0)
		return CMD_OK;
	j11_err_prefix(&b->first, "%llu of %llu lines failed, the first is line %llu", (unsigned long long)b->n_bad,
		(unsigned long long)(b->n_bad + b->n_good), (unsigned long long)b->first_line);
	return cmd_fail(&b->first);
}

int cmd_jwt_batch(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(batch_done_auto) struct batch *b = NULL;
	enum jwk11_rc rc;

	if (argc < 1 || argc > 2)
		return cmd_usage("jwt --batch", "takes KEY and at most one FILE");
	if (g->raw || g->output != NULL)
		return cmd_usage("jwt --batch", "writes lines of JSON to standard output: no --raw, no -o");
	if (g->offline && (g->typ != NULL || g->protected_header != NULL))
		return cmd_usage("jwt --batch", "--typ and --protected go through the broker");
	b = j11_mem_new(sizeof(*b));
	if (b == NULL)
		return CMD_BUG;
	b->g = g;
	b->key = argv[0];
	b->lines = (struct lines){ .fd = -1, .max = J11_JWT_CLAIMS_MAX };
	b->kept.fd = -1;
	b->max_entries = ENTRIES;
	b->extra = b->claims = J11_BUF(J11_JWT_CLAIMS_MAX);
	b->start = b->body = b->out = J11_BUF(ASK_MAX);
	b->terminal = isatty(STDERR_FILENO) == 1;
	b->began_ms = b->terminal ? j11_clock_ms() : 0;
	rc = prepare(b, argc == 2 ? argv[1] : NULL);
	if (rc == JWK11_OK)
		rc = run(b);
	return finish(b, rc);
}
