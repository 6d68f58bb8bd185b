/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a configuration that was read, and the one thing that is learnt later: what its sockets are called. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conf_table.h"
#include "form/template.h"

enum conf_op conf_op_of(const struct j11_template *t)
{
	static const enum conf_op ops[J11_N_MAKES_] = { [J11_MAKES_JWT] = CONF_OP_JWT, [J11_MAKES_JWS] = CONF_OP_JWS, [J11_MAKES_SIGNATURE] = CONF_OP_SIGN };

	return ops[t->makes];
}

/* ---- sockets ---- */

enum jwk11_rc conf_set_address(struct conf *conf, const char *name, const char *address, struct jwk11_err *err)
{
	size_t len = strlen(address) + 1;
	char *copy = conf_alloc(conf, len);

	if (copy == NULL)
		return j11_err_memory(err);
	memcpy(copy, address, len);
	if (j11_text_equal(name, CONF_API))
		conf->api_address = copy;
	if (j11_text_equal(name, CONF_KUBERNETES))
		conf->kubernetes.address = copy;
	for (size_t i = 0; i < conf->n_sockets; i++)
		if (j11_text_equal(conf->sockets[i].name, name))
			conf->sockets[i].address = copy;
	return JWK11_OK;
}

const char *conf_socket_of(const struct conf *conf, const char *address)
{
	for (size_t i = 0; i < conf->n_sockets; i++)
		if (conf->sockets[i].address != NULL && j11_text_equal(conf->sockets[i].address, address))
			return conf->sockets[i].name;
	if (conf->kubernetes.address != NULL && j11_text_equal(conf->kubernetes.address, address))
		return CONF_KUBERNETES;
	return conf->api_address == NULL || j11_text_equal(conf->api_address, address) ? CONF_API : NULL;
}

bool conf_wants_units(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_clients; i++)
		if (conf->clients[i].units[0] != NULL)
			return true;
	return false;
}

bool conf_wants_executables(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_clients; i++)
		if (conf->clients[i].executables[0] != NULL)
			return true;
	return false;
}

static unsigned three_quarters(unsigned n)
{
	return n - n / 4; /* one of one */
}

unsigned conf_connections_per_user(const struct conf *conf)
{
	return conf->max_connections_per_user > 0 ? conf->max_connections_per_user : three_quarters(conf->max_connections);
}

unsigned conf_requests_per_user(const struct conf *conf)
{
	return conf->max_requests_per_user > 0 ? conf->max_requests_per_user : three_quarters(conf->max_queue);
}

bool conf_key_is_versioned(const struct conf_key *key)
{
	return key->lead > 0 || key->overlap > 0 || key->period > 0;
}

bool conf_has_versions(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_keys; i++)
		if (conf_key_is_versioned(&conf->keys[i]))
			return true;
	return false;
}

bool conf_is_for_kubernetes(const struct conf *conf, const struct conf_key *key)
{
	return conf_has_kubernetes(conf) && conf->kubernetes.key != NULL && j11_text_equal(conf->kubernetes.key, key->name);
}

/* An API server learns of a version within the hint, and relying parties keep what it serves for up to another one. */
int64_t conf_least_lead(const struct conf *conf, const struct conf_key *key)
{
	int64_t kept = conf_is_for_kubernetes(conf, key) ? 2 * conf->kubernetes.refresh_hint : 0;

	return (kept > conf->max_age ? kept : conf->max_age) + conf->rescan + CONF_SKEW;
}

/* A token must not outlive the publication of what it was signed with. */
int64_t conf_max_ttl(const struct conf_client *client, const struct conf_key *key)
{
	int64_t most = conf_key_is_versioned(key) ? key->overlap - CONF_SKEW : 0;

	return client->jwt_max_ttl > 0 && (most == 0 || client->jwt_max_ttl < most) ? client->jwt_max_ttl : most;
}

const struct conf_key *conf_find_key(const struct conf *conf, const char *name)
{
	long i = conf_key_index(conf, name);

	return i < 0 ? NULL : &conf->keys[i];
}

const struct conf_token *conf_find_token(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_tokens; i++)
		if (j11_text_equal(conf->tokens[i].name, name))
			return &conf->tokens[i];
	return NULL;
}

long conf_key_index(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_keys; i++)
		if (j11_text_equal(conf->keys[i].name, name))
			return (long)i;
	return -1;
}

bool conf_list_has(const char *const *list, const char *word)
{
	for (; *list != NULL; list++)
		if (j11_text_equal(*list, "*") || j11_text_equal(*list, word))
			return true;
	return false;
}
