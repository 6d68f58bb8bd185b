#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes configure and its helpers from configure.ac and Makefile.am.
set -eu
cd "$(dirname "$0")"
mkdir -p build-aux m4
automake_dir=$(automake --print-libdir)
cp "$automake_dir/tap-driver.sh" build-aux/tap-driver.sh
autoreconf -fi
