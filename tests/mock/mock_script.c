/* SPDX-License-Identifier: Apache-2.0 */
/* The script: one table row per word that may open a line; README.md has the language. Strict: the first line that cannot be understood is
 * named on stderr and the module does not start. */
#include "mock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mock_world mock;

struct reader {
	const char *path;
	unsigned line;
	char *rest; /* of the line, behind the words taken so far */
	struct mock_token *token;
	struct mock_object *object;
};

static bool bad(const struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool bad(const struct reader *r, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "jwk11-mock: %s:%u: ", r->path, r->line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

/* The next word; NULL at the end of the line. */
static char *word(struct reader *r)
{
	char *start = r->rest + strspn(r->rest, " \t");
	size_t n = strcspn(start, " \t");

	if (n == 0)
		return NULL;
	r->rest = start + n;
	if (*r->rest != '\0')
		*r->rest++ = '\0';
	return start;
}

/* Everything that is left, without the blanks in front. */
static char *rest_of(struct reader *r)
{
	char *start = r->rest + strspn(r->rest, " \t");

	r->rest = start + strlen(start);
	return start;
}

static bool to_number(const char *text, unsigned long *ret_value)
{
	char *end = NULL;

	errno = 0;
	*ret_value = text ? strtoul(text, &end, 0) : 0;
	return text != NULL && text[0] >= '0' && text[0] <= '9' && errno == 0 && *end == '\0';
}

static bool number(struct reader *r, unsigned long *ret_value)
{
	return to_number(word(r), ret_value) || bad(r, "a number is wanted");
}

static bool keep_path(struct reader *r, char **place)
{
	char *path = word(r);

	if (path == NULL || path[0] != '/')
		return bad(r, "an absolute path is wanted");
	free(*place);
	return (*place = strdup(path)) != NULL;
}

static struct mock_key *key_named(const char *name)
{
	for (size_t i = 0; name != NULL && i < mock.n_keys; i++)
		if (strcmp(mock.keys[i]->name, name) == 0)
			return mock.keys[i];
	return NULL;
}

static bool read_counts(struct reader *r, long unused)
{
	(void)unused;
	return keep_path(r, &mock.counts_path);
}

static bool read_key(struct reader *r, long unused)
{
	const char *name = word(r), *type = word(r), *file = word(r), *second = word(r), *why = NULL;
	struct mock_key **grown, *key;

	(void)unused;
	if (type == NULL || key_named(name) != NULL)
		return bad(r, "key NAME TYPE [FILE [FILE]], each name once");
	key = mock_key_new(name, type, file, second, &why);
	if (key == NULL)
		return bad(r, "key %s: %s", name, why);
	grown = realloc(mock.keys, (mock.n_keys + 1) * sizeof(struct mock_key *));
	if (grown == NULL) {
		mock_key_free(key);
		return false;
	}
	mock.keys = grown;
	mock.keys[mock.n_keys++] = key;
	return true;
}

/* text:… (to the end of the line) or hex:… into a fixed field. */
static bool fill_field(struct reader *r, const char *text, unsigned char *field, size_t size, unsigned char pad)
{
	struct mock_bytes v = { 0 };
	bool ok = true;

	if (strncmp(text, "hex:", 4) == 0)
		ok = mock_hex(text + 4, &v);
	else
		v.len = strlen(text);
	ok = ok && v.len <= size;
	if (ok) {
		memset(field, pad, size);
		memcpy(field, v.data ? (const void *)v.data : (const void *)text, v.len);
	}
	free(v.data);
	return ok || bad(r, "the field has %zu octets", size);
}

static bool read_token(struct reader *r, long empty)
{
	const char *name = word(r);
	struct mock_token *t;

	if (name == NULL || mock.n_tokens == MOCK_MAX_TOKENS)
		return bad(r, "a name is wanted, and %d tokens at most", MOCK_MAX_TOKENS);
	t = &mock.tokens[mock.n_tokens++];
	*t = (struct mock_token){ .name = strdup(name), .empty = empty != 0, .pad = ' ' };
	t->info.flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_RNG;
	t->info.ulMinPinLen = 1;
	t->info.ulMaxPinLen = 255;
	t->info.ulMaxSessionCount = t->info.ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
	t->info.ulTotalPublicMemory = t->info.ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	t->info.ulTotalPrivateMemory = t->info.ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
	r->token = t;
	r->object = NULL;
	return t->name != NULL && fill_field(r, name, t->info.label, 32, ' ') && fill_field(r, "jwk11", t->info.manufacturerID, 32, ' ') &&
		fill_field(r, "mock", t->info.model, 16, ' ') && fill_field(r, name, t->info.serialNumber, 16, ' ');
}

enum { FIELD_LABEL, FIELD_SERIAL, FIELD_MANUFACTURER, FIELD_MODEL };

static bool read_field(struct reader *r, long which)
{
	CK_TOKEN_INFO *info = &r->token->info;
	const char *text = rest_of(r);
	unsigned char pad = r->token->pad;

	switch (which) {
	case FIELD_LABEL:
		return fill_field(r, text, info->label, sizeof(info->label), pad);
	case FIELD_SERIAL:
		return fill_field(r, text, info->serialNumber, sizeof(info->serialNumber), pad);
	case FIELD_MANUFACTURER:
		return fill_field(r, text, info->manufacturerID, sizeof(info->manufacturerID), pad);
	default:
		return fill_field(r, text, info->model, sizeof(info->model), pad);
	}
}

static bool read_pad(struct reader *r, long unused)
{
	const char *what = word(r);
	bool nul = what != NULL && strcmp(what, "nul") == 0;

	(void)unused;
	if (!nul && (what == NULL || strcmp(what, "blank") != 0))
		return bad(r, "pad blank or pad nul, before the fields it is for");
	r->token->pad = nul ? '\0' : ' ';
	return true;
}

static bool read_flags(struct reader *r, long unused)
{
	unsigned long flag;
	const char *name;

	(void)unused;
	r->token->info.flags = 0;
	while ((name = word(r)) != NULL) {
		if (!mock_name_value(MOCK_NAMES_CKF, name, &flag))
			return bad(r, "no flag %s", name);
		r->token->info.flags |= flag;
	}
	return true;
}

static bool read_pin(struct reader *r, long unused)
{
	(void)unused;
	free(r->token->pin);
	r->token->pin = strdup(rest_of(r));
	return r->token->pin != NULL;
}

static bool read_tries(struct reader *r, long unused)
{
	unsigned long n = 0;

	(void)unused;
	if (!number(r, &n))
		return false;
	r->token->tries = (unsigned)n;
	return true;
}

static bool read_sessions(struct reader *r, long unused)
{
	(void)unused;
	if (!number(r, &r->token->max_sessions))
		return false;
	r->token->info.ulMaxSessionCount = r->token->max_sessions;
	return true;
}

static bool read_handles(struct reader *r, long unused)
{
	static const char *const names[] = { "stable", "fresh", "shuffled" };
	const char *name = word(r);

	(void)unused;
	for (size_t i = 0; name != NULL && i < MOCK_COUNT(names); i++) {
		if (strcmp(names[i], name) == 0) {
			r->token->handles = (enum mock_handles)i;
			return true;
		}
	}
	return bad(r, "handles stable, fresh or shuffled");
}

static bool add_mechanism(struct reader *r, const char *name, CK_MECHANISM_TYPE **list, size_t *n)
{
	CK_MECHANISM_TYPE *grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (grown == NULL)
		return false;
	*list = grown;
	return mock_name_value(MOCK_NAMES_CKM, name, &grown[(*n)++]) || bad(r, "no mechanism %s", name);
}

static bool read_mechanisms(struct reader *r, long unused)
{
	struct mock_token *t = r->token;
	bool ok = true;
	char *name;

	(void)unused;
	if (t->mechanisms == NULL)
		t->mechanisms = malloc(1);
	while (ok && (name = word(r)) != NULL)
		ok = add_mechanism(r, name, &t->mechanisms, &t->n_mechanisms);
	return ok && t->mechanisms != NULL;
}

static bool read_absent_while(struct reader *r, long unused)
{
	(void)unused;
	return keep_path(r, &r->token->absent_while);
}

static bool read_context(struct reader *r, long unused)
{
	const char *when = word(r);

	(void)unused;
	r->token->early_context = when != NULL && strcmp(when, "early") == 0;
	return r->token->early_context || bad(r, "context early");
}

static bool read_object(struct reader *r, long class)
{
	struct mock_key *key = key_named(word(r));
	struct mock_token *t = r->token;
	struct mock_object *grown;

	if (key == NULL)
		return bad(r, "no such key");
	grown = realloc(t->objects, (t->n_objects + 1) * sizeof(*grown));
	if (grown == NULL)
		return false;
	t->objects = grown;
	r->object = &grown[t->n_objects++];
	*r->object = (struct mock_object){ .class = (CK_OBJECT_CLASS)class, .key = key };
	return mock_value_defaults(r->object) || bad(r, "a key of this type makes no such object");
}

/* The attributes below it are those of every new private object; `absent`: what no client may set. */
static bool read_creates(struct reader *r, long unused)
{
	(void)unused;
	r->object = &r->token->creates;
	r->object->class = CKO_PRIVATE_KEY;
	r->object->key = key_named(word(r));
	return r->object->key != NULL || bad(r, "no such key");
}

/* mechanisms:A,B as CKA_ALLOWED_MECHANISMS wants it. */
static bool set_mechanisms(struct reader *r, CK_ATTRIBUTE_TYPE type, char *names)
{
	CK_MECHANISM_TYPE *list = NULL;
	char *save = NULL;
	size_t n = 0;
	bool ok = true;

	for (char *name = strtok_r(names, ",", &save); ok && name != NULL; name = strtok_r(NULL, ",", &save))
		ok = add_mechanism(r, name, &list, &n);
	ok = ok && mock_attr_set(r->object, type, MOCK_GIVEN, list, n * sizeof(*list), 0);
	free(list);
	return ok;
}

/* size:N is a value of N octets, claims:N only says so. */
static bool set_size(struct reader *r, CK_ATTRIBUTE_TYPE type, const char *text, bool honest)
{
	unsigned long n = 0;
	unsigned char *fill;
	bool ok;

	if (!to_number(text, &n) || (honest && n > 1 << 24))
		return bad(r, "a length is wanted");
	fill = calloc(1, honest ? n + 1 : 1);
	if (fill == NULL)
		return false;
	memset(fill, 0xaa, honest ? n : 0);
	ok = mock_attr_set(r->object, type, honest ? MOCK_GIVEN : MOCK_CLAIMS, fill, honest ? n : 0, n);
	free(fill);
	return ok;
}

static bool set_bytes(struct reader *r, CK_ATTRIBUTE_TYPE type, const char *text)
{
	struct mock_bytes v = { 0 };
	bool ok;

	if (strncmp(text, "hex:", 4) == 0)
		ok = mock_hex(text + 4, &v);
	else if (strncmp(text, "file:", 5) == 0)
		ok = mock_read_file(text + 5, &v);
	else
		ok = mock_value_form(r->object->key, text, &v);
	ok = ok && mock_attr_set(r->object, type, MOCK_GIVEN, v.data, v.len, 0);
	free(v.data);
	return ok || bad(r, "this value is not known or does not fit the key");
}

static bool read_attr(struct reader *r, long unused)
{
	static const struct {
		const char *word;
		enum mock_how how;
	} states[] = { { "empty", MOCK_GIVEN }, { "absent", MOCK_ABSENT }, { "sensitive", MOCK_SENSITIVE }, { "no-info", MOCK_NO_INFO } };
	const char *name = word(r);
	unsigned long type = 0, n = 0;
	char *v = rest_of(r);
	CK_BBOOL yes = strcmp(v, "true") == 0 ? CK_TRUE : CK_FALSE;

	(void)unused;
	if (name == NULL || !mock_name_value(MOCK_NAMES_CKA, name, &type))
		return bad(r, "no attribute %s", name ? name : "named");
	for (size_t i = 0; i < MOCK_COUNT(states); i++)
		if (strcmp(states[i].word, v) == 0)
			return mock_attr_set(r->object, type, states[i].how, NULL, 0, 0);
	if (yes || strcmp(v, "false") == 0)
		return mock_attr_set(r->object, type, MOCK_GIVEN, &yes, sizeof(yes), 0);
	if (strncmp(v, "text:", 5) == 0)
		return mock_attr_set(r->object, type, MOCK_GIVEN, v + 5, strlen(v + 5), 0);
	if (strncmp(v, "number:", 7) == 0)
		return to_number(v + 7, &n) ? mock_attr_set(r->object, type, MOCK_GIVEN, &n, sizeof(n), 0) : bad(r, "a number is wanted");
	if (strncmp(v, "size:", 5) == 0)
		return set_size(r, type, v + 5, true);
	if (strncmp(v, "claims:", 7) == 0)
		return set_size(r, type, v + 7, false);
	return strncmp(v, "mechanisms:", 11) == 0 ? set_mechanisms(r, type, v + 11) : set_bytes(r, type, v);
}

static bool read_when(struct reader *r, struct mock_fault *f)
{
	static const struct {
		const char *word;
		enum mock_when when;
	} rows[] = { { "on", MOCK_ON }, { "from", MOCK_FROM }, { "each", MOCK_EACH }, { "chance", MOCK_CHANCE } };
	const char *when = word(r);
	unsigned long n = 0, seed = 0;
	size_t i = 0;

	if (when != NULL && strcmp(when, "every") == 0) {
		f->when = MOCK_EVERY;
		return true;
	}
	if (when != NULL && strcmp(when, "while") == 0) {
		f->when = MOCK_WHILE;
		return keep_path(r, &f->path);
	}
	while (when != NULL && i < MOCK_COUNT(rows) && strcmp(rows[i].word, when) != 0)
		i++;
	if (when == NULL || i == MOCK_COUNT(rows))
		return bad(r, "on N, from N, each N, chance N SEED, every or while FILE");
	f->when = rows[i].when;
	if (!number(r, &n) || (f->when == MOCK_CHANCE && !number(r, &seed)))
		return false;
	f->n = n;
	f->seed = seed;
	return n > 0 || bad(r, "calls are counted from 1");
}

static bool read_action(struct reader *r, struct mock_fault *f)
{
	enum needs { NOTHING, A_NUMBER, A_TOKEN };
	static const struct {
		const char *word;
		enum mock_action action;
		enum needs needs;
	} rows[] = {
		{ "delay", MOCK_DELAY, A_NUMBER }, { "hang", MOCK_HANG, NOTHING }, { "abort", MOCK_ABORT, NOTHING }, { "segv", MOCK_SEGV, NOTHING },
		{ "flip", MOCK_FLIP, NOTHING }, { "der", MOCK_DER, NOTHING }, { "length", MOCK_LENGTH, A_NUMBER },
		{ "vanish", MOCK_VANISH, A_TOKEN }, { "return", MOCK_RETURN, A_TOKEN }, { "lose", MOCK_LOSE, A_TOKEN },
		{ "logout", MOCK_LOGOUT, A_TOKEN },
	};
	const char *action = word(r), *name;

	if (action != NULL && mock_name_value(MOCK_NAMES_CKR, action, &f->value)) {
		f->action = MOCK_RV;
		return true;
	}
	for (size_t i = 0; action != NULL && i < MOCK_COUNT(rows); i++) {
		if (strcmp(rows[i].word, action) != 0)
			continue;
		f->action = rows[i].action;
		if (rows[i].needs == A_NUMBER)
			return number(r, &f->value);
		if (rows[i].needs == NOTHING)
			return true;
		name = word(r);
		for (f->token = 0; name != NULL && f->token < mock.n_tokens; f->token++)
			if (strcmp(mock.tokens[f->token].name, name) == 0)
				return true;
		return bad(r, "no such token above this line");
	}
	return bad(r, "no action %s", action ? action : "named");
}

static bool read_fault(struct reader *r, long unused)
{
	struct mock_fault *grown = realloc(mock.faults, (mock.n_faults + 1) * sizeof(*grown)), *f;
	const char *name = word(r);

	(void)unused;
	if (grown == NULL)
		return false;
	mock.faults = grown;
	f = &grown[mock.n_faults++];
	*f = (struct mock_fault){ .function = MOCK_ANY };
	while (name != NULL && mock_function_name(f->function) != NULL && strcmp(mock_function_name(f->function), name) != 0)
		f->function++;
	if (name == NULL || mock_function_name(f->function) == NULL)
		return bad(r, "no function %s", name ? name : "named");
	return read_when(r, f) && read_action(r, f);
}

enum scope { ANYWHERE, IN_TOKEN, IN_OBJECT };

static const struct line {
	const char *word;
	enum scope scope;
	bool (*read)(struct reader *r, long arg);
	long arg;
} lines[] = {
	{ "counts", ANYWHERE, read_counts, 0 },
	{ "key", ANYWHERE, read_key, 0 },
	{ "token", ANYWHERE, read_token, 0 },
	{ "slot", ANYWHERE, read_token, 1 },
	{ "fault", ANYWHERE, read_fault, 0 },
	{ "label", IN_TOKEN, read_field, FIELD_LABEL },
	{ "serial", IN_TOKEN, read_field, FIELD_SERIAL },
	{ "manufacturer", IN_TOKEN, read_field, FIELD_MANUFACTURER },
	{ "model", IN_TOKEN, read_field, FIELD_MODEL },
	{ "pad", IN_TOKEN, read_pad, 0 },
	{ "flags", IN_TOKEN, read_flags, 0 },
	{ "pin", IN_TOKEN, read_pin, 0 },
	{ "tries", IN_TOKEN, read_tries, 0 },
	{ "sessions", IN_TOKEN, read_sessions, 0 },
	{ "handles", IN_TOKEN, read_handles, 0 },
	{ "mechanisms", IN_TOKEN, read_mechanisms, 0 },
	{ "absent-while", IN_TOKEN, read_absent_while, 0 },
	{ "context", IN_TOKEN, read_context, 0 },
	{ "private", IN_TOKEN, read_object, CKO_PRIVATE_KEY },
	{ "public", IN_TOKEN, read_object, CKO_PUBLIC_KEY },
	{ "certificate", IN_TOKEN, read_object, CKO_CERTIFICATE },
	{ "secret", IN_TOKEN, read_object, CKO_SECRET_KEY },
	{ "creates", IN_TOKEN, read_creates, 0 },
	{ "attr", IN_OBJECT, read_attr, 0 },
};

static bool read_line(struct reader *r)
{
	char *first = word(r);

	if (first == NULL || first[0] == '#')
		return true;
	for (size_t i = 0; i < MOCK_COUNT(lines); i++) {
		if (strcmp(lines[i].word, first) != 0)
			continue;
		if ((lines[i].scope == IN_TOKEN && r->token == NULL) || (lines[i].scope == IN_OBJECT && r->object == NULL))
			return bad(r, "%s belongs under %s", first, lines[i].scope == IN_TOKEN ? "a token" : "an object");
		return lines[i].read(r, lines[i].arg) && (word(r) == NULL || bad(r, "too much behind %s", first));
	}
	return bad(r, "no line begins with %s", first);
}

bool mock_script_read(const char *path)
{
	struct reader r = { .path = path ? path : "JWK11_MOCK" };
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	FILE *f = path ? fopen(path, "re") : NULL;
	bool ok = true;

	if (f == NULL)
		return bad(&r, "%s", path ? strerror(errno) : "is not set");
	while (ok && (n = getline(&line, &room, f)) > 0) {
		r.line++;
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		r.rest = line;
		ok = strlen(line) == (size_t)n ? read_line(&r) : bad(&r, "a NUL");
	}
	ok = ok && (!ferror(f) || bad(&r, "cannot be read"));
	free(line);
	fclose(f);
	return ok;
}

static void free_attributes(struct mock_object *o)
{
	for (size_t a = 0; a < o->n_attrs; a++)
		free(o->attrs[a].value.data);
	free(o->attrs);
}

static void free_token(struct mock_token *t)
{
	for (size_t i = 0; i < t->n_objects; i++)
		free_attributes(&t->objects[i]);
	free_attributes(&t->creates);
	free(t->objects);
	free(t->mechanisms);
	free(t->absent_while);
	free(t->pin);
	free(t->name);
}

void mock_world_free(void)
{
	mock_sessions_free();
	mock_counts_close();
	for (size_t i = 0; i < mock.n_tokens; i++)
		free_token(&mock.tokens[i]);
	for (size_t i = 0; i < mock.n_keys; i++)
		mock_key_free(mock.keys[i]);
	for (size_t i = 0; i < mock.n_faults; i++)
		free(mock.faults[i].path);
	free(mock.keys);
	free(mock.faults);
	free(mock.counts_path);
	memset(&mock, 0, sizeof(mock));
}
