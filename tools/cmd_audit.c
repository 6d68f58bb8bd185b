/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 audit: its words, and the files they are about. */
#include "audit.h"
#include "base/err.h"
#include "base/text.h"
#include "conf.h"

static const struct {
	const char *name;
	int (*run)(const struct cmd_global *g, size_t n, const char *const *paths);
} words[] = { { "verify", audit_verify }, { "show", audit_show }, { "checkpoint", audit_sign } };

static int run_audit(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	struct jwk11_err err = { 0 };

	for (size_t i = 0; argc > 0 && i < J11_COUNT(words); i++) {
		if (!j11_text_equal(argv[0], words[i].name))
			continue;
		if (argc > 1)
			return words[i].run(g, (size_t)argc - 1, (const char *const *)argv + 1);
		if (conf_load(g->config, &conf, &err) != JWK11_OK)
			return cmd_fail(&err);
		return words[i].run(g, 1, &conf->audit_file);
	}
	return cmd_usage("audit", "takes verify, show or checkpoint, and files");
}

static const struct cmd_option options[] = {
	{ "from", 0, CMD_TEXT, &cmd_given.from, "HASH", "verify: the record that the first one follows" },
	{ "expect", 0, CMD_TEXT, &cmd_given.expect, "HASH", "verify: a record that was noted must be there" },
	{ "checkpoint", 0, CMD_TEXT, &cmd_given.checkpoint, "FILE", "verify: the checkpoints in this file must hold" },
	{ "jwks", 0, CMD_TEXT, &cmd_given.jwks, "FILE", "verify: the keys that may have signed them" },
	{ "key", 0, CMD_TEXT, &cmd_given.key_file, "KEY", "show: records with this key; checkpoint: the key that signs" },
	{ "client", 0, CMD_TEXT, &cmd_given.client, "SECTION", "show: records that this section decided" },
	{ "uid", 0, CMD_TEXT, &cmd_given.uid, "UID", "show: records of this user, by number" },
	{ "result", 0, CMD_TEXT, &cmd_given.result, "WORD", "show: records with this result: OK or a code" },
	{ "refused", 0, CMD_FLAG, &cmd_given.refused, NULL, "show: records that were refused or failed" },
	{ "since", 0, CMD_TEXT, &cmd_given.since, "MOMENT", "show: records of then or later: 2026-11-23T12:00:00Z, a day, or how long ago" },
	{ "until", 0, CMD_TEXT, &cmd_given.until, "MOMENT", "show: records before that" },
	{ "last", 0, CMD_TEXT, &cmd_given.last, "N", "show: the last ones of them" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_audit = { "audit", "verify|show|checkpoint [FILE ...]", "is the audit log whole; what is in it; have its head signed",
	run_audit, options, J11_COUNT(options), .local = false };
