/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file as a typed value. conf_parse is pure; conf_load reads files and resolves user and group names. Used by
 * supervisor, front and worker; the supervisor loads, the others parse the canonical text it hands them. */
#ifndef CONF_H
#define CONF_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum conf_op { CONF_OP_SIGN, CONF_OP_JWS, CONF_OP_JWT, CONF_OP_VERIFY, CONF_OP_DECRYPT, CONF_OP_CSR, CONF_N_OPS };
const char *conf_op_name(enum conf_op op); /* "sign" … */

enum conf_verify { CONF_VERIFY_ALWAYS, CONF_VERIFY_FIRST };
enum conf_use { CONF_USE_SIG, CONF_USE_ENC };
enum conf_yes { CONF_NO, CONF_YES };
enum conf_audit { CONF_AUDIT_OFF, CONF_AUDIT_BEST_EFFORT, CONF_AUDIT_REQUIRED };
enum conf_journal { CONF_JOURNAL_NO, CONF_JOURNAL_REFUSED, CONF_JOURNAL_YES };
enum conf_sync { CONF_SYNC_NONE, CONF_SYNC_INTERVAL, CONF_SYNC_EACH };
enum conf_login { CONF_LOGIN_AUTO, CONF_LOGIN_ALWAYS, CONF_LOGIN_NEVER, CONF_LOGIN_PROTECTED }; /* as enum jwk11_login_mode */

struct j11_profile;
struct j11_template;
/* By which operation a template is signed. */
enum conf_op conf_op_of(const struct j11_template *t);

/* Lists of strings are NULL-terminated arrays, never NULL themselves. All memory belongs to the struct conf. */
struct conf_token {
	const char *name;
	const char *uri;
	const char *module;         /* NULL: any of [daemon] modules */
	const char *pin_file;       /* absolute; NULL: none */
	const char *pin_credential; /* name below $CREDENTIALS_DIRECTORY; NULL: none */
	enum conf_login login;
	int64_t login_timeout;      /* seconds for a person at a PIN pad; 0: the library's default */
	enum conf_verify verify;
};
struct conf_key {
	const char *name;
	const char *uri;   /* token and object attributes */
	const char *alg;   /* a JWA name; NULL: the key's default */
	const char *kid;   /* literal kid; NULL: by style */
	enum jwk11_kid_style kid_style;
	enum conf_use use; /* what the key does; never both */
	enum conf_yes context_pin; /* the PIN again for each operation, when the key wants it (CKA_ALWAYS_AUTHENTICATE) */
	const char *certificates; /* absolute path of the file that its chain is in; NULL: the token has it */
	enum conf_yes discovery; /* default yes; no: it is not in what relying parties of an issuer find (conf_set_shows) */
	/* Of a key with versions (conf_key_is_versioned), in seconds; all 0 without. */
	int64_t lead;    /* that a version is published before it signs */
	int64_t overlap; /* that it is published after it has signed last */
	int64_t period;  /* that it signs; 0: until somebody rotates */
};
struct conf_set {
	const char *name;
	const char **keys; /* names of [key]; "*": all but AKP keys */
	const struct j11_profile *profile; /* static; NULL: all keys, in the plain form */
	enum conf_yes x5c;
	const char *issuer;   /* of the discovery document; NULL: there is none */
	const char *jwks_uri; /* in it; NULL: the issuer's, as OpenID Connect Discovery has it */
	const char **verify_only; /* absolute paths of folders with public keys */
	const char **verify_only_no_discovery; /* the same for keys with discovery = no */
	enum jwk11_kid_style verify_only_kid_style; /* of those that bring no kid: thumbprint or k8s */
};
/* A public key from a file, that is published and signs nothing here. Only the canonical text has sections of these: who reads files puts them
 * there (keys_file.h), and the others need no cryptography for them. */
