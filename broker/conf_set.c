/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys are published together. Used by the front, and by the tool when it does without the broker. */
#include "base/text.h"
#include "conf.h"

/* Not a word that a configuration can hold. */
#define ALL_AKP "*akp"

static const char *rest[] = { "*", NULL }, *apart[] = { ALL_AKP, NULL }, *none[] = { NULL };
static const struct conf_set implied[] = {
	{ .name = "default", .keys = rest, .verify_only = none, .verify_only_no_discovery = none },
	{ .name = "akp", .keys = apart, .verify_only = none, .verify_only_no_discovery = none },
};

static const struct conf_set *find_section(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_sets; i++)
		if (j11_text_equal(conf->sets[i].name, name))
			return &conf->sets[i];
	return NULL;
}

const struct conf_set *conf_set_at(const struct conf *conf, size_t i)
{
	if (i < conf->n_sets)
		return &conf->sets[i];
	i -= conf->n_sets;
	for (size_t k = 0; k < J11_COUNT(implied); k++)
		if (find_section(conf, implied[k].name) == NULL && i-- == 0)
			return &implied[k];
	return NULL;
}

const struct conf_set *conf_find_set(const struct conf *conf, const char *name)
{
	const struct conf_set *set;

	for (size_t i = 0; (set = conf_set_at(conf, i)) != NULL; i++)
		if (j11_text_equal(set->name, name))
			return set;
	return NULL;
}

bool conf_set_is_implied(const struct conf *conf, const struct conf_set *set)
{
	return find_section(conf, set->name) == NULL;
}

bool conf_set_holds(const struct conf_set *set, const char *name, const char *kty)
{
	bool akp = j11_text_equal(kty, "AKP");

	for (const char **k = set->keys; *k != NULL; k++)
		if (j11_text_equal(*k, akp ? ALL_AKP : "*") || j11_text_equal(*k, name))
			return true;
	return false;
}

bool conf_set_shows(const struct conf_set *set, enum conf_yes discovery)
{
	return set->issuer == NULL || discovery == CONF_YES;
}

bool conf_set_wants_verify_only(const struct conf_set *set)
{
	return set->verify_only[0] != NULL || set->verify_only_no_discovery[0] != NULL;
}

bool conf_set_takes(const struct conf_set *set, const struct conf_verify_only *key)
{
	return !j11_text_equal(key->kty, "AKP") || !conf_list_has(set->keys, "*");
}
