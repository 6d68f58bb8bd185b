/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 metrics: the broker's numbers, as they are or into a file for node_exporter's textfile collector, which is there whole or not at all. */
#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "json/json_write.h"

#define NUMBERS_MAX (16u * 1024u * 1024u)

static enum jwk11_rc write_json(const struct jwk11_buf *text, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(2 * NUMBERS_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/metrics/1");
	j11_json_view(&o, "text", j11_buf_view(text));
	j11_json_close(&o);
	rc = j11_buf_check(&out, "metrics", err);
	return rc == JWK11_OK ? cmd_write_output(NULL, j11_buf_view(&out), true, err) : rc;
}

static int run_metrics(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	(void)argv;
	if (argc != 0)
		return cmd_usage("metrics", "takes no argument");
	if (g->offline)
		return cmd_usage("metrics", "asks the broker; there is no --offline");
	if (g->textfile != NULL && (g->json || j11_text_equal(g->textfile, "-")))
		return cmd_usage("metrics", "--textfile takes the name of a file, and no --json");
	rc = ask_broker(g, "GET", "/metrics", NULL, NULL, &answer, &err);
	if (rc == JWK11_OK)
		rc = g->json ? write_json(&answer.body, &err) : cmd_write_output(g->textfile, j11_buf_view(&answer.body), false, &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option options[] = {
	{ "textfile", 0, CMD_TEXT, &cmd_given.textfile, "FILE", "write them to this file, for the textfile collector of node_exporter" },
};

const struct cmd_verb cmd_metrics = { "metrics", "", "the broker's numbers in Prometheus' text format", run_metrics, options, J11_COUNT(options), .local = false };
