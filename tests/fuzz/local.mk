# SPDX-License-Identifier: Apache-2.0
# Each target is built twice: here with a driver that replays its seeds, by fuzz.sh with an engine.
check_PROGRAMS += tests/replay_answer tests/replay_audit tests/replay_b64 tests/replay_cert tests/replay_conf tests/replay_der tests/replay_http tests/replay_json \
	tests/replay_jwk tests/replay_jws tests/replay_keys tests/replay_lint tests/replay_mldsa tests/replay_policy tests/replay_template tests/replay_uri tests/replay_wire tests/replay_worker
check_PROGRAMS += tests/replay_import tests/replay_grpc tests/replay_csr
check_PROGRAMS += tests/replay_enroll
check_PROGRAMS += tests/replay_transit
check_PROGRAMS += tests/replay_attest
TESTS += tests/fuzz/replay.sh
EXTRA_DIST += tests/fuzz/fuzz.sh tests/fuzz/replay.sh tests/fuzz/seeds

tests_replay_answer_SOURCES = tests/fuzz/replay.c tests/fuzz/f_answer.c tools/ask.c tools/exit.c
tests_replay_answer_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_answer_LDADD = libj11base.la

tests_replay_attest_SOURCES = tests/fuzz/replay.c tests/fuzz/f_attest.c
tests_replay_attest_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_attest_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_b64_SOURCES = tests/fuzz/replay.c tests/fuzz/f_b64.c
tests_replay_b64_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_b64_LDADD = libj11base.la

tests_replay_cert_SOURCES = tests/fuzz/replay.c tests/fuzz/f_cert.c
tests_replay_cert_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_cert_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_conf_SOURCES = tests/fuzz/replay.c tests/fuzz/f_conf.c
tests_replay_conf_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_conf_LDADD = libj11broker.la $(SECCOMP_LIBS)

tests_replay_csr_SOURCES = tests/fuzz/replay.c tests/fuzz/f_csr.c
tests_replay_csr_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_csr_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_der_SOURCES = tests/fuzz/replay.c tests/fuzz/f_der.c
tests_replay_der_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_der_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_enroll_SOURCES = tests/fuzz/replay.c tests/fuzz/f_enroll.c $(ENROLL_PURE)
tests_replay_enroll_CPPFLAGS = $(TEST_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_replay_enroll_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_grpc_SOURCES = tests/fuzz/replay.c tests/fuzz/f_grpc.c
tests_replay_grpc_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_grpc_LDADD = libj11front.la $(SECCOMP_LIBS)

tests_replay_http_SOURCES = tests/fuzz/replay.c tests/fuzz/f_http.c
tests_replay_http_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_http_LDADD = libj11front.la $(SECCOMP_LIBS)

tests_replay_import_SOURCES = tests/fuzz/replay.c tests/fuzz/f_import.c
tests_replay_import_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_import_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_json_SOURCES = tests/fuzz/replay.c tests/fuzz/f_json.c
tests_replay_json_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_json_LDADD = libj11base.la

tests_replay_jwk_SOURCES = tests/fuzz/replay.c tests/fuzz/f_jwk.c
tests_replay_jwk_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_jwk_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_jws_SOURCES = tests/fuzz/replay.c tests/fuzz/f_jws.c
tests_replay_jws_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_jws_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_keys_SOURCES = tests/fuzz/replay.c tests/fuzz/f_keys.c broker/keys_file.c
tests_replay_keys_CPPFLAGS = $(TEST_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_replay_keys_LDADD = libj11broker.la libj11core.la $(CRYPTO_LIBS) $(SECCOMP_LIBS)

tests_replay_lint_SOURCES = tests/fuzz/replay.c tests/fuzz/f_lint.c
tests_replay_lint_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_lint_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_mldsa_SOURCES = tests/fuzz/replay.c tests/fuzz/f_mldsa.c
tests_replay_mldsa_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_mldsa_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_transit_SOURCES = tests/fuzz/replay.c tests/fuzz/f_transit.c
tests_replay_transit_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_transit_LDADD = libj11front.la $(SECCOMP_LIBS)

tests_replay_template_SOURCES = tests/fuzz/replay.c tests/fuzz/f_template.c
tests_replay_template_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_template_LDADD = libj11base.la

tests_replay_uri_SOURCES = tests/fuzz/replay.c tests/fuzz/f_uri.c
tests_replay_uri_CPPFLAGS = $(TEST_CPPFLAGS) $(P11_CFLAGS)
tests_replay_uri_LDADD = libj11core.la $(P11_LIBS)

tests_replay_wire_SOURCES = tests/fuzz/replay.c tests/fuzz/f_wire.c
tests_replay_wire_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_wire_LDADD = libj11broker.la $(SECCOMP_LIBS)

tests_replay_audit_SOURCES = tests/fuzz/replay.c tests/fuzz/f_audit.c
tests_replay_audit_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_audit_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_policy_SOURCES = tests/fuzz/replay.c tests/fuzz/f_policy.c broker/work_unit.c broker/work_unit.h
tests_replay_policy_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_policy_LDADD = libj11broker.la libj11core.la $(CRYPTO_LIBS) $(SECCOMP_LIBS)

# The worker but for its main thread, on the mock module.
tests_replay_worker_SOURCES = \
	tests/fuzz/replay.c \
	tests/fuzz/f_worker.c \
	broker/audit_file.c \
	broker/audit_journal.c \
	broker/breaker.c \
	broker/work_audit.c \
	broker/work_break.c \
	broker/work_login.c \
	broker/work_ops.c \
	broker/work_peer.c \
	broker/work_proof.c \
	broker/work_tell.c \
	broker/work_unit.c \
	broker/work_version.c \
	broker/work_view.c
tests_replay_worker_CPPFLAGS = $(TEST_CPPFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS) -DMOCK_MODULE='"$(abs_builddir)/tests/mock/.libs/jwk11-mock.so"'
tests_replay_worker_LDADD = libj11broker.la libj11core.la $(CRYPTO_LIBS) $(SECCOMP_LIBS) -lpthread
