/* SPDX-License-Identifier: Apache-2.0 */
/* The published key sets. Rendered when a catalogue or configuration arrives, or a version's moment has come, and served from memory. Only JWKs that
 * the catalogue has checked get here. */
#include "front_view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "form/profile.h"
#include "front_oidc.h"
#include "http_media.h"
#include "log.h"

#define SET_MAX (64u * 1024u * 1024u) /* octets of one rendered set */
#define SET_TYPE "application/jwk-set+json"
#define LEFT_OUT_MAX 2000u /* octets of a sentence about keys that are left out */

struct set {
	char *name;
	char *body;
	size_t len;
	size_t n_keys;
	bool waits;        /* it is for keys of tokens too, and none of them has been seen yet */
	int64_t changed;   /* seconds since 1970 */
	char *left_out;    /* which keys of it are not published, and why */
	char etag[HTTP_TAG_MAX];     /* as application/json */
	char etag_set[HTTP_TAG_MAX]; /* as application/jwk-set+json: another representation, so another strong tag */
	char *discovery;   /* its issuer's document; NULL: none */
	char etag_discovery[HTTP_TAG_MAX];
};
struct front_jwks {
	struct set *sets;
	size_t n_sets;
	char cache_control[48];
};

static void free_set(struct set *set)
{
	j11_mem_free(set->name);
	j11_mem_free(set->body);
	j11_mem_free(set->left_out);
	j11_mem_free(set->discovery);
}

void front_view_free(struct front_jwks *jwks)
{
	if (jwks == NULL)
		return;
	for (size_t i = 0; i < jwks->n_sets; i++)
		free_set(&jwks->sets[i]);
	j11_mem_free(jwks->sets);
	j11_mem_free(jwks);
}

static void make_tags(struct set *set)
{
	const struct jwk11_view body = { .data = set->body, .len = set->len };

	http_media_make_tag(body, "", set->etag);
	http_media_make_tag(body, "-s", set->etag_set);
	if (set->discovery != NULL)
		http_media_make_tag(j11_view_str(set->discovery), "", set->etag_discovery);
}

/* ---- what is published ---- */

void front_view_each_published(const struct front *front, const struct conf_set *set, front_published_fn fn, void *arg)
{
	for (size_t i = 0; i < front->conf->n_keys; i++) {
		const struct conf_key *k = &front->conf->keys[i];
		const struct catalog_key *key = catalog_versions(front->catalog, k->name);

		if (key == NULL)
			key = catalog_key_named(front->catalog, k->name);
		for (; key != NULL; key = key->next_version)
			if (key->jwk[0] != '\0' && (!key->is_version || j11_version_is_published(key->version_state)) &&
				conf_set_holds(set, k->name, key->kty) && !fn(arg, k, key))
				return;
	}
}

struct twins {
	const struct conf_set *set;
	const struct catalog_key *key;
	bool found;
};

/* Until the key itself comes: is one of those before it the same? */
static bool look_for_twin(void *arg, const struct conf_key *k, const struct catalog_key *other)
{
	struct twins *t = arg;

	if (other == t->key)
		return false;
	if (!conf_set_shows(t->set, k->discovery) || (other->outdated && !t->key->outdated))
		return true;
	t->found = j11_text_equal(other->kid, t->key->kid) && (t->key->kid[0] != '\0' || j11_text_equal(other->jwk, t->key->jwk));
	return !t->found;
}

/* Has the kid gone to another key, by a configuration that its own module has not spoken about yet? */
static bool is_succeeded(const struct catalog_key *key, const struct catalog_key *of_kid)
{
	for (; key->outdated && of_kid != NULL; of_kid = of_kid->next_kid)
		if (!of_kid->outdated)
			return true;
	return false;
}

