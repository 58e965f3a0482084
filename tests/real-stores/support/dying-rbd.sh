#!/usr/bin/env bash
# rbd, whose DYING_CALL-th call (counted in the file DYING_COUNT) kills the process that made it: before, during or after it, as
# DYING_MOMENT says. rbd itself goes on, as it does when somebody is killed who has started it.
count=$(($(cat "$DYING_COUNT" 2>/dev/null) + 1))
echo "$count" >"$DYING_COUNT"
[ "$count" = "$DYING_CALL" ] || exec rbd "$@"
case $DYING_MOMENT in
  before) kill -KILL "$PPID" ;;
  during)
    # The client sees no end of the call before its own.
    rbd "$@" <&0 &
    sleep "0.0$((RANDOM % 10))"
    kill -KILL "$PPID"
    wait
    ;;
  after)
    rbd "$@"
    kill -KILL "$PPID"
    ;;
esac
