/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of a configuration: there, no wider than it says, and in a folder where nobody else can lay one in their place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "doctor.h"

struct place {
	const char *name, *path;
	unsigned mode; /* as configured */
};

/* Rights that it has and the configuration does not give; to connect is to write. */
static void check_mode(struct doctor *d, const struct place *p, const struct stat *st)
{
	unsigned mode = st->st_mode & 0777;
	char next[4400];

	snprintf(next, sizeof(next), "chmod %04o %s", p->mode, p->path);
	if ((mode & ~p->mode & 022) != 0)
		doctor_say(d, DOCTOR_SOCKET_OPEN, p->name, next, "%s has mode %04o, the configuration says %04o: others may connect", p->path, mode, p->mode);
	else if ((p->mode & ~mode & 022) != 0)
		doctor_say(d, DOCTOR_SOCKET_CLOSED, p->name, next, "%s has mode %04o, the configuration says %04o: some who should cannot connect", p->path, mode, p->mode);
	else
		doctor_say(d, DOCTOR_SOCKET_OK, p->name, NULL, "%s, mode %04o", p->path, mode);
}

static void check_socket(struct doctor *d, const struct place *p)
{
	struct stat st;

	if (p->path[0] == '@') /* an abstract address has no rights */
		return;
	if (stat(p->path, &st) == 0) {
		check_mode(d, p, &st);
		return;
	}
	if (errno == EACCES)
		doctor_say(d, DOCTOR_SOCKET_UNSEEN, p->name, "run this as root", "%s was not looked at: %s", p->path, strerror(errno));
	else if (d->published)
		doctor_say(d, DOCTOR_SOCKET_MISSING, p->name, "start jwk11d again: it makes its sockets then", "%s: %s, although the broker runs", p->path, strerror(errno));
}

static void check_folder(struct doctor *d)
{
	struct stat st;
	char next[4400];

	snprintf(next, sizeof(next), "chmod go-w %s", d->conf->run_dir);
	if (stat(d->conf->run_dir, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		doctor_say(d, DOCTOR_SOCKET_FOLDER_WRITABLE, d->conf->run_dir, next, "others may write to it (mode %04o) and lay a socket of theirs in the place of ours",
			st.st_mode & 07777);
}

/* Of the broker that was asked; another one's configuration says nothing about it. */
void doctor_sockets(struct doctor *d)
{
	const struct conf *c = d->conf;
	char api[4200], public[4200];

	if (c == NULL)
		return;
	snprintf(api, sizeof(api), "%s/api.sock", c->run_dir);
	snprintf(public, sizeof(public), "%s/public.sock", c->run_dir);
	if (!j11_text_equal(api, d->g->socket))
		return;
	check_socket(d, &(struct place){ "api", api, c->api_mode });
	check_socket(d, &(struct place){ "public", public, c->public_mode });
	for (size_t i = 0; i < c->n_sockets; i++)
		check_socket(d, &(struct place){ c->sockets[i].name, c->sockets[i].path, c->sockets[i].mode });
	if (conf_has_kubernetes(c))
		check_socket(d, &(struct place){ CONF_KUBERNETES, c->kubernetes.path, c->kubernetes.mode });
	check_folder(d);
}
