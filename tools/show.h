/* SPDX-License-Identifier: Apache-2.0 */
/* Showing what the broker answered: members as text, lists of words, the document itself. */
#ifndef SHOW_H
#define SHOW_H

#include "cmd.h"
#include "json/json_read.h"

/* A string or number member made printable, "" when absent or of another type. */
void show_member(const struct j11_json *object, const char *name, char *room, size_t room_len);
/* An array of strings joined by blanks; "" when empty or absent. */
void show_words(const struct j11_json *object, const char *name, char *room, size_t room_len);
/* Asks, reads the document; the caller frees it. The schema word goes in front when --json prints it with show_json. */
enum jwk11_rc show_ask(const struct cmd_global *g, const char *path, struct j11_json_doc **ret_doc, struct jwk11_err *err) J11_MUST_USE;
/* Prints the document with "schema" as its first member. */
enum jwk11_rc show_json(const char *schema, const struct j11_json *root, struct jwk11_err *err) J11_MUST_USE;

#endif
