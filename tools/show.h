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
struct table;
/* The end of a list: what was written as JSON (with --json), else the table, which is emptied; after a failure neither. Returns the exit code. */
int show_list(const struct cmd_global *g, enum jwk11_rc rc, const struct jwk11_buf *json, struct table *table, struct jwk11_err *err);
/* Asks, reads the document; the caller frees it. The schema word goes in front when --json prints it with show_json. */
enum jwk11_rc show_ask(const struct cmd_global *g, const char *path, struct j11_json_doc **ret_doc, struct jwk11_err *err) J11_MUST_USE;
/* Prints the document with "schema" as its first member. */
enum jwk11_rc show_json(const char *schema, const struct j11_json *root, struct jwk11_err *err) J11_MUST_USE;

#endif
