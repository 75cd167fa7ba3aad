#!/bin/bash
# Apps behind PgBouncer in transaction mode: many clients of two workspaces on three connections to the server, and nobody
# sees a row of another workspace, or any row outside of a transaction that signed in. The tests of regress that make sense
# there pass through it meanwhile. What for_session does there is as bad as the documentation says.
set -euo pipefail
command -v pgbouncer >/dev/null || PATH=$PATH:/usr/sbin
place=$(dirname "$DATA_DIR")
account=$(stat -c %U "$DATA_DIR")
work=$place/pooler
pooler=
fail() {
  printf '%s\n' "$*"
  [ ! -e "$work/log" ] || tail -n 5 "$work/log"
  exit 1
}
admin() {
  psql -X -q -A -t -v ON_ERROR_STOP=1 "$ADMIN_URL" "$@"
}
as_account() {
  if [ "$(id -un)" = "$account" ]; then exec "$@"; else exec setpriv --reuid="$account" --regid="$(id -g "$account")" --init-groups "$@"; fi
}
clean_up() {
  [ -z "$pooler" ] || { kill "$pooler" && wait "$pooler"; } 2>/dev/null || true
  admin -c 'SET client_min_messages = warning' -c 'DROP SCHEMA IF EXISTS pooled CASCADE' -c 'DROP ROLE IF EXISTS pooled_owner' >/dev/null
  rm -rf "$work"
}
trap clean_up EXIT

rm -rf "$work"
install -d -o "$account" -m 755 "$work"
password_of() {
  sed 's#^[^:]*://[^:]*:\([^@]*\)@.*#\1#' <<<"$1"
}
(umask 077 && printf '"%s" "%s"\n' postgres "$(password_of "$ADMIN_URL")" app_login "$(password_of "$APP_URL")" \
  factory_edge "$(password_of "$EDGE_DATABASE_URL")" >"$work/users")
cat >"$work/ini" <<INI
[databases]
platform = host=$SOCKET_DIR dbname=platform
[pgbouncer]
unix_socket_dir = $work
listen_port = 6432
auth_type = scram-sha-256
auth_file = $work/users
logfile = $work/log
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
ignore_startup_parameters = options
INI
chown "$account" "$work/users"
(as_account pgbouncer -q "$work/ini") &
pooler=$!
pooled_url() {
  printf '%s&port=6432\n' "${1/"$SOCKET_DIR"/"$work"}"
}
for _ in $(seq 50); do
  ! psql -X -q -c 'SELECT 1' "$(pooled_url "$APP_URL")" >/dev/null 2>&1 || break
  sleep 0.1
done
psql -X -q -c 'SELECT 1' "$(pooled_url "$APP_URL")" >/dev/null || fail 'PgBouncer does not let app_login in'

# Two workspaces, an owner of each and somebody who is in both; every row bears the tag of its workspace.
run=$RANDOM$RANDOM
people=$(admin -v run="$run" <<'SQL'
SET client_min_messages = warning;
SELECT access_token AS ann FROM factory.register('pooled-ann' || :'run' || '@example.com', 'a quite long phrase', 'Ann') \gset
SELECT access_token AS ben FROM factory.register('pooled-ben' || :'run' || '@example.com', 'a quite long phrase', 'Ben') \gset
SELECT access_token AS cay FROM factory.register('pooled-cay' || :'run' || '@example.com', 'a quite long phrase', 'Cay') \gset
BEGIN;
SELECT factory.sign_in(:'ann') AS ignored \gset
SELECT id AS red FROM factory.create_tenant('red') \gset
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ben') AS ignored \gset
SELECT id AS blue FROM factory.create_tenant('blue') \gset
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ann', :'red') AS ignored \gset
SELECT token AS to_red FROM factory.create_invitation('pooled-cay' || :'run' || '@example.com', 'admin') \gset
COMMIT;
BEGIN;
SELECT factory.sign_in(:'ben', :'blue') AS ignored \gset
SELECT token AS to_blue FROM factory.create_invitation('pooled-cay' || :'run' || '@example.com', 'admin') \gset
COMMIT;
BEGIN;
SELECT factory.sign_in(:'cay') AS ignored \gset
SELECT role AS ignored FROM factory.accept_invitation(:'to_red') \gset
COMMIT;
BEGIN;
SELECT factory.sign_in(:'cay') AS ignored \gset
SELECT role AS ignored FROM factory.accept_invitation(:'to_blue') \gset
COMMIT;
DELETE FROM factory.outbox_queue;
DROP SCHEMA IF EXISTS pooled CASCADE;
DROP ROLE IF EXISTS pooled_owner;
CREATE ROLE pooled_owner IN ROLE factory_operator;
CREATE SCHEMA pooled AUTHORIZATION pooled_owner;
GRANT USAGE ON SCHEMA pooled TO factory_app;
SET SESSION AUTHORIZATION pooled_owner;
CREATE TABLE pooled.rows (tenant_id uuid NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, tag text NOT NULL, note text, PRIMARY KEY (tenant_id, id));
GRANT SELECT, INSERT, UPDATE, DELETE ON pooled.rows TO factory_app;
SELECT factory.protect('pooled.rows') AS ignored \gset
RESET SESSION AUTHORIZATION;
INSERT INTO pooled.rows (tenant_id, tag) SELECT t, tag FROM (VALUES (:'red'::uuid, 'red'), (:'blue', 'blue')) v(t, tag), generate_series(1, 5);
SELECT json_build_array(json_build_object('token', :'ann', 'tenants', json_build_object('red', :'red')),
                        json_build_object('token', :'ben', 'tenants', json_build_object('blue', :'blue')),
                        json_build_object('token', :'cay', 'tenants', json_build_object('red', :'red', 'blue', :'blue')));
SQL
)

