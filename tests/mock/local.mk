# SPDX-License-Identifier: Apache-2.0
# A module for tests only; -rpath makes libtool build it as a shared object that is never installed.
check_LTLIBRARIES = tests/mock/jwk11-mock.la
EXTRA_DIST += tests/mock/README.md tests/it/akp.py tests/it/faults.py tests/it/mock_daemon.py tests/it/mock_token.py tests/it/wild.py
TESTS += tests/it/akp.py tests/it/faults.py tests/it/mock_daemon.py tests/it/wild.py
tests_mock_jwk11_mock_la_SOURCES = tests/mock/counts.h tests/mock/mock.h tests/mock/mock_create.c tests/mock/mock_decrypt.c tests/mock/mock_fault.c tests/mock/mock_key.c tests/mock/mock_module.c \
	tests/mock/mock_names.c tests/mock/mock_object.c tests/mock/mock_script.c tests/mock/mock_session.c tests/mock/mock_sign.c \
	tests/mock/mock_value.c
tests_mock_jwk11_mock_la_CFLAGS = $(AM_CFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS)
tests_mock_jwk11_mock_la_LIBADD = $(CRYPTO_LIBS) -lpthread
tests_mock_jwk11_mock_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -rpath /nowhere -export-symbols-regex '^C_GetFunctionList$$'

# The token layer against it.
if HAVE_CMOCKA
MOCK_TESTS = tests/t_token_mock tests/t_mock_forms tests/t_mock_health tests/t_mock_crypt tests/t_mock_loops tests/t_mock_mac tests/t_mock_pin tests/t_mock_threads tests/t_mock_mldsa tests/t_mock_context
MOCK_TESTS += tests/t_mock_jws
check_PROGRAMS += $(MOCK_TESTS)
TESTS += $(MOCK_TESTS)
endif
MOCK_TRIAL = tests/it/mock_trial.c tests/it/mock_trial.h tests/mock/counts.h
MOCK_FLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS) -DMOCK_MODULE='"$(abs_builddir)/tests/mock/.libs/jwk11-mock.so"'
MOCK_LIBS = libj11core.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)

tests_t_token_mock_SOURCES = tests/it/t_token_mock.c $(MOCK_TRIAL)
tests_t_token_mock_CFLAGS = $(MOCK_FLAGS)
tests_t_token_mock_LDADD = $(MOCK_LIBS)

tests_t_mock_forms_SOURCES = tests/it/t_mock_forms.c $(MOCK_TRIAL)
tests_t_mock_forms_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_forms_LDADD = $(MOCK_LIBS)

tests_t_mock_context_SOURCES = tests/it/t_mock_context.c $(MOCK_TRIAL)
tests_t_mock_context_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_context_LDADD = $(MOCK_LIBS) -lpthread

tests_t_mock_health_SOURCES = tests/it/t_mock_health.c $(MOCK_TRIAL)
tests_t_mock_health_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_mock_health_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_health_LDADD = $(MOCK_LIBS)

tests_t_mock_mldsa_SOURCES = tests/it/t_mock_mldsa.c $(MOCK_TRIAL)
tests_t_mock_mldsa_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_mock_mldsa_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_mldsa_LDADD = $(MOCK_LIBS)

tests_t_mock_pin_SOURCES = tests/it/t_mock_pin.c $(MOCK_TRIAL)
tests_t_mock_pin_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_pin_LDADD = $(MOCK_LIBS)

tests_t_mock_mac_SOURCES = tests/it/t_mock_mac.c $(MOCK_TRIAL)
tests_t_mock_mac_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_mac_LDADD = $(MOCK_LIBS)

tests_t_mock_jws_SOURCES = tests/it/t_mock_jws.c $(MOCK_TRIAL)
tests_t_mock_jws_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_mock_jws_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_jws_LDADD = $(MOCK_LIBS)

tests_t_mock_loops_SOURCES = tests/it/t_mock_loops.c $(MOCK_TRIAL)
tests_t_mock_loops_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_loops_LDADD = $(MOCK_LIBS)

tests_t_mock_crypt_SOURCES = tests/it/t_mock_crypt.c $(MOCK_TRIAL)
tests_t_mock_crypt_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_crypt_LDADD = $(MOCK_LIBS)

tests_t_mock_threads_SOURCES = tests/it/t_mock_threads.c $(MOCK_TRIAL)
tests_t_mock_threads_CFLAGS = $(MOCK_FLAGS)
tests_t_mock_threads_LDADD = $(MOCK_LIBS) -lpthread
