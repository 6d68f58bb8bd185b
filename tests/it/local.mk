# SPDX-License-Identifier: Apache-2.0
# The token layer on SoftHSM, the daemon and the tool as they run; other people's libraries as judges.
if HAVE_CMOCKA
SOFTHSM_TESTS = tests/t_token_softhsm tests/t_decrypt_softhsm tests/t_decrypt_timing tests/t_cookbook tests/t_cert_softhsm tests/t_context_softhsm
check_PROGRAMS += $(SOFTHSM_TESTS) tests/load_key
TESTS += $(SOFTHSM_TESTS)
endif
check_PROGRAMS += tests/token_key
IT_TESTS = tests/it/daemon.py tests/it/cli.py tests/it/jws.py tests/it/front_alone.py tests/it/raw_trial.py tests/it/kids.py tests/interop/judges.py tests/interop/jwe.py
IT_TESTS += tests/it/cli_lint.py
IT_TESTS += tests/it/doctor.py tests/it/setup.py
IT_TESTS += tests/it/batch.py tests/it/jwt_batch.py tests/it/limits.py tests/it/metrics.py tests/it/policy.py
IT_TESTS += tests/interop/jws.py
IT_TESTS += tests/it/evidence.py
IT_TESTS += tests/it/macs.py tests/it/import.py tests/it/certs.py
IT_TESTS += tests/interop/leading_zeros.py tests/it/cloud_token.py
IT_TESTS += tests/it/profiles.py
IT_TESTS += tests/it/isolation.py tests/it/service.py tests/it/units.py
IT_TESTS += tests/it/audit.py tests/it/audit_cli.py tests/it/audit_points.py tests/it/ask_pin.py tests/it/login.py tests/it/discovery.py tests/it/publish.py tests/it/verify_only.py tests/it/webserver.py
IT_TESTS += tests/it/versions.py tests/it/rotation.py
IT_TESTS += tests/it/transit.py tests/interop/hvac_client.py
IT_TESTS += tests/it/openapi.py tests/interop/examples.py
IT_TESTS += tests/it/grpc_signer.py
IT_TESTS += tests/it/sigstore.py
IT_TESTS += tests/it/csr.py tests/it/csr_cli.py
IT_TESTS += tests/it/enroll.py
IT_TESTS += tests/it/looks.py tests/it/completion.py
IT_TESTS += tests/it/tour/tour.py
EXTRA_DIST += tests/interop/npm.py tests/interop/oauth/run.py tests/interop/oauth/server.mjs tests/interop/oauth/package.json
EXTRA_DIST += tests/it/tour/picture.txt
IT_TESTS += tests/it/proofs.py
TESTS += $(IT_TESTS)
EXTRA_DIST += tests/interop/google/run.py tests/interop/google/requirements.txt
EXTRA_DIST += examples/README.md examples/jwt.go examples/jwt.js examples/jwt.py examples/jwt.sh
EXTRA_DIST += tests/interop/openapi/run.py tests/interop/openapi/hooks.py tests/interop/openapi/main.toml tests/interop/openapi/login.toml tests/interop/openapi/requirements.txt
EXTRA_DIST += tests/interop/grpc_js/run.py tests/interop/grpc_js/client.js tests/interop/grpc_js/package.json
EXTRA_DIST += tests/interop/transit/dex.py tests/interop/transit/judge.py tests/interop/transit/main.go tests/interop/transit/go.mod tests/interop/transit/go.sum
EXTRA_DIST += tests/interop/enroll/judge.py tests/interop/enroll/go.mod tests/interop/enroll/go.sum
EXTRA_DIST += tests/interop/enroll/est.py
EXTRA_DIST += tests/it/grpc_client.py
EXTRA_DIST += scripts/kubernetes tests/interop/kubernetes/README.md tests/interop/kubernetes/run.py tests/interop/kubernetes/cluster.py
EXTRA_DIST += tests/interop/kubernetes/main.go tests/interop/kubernetes/go.mod tests/interop/kubernetes/go.sum
EXTRA_DIST += $(IT_TESTS) tests/it/clocked.py tests/it/audited.py tests/it/raw_http.py tests/it/terminal.py tests/it/trial.py tests/it/softhsm.h
EXTRA_DIST += tests/it/issued.py
EXTRA_DIST += tests/it/served.py
EXTRA_DIST += tests/it/certified.py

tests_t_token_softhsm_SOURCES = tests/it/t_token_softhsm.c
tests_t_token_softhsm_CFLAGS = $(TEST_FLAGS) -DSOFTHSM_MODULE='"$(softhsm_module)"'
tests_t_token_softhsm_LDADD = $(TEST_LIBS) -lpthread

tests_t_decrypt_softhsm_SOURCES = tests/it/t_decrypt_softhsm.c
tests_t_decrypt_softhsm_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_decrypt_softhsm_CFLAGS = $(TEST_FLAGS) -DSOFTHSM_MODULE='"$(softhsm_module)"'
tests_t_decrypt_softhsm_LDADD = $(TEST_LIBS) -lpthread

