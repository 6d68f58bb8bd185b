/* SPDX-License-Identifier: Apache-2.0 */
/* The decision. */
#include "policy.h"

#include "base/err.h"
#include "base/text.h"
#include "form/template.h"

static bool has_group(const struct policy_peer *peer, gid_t gid)
{
	if (peer->gid == gid)
		return true;
	for (size_t i = 0; i < peer->n_groups; i++)
		if (peer->groups[i] == gid)
			return true;
	return false;
}

/* The four names of which one is enough. */
static bool names_somebody(const struct conf_client *client)
{
	return client->anybody || client->users[0] != NULL || client->groups[0] != NULL || client->n_uids > 0 || client->n_gids > 0;
}

static bool has_uid(const struct conf_client *client, uid_t uid)
{
	for (size_t i = 0; i < client->n_uids; i++)
		if (client->uids[i] == uid)
			return true;
	return false;
}

static const gid_t *shared_group(const struct conf_client *client, const struct policy_peer *peer)
{
	for (size_t i = 0; i < client->n_gids; i++)
		if (has_group(peer, client->gids[i]))
			return &client->gids[i];
	return NULL;
}

static bool is_named(const struct conf_client *client, const struct policy_peer *peer)
{
	return !names_somebody(client) || client->anybody || has_uid(client, peer->uid) || shared_group(client, peer) != NULL;
}

static bool in_unit(const struct conf_client *client, const struct policy_peer *peer)
{
	if (client->units[0] == NULL)
		return true;
	for (const char **u = client->units; peer->unit != NULL && *u != NULL; u++)
		if (j11_text_matches(j11_view_str(peer->unit), *u))
			return true;
	return false;
}

static bool runs(const struct conf_client *client, const struct policy_peer *peer)
{
	for (const char **e = client->executables; *e != NULL; e++)
		if (peer->executable != NULL && j11_text_equal(*e, peer->executable))
			return true;
	return client->executables[0] == NULL;
}

static bool came_by(const struct conf_client *client, const struct policy_peer *peer)
{
	static const char *const api[] = { CONF_API, NULL };
	const char *const *sockets = client->sockets[0] != NULL ? (const char *const *)client->sockets : api;

	return peer->socket != NULL && conf_list_has(sockets, peer->socket);
}

static bool matches(const struct conf_client *client, const struct policy_peer *peer)
{
	return is_named(client, peer) && in_unit(client, peer) && runs(client, peer) && came_by(client, peer);
}

static void add_name(const struct conf_client *client, const struct policy_peer *peer, struct jwk11_buf *out)
{
	if (has_uid(client, peer->uid))
		j11_buf_add_fmt(out, "uid %lu", (unsigned long)peer->uid);
	else if (shared_group(client, peer) != NULL)
		j11_buf_add_fmt(out, "gid %lu", (unsigned long)*shared_group(client, peer));
	else
		j11_buf_add_str(out, "any user");
}

/* The first thing that does not fit. */
static void add_obstacle(const struct conf_client *client, const struct policy_peer *peer, struct jwk11_buf *out)
{
	if (!is_named(client, peer))
		j11_buf_add_fmt(out, "not: uid %lu", (unsigned long)peer->uid);
	else if (!in_unit(client, peer))
		j11_buf_add_fmt(out, peer->unit != NULL ? "not: unit %s" : "not: its unit is not known", peer->unit);
	else if (!runs(client, peer))
		j11_buf_add_fmt(out, peer->executable != NULL ? "not: executable %s" : "not: its executable is not known", peer->executable);
	else
		j11_buf_add_fmt(out, peer->socket != NULL ? "not: socket %s" : "not: a socket of nobody's", peer->socket);
}

