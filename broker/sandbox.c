/* SPDX-License-Identifier: Apache-2.0 */
/* rlimits, prctl, capabilities; when the filters and Landlock are put in force. */
#include "sandbox.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "log.h"
#include "sandbox_filter.h"
#include "sandbox_land.h"

/* Sanitizers look at their own process from a thread that only a capability lets trace it, and read /proc at its end: in such a build front
 * and supervisor keep what they have. Workers, which end without ceremony, do not. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define BIT(capability) (UINT64_C(1) << (capability))

void sandbox_early(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* ---- capabilities ---- */

struct capabilities {
	struct __user_cap_data_struct word[_LINUX_CAPABILITY_U32S_3];
};

static bool get(struct capabilities *ret_caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &head, ret_caps->word) == 0;
}

static bool set(const struct capabilities *caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &head, caps->word) == 0;
}

static bool same(const struct capabilities *a, const struct capabilities *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* All five sets are cut down to `keep`; the bounding set only where there is a capability to do so, and then to nothing that matters, since
 * no exec gives new privileges. A process that has none makes no call that a service manager's filter would see. */
static bool keep_capabilities(uint64_t keep)
{
	struct capabilities now = { 0 }, wanted = { 0 };

	if (!get(&now))
		return false;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if ((keep & BIT(c)) == 0)
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		wanted.word[i].permitted = wanted.word[i].effective = now.word[i].permitted & (uint32_t)(keep >> (32 * i));
	return same(&now, &wanted) || set(&wanted);
}

/* ---- supervisor ---- */

bool sandbox_before_sockets(void)
{
	return SANITIZED || keep_capabilities(BIT(CAP_CHOWN) | BIT(CAP_SETPCAP));
}

bool sandbox_supervisor(const struct conf *conf)
{
	if (SANITIZED)
		return true;
	return keep_capabilities(0) && (conf_list_has(conf->worker_allow, "all") || sandbox_filter_supervisor());
}

/* ---- front ---- */

static bool shut_off(int abi)
{
	return keep_capabilities(0) && (abi <= 0 || sandbox_land_restrict(SANDBOX_LAND_READ | SANDBOX_LAND_WRITE | SANDBOX_LAND_OUTSIDE, NULL, 0));
}

bool sandbox_keys(void)
{
	return SANITIZED || (shut_off(sandbox_land_abi()) && sandbox_filter_front());
}

bool sandbox_front(void)
{
	int abi = sandbox_land_abi();
	char room[24];

	if (SANITIZED) {
		log_event(LOG_LEVEL_WARNING, "sandbox", "state", "off", "why", "a build with sanitizers", NULL);
		return true;
	}
	if (!shut_off(abi))
		return false;
	log_event(abi > 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "sandbox", "landlock", abi > 0 ? log_num(room, abi) : "none", "why",
		abi > 0 ? NULL : "the kernel has none, or it is switched off", NULL);
	return sandbox_filter_front();
}

/* ---- publisher ---- */

bool sandbox_publisher(const struct conf *conf, const char *program, const char *dir)
{
	const struct sandbox_land_rule rules[] = {
		{ .path = "/usr", .kept = SANDBOX_LAND_READ }, { .path = "/lib", .kept = SANDBOX_LAND_READ }, { .path = "/lib64", .kept = SANDBOX_LAND_READ },
		{ .path = "/etc/ld.so.cache", .kept = SANDBOX_LAND_READ }, { .path = "/dev/null", .kept = SANDBOX_LAND_READ | SANDBOX_LAND_WRITE },
		{ .path = program, .kept = SANDBOX_LAND_READ }, { .path = dir, .kept = SANDBOX_LAND_READ | SANDBOX_LAND_WRITE },
	};

	if (SANITIZED || conf_list_has(conf->worker_allow, "all"))
		return true;
	if (sandbox_land_abi() > 0 && !sandbox_land_restrict(SANDBOX_LAND_READ | SANDBOX_LAND_WRITE, rules, J11_COUNT(rules)))
		return false;
	return sandbox_filter_worker(SANDBOX_ALLOW_EXEC);
}

/* ---- worker ---- */

/* Without which no library loads and no PIN is found; everything that the configuration names by itself. */
static size_t count_rules(const struct conf *conf)
{
	size_t n = 16 + conf->n_tokens + conf->n_keys;

	for (const char **p = conf->worker_read; *p != NULL; p++)
		n++;
	for (const char **p = conf->worker_write; *p != NULL; p++)
		n++;
	return n;
}

static size_t make_rules(const struct conf *conf, struct sandbox_land_rule *rules)
{
	static const char *const always[] = { "/usr", "/lib", "/lib64", "/etc", "/proc", "/dev" };
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	size_t n = 0;

	for (size_t i = 0; i < J11_COUNT(always); i++)
		rules[n++] = (struct sandbox_land_rule){ .path = always[i], .kept = SANDBOX_LAND_READ };
	rules[n++] = (struct sandbox_land_rule){ .path = credentials ? credentials : "/run/credentials/jwk11d.service", .kept = SANDBOX_LAND_READ };
	rules[n++] = (struct sandbox_land_rule){ .path = conf->state_dir, .kept = SANDBOX_LAND_READ | SANDBOX_LAND_WRITE };
	rules[n++] = (struct sandbox_land_rule){ .path = "/dev/null", .kept = SANDBOX_LAND_READ | SANDBOX_LAND_WRITE };
	for (size_t i = 0; i < conf->n_tokens; i++)
		if (conf->tokens[i].pin_file != NULL)
			rules[n++] = (struct sandbox_land_rule){ .path = conf->tokens[i].pin_file, .kept = SANDBOX_LAND_READ, .its_folder = true };
	for (size_t i = 0; i < conf->n_keys; i++)
		if (conf->keys[i].certificates != NULL)
			rules[n++] = (struct sandbox_land_rule){ .path = conf->keys[i].certificates, .kept = SANDBOX_LAND_READ, .its_folder = true };
	for (const char **p = conf->worker_read; *p != NULL; p++)
		rules[n++] = (struct sandbox_land_rule){ .path = *p, .kept = SANDBOX_LAND_READ };
	for (const char **p = conf->worker_write; *p != NULL; p++)
		rules[n++] = (struct sandbox_land_rule){ .path = *p, .kept = SANDBOX_LAND_READ | SANDBOX_LAND_WRITE };
	return n;
}

static bool restrict_paths(const struct conf *conf, bool talk)
{
	unsigned taken = (conf->worker_read[0] ? SANDBOX_LAND_READ : 0) | (conf->worker_write[0] ? SANDBOX_LAND_WRITE : 0);
	struct sandbox_land_rule *rules;
	bool ok;

	if (taken == 0)
		return true;
	if (sandbox_land_abi() == 0) {
		if (talk)
			log_event(LOG_LEVEL_WARNING, "sandbox", "landlock", "none", "why", "the kernel has none, or it is switched off", "ignored",
				"worker-read, worker-write", NULL);
		return true;
	}
	rules = j11_mem_new_array(count_rules(conf), sizeof(*rules));
	ok = rules != NULL && sandbox_land_restrict(taken, rules, make_rules(conf, rules));
	j11_mem_free(rules);
	return ok;
}

bool sandbox_worker(const struct conf *conf, bool talk)
{
	static const struct {
		const char *word;
		unsigned allow;
	} words[] = { { "exec", SANDBOX_ALLOW_EXEC }, { "network", SANDBOX_ALLOW_NETWORK }, { "code", SANDBOX_ALLOW_CODE } };
	unsigned allow = 0;

	if (!keep_capabilities(0) || !restrict_paths(conf, talk))
		return false;
	for (size_t i = 0; i < J11_COUNT(words); i++)
		if (conf_list_has(conf->worker_allow, words[i].word))
			allow |= words[i].allow;
	if (!conf_list_has(conf->worker_allow, "all"))
		return sandbox_filter_worker(allow);
	if (talk)
		log_event(LOG_LEVEL_WARNING, "sandbox", "filter", "none", "why", "worker-allow = all", NULL);
	return true;
}
