/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the broker answers us, and what it says of itself: its numbers, and the files that it writes. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "base/text.h"
#include "doctor.h"
#include "show.h"
#include "unit_files.h"

static bool is_code(const struct jwk11_err *err, const char *code)
{
	return j11_text_equal(err->code, code);
}

/* ---- does it answer? ---- */

static bool process_has_group(gid_t gid)
{
	gid_t list[256];
	int n = getgroups((int)J11_COUNT(list), list);

	for (int i = 0; i < n; i++)
		if (list[i] == gid)
			return true;
	return getegid() == gid;
}

static bool user_has_group(const struct passwd *pw, gid_t gid)
{
	gid_t list[256];
	int n = (int)J11_COUNT(list);

	if (getgrouplist(pw->pw_name, pw->pw_gid, list, &n) < 0)
		n = (int)J11_COUNT(list);
	for (int i = 0; i < n; i++)
		if (list[i] == gid)
			return true;
	return false;
}

/* The socket is for its owner and a group that the caller is not in. */
static void check_group(struct doctor *d)
{
	const struct passwd *pw = getpwuid(geteuid());
	const struct group *gr;
	struct stat st;
	char next[600], name[128], group[128];

	if (stat(d->g->socket, &st) != 0 || geteuid() == 0 || geteuid() == st.st_uid || (st.st_mode & S_IWOTH) != 0 || process_has_group(st.st_gid))
		return;
	snprintf(name, sizeof(name), "%.100s", pw != NULL ? pw->pw_name : "you");
	gr = getgrgid(st.st_gid);
	if (gr != NULL)
		snprintf(group, sizeof(group), "%.100s", gr->gr_name);
	else
		snprintf(group, sizeof(group), "%u", (unsigned)st.st_gid);
	snprintf(next, sizeof(next), "sudo usermod -aG %s %s, then log in anew", group, name);
	if (pw != NULL && user_has_group(pw, st.st_gid))
		doctor_say(d, DOCTOR_GROUP_NOT_YET, d->g->socket, "log in anew, or: newgrp", "%s is in group %s, but was not when this session began", name, group);
	else if ((st.st_mode & S_IWGRP) != 0)
		doctor_say(d, DOCTOR_GROUP_MISSING, d->g->socket, next, "is for group %s, which %s is not in (mode %04o)", group, name, st.st_mode & 07777);
}

static void say_absent(struct doctor *d)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf unit = J11_BUF(256 * 1024);
	char next[4400];

	snprintf(next, sizeof(next), "jwk11d --config %s", d->g->config);
	doctor_say(d, DOCTOR_BROKER_ABSENT, "", unit_files_read("jwk11d.service", &unit) ? "systemctl start jwk11d; journalctl -u jwk11d says why it ended" : next,
		"%s", d->broker_why.text);
}

void doctor_broker(struct doctor *d)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *about = NULL;
	const struct jwk11_err *why = &d->broker_why;
	struct jwk11_err err = { 0 };
	char version[40] = "of unknown version";

	if (d->broker) {
		if (show_ask(d->g, "/v1", &about, &err) == JWK11_OK)
			show_member(j11_json_root(about), "version", version, sizeof(version));
		doctor_say(d, DOCTOR_BROKER_OK, "", NULL, "%s answers on %s, you are uid %u", version, d->g->socket, (unsigned)geteuid());
	} else if (is_code(why, "BROKER_ABSENT")) {
		say_absent(d);
	} else if (is_code(why, "SOCKET_DENIED") || is_code(why, "PEER_DENIED")) {
		doctor_say(d, DOCTOR_BROKER_DENIED, "", why->hint[0] != '\0' ? why->hint : NULL, "%s; its tokens, keys and numbers were not looked at", why->text);
	} else {
		doctor_say(d, DOCTOR_BROKER_FAILED, "", why->hint[0] != '\0' ? why->hint : NULL, "%s", why->text);
	}
	check_group(d);
}

/* ---- its numbers ---- */

