# SPDX-License-Identifier: Apache-2.0
# One program for each module.
if HAVE_CMOCKA
UNIT_TESTS = \
	tests/t_base \
	tests/t_json \
	tests/t_alg \
	tests/t_der \
	tests/t_point \
	tests/t_pub \
	tests/t_jwk \
	tests/t_jws \
	tests/t_jwt \
	tests/t_jwe \
	tests/t_mldsa \
	tests/t_verify \
	tests/t_vectors \
	tests/t_x5c \
	tests/t_roca \
	tests/t_kid \
	tests/t_akp \
	tests/t_jws_make \
	tests/t_profile \
	tests/t_cose \
	tests/t_http_parse \
	tests/t_problem \
	tests/t_catalog \
	tests/t_call \
	tests/t_conf \
	tests/t_wire \
	tests/t_policy \
	tests/t_tools
UNIT_TESTS += tests/t_user tests/t_meter tests/t_token_rules
UNIT_TESTS += tests/t_grpc
UNIT_TESTS += tests/t_breaker tests/t_work_login
UNIT_TESTS += tests/t_version
UNIT_TESTS += tests/t_lint tests/t_lint_cert tests/t_takers tests/t_jwks_diff
UNIT_TESTS += tests/t_audit
UNIT_TESTS += tests/t_enroll
UNIT_TESTS += tests/t_keys_file
UNIT_TESTS += tests/t_priv
UNIT_TESTS += tests/t_csr tests/t_front_csr
UNIT_TESTS += tests/t_template
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
EXTRA_DIST += tests/unit/certs.h tests/unit/vector.h tests/unit/jwe_soft.h tests/unit/lint_keys.h tests/unit/flawed.h

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

tests_t_point_SOURCES = tests/unit/t_point.c
tests_t_point_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_point_CFLAGS = $(TEST_FLAGS)
tests_t_point_LDADD = $(TEST_LIBS)

tests_t_roca_SOURCES = tests/unit/t_roca.c
tests_t_roca_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_roca_CFLAGS = $(TEST_FLAGS)
tests_t_roca_LDADD = $(TEST_LIBS)

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

tests_t_jws_make_SOURCES = tests/unit/t_jws_make.c
tests_t_jws_make_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_jws_make_CFLAGS = $(TEST_FLAGS)
tests_t_jws_make_LDADD = $(TEST_LIBS)

tests_t_jwt_SOURCES = tests/unit/t_jwt.c
tests_t_jwt_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_jwt_CFLAGS = $(TEST_FLAGS)
tests_t_jwt_LDADD = $(TEST_LIBS)

tests_t_jwe_SOURCES = tests/unit/t_jwe.c
tests_t_jwe_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_jwe_CFLAGS = $(TEST_FLAGS)
tests_t_jwe_LDADD = $(TEST_LIBS)

tests_t_mldsa_SOURCES = tests/unit/t_mldsa.c
tests_t_mldsa_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_mldsa_CFLAGS = $(TEST_FLAGS)
tests_t_mldsa_LDADD = $(TEST_LIBS)

tests_t_akp_SOURCES = tests/unit/t_akp.c
tests_t_akp_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_akp_CFLAGS = $(TEST_FLAGS)
tests_t_akp_LDADD = $(TEST_LIBS)

tests_t_verify_SOURCES = tests/unit/t_verify.c
tests_t_verify_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_verify_CFLAGS = $(TEST_FLAGS)
tests_t_verify_LDADD = $(TEST_LIBS)

tests_t_vectors_SOURCES = tests/unit/t_vectors.c
tests_t_vectors_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_vectors_CFLAGS = $(TEST_FLAGS)
tests_t_vectors_LDADD = $(TEST_LIBS)

tests_t_profile_SOURCES = tests/unit/t_profile.c
tests_t_profile_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_profile_CFLAGS = $(TEST_FLAGS)
tests_t_profile_LDADD = libj11base.la $(CMOCKA_LIBS)

tests_t_cose_SOURCES = tests/unit/t_cose.c
tests_t_cose_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_cose_CFLAGS = $(TEST_FLAGS)
tests_t_cose_LDADD = $(TEST_LIBS)

tests_t_kid_SOURCES = tests/unit/t_kid.c
tests_t_kid_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_kid_CFLAGS = $(TEST_FLAGS)
tests_t_kid_LDADD = $(TEST_LIBS)

tests_t_x5c_SOURCES = tests/unit/t_x5c.c
tests_t_x5c_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_x5c_CFLAGS = $(TEST_FLAGS)
tests_t_x5c_LDADD = $(TEST_LIBS)

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

tests_t_grpc_SOURCES = tests/unit/t_grpc.c
tests_t_grpc_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_grpc_CFLAGS = $(TEST_FLAGS)
tests_t_grpc_LDADD = $(FRONT_LIBS)

tests_t_user_SOURCES = tests/unit/t_user.c
tests_t_user_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_user_CFLAGS = $(TEST_FLAGS)
tests_t_user_LDADD = $(FRONT_LIBS)

