/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments that the kernel takes as 32 bits are compared as 32 bits in rules that refuse: else the upper half would get around them. */
#include "sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of clone. */
#ifdef __s390x__
#define FLAGS(bits) HAS(1, bits)
#else
#define FLAGS(bits) HAS(0, bits)
#endif
#define LOW 0xffffffffu

#define TIOCLINUX_ 0x541c

struct rule {
	int call;
	unsigned n;
	struct scmp_arg_cmp arg[2];
};
#define CALL(name) { .call = SCMP_SYS(name) }
#define CALL1(name, ...) { .call = SCMP_SYS(name), .n = 1, .arg = { __VA_ARGS__ } }
#define CALL2(name, ...) { .call = SCMP_SYS(name), .n = 2, .arg = { __VA_ARGS__ } }
/* Argument n has this value, or another; the same of its lower 32 bits; it has these bits, or none of them. */
#define IS(n, value) { n, SCMP_CMP_EQ, value, 0 }
#define IS_NOT(n, value) { n, SCMP_CMP_NE, value, 0 }
#define IS32(n, value) { n, SCMP_CMP_MASKED_EQ, LOW, value }
#define HAS(n, bits) { n, SCMP_CMP_MASKED_EQ, bits, bits }
#define LACKS(n, bits) { n, SCMP_CMP_MASKED_EQ, bits, 0 }

static bool add(scmp_filter_ctx filter, uint32_t action, const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add_array(filter, action, rules[i].call, rules[i].n, rules[i].arg) != 0)
			return false;
	return true;
}

static bool load(scmp_filter_ctx filter, bool ok)
{
	ok = ok && seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return ok;
}

/* ---- front ---- */

static bool allow_front(scmp_filter_ctx f)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	const struct rule rules[] = {
		CALL(read), CALL(write), CALL(writev), CALL(recvmsg), CALL(sendmsg), CALL(recvfrom), CALL(accept4), CALL(shutdown), CALL(close),
		CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_ctl), CALL(getsockopt), CALL(lseek), CALL(pread64),
		CALL(munmap), CALL(mremap), CALL(madvise), CALL(brk), CALL(futex),
		CALL(clock_gettime), CALL(timerfd_settime), CALL(gettimeofday), CALL(time), CALL(getrandom), CALL(getpid), CALL(gettid),
		CALL(rt_sigreturn), CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(restart_syscall), CALL(exit), CALL(exit_group),
		/* No code comes into being. */
		CALL1(mmap, LACKS(2, PROT_EXEC)), CALL1(mprotect, LACKS(2, PROT_EXEC)),
		/* To the other end of a connection, never to an address. */
		CALL1(sendto, IS(4, 0)),
		CALL1(fcntl, IS(1, F_GETFL)), CALL1(fcntl, IS(1, F_SETFL)),
		/* abort() */
		CALL1(tgkill, IS(0, self)),
	};

	return add(f, SCMP_ACT_ALLOW, rules, J11_COUNT(rules));
}

bool sandbox_filter_front(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);

	return f != NULL && load(f, allow_front(f));
}

/* ---- supervisor and workers ---- */

