#!/usr/bin/env bash
# Installs the servers from Debian's packages where they are not there and can be. Where not, the tests are skipped and say so.
set -uo pipefail
if command -v swift-proxy-server memcached ceph-mon ceph-osd radosgw rbd curl >/dev/null; then exit 0; fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# The packages are not to start their servers; this machine's own policy, where it has one, stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null && "${as_root[@]}" chmod +x "$policy" &&
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
{ "${as_root[@]}" apt-get -qq update &&
  "${as_root[@]}" apt-get -qq install -y --no-install-recommends swift-proxy swift-account swift-container swift-object memcached \
    ceph-mon ceph-osd radosgw ceph-common curl; } >"$log" 2>&1 || { tail -3 "$log"; echo 'not installed; see the skipped tests'; }
rm -f "$log"
