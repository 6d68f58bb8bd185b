/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way to workers: the loop and its timers, fewest in flight, bounded queue, deadlines, one more try after a loss. The
 * workers are the other ends of socket pairs in this process; the loop runs until an expected number of things has happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "call.h"

struct fixture {
	struct loop *loop;
	struct counts counts;
	struct calls *calls;
	unsigned n_done, stop_after;
	bool stop_when_lost;
	unsigned n_late, n_lost, n_dropped, n_catalog;
};
struct job {
	struct call call;
	struct jwk11_buf datagram;
	struct fixture *f;
	bool done;
	enum call_end end;
	char text[32];
};

static void on_catalog(void *arg, const char *module, const struct wire_msg *msg)
{
	struct fixture *f = arg;

	assert_string_equal(module, "m");
	assert_int_equal(msg->type, WIRE_CATALOG_BEGIN);
	f->n_catalog++;
	loop_stop(f->loop);
}

static void on_late(void *arg, const char *module, unsigned index)
{
	assert_string_equal(module, "m");
	assert_int_equal(index, 0);
	((struct fixture *)arg)->n_late++;
}

static void on_lost(void *arg, const char *module, unsigned index)
{
	(void)module;
	(void)index;
	((struct fixture *)arg)->n_lost++;
	if (((struct fixture *)arg)->stop_when_lost)
		loop_stop(((struct fixture *)arg)->loop);
}

static void on_dropped(void *arg, const char *module, unsigned index, const struct jwk11_err *err)
{
	struct fixture *f = arg;

	(void)module;
	(void)index;
	(void)err;
	f->n_dropped++;
	loop_stop(f->loop);
}

static void limit(struct fixture *f, unsigned threads, unsigned max_queue, int64_t timeout_ms)
{
	calls_limit(f->calls, &(struct calls_limits){ .threads = threads, .max_queue = max_queue, .timeout_ms = timeout_ms });
}

static int set_up(void **state)
{
	struct fixture *f = j11_mem_new(sizeof(*f));
	struct calls_hooks hooks = { .catalog = on_catalog, .late = on_late, .lost = on_lost, .dropped = on_dropped, .arg = f };

	assert_int_equal(loop_new(&f->loop, NULL), JWK11_OK);
	f->calls = calls_new(f->loop, &f->counts, &hooks);
	limit(f, 1, 3, 5000);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	calls_free(f->calls);
	loop_free(f->loop);
	j11_mem_free(f);
	return 0;
}

static int add_worker(struct fixture *f, unsigned index)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(calls_add_worker(f->calls, "m", index, pair[0], NULL), JWK11_OK);
	return pair[1];
}

static void on_done(struct call *call, enum call_end end, const struct wire_msg *msg)
{
	struct job *job = (struct job *)(void *)call; /* the first member */

	assert_false(job->done);
	job->done = true;
	job->end = end;
	assert_true((msg != NULL) == (end == CALL_ANSWERED));
	if (msg != NULL)
		assert_true(wire_str(msg, WIRE_F_TEXT, job->text, sizeof(job->text)));
	if (++job->f->n_done >= job->f->stop_after)
		loop_stop(job->f->loop);
}

static void prepare(struct fixture *f, struct job *job, uint32_t who)
{
	*job = (struct job){ .f = f, .datagram = J11_BUF(WIRE_MAX), .call.who = who };
	job->call.id = calls_next_id(f->calls);
	wire_begin(&job->datagram, WIRE_SIGN, job->call.id);
	wire_add_str(&job->datagram, WIRE_F_KEY, "k");
	job->call.datagram = j11_buf_view(&job->datagram);
	job->call.fd = -1;
	job->call.done = on_done;
}

static enum jwk11_rc start_for(struct fixture *f, struct job *job, uint32_t who)
{
	prepare(f, job, who);
	return calls_start(f->calls, "m", &job->call);
}

static enum jwk11_rc start_on(struct fixture *f, struct job *job, unsigned index)
{
	enum jwk11_rc rc;

