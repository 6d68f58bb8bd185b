# SPDX-License-Identifier: Apache-2.0
# One suite, five unlike tokens, side by side.
TOKEN_TESTS = tests/it/token_softhsm.py tests/it/token_nss.py tests/it/token_tpm2.py tests/it/token_opencryptoki.py tests/it/token_piv.py
check_PROGRAMS += tests/probe
TESTS += $(TOKEN_TESTS)
EXTRA_DIST += $(TOKEN_TESTS) tests/it/tokens.py tests/tokens/algs tests/tokens/enter tests/tokens/common.sh tests/tokens/softhsm.sh tests/tokens/nss.sh tests/tokens/tpm2.sh \
	tests/tokens/opencryptoki.sh tests/tokens/piv.sh tests/tokens/piv_card.py

tests_probe_SOURCES = tests/it/probe.c lib/base/ckr.c
tests_probe_CFLAGS = -std=c11 $(WARN_CFLAGS) $(P11_CFLAGS)
tests_probe_LDFLAGS =