/* Two names of one public key give one entry: a set with a kid twice is no use to anybody. Without a kid the whole JWK is compared. */
static bool is_repeated(const struct front *front, const struct conf_set *set, const struct catalog_key *key)
{
	const struct catalog_key *twin = catalog_key_of_kid(front->catalog, key->kid);
	struct twins t = { .set = set, .key = key };

	if (twin != NULL && twin->next_kid == NULL)
		return false;
	if (is_succeeded(key, twin))
		return true;
	front_view_each_published(front, set, look_for_twin, &t);
	return t.found;
}

static void settle(struct front *front)
{
	front->settled = time(NULL);
	front->due = INT64_MAX;
	for (size_t i = 0; i < front->conf->n_keys; i++) {
		const struct conf_key *k = &front->conf->keys[i];
		int64_t due = conf_key_is_versioned(k) ? catalog_settle(front->catalog, k->name, front->settled, k->overlap) : INT64_MAX;

		if (due < front->due)
			front->due = due;
	}
}

/* ---- rendering ---- */

/* A set under construction. */
struct rendering {
	const struct front *front;
	const struct conf_set *set;
	struct j11_json_out *o;
	struct j11_tally tally;
	struct jwk11_buf left_out;
	struct front_oidc_algs algs;
	size_t n_keys, n_left_out, n_unsaid;
	bool waits;
	struct jwk11_err *err;
	enum jwk11_rc rc;
};

static void count_in(struct rendering *r, bool signs, const char *alg)
{
	r->n_keys++;
	if (signs)
		front_oidc_note(&r->algs, alg);
}

static void leave_out(struct rendering *r, const char *name, const char *why)
{
	char text[256 + 4 + J11_PROFILE_WHY_MAX];

	snprintf(text, sizeof(text), "%s%s: %s", r->n_left_out > 0 ? "; " : "", name, why);
	if (r->left_out.len + strlen(text) <= LEFT_OUT_MAX)
		j11_buf_add_str(&r->left_out, text);
	else
		r->n_unsaid++;
	r->n_left_out++;
}

/* One key on its way into the set. */
struct published {
	const char *name; /* for people: of its section, or its file */
	const char *alg, *jwk, *x5c, *x5t; /* "" without certificates */
	bool signs;
};

/* The key in the form that the set's profile asks for; one that its taker does not take stays out. */
static enum jwk11_rc write_form(struct rendering *r, const struct published *key, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *jwk = NULL;
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *x5c = NULL;
	const struct j11_profile *p = r->set->profile;
	struct j11_form form = { .x5t = j11_view_str(key->x5t) };
	char why[J11_PROFILE_WHY_MAX];
	enum jwk11_rc rc = j11_json_read(j11_view_str(key->jwk), NULL, "JWK", &jwk, err);

	if (rc == JWK11_OK && key->x5c[0] != '\0')
		rc = j11_json_read(j11_view_str(key->x5c), NULL, "x5c", &x5c, err);
	if (rc != JWK11_OK)
		return rc;
	form.jwk = j11_json_root(jwk);
	form.x5c = x5c != NULL ? j11_json_root(x5c) : NULL;
	if (p != NULL && !j11_profile_takes(p, &form, &r->tally, why)) {
		leave_out(r, key->name, why);
	} else {
		j11_form_jwk(r->o, p, &form, r->set->x5c == CONF_YES);
		count_in(r, key->signs, key->alg);
	}
	return JWK11_OK;
}

static enum jwk11_rc write_published(struct rendering *r, const struct published *key, struct jwk11_err *err)
{
	if (r->set->profile != NULL || r->set->x5c == CONF_YES)
		return write_form(r, key, err);
	j11_json_raw(r->o, NULL, j11_view_str(key->jwk));
	count_in(r, key->signs, key->alg);
	return JWK11_OK;
}

static enum jwk11_rc write_key(struct rendering *r, const struct conf_key *k, const struct catalog_key *key, struct jwk11_err *err)
{
	const struct published p = { .name = k->name, .alg = key->alg, .jwk = key->jwk, .x5c = key->x5c, .x5t = key->x5t, .signs = k->use == CONF_USE_SIG };
	const struct j11_profile *profile = r->set->profile;
	char why[J11_PROFILE_WHY_MAX];