	prepare(f, job, 0);
	rc = calls_start_on(f->calls, "m", index, 5000, &job->call);
	if (rc != JWK11_OK)
		j11_buf_done(&job->datagram);
	return rc;
}

static enum jwk11_rc start(struct fixture *f, struct job *job)
{
	return start_for(f, job, 0);
}

static void end_job(struct fixture *f, struct job *job)
{
	calls_forget(f->calls, &job->call);
	j11_buf_done(&job->datagram);
}

static void run_until(struct fixture *f, unsigned n_done)
{
	f->stop_after = n_done;
	if (f->n_done < n_done)
		loop_run(f->loop);
}

static void run_until_lost(struct fixture *f)
{
	f->stop_when_lost = true;
	loop_run(f->loop);
	f->stop_when_lost = false;
}

/* Takes one request at the worker's end; 0 when none is there. */
static uint64_t take(int worker)
{
	unsigned char room[1024];
	struct wire_msg msg;
	int fd = -1;
	long n = wire_recv(worker, room, sizeof(room), MSG_DONTWAIT, &fd);

	if (n <= 0)
		return 0;
	assert_int_equal(wire_decode((struct jwk11_view){ .data = room, .len = (size_t)n }, &msg, NULL), JWK11_OK);
	return msg.id;
}

static void answer(int worker, uint64_t id, const char *text)
{
	struct jwk11_buf buf = J11_BUF(WIRE_MAX);

	wire_begin(&buf, WIRE_REPLY, id);
	wire_add_str(&buf, WIRE_F_KID, "k");
	wire_add_str(&buf, WIRE_F_ALG, "a");
	wire_add_str(&buf, WIRE_F_TEXT, text);
	assert_int_equal(wire_send(worker, j11_buf_view(&buf), -1), 0);
	j11_buf_done(&buf);
}

static void brings_each_answer_to_its_request(void **state)
{
	struct fixture *f = *state;
	int worker = add_worker(f, 0);
	struct job a, b;
	uint64_t ia, ib;

	assert_int_equal(start(f, &a), JWK11_OK);
	assert_int_equal(start(f, &b), JWK11_OK);
	ia = take(worker);
	ib = take(worker);
	assert_true(ia == a.call.id && ib == b.call.id);
	answer(worker, ib, "b");
	answer(worker, ia, "a");
	answer(worker, ia, "again"); /* nobody waits for it */
	run_until(f, 2);
	assert_string_equal(a.text, "a");
	assert_string_equal(b.text, "b");
	assert_int_equal(calls_under_way(f->calls), 0);
	end_job(f, &a);
	end_job(f, &b);
	close(worker);
}

static void gives_a_worker_no_more_than_threads_and_one(void **state)
{
	struct fixture *f = *state;
	int worker = add_worker(f, 0);
	struct job jobs[6];

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(start(f, &jobs[i]), JWK11_OK); /* two in flight, three wait */
	assert_int_equal(start(f, &jobs[5]), JWK11_ERR_BUSY);
	assert_int_equal(f->counts.n[COUNT_calls_refused], 1);
	assert_int_equal(take(worker), jobs[0].call.id);
	assert_int_equal(take(worker), jobs[1].call.id);
	assert_int_equal(take(worker), 0);
	answer(worker, jobs[1].call.id, "x");
	run_until(f, 1);
	assert_int_equal(take(worker), jobs[2].call.id);
	assert_int_equal(take(worker), 0);
	for (unsigned i = 0; i < 5; i++)
		if (!jobs[i].done && calls_leave(&jobs[i].call))
			jobs[i].done = true;
	assert_int_equal(calls_under_way(f->calls), 2); /* what the worker has cannot be taken back */
	answer(worker, jobs[0].call.id, "x");
	answer(worker, jobs[2].call.id, "x");
	run_until(f, 3);
	assert_int_equal(jobs[0].end, CALL_ABANDONED);
	for (unsigned i = 0; i < 6; i++)
		end_job(f, &jobs[i]);
	close(worker);
}

