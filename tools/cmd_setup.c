/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 setup: a configuration for a token that is there; with --softhsm a trial token. */
#include <errno.h>
#include <p11-kit/pkcs11.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ask.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "json/json_write.h"
#include "setup.h"

static struct {
	const char *pin, *user;
	struct cmd_words keys;
	bool system, force;
} opt;

enum { DIR_MAX = 80 }; /* octets: sockets inside it need room too */

static enum jwk11_rc refuse(struct jwk11_err *err, const char *fmt, const char *what)
{
	return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, fmt, what);
}

/* A number from 1 to n; 0: it is none. */
static size_t number_of(const char *text, size_t n)
{
	uint64_t number = 0;

	return j11_text_to_u64(j11_view_str(text), n, &number) ? (size_t)number : 0;
}

/* ---- where to ---- */

static enum jwk11_rc not_there(const struct setup *s, const char *path, struct jwk11_err *err)
{
	if (s->force || access(path, F_OK) != 0)
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "setup: %s exists; nothing was changed", path);
	j11_err_hint(err, "another --dir, or --force: what is there is then kept as %s.old", path);
	return JWK11_ERR_DEVICE;
}

static enum jwk11_rc take_folder(struct setup *s, const char *given, struct jwk11_err *err)
{
	char here[4000] = "";

	if (given[0] != '/' && getcwd(here, sizeof(here)) == NULL)
		return cmd_file_failed(given, err);
	if ((size_t)snprintf(s->dir, sizeof(s->dir), "%s%s%s", here, here[0] != '\0' ? "/" : "", given) >= sizeof(s->dir))
		return refuse(err, "setup: %s is too long", given);
	for (size_t n = strlen(s->dir); n > 1 && s->dir[n - 1] == '/'; n--)
		s->dir[n - 1] = '\0';
	if (strlen(s->dir) > DIR_MAX)
		return refuse(err, "setup: %s is too long for socket paths inside it (80 bytes)", s->dir);
	return strpbrk(s->dir, "\r\n#;") != NULL ? refuse(err, "setup: %s: a line of the configuration cannot name this folder", "--dir") : JWK11_OK;
}

static enum jwk11_rc choose_folder(struct setup *s, struct jwk11_err *err)
{
	const char *home = getenv("HOME");
	char question[4300], answer[4000], usual[4000];
	enum jwk11_rc rc;

	snprintf(usual, sizeof(usual), "%s/jwk11", home != NULL && home[0] == '/' ? home : "/var/tmp");
	snprintf(question, sizeof(question), "Folder for the configuration and its sockets [%s]", usual);
	if (s->system)
		rc = take_folder(s, JWK11_SYSCONFDIR "/jwk11", err);
	else if (s->g->dir != NULL)
		rc = take_folder(s, s->g->dir, err);
	else if (s->questions && setup_ask(question, answer, sizeof(answer)))
		rc = take_folder(s, answer[0] != '\0' ? answer : usual, err);
	else
		rc = setup_missing("--dir DIR, or --system", "where to", err);
	snprintf(s->conf, sizeof(s->conf), "%s/jwk11.conf", s->dir);
	return rc == JWK11_OK ? not_there(s, s->conf, err) : rc;
}

/* ---- which token ---- */