	if (is_repeated(r->front, r->set, key))
		return JWK11_OK;
	if (key->rival != NULL) {
		leave_out(r, k->name, catalog_key_text(key));
		return JWK11_OK;
	}
	if (front_kid_rival(r->front, key) != NULL) {
		leave_out(r, k->name, "its kid is that of another key, in another module");
		return JWK11_OK;
	}
	if (profile != NULL && profile->kid_style != JWK11_N_KID_ && (k->kid != NULL || k->kid_style != profile->kid_style)) {
		snprintf(why, sizeof(why), "%s wants kid-style = %s in its section", profile->taker, profile->kid_word);
		leave_out(r, k->name, why);
		return JWK11_OK;
	}
	return write_published(r, &p, err);
}

static bool write_next(void *arg, const struct conf_key *k, const struct catalog_key *key)
{
	struct rendering *r = arg;

	if (conf_set_shows(r->set, k->discovery))
		r->rc = write_key(r, k, key, r->err);
	return r->rc == JWK11_OK;
}

/* Behind those of the tokens. */
static bool write_from_file(void *arg, const struct conf_verify_only *key, const char *why_not)
{
	const struct published p = { .name = key->file, .alg = key->alg, .jwk = key->jwk, .x5c = "", .x5t = "", .signs = true };
	struct rendering *r = arg;

	if (why_not != NULL)
		leave_out(r, key->file, why_not);
	else if (conf_set_shows(r->set, key->discovery))
		r->rc = write_published(r, &p, r->err);
	return r->rc == JWK11_OK;
}

static enum jwk11_rc write_keys(struct rendering *r)
{
	j11_json_open(r->o, NULL, '{');
	j11_json_open(r->o, "keys", '[');
	front_view_each_published(r->front, r->set, write_next, r);
	r->waits = r->n_keys == 0 && front_view_wants_own(r->front, r->set);
	if (r->rc == JWK11_OK)
		front_view_each_verify_only(r->front, r->set, write_from_file, r);
	j11_json_close(r->o);
	j11_json_close(r->o);
	return r->rc;
}

static enum jwk11_rc render_discovery(const struct rendering *r, struct set *ret_set, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf buf = J11_BUF(SET_MAX);
	enum jwk11_rc rc;

	if (r->set->issuer == NULL)
		return JWK11_OK;
	front_oidc_write(r->set, &r->algs, &buf);
	rc = j11_buf_check(&buf, "a discovery document", err);
	if (rc != JWK11_OK)
		return rc;
	ret_set->discovery = j11_mem_dup_n(buf.data, buf.len);
	return ret_set->discovery != NULL ? JWK11_OK : j11_err_memory(err);
}

static enum jwk11_rc render(const struct front *front, const struct conf_set *set, struct set *ret_set, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf buf = J11_BUF(SET_MAX);
	struct j11_json_out o = J11_JSON_OUT(&buf);
	struct rendering r = { .front = front, .set = set, .o = &o, .left_out = J11_BUF(LEFT_OUT_MAX + 40), .err = err };
	enum jwk11_rc rc = write_keys(&r);

	if (r.n_unsaid > 0)
		j11_buf_add_fmt(&r.left_out, "; and %zu more", r.n_unsaid);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&buf, "a key set", err);
	if (rc == JWK11_OK) {
		ret_set->name = j11_mem_dup(set->name);
		ret_set->body = j11_mem_dup_n(buf.data, buf.len);
		ret_set->left_out = j11_mem_dup(jwk11_buf_data(&r.left_out));
		ret_set->len = buf.len;
		ret_set->n_keys = r.n_keys;
		ret_set->waits = r.waits;
		rc = ret_set->name != NULL && ret_set->body != NULL && ret_set->left_out != NULL ? JWK11_OK : j11_err_memory(err);
	}
	if (rc == JWK11_OK)
		rc = render_discovery(&r, ret_set, err);
	j11_buf_done(&r.left_out);
	if (rc == JWK11_OK)
		make_tags(ret_set);
	return rc;
}

