#!/usr/bin/env bash
# Installs Redis from Debian's packages where it is not there and can be. Where not, the tests are skipped and say so.
set -uo pipefail
if command -v redis-server >/dev/null; then exit 0; fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# The package is not to start its server; this machine's own policy, where it has one, stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null && "${as_root[@]}" chmod +x "$policy" &&
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
{ "${as_root[@]}" apt-get -qq update &&
  "${as_root[@]}" apt-get -qq install -y --no-install-recommends redis-server; } >"$log" 2>&1 ||
  { tail -3 "$log"; echo 'not installed; see the skipped tests'; }
rm -f "$log"