struct conf_verify_only {
	const char *name;       /* its number */
	const char *set;        /* in which it is published */
	const char *file;       /* which it is from */
	const char *kid, *alg, *kty;
	const char *thumbprint; /* RFC 7638 */
	const char *jwk;        /* in the plain form */
	const char *pkix;       /* DER SubjectPublicKeyInfo in plain base64 */
	enum conf_yes discovery; /* as of a key */
};
/* A socket besides api.sock, with the same routes: for whom other rules hold, or for a container. */
struct conf_socket {
	const char *name;
	const char *path;    /* absolute; default NAME.sock in run_dir */
	unsigned mode;       /* 0660 */
	const char *group;   /* by name; NULL: leave */
	gid_t gid;           /* (gid_t)-1: leave */
	const char *address; /* what the kernel calls it, once it listens; NULL before */
};
/* Signing for a Kubernetes API server (ExternalJWTSigner), on a socket of its own. */
struct conf_kubernetes {
	bool open;              /* the section stands in the file */
	const char *key;        /* name of the [key] that signs */
	const char *set;        /* what FetchKeys lists */
	const char *path;       /* absolute, or "@name" for an abstract address; default kubernetes.sock in run_dir */
	unsigned mode;          /* 0660 */
	const char *group;      /* by name; NULL: leave */
	gid_t gid;              /* (gid_t)-1: leave */
	int64_t max_lifetime;   /* seconds that a service account token may live: Metadata; default a day */
	int64_t refresh_hint;   /* seconds after which the API server asks for keys again; default max_age */
	const char *address;    /* what the kernel calls the socket, once it listens; NULL before */
};
struct conf_client {
	const char *name;
	const char **users;  /* as written, for people; "*": anybody */
	const char **groups;
	uid_t *uids;
	size_t n_uids;
	gid_t *gids; /* matched against primary and supplementary groups */
	size_t n_gids;
	bool anybody;
	/* A client has to match each of those that are not empty. */
	const char **units;       /* systemd units; patterns with at most one "*" */
	const char **executables; /* absolute paths */
	const char **sockets;     /* names of [socket], "api", "*"; empty: "api" */
	const char **keys; /* names of [key]; "*": all */
	bool ops[CONF_N_OPS];
	const char **algorithms; /* JWA names; empty: whatever the keys' are */
	const char *jwt_issuer; /* forced iss; NULL: free */
	int64_t jwt_max_ttl;    /* seconds; 0: no cap */
	const char **jwt_audience; /* patterns with at most one "*"; empty: free. As all of these lists: struct j11_jwt_rules */
	const char **jwt_subject;
	const char **jwt_require;
	const char **jwt_forbid;
	const char **jwt_typ;
	const char **jwt_header;
	const char **templates; /* names of templates, "*": all; not empty: nothing is signed but these */
	const char **administer; /* names of [token]; "*": all. May log in and out there */
	int64_t rate;           /* requests an hour that each user may make by this section; 0: any number */
	unsigned burst;         /* as many at once after a silence; 0 with rate 0 */
};
struct conf {
	/* [daemon] */
	const char *run_dir;        /* absolute; holds api.sock, public.sock, jwk11d.lock */
	const char *state_dir;      /* absolute; remembers refused PINs */
	const char *socket_group;   /* group of api.sock by name; NULL: leave */
	gid_t socket_gid;           /* (gid_t)-1: leave */
	unsigned api_mode;          /* 0660 */
	unsigned public_mode;       /* 0666 */
	const char *api_address;    /* what the kernel calls api.sock, once it listens; NULL before */
	const char **modules;       /* p11-kit names or absolute paths */
	const char **environment;   /* NAME=VALUE lines that workers' modules read (SOFTHSM2_CONF=…) */
	const char **worker_allow;  /* what their filter gives back: exec, network, code, all */
	const char **worker_read;   /* absolute paths that they may read besides a fixed few; empty: no limit */
	const char **worker_write;  /* absolute paths that they may change; empty: no limit */
	enum conf_audit audit;   /* default best-effort */
	enum conf_sync audit_sync;
	enum conf_journal audit_journal;
	const char *audit_file;  /* absolute; default audit.jsonl in state_dir */
	const char *publish_dir;  /* absolute; where the published sets are written as files; NULL: nowhere */
	const char *publish_hook; /* absolute path of a program that is told of changed files; NULL: none */
	enum conf_yes strict;    /* refuse keys that anything is known against */
	enum conf_yes transit;   /* the part of Vault's transit API that reads keys, signs and verifies */
	unsigned workers;           /* processes per module; 0: cores + 1 */
	unsigned threads;           /* threads per worker; default 1 */
	unsigned max_connections;   /* on each socket; default 1024 */
	unsigned max_connections_per_user; /* of them; 0: three quarters */
	unsigned max_queue;         /* requests waiting for a worker; default 1024 */
	unsigned max_requests_per_user;    /* under way; 0: three quarters of max_queue */
	size_t max_body;            /* octets; default 65536 */
	int64_t request_timeout_ms; /* default 10000 */
	int64_t head_timeout_ms;    /* default 10000 */
	int64_t idle_timeout_ms;    /* default 60000 */
	int64_t max_age;            /* seconds of Cache-Control; default 300 */
	int64_t rescan;             /* seconds between looks for new versions; default 300 */

	struct conf_token *tokens;
	size_t n_tokens;
	struct conf_key *keys;
	size_t n_keys;
	struct conf_set *sets;
	size_t n_sets;
	struct conf_client *clients;
	size_t n_clients;
	struct conf_socket *sockets;
	size_t n_sockets;
	struct conf_kubernetes kubernetes;
	struct conf_verify_only *verify_only; /* as they are published: by set, folder, file name and place in the file */
	size_t n_verify_only;

	void *arena; /* owns everything above */
};

/* The limits as they are: of 0 three quarters, and at least one. */
unsigned conf_connections_per_user(const struct conf *conf);
unsigned conf_requests_per_user(const struct conf *conf);

/* Where and why a file was refused: "jwk11.conf:12: …". In err->text; the nearest valid word, when there is one, in err->hint. */

