/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a setup. Nothing that is there is replaced without --force, and then what was there stays beside it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "keys_dir.h"
#include "setup.h"

/* ---- the text ---- */

/* What modules read; workers get no more of an environment than the configuration says. */
static const char *const variables[] = { "SOFTHSM2_CONF", "TPM2_PKCS11_STORE", "TPM2_PKCS11_TCTI", "PCSCLITE_CSOCK_NAME", "OPENSC_CONF", "YKCS11_DBG" };

static void add_environment(struct jwk11_buf *out)
{
	for (size_t i = 0; i < J11_COUNT(variables); i++) {
		const char *value = getenv(variables[i]);

		if (value != NULL && value[0] != '\0' && strpbrk(value, "\r\n") == NULL)
			j11_buf_add_fmt(out, "environment = %s=%s\n", variables[i], value);
	}
}

static void add_object(const struct setup *s, const struct setup_key *k, struct jwk11_buf *out)
{
	bool same_label = k->label[0] == '\0' || strchr(k->label, '?') != NULL; /* '?': what could not be printed */

	for (size_t i = 0; i < s->n_keys; i++)
		same_label = same_label || (&s->keys[i] != k && j11_text_equal(s->keys[i].label, k->label));
	if (!same_label || k->id[0] == '\0') {
		ask_path(out, ";object=", k->label, "");
		return;
	}
	j11_buf_add_str(out, ";id=");
	for (size_t i = 0; k->id[i] != '\0'; i += 2)
		j11_buf_add_fmt(out, "%%%.2s", k->id + i);
}

static void add_token(const struct setup *s, struct jwk11_buf *out)
{
	j11_buf_add_fmt(out, "[token %s]\nuri = %s\n", s->name, s->uri);
	switch (s->pin) {
	case SETUP_PIN_FILE:
		j11_buf_add_fmt(out, "pin-file = %s\n", s->pin_file);
		break;
	case SETUP_PIN_CREDENTIAL:
		j11_buf_add_fmt(out, "pin-credential = pin.%s\n", s->name);
		break;
	case SETUP_PIN_PAD:
		j11_buf_add_str(out, "login = protected\n");
		break;
	case SETUP_PIN_LOGIN:
		j11_buf_add_fmt(out, "# No PIN here: jwk11 login %s\n", s->name);
		break;
	default:
		break;
	}
}

void setup_text(const struct setup *s, struct jwk11_buf *out)
{
	j11_buf_add_str(out, "# Made by jwk11 setup; jwk11.conf(5) says what else there is.\n[daemon]\n");
	if (!s->system)
		j11_buf_add_fmt(out, "run-dir = %s/run\nstate-dir = %s/state\n", s->dir, s->dir);
	j11_buf_add_fmt(out, "modules = %s\n", s->token->module);
	add_environment(out);
	j11_buf_add_str(out, "\n");
	add_token(s, out);
	for (size_t i = 0; i < s->n_keys; i++) {
		if (!s->keys[i].chosen)
			continue;
		j11_buf_add_fmt(out, "\n[key %s]\nuri = %s", s->keys[i].name, s->uri);
		add_object(s, &s->keys[i], out);
		j11_buf_add_fmt(out, "\nalg = %s\n", s->keys[i].alg);
	}
	j11_buf_add_fmt(out, "\n[set default]\nkeys = *\n\n# Who may sign; for nobody else anything.\n[client owner]\nuid = %u\nkeys = *\nallow = *\nadminister = *\n",
		(unsigned)s->uid);
}

/* ---- the files ---- */

static enum jwk11_rc make_folder(const char *path, mode_t mode, struct jwk11_err *err)
{
	return mkdir(path, mode) == 0 || errno == EEXIST ? JWK11_OK : cmd_file_failed(path, err);
}

static enum jwk11_rc make_folders(const struct setup *s, struct jwk11_err *err)
{
	char state[4200];
	enum jwk11_rc rc = make_folder(s->dir, 0755, err);

	snprintf(state, sizeof(state), "%s/state", s->dir);
	return rc == JWK11_OK && !s->system ? make_folder(state, 0700, err) : rc;
}

/* A file beside `path` with these octets; its name in ret_temp. */
static enum jwk11_rc write_beside(const char *path, struct jwk11_view data, mode_t mode, char ret_temp[4400], struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;
	int fd;

	snprintf(ret_temp, 4400, "%s.%ld.tmp", path, (long)getpid());
	fd = open(ret_temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return cmd_file_failed(path, err);
	if (write(fd, data.data, data.len) != (ssize_t)data.len || fsync(fd) != 0)
		rc = cmd_file_failed(path, err);
	close(fd);
	if (rc != JWK11_OK)
		unlink(ret_temp);
	return rc;
}

/* Into its place. Without --force never over something; with it what was there is kept as NAME.old. */
static enum jwk11_rc move_in(const struct setup *s, const char *temp, const char *path, struct jwk11_err *err)
{
	char old[4400];
	enum jwk11_rc rc = JWK11_OK;

	snprintf(old, sizeof(old), "%s.old", path);
	if (s->force && access(path, F_OK) == 0 && ((unlink(old) != 0 && errno != ENOENT) || link(path, old) != 0))
		rc = cmd_file_failed(old, err);
	if (rc == JWK11_OK && (s->force ? rename(temp, path) : link(temp, path)) != 0)
		rc = cmd_file_failed(path, err);
	unlink(temp);
	return rc;
}

static enum jwk11_rc write_pin(const struct setup *s, struct jwk11_err *err)
{
	char temp[4400];
	enum jwk11_rc rc = write_beside(s->pin_file, j11_secret_expose(s->secret), 0400, temp, err);

	return rc == JWK11_OK ? move_in(s, temp, s->pin_file, err) : rc;
}

/* What jwk11d --check does. */
static enum jwk11_rc check(const char *path, struct jwk11_err *err)
{
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	enum jwk11_rc rc = conf_load(path, &conf, err);

	return rc == JWK11_OK ? keys_dir_load(conf, err) : rc;
}

enum jwk11_rc setup_write(const struct setup *s, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(128 * 1024);
	char temp[4400];
	enum jwk11_rc rc;

	setup_text(s, &text);
	rc = j11_buf_check(&text, "configuration", err);
	if (rc == JWK11_OK)
		rc = make_folders(s, err);
	if (rc == JWK11_OK)
		rc = write_beside(s->conf, j11_buf_view(&text), 0644, temp, err);
	if (rc != JWK11_OK)
		return rc;
	rc = check(temp, err);
	if (rc == JWK11_OK && s->pin_is_ours)
		rc = write_pin(s, err);
	if (rc != JWK11_OK) {
		unlink(temp);
		return rc;
	}
	rc = move_in(s, temp, s->conf, err);
	if (rc != JWK11_OK && s->pin_is_ours)
		unlink(s->pin_file);
	return rc;
}
