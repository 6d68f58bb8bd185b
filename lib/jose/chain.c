/* SPDX-License-Identifier: Apache-2.0 */
/* Chains: the leaf, then issuer after issuer until a root, a gap or a limit. */
#include "chain.h"

#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

enum jwk11_rc j11_certs_take(struct jwk11_certs *certs, struct j11_cert *cert, struct jwk11_err *err)
{
	struct j11_cert **grown = certs->list;

	if (certs->n == certs->room) {
		grown = j11_mem_resize(certs->list, (certs->room * 2 + 8) * sizeof(struct j11_cert *));
		if (grown == NULL) {
			j11_cert_free(cert);
			return j11_err_memory(err);
		}
		certs->list = grown;
		certs->room = certs->room * 2 + 8;
	}
	certs->list[certs->n++] = cert;
	certs->len += cert->der.len;
	return JWK11_OK;
}

enum jwk11_rc j11_certs_add(struct jwk11_certs *certs, struct jwk11_view der, struct jwk11_view id, struct jwk11_view label, struct jwk11_err *err)
{
	struct j11_cert *cert = NULL;
	enum jwk11_rc rc = JWK11_ERR_LIMIT;

	if (certs->n < J11_CERTS_MAX && der.len <= J11_CERTS_LEN_MAX - certs->len)
		rc = j11_cert_new(der, id, label, &cert, NULL);
	if (rc == JWK11_ERR_MEMORY)
		return j11_err_memory(err);
	if (rc == JWK11_OK)
		return j11_certs_take(certs, cert, err);
	certs->n_unread++;
	return JWK11_OK;
}

void j11_certs_done(struct jwk11_certs *certs)
{
	for (size_t i = 0; i < certs->n; i++)
		j11_cert_free(certs->list[i]);
	j11_mem_free(certs->list);
	*certs = (struct jwk11_certs){ 0 };
}

/* What a token full of certificates made for the purpose can cost: this many keys are read and signatures checked for one link. */
enum { MAX_TRIES = 32 };

/* A chain under construction. */
struct building {
	const struct jwk11_certs *certs;
	const struct j11_chain_of *of;
	unsigned char spki_hash[J11_SPKI_HASH_LEN];
	const struct j11_cert *links[J11_CHAIN_MAX];
	size_t n, len;
	bool complete;
	bool foreign; /* a certificate with the key's id or label holds another key */
	struct jwk11_buf note;
};

/* A sentence more. What does not fit is left out whole. */
static void note(struct building *b, const char *text, const char *detail)
{
	if (b->note.len + strlen(text) + strlen(detail) + 3 < JWK11_TEXT_MAX)
		j11_buf_add_fmt(&b->note, "%s%s%s", b->note.len > 0 ? "; " : "", text, detail);
}

static bool same(struct jwk11_view a, struct jwk11_view b)
{
	return a.len > 0 && j11_view_equal(a, b);
}

static bool is_near(const struct j11_cert *cert, const struct j11_chain_of *of)
{
	return same(of->id, cert->id) || same(of->label, cert->label);
}

