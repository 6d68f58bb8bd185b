/* SPDX-License-Identifier: Apache-2.0 */
/* The file is read by whoever serves the key, and nothing in it is believed but that it holds this key: who may write there can take the chain away,
 * or put another one of the same key in its place. */
#include "cert_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "key.h"

void j11_cert_file_done(struct j11_cert_file *file)
{
	j11_certs_done(&file->certs);
	*file = (struct j11_cert_file){ .path = NULL };
}

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_FILE_FAILED, "the file of its certificates %s", why);
}

static enum jwk11_rc cannot_be_read(struct jwk11_err *err)
{
	char why[128];

	snprintf(why, sizeof(why), "cannot be read: %s", strerror(errno));
	return refuse(why, err);
}

/* Whatever the name leads to: a FIFO must not hold anybody up. */
static enum jwk11_rc read_octets(const char *path, struct jwk11_buf *out, struct jwk11_err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	enum jwk11_rc rc = JWK11_OK;
	char room[8192];
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return cannot_be_read(err);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = refuse("is no plain file", err);
	while (rc == JWK11_OK && out->failed == JWK11_OK && ((n = read(fd, room, sizeof(room))) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			j11_buf_add(out, room, (size_t)n);
	if (rc == JWK11_OK && n < 0)
		rc = cannot_be_read(err);
	close(fd);
	if (rc == JWK11_OK && out->failed == JWK11_ERR_LIMIT)
		return refuse("is too long: 512 KiB at most", err);
	return rc == JWK11_OK ? j11_buf_check(out, "certificates", err) : rc;
}

static void read_file(struct j11_cert_file *file, const char *path)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf octets = J11_BUF(J11_BUNDLE_LEN_MAX);
	struct jwk11_err why = { 0 };

	j11_cert_file_done(file);
	file->path = path;
	if (read_octets(path, &octets, &file->why) != JWK11_OK || j11_bundle_read(j11_buf_view(&octets), &file->certs, &why) == JWK11_OK)
		return;
	j11_err_set(&file->why, JWK11_ERR_SYNTAX, J11_CODE_FILE_FAILED, "the file of its certificates cannot be used: %.250s", why.text);
}

/* The chain, or a sentence. */
static void find(struct jwk11_key *key, const struct j11_cert_file *file)
{
	struct j11_chain_of of = { .pub = key->pub, .name = key->label, .now = (int64_t)time(NULL) };
	struct jwk11_err why = file->why;
	enum jwk11_rc rc = why.rc == JWK11_OK ? j11_bundle_chain(&file->certs, &of, &key->file_chain, &why) : why.rc;

	if (rc != JWK11_OK)
		key->file_why = j11_mem_dup(file->why.rc == JWK11_OK && rc == JWK11_ERR_NOT_FOUND ?
			"no certificate in the file of its certificates holds this key" : why.text);
}

void j11_key_take_file(struct jwk11_key *key, const char *path, struct j11_cert_file *file)
{
	if (key->pub == NULL || key->file_chain != NULL || key->file_why != NULL)
		return;
	if (file->path == NULL || !j11_text_equal(file->path, path))
		read_file(file, path);
	find(key, file);
}

bool j11_key_has_file_chain(const struct jwk11_key *key)
{
	return key->file_chain != NULL;
}

const char *j11_key_file_why(const struct jwk11_key *key)
{
	return key->file_why != NULL ? key->file_why : "";
}

void j11_key_no_chain(const struct jwk11_key *key, const struct jwk11_err *err, char ret_note[JWK11_TEXT_MAX])
{
	const char *why = j11_key_file_why(key);
	bool foreign = j11_text_equal(err->code, j11_code_name(J11_CODE_CERT_FOREIGN));

	snprintf(ret_note, JWK11_TEXT_MAX, "%.300s%s%s", why, why[0] != '\0' && foreign ? "; " : "",
		foreign ? "the certificate with its CKA_ID or label holds another key" : "");
}

enum jwk11_rc j11_key_file_chain(const struct jwk11_key *key, struct jwk11_chain **ret_chain, struct jwk11_err *err)
{
	*ret_chain = j11_chain_copy(key->file_chain);
	return *ret_chain != NULL ? JWK11_OK : j11_err_memory(err);
}

enum jwk11_rc j11_key_file_note(const struct jwk11_key *key, enum jwk11_rc rc, struct jwk11_chain *chain, struct jwk11_err *err)
{
	const char *why = j11_key_file_why(key);
	char text[JWK11_TEXT_MAX];

	if (why[0] == '\0')
		return rc;
	if (rc == JWK11_OK) {
		snprintf(text, sizeof(text), "%.180s; the token's certificates are used%s%.150s", why, chain->note[0] != '\0' ? "; " : "", chain->note);
		snprintf(chain->note, sizeof(chain->note), "%s", text);
	} else if (err != NULL) {
		snprintf(text, sizeof(text), "%.180s; %.180s", err->text, why);
		snprintf(err->text, sizeof(err->text), "%s", text);
	}
	return rc;
}
