/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11d-keys: reads the files that sets take verify-only keys from, for the supervisor, which links no cryptography and shall not look at such octets.
 * Gets the configuration as a memory file (3), answers on a pipe (4) and ends. It reads every file first, then gives up what the front gives up, and only
 * then looks at what it has read. */
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "keys_dir.h"
#include "log.h"
#include "sandbox.h"

enum { CONF_FD = 3, ANSWER_FD = 4, CONF_MAX = 4 * 1024 * 1024, EXIT_REFUSED_ = 1 };

static enum jwk11_rc read_conf(struct conf **ret_conf, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(CONF_MAX);
	struct stat st;
	char *place;

	if (fstat(CONF_FD, &st) != 0 || st.st_size < 0)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_CONFIG_INVALID, "jwk11d-keys is started by jwk11d: %s", strerror(errno));
	place = j11_buf_grow(&text, (size_t)st.st_size);
	if (place == NULL || pread(CONF_FD, place, (size_t)st.st_size, 0) != st.st_size)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_CONFIG_INVALID, "jwk11d-keys cannot read the configuration it was given");
	return conf_parse(j11_buf_view(&text), "configuration", ret_conf, err);
}

static enum jwk11_rc work(struct jwk11_buf *answer, struct jwk11_err *err)
{
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	struct keys_files files = { 0 };
	enum jwk11_rc rc = read_conf(&conf, err);

	if (rc == JWK11_OK)
		rc = keys_dir_read(conf, &files, err);
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL); /* opens files, if only to find them empty */
	if (rc == JWK11_OK && !sandbox_keys())
		rc = j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "jwk11d-keys: the sandbox could not be set up: %s", strerror(errno));
	if (rc == JWK11_OK)
		rc = keys_dir_take(&files, conf, err);
	keys_dir_done(&files);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add_str(answer, "good\n");
	conf_emit_verify_only(conf, answer);
	return j11_buf_check(answer, "the verify-only keys", err);
}

static bool send_all(struct jwk11_view text)
{
	const char *p = text.data;

	while (text.len > 0) {
		ssize_t n = write(ANSWER_FD, p, text.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		text.len -= (size_t)n;
	}
	return true;
}

int main(void)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf answer = J11_BUF(CONF_MAX);
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	sandbox_early();
	log_open("keys", LOG_LEVEL_NOTICE);
	rc = work(&answer, &err);
	if (rc != JWK11_OK) {
		j11_buf_cut(&answer, 0);
		j11_buf_add_fmt(&answer, "refused\n%s\n%s\n", err.text, err.hint);
	}
	return send_all(j11_buf_view(&answer)) && rc == JWK11_OK ? 0 : EXIT_REFUSED_;
}