static void name_token(struct setup *s)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf uri = J11_BUF(sizeof(s->uri) - 1);
	const struct jwk11_token_info *info = &s->token->info;
	size_t n = 0;

	for (const char *p = info->label; *p != '\0' && n < sizeof(s->name) - 1; p++)
		s->name[n++] = ((unsigned char)*p & 0x80) == 0 && (strchr("._-", *p) != NULL || (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z')) ? *p : '-';
	s->name[n] = '\0';
	if (n == 0 || s->name[0] == '-' || s->name[0] == '.')
		snprintf(s->name, sizeof(s->name), "token");
	j11_buf_add_str(&uri, "pkcs11:");
	if (strchr(info->label, '?') == NULL && info->label[0] != '\0') /* '?' is what could not be printed */
		ask_path(&uri, "token=", info->label, info->serial[0] != '\0' ? ";" : "");
	if (info->serial[0] != '\0' && strchr(info->serial, '?') == NULL)
		ask_path(&uri, "serial=", info->serial, "");
	snprintf(s->uri, sizeof(s->uri), "%s", jwk11_buf_data(&uri));
}

static void show_tokens(const struct setup *s)
{
	setup_show("Tokens:\n");
	for (size_t i = 0; i < s->n_tokens; i++) {
		const struct jwk11_token_info *info = &s->tokens[i].info;

		setup_show("  %zu  %s (serial %s, %s, PIN %s) in %s\n", i + 1, info->label, info->serial, info->library, jwk11_pin_state_name(info->pin), s->tokens[i].module);
	}
}

static enum jwk11_rc choose_token(struct setup *s, struct jwk11_err *err)
{
	char answer[16];
	size_t n = 0, last = 0;

	for (size_t i = 0; i < s->n_tokens; i++)
		if (s->tokens[i].wanted) {
			last = i;
			n++;
		}
	if (n == 0)
		return j11_err_set(err, JWK11_ERR_ABSENT, J11_CODE_TOKEN_ABSENT, "setup: no token that is present matches %s", s->g->token);
	if (s->questions)
		show_tokens(s);
	if (n > 1 && !s->questions)
		return setup_missing("--token URI", "which of the tokens that are there", err);
	while (n > 1) {
		if (!setup_ask("Which one", answer, sizeof(answer)))
			return setup_missing("--token URI", "which of the tokens that are there", err);
		last = number_of(answer, s->n_tokens);
		if (last-- > 0)
			break;
		setup_show("A number from 1 to %zu.\n", s->n_tokens);
	}
	s->token = &s->tokens[last];
	name_token(s);
	return JWK11_OK;
}

/* ---- where its PIN comes from ---- */

static const struct {
	const char *word;
	enum setup_pin pin;
	const char *text;
} sources[] = {
	{ "file", SETUP_PIN_FILE, "a file with mode 0400 beside the configuration, written for you" },
	{ "credential", SETUP_PIN_CREDENTIAL, "a systemd credential of the service" },
	{ "login", SETUP_PIN_LOGIN, "nowhere: an operator types it (jwk11 login)" },
};

static enum jwk11_rc ask_source(struct setup *s, struct jwk11_err *err)
{
	char answer[16];
	size_t n = 0;

	setup_show("Where the broker gets the PIN from:\n");
	for (size_t i = 0; i < J11_COUNT(sources); i++)
		setup_show("  %zu  %s%s\n", i + 1, sources[i].text, s->system && i == 0 ? " (not with --system: the service cannot read it)" : "");
	while (n == 0) {
		if (!setup_ask(s->system ? "Which one [2]" : "Which one [1]", answer, sizeof(answer)))
			return setup_missing("--pin file|credential|login", "where the PIN comes from", err);
		n = answer[0] == '\0' ? (s->system ? 2 : 1) : number_of(answer, J11_COUNT(sources));
	}
	s->pin = sources[n - 1].pin;
	return JWK11_OK;
}

static enum jwk11_rc take_source(struct setup *s, struct jwk11_err *err)
{
	for (size_t i = 0; i < J11_COUNT(sources); i++)
		if (j11_text_equal(sources[i].word, s->pin_word))
			s->pin = sources[i].pin;
	return s->pin == SETUP_PIN_UNKNOWN ? refuse(err, "setup: --pin takes file, credential or login, not \"%.32s\"", s->pin_word) : JWK11_OK;
}

/* The file that is named, or one that is to be written. */
static enum jwk11_rc place_pin(struct setup *s, struct jwk11_err *err)
{
	char *path;

	if (s->system)
		return refuse(err, "setup: %s: jwk11d.service runs as a user of its own, which cannot read a PIN file; --pin credential", "--system");
	if (s->g->pin_file == NULL && !s->terminal)
		return setup_missing("--pin-file FILE", "the PIN", err);
	snprintf(s->pin_file, sizeof(s->pin_file), "%s/%s.pin", s->dir, s->name);
	if (s->g->pin_file == NULL)
		return not_there(s, s->pin_file, err);
	path = realpath(s->g->pin_file, NULL);
	if (path == NULL)
		return cmd_file_failed(s->g->pin_file, err);
	snprintf(s->pin_file, sizeof(s->pin_file), "%s", path);
	free(path);
	return JWK11_OK;
}

static enum jwk11_rc choose_pin(struct setup *s, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	if ((s->token->info.flags & CKF_LOGIN_REQUIRED) == 0)
		s->pin = SETUP_PIN_NONE;
	else if ((s->token->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
		s->pin = SETUP_PIN_PAD;
	else if (s->pin_word != NULL)
		rc = take_source(s, err);
	else if (s->questions)
		rc = ask_source(s, err);
	else
		rc = setup_missing("--pin file|credential|login", "where the PIN comes from", err);
	return rc == JWK11_OK && s->pin == SETUP_PIN_FILE ? place_pin(s, err) : rc;
}

/* ---- which keys ---- */

static void show_keys(const struct setup *s)
{
	setup_show("Keys:\n");
	for (size_t i = 0; i < s->n_keys; i++)
		setup_show("  %zu  %s  %s  kid %s\n", i + 1, s->keys[i].name, s->keys[i].alg, s->keys[i].kid);
}

/* Words that are numbers of the list; false: one is not. */
static bool take_numbers(struct setup *s, char *answer)
{
	char *rest = answer, *word;

	for (size_t i = 0; i < s->n_keys; i++)
		s->keys[i].chosen = false;
	while ((word = strsep(&rest, ", ")) != NULL) {
		size_t n = number_of(word, s->n_keys);

		if (word[0] != '\0' && n == 0)
			return false;
		if (n > 0)
			s->keys[n - 1].chosen = true;
	}
	return true;
}

static enum jwk11_rc take_names(struct setup *s, struct jwk11_err *err)
{
	for (size_t i = 0; i < s->n_keys; i++)
		s->keys[i].chosen = false;
	for (unsigned w = 0; w < s->keys_wanted.n; w++) {
		bool found = false;

		for (size_t i = 0; i < s->n_keys; i++)
			if (j11_text_equal(s->keys[i].name, s->keys_wanted.word[w]) || j11_text_equal(s->keys[i].label, s->keys_wanted.word[w]))
				found = s->keys[i].chosen = true;
		if (!found)
			return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, "setup: no key \"%.64s\" on token %s", s->keys_wanted.word[w], s->name);
	}
	return JWK11_OK;
}

static enum jwk11_rc choose_keys(struct setup *s, struct jwk11_err *err)
{
	char answer[400];

	if (s->keys_wanted.n > 0)
		return take_names(s, err);
	if (!s->questions)
		return JWK11_OK;
	show_keys(s);
	do {
		if (!setup_ask("Keys to publish, by number [all]", answer, sizeof(answer)))
			return setup_missing("--yes", "which keys", err);
	} while (answer[0] != '\0' && !take_numbers(s, answer));
	for (size_t i = 0; answer[0] == '\0' && i < s->n_keys; i++)
		s->keys[i].chosen = true;
	return JWK11_OK;
}

/* ---- who may sign ---- */

static enum jwk11_rc take_owner(struct setup *s, const char *name, struct jwk11_err *err)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return refuse(err, "setup: there is no user \"%.64s\"", name);
	s->uid = pw->pw_uid;
	snprintf(s->owner, sizeof(s->owner), "%s", pw->pw_name);
	return JWK11_OK;
}

static enum jwk11_rc choose_owner(struct setup *s, struct jwk11_err *err)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw = sudo != NULL ? getpwnam(sudo) : getpwuid(getuid());
	char question[200], answer[128];

	s->uid = pw != NULL ? pw->pw_uid : getuid();
	snprintf(s->owner, sizeof(s->owner), "%.100s", pw != NULL ? pw->pw_name : "");
	if (s->user != NULL)
		return take_owner(s, s->user, err);
	if (!s->questions)
		return JWK11_OK;
	snprintf(question, sizeof(question), "Who may sign [%s]", s->owner[0] != '\0' ? s->owner : "uid of this process");
	if (!setup_ask(question, answer, sizeof(answer)))
		return setup_missing("--user NAME", "who may sign", err);
	return answer[0] != '\0' ? take_owner(s, answer, err) : JWK11_OK;
}

