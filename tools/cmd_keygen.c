/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 keygen: a key pair, or a secret key for MACs, on a token. */
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "json/json_write.h"
#include "local_version.h"
#include "token/provision.h"

static const char *alg_of(const struct cmd_global *g, const struct conf_key *conf)
{
	return g->alg != NULL ? g->alg : conf->alg != NULL ? conf->alg : "ES256";
}

/* As a [key] section would have it that says nothing but where. */
static enum jwk11_rc section_of(struct local *local, const char *name, struct conf_key *ret_conf, struct jwk11_err *err)
{
	const struct conf_key *conf = conf_find_key(local_conf(local), name);

	*ret_conf = conf != NULL ? *conf : (struct conf_key){ .name = name, .uri = "pkcs11:" };
	if (conf == NULL || !conf_key_is_versioned(conf))
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "key \"%s\" has versions", name);
	j11_err_hint(err, "jwk11 rotate %s makes the first one, and each that follows", name);
	return err->rc;
}

static enum jwk11_rc say(const struct cmd_global *g, const char *what, const char *alg, const char *label, const struct jwk11_token *token,
	struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);
	struct j11_json_out o = J11_JSON_OUT(&out);

	if (!g->json) {
		printf("%s %s on token \"%s\" (%s)\n", what, label, jwk11_token_get_info(token)->label, alg);
		return JWK11_OK;
	}
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/keygen/1");
	j11_json_str(&o, "result", what);
	j11_json_str(&o, "label", label);
	j11_json_str(&o, "token", jwk11_token_get_info(token)->label);
	j11_json_str(&o, "alg", alg);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

static int run_keygen(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct jwk11_token *token = NULL;
	char label[J11_LABEL_MAX];
	struct jwk11_err err = { 0 };
	struct conf_key conf;
	enum jwk11_rc rc;

	if (argc != 1)
		return cmd_usage("keygen", "takes the name of a key");
	if (!conf_is_name(j11_view_str(argv[0])))
		return cmd_usage("keygen", "a key's name has letters, digits and . _ @ -, at most 64");
	rc = local_open(g, &local, &err);
	if (rc == JWK11_OK)
		rc = section_of(local, argv[0], &conf, &err);
	if (rc == JWK11_OK)
		rc = local_token_for(local, &conf, NULL, &token, &err);
	if (rc == JWK11_OK)
		rc = j11_versions_base(conf.uri, conf.name, label, &err);
	if (rc == JWK11_OK && !g->dry_run)
		rc = j11_provision_key(token, alg_of(g, &conf), (unsigned)g->bits, label, NULL, &err);
	if (rc == JWK11_OK)
		rc = say(g, g->dry_run ? "would make" : "made", alg_of(g, &conf), label, token, &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option options[] = {
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "algorithm; default: that of the section, or ES256" },
	{ "bits", 0, CMD_NUMBER, &cmd_given.bits, "N", "size of an RSA key; default 2048" },
	{ "dry-run", 0, CMD_FLAG, &cmd_given.dry_run, NULL, "say what would be made, and change nothing" },
};

const struct cmd_verb cmd_keygen = { "keygen", "NAME", "make a key pair on its token", run_keygen, options, J11_COUNT(options), .local = true };
