/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 setup --softhsm DIR: a trial token that needs no root and lies in one folder. Made beside it and renamed when whole. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "json/json_write.h"
#include "setup.h"
#include "token/provision.h"

static const struct {
	const char *name, *alg;
} trial_keys[] = { { "es256", "ES256" }, { "rs256", "RS256" }, { "eddsa", "EdDSA" } };

static const char *const module_places[] = {
	"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
	"/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so",
};

static enum jwk11_rc failed(const char *what, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "setup: %s: %s", what, strerror(errno));
}

static const char *find_module(void)
{
	for (size_t i = 0; i < J11_COUNT(module_places); i++)
		if (access(module_places[i], R_OK) == 0)
			return module_places[i];
	return NULL;
}

static enum jwk11_rc write_file(const char *dir, const char *name, const void *data, size_t len, mode_t mode, struct jwk11_err *err)
{
	char path[PATH_MAX + 512];
	enum jwk11_rc rc = JWK11_OK;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return failed(path, err);
	if (write(fd, data, len) != (ssize_t)len || fsync(fd) != 0)
		rc = failed(path, err);
	close(fd);
	return rc;
}

static enum jwk11_rc make_folder(const char *dir, const char *name, struct jwk11_err *err)
{
	char path[PATH_MAX + 512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return mkdir(path, 0700) == 0 ? JWK11_OK : failed(path, err);
}

/* 16 random decimal digits. */
static enum jwk11_rc random_pin(struct j11_secret **ret_pin, struct jwk11_err *err)
{
	unsigned char digits[16];
	enum jwk11_rc rc;

	for (size_t i = 0; i < sizeof(digits);) {
		unsigned char byte;

		if (getrandom(&byte, 1, 0) != 1)
			return failed("getrandom", err);
		if (byte < 250)
			digits[i++] = (unsigned char)('0' + byte % 10);
	}
	rc = j11_secret_from_bytes(digits, sizeof(digits), ret_pin, err);
	j11_mem_wipe(digits, sizeof(digits));
	return rc;
}

static enum jwk11_rc write_softhsm_conf(const char *dir, const char *final_dir, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(8192);

	j11_buf_add_fmt(&text, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", final_dir);
	return write_file(dir, "softhsm2.conf", text.data, text.len, 0600, err);
}

static enum jwk11_rc write_conf(const char *dir, const char *final_dir, const char *module, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(16384);

	j11_buf_add_fmt(&text, "# A trial configuration made by jwk11 setup.\n[daemon]\nrun-dir = %s/run\nstate-dir = %s/state\nmodules = %s\n"
		"environment = SOFTHSM2_CONF=%s/softhsm2.conf\n\n[token trial]\nuri = pkcs11:token=trial\npin-file = %s/pin\n\n",
		final_dir, final_dir, module, final_dir, final_dir);
	for (size_t i = 0; i < J11_COUNT(trial_keys); i++)
		j11_buf_add_fmt(&text, "[key %s]\nuri = pkcs11:token=trial;object=%s\nalg = %s\n\n", trial_keys[i].name, trial_keys[i].name,
			trial_keys[i].alg);
	j11_buf_add_fmt(&text, "[set default]\nkeys = *\n\n# Everything for the user who ran setup, nothing for anybody else.\n[client owner]\nuid = %u\n"
		"keys = *\nallow = *\nadminister = *\n", (unsigned)getuid());
	if (text.failed != JWK11_OK)
		return j11_buf_check(&text, "configuration", err);
	return write_file(dir, "jwk11.conf", text.data, text.len, 0644, err);
}

/* Token and keys, in a module that reads the temporary folder's configuration. */
static enum jwk11_rc make_token(const char *dir, const char *module, const struct j11_secret *so, const struct j11_secret *pin,
	struct jwk11_err *err)
{
	struct jwk11_context *ctx = NULL;
	struct jwk11_token *token = NULL;
	char pin_file[PATH_MAX + 512];
	struct jwk11_token_config config = { .uri = "pkcs11:token=trial", .pin_file = pin_file };
	enum jwk11_rc rc = jwk11_context_new(&ctx, err);

	snprintf(pin_file, sizeof(pin_file), "%s/pin", dir);
	if (rc == JWK11_OK)
		rc = jwk11_context_load(ctx, module, err);
	if (rc == JWK11_OK)
		rc = j11_provision_token(ctx, module, "trial", so, pin, err);
	if (rc == JWK11_OK)
		rc = jwk11_context_reload(ctx, err);
	if (rc == JWK11_OK)
		rc = jwk11_token_open(ctx, &config, &token, err);
	for (size_t i = 0; rc == JWK11_OK && i < J11_COUNT(trial_keys); i++)
		rc = j11_provision_key(token, trial_keys[i].alg, 0, trial_keys[i].name, NULL, err);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	return rc;
}

static enum jwk11_rc fill(const char *temp, const char *final_dir, const char *module, struct jwk11_err *err)
{
	J11_AUTO(j11_secret_free_auto) struct j11_secret *pin = NULL;
	J11_AUTO(j11_secret_free_auto) struct j11_secret *so = NULL;
	char path[PATH_MAX + 512];
	struct jwk11_view v;
	enum jwk11_rc rc = make_folder(temp, "tokens", err);

	if (rc == JWK11_OK)
		rc = make_folder(temp, "state", err);
	if (rc == JWK11_OK)
		rc = random_pin(&pin, err);
	if (rc == JWK11_OK)
		rc = random_pin(&so, err);
	if (rc != JWK11_OK)
		return rc;
	v = j11_secret_expose(pin);
	rc = write_file(temp, "pin", v.data, v.len, 0400, err);
	if (rc == JWK11_OK)
		rc = write_softhsm_conf(temp, temp, err);
	snprintf(path, sizeof(path), "%s/softhsm2.conf", temp);
	if (rc == JWK11_OK && setenv("SOFTHSM2_CONF", path, 1) != 0)
		rc = failed("setenv", err);
	if (rc == JWK11_OK)
		rc = make_token(temp, module, so, pin, err);
	if (rc == JWK11_OK && unlink(path) != 0)
		rc = failed(path, err);
	if (rc == JWK11_OK)
		rc = write_softhsm_conf(temp, final_dir, err);
	return rc == JWK11_OK ? write_conf(temp, final_dir, module, err) : rc;
}

/* The folder as an absolute path; its parent must exist, it itself must not (or be empty). */
static enum jwk11_rc resolve(const char *given, char final_dir[PATH_MAX], struct jwk11_err *err)
{
	char here[PATH_MAX];

	if (given[0] == '/')
		snprintf(final_dir, PATH_MAX, "%s", given);
	else if (getcwd(here, sizeof(here)) == NULL || (size_t)snprintf(final_dir, PATH_MAX, "%s/%s", here, given) >= PATH_MAX)
		return failed(given, err);
	for (size_t n = strlen(final_dir); n > 1 && final_dir[n - 1] == '/'; n--)
		final_dir[n - 1] = '\0';
	if (strlen(final_dir) > 80)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "setup: %s is too long for socket paths inside it (80 bytes)", final_dir);
	if (rmdir(final_dir) != 0 && errno != ENOENT) {
		j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "setup: %s exists and is not an empty folder; nothing was changed", final_dir);
		j11_err_hint(err, "choose a folder that does not exist yet");
		return JWK11_ERR_DEVICE;
	}
	return JWK11_OK;
}

