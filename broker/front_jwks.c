/* SPDX-License-Identifier: Apache-2.0 */
/* The published key sets. Rendered when a catalogue or configuration arrives and served from memory, since no state of a key depends on the
 * clock. Only JWKs that the catalogue has checked get here. */
#include "front_view.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "http_media.h"
#include "json/json_write.h"

#define SET_MAX (64u * 1024u * 1024u) /* octets of one rendered set */
#define SET_TYPE "application/jwk-set+json"

struct set {
	char *name;
	char *body;
	size_t len;
	size_t n_keys;
	char etag[40];     /* as application/json */
	char etag_set[40]; /* as application/jwk-set+json: another representation, so another strong tag */
};
struct front_jwks {
	struct set *sets;
	size_t n_sets;
	char cache_control[48];
};

void front_view_free(struct front_jwks *jwks)
{
	if (jwks == NULL)
		return;
	for (size_t i = 0; i < jwks->n_sets; i++) {
		j11_mem_free(jwks->sets[i].name);
		j11_mem_free(jwks->sets[i].body);
	}
	j11_mem_free(jwks->sets);
	j11_mem_free(jwks);
}

/* FNV-1a, 128 bits: no adversary chooses both sides of the comparison, so a checksum is enough. */
static void make_tags(struct set *set)
{
	__extension__ typedef unsigned __int128 wide;
	const wide prime = (wide)1 << 88 | 0x13bu;
	wide h = (wide)0x6c62272e07bb0142u << 64 | 0x62b821756295c58du;

	for (size_t i = 0; i < set->len; i++)
		h = (h ^ (unsigned char)set->body[i]) * prime;
	snprintf(set->etag, sizeof(set->etag), "\"%016llx%016llx\"", (unsigned long long)(h >> 64), (unsigned long long)h);
	snprintf(set->etag_set, sizeof(set->etag_set), "\"%016llx%016llx-s\"", (unsigned long long)(h >> 64), (unsigned long long)h);
}

/* Two names of one public key give one entry: a set with a kid twice is no use to anybody. */
static bool is_first_of_kid(const struct front *front, const char *const *names, const struct conf_key *until, const char *kid)
{
	const struct catalog_key *twin = catalog_key_of_kid(front->catalog, kid);

	if (twin == NULL || twin->next_kid == NULL)
		return true;
	for (const struct conf_key *k = front->conf->keys; k < until; k++) {
		const struct catalog_key *key = conf_list_has(names, k->name) ? catalog_key_named(front->catalog, k->name) : NULL;

		if (key != NULL && j11_text_equal(key->kid, kid))
			return false;
	}
	return true;
}

static size_t write_keys(const struct front *front, const char *const *names, struct j11_json_out *o)
{
	size_t n = 0;

	for (size_t i = 0; i < front->conf->n_keys; i++) {
		const struct conf_key *k = &front->conf->keys[i];
		const struct catalog_key *key = conf_list_has(names, k->name) ? catalog_key_named(front->catalog, k->name) : NULL;

		if (key == NULL || key->jwk[0] == '\0' || !is_first_of_kid(front, names, k, key->kid))
			continue;
		j11_json_raw(o, NULL, j11_view_str(key->jwk));
		n++;
	}
	return n;
}

static enum jwk11_rc render(const struct front *front, const char *name, const char *const *names, struct set *ret_set,
	struct jwk11_err *err)
{
	struct jwk11_buf buf = J11_BUF(SET_MAX);
	struct j11_json_out o = J11_JSON_OUT(&buf);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_open(&o, "keys", '[');
	ret_set->n_keys = write_keys(front, names, &o);
	j11_json_close(&o);
	j11_json_close(&o);
	rc = j11_buf_check(&buf, "a key set", err);
	if (rc == JWK11_OK) {
		ret_set->name = j11_mem_dup(name);
		ret_set->body = j11_mem_dup_n(buf.data, buf.len);
		ret_set->len = buf.len;
		rc = ret_set->name != NULL && ret_set->body != NULL ? JWK11_OK : j11_err_memory(err);
	}
	j11_buf_done(&buf);
	if (rc == JWK11_OK)
		make_tags(ret_set);
	return rc;
}

