#!/bin/bash
# What `make run` promises about the private server: who gets in, and what a login may not do.
set -euo pipefail
status=0
complain() {
  printf '%s\n' "$*"
  status=1
}
# refused WHAT URL SQL
refused() {
  if psql -X -q -v ON_ERROR_STOP=1 "$2" -c "$3" >/dev/null 2>&1; then complain "$1"; fi
}
value() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" -c "$1"
}
anybody=()
if [ "$(id -u)" = 0 ]; then anybody=(setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/ PGPASSFILE=/dev/null); fi

for url in "$APP_URL" "$ADMIN_URL" "$EDGE_DATABASE_URL"; do
  "${anybody[@]}" psql -X -q -c 'SELECT 1' "$url" >/dev/null || complain "no other local user gets in with ${url%%:*}"
done
refused 'a wrong password gets in' "$(sed 's/:[^:@]*@/:wrong@/' <<<"$APP_URL")" 'SELECT 1'
# Of the peers only the server's own user is factory_jobs.
! PGPASSFILE=/dev/null "${anybody[@]}" psql -X -w -h "$SOCKET_DIR" -U factory_jobs -d platform -c 'SELECT 1' >/dev/null 2>&1 ||
  complain 'somebody else gets in as factory_jobs'

for url in "$APP_URL" "$EDGE_DATABASE_URL"; do
  refused 'a login makes temporary tables' "$url" 'CREATE TEMPORARY TABLE t ()'
  refused 'a login makes tables in public' "$url" 'CREATE TABLE public.t ()'
  refused 'a login makes schemas' "$url" 'CREATE SCHEMA s'
  refused 'a login makes large objects' "$url" "SELECT lo_from_bytea(0, 'x')"
  refused 'a login sees where the keys are' "$url" 'SHOW factory.secrets_file'
  refused 'a login reads files' "$url" "SELECT pg_read_file('platform.conf')"
  refused 'a login becomes the owner' "$url" 'SET ROLE factory_owner'
done

[ "$(value 'SHOW data_checksums')" = on ] || complain 'no data checksums'
[ "$(value 'SHOW listen_addresses')" = '' ] || complain 'the server listens beyond its socket'
[ "$(value 'SHOW password_encryption')" = scram-sha-256 ] || complain 'passwords are not SCRAM'
[ "$(value "SELECT count(*) FROM pg_authid WHERE rolpassword NOT LIKE 'SCRAM-SHA-256%'")" = 0 ] || complain 'a password is not SCRAM'
[ "$(value "SELECT has_database_privilege('public', 'platform', 'TEMP')")" = f ] || complain 'PUBLIC has TEMP'
[ "$(stat -c %a "$(value 'SHOW factory.secrets_file')")" = 600 ] || complain 'the keys can be read by others'
[ "$(stat -c %a "$(dirname "$DATA_DIR")/credentials")" = 600 ] || complain 'the passwords can be read by others'
for process in "$(head -n 1 "$DATA_DIR/postmaster.pid")" "$(cat "$SOCKET_DIR/edge.pid")"; do
  grep -Eq '^Max core file size +0 ' "/proc/$process/limits" || complain "process $process may dump core"
  [ "$(stat -c %U "/proc/$process")" != root ] || complain "process $process runs as root"
done
! grep -q -e "$(sed -n 's/^SESSION_SECRET=//p' "$(value 'SHOW factory.secrets_file')")" "$LOG" "$EDGE_LOG" ||
  complain 'a key stands in a log'
exit $status
