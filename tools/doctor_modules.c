/* SPDX-License-Identifier: Apache-2.0 */
/* The modules of the configuration against those that p11-kit knows. Where no broker has them, each is started in a process of its own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "doctor.h"
#include "registered.h"

#define WORKER "jwk11d-worker"

/* One that is to be used. */
struct wanted {
	const char *name;           /* as configured */
	const struct registered *r; /* NULL: given by path, or not registered */
	const char *file;           /* NULL: not known */
};

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether it can be started at all; what is wrong has been said. */
static bool check_wanted(struct doctor *d, const struct wanted *w)
{
	if (w->file == NULL) {
		doctor_say(d, DOCTOR_MODULE_UNREGISTERED, w->name, "p11-kit list-modules shows the names; or give its absolute path", "p11-kit has no module of this name");
		return false;
	}
	if (w->r != NULL && !registered_is_for(w->r, WORKER)) {
		doctor_say(d, DOCTOR_MODULE_DISABLED, w->name, "add " WORKER " to its enable-in, or take it out of disable-in: pkcs11.conf(5)",
			"p11-kit's configuration keeps it from " WORKER " (%s %s)", w->r->enable_in[0] != '\0' ? "enable-in:" : "disable-in:",
			w->r->enable_in[0] != '\0' ? w->r->enable_in : w->r->disable_in);
		return false;
	}
	if (access(w->file, R_OK) != 0) {
		doctor_say(d, DOCTOR_MODULE_FILE_MISSING, w->name, "install the package that it comes from", "%s: %s", w->file, strerror(errno));
		return false;
	}
	return true;
}

static void say_probed(struct doctor *d, const struct wanted *w, const struct probe *p)
{
	const char *said = p->said[0] != '\0' ? "; it said: " : "";

	switch (p->end) {
	case PROBE_DONE:
		doctor_say(d, DOCTOR_MODULE_OK, w->name, NULL, "starts%s%s, %zu %s, %zu uninitialised %s hidden", p->n_tokens > 0 ? ", " : "",
			p->n_tokens > 0 ? p->tokens[0].info.library : "", p->n_tokens, p->n_tokens == 1 ? "token" : "tokens", p->n_hidden, p->n_hidden == 1 ? "slot" : "slots");
		break;
	case PROBE_FAILED:
		doctor_say(d, DOCTOR_MODULE_FAILED, w->name, p->why.hint[0] != '\0' ? p->why.hint : NULL, "%s%s%s", p->why.text, said, p->said);
		break;
	case PROBE_CRASHED:
		doctor_say(d, DOCTOR_MODULE_CRASHED, w->name, "tell its maker; another version may help", "%s it ends the process that starts it%s%s",
			p->signal != 0 ? strsignal(p->signal) : "without a word", said, p->said);
		break;
	case PROBE_LATE:
		doctor_say(d, DOCTOR_MODULE_HANGS, w->name, "look at what it waits for: reader, network, its daemon", "did not answer within 10 s%s%s", said, p->said);
		break;
	case PROBE_NONE:
		doctor_say(d, DOCTOR_MODULE_UNSEEN, w->name, NULL, "not looked at: %s", p->why.text);
		break;
	}
}

static void probe(struct doctor *d, const struct wanted *w)
{
	static const char *const none[] = { NULL };
	const char *uris[PROBE_URIS + 1] = { NULL };
	struct probe *grown = j11_mem_resize(d->probes, (d->n_probes + 1) * sizeof(*grown));
	bool by_name = w->r != NULL && registered_is_for(w->r, "jwk11");

	if (grown == NULL) {
		doctor_say(d, DOCTOR_MODULE_UNSEEN, w->name, NULL, "not looked at: out of memory");
		return;
	}
	d->probes = grown;
	for (size_t i = 0; d->conf != NULL && i < d->conf->n_tokens && i < PROBE_URIS; i++)
		uris[i] = d->conf->tokens[i].uri;
	if (d->direct)
		uris[0] = d->g->token != NULL ? d->g->token : "pkcs11:";
	probe_module(by_name ? w->name : w->file, d->conf != NULL ? d->conf->environment : none, uris, &grown[d->n_probes]);
	snprintf(grown[d->n_probes].module, sizeof(grown->module), "%s", w->name);
	say_probed(d, w, &grown[d->n_probes]);
	d->n_probes++;
}

