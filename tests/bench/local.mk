# SPDX-License-Identifier: Apache-2.0
EXTRA_PROGRAMS += tests/bench/bench tests/bench/flood
EXTRA_DIST += tests/bench/run tests/bench/run_flood
tests_bench_bench_SOURCES = tests/bench/bench.c tests/bench/load.c tests/bench/load.h
tests_bench_bench_CFLAGS = $(AM_CFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS)
tests_bench_bench_LDADD = libj11core.la -lpthread

tests_bench_flood_SOURCES = tests/bench/flood.c
tests_bench_flood_LDADD = -lpthread

.PHONY: bench bench-flood
bench: all tests/bench/bench$(EXEEXT)
	JWK11_BUILD='$(abs_builddir)' VERIFY=always $(srcdir)/tests/bench/run
	JWK11_BUILD='$(abs_builddir)' VERIFY=first $(srcdir)/tests/bench/run
	$(MAKE) bench-flood
bench-flood: all tests/bench/flood$(EXEEXT)
	JWK11_BUILD='$(abs_builddir)' $(srcdir)/tests/bench/run_flood