tests_t_breaker_SOURCES = tests/unit/t_breaker.c broker/breaker.c broker/breaker.h
tests_t_breaker_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_breaker_CFLAGS = $(TEST_FLAGS)
tests_t_breaker_LDADD = $(TEST_LIBS)

tests_t_work_login_SOURCES = tests/unit/t_work_login.c broker/work_login.c broker/work_login.h
tests_t_work_login_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_work_login_CFLAGS = $(TEST_FLAGS)
tests_t_work_login_LDADD = libj11broker.la $(TEST_LIBS) $(SECCOMP_LIBS)

tests_t_meter_SOURCES = tests/unit/t_meter.c
tests_t_meter_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_meter_CFLAGS = $(TEST_FLAGS)
tests_t_meter_LDADD = $(FRONT_LIBS)


tests_t_conf_SOURCES = tests/unit/t_conf.c
tests_t_conf_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_conf_CFLAGS = $(TEST_FLAGS)
tests_t_conf_LDADD = $(FRONT_LIBS) $(TEST_LIBS)

tests_t_wire_SOURCES = tests/unit/t_wire.c
tests_t_wire_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_wire_CFLAGS = $(TEST_FLAGS)
tests_t_wire_LDADD = $(FRONT_LIBS)

tests_t_policy_SOURCES = tests/unit/t_policy.c broker/work_unit.c broker/work_unit.h
tests_t_policy_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_policy_CFLAGS = $(TEST_FLAGS)
tests_t_policy_LDADD = $(FRONT_LIBS)

tests_t_tools_SOURCES = tests/unit/t_tools.c tools/ask.c tools/exit.c tools/look.c tools/table.c
tests_t_tools_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_tools_CFLAGS = $(TEST_FLAGS)
tests_t_tools_LDADD = $(TEST_LIBS)

tests_t_token_rules_SOURCES = tests/unit/t_token_rules.c tools/token_rules.c
tests_t_token_rules_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_token_rules_CFLAGS = $(TEST_FLAGS)
tests_t_token_rules_LDADD = $(TEST_LIBS)

tests_t_lint_SOURCES = tests/unit/t_lint.c
tests_t_lint_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_lint_CFLAGS = $(TEST_FLAGS)
tests_t_lint_LDADD = $(TEST_LIBS)

tests_t_lint_cert_SOURCES = tests/unit/t_lint_cert.c
tests_t_lint_cert_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_lint_cert_CFLAGS = $(TEST_FLAGS)
tests_t_lint_cert_LDADD = $(TEST_LIBS)

tests_t_takers_SOURCES = tests/unit/t_takers.c
tests_t_takers_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_takers_CFLAGS = $(TEST_FLAGS)
tests_t_takers_LDADD = $(TEST_LIBS)

tests_t_jwks_diff_SOURCES = tests/unit/t_jwks_diff.c
tests_t_jwks_diff_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_jwks_diff_CFLAGS = $(TEST_FLAGS)
tests_t_jwks_diff_LDADD = $(TEST_LIBS)

tests_t_audit_SOURCES = tests/unit/t_audit.c broker/audit_file.c broker/audit_file.h
tests_t_audit_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_audit_CFLAGS = $(TEST_FLAGS)
tests_t_audit_LDADD = $(TEST_LIBS)

tests_t_version_SOURCES = tests/unit/t_version.c
tests_t_version_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_version_CFLAGS = $(TEST_FLAGS)
tests_t_version_LDADD = $(TEST_LIBS)

tests_t_keys_file_SOURCES = tests/unit/t_keys_file.c broker/keys_file.c
tests_t_keys_file_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_keys_file_CFLAGS = $(TEST_FLAGS)
tests_t_keys_file_LDADD = libj11broker.la $(TEST_LIBS) $(SECCOMP_LIBS)

tests_t_priv_SOURCES = tests/unit/t_priv.c
tests_t_priv_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_priv_CFLAGS = $(TEST_FLAGS)
tests_t_priv_LDADD = $(TEST_LIBS)

tests_t_csr_SOURCES = tests/unit/t_csr.c
tests_t_csr_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_csr_CFLAGS = $(TEST_FLAGS)
tests_t_csr_LDADD = $(TEST_LIBS)

tests_t_enroll_SOURCES = tests/unit/t_enroll.c $(ENROLL_PURE)
tests_t_enroll_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_enroll_CFLAGS = $(TEST_FLAGS)
tests_t_enroll_LDADD = $(TEST_LIBS)

tests_t_front_csr_SOURCES = tests/unit/t_front_csr.c
tests_t_front_csr_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_front_csr_CFLAGS = $(TEST_FLAGS)
tests_t_front_csr_LDADD = $(FRONT_LIBS)

tests_t_template_SOURCES = tests/unit/t_template.c
tests_t_template_CPPFLAGS = $(TEST_CPPFLAGS)
tests_t_template_CFLAGS = $(TEST_FLAGS)
tests_t_template_LDADD = $(TEST_LIBS)