#define CONF_KID_MAX (JWK11_KID_MAX - 1) /* octets of a literal kid */

/* Parses one text. `file` names it in messages. Unknown sections and names, repeated single-valued names, values out of range, keys named
 * in sets or clients that do not exist, are refused (SYNTAX, CONFIG_INVALID). */
enum jwk11_rc conf_parse(struct jwk11_view text, const char *file, struct conf **ret_conf, struct jwk11_err *err) J11_MUST_USE;
/* Reads `path` and then `path`'s folder + "/conf.d/" + *.conf in name order as if appended, parses, resolves user and group names. */
enum jwk11_rc conf_load(const char *path, struct conf **ret_conf, struct jwk11_err *err) J11_MUST_USE;
/* The canonical text: every value written out, names resolved to uid and gid lines, so that conf_parse gives an equal struct. */
void conf_emit(const struct conf *conf, struct jwk11_buf *out);
/* Its part with the verify-only keys alone. */
void conf_emit_verify_only(const struct conf *conf, struct jwk11_buf *out);
void conf_free(struct conf *conf);

enum { CONF_SOCKETS_MAX = 16 };
enum { CONF_VERIFY_ONLY_MAX = 1024 };
/* Does the set, any set, want keys from files? */
bool conf_set_wants_verify_only(const struct conf_set *set);
bool conf_wants_verify_only(const struct conf *conf);
/* Puts one more behind those that are there. Copies its strings; its name is made here. */
enum jwk11_rc conf_add_verify_only(struct conf *conf, const struct conf_verify_only *key, struct jwk11_err *err) J11_MUST_USE;

#define CONF_API "api" /* how sections call api.sock */
#define CONF_KUBERNETES "kubernetes" /* and the socket of [kubernetes] */
enum { CONF_KUBERNETES_MIN = 600 }; /* seconds: kube-apiserver does not start with less */
/* Is there a [kubernetes] section? */
static inline bool conf_has_kubernetes(const struct conf *conf)
{
	return conf->kubernetes.open;
}
/* Is it an algorithm that Kubernetes takes for service account tokens? */
bool conf_kubernetes_takes(const char *alg);

/* Does any [client] section ask for the unit or the executable of who calls? */
bool conf_wants_units(const struct conf *conf);
bool conf_wants_executables(const struct conf *conf);
/* Notes what the kernel calls the socket of this name, "api" for api.sock. Copies the address. */
enum jwk11_rc conf_set_address(struct conf *conf, const char *name, const char *address, struct jwk11_err *err) J11_MUST_USE;
/* The name of the socket that the kernel calls so: "api" for every other address as long as that of api.sock is not known; NULL for one that is none
 * of ours. */
const char *conf_socket_of(const struct conf *conf, const char *address);

enum { CONF_SKEW = 60 }; /* seconds that clocks may differ by */
/* Is it a name for one key pair after another? */
bool conf_key_is_versioned(const struct conf_key *key);
bool conf_has_versions(const struct conf *conf);
/* The shortest lead, in seconds, with which relying parties and brokers see a new version of the key in time. */
int64_t conf_least_lead(const struct conf *conf, const struct conf_key *key);
/* Does the key sign for Kubernetes? */
bool conf_is_for_kubernetes(const struct conf *conf, const struct conf_key *key);
/* The longest lifetime, in seconds, of a JWT that this client may have signed with the key; 0: any. */
int64_t conf_max_ttl(const struct conf_client *client, const struct conf_key *key);

const struct conf_key *conf_find_key(const struct conf *conf, const char *name);
const struct conf_token *conf_find_token(const struct conf *conf, const char *name);
/* Can it be the name of a section: letters, digits and . _ @ -, at most 64? */
bool conf_is_name(struct jwk11_view name);
/* Index in conf->keys, or -1. */
long conf_key_index(const struct conf *conf, const char *name);
bool conf_list_has(const char *const *list, const char *word); /* "*" matches all */

/* The sets that are published: the configured ones, then "default" and "akp" unless they are among them. NULL past the end. Static or owned by
 * the configuration. */
const struct conf_set *conf_set_at(const struct conf *conf, size_t i);
const struct conf_set *conf_find_set(const struct conf *conf, const char *name); /* NULL: none of that name */
/* Is it one of those that have no section? */
bool conf_set_is_implied(const struct conf *conf, const struct conf_set *set);
/* Does the set hold the key of this name and type? One AKP key makes many libraries refuse the whole set: it is in the sets that name it, and in
 * the implied set "akp". */
bool conf_set_holds(const struct conf_set *set, const char *name, const char *kty);
/* Is a key of the set with this `discovery` in its JWKS and its discovery document? Without an issuer nobody discovers anything. */
bool conf_set_shows(const struct conf_set *set, enum conf_yes discovery);
/* Of a key that was put into its folder: an ML-DSA key goes into a set that names its keys, not into one with "*". */
bool conf_set_takes(const struct conf_set *set, const struct conf_verify_only *key);

J11_DEFINE_AUTO(struct conf, conf_free)

#endif
