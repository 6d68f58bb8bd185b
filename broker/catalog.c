/* SPDX-License-Identifier: Apache-2.0 */
/* The front's memory of the workers' catalogues. Workers carry vendor code, so what they say is checked like anything from outside. */
#include "catalog.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

/* One module: what holds now and, between BEGIN and END, what will hold. Entries are single blocks so that pointers stay good. */
struct list {
	struct catalog_token **tokens;
	size_t n_tokens, room_tokens;
	struct catalog_key **keys;
	size_t n_keys, room_keys;
};
struct module {
	char *name;
	struct list now;
	struct list coming;
	bool building;
	bool spoiled;
};
/* Open addressing over keys, by name or by kid; at most half full. */
struct table {
	struct catalog_key **slots;
	size_t n_slots; /* a power of two, or 0 */
};
struct tables {
	struct table names;  /* of versions: the first one */
	struct table idents; /* what is the same by two ways stands once */
	struct table kids;
};
struct catalog {
	struct module **modules;
	size_t n_modules;
	struct tables tables;
	const char *const *order; /* of modules; NULL: none */
	uint64_t generation;
};

static void free_tables(struct tables tables)
{
	j11_mem_free(tables.names.slots);
	j11_mem_free(tables.idents.slots);
	j11_mem_free(tables.kids.slots);
}

static void clear_list(struct list *list)
{
	for (size_t i = 0; i < list->n_tokens; i++)
		catalog_token_free(list->tokens[i]);
	for (size_t i = 0; i < list->n_keys; i++)
		catalog_key_free(list->keys[i]);
	j11_mem_free(list->tokens);
	j11_mem_free(list->keys);
	*list = (struct list){ .n_tokens = 0 };
}

static void free_module(struct module *module)
{
	clear_list(&module->now);
	clear_list(&module->coming);
	j11_mem_free(module->name);
	j11_mem_free(module);
}

struct catalog *catalog_new(void)
{
	return j11_mem_new(sizeof(struct catalog));
}

void catalog_free(struct catalog *catalog)
{
	if (catalog == NULL)
		return;
	for (size_t i = 0; i < catalog->n_modules; i++)
		free_module(catalog->modules[i]);
	j11_mem_free(catalog->modules);
	free_tables(catalog->tables);
	j11_mem_free(catalog);
}

uint64_t catalog_generation(const struct catalog *catalog)
{
	return catalog->generation;
}

/* The array of pointers with room for `extra` more, or NULL; the old one then stays good. */
static void *roomy(void *array, size_t n, size_t extra, size_t *room)
{
	size_t more = *room > 0 ? *room : 16;
	void *bigger;

	while (more < n + extra)
		more *= 2;
	if (more == *room)
		return array;
	bigger = j11_mem_resize(array, more * sizeof(void *));
	if (bigger != NULL)
		*room = more;
	return bigger;
}

static size_t rank_of(const struct catalog *catalog, const char *module)
{
	size_t i = 0;

	while (catalog->order != NULL && catalog->order[i] != NULL && !j11_text_equal(catalog->order[i], module))
		i++;
	return catalog->order != NULL && catalog->order[i] != NULL ? i : SIZE_MAX;
}

/* Insertion sort: modules are few, and those of one rank stay as they came. */
static void sort_modules(struct catalog *catalog)
{
	for (size_t i = 1; i < catalog->n_modules; i++) {
		struct module *module = catalog->modules[i];
		size_t at = i;

		for (; at > 0 && rank_of(catalog, catalog->modules[at - 1]->name) > rank_of(catalog, module->name); at--)
			catalog->modules[at] = catalog->modules[at - 1];
		catalog->modules[at] = module;
	}
}

static struct module *find_module(struct catalog *catalog, const char *name)
{
	struct module *module;
	struct module **bigger;

