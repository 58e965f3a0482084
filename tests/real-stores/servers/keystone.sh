#!/usr/bin/env bash
# Keystone (Debian's, with SQLite) on loopback, and a Swift that asks it, below a directory of its own. The administrator is admin
# (password: admin, project: admin). Tokens live for three minutes: keystonemiddleware asks for another before each request once its own has less than
# two left. A token that it has seen is good to it for ten seconds.
#
#     keystone.sh start|stop
#
# with SERVER_DIRECTORY, PORTS (Keystone, Swift's proxy, and the five of swift.sh), and OWNER: the process with which they end.
set -euo pipefail
D=$SERVER_DIRECTORY
read -r KEYSTONE_PORT PROXY_PORT SWIFT_PORTS <<<"$PORTS"
export PYTHONWARNINGS=ignore
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$here/end-with-owner.sh"
swift() { SERVER_DIRECTORY=$D/swift PORTS=$SWIFT_PORTS bash "$here/swift.sh" "$1"; }
start() {
  end_with_owner
  mkdir -p "$D"/{fernet,credential,log,swift}
  swift start &
  local starting=$!
  cat > "$D/keystone.conf" <<C
[DEFAULT]
log_file = $D/log/keystone.log
[database]
connection = sqlite:///$D/keystone.db
[token]
provider = fernet
expiration = 180
allow_expired_window = 0
[fernet_tokens]
key_repository = $D/fernet
[credential]
key_repository = $D/credential
[cache]
enabled = false
C
  manage db_sync
  manage fernet_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)"
  manage credential_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)"
  local url=http://127.0.0.1:$KEYSTONE_PORT/v3
  manage bootstrap --bootstrap-password admin --bootstrap-admin-url "$url" --bootstrap-internal-url "$url" \
    --bootstrap-public-url "$url" --bootstrap-region-id one
  OS_KEYSTONE_CONFIG_FILES=$D/keystone.conf OS_KEYSTONE_CONFIG_DIR=$D /usr/bin/python3 - "$KEYSTONE_PORT" >"$D/log/keystone.out" 2>&1 <<'P' &
import sys
from wsgiref.simple_server import make_server

port = int(sys.argv.pop())
from keystone.server.wsgi import initialize_public_application

# One request at a time: SQLite's connections do not go from thread to thread.
make_server('127.0.0.1', port, initialize_public_application()).serve_forever()
P
  echo $! >"$D/pid/keystone"
  wait "$starting"
  sed -e "s/^bind_port = .*/bind_port = $PROXY_PORT/" -e 's/ s3api tempauth / authtoken keystoneauth /' \
    "$D/swift/etc/proxy-server.conf" >"$D/proxy-server.conf"
  cat >> "$D/proxy-server.conf" <<C
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = http://127.0.0.1:$KEYSTONE_PORT
auth_url = http://127.0.0.1:$KEYSTONE_PORT
auth_type = password
username = admin
password = admin
project_name = admin
user_domain_id = default
project_domain_id = default
delay_auth_decision = true
cache = swift.cache
token_cache_time = 10
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
C
  /usr/bin/python3 "$(command -v swift-proxy-server)" "$D/proxy-server.conf" -v >>"$D/log/proxy.log" 2>&1 &
  echo $! >"$D/pid/proxy"
  for each in "$url" "http://127.0.0.1:$PROXY_PORT/healthcheck"; do
    curl -sf --retry 600 --retry-delay 1 --retry-all-errors "$each" >/dev/null
  done
}
manage() { /usr/bin/python3 "$(command -v keystone-manage)" --config-file "$D/keystone.conf" "$@" >>"$D/log/manage.log" 2>&1; }
stop() {
  need_no_guard
  for f in "$D"/pid/*; do [ ! -f "$f" ] || kill -KILL "$(cat "$f")" 2>/dev/null || true; done
  [ ! -d "$D/swift" ] || swift stop
}
"$1"