## clients by the simple protocol, others by unnamed statements of the extended one, and regress, all at once

POOLED_URL=$(pooled_url "$APP_URL") PEOPLE=$people /usr/bin/python3 tests/checks/pgbouncer/clients.py 10 >"$work/clients" 2>&1 &
clients=$!
cat >"$work/unnamed.sql" <<'SQL'
SELECT 1 / (factory.tenant_id() IS NULL AND (SELECT count(*) FROM pooled.rows) = 0)::int;
BEGIN;
SELECT factory.sign_in(:token, (:tenant)::uuid);
SELECT 1 / (count(*) > 0 AND bool_and(tag = :tag))::int FROM pooled.rows;
INSERT INTO pooled.rows (tag) VALUES (:tag);
SELECT 1 / (count(*) = 1 AND bool_and(name = :tag))::int FROM factory.tenants;
END;
SQL
field() {
  /usr/bin/python3 -c 'import json, sys; people = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' "$people" "$1"
}
unnamed() {
  "$("$PG_CONFIG" --bindir)/pgbench" -n -M extended -c 4 -T 8 -D token="$(field "people[$2]['token']")" -D tag="$1" \
    -D tenant="$(field "people[$2]['tenants']['$1']")" -f "$work/unnamed.sql" "$(pooled_url "$APP_URL")" >"$work/$1" 2>&1
}
unnamed red 0 &
red=$!
unnamed blue 1 &
blue=$!
# Of regress those that keep to transactions. The others set roles, paths, prepared statements or a context for the session,
# or look at how it was opened, and would meet what another one has left there.
through=(audit invitation mail quota routing secrets tenancy)
stage=build/pooled
rm -rf "$stage"
mkdir -p "$stage"
ln -s "$PWD/regress" "$stage/sql"
ln -s "$PWD/expected" "$stage/expected"
"$("$PG_CONFIG" --pkglibdir)/pgxs/src/test/regress/pg_regress" --use-existing --dbname=platform --host="$work" --port=6432 \
  --user=postgres --bindir="$("$PG_CONFIG" --bindir)" --inputdir="$stage" --outputdir="$stage" "${through[@]}" >"$work/regress" 2>&1 || {
  head -n 100 "$stage/regression.diffs"
  fail "$(cat "$work/regress")"
}
wait $clients || fail "clients: $(cat "$work/clients")"
wait $red || fail "unnamed statements in red: $(tail -n 5 "$work/red")"
wait $blue || fail "unnamed statements in blue: $(tail -n 5 "$work/blue")"
cat "$work/clients"

# Whatever was written stands in the workspace of its tag.
wrong=$(admin -v people="$people" <<'SQL'
SELECT count(*) FROM pooled.rows r WHERE NOT EXISTS (
  SELECT FROM json_array_elements(:'people') p, json_each_text(p -> 'tenants') t WHERE t.key = r.tag AND t.value::uuid = r.tenant_id)
SQL
)
[ "$wrong" = 0 ] || fail "$wrong rows stand in another workspace"

## for_session: the next client of the pool has the context, which is why the documentation says never

token=$(field "people[0]['token']") tenant=$(field "people[0]['tenants']['red']")
psql -X -q -A -t "$(pooled_url "$APP_URL")" -c "SELECT factory.sign_in('$token', '$tenant', for_session => true)" >/dev/null
inherited=
for _ in $(seq 10); do
  inherited=$(psql -X -q -A -t "$(pooled_url "$APP_URL")" -c 'SELECT factory.tenant_id()')
  [ "$inherited" != "$tenant" ] || break
done
[ "$inherited" = "$tenant" ] || fail 'for_session no longer leaks to the next client: say so in docs/context.md and docs/install.md'
for page in docs/context.md docs/install.md; do
  tr '\n' ' ' <"$page" | tr -s ' ' | grep -q 'context \(stays\|would stay\) on the server connection' || fail "$page does not warn of for_session behind a pooler"
done