static void chooses_the_worker_with_the_fewest(void **state)
{
	struct fixture *f = *state;
	int w[2] = { add_worker(f, 0), add_worker(f, 1) };
	struct job jobs[4];

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(start(f, &jobs[i]), JWK11_OK);
	for (unsigned k = 0; k < 2; k++) {
		assert_true(take(w[k]) != 0 && take(w[k]) != 0);
		assert_int_equal(take(w[k]), 0);
	}
	answer(w[1], jobs[1].call.id, "x"); /* both had two of the same age; now one has room */
	run_until(f, 1);
	assert_true(jobs[1].done);
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = k; i < 4; i += 2)
			if (!jobs[i].done)
				answer(w[k], jobs[i].call.id, "x");
	run_until(f, 4);
	for (unsigned i = 0; i < 4; i++)
		end_job(f, &jobs[i]);
	close(w[0]);
	close(w[1]);
}

static void prefers_a_worker_that_has_answered(void **state)
{
	struct fixture *f = *state;
	int old = add_worker(f, 1), new;
	struct job a, b;

	assert_int_equal(start(f, &a), JWK11_OK);
	answer(old, take(old), "a");
	run_until(f, 1);
	new = add_worker(f, 0);
	assert_int_equal(start(f, &b), JWK11_OK);
	assert_int_equal(take(new), 0);
	assert_int_equal(take(old), b.call.id);
	answer(old, b.call.id, "b");
	run_until(f, 2);
	end_job(f, &a);
	end_job(f, &b);
	close(old);
	close(new);
}

static void waits_for_a_worker_to_appear(void **state)
{
	struct fixture *f = *state;
	struct job a;
	int worker;

	assert_int_equal(start(f, &a), JWK11_OK);
	worker = add_worker(f, 0);
	assert_int_equal(take(worker), a.call.id);
	answer(worker, a.call.id, "a");
	run_until(f, 1);
	assert_int_equal(a.end, CALL_ANSWERED);
	end_job(f, &a);
	close(worker);
}

static void sends_a_lost_request_again_but_once(void **state)
{
	struct fixture *f = *state;
	int first = add_worker(f, 0), second, third;
	struct job a, b, c;

	assert_int_equal(start(f, &a), JWK11_OK);
	assert_int_equal(start(f, &b), JWK11_OK);
	assert_int_equal(start(f, &c), JWK11_OK); /* waits */
	second = add_worker(f, 1);
	assert_int_equal(take(second), c.call.id);
	close(first);
	answer(second, c.call.id, "c");
	while (f->n_lost < 1 || f->n_done < 1) {
		f->stop_after = f->n_done + 1;
		loop_run(f->loop);
	}
	assert_int_equal(take(second), a.call.id); /* in their old order */
	answer(second, a.call.id, "a");
	run_until(f, 2);
	assert_int_equal(take(second), b.call.id);
	close(second);
	third = add_worker(f, 1); /* takes the place: the second counts as lost at once */
	run_until(f, 3);
	assert_int_equal(b.end, CALL_LOST);
	assert_int_equal(take(third), 0);
	assert_string_equal(a.text, "a");
	assert_int_equal(calls_under_way(f->calls), 0);
	end_job(f, &a);
	end_job(f, &b);
	end_job(f, &c);
	close(third);
}

static void fault(int worker, uint64_t id, const char *code)
{
	struct jwk11_buf buf = J11_BUF(WIRE_MAX);

	wire_begin(&buf, WIRE_FAULT, id);
	wire_add_str(&buf, WIRE_F_CODE, code);
	wire_add_str(&buf, WIRE_F_TEXT, code);
	assert_int_equal(wire_send(worker, j11_buf_view(&buf), -1), 0);
	j11_buf_done(&buf);
}

