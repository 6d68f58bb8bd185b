/* SPDX-License-Identifier: Apache-2.0 */
/* What [kubernetes] must be for kube-apiserver to start with it, and for its tokens to be taken. Pure. */
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/text.h"
#include "conf_table.h"

/* Octets of a path that a socket can have, less those of ".new" under which it is made. */
enum { PATH_MOST = sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof(".new") };

bool conf_kubernetes_takes(const char *alg)
{
	static const char *const names[] = { "RS256", "ES256", "ES384", "ES512", NULL };

	return conf_list_has(names, alg);
}

__attribute__((format(printf, 3, 4))) static enum jwk11_rc refuse(const char *file, struct jwk11_err *err, const char *fmt, ...)
{
	char text[JWK11_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "%s: [kubernetes]%s", file, text);
}

static enum jwk11_rc check_key(const struct conf *c, const char *file, struct jwk11_err *err)
{
	const struct conf_kubernetes *n = &c->kubernetes;
	const struct conf_key *key = n->key != NULL ? conf_find_key(c, n->key) : NULL;
	const struct conf_set *set = conf_find_set(c, n->set);

	if (n->key == NULL)
		return refuse(file, err, " has no key: the [key] that signs");
	if (key == NULL)
		return refuse(file, err, " names key \"%s\", which has no [key] section", n->key);
	if (set == NULL)
		return refuse(file, err, " names set \"%s\", which has no [set] section", n->set);
	if (key->use == CONF_USE_ENC)
		return refuse(file, err, ": key \"%s\" decrypts; service account tokens are signed", key->name);
	if (key->alg != NULL && !conf_kubernetes_takes(key->alg))
		return refuse(file, err, ": key \"%s\" is for %s; kube-apiserver takes RS256, ES256, ES384, ES512", key->name, key->alg);
	if (key->kid_style == JWK11_KID_NONE)
		return refuse(file, err, ": key \"%s\" has kid-style = none; kube-apiserver wants a kid", key->name);
	if (key->discovery == CONF_NO)
		return refuse(file, err, ": key \"%s\" has discovery = no; kube-apiserver refuses tokens of a key that relying parties do not find", key->name);
	if (!conf_set_holds(set, key->name, "EC"))
		return refuse(file, err, ": key \"%s\" is not in set \"%s\", which FetchKeys lists", key->name, set->name);
	return JWK11_OK;
}

static enum jwk11_rc check_path(const char *path, const char *file, struct jwk11_err *err)
{
	if (strstr(path, "://") != NULL)
		return refuse(file, err, ": path is a plain path or @name, not \"%s\": kube-apiserver takes no unix:// either", path);
	if (path[0] != '/' && (path[0] != '@' || path[1] == '\0'))
		return refuse(file, err, ": path must be absolute, or @name for an abstract address, not \"%s\"", path);
	if (strlen(path) > PATH_MOST)
		return refuse(file, err, ": path \"%s\" is longer than %d bytes", path, (int)PATH_MOST);
	return JWK11_OK;
}

static bool is_meant(const struct conf *c, const struct conf_client *client)
{
	return client->ops[CONF_OP_JWT] && client->sockets[0] != NULL && conf_list_has((const char *const *)client->sockets, CONF_KUBERNETES) &&
		conf_list_has((const char *const *)client->keys, c->kubernetes.key);
}

/* The API server sizes its tokens by Metadata: what that promises its section must grant. */
static enum jwk11_rc check_client(const struct conf *c, const struct conf_client *client, const char *file, struct jwk11_err *err)
{
	if (!is_meant(c, client))
		return JWK11_OK;
	if (client->jwt_max_ttl > 0 && client->jwt_max_ttl < c->kubernetes.max_lifetime)
		return refuse(file, err, ": max-token-lifetime is %lld s, and jwt-max-ttl of [client %s] %lld s: its longest tokens would be refused",
			(long long)c->kubernetes.max_lifetime, client->name, (long long)client->jwt_max_ttl);
	if (client->jwt_typ[0] != NULL && !conf_list_has((const char *const *)client->jwt_typ, "JWT"))
		return refuse(file, err, ": jwt-typ of [client %s] lacks JWT, the only one that kube-apiserver takes", client->name);
	if (client->templates[0] != NULL)
		return refuse(file, err, ": [client %s] has template lines, and service account tokens are by none: they need a section of their own", client->name);
	/* The front counts requests, and does not know there who has which unit. */
	if (client->rate > 0 && (client->units[0] != NULL || client->executables[0] != NULL))
		return refuse(file, err, ": rate of [client %s] goes with user, uid, group or gid on this socket, not with unit or executable", client->name);
	return JWK11_OK;
}

enum jwk11_rc conf_check_kubernetes(struct conf *c, const char *file, struct jwk11_err *err)
{
	enum jwk11_rc rc;

#ifndef JWK11_KUBERNETES
	return refuse(file, err, ": this jwk11d was built without it (configure --enable-kubernetes, which needs libnghttp2)");
#endif
	rc = check_key(c, file, err);
	if (rc == JWK11_OK)
		rc = check_path(c->kubernetes.path, file, err);
	for (size_t i = 0; i < c->n_clients && rc == JWK11_OK; i++)
		rc = check_client(c, &c->clients[i], file, err);
	return rc;
}