static bool deny_common(scmp_filter_ctx f)
{
	const struct rule refused[] = {
		/* other processes' memory */
		CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev), CALL(process_madvise), CALL(kcmp), CALL(pidfd_getfd),
		CALL(perf_event_open),
		/* the kernel and the machine */
		CALL(kexec_load), CALL(kexec_file_load), CALL(init_module), CALL(finit_module), CALL(delete_module), CALL(bpf), CALL(iopl), CALL(ioperm),
		CALL(modify_ldt), CALL(syslog), CALL(reboot), CALL(swapon), CALL(swapoff), CALL(acct), CALL(quotactl), CALL(settimeofday),
		CALL(clock_settime), CALL(clock_adjtime), CALL(adjtimex), CALL(sethostname), CALL(setdomainname), CALL(vhangup), CALL(uselib),
		CALL(personality),
		/* mounts and namespaces */
		CALL(mount), CALL(umount2), CALL(pivot_root), CALL(chroot), CALL(move_mount), CALL(open_tree), CALL(fsopen), CALL(fsconfig),
		CALL(fsmount), CALL(fspick), CALL(mount_setattr), CALL(unshare), CALL(setns),
		CALL1(clone, FLAGS(CLONE_NEWNS)), CALL1(clone, FLAGS(CLONE_NEWUTS)), CALL1(clone, FLAGS(CLONE_NEWIPC)), CALL1(clone, FLAGS(CLONE_NEWUSER)),
		CALL1(clone, FLAGS(CLONE_NEWPID)), CALL1(clone, FLAGS(CLONE_NEWNET)), CALL1(clone, FLAGS(CLONE_NEWCGROUP)),
		/* the kernel's keys, and calls known for the holes they had */
		CALL(keyctl), CALL(add_key), CALL(request_key), CALL(userfaultfd), CALL(fanotify_init), CALL(open_by_handle_at),
		/* input of a terminal */
		CALL1(ioctl, IS32(1, TIOCSTI)), CALL1(ioctl, IS32(1, TIOCLINUX_)),
	};
	/* As if the kernel were older: the flags of clone3 lie in memory, where no filter sees them, and the C library then takes clone. */
	const struct rule unknown[] = { CALL(clone3), CALL(io_uring_setup), CALL(io_uring_enter), CALL(io_uring_register) };

	return add(f, SCMP_ACT_ERRNO(EPERM), refused, J11_COUNT(refused)) && add(f, SCMP_ACT_ERRNO(ENOSYS), unknown, J11_COUNT(unknown));
}

bool sandbox_filter_supervisor(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	return f != NULL && load(f, deny_common(f));
}

/* A signal to anybody else, except 0, which only asks whether a process is there; and what sandbox_early did stays done. */
static bool deny_others(scmp_filter_ctx f)
{
	const scmp_datum_t self = (scmp_datum_t)getpid();
	const struct rule rules[] = {
		CALL2(kill, IS_NOT(0, self), IS_NOT(1, 0)), CALL1(tgkill, IS_NOT(0, self)), CALL(tkill),
		CALL1(rt_sigqueueinfo, IS_NOT(0, self)), CALL1(rt_tgsigqueueinfo, IS_NOT(0, self)), CALL(pidfd_send_signal),
		CALL2(prctl, IS32(0, PR_SET_DUMPABLE), IS_NOT(1, 0)), CALL1(prctl, IS32(0, PR_SET_PTRACER)),
	};

	return add(f, SCMP_ACT_ERRNO(EPERM), rules, J11_COUNT(rules));
}

static bool deny_code(scmp_filter_ctx f)
{
	const struct rule rules[] = {
		CALL1(mmap, HAS(2, PROT_WRITE | PROT_EXEC)), CALL1(mprotect, HAS(2, PROT_EXEC)), CALL1(pkey_mprotect, HAS(2, PROT_EXEC)),
		CALL1(shmat, HAS(2, SHM_EXEC)),
	};

	return add(f, SCMP_ACT_ERRNO(EPERM), rules, J11_COUNT(rules));
}

static bool deny_exec(scmp_filter_ctx f)
{
	const struct rule rules[] = { CALL(execve), CALL(execveat) };

	return add(f, SCMP_ACT_ERRNO(EACCES), rules, J11_COUNT(rules));
}

/* Each family by itself: no filter can say "none of these". The kernel knows none above 63. */
static bool deny_families(scmp_filter_ctx f, bool network)
{
	bool ok = true;

	for (unsigned family = 0; ok && family < 64; family++) {
		bool kept = family == AF_UNIX || (network && (family == AF_INET || family == AF_INET6 || family == AF_NETLINK));
		const struct rule rule = CALL1(socket, IS32(0, family));

		ok = kept || add(f, SCMP_ACT_ERRNO(EAFNOSUPPORT), &rule, 1);
	}
	return ok;
}

bool sandbox_filter_worker(unsigned allow)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	bool ok = f != NULL && deny_common(f) && deny_others(f) && deny_families(f, (allow & SANDBOX_ALLOW_NETWORK) != 0);

	if (ok && (allow & SANDBOX_ALLOW_EXEC) == 0)
		ok = deny_exec(f);
	if (ok && (allow & SANDBOX_ALLOW_CODE) == 0)
		ok = deny_code(f);
	return f != NULL && load(f, ok);
}
