# SPDX-License-Identifier: Apache-2.0
# Five programs; the file prefix says in which one a file runs. Supervisor and front link only base and json of the library.
sbin_PROGRAMS += jwk11d
pkglibexec_PROGRAMS += jwk11d-front jwk11d-keys jwk11d-worker
noinst_LTLIBRARIES += libj11broker.la
BROKER_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/broker

# Both the front's and supervisor's library and the worker, which stands on the whole of libjwk11, have these.
SHARED_SOURCES = \
	broker/conf.h \
	broker/conf_check.c \
	broker/conf_emit.c \
	broker/conf_keys.c \
	broker/conf_kubernetes.c \
	broker/conf_load.c \
	broker/conf_look.c \
	broker/conf_read.c \
	broker/conf_set.c \
	broker/conf_table.h \
	broker/log.c \
	broker/log.h \
	broker/peer.c \
	broker/peer.h \
	broker/policy.c \
	broker/policy.h \
	broker/sandbox.c \
	broker/sandbox.h \
	broker/sandbox_filter.c \
	broker/sandbox_filter.h \
	broker/sandbox_land.c \
	broker/sandbox_land.h \
	broker/tally.c \
	broker/tally.h \
	broker/wire.c \
	broker/wire.h
libj11broker_la_SOURCES = $(SHARED_SOURCES)
libj11broker_la_CPPFLAGS = $(BROKER_CPPFLAGS) $(SECCOMP_CFLAGS)
libj11broker_la_LIBADD = libj11base.la

jwk11d_SOURCES = \
	broker/sup_audit.c \
	broker/sup_audit.h \
	broker/sup_child.c \
	broker/sup_child.h \
	broker/sup_conf.c \
	broker/sup_conf.h \
	broker/sup_explain.c \
	broker/sup_explain.h \
	broker/sup_keys.c \
	broker/sup_keys.h \
	broker/sup_listen.c \
	broker/sup_listen.h \
	broker/sup_login.c \
	broker/sup_login.h \
	broker/sup_main.c \
	broker/sup_notify.c \
	broker/sup_notify.h \
	broker/sup_publish.c \
	broker/sup_publish.h \
	broker/sup_serve.c \
	broker/sup_serve.h \
	broker/sup_sock.c \
	broker/sup_sock.h \
	broker/sup_spawn.c \
	broker/sup_spawn.h \
	broker/sup_status.c \
	broker/sup_status.h \
	broker/sup_watch.c \
	broker/sup_watch.h
jwk11d_CPPFLAGS = $(BROKER_CPPFLAGS)
jwk11d_LDADD = libj11broker.la $(SECCOMP_LIBS)

FRONT_SOURCES = \
	broker/call.h \
	broker/call_end.c \
	broker/call_in.h \
	broker/call_module.c \
	broker/call_queue.c \
	broker/call_queue.h \
	broker/call_send.c \
	broker/call_start.c \
	broker/call_worker.c \
	broker/catalog.c \
	broker/catalog.h \
	broker/catalog_entry.c \
	broker/catalog_entry.h \
	broker/count.c \
	broker/count.h \
	broker/front.h \
	broker/front_accept.c \
	broker/front_accept.h \
	broker/front_batch.c \
	broker/front_batch.h \
	broker/front_body.c \
	broker/front_body.h \
	broker/front_call.c \
	broker/front_conn.h \
	broker/front_conn_in.h \
	broker/front_grpc.c \
	broker/front_grpc.h \
	broker/front_grpc_keys.c \
	broker/front_grpc_keys.h \
	broker/front_room.c \
	broker/front_serve.c \
	broker/front_jwks.c \
	broker/front_csr.c \
	broker/front_csr.h \
	broker/front_jws.c \
	broker/front_jws.h \
	broker/front_login.c \
	broker/front_login.h \
	broker/front_oidc.c \
	broker/front_oidc.h \
	broker/front_proof.c \
	broker/front_proof.h \
	broker/front_openapi.c \
	broker/front_openapi.h \
	broker/front_refusal.c \
	broker/front_req.c \
	broker/front_route.c \
	broker/front_route.h \
	broker/front_transit.c \
	broker/front_transit.h \
	broker/front_transit_body.c \
	broker/front_transit_body.h \
	broker/front_transit_way.c \
	broker/front_transit_way.h \
	broker/front_verify_only.c \
	broker/front_view.c \
	broker/front_view.h \
	broker/http_media.c \
	broker/http_media.h \
	broker/http_parse.c \
	broker/http_parse.h \
	broker/http_reply.c \
	broker/http_reply.h \
	broker/grpc_proto.c \
	broker/grpc_proto.h \
	broker/grpc_text.c \
	broker/grpc_text.h \
	broker/front_metrics.c \
	broker/front_metrics.h \
	broker/loop.c \
	broker/loop.h \
	broker/meter.c \
	broker/meter.h \
	broker/problem.c \
	broker/problem.h \
	broker/start.c \
	broker/start.h \
	broker/user.c \
	broker/user.h