/* The set that nobody asked for is there when it has something in it. */
static bool is_needless(const struct conf *conf, const struct conf_set *set, const struct set *rendered)
{
	return rendered->n_keys == 0 && conf_set_is_implied(conf, set) && !j11_text_equal(set->name, "default");
}

static const struct set *find_set(const struct front_jwks *jwks, const char *name, size_t len)
{
	for (size_t i = 0; jwks != NULL && i < jwks->n_sets; i++)
		if (strlen(jwks->sets[i].name) == len && memcmp(jwks->sets[i].name, name, len) == 0)
			return &jwks->sets[i];
	return NULL;
}

/* A set with the tag it had has not changed. True: some has, or its document. */
static bool date(const struct front_jwks *before, struct front_jwks *now)
{
	bool changed = before == NULL || before->n_sets != now->n_sets;

	for (size_t i = 0; i < now->n_sets; i++) {
		struct set *set = &now->sets[i];
		const struct set *old = find_set(before, set->name, strlen(set->name));

		bool same = old != NULL && j11_text_equal(old->etag, set->etag);

		set->changed = same ? old->changed : (int64_t)time(NULL);
		changed |= !same || old->waits != set->waits || !j11_text_equal(old->etag_discovery, set->etag_discovery);
	}
	return changed;
}

bool front_view_set_at(const struct front *front, size_t i, const char **ret_name, size_t *ret_n_keys, int64_t *ret_changed)
{
	const struct set *set;

	if (front->jwks == NULL || i >= front->jwks->n_sets)
		return false;
	set = &front->jwks->sets[i];
	*ret_name = set->name;
	*ret_n_keys = set->n_keys;
	*ret_changed = set->changed;
	return true;
}

void front_view_list_sets(const struct front *front, struct j11_json_out *o)
{
	j11_json_open(o, "sets", '[');
	for (size_t i = 0; front->jwks != NULL && i < front->jwks->n_sets; i++) {
		const struct set *set = &front->jwks->sets[i];

		j11_json_open(o, NULL, '{');
		j11_json_str(o, "name", set->name);
		j11_json_num(o, "keys", (int64_t)set->n_keys);
		j11_json_boolean(o, "issuer", set->discovery != NULL);
		j11_json_close(o);
	}
	j11_json_close(o);
}

/* Once for each change: a set is rendered with every look at a token. */
static void log_left_out(const struct front_jwks *before, const struct front_jwks *now)
{
	for (size_t i = 0; i < now->n_sets; i++) {
		const struct set *set = &now->sets[i], *old = find_set(before, set->name, strlen(set->name));

		if (set->left_out[0] != '\0' && (old == NULL || !j11_text_equal(old->left_out, set->left_out)))
			log_event(LOG_LEVEL_WARNING, "keys-left-out", "set", set->name, "why", set->left_out, NULL);
	}
}

static enum jwk11_rc render_all(struct front *front, struct jwk11_err *err)
{
	const struct conf *conf = front->conf;
	const struct conf_set *set;
	J11_AUTO(front_view_free_auto) struct front_jwks *jwks = j11_mem_new(sizeof(*jwks));
	enum jwk11_rc rc = JWK11_OK;