static void asks_another_worker_once_when_one_has_trouble_with_its_token(void **state)
{
	struct fixture *f = *state;
	int w[2] = { add_worker(f, 0), add_worker(f, 1) };
	struct job healed, down, wrong, alone;

	assert_int_equal(start(f, &healed), JWK11_OK);
	assert_int_equal(take(w[0]), healed.call.id);
	fault(w[0], healed.call.id, "TOKEN_FAILED");
	answer(w[1], healed.call.id, "healed"); /* it will have it by then */
	run_until(f, 1);
	assert_string_equal(healed.text, "healed");
	assert_int_equal(take(w[1]), healed.call.id);
	assert_int_equal(f->counts.n[COUNT_calls_again], 1);

	assert_int_equal(start(f, &down), JWK11_OK); /* both have answered: the lower index is first */
	assert_int_equal(take(w[0]), down.call.id);
	fault(w[0], down.call.id, "TOKEN_ABSENT");
	fault(w[1], down.call.id, "TOKEN_ABSENT");
	run_until(f, 2);
	assert_string_equal(down.text, "TOKEN_ABSENT");
	assert_int_equal(take(w[1]), down.call.id);
	assert_int_equal(take(w[0]), 0);

	assert_int_equal(start(f, &wrong), JWK11_OK); /* no other worker would say anything else */
	assert_int_equal(take(w[0]), wrong.call.id);
	fault(w[0], wrong.call.id, "ALG_MISMATCH");
	run_until(f, 3);
	assert_string_equal(wrong.text, "ALG_MISMATCH");

	close(w[1]);
	run_until_lost(f);
	assert_int_equal(start(f, &alone), JWK11_OK);
	assert_int_equal(take(w[0]), alone.call.id);
	fault(w[0], alone.call.id, "TOKEN_FAILED");
	run_until(f, 4);
	assert_string_equal(alone.text, "TOKEN_FAILED");
	assert_int_equal(f->counts.n[COUNT_calls_again], 2);
	end_job(f, &healed);
	end_job(f, &down);
	end_job(f, &wrong);
	end_job(f, &alone);
	close(w[0]);
}

/* A login: to one worker, past what it has already, and never a second time. */
static void goes_to_one_worker_once(void **state)
{
	struct fixture *f = *state;
	int w[2] = { add_worker(f, 0), add_worker(f, 1) };
	struct job busy[4], one, two, lost;
	unsigned index = 9;

	assert_false(calls_next_worker(f->calls, "n", 0, &index));
	assert_false(calls_next_worker(f->calls, "m", 2, &index));
	assert_true(calls_next_worker(f->calls, "m", 1, &index) && index == 1);
	assert_true(calls_next_worker(f->calls, "m", 0, &index) && index == 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(start(f, &busy[i]), JWK11_OK);
		take(w[i % 2]);
	}
	assert_int_equal(start_on(f, &one, 2), JWK11_ERR_ABSENT);
	assert_int_equal(start_on(f, &one, 1), JWK11_OK);
	assert_string_equal(calls_module_of(&one.call), "m");
	assert_int_equal(start_on(f, &two, 1), JWK11_ERR_BUSY); /* one at a time */
	assert_int_equal(start_on(f, &two, 0), JWK11_OK);
	assert_int_equal(take(w[1]), one.call.id);
	assert_int_equal(take(w[0]), two.call.id);
	fault(w[1], one.call.id, "PIN_REJECTED");
	run_until(f, 1);
	assert_string_equal(one.text, "PIN_REJECTED");
	assert_int_equal(take(w[0]), 0);
	assert_int_equal(start_on(f, &lost, 1), JWK11_OK);
	assert_int_equal(take(w[1]), lost.call.id);
	close(w[1]);
	run_until(f, 2); /* what else it held waits for the other one */
	assert_true(lost.done && lost.end == CALL_LOST);
	assert_int_equal(take(w[0]), 0);
	answer(w[0], two.call.id, "two");
	for (unsigned n = 3, done = 0; done < 4; n++) {
		for (unsigned i = 0; i < 4; i++)
			if (!busy[i].done)
				answer(w[0], busy[i].call.id, "late or early, once it is there");
		run_until(f, n);
		done = 0;
		for (unsigned i = 0; i < 4; i++)
			done += busy[i].done;
	}
	assert_string_equal(two.text, "two");
	assert_int_equal(calls_under_way(f->calls), 0);
	for (unsigned i = 0; i < 4; i++)
		end_job(f, &busy[i]);
	end_job(f, &one);
	end_job(f, &two);
	end_job(f, &lost);
	close(w[0]);
}