static bool has_default(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_sets; i++)
		if (j11_text_equal(conf->sets[i].name, "default"))
			return true;
	return false;
}

enum jwk11_rc front_view_refresh(struct front *front, struct jwk11_err *err)
{
	static const char *const all[] = { "*", NULL };
	const struct conf *conf = front->conf;
	J11_AUTO(front_view_free_auto) struct front_jwks *jwks = j11_mem_new(sizeof(*jwks));
	enum jwk11_rc rc = JWK11_OK;

	if (jwks == NULL || (jwks->sets = j11_mem_new_array(conf->n_sets + 1, sizeof(*jwks->sets))) == NULL)
		return j11_err_memory(err);
	for (size_t i = 0; i < conf->n_sets && rc == JWK11_OK; i++)
		rc = render(front, conf->sets[i].name, (const char *const *)conf->sets[i].keys, &jwks->sets[jwks->n_sets++], err);
	if (rc == JWK11_OK && !has_default(conf))
		rc = render(front, "default", all, &jwks->sets[jwks->n_sets++], err);
	if (rc != JWK11_OK)
		return rc;
	snprintf(jwks->cache_control, sizeof(jwks->cache_control), "public, max-age=%lld", (long long)conf->max_age);
	front_view_free(front->jwks);
	front->jwks = J11_STEAL(jwks);
	return JWK11_OK;
}

static const struct set *find_set(const struct front_jwks *jwks, const char *name, size_t len)
{
	for (size_t i = 0; jwks != NULL && i < jwks->n_sets; i++)
		if (strlen(jwks->sets[i].name) == len && memcmp(jwks->sets[i].name, name, len) == 0)
			return &jwks->sets[i];
	return NULL;
}

/* application/json, which every consumer takes, unless the registered type is asked for by its name and not as second choice. NULL: the
 * client takes neither. */
static const char *choose_type(struct jwk11_view accept)
{
	struct http_taste plain, named;

	if (accept.data == NULL || accept.len == 0)
		return "application/json";
	plain = http_media_taste(accept, "application/json");
	named = http_media_taste(accept, SET_TYPE);
	if (named.q > 0 && named.specific == 3 && (plain.specific < 3 || named.q >= plain.q))
		return SET_TYPE;
	if (plain.q > 0)
		return "application/json";
	return named.q > 0 ? SET_TYPE : NULL;
}

static enum front_outcome send_set(struct front_request *q, const struct set *set)
{
	const char *type = choose_type(q->http->accept);
	const char *tag;

	if (type == NULL)
		return front_problem(q, J11_CODE_HTTP_NOT_ACCEPTABLE, "a key set is application/json or " SET_TYPE);
	if (set->n_keys == 0)
		return front_problem(q, J11_CODE_NOT_READY, "no key of the set \"%s\" has been seen yet", set->name);
	tag = j11_text_equal(type, SET_TYPE) ? set->etag_set : set->etag;
	q->reply.status = q->http->if_none_match.data != NULL && http_media_has_tag(q->http->if_none_match, tag) ? 304 : 200;
	q->reply.type = type;
	q->reply.body = (struct jwk11_view){ .data = set->body, .len = set->len };
	q->reply.etag = tag;
	q->reply.vary = "Accept";
	q->reply.cache_control = q->front->jwks->cache_control;
	return FRONT_REPLY;
}

enum front_outcome front_view_jwks(struct front_request *q)
{
	const struct set *set = find_set(q->front->jwks, "default", 7);

	return set != NULL ? send_set(q, set) : front_problem(q, J11_CODE_NOT_READY, "no key set has been put together yet");
}

/* {set}.json */
enum front_outcome front_view_jwks_set(struct front_request *q)
{
	size_t len = strlen(q->key);
	const struct set *set = NULL;

	if (len > 5 && j11_text_equal(q->key + len - 5, ".json"))
		set = find_set(q->front->jwks, q->key, len - 5);
	return set != NULL ? send_set(q, set) : front_problem(q, J11_CODE_ROUTE_UNKNOWN, "there is no such key set");
}
