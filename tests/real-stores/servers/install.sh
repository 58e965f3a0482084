#!/usr/bin/env bash
# The servers of Swift and Ceph, from Debian's packages.
exec bash tests/support/install-packages.sh swift-proxy-server swift-account-server swift-container-server swift-object-server memcached \
  ceph-mon ceph-osd radosgw rbd curl -- \
  swift-proxy swift-account swift-container swift-object memcached ceph-mon ceph-osd radosgw ceph-common curl
