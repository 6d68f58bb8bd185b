/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over files and folders of seeds, for machines and builds without a fuzzing engine. Arguments: files or folders. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long n_files;

static int run_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size > 0 ? size : 1);
	FILE *file = fopen(path, "rb");
	int bad = data == NULL || file == NULL || fread(data, 1, size, file) != size;

	if (bad)
		fprintf(stderr, "%s: cannot be read\n", path);
	else
		LLVMFuzzerTestOneInput(data, size);
	n_files++;
	if (file != NULL)
		fclose(file);
	free(data);
	return bad;
}

static int run(const char *path)
{
	struct stat st;
	struct dirent *entry;
	DIR *dir;
	int bad = 0;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: not there\n", path);
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return run_file(path, (size_t)st.st_size);
	dir = opendir(path);
	if (dir == NULL)
		return 1;
	while ((entry = readdir(dir)) != NULL) {
		char below[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		bad |= run(below);
	}
	closedir(dir);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= run(argv[i]);
	printf("%lu seeds replayed\n", n_files);
	return bad || n_files == 0;
}
