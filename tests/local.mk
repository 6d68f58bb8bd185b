# SPDX-License-Identifier: Apache-2.0
# Every test prints TAP; scripts/check counts what ran.
TEST_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh .py
SH_LOG_DRIVER = $(TEST_LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
PY_LOG_DRIVER = $(TEST_LOG_DRIVER)
PY_LOG_COMPILER = /usr/bin/python3
LOG_DRIVER = $(TEST_LOG_DRIVER)
AM_TESTS_ENVIRONMENT = srcdir='$(abs_srcdir)'; export srcdir; CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; JWK11_BUILD='$(abs_builddir)'; export JWK11_BUILD;

TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/broker -I$(srcdir)/tools -I$(srcdir)/tests/unit
TEST_FLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS)
TEST_LIBS = libj11core.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)
FRONT_LIBS = libj11front.la $(SECCOMP_LIBS) $(CMOCKA_LIBS)

if HAVE_CMOCKA
UNIT_TESTS = tests/t_base tests/t_json tests/t_alg tests/t_der tests/t_pub tests/t_jwk tests/t_jws tests/t_jwt tests/t_verify tests/t_http_parse tests/t_problem tests/t_catalog tests/t_call tests/t_conf tests/t_wire tests/t_policy tests/t_token_softhsm
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
check_PROGRAMS += tests/replay_der tests/replay_http tests/replay_jwk tests/replay_jws
TESTS += tests/lint/check.sh tests/fuzz/replay.sh tests/it/daemon.py tests/it/raw_trial.py tests/interop/judges.py
EXTRA_DIST += tests/lint/check.sh tests/fuzz/replay.sh tests/fuzz/seeds tests/it/daemon.py tests/it/raw_http.py tests/it/raw_trial.py tests/it/trial.py tests/interop/judges.py tests/unit/vector.h tests/lsan.supp

tests_t_base_SOURCES = tests/unit/t_base.c
tests_t_base_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_base_CFLAGS = $(TEST_FLAGS)
tests_t_base_LDADD = $(TEST_LIBS)

tests_t_json_SOURCES = tests/unit/t_json.c
tests_t_json_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_json_CFLAGS = $(TEST_FLAGS)
tests_t_json_LDADD = $(TEST_LIBS)

tests_t_alg_SOURCES = tests/unit/t_alg.c
tests_t_alg_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_alg_CFLAGS = $(TEST_FLAGS)
tests_t_alg_LDADD = $(TEST_LIBS)

tests_t_der_SOURCES = tests/unit/t_der.c
tests_t_der_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_der_CFLAGS = $(TEST_FLAGS)
tests_t_der_LDADD = $(TEST_LIBS)

tests_t_pub_SOURCES = tests/unit/t_pub.c
tests_t_pub_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_pub_CFLAGS = $(TEST_FLAGS)
tests_t_pub_LDADD = $(TEST_LIBS)

tests_t_jwk_SOURCES = tests/unit/t_jwk.c
tests_t_jwk_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_jwk_CFLAGS = $(TEST_FLAGS)
tests_t_jwk_LDADD = $(TEST_LIBS)

tests_t_jws_SOURCES = tests/unit/t_jws.c
tests_t_jws_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_jws_CFLAGS = $(TEST_FLAGS)
tests_t_jws_LDADD = $(TEST_LIBS)

tests_t_jwt_SOURCES = tests/unit/t_jwt.c
tests_t_jwt_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_jwt_CFLAGS = $(TEST_FLAGS)
tests_t_jwt_LDADD = $(TEST_LIBS)

tests_t_verify_SOURCES = tests/unit/t_verify.c
tests_t_verify_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_verify_CFLAGS = $(TEST_FLAGS)
tests_t_verify_LDADD = $(TEST_LIBS)

tests_t_http_parse_SOURCES = tests/unit/t_http_parse.c
tests_t_http_parse_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_http_parse_CFLAGS = $(TEST_FLAGS)
tests_t_http_parse_LDADD = $(FRONT_LIBS)

tests_t_problem_SOURCES = tests/unit/t_problem.c
tests_t_problem_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_problem_CFLAGS = $(TEST_FLAGS)
tests_t_problem_LDADD = $(FRONT_LIBS)

tests_t_catalog_SOURCES = tests/unit/t_catalog.c
tests_t_catalog_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_catalog_CFLAGS = $(TEST_FLAGS)
tests_t_catalog_LDADD = $(FRONT_LIBS)

tests_t_call_SOURCES = tests/unit/t_call.c
tests_t_call_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_call_CFLAGS = $(TEST_FLAGS)
tests_t_call_LDADD = $(FRONT_LIBS)

tests_t_conf_SOURCES = tests/unit/t_conf.c
tests_t_conf_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_conf_CFLAGS = $(TEST_FLAGS)
tests_t_conf_LDADD = $(FRONT_LIBS)

tests_t_wire_SOURCES = tests/unit/t_wire.c
tests_t_wire_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_wire_CFLAGS = $(TEST_FLAGS)
tests_t_wire_LDADD = $(FRONT_LIBS)

tests_t_policy_SOURCES = tests/unit/t_policy.c
tests_t_policy_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_policy_CFLAGS = $(TEST_FLAGS)
tests_t_policy_LDADD = $(FRONT_LIBS)

tests_t_token_softhsm_SOURCES = tests/it/t_token_softhsm.c
tests_t_token_softhsm_CFLAGS = $(TEST_FLAGS) -DSOFTHSM_MODULE='"$(softhsm_module)"'
tests_t_token_softhsm_LDADD = $(TEST_LIBS) -lpthread
EXTRA_DIST += tests/vectors/foreign-bad.json tests/vectors/foreign-good.json tests/vectors/rfc7515-a2-rs256.json tests/vectors/rfc7515-a3-es256.json tests/vectors/rfc7515-a4-es512.json tests/vectors/rfc7517-a1-public-keys.json tests/vectors/rfc7517-a2-private-keys.json tests/vectors/rfc7517-b-x5c.json tests/vectors/rfc7520-4-1-rs256.json tests/vectors/rfc7520-4-2-ps384.json tests/vectors/rfc7520-4-3-es512.json tests/vectors/rfc7638-3-1-thumbprint.json tests/vectors/rfc8037-a4-eddsa.json

tests_replay_der_SOURCES = tests/fuzz/replay.c tests/fuzz/f_der.c
tests_replay_der_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_der_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_jwk_SOURCES = tests/fuzz/replay.c tests/fuzz/f_jwk.c
tests_replay_jwk_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_jwk_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_jws_SOURCES = tests/fuzz/replay.c tests/fuzz/f_jws.c
tests_replay_jws_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_jws_LDADD = libj11core.la $(CRYPTO_LIBS)

tests_replay_http_SOURCES = tests/fuzz/replay.c tests/fuzz/f_http.c
tests_replay_http_CPPFLAGS = $(TEST_CPPFLAGS)
tests_replay_http_LDADD = libj11front.la $(SECCOMP_LIBS)