static void waits_for_no_module_that_does_not_start(void **state)
{
	struct fixture *f = *state;
	struct job early[2], late, good;
	int worker;

	assert_int_equal(start(f, &early[0]), JWK11_OK); /* its worker may still come */
	assert_int_equal(start(f, &early[1]), JWK11_OK);
	calls_module_down(f->calls, "m");
	run_until(f, 2);
	assert_int_equal(early[0].end, CALL_NO_WORKER);
	assert_int_equal(early[1].end, CALL_NO_WORKER);
	assert_int_equal(calls_under_way(f->calls), 0);
	assert_int_equal(start(f, &late), JWK11_ERR_ABSENT);

	worker = add_worker(f, 0);
	calls_module_down(f->calls, "m"); /* whatever did not start, a worker is there */
	assert_int_equal(start(f, &good), JWK11_OK);
	assert_int_equal(take(worker), good.call.id);
	answer(worker, good.call.id, "good");
	run_until(f, 3);
	assert_int_equal(good.end, CALL_ANSWERED);
	end_job(f, &early[0]);
	end_job(f, &early[1]);
	end_job(f, &late);
	end_job(f, &good);
	close(worker);
}

static void reports_a_worker_that_misses_a_deadline(void **state)
{
	struct fixture *f = *state;
	int worker = add_worker(f, 0), next;
	struct job a, b;

	limit(f, 1, 3, 20);
	assert_int_equal(start(f, &a), JWK11_OK);
	run_until(f, 1);
	assert_int_equal(a.end, CALL_LATE);
	assert_int_equal(f->n_late, 1);
	assert_int_equal(take(worker), a.call.id);
	assert_int_equal(start(f, &b), JWK11_OK);
	assert_int_equal(take(worker), 0); /* nothing more for that one */
	run_until(f, 2);
	assert_int_equal(b.end, CALL_NEVER_SENT);
	assert_int_equal(f->n_late, 1);
	answer(worker, a.call.id, "too late");
	next = add_worker(f, 0);
	end_job(f, &b);
	assert_int_equal(start(f, &b), JWK11_OK);
	assert_int_equal(take(next), b.call.id);
	answer(next, b.call.id, "b");
	run_until(f, 3);
	assert_string_equal(b.text, "b");
	end_job(f, &a);
	end_job(f, &b);
	close(worker);
	close(next);
}

static void drops_what_is_not_for_it(void **state)
{
	struct fixture *f = *state;
	int worker = add_worker(f, 0);
	struct jwk11_buf buf = J11_BUF(WIRE_MAX);
	struct job a;

	assert_int_equal(send(worker, "rubbish", 7, 0), 7);
	loop_run(f->loop);
	assert_int_equal(f->n_dropped, 1);
	wire_begin(&buf, WIRE_LOGIN_ASK, 0);
	assert_int_equal(wire_send(worker, j11_buf_view(&buf), -1), 0);
	loop_run(f->loop);
	assert_int_equal(f->n_dropped, 2);
	jwk11_buf_reset(&buf);
	wire_begin(&buf, WIRE_CATALOG_BEGIN, 0);
	assert_int_equal(wire_send(worker, j11_buf_view(&buf), worker), 0); /* a descriptor nobody asked for is closed */
	loop_run(f->loop);
	assert_int_equal(f->n_catalog, 1);
	assert_int_equal(start(f, &a), JWK11_OK);
	answer(worker, take(worker), "a");
	run_until(f, 1);
	end_job(f, &a);
	j11_buf_done(&buf);
	close(worker);
}