noinst_LTLIBRARIES += libj11front.la
libj11front_la_SOURCES = $(FRONT_SOURCES)
nodist_libj11front_la_SOURCES = broker/front_openapi_text.c
libj11front_la_CPPFLAGS = $(BROKER_CPPFLAGS)
libj11front_la_LIBADD = libj11broker.la

# The description of the API, and the same as octets for the front.
pkgdata_DATA = data/openapi.json
EXTRA_DIST += data/openapi.in.json data/openapi.awk
CLEANFILES += data/openapi.json broker/front_openapi_text.c
data/openapi.json: data/openapi.in.json data/openapi.awk broker/problem.c Makefile
	$(AM_V_GEN)$(MKDIR_P) data && $(AWK) -v version='$(VERSION)' -f $(srcdir)/data/openapi.awk $(srcdir)/broker/problem.c $(srcdir)/data/openapi.in.json \
		$(srcdir)/data/openapi.in.json >$@.new && mv $@.new $@
broker/front_openapi_text.c: data/openapi.json
	$(AM_V_GEN)$(MKDIR_P) broker && { \
		echo '/* SPDX-License-Identifier: Apache-2.0 */'; echo '/* Made of data/openapi.json. */'; echo '#include "front_openapi.h"'; \
		echo 'const unsigned char front_openapi_text[] = {'; od -An -v -tx1 data/openapi.json | sed 's/[0-9a-f][0-9a-f]/0x&,/g'; echo '};'; \
		echo 'const size_t front_openapi_len = sizeof(front_openapi_text);'; } >$@.new && mv $@.new $@

jwk11d_front_SOURCES = broker/front_main.c
jwk11d_front_CPPFLAGS = $(BROKER_CPPFLAGS)
jwk11d_front_LDADD = libj11front.la $(SECCOMP_LIBS)

if WITH_KUBERNETES
pkglibexec_PROGRAMS += jwk11d-grpc
endif
GRPC_SOURCES = broker/grpc.h broker/grpc_accept.c broker/grpc_conn.c broker/grpc_link.c broker/grpc_main.c broker/grpc_stream.c
jwk11d_grpc_SOURCES = $(GRPC_SOURCES)
jwk11d_grpc_CPPFLAGS = $(BROKER_CPPFLAGS) $(NGHTTP2_CFLAGS)
jwk11d_grpc_LDADD = libj11front.la $(SECCOMP_LIBS) $(NGHTTP2_LIBS)

WORKER_SOURCES = \
	broker/start.c \
	broker/start.h \
	broker/audit_file.c \
	broker/audit_file.h \
	broker/audit_journal.c \
	broker/audit_journal.h \
	broker/breaker.c \
	broker/breaker.h \
	broker/work_break.c \
	broker/work_break.h \
	broker/work_log.c \
	broker/work_log.h \
	broker/work_admin.c \
	broker/work_admin.h \
	broker/work_audit.c \
	broker/work_audit.h \
	broker/work_control.c \
	broker/work_control.h \
	broker/work_current.c \
	broker/work_current.h \
	broker/work_job.c \
	broker/work_job.h \
	broker/work_login.c \
	broker/work_login.h \
	broker/work_loop.c \
	broker/work_loop.h \
	broker/work_main.c \
	broker/work_note.c \
	broker/work_note.h \
	broker/work_ops.c \
	broker/work_ops.h \
	broker/work_peer.c \
	broker/work_peer.h \
	broker/work_proof.c \
	broker/work_proof.h \
	broker/work_recover.c \
	broker/work_recover.h \
	broker/work_serve.c \
	broker/work_serve.h \
	broker/work_sock.c \
	broker/work_sock.h \
	broker/work_tell.c \
	broker/work_tell.h \
	broker/work_turn.c \
	broker/work_turn.h \
	broker/work_unit.c \
	broker/work_unit.h \
	broker/work_version.c \
	broker/work_version.h \
	broker/work_view.c \
	broker/work_view.h \
	broker/work_wake.c \
	broker/work_wake.h \
	$(SHARED_SOURCES)
jwk11d_worker_SOURCES = $(WORKER_SOURCES)
jwk11d_worker_CPPFLAGS = $(BROKER_CPPFLAGS) $(P11_CFLAGS) $(CRYPTO_CFLAGS) $(SECCOMP_CFLAGS)
jwk11d_worker_LDADD = libj11core.la $(SECCOMP_LIBS) -lpthread

# What verify-only keys are read with; the tool has it too.
KEYS_SOURCES = broker/keys_dir.c broker/keys_dir.h broker/keys_file.c broker/keys_file.h
jwk11d_keys_SOURCES = broker/keys_main.c $(KEYS_SOURCES) $(SHARED_SOURCES)
jwk11d_keys_CPPFLAGS = $(BROKER_CPPFLAGS) $(CRYPTO_CFLAGS) $(SECCOMP_CFLAGS)
jwk11d_keys_LDADD = libj11core.la $(SECCOMP_LIBS)
