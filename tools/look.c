/* SPDX-License-Identifier: Apache-2.0 */
/* Colour and width, decided by the environment and the terminal each time: nobody prints so much that asking again would matter. */
#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

enum { LEAST_COLUMNS = 20, MOST_COLUMNS = 10000 };

/* no-color.org: present and not empty. A terminal that is dumb, or of which nothing is known, shows the escapes themselves. */
static bool has_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') && term != NULL && term[0] != '\0' && !j11_text_equal(term, "dumb");
}

/* The palette: of the sixteen colours that each terminal's owner has chosen for his own background. */
const char *look_on(enum look look)
{
	static const char *const codes[LOOK_N_] = {
		[LOOK_PLAIN] = "", [LOOK_HEAD] = "\033[1m", [LOOK_GOOD] = "\033[32m", [LOOK_WARN] = "\033[33m", [LOOK_BAD] = "\033[1;31m",
	};

	return has_colour() ? codes[look] : "";
}

const char *look_off(enum look look)
{
	return look != LOOK_PLAIN && has_colour() ? "\033[0m" : "";
}

unsigned look_columns(void)
{
	const char *given = getenv("COLUMNS");
	struct winsize size = { 0 };
	uint64_t n = 0;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (given == NULL || !j11_text_to_u64(j11_view_str(given), MOST_COLUMNS, &n) || n == 0)
		n = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
	return n == 0 || n >= LEAST_COLUMNS ? (unsigned)n : LEAST_COLUMNS;
}

enum look look_of_word(const char *word)
{
	static const struct {
		const char *start;
		enum look look;
	} rows[] = {
		{ "active", LOOK_GOOD }, { "ready", LOOK_GOOD }, { "ok", LOOK_GOOD }, { "yes", LOOK_GOOD }, { "present", LOOK_GOOD },
		{ "next", LOOK_WARN }, { "retiring", LOOK_WARN }, { "warn", LOOK_WARN }, { "logged-out", LOOK_WARN }, { "pin-pad", LOOK_WARN },
		{ "error", LOOK_BAD }, { "weak", LOOK_BAD }, { "wants-pin", LOOK_BAD }, { "ambiguous", LOOK_BAD }, { "unsupported", LOOK_BAD },
		{ "missing", LOOK_BAD }, { "unavailable", LOOK_BAD }, { "absent", LOOK_BAD }, { "pin-", LOOK_BAD }, { "no", LOOK_BAD }, { "failed", LOOK_BAD },
	};

	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		size_t len = strlen(rows[i].start);
		char next = j11_text_starts(word, rows[i].start) ? word[len] : 'x';

		if (next == '\0' || next == ' ' || (next != 'x' && rows[i].start[len - 1] == '-'))
			return rows[i].look;
	}
	return LOOK_PLAIN;
}

/* Characters on the screen: every octet but those that continue one. */
static unsigned width(const char *text, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

unsigned look_width(const char *text)
{
	return width(text, strlen(text));
}

void look_paragraph(const char *text, unsigned used)
{
	unsigned columns = look_columns(), at = used;

	for (const char *word = text; *word != '\0';) {
		size_t len = strcspn(word, " ");

		if (at > used && columns > used && at + 1 + width(word, len) > columns) {
			printf("\n%*s", (int)used, "");
			at = used;
		} else if (word > text) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)len, word);
		at += width(word, len);
		word += len + (word[len] == ' ');
	}
}

void look_cut(const char *text, unsigned columns)
{
	size_t len = 0;

	if (look_width(text) <= columns) {
		fputs(text, stdout);
		return;
	}
	while (width(text, len + 1) < columns || ((unsigned char)text[len] & 0xc0) == 0x80)
		len++;
	printf("%.*s…", (int)len, text);
}