/* A socket that takes no more is waited for, not spun on and not a failure. */
static void waits_for_a_full_socket(void **state)
{
	struct fixture *f = *state;
	int worker;
	struct job jobs[4];
	static char big[190000];
	unsigned taken = 0;

	limit(f, 8, 8, 5000);
	worker = add_worker(f, 0);
	memset(big, 'x', sizeof(big));
	for (unsigned i = 0; i < 4; i++) {
		struct job *job = &jobs[i];

		*job = (struct job){ .f = f, .datagram = J11_BUF(WIRE_MAX) };
		job->call.id = calls_next_id(f->calls);
		wire_begin(&job->datagram, WIRE_SIGN, job->call.id);
		wire_add_str(&job->datagram, WIRE_F_KEY, "k");
		wire_add(&job->datagram, WIRE_F_INPUT, (struct jwk11_view){ .data = big, .len = sizeof(big) });
		job->call.datagram = j11_buf_view(&job->datagram);
		job->call.fd = -1;
		job->call.done = on_done;
		assert_int_equal(calls_start(f->calls, "m", &job->call), JWK11_OK);
	}
	assert_int_equal(jobs[3].call.state, CALL_QUEUED);
	while (taken < 4) {
		static unsigned char room[WIRE_MAX];
		int fd = -1;

		if (wire_recv(worker, room, sizeof(room), MSG_DONTWAIT, &fd) <= 0)
			fail_msg("the worker got %u of 4", taken);
		answer(worker, jobs[taken].call.id, "x");
		taken++;
		run_until(f, taken);
	}
	for (unsigned i = 0; i < 4; i++)
		end_job(f, &jobs[i]);
	close(worker);
}

/* ---- users ---- */

static void leave_all(struct fixture *f, struct job *jobs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!jobs[i].done && calls_leave(&jobs[i].call))
			jobs[i].done = true;
		end_job(f, &jobs[i]);
	}
}

static void answer_next(struct fixture *f, int worker, struct job *expected)
{
	uint64_t id = take(worker);

	assert_int_equal(id, expected->call.id);
	answer(worker, id, "x");
	run_until(f, f->n_done + 1);
	assert_true(expected->done);
}

/* A user with one request does not wait behind the many of another. */
static void users_take_turns(void **state)
{
	struct fixture *f = *state;
	int worker = add_worker(f, 0);
	struct job many[6], one, two[2];

	limit(f, 1, 16, 5000);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(start_for(f, &many[i], 1000), JWK11_OK); /* two in flight, four wait */
	assert_int_equal(start_for(f, &one, 2000), JWK11_OK);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(start_for(f, &two[i], 3000), JWK11_OK);
	answer_next(f, worker, &many[0]); /* they were there first */
	answer_next(f, worker, &many[1]);
	answer_next(f, worker, &one);
	answer_next(f, worker, &many[2]);
	answer_next(f, worker, &two[0]);
	answer_next(f, worker, &many[3]);
	answer_next(f, worker, &two[1]);
	answer_next(f, worker, &many[4]);
	answer_next(f, worker, &many[5]);
	leave_all(f, many, 6);
	leave_all(f, &one, 1);
	leave_all(f, two, 2);
	close(worker);
}

/* While two ask for something, one of three workers stays free for who has less; alone again, everything is theirs. */
static void nobody_holds_all_workers_while_others_ask(void **state)
{
	struct fixture *f = *state;
	int w[3] = { add_worker(f, 0), add_worker(f, 1), add_worker(f, 2) };
	struct job first, many[8], one, two;
	unsigned n = 0;

	limit(f, 1, 16, 5000);
	assert_int_equal(start_for(f, &first, 2000), JWK11_OK);
	answer_next(f, w[0], &first);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(start_for(f, &many[i], 1000), JWK11_OK);
	for (unsigned i = 0; i < 8; i++)
		n += many[i].call.state == CALL_SENT;
	assert_int_equal(n, 1);
	assert_int_equal(start_for(f, &one, 2000), JWK11_OK);
	assert_int_equal(one.call.state, CALL_SENT);
	assert_int_equal(take(w[1]), one.call.id); /* nothing before it */
	assert_int_equal(many[1].call.state, CALL_QUEUED);
	assert_int_equal(start_for(f, &two, 2000), JWK11_OK); /* now both want more than their part, and get it in turns */
	assert_int_equal(many[1].call.state, CALL_SENT);
	assert_int_equal(two.call.state, CALL_SENT);
	assert_int_equal(many[2].call.state, CALL_QUEUED);
	leave_all(f, many, 8);
	leave_all(f, &one, 1);
	leave_all(f, &two, 1);
	for (unsigned i = 0; i < 3; i++)
		close(w[i]);
	end_job(f, &first);
}

