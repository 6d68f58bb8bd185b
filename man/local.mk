# SPDX-License-Identifier: Apache-2.0
# Manuals: texts in scdoc's form; what the programs and the header say of themselves is put in. The tarball holds the built pages, for whoever has no
# scdoc.
MANUAL_TEXTS = man/jwk11.1.scd man/jwk11.conf.5.scd man/jwk11d-api.7.scd man/jwk11d.8.scd man/libjwk11.3.scd
VERB_TEXTS = man/verb/audit.scd man/verb/cert.scd man/verb/decrypt.scd man/verb/doctor.scd man/verb/encrypt.scd man/verb/enroll.scd man/verb/import.scd man/verb/import-cert.scd man/verb/inspect.scd man/verb/jwks.scd man/verb/jws.scd \
	man/verb/jwt.scd man/verb/keygen.scd man/verb/keys.scd man/verb/lint.scd man/verb/list.scd man/verb/login.scd man/verb/logout.scd \
	man/verb/metrics.scd man/verb/prune.scd man/verb/publish.scd man/verb/rotate.scd man/verb/setup.scd man/verb/sign.scd man/verb/tokens.scd \
	man/verb/verify.scd man/verb/whoami.scd
VERB_PAGES = man/jwk11-audit.1 man/jwk11-cert.1 man/jwk11-decrypt.1 man/jwk11-doctor.1 man/jwk11-encrypt.1 man/jwk11-enroll.1 man/jwk11-import.1 man/jwk11-import-cert.1 man/jwk11-inspect.1 man/jwk11-jwks.1 man/jwk11-jws.1 \
	man/jwk11-jwt.1 man/jwk11-keygen.1 man/jwk11-keys.1 man/jwk11-lint.1 man/jwk11-list.1 man/jwk11-login.1 man/jwk11-logout.1 \
	man/jwk11-metrics.1 man/jwk11-prune.1 man/jwk11-publish.1 man/jwk11-rotate.1 man/jwk11-setup.1 man/jwk11-sign.1 man/jwk11-tokens.1 \
	man/jwk11-verify.1 man/jwk11-whoami.1
VERB_TEXTS += man/verb/token.scd man/verb/complete.scd
VERB_PAGES += man/jwk11-token.1 man/jwk11-complete.1
VERB_TEXTS += man/verb/csr.scd man/verb/selfsign.scd
VERB_PAGES += man/jwk11-csr.1 man/jwk11-selfsign.1
VERB_TEXTS += man/verb/acme-jws.scd man/verb/assertion.scd man/verb/attest-pop.scd man/verb/dpop.scd man/verb/httpsig.scd
VERB_PAGES += man/jwk11-acme-jws.1 man/jwk11-assertion.1 man/jwk11-attest-pop.1 man/jwk11-dpop.1 man/jwk11-httpsig.1
EXTRA_DIST += $(MANUAL_TEXTS) $(VERB_TEXTS) scripts/manual scripts/manual-functions.awk
if WITH_MANUALS
dist_man_MANS = man/jwk11.1 man/jwk11.conf.5 man/jwk11d-api.7 man/jwk11d.8 man/libjwk11.3 $(VERB_PAGES)
endif
if HAVE_SCDOC
CLEANFILES += $(dist_man_MANS)
MAKE_MANUAL = @mkdir -p man && $(SHELL) $(srcdir)/scripts/manual ./jwk11$(EXEEXT)

man/jwk11.1: man/jwk11.1.scd scripts/manual jwk11$(EXEEXT)
	$(MAKE_MANUAL) '' $(srcdir)/man/jwk11.1.scd >$@.tmp && mv $@.tmp $@
man/jwk11.conf.5: man/jwk11.conf.5.scd scripts/manual
	$(MAKE_MANUAL) '' $(srcdir)/man/jwk11.conf.5.scd >$@.tmp && mv $@.tmp $@
man/jwk11d.8: man/jwk11d.8.scd scripts/manual
	$(MAKE_MANUAL) '' $(srcdir)/man/jwk11d.8.scd >$@.tmp && mv $@.tmp $@
man/jwk11d-api.7: man/jwk11d-api.7.scd scripts/manual
	$(MAKE_MANUAL) '' $(srcdir)/man/jwk11d-api.7.scd >$@.tmp && mv $@.tmp $@
man/libjwk11.3: man/libjwk11.3.scd lib/jwk11.h scripts/manual scripts/manual-functions.awk
	$(MAKE_MANUAL) '' $(srcdir)/man/libjwk11.3.scd >$@.tmp && mv $@.tmp $@
$(VERB_PAGES): $(VERB_TEXTS) scripts/manual jwk11$(EXEEXT)
	@v=`echo $@ | sed 's,.*/jwk11-\(.*\)\.1,\1,'` && mkdir -p man && \
		$(SHELL) $(srcdir)/scripts/manual ./jwk11$(EXEEXT) "$$v" "$(srcdir)/man/verb/$$v.scd" >$@.tmp && mv $@.tmp $@
endif
