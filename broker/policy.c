/* SPDX-License-Identifier: Apache-2.0 */
/* The decision, and the one question to the kernel it rests on. */
#include "policy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/text.h"

bool policy_peer_of(int fd, struct policy_peer *ret_peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred), groups_len = sizeof(ret_peer->groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret_peer->groups, &groups_len) != 0)
		return false;
	ret_peer->uid = cred.uid;
	ret_peer->gid = cred.gid;
	ret_peer->pid = cred.pid;
	ret_peer->n_groups = groups_len / sizeof(gid_t);
	return true;
}

bool policy_uid_of(int fd, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred))
		return false;
	*ret_uid = cred.uid;
	return true;
}

static bool has_group(const struct policy_peer *peer, gid_t gid)
{
	if (peer->gid == gid)
		return true;
	for (size_t i = 0; i < peer->n_groups; i++)
		if (peer->groups[i] == gid)
			return true;
	return false;
}

static bool matches(const struct conf_client *client, const struct policy_peer *peer)
{
	if (client->anybody)
		return true;
	for (size_t i = 0; i < client->n_uids; i++)
		if (client->uids[i] == peer->uid)
			return true;
	for (size_t i = 0; i < client->n_gids; i++)
		if (has_group(peer, client->gids[i]))
			return true;
	return false;
}

const struct conf_client *policy_next_client(const struct conf *conf, const struct policy_peer *peer, const struct conf_client *after)
{
	for (size_t i = after ? (size_t)(after - conf->clients) + 1 : 0; i < conf->n_clients; i++)
		if (matches(&conf->clients[i], peer))
			return &conf->clients[i];
	return NULL;
}

static bool takes_alg(const struct conf_client *client, const char *alg)
{
	return client->algorithms[0] == NULL || alg == NULL || alg[0] == '\0' || conf_list_has((const char *const *)client->algorithms, alg);
}

struct policy_answer policy_decide(const struct conf *conf, const struct policy_peer *peer, const char *key, const char *alg, enum conf_op op)
{
	const struct conf_client *client = policy_next_client(conf, peer, NULL);
	struct policy_answer answer = { POLICY_NO_CLIENT, client };

	if (client == NULL)
		return answer;
	answer.verdict = POLICY_KEY_HIDDEN;
	for (; client != NULL; client = policy_next_client(conf, peer, client)) {
		if (!conf_list_has((const char *const *)client->keys, key))
			continue;
		if (client->ops[op] && takes_alg(client, alg))
			return (struct policy_answer){ POLICY_ALLOWED, client };
		if (answer.verdict == POLICY_KEY_HIDDEN || (answer.verdict == POLICY_OP_DENIED && client->ops[op]))
			answer = (struct policy_answer){ client->ops[op] ? POLICY_ALG_DENIED : POLICY_OP_DENIED, client };
	}
	return answer;
}

bool policy_sees(const struct conf *conf, const struct policy_peer *peer, const char *key)
{
	enum policy_verdict verdict = policy_decide(conf, peer, key, NULL, CONF_OP_SIGN).verdict;

	return verdict != POLICY_NO_CLIENT && verdict != POLICY_KEY_HIDDEN;
}

enum jwk11_rc policy_deny(const struct policy_peer *peer, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_PEER_DENIED, "no [client] section matches uid %lu", (unsigned long)peer->uid);
	j11_err_hint(err, "jwk11 whoami; an administrator can add user = NAME to a [client] section");
	return JWK11_ERR_DENIED;
}

const char *policy_nearest_key(const struct conf *conf, const struct policy_peer *peer, const char *word)
{
	struct j11_nearest nearest = { .word = word };

	for (size_t i = 0; i < conf->n_keys; i++)
		if (policy_sees(conf, peer, conf->keys[i].name))
			j11_nearest_offer(&nearest, conf->keys[i].name);
	return nearest.best;
}
