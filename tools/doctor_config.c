/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration and the files that it leads to: PINs, and the state directory with what it remembers of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "doctor.h"
#include "unit_files.h"

/* Others than owner and root may put something else in its place. */
static bool is_writable_by_others(const struct stat *st)
{
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 && !(S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0);
}

static bool stat_folder_of(const char *path, char folder[4096], struct stat *st)
{
	const char *slash = strrchr(path, '/');

	snprintf(folder, 4096, "%.*s", slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path), slash == NULL ? "." : path);
	return stat(folder, st) == 0;
}

static void check_writable(struct doctor *d, const char *path)
{
	struct stat st;
	char next[4300], folder[4096];

	snprintf(next, sizeof(next), "chmod go-w %s", path);
	if (stat(path, &st) == 0 && is_writable_by_others(&st))
		doctor_say(d, DOCTOR_CONFIG_WRITABLE, path, next, "others may change it (mode %04o), and with it who may sign", st.st_mode & 07777);
	else if (stat_folder_of(path, folder, &st) && is_writable_by_others(&st)) {
		snprintf(next, sizeof(next), "chmod go-w %s", folder);
		doctor_say(d, DOCTOR_CONFIG_WRITABLE, folder, next, "others may replace the configuration in it (mode %04o)", st.st_mode & 07777);
	}
}

void doctor_config(struct doctor *d)
{
	const struct conf *c = d->conf;

	if (d->direct)
		return;
	if (c == NULL && d->conf_why.rc == JWK11_ERR_NOT_FOUND)
		doctor_say(d, d->g->offline ? DOCTOR_CONFIG_MISSING : DOCTOR_CONFIG_ABSENT, "",
			d->g->offline ? "--config FILE, or --module and --token to do without a configuration" : "--config FILE, or run this as a user who may read it",
			"%s: neither PIN files nor the state directory nor the audit log were looked at", d->conf_why.text);
	else if (c == NULL)
		doctor_say(d, DOCTOR_CONFIG_INVALID, "", d->conf_why.hint[0] != '\0' ? d->conf_why.hint : "correct it; jwk11d --check says whether it is right",
			"%s", d->conf_why.text);
	else
		doctor_say(d, DOCTOR_CONFIG_OK, d->g->config, NULL, "%zu tokens, %zu keys, %zu clients", c->n_tokens, c->n_keys, c->n_clients);
	if (c != NULL && c->n_clients == 0)
		doctor_say(d, DOCTOR_CLIENT_NONE, "", "add [client NAME] with user = …, keys = … and allow = …: jwk11.conf(5)", "no [client] section: nobody may sign");
	check_writable(d, d->g->config);
}

/* ---- PINs ---- */

/* An access list shows its mask where the group's rights stand. */
static bool is_open_to_others(const char *path, const struct stat *st)
{
	if ((st->st_mode & S_IRWXO) != 0)
		return true;
	return (st->st_mode & S_IRWXG) != 0 && getxattr(path, "system.posix_acl_access", NULL, 0) <= 0;
}

static void check_pin_file(struct doctor *d, const struct conf_token *t)
{
	struct stat st, above;
	char next[4300], folder[4096];

	snprintf(next, sizeof(next), "chmod 0400 %s", t->pin_file);
	if (stat(t->pin_file, &st) != 0 && errno != ENOENT && errno != ENOTDIR)
		doctor_say(d, DOCTOR_PIN_UNSEEN, t->name, "run this as root", "PIN file %s was not looked at: %s", t->pin_file, strerror(errno));
	else if (stat(t->pin_file, &st) != 0)
		doctor_say(d, DOCTOR_PIN_FILE_MISSING, t->name, "write the PIN into it with mode 0400, then reload jwk11d (SIGHUP)", "PIN file %s: %s", t->pin_file,
			strerror(errno));
	else if (is_open_to_others(t->pin_file, &st))
		doctor_say(d, DOCTOR_PIN_FILE_OPEN, t->name, next, "PIN file %s can be read by others (mode %04o); jwk11d refuses it", t->pin_file, st.st_mode & 07777);
	else if (st.st_size == 0)
		doctor_say(d, DOCTOR_PIN_FILE_EMPTY, t->name, "write the PIN into it, then reload jwk11d (SIGHUP)", "PIN file %s is empty", t->pin_file);
	else if (stat_folder_of(t->pin_file, folder, &above) && is_writable_by_others(&above)) {
		snprintf(next, sizeof(next), "chmod go-w %s", folder);
		doctor_say(d, DOCTOR_PIN_FOLDER_WRITABLE, t->name, next, "others may replace its PIN file: they may write to %s (mode %04o)", folder,
			above.st_mode & 07777);
	} else
		doctor_say(d, DOCTOR_PIN_FILE_OK, t->name, NULL, "PIN file is private");
}