tests_t_cookbook_SOURCES = tests/it/t_cookbook.c
tests_t_cookbook_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_cookbook_CFLAGS = $(TEST_FLAGS) -DSOFTHSM_MODULE='"$(softhsm_module)"'
tests_t_cookbook_LDADD = $(TEST_LIBS) -lpthread

tests_t_cert_softhsm_SOURCES = tests/it/t_cert_softhsm.c
tests_t_cert_softhsm_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_cert_softhsm_CFLAGS = $(TEST_FLAGS) -DSOFTHSM_MODULE='"$(softhsm_module)"'
tests_t_cert_softhsm_LDADD = $(TEST_LIBS) -lpthread

# Front and worker as they are, and a hook that tries what they must not be able to do.
check_PROGRAMS += tests/front_probe tests/keys_probe tests/worker_probe tests/old_kernel tests/under_filter
PROBE_WRAP = $(AM_LDFLAGS) -Wl,--wrap=seccomp_load -Wl,--wrap=sandbox_front -Wl,--wrap=sandbox_keys -Wl,--wrap=sandbox_worker
tests_front_probe_SOURCES = broker/front_main.c tests/it/isolation_hook.c
tests_front_probe_CPPFLAGS = $(TEST_CPPFLAGS) $(SECCOMP_CFLAGS)
tests_front_probe_LDFLAGS = $(PROBE_WRAP)
tests_front_probe_LDADD = libj11front.la $(SECCOMP_LIBS)
tests_keys_probe_SOURCES = $(jwk11d_keys_SOURCES) tests/it/isolation_hook.c
tests_keys_probe_CPPFLAGS = $(jwk11d_keys_CPPFLAGS)
tests_keys_probe_LDFLAGS = $(PROBE_WRAP)
tests_keys_probe_LDADD = $(jwk11d_keys_LDADD)
tests_worker_probe_SOURCES = $(WORKER_SOURCES) tests/it/isolation_hook.c
tests_worker_probe_CPPFLAGS = $(jwk11d_worker_CPPFLAGS)
tests_worker_probe_LDFLAGS = $(PROBE_WRAP)
tests_worker_probe_LDADD = $(jwk11d_worker_LDADD)

tests_old_kernel_SOURCES = tests/it/old_kernel.c
tests_old_kernel_CPPFLAGS = $(SECCOMP_CFLAGS)
tests_old_kernel_LDADD = $(SECCOMP_LIBS)
tests_under_filter_SOURCES = tests/it/under_filter.c
tests_under_filter_CPPFLAGS = $(SECCOMP_CFLAGS)
tests_under_filter_LDADD = $(SECCOMP_LIBS)

# Front, worker and tool with a clock that a test sets; the tool's timer too, where it wants to.
check_PROGRAMS += tests/clocked_front tests/clocked_worker tests/clocked_tool
CLOCK_WRAP = $(AM_LDFLAGS) -Wl,--wrap=time
tests_clocked_front_SOURCES = broker/front_main.c tests/it/clock_hook.c
tests_clocked_front_CPPFLAGS = $(TEST_CPPFLAGS)
tests_clocked_front_LDFLAGS = $(CLOCK_WRAP)
tests_clocked_front_LDADD = $(jwk11d_front_LDADD)
tests_clocked_worker_SOURCES = $(WORKER_SOURCES) tests/it/clock_hook.c
tests_clocked_worker_CPPFLAGS = $(jwk11d_worker_CPPFLAGS)
tests_clocked_worker_LDFLAGS = $(CLOCK_WRAP)
tests_clocked_worker_LDADD = $(jwk11d_worker_LDADD)
tests_clocked_tool_SOURCES = $(jwk11_SOURCES) tests/it/clock_hook.c tests/it/timer_hook.c
tests_clocked_tool_CPPFLAGS = $(jwk11_CPPFLAGS)
tests_clocked_tool_LDFLAGS = $(CLOCK_WRAP) -Wl,--wrap=timerfd_create -Wl,--wrap=timerfd_settime -Wl,--wrap=read
tests_clocked_tool_LDADD = $(jwk11_LDADD)

tests_t_context_softhsm_SOURCES = tests/it/t_context_softhsm.c
tests_t_context_softhsm_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_context_softhsm_CFLAGS = $(TEST_FLAGS) -DSOFTHSM_MODULE='"$(softhsm_module)"'
tests_t_context_softhsm_LDADD = $(TEST_LIBS)

tests_token_key_SOURCES = tests/it/token_key.c
tests_token_key_CFLAGS = $(AM_CFLAGS) $(P11_CFLAGS)
tests_token_key_LDADD = libj11core.la

tests_t_decrypt_timing_SOURCES = tests/it/t_decrypt_timing.c
tests_t_decrypt_timing_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_decrypt_timing_CFLAGS = $(TEST_FLAGS) -DSOFTHSM_MODULE='"$(softhsm_module)"'
tests_t_decrypt_timing_LDADD = $(TEST_LIBS) -lpthread

tests_load_key_SOURCES = tests/it/load_key.c
tests_load_key_CPPFLAGS = $(TEST_CPPFLAGS)
tests_load_key_CFLAGS = $(TEST_FLAGS)
tests_load_key_LDADD = $(TEST_LIBS)