static void one_user_has_so_many_under_way_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct job a[3], b, c;

	calls_limit(f->calls, &(struct calls_limits){ .threads = 1, .max_queue = 16, .max_per_user = 2, .timeout_ms = 5000 });
	assert_int_equal(start_for(f, &a[0], 1000), JWK11_OK);
	assert_int_equal(start_for(f, &a[1], 1000), JWK11_OK);
	assert_int_equal(start_for(f, &a[2], 1000), JWK11_ERR_LIMIT);
	assert_int_equal(f->counts.n[COUNT_calls_over_limit], 1);
	assert_int_equal(start_for(f, &b, 2000), JWK11_OK);
	assert_true(calls_leave(&a[0].call));
	assert_int_equal(start_for(f, &c, 1000), JWK11_OK);
	leave_all(f, a, 3);
	leave_all(f, &b, 1);
	leave_all(f, &c, 1);
	assert_int_equal(calls_under_way(f->calls), 0);
}

static void in_a_full_queue_the_greediest_gives_way(void **state)
{
	struct fixture *f = *state;
	struct job many[3], one, more, last;

	for (unsigned i = 0; i < 3; i++) /* no worker: all wait */
		assert_int_equal(start_for(f, &many[i], 1000), JWK11_OK);
	assert_int_equal(start_for(f, &one, 2000), JWK11_OK);
	run_until(f, 1);
	assert_true(many[2].done);
	assert_int_equal(many[2].end, CALL_DISPLACED);
	assert_int_equal(start_for(f, &more, 2000), JWK11_ERR_BUSY); /* two each would be no fairer than two and one */
	assert_int_equal(start_for(f, &last, 1000), JWK11_ERR_BUSY);
	assert_int_equal(f->counts.n[COUNT_calls_refused], 3);
	leave_all(f, many, 3);
	leave_all(f, &one, 1);
	leave_all(f, &more, 1);
	leave_all(f, &last, 1);
	assert_int_equal(calls_under_way(f->calls), 0);
}

/* ---- the loop's timers ---- */

struct tick {
	struct loop *loop;
	struct loop_timer timer;
	unsigned order;
	unsigned *next;
	bool last;
};

static void on_tick(void *arg)
{
	struct tick *tick = arg;

	tick->order = ++*tick->next;
	if (tick->last)
		loop_stop(tick->loop);
}

static void runs_timers_in_the_order_of_their_moments(void **state)
{
	struct fixture *f = *state;
	struct tick ticks[50];
	unsigned next = 0;

	for (unsigned i = 0; i < 50; i++) {
		ticks[i] = (struct tick){ .loop = f->loop, .next = &next, .timer = { .fn = on_tick, .arg = &ticks[i] } };
		assert_true(loop_timer_set(f->loop, &ticks[i].timer, loop_now(f->loop) + 1 + (i * 37) % 50));
	}
	assert_true(loop_timer_set(f->loop, &ticks[0].timer, loop_now(f->loop) + 60)); /* later */
	assert_true(loop_timer_set(f->loop, &ticks[1].timer, loop_now(f->loop)));      /* sooner */
	loop_timer_clear(&ticks[2].timer);
	loop_timer_remove(f->loop, &ticks[3].timer);
	ticks[0].last = true;
	loop_run(f->loop);
	assert_int_equal(next, 48);
	assert_int_equal(ticks[1].order, 1);
	assert_int_equal(ticks[0].order, 48);
	assert_int_equal(ticks[2].order, 0);
	assert_int_equal(ticks[3].order, 0);
	for (unsigned i = 4; i < 50; i++)
		for (unsigned k = 4; k < 50; k++)
			if ((i * 37) % 50 < (k * 37) % 50)
				assert_true(ticks[i].order < ticks[k].order);
}

/* ---- watches of the second rank ---- */