static int compare_octets(struct jwk11_view a, struct jwk11_view b)
{
	int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Which of two certificates that would both do is taken: always the same one, whatever order the token lists them in. */
static bool is_better(const struct building *b, const struct j11_cert *one, const struct j11_cert *other)
{
	bool valid[2] = { j11_cert_is_valid_at(one, b->of->now), j11_cert_is_valid_at(other, b->of->now) };
	bool near[2] = { is_near(one, b->of), is_near(other, b->of) };

	if (valid[0] != valid[1])
		return valid[0];
	if (near[0] != near[1])
		return near[0];
	if (one->not_before != other->not_before)
		return one->not_before > other->not_before;
	if (one->not_after != other->not_after)
		return one->not_after > other->not_after;
	return compare_octets(one->der, other->der) < 0;
}

/* A token may hold one certificate in several objects. */
static bool is_repeated(const struct jwk11_certs *certs, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (j11_view_equal(certs->list[i]->der, certs->list[at]->der))
			return true;
	return false;
}

static const struct j11_cert *pick_leaf(struct building *b)
{
	const struct j11_cert *best = NULL;
	unsigned n = 0, n_near = 0;
	char count[64];

	for (size_t i = 0; i < b->certs->n; i++) {
		const struct j11_cert *cert = b->certs->list[i];
		bool near = is_near(cert, b->of), holds = j11_cert_holds(cert, b->of->pub, b->spki_hash, near && n_near++ < MAX_TRIES);

		if (holds && j11_cert_is_attestation(cert))
			continue;
		b->foreign = b->foreign || (near && !holds);
		if (!holds || is_repeated(b->certs, i))
			continue;
		n++;
		if (best == NULL || is_better(b, cert, best))
			best = cert;
	}
	if (n > 1) {
		snprintf(count, sizeof(count), "%u certificates hold this key", n);
		note(b, count, ": the newest that is valid now is used");
	}
	return best;
}

static bool is_linked(const struct building *b, const struct j11_cert *cert)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->links[i] == cert)
			return true;
	return false;
}

/* Of several issuers a root comes first: it ends the chain, where the same CA certified by another one would make it longer. */
static const struct j11_cert *pick_issuer(const struct building *b, const struct j11_cert *subject)
{
	const struct j11_cert *best = NULL;
	unsigned tries = 0;

	for (size_t i = 0; i < b->certs->n && tries < MAX_TRIES; i++) {
		const struct j11_cert *cert = b->certs->list[i];
		bool roots[2];

		if (is_linked(b, cert) || !j11_cert_names(cert, subject))
			continue;
		tries++;
		if (!j11_cert_certifies(cert, subject))
			continue;
		roots[0] = j11_cert_is_self_issued(cert);
		roots[1] = best != NULL && j11_cert_is_self_issued(best);
		if (best == NULL || (roots[0] != roots[1] ? roots[0] : is_better(b, cert, best)))
			best = cert;
	}
	return best;
}

static void note_times(struct building *b, const struct j11_cert *cert)
{
	const char *whose = b->n == 1 ? "its certificate" : "the certificate of an issuer";
	char when[21], text[64];

	if (j11_cert_is_valid_at(cert, b->of->now))
		return;
	snprintf(text, sizeof(text), "%s %s ", whose, cert->not_after < b->of->now ? "expired at" : "is not valid before");
	j11_text_time(cert->not_after < b->of->now ? cert->not_after : cert->not_before, when);
	note(b, text, when);
}

/* False: the limits say stop. */
static bool add_link(struct building *b, const struct j11_cert *cert)
{
	if (b->n == J11_CHAIN_MAX || cert->der.len > J11_CHAIN_LEN_MAX - b->len) {
		note(b, "its chain is cut: it is too long", "");
		return false;
	}
	b->links[b->n++] = cert;
	b->len += cert->der.len;
	note_times(b, cert);
	return true;
}

static void climb(struct building *b, const struct j11_cert *leaf)
{
	const struct j11_cert *top = leaf, *issuer;

	while (add_link(b, top)) {
		if (j11_cert_is_self_issued(top)) {
			b->complete = j11_cert_certifies(top, top) || b->n == 1;
			return;
		}
		issuer = pick_issuer(b, top);
		if (issuer == NULL) {
			note(b, b->n == 1 ? "its issuer" : "a further issuer", b->of->in_file ? " is not among the certificates in the file" :
				" is not among the certificates on the token");
			return;
		}
		if (j11_cert_is_self_issued(issuer)) { /* left out */
			b->complete = true;
			return;
		}
		top = issuer;
	}
}

static enum jwk11_rc finish(const struct building *b, struct jwk11_chain **ret_chain, struct jwk11_err *err)
{
	struct jwk11_chain *chain = j11_mem_new(sizeof(*chain) + b->len);
	unsigned char *end;
	enum jwk11_rc rc;

