# SPDX-License-Identifier: Apache-2.0
dist_man_MANS = man/jwk11.1 man/jwk11d.8 man/jwk11.conf.5
