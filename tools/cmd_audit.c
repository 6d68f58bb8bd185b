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

int cmd_audit(struct cmd_global *g, int argc, char **argv)
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
