# To be sourced. Has the servers end, and their directory go, when the process OWNER has ended without saying so.
end_with_owner() {
  mkdir -p "$D/pid"
  # In a session of its own: what kills its owner's process group must not kill it, too.
  setsid bash -c 'tail --pid="$1" -f /dev/null; rm "$SERVER_DIRECTORY/guard"; "$2" stop; rm -rf "$SERVER_DIRECTORY"' \
    - "$OWNER" "$(realpath "$0")" >/dev/null 2>&1 </dev/null &
  echo $! >"$D/guard"
}
need_no_guard() {
  [ ! -f "$D/guard" ] || kill -KILL -- "-$(cat "$D/guard")" 2>/dev/null || true
}
