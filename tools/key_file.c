/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a private key. Every buffer on its way is wiped. */
#include "key_file.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ask_pin.h"
#include "base/err.h"

enum jwk11_rc key_file_prepare(struct jwk11_err *err)
{
	const struct rlimit none = { 0, 0 };

	if (!j11_priv_wipe_libcrypto())
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "libcrypto was in use before it could be told to wipe what it frees");
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return JWK11_OK;
}

/* Too late to refuse: whoever could read it may have done so. */
static void warn_readers(const char *path)
{
	struct stat st;

	if (!cmd_is_stdin(path) && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		fprintf(stderr, "jwk11: warning: %s is open to others (mode %04o): whoever has read it has the key, whatever token it is on\n", path,
			(unsigned)st.st_mode & 07777);
}

static enum jwk11_rc passphrase_for(const struct cmd_global *g, const char *path, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	char prompt[300];

	if (g->passphrase_file != NULL)
		return j11_secret_from_passphrase_file(g->passphrase_file, ret_secret, err);
	snprintf(prompt, sizeof(prompt), "Passphrase of %.250s: ", cmd_is_stdin(path) ? "the key on standard input" : path);
	return ask_passphrase(prompt, ret_secret, err);
}

enum jwk11_rc key_file_read(const struct cmd_global *g, const char *path, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = { .secret = true };
	J11_AUTO(j11_secret_free_auto) struct j11_secret *secret = NULL;
	struct jwk11_view passphrase = { .data = NULL, .len = 0 };
	enum jwk11_rc rc = cmd_read_input(path, J11_PRIV_FILE_MAX, &text, err);

	if (rc != JWK11_OK)
		return rc;
	warn_readers(path);
	if (j11_priv_is_encrypted(j11_buf_view(&text))) {
		rc = passphrase_for(g, path, &secret, err);
		if (rc != JWK11_OK)
			return rc;
		passphrase = j11_secret_expose(secret);
	}
	rc = j11_priv_read(j11_buf_view(&text), passphrase, ret_priv, err);
	if (rc != JWK11_OK)
		j11_err_prefix(err, "%s", cmd_is_stdin(path) ? "standard input" : path);
	return rc;
}