	for (size_t i = 0; i < catalog->n_modules; i++)
		if (j11_text_equal(catalog->modules[i]->name, name))
			return catalog->modules[i];
	bigger = j11_mem_resize(catalog->modules, (catalog->n_modules + 1) * sizeof(*bigger));
	if (bigger == NULL)
		return NULL;
	catalog->modules = bigger;
	module = j11_mem_new(sizeof(*module));
	if (module == NULL || (module->name = j11_mem_dup(name)) == NULL) {
		j11_mem_free(module);
		return NULL;
	}
	catalog->modules[catalog->n_modules++] = module;
	sort_modules(catalog);
	return module;
}

/* ---- lookup tables ---- */

static uint64_t hash_of(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h ^ h >> 29;
}

/* The slot that holds `text`, or the empty one where it belongs. */
static struct catalog_key **slot_of(const struct table *table, size_t offset, const char *text)
{
	size_t at = (size_t)hash_of(text) & (table->n_slots - 1);

	while (table->slots[at] != NULL && !j11_text_equal(*catalog_text_at(table->slots[at], offset), text))
		at = (at + 1) & (table->n_slots - 1);
	return &table->slots[at];
}

static bool is_active(const struct catalog_key *key)
{
	return !key->unreported && j11_text_equal(key->state, "active");
}

static int usefulness(const struct catalog_key *key)
{
	return (is_active(key) ? 2 : 0) + (key->jwk[0] != '\0' ? 1 : 0);
}

/* Two modules that show one token have one key by two ways; two different keys by one name are not chosen between. That two secret keys are
 * one, nothing shows. */
static bool is_one_key(const struct catalog_key *a, const struct catalog_key *b)
{
	return a->pem[0] != '\0' && j11_text_equal(a->pem, b->pem);
}

static void index_ident(struct catalog *catalog, struct catalog_key *key)
{
	struct catalog_key **slot = slot_of(&catalog->tables.idents, offsetof(struct catalog_key, ident), key->ident);

	key->rival = NULL;
	if (*slot != NULL && is_active(*slot) && is_active(key) && !is_one_key(*slot, key))
		(*slot)->rival = key;
	if (*slot == NULL || usefulness(key) > usefulness(*slot))
		*slot = key;
}

static bool comes_before(const struct catalog_key *a, const struct catalog_key *b)
{
	return a->moment != b->moment ? a->moment < b->moment : strcmp(a->thumbprint, b->thumbprint) < 0;
}

/* Versions into a chain in their order; they go before an entry that only says why some module has none. */
static void index_name(struct catalog *catalog, struct catalog_key *key)
{
	struct catalog_key **slot = slot_of(&catalog->tables.names, offsetof(struct catalog_key, name), key->name);

	key->next_version = NULL;
	if (!catalog_key_stands(catalog, key))
		return;
	if (!key->is_version || *slot == NULL || !(*slot)->is_version) {
		if (*slot == NULL || key->is_version)
			*slot = key;
		return;
	}
	while (*slot != NULL && comes_before(*slot, key))
		slot = &(*slot)->next_version;
	key->next_version = *slot;
	*slot = key;
}

static void index_kid(struct catalog *catalog, struct catalog_key *key)
{
	struct catalog_key **slot;

	key->next_kid = NULL;
	if (key->kid[0] == '\0')
		return;
	slot = slot_of(&catalog->tables.kids, offsetof(struct catalog_key, kid), key->kid);
	key->next_kid = *slot;
	*slot = key;
}

/* New empty tables for n keys; false leaves nothing to free. */
static bool new_tables(size_t n_keys, struct tables *ret_tables)
{
	struct table *const each[] = { &ret_tables->names, &ret_tables->idents, &ret_tables->kids };
	size_t n = 16;
	bool good = true;

	while (n < 2 * n_keys + 1)
		n *= 2;
	for (size_t i = 0; i < J11_COUNT(each); i++) {
		*each[i] = (struct table){ .slots = j11_mem_new_array(n, sizeof(void *)), .n_slots = n };
		good &= each[i]->slots != NULL;
	}
	if (!good)
		free_tables(*ret_tables);
	return good;
}