struct ready {
	struct loop *loop;
	struct loop_watch watch;
	unsigned n;        /* how often */
	unsigned *n_minor; /* of all minor ones */
	unsigned before;   /* of them at the last turn of the major one */
};

static void on_minor(void *arg, uint32_t events)
{
	struct ready *r = arg;

	assert_int_equal(events, EPOLLIN);
	r->n++;
	++*r->n_minor;
}

static void on_major(void *arg, uint32_t events)
{
	struct ready *r = arg;

	assert_int_equal(events, EPOLLIN);
	assert_true(*r->n_minor - r->before <= 8);
	r->before = *r->n_minor;
	if (++r->n == 20)
		loop_stop(r->loop);
}

/* Forty that are always ready keep one of the first rank waiting for eight of them, and all have their turn. */
static void serves_a_few_minor_watches_in_each_round(void **state)
{
	struct fixture *f = *state;
	unsigned n_minor = 0;
	struct ready minor[40], major = { .loop = f->loop, .n_minor = &n_minor };
	int pair[2];

	assert_int_equal(pipe(pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	for (unsigned i = 0; i < 40; i++) {
		minor[i] = (struct ready){ .n_minor = &n_minor };
		minor[i].watch = (struct loop_watch){ .fd = dup(pair[0]), .minor = true, .events = EPOLLIN, .fn = on_minor, .arg = &minor[i] };
		assert_true(loop_add(f->loop, &minor[i].watch));
	}
	major.watch = (struct loop_watch){ .fd = pair[0], .events = EPOLLIN, .fn = on_major, .arg = &major };
	assert_true(loop_add(f->loop, &major.watch));
	loop_run(f->loop);
	for (unsigned i = 0; i < 40; i++) {
		assert_true(minor[i].n >= 3 && minor[i].n <= 5);
		loop_remove(f->loop, &minor[i].watch);
		close(minor[i].watch.fd);
	}
	assert_true(n_minor >= 19 * 8 && n_minor <= 20 * 8);
	loop_remove(f->loop, &major.watch);
	close(pair[0]);
	close(pair[1]);
}

static void fails_cleanly_without_memory(void **state)
{
	struct fixture *f = *state;
	bool started = false;

	for (unsigned long n = 1; !started; n++) {
		struct job a;
		struct call zero = { .id = 0 };

		assert_true(n < 50);
		a = (struct job){ .f = f, .datagram = J11_BUF(64), .call = zero };
		wire_begin(&a.datagram, WIRE_SIGN, 1);
		a.call.id = 1;
		a.call.datagram = j11_buf_view(&a.datagram);
		a.call.done = on_done;
		j11_mem_fail_at(n, 0);
		started = calls_start(f->calls, "m", &a.call) == JWK11_OK;
		j11_mem_fail_at(0, 0);
		assert_int_equal(calls_under_way(f->calls), started ? 1 : 0);
		if (started)
			assert_true(calls_leave(&a.call));
		assert_int_equal(calls_under_way(f->calls), 0);
		end_job(f, &a);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(brings_each_answer_to_its_request),
		TEST(gives_a_worker_no_more_than_threads_and_one),
		TEST(chooses_the_worker_with_the_fewest),
		TEST(prefers_a_worker_that_has_answered),
		TEST(waits_for_a_worker_to_appear),
		TEST(sends_a_lost_request_again_but_once),
		TEST(asks_another_worker_once_when_one_has_trouble_with_its_token),
		TEST(goes_to_one_worker_once),
		TEST(waits_for_no_module_that_does_not_start),
		TEST(reports_a_worker_that_misses_a_deadline),
		TEST(drops_what_is_not_for_it),
		TEST(waits_for_a_full_socket),
		TEST(users_take_turns),
		TEST(nobody_holds_all_workers_while_others_ask),
		TEST(one_user_has_so_many_under_way_and_no_more),
		TEST(in_a_full_queue_the_greediest_gives_way),
		TEST(runs_timers_in_the_order_of_their_moments),
		TEST(serves_a_few_minor_watches_in_each_round),
		TEST(fails_cleanly_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
