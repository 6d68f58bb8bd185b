/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the key of a certificate, and writing its chain onto the token. */
#include "put_cert.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "local_version.h"
#include "token/cert_file.h"
#include "token/cert_write.h"

static void let_go(struct put_cert *p)
{
	jwk11_key_unref(p->key);
	if (!p->borrowed)
		local_close(p->local);
	p->key = NULL;
	p->local = NULL;
}

void put_cert_done(struct put_cert *p)
{
	let_go(p);
	j11_certs_done(&p->certs);
}

static bool is_among(const struct jwk11_certs *certs, const struct jwk11_pub *pub)
{
	unsigned char hash[J11_SPKI_HASH_LEN];

	if (pub == NULL || j11_pub_spki_hash(pub, hash, NULL) != JWK11_OK)
		return false;
	for (size_t i = 0; i < certs->n; i++)
		if (j11_cert_holds(certs->list[i], pub, hash, true))
			return true;
	return false;
}

/* Of a key with versions the one that the certificate holds: a CA may have certified the next one. */
static enum jwk11_rc find_version(struct put_cert *p, const struct conf_key *conf, struct jwk11_err *err)
{
	J11_AUTO(local_versions_done_auto) struct local_versions versions = { 0 };
	enum jwk11_rc rc = local_versions_find(p->local, conf, time(NULL), &versions, err);

	for (size_t i = 0; rc == JWK11_OK && p->key == NULL && i < versions.n; i++)
		if (is_among(&p->certs, jwk11_key_pub(versions.list[i].key)))
			p->key = jwk11_key_ref(versions.list[i].key);
	return rc;
}

static enum jwk11_rc find_key(struct put_cert *p, struct jwk11_err *err)
{
	const struct conf_key *conf = conf_find_key(local_conf(p->local), p->name);
	const char *alg, *kid;
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = JWK11_OK;

	if (conf != NULL && conf_key_is_versioned(conf))
		rc = find_version(p, conf, err);
	if (rc == JWK11_OK && p->key == NULL) {
		rc = local_key(p->local, p->name, &key, &alg, &kid, err);
		p->key = key != NULL ? jwk11_key_ref(key) : NULL;
	}
	if (rc == JWK11_OK && jwk11_key_pub(p->key) == NULL)
		rc = j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: no certificate is of it", p->name);
	return rc;
}

enum jwk11_rc put_cert_plan(const struct cmd_global *g, struct put_cert *p, struct jwk11_err *err)
{
	struct j11_chain_of of = { .name = p->name, .now = (int64_t)time(NULL) };
	enum jwk11_rc rc;

	p->borrowed = p->local != NULL;
	rc = p->borrowed ? JWK11_OK : local_open(g, &p->local, err);
	if (rc == JWK11_OK)
		rc = find_key(p, err);
	if (rc != JWK11_OK)
		return rc;
	of.pub = jwk11_key_pub(p->key);
	rc = j11_bundle_sort(&p->certs, &of, &p->n, err);
	if (rc == JWK11_OK)
		rc = jwk11_pub_thumbprint(of.pub, p->thumbprint, err);
	if (rc == JWK11_OK)
		j11_cert_text(p->certs.list[0], &p->leaf);
	return rc;
}

enum jwk11_rc put_cert_carry_out(struct put_cert *p, unsigned flags, struct jwk11_err *err)
{
	sigset_t before;
	enum jwk11_rc rc;

	cmd_signals_wait(&before);
	rc = j11_cert_write(p->key, &p->certs, p->n, flags, &p->done, err);
	cmd_signals_come(&before);
	return rc;
}

bool put_cert_is_new(const struct put_cert *p)
{
	return p->done.n_written > 0 || p->done.n_replaced > 0;
}

/* What a relying party may miss. */
static void say_gap(const struct put_cert *p)
{
	struct j11_chain_of of = { .pub = jwk11_key_pub(p->key), .name = p->name, .now = (int64_t)time(NULL) };
	J11_AUTO(jwk11_chain_free_auto) struct jwk11_chain *chain = NULL;

	if (j11_bundle_chain(&p->certs, &of, &chain, NULL) == JWK11_OK && strstr(jwk11_chain_note(chain), "issuer is not among") != NULL)
		fprintf(stderr, "jwk11: %s\n", jwk11_chain_note(chain));
}

/* Which certificate the key goes by now is the token's word, not the file's. */
static void say_notes(const struct put_cert *p, bool dry_run)
{
	struct jwk11_chain *chain = NULL;

	for (size_t i = p->n; i < p->certs.n; i++) {
		struct j11_cert_text text;

		j11_cert_text(p->certs.list[i], &text);
		fprintf(stderr, "jwk11: left out: %s has no part in the chain\n", text.subject);
	}
	if (p->done.note[0] != '\0')
		fprintf(stderr, "jwk11: warning: %s\n", p->done.note);
	if (p->file != NULL)
		say_gap(p);
	if (p->file != NULL || dry_run || jwk11_key_chain(p->key, NULL, &chain, NULL) != JWK11_OK)
		return;
	if (!j11_text_equal(jwk11_chain_thumbprint(chain), p->leaf.x5t))
		fprintf(stderr, "jwk11: warning: the key goes by another certificate%s: %s\n", j11_key_has_file_chain(p->key) ? " in its file" : " on its token",
			jwk11_chain_note(chain));
	else if (strstr(jwk11_chain_note(chain), "issuer is not among") != NULL)
		fprintf(stderr, "jwk11: %s\n", jwk11_chain_note(chain));
	jwk11_chain_free(chain);
}

void put_cert_tell(const struct cmd_global *g, struct put_cert *p, bool dry_run)
{
	char section[65];

	say_notes(p, dry_run);
	snprintf(section, sizeof(section), "%s", local_section_of(p->local, jwk11_key_token(p->key)));
	let_go(p);
	if (put_cert_is_new(p) && !dry_run && !local_is_direct(g) && (p->file == NULL || p->tells))
		local_tell_of_certs(g, section);
}
