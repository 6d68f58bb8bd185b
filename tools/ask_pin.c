/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a PIN or a passphrase from the terminal. Signals are blocked except while we wait, and then only noted: the terminal is put back before they do what they
 * would have done. */
#include "ask_pin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* Not SIGTTIN and SIGTTOU: in the background we stop before anything is changed. */
static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGTSTP };
enum { N_CAUGHT = sizeof(caught) / sizeof(caught[0]) };

static volatile sig_atomic_t came;

static void note(int sig)
{
	came = sig;
}

/* What is put back afterwards. */
struct before {
	struct sigaction actions[N_CAUGHT];
	sigset_t mask;
	struct termios terminal;
};

/* What is asked for, in the sentences about its not coming. */
struct words {
	enum j11_code code;
	const char *what, *option;
};

static enum jwk11_rc refuse(const struct words *words, const char *why, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_LOGIN, words->code, "no %s: %s", words->what, why);
	j11_err_hint(err, "a %s is asked for at a terminal; %s FILE does without", words->what, words->option);
	return JWK11_ERR_LOGIN;
}

static void catch_signals(struct before *before, sigset_t *ours)
{
	struct sigaction action = { .sa_handler = note };

	sigemptyset(ours);
	for (size_t i = 0; i < N_CAUGHT; i++)
		sigaddset(ours, caught[i]);
	sigprocmask(SIG_BLOCK, ours, &before->mask);
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < N_CAUGHT; i++) {
		sigaction(caught[i], NULL, &before->actions[i]);
		if (before->actions[i].sa_handler != SIG_IGN)
			sigaction(caught[i], &action, NULL);
	}
}

/* What came in the meantime is for whoever had it before: it is raised again, and comes with the mask. */
static void release_signals(const struct before *before)
{
	for (size_t i = 0; i < N_CAUGHT; i++)
		sigaction(caught[i], &before->actions[i], NULL);
	if (came != 0)
		raise(came);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* 1: a line's octet; 0: end of file or a broken terminal; -1: a signal. */
static int read_octet(int tty, const sigset_t *mask, char *ret_octet)
{
	struct pollfd fd = { .fd = tty, .events = POLLIN };
	long n = -1;

	while (came == 0) {
		if (ppoll(&fd, 1, NULL, mask) < 0 && errno != EINTR)
			return 0;
		if (came != 0)
			break;
		n = read(tty, ret_octet, 1);
		if (n >= 0 || (errno != EINTR && errno != EAGAIN))
			return n > 0;
	}
	return -1;
}

/* Octets of the line, more than J11_SECRET_MAX for one that is too long; -1 as above, -2 at the end of file. */
static long read_line(int tty, const sigset_t *mask, char room[J11_SECRET_MAX + 1])
{
	long len = 0;
	char octet;
	int got;

	while ((got = read_octet(tty, mask, &octet)) == 1 && octet != '\n')
		if (len <= J11_SECRET_MAX)
			room[len++] = octet;
	octet = 0;
	if (got < 0)
		return -1;
	return got == 0 && len == 0 ? -2 : len;
}

/* One round, from a quiet terminal to one as it was. */
static long ask_once(int tty, const char *prompt, struct before *before, char room[J11_SECRET_MAX + 1])
{
	struct termios quiet;
	sigset_t ours;
	long len = -2;

	came = 0;
	catch_signals(before, &ours);
	if (tcgetattr(tty, &before->terminal) == 0) {
		quiet = before->terminal;
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
		quiet.c_lflag |= ICANON | ISIG;
		if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0) { /* first quiet, then the question: what is typed early is thrown away */
			dprintf(tty, "%s", prompt);
			len = read_line(tty, &before->mask, room);
			(void)tcsetattr(tty, TCSAFLUSH, &before->terminal);
			dprintf(tty, "\n");
		}
	}
	release_signals(before);
	return len;
}

static enum jwk11_rc ask(const struct words *words, const char *prompt, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char room[J11_SECRET_MAX + 1];
	struct before before;
	enum jwk11_rc rc;
	long len;

	if (tty < 0)
		return refuse(words, "there is no terminal", err);
	while ((len = ask_once(tty, prompt, &before, room)) == -1) /* a signal that did not end us: stopped, and back again */
		j11_mem_wipe(room, sizeof(room));
	close(tty);
	if (len == -2)
		rc = refuse(words, "the terminal has nothing to say", err);
	else if (len == 0)
		rc = refuse(words, "nothing was typed", err);
	else
		rc = j11_secret_from_bytes(room, (size_t)len, ret_secret, err);
	j11_mem_wipe(room, sizeof(room));
	return rc;
}

enum jwk11_rc ask_pin(const char *prompt, struct j11_secret **ret_pin, struct jwk11_err *err)
{
	static const struct words words = { J11_CODE_PIN_MISSING, "PIN", "--pin-file" };

	return ask(&words, prompt, ret_pin, err);
}

enum jwk11_rc ask_passphrase(const char *prompt, struct j11_secret **ret_passphrase, struct jwk11_err *err)
{
	static const struct words words = { J11_CODE_PASSPHRASE_MISSING, "passphrase", "--passphrase-file" };

	return ask(&words, prompt, ret_passphrase, err);
}
