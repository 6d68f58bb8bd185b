/* SPDX-License-Identifier: Apache-2.0 */
/* Questions on the controlling terminal, whatever standard input and output are. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "setup.h"

static int terminal = -1;

bool setup_has_terminal(void)
{
	if (terminal < 0)
		terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	return terminal >= 0;
}

/* Labels of tokens are anybody's text. */
void setup_show(const char *fmt, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (setup_has_terminal())
		dprintf(terminal, "%s", text);
}

bool setup_ask(const char *question, char *room, size_t room_len)
{
	size_t len = 0;
	ssize_t n = -1;
	char octet = 0;

	if (!setup_has_terminal())
		return false;
	dprintf(terminal, "%s: ", question);
	while ((n = read(terminal, &octet, 1)) == 1 || (n < 0 && errno == EINTR)) {
		if (n == 1 && octet == '\n')
			break;
		if (n == 1 && len + 1 < room_len)
			room[len++] = octet;
	}
	room[len] = '\0';
	return n == 1 && octet == '\n';
}

enum jwk11_rc setup_missing(const char *option, const char *what, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "setup: %s: %s is missing, and there is no terminal to ask on", what, option);
	j11_err_hint(err, "jwk11 setup --help");
	return JWK11_ERR_ARGUMENT;
}
