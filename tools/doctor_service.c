/* SPDX-License-Identifier: Apache-2.0 */
/* How far the service is shut off: as systemd sees it where it can be asked, else by the lines of its unit. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "doctor.h"
#include "unit_files.h"

#define UNIT "jwk11d.service"
enum { MAX_TEXT = 256 * 1024 };
#define EXPOSED 5.0 /* where systemd begins to say MEDIUM */

/* What `systemd-analyze security` prints; false: it is not there, or has nothing to say. */
static bool run_analyze(struct jwk11_buf *out)
{
	int fds[2], status = -1;
	char room[4096];
	ssize_t n;
	pid_t pid;

	if (access("/run/systemd/system", F_OK) != 0 || pipe2(fds, O_CLOEXEC) != 0)
		return false;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(nowhere, STDIN_FILENO);
		dup2(nowhere, STDERR_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		execlp("systemd-analyze", "systemd-analyze", "security", "--no-pager", UNIT, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while (pid > 0 && (n = read(fds[0], room, sizeof(room))) > 0)
		j11_buf_add(out, room, (size_t)n);
	close(fds[0]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* "… Overall exposure level for UNIT: 0.7 SAFE"; below 0: it does not say. */
static double exposure_in(const char *text)
{
	static const char words[] = "exposure level for " UNIT ": ";
	const char *at = strstr(text, words);

	return at != NULL ? strtod(at + strlen(words), NULL) : -1;
}

/* Lines without which a taken daemon could do far more than sign. */
static const struct {
	const char *name, *value;
} lines[] = {
	{ "NoNewPrivileges=", "yes" }, { "CapabilityBoundingSet=", "" }, { "ProtectSystem=", "strict" }, { "ProtectHome=", "yes" }, { "PrivateTmp=", "yes" },
	{ "RestrictNamespaces=", "yes" }, { "RestrictSUIDSGID=", "yes" }, { "LockPersonality=", "yes" }, { "ProtectKernelTunables=", "yes" },
	{ "ProtectKernelModules=", "yes" }, { "ProtectControlGroups=", "yes" }, { "SystemCallArchitectures=", "native" },
};

static void check_lines(struct doctor *d, struct jwk11_view unit)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf missing = J11_BUF(2048);

	for (size_t i = 0; i < J11_COUNT(lines); i++) {
		struct jwk11_view value = unit_files_last(unit, lines[i].name);

		if (value.data == NULL || !j11_view_equals(value, lines[i].value))
			j11_buf_add_fmt(&missing, "%s%s%s", missing.len > 0 ? ", " : "", lines[i].name, lines[i].value);
	}
	if (missing.len > 0)
		doctor_say(d, DOCTOR_SERVICE_EXPOSED, UNIT, "systemctl edit --full jwk11d, or take the unit of this package", "its unit lacks %s", jwk11_buf_data(&missing));
	else
		doctor_say(d, DOCTOR_SERVICE_OK, UNIT, NULL, "its unit has every line that shuts it off");
}

static void check_watchdog(struct doctor *d, struct jwk11_view unit)
{
	struct jwk11_view value = unit_files_last(unit, "WatchdogSec=");

	if (value.data == NULL || value.len == 0 || j11_view_equals(value, "0"))
		doctor_say(d, DOCTOR_SERVICE_EXPOSED, UNIT, "WatchdogSec=30 in [Service]", "has no watchdog: a front that hangs stays");
}

void doctor_service(struct doctor *d)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf unit = J11_BUF(MAX_TEXT);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf said = J11_BUF(MAX_TEXT);
	double exposure = -1;

	if (!unit_files_read(UNIT, &unit)) {
		doctor_say(d, DOCTOR_SERVICE_ABSENT, "", NULL, "no " UNIT " is installed: whoever starts jwk11d shuts it off, besides what it gives up by itself");
		return;
	}
	if (run_analyze(&said))
		exposure = exposure_in(jwk11_buf_data(&said));
	if (exposure >= EXPOSED)
		doctor_say(d, DOCTOR_SERVICE_EXPOSED, UNIT, "systemd-analyze security jwk11d; take the unit of this package", "exposure %.1f of 10", exposure);
	else if (exposure >= 0)
		doctor_say(d, DOCTOR_SERVICE_OK, UNIT, NULL, "exposure %.1f of 10", exposure);
	else
		check_lines(d, j11_buf_view(&unit));
	check_watchdog(d, j11_buf_view(&unit));
}
