# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += jwk11
jwk11_SOURCES = tools/jwk11.c tools/cmd.h tools/ask.c tools/ask.h tools/cmd_doctor.c tools/cmd_jwks.c tools/cmd_list.c tools/cmd_setup.c \
	tools/cmd_show.c tools/cmd_sign.c tools/cmd_verify.c tools/exit.c tools/io.c tools/local.c tools/local.h \
	broker/conf_emit.c broker/conf_load.c broker/conf_read.c
jwk11_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/broker -I$(srcdir)/tools $(P11_CFLAGS) $(CRYPTO_CFLAGS)
jwk11_LDADD = libj11core.la -lpthread