void policy_why(const struct conf_client *client, const struct policy_peer *peer, struct jwk11_buf *out)
{
	if (!matches(client, peer)) {
		add_obstacle(client, peer, out);
		return;
	}
	add_name(client, peer, out);
	if (client->units[0] != NULL)
		j11_buf_add_fmt(out, ", unit %s", peer->unit);
	if (client->executables[0] != NULL)
		j11_buf_add_fmt(out, ", executable %s", peer->executable);
	j11_buf_add_fmt(out, ", socket %s", peer->socket);
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

static bool signs(enum conf_op op)
{
	return op == CONF_OP_SIGN || op == CONF_OP_JWS || op == CONF_OP_JWT;
}

static bool grants_template(const struct conf_client *client, const struct j11_template *t)
{
	for (const char **word = client->templates; *word != NULL; word++)
		if (j11_template_is_granted_by(t, *word))
			return true;
	return false;
}

/* What a section says that matches and has the key; t NULL: of whatever else is to be signed. */
static enum policy_verdict judge(const struct conf_client *client, const char *alg, enum conf_op op, const struct j11_template *t)
{
	if (!client->ops[op])
		return POLICY_OP_DENIED;
	if (t != NULL && !grants_template(client, t))
		return POLICY_TEMPLATE_DENIED;
	if (t == NULL && signs(op) && client->templates[0] != NULL)
		return POLICY_FREE_DENIED;
	return takes_alg(client, alg) ? POLICY_ALLOWED : POLICY_ALG_DENIED;
}

static struct policy_answer decide(const struct conf *conf, const struct policy_peer *peer, const char *key, const char *alg, enum conf_op op,
	const struct j11_template *t)
{
	const struct conf_client *client = policy_next_client(conf, peer, NULL);
	struct policy_answer answer = { POLICY_NO_CLIENT, client };

	if (client == NULL)
		return answer;
	answer.verdict = POLICY_KEY_HIDDEN;
	for (; client != NULL; client = policy_next_client(conf, peer, client)) {
		enum policy_verdict verdict = conf_list_has((const char *const *)client->keys, key) ? judge(client, alg, op, t) : POLICY_KEY_HIDDEN;

		if (verdict == POLICY_ALLOWED)
			return (struct policy_answer){ POLICY_ALLOWED, client };
		if (verdict > answer.verdict)
			answer = (struct policy_answer){ verdict, client };
	}
	return answer;
}

struct policy_answer policy_decide(const struct conf *conf, const struct policy_peer *peer, const char *key, const char *alg, enum conf_op op)
{
	return decide(conf, peer, key, alg, op, NULL);
}

struct policy_answer policy_decide_template(const struct conf *conf, const struct policy_peer *peer, const char *key, const char *alg,
	const struct j11_template *t)
{
	return decide(conf, peer, key, alg, conf_op_of(t), t);
}

const struct conf_client *policy_administers(const struct conf *conf, const struct policy_peer *peer, const char *token)
{
	const struct conf_client *client = policy_next_client(conf, peer, NULL);

	while (client != NULL && !conf_list_has((const char *const *)client->administer, token))
		client = policy_next_client(conf, peer, client);
	return client;
}

bool policy_sees(const struct conf *conf, const struct policy_peer *peer, const char *key)
{
	enum policy_verdict verdict = policy_decide(conf, peer, key, NULL, CONF_OP_SIGN).verdict;

	return verdict != POLICY_NO_CLIENT && verdict != POLICY_KEY_HIDDEN;
}

enum jwk11_rc policy_deny(const struct policy_peer *peer, struct jwk11_err *err)
{
	bool by_unit = peer->unit != NULL, by_socket = peer->socket != NULL && !j11_text_equal(peer->socket, CONF_API);

	j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_PEER_DENIED, "no [client] section matches uid %lu%s%s%s%s", (unsigned long)peer->uid,
		by_unit ? " in unit " : "", by_unit ? peer->unit : "", by_socket ? " on socket " : "", by_socket ? peer->socket : "");
	j11_err_hint(err, "jwk11 whoami; an administrator can add user = NAME to a [client] section");
	return JWK11_ERR_DENIED;
}

enum jwk11_rc policy_deny_token(const struct conf *conf, const struct policy_peer *peer, const char *token, struct jwk11_err *err)
{
	char shown[96];

	if (policy_next_client(conf, peer, NULL) == NULL)
		return policy_deny(peer, err);
	j11_text_printable(j11_view_str(token), shown, sizeof(shown));
	j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_OPERATION_DENIED, "no [client] section lets you log in to a token \"%s\"", shown);
	j11_err_hint(err, "jwk11 whoami; an administrator can add administer = %s to a [client] section", shown);
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
