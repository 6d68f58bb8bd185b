/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: a pure function of configuration, peer, key and operation. The worker decides with it; the front only uses it to show a
 * peer its own view (key list, whoami). */
#ifndef POLICY_H
#define POLICY_H

#include "conf.h"

#define POLICY_MAX_GROUPS 256

/* The process at the other end, as the kernel tells it (peer.h, work_peer.h). */
struct policy_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t groups[POLICY_MAX_GROUPS];
	size_t n_groups;
	const char *socket;     /* the name of the socket it came by; NULL: none of ours. Borrowed, as what follows */
	const char *unit;       /* its systemd unit; NULL: not known */
	const char *executable; /* path of what it runs; NULL: not known */
};

/* Of several sections that do not grant, the one with the highest is told of. */
enum policy_verdict {
	POLICY_ALLOWED = 0,
	POLICY_NO_CLIENT,    /* no [client] section matches the peer: PEER_DENIED */
	POLICY_KEY_HIDDEN,   /* matched, but no section names the key: KEY_UNKNOWN, as if it did not exist */
	POLICY_OP_DENIED,    /* the key is visible, the operation not granted: OPERATION_DENIED */
	POLICY_FREE_DENIED,  /* the operation is granted, but for templates only: OPERATION_DENIED */
	POLICY_TEMPLATE_DENIED, /* the operation is granted, but not for this template: OPERATION_DENIED */
	POLICY_ALG_DENIED    /* the operation is granted, but not with a key of this algorithm: OPERATION_DENIED */
};
struct policy_answer {
	enum policy_verdict verdict;
	const struct conf_client *client; /* the section that granted, or the first that matched; NULL for NO_CLIENT */
};
/* First section in file order that grants wins. `key` is a [key] name, `alg` the key's algorithm; NULL or "" while nobody knows it: any. */
struct policy_answer policy_decide(const struct conf *conf, const struct policy_peer *peer, const char *key, const char *alg, enum conf_op op);
/* The same for a template, which no section grants that does not name it. */
struct policy_answer policy_decide_template(const struct conf *conf, const struct policy_peer *peer, const char *key, const char *alg,
	const struct j11_template *t);
/* May the peer see the key at all (any operation)? */
bool policy_sees(const struct conf *conf, const struct policy_peer *peer, const char *key);
/* May the peer log in and out of this token? The first matching section that says so; NULL: none does. `token` is a [token] name. */
const struct conf_client *policy_administers(const struct conf *conf, const struct policy_peer *peer, const char *token);
/* The refusal of a peer that no section matches: PEER_DENIED. */
enum jwk11_rc policy_deny(const struct policy_peer *peer, struct jwk11_err *err);
/* The refusal of one that may not log in to this token: PEER_DENIED, else OPERATION_DENIED. */
enum jwk11_rc policy_deny_token(const struct conf *conf, const struct policy_peer *peer, const char *token, struct jwk11_err *err);
/* The name nearest to `word` among the keys the peer may see, for "did you mean"; NULL when none is near. */
const char *policy_nearest_key(const struct conf *conf, const struct policy_peer *peer, const char *word);
/* Why the section matches: "uid 0, unit issuer.service, socket api"; or why not: "not: unit x.service". For people. */
void policy_why(const struct conf_client *client, const struct policy_peer *peer, struct jwk11_buf *out);
/* First matching section, NULL when none; call again with the last result to get the next. */
const struct conf_client *policy_next_client(const struct conf *conf, const struct policy_peer *peer, const struct conf_client *after);

#endif
