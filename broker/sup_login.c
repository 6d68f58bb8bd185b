/* SPDX-License-Identifier: Apache-2.0 */
/* Logins that stand. */
#include "sup_login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "log.h"

static void forget_pin(struct sup_login *login)
{
	if (login->page != NULL) {
		j11_mem_wipe(login->page, login->len);
		munmap(login->page, login->len);
	}
	if (login->fd >= 0)
		close(login->fd);
	login->page = NULL;
	login->fd = -1;
}

/* The page is held for two things: so that it is not swapped out, and to be wiped. Nobody can make the file shorter under it. */
static bool hold(struct sup_login *login, int fd)
{
	struct stat st;
	void *page;

	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 || fstat(fd, &st) != 0 || st.st_size < 1 || st.st_size > J11_SECRET_MAX)
		return false;
	page = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return false;
	(void)madvise(page, (size_t)st.st_size, MADV_DONTDUMP);
	(void)madvise(page, (size_t)st.st_size, MADV_DONTFORK);
	(void)mlock(page, (size_t)st.st_size);
	login->page = page;
	login->len = (size_t)st.st_size;
	login->fd = fd;
	return true;
}

static struct sup_login *find(const struct sup_logins *logins, const char *module, const char *token)
{
	for (size_t i = 0; i < logins->n; i++)
		if (j11_text_equal(logins->all[i].module, module) && j11_text_equal(logins->all[i].token, token))
			return &logins->all[i];
	return NULL;
}

static void drop(struct sup_logins *logins, size_t i)
{
	forget_pin(&logins->all[i]);
	logins->all[i] = logins->all[--logins->n];
}

static struct sup_login *add(struct sup_logins *logins, const char *module, const char *token)
{
	struct sup_login *bigger = j11_mem_resize(logins->all, (logins->n + 1) * sizeof(*bigger));

	if (bigger == NULL)
		return NULL;
	logins->all = bigger;
	bigger[logins->n] = (struct sup_login){ .module = module, .fd = -1 };
	snprintf(bigger[logins->n].token, sizeof(bigger->token), "%s", token);
	return &bigger[logins->n++];
}

const struct sup_login *sup_login_take(struct sup_logins *logins, const struct conf *conf, const char *module, const struct wire_msg *msg, int fd)
{
	char token[WIRE_TOKEN_MAX];
	struct sup_login *login = NULL;
	bool out = false, good = wire_login_take(msg, token, &out) && conf_find_token(conf, token) != NULL && (fd < 0 || !out);

	if (good)
		login = find(logins, module, token);
	if (good && login == NULL)
		login = add(logins, module, token);
	if (login != NULL && msg->id < login->at_us) { /* of several workers, one tells late what another has changed since */
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (login != NULL) {
		forget_pin(login);
		login->at_us = msg->id;
		login->out = out;
	}
	if (login == NULL || (fd >= 0 && !hold(login, fd))) {
		log_event(LOG_LEVEL_WARNING, "login-refused", "module", module, NULL);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	return login;
}

int sup_login_send(const struct sup_login *login, int control)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(256);

	wire_login_set(&out, login->at_us, login->token, login->out);
	return out.failed == JWK11_OK ? wire_send(control, j11_buf_view(&out), login->fd) : ENOMEM;
}

void sup_login_prune(struct sup_logins *logins, const struct conf *conf)
{
	for (size_t i = logins->n; i-- > 0;)
		if (conf_find_token(conf, logins->all[i].token) == NULL)
			drop(logins, i);
}

void sup_login_done(struct sup_logins *logins)
{
	while (logins->n > 0)
		drop(logins, logins->n - 1);
	j11_mem_free(logins->all);
	logins->all = NULL;
}