/* ---- and then ---- */

static enum jwk11_rc confirm(const struct setup *s, bool *ret_yes, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(128 * 1024);
	char question[4400], answer[16];

	*ret_yes = true;
	if (s->g->yes)
		return JWK11_OK;
	setup_text(s, &text);
	setup_show("\n%s\n", jwk11_buf_data(&text));
	snprintf(question, sizeof(question), "Write %s? [Y/n]", s->conf);
	if (!setup_ask(question, answer, sizeof(answer)))
		return setup_missing("--yes", "your consent", err);
	*ret_yes = answer[0] == '\0' || strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
	return JWK11_OK;
}

static void say_next(const struct setup *s)
{
	if (s->pin == SETUP_PIN_CREDENTIAL)
		printf("next: systemd-ask-password -n 'PIN:' | systemd-creds encrypt --name=pin.%s - %s/pin.%s.cred\n"
			"next: systemctl edit jwk11d    # [Service] and LoadCredentialEncrypted=pin.%s:%s/pin.%s.cred\n", s->name, s->dir, s->name, s->name, s->dir, s->name);
	if (s->system && s->owner[0] != '\0' && s->uid != 0)
		printf("next: usermod -aG jwk11 %s\n", s->owner);
	if (s->system)
		printf("next: systemctl enable --now jwk11d.socket jwk11d-public.socket jwk11d\n");
	else
		printf("next: jwk11d --config %s\n", s->conf);
	if (s->pin == SETUP_PIN_LOGIN)
		printf("next: jwk11 %s%s%slogin %s\n", s->system ? "" : "--config ", s->system ? "" : s->conf, s->system ? "" : " ", s->name);
	printf("next: jwk11 %s%s%sdoctor\n", s->system ? "" : "--config ", s->system ? "" : s->conf, s->system ? "" : " ");
}

