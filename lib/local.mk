# SPDX-License-Identifier: Apache-2.0
# base and json need no cryptography and no PKCS#11: the network-facing process links nothing else of the library.
noinst_LTLIBRARIES += libj11base.la libj11core.la
lib_LTLIBRARIES += libjwk11.la
include_HEADERS = lib/jwk11.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = lib/jwk11.pc

libj11base_la_SOURCES = \
	lib/jwk11.h \
	lib/base/attr.h \
	lib/base/b64.c \
	lib/base/b64.h \
	lib/base/buf.c \
	lib/base/buf.h \
	lib/base/ckr.c \
	lib/base/ckr.h \
	lib/base/clock.c \
	lib/base/clock.h \
	lib/base/err.c \
	lib/base/err.h \
	lib/base/health.c \
	lib/base/health.h \
	lib/base/mem.c \
	lib/base/mem.h \
	lib/base/secret.c \
	lib/base/secret.h \
	lib/base/text.c \
	lib/base/text.h \
	lib/base/cbor.c \
	lib/base/cbor.h \
	lib/form/httpsig.c \
	lib/form/httpsig.h \
	lib/form/profile.c \
	lib/form/profile.h \
	lib/form/template.c \
	lib/form/template.h \
	lib/form/url.c \
	lib/form/url.h \
	lib/form/version.c \
	lib/form/version.h \
	lib/json/json_read.c \
	lib/json/json_read.h \
	lib/json/json_take.c \
	lib/json/json_take.h \
	lib/json/json_write.c \
	lib/json/json_write.h
libj11base_la_CFLAGS = $(AM_CFLAGS) $(YAJL_CFLAGS) -fvisibility=hidden
libj11base_la_LIBADD = $(YAJL_LIBS)

libj11core_la_SOURCES = \
	lib/api.c \
	lib/audit/audit_chain.c \
	lib/audit/audit_chain.h \
	lib/audit/audit_entry.c \
	lib/audit/audit_entry.h \
	lib/audit/audit_line.c \
	lib/audit/audit_line.h \
	lib/audit/audit_point.c \
	lib/audit/audit_point.h \
	lib/jose/chain.c \
	lib/jose/chain.h \
	lib/jose/cose.c \
	lib/jose/kid.c \
	lib/jose/kid.h \
	lib/jose/x509.c \
	lib/jose/x509.h \
	lib/jose/x5c.c \
	lib/jose/x5c.h \
	lib/jose/attest.c \
	lib/jose/attest.h \
	lib/jose/bundle.c \
	lib/jose/bundle.h \
	lib/jose/cert_text.c \
	lib/jose/cert_text.h \
	lib/token/cert.c \
	lib/token/cert.h \
	lib/token/cert_file.c \
	lib/token/cert_file.h \
	lib/token/cert_write.c \
	lib/token/cert_write.h \
	lib/token/claims.c \
	lib/token/claims.h \
	lib/jose/alg.c \
	lib/jose/alg.h \
	lib/jose/der.c \
	lib/jose/der.h \
	lib/jose/edwards.c \
	lib/jose/edwards.h \
	lib/jose/enc.c \
	lib/jose/enc.h \
	lib/jose/jwe.c \
	lib/jose/jwe.h \
	lib/jose/jwe_make.c \
	lib/jose/jwe_make.h \
	lib/jose/jwe_parse.c \
	lib/jose/kdf.c \
	lib/jose/kdf.h \
	lib/jose/kma.c \
	lib/jose/kma.h \
	lib/jose/jwk.c \
	lib/jose/jwk.h \
	lib/jose/jwks.c \
	lib/jose/spki.c \
	lib/jose/lint.c \
	lib/jose/lint.h \
	lib/jose/lint_b64.c \
	lib/jose/lint_cert.c \
	lib/jose/lint_curve.c \
	lib/jose/lint_member.c \
	lib/jose/lint_number.c \
	lib/jose/lint_part.h \
	lib/jose/lint_rules.c \
	lib/jose/lint_run.c \
	lib/jose/lint_set.c \
	lib/jose/lint_text.c \
	lib/jose/lint_use.c \
	lib/jose/jwks_diff.c \
	lib/jose/jwks_diff.h \
	lib/jose/takers.c \
	lib/jose/takers.h \
	lib/jose/thumb.c \
	lib/jose/thumb.h \
	lib/jose/jws.h \
	lib/jose/jws_header.c \
	lib/jose/jws_header.h \
	lib/jose/jws_make.c \
	lib/jose/jws_make.h \
	lib/jose/jws_parse.c \
	lib/jose/jws_verify.c \
	lib/jose/jwt.c \
	lib/jose/jwt.h \
	lib/jose/jwt_rules.c \
	lib/jose/jwt_rules.h \
	lib/jose/mldsa.c \
	lib/jose/mldsa.h \
	lib/jose/mldsa_ring.c \
	lib/jose/mldsa_ring.h \
	lib/jose/csr.c \
	lib/jose/csr.h \
	lib/jose/csr_text.c \
	lib/jose/csr_text.h \
	lib/jose/dn.c \
	lib/jose/dn.h \
	lib/jose/names.c \
	lib/jose/names.h \
	lib/jose/x509_make.c \
	lib/jose/x509_make.h \
	lib/jose/pem.c \
	lib/jose/pem.h \
	lib/jose/point.c \
	lib/jose/point.h \
	lib/jose/priv.c \
	lib/jose/priv.h \
	lib/jose/priv_jwk.c \
	lib/jose/priv_pem.c \
	lib/jose/pub.c \
	lib/jose/pub.h \
	lib/jose/ready.c \
	lib/jose/ready.h \
	lib/jose/verify.c \
	lib/jose/roca.c \
	lib/jose/roca.h \
	lib/token/check.c \
	lib/token/decrypt.c \
	lib/token/half.c \
	lib/token/half.h \
	lib/token/import.c \
	lib/token/import.h \
	lib/token/key.c \
	lib/token/key.h \
	lib/token/kind.c \
	lib/token/kind.h \
	lib/token/mac.c \
	lib/token/mac.h \
	lib/token/made.c \
	lib/token/made.h \
	lib/token/mech.c \
	lib/token/mech.h \
	lib/token/obj.c \
	lib/token/obj.h \
	lib/token/p11.c \
	lib/token/p11.h \
	lib/token/pad.c \
	lib/token/pick.c \
	lib/token/pick.h \
	lib/token/pin.c \
	lib/token/pin_record.c \
	lib/token/pin_record.h \
	lib/token/use.c \
	lib/token/use.h \
	lib/token/key_csr.c \
	lib/token/key_jws.c \
	lib/token/key_jws.h \
	lib/token/proof.c \
	lib/token/proof.h \
	lib/token/provision.c \
	lib/token/provision.h \
	lib/token/run.c \
	lib/token/run.h \
	lib/token/sess.c \
	lib/token/sign.c \
	lib/token/slot.c \
	lib/token/token.h \
	lib/token/uri.c \
	lib/token/uri.h \
	lib/token/versions.c \
	lib/token/versions.h
libj11core_la_CFLAGS = $(AM_CFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS) -fvisibility=hidden
libj11core_la_LIBADD = libj11base.la $(P11_LIBS) $(CRYPTO_LIBS) -lpthread

libjwk11_la_SOURCES =
libjwk11_la_LIBADD = libj11core.la
libjwk11_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,--version-script=$(srcdir)/lib/libjwk11.map -no-undefined
libjwk11_la_DEPENDENCIES = libj11core.la lib/libjwk11.map
EXTRA_DIST += lib/libjwk11.map
