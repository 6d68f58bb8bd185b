# SPDX-License-Identifier: Apache-2.0
# base and json need no cryptography and no PKCS#11: the network-facing process links nothing else of the library.
noinst_LTLIBRARIES += libj11base.la libj11core.la
lib_LTLIBRARIES += libjwk11.la
include_HEADERS = lib/jwk11.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = lib/jwk11.pc

libj11base_la_SOURCES = lib/jwk11.h \
	lib/base/attr.h lib/base/b64.c lib/base/b64.h lib/base/buf.c lib/base/buf.h lib/base/ckr.c lib/base/ckr.h lib/base/err.c \
	lib/base/err.h lib/base/mem.c lib/base/mem.h lib/base/secret.c lib/base/secret.h lib/base/text.c lib/base/text.h \
	lib/json/json_read.c lib/json/json_read.h lib/json/json_take.c lib/json/json_take.h lib/json/json_write.c lib/json/json_write.h
libj11base_la_CFLAGS = $(AM_CFLAGS) $(YAJL_CFLAGS) -fvisibility=hidden
libj11base_la_LIBADD = $(YAJL_LIBS)

libj11core_la_SOURCES = lib/api.c \
	lib/jose/alg.c lib/jose/alg.h lib/jose/der.c lib/jose/der.h lib/jose/edwards.c lib/jose/edwards.h lib/jose/jwk.c lib/jose/jwk.h lib/jose/jwks.c lib/jose/spki.c \
	lib/jose/jws.c lib/jose/jws.h lib/jose/jwt.c lib/jose/jwt.h lib/jose/pem.c lib/jose/pub.c lib/jose/pub.h lib/jose/ready.c \
	lib/jose/ready.h lib/jose/verify.c \
	lib/token/key.c lib/token/key.h lib/token/mech.c lib/token/mech.h lib/token/obj.c lib/token/p11.c lib/token/p11.h lib/token/pin.c \
	lib/token/provision.c lib/token/provision.h lib/token/sess.c lib/token/sign.c lib/token/slot.c lib/token/token.h lib/token/uri.c \
	lib/token/uri.h
libj11core_la_CFLAGS = $(AM_CFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS) -fvisibility=hidden
libj11core_la_LIBADD = libj11base.la $(P11_LIBS) $(CRYPTO_LIBS) -lpthread

libjwk11_la_SOURCES =
libjwk11_la_LIBADD = libj11core.la
libjwk11_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,--version-script=$(srcdir)/lib/libjwk11.map -no-undefined
libjwk11_la_DEPENDENCIES = libj11core.la lib/libjwk11.map
EXTRA_DIST += lib/libjwk11.map
