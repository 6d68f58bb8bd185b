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

TESTS += tests/lint/check.sh tests/install/install.sh tests/docs/docs.sh tests/docs/federation.py
EXTRA_DIST += tests/lint/check.sh tests/install/install.sh tests/docs/docs.sh tests/docs/federation.py tests/lsan.supp tests/valgrind.supp tests/vectors examples/jwt.c

# The names the configuration reader knows, for tests/docs/docs.sh.
check_PROGRAMS += tests/conf_text
tests_conf_text_SOURCES = tests/docs/conf_text.c
tests_conf_text_CPPFLAGS = $(TEST_CPPFLAGS)
tests_conf_text_LDADD = libj11broker.la $(SECCOMP_LIBS)