static int say(const struct setup *s, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(64 * 1024);
	struct j11_json_out o = J11_JSON_OUT(&out);
	const char *between = "";

	if (!s->g->json) {
		printf("%s: token %s, keys ", s->conf, s->name);
		for (size_t i = 0; i < s->n_keys; i++)
			if (s->keys[i].chosen) {
				printf("%s%s (%s)", between, s->keys[i].name, s->keys[i].alg);
				between = ", ";
			}
		printf("\n");
		say_next(s);
		return CMD_OK;
	}
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/setup/1");
	j11_json_str(&o, "config", s->conf);
	j11_json_open(&o, "keys", '[');
	for (size_t i = 0; i < s->n_keys; i++)
		if (s->keys[i].chosen)
			j11_json_str(&o, NULL, s->keys[i].name);
	j11_json_close(&o);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err) == JWK11_OK ? CMD_OK : cmd_fail(err);
}

/* One answer after another; each may need the one before. */
static enum jwk11_rc answer_all(struct setup *s, struct jwk11_err *err)
{
	static enum jwk11_rc (*const steps[])(struct setup *s, struct jwk11_err *err) = { choose_folder, setup_find_tokens, choose_token, choose_pin, setup_find_keys,
		choose_keys, choose_owner };
	enum jwk11_rc rc = !s->terminal && !s->g->yes ? setup_missing("--yes", "your consent", err) : JWK11_OK;

	for (size_t i = 0; rc == JWK11_OK && i < J11_COUNT(steps); i++)
		rc = steps[i](s, err);
	return rc;
}

static int wizard(struct setup *s)
{
	struct jwk11_err err = { 0 };
	bool yes = false;
	enum jwk11_rc rc = answer_all(s, &err);

	if (rc == JWK11_OK)
		rc = confirm(s, &yes, &err);
	if (rc == JWK11_OK && !yes) {
		fprintf(stderr, "jwk11: nothing was written\n");
		return CMD_NEGATIVE;
	}
	if (rc == JWK11_OK)
		rc = setup_write(s, &err);
	return rc == JWK11_OK ? say(s, &err) : cmd_fail(&err);
}

static int run_setup(struct cmd_global *g, int argc, char **argv)
{
	struct setup *s;
	int code;

	(void)argv;
	if (argc != 0)
		return cmd_usage("setup", "takes no argument");
	if (g->softhsm != NULL)
		return setup_trial(g);
	if (opt.system && g->dir != NULL)
		return cmd_usage("setup", "--system and --dir exclude each other");
	s = j11_mem_new(sizeof(*s));
	if (s == NULL)
		return CMD_BUG;
	s->g = g;
	s->pin_word = opt.pin != NULL ? opt.pin : g->pin_file != NULL ? "file" : NULL;
	s->user = opt.user;
	s->keys_wanted = opt.keys;
	s->system = opt.system;
	s->force = opt.force;
	s->terminal = setup_has_terminal();
	s->questions = s->terminal && !g->yes;
	code = wizard(s);
	j11_secret_free(s->secret);
	j11_mem_free(s);
	return code;
}

static const struct cmd_option options[] = {
	{ "softhsm", 0, CMD_TEXT, &cmd_given.softhsm, "DIR", "a trial token with keys es256, rs256 and eddsa, all of it inside this directory" },
	{ "dir", 0, CMD_TEXT, &cmd_given.dir, "DIR", "configuration, sockets and state go inside this directory" },
	{ "system", 0, CMD_FLAG, &opt.system, NULL, "the configuration of jwk11d.service" },
	{ "pin", 0, CMD_TEXT, &opt.pin, "SOURCE", "where the broker gets the PIN from: file, credential or login" },
	{ "keys", 0, CMD_WORDS, &opt.keys, "NAME", "only this key; may stand 15 times" },
	{ "user", 0, CMD_TEXT, &opt.user, "NAME", "who may sign; you, unless said otherwise" },
	{ "yes", 0, CMD_FLAG, &cmd_given.yes, NULL, "write it without asking; what has no default has to be given" },
	{ "force", 0, CMD_FLAG, &opt.force, NULL, "replace what is there, and keep it as NAME.old" },
};

const struct cmd_verb cmd_setup = { "setup", "", "a configuration for a token that is there, or a trial token", run_setup, options, J11_COUNT(options), .local = true };
