#!/bin/bash
# The first secrets of a platform, sealed at once by many sessions, make one encryption key, and nobody is refused.
set -euo pipefail
fresh=first_secret
work=$(mktemp -d)
fail() {
  printf '%s\n' "$*"
  exit 1
}
admin() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" "$@"
}
there=${ADMIN_URL/\/platform\?//$fresh?}
trap 'rm -rf "$work"; admin -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS $fresh"' EXIT
admin -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS $fresh" -c "CREATE DATABASE $fresh"
psql -X -q -v ON_ERROR_STOP=1 "$there" -c 'CREATE EXTENSION platform_factory'
# The sessions wait at one door, which opens for all of them at once.
cat >"$work/put.sql" <<'SQL'
SELECT pg_advisory_lock_shared(1);
SELECT factory.platform_secret_put('secret' || :client_id, 'sealed');
SQL
for round in $(seq 40); do
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$there" \
    -c 'DELETE FROM factory.platform_secrets' -c 'DELETE FROM factory.data_keys' -c 'DELETE FROM factory.encryption_keys' \
    -c 'SELECT pg_advisory_lock(1)' -c 'SELECT pg_sleep(0.15)' >/dev/null &
  sleep 0.05
  "$("$PG_CONFIG" --bindir)/pgbench" -n -c 8 -j 2 -t 1 -f "$work/put.sql" "$there" >"$work/out" 2>&1 || fail "round $round: $(cat "$work/out")"
  wait $!
  kept=$(psql -X -q -A -t "$there" -c "SELECT count(*), count(*) FILTER (WHERE status = 'active') FROM factory.encryption_keys" -c 'SELECT secrets, unreadable FROM factory.verify_secrets()')
  [ "$kept" = $'1|1\n8|0' ] || fail "round $round: $kept"
done
