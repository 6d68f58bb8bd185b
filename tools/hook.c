/* SPDX-License-Identifier: Apache-2.0 */
/* fork, execve, and the wait for its end. */
#include "hook.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cancel.h"

extern char **environ;

static void become(const char *const *argv)
{
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(126);
	execve(argv[0], (char *const *)(uintptr_t)argv, environ);
	_exit(errno == ENOENT ? 127 : 126);
}

enum jwk11_rc hook_run(const char *const *argv, bool to_the_end, struct jwk11_err *err)
{
	char shown[200];
	int status = 0;
	enum jwk11_rc rc;
	pid_t pid;

	j11_text_printable(j11_view_str(argv[0]), shown, sizeof(shown));
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(argv);
	if (pid < 0)
		return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_HOOK_FAILED, "the hook %s: %s", shown, strerror(errno));
	rc = cancel_wait_child(pid, to_the_end, &status, err);
	if (rc != JWK11_OK || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return rc;
	if (WIFEXITED(status) && WEXITSTATUS(status) >= 126)
		return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_HOOK_FAILED, "the hook %s cannot be run; it takes the path of a program", shown);
	return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_HOOK_FAILED, "the hook %s %s %s %d", shown, argv[1] != NULL ? argv[1] : "",
		WIFSIGNALED(status) ? "was ended by signal" : "ended with", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
