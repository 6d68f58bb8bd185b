/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as lines or as JSON. */
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "doctor.h"
#include "look.h"

static const char *const levels[DOCTOR_N_LEVELS] = { "ok", "warn", "error" };

#define ROW_(code, level, area) { #code, area, DOCTOR_##level },
static const struct {
	const char *code, *area;
	enum doctor_level level;
} rows[] = { DOCTOR_CODES(ROW_) };
#undef ROW_

void doctor_say(struct doctor *d, enum doctor_code code, const char *object, const char *next, const char *fmt, ...)
{
	size_t row = (size_t)code - DOCTOR_FIRST_ - 1;
	char text[1024], line[2048], shown[2600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->n[rows[row].level]++;
	if (d->g->json) {
		j11_json_open(d->o, NULL, '{');
		j11_json_str(d->o, "level", levels[rows[row].level]);
		j11_json_str(d->o, "code", rows[row].code);
		j11_json_str(d->o, "area", rows[row].area);
		if (object[0] != '\0')
			j11_json_str(d->o, "object", object);
		j11_json_str(d->o, "text", text);
		if (next != NULL)
			j11_json_str(d->o, "next", next);
		j11_json_close(d->o);
		return;
	}
	snprintf(line, sizeof(line), "%s%s%s%s%s", object, object[0] != '\0' ? ": " : "", text, next != NULL ? "; " : "", next != NULL ? next : "");
	j11_text_printable(j11_view_str(line), shown, sizeof(shown));
	printf("%s%-5s%s %-10s ", look_on(look_of_word(levels[rows[row].level])), levels[rows[row].level], look_off(look_of_word(levels[rows[row].level])),
		rows[row].area);
	look_paragraph(shown, 17);
	putchar('\n');
}
