/* SPDX-License-Identifier: Apache-2.0 */
/* Linked into a program with --wrap=time: the time is the number in the file `clock` beside the program, mapped before the program gives up opening
 * files. Without the file it is the machine's. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

time_t __real_time(time_t *ret_time);
time_t __wrap_time(time_t *ret_time);

static const volatile int64_t *seconds;

__attribute__((constructor)) static void map_clock(void)
{
	char path[4352] = "";
	ssize_t n = readlink("/proc/self/exe", path, 4000);
	char *slash = n > 0 ? strrchr(path, '/') : NULL;
	void *place;
	int fd;

	if (slash == NULL)
		return;
	snprintf(slash, 32, "/clock");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	place = mmap(NULL, sizeof(*seconds), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (place != MAP_FAILED)
		seconds = place;
}

time_t __wrap_time(time_t *ret_time)
{
	time_t now = seconds != NULL ? (time_t)*seconds : __real_time(NULL);

	if (ret_time != NULL)
		*ret_time = now;
	return now;
}
