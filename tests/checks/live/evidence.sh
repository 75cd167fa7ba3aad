#!/bin/bash
# Evidence of refused calls under fire: sessions and the worker are killed, the ring runs full, the extension and its
# database go and come again. Whoever was told of a refusal finds exactly one event of it.
set -euo pipefail
admin() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" "$@"
}
fail() {
  printf '%s\n' "$*"
  exit 1
}
worker() {
  admin -c 'SELECT worker FROM factory.evidence_status()'
}
# await_worker [OTHER_THAN]: until a worker is connected.
await_worker() {
  local pid
  for _ in $(seq 100); do
    pid=$(worker 2>/dev/null || true)
    [ -z "$pid" ] || [ "$pid" = "${1:-}" ] || return 0
    sleep 0.2
  done
  fail 'the worker does not come'
}
events() {
  admin -c "SELECT count(*) FROM factory.platform_events WHERE action = '$1' AND target_id ${2:-IS NOT NULL}"
}
clean_up() {
  admin -c 'ALTER SYSTEM RESET factory.evidence_wait' -c 'SELECT pg_reload_conf()' >/dev/null
  kill -CONT "$(worker)" 2>/dev/null || true
  admin -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS evidence_elsewhere'
}
trap clean_up EXIT
await_worker

# Refused and at once terminated, 20 times. Each attempt is known by the address that it tries.
digest() {
  printf '%s' "$1" | openssl dgst -sha256 -binary | basenc --base64url | cut -c1-22
}
for i in $(seq 20); do
  address=terminated-$RANDOM$i@example.com
  said=$(psql -X -q -A -t "$APP_URL" -c "SELECT factory.login('$address', 'a quite wrong phrase')" \
    -c 'SELECT pg_terminate_backend(pg_backend_pid())' 2>&1) || true
  grep -q 'password is wrong' <<<"$said" || fail "no refusal before the end: $said"
  admin -c 'SELECT factory.evidence_flush()' >/dev/null
  [ "$(events session.created "= '$(digest "$address")'")" = 1 ] || fail 'a terminated session has taken its event along'
done

# Refusals from four sessions at a time while the worker and sessions are terminated and killed; what was not answered, since
# the server was restarting, is not counted. Each call asks for a workspace of its own, by which its event is known.
attempts() {
  local id said number=0
  until [ -e build/evidence.over ]; do
    number=$((number + 1))
    id=$(printf '%08x-0000-7000-8000-%012x' "$1" $((RANDOM * 32768 * 512 + RANDOM * 512 + number)))
    said=$(psql -X -q -A -t "$APP_URL" -c "SELECT factory.sign_in('no token', '$id')" 2>&1) || true
    if grep -q 'access token is not valid' <<<"$said"; then printf '%s\n' "$id"; fi
  done >"build/evidence.$1"
}
rm -f build/evidence.over
for n in 1 2 3 4; do attempts $n & done
for victim in worker:TERM worker:KILL worker:TERM session:KILL; do
  sleep 1.5
  if [ "${victim%:*}" = worker ]; then
    pid=$(worker 2>/dev/null || true)
  else
    psql -X -q "$APP_URL" -c 'SELECT pg_sleep(20)' >/dev/null 2>&1 &
    sleep 0.5
    pid=$(admin -c "SELECT pid FROM pg_stat_activity WHERE usename = 'app_login' AND wait_event = 'PgSleep'" || true)
  fi
  [ -z "$pid" ] || kill "-${victim#*:}" "$pid" || true
done
sleep 1.5
touch build/evidence.over
wait
await_worker
admin -c 'SELECT factory.evidence_flush()' >/dev/null
told=$(cat build/evidence.[1-4])
[ "$(wc -l <<<"$told")" -ge 100 ] || fail "only $(wc -l <<<"$told") calls were answered: that shows little"
wrong=$(admin -v told="{$(paste -s -d, <<<"$told")}" <<'SQL'
SELECT t.id, count(e.id) FROM unnest(:'told'::text[]) AS t(id)
LEFT JOIN factory.platform_events e ON e.target_id = t.id AND e.action = 'call.refused' GROUP BY 1 HAVING count(e.id) <> 1;
SELECT 'twice', target_id FROM factory.platform_events WHERE target_type = 'tenant' AND target_id ~ '^0000000[1-4]-0000-7000' GROUP BY 2 HAVING count(*) > 1;
SQL
)
[ -z "$wrong" ] || fail "refusals that were told and have not exactly one event: $wrong"

# A full ring: denials go on and are counted, reads across workspaces are refused, and an event says how many were lost.
admin -c 'ALTER SYSTEM SET factory.evidence_wait = 0' -c 'SELECT pg_reload_conf()' >/dev/null
size=$(admin -c 'SELECT size FROM factory.evidence_status()')
before=$(events call.refused 'IS NULL')
lost=$(admin -c 'SELECT lost FROM factory.evidence_status()')
run=$RANDOM$RANDOM
tenant=$(admin -c "INSERT INTO factory.tenant_records (id, slug, name) VALUES (gen_random_uuid(), 'evidence-$run', 'Evidence') RETURNING id")
kill -STOP "$(worker)"
sleep 0.2
psql -X -q -v ON_ERROR_STOP=1 "$APP_URL" <<SQL
DO \$\$
DECLARE denied integer := 0;
BEGIN
  FOR i IN 1..$((size + 100)) LOOP
    BEGIN
      PERFORM factory.require('workspace.view');
    EXCEPTION WHEN invalid_authorization_specification THEN
      denied := denied + 1;
    END;
  END LOOP;
  IF denied <> $((size + 100)) THEN RAISE EXCEPTION 'only % were denied', denied; END IF;
END
\$\$;
SQL
if said=$(admin -c "SELECT * FROM factory.audit_of('$tenant')" 2>&1); then fail 'an operator read a workspace unseen'; fi
grep -q evidence_unavailable <<<"$said" || fail "the read was refused for another reason: $said"
[ "$(admin -c 'SELECT lost FROM factory.evidence_status()')" -ge $((lost + 100)) ] || fail 'what was lost is not counted'
kill -CONT "$(worker)"
admin -c 'SELECT factory.evidence_flush(60)' >/dev/null
sleep 0.5
[ "$(events call.refused 'IS NULL')" = $((before + size)) ] || fail "the ring held $size, $(($(events call.refused 'IS NULL') - before)) were written"
[ "$(admin -c "SELECT metadata ->> 'count' FROM factory.platform_events WHERE action = 'evidence.lost' ORDER BY id DESC LIMIT 1")" -ge 100 ] ||
  fail 'no event says how many were lost'
admin -c "SELECT * FROM factory.audit_of('$tenant')" | grep -q audit.read_by_operator || fail 'the reading is not in the log'
admin -c "DELETE FROM factory.tenant_records WHERE id = '$tenant'"

# In another database nobody writes evidence: what must be seen is refused there.
elsewhere() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "${ADMIN_URL/\/platform\?//evidence_elsewhere?}" "$@"
}
admin -c 'CREATE DATABASE evidence_elsewhere'
elsewhere -c 'CREATE EXTENSION platform_factory' \
  -c "INSERT INTO factory.tenant_records (id, slug, name) VALUES ('0190a000-0000-7000-8000-000000000001', 'one', 'One')"
if said=$(elsewhere -c "SELECT * FROM factory.audit_of('0190a000-0000-7000-8000-000000000001')" 2>&1); then fail 'read unseen elsewhere'; fi
grep -q 'names another database' <<<"$said" || fail "$said"
