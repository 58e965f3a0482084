#!/usr/bin/env bash
# Installs packages of Debian's where their programs are not there and can be:
#
#     bash tests/support/install-packages.sh <program>... -- <package>...
#
# Where they cannot it says so, and is no failure: the tests that need the programs are skipped.
set -uo pipefail
programs=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  programs+=("$1")
  shift
done
shift
PATH=$PATH:/usr/sbin
has_all() {
  local program
  for program in "${programs[@]}"; do command -v "$program" >/dev/null || return 1; done
}
has_all && exit 0
not_installed() {
  echo "${programs[*]}: not installed ($1); see the skipped tests"
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
{ "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"; } >"$log" 2>&1 ||
  { tail -3 "$log"; not_installed 'apt-get failed'; }