	if (chain == NULL)
		return j11_err_memory(err);
	end = chain->bytes;
	for (; chain->n < b->n; chain->n++) {
		struct jwk11_view der = b->links[chain->n]->der;

		memcpy(end, der.data, der.len);
		chain->der[chain->n] = (struct jwk11_view){ .data = end, .len = der.len };
		end += der.len;
	}
	chain->complete = b->complete;
	if (b->note.len > 0)
		snprintf(chain->note, sizeof(chain->note), "%s", b->note.data);
	rc = j11_hash_text(chain->der[0], chain->x5t, err);
	if (rc == JWK11_OK)
		*ret_chain = chain;
	else
		jwk11_chain_free(chain);
	return rc;
}

static enum jwk11_rc absent(const struct building *b, struct jwk11_err *err)
{
	if (b->foreign)
		j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_CERT_FOREIGN, "key \"%s\": the certificate with its CKA_ID or label holds another key", b->of->name);
	else
		j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_CERT_ABSENT, "key \"%s\": no certificate on its token holds its public key", b->of->name);
	if (b->certs->n_unread > 0)
		j11_err_hint(err, "%zu certificates on the token could not be read", b->certs->n_unread);
	return JWK11_ERR_NOT_FOUND;
}

enum jwk11_rc j11_chain_new(const struct jwk11_certs *certs, const struct j11_chain_of *of, struct jwk11_chain **ret_chain, struct jwk11_err *err)
{
	struct building b = { .certs = certs, .of = of, .note = J11_BUF(JWK11_TEXT_MAX) };
	const struct j11_cert *leaf;
	enum jwk11_rc rc = j11_pub_spki_hash(of->pub, b.spki_hash, err);

	if (rc != JWK11_OK)
		return rc;
	leaf = pick_leaf(&b);
	if (leaf != NULL)
		climb(&b, leaf);
	rc = j11_buf_check(&b.note, "note", err);
	if (rc == JWK11_OK)
		rc = leaf != NULL ? finish(&b, ret_chain, err) : absent(&b, err);
	j11_buf_done(&b.note);
	return rc;
}

struct jwk11_chain *j11_chain_copy(const struct jwk11_chain *chain)
{
	struct jwk11_chain *copy;
	size_t len = 0;

	for (size_t i = 0; i < chain->n; i++)
		len += chain->der[i].len;
	copy = j11_mem_new(sizeof(*copy) + len);
	if (copy == NULL)
		return NULL;
	memcpy(copy, chain, sizeof(*chain) + len);
	len = 0;
	for (size_t i = 0; i < copy->n; i++) {
		copy->der[i].data = copy->bytes + len;
		len += copy->der[i].len;
	}
	return copy;
}

void jwk11_chain_free(struct jwk11_chain *chain)
{
	j11_mem_free(chain);
}

size_t jwk11_chain_count(const struct jwk11_chain *chain)
{
	return chain->n;
}

struct jwk11_view jwk11_chain_der(const struct jwk11_chain *chain, size_t index)
{
	return index < chain->n ? chain->der[index] : (struct jwk11_view){ 0 };
}

bool jwk11_chain_is_complete(const struct jwk11_chain *chain)
{
	return chain->complete;
}

const char *jwk11_chain_note(const struct jwk11_chain *chain)
{
	return chain->note;
}

const char *jwk11_chain_thumbprint(const struct jwk11_chain *chain)
{
	return chain->x5t;
}

enum jwk11_rc jwk11_chain_pem(const struct jwk11_chain *chain, size_t n, struct jwk11_buf *ret_pem, struct jwk11_err *err)
{
	size_t start = ret_pem ? ret_pem->len : 0;

	if (chain == NULL || ret_pem == NULL || n > chain->n)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "PEM: chain or buffer is missing, or the chain is shorter");
	for (size_t i = 0; i < (n > 0 ? n : chain->n); i++) {
		j11_b64_pem(ret_pem, "CERTIFICATE", chain->der[i]);
	}
	return j11_buf_check_from(ret_pem, start, "PEM", err);
}