/* Removes what a failed setup made. */
static void remove_tree(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", path, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static enum jwk11_rc say_json(const char *dir, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(2 * PATH_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	char conf[PATH_MAX + 16];

	snprintf(conf, sizeof(conf), "%s/jwk11.conf", dir);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/setup/1");
	j11_json_str(&o, "config", conf);
	j11_json_open(&o, "keys", '[');
	for (size_t i = 0; i < J11_COUNT(trial_keys); i++)
		j11_json_str(&o, NULL, trial_keys[i].name);
	j11_json_close(&o);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

static void say(const char *dir)
{
	printf("created token trial, keys ");
	for (size_t i = 0; i < J11_COUNT(trial_keys); i++)
		printf("%s (%s), ", trial_keys[i].name, trial_keys[i].alg);
	printf("%s/jwk11.conf\nnext: jwk11d --config %s/jwk11.conf\n", dir, dir);
}

int setup_trial(const struct cmd_global *g)
{
	char final_dir[PATH_MAX], temp[PATH_MAX + 16];
	const char *module = find_module();
	struct jwk11_err err = { 0 };

	if (module == NULL) {
		j11_err_set(&err, JWK11_ERR_NOT_FOUND, J11_CODE_MODULE_UNKNOWN, "setup: SoftHSM's module is not installed");
		j11_err_hint(&err, "apt install softhsm2");
		cmd_fail(&err);
		return CMD_UNAVAILABLE;
	}
	if (resolve(g->softhsm, final_dir, &err) != JWK11_OK)
		return cmd_fail(&err);
	snprintf(temp, sizeof(temp), "%s.tmp-XXXXXX", final_dir);
	if (mkdtemp(temp) == NULL) {
		failed(temp, &err);
		return cmd_fail(&err);
	}
	if (fill(temp, final_dir, module, &err) == JWK11_OK && rename(temp, final_dir) != 0)
		failed(final_dir, &err);
	if (err.rc != JWK11_OK) {
		remove_tree(temp);
		return cmd_fail(&err);
	}
	if (!g->json)
		say(final_dir);
	else if (say_json(final_dir, &err) != JWK11_OK)
		return cmd_fail(&err);
	return CMD_OK;
}
