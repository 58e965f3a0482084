#!/usr/bin/env bash
# One-node Ceph on loopback, below a directory of its own: a monitor, an OSD that keeps everything in memory, and radosgw with two users:
# backup (S3: key, secret; Swift: backup:swift, secret) and poor (poor-key, secret; poor:swift, secret), which may have 3 MiB.
#
#     ceph.sh start|stop|(kill|revive|pause|resume) <server>|add-rbd-user|fill|empty
#
# with SERVER_DIRECTORY, PORTS (monitor, radosgw), and OWNER: the process with which they end.
set -euo pipefail
D=$SERVER_DIRECTORY
read -r MONP RGWP <<<"$PORTS"
export CEPH_CONF=$D/ceph.conf
. "$(dirname "${BASH_SOURCE[0]}")/end-with-owner.sh"
start() {
  end_with_owner
  mkdir -p "$D"/{log,pid,asok}
  FSID=$(cat /proc/sys/kernel/random/uuid)
  cat > "$D/ceph.conf" <<E
[global]
fsid = $FSID
mon_host = [v1:127.0.0.1:$MONP]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
public_network = 127.0.0.0/8
ms_bind_msgr2 = false
ms_bind_port_min = 16800
ms_bind_port_max = 16900
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = $D/keyring
run_dir = $D/asok
admin_socket = $D/asok/\$name.asok
log_file = $D/log/\$name.log
crash_dir = $D/log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_allow_pool_delete = true
mon_max_pg_per_osd = 1000
mon_data_avail_warn = 1
mon_data_avail_crit = 1
[mon.a]
mon_data = $D/mon.a
[osd]
osd_data = $D/osd.\$id
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_class_dir = /usr/lib/$(uname -m)-linux-gnu/rados-classes
[client.rgw]
keyring = $D/keyring
rgw_data = $D/rgw
rgw_frontends = beast endpoint=127.0.0.1:$RGWP
rgw_zone = default
rgw_enable_usage_log = false
rgw_swift_account_in_url = true
# What is deleted is gone soon: it is in memory.
rgw_gc_obj_min_wait = 1
rgw_gc_processor_period = 5
E
  ceph-authtool --create-keyring "$D/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
  ceph-authtool "$D/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' --cap mds 'allow *' >/dev/null
  ceph-authtool "$D/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd' >/dev/null
  ceph-authtool "$D/keyring" --gen-key -n client.rgw --cap mon 'allow rw' --cap osd 'allow rwx' --cap mgr 'allow rw' >/dev/null
  monmaptool --create --clobber --fsid $FSID --addv a "[v1:127.0.0.1:$MONP]" "$D/monmap" >/dev/null
  mkdir -p "$D/mon.a" "$D/osd.0" "$D/rgw"
  ceph-mon --mkfs -i a --monmap "$D/monmap" --keyring "$D/keyring"
  launch mon
  wait_for timeout 20 ceph -s >/dev/null
  U=$(cat /proc/sys/kernel/random/uuid)
  ceph osd new "$U" 0 >/dev/null
  ceph-osd -i 0 --mkfs --osd-uuid "$U" --keyring "$D/keyring" >"$D/log/osd-mkfs.out" 2>&1
  launch osd
  wait_for is_osd_up
  for pool in backups checks; do
    ceph osd pool create $pool 8 8 >/dev/null 2>&1
    ceph osd pool application enable $pool rbd >/dev/null 2>&1
  done
  launch rgw
  wait_for curl -sf -o "$D/log/answer" "http://127.0.0.1:$RGWP/"
  add_user backup key
  add_user poor poor-key
  radosgw-admin quota set --uid poor --quota-scope user --max-size 3M >/dev/null 2>&1
  radosgw-admin quota enable --uid poor --quota-scope user >/dev/null 2>&1
}
# Has the OSD say that it has no room, or has some; the monitor then tells it of each pool.
say_full() { ceph tell osd.0 injectfull "$1" >/dev/null 2>&1; }
is_full() { ceph osd pool ls detail | grep "'backups'" | grep -qw full; }
has_room() { ! is_full; }
is_osd_up() { ceph osd stat 2>/dev/null | grep -q '1 up'; }
# For ten minutes at the most: nobody's machine is so busy.
wait_for() {
  for _ in $(seq 1200); do
    if "$@"; then return; fi
    sleep 0.5
  done
  echo "ceph: waited in vain: $*" >&2
  exit 1
}
add_user() {
  radosgw-admin user create --uid "$1" --display-name "$1" --access-key "$2" --secret-key secret >/dev/null 2>&1
  radosgw-admin subuser create --uid "$1" --subuser "$1:swift" --access full >/dev/null 2>&1
  radosgw-admin key create --uid "$1" --subuser "$1:swift" --key-type swift --secret-key secret >/dev/null 2>&1
}
launch() {
  case $1 in
    mon) ceph-mon -f -i a >>"$D/log/mon.out" 2>&1 & ;;
    osd) ceph-osd -f -i 0 >>"$D/log/osd.out" 2>&1 & ;;
    rgw) radosgw -f -n client.rgw >>"$D/log/rgw.out" 2>&1 & ;;
  esac
  echo $! >"$D/pid/$1"
}
# Not asked to end, and in this order: the OSD would wait for the monitor.
stop() {
  need_no_guard
  for f in rgw osd mon; do [ ! -f "$D/pid/$f" ] || kill -KILL "$(cat "$D/pid/$f")" 2>/dev/null || true; done
}
case $1 in
  start) start ;;
  stop) stop ;;
  pause) kill -STOP "$(cat "$D/pid/$2")" ;;
  resume) kill -CONT "$(cat "$D/pid/$2")" ;;
  kill) kill -KILL "$(cat "$D/pid/$2")" ;;
  revive) launch "$2" ;;
  # With the capabilities of docs/stores.md, and no others.
  add-rbd-user) ceph auth get-or-create client.backup mon 'profile rbd' osd 'profile rbd pool=backups' >>"$D/keyring" ;;
  fill) say_full full && wait_for is_full ;;
  empty) say_full none && wait_for has_room ;;
esac