static size_t count_keys(const struct catalog *catalog)
{
	size_t n = 0;

	for (size_t i = 0; i < catalog->n_modules; i++)
		n += catalog->modules[i]->now.n_keys;
	return n;
}

static void index_all(struct catalog *catalog, struct tables tables)
{
	free_tables(catalog->tables);
	catalog->tables = tables;
	for (size_t i = 0; i < catalog->n_modules; i++)
		for (size_t k = 0; k < catalog->modules[i]->now.n_keys; k++)
			index_ident(catalog, catalog->modules[i]->now.keys[k]);
	for (size_t i = 0; i < catalog->n_modules; i++)
		for (size_t k = 0; k < catalog->modules[i]->now.n_keys; k++)
			index_name(catalog, catalog->modules[i]->now.keys[k]);
	for (size_t i = catalog->n_modules; i > 0; i--) /* each goes in front of those before it */
		for (size_t k = catalog->modules[i - 1]->now.n_keys; k > 0; k--)
			index_kid(catalog, catalog->modules[i - 1]->now.keys[k - 1]);
	catalog->generation++;
}

/* Without memory for new tables the old ones keep the old order until the next catalogue. */
void catalog_set_order(struct catalog *catalog, const char *const *modules)
{
	struct tables tables;

	catalog->order = modules;
	sort_modules(catalog);
	if (catalog->tables.names.n_slots > 0 && new_tables(count_keys(catalog), &tables))
		index_all(catalog, tables);
}

static struct catalog_key *find_name(const struct catalog *catalog, const char *name)
{
	return catalog->tables.names.n_slots > 0 ? *slot_of(&catalog->tables.names, offsetof(struct catalog_key, name), name) : NULL;
}

const struct catalog_key *catalog_key_named(const struct catalog *catalog, const char *name)
{
	const struct catalog_key *first = find_name(catalog, name);

	for (const struct catalog_key *k = first; k != NULL && k->is_version; k = k->next_version)
		if (k->version_state == J11_VERSION_ACTIVE)
			return k;
	return first;
}

const struct catalog_key *catalog_versions(const struct catalog *catalog, const char *name)
{
	const struct catalog_key *first = find_name(catalog, name);

	return first != NULL && first->is_version ? first : NULL;
}

int64_t catalog_settle(struct catalog *catalog, const char *name, int64_t now, int64_t overlap)
{
	struct j11_version versions[J11_VERSIONS_MAX];
	struct catalog_key *first = find_name(catalog, name), *k;
	int64_t due = INT64_MAX;
	size_t n_all = 0, n = 0;

	if (first == NULL || !first->is_version)
		return due;
	for (k = first; k != NULL; k = k->next_version)
		n_all++;
	for (; n_all > J11_VERSIONS_MAX; n_all--, first = first->next_version) /* the oldest, as each worker leaves them out */
		first->version_state = J11_VERSION_RETIRED;
	for (k = first; k != NULL; k = k->next_version)
		versions[n++] = (struct j11_version){ .moment = k->moment, .fit = catalog_key_is_fit(k) };
	(void)j11_versions_settle(versions, n, now, overlap, &due);
	n = 0;
	for (k = first; k != NULL; k = k->next_version, n++) {
		k->version_state = versions[n].state;
		k->until = versions[n].until;
	}
	return due;
}

bool catalog_key_stands(const struct catalog *catalog, const struct catalog_key *key)
{
	return *slot_of(&catalog->tables.idents, offsetof(struct catalog_key, ident), key->ident) == key;
}

const struct catalog_key *catalog_key_of_kid(const struct catalog *catalog, const char *kid)
{
	if (catalog->tables.kids.n_slots == 0 || kid[0] == '\0')
		return NULL;
	return *slot_of(&catalog->tables.kids, offsetof(struct catalog_key, kid), kid);
}