/* Whether the unit hands it over; what it holds is for the service alone. */
static void check_credential(struct doctor *d, const struct conf_token *t)
{
	char word[300];

	snprintf(word, sizeof(word), "%s:", t->pin_credential);
	switch (unit_files_say("jwk11d.service", "LoadCredentialEncrypted=", word) + unit_files_say("jwk11d.service", "LoadCredential=", word) +
		unit_files_say("jwk11d.service", "SetCredentialEncrypted=", word)) {
	case -3:
		doctor_say(d, DOCTOR_PIN_CREDENTIAL_UNSEEN, t->name, NULL, "no jwk11d.service is installed: whoever starts jwk11d hands it credential %s", t->pin_credential);
		break;
	case 0:
		doctor_say(d, DOCTOR_PIN_CREDENTIAL_MISSING, t->name, "systemctl edit jwk11d: [Service] and LoadCredentialEncrypted=NAME:FILE, see jwk11d(8)",
			"jwk11d.service is not handed credential %s", t->pin_credential);
		break;
	default:
		doctor_say(d, DOCTOR_PIN_CREDENTIAL_OK, t->name, NULL, "PIN from credential %s of jwk11d.service", t->pin_credential);
		break;
	}
}

void doctor_pins(struct doctor *d)
{
	for (size_t i = 0; i < d->conf->n_tokens; i++) {
		if (d->conf->tokens[i].pin_file != NULL)
			check_pin_file(d, &d->conf->tokens[i]);
		if (d->conf->tokens[i].pin_credential != NULL)
			check_credential(d, &d->conf->tokens[i]);
	}
}

/* ---- the state directory ---- */

/* A record is also there while its PIN is being sent, and then goes. False: somebody is logging in. Holds until *ret_fd is closed. */
static bool nobody_logs_in(const char *path, int *ret_fd)
{
	struct flock all = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	char file[4200];

	snprintf(file, sizeof(file), "%s/login.lock", path);
	*ret_fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 || fcntl(*ret_fd, F_OFD_SETLK, &all) == 0 || (errno != EAGAIN && errno != EACCES);
}

/* A record for each PIN that a token has refused; -1: not to be seen. */
static int count_refused(const char *path)
{
	int lock, n = 0;
	bool settled = nobody_logs_in(path, &lock);
	DIR *dir = opendir(path);
	const struct dirent *e;

	while (dir != NULL && settled && (e = readdir(dir)) != NULL)
		n += j11_text_starts(e->d_name, "refused-");
	if (lock >= 0)
		close(lock);
	if (dir == NULL)
		return -1;
	closedir(dir);
	return n;
}

void doctor_state(struct doctor *d)
{
	const char *path = d->conf->state_dir;
	struct stat st;
	char next[4300];
	int n;

	if (stat(path, &st) != 0) {
		int why = errno;

		snprintf(next, sizeof(next), "mkdir -m 0700 %s, owned by the user that jwk11d runs as", path);
		if (why == EACCES)
			doctor_say(d, DOCTOR_STATE_UNSEEN, path, "run this as root", "not looked at: %s", strerror(why));
		else
			doctor_say(d, DOCTOR_STATE_MISSING, path, next, "%s: no PIN is sent without a memory for refused ones", strerror(why));
		return;
	}
	snprintf(next, sizeof(next), "chmod 0700 %s", path);
	n = count_refused(path);
	if (!S_ISDIR(st.st_mode))
		doctor_say(d, DOCTOR_STATE_MISSING, path, "name a folder: state-dir in [daemon]", "is no folder: no PIN is sent without a memory for refused ones");
	else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		doctor_say(d, DOCTOR_STATE_WRITABLE, path, next, "others may write to it (mode %04o), and make a refused PIN be sent again", st.st_mode & 07777);
	else if (n < 0)
		doctor_say(d, DOCTOR_STATE_UNSEEN, path, "run this as root", "records of refused PINs were not looked at: %s", strerror(errno));
	else if (n == 0)
		doctor_say(d, DOCTOR_STATE_OK, path, NULL, "private, no PIN was refused");
	snprintf(next, sizeof(next), "put the right PIN into its file or credential; rm %.2000s/refused-* has the old ones tried again", path);
	if (n > 0)
		doctor_say(d, DOCTOR_PIN_REFUSED, path, next, "%d %s refused, and will not be sent again", n, n == 1 ? "PIN was" : "PINs were");
}
