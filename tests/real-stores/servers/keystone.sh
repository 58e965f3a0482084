#!/usr/bin/env bash
# A real Keystone v3 on loopback, with SQLite and the user admin (password admin, project admin), and a second proxy of the Swift below
# SWIFT_DIRECTORY that asks it. It needs `apt-get install --no-install-recommends keystone python3-keystonemiddleware`, which nothing here
# installs.
#
#     keystone.sh start|stop
#
# with SERVER_DIRECTORY, PORTS (Keystone, Swift's proxy), and OWNER: the process with which they end.
set -euo pipefail
D=$SERVER_DIRECTORY
read -r PORT PROXY_PORT <<<"$PORTS"
URL=http://127.0.0.1:$PORT/v3
export PYTHONWARNINGS=ignore
. "$(dirname "${BASH_SOURCE[0]}")/end-with-owner.sh"
start() {
  end_with_owner
  mkdir -p "$D"/{fernet,credentials,log,pid}
  cat >"$D/keystone.conf" <<C
[DEFAULT]
log_file = $D/log/keystone.log
[database]
connection = sqlite:///$D/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = $D/fernet
[credential]
key_repository = $D/credentials
[cache]
enabled = false
C
  manage() { keystone-manage --config-file "$D/keystone.conf" "$@" >>"$D/log/manage.log" 2>&1; }
  manage db_sync
  manage fernet_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)"
  manage credential_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)"
  manage bootstrap --bootstrap-password admin --bootstrap-admin-url "$URL" --bootstrap-internal-url "$URL" --bootstrap-public-url "$URL" \
    --bootstrap-region-id RegionOne
  OS_KEYSTONE_CONFIG_FILES=$D/keystone.conf OS_KEYSTONE_CONFIG_DIR=$D /usr/bin/python3 - "$PORT" >"$D/log/wsgi.log" 2>&1 <<'P' &
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

port = int(sys.argv[1])
# Keystone reads them, too.
sys.argv = ['keystone']
from keystone.server.wsgi import initialize_public_application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


make_server('127.0.0.1', port, initialize_public_application(), server_class=Server).serve_forever()
P
  echo $! >"$D/pid/keystone"
  answers "$URL"
  token=$(login | tr -d '\r' | awk 'tolower($1) == "x-subject-token:" { print $2 }')
  service=$(post services '{ "service": { "type": "object-store", "name": "swift" } }' | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["service"]["id"])')
  for interface in public internal; do
    post endpoints "{ \"endpoint\": { \"service_id\": \"$service\", \"interface\": \"$interface\", \"region_id\": \"RegionOne\",
      \"url\": \"http://127.0.0.1:$PROXY_PORT/v1/AUTH_\$(project_id)s\" } }" >/dev/null
  done
  sed -e "s/^bind_port = .*/bind_port = $PROXY_PORT/" -e 's/ s3api tempauth / authtoken keystoneauth /' "$SWIFT_DIRECTORY/etc/proxy-server.conf" >"$D/proxy.conf"
  cat >>"$D/proxy.conf" <<C
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = http://127.0.0.1:$PORT
auth_url = http://127.0.0.1:$PORT
auth_type = password
username = admin
password = admin
project_name = admin
user_domain_id = default
project_domain_id = default
delay_auth_decision = true
cache = swift.cache
token_cache_time = 1
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
C
  /usr/bin/python3 "$(command -v swift-proxy-server)" "$D/proxy.conf" -v >"$D/log/proxy.log" 2>&1 &
  echo $! >"$D/pid/proxy"
  answers "http://127.0.0.1:$PROXY_PORT/healthcheck"
}
answers() { curl -sf --retry 300 --retry-delay 1 --retry-all-errors -o "$D/log/answer" "$1"; }
login() {
  curl -sif -H 'Content-Type: application/json' "$URL/auth/tokens" -d '{ "auth": {
    "identity": { "methods": ["password"], "password": { "user": { "name": "admin", "domain": { "id": "default" }, "password": "admin" } } },
    "scope": { "project": { "name": "admin", "domain": { "id": "default" } } } } }'
}
post() { curl -sf -H "X-Auth-Token: $token" -H 'Content-Type: application/json' -d "$2" "$URL/$1"; }
stop() {
  need_no_guard
  for f in "$D"/pid/*; do [ ! -f "$f" ] || kill -KILL "$(cat "$f")" 2>/dev/null || true; done
}
case $1 in
  start) start ;;
  stop) stop ;;
esac