static int readiness(const struct catalog_token *token)
{
	return j11_text_equal(token->state, "ready") ? 2 : j11_text_equal(token->state, "absent") ? 0 : 1;
}

const struct catalog_token *catalog_token_named(const struct catalog *catalog, const char *name, const char **ret_module)
{
	const struct catalog_token *best = NULL;

	for (size_t i = 0; i < catalog->n_modules; i++) {
		const struct list *list = &catalog->modules[i]->now;

		for (size_t t = 0; t < list->n_tokens; t++) {
			if (!j11_text_equal(list->tokens[t]->name, name) || (best != NULL && readiness(list->tokens[t]) <= readiness(best)))
				continue;
			best = list->tokens[t];
			*ret_module = catalog->modules[i]->name;
		}
	}
	return best;
}

/* ---- taking messages ---- */

static enum jwk11_rc take_token(struct module *module, const struct wire_msg *msg, struct jwk11_err *err)
{
	struct list *list = &module->coming;
	struct catalog_token *token, **bigger;
	enum jwk11_rc rc;

	if (list->n_tokens >= CATALOG_MAX_ENTRIES)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "catalogue of module \"%s\": too many tokens", module->name);
	bigger = roomy(list->tokens, list->n_tokens, 1, &list->room_tokens);
	if (bigger == NULL)
		return j11_err_memory(err);
	list->tokens = bigger;
	rc = catalog_token_read(msg, &token, err);
	if (rc != JWK11_OK)
		return rc;
	list->tokens[list->n_tokens++] = token;
	return JWK11_OK;
}

static enum jwk11_rc take_key(struct module *module, const struct wire_msg *msg, struct jwk11_err *err)
{
	struct list *list = &module->coming;
	struct catalog_key *key, **bigger;
	enum jwk11_rc rc;

	if (list->n_keys >= CATALOG_MAX_ENTRIES)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "catalogue of module \"%s\": too many keys", module->name);
	bigger = roomy(list->keys, list->n_keys, 1, &list->room_keys);
	if (bigger == NULL)
		return j11_err_memory(err);
	list->keys = bigger;
	rc = catalog_key_read(msg, &key, err);
	if (rc != JWK11_OK)
		return rc;
	key->module = module->name;
	list->keys[list->n_keys++] = key;
	return JWK11_OK;
}

/* Entries of the old list that were carried over leave holes; close them. */
static void close_holes(struct list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n_keys; i++)
		if (list->keys[i] != NULL)
			list->keys[n++] = list->keys[i];
	list->n_keys = n;
}

/* A version that somebody has destroyed, as opposed to one whose token is away; or a key that has versions now. */
static bool is_gone(const struct catalog_key *old, const struct catalog_key *namesake)
{
	return namesake != NULL && (namesake->is_whole || !old->is_version);
}

/* Public halves the new list does not have come over from the old one. `fresh` finds the new list's keys by name. Room was made before. */
static void keep_publics(struct module *module, const struct tables *fresh)
{
	for (size_t i = 0; i < module->now.n_keys; i++) {
		struct catalog_key *old = module->now.keys[i], *new, *namesake;
		bool public = old->jwk[0] != '\0';

		if (old->outdated || (!public && !catalog_key_is_secret(old)))
			continue;
		new = *slot_of(&fresh->idents, offsetof(struct catalog_key, ident), old->ident);
		namesake = *slot_of(&fresh->names, offsetof(struct catalog_key, name), old->name);
		if (new == NULL && (!public || is_gone(old, namesake)))
			continue;
		if (new == NULL) {
			old->unreported = true;
			module->coming.keys[module->coming.n_keys++] = old;
			module->now.keys[i] = NULL;
		} else {
			catalog_key_keep_public(new, old);
		}
	}
	close_holes(&module->now);
}