/* The sample of a family after `at` (NULL: the first): its value and the first label's; the place behind it, NULL without one more. */
static const char *next_sample(const char *text, const char *family, char ret_label[128], double *ret_value)
{
	size_t len = strlen(family);

	for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
		const char *quote, *end;

		if (strncmp(line, family, len) != 0 || (line[len] != '{' && line[len] != ' '))
			continue;
		ret_label[0] = '\0';
		quote = line[len] == '{' ? strchr(line, '"') : NULL;
		end = quote != NULL ? strchr(quote + 1, '"') : NULL;
		if (end != NULL)
			snprintf(ret_label, 128, "%.*s", (int)(end - quote - 1 < 127 ? end - quote - 1 : 127), quote + 1);
		end = line[len] == '{' ? strchr(line, '}') : line + len;
		if (end == NULL)
			return NULL;
		*ret_value = strtod(end + 1, NULL);
		return strchr(end, '\n') != NULL ? strchr(end, '\n') + 1 : "";
	}
	return NULL;
}

static void check_workers(struct doctor *d, const char *text)
{
	char module[128];
	double n;

	while ((text = next_sample(text, "jwk11_workers", module, &n)) != NULL)
		if (n < 1)
			doctor_say(d, DOCTOR_MODULE_FAILED, module, "journalctl -u jwk11d -g module-failed says why", "none of its workers is running");
}

static void check_lost(struct doctor *d, const char *text)
{
	char module[128];
	double n, lost = 0;

	while ((text = next_sample(text, "jwk11_audit_lost_total", module, &n)) != NULL)
		lost += n;
	if (lost > 0)
		doctor_say(d, DOCTOR_AUDIT_LOST, "", "make room on the disk of the audit log; audit = required refuses what cannot be recorded",
			"%.0f records of decisions could not be written since the broker started", lost);
}

static void check_publishing(struct doctor *d, const char *text)
{
	char label[128];
	double n = 0;

	if (next_sample(text, "jwk11_publish_failing", label, &n) != NULL && n > 0)
		doctor_say(d, DOCTOR_PUBLISH_FAILING, "", "journalctl -u jwk11d -g publish says why", "the files of the key sets are not as they should be, or the hook was not told");
}

void doctor_numbers(struct doctor *d)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	struct jwk11_err err = { 0 };

	if (ask_broker(d->g, "GET", "/metrics", NULL, NULL, &answer, &err) != JWK11_OK) {
		doctor_say(d, DOCTOR_BROKER_FAILED, "", NULL, "its numbers are not to be had: %s", err.text);
		return;
	}
	check_workers(d, jwk11_buf_data(&answer.body));
	check_lost(d, jwk11_buf_data(&answer.body));
	check_publishing(d, jwk11_buf_data(&answer.body));
}

/* ---- the files that it writes ---- */

void doctor_publish(struct doctor *d)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf there = J11_BUF(ASK_MAX);
	const char *dir = d->conf != NULL ? d->conf->publish_dir : NULL;
	struct jwk11_err err = { 0 };
	char file[4400], next[4600];

	if (dir == NULL || ask_broker(d->g, "GET", "/.well-known/jwks.json", "application/json", NULL, &answer, &err) != JWK11_OK)
		return; /* that the set is not to be had is said where it is checked */
	snprintf(file, sizeof(file), "%s/.well-known/jwks.json", dir);
	snprintf(next, sizeof(next), "jwk11 publish --dir %s", dir);
	if (access(file, R_OK) != 0 && errno == EACCES)
		doctor_say(d, DOCTOR_PUBLISH_UNSEEN, file, "run this as root", "not looked at: %s", strerror(EACCES));
	else if (access(file, R_OK) != 0)
		doctor_say(d, DOCTOR_PUBLISH_STALE, file, next, "%s: nobody finds the keys there", strerror(errno));
	else if (cmd_read_input(file, ASK_MAX, &there, &err) != JWK11_OK)
		doctor_say(d, DOCTOR_PUBLISH_UNSEEN, file, NULL, "not looked at: %s", err.text);
	else if (j11_view_equal(j11_buf_view(&there), j11_buf_view(&answer.body)))
		doctor_say(d, DOCTOR_PUBLISH_OK, file, NULL, "is the set that the broker serves");
	else
		doctor_say(d, DOCTOR_PUBLISH_STALE, file, next, "is not the set that the broker serves: relying parties see old keys");
}
