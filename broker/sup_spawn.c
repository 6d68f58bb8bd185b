/* SPDX-License-Identifier: Apache-2.0 */
/* fork and exec. */
#include "sup_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#ifndef JWK11_LIBEXECDIR
#define JWK11_LIBEXECDIR "/usr/libexec/jwk11"
#endif
#ifndef JWK11_BINDIR
#define JWK11_BINDIR "/usr/bin"
#endif

enum { MAX_ENV = 128, FIRST_FD = 3 };

static enum jwk11_rc find_program(const char *name, char path[4352], struct jwk11_err *err)
{
	static const char *const folders[] = { JWK11_LIBEXECDIR, JWK11_BINDIR };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (name[0] == '/') {
		snprintf(path, 4352, "%s", name);
		return access(path, X_OK) == 0 ? JWK11_OK : j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_FILE_FAILED, "program %s: %s", name, strerror(errno));
	}
	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL) {
		snprintf(path, 4352, "%.*s/%s", (int)(slash - self), self, name);
		if (access(path, X_OK) == 0)
			return JWK11_OK;
	}
	for (size_t i = 0; i < J11_COUNT(folders); i++) {
		snprintf(path, 4352, "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return JWK11_OK;
	}
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_FILE_FAILED, "program %s is neither beside jwk11d nor in %s or %s", name, folders[0], folders[1]);
}

static bool passes(const char *entry)
{
	static const char *const kept[] = { "PATH=", "HOME=", "LANG=", "XDG_CONFIG_HOME=", "CREDENTIALS_DIRECTORY=", "JOURNAL_STREAM=", "P11_KIT_", "ASAN_OPTIONS=",
		"LSAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=" };

	for (size_t i = 0; i < J11_COUNT(kept); i++)
		if (j11_text_starts(entry, kept[i]))
			return true;
	return false;
}

/* A small environment. OPENSSL_CONF names an empty file: an openssl.cnf that loads a PKCS#11 provider inside a module would call itself. */
static void make_environment(const char **extra, const char *env[MAX_ENV])
{
	size_t n = 0;

	env[n++] = "OPENSSL_CONF=/dev/null";
	for (char **e = environ; *e != NULL && n < MAX_ENV - 1; e++)
		if (passes(*e))
			env[n++] = *e;
	for (; extra != NULL && *extra != NULL && n < MAX_ENV - 1; extra++)
		env[n++] = *extra;
	env[n] = NULL;
}

static const char *const *argv_of(const struct sup_program *p)
{
	return p->args != NULL ? p->args : p->argv;
}

/* In the child. Descriptors are first moved out of the way of the numbers they shall have. */
static void run(const struct sup_program *p, const char *path, const char **env, pid_t parent)
{
	int moved[SUP_MAX_FDS], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || null < 0)
		_exit(70);
	for (unsigned i = 0; i < p->n_fds; i++)
		moved[i] = fcntl(p->fds[i], F_DUPFD_CLOEXEC, FIRST_FD + SUP_MAX_FDS);
	if (p->group)
		setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(p->out > 0 ? p->out : STDERR_FILENO, STDOUT_FILENO);
	if (p->talk > 0)
		dup2(p->talk, STDERR_FILENO);
	for (unsigned i = 0; i < p->n_fds; i++)
		if (moved[i] < 0 || dup2(moved[i], FIRST_FD + (int)i) < 0)
			_exit(70);
	/* Whatever else whoever started us left open. An old kernel has no such call; then it stays. */
	(void)close_range(FIRST_FD + p->n_fds, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (p->confine != NULL && !p->confine(p->arg, path))
		_exit(70);
	execve(path, (char *const *)argv_of(p), (char *const *)env);
	_exit(70);
}

enum jwk11_rc sup_spawn(const struct sup_program *program, pid_t *ret_pid, struct jwk11_err *err)
{
	const char *env[MAX_ENV];
	char path[4352];
	pid_t parent = getpid(), pid;
	enum jwk11_rc rc = find_program(argv_of(program)[0], path, err);

	if (rc != JWK11_OK)
		return rc;
	make_environment(program->environment, env);
	pid = fork();
	if (pid < 0)
		return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "%s: fork: %s", argv_of(program)[0], strerror(errno));
	if (pid == 0)
		run(program, path, env, parent);
	*ret_pid = pid;
	return JWK11_OK;
}
