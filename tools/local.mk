# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += jwk11 sigstore-kms-jwk11
jwk11_SOURCES = \
	tools/jwk11.c \
	tools/cmd.h \
	tools/ask.c \
	tools/ask.h \
	tools/ask_pin.c \
	tools/ask_sign.c \
	tools/ask_pin.h \
	tools/claims.c \
	tools/jwt_batch.c \
	tools/lines.c \
	tools/lines.h \
	tools/audit.h \
	tools/audit_log.c \
	tools/audit_points.c \
	tools/audit_points.h \
	tools/audit_show.c \
	tools/audit_sign.c \
	tools/audit_verify.c \
	tools/choose.c \
	tools/choose.h \
	tools/cmd_cert.c \
	tools/cmd_import_cert.c \
	tools/cmd_inspect.c \
	tools/cmd_audit.c \
	tools/cmd_crypt.c \
	tools/cmd_doctor.c \
	tools/cmd_jwks.c \
	tools/cmd_jws.c \
	tools/cmd_lint.c \
	tools/cmd_list.c \
	tools/cmd_login.c \
	tools/cmd_metrics.c \
	tools/cmd_publish.c \
	tools/cmd_setup.c \
	tools/cmd_sign.c \
	tools/cmd_tokens.c \
	tools/cmd_verify.c \
	tools/cmd_whoami.c \
	tools/exit.c \
	tools/help.c \
	tools/options.c \
	tools/verbs.c \
	tools/gather.c \
	tools/gather.h \
	tools/io.c \
	tools/local_open.c \
	tools/local.h \
	tools/local_in.h \
	tools/local_key.c \
	tools/local_version.c \
	tools/local_version.h \
	tools/cmd_import.c \
	tools/key_file.c \
	tools/key_file.h \
	tools/cmd_keygen.c \
	tools/cmd_keys.c \
	tools/cmd_prune.c \
	tools/cmd_rotate.c \
	tools/mac.c \
	tools/mac.h \
	tools/show.c \
	tools/show.h \
	tools/show_diff.c \
	tools/show_inspect.c \
	tools/show_inspect.h \
	tools/show_lint.c \
	tools/show_lint.h \
	tools/table.c \
	tools/table.h \
	broker/conf_check.c \
	broker/conf_emit.c \
	broker/conf_keys.c \
	broker/conf_kubernetes.c \
	broker/conf_load.c \
	broker/conf_look.c \
	broker/conf_read.c \
	broker/conf_set.c \
	$(KEYS_SOURCES)
jwk11_SOURCES += tools/look.c tools/look.h
jwk11_SOURCES += tools/cmd_complete.c tools/cmd_token.c tools/token_file.c tools/token_file.h tools/token_get.c tools/token_get.h tools/token_google.c tools/token_google.h \
	tools/token_rules.c tools/token_rules.h tools/token_stay.c tools/token_stay.h tools/wake.c tools/wake.h broker/sup_notify.c broker/sup_notify.h broker/log.c broker/log.h
jwk11_SOURCES += tools/prove.c tools/prove.h tools/cmd_acme_jws.c tools/cmd_assertion.c tools/cmd_attest_pop.c tools/cmd_dpop.c tools/cmd_httpsig.c
jwk11_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/broker -I$(srcdir)/tools $(P11_CFLAGS) $(CRYPTO_CFLAGS)
jwk11_SOURCES += tools/doctor.h tools/doctor_audit.c tools/doctor_broker.c tools/doctor_clock.c tools/doctor_config.c tools/doctor_devices.c tools/doctor_jwks.c tools/doctor_keys.c \
	tools/doctor_modules.c tools/doctor_rotation.c tools/doctor_say.c tools/doctor_service.c tools/doctor_socket.c tools/doctor_tokens.c
jwk11_SOURCES += tools/setup.h tools/setup_ask.c tools/setup_find.c tools/setup_trial.c tools/setup_write.c
jwk11_SOURCES += tools/probe.c tools/probe.h tools/registered.c tools/registered.h tools/unit_files.c tools/unit_files.h
jwk11_CPPFLAGS += -DJWK11_P11_MODULE_PATH='"$(P11_MODULE_PATH)"' -DJWK11_P11_MODULE_CONFIGS='"$(P11_MODULE_CONFIGS)"' \
	-DJWK11_P11_SYSTEM_MODULES='"$(P11_SYSTEM_MODULES)"'
jwk11_SOURCES += tools/cert_dir.c tools/cert_dir.h
jwk11_SOURCES += tools/cmd_csr.c tools/cmd_selfsign.c tools/request.c tools/request.h
jwk11_LDADD = libj11core.la -lpthread
# What servers say is read without libcurl; only what asks them needs it.
ENROLL_PURE = \
	tools/acme_doc.c \
	tools/acme_doc.h \
	tools/est_attrs.c \
	tools/est_attrs.h \
	tools/http_said.c \
	tools/http_said.h
jwk11_SOURCES += \
	$(ENROLL_PURE) \
	tools/acme_client.c \
	tools/acme_client.h \
	tools/acme_order.c \
	tools/acme_order.h \
	tools/acme_prove.c \
	tools/acme_prove.h \
	tools/cancel.c \
	tools/cancel.h \
	tools/cmd_enroll.c \
	tools/enroll_key.c \
	tools/enroll_key.h \
	tools/est.c \
	tools/est.h \
	tools/hook.c \
	tools/hook.h \
	tools/http_client.h \
	tools/patience.c \
	tools/patience.h \
	tools/put_cert.c \
	tools/put_cert.h
EXTRA_DIST += tools/http_client.c tools/http_without.c
if WITH_ENROLL
jwk11_SOURCES += tools/http_client.c
jwk11_CPPFLAGS += $(CURL_CFLAGS)
jwk11_LDADD += $(CURL_LIBS) $(CRYPTO_LIBS)
else
jwk11_SOURCES += tools/http_without.c
jwk11_LDADD += $(CRYPTO_LIBS)
endif
sigstore_kms_jwk11_SOURCES = tools/sigstore_kms.c tools/cmd.h tools/ask.c tools/ask.h tools/exit.c tools/io.c
sigstore_kms_jwk11_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools $(CRYPTO_CFLAGS)
sigstore_kms_jwk11_LDADD = libj11core.la
