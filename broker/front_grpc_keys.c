/* SPDX-License-Identifier: Apache-2.0 */
/* FetchKeys' answer, from sets and files of verify-only keys. */
#include "front_grpc_keys.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "front_view.h"
#include "grpc_proto.h"
#include "log.h"

#define PUBLISHED_MAX (3584u * 1024u) /* clients of gRPC take messages of 4 MiB */

/* A key to be listed; of keys with the same kid the first. */
struct listed {
	const char *kid;
	const char *pem, *pkix; /* one of them */
	bool exclude;
	size_t place;
};
struct listing {
	struct listed *all;
	size_t n, n_own, room;
	bool failed;
};

static bool list(struct listing *l, const struct listed *key)
{
	struct listed *bigger;

	if (l->n == l->room) {
		bigger = j11_mem_resize(l->all, (l->room * 2 + 16) * sizeof(*bigger));
		l->failed = l->failed || bigger == NULL;
		if (bigger == NULL)
			return false;
		l->all = bigger;
		l->room = l->room * 2 + 16;
	}
	l->all[l->n] = *key;
	l->all[l->n].place = l->n;
	l->n++;
	return true;
}

static bool list_own(void *arg, const struct conf_key *k, const struct catalog_key *key)
{
	struct listing *l = arg;

	if (key->kid[0] == '\0' || key->pem[0] == '\0' || key->rival != NULL || !conf_kubernetes_takes(key->alg))
		return true;
	l->n_own++;
	return list(l, &(struct listed){ .kid = key->kid, .pem = key->pem, .exclude = k->discovery == CONF_NO });
}

static bool list_from_file(void *arg, const struct conf_verify_only *key, const char *why_not)
{
	struct listing *l = arg;

	if (why_not != NULL || key->kid[0] == '\0' || !conf_kubernetes_takes(key->alg))
		return true;
	return list(l, &(struct listed){ .kid = key->kid, .pkix = key->pkix, .exclude = key->discovery == CONF_NO });
}

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = strcmp(x->kid, y->kid);

	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

/* The DER of a key. The base64 of a PEM is what stands between its lines. */
static bool decode(const struct listed *key, struct jwk11_buf *out)
{
	struct jwk11_view text = { .data = key->pkix };
	const char *begin = key->pem != NULL ? strstr(key->pem, "-----\n") : NULL, *end = begin != NULL ? strstr(begin + 6, "\n-----END") : NULL;

	if (key->pem != NULL && end == NULL)
		return false;
	if (key->pem != NULL)
		text = (struct jwk11_view){ .data = begin + 6, .len = (size_t)(end - begin - 6) };
	else
		text.len = strlen(key->pkix);
	jwk11_buf_reset(out);
	return j11_b64_decode(text, "PEM", out, NULL) == JWK11_OK && out->failed == JWK11_OK && out->len > 0;
}

/* Before a key of its own was seen there is nothing to tell: an API server that hears of peers' keys alone forgets ours, and one that hears of none
 * keeps what it knows and asks again. In the order of kids, so that it is the same whoever lists them; what API servers compare is order and kids. */
static void write_listing(struct front_grpc_keys *keys, const struct front *front, struct listing *l, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(65536);

	if (l->n_own == 0)
		return;
	qsort(l->all, l->n, sizeof(*l->all), compare_listed);
	for (size_t i = 0; i < l->n; i++) {
		const struct listed *key = &l->all[i];

		if ((i > 0 && j11_text_equal(l->all[i - 1].kid, key->kid)) || !decode(key, &der))
			continue;
		grpc_proto_key(out, j11_view_str(key->kid), j11_buf_view(&der), key->exclude);
		if (!key->exclude)
			j11_buf_add(&keys->kid_text, key->kid, strlen(key->kid) + 1);
	}
	if (keys->looked == 0)
		keys->looked = time(NULL);
	if (out->len > 0)
		grpc_proto_keys_end(out, keys->looked, front->conf->kubernetes.refresh_hint);
}

/* Where each kid is. */
static void index_kids(struct front_grpc_keys *keys)
{
	size_t n = 0, at = 0;

	j11_mem_free(keys->kids);
	keys->kids = NULL;
	keys->n_kids = 0;
	for (size_t i = 0; i < keys->kid_text.len; i++)
		n += keys->kid_text.data[i] == '\0';
	keys->kids = n > 0 ? j11_mem_new_array(n, sizeof(*keys->kids)) : NULL;
	while (keys->kids != NULL && keys->n_kids < n) {
		keys->kids[keys->n_kids++] = keys->kid_text.data + at;
		at += strlen(keys->kid_text.data + at) + 1;
	}
}

static int compare_kids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool front_grpc_keys_has(const struct front_grpc_keys *keys, const char *kid)
{
	return keys->n_kids > 0 && bsearch(&kid, keys->kids, keys->n_kids, sizeof(*keys->kids), compare_kids) != NULL;
}

bool front_grpc_keys_render(struct front_grpc_keys *keys, const struct front *front)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(PUBLISHED_MAX);
	const struct conf_set *set = conf_find_set(front->conf, front->conf->kubernetes.set);
	struct listing l = { .n = 0 };

	if (set == NULL)
		return false;
	front_view_each_published(front, set, list_own, &l);
	front_view_each_verify_only(front, set, list_from_file, &l);
	jwk11_buf_reset(&keys->kid_text);
	keys->kid_text.max = PUBLISHED_MAX;
	if (!l.failed)
		write_listing(keys, front, &l, &out);
	j11_mem_free(l.all);
	index_kids(keys);
	if (l.failed || out.failed != JWK11_OK || keys->kid_text.failed != JWK11_OK) {
		log_event(LOG_LEVEL_ERROR, "grpc-keys-not-told", "reason", out.failed == JWK11_ERR_LIMIT ? "they are too many" : "out of memory", NULL);
		return false;
	}
	if (out.len == 0 || j11_view_equal(j11_buf_view(&out), j11_buf_view(&keys->text)))
		return false;
	j11_buf_done(&keys->text);
	keys->text = out;
	out = J11_BUF(0);
	return true;
}

void front_grpc_keys_done(struct front_grpc_keys *keys)
{
	j11_mem_free(keys->kids);
	j11_buf_done(&keys->text);
	j11_buf_done(&keys->kid_text);
	*keys = (struct front_grpc_keys){ .n_kids = 0 };
}
