#!/usr/bin/env bash
# Installs the servers from Debian's packages where they are not there and can be. Where not, the tests are skipped and say so.
set -uo pipefail
has_all() {
  local program
  for program in swift-proxy-server swift-account-server swift-container-server swift-object-server memcached ceph-mon ceph-osd radosgw rbd curl; do
    command -v "$program" >/dev/null || return 1
  done
}
has_all && exit 0
not_installed() {
  echo "the servers are not installed ($1): see the skipped tests"
  exit 0
}
command -v apt-get >/dev/null || not_installed 'there is no apt-get'
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo -n)
  sudo -n true 2>/dev/null || not_installed 'neither root nor sudo without a password'
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The packages are not to start their servers; this machine's own policy, where it has one, stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$log"; "${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
# Another one may be installing just now.
apt=("${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300)
{ "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends swift-proxy swift-account swift-container swift-object memcached \
  ceph-mon ceph-osd radosgw ceph-common curl; } >"$log" 2>&1 || { tail -3 "$log"; not_installed 'apt-get failed'; }
