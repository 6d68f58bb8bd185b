# SPDX-License-Identifier: Apache-2.0
dist_doc_DATA = data/jwk11.conf.example docs/devices.md docs/federation.md docs/import.md docs/kubernetes.md
dist_doc_DATA += docs/doctor.md

# For shells, in the folders where they look for what they complete with.
bashcompdir = $(datadir)/bash-completion/completions
dist_bashcomp_DATA = data/completions/jwk11
zshcompdir = $(datadir)/zsh/site-functions
dist_zshcomp_DATA = data/completions/_jwk11
fishcompdir = $(datadir)/fish/vendor_completions.d
dist_fishcomp_DATA = data/completions/jwk11.fish

# For clusters.
kubernetesdir = $(pkgdatadir)/kubernetes
dist_kubernetes_DATA = data/kubernetes/kubeadm-patch.yaml data/kubernetes/kube-apiserver-part.yaml
dist_kubernetes_SCRIPTS = data/kubernetes/take-key-files-out

# For web servers that publish the key sets: included by their own configuration.
webdir = $(pkgdatadir)/web
dist_web_DATA = data/web/nginx-proxy.conf data/web/nginx-files.conf data/web/Caddyfile-proxy data/web/Caddyfile-files

# For service managers. Drop-ins lie where nobody reads them until an administrator copies one.
UNIT_FILES = data/systemd/jwk11d.service.in data/systemd/jwk11d.socket data/systemd/jwk11d-public.socket data/systemd/tpm.conf \
	data/systemd/pcscd.conf data/systemd/nethsm.conf data/systemd/pin.conf data/systemd/jwk11-rotate@.service.in data/systemd/jwk11-rotate@.timer data/systemd/jwk11-token@.service.in data/sysusers.d/jwk11.conf data/tmpfiles.d/jwk11.conf \
	data/polkit/jwk11d-pcscd.rules
EXTRA_DIST += $(UNIT_FILES)
if WITH_UNITS
systemdsystemunit_DATA = data/systemd/jwk11d.service data/systemd/jwk11d.socket data/systemd/jwk11d-public.socket \
	data/systemd/jwk11-rotate@.service data/systemd/jwk11-rotate@.timer data/systemd/jwk11-token@.service
dropinsdir = $(pkgdatadir)/systemd
dropins_DATA = data/systemd/tpm.conf data/systemd/pcscd.conf data/systemd/nethsm.conf data/systemd/pin.conf
sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = data/sysusers.d/jwk11.conf
tmpfilesdir = $(prefix)/lib/tmpfiles.d
tmpfiles_DATA = data/tmpfiles.d/jwk11.conf
polkitrulesdir = $(datadir)/polkit-1/rules.d
polkitrules_DATA = data/polkit/jwk11d-pcscd.rules
endif

FILL_UNIT = $(AM_V_GEN)$(MKDIR_P) data/systemd && \
	sed -e 's,[@]sbindir[@],$(sbindir),' -e 's,[@]bindir[@],$(bindir),' -e 's,[@]pkgdatadir[@],$(pkgdatadir),'
data/systemd/jwk11d.service: data/systemd/jwk11d.service.in Makefile
	$(FILL_UNIT) $(srcdir)/data/systemd/jwk11d.service.in >$@.new && mv $@.new $@
data/systemd/jwk11-rotate@.service: data/systemd/jwk11-rotate@.service.in Makefile
	$(FILL_UNIT) $(srcdir)/data/systemd/jwk11-rotate@.service.in >$@.new && mv $@.new $@
data/systemd/jwk11-token@.service: data/systemd/jwk11-token@.service.in Makefile
	$(FILL_UNIT) $(srcdir)/data/systemd/jwk11-token@.service.in >$@.new && mv $@.new $@
check_DATA = data/systemd/jwk11d.service data/systemd/jwk11-rotate@.service data/systemd/jwk11-token@.service
CLEANFILES += data/systemd/jwk11d.service data/systemd/jwk11-rotate@.service data/systemd/jwk11-token@.service
