/* SPDX-License-Identifier: Apache-2.0 */
/* What is there already is replaced only when it is of the same key: a name in a folder is soon that of something else, a private key for one. */
#include "cert_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "local_version.h"
#include "token/cert_write.h"

/* The text under construction: certificates that are in it already are not put there again. */
struct writing {
	struct put_cert *p;
	const struct conf_key *conf; /* NULL: there is no configuration */
	struct jwk11_certs older;    /* what the file has now */
	bool is_there, is_own;
	struct jwk11_view done[2 * J11_BUNDLE_MAX];
	size_t n_done;
	struct jwk11_buf now, text;
};

static void writing_done(struct writing *w)
{
	j11_certs_done(&w->older);
	j11_buf_done(&w->now);
	j11_buf_done(&w->text);
}

static enum jwk11_rc name_file(const struct writing *w, const char *dir, char path[PATH_MAX], struct jwk11_err *err)
{
	char folder[PATH_MAX];

	if (!conf_is_name(j11_view_str(w->p->name)) || (w->conf == NULL && local_conf(w->p->local)->n_keys > 0))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "--dir takes the name of a [key] section, which becomes the name of the file; "
			"\"%s\" is none", w->p->name);
	if (realpath(dir, folder) == NULL)
		return cmd_file_failed(dir, err);
	if (snprintf(path, PATH_MAX, "%s/%s.pem", j11_text_equal(folder, "/") ? "" : folder, w->p->name) >= PATH_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "--dir: the path is too long");
	return JWK11_OK;
}

static enum jwk11_rc not_ours(const char *path, const char *why, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_CERT_FOREIGN, "%.200s is there and %.150s; it was left as it is", path, why);
	j11_err_hint(err, "look at it, then move it away");
	return JWK11_ERR_MISMATCH;
}

static enum jwk11_rc read_older(struct writing *w, const char *path, struct jwk11_err *err)
{
	struct jwk11_err why = { 0 };
	struct stat st;
	enum jwk11_rc rc;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? JWK11_OK : cmd_file_failed(path, err);
	w->is_there = true;
	if (!S_ISREG(st.st_mode))
		return not_ours(path, "is no plain file", err);
	rc = cmd_read_input(path, J11_BUNDLE_LEN_MAX, &w->now, err);
	if (rc != JWK11_OK)
		return rc;
	return j11_bundle_read(j11_buf_view(&w->now), &w->older, &why) == JWK11_OK ? JWK11_OK : not_ours(path, why.text, err);
}

static bool is_done(const struct writing *w, struct jwk11_view der)
{
	for (size_t i = 0; i < w->n_done; i++)
		if (j11_view_equal(w->done[i], der))
			return true;
	return false;
}

static void add(struct writing *w, const struct jwk11_certs *certs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct jwk11_view der = certs->list[i]->der;

		if (is_done(w, der) || w->n_done == J11_COUNT(w->done))
			continue;
		w->done[w->n_done++] = der;
		j11_b64_pem(&w->text, "CERTIFICATE", der);
	}
}

/* How many of the older ones, now at their front, are a key's; 0: it is not among them. */
static size_t sort_older(struct writing *w, const struct jwk11_key *key)
{
	struct j11_chain_of of = { .pub = jwk11_key_pub(key), .name = w->p->name, .now = (int64_t)time(NULL) };
	size_t n = 0;

	return of.pub != NULL && w->older.n > 0 && j11_bundle_sort(&w->older, &of, &n, NULL) == JWK11_OK ? n : 0;
}

/* Another version signs, or is still published, by what the file has for it. */
static enum jwk11_rc add_versions(struct writing *w, struct jwk11_err *err)
{
	J11_AUTO(local_versions_done_auto) struct local_versions versions = { 0 };
	enum jwk11_rc rc = local_versions_find(w->p->local, w->conf, time(NULL), &versions, err);

	for (size_t i = 0; rc == JWK11_OK && i < versions.n; i++) {
		size_t n = sort_older(w, versions.list[i].key);

		w->is_own |= n > 0;
		if (n > 0 && !j11_pub_equal(jwk11_key_pub(versions.list[i].key), jwk11_key_pub(w->p->key)))
			add(w, &w->older, n);
	}
	return rc;
}

static enum jwk11_rc compose(struct writing *w, const char *path, struct jwk11_err *err)
{
	enum jwk11_rc rc = read_older(w, path, err);

	add(w, &w->p->certs, w->p->n);
	w->is_own = rc == JWK11_OK && sort_older(w, w->p->key) > 0;
	if (rc == JWK11_OK && w->conf != NULL && conf_key_is_versioned(w->conf))
		rc = add_versions(w, err);
	if (rc == JWK11_OK && w->is_there && !w->is_own)
		rc = not_ours(path, "none of its certificates holds this key", err);
	if (rc == JWK11_OK && w->n_done > J11_BUNDLE_MAX)
		rc = j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%.200s: more than %d certificates, with those of the key's other versions", path, J11_BUNDLE_MAX);
	return rc == JWK11_OK ? j11_buf_check(&w->text, "certificates", err) : rc;
}

/* Two paths may be one file. */
static bool is_named(const struct conf_key *conf, const char *path)
{
	struct stat one, other;

	if (conf == NULL || conf->certificates == NULL)
		return false;
	return j11_text_equal(conf->certificates, path) ||
		(stat(conf->certificates, &one) == 0 && stat(path, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

enum jwk11_rc cert_dir_write(struct put_cert *p, const char *dir, unsigned flags, struct cert_dir *ret_dir, struct jwk11_err *err)
{
	J11_AUTO(writing_done) struct writing w = { .p = p, .conf = conf_find_key(local_conf(p->local), p->name), .now = J11_BUF(J11_BUNDLE_LEN_MAX),
		.text = J11_BUF(J11_BUNDLE_LEN_MAX) };
	struct jwk11_err times = { 0 };
	enum jwk11_rc rc = name_file(&w, dir, ret_dir->path, err);
	bool is_new;

	if (rc == JWK11_OK && j11_certs_valid(&p->certs, p->n, time(NULL), &times) != JWK11_OK && (flags & JWK11_IMPORT_STRICT) != 0) {
		*err = times;
		return times.rc;
	}
	if (rc == JWK11_OK)
		rc = compose(&w, ret_dir->path, err);
	if (rc != JWK11_OK)
		return rc;
	is_new = !w.is_there || !j11_view_equal(j11_buf_view(&w.now), j11_buf_view(&w.text));
	if (is_new && (flags & JWK11_IMPORT_DRY_RUN) == 0)
		rc = cmd_write_output(ret_dir->path, j11_buf_view(&w.text), false, err);
	p->file = ret_dir->path;
	p->tells = ret_dir->is_named = is_named(w.conf, ret_dir->path);
	snprintf(p->done.note, sizeof(p->done.note), "%s", times.text);
	*(is_new ? &p->done.n_written : &p->done.n_there) = (unsigned)p->n;
	p->done.n_replaced = is_new && w.is_there;
	return rc;
}

void cert_dir_say(const struct put_cert *p, const struct cert_dir *dir)
{
	const struct conf_key *conf = conf_find_key(local_conf(p->local), p->name);

	if (dir->is_named || conf == NULL)
		return;
	if (conf->certificates != NULL)
		fprintf(stderr, "jwk11: [key %s] names another file: %s\n", conf->name, conf->certificates);
	fprintf(stderr, "jwk11: the broker reads it with this line in [key %s], after a reload:\ncertificates = %s\n", conf->name, dir->path);
}