	if (jwks == NULL || (jwks->sets = j11_mem_new_array(conf->n_sets + 2, sizeof(*jwks->sets))) == NULL)
		return j11_err_memory(err);
	settle(front);
	for (size_t i = 0; rc == JWK11_OK && (set = conf_set_at(conf, i)) != NULL; i++) {
		rc = render(front, set, &jwks->sets[jwks->n_sets++], err);
		if (is_needless(conf, set, &jwks->sets[jwks->n_sets - 1]))
			free_set(&jwks->sets[--jwks->n_sets]);
	}
	if (rc != JWK11_OK)
		return rc;
	snprintf(jwks->cache_control, sizeof(jwks->cache_control), "public, max-age=%lld", (long long)conf->max_age);
	log_left_out(front->jwks, jwks);
	front->jwks_changed = date(front->jwks, jwks);
	front_view_free(front->jwks);
	front->jwks = J11_STEAL(jwks);
	return JWK11_OK;
}

enum jwk11_rc front_view_refresh(struct front *front, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	front->jwks_changed = false;
	rc = render_all(front, err);
	if (front->refreshed != NULL)
		front->refreshed(front);
	return rc;
}

void front_view_keep_time(struct front *front)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	int64_t now = time(NULL);

	if ((now < front->settled || now >= front->due) && front_view_refresh(front, &err) != JWK11_OK)
		log_event(LOG_LEVEL_ERROR, "sets-not-rendered", "reason", err.text, NULL);
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

/* A document that may be kept for a while, or is the one that the client has. */
static enum front_outcome send_kept(struct front_request *q, const char *type, struct jwk11_view body, const char *tag)
{
	q->reply.status = q->http->if_none_match.data != NULL && http_media_has_tag(q->http->if_none_match, tag) ? 304 : 200;
	q->reply.type = type;
	q->reply.body = body;
	q->reply.etag = tag;
	q->reply.cache_control = q->front->jwks->cache_control;
	return FRONT_REPLY;
}

/* Nothing is published of a set before one of its keys has been seen: what is fetched is kept. */
static bool refuse_empty(struct front_request *q, const struct set *set)
{
	const struct set *akp = find_set(q->front->jwks, "akp", 3);

	if (set->n_keys > 0 && !set->waits)
		return false;
	if (set->left_out[0] != '\0')
		front_problem(q, J11_CODE_NOT_READY, "no key of the set \"%s\" can be published: %s", set->name, set->left_out);
	else
		front_problem(q, J11_CODE_NOT_READY, "no key of the set \"%s\" has been seen yet%s", set->name,
			akp != NULL && akp != set && akp->n_keys > 0 ? "; ML-DSA keys are in the set \"akp\"" : "");
	return true;
}

static enum front_outcome send_set(struct front_request *q, const struct set *set)
{
	const char *type = choose_type(q->http->accept);

	if (type == NULL)
		return front_problem(q, J11_CODE_HTTP_NOT_ACCEPTABLE, "a key set is application/json or " SET_TYPE);
	if (refuse_empty(q, set))
		return FRONT_REPLY;
	q->reply.vary = "Accept";
	return send_kept(q, type, (struct jwk11_view){ .data = set->body, .len = set->len }, j11_text_equal(type, SET_TYPE) ? set->etag_set : set->etag);
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

static enum front_outcome send_discovery(struct front_request *q, const struct set *set)
{
	if (set == NULL || set->discovery == NULL)
		return front_problem(q, J11_CODE_ROUTE_UNKNOWN, "there is no such issuer: a [set] section with issuer has a discovery document");
	if (q->http->accept.len > 0 && http_media_taste(q->http->accept, "application/json").q == 0)
		return front_problem(q, J11_CODE_HTTP_NOT_ACCEPTABLE, "a discovery document is application/json");
	if (refuse_empty(q, set))
		return FRONT_REPLY;
	return send_kept(q, "application/json", j11_view_str(set->discovery), set->etag_discovery);
}

enum front_outcome front_view_discovery(struct front_request *q)
{
	return send_discovery(q, find_set(q->front->jwks, "default", 7));
}

enum front_outcome front_view_discovery_set(struct front_request *q)
{
	return send_discovery(q, find_set(q->front->jwks, q->key, strlen(q->key)));
}
