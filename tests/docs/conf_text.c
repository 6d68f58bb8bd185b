/* SPDX-License-Identifier: Apache-2.0 */
/* For docs.sh. Without an argument: "section name" of every row of the configuration's table. With a file: its canonical text. */
#include <stdio.h>

#include "conf_table.h"

static int canonical(const char *path)
{
	struct jwk11_buf text = J11_BUF(1 << 20), out = J11_BUF(1 << 22);
	struct jwk11_err err = { 0 };
	struct conf *conf = NULL;
	FILE *file = fopen(path, "r");
	int bad = file == NULL, c;

	while (!bad && (c = getc(file)) != EOF)
		j11_buf_add_byte(&text, (unsigned char)c);
	if (file != NULL)
		fclose(file);
	if (bad || conf_parse(j11_buf_view(&text), path, &conf, &err) != JWK11_OK) {
		fprintf(stderr, "%s: %s\n", path, bad ? "cannot be read" : err.text);
		return 1;
	}
	conf_emit(conf, &out);
	fputs(jwk11_buf_data(&out), stdout);
	conf_free(conf);
	j11_buf_done(&text);
	j11_buf_done(&out);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return canonical(argv[1]);
	for (const struct conf_row *row = conf_rows; row->name != NULL; row++)
		if (row->section < CONF_N_FILE_SECTIONS) /* the others are for the canonical text */
			printf("%s %s\n", conf_section_name(row->section), row->name);
	return 0;
}
