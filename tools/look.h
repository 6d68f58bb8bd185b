/* SPDX-License-Identifier: Apache-2.0 */
/* How standard output looks to the person who reads it: colour and width of the terminal. Into a file or a pipe goes plain text, whole. */
#ifndef LOOK_H
#define LOOK_H

#include <stdbool.h>

/* What a word means. The word itself says it too: colour only repeats it. */
enum look { LOOK_PLAIN, LOOK_HEAD, LOOK_GOOD, LOOK_WARN, LOOK_BAD, LOOK_N_ };

/* What is written in front of text that looks so, and behind it; "" without a terminal, with NO_COLOR set to anything, with TERM=dumb or without TERM. */
const char *look_on(enum look look);
const char *look_off(enum look look);
/* Columns of the terminal: COLUMNS, else what the terminal says; 0: standard output is none, or it does not say. */
unsigned look_columns(void);
/* The meaning of a state, verdict or severity as the broker, the doctor and the linter name it. */
enum look look_of_word(const char *word);
/* Prints a text behind `used` columns of its line. On a terminal it goes on under its own beginning. */
void look_paragraph(const char *text, unsigned used);
/* Prints a text, or its beginning and "…", in at most so many columns. */
void look_cut(const char *text, unsigned columns);
/* Characters on the screen. */
unsigned look_width(const char *text);

#endif
