/* SPDX-License-Identifier: Apache-2.0 */
/* What modules reach through the system: pcscd with its policy, and the TPM. Looked at only where a configured module is one of those. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "doctor.h"
#include "unit_files.h"

/* By what their files and names are called. */
static const char *const pcsc_words[] = { "opensc", "ykcs11", "iidp11", "aet", "cardos", "pcsc", NULL };
static const char *const tpm_words[] = { "tpm2_pkcs11", "tpm2-pkcs11", NULL };

static bool names_any(const char *module, const char *const *words)
{
	for (; module != NULL && *words != NULL; words++)
		if (strstr(module, *words) != NULL)
			return true;
	return false;
}

static bool is_configured(const struct doctor *d, const char *const *words)
{
	bool found = d->direct && names_any(d->g->module, words);

	for (const char **m = d->conf != NULL ? d->conf->modules : NULL; m != NULL && *m != NULL; m++)
		found = found || names_any(*m, words);
	return found;
}

/* Of the environment that workers' modules get; NULL: not set. */
static const char *variable(const struct doctor *d, const char *name)
{
	size_t len = strlen(name);

	for (const char **e = d->conf != NULL ? d->conf->environment : NULL; e != NULL && *e != NULL; e++)
		if (strncmp(*e, name, len) == 0 && (*e)[len] == '=')
			return *e + len + 1;
	return NULL;
}

/* ---- smartcards ---- */

static bool has_rule(void)
{
	static const char *const places[] = { "/etc/polkit-1/rules.d/jwk11d-pcscd.rules", "/usr/share/polkit-1/rules.d/jwk11d-pcscd.rules",
		"/usr/local/share/polkit-1/rules.d/jwk11d-pcscd.rules", "/run/polkit-1/rules.d/jwk11d-pcscd.rules" };
	struct stat st;

	for (size_t i = 0; i < J11_COUNT(places); i++)
		if (stat(places[i], &st) == 0 || errno == EACCES) /* a folder that only polkitd may look into */
			return true;
	return false;
}

static void check_pcscd(struct doctor *d)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf unit = J11_BUF(256 * 1024);
	const char *socket = variable(d, "PCSCLITE_CSOCK_NAME");

	if (socket == NULL)
		socket = "/run/pcscd/pcscd.comm";
	if (access(socket, F_OK) != 0)
		doctor_say(d, DOCTOR_PCSCD_ABSENT, "pcscd", "apt install pcscd; systemctl enable --now pcscd.socket", "%s: %s: no card is seen", socket, strerror(errno));
	else if (access(socket, R_OK | W_OK) != 0)
		doctor_say(d, DOCTOR_PCSCD_DENIED, "pcscd", "look at who may open it; jwk11d has to", "you may not open %s: %s", socket, strerror(errno));
	else
		doctor_say(d, DOCTOR_DEVICE_OK, "pcscd", NULL, "%s", socket);
	if (access("/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy", F_OK) == 0 && !has_rule() && unit_files_read("jwk11d.service", &unit))
		doctor_say(d, DOCTOR_POLKIT_RULE_ABSENT, "polkit", "cp jwk11d-pcscd.rules of this package to /etc/polkit-1/rules.d/", "pcscd asks polkit, and no rule lets jwk11d in");
}

/* ---- TPM ---- */

/* "device:PATH" of the module's own variable; of another kind of way to it nothing is known here. */
static const char *tpm_device(const struct doctor *d)
{
	const char *tcti = variable(d, "TPM2_PKCS11_TCTI");

	if (tcti == NULL)
		return "/dev/tpmrm0";
	return j11_text_starts(tcti, "device:/") ? tcti + 7 : NULL;
}

static void check_tpm(struct doctor *d)
{
	const char *path = tpm_device(d);
	const struct group *gr;
	struct stat st;

	if (path == NULL)
		return;
	if (stat(path, &st) != 0) {
		doctor_say(d, DOCTOR_TPM_ABSENT, path, "turn the TPM on in the firmware; modprobe tpm_tis or tpm_crb", "%s", strerror(errno));
		return;
	}
	gr = getgrgid(st.st_gid);
	if ((st.st_mode & (S_IRGRP | S_IWGRP)) != (S_IRGRP | S_IWGRP))
		doctor_say(d, DOCTOR_TPM_DENIED, path, "apt install tpm-udev, whose rules give it to group tss; udevadm trigger", "only its owner may open it (mode %04o)", st.st_mode & 0777);
	else if (st.st_gid == 0)
		doctor_say(d, DOCTOR_TPM_DENIED, path, "apt install tpm-udev, whose rules give it to group tss; udevadm trigger", "is for group root, which jwk11d is not in");
	else if (unit_files_say("jwk11d.service", "SupplementaryGroups=", gr != NULL ? gr->gr_name : "") == 0)
		doctor_say(d, DOCTOR_TPM_DENIED, path, "cp tpm.conf of this package to /etc/systemd/system/jwk11d.service.d/, then systemctl daemon-reload and restart jwk11d",
			"is for group %s, which jwk11d.service is not in", gr != NULL ? gr->gr_name : "(without a name)");
	else
		doctor_say(d, DOCTOR_DEVICE_OK, path, NULL, "mode %04o, group %s", st.st_mode & 0777, gr != NULL ? gr->gr_name : "(without a name)");
}

void doctor_devices(struct doctor *d)
{
	if (is_configured(d, pcsc_words))
		check_pcscd(d);
	if (is_configured(d, tpm_words))
		check_tpm(d);
}
