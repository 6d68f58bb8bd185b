/* SPDX-License-Identifier: Apache-2.0 */
/* What is learnt of a peer, and kept. */
#include "work_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"
#include "work_unit.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

enum { N_KEPT = 128, CGROUP_MAX = 4096 };

/* Of one connection; "" is what nobody knows. */
struct facts {
	uint64_t cookie; /* 0: none */
	bool has_executable; /* was asked for */
	char unit[WORK_PEER_UNIT_MAX];
	char executable[WORK_PEER_EXECUTABLE_MAX];
};
static struct facts kept[N_KEPT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- /proc ---- */

static void read_unit(pid_t pid, char *ret_unit)
{
	char path[64], text[CGROUP_MAX];
	size_t len = 0;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/cgroup", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && len < sizeof(text) && (n = read(fd, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	if (n != 0 || !work_unit_of((struct jwk11_view){ .data = text, .len = len }, ret_unit, WORK_PEER_UNIT_MAX))
		ret_unit[0] = '\0';
}

/* The link alone is what a process in a mount namespace of its own makes it: the path must lead here to the same file. */
static void read_executable(pid_t pid, char *ret_path)
{
	struct stat runs, is_there;
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%ld/exe", (long)pid);
	n = readlink(link, ret_path, WORK_PEER_EXECUTABLE_MAX);
	ret_path[n > 0 && n < WORK_PEER_EXECUTABLE_MAX ? n : 0] = '\0';
	if (ret_path[0] != '\0' && (stat(link, &runs) != 0 || stat(ret_path, &is_there) != 0 || runs.st_dev != is_there.st_dev ||
		runs.st_ino != is_there.st_ino))
		ret_path[0] = '\0';
}

/* A pidfd can be read from once its process has ended; until then nobody else has its number. */
static bool lives(int pidfd)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 0;
}

static void learn(int fd, pid_t pid, bool executable, struct facts *f)
{
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);

	f->unit[0] = f->executable[0] = '\0';
	f->has_executable = executable;
	if (pid <= 0 || getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) != 0 || pidfd < 0)
		return;
	read_unit(pid, f->unit);
	if (executable)
		read_executable(pid, f->executable);
	if (!lives(pidfd))
		f->unit[0] = f->executable[0] = '\0';
	close(pidfd);
}

/* ---- what is kept ---- */

static bool recall(uint64_t cookie, bool executable, struct work_peer *peer)
{
	const struct facts *f = &kept[cookie % N_KEPT];
	bool found;

	pthread_mutex_lock(&lock);
	found = f->cookie == cookie && (f->has_executable || !executable);
	if (found) {
		memcpy(peer->unit, f->unit, sizeof(peer->unit));
		memcpy(peer->executable, f->executable, sizeof(peer->executable));
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static void keep(const struct facts *f)
{
	pthread_mutex_lock(&lock);
	kept[f->cookie % N_KEPT] = *f;
	pthread_mutex_unlock(&lock);
}

static void know(int fd, const struct conf *conf, struct work_peer *peer)
{
	bool executable = conf_wants_executables(conf);
	struct facts f = { .cookie = 0 };
	socklen_t len = sizeof(f.cookie);
	bool has_cookie = getsockopt(fd, SOL_SOCKET, SO_COOKIE, &f.cookie, &len) == 0 && f.cookie != 0;

	if (has_cookie && recall(f.cookie, executable, peer))
		return;
	learn(fd, peer->peer.pid, executable, &f);
	memcpy(peer->unit, f.unit, sizeof(peer->unit));
	memcpy(peer->executable, f.executable, sizeof(peer->executable));
	if (has_cookie)
		keep(&f);
}

static const char *socket_of(int fd, const struct conf *conf)
{
	char text[PEER_ADDRESS_MAX];

	if (!peer_address_of(fd, text))
		return conf->api_address == NULL ? CONF_API : NULL;
	return conf_socket_of(conf, text);
}

bool work_peer_ask(int fd, const struct conf *conf, struct work_peer *ret_peer)
{
	if (!peer_ask(fd, &ret_peer->peer))
		return false;
	ret_peer->peer.socket = socket_of(fd, conf);
	know(fd, conf, ret_peer);
	if (ret_peer->unit[0] != '\0')
		ret_peer->peer.unit = ret_peer->unit;
	if (ret_peer->executable[0] != '\0')
		ret_peer->peer.executable = ret_peer->executable;
	return true;
}

void work_peer_tell(const struct wire_msg *msg, int fd, const struct conf *conf, struct jwk11_buf *out)
{
	struct work_peer who = { .unit = "" };

	wire_begin(out, WIRE_WHO_IS, msg->id);
	if (fd < 0 || !work_peer_ask(fd, conf, &who))
		return;
	if (who.peer.unit != NULL)
		wire_add_str(out, WIRE_F_UNIT, who.peer.unit);
	if (who.peer.executable != NULL)
		wire_add_str(out, WIRE_F_EXECUTABLE, who.peer.executable);
}