static void replace(struct catalog *catalog, struct module *module, const struct tables *fresh, struct tables tables)
{
	struct list old;

	for (size_t i = 0; i < module->coming.n_keys; i++) {
		struct catalog_key *key = module->coming.keys[i];

		*slot_of(&fresh->idents, offsetof(struct catalog_key, ident), key->ident) = key;
		*slot_of(&fresh->names, offsetof(struct catalog_key, name), key->name) = key;
	}
	keep_publics(module, fresh);
	old = module->now;
	module->now = module->coming;
	module->coming = old;
	clear_list(&module->coming);
	index_all(catalog, tables);
}

/* All memory is taken before anything changes. */
static enum jwk11_rc take_end(struct catalog *catalog, struct module *module, struct jwk11_err *err)
{
	struct list *coming = &module->coming;
	struct tables fresh, tables;
	struct catalog_key **bigger = roomy(coming->keys, coming->n_keys, module->now.n_keys, &coming->room_keys);

	if (bigger == NULL)
		return j11_err_memory(err);
	coming->keys = bigger;
	if (!new_tables(coming->n_keys, &fresh))
		return j11_err_memory(err);
	if (!new_tables(count_keys(catalog) + coming->n_keys, &tables)) {
		free_tables(fresh);
		return j11_err_memory(err);
	}
	replace(catalog, module, &fresh, tables);
	free_tables(fresh);
	return JWK11_OK;
}

static enum jwk11_rc take(struct catalog *catalog, struct module *module, const struct wire_msg *msg, bool *ret_changed,
	struct jwk11_err *err)
{
	if (msg->type == WIRE_CATALOG_BEGIN) {
		clear_list(&module->coming);
		module->building = true;
		module->spoiled = false;
		return JWK11_OK;
	}
	if (!module->building)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "catalogue of module \"%s\": %s before CATALOG_BEGIN", module->name,
			wire_type_name(msg->type));
	if (module->spoiled && msg->type != WIRE_CATALOG_END)
		return JWK11_OK;
	switch (msg->type) {
	case WIRE_CATALOG_TOKEN:
		return take_token(module, msg, err);
	case WIRE_CATALOG_KEY:
		return take_key(module, msg, err);
	default:
		module->building = false;
		if (module->spoiled)
			clear_list(&module->coming);
		*ret_changed = !module->spoiled;
		return module->spoiled ? JWK11_OK : take_end(catalog, module, err);
	}
}

bool catalog_take(struct catalog *catalog, const char *name, const struct wire_msg *msg, struct jwk11_err *err)
{
	struct module *module = find_module(catalog, name);
	uint64_t before = catalog->generation;
	bool changed = false;

	if (module == NULL) {
		(void)j11_err_memory(err);
		return false;
	}
	if (take(catalog, module, msg, &changed, err) != JWK11_OK)
		module->spoiled = true;
	return changed && catalog->generation != before;
}

void catalog_forget(struct catalog *catalog, const char *key_name)
{
	struct tables tables;
	bool found = false;

	/* Without memory for new tables nothing is forgotten now; the module's next catalogue replaces the key. */
	if (catalog_key_named(catalog, key_name) == NULL || !new_tables(count_keys(catalog), &tables))
		return;
	for (size_t i = 0; i < catalog->n_modules; i++) {
		struct list *list = &catalog->modules[i]->now;

		for (size_t k = 0; k < list->n_keys; k++) {
			if (!j11_text_equal(list->keys[k]->name, key_name))
				continue;
			catalog_key_free(list->keys[k]);
			list->keys[k] = NULL;
			found = true;
		}
		if (found)
			close_holes(list);
	}
	index_all(catalog, tables);
}

void catalog_outdate(struct catalog *catalog, const char *key_name)
{
	for (size_t i = 0; i < catalog->n_modules; i++) {
		const struct list *list = &catalog->modules[i]->now;

		for (size_t k = 0; k < list->n_keys; k++)
			list->keys[k]->outdated |= j11_text_equal(list->keys[k]->name, key_name);
	}
}
