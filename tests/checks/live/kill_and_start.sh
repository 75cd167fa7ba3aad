#!/bin/bash
# The server killed hard: starting again waits for the orphans, nothing acknowledged is lost, and the edge heals.
set -euo pipefail
value() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" -c "$1"
}
ready() {
  [ "$(curl -s -o /dev/null --max-time 5 -w '%{http_code}' "$EDGE_URL/readyz")" = 200 ]
}
await() {
  local deadline=$((SECONDS + $1))
  until "${@:2}"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.2
  done
}
await 5 ready || { printf 'the edge was not ready before\n' && exit 1; }
value 'CREATE TABLE public.acknowledged AS SELECT 1 AS n' >/dev/null
trap 'value "DROP TABLE IF EXISTS public.acknowledged" >/dev/null' EXIT

old=$(head -n 1 "$DATA_DIR/postmaster.pid")
kill -9 "$old"
control/platform server >build/kill_and_start.log 2>&1 || { cat build/kill_and_start.log && exit 1; }
[ "$(head -n 1 "$DATA_DIR/postmaster.pid")" != "$old" ] || { printf 'the server is the same\n' && exit 1; }
[ "$(value 'SELECT n FROM public.acknowledged')" = 1 ] || { printf 'what was acknowledged is lost\n' && exit 1; }
await 5 ready || { printf 'the edge did not heal within 5 s\n' && exit 1; }

# A pid file whose number belongs to another process by now does not keep the server down.
control/platform stop >/dev/null
sed "1s/.*/$$/" >"$DATA_DIR/postmaster.pid" <<<"0"
control/platform server >build/kill_and_start.log 2>&1 || { cat build/kill_and_start.log && exit 1; }
control/platform edge >build/kill_and_start.log 2>&1 || { cat build/kill_and_start.log && exit 1; }
begin=$(date +%s%N)
control/platform server >/dev/null && control/platform edge >/dev/null
[ $((($(date +%s%N) - begin) / 1000000)) -lt 10000 ] || { printf 'a second start took 10 s or more\n' && exit 1; }
