#!/usr/bin/env bash
# One-node OpenStack Swift with tempauth (user test:tester, key testing; and test:writer, key
# writing, who may do what a container's ACL says) and its S3 interface, on loopback, below a directory of its own.
#
#     swift.sh start|stop|kill <server>|revive <server>|forget-tokens
#
# with SERVER_DIRECTORY, PORTS (five, separated by blanks), and OWNER: the process with which they end.
set -euo pipefail
D=$SERVER_DIRECTORY
read -r PROXY_PORT MC PORT_OBJECT PORT_CONTAINER PORT_ACCOUNT <<<"$PORTS"
export PYTHONWARNINGS=ignore
. "$(dirname "${BASH_SOURCE[0]}")/end-with-owner.sh"
start() {
  end_with_owner
  mkdir -p "$D"/{etc,node/sdb1,recon,cache,log,pid}
  U=$(id -un)
  cat > "$D/etc/swift.conf" <<E
[swift-hash]
swift_hash_path_suffix = testsuffix
swift_hash_path_prefix = testprefix
[storage-policy:0]
name = Policy-0
default = yes
[swift-constraints]
E
  cat > "$D/etc/proxy-server.conf" <<E
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $PROXY_PORT
workers = 0
user = $U
swift_dir = $D/etc
log_level = INFO
eventlet_debug = false
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk tempurl s3api tempauth copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
# There is no other server that it could ask meanwhile.
error_suppression_interval = 1
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_admin_admin = admin .admin .reseller_admin
user_test_tester = testing .admin
user_test_writer = writing
[filter:s3api]
use = egg:swift#s3api
s3_acl = no
check_bucket_owner = no
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$MC
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
[filter:copy]
use = egg:swift#copy
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
[filter:slo]
use = egg:swift#slo
min_segment_size = 1
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
E
  for t in object container account; do
    port=PORT_${t^^}
    p=${!port}
    cat > "$D/etc/$t-server.conf" <<E
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $p
workers = 0
user = $U
swift_dir = $D/etc
devices = $D/node
mount_check = false
disable_fallocate = true
recon_cache_path = $D/recon
log_level = INFO
fallocate_reserve = 0
[pipeline:main]
pipeline = healthcheck recon $t-server
[app:$t-server]
use = egg:swift#$t
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:recon]
use = egg:swift#recon
recon_cache_path = $D/recon
recon_lock_path = $D/recon
E
    r=$t; ( cd "$D/etc"; [ -f $r.ring.gz ] || { swift-ring-builder $r.builder create 4 1 0 >/dev/null; swift-ring-builder $r.builder add r1z1-127.0.0.1:$p/sdb1 1 >/dev/null; swift-ring-builder $r.builder rebalance >/dev/null; } )
  done
  memcached -l 127.0.0.1 -p "$MC" -U 0 -u "$U" -m 64 >"$D/log/memcached.log" 2>&1 &
  echo $! >"$D/pid/memcached"
  for t in object container account proxy; do launch "$t"; done
  # The proxy answers before the servers behind it do, and then has no container for anybody.
  for port in "$PORT_OBJECT" "$PORT_CONTAINER" "$PORT_ACCOUNT" "$PROXY_PORT"; do
    curl -sf --retry 600 --retry-delay 1 --retry-all-errors "http://127.0.0.1:$port/healthcheck" >/dev/null
  done
}
launch() {
  # Debian's own Python has its modules.
  /usr/bin/python3 "$(command -v "swift-$1-server")" "$D/etc/$1-server.conf" -v >>"$D/log/$1.log" 2>&1 &
  echo $! >"$D/pid/$1"
}
stop() {
  need_no_guard
  for f in "$D"/pid/*; do [ ! -f "$f" ] || kill -KILL "$(cat "$f")" 2>/dev/null || true; done
}
case $1 in
  start) start ;;
  stop) stop ;;
  kill) kill -KILL "$(cat "$D/pid/$2")" ;;
  revive) launch "$2" ;;
  # They are kept where all is that may be forgotten: as if they had expired.
  forget-tokens) exec 3<>"/dev/tcp/127.0.0.1/$MC" && printf 'flush_all\r\n' >&3 && read -r -t 60 _ <&3 ;;
esac
