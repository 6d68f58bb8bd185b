/* SPDX-License-Identifier: Apache-2.0 */
/* Files in and out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd.h"

bool cmd_is_stdin(const char *path)
{
	return path == NULL || j11_text_equal(path, "-");
}

enum jwk11_rc cmd_read_input(const char *path, size_t max, struct jwk11_buf *out, struct jwk11_err *err)
{
	bool std = cmd_is_stdin(path);
	char room[8192];
	ssize_t n = 0;
	int fd = std ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), why;

	if (fd < 0)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_FILE_FAILED, "%s: %s", path, strerror(errno));
	if (std && isatty(fd))
		fprintf(stderr, "jwk11: reading from the terminal; end with Ctrl-D\n");
	out->max = max;
	while (out->failed == JWK11_OK && ((n = read(fd, room, sizeof(room))) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			j11_buf_add(out, room, (size_t)n);
	why = errno;
	j11_mem_wipe(room, sizeof(room));
	if (!std)
		close(fd);
	if (n < 0)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_FILE_FAILED, "%s: %s", std ? "standard input" : path, strerror(why));
	return j11_buf_check(out, std ? "standard input" : path, err);
}

void cmd_drop_line_end(struct jwk11_buf *text)
{
	while (text->len > 0 && (text->data[text->len - 1] == '\n' || text->data[text->len - 1] == '\r'))
		j11_buf_cut(text, text->len - 1);
}

enum jwk11_rc cmd_file_failed(const char *path, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "%s: %s", path, strerror(errno));
}

static bool write_all(int fd, struct jwk11_view data)
{
	const char *p = data.data;

	for (size_t left = data.len; left > 0;) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		left -= (size_t)n;
	}
	return true;
}

enum jwk11_rc cmd_write_output(const char *path, struct jwk11_view data, bool line, struct jwk11_err *err)
{
	char temp[4200];
	enum jwk11_rc rc = JWK11_OK;
	bool std = path == NULL || j11_text_equal(path, "-");
	int fd = STDOUT_FILENO;

	snprintf(temp, sizeof(temp), "%s.%ld.tmp", std ? "standard output" : path, (long)getpid());
	if (!std)
		fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return cmd_file_failed(path, err); /* the other name means nothing to anybody, and is another one each time */
	if (!write_all(fd, data) || (line && !write_all(fd, J11_VIEW("\n"))))
		rc = cmd_file_failed(std ? "standard output" : path, err);
	if (std)
		return rc;
	if (rc == JWK11_OK && fsync(fd) != 0)
		rc = cmd_file_failed(path, err);
	close(fd);
	if (rc == JWK11_OK && rename(temp, path) != 0)
		rc = cmd_file_failed(path, err);
	if (rc != JWK11_OK)
		unlink(temp);
	return rc;
}

/* Whether a line end is missing before what comes next. */
static bool is_open_ended(int fd, off_t size, bool *ret_open)
{
	char last = '\n';

	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		return false;
	*ret_open = last != '\n';
	return true;
}

/* Whoever else appends waits. What a full disk left of the line is taken back. */
static bool append(int fd, struct jwk11_view line)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(line.len + 2);
	struct stat st;
	bool open_ended;
	ssize_t n;

	if (flock(fd, LOCK_EX) != 0 || fstat(fd, &st) != 0 || !is_open_ended(fd, st.st_size, &open_ended))
		return false;
	if (open_ended)
		j11_buf_add_byte(&out, '\n');
	j11_buf_add(&out, line.data, line.len);
	j11_buf_add_byte(&out, '\n');
	errno = ENOMEM;
	if (out.failed != JWK11_OK)
		return false;
	n = write(fd, out.data, out.len);
	if (n == (ssize_t)out.len)
		return fsync(fd) == 0;
	if (n >= 0)
		errno = ftruncate(fd, st.st_size) == 0 ? ENOSPC : errno;
	return false;
}

/* Not through a link: the folder may be one where a service writes, and its files are not where a link of its making leads root to. */
enum jwk11_rc cmd_append_line(const char *path, struct jwk11_view line, struct jwk11_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
	enum jwk11_rc rc = fd >= 0 && append(fd, line) ? JWK11_OK : cmd_file_failed(path, err);

	if (fd >= 0)
		close(fd);
	return rc;
}

void cmd_signals_wait(sigset_t *ret_before)
{
	sigset_t patient;

	sigemptyset(&patient);
	sigaddset(&patient, SIGINT);
	sigaddset(&patient, SIGTERM);
	sigaddset(&patient, SIGHUP);
	sigprocmask(SIG_BLOCK, &patient, ret_before);
}

void cmd_signals_come(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}