/* The same module under two names makes each of its tokens appear twice. */
static void check_twice(struct doctor *d, const struct wanted *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (list[i].file != NULL && list[j].file != NULL && same_file(list[i].file, list[j].file))
				doctor_say(d, DOCTOR_MODULE_TWICE, list[j].name, "leave one of the two in modules", "is the same file as %s: each of its tokens is there twice",
					list[i].name);
}

/* Installed, of keys, and not among ours. */
static void check_others(struct doctor *d, const struct wanted *list, size_t n, const struct registered_list *all)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf names = J11_BUF(4096);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf next = J11_BUF(8192);

	j11_buf_add_str(&next, "to use one: modules = ");
	for (size_t i = 0; i < n; i++)
		j11_buf_add_fmt(&next, "%s, ", list[i].name);
	for (size_t i = 0; i < all->n; i++) {
		const struct registered *r = &all->list[i];
		bool used = r->trust || !registered_is_for(r, WORKER) || access(r->file, R_OK) != 0;

		for (size_t j = 0; !used && j < n; j++)
			used = list[j].file != NULL && same_file(list[j].file, r->file);
		if (!used)
			j11_buf_add_fmt(&names, "%s%s", names.len > 0 ? ", " : "", r->name);
	}
	j11_buf_add_fmt(&next, "%s", jwk11_buf_data(&names));
	if (names.len > 0 && names.failed == JWK11_OK && next.failed == JWK11_OK)
		doctor_say(d, DOCTOR_MODULE_NOT_ENABLED, "", jwk11_buf_data(&next), "installed but not enabled here: %s", jwk11_buf_data(&names));
}

static size_t add_wanted(struct wanted *list, size_t n, const char *name, const struct registered_list *all)
{
	const struct registered *r = name[0] == '/' ? NULL : registered_find(all, name);

	if (n < REGISTERED_MAX)
		list[n++] = (struct wanted){ name, r, name[0] == '/' ? name : r != NULL ? r->file : NULL };
	return n;
}

/* Without any by name all that p11-kit starts for the worker. */
static size_t find_wanted(const struct doctor *d, const struct registered_list *all, struct wanted list[REGISTERED_MAX])
{
	size_t n = 0;

	if (d->direct && d->g->module != NULL)
		return add_wanted(list, 0, d->g->module, all);
	for (const char **m = d->conf != NULL ? d->conf->modules : NULL; m != NULL && *m != NULL; m++)
		n = add_wanted(list, n, *m, all);
	for (size_t i = 0; (d->direct || d->conf->modules[0] == NULL) && i < all->n; i++)
		if (!all->list[i].trust && registered_is_for(&all->list[i], WORKER) && access(all->list[i].file, R_OK) == 0)
			list[n++] = (struct wanted){ all->list[i].name, &all->list[i], all->list[i].file };
	return n;
}

void doctor_modules(struct doctor *d)
{
	J11_AUTO(j11_mem_free_auto) struct registered_list *all = j11_mem_new(sizeof(*all));
	struct wanted list[REGISTERED_MAX];
	size_t n;

	if (all == NULL || (d->conf == NULL && !d->direct))
		return;
	registered_read(all);
	n = find_wanted(d, all, list);
	if (n == 0)
		doctor_say(d, DOCTOR_MODULE_NONE, "", "install one (apt install softhsm2, opensc-pkcs11, tpm2-pkcs11), or give its absolute path", "there is no module");
	for (size_t i = 0; i < n; i++) {
		if (!check_wanted(d, &list[i]))
			continue;
		if (d->g->offline || !d->published)
			probe(d, &list[i]);
		else
			doctor_say(d, DOCTOR_MODULE_OK, list[i].name, NULL, list[i].r != NULL ? "installed as %s" : "installed", list[i].file);
	}
	check_twice(d, list, n);
	if (d->conf != NULL)
		check_others(d, list, n, all);
}
