# SPDX-License-Identifier: Apache-2.0
# Every test prints TAP; scripts/check counts what ran.
TEST_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh .py
SH_LOG_DRIVER = $(TEST_LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
PY_LOG_DRIVER = $(TEST_LOG_DRIVER)
PY_LOG_COMPILER = /usr/bin/python3
LOG_DRIVER = $(TEST_LOG_DRIVER)
AM_TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; JWK11_BUILD='$(abs_builddir)'; export JWK11_BUILD;

TEST_LIBS = libj11core.la $(CMOCKA_LIBS)
TEST_FLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS)

if HAVE_CMOCKA
check_PROGRAMS += tests/t_base tests/t_json tests/t_token_softhsm
TESTS += tests/t_base tests/t_json tests/t_token_softhsm
endif

tests_t_base_SOURCES = tests/unit/t_base.c
tests_t_base_CFLAGS = $(TEST_FLAGS)
tests_t_base_LDADD = $(TEST_LIBS)

tests_t_json_SOURCES = tests/unit/t_json.c
tests_t_json_CFLAGS = $(TEST_FLAGS)
tests_t_json_LDADD = $(TEST_LIBS)


tests_t_token_softhsm_SOURCES = tests/it/t_token_softhsm.c
tests_t_token_softhsm_CFLAGS = $(TEST_FLAGS) -DSOFTHSM_MODULE='"$(softhsm_module)"'
tests_t_token_softhsm_LDADD = $(TEST_LIBS) -lpthread
